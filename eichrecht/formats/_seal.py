"""The seal around sealed OCMF, "SAFESeal" version 2: its envelope, and opening it (docs/formats/sealed_ocmf.md).

The text is put into blocks of 256 bytes, encrypted three times with AES keys that stand in the envelope itself, and
the first 256 bytes of the result go through the private operation of RSA. Whoever has the public key can open it;
what proves its origin is only that nobody else can choose the result of that operation.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

SEAL_OID = bytes.fromhex("060a2b0601040183d6770101")
"""1.3.6.1.4.1.60279.1.1, the first element of every sealed record."""

_VERSION = 2
_PADDING_OID = bytes.fromhex("060b2b0601040181aa74040302")  # 1.3.6.1.4.1.21876.4.3.2
_RSA_OID = bytes.fromhex("06092a864886f70d010101")  # rsaEncryption
_PLAIN_OID = bytes.fromhex("060d2b0601040181aa740101010100")  # 1.3.6.1.4.1.21876.1.1.1.1.0
_DEFLATE_OID = bytes.fromhex("060d2b0601040181aa740101010102")  # 1.3.6.1.4.1.21876.1.1.1.1.2

_SEQUENCE, _INTEGER, _OCTETS = 0x30, 0x02, 0x04
_ENCRYPTION, _AGREEMENT, _AUTHENTICATION = 0x60, 0x61, 0x62  # APPLICATION 0 to 2
_CIPHER, _COMPRESSION, _KEY_BITS, _KEYS = 0xA0, 0xA1, 0xA2, 0xA4
_EMPTY = b"\x30\x00"

KEY_BITS = 2048
"""The only length that is known; with another one the place of the RSA operation is a guess."""

BLOCK_BYTES = 256
"""A block, and at the same time what the RSA operation covers."""

_PREFIX_BYTES = 2
_AES_BYTES = 16
_MAGIC = bytes.fromhex("3e7ab1705afee421ea4194e4040707ea")
_NONCE_BYTES = 8
_PAYLOAD_AT = len(_MAGIC) + _NONCE_BYTES + 8
PAYLOAD_BYTES = BLOCK_BYTES - _PAYLOAD_AT
"""Text in one block: 224 bytes."""

_VECTORS = tuple(bytes((first, *bytes(15))) for first in (0x00, 0x40, 0x80))

MAX_SEALED_BYTES = 1 << 16
"""Three times the largest real records (100 readings in 20 kB); every key that is tried decrypts all of it."""

MAX_TEXT_BYTES = 1 << 20
"""Text after decompression: the limit of OCMF records."""

_MAX_LENGTH_OCTETS = 4


class SealError(ValueError):
    """The bytes are no seal of the known kind; the text is the place."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed record taken apart. Everything but ``data`` could be changed by anyone.

    Attributes:
        compressed: Whether the text was compressed (raw deflate) before it was put into blocks.
        keys: The three AES keys in the order of encryption.
        data: The sealed bytes: 2 + 256 n.
    """

    compressed: bool
    keys: tuple[bytes, bytes, bytes]
    data: bytes

    @property
    def blocks(self) -> int:
        """Number of 256-byte blocks."""
        return len(self.data) // BLOCK_BYTES


@dataclass(frozen=True, slots=True)
class Opened:
    """What came out.

    Attributes:
        text: The record, decompressed; ``None`` if the compressed bytes are no whole deflate stream.
        padding_is_zero: Whether everything behind the text is zero, as sealing programs leave it.
    """

    text: bytes | None
    padding_is_zero: bool


def read_envelope(content: bytes) -> Envelope:
    """Take a sealed record apart, strictly: every byte has its place.

    Raises:
        SealError: It is none, or uses something that is not known.
    """
    body = _only(content, 0, _SEQUENCE, "envelope")
    if not body.startswith(SEAL_OID):
        raise SealError("identifier")
    at = len(SEAL_OID)
    version, at = _next(body, at, _INTEGER, "version")
    if version != bytes((_VERSION,)):
        raise SealError("version")
    layer, at = _next(body, at, _ENCRYPTION, "encryption")
    for tag, name in ((_AGREEMENT, "key_agreement"), (_AUTHENTICATION, "authentication")):
        rest, at = _next(body, at, tag, name)
        if rest != _EMPTY:
            raise SealError(name)
    data, at = _next(body, at, _OCTETS, "data")
    blocks, left = divmod(len(data) - _PREFIX_BYTES, BLOCK_BYTES)
    if at != len(body) or left or blocks < 1:
        raise SealError("data")
    compressed, keys = _read_layer(_only(layer, 0, _SEQUENCE, "encryption"))
    return Envelope(compressed, keys, data)


def _read_layer(layer: bytes) -> tuple[bool, tuple[bytes, bytes, bytes]]:
    if not layer.startswith(_PADDING_OID):
        raise SealError("padding")
    at = len(_PADDING_OID)
    cipher, at = _next(layer, at, _CIPHER, "cipher")
    compression, at = _next(layer, at, _COMPRESSION, "compression")
    bits, at = _next(layer, at, _KEY_BITS, "key_length")
    listed, at = _next(layer, at, _KEYS, "keys")
    if cipher != _RSA_OID:
        raise SealError("cipher")
    if compression not in (_PLAIN_OID, _DEFLATE_OID):
        raise SealError("compression")
    if int.from_bytes(_only(bits, 0, _INTEGER, "key_length"), "big") != KEY_BITS:
        raise SealError("key_length")
    inside, keys, after = _only(listed, 0, _SEQUENCE, "keys"), [], 0
    for _ in range(3):
        key, after = _next(inside, after, _OCTETS, "keys")
        keys.append(key)
    if at != len(layer) or after != len(inside) or any(len(key) != _AES_BYTES for key in keys):
        raise SealError("keys")
    return compression == _DEFLATE_OID, (keys[0], keys[1], keys[2])


@lru_cache(maxsize=2)
def open_envelope(envelope: Envelope, modulus: int, exponent: int) -> Opened | None:
    """Open a seal with an RSA public key; ``None`` if what comes out does not have the form of sealed blocks.

    The last result is kept, because a record is opened again once its meter is known.
    """
    if modulus.bit_length() != KEY_BITS:
        return None
    sealed = int.from_bytes(envelope.data[:BLOCK_BYTES], "big")
    if sealed >= modulus:
        return None
    first = pow(sealed, exponent, modulus).to_bytes(BLOCK_BYTES, "big")
    text = (first + envelope.data[BLOCK_BYTES:])[_PREFIX_BYTES:]
    text = _decrypt(text, envelope.keys[2], _VECTORS[2])
    text = b"".join(text[at : at + _AES_BYTES] for at in range(len(text) - _AES_BYTES, -1, -_AES_BYTES))
    text = _decrypt(text, envelope.keys[1], _VECTORS[1])
    text = _decrypt(text, envelope.keys[0], _VECTORS[0])
    return _joined(text, envelope.compressed)


def _decrypt(text: bytes, key: bytes, vector: bytes) -> bytes:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    return decryptor.update(text) + decryptor.finalize()


def _joined(text: bytes, compressed: bool) -> Opened | None:
    """Put the blocks together: magic, nonce, whole length and number of each must be right."""
    count = len(text) // BLOCK_BYTES
    shared = text[: _PAYLOAD_AT - 4]
    length = int.from_bytes(shared[-4:], "big")
    # As many blocks as the text needs and not one more: the last must carry some of it.
    if not shared.startswith(_MAGIC) or not (count - 1) * PAYLOAD_BYTES < length <= count * PAYLOAD_BYTES:
        return None
    payload = []
    for number in range(count):
        start = number * BLOCK_BYTES
        if text[start : start + _PAYLOAD_AT] != shared + number.to_bytes(4, "big"):
            return None
        payload.append(text[start + _PAYLOAD_AT : start + BLOCK_BYTES])
    joined = b"".join(payload)
    is_zero = not joined[length:].strip(b"\x00")
    return Opened(_inflated(joined[:length]) if compressed else joined[:length], is_zero)


def _inflated(data: bytes) -> bytes | None:
    """Return the text of a raw deflate stream that ends exactly where the data end."""
    inflater = zlib.decompressobj(wbits=-zlib.MAX_WBITS)
    try:
        text = inflater.decompress(data, MAX_TEXT_BYTES + 1)
    except zlib.error:
        return None
    whole = inflater.eof and not inflater.unused_data and not inflater.unconsumed_tail
    return text if whole and len(text) <= MAX_TEXT_BYTES else None


def _next(data: bytes, at: int, tag: int, place: str) -> tuple[bytes, int]:
    """Return the content of the element at ``at``, which must have ``tag``, and where the next one begins."""
    if at + 2 > len(data) or data[at] != tag:
        raise SealError(place)
    length, start = data[at + 1], at + 2
    if length >= 0x80:
        octets = length - 0x80
        written = data[start : start + octets]
        length = int.from_bytes(written, "big")
        # DER knows one way to write a length (X.690 §10.1).
        if (
            not 1 <= octets <= _MAX_LENGTH_OCTETS
            or len(written) != octets
            or written[0] == 0
            or length < 0x80
        ):
            raise SealError(place)
        start += octets
    if start + length > len(data):
        raise SealError(place)
    return data[start : start + length], start + length


def _only(data: bytes, at: int, tag: int, place: str) -> bytes:
    content, end = _next(data, at, tag, place)
    if end != len(data):
        raise SealError(place)
    return content
