"""Tokenizer: octets to segments, elements and components with their exact places (ISO 9735-1, versions 1 to 4).

One pass finds every segment and keeps two 32-bit offsets for it; elements are separated only when somebody asks.
Nothing is rebuilt: the octets of a segment are always a slice of what was received.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias, overload

from eichrecht.edifact.characters import ServiceCharacters, patterns
from eichrecht.evidence import Finding
from eichrecht.evidence.construct import positional_constructor

Span: TypeAlias = tuple[int, int]
"""Offsets in the file: first octet, and the octet after the last."""

Repetition: TypeAlias = tuple[Span, ...]
"""Spans of the components of one repetition, separators excluded."""

Element: TypeAlias = tuple[Repetition, ...]
"""The repetitions of one element; always one before syntax version 4."""


@dataclass(frozen=True)
class Syntax:
    """How one interchange is written.

    Attributes:
        characters: Service characters in use.
        identifier: 0001 as written (``UNOC``).
        version: 0002, 1 to 4; 3 where it is unreadable.
        codec: Python codec of the texts.
    """

    characters: ServiceCharacters
    identifier: str
    version: int
    codec: str

    @cached_property
    def octets(self) -> tuple[bytes, bytes, bytes | None]:
        """Element, component and repetition separator; no repetition before version 4 and where UNA names none."""
        signs = self.characters
        repetition = signs.repetition if self.version >= 4 else None
        return (
            bytes((signs.element,)),
            bytes((signs.component,)),
            None if repetition is None else bytes((repetition,)),
        )

    @cached_property
    def _released(self) -> tuple[bytes, tuple[bytes, ...]] | None:
        """The release character, and the pairs that it makes with service characters, itself first."""
        signs = self.characters
        if signs.release is None:
            return None
        others = (signs.element, signs.component, signs.terminator, signs.repetition)
        pairs = [bytes((signs.release, octet)) for octet in (signs.release, *others) if octet is not None]
        return bytes((signs.release,)), tuple(pairs)

    @cached_property
    def _substitutes(self) -> tuple[tuple[str, str, str], ...]:
        """Released pairs as text, what stands for them while separators are found, and what they mean.

        Lone surrogates stand for them, because no codec yields one.
        """
        pairs = self._released[1] if self._released is not None else ()
        return tuple(
            (pair.decode("ascii"), chr(0xDC00 + number), chr(pair[1])) for number, pair in enumerate(pairs)
        )

    def shield(self, data: bytes) -> bytes:
        """Return data of the same length in which every separator left is one, the released ones being gone."""
        released = self._released
        if released is not None and released[0] in data:
            for pair in released[1]:
                data = data.replace(pair, b"\0\0")
        return data

    def places(self, shielded: bytes, begin: int) -> tuple[Element, ...]:
        """Return the spans of all components of one segment.

        Args:
            shielded: The segment without terminator, from :meth:`shield`.
            begin: Offset of its first octet in the file.
        """
        element_sign, component_sign, repetition_sign = self.octets
        elements: list[Element] = []
        for part in shielded.split(element_sign):
            if repetition_sign is not None and repetition_sign in part:
                repetitions: list[Repetition] = []
                for repetition in part.split(repetition_sign):
                    repetitions.append(_places(repetition.split(component_sign), begin))
                    begin += len(repetition) + 1
                elements.append(tuple(repetitions))
                continue
            count = part.count(component_sign)
            if count == 0:
                stop = begin + len(part)
                elements.append((((begin, stop),),))
            elif count == 2:  # most composites: written out, as this loop decides the speed of all places
                first, second, third = part.split(component_sign)
                first_stop = begin + len(first)
                second_stop = first_stop + 1 + len(second)
                stop = second_stop + 1 + len(third)
                places = ((begin, first_stop), (first_stop + 1, second_stop), (second_stop + 1, stop))
                elements.append((places,))
            else:
                stop = begin + len(part)
                elements.append((_places(part.split(component_sign), begin),))
            begin = stop + 1
        return tuple(elements)

    def split(self, data: bytes) -> list[list[str]]:
        """Return the component texts of every element of a segment without terminator; repetitions are not split.

        Octets that the repertoire does not know become U+FFFD; the tokenizer has reported them as an error.
        """
        text = data.decode(self.codec, "replace")
        element, component = chr(self.characters.element), chr(self.characters.component)
        release = self.characters.release
        if release is None or chr(release) not in text:
            return [part.split(component) for part in text.split(element)]
        for pair, substitute, _ in self._substitutes:
            text = text.replace(pair, substitute)
        # What is left takes the meaning from a character that has none.
        text = text.replace(chr(release), "")
        return [
            part.split(component)
            if part.isascii()
            else [self._restore(piece) for piece in part.split(component)]
            for part in text.split(element)
        ]

    def _restore(self, text: str) -> str:
        for _, substitute, meaning in self._substitutes:
            text = text.replace(substitute, meaning)
        return text

    def decode(self, data: bytes) -> str:
        """Return a component's octets as text, release characters removed."""
        released = patterns(self.characters).released
        if released is not None:
            data = released.sub(rb"\1", data)
        return data.decode(self.codec, "replace")


def _places(pieces: list[bytes], begin: int) -> Repetition:
    """Return the spans of pieces that stand one octet apart."""
    spans: list[Span] = []
    for piece in pieces:
        stop = begin + len(piece)
        spans.append((begin, stop))
        begin = stop + 1
    return tuple(spans)


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment.

    Elements are counted from 1 as in the segment directory, element 0 is the tag; components and repetitions are
    counted from 0.

    Attributes:
        data: The whole file.
        syntax: How its interchange is written.
        index: Its number among all segments of the file, from 0; UNA is none.
        start: Offset of the tag's first letter.
        end: Offset after the terminator.
    """

    data: bytes
    syntax: Syntax
    index: int
    start: int
    end: int

    @property
    def tag(self) -> str:
        """The three characters that name the segment."""
        return self.data[self.start : self.start + 3].decode("ascii", "replace")

    @property
    def span(self) -> Span:
        """``(start, end)``, terminator included."""
        return self.start, self.end

    @property
    def raw(self) -> bytes:
        """The octets as received, terminator included."""
        return self.data[self.start : self.end]

    @property
    def where(self) -> str:
        """Place for findings: ``/segment/17/QTY``."""
        return f"/segment/{self.index}/{self.tag}"

    def elements(self) -> tuple[Element, ...]:
        """Return the spans of all components: element, repetition, component; element 0 is the tag.

        Spans and the separators between them tile the segment. Empty components have empty spans.
        """
        shielded = self.syntax.shield(self.data[self.start : self.end - 1])
        return self.syntax.places(shielded, self.start)

    def values(self) -> list[list[str]]:
        """Return the component texts of every element, element 0 being the tag; of repetitions only the first.

        Trailing empty components and elements are given as written.
        """
        raw = self.data[self.start : self.end - 1]
        syntax = self.syntax
        repetition = syntax.octets[2]
        if repetition is None or repetition not in raw:
            return syntax.split(raw)
        decode, data = syntax.decode, self.data
        return [[decode(data[a:b]) for a, b in element[0]] for element in self.elements()]

    def span_of(self, element: int, component: int = 0, repetition: int = 0) -> Span | None:
        """Return the place of a component, ``None`` if the segment does not reach that far."""
        try:
            return self.elements()[element][repetition][component]
        except IndexError:
            return None

    def text(self, element: int, component: int = 0, repetition: int = 0) -> str:
        """Return a component's text without release characters, ``""`` if it is omitted."""
        span = self.span_of(element, component, repetition)
        return "" if span is None else self.syntax.decode(self.data[span[0] : span[1]])


_segment = positional_constructor(Segment)


class Segments(Sequence[Segment]):
    """A run of segments of one interchange, made when asked for; slices are runs again.

    ``starts`` and ``ends`` belong to the file: index 0 is the file's first segment.
    """

    __slots__ = ("_ends", "_starts", "data", "first", "stop", "syntax")

    def __init__(
        self,
        data: bytes,
        syntax: Syntax,
        starts: Sequence[int],
        ends: Sequence[int],
        first: int,
        stop: int,
    ) -> None:
        self.data = data
        self.syntax = syntax
        self.first = first
        self.stop = max(first, stop)
        self._starts = starts
        self._ends = ends

    def __len__(self) -> int:
        return self.stop - self.first

    @overload
    def __getitem__(self, index: int) -> Segment: ...

    @overload
    def __getitem__(self, index: slice) -> Segments: ...

    def __getitem__(self, index: int | slice) -> Segment | Segments:
        if isinstance(index, slice):
            first, stop, step = index.indices(len(self))
            if step != 1:
                raise ValueError("segments are taken in order")
            return self.between(self.first + first, self.first + stop)
        number = index + self.stop if index < 0 else index + self.first
        if not self.first <= number < self.stop:
            raise IndexError(index)
        made: Segment = _segment(self.data, self.syntax, number, self._starts[number], self._ends[number])
        return made

    def __iter__(self) -> Iterator[Segment]:
        data, syntax, starts, ends = self.data, self.syntax, self._starts, self._ends
        for number in range(self.first, self.stop):
            yield _segment(data, syntax, number, starts[number], ends[number])

    def spans(self) -> Iterator[tuple[int, int, int]]:
        """Yield number, start and end of each segment: the cheapest way through many."""
        first, stop = self.first, self.stop
        return zip(range(first, stop), self._starts[first:stop], self._ends[first:stop], strict=True)

    def elements(self) -> Iterator[tuple[Element, ...]]:
        """Yield what :meth:`Segment.elements` returns for each segment; twice as fast for many."""
        first, end = self.span
        shielded = self.syntax.shield(self.data[first:end])
        places = self.syntax.places
        for _, start, stop in self.spans():
            yield places(shielded[start - first : stop - 1 - first], start)

    def between(self, first: int, stop: int) -> Segments:
        """Return the run of the segments with the file's numbers ``first`` up to, not including, ``stop``."""
        return Segments(self.data, self.syntax, self._starts, self._ends, first, stop)

    def at(self, number: int) -> Segment:
        """Return the segment with that number in the file."""
        made: Segment = _segment(self.data, self.syntax, number, self._starts[number], self._ends[number])
        return made

    @property
    def span(self) -> Span:
        """From the first octet of the first to after the last terminator; ``(0, 0)`` if there are none."""
        return (self._starts[self.first], self._ends[self.stop - 1]) if self.stop > self.first else (0, 0)


@dataclass(frozen=True, slots=True)
class RawInterchange:
    """One interchange as the tokenizer found it; nothing of its envelope is checked.

    Attributes:
        una: Place of the service string advice, ``None`` if there is none.
        syntax: How it is written.
        segments: All its segments, UNB first.
        service: Numbers of its segments whose tag begins with ``UN``, ``US`` or ``UI``, in order.
        closed: Whether it ends with a UNZ.
        span: From UNA or UNB to after the last terminator.
        findings: What tokenizing noticed.
    """

    una: Span | None
    syntax: Syntax
    segments: Segments
    service: array[int]
    closed: bool
    span: Span
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenized file.

    Attributes:
        data: The file as received.
        interchanges: In the file's order.
        findings: What belongs to no interchange: octets before the first and after the last one.
    """

    data: bytes
    interchanges: tuple[RawInterchange, ...]
    findings: tuple[Finding, ...]
