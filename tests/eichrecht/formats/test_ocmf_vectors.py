"""Every OCMF record of the shared vectors, and what the official program shows of it."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.evidence import ReadingRole, Severity
from eichrecht.formats import registry
from eichrecht.formats._ocmf_ordinary import read_ordinary
from eichrecht.formats.errors import FormatError
from eichrecht.formats.ocmf import _decode_carefully, _decode_quickly

SHARED = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "meter"
RECORDS = SHARED / "records.json"
if not RECORDS.is_file():
    pytest.skip("../shared/vectors is not there", allow_module_level=True)

ENTRIES: list[dict[str, Any]] = [
    entry for entry in json.loads(RECORDS.read_text(encoding="utf-8")) if entry["format"] == "OCMF"
]
ROLES = {"START": ReadingRole.BEGIN, "STOP": ReadingRole.END}

UNREADABLE = {
    "safe-xml-isa-ocmf-ocmf-receipt-template-xml-v1": "empty",
    "safe-xml-isa-ocmf-ocmf-receipt-template-with-publickey-xml-v1": "empty",
    "safe-inline-ocmf-bad-header": "OCMA",
    "misc-ocmf-016": "signature section {data}",
    "misc-ocmf-018": "line break inside SD",
    "misc-ocmf-025": "signature section {{...}}",
}

# Quirks of the official program, by (record, index of reading): why our reading differs from `readings`.
KWH_QUIRKS = {
    ("safe-xml-ocmf-test-data-00-xml-v2", 1): "30 seconds are shown as 30 kWh",
}
ROLE_QUIRKS = {
    ("safe-xml-vw-ocmf-load-xml-v1", 1): "TX is inherited: B",
    ("safe-xml-vw-ocmf-load-xml-v1", 3): "TX is inherited: E",
}


def content_of(entry: dict[str, Any]) -> bytes:
    return (SHARED / str(entry["file"])).read_bytes()


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_record_is_decoded_as_expected(entry: dict[str, Any]) -> None:
    content = content_of(entry)
    if entry["id"] in UNREADABLE:
        with pytest.raises(FormatError):
            registry.decode("OCMF", content)
        assert entry["expect"] == "error"
        return
    record = registry.decode("OCMF", content)
    errors = [finding.code for finding in record.findings if finding.severity is Severity.ERROR]
    if entry["expect"] == "error":
        # "error" also covers what only the rules see: a register that is not one of delivered energy.
        assert errors or entry["id"] == "safe-probe-obis-280"
        return
    assert errors == []
    assert record.unambiguous
    assert record.raw in content
    assert record.signed_bytes in record.raw
    assert record.signature.value


@pytest.mark.parametrize("entry", [e for e in ENTRIES if e.get("readings")], ids=lambda entry: entry["id"])
def test_readings_agree_with_the_official_program(entry: dict[str, Any]) -> None:
    record = registry.decode("OCMF", content_of(entry))
    expected = entry["readings"]
    if any(finding.code == "duplicate_key" for finding in record.findings):
        assert entry["id"] == "safe-probe-dup-nested"
    assert len(record.readings) == len(expected)
    for reading, shown in zip(record.readings, expected, strict=True):
        place = (entry["id"], reading.index)
        if place in KWH_QUIRKS:
            assert reading.energy_kwh is None
        else:
            assert reading.energy_kwh is not None
            shown_kwh = round(Decimal(str(shown["kwh"])), shown["digits"])
            assert round(reading.energy_kwh, shown["digits"]) == shown_kwh
        if place not in ROLE_QUIRKS and shown["type"] in ROLES:
            assert reading.role is ROLES[shown["type"]]
        if shown["timestamp"] != "null":
            assert reading.time == datetime.fromisoformat(shown["timestamp"])


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_all_ways_of_decoding_agree(entry: dict[str, Any]) -> None:
    content = content_of(entry)
    for quick in (read_ordinary(content), _decode_quickly(content)):
        assert quick is None or quick == _decode_carefully(content)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry["id"])
def test_record_is_found_in_a_text(entry: dict[str, Any]) -> None:
    content = content_of(entry)
    spans = registry.recognise(b"before\n" + content + b"\nafter")
    if content.strip().startswith((b"OCMF|", b"OCMF |")):
        (span,) = spans
        assert (b"before\n" + content)[span.start : span.end] == content.strip()
    else:
        assert spans == ()


def test_there_are_vectors() -> None:
    assert len(ENTRIES) > 90
