"""What every container kind has in common: what it gets, what it may ask for, what it returns.

A kind is a small object with a name and :meth:`ContainerKind.try_unwrap`. It decides by structure, never by a
file name, and never imports another kind; for what lies inside it asks the :class:`Opener` that it was given.
New kinds join by one line in ``registry.py``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.json_text import JsonText, read_json
from eichrecht.containers.xml_text import XmlText, read_xml
from eichrecht.evidence import Finding, Layer, Part, RecordSpan, warning


@dataclass(frozen=True)
class Payload:
    """The bytes at one level of nesting, with lazily parsed views that several kinds share.

    Attributes:
        content: The bytes, exactly as the layer above gave them.
        is_utf8: The layer above was text, so the bytes are UTF-8 whatever an XML declaration in them says.
        declared_encoding: Text encoding that the layer above claims (S.A.F.E. ``encoding``); only a hint.
    """

    content: bytes
    is_utf8: bool = False
    declared_encoding: str | None = None

    @cached_property
    def trimmed(self) -> bytes:
        """The content without white space at both ends."""
        return self.content.strip()

    @cached_property
    def json(self) -> JsonText | None:
        """The content as JSON; ``None`` unless it begins like an object, array or string."""
        return read_json(self.trimmed)

    @cached_property
    def json_lines(self) -> list[Any] | None:
        """The values of a text that is no JSON as a whole but has JSON in every line; ``None`` for a blank line."""
        lines = self.trimmed.split(b"\n") if self.trimmed.startswith((b"[", b"{")) else []
        if len(lines) < 2:
            return None
        values: list[Any] = []
        for line in lines:
            text = line.strip()
            read = read_json(text) if text else None
            if text and (read is None or read.broken):
                return None
            values.append(None if read is None else read.value)
        return values

    @cached_property
    def xml(self) -> XmlText | None:
        """The content as XML; ``None`` unless it looks like markup.

        Markup in the strings of good JSON is none of this level: its quotation marks are still escaped, so whatever
        is read of it here is damaged. The kinds that take the strings out see it whole.
        """
        if self.json is not None and self.json.value is not None:
            return None
        return read_xml(self.content, is_utf8=self.is_utf8)


@dataclass(frozen=True, slots=True)
class Found:
    """What lay inside a payload.

    Attributes:
        parts: Records in document order, also unreadable ones (``format`` ``None``) that a container surely
            holds.
        findings: About the payload as a whole; findings about one record stand in its part.
        final: The payload is surely of this kind, so no other is tried although there are no parts: what stands
            in the bytes of an archive without being one of its files is not shown by other programs either.
    """

    parts: tuple[Part, ...] = ()
    findings: tuple[Finding, ...] = ()
    final: bool = False

    @property
    def recognised(self) -> bool:
        """Whether a format recognised at least one record, or the beginning of one."""
        return any(part.format is not None for part in self.parts)

    @property
    def complete(self) -> bool:
        """Whether there are records, each of them recognised as a whole."""
        return self.recognised and not any(_is_incomplete(part) for part in self.parts)


def _is_incomplete(part: Part) -> bool:
    return part.format is None or any(f.code == ContainerCode.RECORD_INCOMPLETE for f in part.findings)


class Opener(Protocol):
    """What a kind may ask of the unwrapping that called it."""

    def open(self, content: bytes, *, is_utf8: bool = False, declared_encoding: str | None = None) -> Found:
        """Unwrap ``content``, which the kind found inside its payload, one level deeper."""

    def recognise(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the records that stand in ``content`` as they are, without overlap, in order."""

    def grant_entries(self, wanted: int) -> int:
        """Return how many of ``wanted`` entries of a container may still be taken, and count them."""

    def grant_records(self, wanted: int) -> int:
        """Return how many of ``wanted`` records may still be cut out of a text, and count them."""

    def levels_left(self) -> int:
        """Return how many levels deeper may be opened; at 0 everything that :meth:`open` gets is refused."""

    def bytes_left(self) -> int:
        """Return how many bytes may still be opened; a kind that expands data must not make more."""

    def waste_bytes(self, count: int) -> None:
        """Count bytes that were made and thrown away, so that failing costs a hostile document as much."""

    def grant_pixels(self, wanted: int) -> bool:
        """Return whether ``wanted`` pixels of an image may still be looked at, and count them."""


class ContainerKind(Protocol):
    """One way in which records are wrapped."""

    @property
    def name(self) -> str:
        """Stable name, for people and for ``nothing_recognised``."""

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """Unwrap the payload if it is of this kind.

        Returns:
            ``None`` if the payload is not of this kind. A result with parts ends the search at this level. A
            result without parts only adds its findings, and the next kinds are tried.
        """


def within(found: Found, *layers: Layer, where: str = "", findings: tuple[Finding, ...] = ()) -> Found:
    """Return ``found`` as seen from outside ``layers``: layers and places are put in front.

    Args:
        found: What lay inside.
        *layers: Layers that were removed to get there, outermost first.
        where: Place of the inner text in the outer one.
        findings: Findings about the removal itself.
    """
    parts = tuple(
        replace(
            part,
            layers=layers + part.layers,
            where=where + part.where,
            key_where=None if part.key_where is None else where + part.key_where,
            energy_claims=tuple(replace(claim, where=where + claim.where) for claim in part.energy_claims),
        )
        for part in found.parts
    )
    inner = tuple(replace(finding, where=where + finding.where) for finding in found.findings)
    return Found(parts, findings + inner)


def joined(found: Iterable[Found]) -> Found:
    """Return several results, in order, as one."""
    every = tuple(found)
    return Found(tuple(p for f in every for p in f.parts), tuple(x for f in every for x in f.findings))


def with_context(
    part: Part,
    *,
    key_text: str | None = None,
    key_where: str | None = None,
    transaction_id: str | None = None,
    context: str | None = None,
    declared_format: str | None = None,
    findings: tuple[Finding, ...] = (),
) -> Part:
    """Return ``part`` with what its container says about it; what an inner container said stays.

    The key nearest to the record wins; a different one further out is reported (``public_keys_differ``).
    """
    own = part.key_text
    if own is not None and key_text is not None and own != key_text:
        findings = (*findings, warning(ContainerCode.PUBLIC_KEYS_DIFFER, count=2))
    return replace(
        part,
        key_text=key_text if own is None else own,
        key_where=key_where if own is None else part.key_where,
        transaction_id=transaction_id if part.transaction_id is None else part.transaction_id,
        context=context if part.context is None else part.context,
        declared_format=declared_format if part.declared_format is None else part.declared_format,
        findings=findings + part.findings,
    )
