"""Dates and times of DTM (2379): read without inventing what is not written."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from eichrecht.edifact.codes import MsconsCode

_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MINUTE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([+-][0-9]{2})")
_SECOND = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([+-][0-9]{2})")
_MONTH = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])")
_MAX_OFFSET_HOURS = 14

_WITHOUT_ZONE = frozenset({"203", "204", "719"})
"""Local times whose zone earlier handbooks leave to agreement."""


@lru_cache(maxsize=8192)
def read_moment(text: str, format_code: str) -> tuple[datetime | None, date | None, MsconsCode | None]:
    """Read a DTM's value.

    Args:
        text: 2380, release characters removed: ``202603141231+00``.
        format_code: 2379.

    Returns:
        The instant in UTC (formats 303 and 304), or the day (102), and what is to be said about it:
        ``TIME_UNREADABLE``, ``TIME_WITHOUT_OFFSET``, ``TIME_FORMAT_UNSUPPORTED`` (nothing was read) or
        ``TIME_NOT_UTC`` (it was converted).
    """
    if format_code in ("303", "304"):
        return _instant((_MINUTE if format_code == "303" else _SECOND).fullmatch(text))
    if format_code == "102":
        found = _DAY.fullmatch(text)
        try:
            day = date(*map(int, found.groups())) if found is not None else None
        except ValueError:
            day = None
        return None, day, None if day is not None else MsconsCode.TIME_UNREADABLE
    if format_code == "610":
        return None, None, None if _MONTH.fullmatch(text) else MsconsCode.TIME_UNREADABLE
    if format_code in _WITHOUT_ZONE:
        return None, None, MsconsCode.TIME_WITHOUT_OFFSET
    return None, None, MsconsCode.TIME_FORMAT_UNSUPPORTED


def _instant(found: re.Match[str] | None) -> tuple[datetime | None, None, MsconsCode | None]:
    if found is None:
        return None, None, MsconsCode.TIME_UNREADABLE
    *parts, offset = found.groups()
    hours = int(offset)
    if abs(hours) > _MAX_OFFSET_HOURS:
        return None, None, MsconsCode.TIME_UNREADABLE
    year, month, day, hour, minute = map(int, parts[:5])
    second = int(parts[5]) if len(parts) > 5 else 0
    try:
        time = datetime(year, month, day, hour, minute, second, tzinfo=UTC) - timedelta(hours=hours)
    except (ValueError, OverflowError):
        return None, None, MsconsCode.TIME_UNREADABLE
    return time, None, None if offset == "+00" else MsconsCode.TIME_NOT_UTC
