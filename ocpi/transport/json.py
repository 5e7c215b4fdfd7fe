"""JSON without loss: numbers are ``Decimal`` from the wire to the wire, duplicate keys are refused.

The standard library reads (pydantic's and orjson's readers lose digits: libraries facts, JSON); msgspec
writes, because it writes a ``Decimal`` as a JSON number with its digits.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

from ocpi.types import printable

MAX_JSON_BYTES = 32 * 1024 * 1024
"""Largest accepted text. The largest real CDR with signed data is below 100 kB; lists are paginated."""

MAX_NUMBER_CHARACTERS = 64
"""Longest accepted number. A 128-bit count has 39 digits; longer numbers only serve to burn time."""


MAX_DEPTH = 64
"""Deepest accepted nesting. A CDR in its envelope has 8 levels; deeper trees only serve to exhaust stacks."""

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class JsonError(ValueError):
    """The text is not acceptable JSON.

    Attributes:
        code: ``too_large``, ``not_utf8``, ``malformed``, ``too_deep``, ``duplicate_key``, ``bad_number``.
        detail: Place or name, for people.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


def _number(text: str) -> Decimal:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise JsonError("bad_number", f"{text[:20]}... is longer than {MAX_NUMBER_CHARACTERS} characters")
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent of more digits than the arithmetic has (1E9999999999999999999)
        number = None
    if number is None or abs(number.adjusted()) > MAX_NUMBER_CHARACTERS:
        raise JsonError("bad_number", f"{text[:20]} has an implausible exponent")
    return number


def _integer(text: str) -> int:
    if len(text) > MAX_NUMBER_CHARACTERS:
        raise JsonError("bad_number", f"{text[:20]}... is longer than {MAX_NUMBER_CHARACTERS} characters")
    return int(text)


def _constant(text: str) -> Any:
    raise JsonError("bad_number", f"{text} is not a JSON number")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise JsonError("duplicate_key", printable(key, 100))
            seen.add(key)
    return result


_DECODER = json.JSONDecoder(
    parse_float=_number, parse_int=_integer, parse_constant=_constant, object_pairs_hook=_pairs
)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


def loads(raw: bytes | str, *, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """Read JSON exactly: fractions as ``Decimal`` with their written digits, whole numbers as ``int``.

    Args:
        raw: UTF-8 bytes (a byte order mark is skipped) or text.
        max_bytes: Longest text; callers that bound it otherwise may allow more.

    Raises:
        JsonError: See its codes; nothing else is raised for any input.
    """
    if len(raw) > max_bytes:
        raise JsonError("too_large", f"{len(raw)} bytes, at most {max_bytes}")
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
    except UnicodeDecodeError as error:
        raise JsonError("not_utf8", f"byte {error.start}") from error
    try:
        value = _DECODER.decode(text)
    except RecursionError as error:
        raise JsonError("too_deep", "nesting is too deep") from error
    except json.JSONDecodeError as error:
        raise JsonError("malformed", f"line {error.lineno} column {error.colno}: {error.msg}") from error
    _check_depth(value)
    if _SURROGATE.search(text):
        _check_surrogates(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(MAX_DEPTH):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise JsonError("too_deep", f"nesting is deeper than {MAX_DEPTH}")


def _check_surrogates(value: Any) -> None:
    """Refuse half a surrogate pair: such a text has no UTF-8 and could never be written again."""
    try:
        _ENCODER.encode(value)
    except UnicodeEncodeError as error:
        raise JsonError("malformed", "an escape is half a surrogate pair") from error


def dumps(value: Any) -> bytes:
    """Write JSON as UTF-8 bytes; a ``Decimal`` becomes a JSON number with all its digits.

    Raises:
        TypeError: The value holds something that is no JSON (a ``float`` is refused by callers' types).
    """
    return _ENCODER.encode(value)
