"""What nobody signed must not choose the price: told times, told power, and clocks that carry no time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.billing.build import BilledSession, Outcome
from eichrecht.billing.periods import RegisterPoint
from eichrecht.billing.told import mean_powers_kw
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.billing.billing_support import (
    MINUTE,
    START,
    at,
    bill,
    codes,
    component,
    element,
    record,
    tariff,
)

ENERGY, DEAR = component("ENERGY", "0.50"), component("ENERGY", "5.00")
FEE = component("FLAT", "10.00")
FREE = component("TIME", "0.00")
WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]

LATE_FEE = tariff(element(FEE, min_duration=4 * 3600), element(ENERGY))
MORNING_FEE = tariff(element(FEE, end_time="14:00"), element(ENERGY))
DEAR_AFTER_AN_HOUR = tariff(element(DEAR, min_duration=3600), element(ENERGY))
EVENING = tariff(element(DEAR, start_time="18:00", end_time="23:00"), element(ENERGY))
SUNDAY = tariff(element(DEAR, day_of_week=["SUNDAY"]), element(ENERGY))
FAST = tariff(element(DEAR, min_power=50), element(ENERGY))
BLOCKING = tariff(element(component("PARKING_TIME", "6.00"), min_duration=4 * 3600), element(ENERGY))


def total(billed: BilledSession) -> Decimal | None:
    assert billed.breakdown is not None
    return billed.breakdown.total.incl_vat


def told(start: int = 0, end: int = 120) -> dict[str, Any]:
    return {"start_date_time": at(start), "end_date_time": at(end)}


@pytest.mark.parametrize(
    ("priced_by", "times"),
    [
        (LATE_FEE, told(end=420)),
        (LATE_FEE, told(start=-300)),
        (MORNING_FEE, told(start=-8 * 60)),
        (DEAR_AFTER_AN_HOUR, told(start=-120)),
        (tariff(element(FREE, max_duration=3600), element(component("TIME", "6.00"))), told(start=-30)),
    ],
)
def test_told_times_do_not_choose_the_price(priced_by: Any, times: dict[str, str]) -> None:
    """The meter signed two hours from 16:00 on a Monday by a synchronised clock."""
    signed = record(between=[("5.000", 60)])
    alone = bill(signed, priced_by)
    assert alone.outcome is Outcome.READY, alone.findings
    billed = bill(signed, priced_by, **times)
    assert (billed.outcome, codes(billed)) == (Outcome.HELD, ["told_times_change_price"])
    (finding,) = [item for item in billed.findings if item.code == "told_times_change_price"]
    assert Decimal(finding.params["told"]) != Decimal(finding.params["signed"]) == total(alone)
    allowed = bill(signed, priced_by, {"bill_uncertified_time": True}, **times)
    assert allowed.outcome is Outcome.READY
    assert "policy_overridden" in codes(allowed, "warning")


@pytest.mark.parametrize("times", [told(-10, 120), told(0, 600), told(-3, 600), told(-7 * 1440, 120)])
@pytest.mark.parametrize("priced_by", [tariff(), tariff(element(FEE, ENERGY)), EVENING, FAST])
def test_who_parks_before_and_after_pays_the_same(times: dict[str, str], priced_by: Any) -> None:
    """A car is plugged in before the first reading and stays after the last: no price depends on it."""
    assert bill(priced_by=priced_by, **times).outcome is Outcome.READY


def test_energy_is_priced_when_it_flows_and_not_when_the_plug_went_in() -> None:
    """Plugged in at 17:50, charging from 18:00: all of the energy is dear, by both accounts."""
    content = record(start=START + 120 * MINUTE)
    billed = bill(content, EVENING, start_date_time=at(110), end_date_time=at(240))
    assert billed.outcome is Outcome.READY, billed.findings
    assert billed.breakdown is not None
    assert billed.breakdown.total.excl_vat == 50


@pytest.mark.parametrize("clock", ["I", "U"])
@pytest.mark.parametrize(
    ("priced_by", "times"),
    [
        (EVENING, told(180, 240)),  # wholly within the dear hours
        (EVENING, told(0, 60)),  # wholly outside
        (SUNDAY, told(-1440, -1320)),
        (SUNDAY, told()),
        (LATE_FEE, told(-60, 240)),
        (DEAR_AFTER_AN_HOUR, told(0, 30)),
        (MORNING_FEE, told(-480, -360)),
        (tariff(element(ENERGY, start_time="06:00", end_time="22:00")), told()),  # or no price at all
    ],
)
def test_a_clock_that_only_informs_chooses_no_price(
    clock: str, priced_by: Any, times: dict[str, str]
) -> None:
    billed = bill(record(clock=clock), priced_by, **times)
    assert (billed.outcome, codes(billed)) == (Outcome.HELD, ["time_of_use_not_billable"])
    assert bill(record(clock=clock), priced_by, {"bill_uncertified_time": True}, **times).outcome is (
        Outcome.READY
    )


def test_a_relative_clock_carries_durations_and_no_time_of_day() -> None:
    assert codes(bill(record(clock="R"), SUNDAY, **told(-1440, -1320))) == ["time_of_use_not_billable"]
    assert codes(bill(record(clock="R"), EVENING, **told(180, 300))) == ["time_of_use_not_billable"]
    signed = record(clock="R", between=[("4.000", 60)])
    assert bill(signed, DEAR_AFTER_AN_HOUR, **told()).outcome is Outcome.READY
    assert codes(bill(record(clock="R"), LATE_FEE, **told(0, 300))) == ["told_times_change_price"]


@pytest.mark.parametrize("clock", ["I", "U", "R"])
@pytest.mark.parametrize(
    "priced_by",
    [
        BLOCKING,  # nobody blocked: nothing is charged by the clock
        LATE_FEE,
        tariff(element(ENERGY, start_time="18:00", end_time="23:00"), element(ENERGY)),  # the same price
        tariff(element(DEAR, start_time="18:00", min_kwh=50), element(ENERGY)),  # never reached
        tariff(element(ENERGY), element(DEAR, start_time="18:00")),  # never chosen
        tariff(element(ENERGY, day_of_week=WEEK)),  # excludes nothing
        tariff(element(ENERGY, min_duration=0, min_kwh=0)),
        tariff(element(DEAR, min_kwh=50), element(ENERGY)),
        FAST,
    ],
)
def test_a_price_that_no_time_would_change_needs_no_clock(clock: str, priced_by: Any) -> None:
    assert bill(record(clock=clock), priced_by, **told()).outcome is Outcome.READY


def test_a_flagged_time_chooses_no_price() -> None:
    """The clock is synchronised, but the meter says that its time is unusable (EF t)."""
    meter = OcmfMeter("secp256r1")
    flagged = meter.record(
        [
            meter.reading(Decimal("100.000"), START, "B"),
            meter.reading(Decimal("110.000"), START + 120 * MINUTE, "E", error_flags="t"),
        ]
    )
    assert codes(bill(flagged, EVENING)) == ["time_of_use_not_billable"]
    assert bill(flagged).outcome is Outcome.READY


@pytest.mark.parametrize(
    ("power", "held"),
    [
        ({"min_power_kw": 60, "max_power_kw": 60}, True),  # signed: 10 kWh in 2 h, 5 kW
        ({"min_power_kw": 60}, True),
        ({"max_power_kw": 60}, True),
        ({"min_power_kw": 2, "max_power_kw": 4}, False),  # contradicts, but chooses nothing
        ({"min_power_kw": 5, "max_power_kw": 5}, False),
        ({"min_power_kw": 0, "max_power_kw": 22}, False),
        ({}, False),
    ],
)
def test_told_power_must_fit_signed_energy_and_time(power: dict[str, int], held: bool) -> None:
    told_power = {name: Decimal(value) for name, value in power.items()}
    billed = bill(priced_by=FAST, power=told_power)
    assert codes(billed) == (["told_power_changes_price"] if held else [])
    assert bill(power=told_power).outcome is Outcome.READY, "a tariff that does not ask for power"


def test_cheap_slow_charging_must_be_slow() -> None:
    slow = tariff(element(component("ENERGY", "0.10"), max_power=11), element(ENERGY))
    fast = record("60.000", 60)
    assert codes(bill(fast, slow, power={"min_power_kw": Decimal(1), "max_power_kw": Decimal(10)})) == [
        "told_power_changes_price"
    ]
    assert bill(fast, slow, power={"min_power_kw": Decimal(50), "max_power_kw": Decimal(70)}).outcome is (
        Outcome.READY
    )


def test_mean_power_is_that_between_signed_readings_while_energy_flows() -> None:
    points = [
        RegisterPoint(START, Decimal(0), signed=True),
        RegisterPoint(START + 30 * MINUTE, Decimal("5.5"), signed=True),
        RegisterPoint(START + 90 * MINUTE, Decimal("5.5"), signed=True),
        RegisterPoint(START + 90 * MINUTE + timedelta(seconds=36), Decimal("5.75"), signed=True),
    ]
    assert mean_powers_kw(points) == [Decimal(11), Decimal(25)]


def test_the_tariff_must_be_valid_at_the_signed_start_too() -> None:
    expired = tariff(end_date_time="2026-03-02T14:00:00Z")
    billed = bill(priced_by=expired, **told(start=-7 * 1440))
    assert codes(billed) == ["tariff_not_valid_at_start"]


def test_where_told_times_are_billed_the_told_start_finds_the_tariff() -> None:
    """Plugged in at 14:55, the tariff ends at 14:58, the first signed reading is of 15:00."""
    ending = tariff(end_date_time="2026-03-02T14:58:00Z")
    assert codes(bill(priced_by=ending, **told(start=-5))) == ["tariff_not_valid_at_start"]
    allowed = bill(record(), ending, {"bill_uncertified_time": True}, **told(start=-5))
    assert allowed.outcome is Outcome.READY


@pytest.mark.parametrize(
    ("content", "held"),
    [
        (record("98999.000"), ["energy_implausible", "power_implausible"]),
        (record("500.001", 240), ["energy_implausible"]),
        (record("500.000", 240), []),
        (record("6.000", begin="-5.000"), ["value_negative"]),
        (record("100.000", 1), ["power_implausible"]),
        (record("100.000", 1, clock="I"), []),  # the clock is odd, not the energy
        (record("98999.000", clock="I"), ["energy_implausible"]),
        (record(minutes=7 * 1440 + 1), ["duration_implausible"]),
    ],
)
def test_what_experience_says_cannot_be_is_seen_by_a_person(content: bytes, held: list[str]) -> None:
    billed = bill(content)
    assert codes(billed) == held
    assert billed.outcome is (Outcome.HELD if held else Outcome.READY)
    allowed = bill(content, switches={"allow_implausible": True})
    assert allowed.outcome is Outcome.READY
    assert set(held) <= set(codes(allowed, "warning"))
    assert codes(allowed, "warning").count("policy_overridden") == len(held)


def test_an_odd_clock_is_shown_and_holds_nothing() -> None:
    billed = bill(record("100.000", 1, clock="I"))
    assert "power_implausible" in codes(billed, "warning")
