"""Cutting a session into charging periods: at signed readings, state changes and every price boundary.

Energy between two known register values is taken as flowing evenly while the vehicle charges. Only differences
of one rounded running register are handed out, so the periods always add up to the signed energy, to the last
digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction

from eichrecht.billing.facts import ChargingState, SessionFacts
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod

MAX_PERIODS = 10_000
"""A session has at most this many periods: a quarter-hourly dynamic tariff reaches it after 100 days."""


class PeriodsError(ValueError):
    """The session cannot be cut into periods.

    Attributes:
        code: Finding code.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class RegisterPoint:
    """A register value at an instant, in kWh since the begin reading."""

    at: datetime
    energy_kwh: Decimal
    signed: bool


@dataclass(frozen=True, slots=True)
class Timeline:
    """A session ready to be cut.

    Attributes:
        start, end: Of the session without a reservation.
        points: Register values, begin first, end last, not decreasing in time or energy.
        charging: Stretches in which the vehicle charges, in order.
        resolution: Exponent of the signed values' last digit (``-3`` = Wh).
    """

    start: datetime
    end: datetime
    points: tuple[RegisterPoint, ...]
    charging: tuple[tuple[datetime, datetime], ...]
    resolution: int


def build_timeline(
    facts: SessionFacts, signed: Sequence[RegisterPoint], *, resolution: int
) -> Timeline:
    """Join signed readings, unsigned intermediates and session events.

    Args:
        facts: Session facts.
        signed: Signed readings, begin (0 kWh) first, end last; at least two.
        resolution: Exponent of the signed values' last digit.

    Raises:
        PeriodsError: The times or values contradict each other.
    """
    begin, end = signed[0].at, signed[-1].at
    start = min(facts.start_date_time or begin, begin)
    stop = max(facts.end_date_time or end, end)
    if stop <= start:
        raise PeriodsError("session_without_duration")
    points = list(signed)
    total = signed[-1].energy_kwh
    for value in facts.meter_values:
        if begin < value.at < end and all(point.at != value.at for point in signed):
            if not 0 <= value.energy_kwh <= total:
                raise PeriodsError("meter_value_outside_signed_range")
            points.append(RegisterPoint(value.at, value.energy_kwh, signed=False))
    points.sort(key=lambda point: point.at)
    for earlier, later in zip(points, points[1:], strict=False):
        if later.energy_kwh < earlier.energy_kwh:
            raise PeriodsError("meter_value_not_between_signed_readings")
    return Timeline(start, stop, tuple(points), _charging_stretches(facts, start, stop), resolution)


def _charging_stretches(
    facts: SessionFacts, start: datetime, stop: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return when the vehicle charges; without events, from start to stop."""
    if not facts.states:
        return ((start, stop),)
    stretches: list[tuple[datetime, datetime]] = []
    state, since = ChargingState.CHARGING, start
    for change in (*facts.states, None):
        at = stop if change is None else min(max(change.at, start), stop)
        if state is ChargingState.CHARGING and at > since:
            stretches.append((since, at))
        if change is not None:
            state, since = change.state, at
    return tuple(stretches)


def energy_at(timeline: Timeline, moment: datetime) -> Decimal:
    """Return the register at ``moment`` in kWh since begin, rounded to the meter's resolution."""
    points = timeline.points
    if moment <= points[0].at:
        return points[0].energy_kwh
    for earlier, later in zip(points, points[1:], strict=False):
        if moment >= later.at:
            continue
        if moment == earlier.at:
            return earlier.energy_kwh
        flowing = _charging_time(timeline, earlier.at, later.at)
        passed = _charging_time(timeline, earlier.at, moment)
        if not flowing:  # energy without a charging state: spread over the whole stretch
            flowing, passed = later.at - earlier.at, moment - earlier.at
        share = Fraction(passed // _MICROSECOND, flowing // _MICROSECOND)
        exact = Fraction(earlier.energy_kwh) + (Fraction(later.energy_kwh) - Fraction(earlier.energy_kwh)) * share
        return _quantised(exact, timeline.resolution)
    return points[-1].energy_kwh


_MICROSECOND = timedelta(microseconds=1)


def _quantised(value: Fraction, exponent: int) -> Decimal:
    scaled = value * 10 ** (-exponent) if exponent <= 0 else value / 10**exponent
    return Decimal(round(scaled)).scaleb(exponent).quantize(Decimal(1).scaleb(exponent), ROUND_HALF_EVEN)


def _charging_time(timeline: Timeline, since: datetime, until: datetime) -> timedelta:
    return sum(
        (
            min(until, stop) - max(since, start)
            for start, stop in timeline.charging
            if min(until, stop) > max(since, start)
        ),
        timedelta(),
    )


def moment_of_energy(timeline: Timeline, energy_kwh: Decimal) -> datetime | None:
    """Return when the register passes ``energy_kwh``, to the second; ``None`` if it never does."""
    if not 0 < energy_kwh < timeline.points[-1].energy_kwh:
        return None
    low, high = timeline.points[0].at, timeline.points[-1].at
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        low, high = (middle, high) if energy_at(timeline, middle) < energy_kwh else (low, middle)
    return high.replace(microsecond=0) if high.replace(microsecond=0) > low else high


def cut(
    timeline: Timeline, boundaries: Iterable[datetime], facts: SessionFacts, tariff_id: str | None
) -> PricedSessionInput:
    """Cut the session at readings, state changes and ``boundaries``.

    Raises:
        PeriodsError: More than :data:`MAX_PERIODS` periods.
    """
    cuts = {timeline.start, timeline.end}
    cuts.update(point.at for point in timeline.points)
    for start, stop in timeline.charging:
        cuts.update((start, stop))
    cuts.update(boundaries)
    moments = sorted(moment for moment in cuts if timeline.start <= moment <= timeline.end)
    if len(moments) > MAX_PERIODS:
        raise PeriodsError("too_many_periods")
    power = facts.power
    periods: list[SessionPeriod] = []
    if facts.reservation is not None:
        periods.append(
            SessionPeriod(
                PeriodState.RESERVATION, facts.reservation.start, facts.reservation.end, tariff_id=tariff_id
            )
        )
    registers = [energy_at(timeline, moment) for moment in moments]
    for index, (since, until) in enumerate(zip(moments, moments[1:], strict=False)):
        charging = any(start <= since < stop for start, stop in timeline.charging)
        periods.append(
            SessionPeriod(
                PeriodState.CHARGING if charging else PeriodState.PARKING,
                since,
                until,
                energy_kwh=registers[index + 1] - registers[index],
                min_power_kw=power.min_power_kw,
                max_power_kw=power.max_power_kw,
                min_current_a=power.min_current_a,
                max_current_a=power.max_current_a,
                tariff_id=tariff_id,
            )
        )
    expired = facts.reservation is not None and facts.reservation.expired
    return PricedSessionInput(tuple(periods), reservation_expired=expired)
