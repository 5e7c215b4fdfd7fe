"""A what-if session: so much power from then on, so long, then parked; cut where the price changes, and priced.

The session is invented, the price is not: the periods go through the engine like those of a real session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal, DivisionByZero, InvalidOperation, Overflow
from zoneinfo import ZoneInfo

from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.boundaries import check_instant, price_boundaries, zone_of
from ocpi.tariffs.breakdown import Breakdown, Line, PeriodState, PricedSessionInput, SessionPeriod
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.engine import price
from ocpi.tariffs.errors import SessionUnusableError
from ocpi.tariffs.exact import SECONDS_PER_HOUR, microseconds
from ocpi.tariffs.policy import DEFAULT, PricingPolicy

MAX_POWER_KW = Decimal(10_000)
"""Megawatt charging (MCS) goes to 3,750 kW; beyond this a unit was mistaken (W for kW)."""

MAX_ENERGY_KWH = Decimal(100_000)
"""A ship's battery; beyond this a unit was mistaken (Wh for kWh)."""

MAX_DURATION = timedelta(days=31)
"""Longest reservation, charging and parking: nobody plans further, and the work grows with the days."""

_METER_DIGITS = Decimal("0.001")
"""Energy at a cut is a whole number of Wh, as a meter shows it: the exact value would often be no finite decimal."""

_WORKING = Context(prec=60, traps=[InvalidOperation, DivisionByZero, Overflow])
_US = Decimal(1_000_000)
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A session that might take place.

    Attributes:
        start: Aware instant at which charging starts (or the reservation, if there is one).
        power_kw: Constant power while charging.
        charging_s: How long is charged; ``None`` = until ``energy_kwh`` is reached.
        energy_kwh: Charging ends when this much was delivered; ``None`` = only ``charging_s`` ends it. If both are
            given, what comes first does.
        parked_s: How long the car stays connected after charging.
        reserved_s: How long the charging point was reserved before.
        expired: The reservation ran out: nothing is charged, and nothing parked.
        current_a: Current while charging, summed over the phases; ``None`` = unknown.
    """

    start: datetime
    power_kw: Decimal
    charging_s: int | None = None
    energy_kwh: Decimal | None = None
    parked_s: int = 0
    reserved_s: int = 0
    expired: bool = False
    current_a: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """A stretch of the session in which no price changes.

    Attributes:
        state: Charging, parking or reservation.
        start, end: Instants in UTC.
        energy_kwh: Energy in the stretch, in whole Wh but where an energy restriction begins or ends.
        power_kw: Power in the stretch.
        lines: Lines of the breakdown that price it; a line can price several stretches.
        total_kwh: Energy from the start of the session to the end of the stretch.
    """

    state: PeriodState
    start: datetime
    end: datetime
    energy_kwh: Decimal
    power_kw: Decimal
    lines: tuple[Line, ...]
    total_kwh: Decimal


@dataclass(frozen=True, slots=True)
class Simulation:
    """A what-if session with its price.

    Attributes:
        what_if: What was asked.
        session: What was priced.
        breakdown: Its price.
        steps: The session stretch by stretch.
        time_zone: Zone in which times of day are meant.
    """

    what_if: WhatIf
    session: PricedSessionInput
    breakdown: Breakdown
    steps: tuple[Step, ...]
    time_zone: ZoneInfo


def simulate(
    tariff: CompiledTariff, what_if: WhatIf, time_zone: ZoneInfo | str, policy: PricingPolicy = DEFAULT
) -> Simulation:
    """Price a session that might take place.

    Args:
        tariff: Compiled.
        what_if: The session.
        time_zone: IANA zone of the location.
        policy: Decides what the specification leaves open.

    Raises:
        SessionUnusableError: A number or time that no session has; see its reasons.
        TariffError: There is no price; see :mod:`ocpi.tariffs.errors`.
    """
    zone = zone_of(time_zone)
    _check(what_if)
    periods = tuple(_periods(tariff, what_if, zone))
    session = PricedSessionInput(periods, reservation_expired=what_if.expired)
    breakdown = price(session, [tariff], zone, policy)
    return Simulation(what_if, session, breakdown, tuple(_steps(periods, breakdown.lines)), zone)


def _check(what_if: WhatIf) -> None:
    check_instant(what_if.start)
    for number, most in ((what_if.power_kw, MAX_POWER_KW), (what_if.energy_kwh, MAX_ENERGY_KWH)):
        if number is not None and not (isinstance(number, Decimal) and number.is_finite()):
            raise SessionUnusableError("not_a_number")
        if number is not None and not _ZERO <= number <= most:
            raise SessionUnusableError("not_a_number", f"{number:f}, at most {most}")
    longest = MAX_DURATION // timedelta(seconds=1)
    for duration_s in (what_if.charging_s or 0, what_if.parked_s, what_if.reserved_s):
        if duration_s < 0:
            raise SessionUnusableError("negative_duration")
        if duration_s > longest:
            raise SessionUnusableError("too_long", f"{duration_s} s, at most {longest}")
    if what_if.charging_s is None and (what_if.energy_kwh is None or not what_if.power_kw):
        raise SessionUnusableError("no_periods", "neither duration nor energy")


def _periods(tariff: CompiledTariff, what_if: WhatIf, zone: ZoneInfo) -> Iterator[SessionPeriod]:
    start = what_if.start.astimezone(UTC)
    if what_if.reserved_s:
        reserved = start + timedelta(seconds=what_if.reserved_s)
        yield from _cut(tariff, PeriodState.RESERVATION, (start, reserved, reserved), zone, what_if, ())
        start = reserved
    if what_if.expired:
        return
    energy_cuts = _energy_cuts(tariff, what_if, start)
    end = energy_cuts[-1][0]
    yield from _cut(tariff, PeriodState.CHARGING, (start, end, start), zone, what_if, energy_cuts)
    if what_if.parked_s:
        parked = end + timedelta(seconds=what_if.parked_s)
        yield from _cut(tariff, PeriodState.PARKING, (end, parked, start), zone, what_if, ())


def _energy_cuts(
    tariff: CompiledTariff, what_if: WhatIf, start: datetime
) -> tuple[tuple[datetime, Decimal], ...]:
    """Return when which energy is reached: at each edge of a restriction, and at the end of charging."""
    power = what_if.power_kw
    by_time_us = None if what_if.charging_s is None else what_if.charging_s * int(_US)
    by_energy_us = None if what_if.energy_kwh is None or not power else _reached_us(what_if.energy_kwh, power)
    if by_time_us is None or (by_energy_us is not None and by_energy_us <= by_time_us):
        end_us, total = by_energy_us or 0, what_if.energy_kwh or _ZERO
    else:
        end_us, total = by_time_us, _energy_at(power, by_time_us)
    if end_us > microseconds(MAX_DURATION):
        raise SessionUnusableError("too_long", f"{end_us // int(_US)} s, at most {MAX_DURATION.days} days")
    cuts = []
    for edge in tariff.kwh_edges if power else ():
        reached_us = _reached_us(edge, power)
        if edge >= total or reached_us >= end_us:
            break
        cuts.append((start + timedelta(microseconds=reached_us), edge))
    return (*cuts, (start + timedelta(microseconds=end_us), total))


def _reached_us(energy_kwh: Decimal, power_kw: Decimal) -> int:
    """Return the first microsecond by which an energy is delivered; far beyond any session if that takes ages."""
    us = _WORKING.divide(_WORKING.multiply(energy_kwh, SECONDS_PER_HOUR * _US), power_kw)
    return int(min(us, Decimal(10) ** 18).to_integral_value(ROUND_CEILING))


def _energy_at(power_kw: Decimal, elapsed_us: int) -> Decimal:
    exact = _WORKING.divide(_WORKING.multiply(power_kw, Decimal(elapsed_us)), SECONDS_PER_HOUR * _US)
    return exact.quantize(_METER_DIGITS, ROUND_FLOOR, _WORKING)


def _cut(
    tariff: CompiledTariff,
    state: PeriodState,
    span: tuple[datetime, datetime, datetime],
    zone: ZoneInfo,
    what_if: WhatIf,
    energy_cuts: Sequence[tuple[datetime, Decimal]],
) -> Iterator[SessionPeriod]:
    """Yield the periods of one state, cut where a price may change.

    Args:
        tariff: Tells where.
        state: Of all of them.
        span: Start, end, and where durations count from.
        zone: Of the location.
        what_if: Power and current.
        energy_cuts: Instants with the energy reached by then, the last one at the end; empty without energy.
    """
    start, end, origin = span
    at_energy = dict(energy_cuts)
    boundaries = price_boundaries(tariff, start, end, zone, session_start=origin)
    charging = state is PeriodState.CHARGING
    power = what_if.power_kw if charging else _ZERO
    current = what_if.current_a if charging else _ZERO
    known = state is not PeriodState.RESERVATION
    before = _ZERO
    ahead = 0
    for moment in sorted({*boundaries, *at_energy, end}):
        reached = at_energy.get(moment)
        if reached is None and charging:
            while energy_cuts[ahead][0] < moment:
                ahead += 1  # the last of them is at the end
            # floored, but never back behind an edge that was met exactly
            passed = max(before, _energy_at(power, microseconds(moment - origin)))
            reached = min(passed, energy_cuts[ahead][1])
        reached = reached or _ZERO
        yield SessionPeriod(
            state=state,
            start=start,
            end=moment,
            energy_kwh=reached - before,
            min_power_kw=power if known else None,
            max_power_kw=power if known else None,
            min_current_a=current if known else None,
            max_current_a=current if known else None,
        )
        start, before = moment, reached


_TIMED = {
    PeriodState.CHARGING: "time",
    PeriodState.PARKING: "parking",
    PeriodState.RESERVATION: "reservation",
}


def _steps(periods: Sequence[SessionPeriod], lines: Sequence[Line]) -> Iterator[Step]:
    """Yield neighbouring periods under the same lines as one."""
    total = _ZERO
    pending: Step | None = None
    waiting = deque(lines)  # in order of their start
    open_lines: list[Line] = []
    for period in periods:
        total += period.energy_kwh
        while waiting and waiting[0].start <= period.start:
            open_lines.append(waiting.popleft())
        open_lines = [line for line in open_lines if line.end > period.start]
        own = tuple(line for line in open_lines if _prices(line, period))
        power = period.max_power_kw or _ZERO
        if pending is not None and (pending.state, pending.lines) == (period.state, own):
            pending = Step(
                period.state,
                pending.start,
                period.end,
                pending.energy_kwh + period.energy_kwh,
                power,
                own,
                total,
            )
            continue
        if pending is not None:
            yield pending
        pending = Step(period.state, period.start, period.end, period.energy_kwh, power, own, total)
    if pending is not None:
        yield pending


def _prices(line: Line, period: SessionPeriod) -> bool:
    if line.dimension is TariffDimensionType.FLAT:
        return False
    if line.dimension is TariffDimensionType.ENERGY:
        return period.energy_kwh > 0 or period.state is PeriodState.CHARGING
    return line.bucket == _TIMED[period.state]
