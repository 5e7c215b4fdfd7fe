"""PCDF, the Porsche Charging Data Format: one signed text per charging session.

A record is ``128.8.0(ST:..)(CT:..)...(PK:..)(SG:..)``: fields in brackets, the signature last, perhaps between STX
and ETX (the control characters, or their escapes written out). Signed is the text from ``128.8.0`` up to ``(SG:``;
where a program wrapped it, the line ends are taken out first, as the official program does. The public key is
among the signed fields, and whatever follows the signature is signed by nobody.

Source: facts/meter/safe_formats.md §8 and §11; fields and flags in docs/formats/pcdf.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from eichrecht.evidence import Finding, RecordSpan, SignatureClaim, SignedRecord, note, problem, warning
from eichrecht.formats._lines import RecordPatterns, find_records
from eichrecht.formats._pcdf_codes import PcdfCode, PcdfErrorCode
from eichrecht.formats._pcdf_fields import MAX_REPORTED, TRAITS, Fields, read_fields
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

FORMAT_NAME = "PCDF"

MAX_RECORD_BYTES = 8192
"""Real records have some 560 bytes, and no field may have more than 151; line ends leave this far away."""

_ALGORITHM = "ECDSA-secp256r1-SHA256"
_BLANKS = b" \t\r\n"
_LINE_ENDS = b"\r\n"

_STX = rb"(?:\x02|\\u0002)"
_ETX = rb"(?:\x03|\\u0003)"
_NL = rb"[\r\n]*+"
# A header is not the end of a longer number (1.128.8.0), but may follow the 2 of a written-out STX.
_HEADER = re.compile(rb"(?:" + _STX + _NL + rb"|(?<![0-9.]))(?P<start>128\.8\.0)" + _NL + rb"(?=\()")
_NAME = rb"\((?:" + _NL + rb"[A-Z]){1,8}+" + _NL + rb":"
_FIELD = _NAME + rb"[^()]*+\)" + _NL
_SIGNATURE = rb"\(" + _NL + rb"S" + _NL + rb"G" + _NL + rb":"
_FIELDS = rb"(?:(?!" + _SIGNATURE + rb")" + _FIELD + rb")*+"
_RECORD = re.compile(
    _HEADER.pattern
    + _FIELDS
    + rb"(?P<signature>"
    + _SIGNATURE
    + rb"(?P<value>[^()]*+)\))(?P<after>(?:"
    + _NL
    + _NAME
    + rb"[^()]*+\))*+)(?:"
    + _NL
    + _ETX
    + rb")?+"
)
_BROKEN = re.compile(_HEADER.pattern + _FIELDS + rb"(?:(?!128\.8\.0)[^\r\n])*+")
_PATTERNS = RecordPatterns(b"128.8.0", _HEADER, _RECORD, _BROKEN)
_NAMED = re.compile(rb"\(([A-Z]+):([^()]*+)\)")
_HEX = re.compile(rb"(?:[0-9A-Fa-f]{2})+")


class PcdfFormat:
    """The format as the pipeline sees it; holds no state."""

    name = FORMAT_NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return all PCDF records of a text, with their STX and ETX; linear in its length.

        An attempt ends at the latest at the bracket of the next header, or its bytes become part of its span.
        """
        return find_records(FORMAT_NAME, _PATTERNS, content)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the PCDF record that ``content`` begins with; blanks before it and text behind it are left out.

        Raises:
            NotThisFormatError: ``content`` does not begin with ``128.8.0(``, framed or not.
            LimitExceededError: Longer than :data:`MAX_RECORD_BYTES`.
            MalformedRecordError: What follows is no row of fields, the signature is missing, or it is no UTF-8.
        """
        text = content.lstrip(_BLANKS)
        header = _HEADER.match(text)
        if header is None:
            raise NotThisFormatError(PcdfErrorCode.NOT_PCDF)
        match = _RECORD.match(text)
        if len(match[0] if match else text) > MAX_RECORD_BYTES:
            raise LimitExceededError(PcdfErrorCode.TOO_LARGE, "", {"limit": str(MAX_RECORD_BYTES)})
        if match is None:
            raise _explain(text)
        findings: list[Finding] = []
        after = text[match.end() :].strip(_BLANKS)
        if after:
            findings.append(warning(PcdfCode.TEXT_AFTER_RECORD, "", length=len(after)))
        return _assemble(match, findings)


def _explain(text: bytes) -> MalformedRecordError:
    broken = re.match(_HEADER.pattern + _FIELDS, text)
    position = broken.end() if broken else 0
    if not text[position:].strip(_BLANKS + b"\x03"):
        return MalformedRecordError(PcdfErrorCode.NO_SIGNATURE, "/SG")
    return MalformedRecordError(PcdfErrorCode.MALFORMED, "", {"position": str(position)})


def _assemble(match: re.Match[bytes], findings: list[Finding]) -> SignedRecord:
    written = match.string[match.start("start") : match.start("signature")]
    signed = written.translate(None, _LINE_ENDS)
    record = match.string[match.start("start") : match.end("signature")]
    if len(record) != len(record.translate(None, _LINE_ENDS)):
        findings.append(note(PcdfCode.LINES_JOINED))
    named = _names_and_values(signed)
    fields = read_fields(named, findings)
    contradictions = _after_signature(match["after"].translate(None, _LINE_ENDS), named, findings)
    names = [name for name, _ in named]
    return SignedRecord(
        format=FORMAT_NAME,
        version=None,
        raw=match[0],
        signed_bytes=signed,
        signature=_signature(match["value"].translate(None, _LINE_ENDS), findings),
        meter=fields.meter,
        gateway=fields.gateway,
        charge_point=(None, None),
        identification=fields.identification,
        pagination=fields.pagination,
        readings=fields.readings,
        embedded_key=fields.key,
        findings=tuple(findings),
        unambiguous=len(set(names)) == len(names),
        contradictions=tuple(contradictions),
        session=fields.session,
        traits=TRAITS,
        official_refusals=fields.refusals,
    )


def _names_and_values(text: bytes) -> Fields:
    try:
        return [(name.decode("ascii"), value.decode("utf-8")) for name, value in _NAMED.findall(text)]
    except UnicodeDecodeError:
        raise MalformedRecordError(PcdfErrorCode.NOT_UTF8) from None


def _signature(text: bytes, findings: list[Finding]) -> SignatureClaim:
    value = None
    if _HEX.fullmatch(text):
        value = bytes.fromhex(text.decode("ascii"))
    else:
        findings.append(problem(PcdfCode.SIGNATURE_UNREADABLE, "/SG"))
    return SignatureClaim(_ALGORITHM, None, value, "hex")


def _after_signature(text: bytes, signed: Fields, findings: list[Finding]) -> list[Finding]:
    """Compare fields behind the signature with the signed ones; the official reader believes the last of each."""
    genuine = set(signed)
    added = list(dict.fromkeys(_names_and_values(text)))
    repeated = [name for name, value in added if (name, value) in genuine]
    other = [name for name, value in added if (name, value) not in genuine]
    findings += [
        warning(PcdfCode.FIELD_AFTER_SIGNATURE, f"/{name}", field=name) for name in repeated[:MAX_REPORTED]
    ]
    return [
        problem(PcdfCode.FIELD_AFTER_SIGNATURE_CONTRADICTS, f"/{name}", field=name)
        for name in other[:MAX_REPORTED]
    ]


FORMATS = (PcdfFormat(),)
"""What this module adds to the registry."""
