"""The security segments USH, USA, USC, USR, UST and USY as fields (ISO 9735-5 service segment directory, version 4).

Structure only: what a field means for a check is decided by :mod:`eichrecht.edifact.security`.
"""

from __future__ import annotations

from dataclasses import dataclass

from eichrecht.edifact.syntax import Repetition, Segment

SENDER, OWNER = "1", "3"
"""0577 of S500: the party that signed, and the owner of the certificate."""

HASHING, SIGNING = "1", "6"
"""0523 of USA: the owner's hash function, the owner's signature algorithm."""

ISSUER_SIGNING, ISSUER_HASHING = "3", "4"
"""0523 of USA: how the certificate was signed, which nobody needs who has the key."""


@dataclass(frozen=True, slots=True)
class Algorithm:
    """S502 of USA, as written: use 0523, algorithm 0527, padding 0591.

    The lists that the codes are of (0533, 0529, 0601) are not looked at: 1, UN/CEFACT, is the only one, and a
    signature that fits was made with the algorithm, whatever its code is called.
    """

    use: str
    code: str
    padding: str


@dataclass(frozen=True, slots=True)
class Header:
    """USH, as written.

    Attributes:
        service: 0501.
        reference: 0534.
        scope: 0541; ``1`` where it is left out (USH note 1).
        filter: 0505.
        encoding: 0507.
        key_name: 0538 of the party that signed.
        sequence: 0520.
        time: 0338 and 0314 of S501, with 0336 as offset: ``20260314123105+0000``.
    """

    service: str
    reference: str
    scope: str
    filter: str
    encoding: str
    key_name: str
    sequence: str
    time: str


@dataclass(frozen=True, slots=True)
class Value:
    """S508 of USR or USY: qualifier 0563 and value 0560, as written."""

    qualifier: str
    text: str


class _Texts:
    """Component texts of a segment, with repetitions."""

    def __init__(self, segment: Segment) -> None:
        self._segment = segment
        self._elements = segment.elements()

    def repetitions(self, element: int) -> tuple[Repetition, ...]:
        return self._elements[element] if element < len(self._elements) else ()

    def components(self, element: int, repetition: int = 0) -> list[str]:
        found = self.repetitions(element)
        if repetition >= len(found):
            return []
        decode, data = self._segment.syntax.decode, self._segment.data
        return [decode(data[a:b]).rstrip(" ") for a, b in found[repetition]]

    def text(self, element: int, component: int = 0) -> str:
        found = self.components(element)
        return found[component] if component < len(found) else ""

    @property
    def count(self) -> int:
        return len(self._elements)


def read_header(segment: Segment) -> Header:
    """Read USH.

    Before version 4 a second S500 takes an element of its own; it is told by its component separator, and 0520 and
    S501 move by one.
    """
    fields = _Texts(segment)
    parties = [fields.components(8, n) for n in range(len(fields.repetitions(8)))]
    following = 9
    if segment.syntax.version < 4 and len(fields.components(9)) > 1:
        parties.append(fields.components(9))
        following = 10
    time = fields.components(following + 1) + [""] * 4
    return Header(
        service=fields.text(1),
        reference=fields.text(2),
        scope=fields.text(3) or "1",
        filter=fields.text(5),
        encoding=fields.text(6),
        key_name=_key_name(parties, SENDER),
        sequence=fields.text(following),
        time=f"{time[1]}{time[2]}+{time[3]}" if time[1] else "",
    )


def read_algorithm(segment: Segment) -> Algorithm:
    """Read USA."""
    parts = _Texts(segment).components(1) + [""] * 7
    use, _, _, code, _, padding = parts[:6]
    return Algorithm(use, code, padding)


def read_certificate(segment: Segment) -> tuple[str, str]:
    """Read USC: its certificate reference 0536, and the key name of the certificate's owner."""
    fields = _Texts(segment)
    parties = [fields.components(2, n) for n in range(len(fields.repetitions(2)))]
    if segment.syntax.version < 4 and len(fields.components(3)) > 1:
        parties.append(fields.components(3))
    return fields.text(1), _key_name(parties, OWNER)


def read_trailer(segment: Segment) -> tuple[str, str]:
    """Read UST: 0534 and 0588, as written."""
    fields = _Texts(segment)
    return fields.text(1), fields.text(2)


def read_values(segment: Segment, first: int) -> tuple[Value, ...]:
    """Read the S508 of USR (``first`` = 1) or USY (2): repetitions in version 4, consecutive elements before.

    Whatever stands there is returned, up to one more than the two that are allowed, so that it can be refused.
    """
    fields = _Texts(segment)
    if segment.syntax.version >= 4 and len(fields.repetitions(first)) > 1:
        found = [fields.components(first, n) for n in range(min(len(fields.repetitions(first)), 3))]
        found += [fields.components(n) for n in range(first + 1, min(fields.count, first + 2))]
    else:
        found = [fields.components(n) for n in range(first, min(fields.count, first + 3))]
    while found and not any(found[-1]):
        found.pop()
    return tuple(
        Value(parts[0], parts[1]) if len(parts) == 2 else Value("", ":".join(parts)) for parts in found
    )


def _key_name(parties: list[list[str]], role: str) -> str:
    """Return 0538 of the party in this role; two different ones are none."""
    names = {parts[1] for parts in parties if len(parts) > 1 and parts[0] == role and parts[1]}
    return names.pop() if len(names) == 1 else ""
