"""Where a session is cut, and how its energy is divided: by hand, with signed and unsigned values between."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from eichrecht.billing.build import Outcome
from tests.eichrecht.billing.billing_support import (
    START,
    at,
    bill,
    codes,
    component,
    element,
    energies,
    periods,
    record,
    tariff,
)

LOW, HIGH = component("ENERGY", "0.30"), component("ENERGY", "0.50")

EVENING = tariff(element(HIGH, start_time="17:00"), element(LOW))
"""0.30 until 17:00 in Berlin, an hour after START; 0.50 from then on."""

BEYOND_TEN = tariff(element(LOW, max_kwh=10), element(HIGH))
"""0.30 for the first 10 kWh, 0.50 for the rest."""

AFTER_AN_HOUR = tariff(element(LOW, max_duration=3600), element(HIGH))


def cost(billed: object) -> Decimal:
    assert billed.cdr is not None  # type: ignore[attr-defined]
    total: Decimal = billed.cdr.total_cost.excl_vat  # type: ignore[attr-defined]
    return total


def test_a_session_without_a_price_change_is_one_period() -> None:
    assert periods(bill()) == [(0, {"ENERGY": Decimal("10.000"), "TIME": Decimal("2.000000")})]


@pytest.mark.parametrize("changing", [EVENING, AFTER_AN_HOUR])
def test_a_price_change_at_a_signed_reading_is_billed(changing: object) -> None:
    billed = bill(record(between=[("3.700", 60)]), changing)  # type: ignore[arg-type]
    assert billed.outcome is Outcome.READY, billed.findings
    assert [(since, volumes["ENERGY"]) for since, volumes in periods(billed)] == [
        (0, Decimal("3.700")),
        (3600, Decimal("6.300")),
    ]
    assert cost(billed) == Decimal("4.26")  # 3.7 * 0.30 + 6.3 * 0.50


def test_a_price_change_without_a_signed_reading_is_held_and_the_policy_can_let_it_go() -> None:
    billed = bill(record(), EVENING)
    assert (billed.outcome, codes(billed)) == (Outcome.HELD, ["energy_split_unsigned"])
    assert energies(billed) == [Decimal("5.000"), Decimal("5.000")]  # evenly, half the time
    allowed = bill(record(), EVENING, {"allow_unsigned_split": True})
    assert allowed.outcome is Outcome.READY
    assert [dict(f.params) for f in allowed.findings if f.code == "policy_overridden"] == [
        {"code": "energy_split_unsigned", "policy": "allow_unsigned_split"}
    ]
    assert cost(allowed) == Decimal("4.00")


def test_an_unsigned_value_guides_the_split_but_does_not_sign_it() -> None:
    billed = bill(record(), EVENING, meter_values=[{"at": at(60), "energy_kwh": Decimal("7.2")}])
    assert energies(billed) == [Decimal("7.200"), Decimal("2.800")]
    assert codes(billed) == ["energy_split_unsigned"]


def test_a_signed_value_wins_over_an_unsigned_one_at_the_same_time() -> None:
    billed = bill(
        record(between=[("3.700", 60)]),
        EVENING,
        meter_values=[{"at": at(60), "energy_kwh": Decimal("9.9")}],
    )
    assert (billed.outcome, energies(billed)) == (Outcome.READY, [Decimal("3.700"), Decimal("6.300")])


def test_free_energy_beside_priced_energy_is_a_price_change_too() -> None:
    only_late = tariff(element(HIGH, start_time="17:00"))
    assert codes(bill(record(), only_late)) == ["energy_split_unsigned"]
    only_early = tariff(element(HIGH, end_time="17:00"))
    assert codes(bill(record(), only_early)) == ["energy_split_unsigned"]
    assert bill(record(between=[("3.700", 60)]), only_late).outcome is Outcome.READY


def test_a_pause_over_the_price_change_does_not_sign_the_split() -> None:
    # Parked from 16:50 to 17:10: how much flowed before and after is still an estimate ...
    paused = {"states": [{"at": at(50), "state": "PARKING"}, {"at": at(70), "state": "CHARGING"}]}
    assert codes(bill(record(), EVENING, **paused)) == ["energy_split_unsigned"]
    # ... unless a reading in the pause is signed.
    signed = bill(record(between=[("4.000", 65)]), EVENING, **paused)
    assert (signed.outcome, cost(signed)) == (Outcome.READY, Decimal("4.20"))  # 4 * 0.30 + 6 * 0.50


def test_another_vat_rate_is_another_price() -> None:
    changing = tariff(
        element(component("ENERGY", "0.50", vat=7), start_time="17:00"), element(component("ENERGY", "0.50"))
    )
    assert codes(bill(record(), changing)) == ["energy_split_unsigned"]


@pytest.mark.parametrize(
    ("begin", "minutes", "between", "seconds"),
    [
        # 2026-03-29 02:00 CET becomes 03:00 CEST: 03:00 comes one hour after 01:00 CET.
        (datetime(2026, 3, 29, 0, 0, tzinfo=UTC), 120, 60, 3600),
        # 2026-10-25 03:00 CEST becomes 02:00 CET: 03:00 CET comes three hours after 01:00 CEST.
        (datetime(2026, 10, 24, 23, 0, tzinfo=UTC), 240, 180, 10800),
    ],
)
def test_local_time_follows_the_change_of_the_clocks(
    begin: datetime, minutes: int, between: int, seconds: int
) -> None:
    from_three = tariff(element(HIGH, start_time="03:00", end_time="23:00"), element(LOW))
    billed = bill(record(minutes=minutes, start=begin, between=[("4.000", between)]), from_three)
    assert billed.outcome is Outcome.READY, billed.findings
    assert billed.cdr is not None
    cuts = [(p.start_date_time - begin).total_seconds() for p in billed.cdr.charging_periods]
    assert cuts == [0, seconds]
    assert cost(billed) == Decimal("4.20")


def test_a_price_by_the_kwh_changes_at_exactly_that_kwh() -> None:
    # 30 kWh in 2 h: 10 kWh are reached after 40 min.
    billed = bill(record("30.000"), BEYOND_TEN, {"allow_unsigned_split": True})
    assert billed.outcome is Outcome.READY, billed.findings
    assert [(since, volumes["ENERGY"]) for since, volumes in periods(billed)] == [
        (0, Decimal("10")),
        (2400, Decimal("20.000")),
    ]
    assert cost(billed) == Decimal("13.00")  # 10 * 0.30 + 20 * 0.50


@pytest.mark.parametrize("total", ["17.003", "29.999", "10.001", "1000.000"])
def test_a_price_by_the_kwh_does_not_depend_on_the_second(total: str) -> None:
    switches = {"allow_unsigned_split": True, "allow_implausible": True}
    billed = bill(record(total, minutes=97), BEYOND_TEN, switches)
    assert billed.outcome is Outcome.READY, billed.findings
    assert energies(billed) == [Decimal(10), Decimal(total) - 10]


def test_a_signed_reading_at_the_kwh_is_the_split() -> None:
    billed = bill(record("30.000", between=[("10.000", 37)]), BEYOND_TEN)
    assert billed.outcome is Outcome.READY, billed.findings
    assert [since for since, _ in periods(billed)] == [0, 37 * 60]
    assert cost(billed) == Decimal("13.00")


def test_a_signed_reading_near_the_kwh_is_not_the_split() -> None:
    billed = bill(record("30.000", between=[("10.002", 37)]), BEYOND_TEN)
    assert codes(billed) == ["energy_split_unsigned"]
    assert energies(billed) == [Decimal("10.000"), Decimal("0.002"), Decimal("19.998")]


@pytest.mark.parametrize("total", ["9.999", "10.000"])
def test_a_kwh_that_is_not_passed_changes_nothing(total: str) -> None:
    billed = bill(record(total), BEYOND_TEN)
    assert billed.outcome is Outcome.READY
    assert len(periods(billed)) == 1


def test_a_price_by_the_clock_needs_a_clock_and_one_by_the_kwh_does_not() -> None:
    signed = record(between=[("3.700", 60)], clock="R")
    assert codes(bill(signed, EVENING)) == ["time_of_use_not_billable"]
    assert bill(signed, EVENING, {"bill_uncertified_time": True}).outcome is Outcome.READY
    by_energy = record("30.000", between=[("10.000", 37)], clock="R")
    assert bill(by_energy, BEYOND_TEN).outcome is Outcome.READY


def test_states_cut_and_steer_the_energy() -> None:
    # Charging for 30 of 120 minutes, then parked: all energy flows in the first half hour.
    billed = bill(record(), states=[{"at": at(30), "state": "PARKING"}])
    assert periods(billed) == [
        (0, {"ENERGY": Decimal("10.000"), "TIME": Decimal("0.500000")}),
        (1800, {"PARKING_TIME": Decimal("1.500000")}),
    ]
    assert billed.cdr is not None
    assert billed.cdr.total_parking_time == Decimal("1.5")
    assert billed.cdr.total_time == 2


def test_a_state_told_twice_or_before_the_session_changes_nothing() -> None:
    told = [
        {"at": at(-10), "state": "CHARGING"},
        {"at": at(10), "state": "CHARGING"},
        {"at": at(300), "state": "PARKING"},
    ]
    billed = bill(record(), states=told)
    assert sum(energies(billed)) == Decimal("10.000")
    assert billed.cdr is not None
    assert billed.cdr.total_parking_time is None


def test_a_session_that_starts_parked_has_its_energy_later() -> None:
    told = [{"at": at(-10), "state": "PARKING"}, {"at": at(60), "state": "CHARGING"}]
    assert periods(bill(record(), states=told)) == [
        (0, {"PARKING_TIME": Decimal("1.000000")}),
        (3600, {"ENERGY": Decimal("10.000"), "TIME": Decimal("1.000000")}),
    ]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("10.001", "meter_value_outside_signed_range"),
        ("-0.001", "meter_value_outside_signed_range"),
        ("3.699", "meter_value_not_between_signed_readings"),
    ],
)
def test_unsigned_values_that_contradict_the_signed_ones_are_refused(value: str, code: str) -> None:
    billed = bill(
        record(between=[("3.700", 60)]), meter_values=[{"at": at(61), "energy_kwh": Decimal(value)}]
    )
    assert (billed.outcome, codes(billed)) == (Outcome.REFUSED, [code])


def test_an_unsigned_value_finer_than_the_meter_never_makes_energy_negative() -> None:
    billed = bill(
        record(),
        EVENING,
        {"allow_unsigned_split": True},
        meter_values=[
            {"at": at(59), "energy_kwh": Decimal("5.00044")},
            {"at": at(61), "energy_kwh": Decimal("5.00049")},
        ],
    )
    assert min(energies(billed)) >= 0
    assert sum(energies(billed)) == Decimal("10.000")
    assert billed.outcome is Outcome.READY, billed.findings


def test_too_many_periods_are_refused() -> None:
    told = [
        {
            "at": f"2026-03-02T{15 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}.500Z",
            "energy_kwh": Decimal(1),
        }
        for n in range(5000)
    ]
    told += [
        {"at": f"2026-03-02T{15 + n // 3600:02d}:{n // 60 % 60:02d}:{n % 60:02d}Z", "energy_kwh": Decimal(1)}
        for n in range(5001, 10100)
    ]
    assert codes(bill(record(minutes=600), meter_values=told)) == ["too_many_periods"]


def test_times_finer_than_ocpi_can_write_do_not_make_two_periods_of_one() -> None:
    billed = bill(record(), states=[{"at": "2026-03-02T15:30:00.000400Z", "state": "PARKING"}])
    starts = [p.start_date_time for p in billed.cdr.charging_periods] if billed.cdr else []
    assert all(moment.microsecond % 1000 == 0 for moment in starts)
    assert starts[0] == START
