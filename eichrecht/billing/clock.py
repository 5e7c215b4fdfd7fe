"""When a session was: what a signed clock says, and what only the back office can say.

A synchronised clock (OCMF S) tells the time. Any other tells at most durations: its readings are placed where the
back office knows the session to be (law facts §5: "identification only"; many real records say 1970). Meters that
sign local times without a zone are read in the Location's zone; that too is no synchronised clock.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import RegisterPoint
from eichrecht.evidence import ClockStatus, Reading, TransactionVerdict


def clock_is_synchronised(transaction: TransactionVerdict) -> bool:
    """Return whether begin and end were both signed with a synchronised clock."""
    ends = (transaction.begin, transaction.end)
    return all(item is not None and item.time_status is ClockStatus.SYNCHRONISED for item in ends)


def ends_in_zone(transaction: TransactionVerdict, zone: ZoneInfo) -> tuple[datetime, datetime] | None:
    """Return the instants of begin and end; ``None`` if one of them has no time at all.

    A local time in the hour that the end of summer time repeats is ambiguous: of the possible pairs the one counts
    whose distance is nearest to the duration that the meter counted, else the first that does not run backwards.
    """
    if transaction.begin is None or transaction.end is None:
        return None
    begins, ends = _instants(transaction.begin, zone), _instants(transaction.end, zone)
    pairs = [(begin, end) for begin, end in product(begins, ends) if begin <= end] or list(
        product(begins, ends)
    )
    if transaction.duration_s is not None:
        counted = timedelta(seconds=int(transaction.duration_s))
        pairs.sort(key=lambda pair: abs(pair[1] - pair[0] - counted))
    return pairs[0] if pairs else None


def _instants(reading: Reading, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Return what instants a reading's time may be: one, or two in the repeated hour; none without a time."""
    if reading.time is not None:
        return (reading.time,)
    local = reading.local_time
    if local is None:
        return ()
    both = (
        local.replace(tzinfo=zone, fold=0).astimezone(UTC),
        local.replace(tzinfo=zone, fold=1).astimezone(UTC),
    )
    return both if both[0] < both[1] else both[:1]


def signed_start(transaction: TransactionVerdict) -> datetime | None:
    """Return when the session started by a synchronised clock; ``None`` if no such clock signed it."""
    return transaction.begin.time if transaction.begin and clock_is_synchronised(transaction) else None


def session_start(facts: SessionFacts, transaction: TransactionVerdict) -> datetime | None:
    """Return when the session started, which decides the tariff; ``None`` if nobody says."""
    ends = ends_in_zone(transaction, ZoneInfo(facts.time_zone))
    signed = ends[0] if ends is not None else None
    told = facts.start_date_time
    if told is None or signed is None:
        return told or signed
    return min(told, signed) if clock_is_synchronised(transaction) else told


def place(
    signed: Sequence[RegisterPoint], facts: SessionFacts, transaction: TransactionVerdict
) -> tuple[RegisterPoint, ...]:
    """Put the readings of a clock that is not synchronised where the back office knows the session to be.

    A billable duration (OCMF R) stays as signed and only moves. Otherwise begin and end take the back office's
    times; intermediate readings keep their distance from the begin, and those that then lie outside are left out.
    """
    start, stop = facts.start_date_time, facts.end_date_time
    if start is None or clock_is_synchronised(transaction):
        return tuple(signed)
    shift = start - signed[0].at
    moved = [replace(point, at=point.at + shift) for point in signed]
    if transaction.billable.duration or stop is None:
        return tuple(moved)
    inside = [point for point in moved[1:-1] if start < point.at < stop]
    return (moved[0], *inside, replace(moved[-1], at=stop))
