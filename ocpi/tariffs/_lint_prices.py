"""Lints of prices, steps, limits and taxes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.tariff import TariffDimensionType, TaxIncluded
from ocpi.tariffs._lint_codes import LintCode
from ocpi.tariffs._lint_context import Linted
from ocpi.types import Price

_ENERGY, _TIME = TariffDimensionType.ENERGY, TariffDimensionType.TIME
_PARKING, _FLAT = TariffDimensionType.PARKING_TIME, TariffDimensionType.FLAT

_DECIMALS = 4
"""OCPI numbers carry four decimals (2.2.1 types chapter, number); partners cut the rest."""

_MAX_VAT = Decimal(30)
"""The highest general rate in the world is 27 % (Hungary)."""

_MAIN_CURRENCIES = frozenset({"EUR", "USD", "GBP", "CHF"})
_HIGHEST = {_ENERGY: Decimal(5), _TIME: Decimal(200), _PARKING: Decimal(200), _FLAT: Decimal(100)}
"""Beyond these, a price in one of the main currencies was probably meant in its hundredth part."""


def step_lints(linted: Linted) -> Iterator[Finding]:
    """Yield steps that mean nothing or something else than they seem."""
    for place, component, _ in linted.components():
        if component.type is _FLAT and component.step_size > 1:
            yield note(LintCode.FLAT_STEP_SIZE, f"{place}/step_size", step_size=component.step_size)
        elif component.type is not _FLAT and component.step_size == 0:
            yield note(LintCode.ZERO_STEP_SIZE, f"{place}/step_size", dimension=component.type)
    for dimension, candidates in linted.compiled.session.items():
        used = [item for item in candidates if linted.reach.reachable(item)]
        other = next((item for item in used if item.step_size != used[0].step_size), None)
        if other is not None and dimension is not _FLAT:
            yield warning(
                LintCode.STEP_SIZES_DIFFER,
                f"/elements/{other.element}/price_components/{other.component}/step_size",
                dimension=dimension,
                first=used[0].step_size,
                other=other.step_size,
            )
    timed = [item for item in linted.compiled.session.get(_TIME, ()) if item.step_size > 1]
    if timed and linted.compiled.session.get(_PARKING):
        yield note(
            LintCode.UNUSED_TIME_STEP_SIZE,
            f"/elements/{timed[0].element}/price_components/{timed[0].component}/step_size",
            step_size=timed[0].step_size,
        )


def price_lints(linted: Linted) -> Iterator[Finding]:
    """Yield prices that are probably not meant."""
    known_currency = linted.tariff.currency.upper() in _MAIN_CURRENCIES
    for place, component, _ in linted.components():
        price = component.price
        where, written = f"{place}/price", f"{price:f}"
        if price < 0:
            yield warning(LintCode.NEGATIVE_PRICE, where, price=written)
        if known_currency and price >= _HIGHEST[component.type]:
            yield warning(
                LintCode.IMPLAUSIBLE_PRICE,
                where,
                price=written,
                currency=linted.tariff.currency,
                dimension=component.type,
            )
        if _decimals(price) > _DECIMALS:
            yield warning(LintCode.PRICE_DECIMALS, where, price=written, decimals=_DECIMALS)
    if linted.has_price(_FLAT) and not any(linted.has_price(kind) for kind in (_ENERGY, _TIME, _PARKING)):
        yield warning(LintCode.NOTHING_PRICED_BY_USE, "/elements")
    fees = [item for item in linted.compiled.session.get(_FLAT, ()) if linted.reach.reachable(item)]
    if len(fees) > 1:
        yield warning(
            LintCode.SEVERAL_FLAT_FEES,
            f"/elements/{fees[1].element}/price_components/{fees[1].component}",
            elements=", ".join(str(item.element) for item in fees),
        )


def _decimals(number: Decimal) -> int:
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent >= 0:
        return 0
    zeros = 0
    for digit in reversed(digits):
        if digit or zeros == -exponent:
            break
        zeros += 1
    return -exponent - zeros if any(digits) else 0


def limit_lints(linted: Linted) -> Iterator[Finding]:
    """Yield limits of the total that contradict each other or themselves."""
    low, high = linted.tariff.min_price, linted.tariff.max_price
    for name, limit in (("min_price", low), ("max_price", high)):
        if limit is not None and limit.incl_vat is not None and limit.incl_vat < limit.excl_vat:
            yield problem(
                LintCode.LIMIT_TAXES_NEGATIVE,
                f"/{name}",
                field=name,
                excl=f"{limit.excl_vat:f}",
                incl=f"{limit.incl_vat:f}",
            )
    if low is not None and high is not None:
        yield from _crossing(low, high)


def _crossing(low: Price, high: Price) -> Iterator[Finding]:
    for side in ("excl_vat", "incl_vat"):
        least, most = getattr(low, side), getattr(high, side)
        if least is not None and most is not None and least > most:
            yield problem(
                LintCode.PRICE_LIMITS_CROSS, "/min_price", side=side, low=f"{least:f}", high=f"{most:f}"
            )
            return


def tax_lints(linted: Linted) -> Iterator[Finding]:
    """Yield tax rates that contradict ``tax_included`` or are none."""
    kind = linted.tariff.tax_included
    rates = [component.vat for _, component, _ in linted.components()]
    partly = None in rates and any(rate is not None for rate in rates)
    first_without = next((place for place, component, _ in linted.components() if component.vat is None), "")
    if kind is TaxIncluded.YES and None in rates:
        yield warning(LintCode.TAX_INCLUDED_WITHOUT_RATE, first_without)
    elif partly and kind is not TaxIncluded.NOT_APPLICABLE:
        yield warning(LintCode.VAT_ONLY_PARTLY, first_without)
    for place, component, _ in linted.components():
        vat = component.vat
        if vat is None:
            continue
        where = f"{place}/vat"
        if kind is TaxIncluded.NOT_APPLICABLE:
            yield warning(LintCode.TAX_RATE_WITHOUT_TAX, where, vat=f"{vat:f}")
        if vat < 0 or 0 < vat < 1 or vat > _MAX_VAT:
            yield warning(LintCode.IMPLAUSIBLE_VAT, where, vat=f"{vat:f}")
