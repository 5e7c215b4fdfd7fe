"""OCPI versions: only the differences on the wire.

:data:`V2_2_1` is spoken by client and server. :data:`V2_1_1` and :data:`V2_3_0` read and write tariffs and CDRs
(2.3.0 also sessions and tokens), with what a version cannot say as findings; :func:`read_any` finds out the
version of a file.
"""

from __future__ import annotations

from collections.abc import Iterable

from ocpi.objects.version import Version
from ocpi.versions.base import Read, WireVersion, Written
from ocpi.versions.detect import AnyVersion, detect_version, read_any
from ocpi.versions.v2_1_1 import V2_1_1
from ocpi.versions.v2_2_1 import V2_2_1
from ocpi.versions.v2_3_0 import V2_3_0

__all__ = [
    "SUPPORTED",
    "V2_1_1",
    "V2_2_1",
    "V2_3_0",
    "WRITTEN",
    "AnyVersion",
    "Read",
    "WireVersion",
    "Written",
    "detect_version",
    "highest_mutual",
    "read_any",
    "wire_version",
]

SUPPORTED: tuple[WireVersion, ...] = (V2_2_1,)
"""Versions that client and server speak. 2.1 and 2.2 are deprecated and never spoken (versions chapter)."""

WRITTEN: tuple[WireVersion, ...] = (V2_1_1, V2_2_1, V2_3_0)
"""Versions in which tariffs and CDRs are read and written."""


def wire_version(number: str) -> WireVersion | None:
    """Return the implementation of a version, ``None`` if this package does not speak it."""
    return next((wire for wire in SUPPORTED if wire.number == number), None)


def highest_mutual(
    offered: Iterable[Version], ours: Iterable[WireVersion] = SUPPORTED
) -> tuple[WireVersion, Version] | None:
    """Choose the highest version of both sides, compared numerically (2.10 is above 2.9).

    Args:
        offered: The partner's versions endpoint. Unknown numbers are skipped.
        ours: What we speak.

    Returns:
        Our implementation and the partner's entry, or ``None`` without a mutual version.
    """
    by_number = {entry.version: entry for entry in reversed(list(offered))}
    mutual = [wire for wire in ours if wire.number in by_number]
    if not mutual:
        return None
    best = max(mutual, key=lambda wire: tuple(int(part) for part in wire.number.split(".")))
    return best, by_number[best.number]
