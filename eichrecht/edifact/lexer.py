"""From the octets of a file to its interchanges and segments.

Reading stops where the structure is no longer certain: a malformed tag, a missing terminator, a package whose octets
may be anything. What was read up to there stays, with an error. Nothing is searched for further on: text that
looks like a new UNA or UNB inside data must not become structure.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import sub

from eichrecht.edifact import charsets, limits
from eichrecht.edifact._notes import FindingList
from eichrecht.edifact.characters import DEFAULT_CHARACTERS, UNA_BYTES, ServiceCharacters, patterns, read_una
from eichrecht.edifact.codes import EdifactErrorCode, SyntaxCode
from eichrecht.edifact.errors import EdifactError
from eichrecht.edifact.syntax import RawInterchange, Segment, Segments, Span, Syntax, Tokens
from eichrecht.evidence import Finding, problem, warning

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BREAKS = re.compile(rb"[\r\n]*+")
_LINE_BREAK = re.compile(rb"[\r\n]")
_TAG = re.compile(rb"[A-Z][A-Z0-9]{2}")
_VERSIONS = ("1", "2", "3", "4")
_DEFAULT_VERSION = 3
"""Taken where UNB gives no readable version: repetition is then no structure. An error says so."""

_NOT_READ = {
    b"UNO": SyntaxCode.PACKAGE,
    b"UNP": SyntaxCode.PACKAGE,
    b"USD": SyntaxCode.ENCRYPTED,
    b"USU": SyntaxCode.ENCRYPTED,
}
"""After these headers follow octets whose number is given and which may be anything."""


def looks_like_edifact(data: bytes) -> bool:
    """Say whether data begin like an interchange, line breaks and a byte order mark disregarded."""
    start = _beginning(data)
    return data.startswith((b"UNA", b"UNB"), start) and len(data) > start + 4


def tokenize(data: bytes) -> Tokens:
    """Find all interchanges and segments of a file.

    Args:
        data: The file as received.

    Returns:
        Interchanges with segments and what was noticed. At least one interchange, though perhaps without segments.

    Raises:
        EdifactError: The file is larger than ``MAX_FILE_BYTES`` or begins with neither UNA nor UNB.
    """
    if len(data) > limits.MAX_FILE_BYTES:
        raise EdifactError(EdifactErrorCode.FILE_TOO_LARGE, "", {"limit": str(limits.MAX_FILE_BYTES)})
    position = _beginning(data)
    if not data.startswith((b"UNA", b"UNB"), position):
        raise EdifactError(EdifactErrorCode.NOT_EDIFACT, f"/byte/{position}")
    findings = list(_before(data, position))
    found: list[RawInterchange] = []
    starts, ends = array("I"), array("I")
    while True:
        reader = _Reader(data, position, starts, ends)
        found.append(reader.read())
        if reader.next is None:
            break
        position = _after_breaks(data, reader.next)
        if position == len(data):
            break
        if not data.startswith((b"UNA", b"UNB"), position):
            findings.append(
                problem(SyntaxCode.TRAILING_BYTES, f"/byte/{position}", count=len(data) - position)
            )
            break
        if len(found) == limits.MAX_INTERCHANGES:
            limit = limits.MAX_INTERCHANGES
            findings.append(problem(SyntaxCode.TOO_MANY_INTERCHANGES, f"/byte/{position}", limit=limit))
            break
    return Tokens(data, tuple(found), tuple(findings))


def _after_breaks(data: bytes, position: int) -> int:
    found = _BREAKS.match(data, position)
    return found.end() if found is not None else position


def _beginning(data: bytes) -> int:
    return _after_breaks(data, len(_BYTE_ORDER_MARK) if data.startswith(_BYTE_ORDER_MARK) else 0)


def _before(data: bytes, position: int) -> Iterator[Finding]:
    mark = data.startswith(_BYTE_ORDER_MARK)
    if mark:
        yield problem(SyntaxCode.BYTE_ORDER_MARK, "/byte/0")
    if position > (len(_BYTE_ORDER_MARK) if mark else 0):
        yield warning(SyntaxCode.BREAKS_BEFORE, "/byte/0")


class _Reader:
    """Reads one interchange; ``next`` is where another one may begin, ``None`` if nothing may be read any more."""

    def __init__(self, data: bytes, begin: int, starts: array[int], ends: array[int]) -> None:
        self.next: int | None = None
        self._data = data
        self._begin = begin
        self._starts = starts
        self._ends = ends
        self._first = len(starts)
        self._service = array("I")
        self._closed = False
        self._full = False
        self._malformed_count = 0
        self._notes = FindingList()
        self._syntax = Syntax(DEFAULT_CHARACTERS, "", _DEFAULT_VERSION, charsets.FALLBACK_CODEC)

    def read(self) -> RawInterchange:
        una, position = self._advice()
        while position is not None:
            position = self._run(position)
        self._limit()
        segments = Segments(
            self._data, self._syntax, self._starts, self._ends, self._first, len(self._starts)
        )
        end = segments.span[1] if segments else (una[1] if una else self._begin)
        if segments:
            self._characters(self._begin, end)
            self._separators(*segments.span)
        return RawInterchange(
            una, self._syntax, segments, self._service, self._closed, (self._begin, end), self._notes.all()
        )

    def _advice(self) -> tuple[Span | None, int | None]:
        """Read the UNA, if there is one, and return its place and where the UNB must be."""
        begin = self._begin
        if not self._data.startswith(b"UNA", begin):
            return None, begin
        place = (begin, min(begin + UNA_BYTES, len(self._data)))
        signs, code = read_una(self._data[begin : begin + UNA_BYTES])
        if signs is None:
            self._notes.add(problem(str(code), f"/byte/{begin}"))
            return place, None
        self._syntax = Syntax(signs, "", _DEFAULT_VERSION, charsets.FALLBACK_CODEC)
        position = _after_breaks(self._data, place[1])
        if not self._data.startswith(b"UNB", position):
            self._notes.add(problem(SyntaxCode.UNB_MISSING, f"/byte/{position}"))
        return place, position

    def _run(self, position: int) -> int | None:
        """Take segments one after another; return where to go on after a malformed one, ``None`` at the end."""
        take_start, take_end = self._starts.append, self._ends.append
        for found in patterns(self._syntax.characters).segment.finditer(self._data, position):
            kind = found.lastindex
            start, end = found.span()
            if kind is None:  # nearly every segment
                take_start(start)
                take_end(end)
            elif kind == 4:
                return self._malformed(start)
            elif kind != 3:
                if kind == 2 and not self._notes.full(SyntaxCode.RELEASE_WITHOUT_NEED):
                    where = f"/segment/{len(self._starts)}/{self._tag(start)}"
                    self._notes.keep(warning(SyntaxCode.RELEASE_WITHOUT_NEED, where))
                if not self._take(start, end):
                    return None
        if not self._closed:
            self.next = len(self._data)
        return None

    def _tag(self, start: int) -> str:
        return self._data[start : start + 3].decode("ascii", "replace")

    def _take(self, start: int, end: int) -> bool:
        """Keep a segment whatever its tag; return whether the interchange goes on."""
        tag = self._data[start : start + 3]
        number = len(self._starts)
        where = f"/segment/{number}/{self._tag(start)}"
        if tag == b"UNB" and number > self._first:
            self.next = start  # the envelope check reports the missing UNZ
            return False
        code = SyntaxCode.INTERACTIVE if tag.startswith(b"UI") else _NOT_READ.get(tag)
        if tag == b"UNA":
            code = SyntaxCode.UNA_INSIDE
        if code is None and number >= limits.MAX_SEGMENTS:
            self._full = True
            return False
        if code is not None:
            self._notes.add(problem(code, where, tag=self._tag(start), position=start))
            return False
        self._starts.append(start)
        self._ends.append(end)
        if tag.startswith((b"UN", b"US")):
            self._service.append(number)
        if tag == b"UNB":
            self._open(Segment(self._data, self._syntax, number, start, end))
        elif tag == b"UNZ":
            self._closed = True
            self.next = end
            return False
        return True

    def _malformed(self, start: int) -> int | None:
        """Say what is wrong with the segment at ``start``; return its end if its structure is certain."""
        data, signs = self._data, self._syntax.characters
        tag = _TAG.match(data, start)
        ends_tag = tag is not None and data[tag.end() : tag.end() + 1] in (
            bytes((signs.element,)),
            bytes((signs.terminator,)),
        )
        whole = patterns(signs).whole.match(data, start)
        if whole is None:
            self._notes.add(
                problem(SyntaxCode.SEGMENT_UNTERMINATED, f"/byte/{start}", count=len(data) - start)
            )
            return None
        if not ends_tag:
            shown = data[start : start + 3].decode("ascii", "replace")
            self._notes.add(problem(SyntaxCode.TAG_MALFORMED, f"/byte/{start}", tag=shown))
            return None
        where = f"/segment/{len(self._starts)}/{self._tag(start)}"
        if (line_break := _LINE_BREAK.search(data, start, whole.end())) is not None:
            self._notes.add(problem(SyntaxCode.LINE_BREAK_IN_SEGMENT, where, position=line_break.start()))
        if (control := _control(signs).search(data, start, whole.end())) is not None:
            octet = f"{data[control.start()]:02X}"
            self._notes.add(
                problem(SyntaxCode.CONTROL_CHARACTER, where, octet=octet, position=control.start())
            )
        self._malformed_count += 1
        if self._malformed_count == limits.MAX_MALFORMED:
            self._notes.add(problem(SyntaxCode.TOO_MANY_MALFORMED, where, limit=limits.MAX_MALFORMED))
            return None
        return whole.end() if self._take(start, whole.end()) else None

    def _open(self, unb: Segment) -> None:
        """Take repertoire, version and encoding from UNB, and say which of them cannot be read."""
        values = unb.values()
        parts = [*(values[1] if len(values) > 1 else ()), "", "", "", ""]
        identifier, version, encoding = parts[0], parts[1], parts[3]
        codec = charsets.CODECS.get(identifier)
        if codec is None:
            self._notes.add(problem(SyntaxCode.CHARACTER_SET, unb.where, identifier=identifier))
        if encoding not in charsets.ENCODINGS:
            self._notes.add(problem(SyntaxCode.ENCODING, unb.where, encoding=encoding))
        codec = charsets.ENCODINGS.get(encoding) or codec or charsets.FALLBACK_CODEC
        if version not in _VERSIONS:
            self._notes.add(problem(SyntaxCode.SYNTAX_VERSION, unb.where, version=version))
        number = int(version) if version in _VERSIONS else _DEFAULT_VERSION
        signs = self._syntax.characters
        self._syntax = Syntax(signs, identifier, number, codec)
        if number < 4 and self._data.startswith(b"UNA", self._begin):
            if signs.repetition is not None:
                self._notes.add(warning(SyntaxCode.UNA_RESERVED, f"/byte/{self._begin}"))
            if signs.decimal_mark not in b".,":
                self._notes.add(warning(SyntaxCode.UNA_DECIMAL_MARK, f"/byte/{self._begin}"))

    def _limit(self) -> None:
        """Refuse segments beyond the limits; from the first one on nothing is kept."""
        starts, ends = self._starts, self._ends
        if self._full or len(starts) > limits.MAX_SEGMENTS:
            self._cut(limits.MAX_SEGMENTS, SyntaxCode.TOO_MANY_SEGMENTS, limits.MAX_SEGMENTS)
        first = self._first
        if max(map(sub, ends[first:], starts[first:]), default=0) <= limits.MAX_COMPONENTS:
            return
        signs = self._syntax.characters
        for number in range(first, len(starts)):
            start, end = starts[number], ends[number]
            length = end - start
            if length <= limits.MAX_COMPONENTS:
                continue
            if length > limits.MAX_SEGMENT_BYTES:
                self._cut(number, SyntaxCode.SEGMENT_TOO_LONG, limits.MAX_SEGMENT_BYTES)
                break
            # Released separators are counted too: the exact count is taken only where this one is too high.
            octets = self._data[start:end]
            if (
                octets.count(signs.element) >= limits.MAX_ELEMENTS
                or octets.count(signs.component) >= limits.MAX_COMPONENTS
            ):
                self._count(Segment(self._data, self._syntax, number, start, end))

    def _cut(self, number: int, code: SyntaxCode, limit: int) -> None:
        self._notes.add(problem(code, f"/segment/{number}", limit=limit))
        del self._starts[number:], self._ends[number:]
        while self._service and self._service[-1] >= number:
            self._service.pop()
        self._closed = False
        self.next = None

    def _count(self, segment: Segment) -> None:
        """Count separators only: of a hostile segment nothing is made that has a size for each of them."""
        octets = self._syntax.shield(segment.data[segment.start : segment.end - 1])
        element, component, repetition = self._syntax.octets
        repetitions = octets.count(repetition) if repetition is not None else 0
        if octets.count(element) + repetitions + 1 > limits.MAX_ELEMENTS:
            self._notes.add(problem(SyntaxCode.TOO_MANY_ELEMENTS, segment.where, limit=limits.MAX_ELEMENTS))
        if repetition is not None:
            octets = octets.replace(repetition, element)
        if max(part.count(component) for part in octets.split(element)) >= limits.MAX_COMPONENTS:
            limit = limits.MAX_COMPONENTS
            self._notes.add(problem(SyntaxCode.TOO_MANY_COMPONENTS, segment.where, limit=limit))

    def _characters(self, start: int, end: int) -> None:
        """Report octets that the announced repertoire does not know."""
        at = charsets.first_undecodable(self._data, start, end, self._syntax.codec)
        if at is not None:
            params = {"octet": f"{self._data[at]:02X}", "position": at, "identifier": self._syntax.identifier}
            self._notes.add(problem(SyntaxCode.UNDECODABLE, self._where(at), **params))
        if self._syntax.identifier == "UNOA":
            at = charsets.first_outside_level_a(self._data, start, end)
            if at is not None:
                self._notes.add(warning(SyntaxCode.OUTSIDE_LEVEL_A, self._where(at), position=at))

    def _separators(self, start: int, end: int) -> None:
        """Report separators at the end of an element or segment, which separate nothing."""
        for pair in _trailing_pairs(self._syntax):
            at = self._data.find(pair, start, end)
            while at >= 0:
                if not self._released(at) and not self._notes.full(SyntaxCode.TRAILING_SEPARATOR):
                    self._notes.keep(warning(SyntaxCode.TRAILING_SEPARATOR, self._where(at)))
                at = self._data.find(pair, at + 1, end)

    def _released(self, at: int) -> bool:
        """Say whether the octet at ``at`` is released: an odd number of release characters stands before it."""
        release = self._syntax.characters.release
        count = 0
        while release is not None and at - count - 1 >= self._begin and self._data[at - count - 1] == release:
            count += 1
        return count % 2 == 1

    def _where(self, at: int) -> str:
        number = bisect_right(self._starts, at) - 1
        if number < self._first:
            return f"/byte/{at}"
        return f"/segment/{number}/{self._tag(self._starts[number])}"


@lru_cache(maxsize=16)
def _control(signs: ServiceCharacters) -> re.Pattern[bytes]:
    used: Sequence[int | None] = (
        signs.component,
        signs.element,
        signs.release,
        signs.repetition,
        signs.terminator,
    )
    octets = [octet for octet in (*range(0x20), 0x7F) if octet not in used and octet not in b"\r\n"]
    return re.compile(b"[" + b"".join(b"\\x%02x" % octet for octet in octets) + b"]")


def _trailing_pairs(syntax: Syntax) -> list[bytes]:
    signs = syntax.characters
    ending = [signs.element, signs.terminator]
    pairs = [(signs.component, sign) for sign in ending] + [(signs.element, signs.terminator)]
    if syntax.octets[2] is not None and signs.repetition is not None:
        pairs += [(signs.component, signs.repetition), *((signs.repetition, sign) for sign in ending)]
    return [bytes(pair) for pair in pairs]
