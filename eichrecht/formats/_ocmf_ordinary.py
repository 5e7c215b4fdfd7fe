"""The quick way through an OCMF record about which there is nothing to say.

Most records of a fleet follow the specification to the letter. They are read here in one pass into typed
structures, and whatever is unusual - a member that is unknown, missing or of another type, an escape, a
duplicate, a value outside its table, anything that would leave a finding - makes this reader give up, so that
the others, which say what they find, read the record from the start. It never judges and never reports: a record
that it returns is the one that the others would have returned, with no finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from eichrecht.evidence import (
    Device,
    Finding,
    Identification,
    Pagination,
    Reading,
    SignatureClaim,
    SignedRecord,
)
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats._ocmf_identification import LEVELS, fits_type, flags_are_ordinary
from eichrecht.formats._ocmf_numbers import EXACT, MAX_NUMBER_CHARS
from eichrecht.formats._ocmf_payload import KNOWN_VERSIONS, MAX_PAGINATION_DIGITS, NEW_MODEL, POINT_TYPES
from eichrecht.formats._ocmf_readings import ordinary_fields
from eichrecht.formats._ocmf_scan import FORMAT_NAME
from eichrecht.formats._ocmf_signature import DEFAULT_MEDIA_TYPE, read_claim
from eichrecht.formats._ocmf_time import read_standard_time

MAX_READINGS = 64
"""Readings of a record that is read here; a session has two for each register."""

_PLACES = tuple(f"/RD/{index}" for index in range(MAX_READINGS))
_VERSIONS = frozenset(text for text, number in KNOWN_VERSIONS.items() if number >= NEW_MODEL)
_NOTHING_INHERITED: frozenset[str] = frozenset()
_NO_DEVICE = Device()

_new_device = positional_constructor(Device)
_new_identification = positional_constructor(Identification)
_new_pagination = positional_constructor(Pagination)
_new_reading = positional_constructor(Reading)
_new_record = positional_constructor(SignedRecord)


class _Reading(msgspec.Struct, gc=False):
    """An entry of RD that writes every field that a reading of energy needs."""

    TM: str
    TX: str
    RV: Any
    RI: str
    RU: str
    ST: str
    RT: str | None = None
    EF: str | None = None


class _Payload(msgspec.Struct, gc=False):
    """A payload since 0.5; TT, LC, CF and vendors' fields are left to the other readers."""

    FV: str
    PG: str
    MS: str
    IS: bool
    IT: str
    RD: list[_Reading]
    GI: str | None = None
    GS: str | None = None
    GV: str | None = None
    MV: str | None = None
    MM: str | None = None
    MF: str | None = None
    IL: str | None = None
    ID: str | None = None
    CT: str | None = None
    CI: str | None = None
    IF: list[str] | None = None


class _Signature(msgspec.Struct, gc=False):
    SD: str
    SA: str | None = None
    SE: str | None = None
    SM: str | None = None


# Numbers without a hook would become floats; with it they come as the text that was written.
_read_payload = msgspec.json.Decoder(_Payload, float_hook=str).decode
_read_signature = msgspec.json.Decoder(_Signature).decode


def read_ordinary(content: bytes) -> SignedRecord | None:
    """Read a record that is ordinary in every respect; ``None`` if another reader must look at it."""
    parts = content.split(b"|")
    if len(parts) != 3 or parts[0] != b"OCMF" or b"\\" in content:
        return None
    _, signed, rest = parts
    if signed[:1] != b"{" or signed[-1:] != b"}" or rest[:1] != b"{" or rest[-1:] != b"}":
        return None
    try:
        payload = _read_payload(signed)
        signature = _read_signature(rest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    readings = _readings(payload.RD)
    head = _head(payload)
    claim = _claim(signature)
    if readings is None or head is None or claim is None:
        return None
    # Without escapes every quotation mark delimits a string. If the strings that were read account for all of
    # them, no member was unknown, null, written twice, or text where a number was taken.
    if content.count(b'"') != readings[1] + head[5] + claim[1]:
        return None
    gateway, meter, point, identification, pagination, _ = head
    return _new_record(
        FORMAT_NAME,
        payload.FV,
        content,
        signed,
        claim[0],
        meter,
        gateway,
        point,
        identification,
        pagination,
        readings[0],
        None,
        None,
        None,
        (),
        True,
    )


def _head(
    payload: _Payload,
) -> tuple[Device, Device, tuple[str | None, str | None], Identification, Pagination, int] | None:
    """Return gateway, meter, charge point, identification, pagination and the number of quotation marks."""
    page, serial, gateway = payload.PG, payload.MS, (payload.GI, payload.GS, payload.GV)
    vendor, model, firmware = payload.MV, payload.MM, payload.MF
    level, kind, data, point, point_type = payload.IL, payload.IT, payload.ID, payload.CI, payload.CT
    number = page[1:]
    if (
        payload.FV not in _VERSIONS
        or not serial
        or page[0:1] != "T"
        or not (number.isdecimal() and number.isascii())
        or len(number) > MAX_PAGINATION_DIGITS
        or (number[0] == "0" and number != "0")
        or (point_type is not None and point_type not in POINT_TYPES)
        or (level is not None and level not in LEVELS)
        or not fits_type(kind, data)
    ):
        return None
    # FV, PG, MS and IT have four quotation marks each, IS and RD two.
    optional = (*gateway, vendor, model, firmware, level, data, point, point_type)
    quotes = 20 + 4 * (len(optional) - optional.count(None))
    flags: tuple[str, ...] = ()
    if payload.IF is not None:
        flags = tuple(payload.IF)
        if not flags_are_ordinary(flags):
            return None
        quotes += 2 + 2 * len(flags)
    return (
        _NO_DEVICE if gateway == (None, None, None) else _new_device(None, *gateway),
        _new_device(vendor, model, serial, firmware),
        (point, point_type),
        _new_identification(payload.IS, level, flags, kind, data),
        _new_pagination("T", int(number)),
        quotes,
    )


def _readings(items: Sequence[_Reading]) -> tuple[tuple[Reading, ...], int] | None:
    """Return the readings and the number of quotation marks; ``None`` where one inherits from the one before."""
    if not 0 < len(items) <= MAX_READINGS:
        return None
    made: list[Reading] = []
    quotes, before = 0, items[0]
    for index, item in enumerate(items):
        raw, current, flags = item.RV, item.RT, item.EF
        fields = (item.TX, item.RI, item.RU, current, flags, item.ST)
        ordinary = ordinary_fields(fields)
        time = read_standard_time(item.TM)
        # As an int, -0 would lose its sign.
        value = raw if raw.__class__ is str else str(raw) if raw.__class__ is int and raw else "e"
        if ordinary is None or time is None or len(value) > MAX_NUMBER_CHARS or "e" in value or "E" in value:
            return None
        if (current is None and before.RT is not None) or (flags is None and before.EF is not None):
            return None
        before = item
        quotes += 4 * ordinary[2] - 2
        energy = Decimal(value)
        made.append(
            _new_reading(
                index,
                _PLACES[index],
                ordinary[0],
                fields[0],
                value,
                fields[2],
                energy.scaleb(ordinary[1], EXACT) if ordinary[1] else energy,
                fields[1],
                *time,
                fields[5],
                flags or "",
                current,
                None,
                None,
                _NOTHING_INHERITED,
            )
        )
    return tuple(made), quotes


def _claim(signature: _Signature) -> tuple[SignatureClaim, int] | None:
    """Return the signature section and the number of its quotation marks."""
    named, encoding, media_type, data = signature.SA, signature.SE, signature.SM, signature.SD
    if media_type is not None and media_type != DEFAULT_MEDIA_TYPE:
        return None
    findings: list[Finding] = []
    claim = read_claim(named, encoding, data, findings)
    if findings:
        return None
    return claim, 16 - 4 * (named, encoding, media_type).count(None)
