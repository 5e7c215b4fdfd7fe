"""Pictures with QR codes: PNG, JPEG, GIF, BMP, WebP and SVG, known by their content.

What a code holds is opened like a file. Links in codes are shown, never followed.
"""

from __future__ import annotations

import io
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.kinds import Found, Opener, Payload, joined, within
from eichrecht.containers.limits import MAX_CODES, MAX_DEPTH, MAX_IMAGE_PIXELS, MAX_SCANS_PIXELS, SVG_SIDE
from eichrecht.containers.members import claims_records, printable_name
from eichrecht.containers.sandbox import run_worker
from eichrecht.containers.svg_markup import clean_svg
from eichrecht.evidence import Finding, Layer, note, problem, warning

if TYPE_CHECKING:
    from PIL.Image import Image

    from eichrecht.containers.qr_codes import Code

_TEXT_SHOWN = 80
"""Characters shown of a code that holds no record: enough for the host of a link."""

_LARGE_JPEG = 20_000_000
"""Pixels above which a JPEG is decoded at half its width and height, which the format does cheaply."""

_BMP_HEADERS = frozenset({12, 40, 52, 56, 64, 108, 124})
_UNSUPPORTED = (
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (4, b"ftypheic", "HEIC"),
    (4, b"ftypheix", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypavif", "AVIF"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
)


class RasterImage:
    """QR codes in a PNG, JPEG, GIF, BMP or WebP picture."""

    name = "qr-code in png, jpeg, gif, bmp, webp"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        content = payload.content
        for offset, magic, unsupported in _UNSUPPORTED:
            if content.startswith(magic, offset):
                return Found(findings=(problem(ArchiveCode.IMAGE_UNSUPPORTED, kind=unsupported),))
        kind = _raster_kind(content)
        return (
            None
            if kind is None
            else _read_raster(content, kind, Layer(kind.lower(), "picture_signature"), opener)
        )


class SvgImage:
    """QR codes drawn in an SVG."""

    name = "qr-code in svg"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        drawing = clean_svg(payload.content, SVG_SIDE)
        if drawing is None:
            return None
        if isinstance(drawing, str):
            return Found(findings=(problem(ArchiveCode.SVG_REFUSED, reason=drawing),))
        run = run_worker("svg_picture", (str(SVG_SIDE),), drawing, opener)
        for frame in run.frames:
            kind = frame.text("kind")
            if kind == "picture":
                return _read_raster(frame.body, "PNG", Layer("svg", "svg_root"), opener)
            if kind == "missing":
                package = frame.text("name")
                return Found(findings=(problem(ArchiveCode.LIBRARY_MISSING, kind="SVG", package=package),))
        reason = run.reason or "unreadable"
        return Found(findings=(problem(ArchiveCode.SVG_REFUSED, reason=reason),))


def _raster_kind(content: bytes) -> str | None:
    """Return Pillow's name of the picture format that ``content`` begins like."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "WEBP"
    is_bmp = content.startswith(b"BM") and content[6:10] == bytes(4)
    return "BMP" if is_bmp and int.from_bytes(content[14:18], "little") in _BMP_HEADERS else None


def _read_raster(content: bytes, kind: str, layer: Layer, opener: Opener) -> Found:
    try:
        pillow, codes = import_module("PIL.Image"), import_module("eichrecht.containers.qr_codes")
    except ImportError as missing:
        package = missing.name or "pillow"
        return Found(findings=(problem(ArchiveCode.LIBRARY_MISSING, kind=kind, package=package),))
    try:
        return _read_picture(content, kind, layer, opener, pillow, codes)
    except (pillow.DecompressionBombError, pillow.DecompressionBombWarning):
        return _too_large()
    except Exception:  # the library raises, or warns of, whatever its decoding runs into
        return Found(findings=(problem(ArchiveCode.IMAGE_UNREADABLE, kind=kind),))


def _too_large() -> Found:
    return Found(findings=(problem(ArchiveCode.IMAGE_TOO_LARGE, limit=MAX_IMAGE_PIXELS),))


def _read_picture(
    content: bytes, kind: str, layer: Layer, opener: Opener, pillow: ModuleType, codes: ModuleType
) -> Found:
    with pillow.open(io.BytesIO(content), formats=(kind,)) as opened:
        picture: Image = opened
        width, height = picture.size
        # Only the header was read so far: a small file can claim, and cost, any number of pixels.
        scans = content.count(b"\xff\xda") if kind == "JPEG" else 1
        if width * height * scans > MAX_SCANS_PIXELS or not opener.grant_pixels(width * height):
            return _too_large()
        findings: tuple[Finding, ...] = ()
        if kind != "JPEG" and getattr(picture, "is_animated", False):
            findings += (note(ArchiveCode.IMAGE_FURTHER_FRAMES, kind=kind),)
        if kind == "JPEG" and width * height > _LARGE_JPEG:
            picture.draft("L", (width // 2, height // 2))
        found: tuple[Code, ...] = codes.find_codes(picture)
    if not found:
        return Found(
            findings=(*findings, problem(ArchiveCode.IMAGE_WITHOUT_CODE, width=width, height=height))
        )
    if len(found) > MAX_CODES:
        findings += (problem(ArchiveCode.CODES_TOO_MANY, count=len(found), limit=MAX_CODES),)
    if not opener.levels_left():
        findings += (problem(ContainerCode.NESTING_TOO_DEEP, limit=MAX_DEPTH),)
    inside = _open_codes([code.content for code in found[:MAX_CODES]], opener)
    return within(inside, layer, Layer("qr-code", "qr_code_found"), findings=findings)


def _open_codes(contents: list[bytes], opener: Opener) -> Found:
    """Open what the codes hold; if no code holds a whole record, what they hold together.

    Long records are spread over several codes (ISO/IEC 18004 §8, structured append); the reader does not tell
    their order, so that on the picture counts.
    """
    inner = [opener.open(content) for content in contents]
    if len(contents) > 1 and not any(found.complete for found in inner):
        together = opener.open(b"".join(contents))
        if together.complete:
            return within(together, findings=(note(ArchiveCode.CODES_JOINED, count=len(contents)),))
    without = [content for content, found in zip(contents, inner, strict=True) if not found.parts]
    findings: tuple[Finding, ...] = ()
    if without:
        text = printable_name(without[0][: 4 * _TEXT_SHOWN].decode("utf-8", "replace"))[:_TEXT_SHOWN]
        tell = warning if any(claims_records(content) for content in without) else note
        findings = (tell(ArchiveCode.CODES_WITHOUT_RECORD, count=len(without), text=text),)
    several = len(contents) > 1
    placed = [
        within(found, where=f"/code/{index}" if several else "")
        for index, found in enumerate(inner)
        if found.parts
    ]
    whole = joined(placed)
    return Found(whole.parts, findings + whole.findings)
