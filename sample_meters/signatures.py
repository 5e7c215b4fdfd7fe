"""Shapes in which real meters write ECDSA signatures."""

from __future__ import annotations

from typing import Literal

SignatureShape = Literal["der", "raw", "der-unpadded", "der-long-zeros"]
"""Canonical DER; ``r‖s`` (Isabellenhütte); DER whose INTEGERs lack the sign octet or carry superfluous zeros
(eBZ LD3: fixed 24-byte INTEGERs)."""


def _tlv(tag: int, value: bytes) -> bytes:
    length = len(value)
    return bytes((tag, length)) + value if length < 0x80 else bytes((tag, 0x81, length)) + value


def encode_signature(r: int, s: int, order_bytes: int, shape: SignatureShape) -> bytes:
    """Return the signature in one of the shapes of the field.

    Args:
        r, s: The signature.
        order_bytes: Width of the curve's order in bytes.
        shape: See :data:`SignatureShape`.
    """
    fixed = [value.to_bytes(order_bytes, "big") for value in (r, s)]
    if shape == "raw":
        return b"".join(fixed)
    if shape == "der-unpadded":
        integers = fixed
    elif shape == "der-long-zeros":
        integers = [b"\x00\x00" + value for value in fixed]
    else:
        integers = [value.to_bytes(value.bit_length() // 8 + 1, "big") for value in (r, s)]
    return _tlv(0x30, b"".join(_tlv(0x02, integer) for integer in integers))
