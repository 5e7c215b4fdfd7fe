"""OCMF, the Open Charge Metering Format, 0.1 to 1.4.1.

A record is ``OCMF|<payload object>|<signature object>``; signed are the payload's bytes exactly as they
stand between the first pipe and the pipe before the signature object (1.0.1 and later; records of 1.0 and
before that are known verify the same way). Nothing is reformatted and nothing is verified here.

Deviations that leave the record's meaning clear are findings of severity ``note`` or ``warning``; an
``error`` says that the record cannot be relied on whatever its signature says. Places are JSON pointers into
the payload; those of the signature section begin with ``/signature``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from eichrecht.evidence import Finding, RecordSpan, SignedRecord, note, problem, warning
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats import _ocmf_scan as scan
from eichrecht.formats._json import BLANKS, JsonFaults, read_carefully, read_quickly
from eichrecht.formats._ocmf_ordinary import read_ordinary
from eichrecht.formats._ocmf_payload import read_head, readings_of, shown
from eichrecht.formats._ocmf_readings import Readings
from eichrecht.formats._ocmf_signature import read_signature
from eichrecht.formats.codes import FormatCode, OcmfCode, OcmfErrorCode
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

MAX_RECORD_BYTES = 1 << 20
"""The largest records seen hold 100 readings in 20 kB; ML-DSA signatures add 10 kB. 1 MiB is far beyond."""

MAX_FINDINGS_PER_CODE = 20
"""More of the same tells a reader nothing; the number left out is stated."""

_BOM = b"\xef\xbb\xbf"

_new_record = positional_constructor(SignedRecord)


class OcmfFormat:
    """The format as the pipeline sees it; holds no state."""

    name = scan.FORMAT_NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return all OCMF records of a text; see :func:`eichrecht.formats._ocmf_scan.find`."""
        return scan.find(content)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the OCMF record that ``content`` holds.

        A byte order mark and blanks before it and text behind it are left out of the record and reported.

        Raises:
            NotThisFormatError: ``content`` does not begin with an OCMF header.
            MalformedRecordError: A section is cut off or is no JSON object.
            LimitExceededError: Larger than :data:`MAX_RECORD_BYTES`, too deep, or too many readings.
        """
        if len(content) > MAX_RECORD_BYTES:
            limit = {"limit": str(MAX_RECORD_BYTES)}
            raise LimitExceededError(OcmfErrorCode.RECORD_TOO_LARGE, "", limit)
        return read_ordinary(content) or _decode_quickly(content) or _decode_carefully(content)


def _decode_quickly(content: bytes) -> SignedRecord | None:
    """Decode a record without anything unusual about its text; ``None`` if the careful way must be taken."""
    parts = content.split(b"|")
    if len(parts) != 3 or parts[0] != b"OCMF":
        return None
    signed, rest = parts[1], parts[2]
    if signed[:1] != b"{" or signed[-1:] != b"}" or rest[:1] != b"{" or rest[-1:] != b"}":
        return None
    # A pipe inside a string would have left an object that is cut off, and so no object.
    signature = read_quickly(rest)
    payload = read_quickly(signed)
    if payload is None or signature is None:
        return None
    return _assemble(
        content, signed, payload=payload[0], text_members=payload[1], signature=signature[0], findings=[]
    )


def _decode_carefully(content: bytes) -> SignedRecord:
    findings: list[Finding] = []
    start = _skip_prefix(content, findings)
    sections = scan.split(content, start)
    if sections is None:
        if scan.HEADER.match(content, start) is None:
            raise NotThisFormatError(OcmfErrorCode.NOT_OCMF)
        raise scan.explain(content, start)
    signed = content[sections.payload[0] : sections.payload[1]]
    payload, faults = _read_section(signed, "/payload", OcmfErrorCode.PAYLOAD_NOT_JSON)
    written = content[sections.signature[0] : sections.signature[1]]
    signature, signature_faults = _read_section(written, "/signature", OcmfErrorCode.SIGNATURE_NOT_JSON)

    _judge_text(content, sections, signed, findings)
    unambiguous = _judge_faults(faults, "", findings)
    unambiguous &= _judge_faults(signature_faults, "/signature", findings)
    raw = content[sections.start : sections.end]
    return _assemble(
        raw,
        signed,
        payload=payload,
        text_members=None,
        signature=signature,
        findings=findings,
        key=sections.key,
        unambiguous=unambiguous,
    )


def _skip_prefix(content: bytes, findings: list[Finding]) -> int:
    """Return where the record begins behind a byte order mark and blanks (neither is part of it)."""
    start = 0
    if content.startswith(_BOM):
        findings.append(note(OcmfCode.BOM_BEFORE_RECORD))
        start = len(_BOM)
    first = len(content) - len(content[start:].lstrip(BLANKS))
    if first > start:
        findings.append(note(OcmfCode.SPACE_BEFORE_RECORD))
    return first


def _read_section(section: bytes, where: str, code: OcmfErrorCode) -> tuple[dict[str, Any], JsonFaults]:
    try:
        return read_carefully(section)
    except json.JSONDecodeError as error:
        raise MalformedRecordError(code, where, {"position": str(error.pos)}) from None
    except RecursionError:  # the depth was bounded above; only a caller near its own limit gets here
        limit = {"limit": str(scan.MAX_DEPTH)}
        raise LimitExceededError(OcmfErrorCode.NESTED_TOO_DEEP, where, limit) from None


def _judge_text(content: bytes, sections: scan.Sections, signed: bytes, findings: list[Finding]) -> None:
    """Report deviations of the record's text from ``OCMF|{...}|{...}`` (OCMF 1.4.1, chapter "Structure")."""
    if sections.header_blank:
        # The header is exactly "OCMF"; the official program does not take this for a record at all.
        findings.append(problem(OcmfCode.HEADER_MALFORMED))
    if signed != signed.strip(BLANKS) or content[sections.payload[1] + 1] != 0x7B:
        findings.append(note(OcmfCode.SPACE_AROUND_SECTION))
    if b"|" in signed or b"|" in content[sections.signature[0] : sections.signature[1]]:
        findings.append(warning(OcmfCode.PIPE_IN_STRING))
    if sections.key is not None:
        findings.append(note(OcmfCode.EMBEDDED_KEY))
    after = content[sections.end :].strip(BLANKS)
    if after:
        findings.append(warning(OcmfCode.TEXT_AFTER_RECORD, "", length=len(after)))


def _judge_faults(faults: JsonFaults, where: str, findings: list[Finding]) -> bool:
    """Report what readers would disagree about; return whether there is nothing of it."""
    for code, places in (
        (OcmfCode.DUPLICATE_KEY, faults.duplicates),
        (OcmfCode.NON_FINITE_NUMBER, faults.non_finite),
        (OcmfCode.LONE_SURROGATE, faults.surrogates),
    ):
        findings.extend(problem(code, where + place) for place in places)
    if not faults.utf8:
        findings.append(problem(OcmfCode.TEXT_NOT_UTF8, where))
    return not (faults.duplicates or faults.non_finite or faults.surrogates) and faults.utf8


def _assemble(
    raw: bytes,
    signed: bytes,
    *,
    payload: dict[str, Any],
    text_members: int | None,
    signature: dict[str, Any],
    findings: list[Finding],
    key: str | None = None,
    unambiguous: bool = True,
) -> SignedRecord:
    version, meter, gateway, point, identification, pagination, loss, text = read_head(
        payload, text_members, findings
    )
    reader = Readings(pagination is not None and pagination.context == "T", findings)
    readings = reader.read(readings_of(payload, findings))
    if reader.extensions:
        findings.append(note(OcmfCode.READING_EXTENSIONS, "/RD", names=shown(list(reader.extensions))))
    return _new_record(
        scan.FORMAT_NAME,
        version,
        raw,
        signed,
        read_signature(signature, findings),
        meter,
        gateway,
        point,
        identification,
        pagination,
        readings,
        loss,
        text,
        key,
        _bounded(findings) if findings else (),
        unambiguous,
    )


def _bounded(findings: list[Finding]) -> tuple[Finding, ...]:
    """Keep the first findings of each code and say how many more there are."""
    if len(findings) <= MAX_FINDINGS_PER_CODE:
        return tuple(findings)
    counts: dict[str, int] = {}
    kept: list[Finding] = []
    for finding in findings:
        counts[finding.code] = counts.get(finding.code, 0) + 1
        if counts[finding.code] <= MAX_FINDINGS_PER_CODE:
            kept.append(finding)
    for code, count in counts.items():
        if count > MAX_FINDINGS_PER_CODE:
            more = count - MAX_FINDINGS_PER_CODE
            kept.append(note(FormatCode.FINDINGS_OMITTED, "", finding=code, count=more))
    return tuple(kept)


FORMATS = (OcmfFormat(),)
"""What this module adds to the registry."""
