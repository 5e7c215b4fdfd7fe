"""Byte positions of XML elements, for texts that are not one well-formed document.

This is no parser: it only finds where elements begin and end, so that each root of a concatenated file, and
each complete element of a cut or damaged one, can be given to the real parser on its own. Linear in the text:
no step looks beyond the next ``<``, except for the end of a comment, CDATA section or processing instruction,
and a missing end stops the scan.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

_TOKEN = re.compile(
    rb"<(?:(?P<comment>!--)|(?P<cdata>!\[CDATA\[)|(?P<pi>\?)|(?P<doctype>!DOCTYPE)"
    rb"|(?P<close>/)?(?P<name>[^\s<>/!?\"'=&;]++)(?P<rest>(?:[^<>\"']++|\"[^\"<]*+\"|'[^'<]*+')*+)>)"
)
_ENDS = {"comment": b"-->", "cdata": b"]]>", "pi": b"?>"}
_DECLARED_ENCODING = re.compile(rb"<\?xml[^>]{0,200}?encoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._-]{0,40})[\"']")


class MarkKind(Enum):
    """What a :class:`Mark` is."""

    OPEN = auto()
    CLOSE = auto()
    EMPTY = auto()
    DOCTYPE = auto()


@dataclass(frozen=True, slots=True)
class Mark:
    """A tag or a doctype with its byte positions, ``end`` exclusive."""

    kind: MarkKind
    local_name: bytes
    start: int
    end: int


def marks(text: bytes, start: int = 0) -> Iterator[Mark]:
    """Yield tags and doctypes from ``start`` on; comments, CDATA and processing instructions are skipped."""
    position = start
    while (token := _TOKEN.search(text, position)) is not None:
        kind = token.lastgroup
        if kind in _ENDS:
            end = text.find(_ENDS[kind], token.end())
            if end < 0:
                return
            position = end + len(_ENDS[kind])
            continue
        position = token.end()
        if kind == "doctype":
            yield Mark(MarkKind.DOCTYPE, b"", token.start(), position)
            continue
        yield Mark(_tag_kind(token), token["name"].rpartition(b":")[2], token.start(), position)


def _tag_kind(token: re.Match[bytes]) -> MarkKind:
    if token["close"]:
        return MarkKind.CLOSE
    return MarkKind.EMPTY if token["rest"].endswith(b"/") else MarkKind.OPEN


def has_doctype(text: bytes) -> bool:
    """Whether a doctype stands before the first element."""
    first = next(marks(text), None)
    return first is not None and first.kind is MarkKind.DOCTYPE


def declared_encoding(text: bytes) -> str | None:
    """Return the encoding that an XML declaration at the beginning names."""
    match = _DECLARED_ENCODING.match(text.lstrip())
    return None if match is None else match[1].decode("ascii")


def roots(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each complete top-level element; a declaration before it belongs to it."""
    depth, begin, previous = 0, 0, 0
    for mark in marks(text):
        if mark.kind is MarkKind.DOCTYPE or (mark.kind is MarkKind.CLOSE and depth == 0):
            return
        if depth == 0:
            declaration = text.find(b"<?xml", previous, mark.start)
            begin = mark.start if declaration < 0 else declaration
        if mark.kind is MarkKind.OPEN:
            depth += 1
        elif mark.kind is MarkKind.CLOSE:
            depth -= 1
        if depth == 0:
            previous = mark.end
            yield begin, mark.end


def complete_elements(text: bytes, local_name: bytes) -> Iterator[tuple[int, int]]:
    """Yield start and end of each complete innermost element of that local name."""
    if local_name not in text:
        return
    begin: int | None = None
    for mark in marks(text):
        if mark.local_name != local_name:
            continue
        if mark.kind is MarkKind.OPEN:
            begin = mark.start
        elif mark.kind is MarkKind.CLOSE and begin is not None:
            yield begin, mark.end
            begin = None
