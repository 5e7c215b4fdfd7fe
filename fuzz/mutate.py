"""Mutations from a seed: the same ones on every run and machine."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

_TOKENS = (
    b"\x00", b"\xff", b"\x1b\x1b\x1b\x1b", b"\x30\x84\xff\xff\xff\xff", b"\xef\xbb\xbf", b"\xc3\x28", b"\r\n",
    b"|", b'"', b"\\", b"{", b"}", b"[", b"]", b"<", b">", b"'", b"+", b":", b"&amp;", b"&#x0;", b"<!DOCTYPE a>",
    b"<![CDATA[", b"OCMF|", b"AP;", b"128.8.0(", b"UNB", b"PK\x03\x04", b"%PDF-",
    b"-0", b"1e999999", b"1E9999999999999999999", b"9" * 40, b"9" * 4400, b"NaN", b"null", b"\\ud800",
)  # fmt: skip
"""What parsers trip over, of all formats at once."""


def mutated(seeds: Sequence[bytes], random: Random) -> bytes:
    """Return one seed after one to six changes."""
    data = bytearray(random.choice(seeds))
    for _ in range(random.randint(1, 6)):
        _change(data, seeds, random)
    return bytes(data)


def _change(data: bytearray, seeds: Sequence[bytes], random: Random) -> None:
    at = random.randint(0, len(data))
    size = random.choice((1, 1, 2, 4, 16, 64))
    match random.randrange(8):
        case 0 if at < len(data):
            data[at] ^= 1 << random.randrange(8)
        case 1:
            del data[at : at + size]
        case 2:
            data[at:at] = random.choice(_TOKENS)
        case 3:
            data[at : at + size] = random.randbytes(size)
        case 4:
            data[at:at] = data[at : at + size] * random.choice((1, 2, 30))
        case 5:
            other = random.choice(seeds)
            start = random.randint(0, len(other))
            data[at:] = other[start:]
        case 6:
            del data[at:]
        case _:
            token = random.choice(_TOKENS)
            data[at : at + len(token)] = token
