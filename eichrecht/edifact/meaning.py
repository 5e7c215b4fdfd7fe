"""What the segments of a file mean, as keys of the catalogue ``locales/edifact.toml`` and values as written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from eichrecht.edifact.moments import read_moment
from eichrecht.edifact.syntax import Segment


@dataclass(frozen=True, slots=True)
class Coded:
    """A coded value: the key of its meaning is ``<list>_<code>``; there need not be one.

    Attributes:
        list: Number of the data element (``6063``).
        code: As written.
    """

    list: str
    code: str


@dataclass(frozen=True, slots=True)
class Plain:
    """A value that speaks for itself, as written."""

    text: str


@dataclass(frozen=True, slots=True)
class Instant:
    """A time that was read."""

    time: datetime


Part = Coded | Plain | Instant

# Of each segment what a person wants to see: element, component, and the code list, "" for a plain value.
_LAYOUT: Mapping[str, tuple[tuple[int, int, str], ...]] = {
    "UNB": ((2, 0, ""), (3, 0, ""), (5, 0, ""), (7, 0, "0026"), (11, 0, "0035")),
    "UNG": ((1, 0, ""), (5, 0, "")),
    "UNH": ((1, 0, ""), (2, 0, "0065"), (2, 4, "")),
    "UNS": ((1, 0, "0081"),),
    "UNT": ((1, 0, ""), (2, 0, "")),
    "UNE": ((1, 0, ""), (2, 0, "")),
    "UNZ": ((1, 0, ""), (2, 0, "")),
    "BGM": ((1, 0, "1001"), (2, 0, ""), (3, 0, "1225")),
    "NAD": ((1, 0, "3035"), (2, 0, ""), (2, 2, "3055")),
    "CTA": ((1, 0, "3139"), (2, 1, "")),
    "COM": ((1, 1, "3155"), (1, 0, "")),
    "LOC": ((1, 0, "3227"), (2, 0, "")),
    "CCI": ((3, 0, ""),),
    "LIN": ((1, 0, ""),),
    "PIA": ((2, 0, ""), (2, 1, "7143")),
    "QTY": ((1, 0, "6063"), (1, 1, ""), (1, 2, "6411")),
    "STS": ((1, 0, "9015"), (2, 0, "4405"), (3, 0, "9013")),
    "USH": (
        (1, 0, "0501"),
        (2, 0, ""),
        (3, 0, "0541"),
        (5, 0, "0505"),
        (8, 1, ""),
    ),
    "USA": ((1, 0, "0523"), (1, 3, "0527"), (1, 5, "0591")),
    "USC": ((1, 0, ""), (2, 1, ""), (3, 0, "0545")),
    "UST": ((1, 0, ""), (2, 0, "")),
    "USR": ((1, 0, "0563"),),
    "USX": ((1, 0, ""), (7, 0, "")),
    "USY": ((1, 0, ""), (2, 0, "0563")),
}


def meaning(segment: Segment) -> tuple[Part, ...]:
    """Return what a segment says, in its order; the name of the segment has the key ``segment_<tag>``."""
    values = segment.values()

    def text(element: int, component: int = 0) -> str:
        try:
            return values[element][component]
        except IndexError:
            return ""

    tag = segment.tag
    if tag == "DTM":
        time, _, _ = read_moment(text(1, 1), text(1, 2))
        shown: Part = Instant(time) if time is not None else Plain(text(1, 1))
        return Coded("2005", text(1)), shown
    if tag == "RFF":
        qualifier = text(1)
        shown = Coded("Z13", text(1, 1)) if qualifier == "Z13" else Plain(text(1, 1))
        return Coded("1153", qualifier), shown
    parts: list[Part] = []
    for element, component, code_list in _LAYOUT.get(tag, ()):
        written = text(element, component)
        if written:
            parts.append(Coded(code_list, written) if code_list else Plain(written))
    return tuple(parts)
