"""Load profiles: every quarter hour of the period once, whatever the clocks do.

Instants are in UTC, so a day with a clock change simply has 92 or 100 quarter hours between its borders.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from eichrecht.edifact.codes import MsconsCode
from eichrecht.edifact.metering import MsconsMessage, Series
from eichrecht.evidence import Finding, problem

INTERVAL = timedelta(minutes=15)
"""Length of a value's period in a load profile of electricity."""


def check_intervals(message: MsconsMessage, series: Series) -> Iterator[Finding]:
    """Yield what keeps a series from being a complete load profile of its location's period.

    Each value must have a period of 15 minutes inside the location's, begin where the one before it ends, and their
    number must be that of the quarter hours.
    """
    segments = message.message.segments
    where = segments.at(series.context[-1]).where
    begin, end = series.begin, series.end
    if begin is None or end is None:
        yield problem(MsconsCode.PERIOD_MISSING, where)
    elif begin >= end:
        yield problem(MsconsCode.PERIOD_REVERSED, where)
        begin = end = None
    previous = begin
    for quantity in series.quantities:
        first, last = quantity.begin, quantity.end
        if first is None or last is None:
            yield problem(MsconsCode.PERIOD_MISSING, segments.at(quantity.number).where)
            previous = None
            continue
        if last - first != INTERVAL:
            minutes = (last - first) // timedelta(minutes=1)
            yield problem(MsconsCode.INTERVAL_LENGTH, segments.at(quantity.number).where, minutes=minutes)
        if previous is not None and first != previous:
            code = MsconsCode.INTERVAL_GAP if first > previous else MsconsCode.INTERVAL_OVERLAP
            yield problem(code, segments.at(quantity.number).where)
        if begin is not None and end is not None and not begin <= first < last <= end:
            yield problem(MsconsCode.INTERVAL_OUTSIDE, segments.at(quantity.number).where)
        previous = last
    if begin is not None and end is not None:
        expected, rest = divmod(end - begin, INTERVAL)
        if rest or expected != len(series.quantities):
            counted = len(series.quantities)
            yield problem(MsconsCode.INTERVAL_COUNT, where, expected=expected, counted=counted)
