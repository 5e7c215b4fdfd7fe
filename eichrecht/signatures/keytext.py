"""Public keys as text: from what people paste, print and register to octets.

Shapes seen in the field (Bundesnetzagentur register §3, S.A.F.E. files, OCPP): SubjectPublicKeyInfo, SEC 1
points and bare X‖Y, each as hexadecimal (grouped, with separators, with ``0x``), Base64 or Base32; PEM; the
envelope ``oca:base16:asn1:...`` of the OCA Application Note "Signed Meter Values in OCPP" v1.0; all of them
possibly Base64'd once or twice more. Letters are never repaired, and a text that is no key in the encoding
its letters prove is refused, with the reason.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, replace

from eichrecht.signatures.codes import KeyCode
from eichrecht.signatures.der import DerError, read_signature
from eichrecht.signatures.errors import UnreadableKey
from eichrecht.signatures.points import LIKELY_CURVES, UNCOMPRESSED, coordinate_bytes, read_point
from eichrecht.signatures.spki import Spki, explain, looks_like_ec_spki, read_spki

MAX_KEY_TEXT = 16384
"""Longest key text in characters: an ML-DSA-87 key in hexadecimal, Base64'd twice, has 9,400."""

MAX_DEPTH = 5
"""Encodings inside each other: Base64 twice around an envelope around Base64 needs four."""

_IGNORED = str.maketrans("", "", "\u200b\ufeff\"'")
_HEX_SEPARATORS = str.maketrans("", "", ";:,.-")
_NOT_HEX = re.compile(r"[^0-9A-Fa-f]")
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]+={0,2}")
_BASE32 = re.compile(r"(?:[A-Z2-7]+|[a-z2-7]+)={0,6}")
_URL_SAFE = str.maketrans("-_", "+/")
# Hexadecimal in groups of two with colons must not look like an envelope, hence "base" or the marker "oca".
_ENVELOPE = re.compile(r"(?:[a-z]+:(?=base)|oca:)([a-z0-9]{1,16}):([a-z0-9]{1,16}):", re.IGNORECASE)
_PEM_BEGIN = re.compile(r"-----BEGIN ([A-Z0-9 ]{1,32})-----")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LITERAL_BREAKS = re.compile(r"\\[rn]")

_FOREIGN_ONE_IN = 10
"""Up to one foreign letter in so many: hexadecimal with wrong letters. Base64 has about two in three."""

_SHORTEST_HEX = 48
"""Digits of the shortest key; shorter texts are ids, dates, words."""


@dataclass(frozen=True, slots=True)
class DecodedKey:
    """Octets that are a public key by their structure; the point is not checked yet.

    Attributes:
        shape: How the key was written: ``spki-hex``, ``point-base64``, ``xy-base32``, ``pem``, ...
        spki: The parts of a SubjectPublicKeyInfo, ``None`` for points.
        octets: The key's octets (SPKI, SEC 1 point or X‖Y).
        bare: Whether ``octets`` is X‖Y.
        layers: Encodings removed before the shape, outermost first.
    """

    shape: str
    spki: Spki | None
    octets: bytes
    bare: bool = False
    layers: tuple[str, ...] = ()


def decode_key(text: str | bytes) -> DecodedKey:
    """Return the key that ``text`` holds.

    Args:
        text: Text in any shape of the field, as ``str`` or UTF-8 bytes; or the binary key itself.

    Raises:
        UnreadableKey: It holds none; the code says what it is instead as far as that can be told.
    """
    if len(text) > MAX_KEY_TEXT:
        raise UnreadableKey(KeyCode.TOO_LONG, limit=MAX_KEY_TEXT)
    if isinstance(text, str):
        return _decode_text(text, 0)
    plain = _as_text(text)
    if plain is not None:
        return _decode_text(plain, 0)
    found = _recognise(text, "binary")
    if found is None:
        raise explain(text)
    # Octets of the right length without any header: only the curve equation tells a key from other data.
    if found.bare and not any(read_point(curve, text, bare=True) for curve in LIKELY_CURVES[len(text) // 2]):
        raise UnreadableKey(KeyCode.NOT_A_KEY)
    return found


def _as_text(data: bytes) -> str | None:
    """Return the bytes as text if they are UTF-8 without control codes; keys in binary never are."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    return None if _CONTROL.search(text) else text


def _decode_text(text: str, depth: int) -> DecodedKey:
    if depth >= MAX_DEPTH:
        raise UnreadableKey(KeyCode.NESTED_TOO_DEEP, limit=MAX_DEPTH)
    plain = text.translate(_IGNORED).strip()
    if not plain:
        raise UnreadableKey(KeyCode.EMPTY)
    if "-----BEGIN" in plain:
        return _decode_pem(plain)
    envelope = _ENVELOPE.match(plain)
    if envelope:
        return _decode_envelope(envelope, plain[envelope.end() :])
    return _decode_encoded(plain, depth)


def _decode_encoded(plain: str, depth: int) -> DecodedKey:
    encoding, data = _decode_by_alphabet(plain)
    if not data:
        raise UnreadableKey(KeyCode.NOT_A_KEY)
    found = _recognise(data, encoding)
    if found is not None:
        return found
    text = _as_text(data)
    if text is None:
        raise explain(data)
    found = _decode_text(text, depth + 1)
    return replace(found, layers=(encoding, *found.layers))


def _decode_by_alphabet(plain: str) -> tuple[str, bytes | None]:
    """Decode with the encoding that the letters of the text prove.

    Hexadecimal digits only: hexadecimal; letters of one case and 2 to 7 only: Base32; else Base64. A Base64
    key falls into another class by chance less than once in 2^40. Trying the next decoder instead when the
    result is no key would be a guess: 128 digits of a damaged key are 96 octets of Base64, a P-384 point.
    """
    digits = _hex_digits(plain)
    foreign = _NOT_HEX.findall(digits)
    if not foreign:
        return "hex", _from_hex(digits)
    if len(digits) >= _SHORTEST_HEX and _FOREIGN_ONE_IN * len(foreign) <= len(digits):
        position = digits.index(foreign[0]) + 1
        raise UnreadableKey(KeyCode.FOREIGN_CHARACTER, character=foreign[0], position=position)
    compact = "".join(plain.split()).replace(";", "")
    if _BASE32.fullmatch(compact):
        return "base32", _from_base32(compact)
    return "base64", _from_base64(compact)


def _from_hex(digits: str) -> bytes | None:
    if len(digits) % 2 and len(digits) >= _SHORTEST_HEX:
        raise UnreadableKey(KeyCode.HEX_ODD, digits=len(digits))
    return None if len(digits) % 2 else bytes.fromhex(digits)


def _hex_digits(plain: str) -> str:
    """Return the text without white space, separators and ``0x``."""
    compact = "".join(plain.split()).translate(_HEX_SEPARATORS)
    return compact.replace("0x", "").replace("0X", "")


def _from_base64(compact: str) -> bytes | None:
    """Decode Base64 or Base64url (RFC 4648 §4, §5); missing padding is tolerated."""
    letters = compact.rstrip("=").translate(_URL_SAFE)
    if not _BASE64.fullmatch(compact) or len(letters) % 4 == 1:
        return None
    return base64.b64decode(letters + "=" * (-len(letters) % 4))


def _from_base32(compact: str) -> bytes | None:
    """Decode Base32 (RFC 4648 §6) in either letter case; missing padding is tolerated."""
    letters = compact.rstrip("=").upper()
    try:
        return base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error:
        return None


def _recognise(data: bytes, encoding: str) -> DecodedKey | None:
    """Return the key if the octets have the structure of one."""
    try:
        return DecodedKey(f"spki-{encoding}", read_spki(data), data)
    except DerError:
        pass
    if looks_like_ec_spki(data) or read_signature(data) is not None:
        return None
    if coordinate_bytes(data, bare=False) is not None:
        kind = "point" if data[0] == UNCOMPRESSED else "compressed"
        return DecodedKey(f"{kind}-{encoding}", None, data)
    if coordinate_bytes(data, bare=True) is not None:
        return DecodedKey(f"xy-{encoding}", None, data, bare=True)
    return None


def _decode_pem(plain: str) -> DecodedKey:
    """Decode RFC 7468 §13, also if the line breaks were lost or became the two characters ``\\n``."""
    if "PRIVATE KEY-----" in plain:
        raise UnreadableKey(KeyCode.IS_PRIVATE)
    begins = list(_PEM_BEGIN.finditer(plain))
    if len(begins) > 1:
        raise UnreadableKey(KeyCode.AMBIGUOUS, count=len(begins))
    if not begins:
        raise UnreadableKey(KeyCode.DAMAGED)
    label = begins[0][1]
    if "CERTIFICATE" in label:
        raise UnreadableKey(KeyCode.IS_CERTIFICATE)
    if not label.endswith("PUBLIC KEY"):
        raise UnreadableKey(KeyCode.UNSUPPORTED_TYPE, type=label)
    body, end, _ = plain[begins[0].end() :].partition(f"-----END {label}-----")
    if not end:
        raise UnreadableKey(KeyCode.TRUNCATED, bytes=len(plain))
    return _spki_only(_from_base64("".join(_LITERAL_BREAKS.sub("", body).split())), "pem")


def _decode_envelope(envelope: re.Match[str], body: str) -> DecodedKey:
    """Decode ``<marker>:<encoding>:<content-type>:<key>`` (OCA Application Note v1.0, 2025-02-10).

    Base16 ignores letter case, ``0x`` and every other character that is no hexadecimal digit; the marker is
    not checked; content type ``asn1`` is a SubjectPublicKeyInfo in DER.
    """
    encoding, content = envelope[1].lower(), envelope[2].lower()
    if content != "asn1" or encoding not in ("base16", "base64"):
        raise UnreadableKey(KeyCode.ENVELOPE_UNSUPPORTED, encoding=encoding, content=content)
    if encoding == "base64":
        return _spki_only(_from_base64("".join(body.split())), "oca-envelope")
    digits = _NOT_HEX.sub("", body.replace("0x", "").replace("0X", ""))
    if len(digits) % 2:
        raise UnreadableKey(KeyCode.HEX_ODD, digits=len(digits))
    return _spki_only(bytes.fromhex(digits), "oca-envelope")


def _spki_only(data: bytes | None, shape: str) -> DecodedKey:
    if data is None:
        raise UnreadableKey(KeyCode.DAMAGED)
    try:
        return DecodedKey(shape, read_spki(data), data)
    except DerError:
        raise explain(data) from None
