"""When a session was: what a signed clock says, and what only the back office can say.

A synchronised clock (OCMF S) tells the time. Any other tells at most durations: its readings are placed where the
back office knows the session to be (law facts §5: "identification only"; many real records say 1970).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import RegisterPoint
from eichrecht.evidence import ClockStatus, TransactionVerdict


def clock_is_synchronised(transaction: TransactionVerdict) -> bool:
    """Return whether begin and end were both signed with a synchronised clock."""
    ends = (transaction.begin, transaction.end)
    return all(item is not None and item.time_status is ClockStatus.SYNCHRONISED for item in ends)


def session_start(facts: SessionFacts, transaction: TransactionVerdict) -> datetime | None:
    """Return when the session started, which decides the tariff; ``None`` if nobody says."""
    signed = transaction.begin.time if transaction.begin is not None else None
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
