"""TAR archives read from memory: POSIX ustar and pax (POSIX.1-2017, pax), GNU long names, and version 7.

An own reader, because Python's ``tarfile`` seeks, recurses and has had endless loops on hostile headers
(CVE-2024-6232, CVE-2025-8194); this one looks at every block once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eichrecht.containers.codes import ArchiveCode
from eichrecht.containers.limits import MAX_MEMBER_BYTES
from eichrecht.containers.members import Listing, Lost, Member
from eichrecht.evidence import Finding, problem, warning

BLOCK = 512
"""Size of a header; contents are padded to a multiple of it."""

_EMPTY = bytes(BLOCK)
_FILES = frozenset({b"0", b"\0", b"7"})
_DIRECTORY = b"5"
_LINKS = frozenset({b"1", b"2", b"3", b"4", b"6"})
"""Hard and symbolic links, devices, pipes."""

_LONG_NAME, _LONG_LINK, _PAX, _PAX_OLD, _PAX_GLOBAL = b"L", b"K", b"x", b"X", b"g"
_EXTENSIONS = frozenset({_LONG_NAME, _LONG_LINK, _PAX, _PAX_OLD, _PAX_GLOBAL})
_MAX_EXTENSION = 64 * 1024
"""Largest extension that is looked at: it holds a name and some times."""


@dataclass(frozen=True, slots=True)
class _Header:
    """One header block; ``start`` is where the content begins, ``size`` its bytes."""

    name: bytes
    kind: bytes
    start: int
    size: int


def is_tar(content: bytes) -> bool:
    """Whether ``content`` begins with a TAR header: its check sum fits, which other data do once in 2^17."""
    return _header(content, 0) is not None


def read_tar(content: bytes, room: int) -> Listing:
    """Take the files out of a TAR archive; nothing is followed, nothing written.

    Args:
        content: The archive.
        room: Most bytes that may be taken out together.
    """
    members: list[Member] = []
    lost: list[Lost] = []
    findings: list[Finding] = []
    for header, name in _entries(content, findings):
        available = min(header.size, len(content) - header.start)
        if header.kind in _LINKS:
            lost.append(Lost(ArchiveCode.MEMBERS_LINKS, name))
        elif header.kind not in _FILES:
            lost.append(Lost(ArchiveCode.MEMBERS_UNSUPPORTED, name))
        elif header.size > min(MAX_MEMBER_BYTES, room):
            lost.append(Lost(ArchiveCode.MEMBERS_TOO_LARGE, name))
        else:
            if available < header.size:
                lost.append(Lost(ArchiveCode.MEMBERS_TRUNCATED, name))
            room -= available
            members.append(Member(name, content[header.start : header.start + available]))
    return Listing(tuple(members), tuple(lost), tuple(findings))


def _entries(content: bytes, findings: list[Finding]) -> Iterator[tuple[_Header, str]]:
    """Yield files, links and unknown entries with their names; directories and extensions are used up here."""
    position = 0
    name: bytes | None = None
    size: int | None = None
    damaged = False
    while position < len(content):
        if content[position : position + BLOCK] == _EMPTY:
            rest = len(content[position:].strip(b"\0"))
            if rest:
                findings.append(warning(ArchiveCode.ARCHIVE_TRAILING_DATA, kind="tar", size=rest))
            break
        header = _header(content, position)
        if header is None:
            damaged = True  # look for the next header: the entries behind it are good
            position += BLOCK
            continue
        end = header.start + (header.size if size is None or header.kind in _EXTENSIONS else size)
        if header.kind in _EXTENSIONS:
            body = content[header.start : min(end, header.start + _MAX_EXTENSION)]
            if header.kind == _LONG_NAME:
                name = body.partition(b"\0")[0]
            elif header.kind in (_PAX, _PAX_OLD):
                records = _pax(body)
                name = records.get(b"path", name)
                size = _decimal(records.get(b"size"))
        else:
            found = _Header(name or header.name, header.kind, header.start, end - header.start)
            name, size = None, None
            if found.kind != _DIRECTORY and not found.name.endswith(b"/"):
                yield found, found.name.decode("utf-8", "replace")
        position = header.start + -(-(end - header.start) // BLOCK) * BLOCK
    if damaged:
        findings.append(problem(ArchiveCode.ARCHIVE_DAMAGED, kind="tar"))


def _header(content: bytes, position: int) -> _Header | None:
    block = content[position : position + BLOCK]
    if len(block) < BLOCK:
        return None
    checksum = _number(block[148:156])
    if checksum is None or checksum != sum(block) - sum(block[148:156]) + 8 * 0x20:
        return None
    size = _number(block[124:136])
    name = block[:100].partition(b"\0")[0]
    if size is None or not (name or block[345:500].strip(b"\0")):
        return None
    prefix = block[345:500].partition(b"\0")[0] if block[257:263] == b"ustar\0" else b""
    kind = block[156:157]
    full = prefix + b"/" + name if prefix else name
    return _Header(full, kind, position + BLOCK, 0 if kind in _LINKS or kind == _DIRECTORY else size)


def _number(field: bytes) -> int | None:
    """Read a number: octal digits, or with the first bit set GNU's binary form; ``None`` if it is neither."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not digits:
        return 0
    return int(digits, 8) if not digits.translate(None, b"01234567") else None


def _pax(body: bytes) -> dict[bytes, bytes]:
    """Read pax records ``<length> <keyword>=<value>\\n``; reading ends at the first that is none."""
    records: dict[bytes, bytes] = {}
    position = 0
    while position < len(body):
        digits, blank, _ = body[position : position + 12].partition(b" ")
        length = _decimal(digits) if blank else None
        if length is None or length < len(digits) + 4:
            break
        record = body[position + len(digits) + 1 : position + length]
        keyword, equals, value = record.partition(b"=")
        if equals and value.endswith(b"\n"):
            records[keyword] = value[:-1]
        position += length
    return records


def _decimal(digits: bytes | None) -> int | None:
    return int(digits) if digits and len(digits) <= 12 and digits.isdigit() else None
