"""Key files and detached signatures in archives."""

from __future__ import annotations

import gzip
import itertools
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from eichrecht.containers import unwrap
from eichrecht.containers.codes import ArchiveCode
from eichrecht.containers.key_files import key_id, read_key_file
from eichrecht.containers.members import attach_detached, pair_detached
from eichrecht.evidence import Document, Part, RecordSpan
from tests.eichrecht.containers.archive_support import RECORD, SECOND, take, tar_of, zip_of

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
    result = take(zip_of({"a/k": content, "b/r": RECORD}))
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
    result = take(zip_of({"r": RECORD, "p.pem": PRIVATE, "c.pem": certificate, "k.pem": PEM}))
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
    (part,) = take(zip_of({"both.txt": PEM + RECORD})).parts
    assert part.content == RECORD
    assert [key.text for key in part.beside_keys] == [PEM.decode().strip()]


def test_keys_of_the_outer_archive_come_after_those_of_the_inner():
    inner = tar_of({"r": RECORD, "inner.pem": PEM})
    (part,) = take(zip_of({"outer.txt": SPKI.hex().encode(), "i.tar.gz": gzip.compress(inner)})).parts
    assert [key.name for key in part.beside_keys] == ["inner.pem", "outer.txt"]


def test_key_named_like_the_record_comes_first():
    keys = {"a.pem": PEM, "4711-publicKey.pem": SPKI.hex().encode(), "z.pem": POINT.hex().encode()}
    parts = take(zip_of({**keys, "d/4711.ocmf": RECORD, "other.ocmf": SECOND})).parts
    assert [key.name for key in parts[0].beside_keys] == ["4711-publicKey.pem", "a.pem", "z.pem"]
    assert [key.name for key in parts[1].beside_keys] == ["a.pem", "4711-publicKey.pem", "z.pem"]


def test_same_key_twice_counts_once():
    (part,) = take(zip_of({"a.pem": PEM, "b.pem": PEM, "r": RECORD})).parts
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
    result = take(tar_of({name: contents[name] for name in order}))
    (part,) = result.parts
    assert part.content == BILL  # as stored, with the line feed at its end
    assert part.detached_signature == SIGNATURE
    assert part.format == "BILL"
    assert [key.name for key in part.beside_keys] == ["k.pem"]
    assert result.findings == ()


@pytest.mark.parametrize("nameless", [SIGNATURE, b"read me", SECOND])
def test_a_member_without_a_name_is_nobody_s_signature(nameless: bytes) -> None:
    """Found by fuzzing: it was taken for the signature of every other member, and then looked for by its name."""
    result = take(zip_of({"": nameless, "bill.json": BILL, "note.txt": RECORD + b"\n" + RECORD}))
    assert [part.detached_signature for part in result.parts if part.format is not None] == [None] * (
        3 + (nameless == SECOND)
    )


def test_pairs_stay_in_their_directories():
    result = take(
        zip_of(
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
    result = take(
        zip_of({"s.xml": xml, "s.xml.sig": SIGNATURE, "two": RECORD + SECOND, "two.sig": SIGNATURE})
    )
    assert [part.detached_signature for part in result.parts] == [None, None, None]
    (finding,) = [f for f in result.findings if f.code == ArchiveCode.DETACHED_SIGNATURE_UNUSED]
    assert (finding.severity, finding.params["names"]) == ("note", "s.xml.sig, two.sig")
    assert attach_detached([Part(RECORD)], b"\xef\xbb\xbf" + RECORD, SIGNATURE) is None


def test_signed_file_of_no_known_format_is_a_part():
    result = take(
        zip_of({"data": b"\x01\x02\x03", "data.sign": SIGNATURE, "notes": b"n", "notes.sig": b"PGP"})
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
        packed = unwrap(Document("packed", zip_of({"m": content})), recognise)
        assert [(p.content, p.format, p.key_text, p.context) for p in packed.parts] == [
            (p.content, p.format, p.key_text, p.context) for p in bare.parts
        ], path.name
        assert [p.where for p in packed.parts] == ["/m" + p.where for p in bare.parts], path.name
        compared += len(bare.parts)
    assert compared > 100
