"""min_price and max_price of a tariff (2.2.1 mod_tariffs, Tariff object; 2.3.0 PriceLimit).

Both bound the total of the session, without and with taxes independently; no line changes. First the minimum,
then the maximum. Where a limit has no amount with taxes no rule is given: then only the amount without is
bound and the one with taxes follows at the effective rate of the session. Where the amount without taxes is
unknown (prices include taxes of unknown rate), only the one with taxes is bound.
"""

from __future__ import annotations

from decimal import Decimal

from ocpi.findings import Finding, note, warning
from ocpi.tariffs.breakdown import Amount, TaxLine
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.exact import QUOTIENT
from ocpi.types import Price


def apply_limits(total: Amount, tariff: CompiledTariff) -> tuple[Amount, list[Finding]]:
    """Return the total after min_price and max_price, and what was done.

    Args:
        total: What the limits bound. ``incl_vat`` ``None``: a limit with taxes is ignored.
        tariff: The one tariff of the session.
    """
    findings: list[Finding] = []
    net, gross = total.excl_vat, total.incl_vat
    for limit, raises, code in (
        (tariff.min_price, True, TariffCode.RAISED_TO_MIN_PRICE),
        (tariff.max_price, False, TariffCode.LOWERED_TO_MAX_PRICE),
    ):
        if limit is None:
            continue
        if net is None and limit.incl_vat is None:
            field = "min_price" if raises else "max_price"
            findings.append(
                warning(TariffCode.LIMIT_NOT_DECIDABLE, "", tariff_id=tariff.tariff_id, field=field)
            )
            continue
        before = (net, gross)
        net, gross = _bound(net, gross, limit, raises, tariff.single_vat)
        if (net, gross) == before:
            continue
        findings.append(note(code, "", tariff_id=tariff.tariff_id, limit=_text(limit)))
        if gross is None and before[1] is not None:
            findings.append(warning(TariffCode.LIMIT_VAT_UNKNOWN, "", tariff_id=tariff.tariff_id))
    if (net, gross) == (total.excl_vat, total.incl_vat):
        return total, findings
    taxes, split = _taxes(net, gross, total.taxes, tariff)
    return Amount(net, gross, taxes), findings + split


def _bound(
    net: Decimal | None, gross: Decimal | None, limit: Price, raises: bool, single_vat: Decimal | None
) -> tuple[Decimal | None, Decimal | None]:
    choose = max if raises else min
    bound = None if net is None else choose(net, limit.excl_vat)
    if gross is None:
        return bound, None
    if limit.incl_vat is not None:
        return bound, choose(gross, limit.incl_vat)
    if net is None or bound is None or bound == net:
        return net, gross
    if net != 0:
        return bound, QUOTIENT.divide(bound * gross, net)
    return bound, None if single_vat is None else bound * (1 + single_vat / 100)


def _taxes(
    net: Decimal | None, gross: Decimal | None, before: tuple[TaxLine, ...], tariff: CompiledTariff
) -> tuple[tuple[TaxLine, ...], list[Finding]]:
    """Return the tax lines of a bound total: they must sum to the difference (tariffs facts §10).

    One rate takes it all; of several, nobody says how they share it, so that it becomes one line without a
    rate.
    """
    if net is None or gross is None:
        return (), []
    rates = {line.percent for line in before} or {tariff.single_vat}
    rate = rates.pop() if len(rates) == 1 else None
    if rate is not None:
        return (TaxLine(rate, gross - net),), []
    if gross == net:
        return (), []
    return (
        (TaxLine(None, gross - net),),
        [warning(TariffCode.TAX_SPLIT_UNDEFINED, "", tariff_id=tariff.tariff_id)],
    )


def _text(limit: Price) -> str:
    return str(limit.excl_vat) if limit.incl_vat is None else f"{limit.excl_vat} / {limit.incl_vat}"
