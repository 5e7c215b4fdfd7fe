"""Members of a charge transparency record's session, read as what was signed: texts, numbers, octets, local times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

from eichrecht.formats._json import Written, pointer
from eichrecht.formats.errors import MalformedRecordError

_NUMBER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?(Z|[+-]\d\d:\d\d)?", re.ASCII)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time of an unknown zone: that is what is signed


class CtrSessionErrorCode(StrEnum):
    """Why a session cannot be decoded."""

    NOT_A_SESSION = "ctr_session_not_recognised"
    RECORD_TOO_LARGE = "ctr_session_too_large"
    NOT_JSON = "ctr_session_not_json"
    NESTED_TOO_DEEP = "ctr_session_nested_too_deep"
    MEMBER_MISSING = "ctr_member_missing"
    MEMBER_UNREADABLE = "ctr_member_unreadable"
    SEVERAL_MEASUREMENTS = "ctr_several_measurements"
    TOO_MANY_VALUES = "ctr_too_many_values"


@cache
def _berlin() -> ZoneInfo:
    return ZoneInfo("Europe/Berlin")


def local_seconds_at(value: Any, name: str, where: str) -> int:
    """Return the local seconds that are signed of a written time.

    With an offset they are the date and time as written. UTC (``Z``) hides the meter's zone; it is that of Berlin,
    as the program that makes such files has it (containers.md §4).

    Raises:
        MalformedRecordError: There is no time, or it is none.
    """
    match = _TIME.fullmatch(text_at(value, name, where))
    if match is None:
        raise unreadable(pointer(where, name))
    try:
        local = datetime.fromisoformat(match[1])
        if match[2] == "Z":
            local = local.replace(tzinfo=UTC).astimezone(_berlin()).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise unreadable(pointer(where, name)) from None
    return (local - _EPOCH) // timedelta(seconds=1)


def text_at(value: Any, name: str, where: str) -> str:
    """Return a text member.

    Raises:
        MalformedRecordError: It is missing or no text.
    """
    found = value.get(name) if isinstance(value, dict) else None
    if found is None:
        raise missing(pointer(where, name))
    if not isinstance(found, str):
        raise unreadable(pointer(where, name))
    return found


def hex_at(value: Any, name: str, where: str) -> bytes:
    """Return the bytes of a member in hexadecimal digits.

    Raises:
        MalformedRecordError: It is missing or something else.
    """
    digits = text_at(value, name, where)
    if not _HEX.fullmatch(digits):
        raise unreadable(pointer(where, name))
    return bytes.fromhex(digits)


def number_at(value: Any, name: str, where: str) -> int:
    """Return a whole number, written as one or as its digits.

    Raises:
        MalformedRecordError: It is missing or something else.
    """
    found = value.get(name) if isinstance(value, dict) else None
    if found is None:
        raise missing(pointer(where, name))
    digits = found.decode("ascii") if isinstance(found, Written) else found
    if not isinstance(digits, str) or not _NUMBER.fullmatch(digits):
        raise unreadable(pointer(where, name))
    return int(digits)


def missing(where: str) -> MalformedRecordError:
    """Return the error for a member that is not there."""
    return MalformedRecordError(CtrSessionErrorCode.MEMBER_MISSING, where, {"member": where})


def unreadable(where: str) -> MalformedRecordError:
    """Return the error for a member that holds nothing that could have been signed."""
    return MalformedRecordError(CtrSessionErrorCode.MEMBER_UNREADABLE, where, {"member": where})
