"""OCMF records with the structured tariff text: signatures of every kind, the tariff, what it costs."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eichrecht.billing.signed_tariff import difference, ocpi_tariff
from eichrecht.evidence import SignatureStatus, Verdict
from eichrecht.formats.tariff_text import read_tariff_text
from eichrecht.rules.profiles import Profile
from eichrecht.signatures.algorithms import parse_algorithm
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)


def with_tariff_text(entry: Entry) -> bool:
    return b'"TT":"00' in (SHARED / entry["file"]).read_bytes()


ENTRIES = [
    entry
    for name in ("records.json", "files.json")
    for entry in load(name)
    if "OCMF" in entry["format"] and "SEALED" not in entry["format"] and with_tariff_text(entry)
]

# By hand: cents, from the readings and the text alone (facts/meter/containers.md §7).
COSTS = {
    "001;EUR;0;35;5;30": Decimal(0) + 35 * Decimal("7.825") + 5 * (75 - 30),
    "001;EUR;100;59;10;120": Decimal(100) + 59 * Decimal("18.25"),
    "001;EUR;250;79;15;1": Decimal(250) + 79 * Decimal("4.333") + 15 * (37 - 1),
}
SIGNED_AS = {
    "Ed25519": "EdDSA-Ed25519",
    "ML-DSA-44": "ML-DSA-44",
    "ML-DSA-87": "ML-DSA-87",
}


def test_the_vectors_are_all_there() -> None:
    assert len(ENTRIES) == 12  # six files, and the same six as records


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_bonn_records(entry: Entry) -> None:
    name = next(
        (spelling for spelling in SIGNED_AS if spelling in entry.get("source", entry.get("path", ""))), None
    )
    if name is not None and parse_algorithm(SIGNED_AS[name]) is None:
        pytest.skip(f"this version of cryptography has no {name}")
    verdict = verify(entry, Profile.STRICT)
    assert verdict.verdict is VERDICT[entry.get("expect") or entry["values"][0]] is Verdict.VALID
    (record,), (transaction,) = verdict.records, verdict.transactions
    assert record.signature.status is SignatureStatus.VALID
    assert record.signature.algorithm == (SIGNED_AS[name] if name else "ECDSA-secp256r1-SHA256")
    codes = [finding.code for finding in record.findings]
    assert ("non_ocmf_algorithm" in codes) == (name is not None)
    assert "tariff_text_001" in codes
    assert record.record is not None
    tariff = read_tariff_text(record.record.tariff_text or "")
    assert tariff is not None
    assert transaction.energy_kwh is not None
    assert transaction.duration_s is not None
    assert tariff.cost_ct(transaction.energy_kwh, transaction.duration_s / 60) == COSTS[tariff.text]
    made = ocpi_tariff(tariff, country_code="DE", party_id="BET", last_updated=record.record.readings[0].time)  # type: ignore[arg-type]
    assert difference(tariff, made) is None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_profile_safe_refuses_them_all(entry: Entry) -> None:
    """FV 1.4 is unknown to the official program 1.4.1."""
    official = entry.get("official_program")
    if official is not None:
        assert verify(entry, Profile.SAFE_1_4_1).verdict is VERDICT[official]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_the_tariff_text_is_signed(entry: Entry) -> None:
    content = (SHARED / entry["file"]).read_bytes()
    forged = content.replace(b'"TT":"001;EUR;', b'"TT":"001;EUR;9', 1)
    assert forged != content
    from eichrecht.evidence import Document
    from eichrecht.verification import Verifier
    from eichrecht.verification.keys import SuppliedKey

    keys = [SuppliedKey(entry["public_key"], "vector")]
    verdict = Verifier(keys=keys).verify(Document("forged", forged))
    assert verdict.verdict is Verdict.INVALID
