"""Rules about records as such: same source, same customer, pagination (profile ``strict``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from eichrecht.evidence import Finding, ReadingRole, Severity, SignedRecord
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found

LEVEL_ERRORS = frozenset({"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"})
"""Identification levels that say that the assignment failed (OCMF 1.4.1 IL, group of errors)."""

_BEGIN_CONTEXTS = frozenset({"transaction.begin", "start", "begin"})
_END_CONTEXTS = frozenset({"transaction.end", "end", "stop"})


def single(record: SignedRecord) -> Iterator[Finding]:
    """What makes a record unusable or doubtful by itself."""
    if not record.unambiguous:
        yield found(Code.RECORD_AMBIGUOUS)
    elif record.findings and any(finding.severity is Severity.ERROR for finding in record.findings):
        yield found(Code.RECORD_UNRELIABLE)
    level = record.identification.level
    if level is not None and level.upper() in LEVEL_ERRORS:
        yield found(Code.IDENTIFICATION_LEVEL_ERROR, "/IL", level=level)
    if not (record.meter.serial or record.gateway.serial or (record.charge_point[0] and record.charge_point[1])):
        yield found(Code.SOURCE_UNIDENTIFIED)
    if record.pagination is None:
        yield found(Code.PAGINATION_MISSING, "/PG")


def roles_of(record: SignedRecord) -> tuple[bool, bool]:
    """Return whether the record holds a begin and whether it holds an end."""
    begins = ends = False
    for reading in record.readings:
        begins = begins or reading.role is ReadingRole.BEGIN
        ends = ends or reading.role is ReadingRole.END
    return begins, ends


def in_order(records: Sequence[SignedRecord]) -> list[SignedRecord]:
    """Return records as a session runs, whatever order they were given in: begin, in between, end.

    Roles come before numbers, so that a wrong number is seen as wrong and does not move a record.
    """

    def place(record: SignedRecord) -> tuple[int, int, str, bytes]:
        begins, ends = roles_of(record)
        rank = 0 if begins else 2 if ends else 1
        number = record.pagination.number if record.pagination is not None else -1
        moment = next((r.time.isoformat() for r in record.readings if r.time is not None), "")
        return rank, number, moment, record.signed_bytes

    return sorted(records, key=place)


def unique(records: Sequence[SignedRecord]) -> tuple[list[SignedRecord], list[Finding]]:
    """Drop repetitions: the same signed bytes are the same record (ocmf facts §2)."""
    seen: set[bytes] = set()
    kept: list[SignedRecord] = []
    findings: list[Finding] = []
    for record in records:
        if record.signed_bytes in seen:
            findings.append(found(Code.DUPLICATE_RECORD))
        else:
            seen.add(record.signed_bytes)
            kept.append(record)
    return kept, findings


def contexts(records: Sequence[SignedRecord], given: Sequence[str | None]) -> Iterator[Finding]:
    """The container's word for a record's role is not signed; it may contradict the record, never overrule it."""
    for record, context in zip(records, given, strict=False):
        word = (context or "").strip().lower()
        begins, ends = roles_of(record)
        if word in _BEGIN_CONTEXTS and ends and not begins or word in _END_CONTEXTS and begins and not ends:
            yield found(Code.CONTEXT_CONTRADICTS_RECORD, "", context=(context or "")[:40])


_Getter = Callable[[SignedRecord], object]

_SAME: tuple[tuple[Code, str, _Getter], ...] = (
    (Code.METER_DIFFERS, "MS", lambda r: r.meter.serial),
    (Code.METER_DIFFERS, "MV", lambda r: r.meter.vendor),
    (Code.METER_DIFFERS, "MM", lambda r: r.meter.model),
    (Code.GATEWAY_DIFFERS, "GS", lambda r: r.gateway.serial),
    (Code.CHARGE_POINT_DIFFERS, "CT", lambda r: r.charge_point[1]),
    (Code.CHARGE_POINT_DIFFERS, "CI", lambda r: r.charge_point[0]),
    (Code.IDENTIFICATION_DIFFERS, "IS", lambda r: r.identification.assigned),
    (Code.IDENTIFICATION_DIFFERS, "IT", lambda r: r.identification.type),
    (Code.IDENTIFICATION_DIFFERS, "ID", lambda r: r.identification.data),
    (Code.IDENTIFICATION_LEVEL_DIFFERS, "IL", lambda r: r.identification.level),
    (Code.FIRMWARE_DIFFERS, "MF", lambda r: r.meter.firmware),
)
"""What must not change within a session (ocmf facts §8: same source; IS, IT, ID equal)."""


def same_throughout(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """Source and customer are the same in all records; a value missing on one side is a deviation, no difference."""
    first = records[0]
    for record in records[1:]:
        for code, name, get in _SAME:
            one, other = get(first), get(record)
            if one == other:
                continue
            if one in (None, "") or other in (None, ""):
                if code is Code.IDENTIFICATION_DIFFERS:
                    yield found(Code.IDENTIFICATION_INCOMPLETE, f"/{name}")
                continue
            yield found(code, f"/{name}", first=str(one)[:60], other=str(other)[:60])
        counters = [
            [reading.event_counter for reading in item.readings if reading.event_counter is not None]
            for item in (first, record)
        ]
        if counters[0] and counters[1] and counters[0][0] != counters[1][-1]:
            yield found(
                Code.EVENT_COUNTER_DIFFERS, "/RD/0/EI", first=str(counters[0][0]), other=str(counters[1][-1])
            )


def pagination(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """Record numbers of one context, each one more than the last (ocmf facts §3, §8)."""
    pages = [record.pagination for record in records if record.pagination is not None]
    if len({page.context for page in pages}) > 1:
        yield found(Code.PAGINATION_CONTEXT_DIFFERS, "/PG")
        return
    for earlier, later in pairwise(pages):
        numbers = {
            "earlier": f"{earlier.context}{earlier.number}",
            "later": f"{later.context}{later.number}",
        }
        if later.number <= earlier.number:
            yield found(Code.PAGINATION_NOT_INCREASING, "/PG", **numbers)
        elif later.number != earlier.number + 1:
            # Only begin and end delivered: the intermediate records exist, but nobody bills by them.
            code = Code.PAGINATION_GAP if len(records) == 2 else Code.PAGINATION_RECORD_MISSING
            yield found(code, "/PG", **numbers)


def event_counter_within(record: SignedRecord) -> Iterator[Finding]:
    """The event counter does not move within a session (OCMF 0.x EI; law facts §4)."""
    counters = [reading.event_counter for reading in record.readings if reading.event_counter is not None]
    if counters and counters[0] != counters[-1]:
        yield found(
            Code.EVENT_COUNTER_DIFFERS, "/RD/0/EI", first=str(counters[0]), other=str(counters[-1])
        )
