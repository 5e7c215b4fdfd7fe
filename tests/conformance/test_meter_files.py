"""Every OCMF file of ``vectors/meter/files.json``: its records, its transactions, the official verdict."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eichrecht.evidence import Verdict
from eichrecht.rules.profiles import Profile
from tests.conformance.exceptions import otherwise
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, ends, load, official_ends, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

ENTRIES = [e for e in load("files.json") if "OCMF" in e["format"] and "SEALED" not in e["format"]]

OFFICIAL_INVALID = ("app.verify.", "app.view.", "error.verification.failed")
"""Keys of the official program that mean a failed check; its other ``error.*`` mean that it cannot judge."""

every_file = pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])


def test_the_vectors_are_all_there() -> None:
    assert len(ENTRIES) >= 28
    assert sum(bool(entry["transaction"]) for entry in ENTRIES) >= 4


@every_file
def test_strict_gives_each_record_its_verdict(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    assert [record.index for record in verdict.records] == list(range(len(entry["values"])))
    exception = otherwise(entry["id"], Profile.STRICT, "values")
    expected = tuple(VERDICT[value] for value in entry["values"]) if exception is None else exception.ours
    assert tuple(record.verdict for record in verdict.records) == expected


@every_file
def test_strict_document_verdict_follows_from_its_parts(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    records = [record.verdict for record in verdict.records]
    # A lone begin or end record that nothing declares to be a transaction is no broken document (V5).
    whole = [
        t for t in verdict.transactions if len(t.records) > 1 or t.begin is not None or t.verdict == "invalid"
    ]
    assert verdict.verdict is Verdict.worst([*records, *(t.verdict for t in whole)])
    for transaction in verdict.transactions:
        own = [records[index] for index in transaction.records]
        assert not (transaction.verdict is Verdict.VALID and set(own) != {Verdict.VALID})


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e["official_program"] is not None], ids=lambda entry: entry["id"]
)
def test_profile_safe_decides_as_the_official_program(entry: Entry) -> None:
    assert verify(entry, Profile.SAFE_1_4_1).verdict is VERDICT[entry["official_program"]]


def official_verdict(errors: list[str]) -> Verdict:
    if not errors:
        return Verdict.VALID
    return Verdict.INVALID if errors[0].startswith(OFFICIAL_INVALID) else Verdict.INDETERMINATE


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e["transaction"]], ids=lambda entry: entry["id"])
def test_transactions_are_judged_and_shown_as_by_the_official_program(entry: Entry) -> None:
    verdict = verify(entry, Profile.SAFE_1_4_1)
    for name, official in entry["transaction"].items():
        mine = [transaction for transaction in verdict.transactions if transaction.id == name]
        assert mine
        assert Verdict.worst([t.verdict for t in mine]) is official_verdict(official["errors"])
        assert official["verified"] is (not official["errors"])
        pair = official_ends(official["meters"])
        assert pair is not None
        assert pair in [ends(transaction, pair) for transaction in mine]


# The files with more than one record, as a person reads them: id, records, kWh, seconds, may the duration be billed.
TRANSACTIONS = {
    "file-test-xml": [("9850", (0,), "0.266", 286, False), ("9850", (1,), "0.268", 288, False)],
    "file-xml-ocmf-test-data-00-xml": [("848182519", (0, 1), "0.000", 30, False)],
    "file-xml-test-ocmf-ebee-01-xml": [("15060", (0, 1), "0.000", 5, True)],
    "SAFE-SAFE-Testdata-02-emptyXMLNamespace-xml": [
        ("******240084S/T9289-T9291", (0, 1, 2), "0.000", Decimal("13.973"), False)
    ],
    "chargeIT-bsm-ocmf-xml": [("1", (0, 1), "0.150", 298, True)],
    "chargeIT-bsm-ocmf-withIF-xml": [("1", (0, 1), "0.150", 298, True)],
}


@pytest.mark.parametrize(
    "entry", [e for e in ENTRIES if e["id"] in TRANSACTIONS], ids=lambda entry: entry["id"]
)
def test_transactions_of_files_with_several_records(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    found = [
        (t.id, t.records, f"{t.energy_kwh:f}", t.duration_s, t.billable.duration)
        for t in verdict.transactions
    ]
    assert found == TRANSACTIONS[entry["id"]]
    assert all(t.verdict is Verdict.VALID and t.billable.energy for t in verdict.transactions)
    assert verdict.verdict is Verdict.VALID


def test_a_hundred_sessions_in_one_file_stay_a_hundred() -> None:
    (entry,) = [e for e in ENTRIES if e["id"] == "file-xml-keba-test-xml"]
    verdict = verify(entry, Profile.STRICT)
    assert [t.records for t in verdict.transactions] == [(index,) for index in range(100)]
    assert len({t.id for t in verdict.transactions}) == 100


def test_a_pair_that_the_official_program_passes_and_the_law_does_not() -> None:
    """Its begin and end name different users, the end has the lower number, and an exception stands between.

    The official program looks at none of these in a pair (facts/meter/safe_formats.md §1.6).
    """
    (entry,) = [e for e in ENTRIES if e["id"] == "file-xml-test-ocmf-transaction-two-values-xml"]
    assert entry["official_program"] == "valid"
    strict = verify(entry, Profile.STRICT)
    assert [record.verdict for record in strict.records] == [Verdict.VALID, Verdict.VALID]
    (transaction,) = strict.transactions
    errors = {f.code for f in transaction.findings if f.severity == "error"}
    assert errors == {"identification_differs", "pagination_not_increasing", "exception_in_transaction"}
    assert (transaction.verdict, strict.verdict) == (Verdict.INVALID, Verdict.INVALID)
    assert not transaction.billable.energy


def test_every_file_with_several_records_is_among_the_above() -> None:
    several = {entry["id"] for entry in ENTRIES if len(entry["values"]) > 1}
    alone = {"file-xml-keba-test-xml", "file-xml-test-ocmf-transaction-two-values-xml"}
    assert several == TRANSACTIONS.keys() | alone
