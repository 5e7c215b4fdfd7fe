"""PDF: embedded files wherever they hang, pictures on pages, and what is refused."""

from __future__ import annotations

import io
import subprocess
import zlib

import pytest
import segno
from PIL import Image
from pypdf import PdfReader, PdfWriter
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    DictionaryObject,
    NameObject,
    NumberObject,
    StreamObject,
    TextStringObject,
)

from eichrecht import locales
from eichrecht.containers import Unwrapped, pdf, sandbox, unwrap
from eichrecht.containers.codes import ArchiveCode
from eichrecht.containers.limits import MAX_DECODED_BYTES, MAX_PDF_STREAM
from eichrecht.evidence import Document, RecordSpan

RECORD = b'OCMF|{"FV":"1.0","PG":"T1"}|{"SD":"3006"}'
XML = b"<?xml version='1.0'?><values><value><signedData>%s</signedData></value></values>" % RECORD
SIGNATURE = bytes.fromhex("3006020101020102")


def _records(content: bytes) -> list[RecordSpan]:
    start = content.find(RECORD)
    return [RecordSpan("OCMF", start, start + len(RECORD), "ocmf_header")] if start >= 0 else []


def _take(content: bytes) -> Unwrapped:
    result = unwrap(Document("pdf", content), _records)
    for finding in (*result.findings, *(f for part in result.parts for f in part.findings)):
        assert all("{" not in locales.sentence(finding, language) for language in locales.LANGUAGES)
    return result


def _codes(result: Unwrapped) -> list[str]:
    return [finding.code for finding in result.findings]


def _written(writer: PdfWriter) -> bytes:
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def _with_files(files: dict[str, bytes]) -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    for name, content in files.items():
        writer.add_attachment(name, content)
    return _written(writer)


def _specification(writer: PdfWriter, name: str, content: bytes, **filters: object) -> DictionaryObject:
    stream = DecodedStreamObject()
    stream.set_data(content)
    stream.update({NameObject(key): value for key, value in filters.items()})
    return DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Filespec"),
            NameObject("/UF"): TextStringObject(name),
            NameObject("/EF"): DictionaryObject({NameObject("/F"): writer._add_object(stream)}),
        }
    )


@pytest.mark.parametrize("name", ["invoice.xml", "data.ocmf", "noise"])
def test_embedded_file_of_any_name(name):
    result = _take(_with_files({name: XML}))
    (part,) = result.parts
    assert part.content == RECORD
    assert part.where == f"/{name}/values/value/0"
    assert [layer.kind for layer in part.layers] == ["pdf", "safe-xml"]
    assert result.findings == ()


def test_embedded_files_are_like_those_of_an_archive():
    spki = "3059301306072a8648ce3d020106082a8648ce3d030107034200" + "04" + "11" * 64
    files = {"logo.png": b"\x89PNG\r\n\x1a\n", "r": RECORD, "r.sign": SIGNATURE, "key": spki.encode()}
    result = _take(_with_files(files))
    (part,) = result.parts
    assert part.detached_signature == SIGNATURE
    assert [(key.name, key.text) for key in part.beside_keys] == [("key", spki)]
    assert [(f.code, f.params["names"]) for f in result.findings] == [("members_ignored", "logo.png")]


def test_files_hang_at_the_document_at_pages_and_at_notes():
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    shared = writer._add_object(_specification(writer, "shared", RECORD + b"1"))
    root = writer.root_object
    root[NameObject("/AF")] = ArrayObject([shared])
    page[NameObject("/AF")] = ArrayObject([_specification(writer, "page", RECORD + b"2"), shared])
    page[NameObject("/Annots")] = ArrayObject(
        [
            DictionaryObject(
                {
                    NameObject("/Subtype"): NameObject("/FileAttachment"),
                    NameObject("/FS"): _specification(writer, "note", RECORD + b"3"),
                }
            )
        ]
    )
    nested = DictionaryObject(
        {
            NameObject("/Names"): ArrayObject(
                [TextStringObject("k"), _specification(writer, "tree", RECORD + b"4")]
            )
        }
    )
    middle = DictionaryObject({NameObject("/Kids"): ArrayObject([writer._add_object(nested)])})
    tree = DictionaryObject({NameObject("/Kids"): ArrayObject([writer._add_object(middle)])})
    root[NameObject("/Names")] = DictionaryObject({NameObject("/EmbeddedFiles"): tree})
    assert [part.where for part in _take(_written(writer)).parts] == ["/tree", "/shared", "/page", "/note"]


def test_pdf_written_with_object_streams():
    content = _with_files({"a": RECORD})
    writer = PdfWriter(clone_from=PdfReader(io.BytesIO(content)))
    writer.compress_identical_objects()
    assert [part.where for part in _take(_written(writer)).parts] == ["/a"]


def test_encrypted_pdf():
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment("a", RECORD)
    writer.encrypt("secret", algorithm="AES-256")
    result = _take(_written(writer))
    assert result.parts == ()
    assert ("pdf_encrypted", "error") in [(f.code, f.severity) for f in result.findings]


def test_pdf_that_only_its_owner_may_change_is_open_to_readers():
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_attachment("a", RECORD)
    writer.encrypt("", "owner", algorithm="AES-128")
    assert [part.content for part in _take(_written(writer)).parts] == [RECORD]


def test_broken_cross_references_are_survived():
    content = _with_files({"a": RECORD})
    moved = content.replace(b"startxref\n", b"startxref\n9", 1)
    assert [part.where for part in _take(moved).parts] == ["/a"]


@pytest.mark.parametrize("content", [b"%PDF-1.7\n", b"%PDF-1.7\n" + bytes(200), b"%PDF-1.7\n1 0 obj\n<<"])
def test_unreadable_pdf(content):
    result = _take(content)
    assert _codes(result)[0] == "pdf_unreadable"
    assert result.findings[0].severity == "error"


def test_text_that_mentions_pdf_is_still_text():
    (part,) = _take(b"%PDF-\n" + RECORD).parts
    assert part.content == RECORD


def test_truncated_embedded_file():
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    broken = zlib.compress(b"x" * 1000)[:-300] + b"\xff" * 300
    writer.root_object[NameObject("/AF")] = ArrayObject(
        [
            _specification(writer, "bad", broken, **{"/Filter": NameObject("/FlateDecode")}),
            _specification(writer, "strange", RECORD, **{"/Filter": NameObject("/NoSuchDecode")}),
            _specification(writer, "good", RECORD),
            DictionaryObject({NameObject("/UF"): TextStringObject("only a name")}),
        ]
    )
    result = _take(_written(writer))
    assert [part.where for part in result.parts] == ["/good"]
    told = {f.code: (f.severity, f.params["names"]) for f in result.findings}
    assert told["members_without_content"] == ("note", "only a name")
    assert told["members_damaged"][0] == "error"
    assert "strange" in told["members_damaged"][1]


# --- pages


def _with_picture(picture: StreamObject) -> bytes:
    writer = PdfWriter()
    page = writer.add_blank_page(200, 200)
    form = DecodedStreamObject()
    form.set_data(b"/Im0 Do")
    form.update(
        {
            NameObject("/Subtype"): NameObject("/Form"),
            NameObject("/Resources"): DictionaryObject(
                {NameObject("/XObject"): DictionaryObject({NameObject("/Im0"): writer._add_object(picture)})}
            ),
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/XObject"): DictionaryObject({NameObject("/Fm0"): writer._add_object(form)})}
    )
    return _written(writer)


def _code(scale: int = 4) -> Image.Image:
    target = io.BytesIO()
    segno.make(RECORD, mode="byte", micro=False).save(target, kind="png", scale=scale)
    return Image.open(target)


def _stream(image: Image.Image, data: bytes, bits: int, space: object, flate: bool) -> StreamObject:
    stream = DecodedStreamObject()
    stream.set_data(data)
    stream.update(
        {
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(image.width),
            NameObject("/Height"): NumberObject(image.height),
            NameObject("/BitsPerComponent"): NumberObject(bits),
            NameObject("/ColorSpace"): space,
        }
    )
    return stream.flate_encode() if flate else stream


PALETTE = TextStringObject("")
GREY, RGB = NameObject("/DeviceGray"), NameObject("/DeviceRGB")


@pytest.mark.parametrize("flate", [True, False])
@pytest.mark.parametrize(("mode", "bits", "space"), [("1", 1, GREY), ("L", 8, GREY), ("RGB", 8, RGB)])
def test_rows_of_pixels(mode, bits, space, flate):
    image = _code().convert(mode)
    content = _with_picture(_stream(image, image.tobytes(), bits, space, flate))
    (part,) = _take(content).parts
    assert part.content == RECORD
    assert part.where == "//Im0" or part.where == "/Im0"
    assert [layer.kind for layer in part.layers] == ["pdf", "png", "qr-code"]


def test_indexed_colours():
    image = _code().convert("L").point([1 if value > 127 else 0 for value in range(256)])
    table = DecodedStreamObject()
    table.set_data(b"\x00\x10\x30\xf0\xff\xff")
    space = ArrayObject([NameObject("/Indexed"), RGB, NumberObject(1), table])
    (part,) = _take(_with_picture(_stream(image, image.tobytes(), 8, space, True))).parts
    assert part.content == RECORD


def test_jpeg_on_a_page():
    image, target = _code(8).convert("L"), io.BytesIO()
    image.save(target, "JPEG")
    stream = _stream(image, target.getvalue(), 8, GREY, False)
    stream[NameObject("/Filter")] = NameObject("/DCTDecode")
    (part,) = _take(_with_picture(stream)).parts
    assert part.content == RECORD
    assert [layer.kind for layer in part.layers] == ["pdf", "jpeg", "qr-code"]


def test_fax_pictures_are_named():
    image = _code().convert("1")
    stream = _stream(image, b"\0" * 100, 1, GREY, False)
    stream[NameObject("/Filter")] = NameObject("/CCITTFaxDecode")
    result = _take(_with_picture(stream))
    assert _codes(result)[:2] == ["members_unsupported", "pdf_without_record"]
    assert "CCITTFaxDecode" in result.findings[0].params["names"]


def test_embedded_files_make_the_pages_needless(monkeypatch):
    modes = []
    run = pdf.run_worker

    def _counted(worker, arguments, *rest):
        modes.append(arguments[0])
        return run(worker, arguments, *rest)

    monkeypatch.setattr(pdf, "run_worker", _counted)
    assert len(_take(_with_files({"a": RECORD})).parts) == 1
    assert modes == ["files"]
    _take(_with_files({"a": b"-"}))
    assert modes == ["files", "files", "pages"]


def test_text_on_a_page_is_no_evidence():
    writer = PdfWriter()
    page = writer.add_blank_page(600, 200)
    font = DictionaryObject(
        {
            NameObject("/Type"): NameObject("/Font"),
            NameObject("/Subtype"): NameObject("/Type1"),
            NameObject("/BaseFont"): NameObject("/Helvetica"),
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    text = DecodedStreamObject()
    text.set_data(b"BT /F1 8 Tf 10 100 Td (" + RECORD + b") Tj ET")
    page[NameObject("/Contents")] = writer._add_object(text.flate_encode())
    result = _take(_written(writer))
    assert result.parts == ()
    (hint,) = [f for f in result.findings if f.code == ArchiveCode.PDF_TEXT_NOT_READ]
    assert (hint.severity, hint.params["page"]) == ("warning", "1")


def test_pdf_without_anything_says_so():
    result = _take(_with_files({"terms.txt": b"-"}))
    assert _codes(result) == ["members_ignored", "pdf_without_record", "nothing_recognised"]
    assert result.findings[1].params == {"files": "1", "pictures": "0"}


# --- hostile


def test_stream_bomb():
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    stream = DecodedStreamObject()
    stream.set_data(bytes(2 * MAX_PDF_STREAM))
    bomb = _specification(writer, "bomb", b"")
    bomb["/EF"][NameObject("/F")] = writer._add_object(stream.flate_encode(9))
    writer.root_object[NameObject("/AF")] = ArrayObject([bomb, _specification(writer, "good", RECORD)])
    content = _written(writer)
    assert len(content) < 100_000
    result = _take(content)
    assert [part.where for part in result.parts] == ["/good"]
    assert [(f.code, f.severity, f.params["names"]) for f in result.findings] == [
        ("members_too_large", "error", "bomb")
    ]


def test_name_tree_that_contains_itself():
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    tree = DictionaryObject()
    reference = writer._add_object(tree)
    tree[NameObject("/Kids")] = ArrayObject([reference, reference])
    tree[NameObject("/Names")] = ArrayObject([TextStringObject("a"), _specification(writer, "a", RECORD)])
    writer.root_object[NameObject("/Names")] = DictionaryObject({NameObject("/EmbeddedFiles"): reference})
    result = _take(_written(writer))
    assert [part.content for part in result.parts] == [RECORD]
    assert [(f.code, f.severity, f.params["reason"]) for f in result.findings] == [
        ("pdf_limit_reached", "error", "objects")
    ]


def test_endless_work_is_stopped(monkeypatch):
    monkeypatch.setattr(sandbox, "CPU_SECONDS", 1)
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.root_object[NameObject("/AF")] = ArrayObject([_specification(writer, "good", RECORD)])
    content = _written(writer)
    # References to objects that do not exist make the reader search the whole file, for each of them.
    references = b" ".join(b"%d 0 R" % number for number in range(100_000, 109_000))
    end = content.index(b"]", content.index(b"/AF ["))
    content = content[:end] + b" " + references + content[end:] + b"\n%" + b" 1 0 x" * 3_000_000
    result = _take(content + b"\nstartxref\n0\n%%EOF\n")
    assert [part.where for part in result.parts] == ["/good"]
    assert ("pdf_limit_reached", "error") in [(f.code, f.severity) for f in result.findings]


class _Budget:
    """An opener that only counts."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.wasted = 0

    def bytes_left(self) -> int:
        return self.left

    def waste_bytes(self, count: int) -> None:
        self.wasted += count


def test_runs_cost_something_and_end_with_the_budget():
    budget = _Budget(MAX_DECODED_BYTES)
    arguments = ("files", "100", "5", "1000", "1000")
    run = sandbox.run_worker("pdf_files", arguments, _with_files({"a": RECORD}), budget)
    assert run.complete
    assert [(frame.text("name"), frame.body) for frame in run.frames] == [("a", RECORD)]
    assert 0 < budget.wasted < MAX_DECODED_BYTES // 16
    nothing = _Budget(0)
    run = sandbox.run_worker("pdf_files", arguments, _with_files({"a": RECORD}), nothing)
    assert (run.frames, run.complete, run.reason) == ((), False, "budget")
    assert nothing.wasted


def test_worker_that_breaks_down(monkeypatch):
    budget = _Budget(MAX_DECODED_BYTES)
    run = sandbox.run_worker("no_such_worker", (), b"", budget)
    assert (run.frames, run.complete, run.reason) == ((), False, "limit")

    def _too_late(command, **options):
        raise subprocess.TimeoutExpired(
            command, 1, output=b'{"kind": "file", "size": 2}\nab{"kind": "file", "size": 9}\na'
        )

    monkeypatch.setattr(subprocess, "run", _too_late)
    run = sandbox.run_worker("pdf_files", (), b"", budget)
    assert [frame.body for frame in run.frames] == [b"ab"]
    assert (run.complete, run.reason) == (False, "time")
    monkeypatch.setattr(subprocess, "run", lambda *a, **k: (_ for _ in ()).throw(OSError("no")))
    assert sandbox.run_worker("pdf_files", (), b"", budget).reason == "process"


def test_worker_without_its_library(monkeypatch):
    frames = (sandbox.Frame({"kind": "missing", "name": "pypdf"}, b""),)
    monkeypatch.setattr(pdf, "run_worker", lambda *a: sandbox.Run(frames, complete=True))
    result = _take(_with_files({"a": RECORD}))
    finding = next(f for f in result.findings if f.code == ArchiveCode.LIBRARY_MISSING)
    assert finding.params == {"kind": "PDF", "package": "pypdf"}
