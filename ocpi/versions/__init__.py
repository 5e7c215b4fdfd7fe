"""OCPI versions: only the differences on the wire."""

from __future__ import annotations

from collections.abc import Iterable

from ocpi.objects.version import Version
from ocpi.versions.base import WireVersion
from ocpi.versions.v2_2_1 import V2_2_1

__all__ = ["SUPPORTED", "V2_2_1", "WireVersion", "highest_mutual", "wire_version"]

SUPPORTED: tuple[WireVersion, ...] = (V2_2_1,)
"""Versions that this package speaks. 2.1 and 2.2 are deprecated and never spoken (versions chapter)."""


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
