"""Where a price can change: instants, energies and durations at which a restriction starts or stops to hold.

A new ChargingPeriod is due whenever the active component of a dimension changes (2.2.1 mod_cdrs,
ChargingPeriod); the CDR builder cuts there, and the engine looks for periods that were not cut.

Times of day are local wall-clock times. Between two changes of the zone's offset from UTC, wall-clock time
runs with the instants; where the clocks go back, a time of day happens twice, and where they go forward,
what should have happened in the gap happens at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.errors import SessionUnusableError, UnknownTimeZoneError
from ocpi.tariffs.matching import clock_holds
from ocpi.tariffs.restrictions import MINUTES_PER_DAY, CompiledRestrictions

MAX_SPAN = timedelta(days=400)
"""Longest stretch that is cut. A car that is plugged in for a year exists; a longer session is a broken clock
(or 1970, the agreed date for an unknown one), and the work grows with the days."""

FIRST_YEAR, LAST_YEAR = 1900, 2999
"""Restrictions are dated 1000 to 2999; before 1900 there are no charging stations, and the calendar's own
ends would overflow."""

_PROBE = timedelta(days=1)  # no zone has changed its offset twice within a day and back
_SECOND = timedelta(seconds=1)
_TICK = timedelta(microseconds=1)


def zone_of(time_zone: ZoneInfo | str) -> ZoneInfo:
    """Return the time zone of a name such as ``Europe/Berlin`` (Location.time_zone, IANA).

    Raises:
        UnknownTimeZoneError: There is no such zone.
    """
    if isinstance(time_zone, ZoneInfo):
        return time_zone
    try:
        return ZoneInfo(time_zone)
    except (KeyError, ValueError, TypeError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise UnknownTimeZoneError("unknown_time_zone", str(time_zone)[:100]) from error


def check_instant(moment: datetime) -> None:
    """Refuse what is no instant.

    Raises:
        SessionUnusableError: ``naive_datetime`` or ``year_out_of_range``.
    """
    if moment.tzinfo is not UTC and (moment.tzinfo is None or moment.utcoffset() is None):
        raise SessionUnusableError("naive_datetime", moment.isoformat())
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise SessionUnusableError("year_out_of_range", moment.isoformat())


def price_boundaries(
    compiled: CompiledTariff,
    start: datetime,
    end: datetime,
    time_zone: ZoneInfo | str,
    *,
    session_start: datetime | None = None,
) -> tuple[datetime, ...]:
    """Return the instants strictly between two at which a restriction on time, date, weekday or duration
    changes.

    Args:
        compiled: Tariff; elements that can never be used have no boundaries.
        start: Aware instant.
        end: Aware instant; not after ``start`` means no boundaries.
        time_zone: IANA zone of the Location.
        session_start: Where durations count from, if it is not ``start``.

    Returns:
        In order, in UTC. Energy, power and current have no instants: see :func:`energy_boundaries_kwh`.

    Raises:
        SessionUnusableError: A naive or absurd datetime, or more than :data:`MAX_SPAN`.
        UnknownTimeZoneError: See :func:`zone_of`.
    """
    zone = zone_of(time_zone)
    for moment in (start, end, session_start or start):
        check_instant(moment)
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if end - start > MAX_SPAN:
        raise SessionUnusableError("too_long", f"{(end - start).days} days, at most {MAX_SPAN.days}")
    found = set(_clock_boundaries(compiled, start, end, zone)) if compiled.clock_minutes else set()
    origin = (session_start or start).astimezone(UTC)
    for edge_s in compiled.duration_edges_s:
        if origin + _bounded(edge_s) >= end:
            break
        found.add(origin + _bounded(edge_s))
    return tuple(sorted(moment for moment in found if start < moment < end))


def energy_boundaries_kwh(compiled: CompiledTariff) -> tuple[Decimal, ...]:
    """Return the energies consumed in the session, in kWh and in order, at which a restriction changes."""
    return compiled.kwh_edges


def duration_boundaries_s(compiled: CompiledTariff) -> tuple[int, ...]:
    """Return the elapsed seconds since session start, in order, at which a restriction changes."""
    return compiled.duration_edges_s


def _bounded(edge_s: int) -> timedelta:
    return min(
        timedelta(seconds=min(edge_s, 10**10)), 2 * MAX_SPAN
    )  # a timedelta overflows beyond 10**9 days


def _clock_boundaries(
    compiled: CompiledTariff, start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[datetime]:
    for first, last, offset in _stretches(start, end, zone):
        if first > start:  # the clocks were changed here: anything may have changed
            before = _wall(first - _TICK, zone)
            wall = _wall(first, zone)
            if any(_changes(items, before, wall) for items in compiled.clock_edges.values()):
                yield first
        midnight = datetime.combine((first + offset).date(), time())
        wall_first = (first + offset).replace(tzinfo=None)
        wall_last = (last + offset).replace(tzinfo=None)
        while midnight < wall_last:
            for minute in compiled.clock_minutes:
                wall = midnight + timedelta(minutes=minute)
                inside = wall_first < wall < wall_last
                if inside and _changes(compiled.clock_edges[minute], wall - _TICK, wall):
                    yield (wall - offset).replace(tzinfo=UTC)
            midnight += timedelta(minutes=MINUTES_PER_DAY)


def _changes(items: tuple[CompiledRestrictions, ...], before: datetime, wall: datetime) -> bool:
    return any(_holds(item, before) is not _holds(item, wall) for item in items)


def _holds(item: CompiledRestrictions, wall: datetime) -> bool:
    return clock_holds(item, wall.hour * 60 + wall.minute, wall.weekday(), wall.toordinal())


def _wall(moment: datetime, zone: ZoneInfo) -> datetime:
    return moment.astimezone(zone).replace(tzinfo=None)


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _stretches(
    start: datetime, end: datetime, zone: ZoneInfo
) -> Iterator[tuple[datetime, datetime, timedelta]]:
    """Cut a span of UTC where the zone's offset changes; yields start, end and the offset between."""
    first = probe = start
    offset = _offset(start, zone)
    while probe < end:
        following = min(probe + _PROBE, end)
        if _offset(following, zone) != offset:
            change = _change(probe, following, zone)
            yield first, change, offset
            first, offset = change, _offset(change, zone)
        probe = following
    yield first, end, offset


def _change(low: datetime, high: datetime, zone: ZoneInfo) -> datetime:
    """Return the whole second at which the offset changes between two instants."""
    low, high = low.replace(microsecond=0), high.replace(microsecond=0)
    offset = _offset(low, zone)
    while high - low > _SECOND:
        middle = low + (high - low) // 2
        middle = middle.replace(microsecond=0)
        if _offset(middle, zone) == offset:
            low = middle
        else:
            high = middle
    return high
