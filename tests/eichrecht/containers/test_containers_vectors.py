"""Files as users have them, and signed values as OCPP carries them (../shared/vectors)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eichrecht.containers import ContainerCode

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "vectors"


def _load(name: str) -> object:
    path = VECTORS / name
    return json.loads(path.read_text("utf-8")) if path.exists() else None


FILES = _load("meter/files.json") or []
CARRIAGE = _load("ocpp/carriage.json") or {"signed_values": []}
READABLE = [entry for entry in FILES if "OCMF" in entry["format"] and "SEALED" not in entry["format"]]

absent = pytest.mark.skipif(not FILES, reason="../shared/vectors is absent")


@absent
def test_there_are_ocmf_files():
    assert len(READABLE) >= 25


@absent
@pytest.mark.parametrize("entry", READABLE, ids=lambda entry: entry["file"])
def test_number_of_parts(take, entry):
    content = (VECTORS / "meter" / entry["file"]).read_bytes()
    result = take(content)
    assert len(result.parts) == len(entry["values"])
    assert not [f for f in result.findings if f.severity == "error"]
    for part, expected in zip(result.parts, entry["values"], strict=True):
        if part.format is None:
            assert expected == "error"
            assert {f.code for f in part.findings} & {ContainerCode.SIGNED_DATA_EMPTY}
        else:
            # No XML character is escaped in these files, so every record stands in the file as it is.
            assert part.content in content.replace(b"\r\n", b"\n") or b'encoding="ISO' in content


@absent
@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["file"])
def test_every_file_gives_parts_or_a_reason(take, entry):
    result = take((VECTORS / "meter" / entry["file"]).read_bytes())
    assert result.parts or any(f.severity == "error" for f in result.findings)


@absent
def test_transactions_and_keys_of_a_pair(take):
    result = take((VECTORS / "meter/files/safe/xml__OCMF_Test_Data_00.xml").read_bytes())
    assert [(p.transaction_id, p.context) for p in result.parts] == [
        ("848182519", "Transaction.Begin"),
        ("848182519", "Transaction.End"),
    ]
    assert len({p.key_text for p in result.parts}) == 1
    assert all(p.content.startswith(b"OCMF|") and p.content.endswith(b"}") for p in result.parts)


@absent
@pytest.mark.parametrize("entry", CARRIAGE["signed_values"], ids=lambda entry: entry["form"])
def test_ocpp_signed_values(take, entry):
    (part,) = take(entry["value"].encode()).parts
    assert part.content.decode() == entry["expect_record"]
    assert not [f for f in part.findings if f.severity == "error"]
