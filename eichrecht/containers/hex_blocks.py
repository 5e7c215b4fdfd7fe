"""Records in hexadecimal blocks that stand in other text, as meter tools and mails write telegrams.

A block is one or more whole lines of hexadecimal digits; words around it belong to nobody. Such a text is neither
XML nor an encoding as a whole, so nothing else reads it (facts: ``Mennekes/Zählerdaten.txt``, which the official
program cannot open).
"""

from __future__ import annotations

import binascii
import re

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.encodings import HEX
from eichrecht.containers.kinds import Found, Opener, Payload, joined, within
from eichrecht.containers.xml_text import gaps
from eichrecht.evidence import Layer, warning

_BLOCK = re.compile(
    rb"^[ \t]*+[0-9A-Fa-f]{2}[0-9A-Fa-f \t]*+\r?$(?:\n[ \t]*+[0-9A-Fa-f]{2}[0-9A-Fa-f \t]*+\r?$)*+",
    re.MULTILINE,
)
_BLANKS = b" \t\r\n"

SHORTEST_BLOCK = 64
"""Bytes of the shortest block that is looked at: an SML telegram has some 250, an ALFEN dataset 82. Below this are
keys, ids and words such as ``ADDED``."""


class HexBlocks:
    """Binary records as lines of hexadecimal digits between other lines."""

    name = "hex-blocks"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        found: list[Found] = []
        taken: list[tuple[int, int]] = []
        for block in _BLOCK.finditer(payload.content):
            digits = block[0].translate(None, _BLANKS)
            if len(digits) < 2 * SHORTEST_BLOCK or len(digits) % 2 or len(digits) == len(payload.content):
                continue
            if not opener.grant_entries(1):
                break
            inner = opener.open(binascii.unhexlify(digits))
            if inner.recognised:
                taken.append((block.start(), block.end()))
                found.append(within(inner, Layer(HEX, "block_in_text"), where=f"/{len(found)}"))
        if not found:
            return None
        whole = joined(found)
        before, *between, after = (
            len(payload.content[a:b].strip()) for a, b in gaps(payload.content, tuple(taken))
        )
        if not before + sum(between) + after:
            return whole
        around = warning(ContainerCode.TEXT_AROUND_RECORDS, before=before, between=sum(between), after=after)
        return Found(whole.parts, (around, *whole.findings))
