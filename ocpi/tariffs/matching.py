"""Which component is active at a moment (2.2.1 mod_tariffs, TariffElement and TariffRestrictions).

Restrictions of an element are joined by AND. For each dimension on its own, the first element in tariff order
that has a component of it and whose restrictions hold gives the one active component.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from ocpi.tariffs.breakdown import SessionPeriod
from ocpi.tariffs.clock_index import window_holds
from ocpi.tariffs.compiled import CompiledComponent
from ocpi.tariffs.policy import MeasuredRange, MissingMeasurement, PricingPolicy
from ocpi.tariffs.restrictions import CompiledRestrictions


@dataclass(slots=True)
class Moment:
    """Everything that a restriction can look at.

    Attributes:
        wall: Local wall-clock time; its offset and fold play no role. The three fields below follow from it.
        minute: Minute of the day.
        weekday: Monday = 0.
        day: Date as proleptic ordinal.
        energy_kwh: Measured (never billed) energy of the session before this moment.
        elapsed_us: Microseconds since the first period that is no reservation; 0 before.
        flow: Period whose power and current are meant.
    """

    wall: datetime
    minute: int
    weekday: int
    day: int
    energy_kwh: Decimal
    elapsed_us: int
    flow: SessionPeriod


def moment_at(wall: datetime, energy_kwh: Decimal, elapsed_us: int, flow: SessionPeriod) -> Moment:
    """Return the moment at a local wall-clock time; ``elapsed_us`` before session start counts as 0."""
    day = wall.toordinal()
    return Moment(
        wall=wall,
        minute=wall.hour * 60 + wall.minute,
        weekday=(day + 6) % 7,
        day=day,
        energy_kwh=energy_kwh,
        elapsed_us=max(0, elapsed_us),
        flow=flow,
    )


@dataclass(slots=True)
class Doubts:
    """Restrictions on power or current that could not be decided cleanly, by element index and field name."""

    unmeasured: set[tuple[int, str]] = field(default_factory=set)
    inside_range: set[tuple[int, str]] = field(default_factory=set)

    @property
    def any(self) -> bool:
        """Whether there is any doubt."""
        return bool(self.unmeasured or self.inside_range)


def active_component(
    candidates: Sequence[CompiledComponent], moment: Moment, policy: PricingPolicy, doubts: Doubts
) -> CompiledComponent | None:
    """Return the first candidate whose restrictions hold, or ``None``: the dimension costs nothing then.

    Args:
        candidates: Components of one dimension in tariff order.
        moment: When and how much.
        policy: Decides on power and current without clean measurements.
        doubts: Collects what had to be decided by the policy.
    """
    minute, weekday, day = moment.minute, moment.weekday, moment.day
    for candidate in candidates:
        restrictions = candidate.restrictions
        if restrictions is None:
            return candidate
        if restrictions.on_clock and not clock_holds(restrictions, minute, weekday, day):
            continue
        if restrictions.on_use and not _use_holds(restrictions, moment):
            continue
        if restrictions.on_flow and not _flow_holds(candidate, restrictions, moment.flow, policy, doubts):
            continue
        return candidate
    return None


def clock_holds(restrictions: CompiledRestrictions, minute: int, weekday: int, day: int) -> bool:
    """Return whether time of day, weekday and date hold at a local wall-clock time (see :class:`Moment`).

    The three are independent: times apply on each day of the date range (ocpi/ocpi#499), and after midnight a
    window that wraps belongs to the new weekday.
    """
    if restrictions.start_minute is not None and not window_holds(restrictions, minute):
        return False
    if restrictions.weekdays is not None and weekday not in restrictions.weekdays:
        return False
    if restrictions.start_day is not None and day < restrictions.start_day:
        return False
    return restrictions.end_day is None or day < restrictions.end_day


def _use_holds(restrictions: CompiledRestrictions, moment: Moment) -> bool:
    energy, elapsed = moment.energy_kwh, moment.elapsed_us
    return (
        (restrictions.min_kwh is None or energy >= restrictions.min_kwh)
        and (restrictions.max_kwh is None or energy < restrictions.max_kwh)
        and (restrictions.min_duration_us is None or elapsed >= restrictions.min_duration_us)
        and (restrictions.max_duration_us is None or elapsed < restrictions.max_duration_us)
    )


def _flow_holds(
    candidate: CompiledComponent,
    restrictions: CompiledRestrictions,
    period: SessionPeriod,
    policy: PricingPolicy,
    doubts: Doubts,
) -> bool:
    for name, limit, is_minimum, lowest, highest in (
        ("min_current", restrictions.min_current_a, True, period.min_current_a, period.max_current_a),
        ("max_current", restrictions.max_current_a, False, period.min_current_a, period.max_current_a),
        ("min_power", restrictions.min_power_kw, True, period.min_power_kw, period.max_power_kw),
        ("max_power", restrictions.max_power_kw, False, period.min_power_kw, period.max_power_kw),
    ):
        if limit is None:
            continue
        low = highest if lowest is None else lowest
        high = lowest if highest is None else highest
        if low is None or high is None:
            doubts.unmeasured.add((candidate.element, name))
            if policy.missing_measurement is MissingMeasurement.DOES_NOT_MATCH:
                return False
        elif low < limit <= high:
            doubts.inside_range.add((candidate.element, name))
            if policy.measured_range is MeasuredRange.THROUGHOUT:
                return False
        elif (low >= limit) is not is_minimum:
            return False
    return True
