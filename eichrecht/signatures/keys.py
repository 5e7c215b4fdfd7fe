"""Public keys: from any text of the field to a key that a signature can be checked with.

:func:`read_key` finds out what a text holds. Many shapes do not name their curve (bare X‖Y, points), so the
signature algorithm decides it: :meth:`KeyMaterial.for_algorithm` checks that key and algorithm fit, that the
point lies on the curve, and returns a :class:`PublicKey` with its verification backend.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from eichrecht.signatures.algorithms import ECDSA, SignatureAlgorithm
from eichrecht.signatures.backends import EcdsaBackend, PlainBackend, ecdsa_backend, plain_backend
from eichrecht.signatures.codes import KeyCode
from eichrecht.signatures.curves import Curve
from eichrecht.signatures.errors import UnreadableKey, UnusableKey
from eichrecht.signatures.keytext import MAX_KEY_TEXT, DecodedKey, decode_key
from eichrecht.signatures.points import LIKELY_CURVES, coordinate_bytes, read_point
from eichrecht.signatures.rsa import RSA, RSA_KEY_TYPES, RsaBackend, rsa_backend
from eichrecht.signatures.spki import EC_PUBLIC_KEY, read_spki, write_spki

__all__ = [
    "KEYS_REMEMBERED",
    "MAX_KEY_TEXT",
    "KeyMaterial",
    "PublicKey",
    "UnreadableKey",
    "UnusableKey",
    "read_key",
]

KEYS_REMEMBERED = 1024
"""Key texts whose parsed keys are kept: meters repeat theirs in every record, an operator has hundreds."""


@dataclass(frozen=True)
class PublicKey:
    """A usable public key. Two keys are equal if they are the same key, however they were written.

    Attributes:
        family: ``ECDSA``, ``RSA``, ``EdDSA-Ed25519``, ... as in ``SignatureAlgorithm.family``.
        curve: Curve of an ECDSA key, else ``None``.
        shape: How it was written: ``spki-hex``, ``pem``, ``xy-base64``, ``oca-envelope``, ...
        spki: Canonical SubjectPublicKeyInfo in DER; for ECDSA with named curve and uncompressed point.
        fingerprint: Lower-case hex SHA-256 of :attr:`spki`.
        ecdsa: Backend of an ECDSA key, else ``None``.
        plain: Backend of an EdDSA or ML-DSA key, else ``None``.
        rsa: Backend of an RSA key, else ``None``.
    """

    family: str
    curve: Curve | None
    shape: str = field(compare=False)
    spki: bytes
    fingerprint: str
    ecdsa: EcdsaBackend | None = field(default=None, repr=False, compare=False)
    plain: PlainBackend | None = field(default=None, repr=False, compare=False)
    rsa: RsaBackend | None = field(default=None, repr=False, compare=False)

    @property
    def kind(self) -> str:
        """What kind of key it is, for people: its curve, ``RSA-2048``, or its family."""
        if self.curve is not None:
            return self.curve.name
        return self.rsa.name if self.rsa is not None else self.family

    def __reduce__(self) -> tuple[Callable[[bytes, str], PublicKey], tuple[bytes, str]]:
        # Backends hold OpenSSL objects, so another process builds the key anew.
        return _from_spki, (self.spki, self.shape)


@dataclass(frozen=True)
class KeyMaterial:
    """A key text understood as far as it can be without knowing the signature algorithm.

    Attributes:
        shape: How it was written: ``spki-hex``, ``spki-base64``, ``spki-base32``, ``pem``, ``point-hex``,
            ``compressed-base32``, ``xy-base64``, ``spki-binary``, ``oca-envelope``, ...
        layers: Encodings around that shape, outermost first (``("base64",)`` for a Base64'd envelope).
        fixed_curve: Curve that the key names itself; ``None`` if the algorithm decides it.
    """

    shape: str
    layers: tuple[str, ...]
    fixed_curve: Curve | None
    _decoded: DecodedKey = field(repr=False)
    _usable: dict[Curve | str, PublicKey] = field(default_factory=dict, repr=False, compare=False)

    def for_algorithm(self, algorithm: SignatureAlgorithm) -> PublicKey:
        """Return the key for signatures of ``algorithm``.

        Raises:
            UnusableKey: ``key_curve_mismatch`` (the key is of another curve, family or length),
                ``key_length_mismatch`` (a key without curve has the wrong length for the algorithm's),
                ``key_not_on_curve``, ``key_unsupported_type``, ``key_rsa_malformed``, ``key_rsa_length``,
                ``key_rsa_parameters``.
        """
        key = self._usable.get(algorithm.curve or algorithm.family)
        if key is None:
            if algorithm.curve:
                key = self._ec_key(algorithm)
            else:
                key = self._rsa_key(algorithm) if algorithm.family == RSA else self._plain_key(algorithm)
            self._usable[algorithm.curve or algorithm.family] = key
        if key.rsa is not None:
            require_fit(key, algorithm)
        return key

    def possible_keys(self) -> tuple[PublicKey, ...]:
        """Return the key on every curve that it lies on, the likeliest first; for key registers.

        Empty if the key is on no supported curve. Several if a point without curve fits several by chance,
        which happens with compressed points only.
        """
        spki = self._decoded.spki
        if self._is_rsa():
            try:
                return (_rsa_key(self._decoded),)
            except UnusableKey:
                return ()
        if spki is not None and spki.algorithm != EC_PUBLIC_KEY:
            found = plain_backend(self._decoded.octets)
            return (_plain_key(self._decoded, *found),) if found else ()
        curves = LIKELY_CURVES[self._coordinate_bytes()] if spki is None else (spki.curve,)
        points = [(curve, self._point(curve)) for curve in curves if curve is not None]
        return tuple(_ec_key(curve, *point, self.shape) for curve, point in points if point is not None)

    @cached_property
    def fingerprints(self) -> frozenset[str]:
        """Fingerprints of :meth:`possible_keys`; empty if the key is on no supported curve."""
        return frozenset(key.fingerprint for key in self.possible_keys())

    def _ec_key(self, algorithm: SignatureAlgorithm) -> PublicKey:
        curve = algorithm.curve
        assert curve is not None  # noqa: S101 - for the type checker
        spki = self._decoded.spki
        if spki is not None:
            self._refuse_unsupported()
            if spki.curve is not curve:
                raise self._mismatch(algorithm)
        if self._coordinate_bytes() != curve.field_bytes:
            raise UnusableKey(KeyCode.LENGTH_MISMATCH, curve=curve.name, bytes=len(self._point_octets()))
        point = self._point(curve)
        if point is None:
            raise UnusableKey(KeyCode.NOT_ON_CURVE, curve=curve.name)
        return _ec_key(curve, *point, self.shape)

    def _plain_key(self, algorithm: SignatureAlgorithm) -> PublicKey:
        self._refuse_unsupported()
        found = plain_backend(self._decoded.octets) if self._decoded.spki else None
        if found is None or found[0] != algorithm.family:
            raise self._mismatch(algorithm)
        return _plain_key(self._decoded, *found)

    def _rsa_key(self, algorithm: SignatureAlgorithm) -> PublicKey:
        if not self._is_rsa():
            self._refuse_unsupported()
            raise self._mismatch(algorithm)
        return _rsa_key(self._decoded)

    def _is_rsa(self) -> bool:
        spki = self._decoded.spki
        return spki is not None and spki.algorithm in RSA_KEY_TYPES

    def _refuse_unsupported(self) -> None:
        """Raise if the SPKI names an algorithm or curve that is not supported, or explicit parameters.

        Explicit curve parameters are refused for good (RFC 5480 §2.1.1): they let a forger choose a curve
        on which the meter's point belongs to a private key of his.
        """
        spki = self._decoded.spki
        if spki is None or spki.curve is not None:
            return
        if spki.algorithm == EC_PUBLIC_KEY:
            raise UnusableKey(KeyCode.UNSUPPORTED_TYPE, type=spki.curve_oid or "explicit parameters")
        if self._is_rsa():
            _rsa_key(self._decoded)
        elif plain_backend(self._decoded.octets) is None:
            raise UnusableKey(KeyCode.UNSUPPORTED_TYPE, type=spki.algorithm)

    def _mismatch(self, algorithm: SignatureAlgorithm) -> UnusableKey:
        if self.fixed_curve:
            own = self.fixed_curve.name
        else:
            possible = self.possible_keys()
            own = possible[0].kind if possible else self.shape
        return UnusableKey(KeyCode.CURVE_MISMATCH, key=own, algorithm=algorithm.name)

    def _point_octets(self) -> bytes:
        return self._decoded.spki.key if self._decoded.spki else self._decoded.octets

    def _coordinate_bytes(self) -> int:
        return coordinate_bytes(self._point_octets(), bare=self._decoded.bare) or 0

    def _point(self, curve: Curve) -> tuple[int, int] | None:
        if self._coordinate_bytes() != curve.field_bytes:
            return None
        return read_point(curve, self._point_octets(), bare=self._decoded.bare)


def read_key(text: str | bytes) -> KeyMaterial:
    """Return what a key text holds, in whatever shape the field writes it.

    Accepted: SubjectPublicKeyInfo, SEC 1 point (04, 02, 03) or bare X‖Y as hexadecimal (any case, grouped,
    with ``0x``), Base64, Base64url or Base32; PEM, also without line breaks; the OCA envelope; each of these
    Base64'd again; or the binary key. Letters are never repaired.

    Raises:
        UnreadableKey: The text is no public key; the code says what is wrong or what it is instead.
    """
    # The length is checked before the cache looks at the text: a hostile text must not be hashed and kept.
    return _read(text) if len(text) <= MAX_KEY_TEXT else _material(decode_key(text))


@lru_cache(maxsize=KEYS_REMEMBERED)
def _read(text: str | bytes) -> KeyMaterial:
    return _material(decode_key(text))


def _material(decoded: DecodedKey) -> KeyMaterial:
    curve = decoded.spki.curve if decoded.spki else None
    return KeyMaterial(decoded.shape, decoded.layers, curve, decoded)


def _ec_key(curve: Curve, x: int, y: int, shape: str) -> PublicKey:
    spki = write_spki(curve, x, y)
    return PublicKey(
        ECDSA, curve, shape, spki, hashlib.sha256(spki).hexdigest(), ecdsa=ecdsa_backend(curve, spki, x, y)
    )


def _plain_key(decoded: DecodedKey, family: str, spki: bytes, backend: PlainBackend) -> PublicKey:
    return PublicKey(family, None, decoded.shape, spki, hashlib.sha256(spki).hexdigest(), plain=backend)


def _rsa_key(decoded: DecodedKey) -> PublicKey:
    assert decoded.spki is not None  # noqa: S101 - the caller looked
    spki, backend = rsa_backend(decoded.spki)
    return PublicKey(RSA, None, decoded.shape, spki, hashlib.sha256(spki).hexdigest(), rsa=backend)


def require_fit(key: PublicKey, algorithm: SignatureAlgorithm) -> None:
    """Refuse a key that is none for signatures of ``algorithm``.

    Raises:
        UnusableKey: The key is of another curve or family; an RSA key has another length than the name says, or
            its type forbids the padding or hash function.
    """
    fits = key.family == algorithm.family and key.curve is algorithm.curve
    if fits and key.rsa is not None:
        assert algorithm.padding is not None  # noqa: S101 - RSA algorithms name padding and hash function
        assert algorithm.hash_name is not None  # noqa: S101 - as above
        fits = key.rsa.allows(algorithm.padding, algorithm.hash_name)
        fits &= algorithm.key_bits in (None, key.rsa.bits)
    if not fits:
        raise UnusableKey(KeyCode.CURVE_MISMATCH, key=key.kind, algorithm=algorithm.name)


def _from_spki(spki: bytes, shape: str) -> PublicKey:
    """Rebuild a key from its own canonical SPKI, with the shape it once had."""
    (key,) = _material(DecodedKey(shape, read_spki(spki), spki)).possible_keys()
    return key
