"""JSON as a container: read exactly, with duplicate keys refused, and every failure a finding."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.limits import MAX_STRUCTURED_BYTES
from eichrecht.evidence import Finding, note, problem
from ocpi.transport.json import JsonError, loads

_LITERAL = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)', re.DOTALL)
"""A string; without its end it matches up to the end of the text, so that the search is linear."""


@dataclass(frozen=True, slots=True)
class JsonText:
    """A text that begins like JSON.

    Attributes:
        value: What it says; ``None`` if it is unreadable.
        findings: Why it is unreadable, or how it was read.
        broken: It is unreadable, but strings may still be cut out of it.
    """

    value: Any
    findings: tuple[Finding, ...] = ()
    broken: bool = False


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
        if text.startswith(b'"'):
            return None  # any prose can begin with a quotation mark
        return JsonText(None, (_unreadable(error),), broken=True)


def _single_quoted(text: bytes, original: JsonError) -> JsonText:
    try:
        value = loads(text.replace(b"'", b'"'))
    except JsonError:
        return JsonText(None, (_unreadable(original),), broken=True)
    return JsonText(value, (note(ContainerCode.JSON_SINGLE_QUOTES),))


def _unreadable(error: JsonError) -> Finding:
    detail = error.detail.encode("utf-8", "replace").decode("utf-8")  # a name can hold half a character
    if error.code == "duplicate_key":
        return problem(ContainerCode.JSON_DUPLICATE_KEY, key=detail)
    return problem(ContainerCode.JSON_UNREADABLE, reason=error.code, detail=detail)


def strings_in(text: bytes, shortest: int) -> Iterator[bytes]:
    """Yield the contents of the string literals of broken JSON that have at least ``shortest`` bytes."""
    for literal in _LITERAL.finditer(text):
        if not literal[1]:
            return
        if literal.end() - literal.start() - 2 < shortest:
            continue
        try:
            yield as_bytes(str(loads(literal[0])))
        except JsonError:
            continue


def as_bytes(text: str) -> bytes:
    """Return a JSON string as UTF-8 bytes; ``loads`` refuses lone surrogates, so every string has some."""
    return text.encode("utf-8")
