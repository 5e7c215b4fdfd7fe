"""Key texts in every shape of the field, and everything that is none."""

from __future__ import annotations

import base64
import hashlib
import pickle
import random
import string
import tomllib
from importlib import resources

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eichrecht.evidence import Finding
from eichrecht.signatures.algorithms import ECDSA, ecdsa_algorithm, parse_algorithm
from eichrecht.signatures.codes import KeyCode, SignatureCode
from eichrecht.signatures.curves import (
    CURVES,
    SECP192R1,
    SECP224K1,
    SECP256K1,
    SECP256R1,
    Curve,
)
from eichrecht.signatures.der import write_element, write_oid, write_signature
from eichrecht.signatures.keys import (
    KEYS_REMEMBERED,
    MAX_KEY_TEXT,
    PublicKey,
    UnreadableKey,
    UnusableKey,
    _read,
    read_key,
)
from eichrecht.signatures.spki import read_spki, write_spki


def multiply(curve: Curve, k: int) -> tuple[int, int]:
    """Return k·G by affine double-and-add: slow, plain, and independent of the code under test."""
    result: tuple[int, int] | None = None
    point: tuple[int, int] | None = (curve.gx, curve.gy)
    while k:
        if k & 1:
            result = add(curve, result, point)
        point = add(curve, point, point)
        k >>= 1
    assert result is not None
    return result


def add(curve: Curve, a: tuple[int, int] | None, b: tuple[int, int] | None) -> tuple[int, int] | None:
    if a is None or b is None:
        return a or b
    if a[0] == b[0] and (a[1] + b[1]) % curve.p == 0:
        return None
    slope = (
        (3 * a[0] ** 2 + curve.a) * pow(2 * a[1], -1, curve.p)
        if a == b
        else (b[1] - a[1]) * pow(b[0] - a[0], -1, curve.p)
    )
    x = (slope**2 - a[0] - b[0]) % curve.p
    return x, (slope * (a[0] - x) - a[1]) % curve.p


POINTS = {c: multiply(c, random.Random(c.name).randrange(2, c.order)) for c in CURVES}


def octets(curve: Curve) -> dict[str, bytes]:
    x, y = (v.to_bytes(curve.field_bytes, "big") for v in POINTS[curve])
    return {
        "spki": write_spki(curve, *POINTS[curve]),
        "point": b"\x04" + x + y,
        "xy": x + y,
        "compressed": bytes((2 + POINTS[curve][1] % 2,)) + x,
    }


def groups_of(text: str, size: int, separator: str) -> str:
    return separator.join(text[i : i + size] for i in range(0, len(text), size))


ENCODERS = {
    "hex": lambda b: b.hex(),
    "hex upper": lambda b: b.hex().upper(),
    "hex 0x": lambda b: "0x" + b.hex(),
    "hex grouped": lambda b: groups_of(b.hex().upper(), 4, " "),
    "hex no-break space": lambda b: groups_of(b.hex(), 4, "\u00a0"),
    "hex colons": lambda b: groups_of(b.hex(), 2, ":"),
    "hex semicolons": lambda b: '"' + groups_of(b.hex(), 4, ";") + '"\n',
    "hex lines": lambda b: "\t" + groups_of(b.hex(), 32, "\r\n") + "\n",
    "hex 0x each": lambda b: ", ".join(f"0x{octet:02X}" for octet in b),
    "base64": lambda b: base64.b64encode(b).decode(),
    "base64 bare": lambda b: base64.b64encode(b).decode().rstrip("="),
    "base64 url": lambda b: base64.urlsafe_b64encode(b).decode(),
    "base64 lines": lambda b: base64.encodebytes(b).decode(),
    "base32": lambda b: base64.b32encode(b).decode(),
    "base32 lower bare": lambda b: base64.b32encode(b).decode().rstrip("=").lower(),
}


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_every_shape_in_every_encoding_is_the_same_key(curve: Curve, encoder: str) -> None:
    algorithm = ecdsa_algorithm(curve)
    canonical = write_spki(curve, *POINTS[curve])
    for kind, data in octets(curve).items():
        for text in (ENCODERS[encoder](data), ENCODERS[encoder](data).encode()):
            material = read_key(text)
            assert material.shape == f"{kind}-{encoder.split(maxsplit=1)[0]}"
            assert material.fixed_curve is (curve if kind == "spki" else None)
            key = material.for_algorithm(algorithm)
            assert (key.family, key.curve, key.spki) == (ECDSA, curve, canonical)
            assert key.fingerprint == hashlib.sha256(canonical).hexdigest()
            assert key.fingerprint in material.fingerprints


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_binary_keys(curve: Curve) -> None:
    for kind, data in octets(curve).items():
        material = read_key(data)
        assert material.shape == f"{kind}-binary"
        assert material.for_algorithm(ecdsa_algorithm(curve)).spki == write_spki(curve, *POINTS[curve])


def test_own_spki_is_what_openssl_writes() -> None:
    for curve, theirs in ((SECP256R1, ec.SECP256R1()), (SECP256K1, ec.SECP256K1())):
        x, y = POINTS[curve]
        other = ec.EllipticCurvePublicNumbers(x, y, theirs).public_key()
        assert other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) == write_spki(curve, x, y)


SPKI = write_spki(SECP256R1, *POINTS[SECP256R1])
PEM = "-----BEGIN PUBLIC KEY-----\n" + base64.encodebytes(SPKI).decode() + "-----END PUBLIC KEY-----\n"
B64 = base64.b64encode(SPKI).decode()


@pytest.mark.parametrize(
    ("text", "shape", "layers"),
    [
        (PEM, "pem", ()),
        (PEM.replace("\n", ""), "pem", ()),
        (PEM.replace("\n", " "), "pem", ()),
        (PEM.replace("\n", "\\n"), "pem", ()),
        (PEM.replace("\n", "\r\n"), "pem", ()),
        ("\ufeff" + PEM, "pem", ()),
        ("read EC key\nwriting EC key\n" + PEM, "pem", ()),
        (base64.b64encode(PEM.encode()).decode(), "pem", ("base64",)),
        (f"oca:base16:asn1:{SPKI.hex()}", "oca-envelope", ()),
        (f"oca:base16:asn1:0x{groups_of(SPKI.hex(), 4, ' ')}", "oca-envelope", ()),
        (f"oca:base16:asn1:{groups_of(SPKI.hex(), 2, '/')}", "oca-envelope", ()),
        (f"OCA:Base16:ASN1:{SPKI.hex().upper()}", "oca-envelope", ()),
        (f"vendor:base64:asn1:{B64}", "oca-envelope", ()),
        (base64.b64encode(f"oca:base64:asn1:{B64}".encode()).decode(), "oca-envelope", ("base64",)),
        (base64.b64encode(B64.encode()).decode(), "spki-base64", ("base64",)),
        (base64.b64encode(SPKI.hex().encode()).decode(), "spki-hex", ("base64",)),
        (base64.b64encode(base64.b64encode(B64.encode())).decode(), "spki-base64", ("base64", "base64")),
        (PEM.encode().hex(), "pem", ("hex",)),
    ],
)
def test_wrapped_shapes(text: str, shape: str, layers: tuple[str, ...]) -> None:
    material = read_key(text)
    assert (material.shape, material.layers) == (shape, layers)
    assert material.for_algorithm(ecdsa_algorithm(SECP256R1)).spki == SPKI


def test_compressed_point_inside_spki_is_canonicalised() -> None:
    compressed = octets(SECP256R1)["compressed"]
    algorithm_identifier = write_element(0x30, write_oid("1.2.840.10045.2.1") + write_oid(SECP256R1.oid))
    data = write_element(0x30, algorithm_identifier + write_element(3, b"\x00" + compressed))
    assert read_key(data.hex()).for_algorithm(ecdsa_algorithm(SECP256R1)).spki == SPKI


SENTENCES = tomllib.loads(
    resources.files("eichrecht.locales").joinpath("findings.d/signatures.toml").read_text(encoding="utf-8")
)


def assert_sentence_is_served(finding: Finding) -> None:
    """The sentences must not ask for a parameter that the code does not give, nor leave one out."""
    for text in SENTENCES[finding.code].values():
        assert {name for _, name, _, _ in string.Formatter().parse(text) if name} == set(finding.params)


def test_every_code_has_its_sentences_here_and_nothing_else_has() -> None:
    assert set(SENTENCES) == {*KeyCode, *SignatureCode}


def rsa_pkcs1() -> str:
    key = rsa.generate_private_key(65537, 2048).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.PKCS1).hex()


def private_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def private_der(form: PrivateFormat) -> str:
    return ec.generate_private_key(ec.SECP256R1()).private_bytes(Encoding.DER, form, NoEncryption()).hex()


SIGNATURE = "3045022100" + "ab" * 32 + "0220" + "17" * 32
CERTIFICATE = "3082010a3081b2a003020102020101300a06082a8648ce3d040302" + "00" * 250


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", KeyCode.EMPTY),
        (" \n\t", KeyCode.EMPTY),
        ('""', KeyCode.EMPTY),
        (b"", KeyCode.EMPTY),
        ("A" * (MAX_KEY_TEXT + 1), KeyCode.TOO_LONG),
        ("Wird nachgereicht", KeyCode.NOT_A_KEY),
        ("aufgrund räumlicher Trennung kein Zugriff möglich", KeyCode.NOT_A_KEY),
        ("-----", KeyCode.NOT_A_KEY),
        ("DE*SWM*E052601*1", KeyCode.NOT_A_KEY),
        ("6f9619ff-8b86-d011-b42d-00cf4fc964ff", KeyCode.NOT_A_KEY),
        (SPKI.hex()[:-1], KeyCode.HEX_ODD),
        (SPKI.hex().replace("0", "O", 1), KeyCode.FOREIGN_CHARACTER),
        (SPKI.hex()[:60] + "g" + SPKI.hex()[61:], KeyCode.FOREIGN_CHARACTER),
        (SPKI.hex()[:-20], KeyCode.TRUNCATED),
        (B64[:80], KeyCode.TRUNCATED),
        (SPKI.hex()[:128], KeyCode.TRUNCATED),  # 64 octets, or 96 in Base64: must not pass as X‖Y
        (octets(SECP256R1)["xy"].hex()[:-1] + "g", KeyCode.FOREIGN_CHARACTER),  # would be 96 octets in Base64
        (SPKI.hex() + "00", KeyCode.TRAILING_DATA),
        (SPKI.hex() * 2, KeyCode.TRAILING_DATA),
        (SPKI.hex().replace("301306", "301206", 1), KeyCode.DAMAGED),
        (SPKI[:1].hex() + "8159" + SPKI[2:].hex(), KeyCode.DAMAGED),  # length not in the shortest form
        (SPKI.hex()[:52] + "01" + SPKI.hex()[54:], KeyCode.DAMAGED),
        ("ab" * 40, KeyCode.WRONG_LENGTH),
        (SIGNATURE, KeyCode.IS_SIGNATURE),
        (base64.b64encode(bytes.fromhex(SIGNATURE)).decode(), KeyCode.IS_SIGNATURE),
        (bytes.fromhex(SIGNATURE), KeyCode.IS_SIGNATURE),
        (write_signature(5, 2**190).hex(), KeyCode.IS_SIGNATURE),
        (CERTIFICATE, KeyCode.IS_CERTIFICATE),
        ("-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", KeyCode.IS_CERTIFICATE),
        (private_pem(), KeyCode.IS_PRIVATE),
        (private_der(PrivateFormat.PKCS8), KeyCode.IS_PRIVATE),
        (private_der(PrivateFormat.TraditionalOpenSSL), KeyCode.IS_PRIVATE),
        (rsa_pkcs1(), KeyCode.UNSUPPORTED_TYPE),
        (PEM * 2, KeyCode.AMBIGUOUS),
        (PEM.replace("-----END PUBLIC KEY-----", ""), KeyCode.TRUNCATED),
        (PEM.replace("M", "%", 1), KeyCode.DAMAGED),
        ("-----BEGIN PGP SIGNATURE-----\nab\n-----END PGP SIGNATURE-----", KeyCode.UNSUPPORTED_TYPE),
        ("oca:base32:asn1:GAYQ", KeyCode.ENVELOPE_UNSUPPORTED),
        (f"oca:base16:pem:{SPKI.hex()}", KeyCode.ENVELOPE_UNSUPPORTED),
        (f"oca:base16:asn1:{SPKI.hex()[:-1]}", KeyCode.HEX_ODD),
        ("oca:base16:asn1:", KeyCode.NOT_A_KEY),
        ("oca:base64:asn1:%%%", KeyCode.DAMAGED),
        (f"oca:base16:asn1:{octets(SECP256R1)['point'].hex()}", KeyCode.WRONG_LENGTH),
        (bytes(range(100, 164)) , KeyCode.NOT_A_KEY),  # 64 octets in binary that are no point
    ],
)  # fmt: skip
def test_what_is_no_key_says_what_it_is(text: str | bytes, code: KeyCode) -> None:
    with pytest.raises(UnreadableKey) as caught:
        read_key(text)
    assert caught.value.code == code
    finding = caught.value.finding("/key")
    assert (finding.code, finding.where) == (code, "/key")
    assert all(len(value) < 100 for value in finding.params.values())
    assert_sentence_is_served(finding)


def test_deep_nesting_is_refused() -> None:
    text = SPKI.hex()
    for _ in range(6):
        text = base64.b64encode(text.encode()).decode()
    with pytest.raises(UnreadableKey) as caught:
        read_key(text)
    assert caught.value.code == KeyCode.NESTED_TOO_DEEP
    assert_sentence_is_served(caught.value.finding())


def usable_code(text: str | bytes, name: str) -> tuple[str, dict[str, str]]:
    algorithm = parse_algorithm(name)
    assert algorithm is not None
    with pytest.raises(UnusableKey) as caught:
        read_key(text).for_algorithm(algorithm)
    assert_sentence_is_served(caught.value.finding())
    return str(caught.value.code), caught.value.params


def test_key_of_another_curve_than_the_algorithm_names() -> None:
    code, params = usable_code(SPKI.hex(), "ECDSA-secp256k1-SHA256")
    assert code == KeyCode.CURVE_MISMATCH
    assert params == {"key": "secp256r1", "algorithm": "ECDSA-secp256k1-SHA256"}
    ed = ed25519.Ed25519PrivateKey.generate().public_key()
    text = ed.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    assert usable_code(text, "ECDSA-secp256r1-SHA256")[0] == KeyCode.CURVE_MISMATCH
    assert usable_code(SPKI.hex(), "EdDSA-Ed25519")[0] == KeyCode.CURVE_MISMATCH
    assert usable_code(octets(SECP256R1)["xy"].hex(), "EdDSA-Ed25519")[0] == KeyCode.CURVE_MISMATCH
    algorithm = parse_algorithm("EdDSA-Ed25519")
    assert algorithm is not None
    key = read_key(text).for_algorithm(algorithm)
    assert (key.family, key.curve, key.shape) == ("EdDSA-Ed25519", None, "pem")


def test_point_of_another_length_than_the_algorithm_needs() -> None:
    code, params = usable_code(octets(SECP192R1)["xy"].hex(), "ECDSA-secp256r1-SHA256")
    assert code == KeyCode.LENGTH_MISMATCH
    assert params == {"curve": "secp256r1", "bytes": "48"}


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_points_off_the_curve_are_refused(curve: Curve) -> None:
    x, y = POINTS[curve]
    size = curve.field_bytes
    wrong_y = (y + 1) % curve.p
    texts = [
        write_spki(curve, x, wrong_y).hex(),
        (x.to_bytes(size, "big") + wrong_y.to_bytes(size, "big")).hex(),
        ("04" + x.to_bytes(size, "big").hex() + wrong_y.to_bytes(size, "big").hex()),
        bytes(2 * size).hex(),
    ]
    if curve.p.bit_length() % 8 == 0:
        # Coordinates must be reduced: (x + p) would name the same point a second time where it fits.
        small = next(v for v in range(2000) if v + curve.p < 256**size and is_x(curve, v))
        texts.append("02" + (small + curve.p).to_bytes(size, "big").hex())
    non_residue = next(v for v in range(1, 2000) if not is_x(curve, v))
    texts.append("03" + non_residue.to_bytes(size, "big").hex())
    for text in texts:
        assert usable_code(text, ecdsa_algorithm(curve).name)[0] == KeyCode.NOT_ON_CURVE, text


def is_x(curve: Curve, x: int) -> bool:
    square = (x**3 + curve.a * x + curve.b) % curve.p
    return pow(square, (curve.p - 1) // 2, curve.p) in (0, 1)


def test_unsupported_keys_are_named() -> None:
    identifier = write_element(0x30, write_oid("1.2.840.10045.2.1") + write_oid("1.2.840.10045.3.1.2"))
    prime192v2 = write_element(0x30, identifier + write_element(3, bytes.fromhex("0004") + bytes(48)))
    assert usable_code(prime192v2, "ECDSA-secp192r1-SHA256") == (
        KeyCode.UNSUPPORTED_TYPE,
        {"type": "1.2.840.10045.3.1.2"},
    )
    assert read_key(prime192v2).possible_keys() == ()


def test_explicit_curve_parameters_are_refused_even_if_they_are_those_of_the_curve() -> None:
    integer = lambda v: write_element(2, v.to_bytes(v.bit_length() // 8 + 1, "big"))  # noqa: E731
    c = SECP256R1
    field = write_element(0x30, write_oid("1.2.840.10045.1.1") + integer(c.p))
    curve = write_element(
        0x30, write_element(4, c.a.to_bytes(32, "big")) + write_element(4, c.b.to_bytes(32, "big"))
    )
    base = write_element(4, b"\x04" + c.gx.to_bytes(32, "big") + c.gy.to_bytes(32, "big"))
    parameters = write_element(0x30, integer(1) + field + curve + base + integer(c.order))
    identifier = write_element(0x30, write_oid("1.2.840.10045.2.1") + parameters)
    data = write_element(0x30, identifier + write_element(3, b"\x00" + octets(c)["point"]))
    assert usable_code(data.hex(), "ECDSA-secp256r1-SHA256") == (
        KeyCode.UNSUPPORTED_TYPE,
        {"type": "explicit parameters"},
    )


def test_keys_without_curve_list_what_they_may_be() -> None:
    for curve in CURVES:
        possible = read_key(octets(curve)["xy"].hex()).possible_keys()
        assert [key.curve for key in possible] == [curve]
    off = read_key(bytes(63).hex() + "01")
    assert off.possible_keys() == ()
    assert off.fingerprints == frozenset()


def test_keys_survive_the_way_to_another_process() -> None:
    for curve in (SECP256R1, SECP224K1):
        key = read_key(octets(curve)["xy"].hex()).for_algorithm(ecdsa_algorithm(curve))
        copy: PublicKey = pickle.loads(pickle.dumps(key))
        assert copy == key
        assert copy.shape == "xy-hex"
        assert type(copy.ecdsa) is type(key.ecdsa)


def test_repeated_texts_are_parsed_once_and_memory_is_bounded() -> None:
    algorithm = ecdsa_algorithm(SECP256R1)
    assert read_key(SPKI.hex()).for_algorithm(algorithm) is read_key(SPKI.hex()).for_algorithm(algorithm)
    assert read_key("0x" + SPKI.hex()).for_algorithm(algorithm) == read_key(SPKI.hex()).for_algorithm(
        algorithm
    )
    for number in range(KEYS_REMEMBERED + 50):
        read_key(octets(SECP256R1)["xy"].hex() + " " * number)
    assert _read.cache_info().currsize <= KEYS_REMEMBERED


KEY_ALPHABET = "0123456789abcdefABCDEFxXgOl+/=-_:;., \n\"'oca:base16:asn1:MFkwEw"


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(st.text(max_size=300), st.text(alphabet=KEY_ALPHABET, max_size=300), st.binary(max_size=200))
)
@example("oca:base16:asn1:3059")
@example("-----BEGIN PUBLIC KEY----------END PUBLIC KEY-----")
@example("\ud800")
@example(b"\x30\x84\xff\xff\xff\xff")
@example("30" * 32)
def test_anything_is_a_key_or_a_typed_refusal(text: str | bytes) -> None:
    try:
        material = read_key(text)
    except UnreadableKey:
        return
    for key in material.possible_keys():
        assert key.curve is None or read_spki(key.spki).curve is key.curve


@settings(max_examples=300, deadline=None)
@given(
    st.integers(0, len(SPKI) - 1), st.integers(0, 255), st.sampled_from(["hex", "base64", "base32", "bytes"])
)
def test_a_changed_octet_never_gives_another_usable_key_silently(at: int, value: int, encoding: str) -> None:
    data = bytearray(SPKI)
    data[at] = value
    text = bytes(data) if encoding == "bytes" else ENCODERS[encoding](bytes(data))
    try:
        key = read_key(text).for_algorithm(ecdsa_algorithm(SECP256R1))
    except (UnreadableKey, UnusableKey):
        assert bytes(data) != SPKI
    else:
        assert bytes(data) == SPKI or key.spki == bytes(data)


HOSTILE = ["A", "3", "0x", ":", "-----BEGIN ", "a:", "YWFh", "MFkw", "=", "oca:", "\u200b"]


@pytest.mark.parametrize("piece", HOSTILE)
def test_hostile_lengths_end_quickly(piece: str) -> None:
    with pytest.raises(UnreadableKey):
        read_key((piece * MAX_KEY_TEXT)[:MAX_KEY_TEXT])
