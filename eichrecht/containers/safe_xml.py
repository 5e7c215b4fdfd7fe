"""S.A.F.E. transparency XML: ``<values><value><signedData/><publicKey/></value></values>``.

The model is what the S.A.F.E. transparency software 1.4.1 reads, which is more than its published schema
says: children in any order, unknown elements and attributes ignored, ``encoding`` only a hint. Elements are
matched by local name, because field files use a default namespace, an empty one or none.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from lxml import etree

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.encodings import BASE32, BASE64, HEX, KNOWN_ENCODINGS, XML_ENTITIES, unescape
from eichrecht.containers.kinds import Found, Opener, Payload, joined, with_context, within
from eichrecht.containers.text import records_in
from eichrecht.containers.xml_markup import complete_elements
from eichrecht.containers.xml_text import DoctypeError, XmlText, gaps, local_name, parse
from eichrecht.evidence import Finding, Layer, Part, note, problem, warning

_LAYER = "safe-xml"
_DATA = ("signedData", "encodedData")


class SafeXml:
    """S.A.F.E. XML, also several roots in one file, and the complete values of a damaged file."""

    name = "safe-xml"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        xml = payload.xml
        if xml is None:
            return None
        return _from_broken(xml, opener) if xml.broken else _from_roots(xml, opener)


@dataclass(frozen=True)
class _Source:
    """An element that was parsed, and the bytes it was parsed from."""

    text: bytes
    root: etree._Element
    _slices: dict[str, dict[etree._Element, tuple[int, int]]] = field(default_factory=dict)

    @cached_property
    def has_cr(self) -> bool:
        """Whether XML may have turned CRLF into LF somewhere in here (XML 1.0, 2.11)."""
        return b"\r" in self.text

    def bytes_of(self, element: etree._Element) -> bytes | None:
        """Return the exact bytes of an element inside; ``None`` if they cannot be told."""
        name = local_name(element)
        if name not in self._slices:
            spans = list(complete_elements(self.text, name.encode("utf-8")))
            elements = list(self.root.iter(f"{{*}}{name}"))
            # Nested or empty elements of that name make the numbers differ.
            same = len(spans) == len(elements)
            self._slices[name] = dict(zip(elements, spans, strict=True)) if same else {}
        span = self._slices[name].get(element)
        return None if span is None else self.text[span[0] : span[1]]


# --- well-formed


def _from_roots(xml: XmlText, opener: Opener) -> Found | None:
    inner: list[Found] = []
    several = len(xml.roots) > 1
    for index, root in enumerate(xml.roots):
        found = _from_root(_Source(xml.source[root.start : root.end], root.element), opener)
        if found is not None:
            inner.append(within(found, where=f"/{index}" if several else ""))
    if not inner:
        return None
    spans = tuple((root.start, root.end) for root in xml.roots)
    inner.extend(_stray_records(xml.source, spans, opener))
    return joined(inner)


def _from_root(source: _Source, opener: Opener) -> Found | None:
    """Take the values of one root.

    Below ``values`` every value counts, readable or not. Below any other root nothing says that this is
    S.A.F.E. XML, so its values count only if at least one of them is recognised; then all do, as a lost end
    record would be worse than an unreadable one.
    """
    root = source.root
    declared = local_name(root) == "values"
    if not declared and local_name(root) == "value":
        values = [root] if _has_data(root) else []
    else:
        values = [e for e in root.iter("{*}value") if declared or _has_data(e)]
    if not values:
        return Found(findings=(problem(ContainerCode.VALUES_EMPTY, "/values"),)) if declared else None
    taken = values[: opener.grant_entries(len(values))]
    base = f"/{local_name(root)}/value" if local_name(root) != "value" else "/value"
    found = joined([_from_value(v, f"{base}/{i}", source, opener) for i, v in enumerate(taken)])
    if declared:
        return found
    if not found.recognised:
        return None
    root_name = local_name(root)[:100]
    return Found(found.parts, (warning(ContainerCode.XML_UNEXPECTED_ROOT, root=root_name), *found.findings))


def _has_data(element: etree._Element) -> bool:
    return any(True for name in _DATA for _ in _children(element, name))


def _children(element: etree._Element, name: str) -> Iterator[etree._Element]:
    return element.iterchildren(f"{{*}}{name}")


def _text(element: etree._Element) -> str:
    return "".join(str(text) for text in element.itertext()).strip(" \t\r\n")


def _from_value(value: etree._Element, where: str, source: _Source, opener: Opener) -> Found:
    """Take the record of one value; a value without a readable one still becomes a part that says why."""
    keys = [text for text in map(_text, _children(value, "publicKey")) if text]
    findings: list[Finding] = []
    if not keys:
        findings.append(note(ContainerCode.PUBLIC_KEY_MISSING))
    elif len(set(keys)) > 1:
        findings.append(warning(ContainerCode.PUBLIC_KEYS_DIFFER, count=len(set(keys))))
    data = [element for name in _DATA for element in _children(value, name)]
    if len(data) > 1:
        findings.append(problem(ContainerCode.SIGNED_DATA_REPEATED, count=len(data)))
    layer = Layer(_LAYER, "values_value" if data else "value_without_data")
    if not data:
        missing = problem(ContainerCode.SIGNED_DATA_MISSING)
        inner = [Found((Part(b"", findings=(missing,)),))]
    else:
        inner = [_from_data(element, source, opener) for element in data]
    if len(inner) > 1:
        inner = [
            within(f, where=f"/{local_name(d)}/{i}") for i, (f, d) in enumerate(zip(inner, data, strict=True))
        ]
    found = within(joined(inner), layer)
    parts = tuple(
        with_context(
            part,
            key_text=keys[0] if keys else None,
            key_where="/publicKey" if keys else None,
            transaction_id=value.get("transactionId"),
            context=value.get("context"),
            findings=tuple(findings),
        )
        for part in found.parts
    )
    return within(Found(parts, found.findings), where=where)


def _from_data(element: etree._Element, source: _Source, opener: Opener) -> Found:
    """Take the record out of ``signedData`` or ``encodedData``.

    The text is tried as it is, then by its declared encoding, then by guessing: SML records in the field say
    ``plain`` and are hex.
    """
    markup = _record_in_markup(element, source, opener)
    content = _text(element).encode("utf-8") if markup is None else markup
    declared = element.get("encoding")
    declared_format = element.get("format")
    if not content:
        empty = problem(ContainerCode.SIGNED_DATA_EMPTY)
        return Found((Part(b"", declared_format=declared_format, findings=(empty,)),))
    findings: tuple[Finding, ...] = ()
    if len(element) and markup is None:
        findings += (problem(ContainerCode.SIGNED_DATA_HOLDS_MARKUP),)
    if declared is not None and declared not in KNOWN_ENCODINGS:
        findings += (note(ContainerCode.ENCODING_UNKNOWN, declared=declared[:100]),)
    found = opener.open(content, is_utf8=markup is None, declared_encoding=declared)
    if not found.parts:
        unreadable = (*findings, problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content)))
        return Found((Part(content, declared_format=declared_format, findings=unreadable),))
    parts = tuple(
        with_context(
            part,
            declared_format=declared_format,
            findings=findings + _contradiction(part, declared) + _line_ends(part, source.has_cr),
        )
        for part in found.parts
    )
    return Found(parts, found.findings)


def _record_in_markup(element: etree._Element, source: _Source, opener: Opener) -> bytes | None:
    """Return the exact bytes of a record that is XML itself and was put in without escaping it.

    Only if it is all that the element holds, and a format recognises it as one whole record.
    """
    if len(element) != 1 or (element.text or "").strip() or (element[0].tail or "").strip():
        return None
    content = source.bytes_of(element[0])
    if content is None:
        return None
    whole = [(span.start, span.end) for span in opener.recognise(content)] == [(0, len(content))]
    return content if whole else None


def _contradiction(part: Part, declared: str | None) -> tuple[Finding, ...]:
    if declared not in KNOWN_ENCODINGS:
        return ()
    layers = [layer.kind for layer in part.layers if layer.kind != XML_ENTITIES]
    actual = layers[0] if layers and layers[0] in (HEX, BASE64, BASE32) else "plain"
    if actual == declared:
        return ()
    return (note(ContainerCode.ENCODING_CONTRADICTED, declared=declared, actual=actual),)


def _line_ends(part: Part, has_cr: bool) -> tuple[Finding, ...]:
    """Report that XML turned CRLF into LF inside a record (XML 1.0, 2.11): the CR may have been signed."""
    encoded = any(layer.kind in (HEX, BASE64, BASE32) for layer in part.layers)
    if has_cr and not encoded and b"\n" in part.content:
        return (note(ContainerCode.XML_LINE_ENDS_NORMALISED),)
    return ()


# --- damaged


def _from_broken(xml: XmlText, opener: Opener) -> Found | None:
    """Save the complete values of XML that is not well-formed, then the bare records in what remains."""
    saved: list[tuple[int, int]] = []
    inner: list[Found] = []
    complete = list(complete_elements(xml.source, b"value"))
    for start, end in complete[: opener.grant_entries(len(complete))]:
        try:
            element = parse(xml.source[start:end], xml.encoding)
        except (etree.XMLSyntaxError, DoctypeError):
            continue
        if not _has_data(element):
            continue
        source = _Source(xml.source[start:end], element)
        found = _from_value(element, f"/values/value/{len(saved)}", source, opener)
        saved.append((start, end))
        inner.append(_marked(found, keep_context=True))
    inner.extend(_marked(f, keep_context=False) for f in _stray_records(xml.source, tuple(saved), opener))
    return joined(inner) if any(f.recognised for f in inner) else None


def _marked(found: Found, *, keep_context: bool) -> Found:
    lost = "nothing" if keep_context else "context"
    cut = (warning(ContainerCode.CUT_FROM_BROKEN_XML, lost=lost),)
    return Found(tuple(replace(part, findings=cut + part.findings) for part in found.parts), found.findings)


def _stray_records(source: bytes, taken: tuple[tuple[int, int], ...], opener: Opener) -> list[Found]:
    """Find bare records outside the stretches that were taken.

    In the source of damaged XML a record is still entity-escaped; read as it stands its bytes, and so its
    signature, would be wrong. Inside CDATA nothing is escaped.
    """
    result: list[Found] = []
    for index, (start, end) in enumerate(gaps(source, taken)):
        gap = source[start:end]
        unescaped = unescape(gap) if b"&" in gap and b"<![CDATA[" not in gap else None
        found = records_in(gap if unescaped is None else unescaped.content, opener)
        if found is None:
            continue
        layers = () if unescaped is None else (Layer(XML_ENTITIES, "inside_xml"),)
        result.append(within(Found(found.parts), *layers, where=f"/text/{index}"))
    return result
