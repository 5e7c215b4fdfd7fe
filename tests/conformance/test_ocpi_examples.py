"""All 59 JSON examples of the 2.2.1 specification: load by the right model, dump, compare."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ocpi.errors import InvalidObject
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Credentials
from ocpi.objects.location import Connector, Evse, Hours, Location
from ocpi.objects.session import Session
from ocpi.objects.tariff import EnergyMix, Tariff
from ocpi.objects.token import Token
from ocpi.objects.version import Version, VersionDetails
from ocpi.transport import json
from ocpi.transport.envelope import parse
from ocpi.types import DisplayText
from ocpi.versions import V2_2_1

EXAMPLES = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "ocpi" / "examples-2.2.1"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(), reason="../shared/vectors/ocpi/examples-2.2.1 is absent"
)

# First match wins. "patch": body of a PATCH. "field": the example is wrapped in its field's name.
MODELS: list[tuple[str, str, Any, str]] = [
    ("cdr_example", "object", Cdr, ""),
    ("credentials_example", "object", Credentials, ""),
    ("location_energymix_", "field", EnergyMix, "energy_mix"),
    ("location_regularhours_", "field", Hours, "opening_times"),
    ("location_hours_", "object", Hours, ""),
    ("location_patch_example_location", "patch", Location, ""),
    ("location_patch_example_remove_evse", "patch", Evse, ""),
    ("location_patch_example_status", "patch", Evse, ""),
    ("location_patch_example_tariff", "patch", Connector, ""),
    ("location_put_example_add_evse", "object", Evse, ""),
    ("location_example", "object", Location, ""),
    ("session_patch_", "patch", Session, ""),
    ("session_example_", "object", Session, ""),
    ("tariff", "object", Tariff, ""),
    ("token_patch_", "patch", Token, ""),
    ("token_", "object", Token, ""),
    ("transport_and_format_get_token_example", "envelope", Token, ""),
    ("transport_and_format_get_token_list_example", "envelope", Token, ""),
    ("transport_and_format_version_details_", "envelope", VersionDetails, ""),
    ("transport_and_format_version_info_", "envelope", Version, ""),
    ("type_displaytext_", "object", DisplayText, ""),
    ("version_details_", "object", VersionDetails, ""),
    ("versions_info_", "object", Version, ""),
]

# Examples that the specification's own rules refuse: what is wrong, and why it is their fault.
ERRATA: dict[str, tuple[frozenset[str], str]] = {
    "location_put_example_add_evse": (
        frozenset(
            {
                "/connectors/0/power_type",
                "/connectors/0/max_voltage",
                "/connectors/0/max_amperage",
                "/connectors/0/last_updated",
                "/physical_reference",
            }
        ),
        "lacks four required connector fields and sends physical_reference, a string(16), as an integer",
    ),
    "tariff_put_example": (frozenset({"/last_updated"}), "lacks last_updated, which is required"),
}


def _names() -> list[str]:
    return sorted(path.stem for path in EXAMPLES.glob("*.json")) if EXAMPLES.is_dir() else []


def _numeric(value: Any) -> Any:
    """Make all numbers Decimals, so that 2.50 and 2.5 compare equal and 1 and true do not."""
    if isinstance(value, dict):
        return {key: _numeric(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numeric(item) for item in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    return ("bool", value) if isinstance(value, bool) else value


def _round_trip(kind: str, model: Any, field: str, raw: Any) -> Any:
    if kind == "field":
        return {field: _round_trip("object", model, "", raw[field])}
    if isinstance(raw, list):
        return [_round_trip(kind, model, field, item) for item in raw]
    load = V2_2_1.load_patch if kind == "patch" else V2_2_1.load
    # Through bytes: what leaves is what counts.
    return json.loads(json.dumps(V2_2_1.dump(load(model, raw))))


def test_all_59_are_there() -> None:
    assert len(_names()) == 59


@pytest.mark.parametrize("name", _names())
def test_example(name: str) -> None:
    _, kind, model, field = next(entry for entry in MODELS if name.startswith(entry[0]))
    body = (EXAMPLES / f"{name}.json").read_bytes()
    raw = parse(body).data if kind == "envelope" else json.loads(body)
    if name in ERRATA:
        with pytest.raises(InvalidObject) as caught:
            _round_trip(kind, model, field, raw)
        assert {problem.pointer for problem in caught.value.problems} == ERRATA[name][0]
        return
    assert _numeric(_round_trip(kind, model, field, raw)) == _numeric(raw)
