"""The structure of an explained tariff (:mod:`ocpi.tariffs.explain`): plain dataclasses and a look-up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TypeVar

from ocpi.findings import Finding
from ocpi.types import Price

WEEK = tuple(range(7))
"""Weekdays, Monday = 0."""

_MICROSECONDS = 1_000_000

T = TypeVar("T", date, Decimal, int)


class Topic(StrEnum):
    """What can cost money."""

    START_FEE = "start_fee"
    ENERGY = "energy"
    CHARGING_TIME = "charging_time"
    PARKING_TIME = "parking_time"
    RESERVATION_FEE = "reservation_fee"
    RESERVATION_TIME = "reservation_time"
    EXPIRED_FEE = "expired_fee"
    EXPIRED_TIME = "expired_time"


class Tax(StrEnum):
    """How taxes stand to the prices of a tariff."""

    RATES = "rates"
    """There are rates: gross prices are known."""
    UNKNOWN_RATE = "unknown_rate"
    """Prices include taxes, at least one of unknown rate (2.3.0)."""
    NOT_NAMED = "not_named"
    """Prices are without taxes and no rate is named."""
    NOT_APPLICABLE = "not_applicable"
    """There is no tax (2.3.0)."""


@dataclass(frozen=True, slots=True)
class UnitPrice:
    """A price per kWh, per hour or once.

    Attributes:
        price: As the tariff writes it.
        net, gross: Without and with taxes; ``None`` = unknown. Net may be a quotient of 50 digits.
        vat_percent: ``None`` = no VAT or, where prices include taxes, an unknown rate.
        step_size: Billing step in Wh or s; 0 and 1 mean that nothing is rounded noticeably.
        own_rounding: The component brings rounding of its own along (Gireve).
        components: Element and component indices that say so.
    """

    price: Decimal
    net: Decimal | None
    gross: Decimal | None
    vat_percent: Decimal | None
    step_size: int
    own_rounding: bool
    components: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Local minutes of the day, the end exclusive, with one price; ``None`` = a later section decides."""

    start_minute: int
    end_minute: int
    price: UnitPrice | None


@dataclass(frozen=True, slots=True)
class DayPlan:
    """Weekdays with the same timetable, which covers the day without a hole."""

    weekdays: tuple[int, ...]
    stretches: tuple[Stretch, ...]


@dataclass(frozen=True, slots=True)
class Situation:
    """A moment of a session.

    Attributes:
        wall: Local time.
        energy_kwh: Consumed before.
        elapsed_us: Microseconds since the session started; 0 while reserved.
        power_kw, current_a: Momentary, current summed over the phases; ``None`` = unknown.
    """

    wall: datetime
    energy_kwh: Decimal = Decimal(0)
    elapsed_us: int = 0
    power_kw: Decimal | None = None
    current_a: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold beside the time of the week; ``None`` = anything. Minima are included, maxima are not.

    Attributes:
        first_day, end_day: Local dates, the end exclusive.
        min_kwh, max_kwh: Energy consumed in the session.
        min_duration_s, max_duration_s: Time since the session started.
        min_power_kw, max_power_kw: Momentary power.
        min_current_a, max_current_a: Momentary current, summed over the phases.
    """

    first_day: date | None = None
    end_day: date | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_duration_s: int | None = None
    max_duration_s: int | None = None
    min_power_kw: Decimal | None = None
    max_power_kw: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None

    def holds(self, at: Situation) -> bool:
        """Return whether it holds; an unknown power or current fits no limit, as in the engine's default."""
        return (
            _within(at.wall.date(), self.first_day, self.end_day)
            and _within(at.energy_kwh, self.min_kwh, self.max_kwh)
            and _within(at.elapsed_us, _us(self.min_duration_s), _us(self.max_duration_s))
            and _measured(at.power_kw, self.min_power_kw, self.max_power_kw)
            and _measured(at.current_a, self.min_current_a, self.max_current_a)
        )

    def excludes(self, other: Condition) -> bool:
        """Return whether both can never hold together."""
        return any(
            _apart(*pair)
            for pair in (
                (self.first_day, self.end_day, other.first_day, other.end_day),
                (self.min_kwh, self.max_kwh, other.min_kwh, other.max_kwh),
                (self.min_duration_s, self.max_duration_s, other.min_duration_s, other.max_duration_s),
                (self.min_power_kw, self.max_power_kw, other.min_power_kw, other.max_power_kw),
                (self.min_current_a, self.max_current_a, other.min_current_a, other.max_current_a),
            )
        )


@dataclass(frozen=True, slots=True)
class Section:
    """A timetable of the week under a condition."""

    condition: Condition
    plans: tuple[DayPlan, ...]

    def price_at(self, at: Situation) -> UnitPrice | None:
        """Return the price, ``None`` if the section has none for the situation."""
        if not self.condition.holds(at):
            return None
        minute, weekday = at.wall.hour * 60 + at.wall.minute, at.wall.weekday()
        for plan in self.plans:
            if weekday in plan.weekdays:
                return next(one.price for one in plan.stretches if minute < one.end_minute)
        return None  # plans cover all weekdays


@dataclass(frozen=True, slots=True)
class TopicPrices:
    """Everything that one topic can cost.

    Attributes:
        topic: What.
        sections: The first that has a price for a situation applies.
        gap: There are cases without a price: free.
    """

    topic: Topic
    sections: tuple[Section, ...]
    gap: bool

    def price_at(self, at: Situation) -> UnitPrice | None:
        """Return the price, ``None`` = free."""
        for section in self.sections:
            found = section.price_at(at)
            if found is not None:
                return found
        return None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a tariff costs and when.

    Attributes:
        tariff_id, currency: As written.
        tax: How taxes stand to the prices.
        topics: Those that have a price somewhere, in the order of :class:`Topic`.
        min_price, max_price: Limits of a session.
        valid_from, valid_until: Validity, the end exclusive.
        findings: What is wrong with the tariff itself, and what was ignored for it.
        complete: ``False`` if the tariff is too large to leave out everything that can never apply.
    """

    tariff_id: str
    currency: str
    tax: Tax
    topics: tuple[TopicPrices, ...]
    min_price: Price | None
    max_price: Price | None
    valid_from: datetime | None
    valid_until: datetime | None
    findings: tuple[Finding, ...]
    complete: bool

    def price_at(self, topic: Topic, at: Situation) -> UnitPrice | None:
        """Return what a topic costs in a situation, ``None`` = nothing.

        A start fee is due once per session: when it first has a price.
        """
        return next((one.price_at(at) for one in self.topics if one.topic is topic), None)


def _us(duration_s: int | None) -> int | None:
    return None if duration_s is None else duration_s * _MICROSECONDS


def _within(value: T, low: T | None, high: T | None) -> bool:
    return (low is None or value >= low) and (high is None or value < high)


def _measured(value: Decimal | None, low: Decimal | None, high: Decimal | None) -> bool:
    if low is None and high is None:
        return True
    return value is not None and _within(value, low, high)


def _apart(low: T | None, high: T | None, low2: T | None, high2: T | None) -> bool:
    return (high is not None and low2 is not None and low2 >= high) or (
        high2 is not None and low is not None and low >= high2
    )
