"""Every ALFEN entry of ``records.json``, ``files.json`` and LAW_ALFEN, in both profiles."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.evidence import RecordVerdict, SignatureStatus, SignedRecord, Verdict
from eichrecht.formats.alfen import AlfenFormat
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.profiles import Profile
from sample_meters.alfen import AlfenMeter, Dataset
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load, shown, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

RECORDS = [entry for entry in load("records.json") if entry["format"] == "ALFEN"]
FILES = [entry for entry in load("files.json") if entry["format"] == "ALFEN"]
LAW = [entry for entry in load("records.json") if entry["format"] == "LAW_ALFEN"]
SAFE = Profile.SAFE_1_4_1
CONTEXTS = ("Transaction.Begin", "Transaction.End")


def named(entry: Entry) -> str:
    return str(entry["id"])


def the_record(entry: Entry, profile: Profile) -> RecordVerdict | None:
    verdict = verify(entry, profile)
    assert len(verdict.records) <= 1
    return verdict.records[0] if verdict.records else None


def test_the_vectors_are_all_there() -> None:
    assert (len(RECORDS), len(FILES), len(LAW)) == (24, 5, 8)


@pytest.mark.parametrize("entry", RECORDS, ids=named)
@pytest.mark.parametrize("profile", Profile)
def test_record_gets_its_verdict(entry: Entry, profile: Profile) -> None:
    record = the_record(entry, profile)
    official = profile is SAFE and "official_program" in entry
    word = entry["official_program" if official else "expect"]
    assert (record.verdict if record else Verdict.INDETERMINATE) is VERDICT[word]
    if "signature" in entry:
        assert record is not None
        assert record.signature.status == entry["signature"]


def test_a_wrong_key_is_told_from_an_unreadable_one() -> None:
    reasons = {
        entry["id"]: record.signature.reason
        for entry in RECORDS
        if "-key" in entry["id"] and (record := the_record(entry, Profile.STRICT))
    }
    assert reasons == {
        "safe-inline-alfen-start-embedded-key": None,
        "safe-inline-alfen-start-wrong-key": "malformed_key",
        "safe-inline-alfen-start-other-key": "wrong_key",
    }


@pytest.mark.parametrize("entry", [e for e in RECORDS if e.get("readings")], ids=named)
def test_value_and_time_are_those_the_official_program_shows(entry: Entry) -> None:
    record = the_record(entry, Profile.STRICT)
    assert record is not None
    assert record.record is not None
    (official,), (reading,) = entry["readings"], record.record.readings
    kwh = Decimal(official["kwh"]).quantize(Decimal(1).scaleb(-official["digits"]))
    assert shown(reading, kwh) == kwh
    assert reading.time is not None
    assert reading.time.isoformat().replace("+00:00", "Z") == official["timestamp"]


@pytest.mark.parametrize("entry", FILES, ids=named)
def test_records_of_a_file(entry: Entry) -> None:
    for profile in Profile:
        verdict = verify(entry, profile)
        assert [record.verdict for record in verdict.records] == [VERDICT[word] for word in entry["values"]]
        assert all(record.signature.status is SignatureStatus.VALID for record in verdict.records)


# The files as a person reads them: records of each transaction, verdict, kWh, seconds; document.
SESSIONS: dict[str, tuple[Verdict, list[tuple[Any, ...]]]] = {
    # the begin twice, no end
    "ALFEN-ALFEN-Testdata-03-SAFEXMLContainer-xml": (
        Verdict.VALID,
        [((0,), Verdict.INDETERMINATE, None, None)],
    ),
    "ALFEN-ALFEN-Testdata-04-2-1MWh-SAFEXMLContainer-xml": (
        Verdict.VALID,
        [((0, 1), Verdict.VALID, "2100.000", 1800)],
    ),
    "ALFEN-ALFEN-Testdata-05-1-9MWh-8Intermediates-SAFEXMLContainer-xml": (
        Verdict.VALID,
        [(tuple(range(10)), Verdict.VALID, "1900.000", 259_200)],
    ),
    # the clock of the adapter was lost: the session ends in 1970
    "ALFEN-Testdatensatz-01-SAFEContainer-Fails-xml": (
        Verdict.INVALID,
        [((0, 1), Verdict.INVALID, "0.005", None)],
    ),
    "ALFEN-Testdatensatz-04-SAFEContainer-xml": (
        Verdict.VALID,
        [((0, 1), Verdict.VALID, "0.058", 264)],
    ),
}


WITHOUT_ROLES = {
    "ALFEN-ALFEN-Testdata-04-2-1MWh-SAFEXMLContainer-xml",
    "ALFEN-ALFEN-Testdata-05-1-9MWh-8Intermediates-SAFEXMLContainer-xml",
}
"""Files of the earliest firmware, whose status words say neither start nor stop."""


@pytest.mark.parametrize("entry", FILES, ids=named)
def test_sessions_of_a_file(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    document, sessions = SESSIONS[entry["id"]]
    found = [
        (
            t.records,
            t.verdict,
            None if t.energy_kwh is None else f"{t.energy_kwh:f}",
            t.duration_s if t.verdict is Verdict.VALID else None,
        )
        for t in verdict.transactions
    ]
    assert (verdict.verdict, found) == (document, sessions)
    assert [t.billable.energy for t in verdict.transactions] == [
        v is Verdict.VALID for _, v, _, _ in sessions
    ]
    # Old firmware signs no roles: nothing proves that the last value is the end (decision G15).
    claimed = ["role_only_claimed" in {f.code for f in t.findings} for t in verdict.transactions]
    assert any(claimed) == (entry["id"] in WITHOUT_ROLES)


def findings(entry_id: str) -> set[str]:
    (entry,) = [entry for entry in FILES if entry["id"] == entry_id]
    verdict = verify(entry, Profile.STRICT)
    records = [f.code for record in verdict.records for f in record.findings]
    return {*records, *(f.code for t in verdict.transactions for f in t.findings)}


def test_what_is_odd_about_the_files_is_said() -> None:
    assert "document_repeats_record" in findings("ALFEN-ALFEN-Testdata-03-SAFEXMLContainer-xml")
    assert "end_missing" in findings("ALFEN-ALFEN-Testdata-03-SAFEXMLContainer-xml")
    assert "energy_implausible" in findings("ALFEN-ALFEN-Testdata-04-2-1MWh-SAFEXMLContainer-xml")
    assert "power_implausible" in findings("ALFEN-ALFEN-Testdata-04-2-1MWh-SAFEXMLContainer-xml")
    assert "time_decreases" in findings("ALFEN-Testdatensatz-01-SAFEContainer-Fails-xml")
    assert not {"alfen_role_not_signed", "end_missing"} & findings("ALFEN-Testdatensatz-04-SAFEContainer-xml")


# --- the law checks of the official program over field sets


def fields_of(entry: Entry) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = json.loads((SHARED / entry["file"]).read_text("utf-8"))
    return loaded


def record_of(fields: dict[str, Any]) -> SignedRecord:
    """Return a record whose signed bytes hold these fields."""
    dataset = Dataset(
        status=int.from_bytes(bytes.fromhex(fields["status_hex_le"]), "little"),
        page=fields["paging"],
        value=fields["value"],
        session=fields["session"],
    )
    return AlfenFormat().decode(AlfenMeter(signs_roles=False).sign("0", dataset.encoded()))


@pytest.mark.parametrize("entry", [e for e in LAW if "-bit" in e["id"]], ids=named)
@pytest.mark.parametrize("profile", Profile)
def test_law_status_bit(entry: Entry, profile: Profile) -> None:
    judgement = judge_record(record_of(fields_of(entry)["start"]), profile)
    assert judgement.verdict is VERDICT[entry["expect"]]
    if profile is SAFE:
        (finding,) = judgement.findings
        assert finding.params["official_key"] == "app.verify.alfen.status.metererroroccurred"


@pytest.mark.parametrize("entry", [e for e in LAW if "-bit" not in e["id"]], ids=named)
def test_law_pair(entry: Entry) -> None:
    fields = fields_of(entry)
    pair = [record_of(fields["start"]), record_of(fields["stop"])]
    assert all(record.claimed_role is not None for record in pair)
    judgement = judge_transaction(pair, SAFE, contexts=CONTEXTS)
    assert judgement.verdict is VERDICT[entry["expect"]]
    keys = [finding.params["official_key"] for finding in judgement.findings]
    assert keys == ([] if entry["expect"] == "valid" else [entry["reason"]])
    ends = [
        AlfenMeter(signs_roles=False).sign(kind, record.signed_bytes)
        for kind, record in zip("01", pair, strict=True)
    ]
    strict = judge_transaction([AlfenFormat().decode(line) for line in ends], Profile.STRICT)
    assert strict.verdict is VERDICT[entry["expect"]]
