"""Takes embedded files, or pictures and hints of text, out of a PDF (ISO 32000-2 §7.11.4, §14.13, §12.5.6.15).

Usage: ``pdf_files.py CPU_SECONDS MEMORY files|pages MAX_OBJECTS MAX_PAGES MAX_STREAM MAX_TOTAL < PDF``. Messages
go to standard output: a line of JSON with ``kind`` and ``size``, then the bytes.
"""

from __future__ import annotations

import io
import json
import logging
import struct
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

_TREE_DEPTH = 32
_FORM_DEPTH = 4
_SMALLEST_PICTURE = 21
"""Side of the smallest QR code in modules; logos of a few pixels are not worth a look."""

_LARGEST_PICTURE = 20_000
_COMPONENTS = {"/DeviceGray": 1, "/CalGray": 1, "/DeviceRGB": 3, "/CalRGB": 3}
_ROW_FILTERS = frozenset(
    {"/FlateDecode", "/LZWDecode", "/ASCII85Decode", "/ASCIIHexDecode", "/RunLengthDecode"}
)
"""Filters whose result is rows of pixels; JPEG 2000, JBIG2 and fax pictures are left out."""

_TEXT_MARK = "OCMF|"


class Output:
    """Messages to the parent process, flushed one by one, so that a run that is stopped loses only its rest."""

    def __init__(self, stream: BinaryIO, max_total: int) -> None:
        self._stream = stream
        self._left = max_total

    def send(self, kind: str, body: bytes = b"", **head: object) -> None:
        """Write one message; a body beyond what may be written together is replaced by ``limit``."""
        if len(body) > self._left:
            kind, body = "limit", b""
        self._left -= len(body)
        line = json.dumps({"kind": kind, "size": len(body), **head})
        self._stream.write(line.encode("ascii") + b"\n" + body)
        self._stream.flush()


class Search:
    """A walk through a PDF that counts the objects it looks at."""

    def __init__(self, reader: Any, output: Output, max_objects: int, max_pages: int) -> None:
        self._reader = reader
        self._output = output
        self._left = max_objects
        self._max_pages = max_pages
        self._seen: set[tuple[int, int]] = set()

    def files(self) -> None:
        """Send every embedded file: of the name tree, associated with the document or a page, or a note's."""
        for name, specification in self._specifications():
            self._file(name, specification)

    def pages(self) -> None:
        """Send the pictures on the pages, and a hint for every page whose text shows a record."""
        for number, page in enumerate(self._each_page(), 1):
            self._pictures(_get(page, "/Resources"), 0)
            try:
                shows_record = _TEXT_MARK in page.extract_text()
            except Exception:  # noqa: S112 - text is only a hint, and the library raises anything
                continue
            if shows_record:
                self._output.send("text", page=number)

    def _specifications(self) -> Iterator[tuple[str, Any]]:
        root = self._reader.root_object
        yield from self._tree(_get(_get(root, "/Names"), "/EmbeddedFiles"), 0)
        yield from self._list(_get(root, "/AF"))
        for page in self._each_page():
            yield from self._list(_get(page, "/AF"))
            for annotation in _items(_get(page, "/Annots")):
                if self._count() and _get(annotation, "/FS") is not None:
                    yield "", _get(annotation, "/FS")

    def _tree(self, node: Any, depth: int) -> Iterator[tuple[str, Any]]:
        """Walk a name tree (§7.9.6); one that refers to itself ends with the count of objects or the depth."""
        if depth > _TREE_DEPTH or not self._count():
            return
        names = _items(_get(node, "/Names"))
        for name, specification in zip(names, names, strict=False):
            if self._count():
                yield str(name), specification
        for kid in _items(_get(node, "/Kids")):
            yield from self._tree(kid, depth + 1)

    def _list(self, array: Any) -> Iterator[tuple[str, Any]]:
        for specification in _items(array):
            if self._count():
                yield "", specification

    def _file(self, name: str, specification: Any) -> None:
        for key in ("/UF", "/F"):
            name = str(_get(specification, key) or "") or name
            if name:
                break
        versions = _get(specification, "/EF")
        stream = next((s for key in ("/UF", "/F", "/Unix") if (s := _get(versions, key)) is not None), None)
        if stream is None:
            self._output.send("empty", name=name)
        elif self._is_new(stream):
            self._send_data("file", stream.get_data, name)

    def _pictures(self, resources: Any, depth: int) -> None:
        objects = _get(resources, "/XObject")
        for key in list(objects) if isinstance(objects, dict) else ():
            stream = _get(objects, key)
            if not self._count() or stream is None or not self._is_new(stream):
                continue
            if _get(stream, "/Subtype") == "/Image":
                picture = _picture(stream)
                if picture is not None:
                    self._send_data("picture", picture, str(key))
                elif _is_large_enough(stream):
                    self._output.send("unsupported", name=f"{key} {_filters(stream)}")
            elif depth < _FORM_DEPTH:
                self._pictures(_get(stream, "/Resources"), depth + 1)

    def _send_data(self, kind: str, data: Callable[[], bytes], name: str) -> None:
        try:
            body = data()
        except Exception as error:
            limit = type(error).__name__ == "LimitReachedError"
            self._output.send("limit" if limit else "damaged", name=name)
        else:
            self._output.send(kind, body, name=name)

    def _each_page(self) -> Iterator[Any]:
        for number, page in enumerate(self._reader.pages):
            if number >= self._max_pages:
                self._output.send("pages")
                return
            if self._count():
                yield page

    def _is_new(self, thing: Any) -> bool:
        reference = getattr(thing, "indirect_reference", None)
        if reference is None:
            return True
        key = (reference.idnum, reference.generation)
        new = key not in self._seen
        self._seen.add(key)
        return new

    def _count(self) -> bool:
        self._left -= 1
        if self._left == 0:
            self._output.send("objects")
        return self._left > 0


def _get(thing: Any, key: str) -> Any:
    """Return a member of a dictionary, with references followed; ``None`` if there is none."""
    holder = thing.get_object() if hasattr(thing, "get_object") else thing
    value: Any = holder.get(key) if isinstance(holder, dict) else None
    if hasattr(value, "get_object"):
        value = value.get_object()
    return None if type(value).__name__ == "NullObject" else value


def _items(array: Any) -> Iterator[Any]:
    """Yield the members of an array, each looked up only when it is its turn."""
    return (item.get_object() for item in array) if isinstance(array, list) else iter(())


def _picture(stream: Any) -> Callable[[], bytes] | None:
    """Return what makes an image file of a picture: JPEG as it stands, rows of pixels as PNG."""
    names = _filters(stream)
    if names == ["/DCTDecode"]:
        return lambda: bytes(stream._data)
    if not _ROW_FILTERS.issuperset(names) or not _is_large_enough(stream):
        return None
    width, height = _get(stream, "/Width"), _get(stream, "/Height")
    bits = 1 if _get(stream, "/ImageMask") else _get(stream, "/BitsPerComponent")
    colours = _colours(stream)
    if bits not in (1, 2, 4, 8) or colours is None:
        return None
    kind, components, palette = colours
    return lambda: png(width, height, bits, kind, components, palette, stream.get_data())


def _filters(stream: Any) -> list[str]:
    filters = _get(stream, "/Filter")
    return [str(name) for name in (filters if isinstance(filters, list) else [filters] if filters else [])]


def _is_large_enough(stream: Any) -> bool:
    sides = (_get(stream, "/Width"), _get(stream, "/Height"))
    return all(isinstance(side, int) and _SMALLEST_PICTURE <= side <= _LARGEST_PICTURE for side in sides)


def _colours(stream: Any) -> tuple[int, int, bytes] | None:
    """Return PNG colour type, components and palette of a picture's colour space (§8.6)."""
    space = "/DeviceGray" if _get(stream, "/ImageMask") else _get(stream, "/ColorSpace")
    if isinstance(space, list) and space and str(space[0]) == "/Indexed" and len(space) == 4:
        table = space[3].get_object()
        table = table.get_data() if hasattr(table, "get_data") else getattr(table, "original_bytes", b"")
        base = _components(space[1].get_object())
        if base == 1:
            table = b"".join(bytes((value,)) * 3 for value in table[:256])
        return (3, 1, table[: 256 * 3]) if base and len(table) >= 3 else None
    components = _components(space)
    return None if components is None else (0 if components == 1 else 2, components, b"")


def _components(space: Any) -> int | None:
    if isinstance(space, list) and space:
        if str(space[0]) == "/ICCBased" and len(space) > 1:
            number = _get(space[1], "/N")
            return number if number in (1, 3) else None
        space = space[0]
    return _COMPONENTS.get(str(space))


def png(width: int, height: int, bits: int, kind: int, components: int, palette: bytes, rows: bytes) -> bytes:
    """Write rows of pixels as PNG (PNG 3rd edition §5); PDF and PNG pack them alike."""
    stride = (width * components * bits + 7) // 8
    if len(rows) < stride * height:
        raise ValueError("rows are missing")
    filtered = b"".join(b"\0" + rows[start : start + stride] for start in range(0, stride * height, stride))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, kind, 0, 0, 0))]
    if palette:
        chunks.append((b"PLTE", palette[: min(len(palette) // 3, 1 << bits) * 3]))
    chunks += [(b"IDAT", zlib.compress(filtered, 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def search(content: bytes, mode: str, limits: tuple[int, int, int, int], output: Output) -> None:
    """Search a PDF and send what is found."""
    import pypdf  # noqa: PLC0415 - only here, after the limits are set
    from pypdf import apply_configuration  # noqa: PLC0415 - as above

    max_objects, max_pages, max_stream, _ = limits
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    with apply_configuration(
        zlib_maximum_output_length=max_stream,
        lzw_maximum_output_length=max_stream,
        run_length_maximum_output_length=max_stream,
        brotli_maximum_output_length=max_stream,
        array_based_stream_maximum_output_length=max_stream,
        stream_decoding_work_maximum_length=4 * max_stream,
        zlib_maximum_recovery_input_length=0,
        jbig2dec_binary=None,
    ):
        reader = pypdf.PdfReader(io.BytesIO(content), root_object_recovery_limit=max_objects)
        if reader.is_encrypted and not reader.decrypt(""):
            output.send("encrypted")
            return
        walk = Search(reader, output, max_objects, max_pages)
        if mode == "files":
            walk.files()
        else:
            walk.pages()


def limit_resources(cpu_seconds: int, memory: int) -> None:
    """Limit this process; what the system does not support is left to the parent's clock."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue


def main(arguments: list[str]) -> None:
    """Do what the module's docstring says; the last message tells the processor time in milliseconds."""
    limit_resources(int(arguments[0]), int(arguments[1]))
    max_objects, max_pages, max_stream, max_total = map(int, arguments[3:7])
    output = Output(sys.stdout.buffer, max_total)
    try:
        limits = (max_objects, max_pages, max_stream, max_total)
        search(sys.stdin.buffer.read(), arguments[2], limits, output)
    except ImportError as missing:
        output.send("missing", name=missing.name or "pypdf")
    except MemoryError:
        output.send("limit")
    except Exception as error:
        output.send("unreadable", reason=type(error).__name__)
    output.send("end", milliseconds=time.process_time_ns() // 1_000_000)


if __name__ == "__main__":
    main(sys.argv[1:])
