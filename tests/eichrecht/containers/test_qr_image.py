"""Pictures with QR codes: every kind of picture, exact bytes, several codes, and pictures made to harm."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from eichrecht.containers import qr_image, unwrap
from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.limits import MAX_CODES, MAX_IMAGE_PIXELS
from eichrecht.evidence import Document, RecordSpan
from tests.eichrecht.containers.qr_image_support import (
    RECORD,
    SECOND,
    codes_of,
    kinds_of,
    qr_code,
    saved_as,
    take,
)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_every_kind_of_picture(kind):
    result = take(saved_as(qr_code(RECORD).convert("RGB"), kind))
    assert [(p.content, p.where) for p in result.parts] == [(RECORD, "")]
    assert kinds_of(result) == [[kind.lower(), "qr-code"]]
    assert result.findings == ()


def test_binary_content_is_exact():
    every_byte = bytes(range(256))
    seen = []

    def _note(content: bytes) -> list[RecordSpan]:
        seen.append(content)
        return [RecordSpan("X", 0, len(content), "x")] if content == every_byte else []

    (part,) = unwrap(Document("x", saved_as(qr_code(every_byte))), _note).parts
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
    result = take(target.getvalue())
    if mode == "alphanumeric":
        assert [p.content for p in result.parts] == [RECORD]
        assert kinds_of(result) == [["png", "qr-code", "hex"]]
    else:
        assert result.findings[0].params == {"count": "1", "text": "20251124"}


def _transparent() -> Image.Image:
    dark = ImageOps.invert(qr_code(RECORD).convert("L"))
    return Image.merge("LA", (Image.new("L", dark.size, 0), dark))


def _light_on_transparent() -> Image.Image:
    dark = ImageOps.invert(qr_code(RECORD).convert("L"))
    return Image.merge("LA", (Image.new("L", dark.size, 255), dark))


def _sixteen_bits() -> Image.Image:
    grey = qr_code(RECORD).convert("L")
    # Dark is 300 of 65,535: cut off at 255 instead of scaled, all would be white.
    data = b"".join(struct.pack("<H", 300 if value < 128 else 60_000) for value in grey.tobytes())
    return Image.frombytes("I;16", grey.size, data)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(qr_code(RECORD, scale=1), id="one pixel a module"),
        pytest.param(qr_code(RECORD, scale=1, border=0), id="one pixel a module, no margin"),
        pytest.param(qr_code(RECORD, scale=7, border=0), id="no margin"),
        pytest.param(ImageOps.invert(qr_code(RECORD).convert("L")), id="light on dark"),
        pytest.param(ImageOps.mirror(qr_code(RECORD).convert("L")), id="mirrored"),
        pytest.param(qr_code(RECORD).convert("L").rotate(33, expand=True, fillcolor=255), id="turned"),
        pytest.param(qr_code(RECORD).convert("L").rotate(90), id="turned by 90 degrees"),
        pytest.param(qr_code(RECORD).convert("CMYK"), id="cmyk"),
        pytest.param(qr_code(RECORD).convert("P"), id="palette"),
        pytest.param(_transparent(), id="on transparent ground"),
        pytest.param(_light_on_transparent(), id="white on transparent ground"),
        pytest.param(_sixteen_bits(), id="16 bits"),
        pytest.param(
            ImageOps.expand(qr_code(RECORD).convert("L"), 700, fill=200), id="small in a large picture"
        ),
    ],
)
def test_pictures_as_they_are_taken(image):
    kind = "JPEG" if image.mode == "CMYK" else "PNG"
    assert [p.content for p in take(saved_as(image, kind)).parts] == [RECORD]


def _sheet(*contents: bytes, columns: int = 2) -> Image.Image:
    codes = [qr_code(content, scale=3) for content in contents]
    side = max(code.width for code in codes) + 20
    rows = -(-len(codes) // columns)
    sheet = Image.new("L", (columns * side, rows * side), 255)
    for index, code in enumerate(codes):
        # A little askew, as on a photo: rows are not exactly level.
        sheet.paste(code, (index % columns * side, index // columns * side + (index % 3) * 3))
    return sheet


def test_several_codes_in_reading_order():
    result = take(saved_as(_sheet(b"https://example.org/pay", SECOND, RECORD, b"x")))
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
    result = take(saved_as(_sheet(*pieces, columns=columns)))
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
    assert [p.content for p in take(saved_as(sheet)).parts] == [RECORD]


def test_incomplete_record_in_a_code():
    (part,) = take(saved_as(qr_code(RECORD[:20]))).parts
    assert part.content == RECORD[:20]
    assert [f.code for f in part.findings] == ["record_incomplete"]


def test_too_many_codes(monkeypatch):
    monkeypatch.setattr(qr_image, "MAX_CODES", 2)
    result = take(saved_as(_sheet(RECORD, SECOND, b"x")))
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert [(f.code, f.severity, f.params["count"]) for f in result.findings] == [
        ("codes_too_many", "error", "3")
    ]
    assert MAX_CODES >= 16  # structured append


def test_picture_without_code():
    result = take(saved_as(Image.new("L", (30, 40), 255)))
    assert (result.findings[0].code, result.findings[0].severity) == ("image_without_code", "error")
    assert result.findings[0].params == {"width": "30", "height": "40"}


def test_animated_pictures():
    first, second = qr_code(RECORD).convert("P"), qr_code(SECOND).convert("P").resize(qr_code(RECORD).size)
    result = take(saved_as(first, "GIF", save_all=True, append_images=[second]))
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
    finding = take(content).findings[0]
    assert (finding.code, finding.params) == ("image_unsupported", {"kind": kind})


def test_text_that_begins_like_a_bitmap():
    (part,) = take(b"BM " + RECORD).parts
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
    finding = take(_png_header(width, height)).findings[0]
    assert (finding.code, finding.severity) == ("image_too_large", "error")


def test_pictures_share_one_budget(monkeypatch):
    import zipfile

    image = saved_as(qr_code(RECORD))
    pixels = qr_code(RECORD).width * qr_code(RECORD).height
    monkeypatch.setattr(sys.modules["eichrecht.containers.unwrap"], "MAX_IMAGE_PIXELS", 2 * pixels)
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name in "abc":
            archive.writestr(name, image)
    result = take(target.getvalue())
    assert [p.where for p in result.parts] == ["/a", "/b"]
    assert ("image_too_large", "/c", "error") in [(f.code, f.where, f.severity) for f in result.findings]


def test_jpeg_of_endless_scans():
    content = saved_as(qr_code(RECORD).convert("L").resize((3000, 3000)), "JPEG", progressive=True)
    assert [p.content for p in take(content).parts] == [RECORD]
    start = content.rindex(b"\xff\xda")
    finding = take(content[:-2] + content[start:-2] * 400 + b"\xff\xd9").findings[0]
    assert (finding.code, finding.severity) == ("image_too_large", "error")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_cut_pictures(kind):
    content = saved_as(qr_code(RECORD, scale=8).convert("RGB"), kind)
    result = take(content[: len(content) // 3])
    assert result.parts == ()
    assert codes_of(result)[0] in ("image_unreadable", "image_without_code")


PICTURES = [
    saved_as(qr_code(RECORD, scale=2).convert("RGB"), kind) for kind in ("PNG", "JPEG", "GIF", "BMP", "WEBP")
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
    result = take(bytes(content))
    assert result.parts or any(finding.severity == "error" for finding in result.findings)
    assert {f.code for f in result.findings} <= {*ContainerCode, *ArchiveCode}


def test_without_the_library(monkeypatch):
    monkeypatch.setitem(sys.modules, "eichrecht.containers.qr_codes", None)
    finding = take(saved_as(qr_code(RECORD))).findings[0]
    assert (finding.code, finding.severity) == ("library_missing", "error")
    assert finding.params["kind"] == "PNG"
