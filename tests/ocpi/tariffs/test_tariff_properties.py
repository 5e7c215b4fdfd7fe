"""What must hold for any tariff and session."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ocpi.objects.tariff import Tariff
from ocpi.tariffs import (
    Breakdown,
    PricedSessionInput,
    PricingPolicy,
    SessionPeriod,
    compile_tariff,
    policy_from,
    price,
    price_boundaries,
    written_costs,
)
from ocpi.tariffs.boundaries import energy_boundaries_kwh
from ocpi.tariffs.breakdown import Amount, PeriodState
from ocpi.tariffs.clock_index import MIN_CANDIDATES
from ocpi.tariffs.exact import EXACT

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
            "start_date": st.sampled_from(["2024-03-30", "2024-03-31"]),
            "end_date": st.sampled_from(["2024-03-31", "2024-04-01"]),
            "min_kwh": st.sampled_from([0, 5, Decimal("12.5")]),
            "max_kwh": st.sampled_from([5, Decimal("12.5"), 80]),
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


taxes_included = st.sampled_from([None, "NO", "YES", "N/A"])


def tariff_of(source: list[dict[str, Any]], **more: Any) -> Tariff:
    return Tariff.model_validate(
        {
            **more,
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


@given(source=elements, session=sessions(), included=taxes_included)
def test_no_negative_amount(
    source: list[dict[str, Any]], session: PricedSessionInput, included: str | None
) -> None:
    result = price(session, [compile_tariff(tariff_of(source, tax_included=included))], ZONE)
    for amount in (result.total, *result.parts.values(), *(line.cost for line in result.lines)):
        assert amount.excl_vat is None or amount.excl_vat >= 0
        assert amount.incl_vat is None or amount.incl_vat >= (amount.excl_vat or 0)
        assert all(line.amount >= 0 for line in amount.taxes)


limits = st.one_of(
    st.none(),
    st.builds(
        lambda net, gross: {"excl_vat": net} if gross is None else {"excl_vat": net, "incl_vat": gross},
        prices,
        st.one_of(st.none(), prices),
    ),
)


def assert_taxes_sum(amount: Amount) -> None:
    with localcontext(EXACT):
        if amount.excl_vat is None or amount.incl_vat is None:
            assert amount.taxes == ()
        else:
            total = sum((line.amount for line in amount.taxes), Decimal(0))
            assert total == amount.incl_vat - amount.excl_vat


policies = st.builds(
    lambda digits, rounding, scope: policy_from(
        {"money_digits": digits, "money_rounding": rounding, "rounding_scope": scope}
    ),
    st.sampled_from([0, 2, 4]),
    st.sampled_from(["ROUND_HALF_UP", "ROUND_HALF_EVEN"]),
    st.sampled_from(["total", "part", "line"]),
)


@given(
    source=elements,
    session=sessions(),
    included=taxes_included,
    least=limits,
    most=limits,
    policy=policies,
)
def test_tax_lines_sum_to_the_difference(
    source: list[dict[str, Any]],
    session: PricedSessionInput,
    included: str | None,
    least: dict[str, Any] | None,
    most: dict[str, Any] | None,
    policy: PricingPolicy,
) -> None:
    """Of lines, parts and totals, exact and written, under any rounding."""
    tariff = tariff_of(source, tax_included=included, min_price=least, max_price=most)
    result = price(session, [compile_tariff(tariff)], ZONE, policy)
    written = written_costs(result, policy)
    amounts = [result.total, result.total_before_limits, *result.parts.values(), written.total_cost]
    amounts += [line.cost for line in result.lines]
    amounts += [
        amount
        for name in ("fixed", "energy", "time", "parking", "reservation")
        if (amount := getattr(written, f"total_{name}_cost")) is not None
    ]
    for amount in amounts:
        assert_taxes_sum(amount)
        assert amount.excl_vat is None or amount.excl_vat >= 0
        assert amount.incl_vat is None or amount.incl_vat >= 0
    known = [line for line in result.lines if line.vat_percent is None and line.tax_included]
    assert (result.total_before_limits.excl_vat is None) == bool(known)


@given(source=elements, session=sessions())
def test_prices_with_and_without_taxes_agree(
    source: list[dict[str, Any]], session: PricedSessionInput
) -> None:
    """A tariff with taxes included whose prices are the gross prices of another costs the same."""
    gross = [
        {
            **element,
            "price_components": [
                {
                    **part,
                    "vat": part["vat"] or 0,
                    "price": part["price"] * (1 + Decimal(part["vat"] or 0) / 100),
                }
                for part in element["price_components"]
            ],
        }
        for element in source
    ]
    net = [
        {
            **element,
            "price_components": [{**part, "vat": part["vat"] or 0} for part in element["price_components"]],
        }
        for element in source
    ]
    one = price(session, [compile_tariff(tariff_of(net, tax_included="NO"))], ZONE)
    other = price(session, [compile_tariff(tariff_of(gross, tax_included="YES"))], ZONE)
    assert one.total.incl_vat == other.total.incl_vat
    assert one.total.excl_vat is not None
    assert other.total.excl_vat is not None
    assert abs(one.total.excl_vat - other.total.excl_vat) < Decimal("1e-20")


@given(source=elements, session=sessions())
def test_index_by_the_clock_finds_what_a_search_finds(
    source: list[dict[str, Any]], session: PricedSessionInput
) -> None:
    """Elements that never hold make the tariff long enough for the index, and change nothing else."""
    never = {
        "price_components": [
            {"type": kind, "price": 99, "step_size": 1} for kind in ("ENERGY", "TIME", "PARKING_TIME", "FLAT")
        ],
        "restrictions": {
            "start_time": "00:00",
            "end_time": "23:59",
            "start_date": "2000-01-01",
            "end_date": "2000-01-02",
        },
    }
    long_ = compile_tariff(tariff_of([*source, *([never] * MIN_CANDIDATES)]))
    assert long_.session_clock
    short = price(session, [compile_tariff(tariff_of(source))], ZONE)
    found = price(session, [long_], ZONE)
    assert short.total.excl_vat == found.total.excl_vat
    assert [(line.element, line.cost.excl_vat) for line in short.lines] == [
        (line.element, line.cost.excl_vat) for line in found.lines
    ]


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
    used = Decimal(0)
    for period in session.periods:
        cuts = price_boundaries(compiled, period.start, period.end, ZONE, session_start=origin)
        for piece in cut(period, list(cuts)):
            exact += at_energies(piece, used, energy_boundaries_kwh(compiled))
            used += piece.energy_kwh
    finer: list[SessionPeriod] = []
    for period in exact:
        offset = data.draw(st.integers(0, (period.end - period.start) // timedelta(seconds=1)))
        middle = period.start + timedelta(seconds=offset)
        finer += cut(period, [middle] if period.start < middle < period.end else [])
    once = price(PricedSessionInput(tuple(exact)), [compiled], ZONE)
    again = price(PricedSessionInput(tuple(finer)), [compiled], ZONE)
    assert without_findings(once) == without_findings(again)
    assert "period_spans_price_change" not in {finding.code for finding in (*once.findings, *again.findings)}


def at_energies(period: SessionPeriod, used: Decimal, edges: tuple[Decimal, ...]) -> list[SessionPeriod]:
    """Cut a period where the energy of the session reaches an edge, as if it flowed in the last moment."""
    passed = [edge for edge in edges if used < edge < used + period.energy_kwh]
    levels = [used, *passed, used + period.energy_kwh]
    parts = [replace(period, energy_kwh=high - low) for low, high in pairwise(levels)]
    moments = [period.end - timedelta(microseconds=len(passed) - place) for place in range(len(passed))]
    starts, ends = [period.start, *moments], [*moments, period.end]
    return [replace(part, start=start, end=end) for part, start, end in zip(parts, starts, ends, strict=True)]


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


@given(
    parts=st.lists(components, min_size=2, max_size=6),
    session=sessions(),
    data=st.data(),
)
def test_order_of_elements_that_never_meet_is_irrelevant(
    parts: list[dict[str, Any]], session: PricedSessionInput, data: st.DataObject
) -> None:
    """Elements whose windows exclude each other can stand in any order; FLAT is once, by whichever is first."""
    edges = ["00:00", "02:30", "03:00", "17:00", "21:15", "22:30", "00:00"]
    apart = [
        {"price_components": [part], "restrictions": {"start_time": start, "end_time": end}}
        for part, (start, end) in zip(parts, pairwise(edges), strict=False)
    ]
    mixed = data.draw(st.permutations(apart))
    one = price(session, [compile_tariff(tariff_of(apart))], ZONE)
    other = price(session, [compile_tariff(tariff_of(list(mixed)))], ZONE)
    assert (one.total, one.parts, one.billed) == (other.total, other.parts, other.billed)


@given(source=elements, session=sessions())
def test_lines_add_up(source: list[dict[str, Any]], session: PricedSessionInput) -> None:
    result = price(session, [compile_tariff(tariff_of(source))], ZONE)
    tiny = Decimal("1e-20")  # the test adds with the usual 28 digits
    net = sum((line.cost.excl_vat or 0 for line in result.lines), Decimal(0))
    assert abs(net - (result.total_before_limits.excl_vat or 0)) < tiny
    for bucket, amount in result.parts.items():
        part = sum((line.cost.excl_vat or 0 for line in result.lines if line.bucket is bucket), Decimal(0))
        assert abs(part - (amount.excl_vat or 0)) < tiny
    assert list(result.lines) == sorted(result.lines, key=lambda line: line.start)


@given(source=elements, session=sessions())
def test_blocks_are_at_most_one_step_more(source: list[dict[str, Any]], session: PricedSessionInput) -> None:
    result = price(session, [compile_tariff(tariff_of(source))], ZONE)
    for line in result.lines:
        surplus = line.billed - line.measured
        unit = 1000 if line.unit == "kWh" else 3600
        assert 0 <= surplus * unit < max(line.step_size, 1)
