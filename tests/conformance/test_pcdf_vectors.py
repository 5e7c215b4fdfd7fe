"""Every PCDF entry of ``records.json`` and ``files.json``, in both profiles."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eichrecht.evidence import SignatureStatus, Verdict
from eichrecht.rules.profiles import Profile
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, ends, load, official_ends, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

RECORDS = [entry for entry in load("records.json") if entry["format"] == "PCDF"]
FILES = [entry for entry in load("files.json") if "PCDF" in entry["format"] or "pcdf" in entry["id"]]

SAFE = Profile.SAFE_1_4_1


def named(entry: Entry) -> str:
    return str(entry["id"])


def test_the_vectors_are_all_there() -> None:
    assert (len(RECORDS), len(FILES)) == (6, 5)


@pytest.mark.parametrize("entry", RECORDS, ids=named)
@pytest.mark.parametrize("profile", Profile)
def test_record_gets_its_verdict(entry: Entry, profile: Profile) -> None:
    (record,) = verify(entry, profile).records
    official = profile is SAFE and "official_program" in entry
    word = entry["official_program" if official else "expect"]
    assert record.verdict is VERDICT[word]
    if "signature" in entry:
        assert record.signature.status == entry["signature"]


@pytest.mark.parametrize("entry", FILES, ids=named)
def test_file_gets_its_verdict(entry: Entry) -> None:
    strict = verify(entry, Profile.STRICT)
    assert [record.verdict for record in strict.records] == [VERDICT[word] for word in entry["values"]]
    (transaction,) = strict.transactions
    assert (strict.verdict, transaction.verdict) == (strict.records[0].verdict,) * 2
    assert transaction.billable.energy is (strict.verdict is Verdict.VALID)
    if entry["official_program"] is not None:
        assert verify(entry, SAFE).verdict is VERDICT[entry["official_program"]]


@pytest.mark.parametrize("entry", [e for e in RECORDS if e.get("readings")], ids=named)
def test_energy_and_times_are_those_the_official_program_shows(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    official = official_ends(entry["readings"])
    assert official is not None
    (transaction,) = verdict.transactions
    like = tuple(kwh.quantize(Decimal("0.001")) for kwh in official)
    assert ends(transaction, (like[0], like[1])) == like
    assert transaction.begin is not None
    assert transaction.end is not None
    # The program adds a zone that the record does not name (facts/meter/safe_formats.md §11).
    shown = [meter["timestamp"].removesuffix("Z") for meter in entry["readings"]]
    assert [transaction.begin.time_text, transaction.end.time_text] == shown
    assert transaction.begin.time is None


@pytest.mark.parametrize("entry", [e for e in RECORDS if e["expect"] == "invalid"], ids=named)
def test_a_forgery_is_told_from_a_wrong_key_and_from_a_forbidden_bill(entry: Entry) -> None:
    (record,) = verify(entry, Profile.STRICT).records
    expected = {
        "safe-pcdf-datainvalid-pcdf-v1": (SignatureStatus.INVALID, "mismatch"),
        "safe-pcdf-siginvalid-pcdf-v1": (SignatureStatus.INVALID, "mismatch"),
        "safe-inline-pcdf-wrong-key": (SignatureStatus.INVALID, "wrong_key"),
        "safe-inline-pcdf-bv0": (SignatureStatus.VALID, None),
    }
    assert (record.signature.status, record.signature.reason) == expected[entry["id"]]


def test_signed_duration_and_signed_times_disagree_in_the_records_of_the_field() -> None:
    """137 s between 16:20:17 and 16:20:25, and an hour between 8:30:15 and 9:17:45: no duration is shown."""
    for entry in FILES:
        (transaction,) = verify(entry, Profile.STRICT).transactions
        assert transaction.duration_s is None
        (record,) = verify(entry, Profile.STRICT).records
        differs = [f.params for f in record.findings if f.code == "pcdf_duration_differs"]
        assert differs in (
            [{"duration": "137", "between": "8"}],
            [{"duration": "3810", "between": "2850"}],
        )
