"""ALFEN: one signed meter value per line, written by the adapter in Alfen's charging stations.

A record is ``AP;type;version;public key;dataset;signature;``, the last three fields in base32. Signed are the 82
bytes of the dataset and nothing else: type, version and key are words of whoever wrote the line. Two bits of the
signed status word say start and stop in stations of the field; where they are set, a type that says otherwise is
a contradiction, and where they are not, the type is a claim (``SignedRecord.claimed_role``).

Source: facts/meter/safe_formats.md §7 and §11; layout, text forms and status bits in docs/formats/alfen.md.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence

from eichrecht.evidence import (
    Finding,
    ReadingRole,
    RecordSpan,
    SignatureClaim,
    SignedRecord,
    note,
    problem,
    warning,
)
from eichrecht.formats._alfen_codes import AlfenCode, AlfenErrorCode
from eichrecht.formats._alfen_dataset import DATASET_BYTES, TRAITS, read_dataset
from eichrecht.formats._lines import RecordPatterns, find_records
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

FORMAT_NAME = "ALFEN"

MAX_RECORD_BYTES = 4096
"""Real records have 271 characters; line breaks and groups of four leave this far away."""

KNOWN_VERSION = "3"
"""The only version seen; it says how the signed bytes are to be read, so that another one cannot be read."""

_ALGORITHM = "ECDSA-secp192r1-SHA256"

_BLANKS = b" \t\r\n"
_WS = rb"[ \t\r\n]*+"
_BASE32 = rb"[A-Za-z2-7]"
_SIGNATURE_CHARS = 77
"""48 bytes in base32 without padding."""

# A header is not the end of a longer word. Type and version may be any character: decoding says what is wrong.
_HEADER = re.compile(rb"(?<![A-Za-z0-9])AP;([!-:<-~]);([!-:<-~]);")
# Blanks mean nothing inside base32 (wrapped mail, grouped digits). The last field ends where its letters are
# complete, because the final semicolon is optional and prose may follow.
_FIELD = rb"((?:[A-Za-z2-7]|[ \t\r\n])*+=*+" + _WS + rb");"
_LAST = rb"(" + _WS + _BASE32 + rb"(?:" + _WS + _BASE32 + rb"){76}(?![A-Za-z0-9])(?:" + _WS + rb"=){0,3}+)"
_RECORD = re.compile(_HEADER.pattern + _FIELD + _FIELD + _LAST + rb"(?:" + _WS + rb";)?+")
_BROKEN = re.compile(_HEADER.pattern + rb"(?:(?!(?<![A-Za-z0-9])AP;)[A-Za-z0-9+/=;])*+")
_PATTERNS = RecordPatterns(b"AP;", _HEADER, _RECORD, _BROKEN)
_FIELDS = ("public key", "dataset", "signature")

_ROLES = {b"0": ReadingRole.BEGIN, b"1": ReadingRole.END, b"2": ReadingRole.INTERMEDIATE}


class AlfenFormat:
    """The format as the pipeline sees it; holds no state."""

    name = FORMAT_NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return all ALFEN lines of a text, also several on one line; linear in its length.

        Each of a record's three long fields ends at its semicolon, and a header holds semicolons itself, so no
        byte belongs to more than four attempts.
        """
        return find_records(FORMAT_NAME, _PATTERNS, content)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the ALFEN line that ``content`` begins with; blanks before it and text behind it are left out.

        Raises:
            NotThisFormatError: ``content`` does not begin with ``AP;`` and two one-character fields.
            LimitExceededError: Longer than :data:`MAX_RECORD_BYTES`.
            MalformedRecordError: A field is missing or no base32, or the dataset has not 82 bytes.
        """
        text = content.lstrip(_BLANKS)
        header = _HEADER.match(text)
        if header is None:
            raise NotThisFormatError(AlfenErrorCode.NOT_ALFEN)
        record = _RECORD.match(text)
        if len(record[0] if record else text) > MAX_RECORD_BYTES:
            raise LimitExceededError(AlfenErrorCode.TOO_LARGE, "", {"limit": str(MAX_RECORD_BYTES)})
        if record is None:
            raise _explain(text[header.end() :])
        findings: list[Finding] = []
        after = text[record.end() :].strip(_BLANKS)
        if after:
            findings.append(warning(AlfenCode.TEXT_AFTER_RECORD, "", length=len(after)))
        return _assemble(record, findings)


def _explain(fields: bytes) -> MalformedRecordError:
    """Say which field of a line that is no record is the first that cannot be read."""
    texts = fields.split(b";")
    for name, text in zip(_FIELDS, texts, strict=False):
        if not re.fullmatch(rb"[A-Za-z2-7 \t\r\n]*+=*+[ \t\r\n]*+", text):
            return MalformedRecordError(AlfenErrorCode.NOT_BASE32, f"/{name}", {"field": name})
    if len(texts) < len(_FIELDS) or not texts[2].strip(_BLANKS + b"="):
        return MalformedRecordError(AlfenErrorCode.INCOMPLETE, "", {"fields": str(len(texts) + 3)})
    letters = len(texts[2].translate(None, _BLANKS + b"="))
    lengths = {"letters": str(letters), "expected": str(_SIGNATURE_CHARS)}
    return MalformedRecordError(AlfenErrorCode.SIGNATURE_LENGTH, "/signature", lengths)


def _assemble(match: re.Match[bytes], findings: list[Finding]) -> SignedRecord:
    kind, version = match[1], match[2].decode("ascii")
    dataset = _decoded(match[4], "dataset", findings)
    if len(dataset) != DATASET_BYTES:
        lengths = {"bytes": str(len(dataset)), "expected": str(DATASET_BYTES)}
        raise MalformedRecordError(AlfenErrorCode.DATASET_LENGTH, "/dataset", lengths)
    signature = _decoded(match[5], "signature", findings)
    read = read_dataset(dataset, findings)
    refusals = []
    if version != KNOWN_VERSION:
        findings.append(problem(AlfenCode.VERSION_UNKNOWN, "/version", version=version))
    role = _ROLES.get(kind)
    if role is None:
        findings.append(problem(AlfenCode.TYPE_UNKNOWN, "/type", type=kind.decode("ascii")))
        refusals.append("error.format.unknown")
    contradictions: list[Finding] = []
    if role is not None and read.reading.role not in {role, ReadingRole.UNKNOWN}:
        contradictions.append(
            problem(AlfenCode.TYPE_CONTRADICTS_STATUS, "/type", claimed=role.value, signed=read.reading.role)
        )
    elif read.reading.role is ReadingRole.UNKNOWN:
        findings.append(note(AlfenCode.ROLE_NOT_SIGNED, "/type"))
    key = match[3].translate(None, _BLANKS).decode("ascii")
    return SignedRecord(
        format=FORMAT_NAME,
        version=version,
        raw=match[0],
        signed_bytes=dataset,
        signature=SignatureClaim(_ALGORITHM, None, signature, "base32", "raw"),
        meter=read.meter,
        gateway=read.adapter,
        charge_point=(None, None),
        identification=read.identification,
        pagination=read.pagination,
        readings=(read.reading,),
        embedded_key=key or None,
        findings=tuple(findings),
        contradictions=tuple(contradictions),
        session=read.session,
        traits=TRAITS,
        official_refusals=tuple(refusals),
        claimed_role=role,
    )


def _decoded(text: bytes, name: str, findings: list[Finding]) -> bytes:
    """Decode a base32 field (RFC 4648 §6); what is not written canonically means the same and is noted."""
    letters = text.translate(None, _BLANKS + b"=").upper()
    data = base64.b32decode(letters + b"A" * (-len(letters) % 8))[: len(letters) * 5 // 8]
    canonical = base64.b32encode(data)
    if text not in (canonical, canonical.rstrip(b"=")):
        findings.append(note(AlfenCode.BASE32_NOT_CANONICAL, f"/{name}", field=name))
    return data


FORMATS = (AlfenFormat(),)
"""What this module adds to the registry."""
