"""ZIP archives read from memory (PKWARE APPNOTE 6.3.10).

The directory at the end is read by the standard library; contents are expanded here, with limits, a check against
entries that share data, and a walk along the local headers where the directory is lost.
"""

from __future__ import annotations

import io
import stat
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from eichrecht.containers.codes import ArchiveCode
from eichrecht.containers.compression import (
    Expanded,
    Failure,
    allowance,
    expand_bzip2,
    expand_deflate,
    expand_zip_lzma,
)
from eichrecht.containers.members import Listing, Lost, Member
from eichrecht.evidence import Finding, problem

_LOCAL, _CENTRAL, _END = b"PK\x03\x04", b"PK\x01\x02", b"PK\x05\x06"
_LOCAL_SIZE = 30
_STORED, _DEFLATED, _BZIP2, _LZMA = 0, 8, 12, 14
_ENCRYPTED, _SIZES_FOLLOW, _UTF8 = 0x01, 0x08, 0x800
_WINZIP_AES = 99


@dataclass(frozen=True, slots=True)
class _Entry:
    """What the directory, or the local header, says of a file.

    Attributes:
        name: As written.
        header: Offset of the local header.
        flags, method: General purpose bits, and how it is compressed.
        packed: Bytes stored; ``None`` if the local header does not say.
        size, checksum: Of the content; ``None`` if the local header does not say.
        mode: Unix file mode, 0 if unknown.
    """

    name: str
    header: int
    flags: int
    method: int
    packed: int | None
    size: int | None
    checksum: int | None
    mode: int = 0


def is_zip(content: bytes) -> bool:
    """Whether ``content`` begins like a ZIP archive (also an empty one)."""
    return content.startswith((_LOCAL, _END))


def count_entries(content: bytes) -> int:
    """Return how many entries ``content`` can have at most; archives stored inside are counted too."""
    return content.count(_CENTRAL) or content.count(_LOCAL)


def read_zip(content: bytes, room: int) -> Listing:
    """Take the files out of a ZIP archive; links are not followed, nothing is written.

    Args:
        content: The archive.
        room: Most bytes that may be made of it.
    """
    findings: list[Finding] = []
    entries = _directory(content)
    if entries is None:
        findings.append(problem(ArchiveCode.ARCHIVE_DAMAGED, kind="zip"))
        entries = list(_local_entries(content, room))
    members: list[Member] = []
    lost: list[Lost] = []
    used = made = 0
    for entry in sorted(entries, key=lambda entry: entry.header):
        if entry.name.endswith("/"):
            continue
        start = _content_start(content, entry.header)
        if stat.S_ISLNK(entry.mode):
            lost.append(Lost(ArchiveCode.MEMBERS_LINKS, entry.name))
        elif start is None:
            lost.append(Lost(ArchiveCode.MEMBERS_DAMAGED, entry.name))
        elif entry.header < used:
            # Bombs let thousands of entries share the same compressed bytes (CVE-2019-9674 and its kin).
            lost.append(Lost(ArchiveCode.MEMBERS_OVERLAP, entry.name))
        else:
            found, code = _expand(content, entry, start, room - made)
            used = max(used, start + max(found.used, entry.packed or 0))
            made += found.made
            if code is not None:
                lost.append(Lost(code, entry.name))
            if code in (None, ArchiveCode.MEMBERS_TRUNCATED):
                members.append(Member(entry.name, found.content))
    wasted = made - sum(len(member.content) for member in members)
    return Listing(tuple(members), tuple(lost), tuple(findings), wasted)


def _directory(content: bytes) -> list[_Entry] | None:
    """Read the directory at the end; ``None`` if it is missing or damaged."""
    import zipfile  # noqa: PLC0415 - loaded only where there is a ZIP archive

    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
    except Exception:
        return None
    return [
        _Entry(
            info.orig_filename,
            info.header_offset,
            info.flag_bits,
            info.compress_type,
            info.compress_size,
            info.file_size,
            info.CRC,
            info.external_attr >> 16,
        )
        for info in infos
    ]


def _content_start(content: bytes, header: int) -> int | None:
    """Return where the data behind a local header begin; ``None`` if there is no local header."""
    fixed = content[header : header + _LOCAL_SIZE] if header >= 0 else b""
    if len(fixed) < _LOCAL_SIZE or not fixed.startswith(_LOCAL):
        return None
    name, extra = int.from_bytes(fixed[26:28], "little"), int.from_bytes(fixed[28:30], "little")
    return header + _LOCAL_SIZE + name + extra


_EXPANDERS: dict[int, Callable[[bytes, int, int, int], Expanded]] = {
    _DEFLATED: expand_deflate,
    _BZIP2: expand_bzip2,
    _LZMA: expand_zip_lzma,
}
_NOTHING = Expanded(b"", 0, 0)


def _expand(content: bytes, entry: _Entry, start: int, room: int) -> tuple[Expanded, ArchiveCode | None]:
    """Return the content of an entry, and the code for what is wrong with it."""
    if entry.flags & _ENCRYPTED or entry.method == _WINZIP_AES:
        return _NOTHING, ArchiveCode.MEMBERS_ENCRYPTED
    if entry.method != _STORED and entry.method not in _EXPANDERS:
        return _NOTHING, ArchiveCode.MEMBERS_UNSUPPORTED
    end = len(content) if entry.packed is None else min(start + entry.packed, len(content))
    limit = allowance(max(end - start, 0), room)
    if limit < (end - start if entry.size is None and entry.method == _STORED else entry.size or 0):
        return _NOTHING, ArchiveCode.MEMBERS_TOO_LARGE
    if entry.size is not None:
        limit = entry.size  # what is longer than the directory says is no honest file
    if entry.method == _STORED:
        stored = content[start : min(end, start + limit)]
        found = Expanded(stored, end - start, len(stored))
    else:
        found = _EXPANDERS[entry.method](content, start, end, limit)
    return found, _failure(entry, found)


def _failure(entry: _Entry, found: Expanded) -> ArchiveCode | None:
    """Return the code for what is wrong with an expanded file; ``None`` if nothing is."""
    size, failure = len(found.content), found.failure
    # LZMA need not mark its end: then only the size says that it is all there.
    whole = failure is None or (failure is Failure.TRUNCATED and size == entry.size)
    if not whole or (entry.size is not None and size < entry.size):
        if failure is Failure.TOO_LARGE and entry.size is None:
            return ArchiveCode.MEMBERS_TOO_LARGE
        return ArchiveCode.MEMBERS_DAMAGED if found.content == b"" else ArchiveCode.MEMBERS_TRUNCATED
    if entry.checksum is not None and zlib.crc32(found.content) != entry.checksum:
        return ArchiveCode.MEMBERS_DAMAGED
    return None


# --- without a directory


def _local_entries(content: bytes, room: int) -> Iterator[_Entry]:
    """Yield what the local headers say, for an archive whose end is missing.

    Each header is looked for behind the data of the one before, so that archives stored inside are not taken
    apart. Where the sizes stand behind the data, Deflate says itself where they end.
    """
    position = content.find(_LOCAL)
    while position >= 0:
        start = _content_start(content, position)
        if start is None:
            return
        flags, method = _u16(content, position + 6), _u16(content, position + 8)
        name = content[position + _LOCAL_SIZE : position + _LOCAL_SIZE + _u16(content, position + 26)]
        text = name.decode("utf-8", "replace") if flags & _UTF8 else name.decode("cp437")
        packed = size = checksum = None
        if not flags & _SIZES_FOLLOW:
            checksum, packed, size = (_u32(content, position + offset) for offset in (14, 18, 22))
            end = start + packed
        elif method == _DEFLATED and not flags & _ENCRYPTED:
            found = expand_deflate(content, start, len(content), allowance(len(content) - start, room))
            room -= found.made
            end = start + found.used
        else:
            end = content.find(_LOCAL, start)
        packed = packed if packed is not None else max(end, start) - start
        yield _Entry(text, position, flags, method, packed, size, checksum)
        position = content.find(_LOCAL, end) if end >= start else -1


def _u16(content: bytes, position: int) -> int:
    return int.from_bytes(content[position : position + 2], "little")


def _u32(content: bytes, position: int) -> int:
    return int.from_bytes(content[position : position + 4], "little")
