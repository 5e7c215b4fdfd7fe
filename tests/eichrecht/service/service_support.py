"""The whole service in this process: the real application on an SQLite file, called over ASGI."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2

from eichrecht.demo.material import session_facts
from eichrecht.service.app import Service, create_app
from eichrecht.service.settings import Settings
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.objects.version import Endpoint, InterfaceRole
from ocpi.registration import Partner, PartnerState
from ocpi.transport import json
from sample_meters.ocmf import OcmfMeter

TOKEN = "operator-token-for-tests"
START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
EVSE = "DE*SMP*E0001"
CARD = "1F2D3A4F5506C7"
URL = "https://cpo.example"

TARIFF: dict[str, Any] = {
    "country_code": "DE",
    "party_id": "CPO",
    "id": "T1",
    "currency": "EUR",
    "elements": [
        {"price_components": [{"type": "ENERGY", "price": Decimal("0.50"), "vat": 19, "step_size": 1}]}
    ],
    "last_updated": "2026-01-01T00:00:00Z",
}


def meter() -> OcmfMeter:
    return OcmfMeter("secp256r1")


def record(energy: str = "10.000") -> bytes:
    begin = Decimal("100.000")
    return meter().session_record(begin, begin + Decimal(energy), START, START + timedelta(hours=2))


def facts(session_id: str = "S1", **more: Any) -> dict[str, Any]:
    return session_facts(session_id, EVSE, CARD, "T1", **more)


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


class Operator:
    """A client of the operator API and of everything else that the service serves."""

    def __init__(self, http: httpx2.AsyncClient, service: Service) -> None:
        self.http = http
        self.service = service

    async def call(
        self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, **more: Any
    ) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
        if body is not None:
            more["content"] = body if isinstance(body, bytes) else json.dumps(body)
        return await self.http.request(method, f"/api/v1{path}", headers=headers, **more)

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        response = await self.call(method, path, body)
        assert response.status_code < 300, response.text
        return json.loads(response.content)

    async def take(
        self, content: bytes | None = None, session_id: str = "S1", status: int = 201, **more: Any
    ) -> Any:
        body = {
            "facts": facts(session_id, **more),
            "signed_data_base64": base64.b64encode(record() if content is None else content).decode(),
        }
        response = await self.call("POST", "/sessions", body)
        assert response.status_code == status, response.text
        return json.loads(response.content)

    async def delivered(self, cdr_id: str) -> None:
        """Pretend that the worker delivered a CDR."""
        from eichrecht.store.tables import cdrs

        async with self.service.database.transaction() as tx:
            await tx.connection.execute(cdrs.update().where(cdrs.c.id == cdr_id).values(state="delivered"))


@asynccontextmanager
async def running(folder: Path, *, prepared: bool = True, **settings: Any) -> AsyncIterator[Operator]:
    """Start the service; ``prepared`` = with partner, tariff and the meter's key."""
    values = {"operator_token": TOKEN, "public_url": URL, "worker": False} | settings
    app = create_app(Settings(database=str(folder / "service.sqlite"), **values))
    service: Service = app.state.service
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as http:
            operator = Operator(http, service)
            if prepared:
                async with service.database.transaction() as tx:
                    await tx.partners.put(emsp())
                key = {"charge_point": EVSE, "public_key": meter().public_key_text()}
                await operator.ok("POST", "/keys", key)
                await operator.ok("PUT", "/tariffs", TARIFF)
            yield operator
    finally:
        await service.close()


def in_service(folder: Path, work: Callable[[Operator], Awaitable[None]], **settings: Any) -> None:
    async def run() -> None:
        async with running(folder, **settings) as operator:
            await work(operator)

    asyncio.run(run())
