"""Which price components can ever be active: exact geometry on restrictions.

What restrictions hold for is a box with one axis per quantity (minute of the day, date, energy, duration, power,
current) and a set of weekdays. A component can be active if the boxes before it leave something of its own. The
axes are taken as independent, although a date determines its weekday and energy needs time: so a component may
be taken as reachable that is not, but never the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from ocpi.tariffs.compiled import CompiledComponent, CompiledTariff
from ocpi.tariffs.restrictions import MINUTES_PER_DAY, CompiledRestrictions

MAX_WORK = 700_000
"""Most comparisons of boxes for one tariff, one to three seconds. A week in quarters of an hour with three
dimensions needs 680,000; what is left undecided counts as reachable and is reported."""

_CUT_WORK = 10
"""To cut a box takes as long as to compare ten."""

MAX_PIECES = 2_000
"""Most pieces that a box may fall into; only tariffs made to be confusing have more."""

ALL_DAYS = 0b1111111
_INFINITE = Decimal("Infinity")
_UNKNOWN = -_INFINITE
"""Power and current that nobody measured: below every limit, and in no restriction (policy ``does_not_match``)."""
_LOWEST = Decimal("-1E+999")
"""Below every number that is accepted (``MAX_EXPONENT``), above :data:`_UNKNOWN`."""

Number = Decimal | int


@dataclass(frozen=True, slots=True)
class Box:
    """Half-open intervals ``[low, high)`` on six axes, and weekdays as a bit mask."""

    lows: tuple[Number, ...]
    highs: tuple[Number, ...]
    days: int

    @property
    def empty(self) -> bool:
        """Whether nothing is inside."""
        return not self.days or any(low >= high for low, high in zip(self.lows, self.highs, strict=True))


def boxes(restrictions: CompiledRestrictions | None) -> tuple[Box, ...]:
    """Return where restrictions hold: one box, two for a window past midnight, none if that is nowhere."""
    r = restrictions or CompiledRestrictions()
    days = ALL_DAYS if r.weekdays is None else sum(1 << day for day in r.weekdays)
    power_low, power_high = _flow(r.min_power_kw, r.max_power_kw)
    current_low, current_high = _flow(r.min_current_a, r.max_current_a)
    lows: tuple[Number, ...] = (
        r.start_day or 0,
        _LOWEST if r.min_kwh is None else r.min_kwh,
        max(0, r.min_duration_us or 0),
        power_low,
        current_low,
    )
    highs: tuple[Number, ...] = (
        _INFINITE if r.end_day is None else r.end_day,
        _INFINITE if r.max_kwh is None else r.max_kwh,
        _INFINITE if r.max_duration_us is None else r.max_duration_us,
        power_high,
        current_high,
    )
    found = (Box((first, *lows), (last, *highs), days) for first, last in windows(r))
    return tuple(box for box in found if not box.empty)


def windows(restrictions: CompiledRestrictions) -> tuple[tuple[int, int], ...]:
    """Return the daily window as stretches of one day, the end exclusive."""
    start, end = restrictions.start_minute, restrictions.end_minute
    if start is None or end is None:
        return ((0, MINUTES_PER_DAY),)
    if start < end:
        return ((start, end),)
    return ((0, end), (start, MINUTES_PER_DAY))


def _flow(low: Decimal | None, high: Decimal | None) -> tuple[Decimal, Decimal]:
    if low is None and high is None:
        return _UNKNOWN, _INFINITE
    return _LOWEST if low is None else low, _INFINITE if high is None else high


class Budget:
    """What may still be compared for one tariff."""

    def __init__(self, work: int = MAX_WORK) -> None:
        self.left = work
        self.spent_out = False

    def spend(self, work: int) -> bool:
        """Take some of it; ``False`` if it is used up."""
        self.left -= work
        self.spent_out |= self.left < 0
        return not self.spent_out


def _touch(one: Box, other: Box) -> bool:
    if not one.days & other.days or one.lows[0] >= other.highs[0] or other.lows[0] >= one.highs[0]:
        return False  # most boxes differ in the time of the week
    for low, high, low2, high2 in zip(one.lows, one.highs, other.lows, other.highs, strict=True):
        if low >= high2 or low2 >= high:
            return False
    return True


def _without(piece: Box, cutter: Box) -> Iterable[Box]:
    """Yield what is left of a box after another, which touches it, is cut out."""
    lows, highs = list(piece.lows), list(piece.highs)
    for axis, (low, high) in enumerate(zip(cutter.lows, cutter.highs, strict=True)):
        if lows[axis] < low:
            yield Box(tuple(lows), (*highs[:axis], low, *highs[axis + 1 :]), piece.days)
            lows[axis] = low
        if high < highs[axis]:
            yield Box((*lows[:axis], high, *lows[axis + 1 :]), tuple(highs), piece.days)
            highs[axis] = high
    if piece.days & ~cutter.days:
        yield Box(tuple(lows), tuple(highs), piece.days & ~cutter.days)


def shadowing(
    own: Sequence[Box], before: Sequence[tuple[int, Box]], budget: Budget
) -> tuple[int, ...] | None:
    """Return the elements that together take everything from a component; ``None`` if something is left.

    Args:
        own: Where its restrictions hold.
        before: Elements and boxes of the components before it.
        budget: If it is used up, something counts as left.
    """
    pieces = list(own)
    by: dict[int, None] = {}
    for element, cutter in before:
        if not budget.spend(len(pieces)):
            return None
        left: list[Box] = []
        for piece in pieces:
            if _touch(piece, cutter):
                budget.spend(_CUT_WORK)
                by[element] = None
                left.extend(_without(piece, cutter))
            else:
                left.append(piece)
        if not left:
            return tuple(by)
        if len(left) > MAX_PIECES:
            budget.spent_out = True
            return None
        pieces = left
    return None


def everything(first_day: int = 0, last_day: Number = _INFINITE) -> Box:
    """Return all that can happen in a session between two dates (ordinals, the end exclusive)."""
    return Box(
        (0, first_day, Decimal(0), 0, _UNKNOWN, _UNKNOWN),
        (MINUTES_PER_DAY, last_day, _INFINITE, _INFINITE, _INFINITE, _INFINITE),
        ALL_DAYS,
    )


def leaves_gap(candidates: Iterable[CompiledComponent], whole: Box) -> bool:
    """Return whether there is a case in which no candidate is active; ``True`` also where that is undecided."""
    cover = [(item.element, box) for item in candidates for box in boxes(item.restrictions)]
    return shadowing([whole], cover, Budget()) is None


@dataclass(frozen=True, slots=True)
class Reach:
    """What can never be active.

    Attributes:
        shadowed: (element, component) -> elements before it that leave nothing to it.
        nowhere: (element, component) whose own restrictions never hold together.
        complete: ``False`` if the tariff was too large to decide everything.
    """

    shadowed: dict[tuple[int, int], tuple[int, ...]]
    nowhere: frozenset[tuple[int, int]]
    complete: bool

    def reachable(self, component: CompiledComponent) -> bool:
        """Return whether a component may be active at some time."""
        key = (component.element, component.component)
        return key not in self.shadowed and key not in self.nowhere


def reach(tariff: CompiledTariff, work: int = MAX_WORK) -> Reach:
    """Find out which components can ever be active, each among those of its dimension and kind of session."""
    shadowed: dict[tuple[int, int], tuple[int, ...]] = {}
    nowhere: set[tuple[int, int]] = set()
    budget = Budget(work)
    for group in (tariff.session, tariff.reservation, tariff.reservation_expires):
        for candidates in group.values():
            before: list[tuple[int, Box]] = []
            for candidate in candidates:
                key = (candidate.element, candidate.component)
                own = boxes(candidate.restrictions)
                if not own:
                    nowhere.add(key)
                    continue
                by = shadowing(own, before, budget)
                if by is not None:
                    shadowed[key] = by
                else:
                    before.extend((candidate.element, box) for box in own)
    return Reach(shadowed, frozenset(nowhere), not budget.spent_out)
