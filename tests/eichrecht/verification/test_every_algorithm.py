"""OCMF records signed with every algorithm that is understood, through the whole verification.

The signers are pyca/cryptography and python-ecdsa; where neither has a curve, the sample meters' own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache

import ecdsa
import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed448, ed25519, padding, rsa
from ecdsa.util import sigencode_der

from eichrecht.evidence import SignatureStatus, Verdict
from eichrecht.signatures.algorithms import HASHES
from eichrecht.signatures.curves import CURVES, Curve
from eichrecht.signatures.spki import write_spki
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import END, START, codes, supplied, verify_one

Sign = Callable[[bytes], bytes]
HASH = {"SHA256": hashes.SHA256, "SHA384": hashes.SHA384, "SHA512": hashes.SHA512}


def record_of(algorithm: str, sign: Sign) -> bytes:
    meter = OcmfMeter("secp256r1")
    payload = meter.payload([meter.reading(1, START, "B"), meter.reading(2, END, "E")])  # type: ignore[arg-type]
    return f'OCMF|{payload}|{{"SA":"{algorithm}","SD":"{sign(payload.encode()).hex()}"}}'.encode()


@cache
def ecdsa_key(curve: Curve) -> tuple[ecdsa.SigningKey, str]:
    """Return a key on the curve, from its parameters alone, and its SubjectPublicKeyInfo as hex."""
    field = ecdsa.ellipticcurve.CurveFp(curve.p, curve.a, curve.b, 1)
    base = ecdsa.ellipticcurve.PointJacobi(field, curve.gx, curve.gy, 1, curve.order, generator=True)
    oid = tuple(int(part) for part in curve.oid.split("."))
    secret = ecdsa.SigningKey.from_secret_exponent(
        987654321, ecdsa.curves.Curve(curve.name, field, base, oid, curve.name)
    )
    return secret, secret.get_verifying_key().to_der().hex()


@pytest.mark.parametrize("hash_name", HASHES)
@pytest.mark.parametrize("curve", CURVES, ids=lambda curve: curve.name)
def test_ecdsa(curve: Curve, hash_name: str) -> None:
    secret, key = ecdsa_key(curve)
    digest = getattr(hashlib, hash_name.lower())

    def sign(message: bytes) -> bytes:
        made: bytes = secret.sign_deterministic(message, hashfunc=digest, sigencode=sigencode_der)
        return made

    for name in (curve.name, curve.ocmf_name):
        held(record_of(f"ECDSA-{name}-{hash_name}", sign), key, f"ECDSA-{curve.ocmf_name}-{hash_name}")
    # The same signature under another hash function's name does not fit, and the finding says which one does.
    others = [other for other in HASHES if other != hash_name]
    for other in others:
        verdict = verify_one(record_of(f"ECDSA-{curve.name}-{other}", sign), supplied(key))
        assert verdict.verdict is Verdict.INVALID
        assert "hash_label_mismatch" in codes(verdict)


def held(record: bytes, key: str, algorithm: str) -> None:
    """Hold a record valid under its name, and its changed twin invalid."""
    verdict = verify_one(record, supplied(key))
    assert (verdict.verdict, verdict.signature.algorithm) == (Verdict.VALID, algorithm)
    forged = verify_one(record.replace(b'"RV":2', b'"RV":3'), supplied(key))
    assert (forged.verdict, forged.signature.status) == (Verdict.INVALID, SignatureStatus.INVALID)


def pem(public: object) -> str:
    written: bytes = public.public_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return written.decode()


@pytest.mark.parametrize(
    ("secret", "names"),
    [
        (ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32))), ("EdDSA-Ed25519", "Ed25519")),
        (ed448.Ed448PrivateKey.from_private_bytes(bytes(range(57))), ("EdDSA-Ed448", "Ed448")),
    ],
    ids=["Ed25519", "Ed448"],
)
def test_eddsa(secret: ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey, names: tuple[str, str]) -> None:
    for name in names:
        held(record_of(name, secret.sign), pem(secret.public_key()), names[0])


@pytest.mark.parametrize("level", [44, 65, 87])
def test_ml_dsa(level: int) -> None:
    mldsa = pytest.importorskip("cryptography.hazmat.primitives.asymmetric.mldsa")
    secret = getattr(mldsa, f"MLDSA{level}PrivateKey").from_seed_bytes(bytes(range(32)))
    for name in (f"ML-DSA-{level}", f"MLDSA{level}"):
        held(record_of(name, secret.sign), pem(secret.public_key()), f"ML-DSA-{level}")


@cache
def rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize("hash_name", HASHES)
def test_rsa(hash_name: str) -> None:
    secret, digest = rsa_key(), HASH[hash_name]()
    number = hash_name.removeprefix("SHA")
    pss = padding.PSS(padding.MGF1(digest), digest.digest_size)
    for padded, canonical, names in (
        (padding.PKCS1v15(), f"RSA-{hash_name}", (f"RSA-{hash_name}", f"RS{number}", f"{hash_name}withRSA")),
        (pss, f"RSA-PSS-{hash_name}", (f"RSA-PSS-{hash_name}", f"PS{number}", f"RSASSA-PSS-{hash_name}")),
    ):
        for name in names:
            record = record_of(name, lambda message, chosen=padded: secret.sign(message, chosen, digest))  # type: ignore[misc]
            held(record, pem(secret.public_key()), canonical)


def test_every_curve_is_written_as_its_key_says() -> None:
    """The keys above are built from curve parameters; their SubjectPublicKeyInfo must be the one we would write."""
    for curve in CURVES:
        secret, key = ecdsa_key(curve)
        point = secret.get_verifying_key().pubkey.point
        assert write_spki(curve, point.x(), point.y()).hex() == key
