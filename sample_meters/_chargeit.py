"""The chargeIT containers around values, and changing what stands in them."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from typing import Any

EVSE_ID = "DE*SMP*E0000001*1"
OTHER_EVSE_ID = "DE*SMP*E0000002*1"

Json = dict[str, Any]

_PLACE: Json = {
    "geoLocation": {"lat": 50.1, "lon": 8.6},
    "address": {"street": "Musterweg 1", "town": "Musterstadt", "zipCode": "00000"},
}


def document(content: Json) -> bytes:
    """Return an object as the text of a file."""
    return json.dumps(content, indent=2, ensure_ascii=False).encode()


def old_container(values: Sequence[Json | str], evse_id: str = EVSE_ID, **more: Any) -> Json:
    """Return the container without ``@context``."""
    return {"placeInfo": {**_PLACE, "evseId": evse_id}, "signedMeterValues": list(values), **more}


def station_container(
    values: Sequence[Json | str], evse_id: str = EVSE_ID, controller: str = "v1.2.34", **more: Any
) -> Json:
    """Return the container with the station's description."""
    return {
        "@context": "https://www.chargeit-mobility.com/contexts/charging-station-json-v1",
        "@id": "5b6f3c1e-0000-4000-8000-000000000001",
        "chargePointInfo": {"placeInfo": _PLACE, "evseId": evse_id},
        "chargingStationInfo": {
            "manufacturer": "Musterwerk",
            "type": "Säule",
            "controllerSoftwareVersion": controller,
        },
        "signedMeterValues": list(values),
        **more,
    }


def ocpi_container(values: Sequence[Json | str], **more: Any) -> Json:
    """Return the station's container in its OCPI-shaped form."""
    made = station_container(values, **more)
    return {**made, "@context": "https://open.charging.cloud/contexts/ocpi-2.1"}


def changed(content: Json, path: str, value: Any) -> Json:
    """Return a copy with another value at a path of names and indexes; ``None`` takes the member away.

    Args:
        content: Any object.
        path: ``value/measuredValue/value``, ``signedMeterValues/0/time``.
        value: What to put there.
    """
    made = copy.deepcopy(content)
    place: Any = made
    *way, last = [int(part) if part.isdigit() else part for part in path.split("/")]
    for part in way:
        place = place[part]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return made
