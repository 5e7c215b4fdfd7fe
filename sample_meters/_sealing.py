"""Sealing a text as "SAFESeal" version 2 does it, with throw-away RSA keys known to all.

Written from the recipe alone (docs/formats/sealed_ocmf.md), from the writer's side: blocks, three encryptions, the
private operation of RSA, the envelope.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

BLOCK = 256
AES_BLOCK = 16
MAGIC = bytes.fromhex("3e7ab1705afee421ea4194e4040707ea")
PAYLOAD = 224
VECTORS = tuple(bytes((first, *bytes(15))) for first in (0x00, 0x40, 0x80))
_COMPRESSION = {False: 0, True: 2}

_PRIMES = {
    "meter": (
        int(
            "ff3d0e61ffeba02df3b38c8c5efee99d0512a734e08a8211d4f6b2387cb1d2b6"
            "e9104391c785a4c9319f8dccb282b43531c66e957db2e275c39dde167819d5c0"
            "575741776c02c1696529aaa19078d2faeb9f737abacc71b54eb2bb6f80a8bf41"
            "366bde550aa988fd0642dc10eed6de42287b6022eb816e56750ca23eba00b007",
            16,
        ),
        int(
            "e8c5362840bf767319434d32da3b65da2a90521783caacecc43c2cf01c5cc36c"
            "1a77a4f66d687213efbe23c7a2175d642ffe9f2b710d8bb2f8cf8de30127e9db"
            "2ba1da036148283bfab017f40a193d6225c26733cc6823cd1d0da49b324f682f"
            "39f50c29eedc14ae32c9ec6d7c71ad3f4b52fbcc6c84503fda94391a85b889c3",
            16,
        ),
    ),
    "stranger": (
        int(
            "fa419faaff0f59d6fec475ada542b4bb39f82862eeb2ab509a5c2ba42a607447"
            "cd884a7231e9890e5a88fe6581ad68f9b35b24050cfaad1acb09b3a2584368ec"
            "6a842e8fc1a51eb6d218761005e13211d7dfd61f6aa5acf5dd6dae4f7f014173"
            "d2cc800c8edf9f91d579dc090a7aa822fd9a1ecac4ae780018864186ce9e86e5",
            16,
        ),
        int(
            "dc17924b4a5300bca56e31caac24017e1caf463aae496313603ae1795b1749b3"
            "ebc176c5b8124acb187e972df77197111dabc5c1d687a7fe44bc62c81fad04df"
            "392479abd8ee05a8168b2846a66e31ecf4f0559a485177181ab2a89a425ba6bb"
            "6f11e51206c05ec23b42c52dd703461dd7991a1e1b20bd85ad7e0d4e2b521cfb",
            16,
        ),
    ),
}
EXPONENT = 65537


@dataclass(frozen=True)
class SealKey:
    """An RSA-2048 key pair of a simulated sealing device; ``label`` is ``meter`` or ``stranger``."""

    label: str = "meter"

    @property
    def modulus(self) -> int:
        """N."""
        p, q = _PRIMES[self.label]
        return p * q

    def private(self, number: int) -> int:
        """Return the private operation of RSA on a number, without any padding scheme."""
        p, q = _PRIMES[self.label]
        d = pow(EXPONENT, -1, (p - 1) * (q - 1))
        return pow(number, d, p * q)

    def text(self) -> str:
        """Return the public key as SubjectPublicKeyInfo in hex."""
        numbers = _tlv(0x30, _integer(self.modulus) + _integer(EXPONENT))
        algorithm = _tlv(0x30, bytes.fromhex("06092a864886f70d0101010500"))
        return _tlv(0x30, algorithm + _tlv(0x03, b"\x00" + numbers)).hex().upper()


@dataclass(frozen=True)
class Sealing:
    """How a text is sealed.

    Attributes:
        key: The RSA key.
        compressed: Compress it first (raw deflate).
        filling: Octet behind the text in the last block; sealing devices write zeros.
    """

    key: SealKey = SealKey()
    compressed: bool = False
    filling: bytes = b"\x00"

    def seal(self, text: bytes) -> bytes:
        """Return the sealed record in binary."""
        keys = aes_keys(text)
        prefixed = MAGIC[:2] + encrypt(in_blocks(self._packed(text), nonce(text), self.filling), keys)
        first = self.key.private(int.from_bytes(prefixed[:BLOCK], "big")).to_bytes(BLOCK, "big")
        return envelope(first + prefixed[BLOCK:], keys, compressed=self.compressed)

    def _packed(self, text: bytes) -> bytes:
        if not self.compressed:
            return text
        packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return packer.compress(text) + packer.flush()


def aes_keys(text: bytes) -> tuple[bytes, bytes, bytes]:
    """Return the three AES keys for a text: any would do, they stand in the envelope."""
    digest = hashlib.sha512(b"sample seal keys" + text).digest()
    return digest[:16], digest[16:32], digest[32:48]


def nonce(text: bytes) -> bytes:
    """Return the eight octets that all blocks of one record share."""
    return hashlib.sha256(b"sample seal nonce" + text).digest()[:8]


def in_blocks(data: bytes, shared: bytes, filling: bytes = b"\x00") -> bytes:
    """Cut data into blocks with magic, nonce, length, number and 224 octets each."""
    count = -(-len(data) // PAYLOAD)
    data_filled = data + filling * (count * PAYLOAD - len(data))
    head = MAGIC + shared + len(data).to_bytes(4, "big")
    return b"".join(
        head + number.to_bytes(4, "big") + data_filled[number * PAYLOAD : (number + 1) * PAYLOAD]
        for number in range(count)
    )


def encrypt(blocks: bytes, keys: tuple[bytes, bytes, bytes]) -> bytes:
    """Encrypt three times with AES-128-CBC; before the third time the order of the AES blocks is reversed."""
    text = _cbc(blocks, keys[0], VECTORS[0])
    text = _cbc(text, keys[1], VECTORS[1])
    return _cbc(reversed_blocks(text), keys[2], VECTORS[2])


def reversed_blocks(text: bytes) -> bytes:
    """Return the AES blocks in the opposite order."""
    return b"".join(text[at : at + AES_BLOCK] for at in range(len(text) - AES_BLOCK, -1, -AES_BLOCK))


def _cbc(text: bytes, key: bytes, vector: bytes) -> bytes:
    encryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).encryptor()
    return encryptor.update(text) + encryptor.finalize()


def envelope(data: bytes, keys: tuple[bytes, bytes, bytes], *, compressed: bool = False) -> bytes:
    """Return the envelope around sealed data."""
    compression = bytes.fromhex("060d2b0601040181aa7401010101") + bytes((_COMPRESSION[compressed],))
    layer = (
        bytes.fromhex("060b2b0601040181aa74040302")
        + _tlv(0xA0, bytes.fromhex("06092a864886f70d010101"))
        + _tlv(0xA1, compression)
        + _tlv(0xA2, _integer(2048))
        + _tlv(0xA4, _tlv(0x30, b"".join(_tlv(0x04, key) for key in keys)))
    )
    return _tlv(
        0x30,
        bytes.fromhex("060a2b0601040183d6770101")
        + _integer(2)
        + _tlv(0x60, _tlv(0x30, layer))
        + _tlv(0x61, b"\x30\x00")
        + _tlv(0x62, b"\x30\x00")
        + _tlv(0x04, data),
    )


def _integer(number: int) -> bytes:
    return _tlv(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _tlv(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 + len(octets))) + octets + content
