"""The value of a signature inside a message: filter, qualifiers, and how ECDSA's two numbers are written."""

from __future__ import annotations

import base64
import binascii
import re

from eichrecht.edifact.security_segments import Value

MAX_VALUE = 4096
"""Longest text of a signature: an RSA key of 8192 bits in hexadecimal has 2048 characters."""

_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+")


def signature_value(
    filter_code: str, scheme: str | None, values: tuple[Value, ...]
) -> tuple[bytes | None, str]:
    """Decode a signature: r and s with qualifiers 2 and 3, or one value with qualifier 1.

    Returns:
        Its octets, ``None`` if they are written in no way that is known, and ``der`` or ``raw``.
    """
    octets = [_decode(value.text, filter_code) for value in values]
    qualifiers = tuple(value.qualifier for value in values)
    if all(one for one in octets) and None not in octets:
        plain = [one for one in octets if one]
        if qualifiers == ("1",):
            der = scheme == "ECDSA" and _is_der(plain[0])
            return plain[0], "der" if der else "raw"
        if qualifiers == ("2", "3") and scheme == "ECDSA" and len(plain[0]) == len(plain[1]):
            return b"".join(plain), "raw"
    return None, "raw"


def _decode(text: str, filter_code: str) -> bytes | None:
    """Remove the filter: hexadecimal in either case, or Base64 with its padding and nothing else."""
    if not text or len(text) > MAX_VALUE or not text.isascii():
        return None
    if filter_code == "2":
        return bytes.fromhex(text) if _HEX.fullmatch(text) else None
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return None


def _is_der(data: bytes) -> bool:
    """Whether the octets have the outline of ``SEQUENCE { INTEGER, INTEGER }``, to the last octet."""
    head = 3 if data[1:2] == b"\x81" else 2
    if len(data) < head + 6 or data[0] != 0x30 or data[head - 1] != len(data) - head or data[head] != 0x02:
        return False
    second = head + 2 + data[head + 1]
    return second + 2 < len(data) and data[second] == 0x02 and second + 2 + data[second + 1] == len(data)
