"""Verification backends: the mathematics behind a public key, and nothing else.

`cryptography` (OpenSSL) computes every curve that it knows; the others - secp192k1 and secp224k1, and any
curve that a distribution's OpenSSL leaves out - are computed here over the point arithmetic of `ecdsa`.
A backend takes strict DER and nothing else; how other bytes may be read is for :mod:`eichrecht.signatures.check`.
"""

from __future__ import annotations

import hashlib
from typing import Any, Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from ecdsa.ellipticcurve import INFINITY, CurveFp, PointJacobi

from eichrecht.signatures.curves import Curve
from eichrecht.signatures.der import read_signature
from eichrecht.signatures.digests import LARGE, large_digest

_HASHES: dict[str, Any] = {
    "SHA256": ec.ECDSA(hashes.SHA256()),
    "SHA384": ec.ECDSA(hashes.SHA384()),
    "SHA512": ec.ECDSA(hashes.SHA512()),
}
_PREHASHED: dict[str, Any] = {
    "SHA256": ec.ECDSA(Prehashed(hashes.SHA256())),
    "SHA384": ec.ECDSA(Prehashed(hashes.SHA384())),
    "SHA512": ec.ECDSA(Prehashed(hashes.SHA512())),
}
_DIGESTS = {"SHA256": hashlib.sha256, "SHA384": hashlib.sha384, "SHA512": hashlib.sha512}

_PRECOMPUTE_FROM = 4
"""Verification with one key at which a table of its doubled point is made; making it costs two to three."""


class EcdsaBackend(Protocol):
    """Verifies ECDSA with one key."""

    def verify(self, message: bytes, hash_name: str, signature: bytes) -> bool:
        """Return whether ``signature`` signs ``message`` (FIPS 186-5 §6.4.2).

        Args:
            message: The signed bytes.
            hash_name: ``SHA256``, ``SHA384`` or ``SHA512``.
            signature: Any bytes; whatever is no strict DER ECDSA-Sig-Value of numbers in range signs nothing.
        """
        ...


class PlainBackend(Protocol):
    """Verifies a scheme that takes message and signature as octets (EdDSA, ML-DSA)."""

    signature_bytes: int

    def verify(self, message: bytes, signature: bytes) -> bool:
        """Return whether ``signature`` signs ``message``."""
        ...


class OpenSslEcdsa:
    """ECDSA by `cryptography`; the key is parsed once.

    OpenSSL reads the signature itself: it refuses what it would not write in the same octets, and numbers
    outside 1 to n - 1. Tests hold it to that.
    """

    __slots__ = ("_verify",)

    def __init__(self, spki: bytes) -> None:
        """Load a key; raises ``UnsupportedAlgorithm`` for a curve that this OpenSSL lacks."""
        key = load_der_public_key(spki)
        assert isinstance(key, ec.EllipticCurvePublicKey)  # noqa: S101 - the caller wrote the SPKI itself
        self._verify = key.verify

    def verify(self, message: bytes, hash_name: str, signature: bytes) -> bool:
        """See :class:`EcdsaBackend`."""
        try:
            if len(message) < LARGE:
                self._verify(signature, message, _HASHES[hash_name])
            else:
                self._verify(signature, large_digest(message, hash_name), _PREHASHED[hash_name])
        except InvalidSignature:
            return False
        return True


class PythonEcdsa:
    """ECDSA by FIPS 186-5 §6.4.2 over the point arithmetic of `ecdsa`, for any curve of this package."""

    __slots__ = ("_curve", "_generator", "_point", "_uses")

    def __init__(self, curve: Curve, x: int, y: int) -> None:
        """Take a point that is already known to lie on ``curve``."""
        self._curve = curve
        self._generator = _generator(curve)
        self._point = PointJacobi(_field(curve), x, y, 1, curve.order)
        self._uses = 0

    def verify(self, message: bytes, hash_name: str, signature: bytes) -> bool:
        """See :class:`EcdsaBackend`."""
        order = self._curve.order
        r, s = read_signature(signature) or (0, 0)
        if not (0 < r < order and 0 < s < order):  # step 1
            return False
        self._count()
        digest = (
            _DIGESTS[hash_name](message).digest()
            if len(message) < LARGE
            else large_digest(message, hash_name)
        )
        # The leftmost order_bits bits of the digest (FIPS 186-5 §6.4.2 step 2).
        e = int.from_bytes(digest, "big") >> max(0, 8 * len(digest) - self._curve.order_bits)
        w = pow(s, -1, order)
        point = self._generator.mul_add(e * w % order, self._point, r * w % order)
        # R at infinity is rejected (step 5); `ecdsa` itself would fail on it with a TypeError.
        if point == INFINITY:
            return False
        return bool(point.x() % order == r)

    def _count(self) -> None:
        self._uses += 1
        if self._uses == _PRECOMPUTE_FROM:
            # A point declared a generator gets its table of doubles with the next multiplication.
            point = self._point
            self._point = PointJacobi(
                point.curve(), point.x(), point.y(), 1, self._curve.order, generator=True
            )


_FIELDS: dict[str, Any] = {}
_GENERATORS: dict[str, Any] = {}


def _field(curve: Curve) -> Any:
    if curve.name not in _FIELDS:
        _FIELDS[curve.name] = CurveFp(curve.p, curve.a, curve.b, 1)
    return _FIELDS[curve.name]


def _generator(curve: Curve) -> Any:
    if curve.name not in _GENERATORS:
        _GENERATORS[curve.name] = PointJacobi(
            _field(curve), curve.gx, curve.gy, 1, curve.order, generator=True
        )
    return _GENERATORS[curve.name]


def ecdsa_backend(curve: Curve, spki: bytes, x: int, y: int) -> EcdsaBackend:
    """Return the fastest backend for the key (x, y), which lies on ``curve`` and is also given as SPKI."""
    try:
        return OpenSslEcdsa(spki)
    except UnsupportedAlgorithm:
        return PythonEcdsa(curve, x, y)


class OpenSslPlain:
    """EdDSA and ML-DSA by `cryptography`, with the empty context."""

    __slots__ = ("_verify", "signature_bytes")

    def __init__(self, key: Any, signature_bytes: int) -> None:
        self._verify = key.verify
        self.signature_bytes = signature_bytes

    def verify(self, message: bytes, signature: bytes) -> bool:
        """See :class:`PlainBackend`."""
        try:
            self._verify(signature, message)
        except InvalidSignature:
            return False
        return True


def _plain_families() -> dict[str, tuple[type, int]]:
    """Return the schemes without curve and hash that `cryptography` offers here, with signature octets."""
    families: dict[str, tuple[type, int]] = {
        "EdDSA-Ed25519": (ed25519.Ed25519PublicKey, 64),  # RFC 8032 §5.1.6
        "EdDSA-Ed448": (ed448.Ed448PublicKey, 114),  # RFC 8032 §5.2.6
    }
    try:
        from cryptography.hazmat.primitives.asymmetric import mldsa  # noqa: PLC0415 - absent before 47
    except ImportError:
        return families
    return families | {  # FIPS 204 table 2
        "ML-DSA-44": (mldsa.MLDSA44PublicKey, 2420),
        "ML-DSA-65": (mldsa.MLDSA65PublicKey, 3309),
        "ML-DSA-87": (mldsa.MLDSA87PublicKey, 4627),
    }


PLAIN_FAMILIES = _plain_families()
"""Family name to key class and signature length in octets."""


def plain_backend(spki: bytes) -> tuple[str, bytes, PlainBackend] | None:
    """Return family, canonical SPKI and backend of an EdDSA or ML-DSA key, ``None`` if it is neither."""
    try:
        key = load_der_public_key(spki)
    except (ValueError, UnsupportedAlgorithm):
        return None
    for family, (key_class, signature_bytes) in PLAIN_FAMILIES.items():
        if isinstance(key, key_class):
            canonical = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
            return family, canonical, OpenSslPlain(key, signature_bytes)
    return None
