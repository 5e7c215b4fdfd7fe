"""Project Wycheproof: no invalid signature is accepted, every valid one is, on all supported curves.

The vectors were written by others (C2SP/wycheproof) and lie outside the project in ``../shared``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eichrecht.signatures import backends, keys
from eichrecht.signatures.algorithms import ecdsa_algorithm, parse_algorithm
from eichrecht.signatures.backends import PythonEcdsa
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.codes import SignatureCode
from eichrecht.signatures.curves import Curve, curve_by_name
from eichrecht.signatures.keys import PublicKey, read_key
from eichrecht.signatures.keytext import decode_key

WYCHEPROOF = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "wycheproof"

pytestmark = pytest.mark.skipif(not WYCHEPROOF.is_dir(), reason="../shared/vectors/wycheproof is absent")

# The seven OCMF curves and every other curve that is supported; bitcoin and webcrypto variants are not here.
DER_FILES = sorted(path.name for path in WYCHEPROOF.glob("ecdsa_*_test.json") if "p1363" not in path.name)
P1363_FILES = sorted(path.name for path in WYCHEPROOF.glob("ecdsa_*_p1363_test.json"))
PLAIN_FILES = {
    "ed25519_test.json": "EdDSA-Ed25519",
    "ed448_test.json": "EdDSA-Ed448",
    "mldsa_44_verify_test.json": "ML-DSA-44",
    "mldsa_65_verify_test.json": "ML-DSA-65",
    "mldsa_87_verify_test.json": "ML-DSA-87",
}
RSA_FILES = {
    "rsa_signature_2048_sha256_test.json": "RSA-SHA256",
    "rsa_signature_4096_sha256_test.json": "RSA-SHA256",
    "rsa_pss_2048_sha256_mgf1_32_test.json": "RSA-PSS-SHA256",
    "rsa_pss_4096_sha256_mgf1_32_test.json": "RSA-PSS-SHA256",
}
PYTHON_ONLY = ("secp192k1", "secp224k1")

# What the lenient reader accepts of all that Wycheproof calls invalid: nine cases, as the shared facts say
# (safe_formats.md §11). A file lacks a case that its curve cannot have: with a 512-bit or 521-bit order the
# SEQUENCE needs the long form anyway, and where r and s have no set first bit no sign octet can be missing.
ACCEPTED_LENIENTLY = {
    "Legacy: ASN encoding of r misses leading 0",  # a file has this case or the next, never both
    "Legacy: ASN encoding of s misses leading 0",
    "length of sequence [r, s] uses long form encoding",
    "length of sequence [r, s] contains a leading 0",
    "length of r uses long form encoding",
    "length of r contains a leading 0",
    "length of s uses long form encoding",
    "length of s contains a leading 0",
    "prepending 0's to r",
    "prepending 0's to s",
}

# The second step's cases per curve, where they are not nine; the table stands in docs/formats/ocmf.md.
LENIENT_COUNT = {"brainpoolP256r1": 8, "brainpoolP384r1": 8, "brainpoolP512r1": 7, "secp521r1": 7}


def groups(name: str) -> Iterator[dict[str, Any]]:
    yield from json.loads((WYCHEPROOF / name).read_text(encoding="utf-8"))["testGroups"]


def curve_of(group: dict[str, Any]) -> Curve:
    curve = curve_by_name(group["publicKey"]["curve"])
    assert curve is not None, group["publicKey"]["curve"]
    return curve


def key_of(group: dict[str, Any]) -> tuple[Any, PublicKey]:
    algorithm = ecdsa_algorithm(curve_of(group), group["sha"].replace("-", ""))
    key = read_key(group["publicKeyDer"]).for_algorithm(algorithm)
    assert key.spki.hex() == group["publicKeyDer"]
    return algorithm, key


def test_every_file_is_read_by_one_of_the_tests_below() -> None:
    present = {path.name for path in WYCHEPROOF.glob("*.json")}
    assert present == {*DER_FILES, *P1363_FILES, *PLAIN_FILES, *RSA_FILES}
    assert len(present) == 30


def test_every_curve_of_the_ocmf_table_has_vectors_in_both_forms() -> None:
    for curve in (
        "secp192k1",
        "secp256k1",
        "secp192r1",
        "secp256r1",
        "secp384r1",
        "brainpoolP256r1",
        "brainpoolP384r1",
    ):
        assert any(f"_{curve}_" in name for name in DER_FILES), curve
        assert any(f"_{curve}_" in name for name in P1363_FILES), curve


@pytest.mark.parametrize("name", DER_FILES)
def test_strict_der_decides_as_wycheproof(name: str) -> None:
    counted: Counter[str] = Counter()
    for group in groups(name):
        algorithm, key = key_of(group)
        for case in group["tests"]:
            check = check_signature(
                algorithm, key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]), allow_lenient=False
            )
            where = (name, case["tcId"], case["comment"])
            assert case["result"] in ("valid", "invalid"), where  # the ECDSA files have no "acceptable"
            assert check.valid == (case["result"] == "valid"), where
            assert not check.valid or (check.form == "der" and check.findings == ()), where
            counted[case["result"]] += 1
    assert counted["valid"] > 100
    assert counted["invalid"] > 200


@pytest.mark.parametrize("name", DER_FILES)
def test_lenient_reading_accepts_nine_known_cases_and_says_so(name: str) -> None:
    accepted, expected = [], []
    for group in groups(name):
        algorithm, key = key_of(group)
        for case in group["tests"]:
            if case["result"] == "valid":
                continue
            check = check_signature(
                algorithm, key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]), diagnose=False
            )
            if case["comment"] in ACCEPTED_LENIENTLY:
                expected.append(case["comment"])
            if check.valid:
                accepted.append(case["comment"])
                assert check.form == "der-lenient"
                assert [f.code for f in check.findings] == [SignatureCode.NOT_CANONICAL_DER]
    assert accepted == expected
    curve = name.removeprefix("ecdsa_").partition("_")[0]
    assert len(accepted) == LENIENT_COUNT.get(curve, 9), "docs/formats/ocmf.md lists these numbers"


@pytest.mark.parametrize("name", P1363_FILES)
def test_raw_halves_decide_as_wycheproof_and_leave_a_finding(name: str) -> None:
    for group in groups(name):
        algorithm, key = key_of(group)
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            check = check_signature(algorithm, key, message, signature, diagnose=False)
            where = (name, case["tcId"], case["comment"])
            assert check.valid == (case["result"] == "valid"), where
            if check.valid:
                assert check.form == "raw", where
                assert [f.code for f in check.findings] == [SignatureCode.RAW], where
                assert not check_signature(algorithm, key, message, signature, allow_lenient=False).valid, (
                    where
                )


@pytest.mark.parametrize("name", DER_FILES)
def test_own_backend_decides_as_wycheproof_on_every_curve(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The backend of secp192k1 and secp224k1 has to hold on curves where others can be compared, too."""
    monkeypatch.setattr(keys, "ecdsa_backend", lambda curve, spki, x, y: PythonEcdsa(curve, x, y))
    monkeypatch.setattr(backends, "_PRECOMPUTE_FROM", 3)  # so that both ways of computing are walked
    stride = 1 if any(curve in name for curve in PYTHON_ONLY) else 3
    for group in list(groups(name))[::stride]:
        algorithm = ecdsa_algorithm(curve_of(group), group["sha"].replace("-", ""))
        key = keys.KeyMaterial.for_algorithm(keys._material(decode_key(group["publicKeyDer"])), algorithm)
        assert isinstance(key.ecdsa, PythonEcdsa)
        for case in group["tests"]:
            check = check_signature(
                algorithm,
                key,
                bytes.fromhex(case["msg"]),
                bytes.fromhex(case["sig"]),
                allow_lenient=False,
                diagnose=False,
            )
            assert check.valid == (case["result"] == "valid"), (name, case["tcId"], case["comment"])


@pytest.mark.parametrize(("name", "family"), PLAIN_FILES.items())
def test_eddsa_and_ml_dsa_decide_as_wycheproof(name: str, family: str) -> None:
    algorithm = parse_algorithm(family)
    if algorithm is None:
        pytest.skip(f"this version of cryptography has no {family}")
    seen = skipped = 0
    for group in groups(name):
        for case in group["tests"]:
            where = (name, case["tcId"], case["comment"])
            try:
                key = read_key(bytes.fromhex(group["publicKeyDer"])).for_algorithm(algorithm)
            except (keys.UnreadableKey, keys.UnusableKey):
                assert case["result"] == "invalid", where
                continue
            check = check_signature(algorithm, key, bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"]))
            # Meters sign without context, and the check offers none: what is signed with one must not fit without.
            with_context = bool(case.get("ctx"))
            assert check.valid == (case["result"] == "valid" and not with_context), where
            skipped += with_context
            seen += not with_context
    assert seen > 80
    assert skipped < 40


@pytest.mark.parametrize(("name", "label"), RSA_FILES.items())
def test_rsa_decides_as_wycheproof(name: str, label: str) -> None:
    """The one ``acceptable`` case of a PKCS#1 file lacks the NULL of the DigestInfo: it is refused (RFC 8017 §9.2)."""
    counted: Counter[str] = Counter()
    for group in groups(name):
        algorithm = parse_algorithm(label)
        assert algorithm is not None
        key = read_key(group["publicKeyDer"]).for_algorithm(algorithm)
        assert key.spki.hex() == group["publicKeyDer"]
        for case in group["tests"]:
            message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
            check = check_signature(algorithm, key, message, signature)
            where = (name, case["tcId"], case["comment"])
            assert check.valid == (case["result"] == "valid"), where
            counted[case["result"]] += 1
            if "NoHash" in case["flags"] or "WrongPrimitive" in case["flags"]:
                assert not check.valid
    assert counted["valid"] >= 7
    assert counted["invalid"] >= 45
    assert counted["acceptable"] == (1 if "signature" in name else 0)


def test_a_signature_of_the_other_padding_is_named_as_such() -> None:
    """PKCS#1 v1.5 where the name says PSS, and the other way round (flag ``WrongPrimitive``)."""
    for name, label in RSA_FILES.items():
        found = []
        for group in groups(name):
            algorithm = parse_algorithm(label)
            assert algorithm is not None
            key = read_key(group["publicKeyDer"]).for_algorithm(algorithm)
            for case in group["tests"]:
                if "WrongPrimitive" in case["flags"]:
                    message, signature = bytes.fromhex(case["msg"]), bytes.fromhex(case["sig"])
                    check = check_signature(algorithm, key, message, signature)
                    found += [finding.code for finding in check.findings]
        assert SignatureCode.PADDING_LABEL_MISMATCH in found, name
