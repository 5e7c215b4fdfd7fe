"""Every ChargePoint record of the shared vectors: archived, loose, with the right key, a wrong one and none."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.containers import unwrap
from eichrecht.evidence import (
    Document,
    DocumentVerdict,
    RecordVerdict,
    SignatureStatus,
    TransactionVerdict,
    Verdict,
)
from eichrecht.formats import registry
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from eichrecht.verification.bundles import sort_files
from tests.conformance.meter_vectors import ABSENT, SHARED

FOLDER = SHARED / "chargepoint"
pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason=ABSENT)
MANIFEST: list[dict[str, Any]] = (
    json.loads((FOLDER / "manifest.json").read_text("utf-8")) if FOLDER.is_dir() else []
)

# Session number: kWh, seconds, begin, amount; each read off the payload and calculated by hand.
SESSIONS = {
    "0024:b100:0002:7b29-1-600": ("0.000", 222, "2019-10-03T07:42:39+00:00", "0.99 GBP"),
    "0024:b100:0002:7b29-1-604": ("0.000", 233, "2019-10-03T08:15:48+00:00", "0.81 GBP"),
    "0024:b100:0002:7b29-1-614": ("0.100", 238, "2019-10-04T04:10:19+00:00", "0.10 GBP"),
    "0024:b100:0002:7b29-1-616": ("0.100", 255, "2019-10-04T04:22:08+00:00", "20.00 GBP"),
    "0024:b100:0002:7b29-1-617": ("0.200", 400, "2019-10-04T04:35:32+00:00", "0.02 GBP"),
    "0024:b100:0002:7b29-1-621": ("0.100", 316, "2019-10-04T06:20:15+00:00", "0.08 GBP"),
    "0024:b100:0002:e300-2-2": ("0.059", 421, "2018-12-03T11:51:48+00:00", "0.08 EUR"),
}


def outer(name: str) -> Path:
    return FOLDER / name.partition("!/")[0]


def bundled(*paths: Path, profile: Profile = Profile.STRICT) -> list[DocumentVerdict]:
    """Verify files as the CLI does that got these paths."""
    bundle = sort_files([Document(str(path), path.read_bytes()) for path in paths])
    verifier = Verifier(profile=profile, keys=bundle.keys)
    return [verifier.verify(document) for document in bundle.documents]


def files_of(entry: dict[str, Any]) -> list[Path]:
    return list(dict.fromkeys(outer(entry[name]) for name in ("payload", "signature", "key")))


def the_one(
    entry: dict[str, Any], profile: Profile = Profile.STRICT
) -> tuple[RecordVerdict, TransactionVerdict]:
    (verdict,) = bundled(*files_of(entry), profile=profile)
    inside = entry["payload"].split("!/")[1:]
    where = "".join(f"/{name}" for name in inside)
    (record,) = [record for record in verdict.records if record.where == where]
    (transaction,) = [found for found in verdict.transactions if found.records == (record.index,)]
    return record, transaction


def name_of(entry: dict[str, Any]) -> str:
    way = entry["payload"].removesuffix("/secrrct").removesuffix("!").split("/")
    return f"{entry['curve']}-{way[2]}-{way[-1]}"


def test_the_vectors_are_all_there() -> None:
    assert len(MANIFEST) >= 12
    assert all(entry["verifies"] for entry in MANIFEST)
    assert {entry["curve"] for entry in MANIFEST} == {"secp224k1", "secp256r1"}


@pytest.mark.parametrize("entry", MANIFEST, ids=name_of)
def test_each_entry_gets_its_result(entry: dict[str, Any]) -> None:
    record, transaction = the_one(entry)
    assert record.format == "CHARGEPOINT_SECRRCT"
    assert (record.verdict, record.signature.status) == (Verdict.VALID, SignatureStatus.VALID)
    assert record.signature.algorithm == f"ECDSA-{entry['curve']}-SHA256"
    assert record.record is not None
    session = record.record.session
    assert session is not None
    energy, seconds, begin, amount = SESSIONS[session]
    assert transaction.begin is not None
    assert (f"{transaction.energy_kwh:f}", transaction.duration_s) == (energy, Decimal(seconds))
    assert transaction.begin.time_text == begin
    assert (transaction.billable.energy, transaction.billable.duration) == (True, False)
    amounts = [f.params for f in record.findings if f.code == "chargepoint_amount_signed"]
    assert [f"{found['amount']} {found['currency']}" for found in amounts] == [amount]
    assert not [f for f in record.findings if f.severity != "note"], "every real bill adds up"


def test_all_sessions_are_met() -> None:
    found = [the_one(entry)[0].record for entry in MANIFEST]
    assert {record.session for record in found if record} == SESSIONS.keys()


@pytest.mark.parametrize("entry", MANIFEST, ids=name_of)
def test_the_official_program_knows_none_of_them(entry: dict[str, Any]) -> None:
    assert the_one(entry, Profile.SAFE_1_4_1)[0].verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize("entry", [e for e in MANIFEST if "!/" not in e["payload"]], ids=name_of)
def test_any_bit_of_payload_or_signature_counts(entry: dict[str, Any]) -> None:
    payload, signature, key = (outer(entry[name]) for name in ("payload", "signature", "key"))

    def verdict(content: bytes, signed: bytes) -> Verdict:
        files = [Document("secrrct", content), Document("secrrct.sign", signed)]
        bundle = sort_files([*files, Document(key.name, key.read_bytes())])
        (found,) = (Verifier(keys=bundle.keys).verify(document) for document in bundle.documents)
        return found.verdict

    content, signed = payload.read_bytes(), signature.read_bytes()
    assert verdict(content, signed) is Verdict.VALID
    for place in range(0, len(content), 97):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        assert verdict(bytes(changed), signed) is not Verdict.VALID, place
    for place in range(len(signed)):
        changed = bytearray(signed)
        changed[place] ^= 1 << place % 8
        assert verdict(content, bytes(changed)) is not Verdict.VALID, place


def test_a_foreign_station_s_key_accuses_nobody_but_a_named_one_does() -> None:
    entry = next(e for e in MANIFEST if "/raw/0024b1000002e300_2" in e["payload"])
    foreign = FOLDER / "Testdata-secp224k1/1/raw/0024b10000027b29_1.pem"
    files = [outer(entry["payload"]), outer(entry["signature"])]
    (verdict,) = bundled(*files, foreign)
    assert (verdict.verdict, verdict.records[0].signature.reason) == (Verdict.INDETERMINATE, "no_key")
    (verdict,) = bundled(*files, foreign, outer(entry["key"]))
    assert verdict.verdict is Verdict.VALID
    named = [Document("0024b1000002e300_2.pem", foreign.read_bytes())]
    bundle = sort_files([*(Document(str(path), path.read_bytes()) for path in files), *named])
    (verdict,) = (Verifier(keys=bundle.keys).verify(document) for document in bundle.documents)
    assert verdict.verdict is Verdict.INVALID


def test_a_whole_directory_of_loose_files() -> None:
    """Two sessions in directories of their own, their key one level up; nothing but the payloads has an entry."""
    folder = FOLDER / "Testdata-secp224k1" / "1" / "raw"
    verdicts = bundled(*sorted(path for path in folder.rglob("*") if path.is_file()))
    assert [Path(verdict.source).name for verdict in verdicts] == ["secrrct", "secrrct"]
    assert [verdict.verdict for verdict in verdicts] == [Verdict.VALID] * 2


def test_the_whole_archive_of_a_station() -> None:
    archive = FOLDER / "Testdata-secp224k1/1/all_combined/0024b10000027b29_1_all.zip"
    (verdict,) = bundled(archive)
    assert verdict.verdict is Verdict.VALID
    assert len(verdict.records) == len(verdict.transactions) == 6
    assert verdict.findings == ()
    parts = unwrap(Document("x", archive.read_bytes()), registry.recognise).parts
    assert {part.format for part in parts} == {"CHARGEPOINT_SECRRCT"}
