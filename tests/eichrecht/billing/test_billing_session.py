"""What becomes of a session: ready, held or refused, and why. Every number is worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from eichrecht.billing.build import Outcome, bill_session
from eichrecht.billing.facts import FactsError, read_facts
from eichrecht.billing.policy import BillingPolicy
from eichrecht.demo.material import session_facts
from sample_meters.ocmf import OcmfMeter, tampered
from tests.eichrecht.billing.billing_support import (
    EVSE,
    MINUTE,
    NOW,
    START,
    at,
    bill,
    codes,
    component,
    element,
    energies,
    facts,
    periods,
    record,
    tariff,
    verdict,
)

ENERGY = component("ENERGY", "0.50")
TIME = component("TIME", "6.00")
PARKING = component("PARKING_TIME", "12.00")


def test_a_valid_session_becomes_a_ready_cdr_with_the_signed_energy() -> None:
    billed = bill()
    assert billed.outcome is Outcome.READY, billed.findings
    cdr = billed.cdr
    assert cdr is not None
    # 10 kWh * 0.50 = 5.00; with 19 %: 5.95
    assert (cdr.total_energy, cdr.total_cost.excl_vat, cdr.total_cost.incl_vat) == (
        Decimal("10.000"),
        Decimal("5.00"),
        Decimal("5.95"),
    )
    assert str(cdr.total_energy) == "10.000"
    assert cdr.id == cdr.session_id == "S1"
    assert (cdr.start_date_time, cdr.end_date_time) == (START, START + 120 * MINUTE)
    assert cdr.last_updated == NOW
    assert cdr.meter_id == "SAMPLE0001"
    assert cdr.signed_data is not None
    assert cdr.signed_data.encoding_method == "OCMF"
    assert [value.nature for value in cdr.signed_data.signed_values] == ["End"]
    assert cdr.signed_data.signed_values[0].plain_data.encode() == record()


def test_the_signed_digits_are_kept_whatever_their_number() -> None:
    billed = bill(record("0.0001", begin="0.2596"))
    assert billed.cdr is not None
    assert str(billed.cdr.total_energy) == "0.0001"


def test_begin_and_end_records_become_two_signed_values_in_order() -> None:
    meter = OcmfMeter("secp256r1")
    content = b"\n".join(
        [
            meter.begin_record(Decimal("100.000"), START),
            meter.end_record(Decimal("107.500"), START + 60 * MINUTE),
        ]
    )
    billed = bill(content)
    assert billed.outcome is Outcome.READY, billed.findings
    assert billed.cdr is not None
    assert billed.cdr.signed_data is not None
    assert [value.nature for value in billed.cdr.signed_data.signed_values] == ["Start", "End"]
    assert billed.cdr.total_energy == Decimal("7.500")


def test_a_changed_record_is_refused_and_the_signature_named_among_the_reasons() -> None:
    billed = bill(tampered(record(), '"RV":110.000', '"RV":120.000'))
    assert (billed.outcome, billed.cdr) == (Outcome.REFUSED, None)
    assert "transaction_not_valid" in codes(billed)
    assert "signature_mismatch" in codes(billed)


def test_what_cannot_be_read_is_refused_with_the_reason() -> None:
    billed = bill(b"no signed data at all")
    assert billed.outcome is Outcome.REFUSED
    assert "transaction_not_valid" in codes(billed)
    assert "nothing_recognised" in codes(billed)


def test_a_begin_without_an_end_is_refused() -> None:
    billed = bill(OcmfMeter("secp256r1").begin_record(Decimal(100), START))
    assert billed.outcome is Outcome.REFUSED
    assert billed.cdr is None


def test_two_sessions_in_one_document_are_refused() -> None:
    meter = OcmfMeter("secp256r1")
    content = b"\n".join(
        [
            meter.session_record(Decimal(1), Decimal(2), START, START + MINUTE),
            meter.session_record(Decimal(2), Decimal(3), START + 2 * MINUTE, START + 3 * MINUTE),
        ]
    )
    assert codes(bill(content)) == ["several_transactions"]


def test_a_bad_record_beside_a_good_session_refuses_it() -> None:
    # The document is the evidence behind the receipt: nothing in it may be invalid.
    meter = OcmfMeter("secp256r1")
    good = meter.session_record(Decimal(1), Decimal(2), START, START + MINUTE)
    fiscal = meter.record([meter.reading(Decimal(3), START + 2 * MINUTE, None)], context="F")
    assert bill(b"\n".join([good, fiscal])).outcome is Outcome.READY
    forged = tampered(fiscal, '"RV":3', '"RV":4')
    billed = bill(b"\n".join([good, forged]))
    assert billed.outcome is Outcome.REFUSED
    assert "signature_mismatch" in codes(billed)


def test_a_key_that_nobody_vouches_for_is_refused_unless_the_policy_says_otherwise() -> None:
    document = b'<values><value><signedData format="OCMF" encoding="plain">%s</signedData>' % record()
    document += (
        b'<publicKey encoding="hex">%s</publicKey></value></values>'
        % OcmfMeter("secp256r1").public_key_text().encode()
    )
    known = verdict(document, confirmed=False)
    strict = bill_session(known, facts(), tariff(), now=NOW)
    assert codes(strict) == ["key_not_confirmed"]
    assert strict.outcome is Outcome.REFUSED
    lenient = bill_session(
        known, facts(), tariff(), now=NOW, policy=BillingPolicy(require_confirmed_key=False)
    )
    assert lenient.outcome is Outcome.READY, lenient.findings
    noted = [item for item in lenient.findings if item.code == "policy_overridden"]
    assert [dict(item.params) for item in noted] == [
        {"code": "key_not_confirmed", "policy": "require_confirmed_key"}
    ]


def test_no_tariff_is_refused_after_the_meter_values_had_their_say() -> None:
    assert codes(bill_session(verdict(record()), facts(), None, now=NOW)) == ["tariff_unknown"]
    forged = tampered(record(), '"RV":110.000', '"RV":120.000')
    found = codes(bill_session(verdict(forged), facts(), None, now=NOW))
    assert {"tariff_unknown", "signature_mismatch"} <= set(found)


@pytest.mark.parametrize(
    ("more", "held"),
    [
        ({"end_date_time": "2026-03-02T15:00:00Z"}, True),
        ({"end_date_time": "2026-03-02T15:00:01Z"}, False),
        ({"start_date_time": "2026-03-02T15:00:01Z"}, True),
        ({"start_date_time": "2026-03-02T15:00:00Z"}, False),
    ],
)
def test_a_tariff_must_be_valid_at_session_start(more: dict[str, str], held: bool) -> None:
    billed = bill(priced_by=tariff(**more))
    assert ("tariff_not_valid_at_start" in codes(billed)) is held
    assert (billed.outcome is Outcome.HELD) is held


def test_told_energy_and_told_price_must_be_the_billed_ones() -> None:
    assert bill(claimed_energy_kwh=Decimal("10.0")).outcome is Outcome.READY
    told_more = bill(claimed_energy_kwh=Decimal("10.001"))
    assert (told_more.outcome, codes(told_more)) == (Outcome.HELD, ["claimed_energy_differs"])
    assert told_more.cdr is not None
    assert told_more.cdr.total_energy == 10
    fits = {"excl_vat": Decimal("5.00"), "incl_vat": Decimal("5.95")}
    assert bill(claimed_total_cost=fits).outcome is Outcome.READY
    too_much = bill(claimed_total_cost={"excl_vat": Decimal("5.00"), "incl_vat": Decimal("5.96")})
    assert codes(too_much) == ["claimed_cost_differs"]
    assert [item.where for item in too_much.findings if item.code == "claimed_cost_differs"] == [
        "/total_cost/incl_vat"
    ]


@pytest.mark.parametrize(
    ("clock", "outcome"),
    [("S", Outcome.READY), ("R", Outcome.READY), ("I", Outcome.HELD), ("U", Outcome.HELD)],
)
def test_time_is_billed_only_if_the_clock_carries_a_duration(clock: str, outcome: Outcome) -> None:
    billed = bill(record(clock=clock), tariff(element(ENERGY, TIME)))
    assert billed.outcome is outcome, billed.findings
    assert codes(billed) == ([] if outcome is Outcome.READY else ["time_not_billable"])
    # A tariff on energy alone does not need the clock.
    assert bill(record(clock=clock)).outcome is Outcome.READY


def test_the_policy_may_bill_uncertified_time_and_says_so() -> None:
    billed = bill(record(clock="I"), tariff(element(ENERGY, TIME)), {"bill_uncertified_time": True})
    assert billed.outcome is Outcome.READY
    assert {"policy_overridden"} <= set(codes(billed, "warning"))
    assert billed.cdr is not None
    assert billed.cdr.total_time_cost is not None
    assert billed.cdr.total_time_cost.excl_vat == Decimal("12.00")  # 2 h * 6.00


def test_a_time_price_of_nothing_needs_no_clock() -> None:
    free = element(ENERGY, component("TIME", "0.00"))
    assert bill(record(clock="U"), tariff(free)).outcome is Outcome.READY


PARKED = {"states": [{"at": at(60), "state": "PARKING"}]}


def test_parking_time_has_its_own_switch() -> None:
    park = tariff(element(ENERGY, PARKING))
    assert bill(record(), park, **PARKED).outcome is Outcome.READY
    held = bill(record(clock="I"), park, **PARKED)
    assert codes(held) == ["parking_time_not_billable"]
    assert (
        bill(record(clock="I"), park, {"bill_uncertified_parking": True}, **PARKED).outcome is Outcome.READY
    )
    assert bill(record(clock="I"), park, {"bill_uncertified_time": True}, **PARKED).outcome is Outcome.HELD


@pytest.mark.parametrize(("start", "end"), [(at(-10), None), (None, at(130))])
def test_time_outside_the_signed_readings_is_not_signed_time(start: str | None, end: str | None) -> None:
    both = tariff(element(ENERGY, TIME))
    billed = bill(record(), both, start_date_time=start, end_date_time=end)
    assert codes(billed) == ["time_outside_signed_readings"]
    # Nothing is charged for it: nothing stands against it.
    assert bill(record(), start_date_time=start, end_date_time=end).outcome is Outcome.READY
    parked = {"end_date_time": at(150), "states": [{"at": at(120), "state": "PARKING"}]}
    late = bill(record(), tariff(element(ENERGY, PARKING)), **parked)
    assert codes(late) == ["time_outside_signed_readings"]
    assert late.cdr is not None
    assert late.cdr.total_parking_cost is not None
    assert late.cdr.total_parking_cost.excl_vat == Decimal("6.00")  # half an hour at 12.00


@pytest.mark.parametrize(
    ("energy", "step", "outcome", "code"),
    [
        ("10.000", 1, Outcome.READY, None),
        ("10.000", 1000, Outcome.READY, None),
        ("10.001", 1000, Outcome.HELD, "billed_energy_above_signed"),
        ("10.0005", 1, Outcome.READY, None),
    ],
)
def test_step_size_must_not_bill_more_than_is_signed(
    energy: str, step: int, outcome: Outcome, code: str | None
) -> None:
    billed = bill(record(energy), tariff(element(component("ENERGY", "0.50", step))))
    assert billed.outcome is outcome, billed.findings
    assert codes(billed) == ([code] if code else [])
    warned = "billed_energy_above_signed" in codes(billed, "warning")
    assert warned is (energy == "10.0005")
    released = bill(
        record(energy), tariff(element(component("ENERGY", "0.50", step))), {"bill_rounded_energy": True}
    )
    assert released.outcome is Outcome.READY


def test_a_session_without_duration_is_refused() -> None:
    billed = bill(record(minutes=0))
    assert billed.outcome is Outcome.REFUSED
    assert codes(billed) == ["session_without_duration"]
    # The back office cannot lend it one: the energy would have no time to flow in.
    assert bill(record(minutes=0), start_date_time=at(-5)).outcome is Outcome.REFUSED


def test_zero_energy_is_billed_at_zero() -> None:
    billed = bill(record("0.000"))
    assert billed.outcome is Outcome.READY, billed.findings
    assert billed.cdr is not None
    assert (billed.cdr.total_energy, billed.cdr.total_cost.excl_vat) == (0, 0)


def test_a_reservation_is_priced_before_the_session_and_outside_its_time() -> None:
    reserved = tariff(element(component("TIME", "3.00"), reservation="RESERVATION"), element(ENERGY), id="T1")
    billed = bill(record(), reserved, reservation={"start": at(-30), "end": at(0)})
    assert billed.outcome is Outcome.READY, billed.findings
    cdr = billed.cdr
    assert cdr is not None
    assert cdr.start_date_time == START - 30 * MINUTE
    assert cdr.total_time == 2  # h; the reservation is no charging time
    assert cdr.total_reservation_cost is not None
    assert cdr.total_reservation_cost.excl_vat == Decimal("1.50")  # half an hour at 3.00
    assert cdr.total_cost.excl_vat == Decimal("6.50")
    assert periods(billed)[0] == (-1800, {"RESERVATION_TIME": Decimal("0.500000")})


def test_a_reservation_that_does_not_reach_the_session_is_refused_not_mended() -> None:
    billed = bill(record(), reservation={"start": at(-30), "end": at(-10)})
    assert codes(billed) == ["cdr_unbuildable"]
    overlapping = bill(record(), reservation={"start": at(-30), "end": at(10)})
    assert overlapping.outcome is Outcome.REFUSED


def test_the_place_of_an_unsynchronised_session_is_the_back_offices() -> None:
    # Many real meters sign 1970: their clock was never set.
    lost = datetime(1970, 1, 1, 0, 21, tzinfo=UTC)
    content = record(clock="U", start=lost, between=[("4.000", 30)])
    billed = bill(content, start_date_time=at(0), end_date_time=at(90))
    assert billed.outcome is Outcome.READY, billed.findings
    assert billed.cdr is not None
    assert (billed.cdr.start_date_time, billed.cdr.end_date_time) == (START, START + 90 * MINUTE)
    assert energies(billed) == [Decimal("4.000"), Decimal("6.000")]
    assert periods(billed)[1][0] == 1800
    alone = bill(content)
    assert alone.outcome is Outcome.READY
    assert "session_times_uncertain" in codes(alone, "warning")


def test_a_clock_that_stood_still_is_placed_too() -> None:
    content = record(clock="U", minutes=0, start=datetime(1970, 1, 1, 0, 21, tzinfo=UTC))
    billed = bill(content, start_date_time=at(0), end_date_time=at(90))
    assert billed.outcome is Outcome.READY, billed.findings
    assert energies(billed) == [Decimal("10.000")]
    assert codes(bill(content)) == ["session_without_duration"]
    assert codes(bill(content, start_date_time=at(0))) == ["session_without_duration"]


def test_a_relative_clock_keeps_its_duration_wherever_it_is_placed() -> None:
    content = record(clock="R", minutes=60, start=datetime(1970, 1, 1, 1, 0, tzinfo=UTC))
    billed = bill(content, tariff(element(ENERGY, TIME)), start_date_time=at(0), end_date_time=at(60))
    assert billed.outcome is Outcome.READY, billed.findings
    assert billed.cdr is not None
    assert billed.cdr.total_time == 1
    longer = bill(content, tariff(element(ENERGY, TIME)), start_date_time=at(0), end_date_time=at(61))
    assert codes(longer) == ["time_outside_signed_readings"]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        ({"time_zone": "Europe/Atlantis"}, "time_zone"),
        ({"session_id": "S" * 35}, "34"),
        ({"states": [{"at": at(5), "state": "PARKING"}, {"at": at(5), "state": "CHARGING"}]}, "ascending"),
        ({"meter_values": [{"at": at(5), "energy_kwh": 1}, {"at": at(4), "energy_kwh": 2}]}, "ascending"),
        ({"reservation": {"start": at(5), "end": at(5)}}, "/reservation"),
        ({"start_date_time": at(5), "end_date_time": at(4)}, "end_date_time"),
        ({"claimed_enrgy_kwh": 5}, "/claimed_enrgy_kwh"),
        ({"states": [{"at": at(5), "state": "SLEEPING"}]}, "/states/0/state"),
        ({"auth_method": None}, "/auth_method"),
    ],
)
def test_facts_that_cannot_be_meant_are_refused_with_their_place(
    change: dict[str, object], where: str
) -> None:
    value = session_facts("S1", EVSE, "CARD", "T1") | change
    with pytest.raises(FactsError) as caught:
        read_facts(value)
    assert any(where in f"{place} {message}" for place, message in caught.value.problems)
