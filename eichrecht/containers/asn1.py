"""ASN.1 elements (X.690) as CMS needs them: strict DER, and BER with indefinite lengths where senders write it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

SEQUENCE, SET, OCTETS, OID, INTEGER = 0x30, 0x31, 0x04, 0x06, 0x02
CONSTRUCTED = 0x20

MAX_DEPTH = 16
"""Deepest nesting of indefinite lengths: streaming senders write four levels. Every level is passed over once more."""

MAX_PARTS = 100_000
"""Most elements in one: a streaming sender writes content of the largest size in pieces of a kilobyte or more."""

_MAX_LENGTH_OCTETS = 4
"""Octets of a long-form length: more than 4 GiB is no document."""


class Asn1Error(ValueError):
    """The octets are not the structure that was asked for."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element.

    Attributes:
        data: What it stands in.
        tag: Its identifier octet.
        start: Offset of the identifier octet.
        inner: Offset of the content.
        inner_end: Offset after the content.
        end: Offset after the element; after the end-of-contents octets of an indefinite length.
    """

    data: bytes
    tag: int
    start: int
    inner: int
    inner_end: int
    end: int

    @property
    def content(self) -> bytes:
        """The content octets."""
        return self.data[self.inner : self.inner_end]

    @property
    def raw(self) -> bytes:
        """The whole element as it stands."""
        return self.data[self.start : self.end]

    @property
    def definite(self) -> bool:
        """Whether its length is written."""
        return self.end == self.inner_end

    def children(self, *, strict: bool = True) -> Iterator[Element]:
        """Yield the elements inside.

        Raises:
            Asn1Error: They do not fill the content, or there are more than ``MAX_PARTS``.
        """
        at, count = self.inner, 0
        while at < self.inner_end:
            count += 1
            if count > MAX_PARTS:
                raise Asn1Error("too many parts")
            child = read(self.data, at, self.inner_end, strict=strict)
            yield child
            at = child.end


def read(
    data: bytes, at: int = 0, stop: int | None = None, *, strict: bool = True, depth: int = 0
) -> Element:
    """Read the element at ``at``.

    Args:
        data: Octets.
        at: Offset of its identifier octet.
        stop: Offset that it must not pass.
        strict: DER: definite lengths in the shortest form. Otherwise BER.
        depth: Nesting of indefinite lengths so far.

    Raises:
        Asn1Error: No whole element stands there, it has a tag of several octets, or it is nested too deep.
    """
    limit = len(data) if stop is None else stop
    if at + 2 > limit:
        raise Asn1Error("no element")
    tag, first, inner = data[at], data[at + 1], at + 2
    if tag & 0x1F == 0x1F:
        raise Asn1Error("tag of several octets")
    if first == 0x80:
        if strict or not tag & CONSTRUCTED or depth >= MAX_DEPTH:
            raise Asn1Error("indefinite length")
        end, count = inner, 0
        while data[end : end + 2] != b"\0\0":
            count += 1
            if count > MAX_PARTS:
                raise Asn1Error("too many parts")
            end = read(data, end, limit, strict=False, depth=depth + 1).end
        if end + 2 > limit:
            raise Asn1Error("no end of contents")
        return Element(data, tag, at, inner, end, end + 2)
    if first > 0x80:
        count = first - 0x80
        if count > _MAX_LENGTH_OCTETS or inner + count > limit:
            raise Asn1Error("length too long or cut off")
        length = int.from_bytes(data[inner : inner + count], "big")
        if strict and (length < 0x80 or data[inner] == 0):
            raise Asn1Error("length not in its shortest form")
        inner += count
    else:
        length = first
    if inner + length > limit:
        raise Asn1Error("content cut off")
    return Element(data, tag, at, inner, inner + length, inner + length)


def whole(data: bytes, tag: int, *, strict: bool = True) -> Element:
    """Read octets that are exactly one element with this tag.

    Raises:
        Asn1Error: They are not.
    """
    element = read(data, strict=strict)
    if element.tag != tag or element.end != len(data):
        raise Asn1Error("another element, or octets behind it")
    return element


def octet_string(element: Element) -> bytes:
    """Return an OCTET STRING's octets, put together if a streaming sender wrote it in pieces (X.690 §8.7.3).

    Raises:
        Asn1Error: It is none.
    """
    if element.tag == OCTETS:
        return element.content
    if element.tag != OCTETS | CONSTRUCTED:
        raise Asn1Error("no octet string")
    pieces = list(element.children(strict=False))
    if any(piece.tag != OCTETS for piece in pieces):
        raise Asn1Error("octet string in deeper pieces")
    return b"".join(piece.content for piece in pieces)


def number(element: Element) -> int:
    """Return a natural number.

    Raises:
        Asn1Error: It is none, or not in its shortest form.
    """
    content = element.content
    if element.tag != INTEGER or not content or content[0] >= 0x80:
        raise Asn1Error("no natural number")
    if len(content) > 1 and content[0] == 0 and content[1] < 0x80:
        raise Asn1Error("number not in its shortest form")
    return int.from_bytes(content, "big")
