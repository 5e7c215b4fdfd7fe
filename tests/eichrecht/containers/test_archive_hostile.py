"""Archives made to harm: bombs, overlaps, quines, floods of entries, and random damage."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import sys
import tarfile
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht import locales
from eichrecht.containers import Unwrapped, unwrap
from eichrecht.containers.codes import ArchiveCode, ContainerCode
from eichrecht.containers.compression import (
    BZIP2,
    GZIP,
    XZ,
    Failure,
    expand_deflate,
    expand_file,
    expand_zip_lzma,
)
from eichrecht.containers.key_files import is_spki, read_key_file
from eichrecht.containers.limits import (
    FREE_EXPANSION_BYTES,
    FREE_GROWTH_BYTES,
    MAX_BESIDE_KEYS,
    MAX_DECODED_BYTES,
    MAX_DEPTH,
    MAX_ENTRIES,
    MAX_EXPANSION,
    MAX_GROWTH,
    MAX_MEMBER_BYTES,
    MAX_STREAMS,
)
from eichrecht.containers.tar_members import is_tar, read_tar
from eichrecht.containers.zip_members import read_zip
from eichrecht.evidence import Document, RecordSpan

MB = 1024 * 1024
RECORD = b'OCMF|{"FV":"1.0"}|{"SD":"3006"}'


def _records(content: bytes) -> list[RecordSpan]:
    spans, start = [], content.find(RECORD)
    while start >= 0:
        spans.append(RecordSpan("OCMF", start, start + len(RECORD), "ocmf_header"))
        start = content.find(RECORD, start + len(RECORD))
    return spans


def _take(content: bytes) -> Unwrapped:
    return unwrap(Document("hostile", content), _records)


def _codes(result: Unwrapped) -> list[str]:
    return [finding.code for finding in result.findings]


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


def _tar(members: dict[str, bytes]) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


COMPRESSORS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress}


@pytest.mark.parametrize("name", COMPRESSORS)
def test_compressed_bomb(name):
    bomb = COMPRESSORS[name](RECORD + bytes(20 * MB))
    result = _take(bomb)
    assert result.parts == ()
    assert _codes(result)[0] == "compressed_too_large"
    assert int(result.findings[0].params["limit"]) == max(FREE_EXPANSION_BYTES, len(bomb) * MAX_EXPANSION)
    harmless = COMPRESSORS[name](RECORD + bytes(FREE_EXPANSION_BYTES - len(RECORD)))
    assert [p.content for p in _take(harmless).parts] == [RECORD]


def test_bomb_in_bombs():
    bomb = bytes(200 * MB)
    for _ in range(3):
        bomb = bz2.compress(bomb)
    assert _codes(_take(bomb))[0] == "compressed_too_large"


def test_zip_bomb_does_not_take_the_others_along():
    content = _zip({"bomb": bytes(30 * MB), "r": RECORD, "large": bytes(MAX_MEMBER_BYTES + 1)})
    result = _take(content)
    assert [p.where for p in result.parts] == ["/r"]
    (finding,) = result.findings
    assert (finding.code, finding.severity) == (ArchiveCode.MEMBERS_TOO_LARGE, "error")
    assert finding.params["names"] == "bomb, large"


def test_large_stored_member():
    result = _take(_zip({"large": bytes(MAX_MEMBER_BYTES + 1), "r": RECORD}, zipfile.ZIP_STORED))
    assert [p.where for p in result.parts] == ["/r"]
    assert _codes(result) == ["members_too_large"]
    result = _take(_tar({"large": bytes(MAX_MEMBER_BYTES + 1), "r": RECORD}))
    assert [p.where for p in result.parts] == ["/r"]
    assert _codes(result) == ["members_too_large"]


def test_directory_that_lies_about_the_size():
    content = bytearray(_zip({"bomb": RECORD + bytes(MB), "r": RECORD}))
    central = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, central + 24, 50)
    listing = read_zip(bytes(content), MAX_DECODED_BYTES)
    assert [m.name for m in listing.members] == ["r"]
    assert [(entry.code, entry.name) for entry in listing.lost] == [(ArchiveCode.MEMBERS_DAMAGED, "bomb")]
    assert listing.wasted <= 51


def test_members_together(monkeypatch):
    """Single members are within their limits; together they are not, and the failed ones count too."""
    content = _zip({f"{i:03}": zlib.compress(b"%d" % i) + bytes(MB - 20) for i in range(200)})
    listing = read_zip(content, 10 * MB)
    assert len(listing.members) == 10
    assert {entry.code for entry in listing.lost} == {ArchiveCode.MEMBERS_TOO_LARGE}
    assert sum(len(member.content) for member in listing.members) + listing.wasted <= 11 * MB
    monkeypatch.setattr(sys.modules["eichrecht.containers.unwrap"], "MAX_DECODED_BYTES", 10 * MB)
    result = _take(content)
    assert "members_too_large" in _codes(result)
    assert "members_ignored" in _codes(result)  # those that did fit were looked at


def test_overlapping_members():
    """Entries that share one compressed stream, as the 42 MB -> 4.5 PB bombs do."""
    single = _zip({"r": RECORD + b"\n" * 5000})
    central = single[single.index(b"PK\x01\x02") : single.index(b"PK\x05\x06")]
    local = single[: single.index(b"PK\x01\x02")]
    entries = [central.replace(b"r", b"%c" % name, 1) for name in b"ABCDEFG"]
    entries = [central[:46] + b"%c" % name + central[47:] for name in b"ABCDEFG"]
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 7, 7, sum(map(len, entries)), len(local), 0)
    result = _take(local + b"".join(entries) + end)
    assert [p.where for p in result.parts] == ["/A"]
    (finding,) = result.findings
    assert (finding.code, finding.params["count"]) == (ArchiveCode.MEMBERS_OVERLAP, "6")


@pytest.mark.parametrize("wrap", [lambda c: _zip({"q": c}), lambda c: _tar({"q": c}), gzip.compress])
def test_nesting_ends(wrap):
    content = RECORD
    for _ in range(MAX_DEPTH):
        content = wrap(content)
    assert [p.content for p in _take(content).parts] == [RECORD]
    result = _take(wrap(content))
    assert [p for p in result.parts if p.layers] == []
    if result.parts == ():
        assert "nesting_too_deep" in _codes(result)


def test_quine():
    """A ZIP that contains itself, by a stored member that covers the local header of the next copy."""
    name = b"r.zip"
    size = 300
    local = struct.pack("<4sHHHHHIIIHH", b"PK\x03\x04", 10, 0, 0, 0, 0, 0, size, size, len(name), 0) + name
    central = (
        struct.pack(
            "<4sHHHHHHIIIHHHHHII",
            b"PK\x01\x02", 10, 10, 0, 0, 0, 0, 0, size, size, len(name), 0, 0, 0, 0, 0, 0,
        )
        + name
    )  # fmt: skip
    body = (local * 9)[:size]
    end = struct.pack("<4sHHHHIIH", b"PK\x05\x06", 0, 0, 1, 1, len(central), len(local) + size, 0)
    result = _take(local + body + central + end)
    assert result.parts == ()
    assert any(finding.severity == "error" for finding in result.findings)


def test_flood_of_entries():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for number in range(MAX_ENTRIES + 1):
            archive.writestr(f"{number}", b"")
    result = _take(target.getvalue())
    assert "too_many_records" in _codes(result)
    block = _tar({"a": b""})[:512]
    result = _take(block * (MAX_ENTRIES + 5))
    finding = next(f for f in result.findings if f.code == ContainerCode.TOO_MANY_RECORDS)
    assert finding.params["refused"] == "5"


def test_flood_of_archives_shares_one_budget(monkeypatch):
    inner = {f"{i}": _zip({"a": b"", "b": b"", "c": b"", f"r{i}": RECORD}) for i in range(20)}
    monkeypatch.setattr(sys.modules["eichrecht.containers.unwrap"], "MAX_ENTRIES", 50)
    result = _take(_zip(inner))
    assert 0 < len(result.parts) < 20
    assert "too_many_records" in _codes(result)


def test_failed_bombs_use_up_the_budget_of_the_document():
    bomb = gzip.compress(bytes(4 * MB))
    result = _take(_tar({f"{i:03}": bomb for i in range(300)} | {"r": RECORD}))
    assert [p.content for p in result.parts] == []  # the record comes after the budget is gone
    assert "decoding_limit_reached" in _codes(result)
    result = _take(_tar({"r": RECORD} | {f"{i:03}": bomb for i in range(300)}))
    assert [p.content for p in result.parts] == [RECORD]


def test_small_documents_cost_little():
    """What a document may grow to depends on its size; an honest archive stays far below."""
    seen = 0

    def _count(content: bytes) -> list[RecordSpan]:
        nonlocal seen
        seen += len(content)
        return _records(content)

    content = _zip({f"{i:03}": b"%d" % i + bytes(MB - 20) for i in range(60)})
    result = unwrap(Document("bomb", content), _count)
    assert "members_too_large" in _codes(result)
    assert seen <= FREE_GROWTH_BYTES + MAX_GROWTH * len(content)
    records = b"".join(b"%s%d%70s\n" % (RECORD, zlib.crc32(b"%d" % i), b"") for i in range(20_000))
    result = _take(_zip({"a.tar": _tar({"b": records})}))
    assert len(result.parts) == 20_000
    assert {f.code for f in result.findings} == {"text_around_records"}


def test_flood_of_streams():
    tiny = gzip.compress(b"")
    assert expand_file(GZIP, tiny * MAX_STREAMS, 10).failure is None
    found = expand_file(GZIP, tiny * (MAX_STREAMS + 1), 10)
    assert found.failure is Failure.TOO_LARGE


def test_dictionaries_beyond_the_memory_limit():
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 512 * MB}]
    large = lzma.compress(RECORD, lzma.FORMAT_XZ, filters=filters)
    assert expand_file(XZ, large, 1000).failure is Failure.TOO_LARGE
    header = b"\x09\x14\x05\x00\x5d" + (512 * MB).to_bytes(4, "little")
    assert expand_zip_lzma(header + bytes(50), 0, 59, 1000).failure is Failure.TOO_LARGE
    assert expand_zip_lzma(b"\x09\x14\x05\x00\xff" + bytes(54), 0, 59, 1000).failure is Failure.DAMAGED
    assert expand_zip_lzma(b"\x09\x14", 0, 2, 1000).failure is Failure.DAMAGED


def test_expansion_stops_at_its_limit():
    packed = zlib.compress(bytes(50 * MB))[2:-4]
    found = expand_deflate(packed, 0, len(packed), 1000)
    assert (found.failure, found.content) == (Failure.TOO_LARGE, b"")
    assert found.made <= 1001
    assert expand_deflate(packed, 0, len(packed), 50 * MB).content == bytes(50 * MB)
    # A limit that is hit exactly is no failure, whatever the decompressor still has to say.
    for new, compression in ((gzip.compress, GZIP), (bz2.compress, BZIP2), (lzma.compress, XZ)):
        found = expand_file(compression, new(bytes(MB)), MB)
        assert (len(found.content), found.failure) == (MB, None)
        assert expand_file(compression, new(bytes(MB)), MB - 1).failure is Failure.TOO_LARGE


def test_tar_numbers():
    block = bytearray(_tar({"a": RECORD})[:512])

    def with_size(field: bytes) -> bytes:
        block[124:136] = field
        block[148:156] = b" " * 8
        block[148:156] = b"%06o\0 " % sum(block)
        return bytes(block) + RECORD + bytes(512 - len(RECORD))

    assert len(read_tar(with_size(b"\x80" + (31).to_bytes(11, "big")), MB).members[0].content) == 31
    huge = read_tar(with_size(b"\x80" + b"\xff" * 11), MB)
    assert [entry.code for entry in huge.lost] == [ArchiveCode.MEMBERS_TOO_LARGE]
    for bad in (b"\xff" * 12, b"-0000000001\0", b"99999999999\0", b"0x1\0\0\0\0\0\0\0\0\0"):
        assert not is_tar(with_size(bad))


def test_pax_headers_that_lie():
    for record in (b"30 path=x\n", b"9999999999 path=x\n", b"0 path=x\n", b"path", b"-3 a=b\n", b"9" * 600):
        body = record.ljust(-(-len(record) // 512) * 512, b"\0")
        info = tarfile.TarInfo("pax")
        info.type, info.size = tarfile.XHDTYPE, len(record)
        content = info.tobuf() + body + _tar({"r": RECORD})
        assert [p.content for p in _take(content).parts] == [RECORD]


def test_too_many_keys():
    points = {f"{i}": (b"04" + b"%0128x" % i) for i in range(MAX_BESIDE_KEYS + 3)}
    result = _take(_zip(points | {"r": RECORD}))
    (part,) = result.parts
    assert len(part.beside_keys) == MAX_BESIDE_KEYS
    assert [(f.code, f.params["count"]) for f in result.findings] == [
        ("too_many_keys", str(MAX_BESIDE_KEYS + 3))
    ]


def test_pem_of_many_beginnings_is_read_in_linear_time():
    assert read_key_file(b"-----BEGIN PUBLIC KEY-----\n" * 1200) is None


@pytest.mark.parametrize("content", [b"PK\x05\x06" + bytes(18), b"PK\x03\x04", b"PK\x03\x04" + b"\xff" * 40])
def test_empty_and_broken_zip(content):
    result = _take(content)
    assert result.parts == ()
    assert any(finding.severity == "error" for finding in result.findings)


SAMPLES = (
    _zip(
        {"1.xml": RECORD, "2": RECORD, "k.pem": b"-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----"}
    ),
    _zip({"1": RECORD}, zipfile.ZIP_STORED),
    _zip({"1": RECORD}, zipfile.ZIP_LZMA),
    _tar({"1": RECORD, "1.sign": bytes.fromhex("3006020101020102"), "n" * 200: RECORD}),
    gzip.compress(RECORD),
    bz2.compress(RECORD),
    lzma.compress(RECORD),
)


@settings(max_examples=600, deadline=None)
@given(
    st.sampled_from(SAMPLES),
    st.lists(st.tuples(st.integers(0, 12_000), st.integers(0, 255)), max_size=4),
    st.integers(0, 12_000),
)
def test_damage_never_raises(sample, changes, cut):
    content = bytearray(sample)
    for position, value in changes:
        content[position % len(content)] = value
    del content[max(cut, 1) :]
    result = _take(bytes(content))
    assert result.parts or any(finding.severity == "error" for finding in result.findings)
    for finding in result.findings:
        assert finding.code in {*ContainerCode, *ArchiveCode}
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)
        str(finding.params).encode()
    for part in result.parts:
        part.where.encode()


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_key_outlines_never_raise(content):
    read_key_file(content)
    assert not is_spki(b"\x30" + content[:1])
