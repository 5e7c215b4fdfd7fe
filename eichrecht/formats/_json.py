"""Reading JSON objects as evidence: numbers keep their written digits, nothing ambiguous goes unseen.

Two readers give the same answer. The quick one (msgspec) serves well-formed objects without escapes; it
hands over to the careful one (standard library with hooks) whenever anything is unusual. The careful one
alone judges what is wrong. A record is never read by both with different results: the quick reader's answer
is used only when its strings account for every quotation mark of the text, which shows that no member was
dropped as a duplicate.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import msgspec

BLANKS = b" \t\r\n"
"""White space of JSON (RFC 8259 section 2)."""

_BACKSLASH = 0x5C
_MAX_ARRAYS = 64
"""Where arrays could nest deeper than the scanner allows, the careful reader decides."""

_NEGATIVE_ZERO = re.compile(rb"[:\s]-0[\s,}\]]")


Written = bytes
"""A JSON number as the digits that were written, in ASCII: no JSON value is ``bytes`` otherwise."""


class NonFinite(str):
    """``NaN``, ``Infinity`` or ``-Infinity``, which RFC 8259 does not allow."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class JsonFaults:
    """What makes two readers of the same text disagree; places are JSON pointers.

    Attributes:
        duplicates: Members written more than once in one object; the last one was taken.
        non_finite: Numbers that are none.
        surrogates: Strings with half of a surrogate pair, replaced by U+FFFD.
        utf8: Whether the text is UTF-8; if not, undecodable bytes were replaced by U+FFFD.
    """

    duplicates: tuple[str, ...] = ()
    non_finite: tuple[str, ...] = ()
    surrogates: tuple[str, ...] = ()
    utf8: bool = True


class _Repeating(dict[str, Any]):
    """An object in which ``names`` occur more than once."""

    names: tuple[str, ...] = ()


class _Careful:
    """Reads one text and notices whether there is anything that only a walk through the value can name."""

    def __init__(self) -> None:
        self.unusual = False

    def read(self, text: str) -> Any:
        # parse_int keeps the text too: int() refuses more than 4300 digits and loses the sign of -0.
        return json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=str.encode,
            parse_int=str.encode,
            parse_constant=self._constant,
        ).decode(text)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        plain = dict(pairs)
        if len(plain) == len(pairs):
            return plain
        self.unusual = True
        seen: dict[str, None] = {}
        twice: dict[str, None] = {}
        repeated = _Repeating(plain)
        for name, _ in pairs:
            (twice if name in seen else seen).setdefault(name)
        repeated.names = tuple(twice)
        return repeated

    def _constant(self, text: str) -> NonFinite:
        self.unusual = True
        return NonFinite(text)


_QUICK = msgspec.json.Decoder(float_hook=str.encode)


def read_quickly(section: bytes) -> tuple[dict[str, Any], int] | None:
    """Read a well-formed object without escapes, of the depth that OCMF has.

    Integers come as ``int`` (their digits are ``str(value)``), other numbers as :class:`Written`.

    Args:
        section: One JSON object, white space around it allowed.

    Returns:
        The object and how many of its members are strings; ``None`` if the careful reader must decide.
    """
    if _BACKSLASH in section or section.count(b"[") > _MAX_ARRAYS:
        return None  # an object deeper than OCMF's has names that are not counted; arrays have none
    try:
        value = _QUICK.decode(section)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    if value.__class__ is not dict:
        return None
    texts = list(map(type, value.values())).count(str)
    strings = len(value) + texts
    if texts != len(value):
        strings += _inner_strings(value, section)
    # Without escapes every quotation mark delimits a string, so a dropped duplicate shows as a difference.
    return (value, texts) if section.count(b'"') == 2 * strings else None


def _inner_strings(value: dict[str, Any], section: bytes) -> int:
    """Count names and strings inside the members that OCMF nests; too few is safe, too many impossible."""
    strings = 0
    flags, loss, readings = value.get("IF"), value.get("LC"), value.get("RD")
    if flags.__class__ is list:
        strings += list(map(type, flags)).count(str)
    if loss.__class__ is dict:
        strings += len(loss) + list(map(type, loss.values())).count(str)
    if readings.__class__ is list:
        for reading in readings:
            if reading.__class__ is dict:
                strings += len(reading) + list(map(type, reading.values())).count(str)
                if reading.get("RV") == 0 and _NEGATIVE_ZERO.search(section):
                    return -1  # read as an int, -0 would lose its sign
    return strings


def read_carefully(section: bytes) -> tuple[dict[str, Any], JsonFaults]:
    """Read an object of bounded depth and say everything that is ambiguous in it.

    All numbers come as :class:`Written`. The caller has bounded depth and size.

    Raises:
        json.JSONDecodeError: Not a JSON object; ``pos`` counts characters behind leading blanks.
        RecursionError: Nested deeper than the interpreter allows.
    """
    stripped = section.strip(BLANKS)
    utf8 = True
    try:
        text = stripped.decode("utf-8")
    except UnicodeDecodeError:
        utf8, text = False, stripped.decode("utf-8", "replace")
    careful = _Careful()
    value = careful.read(text)
    if not isinstance(value, dict):
        raise json.JSONDecodeError("not an object", text, 0)
    if not careful.unusual and "\\u" not in text:  # only an escape writes half of a surrogate pair
        return value, JsonFaults(utf8=utf8)
    collector = _Collector()
    clean = collector.visit(value, "")
    faults = JsonFaults(
        tuple(collector.duplicates), tuple(collector.non_finite), tuple(collector.surrogates), utf8
    )
    return clean, faults


def pointer(where: str, name: str | int) -> str:
    """Append a member name or index to a JSON pointer (RFC 6901 section 3)."""
    return f"{where}/{str(name).replace('~', '~0').replace('/', '~1')}"


class _Collector:
    """Walks a value once, notes its faults and returns it in plain types."""

    def __init__(self) -> None:
        self.duplicates: list[str] = []
        self.non_finite: list[str] = []
        self.surrogates: list[str] = []

    def visit(self, value: Any, where: str) -> Any:
        if isinstance(value, dict):
            if isinstance(value, _Repeating):
                self.duplicates.extend(pointer(where, self._text(name, where)) for name in value.names)
            members: dict[str, Any] = {}
            for name, member in value.items():
                readable = self._text(name, where)
                members[readable] = self.visit(member, pointer(where, readable))
            return members
        if isinstance(value, list):
            return [self.visit(item, pointer(where, index)) for index, item in enumerate(value)]
        if isinstance(value, NonFinite):
            self.non_finite.append(where)
        elif isinstance(value, str):
            return self._text(value, where)
        return value

    def _text(self, text: str, where: str) -> str:
        """Return text that can be encoded; a lone surrogate would break every output later."""
        if text.isascii():
            return text
        try:
            text.encode()
        except UnicodeEncodeError:
            self.surrogates.append(where)
            return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return text
