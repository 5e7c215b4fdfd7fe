"""Exact amounts become written ones, once, by the policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Context, Decimal

from ocpi.tariffs.breakdown import Amount, Breakdown, Bucket
from ocpi.tariffs.policy import DEFAULT, PricingPolicy
from ocpi.types import Price

_MIN_DIGITS = Decimal("0.01")
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


def money(value: Decimal, policy: PricingPolicy = DEFAULT) -> Decimal:
    """Round an exact amount as it is written: at most ``policy.money_digits`` decimals, at least two if
    allowed.

    Example: ``5.6375 -> 5.6375``, ``7 -> 7.00``, ``0.1666… -> 0.1667``.
    """
    rounded = value.quantize(
        Decimal(1).scaleb(-policy.money_digits), rounding=policy.money_rounding.value, context=_WIDE
    )
    short = rounded.normalize(_WIDE)
    if policy.money_digits >= 2:
        if short.as_tuple().exponent > -2:  # type: ignore[operator]  # finite: the engine refuses NaN
            short = short.quantize(_MIN_DIGITS, context=_WIDE)
    elif short.as_tuple().exponent > 0:  # type: ignore[operator]
        short = short.quantize(Decimal(1), context=_WIDE)
    return short.copy_abs() if short.is_zero() else short


def wire_price(amount: Amount, policy: PricingPolicy = DEFAULT) -> Price:
    """Return the OCPI Price of an exact amount; ``incl_vat`` stays absent where no VAT applies."""
    return Price(
        excl_vat=money(amount.excl_vat, policy),
        incl_vat=None if amount.incl_vat is None else money(amount.incl_vat, policy),
    )


def wire_costs(breakdown: Breakdown, policy: PricingPolicy = DEFAULT) -> WireCosts:
    """Return all cost fields of a CDR, each rounded from its exact amount.

    Written parts may therefore differ from the written total by less than one unit of the last digit per
    part; where min_price or max_price acted they differ by more (:attr:`Breakdown.findings` says so).
    """
    parts: Mapping[Bucket, Amount] = breakdown.parts

    def part(bucket: Bucket) -> Price | None:
        amount = parts.get(bucket)
        return None if amount is None else wire_price(amount, policy)

    return WireCosts(
        total_cost=wire_price(breakdown.total, policy),
        total_fixed_cost=part(Bucket.FIXED),
        total_energy_cost=part(Bucket.ENERGY),
        total_time_cost=part(Bucket.TIME),
        total_parking_cost=part(Bucket.PARKING),
        total_reservation_cost=part(Bucket.RESERVATION),
    )
