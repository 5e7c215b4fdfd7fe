"""A signed session of a simulated meter, session facts and tariffs, put through ``bill_session``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from eichrecht.billing.build import BilledSession, bill_session
from eichrecht.billing.facts import SessionFacts, read_facts
from eichrecht.billing.policy import BillingPolicy
from eichrecht.demo.material import session_facts
from eichrecht.evidence import Document, DocumentVerdict, KeySource
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from ocpi.objects.cdr import CdrDimensionType
from ocpi.objects.tariff import Tariff
from ocpi.versions import V2_2_1
from sample_meters.ocmf import OcmfMeter

START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)  # 16:00 in Berlin, a Monday
MINUTE = timedelta(minutes=1)
NOW = datetime(2026, 12, 1, tzinfo=UTC)
EVSE = "DE*SMP*E0001"


def component(kind: str, amount: str, step: int = 1, vat: int | None = 19) -> dict[str, Any]:
    made: dict[str, Any] = {"type": kind, "price": Decimal(amount), "step_size": step}
    return made if vat is None else made | {"vat": vat}


def element(*components: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"price_components": list(components)}
    return made | ({"restrictions": restrictions} if restrictions else {})


def tariff(*elements: dict[str, Any], **more: Any) -> Tariff:
    value = {
        "country_code": "DE",
        "party_id": "CPO",
        "id": "T1",
        "currency": "EUR",
        "elements": list(elements) or [element(component("ENERGY", "0.50"))],
        "last_updated": "2026-01-01T00:00:00Z",
        **more,
    }
    loaded: Tariff = V2_2_1.load(Tariff, value)
    return loaded


def record(
    energy: str = "10.000",
    minutes: int = 120,
    between: Sequence[tuple[str, int]] = (),
    *,
    clock: Any = "S",
    start: datetime = START,
    begin: str = "100.000",
) -> bytes:
    """A session of ``energy`` kWh; ``between`` are signed intermediates as (kWh since begin, minutes)."""
    meter = OcmfMeter("secp256r1", clock=clock)
    base = Decimal(begin)
    return meter.session_record(
        base,
        base + Decimal(energy),
        start,
        start + minutes * MINUTE,
        [(base + Decimal(value), start + at * MINUTE) for value, at in between],
    )


def verdict(content: bytes, *, confirmed: bool = True) -> DocumentVerdict:
    material = read_key(OcmfMeter("secp256r1").public_key_text())
    known = KnownKey(name="E1", material=material, source=KeySource.OPERATOR, evse_id=EVSE)
    ring = MemoryKeyRing([known] if confirmed else [])
    return Verifier(ring=ring, charge_point=EVSE).verify(Document("session", content))


def facts(**more: Any) -> SessionFacts:
    return read_facts(session_facts("S1", EVSE, "1F2D3A4F5506C7", "T1", **more))


def bill(
    content: bytes | None = None, priced_by: Tariff | None = None, switches: Any = None, **more: Any
) -> BilledSession:
    return bill_session(
        verdict(record() if content is None else content),
        facts(**more),
        priced_by or tariff(),
        now=NOW,
        policy=BillingPolicy(**(switches or {})),
    )


def codes(billed: BilledSession, severity: str = "error") -> list[str]:
    return [str(item.code) for item in billed.findings if item.severity == severity]


def at(minutes: int | str) -> str:
    return (START + int(minutes) * MINUTE).strftime("%Y-%m-%dT%H:%M:%SZ")


def periods(billed: BilledSession) -> list[tuple[int, dict[str, Decimal]]]:
    """(Seconds since START, volume per dimension) of each charging period of the CDR."""
    assert billed.cdr is not None
    return [
        (
            int((period.start_date_time - START).total_seconds()),
            {item.type.value: item.volume for item in period.dimensions},
        )
        for period in billed.cdr.charging_periods
    ]


def energies(billed: BilledSession) -> list[Decimal]:
    assert billed.cdr is not None
    return [
        item.volume
        for period in billed.cdr.charging_periods
        for item in period.dimensions
        if item.type is CdrDimensionType.ENERGY
    ]
