"""Compressed data expanded within limits: Deflate, gzip, bzip2, xz and LZMA, never more than was allowed.

The decompressors are fed in small pieces and asked for a bounded amount, so neither a bomb nor a long row of
tiny streams costs more than the limits say.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from eichrecht.containers.limits import (
    FREE_EXPANSION_BYTES,
    MAX_EXPANSION,
    MAX_MEMBER_BYTES,
    MAX_STREAMS,
    MAX_XZ_MEMORY,
)

_PIECE = 16 * 1024
"""Bytes fed at once. What follows the end of a stream is copied, so this bounds the cost of a short stream."""

_OUTPUT = 1024 * 1024
"""Most bytes asked for at once: the decompressor allocates as much as it is asked for, in steps."""


class Failure(StrEnum):
    """Why data could not be expanded as a whole."""

    DAMAGED = "damaged"
    TRUNCATED = "truncated"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Expanded:
    """Outcome of expanding.

    Attributes:
        content: The bytes; those before the end of truncated data, none if they are damaged or too large.
        used: Bytes of the compressed data that belong to it.
        made: Bytes that were made on the way, also those thrown away.
        failure: What went wrong, ``None`` if nothing did.
    """

    content: bytes
    used: int
    made: int
    failure: Failure | None = None


class _Stream(Protocol):
    """One compressed stream; the interface that :mod:`bz2` and :mod:`lzma` have in common."""

    @property
    def eof(self) -> bool: ...

    @property
    def needs_input(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Zlib:
    """:mod:`zlib` with the interface of the other two, which keep the input that they have not used yet."""

    def __init__(self, window_bits: int) -> None:
        self._inner = zlib.decompressobj(window_bits)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


@dataclass(frozen=True, slots=True)
class Compression:
    """One way of compressing a file.

    Attributes:
        name: As in the layer: ``gzip``, ``bzip2``, ``xz``.
        magics: Beginnings by which its streams are known; several streams may follow each other.
        new: Makes a decompressor for one stream.
    """

    name: str
    magics: tuple[bytes, ...]
    new: Callable[[], _Stream]

    def matches(self, content: bytes) -> bool:
        """Whether ``content`` begins like a stream of this compression."""
        return content.startswith(self.magics)


def _bzip2_magics() -> tuple[bytes, ...]:
    first_block, empty_end = bytes.fromhex("314159265359"), bytes.fromhex("177245385090")
    return tuple(b"BZh%d" % level + block for level in range(1, 10) for block in (first_block, empty_end))


def _new_bzip2() -> _Stream:
    import bz2  # noqa: PLC0415 - these libraries are loaded only where something is to be expanded

    return bz2.BZ2Decompressor()


def _new_xz() -> _Stream:
    import lzma  # noqa: PLC0415 - see above

    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_XZ_MEMORY)


GZIP = Compression("gzip", (b"\x1f\x8b\x08",), lambda: _Zlib(31))
BZIP2 = Compression("bzip2", _bzip2_magics(), _new_bzip2)
XZ = Compression("xz", (b"\xfd7zXZ\x00",), _new_xz)
COMPRESSIONS = (GZIP, BZIP2, XZ)
"""Compressions of whole files (RFC 1952, bzip2 1.0, the .xz format 1.1)."""


def allowance(compressed: int, room: int) -> int:
    """Return how many bytes may be made of ``compressed`` bytes if there is ``room`` for so many."""
    return min(room, MAX_MEMBER_BYTES, max(FREE_EXPANSION_BYTES, compressed * MAX_EXPANSION))


def expand_file(compression: Compression, content: bytes, limit: int) -> Expanded:
    """Expand a compressed file of one or more streams; zeros behind the last are padding."""
    output = bytearray()
    position = 0
    for _ in range(MAX_STREAMS):
        found = _expand_stream(compression.new(), content, position, limit - len(output))
        made = len(output) + found.made
        if found.failure is Failure.TOO_LARGE:
            return Expanded(b"", len(content), made, found.failure)
        output += found.content
        if found.failure is not None:
            # Earlier streams are whole, each with its own checksum.
            return Expanded(bytes(output), len(content), made, found.failure)
        position += found.used
        if not content.startswith(compression.magics, position):
            return Expanded(bytes(output), position, made)
    return Expanded(b"", position, len(output), Failure.TOO_LARGE)


def expand_deflate(content: bytes, start: int, end: int, limit: int) -> Expanded:
    """Expand raw Deflate (RFC 1951) in ``content[start:end]``; it says itself where it ends."""
    return _expand_stream(_Zlib(-15), content, start, limit, end)


def expand_bzip2(content: bytes, start: int, end: int, limit: int) -> Expanded:
    """Expand one bzip2 stream in ``content[start:end]``."""
    return _expand_stream(_new_bzip2(), content, start, limit, end)


def expand_zip_lzma(content: bytes, start: int, end: int, limit: int) -> Expanded:
    """Expand LZMA as ZIP stores it (APPNOTE 6.3.10, 5.8.8): version, size of the properties, properties."""
    import lzma  # noqa: PLC0415 - see above

    head = content[start : min(start + 9, end)]
    if len(head) < 9 or head[2:4] != b"\x05\x00":
        return Expanded(b"", 0, 0, Failure.DAMAGED)
    packed, dictionary = head[4], int.from_bytes(head[5:9], "little")
    if packed >= 9 * 5 * 5 or dictionary > MAX_XZ_MEMORY:
        return Expanded(b"", 0, 0, Failure.DAMAGED if packed >= 9 * 5 * 5 else Failure.TOO_LARGE)
    filters = {
        "id": lzma.FILTER_LZMA1,
        "dict_size": max(dictionary, 4096),
        "lc": packed % 9,
        "lp": packed // 9 % 5,
        "pb": packed // 45,
    }
    try:
        stream = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=[filters])
    except lzma.LZMAError:
        return Expanded(b"", 0, 0, Failure.DAMAGED)
    return _expand_stream(stream, content, start + 9, limit, end)


def _expand_stream(
    stream: _Stream, content: bytes, start: int, limit: int, end: int | None = None
) -> Expanded:
    """Expand one stream that begins at ``start``; it makes at most ``limit`` bytes."""
    end = len(content) if end is None else end
    output = bytearray()
    position = start
    while not stream.eof:
        piece = content[position : min(position + _PIECE, end)] if stream.needs_input else b""
        try:
            made = stream.decompress(piece, min(_OUTPUT, limit + 1 - len(output)))
        except Exception as error:  # each library has its own kind of error
            # That of lzma has no code; its one cause other than damage is the limit on memory.
            memory = type(error).__name__ == "LZMAError" and "limit" in str(error)
            failure = Failure.TOO_LARGE if memory else Failure.DAMAGED
            return Expanded(b"", position - start, len(output), failure)
        position += len(piece)
        output += made
        if len(output) > limit:
            return Expanded(b"", position - start, len(output), Failure.TOO_LARGE)
        # bz2 and lzma may have to be asked once in vain before they say that they need more input.
        stuck = position >= end or not stream.needs_input
        if not made and not piece and stuck and not stream.eof:
            return Expanded(bytes(output), position - start, len(output), Failure.TRUNCATED)
    return Expanded(bytes(output), position - len(stream.unused_data) - start, len(output))
