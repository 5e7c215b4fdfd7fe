"""Exact amounts become written ones, once, by the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from ocpi.tariffs.breakdown import Amount, Breakdown, Bucket, TaxLine
from ocpi.tariffs.errors import NetUnknownError
from ocpi.tariffs.policy import DEFAULT, MAX_MONEY_DIGITS, PricingPolicy
from ocpi.types import Price, TaxAmount

VAT = "VAT"
"""Name of a tax line: the only tax that a tariff of any version names."""

_UNITS = tuple(Decimal(1).scaleb(-digits) for digits in range(MAX_MONEY_DIGITS + 1))
_MIN_DIGITS = 2
"""Amounts are written with at least two decimals (7.00), as in the examples of the specification."""

_WIDE = Context(
    prec=1100
)  # an exact amount may have 1000 digits; quantize refuses to lose any before the point


@dataclass(frozen=True, slots=True)
class WireCosts:
    """The cost fields of a CDR (2.2.1 mod_cdrs, CDR object); ``None`` = the field does not apply."""

    total_cost: Price
    total_fixed_cost: Price | None
    total_energy_cost: Price | None
    total_time_cost: Price | None
    total_parking_cost: Price | None
    total_reservation_cost: Price | None


@dataclass(frozen=True, slots=True)
class WrittenCosts:
    """The cost fields of a CDR as rounded amounts, for reports: an amount without taxes may be unknown."""

    total_cost: Amount
    total_fixed_cost: Amount | None
    total_energy_cost: Amount | None
    total_time_cost: Amount | None
    total_parking_cost: Amount | None
    total_reservation_cost: Amount | None


def money(value: Decimal, policy: PricingPolicy = DEFAULT) -> Decimal:
    """Round an exact amount as it is written: at most ``policy.money_digits`` decimals, at least two if
    allowed.

    Example: ``5.6375 -> 5.6375``, ``7 -> 7.00``, ``0.1666… -> 0.1667``.
    """
    digits = policy.money_digits
    rounding = policy.money_rounding
    rounded = value.quantize(_UNITS[digits], rounding, _WIDE)
    fewest = _MIN_DIGITS if digits >= _MIN_DIGITS else 0
    if not rounded:
        return _UNITS[fewest] * 0
    for fewer in range(fewest, digits):
        short = rounded.quantize(_UNITS[fewer], rounding, _WIDE)
        if short == rounded:
            return short
    return rounded


def written_amount(amount: Amount, policy: PricingPolicy = DEFAULT) -> Amount:
    """Return an amount as it is written; its tax lines still sum to the difference of both sides.

    What rounding each tax leaves over goes to the largest, where it weighs least.
    """
    net = None if amount.excl_vat is None else money(amount.excl_vat, policy)
    gross = None if amount.incl_vat is None else money(amount.incl_vat, policy)
    if net is None or gross is None or not amount.taxes:
        return Amount(net, gross)
    taxes = [money(line.amount, policy) for line in amount.taxes]
    rest = _WIDE.subtract(_WIDE.subtract(gross, net), _sum(taxes))
    if rest:
        largest = max(range(len(taxes)), key=lambda place: taxes[place].copy_abs())
        taxes[largest] = _WIDE.add(taxes[largest], rest)
    return Amount(
        net, gross, tuple(TaxLine(line.percent, tax) for line, tax in zip(amount.taxes, taxes, strict=True))
    )


def _sum(values: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for value in values:
        total = _WIDE.add(total, value)
    return total


def written_costs(breakdown: Breakdown, policy: PricingPolicy = DEFAULT) -> WrittenCosts:
    """Return all cost fields of a CDR, each rounded from its exact amount.

    Written parts may therefore differ from the written total by less than one unit of the last digit per
    part, unless the policy rounds parts or lines; where min_price or max_price acted they differ by more
    (:attr:`Breakdown.findings` says so).

    Args:
        breakdown: Priced with the same policy.
        policy: ``money_digits``, ``money_rounding``, ``currency_digits``.
    """
    policy = policy.for_currency(breakdown.currency)
    parts: Mapping[Bucket, Amount] = breakdown.parts

    def part(bucket: Bucket) -> Amount | None:
        amount = parts.get(bucket)
        return None if amount is None else written_amount(amount, policy)

    return WrittenCosts(
        total_cost=written_amount(breakdown.total, policy),
        total_fixed_cost=part(Bucket.FIXED),
        total_energy_cost=part(Bucket.ENERGY),
        total_time_cost=part(Bucket.TIME),
        total_parking_cost=part(Bucket.PARKING),
        total_reservation_cost=part(Bucket.RESERVATION),
    )


def wire_price(amount: Amount, policy: PricingPolicy = DEFAULT) -> Price:
    """Return the OCPI Price of an exact amount; ``incl_vat`` stays absent where no VAT applies.

    Raises:
        NetUnknownError: Prices include taxes of unknown rate.
    """
    return _price(written_amount(amount, policy))


def _price(amount: Amount) -> Price:
    if amount.excl_vat is None:
        raise NetUnknownError("net_unknown")
    return Price(excl_vat=amount.excl_vat, incl_vat=amount.incl_vat)


def wire_taxes(amount: Amount) -> tuple[TaxAmount, ...]:
    """Return the tax lines of a written amount in the words of 2.3.0."""
    return tuple(TaxAmount(name=VAT, percentage=line.percent, amount=line.amount) for line in amount.taxes)


def wire_costs(
    breakdown: Breakdown, policy: PricingPolicy = DEFAULT, *, with_taxes: bool = False
) -> WireCosts:
    """Return all cost fields of a CDR as Prices (:func:`written_costs`).

    Args:
        breakdown: Priced with the same policy.
        policy: See :func:`written_costs`.
        with_taxes: Fill in the tax lines that 2.3.0 writes.

    Raises:
        NetUnknownError: Prices include taxes of unknown rate: a Price needs the amount before taxes.
    """
    written = written_costs(breakdown, policy)

    def price(amount: Amount) -> Price:
        plain = _price(amount)
        return plain.model_copy(update={"taxes": wire_taxes(amount)}) if with_taxes else plain

    def part(amount: Amount | None) -> Price | None:
        return None if amount is None else price(amount)

    return WireCosts(
        total_cost=price(written.total_cost),
        total_fixed_cost=part(written.total_fixed_cost),
        total_energy_cost=part(written.total_energy_cost),
        total_time_cost=part(written.total_time_cost),
        total_parking_cost=part(written.total_parking_cost),
        total_reservation_cost=part(written.total_reservation_cost),
    )
