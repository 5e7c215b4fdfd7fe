"""Key files that lie beside records: recognised by their structure, read as far as their wrapping goes.

Shapes (containers facts §1.1): PEM, the JSON of the Open Charging Cloud, SubjectPublicKeyInfo and SEC 1 points in
hexadecimal or Base64, SubjectPublicKeyInfo in binary. Whether a key is usable is the signature stage's question;
a file that is no key by its structure must not be taken for one, since it might be the record.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from eichrecht.containers.json_text import read_json
from eichrecht.containers.limits import MAX_KEY_FILE

_PEM_LABEL = re.compile(rb"-----(BEGIN|END) ([A-Z0-9 ]{1,40})-----")
_COMMENT = re.compile(rb"^[ \t]*#[^\n]*\n?", re.MULTILINE)
_KEY_CONTEXT = "https://open.charging.cloud/contexts/publicKey+json"
_KEY_MEMBERS = frozenset({"algorithm", "encoding", "format", "type", "subject"})
_HEX = re.compile(r"[0-9A-Fa-f]+")
_BASE64 = re.compile(rb"[A-Za-z0-9+/]+={0,2}")
_PUBLIC_KEY_IN_NAME = re.compile(r"[-_]?public[-_]?key", re.IGNORECASE)
_POINT_BYTES = frozenset({49, 57, 65, 97, 133})
"""Uncompressed points with their leading 04: curves of 192, 224, 256, 384 and 521 bits."""

_SEQUENCE, _OBJECT_IDENTIFIER, _BIT_STRING = 0x30, 0x06, 0x03
_SHORTEST_SPKI = 40
"""An Ed25519 key has 44 bytes; no key is shorter."""


@dataclass(frozen=True, slots=True)
class KeyFile:
    """What a key file holds.

    Attributes:
        keys: Texts of the public keys; a binary one as Latin-1 text.
        private: It holds a private key, which is never used.
        other: It holds something else of the kind: a certificate, curve parameters.
    """

    keys: tuple[str, ...]
    private: bool = False
    other: bool = False


def read_key_file(content: bytes) -> KeyFile | None:
    """Return the keys that ``content`` holds; ``None`` if it is no key file.

    Only the file as a whole is looked at: a key inside a container belongs to the records of that container.
    """
    if len(content) > MAX_KEY_FILE:
        return None
    text = content.removeprefix(b"\xef\xbb\xbf").strip()
    if b"-----BEGIN " in text and not text.startswith((b"<", b"{", b"[", b'"')):
        return _from_pem(text)
    if text.startswith(b"{"):
        return _from_json(text)
    key = _from_encoded(text)
    if key is None and is_spki(content):
        key = content.decode("latin-1")
    return None if key is None else KeyFile((key,))


def key_id(name: str) -> str:
    """Return the id that a file name gives its key or record (containers facts §1.4).

    The last part of the path up to its first dot, without ``publicKey``: ``a/4711-publicKey.pem`` and
    ``4711.ocmf`` have the same.
    """
    stem = name.replace("\\", "/").rpartition("/")[2].partition(".")[0]
    return _PUBLIC_KEY_IN_NAME.sub("", stem, count=1)


def is_spki(data: bytes) -> bool:
    """Whether ``data`` is a SubjectPublicKeyInfo in DER by its outline (RFC 5280 §4.1).

    ``SEQUENCE { SEQUENCE { OBJECT IDENTIFIER ... }, BIT STRING }`` with lengths that fit to the last byte; a
    signature, being a sequence of two numbers, does not.
    """
    outer = _tlv(data, 0, _SEQUENCE)
    if outer is None or outer[1] != len(data) or len(data) < _SHORTEST_SPKI:
        return False
    algorithm = _tlv(data, outer[0], _SEQUENCE)
    if algorithm is None or _tlv(data, algorithm[0], _OBJECT_IDENTIFIER) is None:
        return False
    bits = _tlv(data, algorithm[1], _BIT_STRING)
    return bits is not None and bits[1] == len(data)


def _tlv(data: bytes, start: int, tag: int) -> tuple[int, int] | None:
    """Return where the value of the element at ``start`` begins and ends; ``None`` if it is another one."""
    if start + 2 > len(data) or data[start] != tag:
        return None
    length, value = data[start + 1], start + 2
    if length >= 0x80:
        count = length - 0x80
        if not 1 <= count <= 3:
            return None
        length, value = int.from_bytes(data[value : value + count], "big"), value + count
    return (value, value + length) if value + length <= len(data) else None


def _from_pem(text: bytes) -> KeyFile | None:
    """Take the public keys out of PEM (RFC 7468); lines that begin with ``#`` are comments."""
    plain = _COMMENT.sub(b"", text)
    marks = list(_PEM_LABEL.finditer(plain))
    blocks = [
        (begin[2], plain[begin.start() : end.end()])
        for begin, end in pairwise(marks)
        if (begin[1], end[1], begin[2]) == (b"BEGIN", b"END", end[2])
    ]
    if not blocks:
        return None
    keys = tuple(block.decode("latin-1") for label, block in blocks if label.endswith(b"PUBLIC KEY"))
    private = any(label.endswith(b"PRIVATE KEY") for label, _ in blocks)
    return KeyFile(keys, private, other=not keys and not private)


def _from_json(text: bytes) -> KeyFile | None:
    """Take the key out of the JSON of the Open Charging Cloud; the minimal form lacks most members."""
    json = read_json(text)
    value: Any = None if json is None else json.value
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        return None
    context = value.get("@context")
    named = isinstance(context, str) and context.startswith(_KEY_CONTEXT)
    key = "".join(value["value"].split())
    if not named and not (
        _KEY_MEMBERS & value.keys() and len(key) >= 2 * _SHORTEST_SPKI and _HEX.fullmatch(key)
    ):
        return None
    return KeyFile((key,))


def _from_encoded(text: bytes) -> str | None:
    compact = b"".join(text.split())
    if not compact or len(compact) < 2 * _SHORTEST_SPKI * 2 // 3:
        return None
    digits = compact.decode("latin-1").removeprefix("0x")
    if _HEX.fullmatch(digits) and len(digits) % 2 == 0:
        octets = binascii.unhexlify(digits)
        is_point = octets[0] == 0x04 and len(octets) in _POINT_BYTES
        return digits if is_point or is_spki(octets) else None
    if _BASE64.fullmatch(compact) and len(compact) % 4 == 0:
        return compact.decode("ascii") if is_spki(base64.b64decode(compact)) else None
    return None
