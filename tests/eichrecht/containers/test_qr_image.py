"""Pictures with QR codes: every kind of picture, exact bytes, several codes, and pictures made to harm."""

from __future__ import annotations

import base64
import io
import struct
import sys
import zlib
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from eichrecht import locales
from eichrecht.containers import Unwrapped, qr_image, unwrap
from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.limits import MAX_CODES, MAX_IMAGE_PIXELS
from eichrecht.containers.sandbox import Frame, Run
from eichrecht.containers.svg_markup import clean_svg
from eichrecht.evidence import Document, RecordSpan

RECORD = b'OCMF|{"FV":"1.0","PG":"T1","TT":"3 \xe2\x82\xac"}|{"SD":"3006"}'
SECOND = b'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'


def _records(content: bytes) -> list[RecordSpan]:
    found = [(content.find(record), record) for record in (RECORD, SECOND)]
    spans = [RecordSpan("OCMF", at, at + len(record), "ocmf_header") for at, record in found if at >= 0]
    if not spans and b"OCMF|" in content:
        start = content.index(b"OCMF|")
        return [RecordSpan("OCMF", start, len(content), "ocmf_incomplete")]
    return sorted(spans, key=lambda span: span.start)


def _take(content: bytes) -> Unwrapped:
    result = unwrap(Document("picture", content), _records)
    for finding in (*result.findings, *(f for part in result.parts for f in part.findings)):
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)
    return result


def _codes(result: Unwrapped) -> list[str]:
    return [finding.code for finding in result.findings]


def _kinds(result: Unwrapped) -> list[list[str]]:
    return [[layer.kind for layer in part.layers] for part in result.parts]


def _code(content: bytes, **options: object) -> Image.Image:
    target = io.BytesIO()
    # Binary mode whatever the content: the bytes must come out as they went in.
    code = segno.make(content, mode="byte", micro=False, boost_error=False)
    code.save(target, kind="png", **{"scale": 4, **options})
    return Image.open(target)


def _saved(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    target = io.BytesIO()
    image.save(target, kind, **options)
    return target.getvalue()


def _svg(content: bytes = RECORD, **options: object) -> bytes:
    target = io.BytesIO()
    segno.make(content, mode="byte", micro=False).save(target, kind="svg", **options)
    return target.getvalue()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_kind_of_picture(kind):
    result = _take(_saved(_code(RECORD).convert("RGB"), kind))
    assert [(p.content, p.where) for p in result.parts] == [(RECORD, "")]
    assert _kinds(result) == [[kind.lower(), "qr-code"]]
    assert result.findings == ()


def test_binary_content_is_exact():
    every_byte = bytes(range(256))
    seen = []

    def _note(content: bytes) -> list[RecordSpan]:
        seen.append(content)
        return [RecordSpan("X", 0, len(content), "x")] if content == every_byte else []

    (part,) = unwrap(Document("x", _saved(_code(every_byte))), _note).parts
    assert part.content == every_byte


@pytest.mark.parametrize("declared", ["iso-8859-1", "utf-8", "shift_jis"])
def test_declared_character_sets_change_no_byte(declared):
    """The code may name a character set; the bytes stay those that the writer put in."""
    text = 'OCMF|{"FV":"1.0","TT":"¥"}|{"SD":"00"}' if declared != "utf-8" else RECORD.decode()
    target = io.BytesIO()
    encoded = text.encode(declared, "replace")
    segno.make(text, encoding=declared, eci=True, micro=False, mode="byte").save(target, kind="png", scale=4)
    seen: list[bytes] = []

    def _note(content: bytes) -> list[RecordSpan]:
        seen.append(content)
        return []

    unwrap(Document("x", target.getvalue()), _note)
    assert encoded in seen


@pytest.mark.parametrize("mode", ["alphanumeric", "numeric"])
def test_compact_modes(mode):
    text = (RECORD.hex().upper() if mode == "alphanumeric" else "20251124").encode()
    target = io.BytesIO()
    segno.make(text.decode(), mode=mode, micro=False).save(target, kind="png", scale=3)
    result = _take(target.getvalue())
    if mode == "alphanumeric":
        assert [p.content for p in result.parts] == [RECORD]
        assert _kinds(result) == [["png", "qr-code", "hex"]]
    else:
        assert result.findings[0].params == {"count": "1", "text": "20251124"}


def _transparent() -> Image.Image:
    dark = ImageOps.invert(_code(RECORD).convert("L"))
    return Image.merge("LA", (Image.new("L", dark.size, 0), dark))


def _light_on_transparent() -> Image.Image:
    dark = ImageOps.invert(_code(RECORD).convert("L"))
    return Image.merge("LA", (Image.new("L", dark.size, 255), dark))


def _sixteen_bits() -> Image.Image:
    grey = _code(RECORD).convert("L")
    # Dark is 300 of 65,535: cut off at 255 instead of scaled, all would be white.
    data = b"".join(struct.pack("<H", 300 if value < 128 else 60_000) for value in grey.tobytes())
    return Image.frombytes("I;16", grey.size, data)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(_code(RECORD, scale=1), id="one pixel a module"),
        pytest.param(_code(RECORD, scale=1, border=0), id="one pixel a module, no margin"),
        pytest.param(_code(RECORD, scale=7, border=0), id="no margin"),
        pytest.param(ImageOps.invert(_code(RECORD).convert("L")), id="light on dark"),
        pytest.param(ImageOps.mirror(_code(RECORD).convert("L")), id="mirrored"),
        pytest.param(_code(RECORD).convert("L").rotate(33, expand=True, fillcolor=255), id="turned"),
        pytest.param(_code(RECORD).convert("L").rotate(90), id="turned by 90 degrees"),
        pytest.param(_code(RECORD).convert("CMYK"), id="cmyk"),
        pytest.param(_code(RECORD).convert("P"), id="palette"),
        pytest.param(_transparent(), id="on transparent ground"),
        pytest.param(_light_on_transparent(), id="white on transparent ground"),
        pytest.param(_sixteen_bits(), id="16 bits"),
        pytest.param(
            ImageOps.expand(_code(RECORD).convert("L"), 700, fill=200), id="small in a large picture"
        ),
    ],
)
def test_pictures_as_they_are_taken(image):
    kind = "JPEG" if image.mode == "CMYK" else "PNG"
    assert [p.content for p in _take(_saved(image, kind)).parts] == [RECORD]


def _sheet(*contents: bytes, columns: int = 2) -> Image.Image:
    codes = [_code(content, scale=3) for content in contents]
    side = max(code.width for code in codes) + 20
    rows = -(-len(codes) // columns)
    sheet = Image.new("L", (columns * side, rows * side), 255)
    for index, code in enumerate(codes):
        # A little askew, as on a photo: rows are not exactly level.
        sheet.paste(code, (index % columns * side, index // columns * side + (index % 3) * 3))
    return sheet


def test_several_codes_in_reading_order():
    result = _take(_saved(_sheet(b"https://example.org/pay", SECOND, RECORD, b"x")))
    assert [(p.where, p.content) for p in result.parts] == [("/code/1", SECOND), ("/code/2", RECORD)]
    assert [(f.code, f.severity, f.params["count"]) for f in result.findings] == [
        ("codes_without_record", "note", "2")
    ]
    assert result.findings[0].params["text"] == "https://example.org/pay"


@pytest.mark.parametrize("columns", [1, 2, 4])
def test_record_over_several_codes(columns):
    record = RECORD
    quarter = -(-len(record) // 4)
    pieces = [record[start : start + quarter] for start in range(0, len(record), quarter)]
    result = _take(_saved(_sheet(*pieces, columns=columns)))
    assert [(p.where, p.content) for p in result.parts] == [("", RECORD)]
    assert [(f.code, f.params["count"]) for f in result.findings] == [("codes_joined", "4")]


def test_structured_append():
    sequence = segno.make_sequence(RECORD, symbol_count=3, mode="byte")
    images = []
    for code in sequence:
        target = io.BytesIO()
        code.save(target, kind="png", scale=3)
        images.append(Image.open(target))
    sheet = Image.new("L", (sum(image.width for image in images), max(image.height for image in images)), 255)
    left = 0
    for image in images:
        sheet.paste(image, (left, 0))
        left += image.width
    assert [p.content for p in _take(_saved(sheet)).parts] == [RECORD]


def test_incomplete_record_in_a_code():
    (part,) = _take(_saved(_code(RECORD[:20]))).parts
    assert part.content == RECORD[:20]
    assert [f.code for f in part.findings] == ["record_incomplete"]


def test_too_many_codes(monkeypatch):
    monkeypatch.setattr(qr_image, "MAX_CODES", 2)
    result = _take(_saved(_sheet(RECORD, SECOND, b"x")))
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert [(f.code, f.severity, f.params["count"]) for f in result.findings] == [
        ("codes_too_many", "error", "3")
    ]
    assert MAX_CODES >= 16  # structured append


def test_picture_without_code():
    result = _take(_saved(Image.new("L", (30, 40), 255)))
    assert (result.findings[0].code, result.findings[0].severity) == ("image_without_code", "error")
    assert result.findings[0].params == {"width": "30", "height": "40"}


def test_animated_pictures():
    first, second = _code(RECORD).convert("P"), _code(SECOND).convert("P").resize(_code(RECORD).size)
    result = _take(_saved(first, "GIF", save_all=True, append_images=[second]))
    assert [p.content for p in result.parts] == [RECORD]
    assert [(f.code, f.severity) for f in result.findings] == [("image_further_frames", "note")]


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0", "HEIC"),
        (b"II*\0\x08\0\0\0", "TIFF"),
        (b"\0\0\0\x1cftypavif\0\0\0\0", "AVIF"),
    ],
)
def test_other_kinds_are_named(content, kind):
    finding = _take(content).findings[0]
    assert (finding.code, finding.params) == ("image_unsupported", {"kind": kind})


def test_text_that_begins_like_a_bitmap():
    (part,) = _take(b"BM " + RECORD).parts
    assert part.content == RECORD


# --- hostile


def _png_header(width: int, height: int) -> bytes:
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    data = b"IDAT" + zlib.compress(bytes(100))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk
        + struct.pack(">I", len(data) - 4)
        + data
        + struct.pack(">I", zlib.crc32(data))
    )


@pytest.mark.parametrize(
    ("width", "height"), [(9_000, 9_000), (12_000, 12_000), (2**31 - 1, 2**31 - 1), (MAX_IMAGE_PIXELS + 1, 1)]
)
def test_pixel_bomb(width, height):
    finding = _take(_png_header(width, height)).findings[0]
    assert (finding.code, finding.severity) == ("image_too_large", "error")


def test_pictures_share_one_budget(monkeypatch):
    import zipfile

    image = _saved(_code(RECORD))
    pixels = _code(RECORD).width * _code(RECORD).height
    monkeypatch.setattr(sys.modules["eichrecht.containers.unwrap"], "MAX_IMAGE_PIXELS", 2 * pixels)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in "abc":
            archive.writestr(name, image)
    result = _take(target.getvalue())
    assert [p.where for p in result.parts] == ["/a", "/b"]
    assert ("image_too_large", "/c", "error") in [(f.code, f.where, f.severity) for f in result.findings]


def test_jpeg_of_endless_scans():
    content = _saved(_code(RECORD).convert("L").resize((3000, 3000)), "JPEG", progressive=True)
    assert [p.content for p in _take(content).parts] == [RECORD]
    start = content.rindex(b"\xff\xda")
    finding = _take(content[:-2] + content[start:-2] * 400 + b"\xff\xd9").findings[0]
    assert (finding.code, finding.severity) == ("image_too_large", "error")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_cut_pictures(kind):
    content = _saved(_code(RECORD, scale=8).convert("RGB"), kind)
    result = _take(content[: len(content) // 3])
    assert result.parts == ()
    assert _codes(result)[0] in ("image_unreadable", "image_without_code")


PICTURES = [
    _saved(_code(RECORD, scale=2).convert("RGB"), kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")
]


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(PICTURES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), min_size=1, max_size=5),
)
def test_damage_never_raises(picture, changes):
    content = bytearray(picture)
    for position, value in changes:
        content[position % len(content)] = value
    result = _take(bytes(content))
    assert result.parts or any(finding.severity == "error" for finding in result.findings)
    assert {f.code for f in result.findings} <= {*ContainerCode, *ArchiveCode}


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "eichrecht.containers.qr_codes", None)
    finding = _take(_saved(_code(RECORD))).findings[0]
    assert (finding.code, finding.severity) == ("library_missing", "error")
    assert finding.params["kind"] == "PNG"


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
    picture = base64.b64encode(_saved(_code(RECORD)))
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
    result = _take(drawing)
    assert [p.content for p in result.parts] == [RECORD]
    assert _kinds(result)[0][-2:] == ["svg", "qr-code"]
    assert not [f for f in result.findings if f.severity == "error"]


def test_svg_reaches_nothing_outside(tmp_path):
    """A code in a file beside is what a hostile drawing must not be able to show."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(_saved(_code(RECORD)))
    for link in (str(secret), secret.as_uri(), f"url({secret})"):
        drawing = (
            '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="90" height="90">'
            f'<image width="90" height="90" href="{link}"/><image width="90" height="90" xlink:href="{link}"/>'
            f'<g xml:base="{tmp_path}/"><image href="secret.png" width="90" height="90"/></g></svg>'
        )
        result = _take(drawing.encode())
        assert result.parts == ()
        assert _codes(result)[0] == "image_without_code"
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
    finding = _take(drawing).findings[0]
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
    result = _take(drawing.encode())
    assert result.parts == ()
    assert _codes(result)[0] in ("svg_refused", "image_without_code")


@pytest.mark.parametrize("content", [b"<values/>", b"<a><svg/></a>", b"svg", b"", b"\0<svg>", b"{<svg>}"])
def test_not_svg(content):
    assert clean_svg(content, 100) is None


def test_svg_without_the_library(monkeypatch):
    frames = (Frame({"kind": "missing", "name": "resvg_py"}, b""),)
    monkeypatch.setattr(qr_image, "run_worker", lambda *a: Run(frames, complete=True))
    finding = _take(_svg()).findings[0]
    assert (finding.code, finding.params) == ("library_missing", {"kind": "SVG", "package": "resvg_py"})


def test_svg_with_a_prefix_that_is_declared_nowhere():
    """Found by fuzzing: behind some other errors the parser lets it pass, and lxml's QName raised."""
    corpus = Path(__file__).resolve().parents[3] / "fuzz" / "corpus" / "svg" / "hand-undeclared-prefix"
    content = corpus.read_bytes()
    assert clean_svg(content, 100) is not None
    assert not _take(content).parts
