"""JSON as a container: read exactly, with duplicate keys refused, and every failure a finding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.limits import MAX_STRUCTURED_BYTES
from eichrecht.evidence import Finding, note, problem
from ocpi.transport.json import JsonError, loads


@dataclass(frozen=True, slots=True)
class JsonText:
    """A text that begins like JSON.

    Attributes:
        value: What it says; ``None`` if it is unreadable.
        findings: Why it is unreadable, or how it was read.
    """

    value: Any
    findings: tuple[Finding, ...] = ()


def read_json(text: bytes) -> JsonText | None:
    """Read ``text`` (white space at its ends removed) if it begins like an object, array or string.

    Two readers of duplicate keys see different values, so they are refused, not resolved. Single-quoted JSON
    occurs in OCPP messages of the field; it is read only if JSON proper fails and the text has no double
    quote, because then the exchange of the quotes cannot change anything else.
    """
    if not text.startswith((b"{", b"[", b'"')):
        return None
    if len(text) > MAX_STRUCTURED_BYTES:
        size = problem(ContainerCode.JSON_TOO_LARGE, size=len(text), limit=MAX_STRUCTURED_BYTES)
        return JsonText(None, (size,))
    try:
        return JsonText(loads(text))
    except JsonError as error:
        if error.code == "malformed" and b"'" in text and b'"' not in text:
            return _single_quoted(text, error)
        return JsonText(None, (_unreadable(error),))


def _single_quoted(text: bytes, original: JsonError) -> JsonText:
    try:
        value = loads(text.replace(b"'", b'"'))
    except JsonError:
        return JsonText(None, (_unreadable(original),))
    return JsonText(value, (note(ContainerCode.JSON_SINGLE_QUOTES),))


def _unreadable(error: JsonError) -> Finding:
    detail = plain(error.detail)
    if error.code == "duplicate_key":
        return problem(ContainerCode.JSON_DUPLICATE_KEY, key=detail)
    return problem(ContainerCode.JSON_UNREADABLE, reason=error.code, detail=detail)


def plain(text: str) -> str:
    """Return ``text`` without lone surrogates (possible through JSON escapes), so that it can be written."""
    return text.encode("utf-8", "replace").decode("utf-8")


def as_bytes(text: str) -> bytes:
    """Return a JSON string as UTF-8 bytes; lone surrogates become bytes that no format accepts as UTF-8."""
    return text.encode("utf-8", "surrogatepass")
