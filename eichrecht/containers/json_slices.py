"""Where the values of a JSON text stand: exact byte offsets, so that a record is cut out and never written anew.

Only strings and nesting are followed; whether the text is good JSON is for its reader to say. What cannot be
followed gives ``None``, and nothing raises. Every call is linear in the length of the value that it looks at.
"""

from __future__ import annotations

import re

from ocpi.transport.json import JsonError, loads

Span = tuple[int, int]
"""Byte offsets of a value without the white space around it, the end exclusive."""

MAX_DEPTH = 64
"""Deepest nesting that is followed; the reader of documents (``ocpi.transport.json``) goes no deeper either."""

_BLANK = re.compile(rb"[ \t\r\n]*+")
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
# Everything up to the next bracket, strings skipped; one without its end takes the rest of the text with it.
_TO_BRACKET = re.compile(rb'[^"{}\[\]]*+(?:"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)[^"{}\[\]]*+)*+', re.DOTALL)
_SCALAR = re.compile(rb"[0-9A-Za-z+.\-]++")


def value_at(text: bytes, start: int) -> Span | None:
    """Return where the value that begins at ``start`` (blanks before it skipped) begins and ends."""
    start = _after_blanks(text, start)
    first = text[start : start + 1]
    if first in (b"{", b"["):
        end = _nested_end(text, start)
        return None if end is None else (start, end)
    match = _STRING.match(text, start) if first == b'"' else _SCALAR.match(text, start)
    return None if match is None else (start, match.end())


def object_at(text: bytes, start: int = 0) -> tuple[Span, dict[str, Span]] | None:
    """Return where the object at ``start`` (blanks before it skipped) stands, and its direct members.

    Of a repeated name the last member is returned.
    """
    found: dict[str, Span] = {}
    start = _after_blanks(text, start)
    position = _opened(text, start, b"{")
    while position is not None:
        key = _STRING.match(text, position)
        if key is None:
            empty = not found and text[position : position + 1] == b"}"
            return ((start, position + 1), found) if empty else None
        name = _name(key[0])
        position = _after_blanks(text, key.end())
        if name is None or text[position : position + 1] != b":":
            return None
        span = value_at(text, position + 1)
        if span is None:
            return None
        found[name] = span
        position, end = _after_value(text, span[1], b"}")
        if end is not None:
            return (start, end), found
    return None


def members(text: bytes, start: int = 0) -> dict[str, Span] | None:
    """Return where the direct members of the object at ``start`` stand; see :func:`object_at`."""
    found = object_at(text, start)
    return None if found is None else found[1]


def items(text: bytes, start: int = 0) -> list[Span] | None:
    """Return where the items of the array at ``start`` stand."""
    found: list[Span] = []
    position = _opened(text, start, b"[")
    while position is not None:
        if not found and text[position : position + 1] == b"]":
            return found
        span = value_at(text, position)
        if span is None:
            return None
        found.append(span)
        position, end = _after_value(text, span[1], b"]")
        if end is not None:
            return found
    return None


def _after_blanks(text: bytes, position: int) -> int:
    match = _BLANK.match(text, position)
    return position if match is None else match.end()


def _opened(text: bytes, start: int, bracket: bytes) -> int | None:
    start = _after_blanks(text, start)
    return _after_blanks(text, start + 1) if text[start : start + 1] == bracket else None


def _after_value(text: bytes, end: int, closing: bytes) -> tuple[int | None, int | None]:
    """Return where the next value or name begins, or else the offset behind the closing bracket."""
    end = _after_blanks(text, end)
    sign = text[end : end + 1]
    if sign == b",":
        return _after_blanks(text, end + 1), None
    return None, end + 1 if sign == closing else None


def _nested_end(text: bytes, start: int) -> int | None:
    expected = bytearray()
    position = start
    while True:
        match = _TO_BRACKET.match(text, position)
        position = position if match is None else match.end()
        sign = text[position : position + 1]
        if sign in {b"{", b"["}:
            expected += b"}" if sign == b"{" else b"]"
            if len(expected) > MAX_DEPTH:
                return None
        elif not sign or expected.pop() != sign[0]:
            return None
        position += 1
        if not expected:
            return position


def _name(literal: bytes) -> str | None:
    try:
        name = loads(literal) if b"\\" in literal else literal[1:-1].decode("utf-8")
    except (JsonError, UnicodeDecodeError):
        return None
    return name if isinstance(name, str) else None


__all__ = ["MAX_DEPTH", "Span", "items", "members", "object_at", "value_at"]
