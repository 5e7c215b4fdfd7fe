"""What the tests of qr image have in common."""

from __future__ import annotations

import io

import segno
from PIL import Image

from eichrecht import locales
from eichrecht.containers import Unwrapped, unwrap
from eichrecht.evidence import Document, RecordSpan

RECORD = b'OCMF|{"FV":"1.0","PG":"T1","TT":"3 \xe2\x82\xac"}|{"SD":"3006"}'

SECOND = b'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'


def records_of(content: bytes) -> list[RecordSpan]:
    found = [(content.find(record), record) for record in (RECORD, SECOND)]
    spans = [RecordSpan("OCMF", at, at + len(record), "ocmf_header") for at, record in found if at >= 0]
    if not spans and b"OCMF|" in content:
        start = content.index(b"OCMF|")
        return [RecordSpan("OCMF", start, len(content), "ocmf_incomplete")]
    return sorted(spans, key=lambda span: span.start)


def take(content: bytes) -> Unwrapped:
    result = unwrap(Document("picture", content), records_of)
    for finding in (*result.findings, *(f for part in result.parts for f in part.findings)):
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)
    return result


def codes_of(result: Unwrapped) -> list[str]:
    return [finding.code for finding in result.findings]


def kinds_of(result: Unwrapped) -> list[list[str]]:
    return [[layer.kind for layer in part.layers] for part in result.parts]


def qr_code(content: bytes, **options: object) -> Image.Image:
    target = io.BytesIO()
    # Binary mode whatever the content: the bytes must come out as they went in.
    code = segno.make(content, mode="byte", micro=False, boost_error=False)
    code.save(target, kind="png", **{"scale": 4, **options})
    return Image.open(target)


def saved_as(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()
