"""Archives (ZIP, TAR) and compressed files (gzip, bzip2, xz), known by their content, never by a name.

Archives inside archives are opened like everything else, one level deeper. Nothing is written to a disk, no path
and no link is followed, and every limit that was met is a finding.
"""

from __future__ import annotations

from dataclasses import replace

from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.compression import COMPRESSIONS, Compression, Failure, allowance, expand_file
from eichrecht.containers.kinds import Found, Opener, Payload, within
from eichrecht.containers.limits import MAX_DEPTH
from eichrecht.containers.members import open_members
from eichrecht.containers.tar_members import is_tar, read_tar
from eichrecht.containers.zip_members import count_entries, is_zip, read_zip
from eichrecht.evidence import Finding, Layer, problem, warning


class ZipArchive:
    """The files in a ZIP archive."""

    name = "zip"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if not is_zip(payload.content):
            return None
        # Every entry of the directory counts: already reading it is work.
        entries = count_entries(payload.content)
        if opener.grant_entries(entries) < entries:
            return Found(final=True)
        listing = read_zip(payload.content, opener.bytes_left())
        return open_members(listing, Layer("zip", "zip_signature"), opener)


class TarArchive:
    """The files in a TAR archive."""

    name = "tar"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        if not is_tar(payload.content):
            return None
        listing = read_tar(payload.content, opener.bytes_left())
        granted = opener.grant_entries(len(listing.members))
        listing = replace(listing, members=listing.members[:granted])
        return open_members(listing, Layer("tar", "tar_checksum"), opener)


class CompressedFile:
    """The file in a gzip, bzip2 or xz file, which often is a TAR archive."""

    name = "gzip, bzip2, xz"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        for compression in COMPRESSIONS:
            if compression.matches(payload.content):
                return _decompressed(compression, payload.content, opener)
        return None


_FAILURES = {
    Failure.DAMAGED: ArchiveCode.COMPRESSED_DAMAGED,
    Failure.TRUNCATED: ArchiveCode.COMPRESSED_TRUNCATED,
    Failure.TOO_LARGE: ArchiveCode.COMPRESSED_TOO_LARGE,
}


def _decompressed(compression: Compression, content: bytes, opener: Opener) -> Found:
    limit = allowance(len(content), opener.bytes_left())
    expanded = expand_file(compression, content, limit)
    opener.waste_bytes(expanded.made - len(expanded.content))
    findings: tuple[Finding, ...] = ()
    if expanded.failure is not None:
        findings += (problem(_FAILURES[expanded.failure], kind=compression.name, limit=limit),)
    rest = len(content[expanded.used :].strip(b"\0"))
    if rest:
        findings += (warning(ArchiveCode.ARCHIVE_TRAILING_DATA, kind=compression.name, size=rest),)
    if expanded.content and not opener.levels_left():
        findings += (problem(ContainerCode.NESTING_TOO_DEEP, limit=MAX_DEPTH),)
    inner = opener.open(expanded.content) if expanded.content and opener.levels_left() else Found()
    layer = Layer(compression.name, f"{compression.name}_magic")
    return replace(within(inner, layer, findings=findings), final=True)


_FOREIGN = (
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "RAR"),
    (b"\x28\xb5\x2f\xfd", "Zstandard"),
    (b"MSCF\0\0\0\0", "CAB"),
    (b"\x04\x22\x4d\x18", "LZ4"),
    (b"\x1f\x9d", "compress"),
)


class ForeignArchive:
    """Archives of other kinds: named, so that nobody takes one for an unknown meter format."""

    name = "7z, rar, zstd"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        for magic, kind in _FOREIGN:
            if payload.content.startswith(magic):
                return Found(findings=(problem(ArchiveCode.ARCHIVE_UNSUPPORTED, kind=kind),), final=True)
        return None
