"""What the JSON records of the chargeIT containers have in common: finding them, reading them, asking their members.

A record is one JSON object. ``find`` looks at the names of its members only; reading it says everything that two
readers could read differently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from eichrecht.containers.json_slices import Span, object_at
from eichrecht.evidence import Finding, RecordSpan, problem
from eichrecht.formats._json import BLANKS, JsonFaults, Written, read_carefully
from eichrecht.formats.codes import OcmfCode
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from ocpi.transport.json import JsonError, loads

MAX_RECORD_BYTES = 256 * 1024
"""Largest record that is read: real ones have 5 kB, with certified keys (EMH) some more."""

MAX_FAULTS_REPORTED = 20
"""Doubled names and the like reported of one kind; more of the same tells a reader nothing."""

_LONGEST_RECOGNISED = 200
"""Longest text by which a record is recognised, in bytes: a context's address has 70."""

_BOM = b"\xef\xbb\xbf"
_DECIMAL = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?", re.ASCII)
_WHOLE = re.compile(r"-?[0-9]{1,20}", re.ASCII)
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})*", re.ASCII)


class ChargeItErrorCode(StrEnum):
    """Why a record cannot be decoded at all, whichever of these formats it is."""

    NOT_A_RECORD = "chargeit_not_a_record"
    TOO_LARGE = "chargeit_record_too_large"
    NOT_JSON = "chargeit_record_not_json"
    NESTED_TOO_DEEP = "chargeit_nested_too_deep"
    MEMBER_MISSING = "chargeit_member_missing"
    MEMBER_MALFORMED = "chargeit_member_malformed"


class ChargeItRecordCode(StrEnum):
    """Findings that these formats share."""

    SIGNATURE_UNREADABLE = "chargeit_signature_unreadable"
    STATEMENT_CHANGES = "chargeit_statement_changes"
    KEY_CHANGES = "chargeit_key_changes"


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """A record's object with everything that is doubtful about its text.

    Attributes:
        raw: The object as it stood, blanks around it removed.
        value: Its members; numbers as :class:`~eichrecht.formats._json.Written` digits.
        findings: What two readers would read differently.
        unambiguous: Whether there is nothing of it.
    """

    raw: bytes
    value: dict[str, Any]
    findings: tuple[Finding, ...]
    unambiguous: bool


def _trimmed(content: bytes) -> tuple[int, bytes]:
    """Return the content without byte order mark and blanks around it, and where it began."""
    start = len(_BOM) if content.startswith(_BOM) else 0
    rest = content[start:].lstrip(BLANKS)
    return len(content) - len(rest), rest.rstrip(BLANKS)


def find_lone(
    content: bytes, name: str, reason: str, marker: bytes, is_record: Callable[[Mapping[str, Any]], bool]
) -> Sequence[RecordSpan]:
    """Return the span of the record that ``content`` consists of, if it is one.

    Args:
        content: Any bytes.
        name: Name of the format.
        reason: Code that says what is recognised.
        marker: Bytes without which nothing is looked at any closer.
        is_record: Whether an object with these members is a record of the format. Only texts have their value.
    """
    if marker not in content:
        return ()
    start, text = _trimmed(content)
    found = object_at(text)
    if found is None or found[0] != (0, len(text)):
        return ()
    if not is_record({member: _text_of(text, span) for member, span in found[1].items()}):
        return ()
    return (RecordSpan(name, start, start + len(text), reason),)


def _text_of(text: bytes, span: Span) -> str | None:
    """Return a short text member; ``None`` for everything else, which nothing is recognised by."""
    literal = text[span[0] : span[1]]
    if not literal.startswith(b'"') or len(literal) > _LONGEST_RECOGNISED:
        return None
    try:
        return str(loads(literal))
    except JsonError:
        return None


def read_record(content: bytes, marker: bytes, is_record: Callable[[Mapping[str, Any]], bool]) -> JsonRecord:
    """Read the record that ``content`` consists of.

    Args:
        content: Any bytes.
        marker: See :func:`find_lone`.
        is_record: See :func:`find_lone`.

    Raises:
        NotThisFormatError: It is none of this format.
        LimitExceededError: Larger than :data:`MAX_RECORD_BYTES`, or nested too deep.
        MalformedRecordError: No JSON.
    """
    _, raw = _trimmed(content)
    if marker not in raw or not raw.startswith(b"{"):
        raise NotThisFormatError(ChargeItErrorCode.NOT_A_RECORD)
    if len(raw) > MAX_RECORD_BYTES:
        limit = {"limit": str(MAX_RECORD_BYTES)}
        raise LimitExceededError(ChargeItErrorCode.TOO_LARGE, "", limit)
    try:
        value, faults = read_carefully(raw)
    except json.JSONDecodeError as error:
        position = {"position": str(error.pos)}
        raise MalformedRecordError(ChargeItErrorCode.NOT_JSON, "", position) from None
    except RecursionError:
        raise LimitExceededError(ChargeItErrorCode.NESTED_TOO_DEEP) from None
    if not is_record(value):
        raise NotThisFormatError(ChargeItErrorCode.NOT_A_RECORD)
    findings = tuple(_faults(faults))
    return JsonRecord(raw, value, findings, not findings)


def _faults(faults: JsonFaults) -> list[Finding]:
    findings = [
        problem(code, place)
        for code, places in (
            (OcmfCode.DUPLICATE_KEY, faults.duplicates),
            (OcmfCode.NON_FINITE_NUMBER, faults.non_finite),
            (OcmfCode.LONE_SURROGATE, faults.surrogates),
        )
        for place in places[:MAX_FAULTS_REPORTED]
    ]
    return findings if faults.utf8 else [*findings, problem(OcmfCode.TEXT_NOT_UTF8)]


def at(value: Any, *names: str) -> Any:
    """Return what stands at the end of a path of members; ``None`` if there is nothing, or ``null``."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def text_at(value: Any, *names: str) -> str | None:
    """Return the text at a path; ``None`` if there is none."""
    found = at(value, *names)
    return found if isinstance(found, str) else None


def whole(value: Any) -> int | None:
    """Return a whole number that was written as a JSON number; ``None`` for everything else."""
    if not isinstance(value, Written):
        return None
    text = value.decode("ascii")
    return int(text) if _WHOLE.fullmatch(text) else None


def required_whole(value: Any, *names: str, low: int, high: int) -> int:
    """Return the whole number at a path.

    Raises:
        MalformedRecordError: There is none, or it is not between ``low`` and ``high``.
    """
    number = whole(_required(value, names))
    if number is None or not low <= number <= high:
        raise malformed("/" + "/".join(names))
    return number


def required_text(value: Any, *names: str) -> str:
    """Return the text at a path.

    Raises:
        MalformedRecordError: There is none.
    """
    text = _required(value, names)
    if not isinstance(text, str):
        raise malformed("/" + "/".join(names))
    return text


def required_hex(value: Any, *names: str, length: int) -> bytes:
    """Return the bytes that the hexadecimal digits at a path are.

    Raises:
        MalformedRecordError: There are none, or not ``length`` of them.
    """
    octets = hex_bytes(required_text(value, *names))
    if octets is None or len(octets) != length:
        raise malformed("/" + "/".join(names))
    return octets


def _required(value: Any, names: Sequence[str]) -> Any:
    found = at(value, *names)
    if found is None:
        raise MalformedRecordError(ChargeItErrorCode.MEMBER_MISSING, "/" + "/".join(names))
    return found


def malformed(where: str) -> FormatError:
    """Return the error for a member that holds something that cannot be signed."""
    return MalformedRecordError(ChargeItErrorCode.MEMBER_MALFORMED, where)


def hex_bytes(text: str) -> bytes | None:
    """Return the bytes that hexadecimal digits, and nothing else, are; ``None`` otherwise."""
    return bytes.fromhex(text) if _HEX.fullmatch(text) else None


def signature_bytes(value: Any, findings: list[Finding]) -> bytes | None:
    """Return the record's signature from its hexadecimal digits; what cannot be read is reported."""
    text = text_at(value, "signature")
    octets = hex_bytes(text.strip()) if text is not None else None
    if not octets:
        findings.append(problem(ChargeItRecordCode.SIGNATURE_UNREADABLE, "/signature"))
        return None
    return octets


def written(value: Any) -> str:
    """Return a member for people, bounded."""
    if isinstance(value, Written):
        return value.decode("ascii")[:60]
    if value is None or isinstance(value, bool | dict | list):
        return "…" if isinstance(value, dict | list) else str(value)
    return str(value)[:60]


def same_number(value: Any, number: Decimal | int) -> bool:
    """Whether a member, written as a number or as its digits, is this number."""
    text = value.decode("ascii") if isinstance(value, Written) else value
    if not isinstance(text, str) or len(text) > 60:
        return False
    match = _DECIMAL.fullmatch(text.strip())
    return match is not None and Decimal(match[0]) == number


def unsigned_changes(first: Any, later: Any, paths: Sequence[Sequence[str]]) -> list[Finding]:
    """Report unsigned statements that differ between two records of one session.

    Neither is proven; that the same device says two things of itself shows that somebody wrote one of them.
    """
    findings = []
    for path in paths:
        one, other = at(first, *path), at(later, *path)
        if one is not None and other is not None and one != other:
            findings.append(
                problem(
                    ChargeItRecordCode.STATEMENT_CHANGES,
                    "/" + "/".join(path),
                    member=".".join(path),
                    first=written(one),
                    other=written(other),
                )
            )
    return findings


def key_changes(first: Any, later: Any) -> list[Finding]:
    """Report that two records of one session bring two keys: they are not of one meter."""
    one, other = text_at(first, "meterInfo", "publicKey"), text_at(later, "meterInfo", "publicKey")
    if one is None or other is None or _plain_key(one) == _plain_key(other):
        return []
    return [problem(ChargeItRecordCode.KEY_CHANGES, "/meterInfo/publicKey")]


def _plain_key(text: str) -> str:
    plain = "".join(text.split())
    return plain.upper() if _HEX.fullmatch(plain) else plain
