"""ZIP, TAR and compressed files: what is in them is read, what cannot be read is named."""

from __future__ import annotations

import bz2
import gzip
import io
import itertools
import json
import lzma
import tarfile
import zipfile
import zlib
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eichrecht import locales
from eichrecht.containers import Unwrapped, unwrap
from eichrecht.containers.codes import ArchiveCode
from eichrecht.containers.key_files import key_id, read_key_file
from eichrecht.containers.members import attach_detached, pair_detached, printable_name
from eichrecht.evidence import Document, Part, RecordSpan

RECORD = b'OCMF|{"FV":"1.0","PG":"T1"}|{"SD":"3006"}'
SECOND = b'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'
BILL = b'{\n "company_name": "x",\n "additional_info": {"meter_serial": "7"}\n}\n'
SIGNATURE = bytes.fromhex("3006020101020102")
VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "meter" / "chargepoint"

_KEY = ec.derive_private_key(7, ec.SECP256R1())
_DER = serialization.Encoding.DER
SPKI = _KEY.public_key().public_bytes(_DER, serialization.PublicFormat.SubjectPublicKeyInfo)
PEM = _KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
)
POINT = _KEY.public_key().public_bytes(
    serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
)
PRIVATE = _KEY.private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.NoEncryption(),
)


def _records(content: bytes) -> list[RecordSpan]:
    if content.lstrip()[:1] == b"{" and b'"additional_info"' in content:
        start = len(content) - len(content.lstrip())
        return [RecordSpan("BILL", start, len(content.rstrip()), "bill")]
    spans = []
    for record in (RECORD, SECOND):
        start = content.find(record)
        while start >= 0:
            spans.append(RecordSpan("OCMF", start, start + len(record), "ocmf_header"))
            start = content.find(record, start + 1)
    return spans


def _take(content: bytes) -> Unwrapped:
    result = unwrap(Document("archive", content), _records)
    for finding in (*result.findings, *(f for part in result.parts for f in part.findings)):
        for language in locales.LANGUAGES:
            assert "{" not in locales.sentence(finding, language)
    return result


def _codes(result: Unwrapped) -> list[str]:
    return [finding.code for finding in result.findings]


def _zip(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content, method)
    return target.getvalue()


def _tar(members: dict[str, bytes], form: int = tarfile.PAX_FORMAT) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return target.getvalue()


WRAPPERS = {
    "zip": lambda content: _zip({"m": content}),
    "tar": lambda content: _tar({"m": content}),
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}


@pytest.mark.parametrize("outer", WRAPPERS)
@pytest.mark.parametrize("inner", WRAPPERS)
def test_every_archive_in_every_other(outer, inner):
    (part,) = _take(WRAPPERS[outer](WRAPPERS[inner](RECORD))).parts
    assert part.content == RECORD
    assert [layer.kind for layer in part.layers] == [outer, inner]
    assert part.where == "/m" * [outer, inner].count("zip") + "/m" * [outer, inner].count("tar")


@pytest.mark.parametrize(
    "method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_zip_methods(method):
    result = _take(_zip({"a/1.txt": RECORD, "a/": b"", "b/2.txt": SECOND}, method))
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
    assert [p.content for p in _take(content).parts] == [RECORD, SECOND]
    # The sizes stand behind the data, so without the directory only Deflate says where each file ends.
    lost = _take(content[: content.index(b"PK\x01\x02")])
    assert [p.content for p in lost.parts] == [RECORD, SECOND]
    assert _codes(lost) == ["archive_damaged"]
    assert lost.findings[0].severity == "error"


@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_tar_forms_and_long_names(form):
    name = "d" * 90 + "/" + "n" * 60 + ".xml"
    result = _take(_tar({name: RECORD, "short": SECOND}, form))
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert result.parts[1].where == "/short"
    assert result.parts[0].where == "/" + printable_name(name)
    assert result.findings == ()


def test_pax_names_beyond_ascii():
    (part,) = _take(_tar({"Zähler/Größe.xml": RECORD})).parts
    assert part.where == "/Zähler/Größe.xml"


def test_detection_needs_no_name():
    # A directory entry named like an archive, and an archive named like a text (containers facts §1.2, §8).
    (part,) = _take(_zip({"session.tar/": b"", "01copy.chargy": _zip({"x": RECORD})})).parts
    assert part.where == "/01copy.chargy/x"


def test_several_streams_and_padding():
    content = gzip.compress(RECORD) + gzip.compress(b"\n" + SECOND) + bytes(7)
    assert [p.content for p in _take(content).parts] == [RECORD, SECOND]
    assert _codes(_take(content)) == []
    with_rest = _take(bz2.compress(RECORD) + b"rest")
    assert [p.content for p in with_rest.parts] == [RECORD]
    assert with_rest.findings[0].code == "archive_trailing_data"
    assert with_rest.findings[0].params["size"] == "4"


# --- damage


def test_damaged_member_does_not_take_the_others_along():
    content = bytearray(_zip({"1": RECORD, "2": SECOND}, zipfile.ZIP_STORED))
    content[content.index(RECORD) + 30] ^= 1
    result = _take(bytes(content))
    assert [p.where for p in result.parts] == ["/2"]
    (finding,) = result.findings
    assert (finding.code, finding.severity) == ("members_damaged", "error")
    assert finding.params == {"count": "1", "names": "1"}


def test_encrypted_member():
    content = bytearray(_zip({"1": RECORD, "2": SECOND}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    result = _take(bytes(content))
    assert [p.where for p in result.parts] == ["/2"]
    assert [(f.code, f.severity, f.params["names"]) for f in result.findings] == [
        ("members_encrypted", "error", "1")
    ]


def test_unknown_method():
    content = bytearray(_zip({"1": RECORD, "2": SECOND}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        content[content.index(signature) + offset] = 9  # Deflate64
    result = _take(bytes(content))
    assert [p.where for p in result.parts] == ["/2"]
    assert _codes(result) == ["members_unsupported"]


@pytest.mark.parametrize("name", ["gzip", "bzip2", "xz"])
def test_truncated_streams_give_what_is_there(name):
    # Enough behind the record that it comes out whole although the end is missing; compressible, so that it
    # does not stand in the compressed bytes as it is.
    noise = b"".join(b"%08x" % zlib.crc32(b"%d" % i) for i in range(130_000))
    content = WRAPPERS[name](RECORD + b"\n" + noise)
    result = _take(content[: len(content) * 9 // 10])
    assert [p.content for p in result.parts] == [RECORD]
    assert _codes(result)[0] == "compressed_truncated"
    assert result.findings[0].severity == "error"
    broken = bytearray(content)
    broken[len(content) // 2] ^= 0xFF
    result = _take(bytes(broken))
    assert result.parts == ()
    assert _codes(result)[0] == "compressed_damaged"


def test_truncated_tar():
    content = _tar({"1": RECORD, "2": SECOND + b"\n" * 2000})
    result = _take(content[: content.index(SECOND) + 100])
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert [(f.code, f.params["names"]) for f in result.findings] == [("members_truncated", "2")]


def test_tar_with_a_damaged_header():
    content = bytearray(_tar({"1": RECORD, "2": SECOND, "3": RECORD}, tarfile.USTAR_FORMAT))
    content[1024] ^= 0xFF  # the name of the second file
    result = _take(bytes(content))
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
    result = _take(target.getvalue())
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
    assert _codes(_take(target.getvalue())) == ["members_links"]


def test_same_name_twice():
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("r", RECORD)
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("r", SECOND)
    result = _take(target.getvalue())
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    assert [(f.code, f.severity) for f in result.findings] == [("members_same_name", "warning")]


@pytest.mark.parametrize(
    ("magic", "kind"),
    [(b"7z\xbc\xaf\x27\x1c", "7z"), (b"Rar!\x1a\x07\x01\0", "RAR"), (b"\x28\xb5\x2f\xfd", "Zstandard")],
)
def test_other_archives_are_named(magic, kind):
    result = _take(_zip({"inner": magic + bytes(50), "r": RECORD}))
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
    result = _take(_zip({"r": RECORD, **others}))
    assert [p.where for p in result.parts] == ["/r"]
    assert [(f.code, f.severity) for f in result.findings] == [("members_ignored", "note")]
    assert result.findings[0].params == {
        "count": "5",
        "names": "README.md, page.html, logo.png, data.json, empty",
    }


def test_a_lost_record_stays_an_error():
    broken = b"<values><value><signedData>OCMF|{</signedData></value>"
    result = _take(_zip({"r": RECORD, "session.xml": broken}))
    assert [p.where for p in result.parts] == ["/r"]
    assert ("xml_not_well_formed", "/session.xml", "error") in [
        (f.code, f.where, f.severity) for f in result.findings
    ]


def test_values_of_inner_containers_are_kept():
    xml = b"<values><value><signedData>%s</signedData></value><value/></values>" % RECORD
    result = _take(_zip({"s.xml": xml}))
    assert [(p.where, p.format) for p in result.parts] == [
        ("/s.xml/values/value/0", "OCMF"),
        ("/s.xml/values/value/1", None),
    ]


def test_many_names_are_shown_in_part():
    result = _take(_zip({f"{i}\x1b[31m{'x' * 300}": b"-" for i in range(20)} | {"r": RECORD}))
    (finding,) = result.findings
    assert finding.params["count"] == "20"
    assert finding.params["names"].endswith("…")
    assert len(finding.params["names"]) < 1100
    assert "\x1b" not in finding.params["names"]


# --- keys


def _key_json(**more: str) -> bytes:
    return json.dumps({"algorithm": "secp256r1", "value": POINT.hex(), **more}).encode()


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (PEM, PEM.decode().strip()),
        (PEM.replace(b"\n", b"\r\n"), PEM.replace(b"\n", b"\r\n").decode().strip()),
        (b"# EVSE 1\n" + PEM, PEM.decode().strip()),
        (b"-----BEGIN EC PARAMETERS-----\nBggq\n-----END EC PARAMETERS-----\n" + PEM, PEM.decode().strip()),
        (_key_json(), POINT.hex()),
        (_key_json(**{"@context": "https://open.charging.cloud/contexts/publicKey+json"}), POINT.hex()),
        (SPKI.hex().encode() + b"\n", SPKI.hex()),
        (b" ".join(SPKI.hex().upper().encode()[i : i + 4] for i in range(0, 182, 4)), SPKI.hex().upper()),
        (POINT.hex().encode(), POINT.hex()),
        (SPKI, SPKI.decode("latin-1")),
        (b"".join(PEM.splitlines()[1:-1]), b"".join(PEM.splitlines()[1:-1]).decode()),
    ],
)
def test_key_files(content, text):
    file = read_key_file(content)
    assert file is not None
    assert file.keys == (text,)
    result = _take(_zip({"a/k": content, "b/r": RECORD}))
    (part,) = result.parts
    assert [(key.name, key.text) for key in part.beside_keys] == [("a/k", text)]
    assert result.findings == ()


@pytest.mark.parametrize(
    "content",
    [
        RECORD,
        SIGNATURE,
        SPKI[:-1],
        SPKI + b"\0",
        SPKI.hex()[:-2].encode(),
        b"30" * 50,
        b"04" * 64,
        b'{"value": "abc", "type": "x"}',
        b'{"value": 7, "algorithm": "x"}',
        b'{"pem": "-----BEGIN PUBLIC KEY-----AAAA-----END PUBLIC KEY-----"}',
        b"-----BEGIN PUBLIC KEY-----\nAAAA",
        b"<a>" + PEM + b"</a>",
        PEM + b"x" * 40_000,
        b"",
    ],
)
def test_not_key_files(content):
    assert read_key_file(content) is None


def test_private_keys_and_other_pem_are_ignored_and_named():
    certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
    result = _take(_zip({"r": RECORD, "p.pem": PRIVATE, "c.pem": certificate, "k.pem": PEM}))
    (part,) = result.parts
    assert [key.name for key in part.beside_keys] == ["k.pem"]
    assert [(f.code, f.severity, f.params["names"]) for f in result.findings] == [
        ("private_keys_ignored", "note", "p.pem"),
        ("key_files_ignored", "note", "c.pem"),
    ]
    assert PRIVATE.splitlines()[1].decode() not in str(result)


def test_a_private_key_with_its_public_one():
    file = read_key_file(PRIVATE + PEM)
    assert file is not None
    assert file.private
    assert file.keys == (PEM.decode().strip(),)


def test_keys_and_records_in_one_text():
    (part,) = _take(_zip({"both.txt": PEM + RECORD})).parts
    assert part.content == RECORD
    assert [key.text for key in part.beside_keys] == [PEM.decode().strip()]


def test_keys_of_the_outer_archive_come_after_those_of_the_inner():
    inner = _tar({"r": RECORD, "inner.pem": PEM})
    (part,) = _take(_zip({"outer.txt": SPKI.hex().encode(), "i.tar.gz": gzip.compress(inner)})).parts
    assert [key.name for key in part.beside_keys] == ["inner.pem", "outer.txt"]


def test_key_named_like_the_record_comes_first():
    keys = {"a.pem": PEM, "4711-publicKey.pem": SPKI.hex().encode(), "z.pem": POINT.hex().encode()}
    parts = _take(_zip({**keys, "d/4711.ocmf": RECORD, "other.ocmf": SECOND})).parts
    assert [key.name for key in parts[0].beside_keys] == ["4711-publicKey.pem", "a.pem", "z.pem"]
    assert [key.name for key in parts[1].beside_keys] == ["a.pem", "4711-publicKey.pem", "z.pem"]


def test_same_key_twice_counts_once():
    (part,) = _take(_zip({"a.pem": PEM, "b.pem": PEM, "r": RECORD})).parts
    assert [key.name for key in part.beside_keys] == ["a.pem"]


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("0024b10000027b29_1.pem", "0024b10000027b29_1"),
        ("d/0024b10000027b29_1-publicKey.pem", "0024b10000027b29_1"),
        ("x_public_key_minimal.chargy", "x_minimal"),
        ("PUBLICKEYa-publicKey.v1.pem", "a-publicKey"),
        ("d\\1.tar.gz", "1"),
    ],
)
def test_key_ids(name, wanted):
    assert key_id(name) == wanted


# --- detached signatures


@pytest.mark.parametrize("order", list(itertools.permutations(["secrrct", "secrrct.sign", "k.pem"])))
def test_detached_signature_in_any_order(order):
    contents = {"secrrct": BILL, "secrrct.sign": SIGNATURE, "k.pem": PEM}
    result = _take(_tar({name: contents[name] for name in order}))
    (part,) = result.parts
    assert part.content == BILL  # as stored, with the line feed at its end
    assert part.detached_signature == SIGNATURE
    assert part.format == "BILL"
    assert [key.name for key in part.beside_keys] == ["k.pem"]
    assert result.findings == ()


@pytest.mark.parametrize("nameless", [SIGNATURE, b"read me", SECOND])
def test_a_member_without_a_name_is_nobody_s_signature(nameless: bytes) -> None:
    """Found by fuzzing: it was taken for the signature of every other member, and then looked for by its name."""
    result = _take(_zip({"": nameless, "bill.json": BILL, "note.txt": RECORD + b"\n" + RECORD}))
    assert [part.detached_signature for part in result.parts if part.format is not None] == [None] * (
        3 + (nameless == SECOND)
    )


def test_pairs_stay_in_their_directories():
    result = _take(
        _zip(
            {
                "key.pem": PEM,
                "1/secrrct": BILL,
                "2/secrrct": BILL + b" ",
                "2/secrrct.sign": SIGNATURE,
                "1/secrrct.sign": SIGNATURE + b"1",
            }
        )
    )
    assert [(p.where, p.content, p.detached_signature) for p in result.parts] == [
        ("/1/secrrct", BILL, SIGNATURE + b"1"),
        ("/2/secrrct", BILL + b" ", SIGNATURE),
    ]
    assert all(len(p.beside_keys) == 1 for p in result.parts)


def test_pairing():
    names = [
        "a/x",
        "a/x.sign",
        "b/x.sig",
        "y.json",
        "y.json.P7S",
        "y.json.sign",
        "z",
        "w.sign",
        "d/",
        "d/.sign",
    ]
    assert pair_detached(names) == {"a/x": "a/x.sign", "y.json": "y.json.sign"}
    assert pair_detached([]) == {}


def test_a_signature_over_a_container_is_not_the_records():
    xml = b"<values><value><signedData>%s</signedData></value></values>" % RECORD
    result = _take(_zip({"s.xml": xml, "s.xml.sig": SIGNATURE, "two": RECORD + SECOND, "two.sig": SIGNATURE}))
    assert [part.detached_signature for part in result.parts] == [None, None, None]
    (finding,) = [f for f in result.findings if f.code == ArchiveCode.DETACHED_SIGNATURE_UNUSED]
    assert (finding.severity, finding.params["names"]) == ("note", "s.xml.sig, two.sig")
    assert attach_detached([Part(RECORD)], b"\xef\xbb\xbf" + RECORD, SIGNATURE) is None


def test_signed_file_of_no_known_format_is_a_part():
    result = _take(
        _zip({"data": b"\x01\x02\x03", "data.sign": SIGNATURE, "notes": b"n", "notes.sig": b"PGP"})
    )
    (part,) = result.parts
    assert (part.content, part.format, part.detached_signature) == (b"\x01\x02\x03", None, SIGNATURE)
    assert [(f.code, f.severity) for f in part.findings] == [("record_unrecognised", "error")]
    assert [f.params["names"] for f in result.findings] == ["notes"]


# --- the real ones

MANIFEST = json.loads((VECTORS / "manifest.json").read_text("utf-8")) if VECTORS.exists() else []
ARCHIVED = [entry for entry in MANIFEST if "!/" in entry["payload"]]


@pytest.mark.skipif(not MANIFEST, reason="../shared/vectors is absent")
@pytest.mark.parametrize(
    "entry", ARCHIVED, ids=lambda entry: entry["payload"].rpartition("payload")[2] or "x"
)
def test_real_chargepoint_archives(entry):
    archive, *inside = entry["payload"].split("!/")
    result = unwrap(
        Document("x", (VECTORS / archive).read_bytes()),
        lambda content: [RecordSpan("CP", 0, len(content), "x")] if b'"meter_serial"' in content else [],
    )
    assert result.findings == ()
    (part,) = [part for part in result.parts if part.where == "/" + "/".join(inside)]
    wanted_key = entry["key"].split("!/")
    assert [key.name for key in part.beside_keys] == (wanted_key[1:] if len(wanted_key) > 1 else [])
    key_text = part.beside_keys[0].text if part.beside_keys else (VECTORS / wanted_key[0]).read_text("ascii")
    assert part.detached_signature is not None
    if entry["curve"] == "secp256r1":  # OpenSSL knows the curve: the bytes that came out are the signed ones
        from cryptography.hazmat.primitives import hashes

        key = serialization.load_pem_public_key(key_text.encode())
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(part.detached_signature, part.content, ec.ECDSA(hashes.SHA256()))
    else:
        assert "BEGIN PUBLIC KEY" in key_text


METER = VECTORS.parent
WHOLE_FILES = (
    sorted(path for folder in ("files", "records") for path in (METER / folder).rglob("*") if path.is_file())
    if METER.exists()
    else []
)


@pytest.mark.skipif(not WHOLE_FILES, reason="../shared/vectors is absent")
def test_an_archive_changes_only_the_place():
    """Every real file gives the same records with and without an archive around it: none is taken for a key."""
    recognise = pytest.importorskip("eichrecht.formats.registry").recognise
    compared = 0
    for path in WHOLE_FILES:
        content = path.read_bytes()
        bare = unwrap(Document("bare", content), recognise)
        packed = unwrap(Document("packed", _zip({"m": content})), recognise)
        assert [(p.content, p.format, p.key_text, p.context) for p in packed.parts] == [
            (p.content, p.format, p.key_text, p.context) for p in bare.parts
        ], path.name
        assert [p.where for p in packed.parts] == ["/m" + p.where for p in bare.parts], path.name
        compared += len(bare.parts)
    assert compared > 100
