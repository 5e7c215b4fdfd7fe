"""OCMF times: ``2018-07-24T13:22:04,000+0200 S`` (OCMF 1.4.1, field TM and table "Time Status")."""

from __future__ import annotations

import re
from datetime import datetime

from eichrecht.evidence import ClockStatus, Finding, note, warning
from eichrecht.formats.codes import OcmfCode

STATUS = {status.value: status for status in ClockStatus}

MAX_TIME_CHARS = 64
"""A time with its status has 30 characters; anything much longer is none and is not parsed."""

_STANDARD = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d,\d{3}[+-]\d{4}", re.ASCII)

_NO_OFFSET = re.compile(r"[+-]\d\d:?[6-9]\d\Z", re.ASCII)
"""An offset with more than 59 minutes, which ``fromisoformat`` takes."""

ReadTime = tuple[datetime | None, str | None, ClockStatus | None, str | None]
"""Aware time, its text without status, the status, and the status letter as written."""

NO_TIME: ReadTime = (None, None, None, None)


def read_time(written: str, where: str, findings: list[Finding]) -> ReadTime:
    """Read the TM field of the reading at ``where``.

    The standard form is read at once. Other unmistakable ISO 8601 forms that meters write (dot instead of
    comma, colon in the offset, other fractions) are read too, each with a finding. A time without offset is
    not placed in any zone: ``time`` stays ``None``.
    """
    return read_standard_time(written) or _read_unusual(written, where, findings)


def read_standard_time(written: str) -> ReadTime | None:
    """Read a TM in the standard form with a status of the table; ``None`` if it is anything else."""
    # The separators leave only one form that fromisoformat can still read.
    if (
        len(written) == 30
        and written[4:20:3] == "--T::,"
        and written[28] == " "
        and written[23] in "+-"
        and written[26] < "6"
    ):
        letter = written[29]
        text = written[:28]
        status = STATUS.get(letter)
        if status is not None:
            try:
                return datetime.fromisoformat(text), text, status, letter
            except ValueError:
                pass
    return None


def _read_unusual(written: str, where: str, findings: list[Finding]) -> ReadTime:
    where += "/TM"
    text, blank, letter = written.strip().rpartition(" ")
    if not blank or len(letter) != 1:
        text, letter = written.strip(), ""
        findings.append(warning(OcmfCode.TIME_STATUS_MISSING, where))
    elif letter not in STATUS:
        findings.append(warning(OcmfCode.TIME_STATUS_UNKNOWN, where, status=letter))
    moment: datetime | None = None
    if text.isascii() and len(text) <= MAX_TIME_CHARS and not _NO_OFFSET.search(text):
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            moment = None
    if moment is None:
        findings.append(warning(OcmfCode.TIME_UNREADABLE, where, time=text[:MAX_TIME_CHARS]))
    elif moment.tzinfo is None:
        findings.append(warning(OcmfCode.TIME_WITHOUT_ZONE, where, time=text))
        moment = None
    elif not _STANDARD.fullmatch(text):
        findings.append(note(OcmfCode.TIME_FORMAT, where, time=text))
    return moment, text, STATUS.get(letter), letter or None
