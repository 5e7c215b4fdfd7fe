"""Every EDL_40_MENNEKES entry of the shared vectors, their whole files, and the law checks LAW_MENNEKES."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest

from eichrecht.evidence import SignatureStatus, SignedRecord, Verdict
from eichrecht.formats import registry
from eichrecht.rules.engine import judge_transaction
from eichrecht.rules.profiles import Profile
from sample_meters.edl40_mennekes import START, STATION, STOP
from tests.conformance.exceptions import otherwise
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

RECORDS = [entry for entry in load("records.json") if entry["format"] == "EDL_40_MENNEKES"]
LAW = [entry for entry in load("records.json") if entry["format"] == "LAW_MENNEKES"]
TELEGRAMS = "file-mennekes-zaehlerdaten-txt"
FILES = [e for e in load("files.json") if "MENNEKES" in e["format"] or "mennekes" in e["id"].lower()]

every_record = pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry["id"])
every_file = pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["id"])
every_law = pytest.mark.parametrize("entry", LAW, ids=lambda entry: entry["id"])


def test_the_vectors_are_all_there() -> None:
    assert (len(RECORDS), len(FILES), len(LAW)) == (5, 6, 4)


@every_record
@pytest.mark.parametrize("profile", Profile)
def test_record(entry: Entry, profile: Profile) -> None:
    verdict = verify(entry, profile)
    (record,) = verdict.records
    assert record.format == "EDL_40_MENNEKES"
    assert record.verdict is VERDICT[entry["expect"]]
    expected = SignatureStatus.VALID if entry["expect"] == "valid" else SignatureStatus.INVALID
    assert record.signature.status is expected
    (transaction,) = verdict.transactions
    assert transaction.verdict is VERDICT[entry["expect"]]
    assert verdict.verdict is VERDICT[entry["expect"]]
    assert transaction.billable.energy is (entry["expect"] == "valid")


@pytest.mark.parametrize("entry", [e for e in RECORDS if e.get("readings")], ids=lambda entry: entry["id"])
def test_readings_are_those_the_official_program_shows(entry: Entry) -> None:
    (record,) = verify(entry, Profile.STRICT).records
    assert record.record is not None
    for reading, official in zip(record.record.readings, entry["readings"], strict=True):
        assert reading.energy_kwh is not None
        shown = Decimal(official["kwh"]).quantize(Decimal(1).scaleb(-official["digits"]))
        assert reading.energy_kwh == shown
        # The offset is not signed, so it is not shown.
        local = datetime.fromisoformat(official["timestamp"]).replace(tzinfo=None)
        assert (reading.time, reading.time_text) == (None, local.isoformat())
        assert reading.role == {"START": "begin", "STOP": "end"}[official["type"]]


@every_file
def test_file(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    expected = entry["values"] or ["valid", "valid"]  # the telegrams, which the official program cannot read
    assert [record.verdict for record in verdict.records] == [VERDICT[value] for value in expected]
    assert verdict.verdict is Verdict.VALID
    (transaction,) = verdict.transactions
    assert transaction.records == tuple(range(len(expected)))
    assert (transaction.verdict, transaction.billable.energy) == (Verdict.VALID, True)


@pytest.mark.parametrize("entry", [e for e in FILES if e["official_program"]], ids=lambda entry: entry["id"])
def test_file_as_the_official_program_decides(entry: Entry) -> None:
    ours = verify(entry, Profile.SAFE_1_4_1).verdict
    exception = otherwise(entry["id"], Profile.SAFE_1_4_1)
    assert ours is (VERDICT[entry["official_program"]] if exception is None else exception.ours[0])


def test_the_telegrams_and_the_process_made_of_them_say_the_same() -> None:
    """The station's XML and the meter's own telegrams, found as hexadecimal blocks in prose."""
    telegrams = verify(next(e for e in FILES if e["id"] == TELEGRAMS), Profile.STRICT)
    process = verify(next(e for e in FILES if e["id"] == "file-mennekes-de-xml"), Profile.STRICT)
    assert [[layer.kind for layer in record.layers] for record in telegrams.records] == [["hex"], ["hex"]]
    (from_telegrams,), (from_process,) = telegrams.transactions, process.transactions
    assert from_telegrams.energy_kwh == from_process.energy_kwh == Decimal("0.0002")
    assert from_telegrams.duration_s == from_process.duration_s == 59
    record = process.records[0].record
    assert record is not None
    signed = [item.record.signed_bytes for item in telegrams.records if item.record is not None]
    assert signed == [record.signed_bytes, record.more_signatures[0].signed_bytes]


def process_of(entry: Entry) -> SignedRecord:
    """A charging process whose begin and end have the field set's values; its signatures do not matter here."""
    fields = json.loads((SHARED / entry["file"]).read_text("utf-8"))
    begin, end = (
        replace(measured, counter=counter, value=value, page=page)
        for measured, counter, value, page in zip(
            (START, STOP), fields["event_counter"], fields["meter"], fields["pagination"], strict=True
        )
    )
    return registry.decode("EDL_40_MENNEKES", STATION.process(begin, end).encode())


@every_law
def test_law_in_profile_strict(entry: Entry) -> None:
    judgement = judge_transaction([process_of(entry)], Profile.STRICT)
    assert judgement.verdict is VERDICT[entry["expect"]]
    errors = {f.code for f in judgement.findings if f.severity == "error"}
    expected = {
        "safe-law-mennekes-ok": set(),
        "safe-law-mennekes-event-counter": {"event_counter_differs"},
        "safe-law-mennekes-meter": {"value_decreases"},
        "safe-law-mennekes-pagination": {"pagination_not_increasing"},
    }
    assert errors == expected[entry["id"]]


@every_law
def test_law_in_profile_safe(entry: Entry) -> None:
    judgement = judge_transaction([process_of(entry)], Profile.SAFE_1_4_1)
    keys = [finding.params["official_key"] for finding in judgement.findings]
    exception = otherwise(entry["id"], Profile.SAFE_1_4_1, "official_key")
    if exception is not None:
        assert ((judgement.verdict,), keys) == (exception.ours, [])
        return
    assert judgement.verdict is VERDICT[entry["expect"]]
    assert keys == ([entry["reason"]] if entry["reason"] else [])


def test_a_pair_of_processes_is_refused_by_the_official_program() -> None:
    record = registry.decode("EDL_40_MENNEKES", STATION.process(START, STOP).encode())
    later = registry.decode("EDL_40_MENNEKES", STATION.process(START, replace(STOP, page=4400)).encode())
    judgement = judge_transaction(
        [record, later], Profile.SAFE_1_4_1, contexts=["Transaction.Begin", "Transaction.End"]
    )
    assert judgement.findings[0].params["official_key"] == "app.verify.mennekes.law.conform.compare"
