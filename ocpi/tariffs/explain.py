"""What a tariff costs and when, as a structure that words, tables and programs are made from; no prose here.

For each thing that can cost money (:class:`Topic`) there are sections, of which the first that fits and has a price
at the time of the week applies. Elements are turned into a timetable without overlaps wherever only time of day and
weekday decide, so 48 elements of a dynamic tariff are one section. What can never apply is left out.

The engine is the judge: :meth:`Explanation.price_at` finds the price by the structure alone, and a test holds it
against the engine at random instants.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import Decimal, localcontext
from itertools import groupby

from ocpi.objects.tariff import Tariff, TariffDimensionType, TaxIncluded
from ocpi.tariffs._explanation import (
    WEEK,
    Condition,
    DayPlan,
    Explanation,
    Section,
    Situation,
    Stretch,
    Tax,
    Topic,
    TopicPrices,
    UnitPrice,
)
from ocpi.tariffs._reach import everything, leaves_gap, reach, windows
from ocpi.tariffs.compiled import CompiledComponent, CompiledTariff, compile_tariff
from ocpi.tariffs.exact import EXACT, QUOTIENT
from ocpi.tariffs.restrictions import MINUTES_PER_DAY, CompiledRestrictions

__all__ = [
    "WEEK",
    "Condition",
    "DayPlan",
    "Explanation",
    "Section",
    "Situation",
    "Stretch",
    "Tax",
    "Topic",
    "TopicPrices",
    "UnitPrice",
    "explain",
]

_MICROSECONDS = 1_000_000


def explain(tariff: Tariff) -> Explanation:
    """Return what a tariff costs and when.

    Args:
        tariff: Canonical (:mod:`ocpi.versions`).

    Raises:
        TariffError: The tariff cannot be used (:func:`~ocpi.tariffs.compiled.compile_tariff`).
    """
    compiled = compile_tariff(tariff)
    reachable = reach(compiled)
    topics = []
    for topic, candidates in _topics(compiled):
        used = [item for item in candidates if reachable.reachable(item) and _while_charging(item)]
        if used:
            with localcontext(EXACT):
                sections = tuple(_sections(used, compiled))
            topics.append(TopicPrices(topic, sections, leaves_gap(used, everything())))
    return Explanation(
        tariff_id=compiled.tariff_id,
        currency=compiled.currency,
        tax=_tax(tariff, compiled),
        topics=tuple(topics),
        min_price=compiled.min_price,
        max_price=compiled.max_price,
        valid_from=compiled.valid_from,
        valid_until=compiled.valid_until,
        findings=compiled.findings,
        complete=reachable.complete,
    )


def _while_charging(item: CompiledComponent) -> bool:
    """Return whether a component holds for anything but what is fed back; "the first 0 kWh" explains nothing."""
    r = item.restrictions
    limits = () if r is None else (r.max_kwh, r.max_power_kw, r.max_current_a)
    return all(limit is None or limit > 0 for limit in limits)


def _topics(compiled: CompiledTariff) -> Iterator[tuple[Topic, Sequence[CompiledComponent]]]:
    """Yield the candidates of each topic; what an expired reservation has not itself, it takes from a kept one."""
    flat, time = TariffDimensionType.FLAT, TariffDimensionType.TIME
    session, kept, expired = compiled.session, compiled.reservation, compiled.reservation_expires
    yield Topic.START_FEE, session.get(flat, ())
    yield Topic.ENERGY, session.get(TariffDimensionType.ENERGY, ())
    yield Topic.CHARGING_TIME, session.get(time, ())
    yield Topic.PARKING_TIME, session.get(TariffDimensionType.PARKING_TIME, ())
    yield Topic.RESERVATION_FEE, kept.get(flat, ())
    yield Topic.RESERVATION_TIME, kept.get(time, ())
    for topic, kind in ((Topic.EXPIRED_FEE, flat), (Topic.EXPIRED_TIME, time)):
        if kind in expired:
            yield topic, (*expired[kind], *kept.get(kind, ()))


def _tax(tariff: Tariff, compiled: CompiledTariff) -> Tax:
    if tariff.tax_included is TaxIncluded.NOT_APPLICABLE:
        return Tax.NOT_APPLICABLE
    if tariff.tax_included is TaxIncluded.YES:
        rates = [component.vat for element in tariff.elements for component in element.price_components]
        return Tax.UNKNOWN_RATE if None in rates else Tax.RATES
    return Tax.RATES if compiled.has_vat else Tax.NOT_NAMED


def _sections(candidates: Sequence[CompiledComponent], compiled: CompiledTariff) -> Iterator[Section]:
    """Join neighbours that only the time of the week tells apart."""
    for condition, items in groupby(candidates, key=lambda item: _condition(item.restrictions)):
        yield Section(condition, _plans(list(items), compiled))


def _condition(restrictions: CompiledRestrictions | None) -> Condition:
    r = restrictions
    if r is None:
        return Condition()
    return Condition(
        first_day=None if r.start_day is None else date.fromordinal(r.start_day),
        end_day=None if r.end_day is None else date.fromordinal(r.end_day),
        min_kwh=r.min_kwh,
        max_kwh=r.max_kwh,
        min_duration_s=_s(r.min_duration_us),
        max_duration_s=_s(r.max_duration_us),
        min_power_kw=r.min_power_kw,
        max_power_kw=r.max_power_kw,
        min_current_a=r.min_current_a,
        max_current_a=r.max_current_a,
    )


def _plans(items: Sequence[CompiledComponent], compiled: CompiledTariff) -> tuple[DayPlan, ...]:
    """Return the timetables of a week, days with the same one together."""
    made: dict[tuple[int, ...], tuple[Stretch, ...]] = {}
    days: dict[tuple[Stretch, ...], list[int]] = {}
    for weekday in WEEK:
        own = tuple(place for place, item in enumerate(items) if _on(item, weekday))
        if own not in made:
            made[own] = _timetable([items[place] for place in own], compiled)
        days.setdefault(made[own], []).append(weekday)
    return tuple(DayPlan(tuple(weekdays), stretches) for stretches, weekdays in days.items())


def _on(item: CompiledComponent, weekday: int) -> bool:
    restrictions = item.restrictions
    return restrictions is None or restrictions.weekdays is None or weekday in restrictions.weekdays


def _timetable(items: Sequence[CompiledComponent], compiled: CompiledTariff) -> tuple[Stretch, ...]:
    """Return a day: each stretch belongs to the first item whose window is open.

    Stretches are given away in tariff order; ``following`` leads from each to the next that is still free, so
    that the work grows with the items and not with items times stretches.
    """
    spans = [windows(item.restrictions or CompiledRestrictions()) for item in items]
    edges = sorted({0, MINUTES_PER_DAY, *(edge for span in spans for window in span for edge in window)})
    places = {edge: place for place, edge in enumerate(edges)}
    owners: list[CompiledComponent | None] = [None] * (len(edges) - 1)
    following = list(range(len(edges)))
    for item, span in zip(items, spans, strict=True):
        for first, last in span:
            place = _free(following, places[first])
            while place < places[last]:
                owners[place] = item
                following[place] = place + 1
                place = _free(following, place)
    return tuple(_joined(edges, owners, compiled))


def _free(following: list[int], place: int) -> int:
    end = place
    while following[end] != end:
        end = following[end]
    while following[place] != end and following[place] != place:
        following[place], place = end, following[place]
    return end


def _joined(
    edges: Sequence[int], owners: Sequence[CompiledComponent | None], compiled: CompiledTariff
) -> Iterator[Stretch]:
    """Yield stretches, neighbours of the same price together."""
    places: Iterable[tuple[int, CompiledComponent | None]] = enumerate(owners)
    for terms, group in groupby(places, key=lambda pair: None if pair[1] is None else _terms(pair[1])):
        members = list(group)
        start, end = edges[members[0][0]], edges[members[-1][0] + 1]
        used = list({id(item): item for _, item in members if item is not None}.values())
        yield Stretch(start, end, None if terms is None else _unit_price(used, compiled))


def _terms(item: CompiledComponent) -> tuple[object, ...]:
    return item.price, item.vat_percent, item.step_size, item.rounding


def _unit_price(used: Sequence[CompiledComponent], compiled: CompiledTariff) -> UnitPrice:
    one = used[0]
    net: Decimal | None = one.price
    gross: Decimal | None = one.price * one.vat_factor if compiled.has_vat else None
    if one.tax_included:
        net = None if one.vat_percent is None else QUOTIENT.divide(one.price, one.vat_factor)
        gross = one.price
    return UnitPrice(
        price=one.price,
        net=net,
        gross=gross,
        vat_percent=one.vat_percent,
        step_size=one.step_size,
        own_rounding=one.rounding is not None,
        components=tuple((item.element, item.component) for item in used),
    )


def _s(duration_us: int | None) -> int | None:
    return None if duration_us is None else duration_us // _MICROSECONDS
