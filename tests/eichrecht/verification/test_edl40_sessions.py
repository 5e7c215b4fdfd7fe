"""Sessions of meters that sign neither role nor zone: pairing, clocks, marks, compensated registers."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from eichrecht.evidence import Document, DocumentVerdict, Verdict
from eichrecht.rules.obis import register_of
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.report import document_as_json
from sample_meters import edl40_p, edl40_sig, isa_edl40_p
from sample_meters._edl40_telegrams import BEGIN, END
from sample_meters.edl40_p import FIRST, LAST, METER, WIDE_FIRST, WIDE_LAST, Edl40Meter
from sample_meters.meter import SampleCase

CASES = {case.name: case for made in (edl40_p, edl40_sig, isa_edl40_p) for case in made.cases()}
WIDE = Edl40Meter("wide", "edl40 wide")


def verify(content: bytes, key: str | None = None, profile: Profile = Profile.STRICT) -> DocumentVerdict:
    keys = [SuppliedKey(key, "--key")] if key else []
    return Verifier(profile=profile, keys=keys).verify(Document("sessions", content))


def of(name: str, profile: Profile = Profile.STRICT) -> DocumentVerdict:
    case: SampleCase = CASES[name]
    return verify(case.content, case.public_key_text, profile)


def codes(verdict: DocumentVerdict) -> set[str]:
    found = [finding for transaction in verdict.transactions for finding in transaction.findings]
    found += [finding for record in verdict.records for finding in record.findings]
    return {finding.code for finding in found}


def test_two_telegrams_are_one_session_in_any_order() -> None:
    begin, end = METER.telegram(FIRST), METER.telegram(LAST)
    for content in (begin + end, end + begin):
        verdict = verify(content, METER.public_key_text())
        (transaction,) = verdict.transactions
        assert (transaction.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("18.6789"))
        assert transaction.duration_s == 3831
        assert transaction.billable.energy
        assert not transaction.billable.duration


def test_two_sessions_of_one_customer_stay_two() -> None:
    verdict = of("edl40-sig-two-sessions")
    assert [t.records for t in verdict.transactions] == [(0, 1), (2, 3)]
    assert {t.verdict for t in verdict.transactions} == {Verdict.VALID}


def test_sessions_of_two_customers_and_two_meters_stay_apart() -> None:
    others = [
        METER.telegram(replace(v, **change))
        for change in ({"contract": b"OTHER"}, {"serial": "0901534D500099999999"})
        for v in (FIRST, LAST)
    ]
    content = b"".join([METER.telegram(FIRST), METER.telegram(LAST), *others])
    verdict = verify(content, METER.public_key_text())
    assert [t.records for t in verdict.transactions] == [(0, 1), (2, 3), (4, 5)]
    assert {t.verdict for t in verdict.transactions} == {Verdict.VALID}


def test_a_user_assigned_anew_is_reported() -> None:
    verdict = of("edl40-p-assigned-anew")
    assert (verdict.verdict, "assignment_renewed" in codes(verdict)) == (Verdict.VALID, True)
    assert "assignment_renewed" not in codes(of("edl40-p-pair"))
    assert "assignment_renewed" not in codes(of("edl40-p-wide-pair")), "these meters always do it"


def test_records_between_begin_and_end_that_are_not_at_hand_are_reported() -> None:
    verdict = of("edl40-p-gap")
    assert "pagination_gap" in codes(verdict)
    assert "pagination_gap" not in codes(of("edl40-p-pair"))


def test_begin_and_end_of_two_sessions_of_one_customer_are_no_session() -> None:
    """The records between them are left out; the contract time behind the gap is another one."""
    later = {"page": FIRST.page + 3, "local": LAST.local, "contract_local": LAST.local}
    content = METER.telegram(FIRST) + METER.telegram(replace(LAST, **later))
    verdict = verify(content, METER.public_key_text())
    (transaction,) = verdict.transactions
    assert transaction.verdict is Verdict.INDETERMINATE
    assert not transaction.billable.energy
    assert {"assignment_renewed", "pagination_record_missing"} <= codes(verdict)
    assert verdict.verdict is Verdict.INDETERMINATE


def test_a_clock_that_was_never_set_voids_no_energy() -> None:
    verdict = of("edl40-p-clock-never-set")
    (transaction,) = verdict.transactions
    assert (transaction.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("18.6789"))
    assert "clock_not_set" in codes(verdict)
    assert "time_missing" not in codes(verdict)


def test_without_operating_seconds_a_missing_time_stays_missing() -> None:
    old = Edl40Meter("old", "edl40 old")
    content = old.telegram(replace(FIRST, local=None, contract_local=None))
    verdict = verify(content, old.public_key_text())
    assert "time_missing" in codes(verdict)
    assert verdict.verdict is Verdict.INDETERMINATE


def test_the_compensated_register_counts() -> None:
    (transaction,) = of("edl40-p-wide-pair").transactions
    assert transaction.energy_kwh == Decimal("18.6002")
    assert transaction.begin is not None
    assert transaction.begin.obis == "0100011100C8"
    assert "losses_compensated" in {finding.code for finding in transaction.findings}
    (official,) = verify(CASES["edl40-p-wide-pair"].content, None, Profile.SAFE_1_4_1).transactions
    assert official.begin is not None
    assert official.begin.obis == "0100011100C8"
    compensated, plain = register_of("0100011100C8"), register_of("0100011100FF")
    assert compensated is not None
    assert plain is not None
    assert (compensated.compensated, plain.compensated) == (True, False)
    assert compensated.rank is not None
    assert plain.rank is not None
    assert compensated.rank < plain.rank


def test_begin_and_end_marks_decide_where_they_differ() -> None:
    begin, end = WIDE.telegram(WIDE_FIRST), WIDE.telegram(WIDE_LAST)
    assert verify(WIDE.pair(begin, end)).verdict is Verdict.VALID
    swapped = verify(WIDE.pair(end, begin))
    assert "context_contradicts_record" in codes(swapped)
    stretched = of("edl40-p-unlawful-wide-marks")
    assert stretched.verdict is Verdict.INVALID
    assert "pagination_not_increasing" in codes(stretched)


@pytest.mark.parametrize("mark", [1, 2])
def test_the_same_mark_in_both_records_is_none(mark: int) -> None:
    values = [replace(v, contract=bytes((mark,)) + b"CARD") for v in (WIDE_FIRST, WIDE_LAST)]
    for content in (WIDE.pair(*map(WIDE.telegram, values)), b"".join(map(WIDE.telegram, values))):
        verdict = verify(content, WIDE.public_key_text())
        (transaction,) = verdict.transactions
        assert (transaction.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("18.6002"))
        assert "context_contradicts_record" not in codes(verdict)


def test_ids_that_differ_in_more_than_the_mark_are_two_customers() -> None:
    for contract in (b"\x02OTHER", b"\x03SMP-7712", b"SMP-7712"):
        other = WIDE.telegram(replace(WIDE_LAST, contract=contract))
        verdict = verify(WIDE.pair(WIDE.telegram(WIDE_FIRST), other))
        assert verdict.verdict is Verdict.INVALID, contract
        assert "session_differs" in codes(verdict)


def test_the_official_program_takes_the_marks_for_two_customers() -> None:
    (transaction,) = of("edl40-p-wide-pair", Profile.SAFE_1_4_1).transactions
    keys = [finding.params["official_key"] for finding in transaction.findings]
    assert keys == ["app.verify.law.conform.customer.id.differs"]
    assert transaction.verdict is Verdict.INVALID


def test_a_local_clock_set_back_by_days_is_no_summer_time() -> None:
    for back, verdict in ((timedelta(minutes=59), Verdict.VALID), (timedelta(hours=2), Verdict.INVALID)):
        last = METER.telegram(replace(LAST, local=BEGIN - back))
        assert verify(METER.pair(METER.telegram(FIRST), last)).verdict is verdict


def test_the_begin_of_an_isa_session_stands_in_both_records_and_counts_once() -> None:
    (transaction,) = of("isa-edl40-p-pair").transactions
    assert (transaction.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("11.6245"))
    assert "reading_repeated" in {finding.code for finding in transaction.findings}
    assert "intermediate_time_missing" not in {finding.code for finding in transaction.findings}
    assert transaction.billable.energy


def test_an_isa_begin_record_is_no_whole_session() -> None:
    verdict = of("isa-edl40-p-begin-only")
    (transaction,) = verdict.transactions
    assert transaction.verdict is Verdict.INDETERMINATE
    assert "end_missing" in {finding.code for finding in transaction.findings}
    assert transaction.energy_kwh is None


def test_isa_records_of_two_sessions_do_not_mix() -> None:
    """The start register is signed in each record: another start is another session."""
    values = replace(
        isa_edl40_p.AT_BEGIN,
        start_value=isa_edl40_p.AT_BEGIN.start_value - 5,
        start_local=END - timedelta(days=1),
    )
    meter = isa_edl40_p.METER
    begin, end = meter.telegram(values), meter.telegram(isa_edl40_p.AT_END)
    verdict = verify(meter.in_safe_xml((begin, "Transaction.Begin"), (end, "Transaction.End")))
    assert verdict.verdict is Verdict.INVALID
    assert "session_differs" in codes(verdict)


def test_ids_that_look_alike_are_not_the_same() -> None:
    """Four letters and two octets are both shown as 04A1."""
    begin, end = replace(FIRST, contract=b"04A1"), replace(LAST, contract=bytes.fromhex("04A1"))
    verdict = verify(METER.pair(METER.telegram(begin), METER.telegram(end)))
    shown = {entry.record.identification.data for entry in verdict.records if entry.record is not None}
    assert (shown, verdict.verdict) == ({"04A1"}, Verdict.INVALID)
    assert "session_differs" in codes(verdict)


def test_a_local_time_is_reported_without_an_offset() -> None:
    report = document_as_json(of("edl40-p-begin"))
    (reading,) = report["records"][0]["readings"]
    assert (reading["time"], reading["time_status"]) == ("2025-03-04T17:31:08.000", "I")
    report = document_as_json(of("edl40-p-clock-never-set"))
    (reading,) = report["records"][0]["readings"]
    assert (reading["time"], reading["time_status"]) == (None, "U")
