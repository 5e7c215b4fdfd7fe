"""Does a price change inside a period that was not cut there?

Three things move while a period lasts: the wall clock, the elapsed time, and the consumed energy. The first
two are known at any instant; of the energy only the values at start and end are known.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.boundaries import MAX_SPAN, price_boundaries
from ocpi.tariffs.breakdown import PeriodState, SessionPeriod
from ocpi.tariffs.compiled import CompiledComponent, CompiledTariff
from ocpi.tariffs.exact import microseconds
from ocpi.tariffs.matching import Moment, moment_at
from ocpi.tariffs.restrictions import MINUTES_PER_DAY

MAX_WORK = 2_000_000
"""Most comparisons spent on this question for one session, some seconds: without it, a session of centuries
under a tariff of thousands of windows would take hours."""


class TooMuchWorkError(Exception):
    """Within this module: the budget is spent."""


@dataclass(slots=True)
class Budget:
    """What may still be spent for one session."""

    left: int = MAX_WORK

    def spend(self, work: int) -> None:
        """Spend, or raise :class:`TooMuchWorkError`."""
        self.left -= work
        if self.left < 0:
            raise TooMuchWorkError


Found = Mapping[TariffDimensionType, CompiledComponent | None]
Find = Callable[[TariffDimensionType, Moment], CompiledComponent | None]


def spans_price_change(
    tariff: CompiledTariff,
    period: SessionPeriod,
    moment: Moment,
    found: Found,
    find: Find,
    *,
    zone: ZoneInfo,
    origin: datetime,
    budget: Budget,
) -> tuple[TariffDimensionType, ...] | None:
    """Return the dimensions whose active component changes inside the period.

    Args:
        tariff: Tariff of the period.
        period: A period of the session.
        moment: Its start.
        found: What is active at its start.
        find: Finds the active component at another moment.
        zone: Time zone of the Location.
        origin: Where durations count from.
        budget: What may be spent; shared by the periods of a session.

    Returns:
        ``None`` if the period is longer than :data:`~ocpi.tariffs.boundaries.MAX_SPAN` or the budget is spent.
    """
    if period.end - period.start > MAX_SPAN:
        return None
    changed = []
    remaining = dict(found)
    try:
        for later in _moments(tariff, period, moment, zone, origin, budget):
            budget.spend(tariff.component_count)
            for dimension, component in tuple(remaining.items()):
                if find(dimension, later) is not component:
                    changed.append(dimension)
                    del remaining[dimension]
            if not remaining:
                break
    except TooMuchWorkError:
        return tuple(changed) or None
    return tuple(changed)


def _moments(
    tariff: CompiledTariff,
    period: SessionPeriod,
    moment: Moment,
    zone: ZoneInfo,
    origin: datetime,
    budget: Budget,
) -> Iterator[Moment]:
    """Yield the moments inside a period at which something may change: instants, energies, and both."""
    last = moment
    if _crosses_instants(tariff, period, moment, period.end.astimezone(zone), origin):
        budget.spend(((period.end - period.start).days + 2) * 2 * tariff.component_count)
        for instant in price_boundaries(tariff, period.start, period.end, zone, session_start=origin):
            wall = instant.astimezone(zone)
            last = moment_at(wall, moment.energy_kwh, microseconds(instant - origin), period)
            yield last
    if tariff.kwh_edges and period.state is not PeriodState.RESERVATION:
        final_kwh = moment.energy_kwh + period.energy_kwh
        for edge_kwh in tariff.kwh_edges:
            if moment.energy_kwh < edge_kwh < final_kwh:
                yield replace(moment, energy_kwh=edge_kwh)
                last = replace(last, energy_kwh=edge_kwh)
    if last is not moment:
        yield last


def may_change(
    tariff: CompiledTariff, period: SessionPeriod, moment: Moment, wall_end: datetime | None, origin: datetime
) -> bool:
    """Return quickly whether :func:`spans_price_change` can find anything; the usual period is cut well.

    Args:
        tariff: Tariff of the period.
        period: A period of the session.
        moment: Its start.
        wall_end: Its end in local time; needed if the tariff has clock times.
        origin: Where durations count from.
    """
    return _crosses_energy(tariff, period, moment) or _crosses_instants(
        tariff, period, moment, wall_end, origin
    )


def _crosses_energy(tariff: CompiledTariff, period: SessionPeriod, moment: Moment) -> bool:
    edges = tariff.kwh_edges
    if not edges or period.state is PeriodState.RESERVATION:
        return False
    place = bisect_right(edges, moment.energy_kwh)
    return place < len(edges) and edges[place] < moment.energy_kwh + period.energy_kwh


def _crosses_instants(
    tariff: CompiledTariff, period: SessionPeriod, moment: Moment, wall_end: datetime | None, origin: datetime
) -> bool:
    edges_s = tariff.duration_edges_s
    if edges_s:
        place = bisect_right(edges_s, moment.elapsed_us // 1_000_000)
        if place < len(edges_s) and edges_s[place] * 1_000_000 < microseconds(period.end - origin):
            return True
    minutes = tariff.clock_minutes
    if not minutes or wall_end is None:
        return False
    wall = moment.wall
    place = bisect_right(minutes, moment.minute)
    following = minutes[place] if place < len(minutes) else minutes[0] + MINUTES_PER_DAY
    into_minute_us = wall.second * 1_000_000 + wall.microsecond
    until_next_us = (following - moment.minute) * 60_000_000 - into_minute_us
    if microseconds(period.end - period.start) > until_next_us:
        return True
    return wall.utcoffset() != wall_end.utcoffset()
