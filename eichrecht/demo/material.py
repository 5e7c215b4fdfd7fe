"""What the demo feeds into the chain: tariffs, session facts, sessions of simulated meters or of a file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from eichrecht.containers.unwrap import unwrap
from eichrecht.evidence import Document, SignedRecord
from eichrecht.formats import registry
from eichrecht.formats.errors import FormatError
from sample_meters.cases import demo_sessions

COUNTRY_CODE, PARTY_ID, EMSP_PARTY = "DE", "CPO", "MSP"
FILE_EVSE = "DE*CPO*EFILE*1"

MAX_EVSE_ID = 36
"""Characters of ``evse_uid`` in a CDR, the shorter of the two fields that take it."""

_LAST_UPDATED = "1970-01-01T00:00:00Z"
"""Before every record, also of a meter whose clock was never set: the tariff is in force at its start."""


def _tariff(identifier: str, text: str, *components: dict[str, Any]) -> dict[str, Any]:
    return {
        "country_code": COUNTRY_CODE,
        "party_id": PARTY_ID,
        "id": identifier,
        "currency": "EUR",
        "tariff_alt_text": [{"language": "en", "text": text}],
        "elements": [{"price_components": list(components)}],
        "last_updated": _LAST_UPDATED,
    }


ENERGY_TARIFF = _tariff(
    "ENERGY-49",
    "demo tariff, energy only",
    {"type": "ENERGY", "price": Decimal("0.49"), "vat": 19, "step_size": 1},
)
TIME_TARIFF = _tariff(
    "ENERGY-39-TIME",
    "demo tariff, energy and time",
    {"type": "ENERGY", "price": Decimal("0.39"), "vat": 19, "step_size": 1},
    {"type": "TIME", "price": Decimal("1.20"), "vat": 19, "step_size": 60},
)


@dataclass(frozen=True, slots=True)
class DemoSession:
    """One session on its way through the chain.

    Attributes:
        name: For the table.
        document: Signed data.
        public_key: Key that the operator vouches for; ``None`` = nobody does.
        evse_id: Charge point.
        facts: Session facts for the operator API.
        meter_serial: Meter that the key belongs to; ``None`` if the operator knows none.
        expected: ``deliver``, ``refuse`` or ``hold``; ``None`` = whatever the data say.
    """

    name: str
    document: Document
    public_key: str | None
    evse_id: str
    facts: dict[str, Any] = field(repr=False)
    meter_serial: str | None = None
    expected: str | None = None


def session_facts(
    session_id: str, evse_id: str, token_uid: str, tariff_id: str, **more: Any
) -> dict[str, Any]:
    """Return session facts of the demo's one location."""
    return {
        "country_code": COUNTRY_CODE,
        "party_id": PARTY_ID,
        "session_id": session_id,
        "cdr_token": {
            "country_code": "DE",
            "party_id": EMSP_PARTY,
            "uid": token_uid,
            "type": "RFID",
            "contract_id": "DE-MSP-C00000001",
        },
        "auth_method": "WHITELIST",
        "cdr_location": {
            "id": "LOC1",
            "name": "Demo location",
            "address": "Musterstraße 1",
            "city": "Berlin",
            "postal_code": "10115",
            "country": "DEU",
            "coordinates": {"latitude": "52.532000", "longitude": "13.384000"},
            "evse_uid": evse_id.replace("*", ""),
            "evse_id": evse_id,
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "time_zone": "Europe/Berlin",
        "tariff_id": tariff_id,
        **more,
    }


def file_session(source: str, content: bytes, key_text: str | None) -> DemoSession:
    """Return a session made of a real record; only the signed data decide what becomes of it."""
    document = Document(source, content)
    evse_id = _charge_point(document)
    facts = session_facts(
        f"FILE-{hashlib.sha256(content).hexdigest()[:16]}", evse_id, "DEMO-TOKEN", str(ENERGY_TARIFF["id"])
    )
    if any(record.identification.assigned is False for record in _records(document)):
        facts["cdr_token"] |= {"type": "AD_HOC_USER"}  # the meter signed that no card started the session
    return DemoSession(source, document, key_text, evse_id, facts)


def _charge_point(document: Document) -> str:
    """Return the charge point that a record names, for its key is bound to it; the demo's own if none does."""
    for record in _records(document):
        named = record.charge_point[0]
        if named and len(named) <= MAX_EVSE_ID and named.isascii() and named.isprintable():
            return named
    return FILE_EVSE


def _records(document: Document) -> Iterator[SignedRecord]:
    for part in unwrap(document, registry.recognise).parts:
        if part.format:
            try:
                yield registry.decode(part.format, part.content)
            except FormatError:
                continue


def simulated_sessions() -> list[DemoSession]:
    """Return the sessions of ``sample_meters``, good and bad."""
    sessions = []
    for sample in demo_sessions():
        tariff = TIME_TARIFF if sample.bills_duration else ENERGY_TARIFF
        facts = session_facts(
            f"DEMO-{sample.name.upper()}",
            sample.evse_id,
            sample.token_uid,
            str(tariff["id"]),
            claimed_energy_kwh=sample.claimed_energy_kwh,
            meter_id=sample.meter_serial,
        )
        sessions.append(
            DemoSession(
                sample.description,
                Document(sample.name, sample.document),
                sample.public_key_text,
                sample.evse_id,
                facts,
                sample.meter_serial,
                sample.outcome,
            )
        )
    return sessions


def keys_inside(document: Document) -> tuple[str, ...]:
    """Return the public keys that stand in a document: what its writer says, not yet what the operator says."""
    found = (part.key_text for part in unwrap(document, registry.recognise).parts)
    return tuple(dict.fromkeys(key.strip() for key in found if key and key.strip()))
