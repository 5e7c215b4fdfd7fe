"""Every entry of ``records.json`` and ``files.json``, of every format, in both profiles, by one rule and one table."""

from __future__ import annotations

from pathlib import Path

import pytest

from eichrecht.evidence import SignatureStatus, Verdict
from eichrecht.rules.profiles import Profile
from tests.conformance.exceptions import ELSEWHERE, EXCEPTIONS, otherwise
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

RECORDS, FILES = load("records.json"), load("files.json")
DOCUMENTS = [entry for entry in RECORDS if entry["format"] not in ELSEWHERE]
STATUS = {
    "valid": SignatureStatus.VALID,
    "invalid": SignatureStatus.INVALID,
    "error": SignatureStatus.UNVERIFIED,
}


def expected(entry: Entry, profile: Profile) -> str | None:
    """Return the vector's word; ``None`` where the official program was not run (../shared/README.md)."""
    if profile is Profile.STRICT:
        return str(entry["expect"])
    if entry["id"].startswith("misc-"):
        return entry.get("official_program")
    return str(entry.get("official_program", entry["expect"]))


def held_against(
    entry: Entry, profile: Profile, scope: str, theirs: tuple[Verdict, ...], ours: tuple[Verdict, ...]
) -> None:
    exception = otherwise(entry["id"], profile, scope)  # type: ignore[arg-type]
    if exception is None:
        assert ours == theirs
    else:
        assert ours == exception.ours, exception.reason
        assert ours != theirs, "no exception any more: take it out of the table"


@pytest.mark.parametrize("entry", DOCUMENTS, ids=lambda entry: entry["id"])
@pytest.mark.parametrize("profile", Profile)
def test_record(entry: Entry, profile: Profile) -> None:
    word = expected(entry, profile)
    verdict = verify(entry, profile)
    assert len(verdict.records) <= 1
    if word is not None:
        ours = verdict.records[0].verdict if verdict.records else Verdict.INDETERMINATE
        held_against(entry, profile, "verdict", (VERDICT[word],), (ours,))
    if profile is Profile.STRICT:
        status = verdict.records[0].signature.status if verdict.records else SignatureStatus.UNVERIFIED
        word = entry.get("signature")
        if word is None and entry["id"].startswith("misc-") and entry["format"] != "BSM_WS36A":
            word = entry["expect"]  # the entry speaks of the signature alone
        assert word is None or status is STATUS[word]


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["id"])
def test_file_strict(entry: Entry) -> None:
    ours = tuple(record.verdict for record in verify(entry, Profile.STRICT).records)
    held_against(entry, Profile.STRICT, "values", tuple(VERDICT[word] for word in entry["values"]), ours)


@pytest.mark.parametrize(
    "entry", [e for e in FILES if e["official_program"] is not None], ids=lambda entry: entry["id"]
)
def test_file_as_the_official_program(entry: Entry) -> None:
    ours = verify(entry, Profile.SAFE_1_4_1).verdict
    held_against(entry, Profile.SAFE_1_4_1, "verdict", (VERDICT[entry["official_program"]],), (ours,))


def test_nothing_is_left_out() -> None:
    assert len(RECORDS) == 216
    assert len(FILES) == 64
    assert {name for name, _, _ in EXCEPTIONS} <= {entry["id"] for entry in (*RECORDS, *FILES)}
    assert all(len(one.reason) > 40 for one in EXCEPTIONS.values())


@pytest.mark.parametrize(("kind", "module"), ELSEWHERE.items())
def test_entries_that_are_no_documents_are_driven_elsewhere(kind: str, module: str) -> None:
    assert any(entry["format"] == kind for entry in RECORDS)
    text = (Path(__file__).parent / f"{module}.py").read_text("utf-8")
    assert kind in text or kind.rpartition("_")[0] in text


def test_no_other_table_of_exceptions() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        if path.name != Path(__file__).name:
            assert "STRICT_DIFFERS" not in path.read_text("utf-8"), path.name
