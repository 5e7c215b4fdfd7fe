"""Collecting findings about hostile input: many of one kind must not become many objects."""

from __future__ import annotations

from collections import Counter

from eichrecht.edifact.codes import SyntaxCode
from eichrecht.edifact.limits import MAX_FINDINGS_PER_CODE
from eichrecht.evidence import Finding, note


class FindingList:
    """Findings in the order of their discovery, at most ``MAX_FINDINGS_PER_CODE`` of one code."""

    def __init__(self) -> None:
        self._kept: list[Finding] = []
        self._counts: Counter[str] = Counter()

    def add(self, finding: Finding) -> None:
        """Keep a finding, or only count it."""
        if not self.full(finding.code):
            self._kept.append(finding)

    def keep(self, finding: Finding) -> None:
        """Keep a finding that :meth:`full` has counted."""
        self._kept.append(finding)

    def full(self, code: str) -> bool:
        """Count a finding of this code; return whether there are enough, so that it need not be made."""
        self._counts[code] += 1
        return self._counts[code] > MAX_FINDINGS_PER_CODE

    def all(self) -> tuple[Finding, ...]:
        """Return what was kept, and how many of each code were not."""
        omitted = (
            note(SyntaxCode.FINDINGS_OMITTED, finding=code, count=count - MAX_FINDINGS_PER_CODE)
            for code, count in self._counts.items()
            if count > MAX_FINDINGS_PER_CODE
        )
        return (*self._kept, *omitted)
