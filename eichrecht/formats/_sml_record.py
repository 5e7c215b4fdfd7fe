"""What the formats that travel as SML telegrams have in common: finding them, and taking their value list apart.

The signature covers a buffer that is built from some of the values (facts/meter/safe_formats.md §3, §4). Everything
else in the telegram is unsigned: it is ignored, and where it could be taken for signed it is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from eichrecht.evidence import Finding, RecordSpan, note, problem, warning
from eichrecht.formats import _sml as sml
from eichrecht.formats.errors import FormatError, MalformedRecordError, NotThisFormatError

EDL40, ISA = "EDL_40_P", "ISA_EDL_40_P"

CONTRACT_ID = bytes.fromhex("8182815401FF")
MANUFACTURER = bytes.fromhex("8180816101FF")
ISA_START_REGISTER = bytes.fromhex("010001080080")
ISA_PAGINATION = bytes.fromhex("8180C7F040FF")

MAX_NAMED = 5
"""Unsigned entries named one by one; more of them tell a reader nothing."""


class SmlRecordErrorCode(StrEnum):
    """Why no signed record can be made of a telegram."""

    FIELD_MISSING = "sml_field_missing"


class SmlRecordCode(StrEnum):
    """Findings about what a telegram says beside its signed values."""

    ENTRY_REPEATED = "sml_entry_repeated"
    ENTRY_UNSIGNED = "sml_entry_unsigned"
    METER_CONTRADICTED = "sml_meter_contradicted"
    SEVERAL_LISTS = "sml_several_lists"
    SEVERAL_FRAMES = "sml_several_frames"
    DATA_AROUND = "sml_data_around"
    ZONE_NOT_SIGNED = "sml_zone_not_signed"


@dataclass(frozen=True, slots=True)
class SmlRecord:
    """A telegram taken apart.

    Attributes:
        frame: Its exact bytes.
        server_id: 10 bytes, the meter.
        list_name: Name of the value list; ``None`` if absent.
        entries: Its entries by name; of repeated ones the first.
        signature: The list signature.
        findings: What is unsigned and worth a word.
        contradictions: What is unsigned and deceives a reader.
        unambiguous: ``False`` if two readers could take different lists.
    """

    frame: bytes
    server_id: bytes
    list_name: bytes | None
    entries: Mapping[bytes, sml.SmlEntry]
    signature: bytes
    findings: tuple[Finding, ...]
    contradictions: tuple[Finding, ...]
    unambiguous: bool


def format_of(frame: bytes) -> str:
    """Return which format a telegram is: ISA's have a start register and a page counter of their own.

    The names are first looked for as octets, which is quick; only where they occur the telegram is read, because a
    customer's identification may hold any octets.
    """
    if ISA_START_REGISTER not in frame and ISA_PAGINATION not in frame:
        return EDL40
    try:
        lists = sml.read_frame(frame).lists
    except FormatError:
        return ISA
    names = {entry.name for entry in lists[0].entries} if lists else set()
    return ISA if names & {ISA_START_REGISTER, ISA_PAGINATION} else EDL40


def find_records(content: bytes, name: str) -> list[RecordSpan]:
    """Return the telegrams of one of the two formats; see :func:`format_of`."""
    return [
        RecordSpan(name, span.start, span.end, "sml_frame" if span.complete else "sml_frame_incomplete")
        for span in sml.find_frames(content)
        if format_of(content[span.start : span.end]) == name
    ]


def open_record(content: bytes, name: str, known: frozenset[bytes]) -> SmlRecord:
    """Take the first telegram in ``content`` apart.

    Args:
        content: The record.
        name: The format that asks.
        known: Names of the entries whose values are signed, or that the format is known to carry unsigned.

    Raises:
        NotThisFormatError: There is no telegram, or one of the other format.
        MalformedRecordError: It is damaged, or has no signed value list.
        LimitExceededError: It is larger or deeper than any real one.
    """
    frames = sml.find_frames(content)
    if not frames:
        raise NotThisFormatError(sml.SmlErrorCode.NO_FRAME)
    first = frames[0]
    frame = content[first.start : first.end]
    if format_of(frame) != name:
        raise NotThisFormatError(sml.SmlErrorCode.NO_FRAME)
    messages = sml.read_frame(frame)
    if not messages.lists:
        raise MalformedRecordError(sml.SmlErrorCode.NO_VALUE_LIST)
    values = messages.lists[0]
    findings: list[Finding] = []
    if len(frames) > 1:
        findings.append(problem(SmlRecordCode.SEVERAL_FRAMES, "", count=len(frames)))
    elif len(frame) < len(content):
        findings.append(warning(SmlRecordCode.DATA_AROUND, "", bytes=len(content) - len(frame)))
    if len(messages.lists) > 1:
        findings.append(problem(SmlRecordCode.SEVERAL_LISTS, "", count=len(messages.lists)))
    entries, contradictions = _sorted(values, known, findings)
    server_id = required(values.server_id, "server_id")
    if any(other != server_id for other in messages.opened_by):
        contradictions.append(problem(SmlRecordCode.METER_CONTRADICTED, "/server_id"))
    return SmlRecord(
        frame,
        server_id,
        values.list_name,
        entries,
        required(values.signature, "signature"),
        tuple(findings),
        tuple(contradictions),
        len(messages.lists) == 1 and len(frames) == 1,
    )


def _sorted(
    values: sml.SmlValueList, known: frozenset[bytes], findings: list[Finding]
) -> tuple[dict[bytes, sml.SmlEntry], list[Finding]]:
    """Return the entries by name, and those that stand there twice: only one of them can be signed."""
    entries: dict[bytes, sml.SmlEntry] = {}
    repeated: dict[str, Finding] = {}
    others: list[str] = []
    for entry in values.entries:
        if entry.name not in known:
            others.append(entry.name.hex().upper())
        elif entry.name in entries:
            name = entry.name.hex().upper()
            repeated[name] = problem(SmlRecordCode.ENTRY_REPEATED, f"/{name}", name=name)
        else:
            entries[entry.name] = entry
    if others:
        shown = ", ".join(others[:MAX_NAMED])
        findings.append(warning(SmlRecordCode.ENTRY_UNSIGNED, "", names=shown, count=len(others)))
    return entries, list(repeated.values())


def required(value: bytes | None, field: str) -> bytes:
    """Return a value that a signed record must have.

    Raises:
        MalformedRecordError: ``sml_field_missing``.
    """
    if value is None:
        raise missing(field)
    return value


def missing(field: str) -> MalformedRecordError:
    """Return the error of a field that is absent or of the wrong type."""
    return MalformedRecordError(SmlRecordErrorCode.FIELD_MISSING, f"/{field}", {"field": field})


def entry_of(record: SmlRecord, name: bytes, field: str) -> sml.SmlEntry:
    """Return an entry that a signed record must have.

    Raises:
        MalformedRecordError: ``sml_field_missing``.
    """
    entry = record.entries.get(name)
    if entry is None:
        raise missing(field)
    return entry


def number_of(value: sml.SmlValue, field: str) -> int:
    """Return a value that must be a number.

    Raises:
        MalformedRecordError: ``sml_field_missing``.
    """
    if not isinstance(value, int) or isinstance(value, bool):
        raise missing(field)
    return value


def octets_of(value: sml.SmlValue, field: str) -> bytes:
    """Return a value that must be an octet string.

    Raises:
        MalformedRecordError: ``sml_field_missing``.
    """
    if not isinstance(value, bytes):
        raise missing(field)
    return value


def time_required(entry: sml.SmlEntry, field: str) -> sml.SmlTime:
    """Return an entry's time of day.

    Raises:
        MalformedRecordError: ``sml_field_missing``: there is none, or an index instead.
    """
    if entry.time is None or entry.time.is_index:
        raise missing(field)
    return entry.time


def zone_note(time: sml.SmlTime, where: str) -> tuple[Finding, ...]:
    """Say which offset the telegram claims for its time; only the sum of both is signed."""
    if time.offset_min is None:
        return ()
    return (note(SmlRecordCode.ZONE_NOT_SIGNED, where, minutes=f"{time.offset_min:+d}"),)
