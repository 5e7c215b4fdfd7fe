"""XML as a container: hardened parsing, several roots, text around them, and findings for what is broken."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.limits import MAX_STRUCTURED_BYTES, MAX_XML_ROOTS
from eichrecht.containers.xml_markup import declared_encoding, has_doctype, roots
from eichrecht.evidence import Finding, problem, warning

_LOOKS_LIKE_XML = re.compile(rb"\s*<[A-Za-z_?!:]")
_EMBEDDED_XML = re.compile(rb"<\?xml\s|<(?:[A-Za-z_][\w.-]{0,60}:)?values[\s/>]")
_FURTHER_CONTENT = (etree.ErrorTypes.ERR_DOCUMENT_END, etree.ErrorTypes.ERR_RESERVED_XML_NAME)
"""Something follows the root element; the second code means an XML declaration, of another document."""


class DoctypeError(ValueError):
    """A doctype that the scan before parsing did not see."""


@dataclass(frozen=True, slots=True)
class XmlRoot:
    """A well-formed element with its place in the text, ``end`` exclusive."""

    element: etree._Element
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class XmlText:
    """A text that is, or looks like, XML.

    Attributes:
        source: The text as it was.
        roots: Its well-formed top-level elements; empty if it is broken or refused.
        broken: It is not well-formed (and not refused), so complete elements may still be cut out of it.
        embedded: The markup begins only after other text; then the text need not be meant as XML at all.
        encoding: Encoding to use for elements cut out of the text, ``None`` for UTF-8.
        findings: What is wrong with it.
    """

    source: bytes
    roots: tuple[XmlRoot, ...] = ()
    broken: bool = False
    embedded: bool = False
    encoding: str | None = None
    findings: tuple[Finding, ...] = ()


def read_xml(text: bytes, *, is_utf8: bool = False) -> XmlText | None:
    """Read ``text`` if it looks like markup, or if an XML document begins somewhere in it.

    Every doctype is refused before parsing: no container needs one, and it is the door for entity bombs and
    external entities. The parser itself also resolves nothing, loads nothing and uses no network.

    Args:
        text: The bytes.
        is_utf8: The bytes are known to be UTF-8 whatever the XML declaration says.
    """
    start = 0
    if not _LOOKS_LIKE_XML.match(text):
        embedded = _EMBEDDED_XML.search(text)
        if embedded is None:
            return None
        start = embedded.start()
    if len(text) > MAX_STRUCTURED_BYTES:
        size = problem(ContainerCode.XML_TOO_LARGE, size=len(text), limit=MAX_STRUCTURED_BYTES)
        return XmlText(text, findings=(size,))
    markup = text[start:]
    encoding = "utf-8" if is_utf8 else declared_encoding(markup)
    if has_doctype(markup):
        return XmlText(text, embedded=start > 0, findings=(problem(ContainerCode.XML_DOCTYPE_REFUSED),))
    return _read(text, start, encoding, is_utf8=is_utf8)


def _read(text: bytes, start: int, encoding: str | None, *, is_utf8: bool) -> XmlText:
    override = "utf-8" if is_utf8 else None
    leading = len(text) - start - len(text[start:].lstrip())
    start += leading
    try:
        root = parse(text[start:], override)
    except DoctypeError:
        return XmlText(text, embedded=start > leading, findings=(problem(ContainerCode.XML_DOCTYPE_REFUSED),))
    except etree.XMLSyntaxError as error:
        extra = getattr(error, "code", None) in _FURTHER_CONTENT
        several = _several_roots(text, start, override) if extra else ()
        if several:
            findings = _around(text, several)
            if len(several) == MAX_XML_ROOTS:
                findings = (problem(ContainerCode.XML_TOO_MANY_ROOTS, limit=MAX_XML_ROOTS), *findings)
            elif len(several) > 1:
                findings = (warning(ContainerCode.XML_SEVERAL_ROOTS, count=len(several)), *findings)
            return XmlText(text, several, embedded=start > leading, encoding=encoding, findings=findings)
        broken = (_not_well_formed(error, text, start),)
        return XmlText(text, broken=True, embedded=start > leading, encoding=encoding, findings=broken)
    only = (XmlRoot(root, start, len(text)),)
    return XmlText(text, only, embedded=start > leading, encoding=encoding, findings=_around(text, only))


def parse(text: bytes, encoding: str | None = None) -> etree._Element:
    """Parse one document with everything dangerous switched off.

    Comments and processing instructions are dropped, so the text of an element is what any XML reader sees.

    Raises:
        lxml.etree.XMLSyntaxError: Not well-formed, nested deeper than 256, or a text above 10 MB.
        DoctypeError: There is a doctype.
    """
    try:
        parser = _parser(encoding)
    except LookupError:
        parser = _parser(None)
    root = etree.fromstring(text, parser)
    if root.getroottree().docinfo.internalDTD is not None:
        # The second lock: read_xml refuses doctypes before parsing, as far as it can read the encoding.
        raise DoctypeError
    return root


def _parser(encoding: str | None) -> etree.XMLParser:
    return etree.XMLParser(
        encoding=encoding,
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=False,
        remove_pis=True,
        remove_comments=True,
        strip_cdata=True,
    )


def _several_roots(text: bytes, start: int, encoding: str | None) -> tuple[XmlRoot, ...]:
    """Parse each root by itself, up to the limit; none if one of them is not well-formed."""
    found: list[XmlRoot] = []
    for begin, end in islice(roots(text[start:]), MAX_XML_ROOTS):
        try:
            element = parse(text[start + begin : start + end], encoding)
        except (etree.XMLSyntaxError, DoctypeError):
            return ()
        found.append(XmlRoot(element, start + begin, start + end))
    return tuple(found)


def gaps(text: bytes, spans: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """Return the stretches of ``text`` outside ``spans`` (sorted, disjoint): before, between, after them."""
    edges = [0, *(edge for span in spans for edge in span), len(text)]
    return tuple(zip(edges[::2], edges[1::2], strict=True))


def _around(text: bytes, found: tuple[XmlRoot, ...]) -> tuple[Finding, ...]:
    sizes = [len(text[a:b].strip()) for a, b in gaps(text, tuple((r.start, r.end) for r in found))]
    if not any(sizes):
        return ()
    before, *between, after = sizes
    return (warning(ContainerCode.TEXT_AROUND_XML, before=before, between=sum(between), after=after),)


def _not_well_formed(error: etree.XMLSyntaxError, text: bytes, start: int) -> Finding:
    line, column = error.position
    detail = (error.msg or "").partition(", line")[0][:200]
    line += text.count(b"\n", 0, start)
    return problem(ContainerCode.XML_NOT_WELL_FORMED, line=line, column=column, detail=detail)


def local_name(element: etree._Element) -> str:
    """Return the element's name without its namespace: field files carry one, an empty one or none."""
    return without_namespace(element.tag)


def without_namespace(name: object) -> str:
    """Return a name of an element or attribute without its namespace.

    ``etree.QName`` would raise for a prefix that is declared nowhere, which the parser lets pass in places.
    """
    return name.rpartition("}")[2] if isinstance(name, str) else ""
