"""``python -m fuzz.uncovered [FORMAT...]``: which bytes of a record may change without its verdict noticing.

The smallest valid sample of each format is flipped bit by bit, alone, as its containers gave it. A line per stretch of
bytes of which a flip was not noticed; where only the case of a hexadecimal, base32 or XML text changed, the octets are
the same, and the stretch is left out. This is what the last column of docs/formats/README.md is checked with.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from eichrecht.containers import unwrap
from eichrecht.evidence import Document, Verdict
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.cases import all_cases

LETTER_CASE = 0x20
CONTEXT = 24


@dataclass(frozen=True, slots=True)
class Sample:
    """A record without its containers."""

    name: str
    content: bytes
    key_text: str | None
    detached: bytes | None


def smallest(format_name: str) -> Sample | None:
    """Return the smallest valid record of a format that needs no file beside it, else the smallest that does."""
    found = []
    for case in all_cases():
        if case.format != format_name or case.expected_verdict != "valid":
            continue
        for part in unwrap(Document("d", case.content), registry.recognise).parts:
            texts = (case.public_key_text, part.key_text, *(key.text for key in part.beside_keys))
            key_text = next((text for text in texts if text), None)
            found.append(Sample(case.name, part.content, key_text, part.detached_signature))
    return min(found, key=lambda one: (one.detached is not None, len(one.content)), default=None)


def unnoticed(sample: Sample) -> list[int]:
    """Return, for each byte, how many of its flips leave everything valid and are more than a letter's case."""
    verifier = Verifier(keys=[SuppliedKey(sample.key_text, "--key")] if sample.key_text else [])
    counts = [0] * len(sample.content)
    for place, octet in enumerate(sample.content):
        for bit in range(8):
            if 1 << bit == LETTER_CASE and chr(octet).isascii() and chr(octet).isalpha():
                continue
            changed = bytearray(sample.content)
            changed[place] ^= 1 << bit
            verdict = verifier.verify(Document("flipped", bytes(changed), sample.detached))
            records = [record.verdict for record in verdict.records]
            counts[place] += bool(records) and set(records) == {Verdict.VALID}
    return counts


def stretches(counts: list[int]) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each run of bytes with a count."""
    for match in re.finditer(rb"\x01+", bytes(count > 0 for count in counts)):
        yield match.span()


def main(names: list[str]) -> int:
    """Print the map of the formats named, of all without a name."""
    for name in names or registry.formats():
        sample = smallest(name)
        if sample is None:
            continue
        counts = unnoticed(sample)
        sys.stdout.write(
            f"{name}: {sample.name}, {len(counts)} bytes, {sum(counts)} of {8 * len(counts)} flips not noticed\n"
        )
        for begin, end in stretches(counts):
            text = sample.content[max(0, begin - CONTEXT) : end]
            sys.stdout.write(f"  {begin:6} {end - begin:5}  {text!r}\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
