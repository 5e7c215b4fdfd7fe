"""A verdict says by what each layer and each format were recognised, in words, and never by a name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import eichrecht
from eichrecht import locales
from eichrecht.containers import unwrap
from eichrecht.evidence import Document
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from eichrecht.verification.report import document_as_json
from fuzz.wrappings import CARRIERS, WRAPPINGS, pictured
from sample_meters.cases import all_cases

RECORD = next(c for c in all_cases() if c.name == "ocmf-curve-secp256r1").content
REASON_AT = {"Layer": 1, "RecordSpan": 3, "find_lone": 2}


def literals() -> set[str]:
    """Return the reason codes that stand in the source, where a layer or a span is made."""
    found = set()
    for path in Path(eichrecht.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            at = (
                REASON_AT.get(node.func.id)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                else None
            )
            if at is None or len(node.args) <= at or isinstance(node.args[at], ast.JoinedStr):
                continue
            found |= {one.value for one in ast.walk(node.args[at]) if isinstance(one, ast.Constant)}
    return {reason for reason in found if isinstance(reason, str)}


def test_every_reason_has_words() -> None:
    assert len(literals()) > 40
    assert literals() <= locales.finding_codes()
    contents = [
        *(case.content for case in all_cases()),
        *(wrap(RECORD) for wrap in (*WRAPPINGS.values(), *CARRIERS)),
    ]
    parts = [p for content in contents for p in unwrap(Document("d", content), registry.recognise).parts]
    seen = {layer.reason for part in parts for layer in part.layers}
    seen |= {part.recognised_by for part in parts if part.format is not None}
    assert seen <= locales.finding_codes()
    assert "" not in seen, "a part that a format recognised says by what"


@pytest.mark.parametrize("source", ["a.zip", "invoice.pdf", "x.xml", "-"])
def test_the_note_names_every_layer_whatever_the_file_is_called(source: str) -> None:
    verdict = Verifier().verify(Document(source, WRAPPINGS["xz", "tar", "zip"](RECORD)))
    (record,) = document_as_json(verdict, "en")["records"]
    (note,) = [finding for finding in record["findings"] if finding["code"] == "recognised"]
    assert record["layers"] == ["xz", "tar", "zip"]
    assert note["params"] == {"chain": "xz=xz_magic tar=tar_checksum zip=zip_signature OCMF=ocmf_header"}
    assert note["severity"] == "note"
    assert note["message"] == (
        "Recognised by structure, from outside in: xz (magic bytes FD 37 7A 58 5A 00) → tar (checksum of the TAR "
        "header fits) → zip (central directory and signature PK) → OCMF (OCMF| and two JSON sections)."
    )


def test_german_words() -> None:
    verdict = Verifier().verify(Document("d", pictured("png", RECORD)))
    (record,) = document_as_json(verdict, "de")["records"]
    (note,) = [finding for finding in record["findings"] if finding["code"] == "recognised"]
    assert note["message"].startswith(
        "Am Aufbau erkannt, von außen nach innen: png (Kennung des Bildformats) → qr-code"
    )


def test_what_no_format_recognised_names_its_layers_only() -> None:
    content = b"<values><value><signedData>nothing</signedData></value></values>"
    (record,) = document_as_json(Verifier().verify(Document("d", content)), "en")["records"]
    (note,) = [finding for finding in record["findings"] if finding["code"] == "recognised"]
    assert note["params"] == {"chain": "safe-xml=values_value"}
    assert record["format"] is None
