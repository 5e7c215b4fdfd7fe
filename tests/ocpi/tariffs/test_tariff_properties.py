"""What must hold for any tariff and session."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ocpi.objects.tariff import Tariff
from ocpi.tariffs import Breakdown, PricedSessionInput, SessionPeriod, compile_tariff, price, price_boundaries
from ocpi.tariffs.breakdown import PeriodState

ZONE = "Europe/Berlin"
START = datetime(2024, 3, 30, 20, 0, tzinfo=UTC)  # the night in which the clocks go forward

prices = st.decimals(0, 10, places=4)
vats = st.one_of(st.none(), st.sampled_from([Decimal(0), Decimal(7), Decimal("19"), Decimal("5.2")]))
steps = st.sampled_from([0, 1, 60, 300, 1000])
components = st.builds(
    lambda kind, value, vat, step: {"type": kind, "price": value, "vat": vat, "step_size": step},
    st.sampled_from(["ENERGY", "TIME", "PARKING_TIME", "FLAT"]),
    prices,
    vats,
    steps,
)
times = st.sampled_from(["00:00", "02:30", "03:00", "17:00", "22:15", None])
restrictions = st.one_of(
    st.none(),
    st.fixed_dictionaries(
        {},
        optional={
            "start_time": times,
            "end_time": times,
            "day_of_week": st.sampled_from([["SUNDAY"], ["MONDAY", "SATURDAY"], []]),
            "min_duration": st.sampled_from([0, 1800, 7200]),
            "max_duration": st.sampled_from([1800, 36000]),
            "reservation": st.sampled_from(["RESERVATION", "RESERVATION_EXPIRES"]),
        },
    ),
)
elements = st.lists(
    st.builds(
        lambda parts, limits: {
            "price_components": list({part["type"]: part for part in parts}.values()),
            "restrictions": limits,
        },
        st.lists(components, min_size=1, max_size=3),
        restrictions,
    ),
    min_size=1,
    max_size=5,
)
states = st.sampled_from([PeriodState.CHARGING, PeriodState.PARKING])
lengths = st.integers(1, 6 * 3600)
energies = st.decimals(0, 50, places=3)


def tariff_of(source: list[dict[str, Any]]) -> Tariff:
    return Tariff.model_validate(
        {
            "country_code": "DE",
            "party_id": "ABC",
            "id": "T",
            "currency": "EUR",
            "last_updated": "2024-01-01T00:00:00Z",
            "elements": source,
        }
    )


@st.composite
def sessions(draw: st.DrawFn) -> PricedSessionInput:
    periods = []
    at = START
    if draw(st.booleans()):
        until = at + timedelta(seconds=draw(lengths))
        periods.append(SessionPeriod(PeriodState.RESERVATION, at, until))
        at = until
    for _ in range(draw(st.integers(1, 4))):
        state = draw(states)
        until = at + timedelta(seconds=draw(lengths))
        energy = draw(energies) if state is PeriodState.CHARGING else Decimal(0)
        periods.append(SessionPeriod(state, at, until, energy))
        at = until
    return PricedSessionInput(tuple(periods))


def without_findings(result: Breakdown) -> Breakdown:
    return replace(result, findings=())


@given(source=elements, session=sessions())
def test_no_negative_amount(source: list[dict[str, Any]], session: PricedSessionInput) -> None:
    result = price(session, [compile_tariff(tariff_of(source))], ZONE)
    for amount in (result.total, *result.parts.values(), *(line.cost for line in result.lines)):
        assert amount.excl_vat >= 0
        assert amount.incl_vat is None or amount.incl_vat >= amount.excl_vat


@given(source=elements, session=sessions())
def test_same_twice(source: list[dict[str, Any]], session: PricedSessionInput) -> None:
    compiled = compile_tariff(tariff_of(source))
    assert price(session, [compiled], ZONE) == price(session, [compiled], ZONE)
    assert price(session, [compile_tariff(tariff_of(source))], ZONE) == price(session, [compiled], ZONE)


@given(source=elements, session=sessions(), data=st.data())
def test_cutting_where_no_price_changes_changes_nothing(
    source: list[dict[str, Any]], session: PricedSessionInput, data: st.DataObject
) -> None:
    """Cut at all boundaries first, then anywhere: the whole breakdown stays the same, step_size included."""
    compiled = compile_tariff(tariff_of(source))
    origin = next(p.start for p in session.periods if p.state is not PeriodState.RESERVATION)
    exact: list[SessionPeriod] = []
    for period in session.periods:
        cuts = price_boundaries(compiled, period.start, period.end, ZONE, session_start=origin)
        exact += cut(period, list(cuts))
    finer: list[SessionPeriod] = []
    for period in exact:
        offset = data.draw(st.integers(0, int((period.end - period.start).total_seconds())))
        middle = period.start + timedelta(seconds=offset)
        finer += cut(period, [middle] if period.start < middle < period.end else [])
    once = price(PricedSessionInput(tuple(exact)), [compiled], ZONE)
    again = price(PricedSessionInput(tuple(finer)), [compiled], ZONE)
    assert without_findings(once) == without_findings(again)
    assert "period_spans_price_change" not in {finding.code for finding in (*once.findings, *again.findings)}


def cut(period: SessionPeriod, moments: list[datetime]) -> list[SessionPeriod]:
    """Cut a period; its energy flows before the first cut, except for a rest, so that no digit is lost."""
    edges = [period.start, *moments, period.end]
    result = []
    left = period.energy_kwh
    for number, (start, end) in enumerate(pairwise(edges)):
        last = number == len(edges) - 2
        share = left if last else (left / 2).quantize(Decimal("0.0001"))
        left -= share
        result.append(replace(period, start=start, end=end, energy_kwh=share))
    return result


@given(source=elements, session=sessions())
def test_order_of_unrelated_elements_is_irrelevant(
    source: list[dict[str, Any]], session: PricedSessionInput
) -> None:
    """Elements taken apart by dimension and put in another order of dimensions give the same amounts."""
    split = [
        {"price_components": [component], "restrictions": element["restrictions"]}
        for element in source
        for component in element["price_components"]
    ]
    sorted_ = sorted(split, key=lambda element: element["price_components"][0]["type"])  # stable
    first = price(session, [compile_tariff(tariff_of(source))], ZONE)
    for other in (split, sorted_):
        result = price(session, [compile_tariff(tariff_of(other))], ZONE)
        assert result.total == first.total
        assert result.parts == first.parts
        assert result.billed == first.billed


@given(source=elements, session=sessions())
def test_lines_add_up(source: list[dict[str, Any]], session: PricedSessionInput) -> None:
    result = price(session, [compile_tariff(tariff_of(source))], ZONE)
    tiny = Decimal("1e-20")  # the test adds with the usual 28 digits
    net = sum((line.cost.excl_vat for line in result.lines), Decimal(0))
    assert abs(net - result.total_before_limits.excl_vat) < tiny
    for bucket, amount in result.parts.items():
        part = sum((line.cost.excl_vat for line in result.lines if line.bucket is bucket), Decimal(0))
        assert abs(part - amount.excl_vat) < tiny
    assert list(result.lines) == sorted(result.lines, key=lambda line: line.start)


@given(source=elements, session=sessions())
def test_blocks_are_at_most_one_step_more(source: list[dict[str, Any]], session: PricedSessionInput) -> None:
    result = price(session, [compile_tariff(tariff_of(source))], ZONE)
    for line in result.lines:
        surplus = line.billed - line.measured
        unit = 1000 if line.unit == "kWh" else 3600
        assert 0 <= surplus * unit < max(line.step_size, 1)
