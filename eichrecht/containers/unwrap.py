"""Unwrapping: a document of any accepted kind becomes the records in it, each with its way recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.kinds import ContainerKind, Found, Payload
from eichrecht.containers.leftovers import unjudged
from eichrecht.containers.limits import (
    BYTES_PER_RECORD,
    FREE_GROWTH_BYTES,
    FREE_RECORDS,
    MAX_DECODED_BYTES,
    MAX_DEPTH,
    MAX_DOCUMENT_BYTES,
    MAX_ENTRIES,
    MAX_GROWTH,
    MAX_IMAGE_PIXELS,
    MAX_RECORDS,
)
from eichrecht.containers.members import attach_detached, printable_name
from eichrecht.containers.registry import JSON_KINDS, KINDS, WITHOUT_REST
from eichrecht.evidence import Document, Finding, Part, RecordSpan, note, problem

Recogniser = Callable[[bytes], Sequence[RecordSpan]]
"""Finds records in bytes by their structure; the formats stage provides it."""


@dataclass(frozen=True, slots=True)
class Unwrapped:
    """A document taken apart.

    Attributes:
        parts: The records in document order. A part with ``format`` ``None`` is a record that its container
            surely holds but no format recognises; its findings say why.
        findings: About the document as a whole, ``where`` being a place in the document.
    """

    parts: tuple[Part, ...]
    findings: tuple[Finding, ...]


def unwrap(document: Document, recognise: Recogniser, *, kinds: Sequence[ContainerKind] = KINDS) -> Unwrapped:
    """Take the records out of a document.

    The structure decides, never a file name. A layer is removed only if something recognisable is left; every
    removed layer is named in the part. Nothing is repaired in silence, and no input raises.

    Args:
        document: The document; its bytes stay untouched.
        recognise: Finds records in bytes by their structure (``eichrecht.formats``).
        kinds: Container kinds in the order in which they are tried.

    Returns:
        The parts and the document's findings. Without any part the findings hold an ``error`` that says why.
    """
    size = len(document.content)
    if size > MAX_DOCUMENT_BYTES:
        return Unwrapped(
            (), (problem(ContainerCode.DOCUMENT_TOO_LARGE, size=size, limit=MAX_DOCUMENT_BYTES),)
        )
    if not document.content.strip():
        return Unwrapped((), (problem(ContainerCode.EMPTY_DOCUMENT, size=size),))
    spent = _Spent(min(MAX_DECODED_BYTES, FREE_GROWTH_BYTES + MAX_GROWTH * size))
    found = _with_detached(_Unwrapping(recognise, kinds, spent, depth=0).open(document.content), document)
    findings = [*found.findings, *_limits_hit(spent, found)]
    if not found.parts:
        tried = ", ".join(kind.name for kind in kinds)
        findings.append(problem(ContainerCode.NOTHING_RECOGNISED, size=size, tried=tried))
    return Unwrapped(found.parts, tuple(findings))


def _with_detached(found: Found, document: Document) -> Found:
    """Give the record that the document is its detached signature; on anything else such a signature says nothing."""
    if document.detached_signature is None or not found.parts:
        return found
    signed = attach_detached(found.parts, document.content, document.detached_signature)
    if signed is not None:
        return Found(signed, found.findings)
    unused = note(ArchiveCode.DETACHED_SIGNATURE_UNUSED, count=1, names=printable_name(document.source))
    return Found(found.parts, (*found.findings, unused))


@dataclass(slots=True)
class _Spent:
    """What unwrapping one document may look at, in bytes, and what it has used up so far."""

    bytes_limit: int
    bytes_seen: int = 0
    entries: int = 0
    records: int = 0
    pixels: int = 0
    refused_entries: int = 0
    refused_records: int = 0
    out_of_bytes: bool = False
    too_deep: bool = False

    @property
    def records_limit(self) -> int:
        """How many records may be cut out of what was looked at so far."""
        return min(MAX_RECORDS, FREE_RECORDS + self.bytes_seen // BYTES_PER_RECORD)


@dataclass(frozen=True, slots=True)
class _Unwrapping:
    """The :class:`~eichrecht.containers.kinds.Opener` for one level of nesting."""

    recogniser: Recogniser
    kinds: Sequence[ContainerKind]
    spent: _Spent = field(repr=False)
    depth: int

    def open(self, content: bytes, *, is_utf8: bool = False, declared_encoding: str | None = None) -> Found:
        if self.depth > MAX_DEPTH:
            self.spent.too_deep = True
            return Found()
        self.spent.bytes_seen += len(content)
        if self.spent.bytes_seen > self.spent.bytes_limit:
            self.spent.out_of_bytes = True
            return Found()
        payload = Payload(content, is_utf8, declared_encoding)
        deeper = _Unwrapping(self.recogniser, self.kinds, self.spent, self.depth + 1)
        seen: tuple[Finding, ...] = ()
        for index, kind in enumerate(self.kinds):
            found = kind.try_unwrap(payload, deeper)
            if found is None:
                continue
            seen += found.findings
            if found.parts or found.final:
                taken = Found(found.parts, seen)
                if found.final or kind.name in WITHOUT_REST:
                    return taken
                placed = kind.name in JSON_KINDS
                if placed:
                    taken = self._also_by(self.kinds[index + 1 :], taken, payload, deeper)
                rest = unjudged(payload, taken, deeper, placed=placed)
                return Found(taken.parts, taken.findings + rest)
        return Found(findings=seen)

    @staticmethod
    def _also_by(
        kinds: Sequence[ContainerKind], taken: Found, payload: Payload, opener: _Unwrapping
    ) -> Found:
        """Add what further kinds find in the same JSON: an OCPP message may stand in the object of a CDR.

        The same record in another place is kept: it may be claimed to be of another session or energy there.
        """
        parts, findings = list(taken.parts), taken.findings
        for kind in kinds:
            found = kind.try_unwrap(payload, opener) if kind.name in JSON_KINDS else None
            if found is not None:
                parts += found.parts
                findings += found.findings
        return Found(tuple(parts), findings)

    def recognise(self, content: bytes) -> Sequence[RecordSpan]:
        """Return spans in order; of two that overlap the earlier, longer one: bytes belong to one record."""
        spans: list[RecordSpan] = []
        for span in sorted(self.recogniser(content), key=lambda span: (span.start, -span.end)):
            if span.start >= (spans[-1].end if spans else 0) and span.start < span.end <= len(content):
                spans.append(span)
        return spans

    def grant_entries(self, wanted: int) -> int:
        granted = min(wanted, MAX_ENTRIES - self.spent.entries)
        self.spent.entries += granted
        self.spent.refused_entries += wanted - granted
        return granted

    def grant_records(self, wanted: int) -> int:
        granted = min(wanted, max(self.spent.records_limit - self.spent.records, 0))
        self.spent.records += granted
        self.spent.refused_records += wanted - granted
        return granted

    def levels_left(self) -> int:
        return max(MAX_DEPTH + 1 - self.depth, 0)

    def bytes_left(self) -> int:
        return max(self.spent.bytes_limit - self.spent.bytes_seen, 0)

    def waste_bytes(self, count: int) -> None:
        self.spent.bytes_seen += count

    def grant_pixels(self, wanted: int) -> bool:
        granted = wanted <= MAX_IMAGE_PIXELS - self.spent.pixels
        if granted:
            self.spent.pixels += wanted
        return granted


def _limits_hit(spent: _Spent, found: Found) -> list[Finding]:
    """Return a finding for each limit that may have cost something."""
    hit: list[Finding] = []
    limits = ((spent.refused_entries, MAX_ENTRIES), (spent.refused_records, spent.records_limit))
    for refused, limit in limits:
        if refused:
            hit.append(problem(ContainerCode.TOO_MANY_RECORDS, refused=refused, limit=limit))
    if spent.out_of_bytes:
        hit.append(problem(ContainerCode.DECODING_LIMIT_REACHED, limit=spent.bytes_limit))
    if spent.too_deep and not all(part.format for part in found.parts or (Part(b""),)):
        hit.append(problem(ContainerCode.NESTING_TOO_DEEP, limit=MAX_DEPTH))
    return hit
