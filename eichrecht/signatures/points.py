"""Curve points as octets: SEC 1 v2.0 §2.3.3 and §2.3.4, and the bare X‖Y of energy meters.

Every function checks the curve equation (SEC 1 §3.2.2.1); none returns a point that is not on the curve.
"""

from __future__ import annotations

from ecdsa.numbertheory import SquareRootError, square_root_mod_prime

from eichrecht.signatures.curves import (
    BRAINPOOLP256R1,
    BRAINPOOLP384R1,
    BRAINPOOLP512R1,
    SECP192K1,
    SECP192R1,
    SECP224K1,
    SECP224R1,
    SECP256K1,
    SECP256R1,
    SECP384R1,
    SECP521R1,
    Curve,
)

UNCOMPRESSED = 0x04
COMPRESSED = (0x02, 0x03)

LIKELY_CURVES: dict[int, tuple[Curve, ...]] = {
    24: (SECP192R1, SECP192K1),
    28: (SECP224K1, SECP224R1),
    32: (SECP256R1, SECP256K1, BRAINPOOLP256R1),
    48: (SECP384R1, BRAINPOOLP384R1),
    64: (BRAINPOOLP512R1,),
    66: (SECP521R1,),
}
"""Curves by octets of a coordinate, the most frequent of the field first (Bundesnetzagentur register)."""


def coordinate_bytes(octets: bytes, *, bare: bool) -> int | None:
    """Return the octets of one coordinate if ``octets`` has the length of a point of some curve.

    Args:
        octets: A SEC 1 encoding, or X‖Y if ``bare``.
        bare: Whether the leading octet 04, 02 or 03 is missing by design.
    """
    if bare:
        size, odd = divmod(len(octets), 2)
        return size if not odd and size in LIKELY_CURVES else None
    if not octets:
        return None
    if octets[0] == UNCOMPRESSED:
        return coordinate_bytes(octets[1:], bare=True)
    if octets[0] in COMPRESSED and len(octets) - 1 in LIKELY_CURVES:
        return len(octets) - 1
    return None


def read_point(curve: Curve, octets: bytes, *, bare: bool) -> tuple[int, int] | None:
    """Return (x, y) of a point whose length fits ``curve``, ``None`` if no such point is on the curve."""
    if not bare and octets[0] in COMPRESSED:
        return _decompress(curve, int.from_bytes(octets[1:], "big"), octets[0] & 1)
    start = 0 if bare else 1
    middle = start + curve.field_bytes
    x, y = int.from_bytes(octets[start:middle], "big"), int.from_bytes(octets[middle:], "big")
    return (x, y) if curve.contains(x, y) else None


def _decompress(curve: Curve, x: int, odd: int) -> tuple[int, int] | None:
    if x >= curve.p:
        return None
    try:
        y = int(square_root_mod_prime((x * x * x + curve.a * x + curve.b) % curve.p, curve.p))
    except SquareRootError:
        return None
    if y % 2 != odd:
        y = curve.p - y
    return (x, y) if curve.contains(x, y) else None
