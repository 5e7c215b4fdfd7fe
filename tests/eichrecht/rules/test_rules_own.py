"""Rules that a format has of its own about the records of one session."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eichrecht.evidence import Finding, RecordSpan, SignedRecord, Verdict, problem, warning
from eichrecht.formats import registry
from eichrecht.formats.base import SessionFormat
from eichrecht.formats.bsm_ws36a import BsmWs36aFormat
from eichrecht.rules.codes import RuleCode as C
from sample_meters._chargeit import document
from sample_meters.bsm_ws36a import begin as bsm_begin
from sample_meters.bsm_ws36a import end as bsm_end
from tests.eichrecht.rules.rules_support import begin, codes, end, judged, record


class Strange:
    """A format that finds fault with every session."""

    name = "OCMF"

    def __init__(self, *findings: Finding) -> None:
        self.findings = findings
        self.seen: list[SignedRecord] = []

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        return ()

    def decode(self, content: bytes) -> SignedRecord:
        raise NotImplementedError

    def compare(self, records: Sequence[SignedRecord]) -> Sequence[Finding]:
        self.seen = list(records)
        return self.findings


@pytest.mark.parametrize(("error", "verdict"), [(True, Verdict.INVALID), (False, Verdict.VALID)])
def test_an_error_of_the_format_makes_the_session_invalid(
    error: bool, verdict: Verdict, monkeypatch: pytest.MonkeyPatch
) -> None:
    finding = (problem if error else warning)("bsm_controller_changes", "", first="a", other="b")
    strange = Strange(finding)
    first, last = record(begin(), PG="T7"), record(end(), PG="T8")
    monkeypatch.setattr(registry, "formats", lambda: {"OCMF": strange})
    result = judged(last, first)
    assert result.verdict is verdict
    assert "bsm_controller_changes" in codes(result)
    assert (C.SESSION_RULE_BROKEN in codes(result)) is error
    assert strange.seen == [first, last], "begin first, whatever order they came in"


def test_a_lone_record_and_a_mixture_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    strange = Strange(problem("bsm_controller_changes"))
    whole, first = record(begin(), end()), record(begin())
    monkeypatch.setattr(registry, "formats", lambda: {"OCMF": strange})
    judged(whole)
    mixture = registry.compare([first, BsmWs36aFormat().decode(document(bsm_end()))])
    assert (tuple(mixture), strange.seen) == ((), [])


def test_bsm_has_such_rules() -> None:
    assert isinstance(BsmWs36aFormat(), SessionFormat)
    first, last = (BsmWs36aFormat().decode(document(value)) for value in (bsm_begin(), bsm_end(count=400)))
    result = judged(first, last)
    assert (result.verdict, C.SESSION_RULE_BROKEN in codes(result)) == (Verdict.INVALID, True)
    assert not result.billable.energy
