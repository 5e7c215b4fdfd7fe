"""A small recogniser of its own, so that unwrapping is tested without the formats stage."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

import eichrecht
from eichrecht.containers import ContainerCode, Recogniser, Unwrapped, unwrap
from eichrecht.evidence import Document, Finding, RecordSpan

Take = Callable[[bytes], Unwrapped]

SENTENCES = tomllib.loads(
    (Path(eichrecht.__file__).parent / "locales" / "findings.d" / "containers.toml").read_text("utf-8")
)


def object_end(text: bytes, start: int) -> int:
    """Return the end of the JSON object that begins at ``start``, 0 if it does not end or is none."""
    if text[start : start + 1] != b"{":
        return 0
    depth, in_string, position = 0, False, start
    while position < len(text):
        byte = text[position : position + 1]
        if in_string:
            if byte == b"\\":
                position += 1
            elif byte == b'"':
                in_string = False
        elif byte == b'"':
            in_string = True
        elif byte == b"{":
            depth += 1
        elif byte == b"}":
            depth -= 1
            if depth == 0:
                return position + 1
        position += 1
    return 0


def find_ocmf(content: bytes) -> Sequence[RecordSpan]:
    """Find ``OCMF|{...}|{...}``."""
    spans, position = [], content.find(b"OCMF|")
    while position >= 0:
        middle = object_end(content, position + 5)
        end = object_end(content, middle + 1) if middle and content[middle : middle + 1] == b"|" else 0
        if end:
            spans.append(RecordSpan("OCMF", position, end, "ocmf_header"))
        position = content.find(b"OCMF|", end or position + 5)
    return spans


def check_sentence(finding: Finding) -> None:
    """Every finding that occurs in these tests has both sentences, and they find their parameters."""
    entry = SENTENCES[finding.code]
    assert finding.code in set(ContainerCode)
    for language in ("de", "en"):
        assert entry[language].format(**finding.params)
        used = {name for _, name, _, _ in string.Formatter().parse(entry[language]) if name}
        assert used <= finding.params.keys()


@pytest.fixture(params=["own", "formats"])
def take(request: pytest.FixtureRequest) -> Take:
    """Unwrap bytes with the small or the real recogniser, and check what holds for every result."""
    recognise: Recogniser = find_ocmf
    if request.param == "formats":
        recognise = pytest.importorskip("eichrecht.formats.registry").recognise

    def _take(content: bytes) -> Unwrapped:
        result = unwrap(Document("test", content), recognise)
        findings = [*result.findings, *(f for part in result.parts for f in part.findings)]
        for finding in findings:
            check_sentence(finding)
        for part in result.parts:
            assert part.format is not None or any(f.severity == "error" for f in part.findings)
        if not result.parts:
            assert any(f.severity == "error" for f in result.findings)
        return result

    return _take


def codes(findings: Sequence[Finding]) -> list[str]:
    return [finding.code for finding in findings]
