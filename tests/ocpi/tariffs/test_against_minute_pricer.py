"""The engine against a pricer that looks at every minute: restrictions, boundaries, blocks, reservations, limits."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.objects.tariff import Tariff
from ocpi.tariffs import compile_tariff, price
from ocpi.tariffs.simulate import WhatIf, simulate
from ocpi.versions import V2_2_1, V2_3_0
from tests.ocpi.tariffs.minute_pricer import DAYS, Session, total
from tests.ocpi.tariffs.test_tariff_properties import tariff_of

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTS = (
    datetime(2026, 3, 28, 22, 0, tzinfo=UTC),  # 02:00 to 03:00 is left out
    datetime(2026, 10, 24, 21, 0, tzinfo=UTC),  # 02:00 to 03:00 comes twice
    datetime(2026, 12, 31, 20, 0, tzinfo=UTC),
)
D = Decimal
prices = st.decimals(0, 9, places=2)
vats = st.sampled_from([None, D(0), D(7), D(19)])
steps = st.sampled_from([0, 1, 60, 420, 900, 1000])
times = st.sampled_from(["00:00", "01:30", "02:00", "02:30", "03:00", "12:00", "22:00", "23:59"])
dates = st.sampled_from(["2026-03-29", "2026-10-25", "2026-10-26", "2027-01-01"])
limits = {
    "start_time": times,
    "end_time": times,
    "day_of_week": st.lists(st.sampled_from(DAYS), min_size=1, max_size=4, unique=True),
    "start_date": dates,
    "end_date": dates,
    "min_kwh": st.sampled_from([D(0), D("1.2"), D("5.4")]),
    "max_kwh": st.sampled_from([D("0.06"), D("3.0"), D("7.2")]),
    "min_duration": st.sampled_from([600, 3600]),
    "max_duration": st.sampled_from([60, 1800, 5400]),
    "min_power": st.sampled_from([D("3.6"), D("3.61")]),
    "max_power": st.sampled_from([D("3.6"), D("3.61")]),
    "min_current": st.sampled_from([D(16), D(17)]),
    "max_current": st.sampled_from([D(16), D(17)]),
}


def some(chosen: dict[str, Any], most: int) -> st.SearchStrategy[dict[str, Any]]:
    """One restriction, or a few: with more, elements that ever hold are rare."""
    return st.lists(st.sampled_from(sorted(chosen)), min_size=1, max_size=most, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: chosen[name] for name in names})
    )


def parts(*kinds: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    component = st.builds(
        lambda kind, amount, vat, step: {"type": kind, "price": amount, "vat": vat, "step_size": step},
        st.sampled_from(kinds),
        prices,
        vats,
        steps,
    )
    return st.lists(component, min_size=2, max_size=4, unique_by=lambda part: str(part["type"]))


ordinary = st.fixed_dictionaries(
    {"price_components": parts("FLAT", "ENERGY", "TIME", "PARKING_TIME"), "restrictions": some(limits, 3)}
)
reserving = st.fixed_dictionaries(
    {
        "price_components": parts("FLAT", "TIME"),
        "restrictions": st.builds(
            lambda kind, more: {"reservation": kind, **more},
            st.sampled_from(["RESERVATION", "RESERVATION_EXPIRES"]),
            st.one_of(st.just({}), some({"start_time": times, "end_time": times}, 2)),
        ),
    }
)
fallback = st.fixed_dictionaries({"price_components": parts("FLAT", "ENERGY", "TIME", "PARKING_TIME")})
elements = st.builds(
    lambda first, second, last: [*first, *second, *last],
    st.lists(ordinary, min_size=1, max_size=5),
    st.lists(reserving, max_size=3),
    st.lists(fallback, max_size=1),
)
limit = st.builds(lambda net, gross: {"excl_vat": D(net), "incl_vat": D(gross)}, *[st.integers(0, 9)] * 2)
tariffs = st.fixed_dictionaries({"elements": elements}, optional={"min_price": limit, "max_price": limit})


@st.composite
def sessions(draw: st.DrawFn) -> Session:
    reserved = draw(st.sampled_from([0, 0, 1, 47]))
    return Session(
        start=draw(st.sampled_from(NIGHTS)) + timedelta(minutes=draw(st.integers(0, 360))),
        reserved=reserved,
        charged=draw(st.sampled_from([1, 33, 150])),
        parked=draw(st.sampled_from([0, 7, 130])),
        expired=reserved > 0 and draw(st.booleans()),
        current=draw(st.sampled_from([None, Fraction(16)])),
    )


def what_if(session: Session) -> WhatIf:
    return WhatIf(
        start=session.start,
        power_kw=D("3.6"),
        charging_s=session.charged * 60,
        parked_s=session.parked * 60,
        reserved_s=session.reserved * 60,
        expired=session.expired,
        current_a=None if session.current is None else D(16),
    )


def same(found: Decimal | None, expected: Fraction | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return abs(Fraction(found) - expected) < Fraction(1, 10**30)


@settings(max_examples=150)
@given(source=tariffs, session=sessions())
def test_every_price_is_the_one_that_looking_at_each_minute_gives(
    source: dict[str, Any], session: Session
) -> None:
    before = total({"elements": source["elements"]}, session, BERLIN)
    after = total(source, session, BERLIN)
    tariff = tariff_of(source["elements"], **{key: source[key] for key in source if key != "elements"})
    made = simulate(compile_tariff(tariff), what_if(session), BERLIN)
    for amount, (net, gross) in (
        (made.breakdown.total_before_limits, before),
        (made.breakdown.total, after),
    ):
        assert same(amount.excl_vat, net)
        assert same(amount.incl_vat, gross)
    assert "period_spans_price_change" not in {finding.code for finding in made.breakdown.findings}
    for wire in (V2_2_1, V2_3_0):  # and it costs the same in the words of both versions
        again = compile_tariff(wire.load(Tariff, wire.dump(tariff)))
        assert price(made.session, [again], BERLIN).total == made.breakdown.total
