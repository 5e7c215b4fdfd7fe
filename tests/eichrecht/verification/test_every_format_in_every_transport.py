"""Each format's record arrives the same through each transport: same bytes, same verdict, every layer named."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from eichrecht.containers import unwrap
from eichrecht.evidence import Document, DocumentVerdict, Part, Verdict
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from fuzz.wrappings import CARRIERS, LARGEST_CODE, WRAPPINGS, attached, ocpi_cdr, pictured
from sample_meters.cases import SampleCase, all_cases

NEEDS_ITS_FILES = ("EDIFACT_MSCONS",)
"""An interchange is a file of its own, not a record that a station sends."""


def smallest(name: str) -> SampleCase:
    """Return the smallest valid document of a format whose records need nothing beside them."""
    found = [case for case in all_cases() if case.format == name and case.expected_verdict == "valid"]
    return min(
        found, key=lambda case: (any(p.detached_signature for p in parts(case.content)), len(case.content))
    )


def parts(content: bytes) -> tuple[Part, ...]:
    return unwrap(Document("d", content), registry.recognise).parts


def verified(content: bytes, key_text: str | None) -> DocumentVerdict:
    keys = [SuppliedKey(key_text, "--key")] if key_text else []
    return Verifier(keys=keys).verify(Document("d", content))


def key_of(case: SampleCase) -> str | None:
    """Return the key that came with a document, for its records when they travel alone."""
    texts = [
        text for part in parts(case.content) for text in (part.key_text, *(k.text for k in part.beside_keys))
    ]
    return case.public_key_text or next((text for text in texts if text), None)


def outcome(verdict: DocumentVerdict) -> list[object]:
    records = [
        (entry.format, entry.verdict, entry.signature.status, entry.record and entry.record.signed_bytes)
        for entry in verdict.records
    ]
    return [verdict.verdict, *records, *(transaction.energy_kwh for transaction in verdict.transactions)]


CASES = [smallest(name) for name in registry.formats() if name not in NEEDS_ITS_FILES]
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.format)


@every_case
@pytest.mark.parametrize("layers", WRAPPINGS, ids=">".join)
def test_wrapped(case: SampleCase, layers: tuple[str, ...]) -> None:
    plain = verified(case.content, case.public_key_text)
    assert plain.verdict is Verdict.VALID
    wrapped = verified(WRAPPINGS[layers](case.content), case.public_key_text)
    assert outcome(wrapped) == outcome(plain)
    for record, original in zip(wrapped.records, plain.records, strict=True):
        assert [layer.kind for layer in record.layers] == [*layers, *(one.kind for one in original.layers)]


@every_case
def test_attached_and_pictured(case: SampleCase) -> None:
    plain = verified(case.content, case.public_key_text)
    ways = {("pdf",): attached(case.content)}
    if len(case.content) <= LARGEST_CODE:
        ways |= {(kind, "qr-code"): pictured(kind, case.content) for kind in ("png", "jpeg", "svg")}
    for layers, content in ways.items():
        found = verified(content, case.public_key_text)
        assert outcome(found) == outcome(plain), layers
        for record in found.records:
            assert tuple(layer.kind for layer in record.layers)[: len(layers)] == layers


@every_case
@pytest.mark.parametrize("carrier", CARRIERS)
def test_carried_in_a_message(case: SampleCase, carrier: object) -> None:
    """A message carries records, not their containers; which end they are, it says by a word of its own."""
    assert callable(carrier)
    key = key_of(case)
    for part in parts(case.content):
        if part.detached_signature is not None:
            continue  # two files; nothing that a message could carry
        (record,) = verified(carrier(part.content), key).records
        alone = verified(part.content, key).records[0]
        assert (record.format, record.signature.status) == (alone.format, alone.signature.status)
        assert record.signature.status == "valid"
        assert record.layers
        assert record.layers[0].kind in ("ocpp", "ocpi-cdr")
        # The messages state a reading of their own, which is none of the signed ones.
        assert record.record is not None
        own = tuple(f for f in record.record.findings if f.code != "unsigned_reading_differs")
        assert replace(record.record, findings=own) == alone.record


@every_case
def test_ocpi_plain_data_beside_signed_data(case: SampleCase) -> None:
    """``plain_data`` holds the record as text; quotation marks and markup in it are part of the record."""
    for part in parts(case.content):
        try:
            text = part.content.decode("utf-8")
        except UnicodeDecodeError:
            continue
        document = json.loads(ocpi_cdr(part.content))
        (value,) = document["signed_data"]["signed_values"]
        for changed in ({}, {"signed_data": ""}):
            value |= {"plain_data": text, **changed}
            (found,) = parts(json.dumps(document).encode())
            assert found.content == part.content
            assert not any(finding.severity == "error" for finding in found.findings)


def test_markup_in_good_json_is_not_read_before_the_json() -> None:
    """S.A.F.E. XML, too, may stand in ``plain_data``, with its quotation marks escaped."""
    case = next(c for c in all_cases() if c.format == "EDL_40_P" and c.content.lstrip().startswith(b"<"))
    document = json.loads(ocpi_cdr(case.content))
    document["signed_data"]["signed_values"][0]["plain_data"] = case.content.decode()
    found = parts(json.dumps(document).encode())
    assert [part.content for part in found] == [part.content for part in parts(case.content)]
    assert {part.layers[0].kind for part in found} == {"ocpi-cdr"}
