"""The structure that explains a tariff: grouped as people think of it, and never at odds with the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.tariffs import PricedSessionInput, SessionPeriod, compile_tariff, price
from ocpi.tariffs.breakdown import Bucket, PeriodState
from ocpi.tariffs.explain import WEEK, Condition, Explanation, Situation, Tax, Topic, TopicPrices, explain
from tests.ocpi.tariffs.test_tariff_properties import components, tariff_of, taxes_included

D = Decimal
BERLIN = ZoneInfo("Europe/Berlin")


def part(kind: str, amount: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "price": D(amount), "vat": D(19), "step_size": 1, **more}


def element(*parts: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    return {"price_components": list(parts), "restrictions": restrictions or None}


def written(amount: Decimal | None) -> Decimal | None:
    return None if amount is None else amount.quantize(D("1e-20"))


def topic_of(explanation: Explanation, topic: Topic) -> TopicPrices:
    return next(item for item in explanation.topics if item.topic is topic)


def timetable(prices: TopicPrices) -> list[list[tuple[int, int, Decimal | None]]]:
    return [
        [
            (s.start_minute // 60, s.end_minute // 60, s.price.price if s.price else None)
            for s in plan.stretches
        ]
        for section in prices.sections
        for plan in section.plans
    ]


def test_day_and_night_become_one_timetable() -> None:
    night = element(part("ENERGY", "0.39"), start_time="18:00", end_time="08:00")
    energy = topic_of(explain(tariff_of([night, element(part("ENERGY", "0.49"))])), Topic.ENERGY)
    assert timetable(energy) == [[(0, 8, D("0.39")), (8, 18, D("0.49")), (18, 24, D("0.39"))]]
    assert energy.sections[0].plans[0].weekdays == WEEK
    assert not energy.gap
    unit = energy.sections[0].plans[0].stretches[0].price
    assert unit is not None
    assert (unit.net, unit.gross, unit.components) == (D("0.39"), D("0.4641"), ((0, 0),))


def test_dynamic_tariff_is_one_section_with_equal_neighbours_joined() -> None:
    half_hours = [
        element(
            part("ENERGY", "0.30" if n < 20 else f"0.{30 + n}"),
            start_time=f"{n // 2:02}:{n % 2 * 30:02}",
            end_time=f"{(n + 1) // 2 % 24:02}:{(n + 1) % 2 * 30:02}",
        )
        for n in range(48)
    ]
    energy = topic_of(explain(tariff_of(half_hours)), Topic.ENERGY)
    stretches = energy.sections[0].plans[0].stretches
    assert len(energy.sections) == 1
    assert (len(stretches), stretches[0].end_minute) == (29, 600)
    assert stretches[0].price is not None
    assert stretches[0].price.components == tuple((n, 0) for n in range(20))
    assert not energy.gap


def test_weekdays_with_the_same_prices_stand_together() -> None:
    weekend = element(part("ENERGY", "0.30"), day_of_week=["SATURDAY", "SUNDAY"])
    energy = topic_of(explain(tariff_of([weekend, element(part("ENERGY", "0.49"))])), Topic.ENERGY)
    assert [plan.weekdays for plan in energy.sections[0].plans] == [(0, 1, 2, 3, 4), (5, 6)]


def test_condition_makes_a_section_and_the_rest_is_a_gap() -> None:
    fee = element(part("PARKING_TIME", "6"), min_duration=14_400)
    explanation = explain(tariff_of([element(part("ENERGY", "0.49")), fee]))
    parking = topic_of(explanation, Topic.PARKING_TIME)
    assert parking.sections[0].condition == Condition(min_duration_s=14_400)
    assert parking.gap
    before = Situation(datetime(2024, 5, 1, 12, tzinfo=BERLIN), elapsed_us=14_400_000_000 - 1)
    after = Situation(datetime(2024, 5, 1, 12, tzinfo=BERLIN), elapsed_us=14_400_000_000)
    assert explanation.price_at(Topic.PARKING_TIME, before) is None
    found = explanation.price_at(Topic.PARKING_TIME, after)
    assert found is not None
    assert found.price == 6


def test_dates_are_conditions() -> None:
    one_day = element(part("ENERGY", "1"), start_date="2024-05-01", end_date="2024-05-02")
    energy = topic_of(explain(tariff_of([one_day])), Topic.ENERGY)
    assert energy.sections[0].condition == Condition(first_day=date(2024, 5, 1), end_day=date(2024, 5, 2))


def test_what_never_applies_is_left_out() -> None:
    always, never = element(part("ENERGY", "0.49")), element(part("ENERGY", "9"), min_kwh=D(1))
    assert len(topic_of(explain(tariff_of([always, never])), Topic.ENERGY).sections) == 1
    impossible = element(part("TIME", "9"), min_kwh=D(2), max_kwh=D(2))
    assert [one.topic for one in explain(tariff_of([always, impossible])).topics] == [Topic.ENERGY]


def test_what_only_holds_for_energy_fed_back_is_left_out() -> None:
    """ "The first 0 kWh" would explain nothing to a driver."""
    source = [element(part("ENERGY", "0.39"), max_kwh=0), element(part("ENERGY", "0.49"))]
    energy = topic_of(explain(tariff_of(source)), Topic.ENERGY)
    assert [section.condition for section in energy.sections] == [Condition()]


def test_expired_reservation_takes_what_it_has_not_itself() -> None:
    kept = element(part("FLAT", "2"), part("TIME", "5"), reservation="RESERVATION")
    expired = element(part("FLAT", "4"), reservation="RESERVATION_EXPIRES")
    explanation = explain(tariff_of([element(part("ENERGY", "1")), kept, expired]))
    assert [one.topic for one in explanation.topics] == [
        *(Topic.ENERGY, Topic.RESERVATION_FEE, Topic.RESERVATION_TIME, Topic.EXPIRED_FEE)
    ]
    fee = explanation.price_at(Topic.EXPIRED_FEE, Situation(datetime(2024, 5, 1, tzinfo=BERLIN)))
    assert fee is not None
    assert fee.price == 4


def test_taxes() -> None:
    plain = [element(part("ENERGY", "1.19", vat=None))]
    assert explain(tariff_of(plain)).tax is Tax.NOT_NAMED
    assert explain(tariff_of(plain, tax_included="N/A")).tax is Tax.NOT_APPLICABLE
    assert explain(tariff_of(plain, tax_included="YES")).tax is Tax.UNKNOWN_RATE
    rated = explain(tariff_of([element(part("ENERGY", "1.19"))], tax_included="YES"))
    unit = rated.price_at(Topic.ENERGY, Situation(datetime(2024, 5, 1, tzinfo=BERLIN)))
    assert unit is not None
    assert (rated.tax, unit.net, unit.gross) == (Tax.RATES, D(1), D("1.19"))


def test_conditions_exclude_each_other_at_their_common_limit() -> None:
    assert Condition(max_kwh=D(10)).excludes(Condition(min_kwh=D(10)))
    assert not Condition(max_kwh=D(10)).excludes(Condition(min_kwh=D("9.999")))
    assert not Condition(max_kwh=D(10)).excludes(Condition(min_duration_s=5))


clock = st.sampled_from(["00:00", "02:30", "03:00", "17:00", "22:15"])
conditions = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "start_time": clock,
            "end_time": clock,
            "day_of_week": st.sampled_from([["SUNDAY"], ["MONDAY", "SATURDAY"], []]),
            "start_date": st.sampled_from(["2024-03-28", "2024-03-31"]),
            "end_date": st.sampled_from(["2024-03-31", "2024-04-02"]),
            "min_duration": st.sampled_from([0, 1800, 7200]),
            "max_duration": st.sampled_from([1800, 36_000]),
            "min_kwh": st.sampled_from([D(0), D(5), D(10)]),
            "max_kwh": st.sampled_from([D(5), D(10)]),
            "min_power": st.sampled_from([D(0), D(11)]),
            "max_power": st.sampled_from([D(11), D(22)]),
            "min_current": st.sampled_from([D(16)]),
            "max_current": st.sampled_from([D(16)]),
            "reservation": st.sampled_from(["RESERVATION", "RESERVATION_EXPIRES"]),
        },
    ),
)
tariffs = st.lists(
    st.builds(
        lambda parts, limits: {"price_components": parts, "restrictions": limits},
        st.lists(components, min_size=1, max_size=3),
        conditions,
    ),
    min_size=1,
    max_size=6,
)
flows = st.one_of(st.none(), st.sampled_from([D(0), D("10.9"), D(11), D(16), D(22)]))
instants = st.integers(0, 7 * 86_400).map(
    lambda seconds: datetime(2024, 3, 27, tzinfo=UTC) + timedelta(seconds=seconds)
)
BUCKETS = {
    PeriodState.CHARGING: {
        Bucket.ENERGY: Topic.ENERGY,
        Bucket.TIME: Topic.CHARGING_TIME,
    },
    PeriodState.PARKING: {Bucket.ENERGY: Topic.ENERGY, Bucket.PARKING: Topic.PARKING_TIME},
}


@settings(max_examples=300)
@given(
    tariffs,
    taxes_included,
    instants,
    st.sampled_from([0, 1799, 1800, 7199, 7200, 36_000]),
    st.sampled_from([D(0), D("4.999"), D(5), D(10), D(20)]),
    st.sampled_from(list(BUCKETS)),
    flows,
    flows,
)
def test_explained_price_is_the_billed_one(
    source: list[dict[str, Any]],
    tax: str | None,
    now: datetime,
    elapsed_s: int,
    before_kwh: Decimal,
    state: PeriodState,
    power: Decimal | None,
    current: Decimal | None,
) -> None:
    """At any instant, whatever the engine bills is what the explanation says, by the same component."""
    tariff = tariff_of(source, tax_included=tax)
    explanation = explain(tariff)
    end = now + timedelta(seconds=1)
    flow = {"min_power_kw": power, "max_power_kw": power, "min_current_a": current, "max_current_a": current}
    # What is before bills nothing but counts: it is priced under no tariff.
    first = SessionPeriod(
        state, now - timedelta(seconds=elapsed_s), now, energy_kwh=before_kwh, tariff_id="none"
    )
    second = SessionPeriod(state, now, end, energy_kwh=D(1), tariff_id="T", **flow)
    lines = price(PricedSessionInput((first, second)), [compile_tariff(tariff)], BERLIN).lines
    at = Situation(
        now.astimezone(BERLIN),
        before_kwh,
        elapsed_s * 1_000_000,
        power,
        current,
    )
    wanted = {**BUCKETS[state], Bucket.FIXED: Topic.START_FEE}
    billed = {wanted[line.bucket]: line for line in lines}
    for topic in wanted.values():
        explained, line = explanation.price_at(topic, at), billed.get(topic)
        assert (explained is None) == (line is None)
        if explained is not None and line is not None:
            assert (line.element, line.component) in explained.components
            assert (line.price, line.vat_percent) == (explained.price, explained.vat_percent)
            if line.dimension == "FLAT":
                # a net price that is taken out of a gross one is a quotient: its 50th digit may differ
                assert written(line.cost.excl_vat) == written(explained.net)
                assert line.cost.incl_vat == explained.gross
            if next(one.gap for one in explanation.topics if one.topic is topic) is False:
                assert line is not None


@given(tariffs, instants, st.booleans())
def test_explained_reservation_is_the_billed_one(
    source: list[dict[str, Any]], now: datetime, expired: bool
) -> None:
    tariff = tariff_of(source)
    explanation = explain(tariff)
    reserved = SessionPeriod(PeriodState.RESERVATION, now, now + timedelta(minutes=1))
    lines = price(PricedSessionInput((reserved,), expired), [compile_tariff(tariff)], BERLIN).lines
    billed = {line.dimension: line for line in lines}
    at = Situation(now.astimezone(BERLIN))
    kept = {"FLAT": Topic.RESERVATION_FEE, "TIME": Topic.RESERVATION_TIME}
    lapsed = {"FLAT": Topic.EXPIRED_FEE, "TIME": Topic.EXPIRED_TIME}
    known = {one.topic for one in explanation.topics}
    for dimension, usual in kept.items():
        topic = lapsed[dimension] if expired and lapsed[dimension] in known else usual
        explained, line = explanation.price_at(topic, at), billed.get(dimension)
        assert (explained.price if explained else None) == (line.price if line else None)


@given(tariffs, instants)
def test_no_gap_means_a_price_at_any_time(source: list[dict[str, Any]], now: datetime) -> None:
    for topic in explain(tariff_of(source)).topics:
        if not topic.gap:
            for energy in (D(0), D(5), D(99)):
                assert topic.price_at(Situation(now.astimezone(BERLIN), energy)) is not None


def test_plans_cover_every_weekday_and_minute() -> None:
    weekend = element(part("ENERGY", "0.30"), day_of_week=["SATURDAY"], start_time="22:00", end_time="06:00")
    for section in topic_of(explain(tariff_of([weekend])), Topic.ENERGY).sections:
        assert sorted(day for plan in section.plans for day in plan.weekdays) == list(WEEK)
        for plan in section.plans:
            edges = [(s.start_minute, s.end_minute) for s in plan.stretches]
            assert edges[0][0] == 0
            assert edges[-1][1] == 1440
            assert all(left[1] == right[0] for left, right in pairwise(edges))
