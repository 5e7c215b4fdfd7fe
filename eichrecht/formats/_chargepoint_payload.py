"""The JSON text that a ChargePoint station signs: its two shapes, read into one form.

Source: facts/meter/containers.md §1.5 and §1.6. Shape A is a bill with its lines, shape B the bare session.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from typing import Any

from eichrecht.evidence import Finding, problem
from eichrecht.formats._chargepoint_codes import ChargePointCode as Code
from eichrecht.formats._chargepoint_codes import ChargePointErrorCode as ErrorCode
from eichrecht.formats._json import BLANKS, JsonFaults, Written, pointer, read_carefully
from eichrecht.formats.codes import OcmfCode
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

MAX_RECORD_BYTES = 256 * 1024
"""Largest text that is read: real ones have 2 kB, and some 300 bytes more with each price line."""

MAX_OF_A_CODE = 20
"""Findings of one code; more of the same tells nobody anything."""

MARKER = b"meter_startreading"
"""Stands in both shapes; without it nothing is looked at any closer."""

SHAPE_A = frozenset(
    {"company_name", "display_unit", "minMaxAdj", "subtotal", "totalAmount", "additional_info"}
)
SHAPE_B = frozenset(
    {"outlet", "session_id", "station_mac", "driver_info", "meter_serial", "meter_startreading"}
) | frozenset({"meter_endreading", "total_energy", "energy_units", "start_time", "end_time"})
"""Members by which the shapes are known; all of them must be there."""

BOM = b"\xef\xbb\xbf"
_NUMBER = re.compile(r"-?[0-9]{1,20}(?:\.[0-9]{1,30})?(?:[eE][+-]?[0-9]{1,2})?", re.ASCII)
_SECONDS = re.compile(r"[0-9]{1,12}", re.ASCII)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LAST_SECOND = 253_402_300_799
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True)
class Period:
    """From when to when a price line counted, in Unix seconds."""

    kind: str
    start_s: int
    end_s: int


@dataclass(frozen=True, slots=True)
class Payload:
    """What the signed text says, in one form for both shapes; texts as written.

    Attributes:
        value: The object; numbers as :class:`~eichrecht.formats._json.Written` digits.
        where: Place of the members that describe the session: ``/additional_info``, or ``""`` in shape B.
        station: Station and outlet: ``0024:b100:0002:e300-2``; ``None`` if either is missing.
        session_id: Number of the session at its outlet.
        periods: Of the price lines, or of the session in shape B.
        findings: What is missing, malformed or ambiguous.
        unambiguous: ``False`` if two readers could read different values.
    """

    value: dict[str, Any]
    where: str
    station: str | None
    session_id: str | None
    evse_id: str | None
    driver: str | None
    meter_serial: str | None
    begin: str | None
    end: str | None
    unit: str | None
    periods: tuple[Period, ...]
    findings: tuple[Finding, ...]
    unambiguous: bool


def is_payload(names: Mapping[str, Any]) -> bool:
    """Whether an object with these members is of one of the shapes."""
    return names.keys() >= SHAPE_A or names.keys() >= SHAPE_B


def read_object(content: bytes) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Return the object that ``content`` consists of, and what two readers would read differently.

    Raises:
        NotThisFormatError: No object of one of the shapes.
        LimitExceededError: Larger than :data:`MAX_RECORD_BYTES`, or nested too deep.
        MalformedRecordError: No JSON.
    """
    text = content.removeprefix(BOM).strip(BLANKS)
    if MARKER not in text or not text.startswith(b"{"):
        raise NotThisFormatError(ErrorCode.NOT_A_RECORD)
    if len(text) > MAX_RECORD_BYTES:
        raise LimitExceededError(ErrorCode.TOO_LARGE, "", {"limit": str(MAX_RECORD_BYTES)})
    try:
        value, faults = read_carefully(text)
    except json.JSONDecodeError as error:
        raise MalformedRecordError(ErrorCode.NOT_JSON, "", {"position": str(error.pos)}) from None
    except RecursionError:
        raise LimitExceededError(ErrorCode.NESTED_TOO_DEEP) from None
    if not is_payload(value):
        raise NotThisFormatError(ErrorCode.NOT_A_RECORD)
    return value, tuple(_faults(faults))


def _faults(faults: JsonFaults) -> Iterator[Finding]:
    for code, places in (
        (OcmfCode.DUPLICATE_KEY, faults.duplicates),
        (OcmfCode.NON_FINITE_NUMBER, faults.non_finite),
        (OcmfCode.LONE_SURROGATE, faults.surrogates),
    ):
        yield from (problem(code, place) for place in places[:MAX_OF_A_CODE])
    if not faults.utf8:
        yield problem(OcmfCode.TEXT_NOT_UTF8)


def read_payload(content: bytes) -> Payload:
    """Read the signed text. What it lacks is a finding.

    Raises:
        FormatError: See :func:`read_object`.
    """
    value, faults = read_object(content)
    reader = _Reader([])
    is_bill = value.keys() >= SHAPE_A
    if is_bill and value.keys() >= SHAPE_B:
        # Each shape has readings of its own; which of them a program shows depends on which it asks first.
        reader.findings.append(problem(Code.SHAPES_MIXED))
    where = "/additional_info" if is_bill else ""
    info = value.get("additional_info") if is_bill else value
    if not isinstance(info, dict):
        reader.findings.append(problem(Code.FIELD_MALFORMED, where))
        info = {}
    periods = list(_bill_periods(value, reader) if is_bill else _session_period(value, reader))
    mac, outlet = reader.text(info, "station_mac", where), reader.text(info, "outlet", where)
    return Payload(
        value=value,
        where=where,
        station=f"{mac}-{outlet}" if mac and outlet else None,
        session_id=reader.text(info, "session_id", where),
        evse_id=reader.text(value, "EVSEId", "", optional=True),
        driver=reader.text(info, "driver_info", where),
        meter_serial=reader.text(info, "meter_serial", where),
        begin=reader.digits(info, "meter_startreading", where),
        end=reader.digits(info, "meter_endreading", where),
        unit=reader.text(info, "energy_units", where),
        periods=tuple(periods),
        findings=(*faults, *islice(reader.findings, MAX_OF_A_CODE)),
        unambiguous=not faults and not any(found.code == Code.SHAPES_MIXED for found in reader.findings),
    )


@dataclass(frozen=True, slots=True)
class _Reader:
    """Takes members out of objects and notes which are missing or of another kind."""

    findings: list[Finding]

    def text(self, found: dict[str, Any], name: str, where: str, *, optional: bool = False) -> str | None:
        """Return a member that is a text or a whole number; numbers as their digits."""
        member = found.get(name)
        if member is None and optional:
            return None
        if isinstance(member, Written) and member.isdigit():
            return member.decode("ascii")
        if isinstance(member, str) and member.strip():
            return member
        self._note(member, pointer(where, name))
        return None

    def digits(self, found: dict[str, Any], name: str, where: str) -> str | None:
        """Return a number, written as one or as a text, with its digits."""
        member = found.get(name)
        if (text := number_text(member)) is None:
            self._note(member, pointer(where, name))
        return text

    def seconds(self, found: dict[str, Any], name: str, where: str) -> int | None:
        """Return a time in Unix seconds, whole."""
        member = found.get(name)
        text = member.decode("ascii") if isinstance(member, Written) else ""
        if _SECONDS.fullmatch(text) and int(text) <= _LAST_SECOND:
            return int(text)
        self._note(member, pointer(where, name))
        return None

    def period(
        self, found: dict[str, Any], names: tuple[str, str], kind: str, where: str
    ) -> Iterator[Period]:
        start_s, end_s = (self.seconds(found, name, where) for name in names)
        if start_s is not None and end_s is not None:
            yield Period(kind, start_s, end_s)

    def _note(self, member: Any, where: str) -> None:
        self.findings.append(
            problem(Code.FIELD_MISSING if member in (None, "") else Code.FIELD_MALFORMED, where)
        )


def number_text(member: Any) -> str | None:
    """Return the digits of a number that was written as one or as a text; ``None`` for everything else."""
    text = member.decode("ascii") if isinstance(member, Written) else member
    return text if isinstance(text, str) and _NUMBER.fullmatch(text) else None


def number(member: Any) -> Decimal | None:
    """Return a member as an exact number of bounded size; ``None`` if it is none."""
    text = number_text(member)
    return None if text is None else Decimal(text)


def moment(unix_s: int) -> datetime:
    """Return Unix seconds as a time."""
    return _EPOCH + timedelta(seconds=unix_s)


def lines_of(value: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the price lines of one kind with their places, subtotals left out."""
    for where, line in every_line(value, kind):
        if line.get("seq_num") != "SUBTOTAL":
            yield where, line


def every_line(value: dict[str, Any], kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the price lines of one kind with their places, subtotals too."""
    lines = value.get(kind)
    for index, line in enumerate(lines if isinstance(lines, list) else []):
        if isinstance(line, dict):
            yield f"/{kind}/{index}", line


def _bill_periods(value: dict[str, Any], reader: _Reader) -> Iterator[Period]:
    for kind in ("energy", "parking"):
        if not isinstance(value.get(kind, []), list):
            reader.findings.append(problem(Code.FIELD_MALFORMED, f"/{kind}"))
        for where, line in lines_of(value, kind):
            # start_time and end_time are the same moments as local clocks show them, of a zone that is not said.
            yield from reader.period(line, ("start_time_utc", "end_time_utc"), kind, where)


def _session_period(value: dict[str, Any], reader: _Reader) -> Iterator[Period]:
    yield from reader.period(value, ("start_time", "end_time"), "session", "")
