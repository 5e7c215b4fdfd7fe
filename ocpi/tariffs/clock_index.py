"""Candidates by the minute of the day, so that a tariff with a price per half hour is not searched from start.

A daily window holds or does not hold throughout the stretch between two of the tariff's clock times, so for each
stretch the candidates that can hold are known. What else restricts them is still compared.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ocpi.tariffs.restrictions import CompiledRestrictions

if TYPE_CHECKING:
    from ocpi.tariffs.compiled import CompiledComponent

MIN_CANDIDATES = 6
"""Fewer are compared as fast as they are looked up."""

MAX_CANDIDATES = 1000
"""More are compared one by one. All stretches together hold at most candidates times 1440 entries, and a week
in quarters of an hour has 672 candidates."""


class ClockIndex:
    """Candidates of one dimension by minute; the stretches are worked out when they are first asked for."""

    __slots__ = ("_candidates", "_minutes", "_stretches")

    def __init__(self, candidates: Sequence[CompiledComponent], minutes: Sequence[int]) -> None:
        self._candidates = tuple(candidates)
        self._minutes = tuple(minutes)
        self._stretches: dict[int, tuple[CompiledComponent, ...]] = {}

    def at(self, minute: int) -> tuple[CompiledComponent, ...]:
        """Return the candidates whose daily window holds at a local minute of the day, in tariff order."""
        stretch = bisect_right(self._minutes, minute)
        found = self._stretches.get(stretch)
        if found is None:
            found = self._stretches[stretch] = self._at(minute)
        return found

    def _at(self, minute: int) -> tuple[CompiledComponent, ...]:
        found = []
        for candidate in self._candidates:
            restrictions = candidate.restrictions
            if restrictions is None or window_holds(restrictions, minute):
                found.append(candidate)
                if restrictions is None:
                    break  # nothing behind it is ever active
        return tuple(found)


def clock_index(candidates: Sequence[CompiledComponent], edges: Mapping[int, object]) -> ClockIndex | None:
    """Return an index where it saves work: many candidates, some of them with a daily window.

    Args:
        candidates: Of one dimension, in tariff order.
        edges: Local minutes of the day at which a window of the tariff may open or close.
    """
    if not MIN_CANDIDATES <= len(candidates) <= MAX_CANDIDATES or not edges:
        return None
    return ClockIndex(candidates, sorted(edges))


def window_holds(restrictions: CompiledRestrictions, minute: int) -> bool:
    """Return whether the daily window of restrictions holds at a local minute of the day."""
    start, end = restrictions.start_minute, restrictions.end_minute
    if start is None or end is None:
        return True
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end
