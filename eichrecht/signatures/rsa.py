"""RSA keys and signatures: RSASSA-PKCS1-v1_5 and RSASSA-PSS (RFC 8017 §8), keys by RFC 4055 and RFC 3279 §2.3.1.

A key of type ``id-RSASSA-PSS`` may name the one hash function and the least salt that it signs with; that is
honoured. The key is parsed here, strictly, and handed to `cryptography` as two numbers, so that no second parser
decides which key a fingerprint stands for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from eichrecht.signatures.codes import KeyCode
from eichrecht.signatures.der import DerError, read_element, read_oid, write_element, write_oid
from eichrecht.signatures.digests import LARGE, large_digest
from eichrecht.signatures.errors import UnusableKey
from eichrecht.signatures.spki import Spki

RSA = "RSA"
"""``SignatureAlgorithm.family`` and ``PublicKey.family`` of both paddings."""

PKCS1 = "PKCS1-v1_5"
PSS = "PSS"
PADDINGS = (PKCS1, PSS)

RSA_ENCRYPTION = "1.2.840.113549.1.1.1"
"""Key type without restriction (RFC 3279 §2.3.1)."""

RSASSA_PSS = "1.2.840.113549.1.1.10"
"""Key type for PSS alone (RFC 4055 §1.2)."""

RSA_KEY_TYPES = frozenset({RSA_ENCRYPTION, RSASSA_PSS})

MIN_MODULUS_BITS = 2048
"""BSI TR-02102-1 and NIST SP 800-131A allow none below; a 1024-bit key can be broken."""

MAX_MODULUS_BITS = 8192
"""Longer ones are not met, and their cost grows with the square; OpenSSL itself stops at 16384."""

MAX_EXPONENT_BITS = 64
"""OpenSSL's own bound for long keys: a long exponent is nothing but a way to make the verifier work."""

_INTEGER, _NULL, _OID, _SEQUENCE = 0x02, 0x05, 0x06, 0x30
_HASH, _MASK, _SALT, _TRAILER = 0xA0, 0xA1, 0xA2, 0xA3
_MGF1 = "1.2.840.113549.1.1.8"
_HASH_OIDS = {
    "2.16.840.1.101.3.4.2.1": "SHA256",
    "2.16.840.1.101.3.4.2.2": "SHA384",
    "2.16.840.1.101.3.4.2.3": "SHA512",
}
_HASHES: dict[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}
_DEFAULT_SALT = 20
"""saltLength where a key's parameters leave it out (RFC 4055 §3.1)."""

_MAX_SALT = 512
"""No modulus that is taken has room for more."""


@dataclass(frozen=True, slots=True)
class PssLimits:
    """What an ``id-RSASSA-PSS`` key allows (RFC 4055 §3.1); the mask's hash is the same one.

    Attributes:
        hash_name: The only hash function.
        salt_bytes: The shortest salt.
    """

    hash_name: str
    salt_bytes: int


@dataclass(frozen=True, slots=True)
class RsaBackend:
    """Verifies with one RSA key.

    Attributes:
        modulus, exponent: The key.
        pss_only: Whether the key's type forbids PKCS#1 v1.5.
        limits: Further limits of a PSS key, ``None`` if it names none.
    """

    modulus: int
    exponent: int
    pss_only: bool
    limits: PssLimits | None
    _key: Any

    @property
    def bits(self) -> int:
        """Length of the modulus."""
        return self.modulus.bit_length()

    @property
    def name(self) -> str:
        """The key's kind, for people: ``RSA-2048``, ``RSA-PSS-3072-SHA256``."""
        if not self.pss_only:
            return f"{RSA}-{self.bits}"
        return f"{RSA}-PSS-{self.bits}" + (f"-{self.limits.hash_name}" if self.limits else "")

    @property
    def signature_bytes(self) -> int:
        """Octets of every signature (RFC 8017 §8.1.2 step 1, §8.2.2 step 1)."""
        return (self.bits + 7) // 8

    def allows(self, padding_name: str, hash_name: str) -> bool:
        """Whether signatures of this kind may be made with the key."""
        if padding_name == PKCS1:
            return not self.pss_only
        return self.limits is None or self.limits.hash_name == hash_name

    def verify(self, message: bytes, padding_name: str, hash_name: str, signature: bytes) -> bool:
        """Return whether ``signature`` signs ``message``.

        PSS: the salt is as long as the digest (RFC 8017 §9.1 note 4, RFC 7518 §3.5), or as the key prescribes.
        """
        hashing = _HASHES[hash_name]
        given: Any = hashing
        if len(message) >= LARGE:
            message, given = large_digest(message, hash_name), Prehashed(hashing)
        if padding_name == PKCS1:
            return self._verified(message, padding.PKCS1v15(), given, signature)
        least = self.limits.salt_bytes if self.limits else 0
        salts = {salt for salt in (hashing.digest_size, least) if salt >= max(least, 1)}
        return any(
            self._verified(message, padding.PSS(padding.MGF1(hashing), salt), given, signature)
            for salt in sorted(salts)
        )

    def _verified(self, message: bytes, scheme: Any, hashing: Any, signature: bytes) -> bool:
        try:
            self._key.verify(signature, message, scheme, hashing)
        except InvalidSignature:
            return False
        return True


def rsa_backend(spki: Spki) -> tuple[bytes, RsaBackend]:
    """Return canonical SPKI and backend of an RSA key.

    Raises:
        UnusableKey: ``key_rsa_malformed``, ``key_rsa_length``, or ``key_rsa_parameters`` (a PSS key with another
            hash function than SHA-2, or with a mask of another hash).
    """
    try:
        modulus, exponent = _read_numbers(spki.key)
    except DerError:
        raise UnusableKey(KeyCode.RSA_MALFORMED) from None
    bits = modulus.bit_length()
    if not MIN_MODULUS_BITS <= bits <= MAX_MODULUS_BITS:
        raise UnusableKey(KeyCode.RSA_LENGTH, bits=bits, least=MIN_MODULUS_BITS, most=MAX_MODULUS_BITS)
    if modulus % 2 == 0 or exponent % 2 == 0 or not 3 <= exponent < 1 << MAX_EXPONENT_BITS:
        raise UnusableKey(KeyCode.RSA_MALFORMED)
    pss_only = spki.algorithm == RSASSA_PSS
    try:
        limits = _read_limits(spki.parameters) if pss_only else None
        if not pss_only and spki.parameters not in (b"", b"\x05\x00"):
            raise DerError("parameters of an RSA key are NULL")
    except DerError:
        raise UnusableKey(KeyCode.RSA_PARAMETERS) from None
    key = rsa.RSAPublicNumbers(exponent, modulus).public_key()
    return _write_spki(spki, modulus, exponent), RsaBackend(modulus, exponent, pss_only, limits, key)


def _write_spki(spki: Spki, modulus: int, exponent: int) -> bytes:
    numbers = write_element(_SEQUENCE, _write_integer(modulus) + _write_integer(exponent))
    # RFC 3279 §2.3.1 demands NULL; the parameters of a PSS key are part of what it is.
    parameters = spki.parameters if spki.algorithm == RSASSA_PSS else b"\x05\x00"
    identifier = write_element(_SEQUENCE, write_oid(spki.algorithm) + parameters)
    return write_element(_SEQUENCE, identifier + write_element(0x03, b"\x00" + numbers))


def _write_integer(number: int) -> bytes:
    return write_element(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _read_numbers(data: bytes) -> tuple[int, int]:
    """Read RSAPublicKey ::= SEQUENCE { modulus INTEGER, publicExponent INTEGER } (RFC 8017 A.1.1)."""
    start, end = _content(data, 0, _SEQUENCE)
    modulus_start, modulus_end = _content(data, start, _INTEGER)
    exponent_start, exponent_end = _content(data, modulus_end, _INTEGER)
    if end != len(data) or exponent_end != end:
        raise DerError("parts do not fill the whole")
    return _natural(data[modulus_start:modulus_end]), _natural(data[exponent_start:exponent_end])


def _read_limits(data: bytes) -> PssLimits | None:
    """Read RSASSA-PSS-params (RFC 4055 §3.1); ``None`` where a PSS key has none and so allows all."""
    if not data:
        return None
    start, end = _content(data, 0, _SEQUENCE)
    if end != len(data):
        raise DerError("data after the parameters")
    fields: dict[int, tuple[int, int]] = {}
    last = 0
    while start < end:
        tag, inner, after = read_element(data, start)
        if tag <= last or tag not in (_HASH, _MASK, _SALT, _TRAILER) or after > end:
            raise DerError("unknown or repeated parameter")
        fields[tag], last, start = (inner, after), tag, after
    # Both defaults are SHA-1, which is broken: a key that names no hash function serves for nothing here.
    if _HASH not in fields or _MASK not in fields:
        raise DerError("SHA-1")
    hash_name = _read_hash(data[slice(*fields[_HASH])])
    if _read_mask(data[slice(*fields[_MASK])]) != hash_name:
        raise DerError("mask of another hash function")
    if _TRAILER in fields and _read_small(data[slice(*fields[_TRAILER])]) != 1:
        raise DerError("unknown trailer")
    salt = _read_small(data[slice(*fields[_SALT])]) if _SALT in fields else _DEFAULT_SALT
    if salt > _MAX_SALT:
        raise DerError("salt too long")
    return PssLimits(hash_name, salt)


def _read_hash(data: bytes) -> str:
    oid, parameters = _read_identifier(data)
    if oid not in _HASH_OIDS or parameters not in (b"", b"\x05\x00"):
        raise DerError("unsupported hash function")
    return _HASH_OIDS[oid]


def _read_mask(data: bytes) -> str:
    oid, parameters = _read_identifier(data)
    if oid != _MGF1:
        raise DerError("unsupported mask")
    return _read_hash(parameters)


def _read_identifier(data: bytes) -> tuple[str, bytes]:
    start, end = _content(data, 0, _SEQUENCE)
    oid_start, oid_end = _content(data, start, _OID)
    if end != len(data) or oid_end > end:
        raise DerError("no algorithm identifier")
    return read_oid(data[oid_start:oid_end]), data[oid_end:end]


def _read_small(data: bytes) -> int:
    start, end = _content(data, 0, _INTEGER)
    if end != len(data):
        raise DerError("data after the number")
    return _natural(data[start:end])


def _natural(content: bytes) -> int:
    if not content or content[0] >= 0x80 or (content[0] == 0 and len(content) > 1 and content[1] < 0x80):
        raise DerError("no natural number in its shortest form")
    return int.from_bytes(content, "big")


def _content(data: bytes, at: int, tag: int) -> tuple[int, int]:
    found, start, end = read_element(data, at)
    if found != tag:
        raise DerError("unexpected tag")
    return start, end
