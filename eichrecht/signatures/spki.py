"""SubjectPublicKeyInfo (RFC 5280 §4.1.2.7, RFC 5480 §2): strict reader, canonical writer, diagnosis."""

from __future__ import annotations

from dataclasses import dataclass

from eichrecht.signatures.codes import KeyCode
from eichrecht.signatures.curves import CURVES, Curve, curve_by_oid
from eichrecht.signatures.der import (
    DerError,
    read_element,
    read_lenient_signature,
    read_oid,
    write_element,
    write_oid,
)
from eichrecht.signatures.errors import UnreadableKey
from eichrecht.signatures.points import coordinate_bytes

EC_PUBLIC_KEY = "1.2.840.10045.2.1"
"""Algorithm of every elliptic-curve key (RFC 5480 §2.1.1)."""

_EC_OID = write_oid(EC_PUBLIC_KEY)
_INTEGER, _BITS, _OCTETS, _OID, _SEQUENCE = 0x02, 0x03, 0x04, 0x06, 0x30
_CONTEXT_0 = 0xA0

SHORTEST_KEY_BYTES = 24
"""Fewer octets hold no key: a compressed point on a 192-bit curve has 25, an X coordinate alone 24."""

_SHORTEST_MODULUS_BYTES = 96
"""INTEGERs below this are r or s of a signature; an RSA modulus (PKCS #1) has at least 1024 bits."""


@dataclass(frozen=True, slots=True)
class Spki:
    """A SubjectPublicKeyInfo taken apart.

    Attributes:
        algorithm: Dotted algorithm identifier.
        curve: Named curve of an EC key if supported, else ``None``.
        curve_oid: Dotted identifier of the named curve; ``None`` for other keys and explicit parameters.
        key: Content of the BIT STRING.
        parameters: What follows the identifier of the algorithm, as it stands (RSA: NULL or the PSS parameters).
    """

    algorithm: str
    curve: Curve | None
    curve_oid: str | None
    key: bytes
    parameters: bytes = b""


def looks_like_ec_spki(data: bytes) -> bool:
    """Whether the EC algorithm identifier stands where an SPKI has it, however damaged the rest is."""
    return data[:1] == b"\x30" and _EC_OID in data[: 8 + len(_EC_OID)]


def read_spki(data: bytes) -> Spki:
    """Return the parts of a strict DER SubjectPublicKeyInfo.

    Raises:
        DerError: ``data`` is none, or not exactly one.
    """
    start, end = _content(data, 0, _SEQUENCE)
    if end != len(data):
        raise DerError("data after the key")
    algorithm_start, algorithm_end = _content(data, start, _SEQUENCE)
    oid_start, oid_end = _content(data, algorithm_start, _OID)
    bits_start, bits_end = _content(data, algorithm_end, _BITS)
    if algorithm_end > end or oid_end > algorithm_end or bits_end != end:
        raise DerError("parts do not fill the whole")
    if bits_start == bits_end or data[bits_start] != 0:
        raise DerError("key is not made of whole octets")
    algorithm = read_oid(data[oid_start:oid_end])
    curve_oid = None
    if algorithm == EC_PUBLIC_KEY and data[oid_end : oid_end + 1] == bytes((_OID,)):
        curve_start, curve_end = _content(data, oid_end, _OID)
        if curve_end != algorithm_end:
            raise DerError("data after the curve")
        curve_oid = read_oid(data[curve_start:curve_end])
    curve = curve_by_oid(curve_oid) if curve_oid else None
    key = data[bits_start + 1 : bits_end]
    if curve is not None and coordinate_bytes(key, bare=False) != curve.field_bytes:
        raise DerError("no point of the curve's length")
    return Spki(algorithm, curve, curve_oid, key, data[oid_end:algorithm_end])


def _content(data: bytes, at: int, tag: int) -> tuple[int, int]:
    found, start, end = read_element(data, at)
    if found != tag:
        raise DerError("unexpected tag")
    return start, end


_PREFIXES = {
    curve: write_element(
        _SEQUENCE,
        write_element(_SEQUENCE, _EC_OID + write_oid(curve.oid))
        + write_element(_BITS, bytes(2 + 2 * curve.field_bytes)),
    )[: -1 - 2 * curve.field_bytes]
    for curve in CURVES
}
"""Everything of a curve's SPKI before the point."""


def write_spki(curve: Curve, x: int, y: int) -> bytes:
    """Return the canonical SPKI: DER, named curve, uncompressed point. Fingerprints are made of it."""
    size = curve.field_bytes
    return _PREFIXES[curve] + b"\x04" + x.to_bytes(size, "big") + y.to_bytes(size, "big")


def explain(data: bytes) -> UnreadableKey:
    """Return the exception that says what ``data`` is, now that it is known to be no public key."""
    if read_lenient_signature(data) is not None and not _is_rsa_key(data):
        return UnreadableKey(KeyCode.IS_SIGNATURE)
    if len(data) < SHORTEST_KEY_BYTES:
        return UnreadableKey(KeyCode.NOT_A_KEY)
    if data[0] != _SEQUENCE:
        return UnreadableKey(KeyCode.WRONG_LENGTH, bytes=len(data))
    return _explain_sequence(data)


def _explain_sequence(data: bytes) -> UnreadableKey:
    try:
        _, start, end = read_element(data, 0)
    except DerError as error:
        if not error.truncated:
            return UnreadableKey(KeyCode.DAMAGED)
        return UnreadableKey(KeyCode.TRUNCATED, bytes=len(data))
    if _is_rsa_key(data):
        return UnreadableKey(KeyCode.UNSUPPORTED_TYPE, type="RSA (PKCS #1)")
    return UnreadableKey(_code_of_sequence(data, start, end))


def _is_rsa_key(data: bytes) -> bool:
    """Whether a SEQUENCE begins like RSAPublicKey (RFC 8017 A.1.1), with an INTEGER too long for r or s."""
    try:
        _, start, _ = read_element(data, 0, strict=False)
        tag, modulus_start, modulus_end = read_element(data, start, strict=False)
    except DerError:
        return False
    return tag == _INTEGER and modulus_end - modulus_start >= _SHORTEST_MODULUS_BYTES


def _code_of_sequence(data: bytes, start: int, end: int) -> KeyCode:
    """Tell the usual wrong things apart by their first elements."""
    try:
        first, first_start, first_end = read_element(data, start)
        second = read_element(data, first_end)[0] if first_end < end else None
    except DerError:
        return KeyCode.DAMAGED
    if first == _INTEGER and second in (_SEQUENCE, _OCTETS):
        return KeyCode.IS_PRIVATE  # PKCS #8 (RFC 5958 §2) or ECPrivateKey (RFC 5915 §3)
    if first == _SEQUENCE and data[first_start : first_start + 1] in (bytes((_CONTEXT_0,)), b"\x02"):
        return KeyCode.IS_CERTIFICATE  # version, or serial number of a v1 certificate (RFC 5280 §4.1)
    if end < len(data):
        return KeyCode.TRAILING_DATA
    return KeyCode.DAMAGED
