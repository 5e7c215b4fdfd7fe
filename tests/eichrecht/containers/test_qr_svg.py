"""QR codes in SVG drawings."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import pytest
import segno

from eichrecht.containers import qr_image
from eichrecht.containers.sandbox import Frame, Run
from eichrecht.containers.svg_markup import clean_svg
from tests.eichrecht.containers.qr_image_support import (
    RECORD,
    codes_of,
    kinds_of,
    qr_code,
    saved_as,
    take,
)


def _svg(content: bytes = RECORD, **options: object) -> bytes:
    target = io.BytesIO()
    segno.make(content, mode="byte", micro=False).save(target, kind="svg", **options)
    return target.getvalue()


# --- SVG


def _rects() -> bytes:
    matrix = segno.make(RECORD, mode="byte", micro=False).matrix
    rects = "".join(
        f'<rect x="{x}" y="{y}" width="1" height="1"/>'
        for y, row in enumerate(matrix)
        for x, dark in enumerate(row)
        if dark
    )
    side = len(matrix)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-4 -4 {side + 8} {side + 8}">{rects}</svg>'.encode()


def _uses() -> bytes:
    plain = _rects().replace(b'width="1" height="1"', b'href="#m"').replace(b"<rect x", b"<use x")
    module = b'<defs><rect id="m" width="1" height="1"/></defs>'
    return plain.replace(b'">', b'">' + module, 1)


def _embedded() -> bytes:
    picture = base64.b64encode(saved_as(qr_code(RECORD)))
    return (
        b'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="50mm" '
        b'height="50mm"><image width="100%" height="100%" xlink:href="data:image/png;base64,'
        + picture
        + b'"/></svg>'
    )


DOCTYPE = (
    b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN" "http://www.w3.org/Graphics/SVG/1.1/DTD/svg11.dtd">'
)


@pytest.mark.parametrize(
    "drawing",
    [
        pytest.param(_svg(scale=4), id="stroked path"),
        pytest.param(_svg(scale=1, unit="mm", xmldecl=False), id="in millimetres"),
        pytest.param(_svg(omitsize=True), id="view box only"),
        pytest.param(_svg(dark="#ffffff", light="#003366"), id="light on dark"),
        pytest.param(_rects(), id="a rectangle a module"),
        pytest.param(_uses(), id="copies of one module"),
        pytest.param(_embedded(), id="picture in the drawing"),
        pytest.param(b"\xef\xbb\xbf" + _svg(), id="byte order mark"),
        pytest.param(
            _svg(xmldecl=False).replace(b"<svg", DOCTYPE + b"\n<svg", 1), id="doctype of barcode programs"
        ),
        pytest.param(b"<!-- made by a program -->\n" + _svg(xmldecl=False), id="comment first"),
    ],
)
def test_svg(drawing):
    result = take(drawing)
    assert [p.content for p in result.parts] == [RECORD]
    assert kinds_of(result)[0][-2:] == ["svg", "qr-code"]
    assert not [f for f in result.findings if f.severity == "error"]


def test_svg_reaches_nothing_outside(tmp_path):
    """A code in a file beside is what a hostile drawing must not be able to show."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(saved_as(qr_code(RECORD)))
    for link in (str(secret), secret.as_uri(), f"url({secret})"):
        drawing = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="90">'
            f'<image width="90" height="90" href="{link}"/><image width="90" height="90" xlink:href="{link}"/>'
            f'<g xml:base="{tmp_path}/"><image href="secret.png" width="90" height="90"/></g></svg>'
        )
        result = take(drawing.encode())
        assert result.parts == ()
        assert codes_of(result)[0] == "image_without_code"
        cleaned = clean_svg(drawing.encode(), 100)
        assert isinstance(cleaned, bytes)
        assert b"secret" not in cleaned


def test_svg_is_cleaned():
    drawing = (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="10" height="20" onload="x()">'
        b"<script>x()</script><foreignObject><p/></foreignObject><text>t</text>"
        b'<filter id="f"><feImage href="/etc/passwd"/></filter><rect filter="url(#f)" fill="url(http://x/y)" '
        b'width="1" style="fill:#000"/><a href="https://example.org"><rect id="kept" fill="url(#g)"/></a></svg>'
    )
    cleaned = clean_svg(drawing, 300)
    assert isinstance(cleaned, bytes)
    for gone in (
        b"script",
        b"foreignObject",
        b"<text",
        b"filter",
        b"passwd",
        b"http://x",
        b"onload",
        b"example",
    ):
        assert gone not in cleaned
    for kept in (b'id="kept"', b'fill="url(#g)"', b'viewBox="0 0 10 20"', b'width="300"', b'height="300"'):
        assert kept in cleaned


@pytest.mark.parametrize(
    ("drawing", "reason"),
    [
        (b'<!DOCTYPE svg [<!ENTITY a "b">]>' + _svg(xmldecl=False), "doctype"),
        (_svg()[:-20], "xml"),
        (_svg() + b" " * 9_000_000, "size"),
    ],
)
def test_refused_svg(drawing, reason):
    finding = take(drawing).findings[0]
    assert (finding.code, finding.severity, finding.params) == ("svg_refused", "error", {"reason": reason})


def test_svg_of_endless_work():
    """Copies of copies of copies: 10^12 shapes from a few lines."""
    levels = "".join(
        f'<g id="l{n}">' + f'<use href="#l{n - 1}" x="{n}"/>' * 10 + "</g>" for n in range(1, 13)
    )
    drawing = (
        '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><defs><rect id="l0" width="9" height="9"/>'
        f'{levels}</defs><use href="#l12"/></svg>'
    )
    result = take(drawing.encode())
    assert result.parts == ()
    assert codes_of(result)[0] in ("svg_refused", "image_without_code")


@pytest.mark.parametrize("content", [b"<values/>", b"<a><svg/></a>", b"svg", b"", b"\0<svg>", b"{<svg>}"])
def test_not_svg(content):
    assert clean_svg(content, 100) is None


def test_svg_without_the_library(monkeypatch):
    frames = (Frame({"kind": "missing", "name": "resvg_py"}, b""),)
    monkeypatch.setattr(qr_image, "run_worker", lambda *a: Run(frames, complete=True))
    finding = take(_svg()).findings[0]
    assert (finding.code, finding.params) == ("library_missing", {"kind": "SVG", "package": "resvg_py"})


def test_svg_with_a_prefix_that_is_declared_nowhere():
    """Found by fuzzing: behind some other errors the parser lets it pass, and lxml's QName raised."""
    corpus = Path(__file__).resolve().parents[3] / "fuzz" / "corpus" / "svg" / "hand-undeclared-prefix"
    content = corpus.read_bytes()
    assert clean_svg(content, 100) is not None
    assert not take(content).parts
