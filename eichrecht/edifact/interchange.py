"""Interchange, group and message as :mod:`eichrecht.edifact.envelope` reads them (ISO 9735-1 §8 to §10).

Nothing is repaired. An error stands at the smallest structure that it spoils: a wrong UNT at its message, a wrong UNZ
at the interchange, octets after the last UNZ at the file. What is used must be free of errors on all three.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from eichrecht.edifact.syntax import Segment, Segments, Span, Syntax
from eichrecht.evidence import Finding, Severity

_SECURITY_HEADER = frozenset({"USH", "USA", "USC", "USR"})
_SECURITY_TRAILER = frozenset({"UST", "USR"})


@dataclass(frozen=True, slots=True)
class Party:
    """A partner of the interchange (S002, S003): identification and its qualifier, as written."""

    identification: str
    qualifier: str


@dataclass(frozen=True, slots=True)
class MessageType:
    """S009 of UNH, as written: ``MSCONS``, ``D``, ``04B``, ``UN``, ``2.4c``."""

    type: str
    version: str
    release: str
    agency: str
    association: str


@dataclass(frozen=True, slots=True)
class Message:
    """One message with its envelope.

    Attributes:
        index: Its number in the interchange, from 0.
        segments: UNH to UNT, both included; without UNT if that is missing.
        reference: 0062 of UNH.
        type: S009 of UNH. Signatures inside the message do not cover it.
        closed: Whether it ends with a UNT.
        findings: What is wrong with this message's envelope.
    """

    index: int
    segments: Segments
    reference: str
    type: MessageType
    closed: bool
    findings: tuple[Finding, ...]

    @property
    def span(self) -> Span:
        """From the ``U`` of UNH to after the terminator of UNT."""
        return self.segments.span

    @property
    def where(self) -> str:
        """Place for findings: the place of its UNH."""
        return self.segments[0].where

    @property
    def content(self) -> Segments:
        """The segments between UNH and UNT, security groups included."""
        return self.segments[1 : len(self.segments) - self.closed]

    @property
    def body(self) -> Segments:
        """The segments between the security header groups and the security trailer groups, if there are any."""
        content = self.content
        first, stop = 0, len(content)
        while first < stop and content[first].tag in _SECURITY_HEADER:
            first += 1
        while stop > first and content[stop - 1].tag in _SECURITY_TRAILER:
            stop -= 1
        return content[first:stop]


@dataclass(frozen=True, slots=True)
class Group:
    """A functional group.

    Attributes:
        header: UNG.
        trailer: UNE, ``None`` if it is missing.
        reference: 0048 of UNG.
        messages: Numbers of its messages in the interchange.
    """

    header: Segment
    trailer: Segment | None
    reference: str
    messages: range


@dataclass(frozen=True, slots=True)
class Interchange:
    """One interchange.

    Attributes:
        index: Its number in the file, from 0.
        una: Place of the service string advice, ``None`` if there is none.
        syntax: How it is written.
        segments: UNB to UNZ.
        span: From UNA or UNB to after UNZ.
        closed: Whether it ends with a UNZ.
        reference: 0020.
        sender: S002.
        recipient: S003.
        prepared: S004 as written, date and time; without zone, so never placed in one.
        application: 0026 (EDI@Energy: ``VL``, ``EM``, ``TL``).
        test: Whether 0035 marks a test. Unsigned: it can be removed by anyone.
        groups: Functional groups.
        messages: All messages, those of groups included.
        security: Security segments at interchange and group level.
        findings: What tokenizing and the envelope check noticed, messages excepted.
    """

    index: int
    una: Span | None
    syntax: Syntax
    segments: Segments
    span: Span
    closed: bool
    reference: str
    sender: Party
    recipient: Party
    prepared: tuple[str, str]
    application: str
    test: bool
    groups: tuple[Group, ...]
    messages: tuple[Message, ...]
    security: tuple[Segment, ...]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class EdifactFile:
    """A file with its interchanges.

    Attributes:
        data: As received.
        interchanges: In the file's order.
        findings: What belongs to no interchange.
    """

    data: bytes
    interchanges: tuple[Interchange, ...]
    findings: tuple[Finding, ...]

    def all_findings(self) -> Iterator[Finding]:
        """Yield the findings of the file, its interchanges and their messages."""
        yield from self.findings
        for interchange in self.interchanges:
            yield from interchange.findings
            for message in interchange.messages:
                yield from message.findings

    def findings_for(self, interchange: Interchange, message: Message) -> tuple[Finding, ...]:
        """Return all findings that matter for one message: of the file, its interchange and itself."""
        return (*self.findings, *interchange.findings, *message.findings)


def has_error(findings: tuple[Finding, ...]) -> bool:
    """Say whether one of the findings is an error."""
    return any(finding.severity is Severity.ERROR for finding in findings)
