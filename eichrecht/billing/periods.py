"""Cutting a session into charging periods: at signed readings, state changes and every price boundary.

Energy between two known register values is taken as flowing evenly while the vehicle charges. Only differences
of one rounded running register are handed out, so the periods always add up to the signed energy, to the last
digit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from itertools import pairwise

from eichrecht.billing.codes import BillingCode as Code
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


def build_timeline(facts: SessionFacts, signed: Sequence[RegisterPoint], *, resolution: int) -> Timeline:
    """Join signed readings, unsigned intermediates and session events.

    Args:
        facts: Session facts.
        signed: Signed readings, begin (0 kWh) first, end last; at least two.
        resolution: Exponent of the signed values' last digit.

    Raises:
        PeriodsError: The times or values contradict each other.
    """
    begin, end = signed[0].at, signed[-1].at
    if len(signed) < 2 or end <= begin:
        raise PeriodsError(Code.SESSION_WITHOUT_DURATION)
    start = min(_wire_time(facts.start_date_time or begin), begin)
    stop = max(_wire_time(facts.end_date_time or end), end)
    points = list(signed)
    total = signed[-1].energy_kwh
    taken = {point.at for point in signed}
    for value in facts.meter_values:
        at = _wire_time(value.at)
        if begin < at < end and at not in taken:  # where the meter signed, the signed value is the value
            if not 0 <= value.energy_kwh <= total:
                raise PeriodsError(Code.METER_VALUE_OUTSIDE_SIGNED_RANGE)
            taken.add(at)
            points.append(RegisterPoint(at, value.energy_kwh, signed=False))
    points.sort(key=lambda point: point.at)
    for earlier, later in pairwise(points):
        if later.energy_kwh < earlier.energy_kwh:
            raise PeriodsError(Code.METER_VALUE_NOT_BETWEEN_SIGNED_READINGS)
    return Timeline(start, stop, tuple(points), _charging_stretches(facts, start, stop), resolution)


def _wire_time(moment: datetime) -> datetime:
    """Cut to milliseconds, the finest that OCPI carries: two cuts must not become one on the wire."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def _charging_stretches(
    facts: SessionFacts, start: datetime, stop: datetime
) -> tuple[tuple[datetime, datetime], ...]:
    """Return when the vehicle charges; without events, from start to stop."""
    if not facts.states:
        return ((start, stop),)
    stretches: list[tuple[datetime, datetime]] = []
    state, since = ChargingState.CHARGING, start
    for change in (*facts.states, None):
        at = stop if change is None else min(max(_wire_time(change.at), start), stop)
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
    for earlier, later in pairwise(points):
        if moment >= later.at:
            continue
        if moment == earlier.at:
            return earlier.energy_kwh
        flowing = _charging_time(timeline, earlier.at, later.at)
        passed = _charging_time(timeline, earlier.at, moment)
        if not flowing:  # energy without a charging state: spread over the whole stretch
            flowing, passed = later.at - earlier.at, moment - earlier.at
        share = Fraction(passed // _MICROSECOND, flowing // _MICROSECOND)
        exact = (
            Fraction(earlier.energy_kwh) + (Fraction(later.energy_kwh) - Fraction(earlier.energy_kwh)) * share
        )
        rounded = _quantised(exact, timeline.resolution)
        # An unsigned value may be finer than the meter's digits: rounding must not step outside the two.
        return max(earlier.energy_kwh, min(rounded, later.energy_kwh))
    return points[-1].energy_kwh


_MICROSECOND = timedelta(microseconds=1)


def _quantised(value: Fraction, exponent: int) -> Decimal:
    scaled = value * 10 ** (-exponent) if exponent <= 0 else value / 10**exponent
    return Decimal(round(scaled)).scaleb(exponent).quantize(Decimal(1).scaleb(exponent), ROUND_HALF_EVEN)


def _charging_between(
    timeline: Timeline, since: datetime, until: datetime
) -> list[tuple[datetime, datetime]]:
    inside = ((max(since, start), min(until, stop)) for start, stop in timeline.charging)
    return [(start, stop) for start, stop in inside if stop > start]


def _charging_time(timeline: Timeline, since: datetime, until: datetime) -> timedelta:
    return sum((stop - start for start, stop in _charging_between(timeline, since, until)), timedelta())


def with_energy_points(timeline: Timeline, energies_kwh: Iterable[Decimal]) -> Timeline:
    """Add a register point where the register reaches each of ``energies_kwh``; points that are there stay.

    The point has exactly that energy: a price that changes at 10 kWh applies from the 10 kWh on, not from the
    next second's 10.003 kWh. Energies that the session never reaches between begin and end add nothing.
    """
    points = list(timeline.points)
    for energy_kwh in energies_kwh:
        if not points[0].energy_kwh < energy_kwh < points[-1].energy_kwh:
            continue
        index = next(i for i, point in enumerate(points) if point.energy_kwh >= energy_kwh)
        earlier, later = points[index - 1], points[index]
        if later.energy_kwh == energy_kwh:
            continue  # a reading stands there already
        at = _moment_between(timeline, earlier, later, energy_kwh)
        if at is not None:
            points.insert(index, RegisterPoint(at, energy_kwh, signed=False))
    return replace(timeline, points=tuple(points))


def _moment_between(
    timeline: Timeline, earlier: RegisterPoint, later: RegisterPoint, energy_kwh: Decimal
) -> datetime | None:
    """Return when the register passes an energy between two points, to the second where it has room.

    ``None`` if the points are too close for another instant that OCPI can write.
    """
    share = Fraction(energy_kwh - earlier.energy_kwh) / Fraction(later.energy_kwh - earlier.energy_kwh)
    stretches = _charging_between(timeline, earlier.at, later.at) or [(earlier.at, later.at)]
    flowing = sum(((stop - start) for start, stop in stretches), timedelta())
    left = timedelta(microseconds=round(share * (flowing // _MICROSECOND)))
    at = earlier.at
    for start, stop in stretches:
        at = start + min(left, stop - start)
        left -= min(left, stop - start)
        if not left:
            break
    for candidate in (at.replace(microsecond=0), _wire_time(at), _wire_time(at) + timedelta(milliseconds=1)):
        if earlier.at < candidate < later.at:
            return candidate
    return None


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
        raise PeriodsError(Code.TOO_MANY_PERIODS)
    power = facts.power
    periods: list[SessionPeriod] = []
    if facts.reservation is not None:
        periods.append(
            SessionPeriod(
                PeriodState.RESERVATION, facts.reservation.start, facts.reservation.end, tariff_id=tariff_id
            )
        )
    registers = [energy_at(timeline, moment) for moment in moments]
    for index, (since, until) in enumerate(pairwise(moments)):
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
