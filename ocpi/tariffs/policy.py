"""What the specification leaves open about money, as one object that every report names.

OCPI has no rounding rule for money: "left to law, contract and currency" (2.2.1 mod_types, Price, and
ocpi/ocpi#401). Partners therefore differ by cents; what differs between partners is a field here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from enum import StrEnum


class MoneyRounding(StrEnum):
    """How an exact amount becomes a written one. Ties only; nothing is ever cut off."""

    HALF_UP = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN


class MissingMeasurement(StrEnum):
    """What a power or current restriction means where the period carries no power or current.

    Engines differ (ocpi-kit: does not match; tandemdrive: matches), so it is a finding in any case.
    """

    DOES_NOT_MATCH = "does_not_match"
    MATCHES = "matches"


class MeasuredRange(StrEnum):
    """How a period whose power or current ranges over the limit of a restriction is decided.

    The restriction speaks of the momentary value; a period has only its lowest and highest.
    """

    AT_SOME_MOMENT = "at_some_moment"
    """``MAX_* >= min``, ``MIN_* < max``: complementary restrictions always cover it (tandemdrive 0.49)."""
    THROUGHOUT = "throughout"
    """``MIN_* >= min``, ``MAX_* < max``: a ramp-up may be left without a price (tandemdrive 0.6)."""


class FlatFee(StrEnum):
    """How often FLAT is billed apart from reservations (ocpi/ocpi#176, #390)."""

    ONCE_PER_SESSION = "once_per_session"
    ONCE_PER_TARIFF = "once_per_tariff"


@dataclass(frozen=True, slots=True)
class PricingPolicy:
    """One agreement about everything that the specification leaves open.

    Attributes:
        name: Stands in every report.
        money_digits: Decimals of a written amount; OCPI numbers carry four (2.2.1 types, number).
        money_rounding: Applied once, to each written amount.
        missing_measurement: Power and current restrictions without measurements.
        measured_range: Power and current restrictions inside the measured range.
        flat_fee: How often FLAT is billed.
        tolerance: Largest difference between a claimed and a computed amount that counts as equal. Half a
            cent by default, because a partner may write two decimals.
    """

    name: str = "default"
    money_digits: int = 4
    money_rounding: MoneyRounding = MoneyRounding.HALF_UP
    missing_measurement: MissingMeasurement = MissingMeasurement.DOES_NOT_MATCH
    measured_range: MeasuredRange = MeasuredRange.AT_SOME_MOMENT
    flat_fee: FlatFee = FlatFee.ONCE_PER_SESSION
    tolerance: Decimal = Decimal("0.005")


DEFAULT = PricingPolicy()
"""The policy used where no other was agreed."""
