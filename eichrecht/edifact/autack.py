"""AUTACK: signatures over an interchange or a message that lies elsewhere (ISO 9735-6).

Structure only. An AUTACK signs nothing of itself: neither its key name nor its time nor what it says that it refers to.
So its reference serves to find the octets (UNB to UNZ without UNA, or UNH to UNT), and must fit them; different
interchanges may carry the same reference, and only the signature tells whether these are the ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from eichrecht.edifact.interchange import EdifactFile, Interchange, Message, Party
from eichrecht.edifact.security import MAX_GROUPS, SignatureGroup, make_group
from eichrecht.edifact.security_checks import check_header
from eichrecht.edifact.security_codes import SecurityCode
from eichrecht.edifact.security_segments import (
    Algorithm,
    Header,
    Value,
    read_algorithm,
    read_certificate,
    read_header,
    read_trailer,
    read_values,
)
from eichrecht.edifact.syntax import Segment, Segments
from eichrecht.evidence import Finding, problem

TYPE = "AUTACK"
"""0065 of these messages."""

MAX_REFERENCES = 10_000
"""Most USX of a message that are looked at; the standard allows 9999."""

_Place: TypeAlias = tuple[str, Party, Party, str]
"""0020, S002, S003 and 0062 of a reference."""

_SERVICES = frozenset({"7"})
_COUNT = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class Reference:
    """USX: what is signed, and by which of the AUTACK's groups with which result.

    Attributes:
        interchange: 0020.
        sender: S002.
        recipient: S003.
        message: 0062; ``""`` if the whole interchange is meant.
        supported: Whether nothing else than an interchange or a message is meant (no group, no package).
        results: 0534 and S508 of each USY.
        where: Place of the USX.
    """

    interchange: str
    sender: Party
    recipient: Party
    message: str
    supported: bool
    results: tuple[tuple[str, tuple[Value, ...]], ...]
    where: str


@dataclass(frozen=True, slots=True)
class _Group:
    header: Header
    algorithms: tuple[Algorithm, ...]
    owner: str
    segments: int
    where: str


@dataclass(frozen=True, slots=True)
class Autack:
    """One AUTACK message.

    Attributes:
        references: What it refers to.
        findings: What is wrong with it; errors. Nothing of it may be used then.
    """

    references: tuple[Reference, ...]
    findings: tuple[Finding, ...]
    _groups: tuple[_Group, ...]
    _by_place: Mapping[_Place, tuple[Reference, ...]]

    def signatures(self, interchange: Interchange, message: Message) -> tuple[SignatureGroup, ...]:
        """Return its signatures over a message or the whole interchange of it; empty if it refers to neither."""
        place = (interchange.reference, interchange.sender, interchange.recipient)
        found: list[SignatureGroup] = []
        for name in dict.fromkeys(("", message.reference)):
            for one in self._by_place.get((*place, name), ()):
                runs = message.segments if one.message else interchange.segments
                found += (self._signature(one, *result, runs) for result in one.results[:MAX_GROUPS])
        return tuple(found[:MAX_GROUPS])

    def _signature(
        self, reference: Reference, name: str, values: tuple[Value, ...], runs: Segments
    ) -> SignatureGroup:
        group = next(group for group in self._groups if group.header.reference == name)
        scopes = frozenset({"3", "6"} if reference.message else {"3"})
        findings = check_header(group.header, _SERVICES, scopes, group.where)
        if not reference.supported:
            findings.append(problem(SecurityCode.REFERENCE_UNSUPPORTED, reference.where))
        return make_group(
            group.header, group.owner, group.algorithms, values, (runs,), tuple(findings), reference.where
        )


def read_autacks(file: EdifactFile) -> tuple[Autack, ...]:
    """Read every AUTACK message of a file."""
    return tuple(
        _read(message)
        for interchange in file.interchanges
        for message in interchange.messages
        if message.type.type == TYPE
    )


def _read(message: Message) -> Autack:
    """Read UNH, header groups, USB, USX with its USY, trailer groups, UNT; anything else is refused."""
    segments = list(message.content[: 4 * MAX_REFERENCES])
    tags = [segment.tag for segment in segments]
    groups, at = _headers(segments, tags)
    if at < len(tags) and tags[at] == "USB":
        at += 1
    references, at = _references(segments, tags, at)
    trailers, at = _trailers(segments, tags, at)
    broken = (
        at < len(tags)
        or len(message.content) > len(segments)
        or not references
        or not _closes(groups, trailers)
        or any(
            name not in {group.header.reference for group in groups}
            for one in references
            for name, _ in one.results
        )
    )
    if broken:
        return Autack((), (problem(SecurityCode.AUTACK_MALFORMED, message.where),), (), {})
    by_place: dict[_Place, tuple[Reference, ...]] = {}
    for one in references:
        place = (one.interchange, one.sender, one.recipient, one.message)
        known = by_place.get(place, ())
        if len(known) < MAX_GROUPS:
            by_place[place] = (*known, one)
    return Autack(tuple(references), (), tuple(groups), by_place)


def _headers(segments: list[Segment], tags: list[str]) -> tuple[list[_Group], int]:
    groups: list[_Group] = []
    at = 0
    while at < len(tags) and tags[at] == "USH" and len(groups) < MAX_GROUPS:
        first, owner = at, ""
        algorithms: list[Algorithm] = []
        at += 1
        while at < len(tags) and tags[at] in ("USA", "USC"):
            if tags[at] == "USA":
                algorithms.append(read_algorithm(segments[at]))
            else:
                reference, name = read_certificate(segments[at])
                owner = owner or name or reference
            at += 1
        header = read_header(segments[first])
        groups.append(_Group(header, tuple(algorithms), owner, at - first, segments[first].where))
    return groups, at


def _references(segments: list[Segment], tags: list[str], at: int) -> tuple[list[Reference], int]:
    found: list[Reference] = []
    while at < len(tags) and tags[at] == "USX" and len(found) < MAX_REFERENCES:
        fields = [[text.rstrip(" ") for text in element] for element in segments[at].values()]
        fields += [[""]] * 10
        where = segments[at].where
        at += 1
        results = []
        while at < len(tags) and tags[at] == "USY":
            reference = segments[at].text(1)
            results.append((reference, read_values(segments[at], 2)))
            at += 1
        found.append(
            Reference(
                interchange=fields[1][0],
                sender=_party(fields[2]),
                recipient=_party(fields[3]),
                message=fields[7][0],
                supported=not any(any(fields[element]) for element in (4, 9)),
                results=tuple(results),
                where=where,
            )
        )
    return found, at


def _party(element: list[str]) -> Party:
    return Party(element[0], element[1] if len(element) > 1 else "")


def _trailers(segments: list[Segment], tags: list[str], at: int) -> tuple[list[tuple[str, str]], int]:
    found = []
    while at < len(tags) and tags[at] == "UST":
        found.append(read_trailer(segments[at]))
        at += 1
    return found, at


def _closes(groups: list[_Group], trailers: list[tuple[str, str]]) -> bool:
    """Whether every header group has its trailer, in reverse order, with the right count 0588."""
    names = [group.header.reference for group in groups]
    if not all(names) or len(set(names)) != len(names) or len(groups) != len(trailers):
        return False
    return all(
        name == group.header.reference and _COUNT.fullmatch(count) and int(count) == group.segments + 1
        for group, (name, count) in zip(groups, reversed(trailers), strict=True)
    )
