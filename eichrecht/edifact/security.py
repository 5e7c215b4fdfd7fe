"""Signatures inside a message: which octets they cover and what they claim (ISO 9735-5).

Structure only, no cryptography: :func:`read_security` says for each pair of header and trailer group which octets are
signed, with which algorithm, under which key name, and gives the signature's octets.

Scope 1 covers the pair's header group and the body, scope 2 everything from USH to before its own UST. UNA, UNB, UNH,
UST, USR, UNT and UNZ are covered by neither. A run of adjacent covered segments is signed with the line breaks inside
it and without those at its ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from eichrecht.edifact._signature_value import signature_value
from eichrecht.edifact.interchange import Interchange, Message
from eichrecht.edifact.security_checks import check_header, hash_of, other_uses, scheme_of
from eichrecht.edifact.security_codes import CONTRADICTIONS, SecurityCode
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
from eichrecht.edifact.syntax import Segments, Span
from eichrecht.evidence import Finding, problem

MAX_GROUPS = 16
"""Most pairs of security groups of a message that are read; the standard allows 99, real ones have one or two. Each may
sign the whole body again."""

MAX_SIGNED_BYTES = 64 * 1024 * 1024
"""Most octets that the signatures of one message cover together, where there are more than two: the largest message
may be signed twice."""

_UNA = (b"UNA:+.? '", b"UNA:+.?*'")
_TRAILER = frozenset({"UST", "USR"})
_COUNT = re.compile(r"[0-9]{1,10}")


@dataclass(frozen=True, slots=True)
class SignatureGroup:
    """One pair of security header and trailer group, or one signature of an AUTACK.

    Attributes:
        header: USH.
        key_name: Name of the key in a register: USH, else USC; ``""`` if there is none.
        hash_name: ``SHA256``, ``SHA384``, ``SHA512``; ``None`` if unsupported.
        scheme: ``ECDSA`` or ``RSA``; ``None`` if unsupported.
        value: The signature's octets, ``None`` where they cannot be read.
        form: How an ECDSA signature is written: ``raw`` (r‖s) or ``der``.
        filter_name: ``hex`` or ``base64``.
        spans: Signed octets of the file, in order; signed is one behind the other.
        segments: The signed segments, for a reader that has to leave line breaks out.
        findings: What makes it worthless; empty for one that can be checked.
    """

    header: Header
    key_name: str
    hash_name: str | None
    scheme: str | None
    value: bytes | None
    form: str
    filter_name: str | None
    spans: tuple[Span, ...]
    segments: tuple[Segments, ...]
    findings: tuple[Finding, ...]

    def signed(self, data: bytes) -> bytes:
        """Return the signed octets of a file."""
        return b"".join(data[start:end] for start, end in self.spans)

    def without_breaks(self, data: bytes) -> bytes | None:
        """Return the signed octets without the line breaks after terminators; ``None`` if there are none.

        Files get line breaks in transit that nobody signed. Nothing else is ever removed, and nothing added.
        """
        return _without_breaks(data, self.segments)

    @property
    def algorithms(self) -> tuple[str, ...]:
        """The algorithms that it may have been made with: the key's curve decides, where it is ECDSA."""
        if self.scheme is None or self.hash_name is None:
            return ()
        if self.scheme == "RSA":
            return (f"RSA-{self.hash_name}",)
        return ecdsa_algorithms(self.hash_name)


@lru_cache(maxsize=2)
def _without_breaks(data: bytes, runs: tuple[Segments, ...]) -> bytes | None:
    """See above; kept, as the octets of an AUTACK are the same for all messages of an interchange."""
    spans = [run.span for run in runs]
    if not any(data.find(sign, start, end) >= 0 for start, end in spans for sign in (b"\r", b"\n")):
        return None
    plain = b"".join(data[start:end] for run in runs for _, start, end in run.spans())
    return plain if len(plain) != sum(end - start for start, end in spans) else None


CURVES = (
    *("secp256r1", "brainpool256r1", "secp384r1", "brainpool384r1", "secp521r1", "brainpool512r1"),
    *("secp256k1", "secp192r1", "secp192k1", "secp224r1", "secp224k1"),
)
"""Curves that the key may be of, the likeliest first: EDIFACT does not carry it."""


@cache
def ecdsa_algorithms(hash_name: str) -> tuple[str, ...]:
    """Return ECDSA with this hash function on every curve that the key may be of."""
    return tuple(f"ECDSA-{curve}-{hash_name}" for curve in CURVES)


@dataclass(frozen=True, slots=True)
class MessageSecurity:
    """What is signed inside a message.

    Attributes:
        groups: Pairs of security groups, outermost first; empty for an unsigned message.
        findings: What is wrong with the message as a whole; errors.
    """

    groups: tuple[SignatureGroup, ...]
    findings: tuple[Finding, ...]

    @property
    def contradictions(self) -> tuple[Finding, ...]:
        """The findings that show the message to be wrong, of itself and of its groups."""
        every = (*self.findings, *(finding for group in self.groups for finding in group.findings))
        return tuple(finding for finding in every if finding.code in CONTRADICTIONS)

    @property
    def unsupported(self) -> tuple[Finding, ...]:
        """The findings that leave nothing that could be checked."""
        return tuple(finding for finding in self.findings if finding.code not in CONTRADICTIONS)


@dataclass(frozen=True, slots=True)
class _HeaderGroup:
    header: Header
    first: int
    stop: int
    algorithms: tuple[Algorithm, ...]
    owner: str
    certificate: bool


@dataclass(frozen=True, slots=True)
class _TrailerGroup:
    first: int
    stop: int
    reference: str
    count: str
    values: tuple[Value, ...] | None


def read_security(interchange: Interchange, message: Message) -> MessageSecurity:
    """Read the security groups of a message.

    Args:
        interchange: Its interchange.
        message: The message.
    """
    content = message.content
    tags = [segment.tag for segment in content]
    if not any(tag.startswith("US") for tag in tags):
        found = [problem(SecurityCode.UNSIGNED, message.where)]
        if interchange.security:
            where = interchange.security[0].where
            found.append(problem(SecurityCode.INTERCHANGE_LEVEL_UNSUPPORTED, where))
        return MessageSecurity((), tuple(found))
    start, end = content.span
    limit = min(MAX_GROUPS, max(2, MAX_SIGNED_BYTES // (end - start)))
    headers, body_first, excess = _read_headers(content, tags, limit)
    trailer_first = next((n for n in range(body_first, len(tags)) if tags[n] == "UST"), len(tags))
    findings = [*_outside(content, tags, body_first, trailer_first, bool(headers))]
    if excess:
        findings.append(problem(SecurityCode.TOO_MANY_GROUPS, message.where, limit=limit))
        return MessageSecurity((), tuple(findings))
    trailers = _read_trailers(content, tags, trailer_first)
    findings += _match(message, headers, trailers)
    if body_first == trailer_first:
        findings.append(problem(SecurityCode.BODY_EMPTY, message.where))
    if interchange.una is not None and not interchange.segments.data.startswith(_UNA, interchange.una[0]):
        findings.append(problem(SecurityCode.SERVICE_CHARACTERS_UNSUPPORTED, "/UNA"))
    if not headers or len(headers) != len(trailers):
        return MessageSecurity((), tuple(findings))
    body = content[body_first:trailer_first]
    groups = []
    for number, (group, trailer) in enumerate(zip(headers, reversed(trailers), strict=True)):
        # The innermost header stands directly before the body: one run with the line break between them.
        if group.header.scope == "2":
            runs = [content[group.first : trailer.first]]
        elif number == len(headers) - 1:
            runs = [content[group.first : trailer_first]]
        else:
            runs = [content[group.first : group.stop], body]
        where = content[group.first].where
        groups.append(_group(group, trailer.values or (), tuple(run for run in runs if len(run)), where))
    return MessageSecurity(tuple(groups), tuple(findings))


def _read_headers(content: Segments, tags: list[str], limit: int) -> tuple[list[_HeaderGroup], int, bool]:
    """Read header groups: USH, its USA, and certificates USC with their USA and USR; say if there are too many."""
    groups: list[_HeaderGroup] = []
    at = 0
    while at < len(tags) and tags[at] == "USH":
        if len(groups) == limit:
            return groups, at, True
        first, owner, certificate = at, "", False
        algorithms: list[Algorithm] = []
        at += 1
        while at < len(tags) and tags[at] in ("USA", "USC", "USR"):
            if tags[at] == "USA":
                algorithms.append(read_algorithm(content[at]))
            elif tags[at] == "USC":
                reference, name = read_certificate(content[at])
                owner = owner or name or reference
            else:
                certificate = True
            at += 1
        groups.append(
            _HeaderGroup(read_header(content[first]), first, at, tuple(algorithms), owner, certificate)
        )
    return groups, at, False


def _read_trailers(content: Segments, tags: list[str], first: int) -> list[_TrailerGroup]:
    groups = []
    at = first
    while at < len(tags):
        if tags[at] != "UST":
            at += 1
            continue
        reference, count = read_trailer(content[at])
        has_result = at + 1 < len(tags) and tags[at + 1] == "USR"
        values = read_values(content[at + 1], 1) if has_result else None
        groups.append(_TrailerGroup(at, at + 1 + has_result, reference, count, values))
        at += 1 + has_result
    return groups


def _outside(
    content: Segments, tags: list[str], body_first: int, trailer_first: int, has_headers: bool
) -> list[Finding]:
    """Find the first segment that no signature covers, and the first security segment in the body."""
    found = []
    outside = range(trailer_first, len(tags))
    strange = next((n for n in outside if tags[n] not in _TRAILER), None if has_headers else 0)
    if strange is not None:
        found.append(problem(SecurityCode.SEGMENT_OUTSIDE_SCOPE, content[strange].where, tag=tags[strange]))
    body = range(body_first, trailer_first)
    stray = next((n for n in body if tags[n].startswith("US")), None)
    if stray is None:
        stray = next((n for n in outside if tags[n] == "USR" and tags[n - 1] != "UST"), None)
    if stray is not None:
        found.append(problem(SecurityCode.STRAY_SECURITY_SEGMENT, content[stray].where, tag=tags[stray]))
    return found


def _match(message: Message, headers: list[_HeaderGroup], trailers: list[_TrailerGroup]) -> list[Finding]:
    """Compare header and trailer groups: references 0534, reverse nesting, counts 0588, results."""
    where = message.where
    found = []
    references = [group.header.reference for group in headers]
    repeated = next((one for one in references if references.count(one) > 1), None)
    if repeated is not None:
        found.append(problem(SecurityCode.REFERENCE_REPEATED, where, reference=repeated))
    if references != [group.reference for group in reversed(trailers)] or not all(references):
        closing = ", ".join(group.reference or "-" for group in trailers[:MAX_GROUPS])
        opening = ", ".join(one or "-" for one in references)
        found.append(problem(SecurityCode.REFERENCE_DIFFERS, where, headers=opening, trailers=closing))
        return found
    for group, trailer in zip(headers, reversed(trailers), strict=True):
        counted = group.stop - group.first + trailer.stop - trailer.first
        if not _COUNT.fullmatch(trailer.count) or int(trailer.count) != counted:
            written = trailer.count or "-"
            found.append(problem(SecurityCode.COUNT_DIFFERS, where, written=written, counted=counted))
        if trailer.values is None:
            found.append(
                problem(SecurityCode.GROUP_INCOMPLETE, where, reference=trailer.reference, tag="USR")
            )
    return found


def _group(
    group: _HeaderGroup, values: tuple[Value, ...], runs: tuple[Segments, ...], where: str
) -> SignatureGroup:
    header = group.header
    findings = check_header(header, frozenset({"1"}), frozenset({"1", "2"}), where)
    if group.certificate:
        findings.append(problem(SecurityCode.CERTIFICATE_UNSUPPORTED, where))
    return make_group(header, group.owner, group.algorithms, values, runs, tuple(findings), where)


def make_group(
    header: Header,
    owner: str,
    algorithms: tuple[Algorithm, ...],
    values: tuple[Value, ...],
    runs: tuple[Segments, ...],
    findings: tuple[Finding, ...],
    where: str,
) -> SignatureGroup:
    """Put one signature together; ``findings`` is what speaks against it already."""
    found = [*findings, *other_uses(algorithms, where)]
    hash_name = hash_of(algorithms, found, where)
    scheme = scheme_of(algorithms, found, where)
    value, form = (None, "raw") if found else signature_value(header.filter, scheme, values)
    if value is None and not found:
        shown = ", ".join(one.qualifier[:5] or "-" for one in values) or "-"
        found.append(problem(SecurityCode.VALUE_MALFORMED, where, qualifiers=shown))
    return SignatureGroup(
        header,
        header.key_name or owner,
        hash_name,
        scheme,
        value,
        form,
        {"2": "hex", "7": "base64"}.get(header.filter),
        tuple(run.span for run in runs),
        runs,
        tuple(found),
    )
