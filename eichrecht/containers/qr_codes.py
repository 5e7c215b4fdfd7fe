"""QR codes in a picture: their bytes, exactly as encoded, and their order on the picture."""

from __future__ import annotations

from dataclasses import dataclass

# This module is imported only once there is a picture to look at: the libraries take a while to load.
import zxingcpp
from PIL import Image, ImageOps

_SMALL = 1_000
"""Up to this side a picture is also looked at enlarged: codes of one pixel a module, cut without a margin."""

_ENLARGED = 3
_WHITE = 255
_FORMATS = zxingcpp.BarcodeFormats([zxingcpp.QRCodeModel2])
"""Ordinary QR codes; Micro QR holds at most 15 bytes, which is no record."""


@dataclass(frozen=True, slots=True)
class Code:
    """One code: its content, and the place of its upper left corner and its height in pixels."""

    content: bytes
    left: int
    top: int
    height: int


def find_codes(picture: Image.Image) -> tuple[Code, ...]:
    """Return the codes in ``picture`` in reading order, also light ones on dark ground.

    Transparent pictures are laid on white, then on black, since only one of them shows the code.
    """
    for flat in _flattened(picture):
        for looked_at in _views(flat):
            for binarizer in (zxingcpp.Binarizer.LocalAverage, zxingcpp.Binarizer.GlobalHistogram):
                codes = _read(looked_at, binarizer)
                if codes:
                    return _in_reading_order(codes)
    return ()


def _flattened(picture: Image.Image) -> tuple[Image.Image, ...]:
    """Return the picture in grey, once per ground if it is transparent."""
    if picture.mode == "I;16":
        # Pillow would cut 16 bits off at 255 instead of scaling them; the upper byte is the grey.
        return (Image.frombytes("L", picture.size, picture.tobytes()[1::2]),)
    if picture.mode not in ("RGBA", "LA", "PA") and "transparency" not in picture.info:
        return (picture.convert("L"),)
    layers = picture.convert("LA" if picture.mode == "LA" else "RGBA")
    alpha = layers.getchannel("A")
    grey = layers.convert("L")
    grounds = [Image.new("L", picture.size, ground) for ground in (_WHITE, 0)]
    return tuple(Image.composite(grey, ground, alpha) for ground in grounds)


def _views(flat: Image.Image) -> tuple[Image.Image, ...]:
    if max(flat.size) > _SMALL:
        return (flat,)
    width, height = flat.size
    larger = flat.resize((width * _ENLARGED, height * _ENLARGED), Image.Resampling.NEAREST)
    return (flat, ImageOps.expand(larger, border=8 * _ENLARGED, fill=_WHITE))


def _read(picture: Image.Image, binarizer: zxingcpp.Binarizer) -> list[Code]:
    codes: list[Code] = []
    for found in zxingcpp.read_barcodes(picture, formats=_FORMATS, binarizer=binarizer):
        corners = found.position
        points = (corners.top_left, corners.top_right, corners.bottom_left, corners.bottom_right)
        top, left = min(point.y for point in points), min(point.x for point in points)
        codes.append(Code(found.bytes, left, top, max(point.y for point in points) - top))
    return codes


def _in_reading_order(codes: list[Code]) -> tuple[Code, ...]:
    """Sort by rows from the top, within a row from the left; a row begins half a code below the one before."""
    ordered: list[Code] = []
    row: list[Code] = []
    for code in sorted(codes, key=lambda code: code.top):
        if row and code.top > row[0].top + row[0].height // 2:
            ordered += sorted(row, key=lambda code: code.left)
            row = []
        row.append(code)
    return (*ordered, *sorted(row, key=lambda code: code.left))
