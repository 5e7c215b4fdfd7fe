"""Restrictions of an element, ready to compare (2.2.1 mod_tariffs, TariffRestrictions)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from ocpi.objects.tariff import DayOfWeek, TariffRestrictions

MINUTES_PER_DAY = 1440
_WEEKDAYS = {day: number for number, day in enumerate(DayOfWeek)}


@dataclass(frozen=True, slots=True)
class CompiledRestrictions:
    """Restrictions of one element, ready to compare. ``None`` = not restricted.

    Attributes:
        start_minute, end_minute: Local minutes of the day; ``end_minute`` is exclusive and at most 1440; a
            smaller end wraps past midnight. Both or neither.
        weekdays: Local weekdays, Monday = 0.
        start_day, end_day: Local dates as proleptic ordinals, the end exclusive.
        min_kwh, max_kwh: Energy consumed in the session, max exclusive.
        min_current_a, max_current_a: Current summed over the phases, max exclusive.
        min_power_kw, max_power_kw: Power, max exclusive.
        min_duration_us, max_duration_us: Elapsed session time in microseconds, max exclusive.
        on_clock, on_use, on_flow: Whether anything of time and date, of energy and duration, of power and
            current is restricted.
    """

    start_minute: int | None = None
    end_minute: int | None = None
    weekdays: frozenset[int] | None = None
    start_day: int | None = None
    end_day: int | None = None
    min_kwh: Decimal | None = None
    max_kwh: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None
    min_power_kw: Decimal | None = None
    max_power_kw: Decimal | None = None
    min_duration_us: int | None = None
    max_duration_us: int | None = None
    on_clock: bool = False
    on_use: bool = False
    on_flow: bool = False


def compile_restrictions(
    source: TariffRestrictions, start_day: int | None, end_day: int | None
) -> CompiledRestrictions:
    """Return the restrictions of an element, ready to compare; those that exclude nothing are left out.

    Args:
        source: As written; its dates are read by the caller, who reports what is none.
        start_day, end_day: Local dates as proleptic ordinals.
    """
    start_minute, end_minute = _window(source.start_time, source.end_time)
    weekdays = frozenset(_WEEKDAYS[day] for day in source.day_of_week) if source.day_of_week else None
    if weekdays is not None and len(weekdays) == len(_WEEKDAYS):
        weekdays = None
    min_kwh, min_duration = source.min_kwh or None, source.min_duration or None  # no session is below zero
    clock = (start_minute, weekdays, start_day, end_day)
    use = (min_kwh, source.max_kwh, min_duration, source.max_duration)
    flow = (source.min_current, source.max_current, source.min_power, source.max_power)
    return CompiledRestrictions(
        start_minute=start_minute,
        end_minute=end_minute,
        weekdays=weekdays,
        start_day=start_day,
        end_day=end_day,
        min_kwh=min_kwh,
        max_kwh=source.max_kwh,
        min_current_a=source.min_current,
        max_current_a=source.max_current,
        min_power_kw=source.min_power,
        max_power_kw=source.max_power,
        min_duration_us=_microseconds(min_duration),
        max_duration_us=_microseconds(source.max_duration),
        on_clock=any(value is not None for value in clock),
        on_use=any(value is not None for value in use),
        on_flow=any(value is not None for value in flow),
    )


def _microseconds(duration_s: int | None) -> int | None:
    return None if duration_s is None else duration_s * 1_000_000


def _window(start: str | None, end: str | None) -> tuple[int | None, int | None]:
    """Return the daily window in minutes, or ``(None, None)`` for the whole day.

    A missing start is 00:00 and a missing end the end of the day (ocpi/ocpi#466, #502); ``00:00`` as end is
    the end of the day; equal times are the whole day, because nobody publishes a window that never opens.
    """
    first = 0 if start is None else int(start[:2]) * 60 + int(start[3:])
    last = 0 if end is None else int(end[:2]) * 60 + int(end[3:])
    if first == last:
        return None, None
    return first, last or MINUTES_PER_DAY


def clock_edges(
    restrictions: Iterable[CompiledRestrictions],
) -> dict[int, tuple[CompiledRestrictions, ...]]:
    """Return the local minutes of the day at which restrictions may change; at 0 also those on days."""
    edges: dict[int, list[CompiledRestrictions]] = {}
    for item in restrictions:
        if not item.on_clock:
            continue
        minutes = set()
        if item.start_minute is not None and item.end_minute is not None:
            minutes |= {item.start_minute, item.end_minute % MINUTES_PER_DAY}
        if item.weekdays is not None or item.start_day is not None or item.end_day is not None:
            minutes.add(0)
        for minute in minutes:
            edges.setdefault(minute, []).append(item)
    return {minute: tuple(items) for minute, items in edges.items()}
