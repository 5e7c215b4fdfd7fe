"""``signedMeterValues``: several ``signedMeterValue`` elements in one document, without namespace.

Source: facts/meter/containers.md §5.2. Each element is cut out byte by byte and is a record of its own (EDL_40_SIG);
one whose ``encodingMethod`` names another format carries a whole record of that format as text.
"""

from __future__ import annotations

from lxml import etree

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.encodings import BASE32, BASE64, HEX
from eichrecht.containers.kinds import Found, Opener, Payload, joined, with_context, within
from eichrecht.containers.xml_markup import complete_elements
from eichrecht.containers.xml_text import local_name
from eichrecht.evidence import Layer, Part, problem

_LIST, _VALUE = "signedMeterValues", "signedMeterValue"
_METHOD, _DATA, _KEY = "encodingMethod", "encodedMeterValue", "publicKey"
_ENCODINGS = frozenset({HEX, BASE64, BASE32, "plain"})


class SignedMeterValues:
    """Well-formed XML with this one root; a lone ``signedMeterValue`` only if it carries another format."""

    name = "signed-meter-values"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        xml = payload.xml
        if xml is None or len(xml.roots) != 1:
            return None
        root = xml.roots[0]
        if local_name(root.element) == _VALUE:
            carried = _carried(root.element, opener)
            return None if carried is None else within(carried, Layer(self.name, "other_format"))
        if local_name(root.element) != _LIST:
            return None
        elements = list(root.element.iterchildren(f"{{*}}{_VALUE}"))
        spans = list(complete_elements(xml.source[root.start : root.end], _VALUE.encode()))
        if not elements or len(elements) != len(spans):
            # Elements that are nested or empty: what belongs to which is not guessed.
            return None
        taken = opener.grant_records(opener.grant_entries(len(elements)))
        source = xml.source[root.start : root.end]
        found = [
            within(_value(element, source[start:end], opener), where=f"/{_LIST}/{_VALUE}/{index}")
            for index, (element, (start, end)) in enumerate(zip(elements[:taken], spans[:taken], strict=True))
        ]
        return within(joined(found), Layer(self.name, "signed_meter_values_root"))


def _value(element: etree._Element, content: bytes, opener: Opener) -> Found:
    carried = _carried(element, opener)
    if carried is not None:
        return carried
    spans = opener.recognise(content)
    if [(span.start, span.end) for span in spans] == [(0, len(content))]:
        return Found((Part(content, spans[0].format, spans[0].reason),))
    unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content))
    return Found((Part(content, findings=(unrecognised,)),))


def _carried(element: etree._Element, opener: Opener) -> Found | None:
    """Return the record of another format that an element carries; ``None`` if it carries none."""
    if _text(element, _METHOD).lower() in ("", "edl"):
        return None
    data = element.find(f"{{*}}{_DATA}")
    declared = "" if data is None else (data.get("encoding") or "").lower()
    content = _text(element, _DATA).encode("utf-8")
    found = opener.open(content, is_utf8=True, declared_encoding=declared if declared in _ENCODINGS else None)
    if not found.parts:
        return None
    key = _text(element, _KEY) or None
    parts = tuple(
        with_context(part, key_text=key, key_where=None if key is None else f"/{_KEY}")
        for part in found.parts
    )
    return Found(parts, found.findings)


def _text(element: etree._Element, name: str) -> str:
    child = element.find(f"{{*}}{name}")
    return "" if child is None else "".join(str(text) for text in child.itertext()).strip(" \t\r\n")
