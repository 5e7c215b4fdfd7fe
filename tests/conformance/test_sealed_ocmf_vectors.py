"""The sealed record of ``vectors/meter``: in its container and alone, in both profiles."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eichrecht.evidence import SignatureStatus, Verdict
from eichrecht.rules.profiles import Profile
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, ends, load, official_ends, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

RECORDS = [entry for entry in load("records.json") if entry["format"] == "SEALED_OCMF"]
FILES = [entry for entry in load("files.json") if "SEALED_OCMF" in entry["format"]]


def test_the_vectors_are_all_there() -> None:
    assert len(RECORDS) == 1
    assert len(FILES) == 1


@pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry["id"])
@pytest.mark.parametrize("profile", Profile)
def test_record(entry: Entry, profile: Profile) -> None:
    verdict = verify(entry, profile)
    (record,) = verdict.records
    assert record.verdict is VERDICT[entry["expect"]]
    assert record.signature.status is SignatureStatus.VALID
    assert record.signature.algorithm == "SAFESeal"
    official = official_ends(entry["readings"])
    assert official is not None
    (transaction,) = verdict.transactions
    assert ends(transaction, official) == official
    assert transaction.energy_kwh == Decimal("0.0000")
    assert record.record is not None
    assert len(record.record.readings) == len(entry["readings"])
    assert record.record.readings[0].time is not None
    assert record.record.readings[0].time.isoformat() == entry["readings"][0]["timestamp"]


@pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry["id"])
def test_without_its_key_it_stays_closed(entry: Entry) -> None:
    verdict = verify({**entry, "public_key": None}, Profile.STRICT)
    (record,) = verdict.records
    assert (record.verdict, record.signature.reason) == (Verdict.INDETERMINATE, "no_key")


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["id"])
def test_file(entry: Entry) -> None:
    strict, official = verify(entry, Profile.STRICT), verify(entry, Profile.SAFE_1_4_1)
    assert [record.verdict for record in strict.records] == [VERDICT[value] for value in entry["values"]]
    assert strict.verdict is Verdict.VALID
    assert official.verdict is VERDICT[entry["official_program"]]
    assert [layer.kind for layer in strict.records[0].layers] == ["safe-xml", "hex"]
