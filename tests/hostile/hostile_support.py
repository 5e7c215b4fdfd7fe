"""Material for attacks: an honest meter, session facts, and a chain on a fresh database with one eMSP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from eichrecht.billing.facts import read_facts
from eichrecht.demo.material import ENERGY_TARIFF, session_facts
from eichrecht.evidence import Document, DocumentVerdict, KeySource
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.service.chain import Chain, TakenSession
from eichrecht.service.decisions import Decisions
from eichrecht.service.operator import operator_key
from eichrecht.signatures.keys import read_key
from eichrecht.store.database import Database
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.objects.tariff import Tariff
from ocpi.objects.version import Endpoint, InterfaceRole
from ocpi.registration import Partner, PartnerState
from ocpi.transport.json import dumps
from ocpi.versions import V2_2_1
from sample_meters.ocmf import OcmfMeter

START = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
EVSE = "DE*SMP*E0001"
CARD = "1F2D3A4F5506C7"


def meter(**fields: Any) -> OcmfMeter:
    return OcmfMeter("secp256r1", **fields)


def honest_record(of: OcmfMeter | None = None, begin: str = "100.000", end: str = "110.000") -> bytes:
    return (of or meter()).session_record(Decimal(begin), Decimal(end), START, START + HOUR)


def known_key(of: OcmfMeter | None = None, **fields: Any) -> KnownKey:
    material = read_key((of or meter()).public_key_text())
    return KnownKey(**({"name": "known", "material": material, "source": KeySource.OPERATOR} | fields))


def verify(content: bytes, *keys: KnownKey, given: str | None = None, **options: Any) -> DocumentVerdict:
    supplied = (SuppliedKey(given, "--key"),) if given else ()
    return Verifier(ring=MemoryKeyRing(keys), keys=supplied, **options).verify(Document("test", content))


def codes(verdict: DocumentVerdict) -> set[str]:
    found = [*verdict.findings]
    for item in (*verdict.records, *verdict.transactions):
        found += item.findings
    return {str(finding.code) for finding in found}


def emsp(partner_id: str = "p1") -> Partner:
    role = CredentialsRole(
        role=Role.EMSP, business_details=BusinessDetails(name="eMSP"), party_id="MSP", country_code="DE"
    )
    return Partner(
        id=partner_id,
        state=PartnerState.REGISTERED,
        versions_url="https://emsp.example/versions",
        version="2.2.1",
        endpoints=(
            Endpoint(identifier="cdrs", role=InterfaceRole.RECEIVER, url="https://emsp.example/cdrs"),
        ),
        roles=(role,),
        token="the-token-that-we-send",
        base64_tokens=True,
        updated=START,
    )


@dataclass
class World:
    """A chain over a database; ``take`` puts a session in."""

    database: Database
    chain: Chain
    decisions: Decisions
    meters: list[OcmfMeter] = field(default_factory=list)

    async def vouch(
        self, of: OcmfMeter, charge_point: str = EVSE, meter_serial: str | None = "SAMPLE0001"
    ) -> None:
        key = operator_key(charge_point, of.public_key_text(), meter_serial, "")
        async with self.database.transaction() as tx:
            await tx.keys.add(key, START)

    async def take(self, session_id: str, content: bytes, **more: Any) -> TakenSession:
        value = session_facts(session_id, more.pop("evse_id", EVSE), more.pop("token_uid", CARD), "ENERGY-49")
        value |= more
        raw = dumps(value)
        return await self.chain.take_session(read_facts(value), raw, Document(session_id, content))


def facts(session_id: str, **more: Any) -> Any:
    evse, card = more.pop("evse_id", EVSE), more.pop("token_uid", CARD)
    return read_facts(session_facts(session_id, evse, card, "ENERGY-49", **more))


def in_world(path: Path, work: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Database.open(str(path / "eichrecht.db")) as database:
            world = World(
                database,
                Chain(database, base_url="https://cpo.example"),
                Decisions(database, "DE", "CPO", clock=lambda: START),
            )
            async with database.transaction() as tx:
                await tx.partners.put(emsp())
                tariff = V2_2_1.load(Tariff, ENERGY_TARIFF)
                await tx.tariffs.put(tariff, dumps(ENERGY_TARIFF), START)
            await world.vouch(meter())
            await work(world)

    asyncio.run(run())
