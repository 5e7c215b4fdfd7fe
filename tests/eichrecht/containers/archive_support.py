"""What the tests of archive have in common."""

from __future__ import annotations

import io
import tarfile
import zipfile

from eichrecht import locales
from eichrecht.containers import Unwrapped, unwrap
from eichrecht.evidence import Document, RecordSpan

RECORD = b'OCMF|{"FV":"1.0","PG":"T1"}|{"SD":"3006"}'

SECOND = b'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'


def records_of(content: bytes) -> list[RecordSpan]:
    if content.lstrip()[:1] == b"{" and b'"additional_info"' in content:
        start = len(content) - len(content.lstrip())
        return [RecordSpan("BILL", start, len(content.rstrip()), "bill")]
    spans = []
    for record in (RECORD, SECOND):
        start = content.find(record)
        while start >= 0:
            spans.append(RecordSpan("OCMF", start, start + len(record), "ocmf_header"))
            start = content.find(record, start + 1)
    return spans


def take(content: bytes) -> Unwrapped:
    result = unwrap(Document("archive", content), records_of)
    for finding in (*result.findings, *(f for part in result.parts for f in part.findings)):
        for language in locales.LANGUAGES:
            assert "{" not in locales.sentence(finding, language)
    return result


def zip_of(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


def tar_of(members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()
