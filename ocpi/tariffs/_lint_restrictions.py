"""Lints of restrictions: what never holds, what means nothing, what means something else than it seems."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.tariff import DayOfWeek, TariffDimensionType, TariffElement, TariffRestrictions
from ocpi.tariffs._lint_codes import LintCode
from ocpi.tariffs._lint_context import Linted
from ocpi.tariffs._reach import Box, everything, leaves_gap

_PAIRS = (
    ("min_kwh", "max_kwh"),
    ("min_current", "max_current"),
    ("min_power", "max_power"),
    ("min_duration", "max_duration"),
)
_DAYS = tuple(DayOfWeek)
_EUROPEAN_HOUR = (120, 180)
"""Local minutes 02:00 to 03:00, which are left out in March and come twice in October."""
_TICK = timedelta(microseconds=1)


def restriction_lints(linted: Linted) -> Iterator[Finding]:
    """Yield what there is to say of the restrictions of each element on their own."""
    hours = _changed_hours(linted)
    for place, source, element in linted.restricted():
        yield from _impossible(place, source)
        yield from _needless(place, source)
        yield from _windows(place, source, hours)
        yield from _weekdays(place, source)
        yield from _reservation(place, source)
        yield from _parking(place, source, element)


def reach_lints(linted: Linted) -> Iterator[Finding]:
    """Yield elements and components that are never active because of those before them."""
    reach = linted.reach
    if not reach.complete:
        yield note(LintCode.REACH_NOT_CHECKED, "/elements")
    for index, element in enumerate(linted.tariff.elements):
        keys = [(index, number) for number in range(len(element.price_components))]
        shadowed = {key: reach.shadowed[key] for key in keys if key in reach.shadowed}
        if len(shadowed) == len(keys):
            by = sorted({one for elements in shadowed.values() for one in elements})
            yield warning(
                LintCode.UNREACHABLE_ELEMENT, f"/elements/{index}", element=index, elements=_listed(by)
            )
            continue
        for (_, number), elements in shadowed.items():
            yield warning(
                LintCode.UNREACHABLE_COMPONENT,
                f"/elements/{index}/price_components/{number}",
                dimension=element.price_components[number].type,
                element=index,
                elements=_listed(elements),
            )


def fallback_lints(linted: Linted) -> Iterator[Finding]:
    """Yield dimensions that have a price at some times only (mod_tariffs recommends a last element for all)."""
    whole = _when_valid(linted)
    for dimension, candidates in linted.compiled.session.items():
        if dimension is not TariffDimensionType.FLAT and leaves_gap(candidates, whole):
            # free energy is rarely meant; free time is the usual case of a fee that begins later
            say = warning if dimension is TariffDimensionType.ENERGY else note
            yield say(LintCode.NO_FALLBACK_PRICE, "/elements", dimension=dimension)


def _when_valid(linted: Linted) -> Box:
    """Return everything that can happen while the tariff is valid; dates only if the time zone is known."""
    first, last = 0, Decimal("Infinity")
    zone, compiled = linted.options.time_zone, linted.compiled
    if zone is not None:
        if compiled.valid_from is not None:
            first = _local_day(compiled.valid_from, zone)
        if compiled.valid_until is not None:
            last = Decimal(_local_day(compiled.valid_until, zone, _TICK) + 1)
    return everything(first, last)


def _local_day(moment: datetime, zone: ZoneInfo, earlier: timedelta = timedelta()) -> int:
    """Return the local date as proleptic ordinal; at the ends of the calendar that in UTC."""
    try:
        return (moment.astimezone(zone) - earlier).toordinal()
    except OverflowError:
        return moment.toordinal()


def _listed(elements: Iterable[int]) -> str:
    return ", ".join(str(element) for element in elements)


def _impossible(place: str, source: TariffRestrictions) -> Iterator[Finding]:
    for low_name, high_name in _PAIRS:
        low, high = getattr(source, low_name), getattr(source, high_name)
        if high is None:
            continue
        if high <= 0:
            yield problem(
                LintCode.MAX_RESTRICTION_ZERO,
                f"{place}/{high_name}",
                restriction=high_name,
                value=f"{Decimal(high):f}",
            )
        elif low is not None and low >= high:
            yield problem(
                LintCode.IMPOSSIBLE_RESTRICTION,
                f"{place}/{high_name}",
                low=f"{low_name} {Decimal(low):f}",
                high=f"{high_name} {Decimal(high):f}",
            )
    first, last = _date(source.start_date), _date(source.end_date)
    if first is None or last is None:
        return
    if first >= last:
        yield problem(
            LintCode.IMPOSSIBLE_RESTRICTION,
            f"{place}/end_date",
            low=f"start_date {source.start_date}",
            high=f"end_date {source.end_date}",
        )
    elif source.day_of_week and (last - first).days < len(_DAYS):
        inside = {_DAYS[(first + timedelta(days=day)).weekday()] for day in range((last - first).days)}
        if inside.isdisjoint(source.day_of_week):
            yield problem(
                LintCode.WEEKDAY_OUTSIDE_DATES,
                f"{place}/day_of_week",
                first=source.start_date,
                last=source.end_date,
                days=", ".join(dict.fromkeys(source.day_of_week)),
            )


def _date(text: str | None) -> date | None:
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:  # the engine reports it
        return None


def _needless(place: str, source: TariffRestrictions) -> Iterator[Finding]:
    known = [
        value for name in TariffRestrictions.model_fields if (value := getattr(source, name)) is not None
    ]
    extra = any(value is not None for value in (source.model_extra or {}).values())
    if not any(value != () for value in known) and not extra:
        yield note(LintCode.EMPTY_RESTRICTIONS, place)
        return
    for name in ("min_kwh", "min_duration"):
        value = getattr(source, name)
        if value is not None and value <= 0:
            yield note(LintCode.NEEDLESS_RESTRICTION, f"{place}/{name}", restriction=name)
    if source.day_of_week == ():
        yield note(LintCode.NEEDLESS_RESTRICTION, f"{place}/day_of_week", restriction="day_of_week")


def _windows(place: str, source: TariffRestrictions, hours: tuple[tuple[int, int], ...]) -> Iterator[Finding]:
    start, end = source.start_time, source.end_time
    for name, text in (("start_time", start), ("end_time", end)):
        minute = 0 if text is None else _minute(text)
        if any(first < minute < last for first, last in hours):
            yield note(LintCode.AMBIGUOUS_HOUR, f"{place}/{name}", restriction=name, time=text)
    if end == "23:59":
        yield warning(LintCode.LAST_MINUTE_LOST, f"{place}/end_time")
    if start is None or end is None:
        missing = "start_time" if start is None else "end_time"
        if start is not end:
            yield note(LintCode.OPEN_WINDOW, place, restriction=missing)
    elif start == end:
        yield warning(LintCode.WHOLE_DAY_WINDOW, f"{place}/end_time", time=start)
    elif end < start and end != "00:00" and source.day_of_week and len(set(source.day_of_week)) < len(_DAYS):
        yield warning(
            LintCode.OVERNIGHT_WEEKDAYS,
            f"{place}/day_of_week",
            start=start,
            end=end,
            days=", ".join(dict.fromkeys(source.day_of_week)),
        )


def _minute(text: str) -> int:
    return int(text[:2]) * 60 + int(text[3:])


def _weekdays(place: str, source: TariffRestrictions) -> Iterator[Finding]:
    days = source.day_of_week or ()
    if len(set(days)) == len(_DAYS):
        yield note(LintCode.WHOLE_WEEK, f"{place}/day_of_week")
    if len(set(days)) < len(days):
        yield note(LintCode.REPEATED_DAY, f"{place}/day_of_week")


def _reservation(place: str, source: TariffRestrictions) -> Iterator[Finding]:
    """While reserved, energy and duration are 0 and power flows nowhere."""
    if source.reservation is None:
        return
    for name in ("min_kwh", "min_duration"):
        value = getattr(source, name)
        if value is not None and value > 0:
            yield problem(LintCode.RESERVATION_NEVER_MATCHES, f"{place}/{name}", restriction=name)
    for name in ("min_current", "max_current", "min_power", "max_power"):
        if getattr(source, name) is not None:
            yield problem(LintCode.RESERVATION_NEVER_MATCHES, f"{place}/{name}", restriction=name)


def _parking(place: str, source: TariffRestrictions, element: TariffElement) -> Iterator[Finding]:
    if all(component.type is not TariffDimensionType.PARKING_TIME for component in element.price_components):
        return
    for name in ("min_current", "min_power"):
        value = getattr(source, name)
        if value is not None and value > 0:
            yield warning(LintCode.PARKING_NEEDS_POWER, f"{place}/{name}", restriction=name)


def _changed_hours(linted: Linted) -> tuple[tuple[int, int], ...]:
    """Return the local minutes of the day that are left out or come twice when the clocks change."""
    zone = linted.options.time_zone
    if zone is None:
        return (_EUROPEAN_HOUR,)
    return tuple(dict.fromkeys(_changes(zone, linted.tariff.last_updated.year)))


def _changes(zone: ZoneInfo, year: int) -> Iterator[tuple[int, int]]:
    # a year that a calendar can go around in; tariffs are not updated in others
    hour = datetime(min(max(year, 1900), 2999), 1, 1, tzinfo=UTC)
    offsets: Mapping[bool, timedelta | None]
    for _ in range(366):
        following = hour + timedelta(days=1)
        offsets = {False: hour.astimezone(zone).utcoffset(), True: following.astimezone(zone).utcoffset()}
        if offsets[False] != offsets[True]:
            yield _wall_minutes(zone, hour, following)
        hour = following


def _wall_minutes(zone: ZoneInfo, low: datetime, high: datetime) -> tuple[int, int]:
    """Return the wall-clock minutes before and after a change of the clocks, the lower one first."""
    before = low.astimezone(zone).utcoffset()
    while high - low > timedelta(minutes=1):
        middle = (low + (high - low) // 2).replace(second=0, microsecond=0)
        if middle.astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    old = high + (before or timedelta())
    new = high.astimezone(zone).replace(tzinfo=UTC)
    minutes = sorted((old.hour * 60 + old.minute, new.hour * 60 + new.minute))
    return minutes[0], minutes[1]
