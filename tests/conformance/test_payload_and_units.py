"""Vectors that are no records: an OCMF payload with its signature apart, and values in Wh to be shown in kWh."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from eichrecht.evidence import Document, SignatureStatus, Verdict
from eichrecht.formats.registry import decode
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

PAYLOADS = [entry for entry in load("records.json") if entry["format"] == "OCMF_PAYLOAD_ONLY"]
UNITS = [entry for entry in load("records.json") if entry["format"] == "UNIT_CONVERSION"]
ALGORITHM = "ECDSA-secp256k1-SHA256"


def parts(entry: Entry) -> tuple[bytes, bytes]:
    """Return payload and signature; a line stands between them (../shared facts, safe_formats.md §11)."""
    payload, _, signature = (SHARED / entry["file"]).read_bytes().partition(b"\n---SD---\n")
    return payload, bytes.fromhex(signature.strip().decode())


def test_the_vectors_are_all_there() -> None:
    assert (len(PAYLOADS), len(UNITS)) == (1, 1)


@pytest.mark.parametrize("entry", PAYLOADS, ids=lambda entry: entry["id"])
def test_payload_and_signature_apart(entry: Entry) -> None:
    payload, signature = parts(entry)
    algorithm = parse_algorithm(ALGORITHM)
    assert algorithm is not None
    key = read_key(entry["public_key"]).for_algorithm(algorithm)
    check = check_signature(algorithm, key, payload, signature)
    assert check.status is SignatureStatus.VALID
    assert check.findings == ()
    for place in range(0, len(payload), 7):
        changed = payload[:place] + bytes((payload[place] ^ 1,)) + payload[place + 1 :]
        assert check_signature(algorithm, key, changed, signature).status is SignatureStatus.INVALID


@pytest.mark.parametrize("entry", PAYLOADS, ids=lambda entry: entry["id"])
def test_the_record_made_of_them(entry: Entry) -> None:
    payload, signature = parts(entry)
    section = json.dumps({"SA": ALGORITHM, "SD": signature.hex()}).encode()
    keys = [SuppliedKey(entry["public_key"], "vector")]
    verdict = Verifier(keys=keys).verify(Document("payload", b"OCMF|" + payload + b"|" + section))
    (record,) = verdict.records
    assert record.verdict is VERDICT[entry["expect"]]
    assert verdict.verdict is Verdict.VALID
    assert record.record is not None
    assert record.record.signed_bytes == payload


@pytest.mark.parametrize("entry", UNITS, ids=lambda entry: entry["id"])
def test_watt_hours_are_shown_as_kilowatt_hours(entry: Entry) -> None:
    expected = entry["reason"].partition("= ")[2].split(", ")
    fields = json.loads((SHARED / entry["file"]).read_text("utf-8"))["record"]
    text = json.dumps(fields)
    record = decode("OCMF", f'OCMF|{text}|{{"SD":"00"}}'.encode())
    energies = [reading.energy_kwh for reading in record.readings]
    assert energies == [Decimal(kwh) for kwh in expected]
    assert len(energies) == 5
