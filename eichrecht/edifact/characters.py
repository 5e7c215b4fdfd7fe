"""Service characters and the service string advice UNA (ISO 9735-1 §6 and §7)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from eichrecht.edifact.codes import SyntaxCode

UNA_BYTES = 9
"""``UNA`` and six characters, nothing else."""

_SPACE = 0x20
_REPETITION = 0x2A


@dataclass(frozen=True, slots=True)
class ServiceCharacters:
    """The octets that structure an interchange.

    Attributes:
        component: Separates components; default ``:``.
        element: Separates elements; default ``+``.
        decimal_mark: Announced decimal mark, ``.`` or ``,``; without meaning in syntax version 4.
        release: Takes the meaning from the octet after it; ``None`` if no release character is in use.
        repetition: Separates repetitions in version 4; ``None`` if UNA announces none.
        terminator: Ends a segment; default ``'``.
    """

    component: int = 0x3A
    element: int = 0x2B
    decimal_mark: int = 0x2E
    release: int | None = 0x3F
    repetition: int | None = 0x2A
    terminator: int = 0x27

    @property
    def are_default(self) -> bool:
        """Whether all but decimal mark and repetition are the default ones, so that a UNA could be omitted."""
        default = ServiceCharacters()
        return (self.component, self.element, self.release, self.terminator) == (
            default.component,
            default.element,
            default.release,
            default.terminator,
        )


DEFAULT_CHARACTERS = ServiceCharacters()


def read_una(advice: bytes) -> tuple[ServiceCharacters | None, SyntaxCode | None]:
    """Read the nine octets of a UNA.

    Args:
        advice: ``UNA`` and the six octets after it.

    Returns:
        The characters and nothing, or ``None`` and why the advice cannot be used: it is too short, a character is
        used twice, or one is a letter, a digit, a line break or not of ASCII. The decimal mark is not judged:
        version 4 gives it no meaning.
    """
    if len(advice) < UNA_BYTES or not advice.startswith(b"UNA"):
        return None, SyntaxCode.UNA_CUT_OFF
    component, element, mark, release, repetition, terminator = advice[3:UNA_BYTES]
    structural = [component, element, terminator]
    structural += [sign for sign in (release, repetition) if sign != _SPACE]
    if len(set(structural)) != len(structural):
        return None, SyntaxCode.UNA_AMBIGUOUS
    if _SPACE in (component, element, terminator) or not all(map(_may_structure, structural)):
        return None, SyntaxCode.UNA_UNUSABLE
    signs = ServiceCharacters(
        component,
        element,
        mark,
        None if release == _SPACE else release,
        None if repetition == _SPACE else repetition,
        terminator,
    )
    return signs, None


def _may_structure(octet: int) -> bool:
    return octet < 0x7F and octet not in b"\r\n\x00" and not bytes((octet,)).isalnum()


@dataclass(frozen=True, slots=True)
class Patterns:
    """What is searched for with one set of service characters.

    Attributes:
        segment: From the current position either a well-formed segment (group 1: the tag, if it is one of a service
            segment; group 2: a release character without need), a run of line breaks (group 3), or one octet
            that fits neither (group 4). One of them matches everywhere, so a search never runs over the input twice.
        whole: A segment whatever octets it holds, from its first octet to its terminator.
        released: A released octet; group 1 is that octet.
    """

    segment: re.Pattern[bytes]
    whole: re.Pattern[bytes]
    released: re.Pattern[bytes] | None


def _class(octets: Sequence[int | None]) -> bytes:
    return b"".join(b"\\x%02x" % octet for octet in octets if octet is not None)


@lru_cache(maxsize=16)
def patterns(signs: ServiceCharacters) -> Patterns:
    """Return the patterns for a set of service characters; compiled once per set."""
    end = _class([signs.terminator])
    after_tag = _class([signs.element, signs.terminator])
    # Control characters are no data, except those that UNA makes service characters.
    structural = (signs.component, signs.element, signs.release, signs.repetition, signs.terminator)
    control = _class([octet for octet in (*range(0x20), 0x7F) if octet not in structural])
    plain = b"[^" + _class([signs.release, signs.terminator]) + control + b"]++"
    any_plain = b"[^" + _class([signs.release, signs.terminator]) + b"]++"
    release = _class([signs.release])
    needed = _class([*structural, _REPETITION])
    body = plain
    any_body = any_plain
    if release:
        body += b"|" + release + b"[" + needed + b"]|(" + release + b"[^" + control + needed + b"])"
        any_body += b"|" + release + b"[\\s\\S]"
    else:
        body += b"|(?!)()"
    tag = b"(?:(U[NSI][A-Z])|[A-Z][A-Z0-9]{2})(?=[" + after_tag + b"])"
    return Patterns(
        segment=re.compile(tag + b"(?:" + body + b")*+" + end + b"|([\\r\\n]++)|([\\s\\S])"),
        whole=re.compile(b"(?:" + any_body + b")*+" + end),
        released=re.compile(release + b"([\\s\\S])") if release else None,
    )
