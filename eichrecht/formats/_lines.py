"""Finding records that one regular expression describes, among other text and in bounded work."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from eichrecht.evidence import RecordSpan

MAX_BROKEN = 10_000
"""Headers without a whole record behind them in one text; then the rest is one incomplete span, told as such.
A damaged archive has some; only a text made to burn time has more."""

MAX_RECORDS = 50_000
"""Records found in one text; containers hand on 30,000. The rest is one incomplete span."""


@dataclass(frozen=True, slots=True)
class RecordPatterns:
    """How the records of a format look.

    Attributes:
        marker: Octets without which there is no header; a text without them is not searched.
        header: By which a record is known to be meant.
        record: A whole record, from its header on.
        broken: What is taken of one that is not whole; always matches at a header, and never over the next.
    """

    marker: bytes
    header: re.Pattern[bytes]
    record: re.Pattern[bytes]
    broken: re.Pattern[bytes]


def find_records(name: str, patterns: RecordPatterns, content: bytes) -> Sequence[RecordSpan]:
    """Return all records of a text, in order, without overlap.

    Args:
        name: Format name; the reasons are ``<name>_fields`` and ``<name>_incomplete`` in lower case.
        patterns: Each must take linear time, and an attempt must not run past more than a few headers.
        content: The text.
    """
    if patterns.marker not in content:
        return []
    whole, incomplete = f"{name.lower()}_fields", f"{name.lower()}_incomplete"
    spans: list[RecordSpan] = []
    end = broken = 0
    for header in patterns.header.finditer(content):
        start = header.start()
        if start < end:
            continue
        if broken >= MAX_BROKEN or len(spans) >= MAX_RECORDS:
            spans.append(RecordSpan(name, start, len(content), incomplete))
            break
        match = patterns.record.match(content, start)
        reason = whole if match else incomplete
        if match is None:
            broken += 1
            match = patterns.broken.match(content, start)
        end = match.end() if match else header.end()
        spans.append(RecordSpan(name, start, end, reason))
    return spans
