"""Every sample of the simulated meters gets the verdict that its maker says it must get."""

from __future__ import annotations

from collections import Counter

import pytest

from eichrecht.evidence import Document
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.cases import SampleCase, all_cases

WORST_FIRST = ["invalid", "unverified", "valid"]


def keys_of(case: SampleCase) -> list[SuppliedKey]:
    return [SuppliedKey(case.public_key_text, "--key")] if case.public_key_text else []


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case.name)
def test_sample_gets_its_verdict(case: SampleCase) -> None:
    verdict = Verifier(keys=keys_of(case)).verify(Document(case.name, case.content))
    signatures = [record.signature.status.value for record in verdict.records]
    assert min(signatures, key=WORST_FIRST.index, default="unverified") == case.expected_signature
    assert verdict.verdict.value == case.expected_verdict
    assert [record.index for record in verdict.records] == list(range(len(verdict.records)))


@pytest.mark.parametrize(
    "case",
    [c for c in all_cases() if c.expected_verdict == "valid" and c.content.startswith(b"OCMF|")],
    ids=lambda case: case.name,
)
def test_the_short_way_for_one_record_says_the_same(case: SampleCase) -> None:
    verifier = Verifier(keys=keys_of(case))
    whole = verifier.verify(Document(case.name, case.content))
    if len(whole.records) > 1:
        pytest.skip("several records: nothing for the short way")
    short = verifier.verify_record(case.content)
    (record,) = whole.records
    assert (short.verdict, short.signature, short.key) == (record.verdict, record.signature, record.key)
    assert short.record is not None
    assert record.record is not None
    assert short.record.readings == record.record.readings


def test_the_samples_cover_all_outcomes() -> None:
    outcomes = Counter((case.expected_verdict, case.expected_signature) for case in all_cases())
    assert outcomes.keys() >= {
        ("valid", "valid"),
        ("invalid", "valid"),
        ("invalid", "invalid"),
        ("indeterminate", "valid"),
        ("indeterminate", "unverified"),
    }
