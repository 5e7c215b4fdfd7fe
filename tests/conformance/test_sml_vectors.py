"""The SML and EDL40 vectors of ``vectors/meter`` in both profiles: EDL_40_P, ISA_EDL_40_P, EDL_40_SIG, LAW_SML."""

from __future__ import annotations

import base64
import json
from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from eichrecht.evidence import (
    Document,
    DocumentVerdict,
    Reading,
    ReadingRole,
    RecordVerdict,
    SignatureStatus,
    SignedRecord,
    Verdict,
)
from eichrecht.formats import _edl40 as edl40
from eichrecht.formats._edl40_record import Edl40Signature, Transport, edl40_record, split_signature
from eichrecht.rules.engine import judge_transaction
from eichrecht.rules.obis import register_of
from eichrecht.rules.profiles import Profile
from eichrecht.rules.safe_compare import failed_pair
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.der import read_raw_signature, write_signature
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

FORMATS = ("EDL_40_P", "ISA_EDL_40_P", "EDL_40_SIG")
EVERY = load("records.json")
RECORDS = [entry for entry in EVERY if entry["format"] in FORMATS]
FILES = [entry for entry in load("files.json") if any(name in entry["format"] for name in FORMATS)]
LAW = [entry for entry in EVERY if entry["format"] == "LAW_SML"]
PAIR = ("Transaction.Begin", "Transaction.End")

STATUS = {
    "valid": SignatureStatus.VALID,
    "invalid": SignatureStatus.INVALID,
    "error": SignatureStatus.UNVERIFIED,
}

# What the official program shows as a session's end although the signed list name says that it begins.
NO_END = {"safe-xml-xml-gultiger-und-ungultiger-date-nwertsaetze-im-isa-edl-40p-1-0-xml-v1"}

every_record = pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry["id"])
every_file = pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["id"])


def the_record(entry: Entry, profile: Profile) -> RecordVerdict:
    (record,) = verify(entry, profile).records
    return record


def test_the_vectors_are_all_there() -> None:
    assert Counter(entry["format"] for entry in RECORDS) == {
        "EDL_40_P": 12,
        "ISA_EDL_40_P": 3,
        "EDL_40_SIG": 9,
    }
    assert (len(FILES), len(LAW)) == (9, 7)


@every_record
def test_strict_gives_the_expected_verdict(entry: Entry) -> None:
    record = the_record(entry, Profile.STRICT)
    assert record.verdict is VERDICT[entry["expect"]]
    assert record.signature.status is STATUS[entry["expect"]]
    assert record.format == entry["format"]
    errors = [finding for finding in record.findings if finding.severity == "error"]
    assert bool(errors) == (record.verdict is not Verdict.VALID)


@every_record
def test_profile_safe_decides_as_the_official_program(entry: Entry) -> None:
    record = the_record(entry, Profile.SAFE_1_4_1)
    assert record.verdict is VERDICT[str(entry.get("official_program", entry["expect"]))]


def _counting(record: SignedRecord) -> list[Reading]:
    """The readings that the official program shows: compensated ones if there are any (safe_formats.md §3)."""
    registers = [(reading, register_of(reading.obis or "")) for reading in record.readings]
    compensated = [reading for reading, register in registers if register and register.compensated]
    return compensated or list(record.readings)


@pytest.mark.parametrize("entry", [e for e in RECORDS if e.get("readings")], ids=lambda entry: entry["id"])
def test_readings_are_those_the_official_program_shows(entry: Entry) -> None:
    record = the_record(entry, Profile.STRICT).record
    if entry["id"] == "safe-inline-edl40sig-truncated-xml":
        return
    assert record is not None
    shown = _counting(record)
    assert len(shown) == len(entry["readings"])
    for reading, official in zip(shown, entry["readings"], strict=True):
        digits = Decimal(1).scaleb(-official["digits"])
        assert reading.energy_kwh is not None
        assert reading.energy_kwh == Decimal(official["kwh"]).quantize(digits)
        # The zone is not signed: the wall clock is what both must agree in.
        assert reading.time_text == official["timestamp"][:19]
        assert reading.time is None
        role = {"START": ReadingRole.BEGIN, "STOP": ReadingRole.END}.get(official["type"])
        if entry["id"] in NO_END and role is ReadingRole.END:
            assert reading.role is ReadingRole.INTERMEDIATE
        elif role is not None:
            assert reading.role is role


def test_a_clock_that_was_never_set_is_said_and_voids_nothing() -> None:
    (entry,) = [e for e in RECORDS if e["id"] == "safe-inline-edl40-mennekes-1"]
    record = the_record(entry, Profile.STRICT)
    assert "clock_not_set" in {finding.code for finding in record.findings}
    assert record.record is not None
    assert record.record.readings[0].time_text is None


@every_file
def test_strict_gives_each_record_its_verdict(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    assert [record.verdict for record in verdict.records] == [VERDICT[value] for value in entry["values"]]


@every_file
def test_profile_safe_decides_each_file_as_the_official_program(entry: Entry) -> None:
    verdict = verify(entry, Profile.SAFE_1_4_1)
    assert verdict.verdict is VERDICT[entry["official_program"]]
    for name, official in (entry["transaction"] or {}).items():
        (transaction,) = [t for t in verdict.transactions if t.id == name]
        assert (transaction.verdict is Verdict.VALID) is official["verified"]
        keys = [f.params["official_key"] for f in transaction.findings if "official_key" in f.params]
        assert keys == official["errors"]


# The files as a person reads them in profile strict: document, then id, verdict, kWh and seconds of each transaction.
_ISA = ("22.3294", None)
TRANSACTIONS: dict[str, tuple[str, list[tuple[Any, ...]]]] = {
    "file-hummel-xml": ("valid", [("9850", "valid", "1.0451", 686)]),
    # Begin and end mark in byte 0 of the contract id: the official program takes them for two customers.
    "file-xml-emh-emoc-newehzsml-xml": ("valid", [("8866", "valid", "0.0018", 101)]),
    "file-xml-edl-40-01-xml": ("indeterminate", [("1", "indeterminate", None, None)]),
    "file-xml-edl-40-02-xml": ("indeterminate", [("1", "indeterminate", None, None)]),
    "file-xml-isa-edl-40p-begin-fail-xml": ("indeterminate", [("1", "indeterminate", None, None)]),
    "file-xml-isa-edl-40p-ok-xml": ("valid", [("6", "valid", *_ISA)]),
    "file-xml-isa-edl-40p-veri-fail-xml": ("valid", [("6", "valid", *_ISA)]),
    "file-xml-isa-edl-40p-sign-fail-xml": ("indeterminate", [("4", "indeterminate", *_ISA)]),
    "file-xml-xml-gultiger-und-ungultiger-date-nwertsaetze-im-isa-edl-40p-1-0-xml": (
        "indeterminate",
        [
            ("1", "indeterminate", None, None),
            ("2", "indeterminate", None, None),
            ("4", "indeterminate", *_ISA),
            ("6", "valid", *_ISA),
        ],
    ),
}


@every_file
def test_strict_pairs_and_judges_the_transactions(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    found = [
        (t.id, str(t.verdict), None if t.energy_kwh is None else f"{t.energy_kwh:f}", t.duration_s)
        for t in verdict.transactions
    ]
    assert (str(verdict.verdict), found) == TRANSACTIONS[entry["id"]]
    for transaction in verdict.transactions:
        assert transaction.billable.energy is (transaction.verdict is Verdict.VALID)
        assert not transaction.billable.duration, "local time of an unset zone carries no duration"


def test_begin_and_end_telegrams_of_one_session_pair_without_a_container() -> None:
    names = ("safe-inline-edl40-mennekes-zaehler-start", "safe-inline-edl40-mennekes-zaehler-end")
    entries = {entry["id"]: entry for entry in RECORDS}
    for order in (names, names[::-1]):
        content = b"\n".join((SHARED / entries[name]["file"]).read_bytes().strip() for name in order)
        verdict = _with_key(content, entries[names[0]]["public_key"])
        (transaction,) = verdict.transactions
        assert (transaction.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("0.0002"))
        assert transaction.duration_s == 59


def _with_key(content: bytes, key: str) -> DocumentVerdict:
    return Verifier(keys=[SuppliedKey(key, "vector")]).verify(Document("joined", content))


# --- law checks on field sets


def _adapted(fields: dict[str, Any], local_s: int = 0) -> SignedRecord:
    buffer = edl40.edl40_buffer(
        edl40.Edl40Fields(
            server_id=bytes(10),
            time_local_s=local_s,
            status=0,
            seconds_index=0,
            pagination=int(fields["pagination"]),
            obis=bytes.fromhex("0100011100FF"),
            unit=30,
            scaler=3,
            value=int(fields["meter"]),
            log_book=bytes(int(octet) for octet in fields["log"]),
            contract_id=bytes.fromhex(fields["contract_id"]),
            contract_time_local_s=0,
        )
    )
    return edl40_record(buffer, Edl40Signature(bytes(48), None), Transport("EDL_40_P", b""))


@pytest.mark.parametrize("entry", LAW, ids=lambda entry: entry["id"])
def test_law_checks_on_field_sets(entry: Entry) -> None:
    sets = json.loads((SHARED / entry["file"]).read_text("utf-8"))
    begin = _adapted(sets["start"])
    if sets["stop"] is None:
        # The program's test hands over an end without any values.
        nothing = replace(begin, readings=())
        key = failed_pair(begin, nothing, begin.readings[0], None)
        assert (key, entry["expect"]) == (entry["reason"], "invalid")
        strict = judge_transaction([begin], Profile.STRICT, contexts=PAIR[:1])
        assert strict.verdict is Verdict.INDETERMINATE, "a begin without an end is incomplete, not wrong"
        return
    # Some sets are equal in all fields; the records of a session are not the same record twice.
    end = _adapted(sets["stop"], local_s=1)
    for profile in Profile:
        judgement = judge_transaction([begin, end], profile, contexts=PAIR)
        assert judgement.verdict is VERDICT[entry["expect"]]
    safe = judge_transaction([begin, end], Profile.SAFE_1_4_1, contexts=PAIR)
    keys = [finding.params["official_key"] for finding in safe.findings]
    assert keys == ([entry["reason"]] if entry["reason"] else [])


# --- single parts


def test_the_bare_buffer_does_not_fit_its_signature() -> None:
    """The signature belongs to another record: its log book is 006C, the buffer's 0070 (older layout)."""
    (entry,) = [e for e in EVERY if e["format"] == "EDL_40_RAW320_BASE64"]
    buffer, signature = (SHARED / entry["file"]).read_text("ascii").split("\n---SIG---\n")
    element = (
        f'<signedMeterValue><meterValueSignature encoding="base64">{signature}</meterValueSignature>'
        f'<encodedMeterValue encoding="base64">{buffer}</encodedMeterValue></signedMeterValue>'
    )
    (record,) = _with_key(element.encode(), entry["public_key"]).records
    assert (record.verdict, record.signature.reason) == (VERDICT[entry["expect"]], "mismatch")
    assert record.record is not None
    (contradiction,) = record.record.contradictions
    assert contradiction.params == {"unsigned": "006C", "signed": "0070"}
    assert record.record.readings[0].energy_kwh == Decimal("0.5086")


@pytest.mark.parametrize(
    "entry", [e for e in EVERY if e["format"].startswith("RAW_ECDSA")], ids=lambda entry: entry["id"]
)
def test_signatures_over_given_digests(entry: Entry) -> None:
    """No record stands behind these: key and signature are read as ours are, only the digest is given."""
    data = json.loads((SHARED / entry["file"]).read_text("ascii"))
    algorithm = parse_algorithm(f"ECDSA-{data['curve']}-SHA256")
    assert algorithm is not None
    assert algorithm.curve is not None
    key = read_key(entry["public_key"]).for_algorithm(algorithm)
    if "signature_rs" in data:
        octets, digest = bytes.fromhex(data["signature_rs"]), bytes.fromhex(data["digest"])
    else:
        octets = base64.b64decode(data["signature_b64_with_2_log_bytes"])
        digest = bytes.fromhex(data["digest_first24_used"])
    numbers = read_raw_signature(split_signature(octets).octets, algorithm.curve.order_bytes)
    assert numbers is not None
    public = load_der_public_key(key.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    try:
        public.verify(write_signature(*numbers), digest, ec.ECDSA(Prehashed(SHA256())))
        fits = True
    except InvalidSignature:
        fits = False
    assert fits is (entry["expect"] == "valid")
