"""ZIP, TAR and compressed files: what is in them is read, what cannot be read is named."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib

import pytest

from eichrecht.containers import Unwrapped
from eichrecht.containers.members import printable_name
from tests.eichrecht.containers.archive_support import RECORD, SECOND, take, tar_of, zip_of


def _codes(result: Unwrapped) -> list[str]:
    return [finding.code for finding in result.findings]


WRAPPERS = {
    "zip": lambda content: zip_of({"m": content}),
    "tar": lambda content: tar_of({"m": content}),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("outer", WRAPPERS)
@pytest.mark.parametrize("inner", WRAPPERS)
def test_every_archive_in_every_other(outer, inner):
    (part,) = take(WRAPPERS[outer](WRAPPERS[inner](RECORD))).parts
    assert part.content == RECORD
    assert [layer.kind for layer in part.layers] == [outer, inner]
    assert part.where == "/m" * [outer, inner].count("zip") + "/m" * [outer, inner].count("tar")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_methods(method):
    result = take(zip_of({"a/1.txt": RECORD, "a/": b"", "b/2.txt": SECOND}, method))
    assert [(p.where, p.content) for p in result.parts] == [("/a/1.txt", RECORD), ("/b/2.txt", SECOND)]
    assert result.findings == ()


def test_zip_written_as_a_stream():
    class Pipe(io.RawIOBase):
        def __init__(self):
            self.data = bytearray()

        def writable(self):
            return True

        def write(self, data):
            self.data += data
            return len(data)

    pipe = Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("1", RECORD)
        archive.writestr("2", SECOND)
    content = bytes(pipe.data)
    assert [p.content for p in take(content).parts] == [RECORD, SECOND]
    # The sizes stand behind the data, so without the directory only Deflate says where each file ends.
    lost = take(content[: content.index(b"PK\x01\x02")])
    assert [p.content for p in lost.parts] == [RECORD, SECOND]
    assert _codes(lost) == ["archive_damaged"]
    assert lost.findings[0].severity == "error"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_tar_forms_and_long_names(form):
    name = "d" * 90 + "/" + "n" * 60 + ".xml"
    result = take(tar_of({name: RECORD, "short": SECOND}, form))
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert result.parts[1].where == "/short"
    assert result.parts[0].where == "/" + printable_name(name)
    assert result.findings == ()


def test_pax_names_beyond_ascii():
    (part,) = take(tar_of({"Zähler/Größe.xml": RECORD})).parts
    assert part.where == "/Zähler/Größe.xml"


def test_detection_needs_no_name():
    # A directory entry named like an archive, and an archive named like a text (containers facts §1.2, §8).
    (part,) = take(zip_of({"session.tar/": b"", "01copy.chargy": zip_of({"x": RECORD})})).parts
    assert part.where == "/01copy.chargy/x"


def test_several_streams_and_padding():
    content = gzip.compress(RECORD) + gzip.compress(b"\n" + SECOND) + bytes(7)
    assert [p.content for p in take(content).parts] == [RECORD, SECOND]
    assert _codes(take(content)) == []
    with_rest = take(bz2.compress(RECORD) + b"rest")
    assert [p.content for p in with_rest.parts] == [RECORD]
    assert with_rest.findings[0].code == "archive_trailing_data"
    assert with_rest.findings[0].params["size"] == "4"


# --- damage


def test_damaged_member_does_not_take_the_others_along():
    content = bytearray(zip_of({"1": RECORD, "2": SECOND}, zipfile.ZIP_STORED))
    content[content.index(RECORD) + 30] ^= 1
    result = take(bytes(content))
    assert [p.where for p in result.parts] == ["/2"]
    (finding,) = result.findings
    assert (finding.code, finding.severity) == ("members_damaged", "error")
    assert finding.params == {"count": "1", "names": "1"}


def test_encrypted_member():
    content = bytearray(zip_of({"1": RECORD, "2": SECOND}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    result = take(bytes(content))
    assert [p.where for p in result.parts] == ["/2"]
    assert [(f.code, f.severity, f.params["names"]) for f in result.findings] == [
        ("members_encrypted", "error", "1")
    ]


def test_unknown_method():
    content = bytearray(zip_of({"1": RECORD, "2": SECOND}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + offset] = 9  # Deflate64
    result = take(bytes(content))
    assert [p.where for p in result.parts] == ["/2"]
    assert _codes(result) == ["members_unsupported"]


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_truncated_streams_give_what_is_there(name):
    # Enough behind the record that it comes out whole although the end is missing; compressible, so that it
    # does not stand in the compressed bytes as it is.
    noise = b"".join(b"%08x" % zlib.crc32(b"%d" % i) for i in range(130_000))
    content = WRAPPERS[name](RECORD + b"\n" + noise)
    result = take(content[: len(content) * 9 // 10])
    assert [p.content for p in result.parts] == [RECORD]
    assert _codes(result)[0] == "compressed_truncated"
    assert result.findings[0].severity == "error"
    broken = bytearray(content)
    broken[len(content) // 2] ^= 0xFF
    result = take(bytes(broken))
    assert result.parts == ()
    assert _codes(result)[0] == "compressed_damaged"


def test_truncated_tar():
    content = tar_of({"1": RECORD, "2": SECOND + b"\n" * 2000})
    result = take(content[: content.index(SECOND) + 100])
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert [(f.code, f.params["names"]) for f in result.findings] == [("members_truncated", "2")]


def test_tar_with_a_damaged_header():
    content = bytearray(tar_of({"1": RECORD, "2": SECOND, "3": RECORD}, tarfile.USTAR_FORMAT))
    content[1024] ^= 0xFF  # the name of the second file
    result = take(bytes(content))
    assert [p.where for p in result.parts] == ["/1", "/3"]
    assert _codes(result) == ["archive_damaged"]


def test_links_and_devices_are_not_followed():
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, kind in (("link", tarfile.SYMTYPE), ("hard", tarfile.LNKTYPE), ("dev", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/hostname"
            archive.addfile(info)
        info = tarfile.TarInfo("../../record")
        info.size = len(RECORD)
        archive.addfile(info, io.BytesIO(RECORD))
    result = take(target.getvalue())
    assert [p.where for p in result.parts] == ["/../../record"]
    assert [(f.code, f.severity, f.params["count"]) for f in result.findings] == [
        ("members_links", "note", "3")
    ]
    link = zipfile.ZipInfo("link")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(link, "/etc/hostname")
        archive.writestr("r", RECORD)
    assert _codes(take(target.getvalue())) == ["members_links"]


def test_same_name_twice():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("r", RECORD)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("r", SECOND)
    result = take(target.getvalue())
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert [(f.code, f.severity) for f in result.findings] == [("members_same_name", "warning")]


@pytest.mark.parametrize(
    ("magic", "kind"),
    [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x01\0", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")],
)
def test_other_archives_are_named(magic, kind):
    result = take(zip_of({"inner": magic + bytes(50), "r": RECORD}))
    assert [p.content for p in result.parts] == [RECORD]
    assert [(f.code, f.where, f.params.get("kind")) for f in result.findings] == [
        ("members_ignored", "", None),
        ("archive_unsupported", "/inner", kind),
    ]


# --- what is not a record


def test_files_that_are_no_records_are_named_and_do_no_harm():
    others = {
        "README.md": b"# Read me",
        "page.html": b"<!DOCTYPE html><p>hello",
        "logo.png": b"\x89PNG\r\n\x1a\nbroken",
        "data.json": b'{"a":1,"a":2}',
        "empty": b"",
    }
    result = take(zip_of({"r": RECORD, **others}))
    assert [p.where for p in result.parts] == ["/r"]
    assert [(f.code, f.severity) for f in result.findings] == [("members_ignored", "note")]
    assert result.findings[0].params == {
        "count": "5",
        "names": "README.md, page.html, logo.png, data.json, empty",
    }


def test_a_lost_record_stays_an_error():
    broken = b"<values><value><signedData>OCMF|{</signedData></value>"
    result = take(zip_of({"r": RECORD, "session.xml": broken}))
    assert [p.where for p in result.parts] == ["/r"]
    assert ("xml_not_well_formed", "/session.xml", "error") in [
        (f.code, f.where, f.severity) for f in result.findings
    ]


def test_values_of_inner_containers_are_kept():
    xml = b"<values><value><signedData>%s</signedData></value><value/></values>" % RECORD
    result = take(zip_of({"s.xml": xml}))
    assert [(p.where, p.format) for p in result.parts] == [
        ("/s.xml/values/value/0", "OCMF"),
        ("/s.xml/values/value/1", None),
    ]


def test_many_names_are_shown_in_part():
    result = take(zip_of({f"{i}\x1b[31m{'x' * 300}": b"-" for i in range(20)} | {"r": RECORD}))
    (finding,) = result.findings
    assert finding.params["count"] == "20"
    assert finding.params["names"].endswith("…")
    assert len(finding.params["names"]) < 1100
    assert "\x1b" not in finding.params["names"]
