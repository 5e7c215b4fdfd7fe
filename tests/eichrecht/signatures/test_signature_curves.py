"""Curves and algorithm names: parameters against OpenSSL and `ecdsa`, every spelling of the field."""

import pickle

import ecdsa.curves
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.signatures.algorithms import (
    DEFAULT_ALGORITHM,
    HASHES,
    SignatureAlgorithm,
    ecdsa_algorithm,
    parse_algorithm,
)
from eichrecht.signatures.backends import PLAIN_FAMILIES
from eichrecht.signatures.curves import CURVES, OCMF_CURVES, Curve, curve_by_name, curve_by_oid
from eichrecht.signatures.points import LIKELY_CURVES

OTHERS = {
    "secp192r1": ecdsa.curves.NIST192p,
    "secp224r1": ecdsa.curves.NIST224p,
    "secp256r1": ecdsa.curves.NIST256p,
    "secp384r1": ecdsa.curves.NIST384p,
    "secp521r1": ecdsa.curves.NIST521p,
    "secp256k1": ecdsa.curves.SECP256k1,
    "brainpoolP256r1": ecdsa.curves.BRAINPOOLP256r1,
    "brainpoolP384r1": ecdsa.curves.BRAINPOOLP384r1,
    "brainpoolP512r1": ecdsa.curves.BRAINPOOLP512r1,
}

SPELLINGS = {
    "secp192r1": ["secp192r1", "prime192v1", "P-192", "NIST P-192", "SECP192R1"],
    "secp224r1": ["secp224r1", "P-224"],
    "secp256r1": ["secp256r1", "prime256v1", "P-256", "NIST P-256", "nist-p256", "SECP256R1", "p256"],
    "secp384r1": ["secp384r1", "P-384", "NIST P-384"],
    "secp521r1": ["secp521r1", "P-521"],
    "secp192k1": ["secp192k1", "SECP192K1"],
    "secp224k1": ["secp224k1"],
    "secp256k1": ["secp256k1", "secp256K1"],
    "brainpoolP256r1": ["brainpool256r1", "brainpoolP256r1", "BRAINPOOLP256R1", "BrainpoolP256R1"],
    "brainpoolP384r1": ["brainpool384r1", "brainpoolP384r1"],
    "brainpoolP512r1": ["brainpool512r1", "brainpoolP512r1"],
}

OCMF_TABLE = [
    "ECDSA-secp192k1-SHA256",
    "ECDSA-secp256k1-SHA256",
    "ECDSA-secp192r1-SHA256",
    "ECDSA-secp256r1-SHA256",
    "ECDSA-brainpool256r1-SHA256",
    "ECDSA-secp384r1-SHA256",
    "ECDSA-brainpool384r1-SHA256",
]


@pytest.mark.parametrize("curve", CURVES, ids=lambda c: c.name)
def test_base_point_is_on_the_curve_and_hasse_bound_holds(curve: Curve) -> None:
    assert curve.contains(curve.gx, curve.gy)
    assert not curve.contains(curve.gx, curve.gy + 1)
    assert not curve.contains(curve.gx + curve.p, curve.gy)
    # Hasse: |p + 1 - n| <= 2*sqrt(p), true only if the cofactor is 1.
    assert (curve.p + 1 - curve.order) ** 2 <= 4 * curve.p


@pytest.mark.parametrize("name", OTHERS)
def test_parameters_equal_those_of_another_library(name: str) -> None:
    curve, other = curve_by_name(name), OTHERS[name]
    assert curve is not None
    assert curve.p == other.curve.p()
    assert curve.a == other.curve.a() % curve.p
    assert curve.b == other.curve.b() % curve.p
    assert (curve.gx, curve.gy) == (other.generator.x(), other.generator.y())
    assert curve.order == other.order
    assert curve.oid == ".".join(map(str, other.oid))


def test_sizes() -> None:
    sizes = {c.name: (c.field_bytes, c.order_bytes, c.order_bits) for c in CURVES}
    assert sizes["secp224k1"] == (28, 29, 225)
    assert sizes["secp521r1"] == (66, 66, 521)
    assert sizes["secp192r1"] == (24, 24, 192)
    assert sorted(c.name for cs in LIKELY_CURVES.values() for c in cs) == sorted(c.name for c in CURVES)
    assert all(c.field_bytes == size for size, cs in LIKELY_CURVES.items() for c in cs)


@pytest.mark.parametrize(("name", "text"), [(n, t) for n, ts in SPELLINGS.items() for t in ts])
def test_every_spelling_names_its_curve(name: str, text: str) -> None:
    curve = curve_by_name(text)
    assert curve is not None
    assert curve.name == name
    assert curve_by_oid(curve.oid) is curve


@pytest.mark.parametrize(
    "text", ["", "P-255", "secp256", "brainpool256t1", "256", "nist", "x" * 10_000, "secp256r1 1"]
)
def test_unknown_names(text: str) -> None:
    assert curve_by_name(text) is None


def test_ocmf_table_names_are_canonical() -> None:
    assert [ecdsa_algorithm(curve).name for curve in OCMF_CURVES] == OCMF_TABLE
    for name in OCMF_TABLE:
        algorithm = parse_algorithm(name)
        assert algorithm is not None
        assert (algorithm.name, algorithm.in_ocmf_table, algorithm.hash_name) == (name, True, "SHA256")
    assert DEFAULT_ALGORITHM.name == "ECDSA-secp256r1-SHA256"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ECDSA-P-256-SHA256", "ECDSA-secp256r1-SHA256"),
        ("ECDSA-prime256v1-SHA256", "ECDSA-secp256r1-SHA256"),
        ("ECDSA-SECP256R1-SHA256", "ECDSA-secp256r1-SHA256"),
        ("ecdsa-secp256r1-sha-256", "ECDSA-secp256r1-SHA256"),
        ("ECDSA-brainpoolP256r1-SHA256", "ECDSA-brainpool256r1-SHA256"),
        ("ECDSA-brainpoolP384r1-SHA256", "ECDSA-brainpool384r1-SHA256"),
        ("ECDSA-prime192v1-SHA256", "ECDSA-secp192r1-SHA256"),
        ("ECDSA-secp521r1-SHA512", "ECDSA-secp521r1-SHA512"),
        ("ECDSA-secp384r1-SHA384", "ECDSA-secp384r1-SHA384"),
        ("ECDSA-secp224k1-SHA256", "ECDSA-secp224k1-SHA256"),
        ("EdDSA-Ed25519", "EdDSA-Ed25519"),
        ("Ed448", "EdDSA-Ed448"),
        ("Ed25519", "EdDSA-Ed25519"),
        ("EDDSA_ED25519", "EdDSA-Ed25519"),
        ("ES256", "ECDSA-secp256r1-SHA256"),
        ("ES256K", "ECDSA-secp256k1-SHA256"),
        ("ES384", "ECDSA-secp384r1-SHA384"),
        ("ES512", "ECDSA-secp521r1-SHA512"),
        ("ECDSA-secp224r1-SHA256", "ECDSA-secp224r1-SHA256"),
        ("ECDSA-secp521r1-SHA256", "ECDSA-secp521r1-SHA256"),
        ("ECDSA-brainpoolP512r1-SHA512", "ECDSA-brainpool512r1-SHA512"),
        ("RSA-SHA256", "RSA-SHA256"),
        ("RS384", "RSA-SHA384"),
        ("sha256WithRSAEncryption", "RSA-SHA256"),
        ("SHA512withRSA", "RSA-SHA512"),
        ("RSASSA-PKCS1-v1_5-SHA256", "RSA-SHA256"),
        ("RSA-2048-SHA256", "RSA-2048-SHA256"),
        ("RSA4096-SHA-512", "RSA-4096-SHA512"),
        ("RSASSA-PSS-SHA256", "RSA-PSS-SHA256"),
        ("RSA-PSS-3072-SHA384", "RSA-PSS-3072-SHA384"),
        ("PS512", "RSA-PSS-SHA512"),
        ("SHA256withRSAandMGF1", "RSA-PSS-SHA256"),
        ("SHA256withRSA/PSS", "RSA-PSS-SHA256"),
        *(
            (spelling, name)
            for size in ("44", "65", "87")
            for name in (f"ML-DSA-{size}",)
            for spelling in (name, f"ml-dsa-{size}", f"MLDSA{size}", f"ML-DSA{size}")
            if name in PLAIN_FAMILIES
        ),
    ],
)
def test_algorithm_spellings(text: str, name: str) -> None:
    algorithm = parse_algorithm(text)
    assert algorithm is not None
    assert algorithm.name == name
    assert algorithm is parse_algorithm(name)
    assert algorithm.in_ocmf_table == (name in OCMF_TABLE)


@pytest.mark.parametrize(
    "text",
    ["", "ECDSA", "ECDSA-secp256r1", "ECDSA-secp256r1-SHA1", "ECDSA-secp256r1-MD5", "RSA-2048", "none",
     "ECDSA--SHA256", "ECDSA-secp256r1-SHA256 ", "ECDSA-secp256r1-SHA256\n", "ECDSA" + "-" * 99_999, "EdDSA",
     "RSA-SHA1", "RSA-1024-SHA256", "RSA-PSS", "RSASSA-PSS", "RS1", "RSA-2049-SHA256", "RSA-SHA256\n", " RS256",
     "ECDSA-RSA-SHA256", "HS256", "RSA-SHA２56", "ML-DSA-1", "SHA256withDSA"],
)  # fmt: skip
def test_unsupported_algorithms(text: str) -> None:
    assert parse_algorithm(text) is None


@settings(deadline=None)
@given(st.text(max_size=80))
def test_any_text_is_an_algorithm_or_none(text: str) -> None:
    found = parse_algorithm(text)
    assert found is None or isinstance(found, SignatureAlgorithm)


def test_curves_and_algorithms_keep_their_identity_in_other_processes() -> None:
    for curve in CURVES:
        assert pickle.loads(pickle.dumps(curve)) is curve
        for hash_name in HASHES:
            algorithm = ecdsa_algorithm(curve, hash_name)
            assert pickle.loads(pickle.dumps(algorithm)) is algorithm
