"""Text encodings around anything: XML entities, hex, Base64, base32.

An encoding is removed only if its result is recognised, else the next is tried. Hex goes before Base64 and
Base64 before base32, because a hex text of a length divisible by four is also Base64 and decodes to garbage.
What the container declares is tried first, but never believed.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Callable
from dataclasses import dataclass

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.kinds import Found, Opener, Payload, within
from eichrecht.evidence import Finding, Layer, note

_BLANKS = b" \t\r\n"
"""Removed before decoding, as the S.A.F.E. program does; CR too, which files that are no XML may hold."""

_HEX = b"0123456789abcdefABCDEF"
_ALPHANUMERIC = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_BASE32_TO_DIGITS = bytes.maketrans(_BASE32, b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
_BASE32_BLOCK = 8 * 512
_BASE32_TAILS = frozenset({0, 2, 4, 5, 7})
"""Lengths modulo 8 that base32 text without padding can have (RFC 4648, section 6)."""

_ENTITY = re.compile(rb"&(?:(amp|lt|gt|quot|apos)|#([0-9]{1,7})|#[xX]([0-9a-fA-F]{1,6}));")
_QUOTE_ENTITY = re.compile(rb"&(?:quot|#34|#[xX]22);")
_NAMED = {b"amp": b"&", b"lt": b"<", b"gt": b">", b"quot": b'"', b"apos": b"'"}

HEX = "hex"
BASE64 = "base64"
BASE32 = "base32"
XML_ENTITIES = "xml-entities"


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text after one encoding was removed."""

    content: bytes
    findings: tuple[Finding, ...] = ()


def decode_hex(text: bytes) -> Decoded | None:
    """Decode hex digits of either case; ``None`` if ``text`` (without blanks) is anything else."""
    if not text or len(text) % 2 or text.translate(None, _HEX):
        return None
    return Decoded(binascii.unhexlify(text))


def decode_base64(text: bytes) -> Decoded | None:
    """Decode Base64 with or without padding; the URL alphabet is tolerated and reported."""
    body = text.rstrip(b"=")
    padding = len(text) - len(body)
    if not body or padding > 2 or len(body) % 4 == 1:
        return None
    others = set(body.translate(None, _ALPHANUMERIC))
    if others <= set(b"+/"):
        findings: tuple[Finding, ...] = ()
    elif others <= set(b"-_"):
        body = body.replace(b"-", b"+").replace(b"_", b"/")
        findings = (note(ContainerCode.BASE64_URL_ALPHABET),)
    else:
        return None
    return Decoded(binascii.a2b_base64(body + b"=" * (-len(body) % 4)), findings)


def decode_base32(text: bytes) -> Decoded | None:
    """Decode base32 (RFC 4648) of one case, with or without padding; programs differ in the case they write."""
    body = text.rstrip(b"=")
    if body.islower():
        body = body.upper()
    if not body or len(text) - len(body) > 6 or len(body) % 8 not in _BASE32_TAILS:
        return None
    if body.translate(None, _BASE32):
        return None
    # The standard library's loop takes seconds for the largest document; int() reads blocks of digits in C.
    digits = (body + b"A" * (-len(body) % 8)).translate(_BASE32_TO_DIGITS)
    blocks = (digits[i : i + _BASE32_BLOCK] for i in range(0, len(digits), _BASE32_BLOCK))
    decoded = b"".join(int(block, 32).to_bytes(len(block) * 5 // 8, "big") for block in blocks)
    return Decoded(decoded[: len(body) * 5 // 8])


def unescape(text: bytes) -> Decoded | None:
    """Replace the five XML entities and character references once; ``None`` if there are none."""
    replaced, count = _ENTITY.subn(_character, text)
    return Decoded(replaced) if count else None


def quotes_escaped(text: bytes) -> bool:
    """Whether ``text`` has quotation marks only as XML entities: it was escaped as a whole."""
    return b'"' not in text and _QUOTE_ENTITY.search(text) is not None


def _character(match: re.Match[bytes]) -> bytes:
    name, decimal, hexadecimal = match.groups()
    if name is not None:
        return _NAMED[name]
    number = int(decimal) if decimal is not None else int(hexadecimal, 16)
    if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
        return match[0]
    return chr(number).encode("utf-8")


_DECODERS: dict[str, Callable[[bytes], Decoded | None]] = {
    HEX: decode_hex,
    BASE64: decode_base64,
    BASE32: decode_base32,
}
KNOWN_ENCODINGS = frozenset({"plain", *_DECODERS})
"""Values of the attribute ``encoding`` that the S.A.F.E. program 1.4.1 knows; lower case, exact."""


class TextEncodings:
    """Anything recognisable behind XML entities, hex, Base64 or base32."""

    name = "xml-entities, hex, base64, base32"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        unescaped = unescape(payload.content) if b"&" in payload.content else None
        if unescaped is not None:
            found = opener.open(unescaped.content, is_utf8=payload.is_utf8)
            if found.parts:
                return within(found, Layer(XML_ENTITIES, "decoded_is_recognised"))
        compact = payload.content.translate(None, _BLANKS)
        for name in sorted(_DECODERS, key=lambda name: name != payload.declared_encoding):
            decoded = _DECODERS[name](compact)
            if decoded is None:
                continue
            found = opener.open(decoded.content)
            if found.parts:
                reason = "declared" if name == payload.declared_encoding else "decoded_is_recognised"
                return within(found, Layer(name, reason), findings=decoded.findings)
        return None
