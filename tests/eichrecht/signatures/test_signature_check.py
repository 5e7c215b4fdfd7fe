"""The signature check: forms, ranges, tampering, ambiguity, diagnosis, speed."""

from __future__ import annotations

import dataclasses
import hashlib
import string
import tomllib
from importlib import resources

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from ecdsa.ellipticcurve import CurveFp, PointJacobi

from eichrecht.evidence import SignatureStatus
from eichrecht.signatures.algorithms import SignatureAlgorithm, ecdsa_algorithm, parse_algorithm
from eichrecht.signatures.backends import OpenSslEcdsa, PythonEcdsa
from eichrecht.signatures.check import SignatureCheck, check_signature
from eichrecht.signatures.codes import SignatureCode, SignatureReason
from eichrecht.signatures.curves import CURVES, SECP192K1, SECP192R1, SECP224K1, SECP256R1, Curve
from eichrecht.signatures.der import read_signature, write_element, write_signature
from eichrecht.signatures.errors import UnusableKey
from eichrecht.signatures.keys import PublicKey, read_key
from eichrecht.signatures.spki import write_spki

SENTENCES = tomllib.loads(
    resources.files("eichrecht.locales").joinpath("findings.d/signatures.toml").read_text(encoding="utf-8")
)
MESSAGE = b'{"FV":"1.0","GI":"meter","RD":[{"RV":2935.600,"RU":"kWh"}]}'


@dataclasses.dataclass(frozen=True)
class Signer:
    """A deterministic throw-away key that can also make the strange signatures of the tests."""

    curve: Curve
    d: int = 0x1234567890ABCDEF

    def point(self, k: int) -> tuple[int, int]:
        field = CurveFp(self.curve.p, self.curve.a, self.curve.b, 1)
        point = PointJacobi(field, self.curve.gx, self.curve.gy, 1, self.curve.order) * k
        return int(point.x()), int(point.y())

    @property
    def key_text(self) -> str:
        return write_spki(self.curve, *self.point(self.d)).hex()

    def key(self, algorithm: SignatureAlgorithm | None = None) -> PublicKey:
        return read_key(self.key_text).for_algorithm(algorithm or ecdsa_algorithm(self.curve))

    def e(self, message: bytes, hash_name: str) -> int:
        digest = hashlib.new(hash_name.lower(), message).digest()
        return int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - self.curve.order_bits)

    def sign(self, message: bytes, hash_name: str = "SHA256", k: int = 0xFEDCBA9876543211) -> tuple[int, int]:
        n = self.curve.order
        r = self.point(k)[0] % n
        return r, pow(k, -1, n) * (self.e(message, hash_name) + self.d * r) % n


def raw(numbers: tuple[int, int], curve: Curve) -> bytes:
    return b"".join(v.to_bytes(curve.order_bytes, "big") for v in numbers)


def unpadded(numbers: tuple[int, int], curve: Curve) -> bytes:
    """Return what an eBZ meter writes: INTEGERs of fixed length without sign octet."""
    parts = (write_element(2, v.to_bytes(curve.order_bytes, "big")) for v in numbers)
    return write_element(0x30, b"".join(parts))


def codes(check: SignatureCheck) -> list[str]:
    for finding in check.findings:
        for text in SENTENCES[finding.code].values():
            assert {n for _, n, _, _ in string.Formatter().parse(text) if n} == set(finding.params)
    return [finding.code for finding in check.findings]


@pytest.fixture(params=CURVES, ids=lambda c: c.name)
def signer(request: pytest.FixtureRequest) -> Signer:
    return Signer(request.param)


def test_forms_are_read_in_order_and_named(signer: Signer) -> None:
    algorithm, key = ecdsa_algorithm(signer.curve), signer.key()
    numbers = signer.sign(MESSAGE)
    strict = check_signature(algorithm, key, MESSAGE, write_signature(*numbers))
    assert strict == SignatureCheck(SignatureStatus.VALID, algorithm.name, None, strict.form, ())
    assert (strict.form, strict.valid) == ("der", True)
    signature = raw(numbers, signer.curve)
    check = check_signature(algorithm, key, MESSAGE, signature)
    assert (check.valid, check.form, codes(check)) == (True, "raw", [SignatureCode.RAW])
    refused = check_signature(algorithm, key, MESSAGE, signature, allow_lenient=False)
    assert (refused.status, refused.reason) == (SignatureStatus.INVALID, SignatureReason.MALFORMED_SIGNATURE)
    assert codes(refused) == [SignatureCode.MALFORMED]


def test_integers_of_real_meters_verify_with_a_finding(signer: Signer) -> None:
    algorithm, key, size = ecdsa_algorithm(signer.curve), signer.key(), signer.curve.order_bytes
    r, s = signer.sign(MESSAGE)
    high = max(s, signer.curve.order - s)
    zeros = write_element(
        0x30, b"".join(write_element(2, b"\x00\x00" + v.to_bytes(size, "big")) for v in (r, high))
    )
    for signature in (unpadded((r, high), signer.curve), zeros):
        check = check_signature(algorithm, key, MESSAGE, signature)
        assert check.valid
        if read_signature(signature) is not None:  # where the order leaves the first bit free, all is well
            assert check.form == "der"
            continue
        assert (check.form, codes(check)) == ("der-lenient", [SignatureCode.NOT_CANONICAL_DER])
        assert not check_signature(algorithm, key, MESSAGE, signature, allow_lenient=False).valid
    assert read_signature(zeros) is None
    assert read_signature(unpadded((r, high), SECP192R1)) is None if signer.curve is SECP192R1 else True


def test_high_and_low_s_are_both_valid(signer: Signer) -> None:
    r, s = signer.sign(MESSAGE)
    for value in (s, signer.curve.order - s):
        assert check_signature(
            ecdsa_algorithm(signer.curve), signer.key(), MESSAGE, write_signature(r, value)
        ).valid


def test_numbers_out_of_range_are_never_valid(signer: Signer) -> None:
    n, algorithm, key = signer.curve.order, ecdsa_algorithm(signer.curve), signer.key()
    r, s = signer.sign(MESSAGE)
    for pair in (
        (0, s),
        (r, 0),
        (0, 0),
        (n, s),
        (r, n),
        (r + n, s),
        (r, s + n),
        (1, 0),
        (n, n),
        (r, 2 * n + s),
    ):
        check = check_signature(algorithm, key, MESSAGE, write_signature(*pair))
        assert (check.status, check.reason) == (SignatureStatus.INVALID, SignatureReason.MISMATCH), pair


@pytest.mark.parametrize("curve", [SECP256R1, SECP192K1, SECP192R1], ids=lambda c: c.name)
def test_no_single_flipped_bit_is_valid(curve: Curve) -> None:
    signer = Signer(curve)
    algorithm, key, numbers = ecdsa_algorithm(curve), signer.key(), signer.sign(MESSAGE)
    for signature in (write_signature(*numbers), raw(numbers, curve), unpadded(numbers, curve)):
        assert check_signature(algorithm, key, MESSAGE, signature).valid
        for bit in range(8 * len(signature)):
            changed = bytearray(signature)
            changed[bit // 8] ^= 1 << bit % 8
            check = check_signature(algorithm, key, MESSAGE, bytes(changed), diagnose=False)
            assert check.status is SignatureStatus.INVALID, bit
    for bit in range(8 * len(MESSAGE)):
        changed = bytearray(MESSAGE)
        changed[bit // 8] ^= 1 << bit % 8
        check = check_signature(algorithm, key, bytes(changed), write_signature(*numbers), diagnose=False)
        assert check.reason == SignatureReason.MISMATCH


def test_malformed_signatures(signer: Signer) -> None:
    algorithm, key = ecdsa_algorithm(signer.curve), signer.key()
    whole = write_signature(*signer.sign(MESSAGE))
    for signature in (
        b"",
        b"\x30",
        b"not a signature",
        whole[:-1],
        whole + b"\x00",
        b"\x30" * 100_000,
        bytes(9),
    ):
        check = check_signature(algorithm, key, MESSAGE, signature)
        assert (check.status, check.reason) == (
            SignatureStatus.INVALID,
            SignatureReason.MALFORMED_SIGNATURE,
        ), signature[:20]
        assert check.findings[0].params["bytes"] == str(len(signature))


def test_raw_signature_that_is_also_strict_der_is_tried_both_ways() -> None:
    """48 octets can be r‖s of secp192r1 and at the same time DER of two shorter numbers."""
    curve = SECP192R1
    n, algorithm = curve.order, ecdsa_algorithm(curve)
    looks_like_der = write_signature(int("7" * 42, 16), int("5" * 42, 16))
    assert len(looks_like_der) == 48
    r, s = int.from_bytes(looks_like_der[:24], "big"), int.from_bytes(looks_like_der[24:], "big")
    # A key under which exactly the raw reading verifies: Q = r^-1 (s R - e G) for a point R with x(R) = r.
    while True:
        check_x = pow(r**3 + curve.a * r + curve.b, (curve.p - 1) // 2, curve.p)
        if check_x == 1 and r < n:
            break
        looks_like_der = looks_like_der[:23] + bytes((looks_like_der[23] % 120 + 1,)) + looks_like_der[24:]
        assert read_signature(looks_like_der) is not None
        r = int.from_bytes(looks_like_der[:24], "big")
    y = pow(r**3 + curve.a * r + curve.b, (curve.p + 1) // 4, curve.p)
    field = CurveFp(curve.p, curve.a, curve.b, 1)
    base = PointJacobi(field, curve.gx, curve.gy, 1, n)
    e = Signer(curve).e(MESSAGE, "SHA256")
    inverse = pow(r, -1, n)
    point = PointJacobi(field, r, y, 1, n) * (s * inverse % n) + base * (-e * inverse % n)
    key = read_key(write_spki(curve, int(point.x()), int(point.y())).hex()).for_algorithm(algorithm)

    check = check_signature(algorithm, key, MESSAGE, looks_like_der)
    assert (check.valid, check.form, codes(check)) == (True, "raw", [SignatureCode.RAW])
    assert not check_signature(algorithm, key, MESSAGE, looks_like_der, allow_lenient=False).valid
    other = check_signature(algorithm, Signer(curve).key(), MESSAGE, looks_like_der)
    assert (other.reason, other.form) == (SignatureReason.MISMATCH, "der")


@pytest.mark.parametrize("named", ["SHA256", "SHA384", "SHA512"])
@pytest.mark.parametrize("used", ["SHA256", "SHA384", "SHA512"])
def test_another_hash_is_diagnosed_but_not_accepted(signer: Signer, named: str, used: str) -> None:
    algorithm = ecdsa_algorithm(signer.curve, named)
    numbers = signer.sign(MESSAGE, used)
    for signature, first in (
        (write_signature(*numbers), []),
        (raw(numbers, signer.curve), [SignatureCode.RAW]),
    ):
        check = check_signature(algorithm, signer.key(), MESSAGE, signature)
        if named == used:
            assert check.valid
            continue
        assert (check.status, check.reason) == (SignatureStatus.INVALID, SignatureReason.MISMATCH)
        assert codes(check) == [*first, SignatureCode.HASH_LABEL_MISMATCH]
        assert check.findings[-1].params == {"named": named, "used": used}
        quiet = check_signature(algorithm, signer.key(), MESSAGE, signature, diagnose=False)
        assert codes(quiet) == first


def test_key_and_algorithm_must_fit() -> None:
    with pytest.raises(UnusableKey):
        check_signature(ecdsa_algorithm(SECP192K1), Signer(SECP256R1).key(), MESSAGE, b"")


def test_infinity_is_refused_by_both_backends(signer: Signer) -> None:
    """R = u1·G + u2·Q = infinity: `ecdsa` alone fails with a TypeError, fastecdsa even accepts it."""
    n = signer.curve.order
    e = signer.e(MESSAGE, "SHA256")
    r = -e * pow(signer.d, -1, n) % n
    key = signer.key()
    assert not check_signature(ecdsa_algorithm(signer.curve), key, MESSAGE, write_signature(r, 5)).valid
    own = dataclasses.replace(key, ecdsa=PythonEcdsa(signer.curve, *signer.point(signer.d)))
    for _ in range(8):
        assert not check_signature(ecdsa_algorithm(signer.curve), own, MESSAGE, write_signature(r, 5)).valid


@pytest.mark.parametrize("d", [1, 2, -1], ids=["Q=G", "Q=2G", "Q=-G"])
def test_own_backend_adds_equal_and_opposite_points(signer: Signer, d: int) -> None:
    special = Signer(signer.curve, d % signer.curve.order)
    backend = PythonEcdsa(signer.curve, *special.point(special.d))
    key = dataclasses.replace(special.key(), ecdsa=backend)
    algorithm = ecdsa_algorithm(signer.curve)
    for k in range(1, 9):
        numbers = special.sign(MESSAGE, k=k)
        assert check_signature(algorithm, key, MESSAGE, write_signature(*numbers)).valid
        wrong = (numbers[0], numbers[1] % (signer.curve.order - 1) + 1)
        assert not check_signature(algorithm, key, MESSAGE, write_signature(*wrong), diagnose=False).valid


def test_backends_take_strict_der_of_numbers_in_range_only(signer: Signer) -> None:
    """The check calls what a backend accepts strict DER, so a backend must not read anything more kindly."""
    curve, point = signer.curve, signer.point(signer.d)
    backends = [signer.key().ecdsa, PythonEcdsa(curve, *point)]
    numbers = r, s = signer.sign(MESSAGE)
    n = curve.order
    strict = write_signature(r, s)
    content = strict[3:] if strict[1] == 0x81 else strict[2:]
    integers = [write_element(2, number.to_bytes(curve.order_bytes + 2, "big")) for number in numbers]
    others = {
        "superfluous zero octets": write_element(0x30, b"".join(integers)),
        "long length": b"\x30\x82\x00" + bytes([len(content)]) + content,
        "something behind": strict + b"\x00",
        "something inside": write_element(0x30, content + b"\x05\x00"),
        "no sequence": b"\x31" + strict[1:],
        "raw": raw(numbers, curve),
        "cut off": strict[:-1],
        "nothing": b"",
        "r + n": write_signature(r + n, s),
        "s + n": write_signature(r, s + n),
        "s = 0": write_signature(r, 0),
        "r = 0": write_signature(0, s),
    }
    for backend in backends:
        assert backend is not None
        assert backend.verify(MESSAGE, "SHA256", strict)
        assert backend.verify(MESSAGE, "SHA256", write_signature(r, n - s))
        assert not [name for name, octets in others.items() if backend.verify(MESSAGE, "SHA256", octets)]


def test_backends_refuse_integers_without_sign_octet(signer: Signer) -> None:
    for k in range(3, 40):
        numbers = signer.sign(MESSAGE, k=k)
        if unpadded(numbers, signer.curve) == write_signature(*numbers):
            continue
        for backend in (signer.key().ecdsa, PythonEcdsa(signer.curve, *signer.point(signer.d))):
            assert backend is not None
            assert not backend.verify(MESSAGE, "SHA256", unpadded(numbers, signer.curve))


def test_backends_are_the_expected_ones() -> None:
    for curve in CURVES:
        expected = PythonEcdsa if curve in (SECP192K1, SECP224K1) else OpenSslEcdsa
        assert isinstance(Signer(curve).key().ecdsa, expected)


def test_eddsa_and_ml_dsa() -> None:
    private = ed25519.Ed25519PrivateKey.generate()
    text = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex()
    algorithm = parse_algorithm("EdDSA-Ed25519")
    assert algorithm is not None
    key = read_key(text).for_algorithm(algorithm)
    signature = private.sign(MESSAGE)
    check = check_signature(algorithm, key, MESSAGE, signature, allow_lenient=False)
    assert (check.valid, check.form, check.findings) == (True, "raw", ())
    assert check_signature(algorithm, key, MESSAGE + b" ", signature).reason == SignatureReason.MISMATCH
    malformed = check_signature(algorithm, key, MESSAGE, signature[:-1])
    assert malformed.reason == SignatureReason.MALFORMED_SIGNATURE
