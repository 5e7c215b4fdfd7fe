"""RSA: both paddings, names that lie about padding, hash function or key length, keys that limit themselves.

Keys and signatures are made by ``cryptography``; the parameters of PSS keys are written here, byte by byte.
"""

from __future__ import annotations

import base64
import pickle
from functools import cache

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.evidence import SignatureStatus
from eichrecht.signatures.algorithms import SignatureAlgorithm, parse_algorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.codes import KeyCode, SignatureCode
from eichrecht.signatures.curves import SECP256R1
from eichrecht.signatures.der import write_element, write_oid
from eichrecht.signatures.errors import UnusableKey
from eichrecht.signatures.keys import KeyMaterial, read_key
from eichrecht.signatures.rsa import MAX_MODULUS_BITS

MESSAGE = b'{"FV":"1.4","RD":[]}'
HASHES = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}
HASH_OIDS = {
    "SHA256": "2.16.840.1.101.3.4.2.1",
    "SHA384": "2.16.840.1.101.3.4.2.2",
    "SHA512": "2.16.840.1.101.3.4.2.3",
}


@cache
def made(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def private(bits: int = 2048) -> rsa.RSAPrivateKey:
    return made(bits)


def spki(bits: int = 2048) -> bytes:
    return private(bits).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def algorithm(name: str) -> SignatureAlgorithm:
    found = parse_algorithm(name)
    assert found is not None
    return found


def signed(pad: str, hash_name: str, bits: int = 2048, salt: int | None = None) -> bytes:
    hashing = HASHES[hash_name]
    if pad == "PSS":
        length = hashing.digest_size if salt is None else salt
        return private(bits).sign(MESSAGE, padding.PSS(padding.MGF1(hashing), length), hashing)
    return private(bits).sign(MESSAGE, padding.PKCS1v15(), hashing)


def outcome(name: str, signature: bytes, material: KeyMaterial) -> tuple[str, str | None, list[str]]:
    named = algorithm(name)
    check = check_signature(named, material.for_algorithm(named), MESSAGE, signature)
    return check.status, check.reason, [finding.code for finding in check.findings]


def refusal(name: str, material: KeyMaterial) -> tuple[str, dict[str, str]]:
    with pytest.raises(UnusableKey) as caught:
        material.for_algorithm(algorithm(name))
    return caught.value.code, caught.value.params


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize(("pad", "prefix"), [("PKCS1", "RSA"), ("PSS", "RSA-PSS")])
def test_both_paddings_verify_as_named_and_as_nothing_else(pad: str, prefix: str, hash_name: str) -> None:
    material = read_key(spki().hex())
    signature = signed(pad, hash_name)
    assert outcome(f"{prefix}-{hash_name}", signature, material) == ("valid", None, [])
    assert outcome(f"{prefix}-2048-{hash_name}", signature, material) == ("valid", None, [])
    for other in HASHES:
        if other != hash_name:
            assert outcome(f"{prefix}-{other}", signature, material) == (
                "invalid", "mismatch", [SignatureCode.HASH_LABEL_MISMATCH],
            )  # fmt: skip
    swapped = "RSA-PSS" if prefix == "RSA" else "RSA"
    assert outcome(f"{swapped}-{hash_name}", signature, material) == (
        "invalid", "mismatch", [SignatureCode.PADDING_LABEL_MISMATCH],
    )  # fmt: skip
    other = next(name for name in HASHES if name != hash_name)
    assert outcome(f"{swapped}-{other}", signature, material)[2] == [
        SignatureCode.PADDING_LABEL_MISMATCH,
        SignatureCode.HASH_LABEL_MISMATCH,
    ]


def test_a_foreign_signature_blames_no_label() -> None:
    assert outcome("RSA-SHA256", bytes(255) + b"\x01", read_key(spki().hex())) == ("invalid", "mismatch", [])


@pytest.mark.parametrize("length", [0, 1, 255, 257, 512])
def test_a_signature_of_another_length_is_malformed(length: int) -> None:
    material = read_key(spki().hex())
    assert outcome("RSA-SHA256", signed("PKCS1", "SHA256")[:1] * length, material)[1] == "malformed_signature"


def test_every_flipped_bit_fails() -> None:
    material = read_key(spki().hex())
    for pad, name in (("PKCS1", "RSA-SHA256"), ("PSS", "RSA-PSS-SHA256")):
        signature = signed(pad, "SHA256")
        named = algorithm(name)
        key = material.for_algorithm(named)
        for bit in range(8 * len(signature)):
            changed = bytearray(signature)
            changed[bit // 8] ^= 1 << bit % 8
            check = check_signature(named, key, MESSAGE, bytes(changed), diagnose=False)
            assert check.status is SignatureStatus.INVALID


@pytest.mark.parametrize("salt", [0, 20, 31, 33, 64])
def test_pss_needs_the_salt_of_its_digest(salt: int) -> None:
    material = read_key(spki().hex())
    assert outcome("PS256", signed("PSS", "SHA256", salt=salt), material)[0] == "invalid"


def test_a_name_that_asks_for_another_key_length_gets_no_key() -> None:
    code, params = refusal("RSA-4096-SHA256", read_key(spki().hex()))
    assert (code, params) == (KeyCode.CURVE_MISMATCH, {"key": "RSA-2048", "algorithm": "RSA-4096-SHA256"})


def test_rsa_and_other_keys_do_not_serve_for_each_other() -> None:
    material = read_key(spki().hex())
    assert refusal("ECDSA-secp256r1-SHA256", material) == (
        KeyCode.CURVE_MISMATCH,
        {"key": "RSA-2048", "algorithm": "ECDSA-secp256r1-SHA256"},
    )
    assert refusal("EdDSA-Ed25519", material)[0] == KeyCode.CURVE_MISMATCH
    point = f"04{SECP256R1.gx:064x}{SECP256R1.gy:064x}"
    assert refusal("RSA-SHA256", read_key(point))[0] == KeyCode.CURVE_MISMATCH


@pytest.mark.parametrize("shape", ["hex", "pem", "base64"])
def test_one_key_however_written(shape: str) -> None:
    public = private().public_key()
    text = {
        "hex": spki().hex(),
        "pem": public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(),
        "base64": base64.b64encode(spki()).decode(),
    }[shape]
    key = read_key(text).for_algorithm(algorithm("RSA-SHA256"))
    assert key.spki == spki()
    assert key.kind == "RSA-2048"
    assert key.fingerprint in read_key(text).fingerprints
    copy = pickle.loads(pickle.dumps(key))
    assert copy == key
    assert copy.rsa == key.rsa


# --- keys with parameters (RFC 4055 §3.1)


def identifier(oid: str, parameters: bytes = b"\x05\x00") -> bytes:
    return write_element(0x30, write_oid(oid) + parameters)


def integer(number: int) -> bytes:
    return write_element(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def pss_parameters(
    hash_name: str, mask: str | None = None, salt: int | None = None, trailer: int | None = None
) -> bytes:
    hashing = identifier(HASH_OIDS[hash_name])
    masking = identifier("1.2.840.113549.1.1.8", identifier(HASH_OIDS[mask or hash_name]))
    body = write_element(0xA0, hashing) + write_element(0xA1, masking)
    body += write_element(0xA2, integer(salt)) if salt is not None else b""
    body += write_element(0xA3, integer(trailer)) if trailer is not None else b""
    return write_element(0x30, body)


def rsa_spki(
    modulus: int, exponent: int = 65537, *, oid: str = "1.2.840.113549.1.1.1", parameters: bytes = b"\x05\x00"
) -> str:
    numbers = write_element(0x30, integer(modulus) + integer(exponent))
    return write_element(0x30, identifier(oid, parameters) + write_element(3, b"\x00" + numbers)).hex()


def pss_key(parameters: bytes) -> KeyMaterial:
    numbers = private().public_key().public_numbers()
    return read_key(rsa_spki(numbers.n, oid="1.2.840.113549.1.1.10", parameters=parameters))


def test_a_pss_key_without_parameters_allows_every_hash_but_no_pkcs1() -> None:
    material = pss_key(b"")
    for hash_name in HASHES:
        assert outcome(f"RSA-PSS-{hash_name}", signed("PSS", hash_name), material)[0] == "valid"
    code, params = refusal("RSA-SHA256", material)
    assert (code, params["key"]) == (KeyCode.CURVE_MISMATCH, "RSA-PSS-2048")


def test_a_pss_key_with_parameters_allows_its_own_hash_only() -> None:
    material = pss_key(pss_parameters("SHA256", salt=32))
    assert outcome("PS256", signed("PSS", "SHA256"), material)[0] == "valid"
    assert refusal("PS384", material)[1]["key"] == "RSA-PSS-2048-SHA256"
    assert refusal("RS256", material)[0] == KeyCode.CURVE_MISMATCH


def test_the_least_salt_of_a_key_is_honoured() -> None:
    default = pss_key(pss_parameters("SHA256"))  # 20 octets at least, so the usual 32 and the least itself
    assert outcome("PS256", signed("PSS", "SHA256"), default)[0] == "valid"
    assert outcome("PS256", signed("PSS", "SHA256", salt=20), default)[0] == "valid"
    assert outcome("PS256", signed("PSS", "SHA256", salt=19), default)[0] == "invalid"
    long = pss_key(pss_parameters("SHA256", salt=64))
    assert outcome("PS256", signed("PSS", "SHA256"), long)[0] == "invalid"
    assert outcome("PS256", signed("PSS", "SHA256", salt=64), long)[0] == "valid"
    impossible = pss_key(pss_parameters("SHA256", salt=512))
    assert outcome("PS256", signed("PSS", "SHA256"), impossible)[0] == "invalid"


def test_the_same_numbers_with_and_without_limits_are_two_keys() -> None:
    free, limited = read_key(spki().hex()), pss_key(pss_parameters("SHA256"))
    assert free.fingerprints.isdisjoint(limited.fingerprints)
    key = limited.for_algorithm(algorithm("PS256"))
    assert pickle.loads(pickle.dumps(key)).rsa == key.rsa


SHA1 = write_element(0x30, b"")
REVERSED = write_element(0x30, write_element(0xA2, integer(32)) + pss_parameters("SHA256")[2:])


@pytest.mark.parametrize(
    "parameters",
    [SHA1, b"\x05\x00", pss_parameters("SHA256", mask="SHA512"), pss_parameters("SHA256", trailer=2), REVERSED,
     pss_parameters("SHA256", salt=513), pss_parameters("SHA256") + b"\x00", b"\x30\x80\x00\x00",
     pss_parameters("SHA256", salt=32) + pss_parameters("SHA256", salt=32)],
)  # fmt: skip
def test_other_parameters_are_refused(parameters: bytes) -> None:
    assert refusal("PS256", pss_key(parameters))[0] == KeyCode.RSA_PARAMETERS


MODULUS = (1 << 2047) + 981


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (rsa_spki(MODULUS >> 1 | 1), KeyCode.RSA_LENGTH),
        (rsa_spki(1 << MAX_MODULUS_BITS | 1), KeyCode.RSA_LENGTH),
        (rsa_spki(MODULUS + 1), KeyCode.RSA_MALFORMED),
        (rsa_spki(MODULUS, 1), KeyCode.RSA_MALFORMED),
        (rsa_spki(MODULUS, 65536), KeyCode.RSA_MALFORMED),
        (rsa_spki(MODULUS, (1 << 64) + 1), KeyCode.RSA_MALFORMED),
        (rsa_spki(MODULUS, parameters=pss_parameters("SHA256")), KeyCode.RSA_PARAMETERS),
    ],
)
def test_unsafe_keys_are_refused(text: str, code: KeyCode) -> None:
    material = read_key(text)
    assert refusal("RSA-SHA256", material)[0] == code
    assert material.possible_keys() == ()
    assert refusal("ECDSA-secp256r1-SHA256", material)[0] == code


def test_numbers_that_are_not_in_their_shortest_form_are_refused() -> None:
    long = write_element(0x30, write_element(2, b"\x00\x00" + MODULUS.to_bytes(256, "big")) + integer(65537))
    negative = write_element(0x30, write_element(2, MODULUS.to_bytes(256, "big")) + integer(65537))
    more = write_element(0x30, integer(MODULUS) + integer(65537) + integer(1))
    for numbers in (long, negative, more, b"", b"\x30\x00"):
        text = write_element(
            0x30, identifier("1.2.840.113549.1.1.1") + write_element(3, b"\x00" + numbers)
        ).hex()
        assert refusal("RSA-SHA256", read_key(text))[0] == KeyCode.RSA_MALFORMED


def test_a_key_without_null_is_the_same_key() -> None:
    numbers = private().public_key().public_numbers()
    key = read_key(rsa_spki(numbers.n, parameters=b"")).for_algorithm(algorithm("RSA-SHA256"))
    assert key.spki == spki()


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 293), st.integers(0, 255))
def test_a_changed_octet_never_gives_the_same_key_or_anything_but_a_refusal(at: int, value: int) -> None:
    data = bytearray(spki())
    data[at] = value
    try:
        key = read_key(bytes(data).hex()).for_algorithm(algorithm("RSA-SHA256"))
    except ValueError:
        assert bytes(data) != spki()
    else:
        assert key.spki == bytes(data)
