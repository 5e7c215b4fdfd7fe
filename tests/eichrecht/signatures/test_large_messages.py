"""Large messages are hashed once and checked by their digest: with the same result as any other."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.digests import LARGE, large_digest
from eichrecht.signatures.keys import read_key
from sample_meters.keys import sample_key
from sample_meters.signatures import encode_signature

RSA_KEY = rsa.generate_private_key(65537, 2048)
SIZES = (LARGE - 1, LARGE, LARGE + 1)


def checked(name: str, key_text: str, message: bytes, signature: bytes) -> bool:
    algorithm = parse_algorithm(name)
    assert algorithm is not None
    key = read_key(key_text).for_algorithm(algorithm)
    return check_signature(algorithm, key, message, signature).valid


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("curve", ["secp256r1", "brainpool256r1", "secp192k1"])
def test_ecdsa(curve: str, size: int) -> None:
    key = sample_key(curve, "large")
    message = b"A" * size
    width = {"secp192k1": 24}.get(curve, 32)
    signature = encode_signature(*key.sign(message), width, "der")
    name = f"ECDSA-{curve}-SHA256"
    assert checked(name, key.text("pem"), message, signature)
    assert not checked(name, key.text("pem"), message[:-1] + b"B", signature)
    assert not checked(f"ECDSA-{curve}-SHA512", key.text("pem"), message, signature)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("hash_name", ["SHA256", "SHA384", "SHA512"])
def test_rsa_and_every_hash(hash_name: str, size: int) -> None:
    hashing = {"SHA256": hashes.SHA256(), "SHA384": hashes.SHA384(), "SHA512": hashes.SHA512()}[hash_name]
    text = RSA_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    message = b"A" * size
    pss = padding.PSS(padding.MGF1(hashing), hashing.digest_size)
    for name, scheme in (("RSA", padding.PKCS1v15()), ("RSA-PSS", pss)):
        signature = RSA_KEY.sign(message, scheme, hashing)
        assert checked(f"{name}-{hash_name}", text, message, signature)
        assert not checked(f"{name}-{hash_name}", text, message + b"B", signature)


def test_ecdsa_with_other_hashes() -> None:
    key = ec.generate_private_key(ec.SECP384R1())
    text = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    message = b"A" * (2 * LARGE)
    signature = key.sign(message, ec.ECDSA(hashes.SHA384()))
    assert checked("ECDSA-secp384r1-SHA384", text, message, signature)
    assert len(large_digest(message, "SHA384")) == 48
