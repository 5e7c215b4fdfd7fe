"""Files inside a file (an archive, a PDF): what each of them is good for, and what is said about the others.

A member becomes records, a key for the records beside it, the detached signature of another member, or nothing;
what is nothing is named, and what is lost is an error, because a record may have been in it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.key_files import is_spki, key_id, read_key_file
from eichrecht.containers.kinds import Found, Opener, joined, within
from eichrecht.containers.limits import MAX_BESIDE_KEYS, MAX_DEPTH
from eichrecht.evidence import Finding, Layer, Part, Severity, note, problem, warning
from eichrecht.evidence.document import BesideKey

DETACHED_SUFFIXES = (".sign", ".sig", ".p7s")
"""Endings of files that hold the signature of the file whose name they are added to (containers facts §1.1)."""

NAMES_SHOWN = 8
"""Names in one finding; more would be no sentence."""

_NAME_CHARACTERS = 120
"""Longest name shown as a whole: the path of a real member has up to some 90."""

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, marks that turn the direction of writing, and halves of characters."""

_CLAIMS = (
    *(b"ocmf|", b"ocmfbegin", b"ocmfend", b"<values", b":values", b"chargingprocess", b"chargingsessions"),
    *(b"signeddata", b"signed_data", b"signedvalue", b"signed_value", b"signedmeter", b"signed_meter"),
    *(b"encodeddata", b"encodedmetervalue"),
)
"""Names that only containers of signed records have, in small letters. What holds one and cannot be read is lost,
not foreign."""

_LOSSES = frozenset(
    {
        ContainerCode.NESTING_TOO_DEEP,
        ArchiveCode.ARCHIVE_DAMAGED,
        ArchiveCode.ARCHIVE_UNSUPPORTED,
        ArchiveCode.COMPRESSED_DAMAGED,
        ArchiveCode.COMPRESSED_TRUNCATED,
        ArchiveCode.COMPRESSED_TOO_LARGE,
        ArchiveCode.MEMBERS_DAMAGED,
        ArchiveCode.MEMBERS_TRUNCATED,
        ArchiveCode.MEMBERS_ENCRYPTED,
        ArchiveCode.MEMBERS_UNSUPPORTED,
        ArchiveCode.MEMBERS_TOO_LARGE,
        ArchiveCode.MEMBERS_OVERLAP,
        ArchiveCode.PDF_ENCRYPTED,
        ArchiveCode.PDF_LIMIT_REACHED,
        ArchiveCode.IMAGE_TOO_LARGE,
        ArchiveCode.LIBRARY_MISSING,
    }
)
"""What stays an error although no record was found in the member: it may have held one."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside another, taken out."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """An entry that was not taken out, or not as a whole; entries with the same code share a finding."""

    code: ArchiveCode
    name: str


@dataclass(frozen=True, slots=True)
class Listing:
    """What was taken out of an archive or a PDF.

    Attributes:
        members: Files, in the order in which they are stored.
        lost: Entries that give no file, or only a part of one.
        findings: About the archive itself.
        wasted: Bytes that were made for files that are not among the members.
    """

    members: tuple[Member, ...] = ()
    lost: tuple[Lost, ...] = ()
    findings: tuple[Finding, ...] = ()
    wasted: int = 0


def pair_detached(names: Iterable[str]) -> dict[str, str]:
    """Return which of ``names`` hold a detached signature of which other: data file -> signature file.

    A pair are ``X`` and ``X.sign``, ``X.sig`` or ``X.p7s`` in the same directory, so ``names`` are whole paths.
    Of several signatures of one file the first in that order counts.
    """
    present = sorted(set(names))
    known = frozenset(present)
    pairs: dict[str, str] = {}
    for suffix in DETACHED_SUFFIXES:
        for name in present:
            payload = name[: -len(suffix)]
            if name.lower().endswith(suffix) and payload in known and not payload.endswith("/"):
                pairs.setdefault(payload, name)
    return pairs


def attach_detached(parts: Sequence[Part], content: bytes, signature: bytes) -> tuple[Part, ...] | None:
    """Return the parts that unwrapping ``content`` gave, carrying the detached signature of ``content``.

    Args:
        parts: What unwrapping gave.
        content: The signed file, exactly.
        signature: The signature file, exactly.

    Returns:
        ``None`` if ``content`` is not one record as it stands: a signature over a whole file says nothing about
        single records in it.
    """
    if len(parts) != 1 or parts[0].layers or parts[0].content.strip() != content.strip():
        return None
    # The signature covers the file as stored, white space around the record included.
    return (replace(parts[0], content=content, detached_signature=signature),)


def printable_name(name: str) -> str:
    """Return a member's name for people: without control characters, of bounded length, without leading ``/``."""
    return printable_text(name.replace("\\", "/")).lstrip("/")


def printable_text(text: str) -> str:
    """Return a text of the document for people: without control characters, of bounded length."""
    clean = _UNPRINTABLE.sub("\ufffd", text)
    if len(clean) <= _NAME_CHARACTERS:
        return clean
    half = _NAME_CHARACTERS // 2
    return f"{clean[:half]}…{clean[1 - half :]}"


def claims_records(content: bytes) -> bool:
    """Whether ``content`` has a name in it that only containers of signed records have."""
    lower = content.lower()
    return any(name in lower for name in _CLAIMS)


def open_members(listing: Listing, layer: Layer, opener: Opener) -> Found:
    """Open every member one level deeper and put together what was found.

    Args:
        listing: What was taken out.
        layer: The layer that was removed by that.
        opener: Opens the members.
    """
    opener.waste_bytes(listing.wasted)
    if listing.members and not opener.levels_left():
        deep = problem(ContainerCode.NESTING_TOO_DEEP, limit=MAX_DEPTH)
        return Found(findings=(*listing.findings, deep), final=True)
    contents = {member.name: member.content for member in listing.members}
    pairs = pair_detached(contents)
    keys, lost, others = _sorted_out(listing.members, frozenset(pairs.values()))
    inner: list[Found] = []
    for member in others:
        signer = pairs.get(member.name)
        signature = None if signer is None else contents[signer]
        refused = len(member.content) > opener.bytes_left()
        found, unused = _open_member(member, signature, layer, opener)
        inner.append(found)
        if not found.parts:
            code = ArchiveCode.MEMBERS_TOO_LARGE if refused else ArchiveCode.MEMBERS_IGNORED
            lost.append(Lost(code, member.name))
        elif unused and signer is not None:
            lost.append(Lost(ArchiveCode.DETACHED_SIGNATURE_UNUSED, signer))
    names = Counter(member.name for member in listing.members)
    lost.extend(Lost(ArchiveCode.MEMBERS_SAME_NAME, name) for name, count in names.items() if count > 1)
    findings = (*listing.findings, *_told((*listing.lost, *lost)))
    if len(keys) > MAX_BESIDE_KEYS:
        findings += (warning(ArchiveCode.TOO_MANY_KEYS, count=len(keys), limit=MAX_BESIDE_KEYS),)
    found = _with_keys(joined(inner), others, inner, keys[:MAX_BESIDE_KEYS])
    return Found(found.parts, findings + found.findings, final=True)


def _sorted_out(
    members: Sequence[Member], signatures: frozenset[str]
) -> tuple[list[BesideKey], list[Lost], list[Member]]:
    """Part the members into keys (each text once), key files of no use, and files to be opened."""
    keys: dict[str, BesideKey] = {}
    lost: list[Lost] = []
    others: list[Member] = []
    for member in members:
        if member.name in signatures:
            continue
        file = read_key_file(member.content)
        if file is None:
            others.append(member)
            continue
        for text in file.keys:
            keys.setdefault(text, BesideKey(printable_name(member.name), text))
        if file.private:
            lost.append(Lost(ArchiveCode.PRIVATE_KEYS_IGNORED, member.name))
        elif file.other:
            lost.append(Lost(ArchiveCode.KEY_FILES_IGNORED, member.name))
        if claims_records(member.content):
            others.append(member)  # keys and records in one text
    return list(keys.values()), lost, others


def _open_member(member: Member, signature: bytes | None, layer: Layer, opener: Opener) -> tuple[Found, bool]:
    """Open one member; the second value says whether its detached signature could not be used."""
    found = opener.open(member.content)
    unused = False
    if not found.parts:
        found = _without_records(member, signature, found)
    elif signature is not None:
        signed = attach_detached(found.parts, member.content, signature)
        unused = signed is None
        found = found if signed is None else Found(signed, found.findings)
    return within(found, layer, where="/" + printable_name(member.name)), unused


def _without_records(member: Member, signature: bytes | None, found: Found) -> Found:
    """Say about a member without records what matters: a read-me that is no good XML is no error."""
    if signature is not None and _is_ecdsa_signature(signature):
        unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(member.content))
        part = Part(member.content, detached_signature=signature, findings=(unrecognised, *found.findings))
        return Found((part,))
    if claims_records(member.content):
        return found
    return Found(findings=tuple(f for f in found.findings if f.code in _LOSSES))


def _is_ecdsa_signature(data: bytes) -> bool:
    """Whether ``data`` begins like ``SEQUENCE { INTEGER, INTEGER }`` of its own length (DER, up to 521 bits)."""
    head = 3 if data[1:2] == b"\x81" else 2
    return (
        8 <= len(data) <= 141
        and data[0] == 0x30
        and data[head - 1] == len(data) - head
        and data[head] == 0x02
        and not is_spki(data)
    )


def _with_keys(
    whole: Found, members: Sequence[Member], inner: Sequence[Found], keys: list[BesideKey]
) -> Found:
    """Give every part the keys beside it: those of inner archives first, then those named like its member."""
    if not keys:
        return whole
    everyone = tuple(keys)
    order_of: dict[str, tuple[BesideKey, ...]] = {}
    for wanted in {key_id(key.name) for key in keys}:
        named = [key for key in keys if key_id(key.name) == wanted]
        order_of[wanted] = (*named, *(key for key in keys if key_id(key.name) != wanted))
    parts = [
        replace(part, beside_keys=part.beside_keys + order_of.get(key_id(member.name), everyone))
        for member, found in zip(members, inner, strict=True)
        for part in found.parts
    ]
    return Found(tuple(parts), whole.findings)


_SEVERITIES = {
    ArchiveCode.MEMBERS_LINKS: Severity.NOTE,
    ArchiveCode.MEMBERS_IGNORED: Severity.NOTE,
    ArchiveCode.MEMBERS_WITHOUT_CONTENT: Severity.NOTE,
    ArchiveCode.DETACHED_SIGNATURE_UNUSED: Severity.NOTE,
    ArchiveCode.PRIVATE_KEYS_IGNORED: Severity.NOTE,
    ArchiveCode.KEY_FILES_IGNORED: Severity.NOTE,
    ArchiveCode.MEMBERS_SAME_NAME: Severity.WARNING,
}
_MAKERS = {Severity.NOTE: note, Severity.WARNING: warning, Severity.ERROR: problem}


def _told(lost: Sequence[Lost]) -> tuple[Finding, ...]:
    """Return one finding per code, with the number of entries and their first names."""
    names: dict[ArchiveCode, list[str]] = {}
    for entry in lost:
        names.setdefault(entry.code, []).append(entry.name)
    return tuple(
        _MAKERS[_SEVERITIES.get(code, Severity.ERROR)](code, count=len(of_code), names=shown(of_code))
        for code, of_code in names.items()
    )


def shown(names: Sequence[str]) -> str:
    """Return the first names as a list for people."""
    listed = ", ".join(printable_name(name) for name in names[:NAMES_SHOWN])
    return listed if len(names) <= NAMES_SHOWN else f"{listed}, …"
