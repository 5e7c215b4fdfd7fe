"""The XML of a Mennekes charging process, read into plain fields: one meaning per element, or an error.

Source: facts/meter/safe_formats.md §6. Elements are matched by local name, because field files have the namespace
``http://www.mennekes.de/Mennekes.EdlVerification.xsd``, a prefix for it, or none. Nothing is verified here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from lxml import etree

from eichrecht.containers.xml_markup import MarkKind, complete_elements, marks
from eichrecht.containers.xml_text import DoctypeError, local_name, parse
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

ROOT = "ChargingProcess"
START, END = "MeasurementStart", "MeasurementEnd"

MAX_RECORD_BYTES = 1 << 18
"""Real processes have 3 kB; a contract id, the one field of free length, at most 128 bytes."""

_MAX_PREFIXES = 32
"""Namespace prefixes that a slice of a larger document may use without declaring them."""

_NUMBER = re.compile(r"-?[0-9]{1,20}")
"""The largest 64-bit number has 20 digits."""

_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?",
    re.ASCII,
)
_PREFIX = re.compile(rb"[<\s/]([A-Za-z_][\w.-]{0,60}):[\w.-]", re.ASCII)
_RESERVED_PREFIXES = frozenset({b"xml", b"xmlns"})
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time of an unknown zone: that is what is signed

_PROCESS_FIELDS = frozenset(
    {"ServerId", "PublicKey", "CustomerIdent", "TimestampCustomerIdent", START, END, "EventLogItems"}
)
_MEASUREMENT_FIELDS = frozenset(
    {
        "TimestampCustomerIdent",
        "Timestamp",
        "Signature",
        "EventCounter",
        "MeterStatus",
        "Value",
        "Scaler",
        "Pagination",
        "SecondIndex",
    }
)


class MennekesErrorCode(StrEnum):
    """Why a charging process cannot be decoded."""

    NOT_MENNEKES = "mennekes_process_missing"
    RECORD_TOO_LARGE = "mennekes_record_too_large"
    CUT_OFF = "mennekes_cut_off"
    NOT_WELL_FORMED = "mennekes_not_well_formed"
    MEASUREMENT_MISSING = "mennekes_measurement_missing"
    FIELD_MISSING = "mennekes_field_missing"
    FIELD_REPEATED = "mennekes_field_repeated"
    FIELD_UNREADABLE = "mennekes_field_unreadable"
    SIGNATURE_LENGTH = "mennekes_signature_length"


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time as written: what of it is signed, and whether it had an offset, which is not.

    Attributes:
        local_s: Seconds from 1970-01-01T00:00:00 to the written date and time, without zone.
        has_offset: Whether an offset was written.
    """

    local_s: int
    has_offset: bool


@dataclass(frozen=True, slots=True)
class Measurement:
    """``MeasurementStart`` or ``MeasurementEnd`` as written.

    Attributes:
        name: Local name of the element.
        customer_time: Its own ``TimestampCustomerIdent``; ``None`` if it has none.
        event_counter: ``None`` if absent.
    """

    name: str
    customer_time: LocalTime | None
    time: LocalTime
    signature: bytes
    event_counter: int | None
    status: int
    value: int
    scaler: int
    pagination: int
    seconds_index: int


@dataclass(frozen=True, slots=True)
class ChargingProcess:
    """A charging process as written.

    Attributes:
        raw: The element, exactly as it stood.
        customer_time: ``TimestampCustomerIdent`` of the process; ``None`` if it has none.
        measurements: Start, end or both, in this order.
        logged_events: How many entries of the event log say anything.
    """

    raw: bytes
    server_id: bytes
    public_key: str | None
    customer_ident: bytes
    customer_time: LocalTime | None
    measurements: tuple[Measurement, ...]
    logged_events: int


def find_processes(content: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield start, end and completeness of each charging process in a text; linear in its length.

    One whose end is missing ends with the last tag of the text, so that text behind it is left to others.
    """
    name = ROOT.encode()
    if name not in content:
        return
    behind = 0
    for start, end in complete_elements(content, name):
        yield start, end, True
        behind = end
    opened: int | None = None
    last = measured = 0
    for mark in marks(content, behind):
        last = mark.end
        if mark.local_name == name and mark.kind is MarkKind.OPEN:
            opened = mark.start
        elif opened is not None and mark.local_name in (b"MeasurementStart", b"ServerId"):
            measured += 1
    if opened is not None and measured:
        yield opened, last, False


def read_process(content: bytes) -> ChargingProcess:
    """Read the charging process that ``content`` holds; an XML declaration and comments may stand before it.

    Raises:
        NotThisFormatError: The first element is no ``ChargingProcess``.
        MalformedRecordError: It is cut off, not well-formed, or a field is missing, doubled or unreadable.
        LimitExceededError: Larger than :data:`MAX_RECORD_BYTES`.
    """
    first = next(marks(content), None) if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<" else None
    if first is None or first.local_name != ROOT.encode():
        raise NotThisFormatError(MennekesErrorCode.NOT_MENNEKES)
    if len(content) > MAX_RECORD_BYTES:
        raise LimitExceededError(MennekesErrorCode.RECORD_TOO_LARGE, "", {"limit": str(MAX_RECORD_BYTES)})
    spans = list(complete_elements(content, ROOT.encode()))
    if not spans:
        raise MalformedRecordError(MennekesErrorCode.CUT_OFF)
    if len(spans) > 1 or spans[0][0] != first.start:
        raise _unreadable(MennekesErrorCode.FIELD_REPEATED, "", ROOT)
    raw = content[spans[0][0] : spans[0][1]]
    return _process(raw, _element(raw))


def _element(raw: bytes) -> etree._Element:
    """Parse the slice; prefixes that were declared outside of it are declared around it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.decode(
            "latin-1"
        )  # only names and addresses can hold such letters, and nobody reads them here
    prefixes = sorted(set(_PREFIX.findall(raw)) - _RESERVED_PREFIXES)[:_MAX_PREFIXES]
    declared = "".join(f' xmlns:{prefix.decode()}="urn:{prefix.decode()}"' for prefix in prefixes)
    try:
        return parse(f"<slice{declared}>{text}</slice>".encode(), "utf-8")[0]
    except etree.XMLSyntaxError as error:
        line, column = error.position
        params = {"line": str(line), "column": str(column)}
        raise MalformedRecordError(MennekesErrorCode.NOT_WELL_FORMED, "", params) from None
    except DoctypeError:
        raise MalformedRecordError(
            MennekesErrorCode.NOT_WELL_FORMED, "", {"line": "1", "column": "1"}
        ) from None


def _process(raw: bytes, element: etree._Element) -> ChargingProcess:
    fields = _children(element, _PROCESS_FIELDS, "")
    measured = [(name, fields[name]) for name in (START, END) if name in fields]
    if not measured:
        raise MalformedRecordError(MennekesErrorCode.MEASUREMENT_MISSING)
    log = fields.get("EventLogItems")
    key = "".join(_text(fields["PublicKey"], "/PublicKey").split()) if "PublicKey" in fields else ""
    return ChargingProcess(
        raw=raw,
        server_id=_hex(fields, "ServerId", ""),
        public_key=key or None,
        customer_ident=_hex(fields, "CustomerIdent", ""),
        customer_time=_optional_time(fields, "TimestampCustomerIdent", ""),
        measurements=tuple(_measurement(name, child) for name, child in measured),
        logged_events=0
        if log is None
        else sum(bool("".join(map(str, item.itertext())).strip()) for item in log),
    )


def _measurement(name: str, element: etree._Element) -> Measurement:
    where = f"/{name}"
    fields = _children(element, _MEASUREMENT_FIELDS, where)
    return Measurement(
        name=name,
        customer_time=_optional_time(fields, "TimestampCustomerIdent", where),
        time=_time(fields, "Timestamp", where),
        signature=_hex(fields, "Signature", where),
        event_counter=_number(fields, "EventCounter", where) if "EventCounter" in fields else None,
        status=_number(fields, "MeterStatus", where),
        value=_number(fields, "Value", where),
        scaler=_number(fields, "Scaler", where),
        pagination=_number(fields, "Pagination", where),
        seconds_index=_number(fields, "SecondIndex", where),
    )


_Fields = dict[str, etree._Element]


def _children(element: etree._Element, names: frozenset[str], where: str) -> _Fields:
    """Return the children of these names. A doubled one would be read by one program and not by another."""
    found: _Fields = {}
    for child in element:
        name = local_name(child)
        if name not in names:
            continue
        if name in found:
            raise _unreadable(MennekesErrorCode.FIELD_REPEATED, where, name)
        found[name] = child
    return found


def _text(element: etree._Element, where: str) -> str:
    if len(element):
        raise _unreadable(MennekesErrorCode.FIELD_UNREADABLE, where, "")
    return (element.text or "").strip(" \t\r\n")


def _required(fields: _Fields, name: str, where: str) -> str:
    if name not in fields:
        raise _unreadable(MennekesErrorCode.FIELD_MISSING, where, name)
    return _text(fields[name], f"{where}/{name}")


def _hex(fields: _Fields, name: str, where: str) -> bytes:
    digits = "".join(_required(fields, name, where).split())
    if len(digits) % 2 or not re.fullmatch(r"[0-9A-Fa-f]*", digits, re.ASCII):
        raise _unreadable(MennekesErrorCode.FIELD_UNREADABLE, where, name)
    return bytes.fromhex(digits)


def _number(fields: _Fields, name: str, where: str) -> int:
    digits = _required(fields, name, where)
    if not _NUMBER.fullmatch(digits):
        raise _unreadable(MennekesErrorCode.FIELD_UNREADABLE, where, name)
    return int(digits)


def _time(fields: _Fields, name: str, where: str) -> LocalTime:
    found = local_time(_required(fields, name, where))
    if found is None:
        raise _unreadable(MennekesErrorCode.FIELD_UNREADABLE, where, name)
    return found


def _optional_time(fields: _Fields, name: str, where: str) -> LocalTime | None:
    return _time(fields, name, where) if name in fields else None


def local_time(text: str) -> LocalTime | None:
    """Return what a written ISO 8601 time says without its zone; ``None`` if it is none.

    The meter signs UTC plus offset, which is the date and time as they are written (safe_formats §6).
    """
    match = _TIME.fullmatch(text.strip())
    if match is None:
        return None
    try:
        written = datetime.fromisoformat(match[1])
    except ValueError:
        return None
    return LocalTime((written - _EPOCH) // timedelta(seconds=1), match[2] is not None)


def _unreadable(code: MennekesErrorCode, where: str, name: str) -> MalformedRecordError:
    place = f"{where}/{name}" if name else where
    return MalformedRecordError(code, place, {"field": place.lstrip("/")})
