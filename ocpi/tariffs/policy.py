"""What the specification leaves open about money, as one object that every report names.

OCPI has no rounding rule for money: "left to law, contract and currency" (2.2.1 mod_types, Price, and
ocpi/ocpi#401). Partners therefore differ by cents; what differs between partners is a field here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal, InvalidOperation
from enum import StrEnum
from functools import lru_cache
from typing import Any

from ocpi.tariffs.currencies import minor_digits
from ocpi.tariffs.errors import PolicyError

MAX_MONEY_DIGITS = 12
"""Most decimals of a written amount; no partner reads more, and a typing error should not pass."""


class MoneyRounding(StrEnum):
    """How an exact amount becomes a written one. Ties only; nothing is ever cut off."""

    HALF_UP = ROUND_HALF_UP
    HALF_EVEN = ROUND_HALF_EVEN


class RoundingScope(StrEnum):
    """Which amounts are rounded from their exact value; the sums above them add up what was rounded."""

    TOTAL = "total"
    """Each written amount from its exact value: no error adds up, but parts may miss the total by a digit."""
    PART = "part"
    """Each ``total_*_cost``; ``total_cost`` is their sum. For partners that add up the parts."""
    LINE = "line"
    """Each line of the breakdown, as on an invoice."""


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


class UnpricedGaps(StrEnum):
    """Whether a quantity without an active component counts towards the total that step_size rounds up.

    ocpi/ocpi#424 asks, nobody answers.
    """

    EXCLUDED = "excluded"
    INCLUDED = "included"


class TimeStep(StrEnum):
    """Which of TIME and PARKING_TIME is rounded up where a session is priced by both (gotcha 11b)."""

    LAST_PRICED = "last_priced"
    """That of the last priced period (mod_cdrs, step_size)."""
    PARKING = "parking"
    """Always PARKING_TIME, also if charging resumes (PriceComponent note; tandemdrive, ocpi-kit)."""


class StepScope(StrEnum):
    """What step_size rounds up."""

    SESSION = "session"
    """Once per session and dimension (2.2.1 mod_cdrs, step_size)."""
    COMPONENT = "component"
    """Each price component its own quantity: the reading of 2.1.1, which has no session rule (gotcha 11)."""


class LimitScope(StrEnum):
    """What min_price and max_price bound."""

    WITH_RESERVATION = "with_reservation"
    WITHOUT_RESERVATION = "without_reservation"


class ExtensionRounding(StrEnum):
    """Whether ``price_round`` and ``step_round`` of a component (Gireve) are used."""

    APPLIED = "applied"
    IGNORED = "ignored"


class CalibrationLaw(StrEnum):
    """What happens to prices that German calibration law does not allow (:mod:`ocpi.tariffs.law`)."""

    NOT_CHECKED = "not_checked"
    FLAGGED = "flagged"
    """The price is computed, each offence is a finding of severity ``error``."""
    REFUSED = "refused"
    """There is no price: :class:`~ocpi.tariffs.errors.NotBillableError`."""


HALF_A_CENT = Decimal("0.005")
"""Default tolerance; see :meth:`PricingPolicy.tolerance_in`."""


@dataclass(frozen=True, slots=True)
class PricingPolicy:
    """One agreement about everything that the specification leaves open.

    Attributes:
        name: Stands in every report.
        money_digits: Decimals of a written amount. Four, because OCPI numbers carry four (2.2.1 types, number)
            and every digit that is dropped is a difference to a partner who keeps it.
        currency_digits: Write as many decimals as the currency has (EUR 2, JPY 0) instead. Off, for the same
            reason.
        money_rounding: Applied once, to each written amount. Half up, as the examples of the specification.
        rounding_scope: Which amounts are rounded. The totals, because nothing then adds up (ocpi/ocpi#401).
        missing_measurement: Power and current restrictions without measurements. They do not match: a price
            for fast charging must not be charged on no evidence.
        measured_range: Power and current restrictions inside the measured range. At some moment, because then
            complementary restrictions leave no gap.
        flat_fee: How often FLAT is billed. Once per session: a start fee is for starting.
        unpriced_gaps: In step rounding. Excluded, because what costs nothing is not billed in blocks either.
        time_step: TIME or PARKING_TIME. The last priced one: mod_cdrs, step_size, is the newer text.
        step_scope: Once per session: 2.2.1 says so.
        limits: What min_price and max_price bound. The whole session, reservation included: ``total_cost`` is.
        extension_rounding: Gireve's fields. Applied: who writes them into a tariff means them; a note says so.
        tolerance: Largest difference between a claimed and a computed amount that counts as equal. Half a
            cent by default, because a partner may write two decimals, and half a yen where there is nothing
            smaller (:meth:`tolerance_in`).
        law: German calibration law. Not checked, because a tariff may be for another country.
        energy_resolution_wh: Smallest energy that the meter signs, for ``law``. 1 Wh: finer is not expressible.
        time_certified: The meter's clock and durations may be used for prices, for ``law``. No: most
            certificates cover energy only (law facts §3, §5).
    """

    name: str = "default"
    money_digits: int = 4
    money_rounding: MoneyRounding = MoneyRounding.HALF_UP
    missing_measurement: MissingMeasurement = MissingMeasurement.DOES_NOT_MATCH
    measured_range: MeasuredRange = MeasuredRange.AT_SOME_MOMENT
    flat_fee: FlatFee = FlatFee.ONCE_PER_SESSION
    tolerance: Decimal = HALF_A_CENT
    currency_digits: bool = False
    rounding_scope: RoundingScope = RoundingScope.TOTAL
    unpriced_gaps: UnpricedGaps = UnpricedGaps.EXCLUDED
    time_step: TimeStep = TimeStep.LAST_PRICED
    step_scope: StepScope = StepScope.SESSION
    limits: LimitScope = LimitScope.WITH_RESERVATION
    extension_rounding: ExtensionRounding = ExtensionRounding.APPLIED
    law: CalibrationLaw = CalibrationLaw.NOT_CHECKED
    energy_resolution_wh: Decimal = Decimal(1)
    time_certified: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.money_digits <= MAX_MONEY_DIGITS:
            raise PolicyError("bad_setting", f"money_digits: {self.money_digits}")

    def tolerance_in(self, currency: str) -> Decimal:
        """Return the tolerance; the default one is half of the smallest unit that the currency has, if larger."""
        if self.tolerance != HALF_A_CENT:
            return self.tolerance
        return max(HALF_A_CENT, Decimal(5).scaleb(-minor_digits(currency) - 1))

    def for_currency(self, currency: str) -> PricingPolicy:
        """Return the policy with the digits of a currency, if it asks for them; else the policy itself."""
        if not self.currency_digits:
            return self
        return replace(self, money_digits=minor_digits(currency), currency_digits=False)


DEFAULT = PricingPolicy()
"""The policy used where no other was agreed."""

GERMAN_CALIBRATION_LAW = PricingPolicy(name="german-calibration-law", law=CalibrationLaw.FLAGGED)
"""Says what of a price may not be billed in Germany (law facts §3, §5, §11)."""

CENTS = PricingPolicy(name="cents", currency_digits=True, rounding_scope=RoundingScope.PART)
"""For partners that write and add up amounts of the currency's minor unit."""

OCPI_2_1_1 = PricingPolicy(name="ocpi-2.1.1", step_scope=StepScope.COMPONENT)
"""For 2.1.1 partners that read step_size per price component (gotcha 11)."""

POLICIES: Mapping[str, PricingPolicy] = {
    policy.name: policy for policy in (DEFAULT, GERMAN_CALIBRATION_LAW, CENTS, OCPI_2_1_1)
}
"""Policies by name."""

MAX_NAME_CHARACTERS = 100
"""Longest name of a policy: it stands in every report."""


@lru_cache(maxsize=64)
def policy_settings(policy: PricingPolicy) -> Mapping[str, str]:
    """Return every field of a policy but its name, as text for a report."""
    return {item.name: _text(getattr(policy, item.name)) for item in fields(policy) if item.name != "name"}


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def policy_from(source: str | Mapping[str, Any]) -> PricingPolicy:
    """Return a policy by name, or one that a partner's settings describe.

    Args:
        source: A name of :data:`POLICIES`, or fields of :class:`PricingPolicy` as JSON has them; ``based_on``
            names the policy whose values hold elsewhere (else ``default``).

    Raises:
        PolicyError: ``unknown_policy``, ``unknown_setting`` or ``bad_setting``; nothing is ignored.
    """
    if isinstance(source, str):
        if source not in POLICIES:
            raise PolicyError("unknown_policy", source[:MAX_NAME_CHARACTERS])
        return POLICIES[source]
    base_name = source.get("based_on", DEFAULT.name)
    if not isinstance(base_name, str):
        raise PolicyError("bad_setting", "based_on")
    base = policy_from(base_name)
    names = {item.name for item in fields(PricingPolicy)}
    unknown = [key for key in source if key not in names and key != "based_on"]
    if unknown:
        raise PolicyError("unknown_setting", str(unknown[0])[:MAX_NAME_CHARACTERS])
    changes = {key: _setting(key, value, getattr(base, key)) for key, value in source.items() if key in names}
    changes.setdefault("name", f"{base.name} (changed)" if changes else base.name)
    return replace(base, **changes)


def _setting(key: str, value: Any, example: Any) -> Any:
    """Return a setting in the type of the base policy's value."""
    error = PolicyError("bad_setting", f"{key}: {str(value)[:MAX_NAME_CHARACTERS]}")
    if isinstance(example, StrEnum):
        kind = type(example)
        if not isinstance(value, str) or value not in kind._value2member_map_:
            raise error
        return kind(value)
    if isinstance(example, bool):
        if not isinstance(value, bool):
            raise error
        return value
    if isinstance(example, int):
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_MONEY_DIGITS:
            raise error
        return value
    if isinstance(example, Decimal):
        return _number(value, error)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME_CHARACTERS:
        raise error
    return value


def _number(value: Any, error: PolicyError) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, Decimal | int | str):
        raise error
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise error from None
    if not number.is_finite() or number < 0:
        raise error
    return number
