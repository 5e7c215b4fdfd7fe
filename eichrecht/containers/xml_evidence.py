"""Elements of well-formed XML that look like signed evidence and are not among the records that were taken."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from lxml import etree

from eichrecht.containers.xml_markup import complete_elements
from eichrecht.containers.xml_text import XmlRoot, XmlText, local_name
from eichrecht.evidence import Part

_WHOLE = frozenset({"ChargingProcess", "signedMeterValue"})
"""Elements that are records themselves, cut out byte by byte."""

_DATA = frozenset({"signedData", "encodedData", "encodedMeterValue"})
_VALUE = "value"
_READ_IN_VALUE = frozenset({"signedData", "encodedData", "publicKey"})
"""What a S.A.F.E. value is read for; the kind takes every value of a root of which it takes any."""

_SAFE = "safe-xml"
_DECLARATION = re.compile(rb"\A\s*<\?xml[^>]{0,200}\?>\s*")
"""An XML declaration belongs to a record that was cut out with it, but not to its element."""


@dataclass(frozen=True, slots=True)
class Unjudged:
    """What is known about the records that were taken.

    Attributes:
        known: Their contents.
        judged: Whether every record in a text was taken; ``None`` if there is no record in it.
    """

    known: frozenset[bytes]
    judged: Callable[[bytes], bool | None]


def evidence_in_roots(xml: XmlText, parts: Sequence[Part], about: Unjudged) -> Iterator[str]:
    """Yield the places of evidence in the roots of ``xml`` that is not among the records taken."""
    several = len(xml.roots) > 1
    known = about.known | {_DECLARATION.sub(b"", content) for content in about.known}
    about = Unjudged(known, about.judged)
    for index, root in enumerate(xml.roots):
        prefix = f"/{index}" if several else ""
        read = any(
            part.layers and part.layers[0].kind == _SAFE and part.where.startswith(prefix + "/")
            for part in parts
        )
        yield from _in_root(xml.source, root, prefix, read, about)


def _in_root(source: bytes, root: XmlRoot, prefix: str, read: bool, about: Unjudged) -> Iterator[str]:
    text = source[root.start : root.end]
    whole = {name: _whole_judged(text, root.element, name, about) for name in _WHOLE}
    waiting: list[tuple[etree._Element, str]] = [(root.element, f"{prefix}/{local_name(root.element)}")]
    while waiting:
        element, where = waiting.pop()
        name = local_name(element)
        if _hides_in_attribute(element, about):
            yield where
            continue
        if name in _WHOLE:
            if not whole[name]:
                yield where
            continue
        if name in _DATA:
            if about.judged(_text(element)) is not True and _text(element):
                yield where
            continue
        beside = (element.text, element.tail)
        if any(about.judged(text.strip().encode("utf-8")) is False for text in beside if text):
            yield where
        taken = _READ_IN_VALUE if read and name == _VALUE else frozenset()
        for child in element.iterchildren(etree.Element):
            place = f"{where}/{local_name(child)}"
            if local_name(child) not in taken:
                waiting.append((child, place))
            elif _hides_in_attribute(child, about):
                yield place


def _hides_in_attribute(element: etree._Element, about: Unjudged) -> bool:
    return any(about.judged(str(text).strip().encode()) is False for text in element.attrib.values())


def _whole_judged(text: bytes, root: etree._Element, name: str, about: Unjudged) -> bool:
    """Whether every element of a name is a record that was taken, or holds only such."""
    count = sum(1 for _ in root.iter(f"{{*}}{name}"))
    if not count:
        return True
    contents = [text[start:end] for start, end in complete_elements(text, name.encode())]
    return count == len(contents) and all(one in about.known or about.judged(one) for one in contents)


def _text(element: etree._Element) -> bytes:
    return "".join(str(text) for text in element.itertext()).strip(" \t\r\n").encode("utf-8")
