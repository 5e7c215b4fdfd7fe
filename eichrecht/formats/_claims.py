"""Comparing what a container says of meter and charge point with what a record of any format signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from eichrecht.evidence import (
    ClockStatus,
    Finding,
    Reading,
    ReadingRole,
    Severity,
    SignedRecord,
    problem,
    warning,
)

SESSION_TOLERANCE = timedelta(minutes=5)
"""What clocks and rounding may make between a session's stated and its signed begin or end."""

LONGEST_STAY = timedelta(days=30)
"""A back office may count a session from plugging in to unplugging, so that what it states lies around what is
signed; cars stay for weeks. Longer ago or later is another session."""

_ENDS = {"session_begin": ReadingRole.BEGIN, "session_end": ReadingRole.END}


class ClaimCode(StrEnum):
    """Findings about statements beside a record."""

    METER_CONTRADICTS = "claimed_meter_contradicts"
    EVSE_CONTRADICTS = "claimed_evse_contradicts"
    TIME_CONTRADICTS = "claimed_time_contradicts"


def with_claims(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> SignedRecord:
    """Return the record with a contradiction for each claim that differs from what it signs.

    For formats that do not compare claims themselves. A record that signs neither contradicts nothing.

    Args:
        record: Decoded by its format.
        claims: What its container says: ``evse_id``, ``meter_id``, ``session_begin``, ``session_end``; others are
            not looked at.
    """
    found = (*_contradictions(record, claims), *_other_times(record, claims))
    if not found:
        return record
    doubts = tuple(finding for finding in found if finding.severity is not Severity.ERROR)
    contradictions = tuple(finding for finding in found if finding.severity is Severity.ERROR)
    return replace(
        record,
        contradictions=(*record.contradictions, *contradictions),
        findings=(*record.findings, *doubts),
    )


def _other_times(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    """Compare a claimed begin or end with the readings of that end, if their times are instants.

    A clock that nobody has set proves nothing against the back office's: then a difference is a doubt.
    """
    for name, claim in claims:
        role, claimed = _ENDS.get(name), _instant(claim)
        ends = [reading for reading in record.readings if role is not None and reading.role is role]
        times = [reading.time for reading in ends if reading.time is not None]
        if claimed is None or not times:
            continue
        outside = claimed - times[0] if role is ReadingRole.END else times[0] - claimed
        severity = time_doubt(outside)
        if severity is None or any(abs(claimed - time) <= SESSION_TOLERANCE for time in times[1:]):
            continue
        told = problem if severity is Severity.ERROR and all(map(_is_set, ends)) else warning
        yield told(ClaimCode.TIME_CONTRADICTS, "", stated=claim[:40], signed=times[0].isoformat())


def time_doubt(outside: timedelta) -> Severity | None:
    """Return how bad it is that a stated begin or end lies so far outside the signed session.

    Args:
        outside: Before its begin or after its end; negative if it lies within, where no plugging in explains it.
    """
    if abs(outside) <= SESSION_TOLERANCE:
        return None
    return Severity.WARNING if timedelta() < outside <= LONGEST_STAY else Severity.ERROR


def _is_set(reading: Reading) -> bool:
    return reading.time_status is ClockStatus.SYNCHRONISED


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text.strip()[:40])
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _contradictions(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    point, kind = record.charge_point
    for name, claim in claims:
        if name == "meter_id" and record.meter.serial:
            signed, code = record.meter.serial, ClaimCode.METER_CONTRADICTS
        elif name == "evse_id" and point and kind == "EVSEID":
            signed, code = point, ClaimCode.EVSE_CONTRADICTS
        else:
            continue
        if _plain(claim).isdisjoint(_plain(signed)):
            yield problem(code, "", stated=claim[:60], signed=signed[:60])


def _plain(text: str) -> set[str]:
    """Return the forms in which the same number is written: without separators and case, and as hexadecimal."""
    plain = "".join(char for char in text.casefold() if char.isalnum())
    return {plain, text.strip().encode("utf-8").hex()}
