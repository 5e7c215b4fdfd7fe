"""Putting records together into transactions, and what that means for the document (docs/decisions.md V5)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from eichrecht.evidence import DocumentVerdict, Severity, Verdict
from eichrecht.formats import registry
from eichrecht.verification.pairing import Member, group_members
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.eichrecht.verification.verification_support import (
    BEGIN_KWH,
    END,
    END_KWH,
    START,
    session,
    supplied,
    verify,
)

KEY = OcmfMeter("secp256r1").public_key_text()


def meter(serial: str = "M1", page: int = 1, **head: object) -> OcmfMeter:
    return OcmfMeter("secp256r1", serial, page=page, head=head)  # type: ignore[arg-type]


def begin(of: OcmfMeter) -> bytes:
    return of.begin_record(BEGIN_KWH, START)


def end(of: OcmfMeter, kwh: Decimal = END_KWH) -> bytes:
    return of.end_record(kwh, END)


def between(of: OcmfMeter) -> bytes:
    return of.record([of.reading(BEGIN_KWH + 1, START + timedelta(minutes=15), "C")])


def of_lines(*records: bytes) -> DocumentVerdict:
    """Verify records that stand one after the other, as a station writes them."""
    return verify(b"\n".join(records), supplied(KEY))


def of_xml(*values: tuple[bytes, str | None, str | None]) -> DocumentVerdict:
    return verify(safe_xml([SafeValue(record, KEY, name, context) for record, name, context in values]))


def shape(verdict: DocumentVerdict) -> list[tuple[str, tuple[int, ...], Verdict]]:
    return [(t.id, t.records, t.verdict) for t in verdict.transactions]


def errors(verdict: DocumentVerdict, transaction: int = 0) -> set[str]:
    findings = verdict.transactions[transaction].findings
    return {finding.code for finding in findings if finding.severity is Severity.ERROR}


# --- records that nobody declares to belong together ----------------------------------------------------------


def test_begin_and_end_become_a_transaction() -> None:
    one = meter()
    verdict = of_lines(begin(one), end(one))
    assert shape(verdict) == [("M1/T1-T2", (0, 1), Verdict.VALID)]
    (transaction,) = verdict.transactions
    assert (transaction.energy_kwh, transaction.duration_s) == (Decimal("29.500"), 5400)
    assert transaction.billable.energy
    assert transaction.billable.duration
    assert verdict.verdict is Verdict.VALID


def test_intermediate_records_belong_to_the_session_that_runs() -> None:
    one = meter()
    verdict = of_lines(begin(one), between(one), end(one))
    assert shape(verdict) == [("M1/T1-T3", (0, 1, 2), Verdict.VALID)]


def test_interleaved_sessions_of_two_meters() -> None:
    one, other = meter("M1"), meter("M2")
    verdict = of_lines(begin(one), begin(other), between(other), end(one), end(other))
    assert shape(verdict) == [
        ("M1/T1-T2", (0, 3), Verdict.VALID),
        ("M2/T1-T3", (1, 2, 4), Verdict.VALID),
    ]
    assert verdict.verdict is Verdict.VALID


def test_two_users_at_one_gateway_at_the_same_time() -> None:
    """A gateway that signs for several points: the identification tells the sessions apart."""
    first = meter("M1", ID="AAAAAAAA", MS=None, CI=None, CT=None)
    second = meter("M1", page=10, ID="BBBBBBBB", MS=None, CI=None, CT=None)
    verdict = of_lines(begin(first), begin(second), end(first), end(second))
    assert [records for _, records, _ in shape(verdict)] == [(0, 2), (1, 3)]
    assert verdict.verdict is Verdict.VALID


def test_an_end_that_leaves_the_user_out_still_ends_the_only_session() -> None:
    one, silent = meter(), meter(page=2, ID=None)
    verdict = of_lines(begin(one), end(silent))
    assert [records for _, records, _ in shape(verdict)] == [(0, 1)]
    findings = {finding.code for finding in verdict.transactions[0].findings}
    assert "identification_incomplete" in findings


def test_an_end_that_leaves_the_user_out_ends_none_of_two() -> None:
    first, second = meter(ID="AAAAAAAA"), meter(page=10, ID="BBBBBBBB")
    silent = meter(page=20, ID=None)
    verdict = of_lines(begin(first), begin(second), end(silent))
    assert [records for _, records, _ in shape(verdict)] == [(0,), (1,), (2,)]
    assert {v for _, _, v in shape(verdict)} == {Verdict.INDETERMINATE}


def test_sessions_one_after_the_other() -> None:
    one = meter()
    records = [begin(one), end(one), one.begin_record(END_KWH, END), one.end_record(END_KWH + 1, END)]
    assert shape(of_lines(*records)) == [
        ("M1/T1-T2", (0, 1), Verdict.VALID),
        ("M1/T3-T4", (2, 3), Verdict.VALID),
    ]


def test_begin_without_end_is_a_valid_record_and_no_whole_session() -> None:
    """V5: a file of one begin record is no broken file, but nobody may take it for a session."""
    verdict = of_lines(begin(meter()))
    assert verdict.records[0].verdict is Verdict.VALID
    assert shape(verdict) == [("M1/T1", (0,), Verdict.INDETERMINATE)]
    assert errors(verdict) == {"end_missing"}
    assert not verdict.transactions[0].billable.energy
    assert verdict.transactions[0].energy_kwh is None
    assert verdict.verdict is Verdict.VALID


def test_end_without_begin() -> None:
    verdict = of_lines(end(meter(page=2)))
    assert verdict.records[0].verdict is Verdict.VALID
    assert errors(verdict) == {"begin_missing"}
    assert verdict.verdict is Verdict.VALID


def test_a_second_begin_closes_the_first_as_incomplete() -> None:
    one = meter()
    verdict = of_lines(begin(one), one.begin_record(BEGIN_KWH + 1, START + timedelta(minutes=1)), end(one))
    assert shape(verdict) == [
        ("M1/T1", (0,), Verdict.INDETERMINATE),
        ("M1/T2-T3", (1, 2), Verdict.VALID),
    ]


def test_fiscal_records_are_no_part_of_a_session() -> None:
    one = meter()
    fiscal = one.record([one.reading(BEGIN_KWH, START, None)], context="F")
    verdict = of_lines(begin(one), fiscal, end(one))
    assert [records for _, records, _ in shape(verdict)] == [(0, 2)]


def test_a_pair_that_breaks_a_rule_makes_the_document_invalid() -> None:
    one = meter()
    verdict = of_lines(begin(one), end(one, BEGIN_KWH - 1))
    assert [record.verdict for record in verdict.records] == [Verdict.VALID, Verdict.VALID]
    assert "value_decreases" in errors(verdict)
    assert verdict.verdict is Verdict.INVALID


def test_the_meter_names_the_transaction_else_the_gateway_the_point_or_the_place() -> None:
    def name(**head: object) -> str:
        return of_lines(session(meter(**head))).transactions[0].id

    assert name() == "M1/T1"
    assert name(MS=None) == "GW-M1/T1"
    assert name(MS=None, GS=None) == "DE*SMP*E0001/T1"
    assert name(MS=None, GS=None, CI=None, CT=None) == "?/T1"
    assert name(PG=None) == "M1/#0"


# --- the same record twice ------------------------------------------------------------------------------------


def test_a_whole_session_that_stands_twice_is_one_session() -> None:
    record = session(meter())
    verdict = of_lines(record, record)
    assert shape(verdict) == [("M1/T1", (0,), Verdict.VALID)]
    assert [f.params for f in verdict.records[1].findings if f.code == "document_repeats_record"] == [
        {"first": "0"}
    ]
    assert verdict.verdict is Verdict.VALID


def test_a_pair_that_stands_twice_is_one_session() -> None:
    one = meter()
    records = [begin(one), end(one)]
    assert shape(of_lines(*records, *records)) == [("M1/T1-T2", (0, 1), Verdict.VALID)]
    assert shape(of_lines(records[0], *records)) == [("M1/T1-T2", (0, 2), Verdict.VALID)]


def test_a_copy_with_another_signature_text_is_the_same_record() -> None:
    """A record is its signed bytes: signature text can be written in many ways (ocmf facts §2)."""
    record = session(meter())
    head, section = record[: record.rindex(b"|")], record[record.rindex(b"|") :]
    lower = head + section.replace(section[-10:-2], section[-10:-2].lower())
    verdict = of_lines(record, lower)
    assert lower != record
    assert [r.verdict for r in verdict.records] == [Verdict.VALID, Verdict.VALID]
    assert len(verdict.transactions) == 1


def test_one_record_as_start_and_end_of_a_declared_transaction_is_one_session() -> None:
    record = session(meter())
    verdict = of_xml((record, "4711", None), (record, "4711", None))
    assert shape(verdict) == [("4711", (0,), Verdict.VALID)]


# --- transactions that the container declares -----------------------------------------------------------------


def test_the_container_s_word_groups_records() -> None:
    one = meter()
    verdict = of_xml((begin(one), "4711", "Transaction.Begin"), (end(one), "4711", "Transaction.End"))
    assert shape(verdict) == [("4711", (0, 1), Verdict.VALID)]
    assert verdict.verdict is Verdict.VALID


def test_the_container_s_word_outweighs_the_order() -> None:
    one, other = meter("M1"), meter("M2")
    verdict = of_xml(
        (end(other, END_KWH + 1), "B", None),
        (begin(one), "A", None),
        (begin(other), "B", None),
        (end(one), "A", None),
    )
    assert [(name, records) for name, records, _ in shape(verdict)] == [("B", (0, 2)), ("A", (1, 3))]


def test_half_a_declared_transaction_makes_the_document_indeterminate() -> None:
    """V5: here somebody said that there is a session, and it is not all there."""
    for record, context, code in (
        (begin(meter()), "Transaction.Begin", "end_missing"),
        (end(meter(page=2)), "Transaction.End", "begin_missing"),
    ):
        verdict = of_xml((record, "4711", context))
        assert verdict.records[0].verdict is Verdict.VALID
        assert errors(verdict) == {code}
        assert verdict.verdict is Verdict.INDETERMINATE


def test_a_repeated_id_over_whole_sessions_is_several_transactions() -> None:
    one = meter()
    first, second = session(one), one.session_record(END_KWH, END_KWH + 7, END, END + timedelta(hours=1))
    verdict = of_xml((first, "9850", None), (second, "9850", None))
    assert shape(verdict) == [("9850", (0,), Verdict.VALID), ("9850", (1,), Verdict.VALID)]
    assert [t.energy_kwh for t in verdict.transactions] == [Decimal("29.500"), Decimal("7.000")]


def test_a_repeated_id_over_two_pairs_is_not_guessed_apart() -> None:
    one, other = meter("M1"), meter("M2")
    verdict = of_xml(
        (begin(one), "1", "Transaction.Begin"),
        (end(one), "1", "Transaction.End"),
        (begin(other), "1", "Transaction.Begin"),
        (end(other), "1", "Transaction.End"),
    )
    assert len(verdict.transactions) == 1
    assert verdict.verdict is not Verdict.VALID


def test_declared_and_undeclared_records_do_not_mix() -> None:
    one = meter()
    verdict = of_xml((begin(one), "4711", None), (end(one), None, None))
    assert [(name, records) for name, records, _ in shape(verdict)] == [("4711", (0,)), ("M1/T2", (1,))]


def test_a_transaction_is_no_better_than_its_records() -> None:
    one = meter()
    start, stop = begin(one), end(one).replace(b"2965.100", b"2964.100")
    verdict = of_xml((start, "4711", "Transaction.Begin"), (stop, "4711", "Transaction.End"))
    assert [r.verdict for r in verdict.records] == [Verdict.VALID, Verdict.INVALID]
    (transaction,) = verdict.transactions
    assert transaction.verdict is Verdict.INVALID
    assert not transaction.billable.energy
    assert not transaction.billable.duration
    (finding,) = [f for f in transaction.findings if f.code == "transaction_record_not_valid"]
    assert finding.params == {"records": "1"}


def test_a_transaction_with_an_unchecked_record_is_undecided() -> None:
    one = meter()
    values = [
        SafeValue(begin(one), KEY, "1", "Transaction.Begin"),
        SafeValue(end(one), None, "1", "Transaction.End"),
    ]
    verdict = verify(safe_xml(values))
    assert verdict.records[1].signature.reason == "no_key"
    assert (verdict.transactions[0].verdict, verdict.verdict) == (
        Verdict.INDETERMINATE,
        Verdict.INDETERMINATE,
    )
    assert not verdict.transactions[0].billable.energy


# --- the document ---------------------------------------------------------------------------------------------


def test_the_worst_record_decides_the_document() -> None:
    good, forged = session(meter("M1")), session(meter("M2")).replace(b"2965.100", b"2985.100")
    cut = session(meter("M3"))[:400]
    assert of_lines(good, forged).verdict is Verdict.INVALID
    assert of_lines(good, cut).verdict is Verdict.INDETERMINATE
    assert of_lines(cut, forged).verdict is Verdict.INVALID
    assert [r.verdict for r in of_lines(good, cut).records] == [Verdict.VALID, Verdict.INDETERMINATE]


def test_duplicate_json_keys_decide_nothing_but_the_signature_is_reported() -> None:
    """V1."""
    one = meter()
    payload = one.payload([one.reading(BEGIN_KWH, START, "B"), one.reading(END_KWH, END, "E")])
    record = one.sign(payload.replace('"RV":2965.100', '"RV":2965.100,"RV":2999.100'))
    verdict = of_lines(record)
    assert verdict.verdict is Verdict.INDETERMINATE
    assert verdict.records[0].signature.status == "valid"
    assert all(t.verdict is Verdict.INDETERMINATE and not t.billable.energy for t in verdict.transactions)


def test_an_empty_document_and_one_of_nothing() -> None:
    for content, code in ((b"", "empty_document"), (b"nothing", "nothing_recognised")):
        verdict = verify(content)
        assert (verdict.verdict, verdict.records, verdict.transactions) == (Verdict.INDETERMINATE, (), ())
        assert [f.code for f in verdict.findings] == [code]


# --- pairing alone --------------------------------------------------------------------------------------------


def members(records: Sequence[bytes]) -> list[Member]:
    return [Member(n, registry.decode("OCMF", record), None, None) for n, record in enumerate(records)]


def test_every_transactional_record_is_in_exactly_one_group() -> None:
    one, other = meter("M1"), meter("M2", ID=None)
    records = [
        end(one),
        begin(other),
        between(one),
        begin(one),
        session(one),
        end(other),
        between(other),
        begin(one),
    ]
    groups = group_members(members(records))
    assert sorted(m.index for group in groups for m in group.members) == list(range(len(records)))
    assert [group.members[0].index for group in groups] == sorted(g.members[0].index for g in groups)
    assert not any(group.declared for group in groups)


def test_many_open_sessions_of_one_device_are_paired_in_linear_time() -> None:
    """Looked up, not searched: each of many users at one gateway ends the session that is that user's."""
    users = [f"{number:08X}" for number in range(300)]
    gateway = [meter("M1", page=n + 1, ID=user, MS=None) for n, user in enumerate(users)]
    records = [begin(one) for one in gateway] + [end(one) for one in gateway]
    groups = group_members(members(records))
    assert [tuple(m.index for m in group.members) for group in groups] == [(n, n + 300) for n in range(300)]
