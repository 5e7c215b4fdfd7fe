"""Every OCMF entry of ``vectors/meter/records.json`` through the whole verification, in both profiles."""

from __future__ import annotations

from collections import Counter

import pytest

from eichrecht.evidence import RecordVerdict, SignatureStatus, Verdict
from eichrecht.rules.profiles import Profile
from tests.conformance.exceptions import otherwise
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, ends, load, official_ends, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

ENTRIES = [entry for entry in load("records.json") if entry["format"] == "OCMF"]
SIGNATURE_ONLY = "misc-"
"""What ``expect`` covers in these entries is the signature alone (../shared/README.md)."""

SIGNATURE_STATUS = {
    "valid": SignatureStatus.VALID,
    "invalid": SignatureStatus.INVALID,
    "error": SignatureStatus.UNVERIFIED,
}

every_entry = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])


def the_record(entry: Entry, profile: Profile) -> RecordVerdict | None:
    """Return the one record of an entry; ``None`` if the file holds none that could be found."""
    verdict = verify(entry, profile)
    if not verdict.records:
        assert verdict.verdict is Verdict.INDETERMINATE
        assert any(finding.severity == "error" for finding in verdict.findings)
        return None
    assert len(verdict.records) == 1
    return verdict.records[0]


def test_the_vectors_are_all_there() -> None:
    assert len(ENTRIES) >= 98
    assert Counter(entry["expect"] for entry in ENTRIES).keys() == VERDICT.keys()


@every_entry
def test_strict_gives_the_expected_verdict(entry: Entry) -> None:
    record = the_record(entry, Profile.STRICT)
    expected = VERDICT[entry["expect"]]
    if entry["id"].startswith(SIGNATURE_ONLY):
        status = record.signature.status if record else SignatureStatus.UNVERIFIED
        assert status is SIGNATURE_STATUS[entry["expect"]]
        return
    verdict = record.verdict if record else Verdict.INDETERMINATE
    exception = otherwise(entry["id"], Profile.STRICT)
    assert verdict is (expected if exception is None else exception.ours[0])


@every_entry
def test_an_undecided_or_bad_record_says_why(entry: Entry) -> None:
    record = the_record(entry, Profile.STRICT)
    if record is not None:
        errors = [finding for finding in record.findings if finding.severity == "error"]
        assert bool(errors) == (record.verdict is not Verdict.VALID)


@pytest.mark.parametrize(
    "entry", [entry for entry in ENTRIES if "signature" in entry], ids=lambda entry: entry["id"]
)
def test_the_signature_is_judged_apart_from_the_law(entry: Entry) -> None:
    """These entries have a good signature and another verdict."""
    record = the_record(entry, Profile.STRICT)
    assert record is not None
    assert record.signature.status is SIGNATURE_STATUS[entry["signature"]]


@every_entry
def test_profile_safe_decides_as_the_official_program(entry: Entry) -> None:
    if entry["id"].startswith(SIGNATURE_ONLY) and "official_program" not in entry:
        # Not run by the official program: only the signature can be compared, and only if it is looked at.
        record = the_record(entry, Profile.SAFE_1_4_1)
        if record is not None and record.verdict is Verdict.VALID:
            assert entry["expect"] == "valid"
        return
    record = the_record(entry, Profile.SAFE_1_4_1)
    verdict = record.verdict if record else Verdict.INDETERMINATE
    assert verdict is VERDICT[entry.get("official_program", entry["expect"])]


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if official_ends(e.get("readings", []))], ids=lambda entry: entry["id"]
)
@pytest.mark.parametrize("profile", Profile)
def test_begin_and_end_are_those_the_official_program_shows(entry: Entry, profile: Profile) -> None:
    official = official_ends(entry["readings"])
    assert official is not None
    verdict = verify(entry, profile)
    if otherwise(entry["id"], profile, "transactions") is not None:
        assert verdict.transactions == (), "no exception any more: take it out of the table"
        return
    (transaction,) = verdict.transactions
    if profile is Profile.SAFE_1_4_1 and entry.get("official_program", entry["expect"]) == "error":
        assert transaction.verdict is Verdict.INDETERMINATE  # shown without a judgement
        return
    assert ends(transaction, official) == official
    assert transaction.begin is not None
    assert transaction.end is not None
    begin, end = transaction.begin.energy_kwh, transaction.end.energy_kwh
    assert begin is not None
    assert end is not None
    assert transaction.energy_kwh == end - begin
