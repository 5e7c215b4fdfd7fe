"""Character repertoires of UNB 0001 and encodings of UNB 0133 (ISO 9735-1 annex A, service code list)."""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from functools import cache

CODECS: Mapping[str, str] = {
    "UNOA": "ascii",
    "UNOB": "ascii",
    "UNOC": "iso8859_1",
    "UNOD": "iso8859_2",
    "UNOE": "iso8859_5",
    "UNOF": "iso8859_7",
    "UNOG": "iso8859_3",
    "UNOH": "iso8859_4",
    "UNOI": "iso8859_6",
    "UNOJ": "iso8859_8",
    "UNOK": "iso8859_9",
    "UNOL": "iso8859_15",
    "UNOW": "utf_8",
}
"""Python codec of each supported repertoire. UNOX (ISO 2022 escapes), UNOY (16-bit characters) and the Korean
repertoires are not among them: their separators are no single octets everywhere."""

ENCODINGS: Mapping[str, str | None] = {"": None, "1": "ascii", "2": None, "7": "utf_8"}
"""What 0133 changes: ``None`` leaves the repertoire's own codec. Code pages 850 and 500, UCS and UTF-16 are refused."""

FALLBACK_CODEC = "iso8859_1"
"""Used to show text whose repertoire is unknown; such an interchange has an error and nothing in it is relied on."""

_LEVEL_A = b"A-Z0-9 .,\\-()/=!\"%&*;<>'+:?\r\n"
_PIECE_BYTES = 1 << 20


@cache
def _undefined(codec: str) -> re.Pattern[bytes] | None:
    """Return a pattern for the octets that a single-byte codec leaves undefined, ``None`` if there are none."""
    missing = []
    for octet in range(0x80, 0x100):
        try:
            bytes((octet,)).decode(codec)
        except UnicodeDecodeError:
            missing.append(octet)
    return re.compile(b"[" + b"".join(b"\\x%02x" % octet for octet in missing) + b"]") if missing else None


_OUTSIDE_LEVEL_A = re.compile(b"[^" + _LEVEL_A + b"]")


def first_undecodable(data: bytes, start: int, end: int, codec: str) -> int | None:
    """Return the offset of the first octet in ``data[start:end]`` that ``codec`` cannot decode, ``None`` if all can."""
    if codec == "utf_8":
        return _first_not_utf8(data, start, end)
    pattern = _undefined(codec)
    found = pattern.search(data, start, end) if pattern is not None else None
    return found.start() if found is not None else None


def first_outside_level_a(data: bytes, start: int, end: int) -> int | None:
    """Return the offset of the first octet outside the repertoire UNOA (upper case only), ``None`` if there is none."""
    found = _OUTSIDE_LEVEL_A.search(data, start, end)
    return found.start() if found is not None else None


def _first_not_utf8(data: bytes, start: int, end: int) -> int | None:
    decoder = codecs.getincrementaldecoder("utf-8")()
    position = start
    while position < end:
        stop = min(position + _PIECE_BYTES, end)
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(data[position:stop], final=stop == end)
        except UnicodeDecodeError as error:
            return position - pending + error.start
        position = stop
    return None
