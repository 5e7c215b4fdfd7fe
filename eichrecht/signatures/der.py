"""DER, as much as keys and signatures need: a strict reader, a lenient one for signatures, a writer.

ECDSA-Sig-Value ::= SEQUENCE { r INTEGER, s INTEGER } (RFC 3279 §2.2.3), DER by X.690 §8 and §10.

Two readings of a signature are offered, because real meters (eBZ on secp192r1) write INTEGERs of fixed length
without the zero octet that keeps a large number positive, or with zero octets too many:

* :func:`read_signature` takes strict DER only;
* :func:`read_lenient_signature` takes the same structure with INTEGERs read as unsigned numbers and with any
  definite length form of BER. Tags, the exactness of all lengths and the end of the data are still checked.

Both only read: whether r and s are in range and verify is decided elsewhere.
"""

from __future__ import annotations

_INTEGER = 0x02
_SEQUENCE = 0x30
_LONG_FORM = 0x80

MAX_SIGNATURE_BYTES = 512
"""Longest ECDSA signature looked at: strict DER on a 521-bit curve has 139 octets, the rest for padding."""

_MAX_LENGTH_OCTETS = 4
"""Octets of a long-form length; more than 4 GiB never occurs, and a bound keeps the numbers small."""

_MAX_OID_BYTES = 32
"""Octets of an object identifier looked at; those of keys and curves have at most 9."""


class DerError(ValueError):
    """The bytes are not the structure that was asked for.

    Attributes:
        truncated: The first length announces more bytes than there are.
    """

    def __init__(self, reason: str, *, truncated: bool = False) -> None:
        super().__init__(reason)
        self.truncated = truncated


def read_element(data: bytes, at: int, *, strict: bool = True) -> tuple[int, int, int]:
    """Return tag, start and end of the content of the element at ``at``.

    Args:
        data: Bytes to read from.
        at: Offset of the tag.
        strict: Refuse lengths that DER forbids (X.690 §10.1: the shortest form); the indefinite form is
            refused always.

    Raises:
        DerError: No whole element stands there.
    """
    if at + 2 > len(data):
        raise DerError("no element", truncated=True)
    tag, length, start = data[at], data[at + 1], at + 2
    if length >= _LONG_FORM:
        count = length - _LONG_FORM
        if not 1 <= count <= _MAX_LENGTH_OCTETS:
            raise DerError("indefinite or oversized length")
        length = int.from_bytes(data[start : start + count], "big")
        if start + count > len(data):
            raise DerError("length cut off", truncated=True)
        if strict and (length < _LONG_FORM or data[start] == 0):
            raise DerError("length not in the shortest form")
        start += count
    if start + length > len(data):
        raise DerError("content cut off", truncated=True)
    return tag, start, start + length


def _sequence_headers() -> dict[int, bytes]:
    """Return, for every size of a whole signature, the only tag and length that DER allows it."""
    short = {content + 2: bytes((_SEQUENCE, content)) for content in range(6, _LONG_FORM)}
    long = {content + 3: bytes((_SEQUENCE, 0x81, content)) for content in range(_LONG_FORM, 256)}
    return short | long


# Every signature of an audit is read here, so header and size are compared in one step.
_HEADERS = _sequence_headers()


def read_signature(signature: bytes) -> tuple[int, int] | None:
    """Return r and s of a strict DER ECDSA-Sig-Value, ``None`` if the bytes are none. Never raises."""
    size = len(signature)
    header = _HEADERS.get(size)
    if header is None or not signature.startswith(header):
        return None
    at = len(header)
    r_size = signature[at + 1]
    # A number of r has less than 128 octets on every curve, so a long-form length is never the shortest.
    middle = at + 2 + r_size
    if r_size >= _LONG_FORM or middle + 3 > size or middle + 2 + signature[middle + 1] != size:
        return None
    r, s = signature[at + 2 : middle], signature[middle + 2 :]
    if signature[at] != _INTEGER or signature[middle] != _INTEGER or not (_is_natural(r) and _is_natural(s)):
        return None
    return int.from_bytes(r, "big"), int.from_bytes(s, "big")


def _is_natural(content: bytes) -> bool:
    """Whether the content is a DER INTEGER that is not negative (X.690 §8.3.2: shortest form)."""
    if not content or content[0] >= _LONG_FORM:
        return False
    return content[0] != 0 or len(content) == 1 or content[1] >= _LONG_FORM


def read_lenient_signature(signature: bytes) -> tuple[int, int] | None:
    """Return r and s of a SEQUENCE of two INTEGERs read as unsigned numbers, ``None`` if the bytes are none.

    Accepted beyond DER: a missing sign octet, superfluous zero octets, definite lengths in a form longer
    than needed. A use of this reading must leave a finding. Never raises.
    """
    if len(signature) > MAX_SIGNATURE_BYTES:
        return None
    try:
        tag, start, end = read_element(signature, 0, strict=False)
        r_tag, r_start, r_end = read_element(signature, start, strict=False)
        s_tag, s_start, s_end = read_element(signature, r_end, strict=False)
    except DerError:
        return None
    if tag != _SEQUENCE or r_tag != _INTEGER or s_tag != _INTEGER:
        return None
    if end != len(signature) or s_end != end or r_start == r_end or s_start == s_end:
        return None
    return int.from_bytes(signature[r_start:r_end], "big"), int.from_bytes(signature[s_start:s_end], "big")


def read_raw_signature(signature: bytes, order_bytes: int) -> tuple[int, int] | None:
    """Return r and s of r‖s in equal halves of ``order_bytes`` octets, ``None`` if the length differs."""
    if len(signature) != 2 * order_bytes:
        return None
    return int.from_bytes(signature[:order_bytes], "big"), int.from_bytes(signature[order_bytes:], "big")


def write_element(tag: int, content: bytes) -> bytes:
    """Return ``content`` as a DER element with ``tag``."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM + len(octets))) + octets + content


def write_signature(r: int, s: int) -> bytes:
    """Return the strict DER ECDSA-Sig-Value of two non-negative numbers."""
    return write_element(_SEQUENCE, _write_integer(r) + _write_integer(s))


def _write_integer(number: int) -> bytes:
    # One bit more than the number needs, so that the first bit is 0 and the number stays positive.
    return write_element(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def write_oid(dotted: str) -> bytes:
    """Return the DER OBJECT IDENTIFIER of a dotted identifier (X.690 §8.19)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    content = b""
    for arc in (40 * first + second, *rest):
        octets = [arc & 0x7F]
        while arc := arc >> 7:
            octets.append(arc & 0x7F | _LONG_FORM)
        content += bytes(reversed(octets))
    return write_element(0x06, content)


def read_oid(content: bytes) -> str:
    """Return the dotted form of the content of an OBJECT IDENTIFIER (X.690 §8.19).

    Raises:
        DerError: The content is none, or longer than any identifier of a key.
    """
    if not 1 <= len(content) <= _MAX_OID_BYTES or content[-1] >= _LONG_FORM:
        raise DerError("no object identifier")
    arcs, arc = [], 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if octet < _LONG_FORM:
            arcs.append(arc)
            arc = 0
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, (first, arcs[0] - 40 * first, *arcs[1:])))
