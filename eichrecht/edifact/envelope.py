"""Reading files and checking their envelopes: every control count and reference (ISO 9735-1 §8 to §10)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar

from eichrecht.edifact import limits
from eichrecht.edifact._notes import FindingList
from eichrecht.edifact.codes import EnvelopeCode
from eichrecht.edifact.interchange import EdifactFile, Group, Interchange, Message, MessageType, Party
from eichrecht.edifact.lexer import tokenize
from eichrecht.edifact.syntax import RawInterchange, Segment
from eichrecht.evidence import Finding, problem, warning

_COUNT = re.compile(r"[0-9]{1,10}")
_SHORT_DATE = re.compile(r"[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_LONG_DATE = re.compile(r"[0-9]{4}(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])")
_TIME = re.compile(r"([01][0-9]|2[0-3])[0-5][0-9]")


def read_file(data: bytes) -> EdifactFile:
    """Read a file and check its envelopes.

    Args:
        data: The file as received.

    Raises:
        EdifactError: It is too large, or begins with neither UNA nor UNB.
    """
    tokens = tokenize(data)
    interchanges = tuple(_Envelope(number, raw).read() for number, raw in enumerate(tokens.interchanges))
    findings = list(tokens.findings)
    seen: Counter[tuple[str, Party, Party]] = Counter()
    for one in interchanges:
        identity = (one.reference, one.sender, one.recipient)
        seen[identity] += 1
        if seen[identity] == 2 and one.segments:
            findings.append(
                warning(
                    EnvelopeCode.INTERCHANGE_REFERENCE_REPEATED,
                    one.segments[0].where,
                    reference=one.reference,
                )
            )
    return EdifactFile(data, interchanges, tuple(findings))


class _Envelope:
    """Walks over the service segments of one interchange."""

    def __init__(self, index: int, raw: RawInterchange) -> None:
        self._index = index
        self._raw = raw
        self._segments = raw.segments
        self._notes = FindingList()
        for finding in raw.findings:
            self._notes.add(finding)
        self._messages: list[Message] = []
        self._groups: list[Group] = []
        self._security: list[Segment] = []
        self._references: Counter[str] = Counter()
        self._group_references: Counter[str] = Counter()
        self._message_start: int | None = None
        self._group: Segment | None = None
        self._group_first = 0
        self._bare_messages = False
        self._mixed = False

    def read(self) -> Interchange:
        unb = self._segments[0] if self._segments and self._segments[0].tag == "UNB" else None
        done = self._segments.first + (unb is not None)
        unz = None
        steps = 0
        for number in self._raw.service:
            segment = self._segments.at(number)
            step = self._STEPS.get(segment.tag)
            if step is None:
                continue
            steps += 1
            if steps > limits.MAX_STRUCTURES:
                limit = limits.MAX_STRUCTURES
                self._notes.add(problem(EnvelopeCode.TOO_MANY_STRUCTURES, segment.where, limit=limit))
                break
            if self._message_start is None:
                self._outside(done, number)
            step(self, segment)
            done = number + 1
            unz = segment if segment.tag == "UNZ" else None
        if self._message_start is None:
            self._outside(done, self._segments.stop)
        if unz is None:
            self._close_open(self._segments.stop)
            self._notes.add(problem(EnvelopeCode.UNZ_MISSING, unb.where if unb else ""))
        if not self._messages:
            self._notes.add(problem(EnvelopeCode.INTERCHANGE_EMPTY, unb.where if unb else ""))
        return self._result(unb, unz)

    def _result(self, unb: Segment | None, unz: Segment | None) -> Interchange:
        fields = _Fields(unb)
        reference = fields.text(5)
        prepared = (fields.text(4), fields.text(4, 1))
        if unb is not None:
            self._check_unb(unb, fields, prepared)
        if unz is not None:
            units = len(self._groups) or len(self._messages)
            self._trailer(unz, units, reference, EnvelopeCode.UNZ_COUNT, EnvelopeCode.UNZ_REFERENCE)
        return Interchange(
            index=self._index,
            una=self._raw.una,
            syntax=self._raw.syntax,
            segments=self._segments,
            span=self._raw.span,
            closed=self._raw.closed,
            reference=reference,
            sender=Party(fields.text(2), fields.text(2, 1)),
            recipient=Party(fields.text(3), fields.text(3, 1)),
            prepared=prepared,
            application=fields.text(7),
            test=fields.text(11) == "1",
            groups=tuple(self._groups),
            messages=tuple(self._messages),
            security=tuple(self._security),
            findings=self._notes.all(),
        )

    def _check_unb(self, unb: Segment, fields: _Fields, prepared: tuple[str, str]) -> None:
        if not fields.text(5):
            self._notes.add(problem(EnvelopeCode.REFERENCE_MISSING, unb.where, tag="UNB"))
        for element in (2, 3):
            if not fields.text(element):
                self._notes.add(problem(EnvelopeCode.PARTY_MISSING, unb.where, element=element))
        pattern = _LONG_DATE if self._raw.syntax.version >= 4 else _SHORT_DATE
        if not (pattern.fullmatch(prepared[0]) and _TIME.fullmatch(prepared[1])):
            self._notes.add(
                problem(
                    EnvelopeCode.DATE_FORMAT,
                    unb.where,
                    written=":".join(prepared),
                    version=self._raw.syntax.version,
                )
            )
        if fields.text(11) == "1":
            self._notes.add(warning(EnvelopeCode.TEST_INDICATOR, unb.where))

    def _outside(self, first: int, stop: int) -> None:
        """Report segments between messages; those of security groups are kept instead."""
        strange: Segment | None = None
        count = 0
        for segment in self._segments.between(first, stop):
            if segment.tag.startswith("US"):
                self._security.append(segment)
            else:
                strange, count = strange or segment, count + 1
        if strange is not None:
            self._notes.add(problem(EnvelopeCode.SEGMENT_OUTSIDE_MESSAGE, strange.where, count=count))

    def _begin_message(self, unh: Segment) -> None:
        self._close_message(unh.index, None)
        self._message_start = unh.index
        self._bare_messages |= self._group is None
        self._check_mixed(unh)

    def _check_mixed(self, segment: Segment) -> None:
        if self._bare_messages and (self._groups or self._group is not None) and not self._mixed:
            self._mixed = True
            self._notes.add(problem(EnvelopeCode.MIXED, segment.where))

    def _end_message(self, unt: Segment) -> None:
        if self._message_start is None:
            self._notes.add(problem(EnvelopeCode.UNH_MISSING, unt.where))
            return
        self._close_message(unt.index + 1, unt)

    def _close_message(self, stop: int, unt: Segment | None) -> None:
        """Make the message that is open, if there is one, of all segments before number ``stop``."""
        if self._message_start is None:
            return
        segments = self._segments.between(self._message_start, stop)
        self._message_start = None
        unh = segments[0]
        fields = _Fields(unh)
        reference = fields.text(1)
        notes = FindingList()
        if unt is None:
            notes.add(problem(EnvelopeCode.UNT_MISSING, unh.where, reference=reference))
        else:
            codes = (EnvelopeCode.UNT_COUNT, EnvelopeCode.UNT_REFERENCE)
            for finding in _check_trailer(unt, len(segments), reference, *codes):
                notes.add(finding)
        if not reference:
            notes.add(problem(EnvelopeCode.REFERENCE_MISSING, unh.where, tag="UNH"))
        self._references[reference] += 1
        if self._references[reference] == 2:
            self._notes.add(problem(EnvelopeCode.MESSAGE_REFERENCE_REPEATED, unh.where, reference=reference))
        kind = MessageType(*(fields.text(2, component) for component in range(5)))
        self._messages.append(
            Message(len(self._messages), segments, reference, kind, unt is not None, notes.all())
        )

    def _begin_group(self, ung: Segment) -> None:
        self._close_open(ung.index)
        self._group, self._group_first = ung, len(self._messages)
        self._check_mixed(ung)

    def _end_group(self, une: Segment) -> None:
        self._close_message(une.index, None)
        if self._group is None:
            self._notes.add(problem(EnvelopeCode.UNG_MISSING, une.where))
            return
        self._close_group(une)

    def _close_group(self, une: Segment | None) -> None:
        """Make the group that is open, if there is one."""
        ung, self._group = self._group, None
        if ung is None:
            return
        reference = _Fields(ung).text(5)
        messages = range(self._group_first, len(self._messages))
        if une is None:
            self._notes.add(problem(EnvelopeCode.UNE_MISSING, ung.where, reference=reference))
        else:
            self._trailer(une, len(messages), reference, EnvelopeCode.UNE_COUNT, EnvelopeCode.UNE_REFERENCE)
        if not reference:
            self._notes.add(problem(EnvelopeCode.REFERENCE_MISSING, ung.where, tag="UNG"))
        if not messages:
            self._notes.add(problem(EnvelopeCode.GROUP_EMPTY, ung.where, reference=reference))
        self._group_references[reference] += 1
        if self._group_references[reference] == 2:
            self._notes.add(problem(EnvelopeCode.GROUP_REFERENCE_REPEATED, ung.where, reference=reference))
        self._groups.append(Group(ung, une, reference, messages))

    def _end_interchange(self, unz: Segment) -> None:
        self._close_open(unz.index)

    def _close_open(self, stop: int) -> None:
        self._close_message(stop, None)
        self._close_group(None)

    def _trailer(
        self, segment: Segment, count: int, reference: str, count_code: str, reference_code: str
    ) -> None:
        for finding in _check_trailer(segment, count, reference, count_code, reference_code):
            self._notes.add(finding)

    _STEPS: ClassVar[Mapping[str, Callable[[_Envelope, Segment], None]]] = {
        "UNG": _begin_group,
        "UNH": _begin_message,
        "UNT": _end_message,
        "UNE": _end_group,
        "UNZ": _end_interchange,
    }


class _Fields:
    """Texts of a service segment, trailing blanks removed as ISO 9735-1 lets them be insignificant."""

    def __init__(self, segment: Segment | None) -> None:
        self._values = segment.values() if segment is not None else []

    def text(self, element: int, component: int = 0) -> str:
        try:
            return self._values[element][component].rstrip(" ")
        except IndexError:
            return ""


def _check_trailer(
    segment: Segment, count: int, reference: str, count_code: str, reference_code: str
) -> Iterator[Finding]:
    """Compare count and reference of UNT, UNE or UNZ with what was found."""
    fields = _Fields(segment)
    written = fields.text(1)
    if not _COUNT.fullmatch(written) or int(written) != count:
        yield problem(count_code, segment.where, written=written, counted=count)
    if fields.text(2) != reference:
        yield problem(reference_code, segment.where, written=fields.text(2), reference=reference)
