"""What the JSON containers of charging stations say beside their records: place, meter, controller; all unsigned.

Source: facts/meter/containers.md §3.1, §3.2, §6. Formats compare it with what is signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

Claims = tuple[tuple[str, str], ...]
"""Name and text of each statement, as in :attr:`~eichrecht.evidence.Part.claims`."""

_PLACES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("evse_id", ("placeInfo", "evseId")),
    ("evse_id", ("chargePointInfo", "evseId")),
    ("meter_id", ("meterInfo", "meterId")),
    ("controller_version", ("chargingStationInfo", "controllerSoftwareVersion")),
)


def claims_in(document: Mapping[str, Any]) -> Claims:
    """Return the statements of a container's object that a record may contradict."""
    return tuple(_stated(document))


def _stated(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, path in _PLACES:
        text = text_at(document, *path)
        if text is not None:
            yield name, text


def text_at(value: Any, *names: str) -> str | None:
    """Return the text at the end of a path of members; ``None`` if there is none or it is blank."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value if isinstance(value, str) and value.strip() else None
