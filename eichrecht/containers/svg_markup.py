"""SVG made harmless before it is drawn: shapes and embedded pictures stay, everything that refers outside goes."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation

from lxml import etree

from eichrecht.containers.limits import MAX_STRUCTURED_BYTES
from eichrecht.containers.xml_markup import has_doctype
from eichrecht.containers.xml_text import DoctypeError, local_name, parse, without_namespace

_LOOKS_LIKE_SVG = re.compile(rb"\s*<(?:[?!]|(?:[A-Za-z_][\w.-]{0,60}:)?svg[\s>/])")
_SVG_ELEMENT = re.compile(rb"<(?:[A-Za-z_][\w.-]{0,60}:)?svg[\s>/]")
_PROLOG = 8 * 1024
"""Bytes in which the root element begins; editors write long comments before it."""

_PLAIN_DOCTYPE = re.compile(rb"<!DOCTYPE\s+svg\b[^\[\]<>]{0,400}>")
"""The doctype that barcode programs write; without definitions of its own it says nothing."""

_DRAWN = frozenset(
    (
        *("svg", "g", "a", "symbol", "defs", "use", "switch", "style", "image", "clipPath"),
        *("rect", "path", "polygon", "polyline", "line", "circle", "ellipse"),
        *("linearGradient", "radialGradient", "stop"),
    )
)
_DROPPED_ATTRIBUTES = frozenset(
    {"filter", "mask", "marker", "marker-start", "marker-mid", "marker-end", "base"}
)
_PICTURE = re.compile(r"data:image/(?:png|jpe?g|gif|webp);base64,", re.IGNORECASE)
_LENGTH = re.compile(r"\s*([0-9]+(?:\.[0-9]*)?|\.[0-9]+)\s*(?:px|pt|pc|mm|cm|in)?\s*")


def clean_svg(content: bytes, side: int) -> bytes | str | None:
    """Return an SVG that draws the same code on a square of ``side`` pixels.

    Args:
        content: Any bytes.
        side: Pixels.

    Returns:
        ``None`` if ``content`` is no SVG; a short stable code if it is one that is not drawn.
    """
    head = content[:_PROLOG]
    if not _LOOKS_LIKE_SVG.match(head) or not _SVG_ELEMENT.search(head):
        return None
    if len(content) > MAX_STRUCTURED_BYTES:
        return "size"
    plain = _PLAIN_DOCTYPE.sub(b"", head, count=1) + content[_PROLOG:]
    try:
        root = None if has_doctype(plain) else parse(plain)
    except DoctypeError:
        root = None
    except etree.XMLSyntaxError:
        return "xml"
    if root is None:
        return "doctype"
    if local_name(root) != "svg":
        return None
    return etree.tostring(_cleaned_root(root, side), encoding="utf-8", xml_declaration=True)


def _cleaned_root(root: etree._Element, side: int) -> etree._Element:
    for element in list(root.iter()):
        if element is not root and local_name(element) not in _DRAWN:
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        _clean_attributes(element)
    view_box = root.get("viewBox") or _view_box(root.get("width"), root.get("height"))
    if view_box is not None:
        root.set("viewBox", view_box)
    root.set("width", str(side))
    root.set("height", str(side))
    root.set("preserveAspectRatio", "xMidYMid meet")
    return root


def _clean_attributes(element: etree._Element) -> None:
    for name, written in list(element.attrib.items()):
        value = str(written)
        local = without_namespace(name)
        outside = "url(" in value and "url(#" not in value.replace(" ", "")
        link = local == "href" and not value.startswith("#") and not _PICTURE.match(value)
        if outside or link or local in _DROPPED_ATTRIBUTES or local.startswith("on"):
            del element.attrib[name]


def _view_box(width: str | None, height: str | None) -> str | None:
    """Return a view box for a drawing that only says how large it is; units do not matter for its shape."""
    sides = [_LENGTH.fullmatch(side) for side in (width, height) if side is not None]
    if len(sides) != 2 or not all(sides):
        return None
    try:
        numbers = [Decimal(side[1]) for side in sides if side is not None]
    except InvalidOperation:
        return None
    return f"0 0 {numbers[0]} {numbers[1]}" if all(numbers) else None
