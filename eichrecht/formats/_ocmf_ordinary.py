"""The quick way through an OCMF record about which there is nothing to say.

Most records of a fleet follow the specification to the letter. They are read here in one pass into typed
structures, and whatever is unusual - a member that is unknown, missing or of another type, a duplicate, a value
outside its table, anything that would leave a finding - makes this reader give up, so that the others, which say
what they find, read the record from the start. It never judges and never reports: a record that it returns is the
one that the others would have returned, without any finding. docs/performance.md says why it exists.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal

import msgspec
from msgspec.structs import astuple

from eichrecht.evidence import Device, Identification, Pagination, Reading, SignatureClaim, SignedRecord
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats import _ocmf_readings as rd
from eichrecht.formats._ocmf_identification import FLAGS, LEVELS, TYPES, fits_type, flags_are_ordinary
from eichrecht.formats._ocmf_numbers import EXACT, MAX_NUMBER_CHARS
from eichrecht.formats._ocmf_payload import KNOWN_VERSIONS, MAX_PAGINATION_DIGITS, NEW_MODEL, POINT_TYPES
from eichrecht.formats._ocmf_scan import FORMAT_NAME
from eichrecht.formats._ocmf_signature import DEFAULT_ALGORITHM, DEFAULT_MEDIA_TYPE
from eichrecht.formats._ocmf_time import read_standard_time

MAX_BYTES = 1 << 14
"""Longest record read here. It also bounds the names of devices that are remembered."""

MAX_READINGS = 64
"""Readings of a record that is read here; a session has two for each register."""

DEVICES_REMEMBERED = 1024
"""Pairs of gateway and meter kept, since a meter writes the same names into each of its records."""

PAGES = 10**MAX_PAGINATION_DIGITS
"""No page has this number."""

_PLACES = tuple(f"/RD/{index}" for index in range(MAX_READINGS))
_NOTHING_INHERITED: frozenset[str] = frozenset()

_new_device = positional_constructor(Device)
_new_identification = positional_constructor(Identification)
_new_pagination = positional_constructor(Pagination)
_new_reading = positional_constructor(Reading)
_new_claim = positional_constructor(SignatureClaim)
_new_record = positional_constructor(SignedRecord)


def _one_of(table: Iterable[str]) -> Any:
    """Return the type of the texts in a table: checked while decoding, and never a new string."""
    return Literal[tuple(sorted(table))]


def _optional(*fields: tuple[str, Any]) -> list[tuple[str, Any, None]]:
    return [(name, kind | None, None) for name, kind in fields]


_Reading = msgspec.defstruct(
    "_Reading",
    [
        ("TM", str),
        ("TX", _one_of(rd.ROLES)),
        ("RV", Any),
        ("RI", str),
        ("RU", _one_of(rd.ENERGY_SCALE)),
        ("ST", _one_of(rd.METER_STATES)),
        *_optional(("RT", _one_of(rd.CURRENT_TYPES)), ("EF", _one_of(rd.ORDINARY_FLAGS))),
    ],
    gc=False,
)
_Payload = msgspec.defstruct(
    "_Payload",
    [
        ("FV", _one_of(text for text, number in KNOWN_VERSIONS.items() if number >= NEW_MODEL)),
        ("PG", str),
        ("MS", str),
        ("IS", bool),
        ("IT", _one_of(TYPES)),
        # Types made at run time, of which mypy knows nothing; msgspec checks them.
        ("RD", list[_Reading]),  # type: ignore[valid-type]
        *_optional(("GI", str), ("GS", str), ("GV", str), ("MV", str), ("MM", str), ("MF", str)),
        *_optional(("IL", _one_of(LEVELS)), ("IF", list[_one_of(FLAGS)]), ("ID", str)),  # type: ignore[misc]
        *_optional(("CT", _one_of(POINT_TYPES)), ("CI", str)),
    ],
    gc=False,
)
_Signature = msgspec.defstruct(
    "_Signature",
    [
        ("SD", str),
        *_optional(("SA", str), ("SE", _one_of(["hex"])), ("SM", _one_of([DEFAULT_MEDIA_TYPE]))),
    ],
    gc=False,
)

_TEXTS = len(_Payload.__struct_fields__) + len(_Signature.__struct_fields__) - len(("IS", "RD", "IF"))

# Without a hook numbers would become floats; with it they come as the text that was written.
_read_payload: Callable[[bytes], Any] = msgspec.json.Decoder(_Payload, float_hook=str).decode
_read_signature: Callable[[bytes], Any] = msgspec.json.Decoder(_Signature).decode


def read_ordinary(content: bytes) -> SignedRecord | None:
    """Read a record that is ordinary in every respect; ``None`` if another reader must look at it."""
    parts = content.split(b"|")
    if len(parts) != 3 or parts[0] != b"OCMF" or len(content) > MAX_BYTES:
        return None
    _, signed, rest = parts
    # The sections are the objects and nothing else: no blanks around them, nothing behind.
    if signed[:1] != b"{" or signed[-1:] != b"}" or rest[:1] != b"{" or rest[-1:] != b"}":
        return None
    try:
        payload, signature = _read_payload(signed), _read_signature(rest)
        value, number = bytes.fromhex(signature.SD), int(payload.PG[1:])
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return None
    items, data, flags, kind = payload.RD, payload.ID, payload.IF, payload.IT
    if (
        not payload.MS
        or f"T{number}" != payload.PG  # no leading zeros, no other digits than these
        or not 0 <= number < PAGES
        or not fits_type(kind, data)
        or not 2 * len(value) == len(signature.SD) > 0
        or not 0 < len(items) <= MAX_READINGS
    ):
        return None
    flags = () if flags is None else tuple(flags)
    readings = _readings(items)
    if (
        readings is None
        or not flags_are_ordinary(flags)
        or _quotation_marks(payload, signature) != content.count(b'"')
    ):
        return None
    gateway, meter = _devices(
        payload.GI, payload.GS, payload.GV, payload.MV, payload.MM, payload.MS, payload.MF
    )
    algorithm = signature.SA
    return _new_record(
        FORMAT_NAME,
        payload.FV,
        content,
        signed,
        _new_claim(DEFAULT_ALGORITHM if algorithm is None else algorithm, algorithm, value, "hex"),
        meter,
        gateway,
        (payload.CI, payload.CT),
        _new_identification(payload.IS, payload.IL, flags, kind, data),
        _new_pagination("T", number),
        readings,
        None,
        None,
        None,
        (),
        True,
    )


def _quotation_marks(payload: Any, signature: Any) -> int:
    """Count the quotation marks around the names and texts that were read.

    If the record has no others, then no member was unknown, null or written twice, no text stood where a number
    was taken, and none contained an escaped quotation mark: whatever else stood there would have its own.
    """
    absent = astuple(payload).count(None) + astuple(signature).count(None)
    flags, first = payload.IF, payload.RD[0]
    # Four for each text, two for IS and RD; of the flags themselves each has two, and IF two.
    count = 4 * (_TEXTS - absent) + 4 + (4 if flags is None else 2 + 2 * len(flags))
    # TM, TX, RI, RU and ST four each, RV two; RT and EF stand in all readings or in none.
    return count + len(payload.RD) * (30 - 4 * (first.RT is None) - 4 * (first.EF is None))


@lru_cache(maxsize=DEVICES_REMEMBERED)
def _devices(
    name: str | None,
    gateway_serial: str | None,
    gateway_firmware: str | None,
    vendor: str | None,
    model: str | None,
    serial: str,
    firmware: str | None,
) -> tuple[Device, Device]:
    return Device(None, name, gateway_serial, gateway_firmware), Device(vendor, model, serial, firmware)


def _readings(items: Sequence[Any]) -> tuple[Reading, ...] | None:
    """Return the readings, ``None`` if something is unusual or one might inherit from the one before."""
    made: list[Reading] = []
    first = items[0]
    without_current, without_flags = first.RT is None, first.EF is None
    if not rd.is_obis(first.RI):
        return None
    for place, item in zip(_PLACES, items, strict=False):
        raw, reason, unit, register, current, flags = item.RV, item.TX, item.RU, item.RI, item.RT, item.EF
        time = read_standard_time(item.TM)
        # As an int, -0 would lose its sign.
        value = raw if raw.__class__ is str else str(raw) if raw.__class__ is int and raw else "e"
        if (
            time is None
            or len(value) > MAX_NUMBER_CHARS
            or "e" in value
            or "E" in value
            or (register != first.RI and not rd.is_obis(register))
            or (current is None) is not without_current
            or (flags is None) is not without_flags
        ):
            return None
        moment, text, status, letter = time
        try:
            energy = Decimal(value)
        except InvalidOperation:  # RV as text; a doubled RV of which the last is text also comes by here
            return None
        scale = rd.ENERGY_SCALE[unit]
        made.append(
            _new_reading(
                len(made),
                place,
                rd.ROLES[reason],
                reason,
                value,
                unit,
                energy.scaleb(scale, EXACT) if scale else energy,
                register,
                moment,
                text,
                status,
                letter,
                item.ST,
                flags or "",
                current,
                None,
                None,
                _NOTHING_INHERITED,
            )
        )
    return tuple(made)
