"""A CDR between 2.1.1 and the canonical model (2.1.1 mod_cdrs; tariffs are left to the caller)."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.cdr import AuthMethod, Cdr, CdrDimensionType, TokenType
from ocpi.versions.codes import VersionCode
from ocpi.versions.taxes import Data

UNKNOWN_OWNER = ("ZZ", "ZZZ")
"""Stands for an owner that nobody names: ZZ is user-assigned in ISO 3166 and no country ever gets it."""

NOT_AVAILABLE = "#NA"
"""A required text that cannot be filled (2.2.1 transport chapter)."""

_EMAID = re.compile(r"([A-Za-z]{2})[-*]?([A-Za-z0-9]{3})[-*]?[A-Za-z0-9]")
_LATER_DIMENSIONS = frozenset(
    {CdrDimensionType.RESERVATION_TIME, CdrDimensionType.MAX_POWER, CdrDimensionType.MIN_POWER}
)
_FLAT = "FLAT"
_CONNECTORS_SINCE_2_2 = re.compile(r"CHAOJI|DOMESTIC_[MNO]|GBT_.*|NEMA_.*|PANTOGRAPH_.*|MCS|SAE_J3400")
_LATER_FIELDS = (
    "session_id",
    "authorization_reference",
    "signed_data",
    "total_fixed_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_reservation_cost",
    "invoice_reference_id",
    "home_charging_compensation",
    "credit_reference_id",
    "country_code",
    "party_id",
)
_SAME_FIELDS = (
    "id",
    "start_date_time",
    "auth_method",
    "meter_id",
    "currency",
    "tariffs",
    "charging_periods",
    "total_energy",
    "total_time",
    "total_parking_time",
    "remark",
    "last_updated",
)
_LOCATION_FIELDS = ("id", "name", "address", "city", "postal_code", "country", "coordinates", "time_zone")
"""What a CdrLocation takes from a Location; ``time_zone`` as a field that only few know (gotcha 27), because
without it nobody can say which price held when."""

_TOKEN_FIELDS = ("country_code", "party_id", "uid", "type")
_SIX_DECIMALS = Decimal("0.000001")
_SHOWN = 40  # fields of a stranger's location, and characters of each, that a finding repeats


def read_cdr(data: Data, owner: tuple[str, str] | None, findings: list[Finding]) -> Data:
    """Return a CDR of 2.1.1 in the words of the canonical one; what has the wrong shape is left to validation.

    Args:
        data: With ``stop_date_time``, ``auth_id`` and ``location``.
        owner: The CPO; the object does not name it.
        findings: Receives what had to be guessed or left out.
    """
    country_code, party_id = owner or UNKNOWN_OWNER
    if owner is None:
        findings.append(note(VersionCode.OWNER_UNKNOWN, ""))
    taken = {"stop_date_time", "auth_id", "location", "total_cost"}
    result: Data = {"country_code": country_code, "party_id": party_id}
    result.update((key, item) for key, item in data.items() if key not in taken)
    if "stop_date_time" in data:
        result["end_date_time"] = data["stop_date_time"]
    if "auth_id" in data:
        result["cdr_token"] = _read_token(data["auth_id"], findings)
    if "location" in data:
        result["cdr_location"] = _read_location(data["location"], findings)
    if "total_cost" in data:
        result["total_cost"] = {"excl_vat": data["total_cost"]}
    if isinstance(data.get("charging_periods"), list):
        result["charging_periods"] = [
            _read_period(period, f"/charging_periods/{index}", findings)
            for index, period in enumerate(data["charging_periods"])
        ]
    return result


def _read_token(auth_id: Any, findings: list[Finding]) -> Any:
    """Return the token of which 2.1.1 only knows the contract; a contract id of eMI3 names the eMSP."""
    if not isinstance(auth_id, str):
        return auth_id
    named = _EMAID.match(auth_id)
    country_code, party_id = (named[1].upper(), named[2].upper()) if named else UNKNOWN_OWNER
    findings.append(
        note(VersionCode.TOKEN_INCOMPLETE, "/auth_id", country_code=country_code, party_id=party_id)
    )
    return {
        "country_code": country_code,
        "party_id": party_id,
        "uid": NOT_AVAILABLE,
        "type": TokenType.OTHER.value,
        "contract_id": auth_id,
    }


def _read_location(location: Any, findings: list[Finding]) -> Any:
    """Return what a CdrLocation holds: one EVSE with one connector. 2.1.1 senders give none or many."""
    if not isinstance(location, dict):
        return location
    evses = _objects(location.get("evses"))
    evse = evses[0] if evses else {}
    connectors = _objects(evse.get("connectors"))
    connector = connectors[0] if connectors else {}
    if (len(evses), len(connectors)) != (1, 1):
        findings.append(
            warning(VersionCode.LOCATION_REDUCED, "/location", evses=len(evses), connectors=len(connectors))
        )
    left_out = [key for key in location if key not in {*_LOCATION_FIELDS, "evses"}]
    if left_out:
        fields = ", ".join(str(key)[:_SHOWN] for key in left_out[:_SHOWN])
        findings.append(note(VersionCode.LOCATION_FIELDS_LEFT_OUT, "/location", fields=fields))
    return {
        **{key: location[key] for key in _LOCATION_FIELDS if key in location},
        "evse_uid": evse.get("uid", NOT_AVAILABLE),
        "evse_id": evse.get("evse_id") or NOT_AVAILABLE,
        "connector_id": connector.get("id", NOT_AVAILABLE),
        "connector_standard": connector.get("standard", NOT_AVAILABLE),
        "connector_format": connector.get("format", NOT_AVAILABLE),
        "connector_power_type": connector.get("power_type", NOT_AVAILABLE),
    }


def _objects(value: Any) -> list[Data]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _read_period(period: Any, place: str, findings: list[Finding]) -> Any:
    """Return a period without the dimension FLAT: that a fee is due follows from the tariff."""
    if not isinstance(period, dict) or not isinstance(period.get("dimensions"), list):
        return period
    kept = [one for one in period["dimensions"] if not (isinstance(one, dict) and one.get("type") == _FLAT)]
    if len(kept) == len(period["dimensions"]):
        return period
    findings.append(note(VersionCode.FLAT_DIMENSION, f"{place}/dimensions"))
    if not kept:  # a period needs one (ocpi/ocpi#426); no energy flowed in it
        kept = [{"type": CdrDimensionType.ENERGY.value, "volume": 0}]
    return {**period, "dimensions": kept}


def write_cdr(cdr: Cdr, data: Data, findings: list[Finding]) -> Data | None:
    """Return a CDR as 2.1.1 has it, ``None`` for a Credit CDR: there are none.

    Args:
        cdr: The object.
        data: Its canonical data.
        findings: Receives everything that 2.1.1 cannot say.
    """
    if cdr.credit:
        findings.append(problem(VersionCode.CREDIT_NOT_EXPRESSIBLE, "/credit"))
        return None
    for key in _LATER_FIELDS:
        if key in data:
            say = warning if key == "signed_data" else note
            findings.append(say(VersionCode.FIELD_NOT_EXPRESSIBLE, f"/{key}", field=key))
    for key in _TOKEN_FIELDS:
        place, name = f"/cdr_token/{key}", f"cdr_token.{key}"
        findings.append(note(VersionCode.FIELD_NOT_EXPRESSIBLE, place, field=name))
    if cdr.total_cost.incl_vat is not None:
        findings.append(
            warning(VersionCode.FIELD_NOT_EXPRESSIBLE, "/total_cost/incl_vat", field="total_cost.incl_vat")
        )
    if len(cdr.tariffs or ()) > 1:
        findings.append(
            problem(VersionCode.TARIFF_OF_PERIOD_LOST, "/charging_periods", tariffs=len(cdr.tariffs or ()))
        )
    for index, period in enumerate(cdr.charging_periods):
        if period.tariff_id is not None:  # with one tariff nothing else can be meant
            place = f"/charging_periods/{index}/tariff_id"
            findings.append(note(VersionCode.FIELD_NOT_EXPRESSIBLE, place, field="tariff_id"))
    periods = _write_periods(data["charging_periods"], findings)
    if not periods:
        return None
    known = {*type(cdr).model_fields}
    result: Data = {key: item for key, item in data.items() if key in _SAME_FIELDS or key not in known}
    result |= {
        "stop_date_time": data["end_date_time"],
        "auth_id": cdr.cdr_token.contract_id,
        "auth_method": _write_auth_method(cdr.auth_method, findings),
        "location": _write_location(cdr, data["cdr_location"], findings),
        "charging_periods": periods,
        "total_cost": cdr.total_cost.excl_vat,
    }
    return result


def _write_auth_method(method: AuthMethod, findings: list[Finding]) -> str:
    if method is not AuthMethod.COMMAND:
        return method.value
    written = AuthMethod.AUTH_REQUEST.value
    findings.append(
        note(VersionCode.AUTH_METHOD_WRITTEN_AS, "/auth_method", method=method.value, written=written)
    )
    return written


def _write_periods(periods: list[Data], findings: list[Finding]) -> list[Data]:
    kept = []
    for index, period in enumerate(periods):
        place = f"/charging_periods/{index}"
        dimensions = []
        for one in period["dimensions"]:
            if one["type"] in _LATER_DIMENSIONS:
                # a reservation costs money; the power only says which price held
                say = problem if one["type"] == CdrDimensionType.RESERVATION_TIME else warning
                findings.append(say(VersionCode.DIMENSION_LOST, place, dimension=one["type"]))
            else:
                dimensions.append(one)
        if dimensions:
            rest = {key: item for key, item in period.items() if key != "tariff_id"}
            kept.append({**rest, "dimensions": dimensions})
        else:
            findings.append(problem(VersionCode.PERIOD_EMPTY, place))
    return kept


def _write_location(cdr: Cdr, location: Data, findings: list[Finding]) -> Data:
    """Return a Location of 2.1.1 with one EVSE and connector; what only it asks for is made up and reported."""
    updated = cdr.model_dump(include={"last_updated"})["last_updated"]
    connector = {
        "id": location["connector_id"],
        "standard": location["connector_standard"],
        "format": location["connector_format"],
        "power_type": location["connector_power_type"],
        "voltage": 0,
        "amperage": 0,
        "last_updated": updated,
    }
    evse = {
        "uid": location["evse_uid"],
        "evse_id": location["evse_id"],
        "status": "UNKNOWN",
        "connectors": [connector],
        "last_updated": updated,
    }
    made_up = ["type", "evses/0/status", "evses/0/connectors/0/voltage", "evses/0/connectors/0/amperage"]
    if "postal_code" not in location:
        made_up.append("postal_code")
    for key in made_up:
        findings.append(note(VersionCode.VALUE_MADE_UP, "/cdr_location", field=key))
    if _CONNECTORS_SINCE_2_2.fullmatch(location["connector_standard"]):
        findings.append(
            warning(
                VersionCode.VALUE_NOT_EXPRESSIBLE,
                "/cdr_location/connector_standard",
                value=location["connector_standard"],
            )
        )
    if "state" in location:
        findings.append(
            note(VersionCode.FIELD_NOT_EXPRESSIBLE, "/cdr_location/state", field="cdr_location.state")
        )
    return {
        "id": location["id"],
        "type": "UNKNOWN",
        **{key: location[key] for key in ("name", "time_zone") if key in location},
        "address": location["address"],
        "city": location["city"],
        "postal_code": location.get("postal_code", NOT_AVAILABLE),
        "country": location["country"],
        "coordinates": {
            key: _six_decimals(location["coordinates"][key]) for key in ("latitude", "longitude")
        },
        "evses": [evse],
        "last_updated": updated,
    }


def _six_decimals(degrees: str) -> str:
    """Return a coordinate with the six decimals of 2.1.1; the seventh is about a centimetre."""
    return format(Decimal(degrees).quantize(_SIX_DECIMALS, rounding=ROUND_HALF_EVEN), "f")
