"""Register values of OCMF: exact decimals with their written digits (OCMF 1.4.1, fields RV and CL)."""

from __future__ import annotations

import re
from decimal import Context, Decimal
from typing import Any

from eichrecht.evidence import Finding, note, problem
from eichrecht.formats._json import NonFinite, Written
from eichrecht.formats.codes import OcmfCode

MAX_NUMBER_CHARS = 40
"""Digits of a register value, generous: real ones have at most 16. Keeps every later sum exact and cheap."""

MAX_MAGNITUDE = 30
"""Powers of ten above and below 1; a value such as 1e400 is no meter reading, and its sums would explode."""

EXACT = Context(prec=2 * (MAX_NUMBER_CHARS + MAX_MAGNITUDE))
"""Enough digits that moving the decimal point of any accepted value never rounds."""

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,4})?")


def read_number(raw: Any, where: str, findings: list[Finding]) -> tuple[str | None, Decimal | None]:
    """Read a number as its written digits and its exact value.

    Args:
        raw: ``int``, :class:`Written`, or a string (DZG, Isabellenhütte: padded with blanks or zeros).
        where: Place for findings.
        findings: Receives what was noticed.

    Returns:
        The digits as written without blanks around them, and the value; the value is ``None`` with an
        ``error`` finding if it cannot be read or is beyond :data:`MAX_MAGNITUDE`.
    """
    kind = raw.__class__
    if kind is Written:
        text = raw.decode("ascii")
    elif kind is int:
        text = digits(raw)
    elif kind is str:
        text = raw.strip(" ")
        findings.append(note(OcmfCode.VALUE_IS_STRING, where))
        if not _NUMBER.fullmatch(text):
            findings.append(problem(OcmfCode.VALUE_UNREADABLE, where, value=text[:MAX_NUMBER_CHARS]))
            return text[:MAX_NUMBER_CHARS], None
    else:
        shown = str(raw) if kind is NonFinite else type(raw).__name__
        findings.append(problem(OcmfCode.VALUE_UNREADABLE, where, value=shown))
        return (shown if kind is NonFinite else None), None
    if len(text) > MAX_NUMBER_CHARS or "e" in text or "E" in text:
        return _read_large(text, where, findings)
    return text, Decimal(text)


def digits(number: int | bytes) -> str:
    """Return the written digits of a parsed number (its first ones if there are absurdly many)."""
    if isinstance(number, bytes):
        return number[: MAX_NUMBER_CHARS + 1].decode("ascii")
    # str() refuses more than 4300 digits; the quick reader has refused those already.
    return str(number)[: MAX_NUMBER_CHARS + 1]


def _read_large(text: str, where: str, findings: list[Finding]) -> tuple[str, Decimal | None]:
    """Read a number that is long or has an exponent, without ever building a huge one."""
    exponent = text.lower().partition("e")[2].lstrip("+-0")
    if len(text) <= MAX_NUMBER_CHARS and len(exponent) <= 2:
        value = Decimal(text)
        if not value or -MAX_MAGNITUDE <= value.adjusted() <= MAX_MAGNITUDE:
            return text, value if value else Decimal(0)
    findings.append(problem(OcmfCode.VALUE_OUT_OF_RANGE, where))
    return text[:MAX_NUMBER_CHARS], None
