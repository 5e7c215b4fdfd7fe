"""What-if sessions: cut where a price changes, so that the engine never finds a change inside a period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.tariffs import TariffCode, TariffError, compile_tariff
from ocpi.tariffs.breakdown import Bucket, PeriodState
from ocpi.tariffs.errors import SessionUnusableError
from ocpi.tariffs.simulate import Simulation, WhatIf, simulate
from tests.ocpi.tariffs.test_tariff_explain import element, part, tariffs
from tests.ocpi.tariffs.test_tariff_properties import tariff_of

D = Decimal
NOON = datetime(2024, 5, 1, 10, 0, tzinfo=UTC)  # 12:00 in Berlin


def run(source: list[dict[str, Any]], **what_if: Any) -> Simulation:
    made = WhatIf(**{"start": NOON, "power_kw": D(11), "charging_s": 3600, **what_if})
    return simulate(compile_tariff(tariff_of(source)), made, "Europe/Berlin")


def test_session_is_cut_and_priced_as_by_hand() -> None:
    """12:00 to 14:00 at 11 kW, 0.50 before and 0.60 from 13:00; 4 h after the start 6.00 an hour; parked 3 h."""
    source = [
        element(part("ENERGY", "0.60"), start_time="13:00", end_time="00:00"),
        element(part("ENERGY", "0.50")),
        element(part("PARKING_TIME", "6"), min_duration=4 * 3600),
    ]
    made = run(source, charging_s=7200, parked_s=3 * 3600)
    hours = [
        (s.state, (s.start - NOON) / timedelta(hours=1), (s.end - NOON) / timedelta(hours=1))
        for s in made.steps
    ]
    assert hours == [
        (PeriodState.CHARGING, 0, 1),
        (PeriodState.CHARGING, 1, 2),
        (PeriodState.PARKING, 2, 4),
        (PeriodState.PARKING, 4, 5),
    ]
    # 11 x 0.50 + 11 x 0.60 + 1 h x 6.00 = 18.10; x 1.19 = 21.539
    assert (made.breakdown.total.excl_vat, made.breakdown.total.incl_vat) == (D("18.10"), D("21.539"))
    assert [step.total_kwh for step in made.steps] == [11, 22, 22, 22]
    assert [len(step.lines) for step in made.steps] == [1, 1, 0, 1]


def test_energy_tier_is_met_exactly() -> None:
    """7 kW reaches 10 kWh after 5142.857142... s: the cut is at the first microsecond after it."""
    source = [element(part("ENERGY", "1"), max_kwh=D(10)), element(part("ENERGY", "2"))]
    made = run(source, power_kw=D(7), charging_s=7200)
    first, second = made.session.periods
    assert (first.energy_kwh, second.energy_kwh) == (D(10), D(4))
    assert first.end - first.start == timedelta(seconds=5142, microseconds=857143)
    assert made.breakdown.total.excl_vat == 18


def test_energy_or_duration_ends_charging_whichever_comes_first() -> None:
    source = [element(part("ENERGY", "1"))]
    assert run(source, charging_s=None, energy_kwh=D(22)).session.periods[0].end == NOON + timedelta(hours=2)
    assert run(source, charging_s=3600, energy_kwh=D(22)).breakdown.total.excl_vat == 11
    made = run(source, charging_s=36_000, energy_kwh=D("5.5"))
    assert made.breakdown.total.excl_vat == D("5.5")
    assert made.session.periods[0].end == NOON + timedelta(minutes=30)


def test_fractions_of_a_watt_hour_are_not_billed() -> None:
    made = run([element(part("ENERGY", "1"))], power_kw=D("7.4"), charging_s=1000)
    assert made.breakdown.total.excl_vat == D("2.055")  # 2.0555...


def test_parking_has_no_power_and_unknown_current_matches_nothing() -> None:
    fee = element(part("PARKING_TIME", "60"), max_power=D(1))
    current = element(part("ENERGY", "9"), min_current=D(1))
    source = [fee, current, element(part("ENERGY", "1"))]
    made = run(source, parked_s=3600)
    assert made.breakdown.parts[Bucket.PARKING].excl_vat == 60
    assert made.breakdown.parts[Bucket.ENERGY].excl_vat == 11
    assert run(source, current_a=D(16)).breakdown.parts[Bucket.ENERGY].excl_vat == 99


def test_reservation_before_and_expired() -> None:
    kept = element(part("TIME", "5"), reservation="RESERVATION")
    lapsed = element(part("FLAT", "4"), reservation="RESERVATION_EXPIRES")
    tier = element(part("ENERGY", "2"), min_duration=1800)
    source = [kept, lapsed, tier, element(part("ENERGY", "1"))]
    used = run(source, reserved_s=3600)
    # the session, and with it its duration, starts after the reservation: 5.5 at 1, then 5.5 at 2
    assert {bucket: part.excl_vat for bucket, part in used.breakdown.parts.items()} == {
        Bucket.RESERVATION: D(5),
        Bucket.ENERGY: D("16.5"),
    }
    expired = run(source, reserved_s=3600, expired=True)
    assert expired.breakdown.total.excl_vat == 9
    assert [step.state for step in expired.steps] == [PeriodState.RESERVATION]


def test_clock_change_is_lived_through() -> None:
    """31 March 2024, 01:00 to 05:00 local are three hours; from 03:00 another price."""
    source = [element(part("TIME", "2"), start_time="03:00", end_time="00:00"), element(part("TIME", "1"))]
    made = run(source, start=datetime(2024, 3, 31, 0, 0, tzinfo=UTC), charging_s=3 * 3600)
    assert made.breakdown.total.excl_vat == 1 + 2 * 2


@pytest.mark.parametrize(
    ("what_if", "reason"),
    [
        ({"power_kw": D(-1)}, "not_a_number"),
        ({"power_kw": D("NaN")}, "not_a_number"),
        ({"power_kw": D(11_000)}, "not_a_number"),
        ({"energy_kwh": D("Infinity")}, "not_a_number"),
        ({"charging_s": -1}, "negative_duration"),
        ({"parked_s": 10**9}, "too_long"),
        ({"charging_s": 31 * 86_400 + 1}, "too_long"),
        ({"charging_s": None}, "no_periods"),
        ({"charging_s": None, "energy_kwh": D(5), "power_kw": D(0)}, "no_periods"),
        ({"charging_s": None, "energy_kwh": D(5), "power_kw": D("1e-30")}, "too_long"),
        ({"start": NOON.replace(tzinfo=None)}, "naive_datetime"),
        ({"start": NOON.replace(year=1)}, "year_out_of_range"),
        ({"start": NOON.replace(year=2999, month=12, day=20), "parked_s": 86_400 * 20}, "year_out_of_range"),
    ],
)
def test_impossible_sessions_are_refused(what_if: dict[str, Any], reason: str) -> None:
    with pytest.raises(SessionUnusableError) as refused:
        run([element(part("ENERGY", "1"))], **what_if)
    assert refused.value.reason == reason


def test_unknown_time_zone_is_refused() -> None:
    compiled = compile_tariff(tariff_of([element(part("ENERGY", "1"))]))
    with pytest.raises(TariffError) as refused:
        simulate(compiled, WhatIf(NOON, D(11), 60), "Europe/Atlantis")
    assert refused.value.reason == "unknown_time_zone"


@settings(max_examples=150)
@given(
    tariffs,
    st.integers(0, 7 * 86_400),
    st.sampled_from([D(0), D("3.7"), D(7), D(11), D("22.123")]),
    st.integers(0, 12 * 3600),
    st.integers(0, 12 * 3600),
    st.sampled_from([0, 900]),
)
def test_no_price_changes_inside_a_period(
    source: list[dict[str, Any]],
    offset_s: int,
    power: Decimal,
    charging_s: int,
    parked_s: int,
    reserved_s: int,
) -> None:
    start = datetime(2024, 3, 27, tzinfo=UTC) + timedelta(seconds=offset_s)
    made = run(
        source, start=start, power_kw=power, charging_s=charging_s, parked_s=parked_s, reserved_s=reserved_s
    )
    codes = {finding.code for finding in made.breakdown.findings}
    assert not codes & {TariffCode.PERIOD_SPANS_PRICE_CHANGE, TariffCode.SPAN_NOT_CHECKED}
    periods = made.session.periods
    assert all(left.end == right.start for left, right in pairwise(periods))
    assert all(period.energy_kwh >= 0 for period in periods)
    lasted = charging_s + parked_s + reserved_s
    assert periods[-1].end - start == timedelta(seconds=lasted)
    delivered = sum((period.energy_kwh for period in periods), D(0))
    exact = power * charging_s / 3600
    assert exact - D("0.001") < delivered <= exact
    assert made.steps[-1].total_kwh == delivered
    assert (made.steps[0].start, made.steps[-1].end) == (start, periods[-1].end)
