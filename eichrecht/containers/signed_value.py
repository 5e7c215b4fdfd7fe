"""How one OCPI signed value holds its record: in ``signed_data``, in ``plain_data``, or divided between both.

For OCMF the division is undefined (ocpi/ocpi issue 550); three are in use:

1. ``plain_data`` is the whole record, ``signed_data`` its Base64 form;
2. ``plain_data`` is the payload section, ``signed_data`` the whole record;
3. ``plain_data`` is the payload section, ``signed_data`` the signature section.
"""

from __future__ import annotations

import re
from dataclasses import replace

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.encodings import decode_base64, decode_hex
from eichrecht.containers.json_text import as_bytes
from eichrecht.containers.kinds import Found, Opener, within
from eichrecht.containers.text import INCOMPLETE
from eichrecht.evidence import Finding, Layer, Part, note, problem, warning

_HEADER = b"OCMF|"
"""First section of every OCMF record (OCMF 1.4.1)."""

_INVISIBLE = re.compile(rb"\xef\xbb\xbf|\xe2\x80[\x8b-\x8f]|\xe2\x81[\xa0-\xa4]|\xc2\xad")
"""Byte order mark, signs without width, soft hyphen, in UTF-8."""


def open_signed_value(plain_data: str, signed_data: str, opener: Opener) -> Found:
    """Return the record or records of one signed value.

    If both members hold a record, that of ``signed_data`` is judged and they must be equal: a driver reads
    ``plain_data``, so a difference is an error, not a matter of taste.
    """
    plain, signed = as_bytes(plain_data), as_bytes(signed_data)
    from_signed = opener.open(signed, is_utf8=True, declared_encoding="base64")
    from_plain = opener.open(plain, is_utf8=True)
    if from_signed.complete:
        return _from_signed(plain, from_plain, from_signed)
    if from_plain.complete:
        return _from_plain(from_plain, signed)
    rebuilt = _rebuilt(plain, signed, opener)
    if rebuilt is not None:
        return rebuilt
    if from_signed.recognised:
        return _from_signed(plain, from_plain, from_signed)
    return _from_plain(from_plain, signed) if from_plain.recognised else _unreadable(plain, signed)


def _from_signed(plain: bytes, from_plain: Found, from_signed: Found) -> Found:
    found = within(from_signed, Layer("ocpi-placement", "record_in_signed_data"))
    finding = _compared(plain, from_plain, from_signed)
    return found if finding is None else _noted(found, finding)


def _from_plain(from_plain: Found, signed: bytes) -> Found:
    judged = warning(ContainerCode.PLAIN_DATA_JUDGED, size=len(signed))
    return _noted(within(from_plain, Layer("ocpi-placement", "record_in_plain_data")), judged)


def _noted(found: Found, finding: Finding) -> Found:
    return Found(tuple(replace(p, findings=(finding, *p.findings)) for p in found.parts), found.findings)


def _compared(plain: bytes, from_plain: Found, from_signed: Found) -> Finding | None:
    """Return what comparing ``plain_data`` with the record of ``signed_data`` shows; ``None`` if equal."""
    records = [part.content for part in from_signed.parts]
    shown = [_visible(text) for text in (plain, *_decoded(plain))]
    bare = [text.removeprefix(_HEADER).removesuffix(b"|") for text in shown]
    if any(record.startswith(_HEADER + text + b"|") for record in records for text in bare if text):
        return note(ContainerCode.PLAIN_DATA_IS_PAYLOAD)
    if from_plain.recognised:
        if [part.content for part in from_plain.parts] != records:
            return problem(ContainerCode.PLAIN_DATA_DIFFERS)
        around = any(f.code == ContainerCode.TEXT_AROUND_RECORDS for f in from_plain.findings)
        return _other_text(_without(plain, records)) if around else None
    has_payload = any(record.startswith(_HEADER) for record in records)
    if has_payload and any(text.startswith((b"{", _HEADER)) for text in shown):
        return problem(ContainerCode.PLAIN_DATA_DIFFERS)
    return _other_text(plain)


def _other_text(text: bytes) -> Finding:
    """Judge a text beside a record that is no form of it (mod_cdrs: "the un-encoded string of data").

    Without a number in it, it states no reading and no time; with one, nobody knows whether it is the signed one.
    """
    numeric = any(char.isnumeric() for char in text.decode("utf-8", "replace"))
    return (problem if numeric else warning)(ContainerCode.PLAIN_DATA_NOT_COMPARABLE, size=len(text))


def _without(text: bytes, records: list[bytes]) -> bytes:
    for record in records:
        text = text.replace(record, b"", 1)
    return text


def _visible(text: bytes) -> bytes:
    """Return a text without white space around it and without what no reader sees: byte order mark, no-width signs."""
    return _INVISIBLE.sub(b"", text).strip()


def _rebuilt(plain: bytes, signed: bytes, opener: Opener) -> Found | None:
    """Put an OCMF record together from payload and signature section, both byte for byte as they came.

    The signature covers the payload section alone (OCMF 1.4.1, "Signature"), so nothing signed is made up.
    """
    if not _is_object(plain):
        return None
    for section in _sections(signed):
        record = _HEADER + plain + b"|" + section
        spans = opener.recognise(record)
        if len(spans) != 1 or spans[0].reason.endswith(INCOMPLETE):
            continue
        if spans[0].start == 0 and not record[spans[0].end :].strip():
            part = Part(
                content=record[: spans[0].end],
                format=spans[0].format,
                recognised_by=spans[0].reason,
                findings=(note(ContainerCode.OCMF_REBUILT),),
            )
            return Found((replace(part, layers=(Layer("ocmf-rebuilt", "payload_and_signature_sections"),)),))
    return None


def _sections(signed: bytes) -> list[bytes]:
    """Return the readings of ``signed_data`` that could be a JSON section: as it is, hex, Base64."""
    return [text for text in (signed, *_decoded(signed)) if _is_object(text)]


def _decoded(text: bytes) -> list[bytes]:
    """Return what ``text`` is, if it is hexadecimal or Base64."""
    compact = text.translate(None, b" \t\r\n")
    return [d.content for d in (decode_hex(compact), decode_base64(compact)) if d is not None]


def _is_object(text: bytes) -> bool:
    """Whether ``text`` has the outline of one JSON object; the format judges what is in it."""
    trimmed = text.strip()
    return trimmed.startswith(b"{") and trimmed.endswith(b"}")


def _unreadable(plain: bytes, signed: bytes) -> Found:
    content = signed or plain
    return Found((Part(content, findings=(problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content)),)),))
