"""A CPO and an eMSP that talk to each other in-process: the real client against the real server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2

from ocpi.handshake import CPO_NEEDS, Platform, Registrar
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.objects.tariff import Tariff
from ocpi.server.app import OcpiConfig, create_ocpi_app
from ocpi.server.emsp import Emsp, create_emsp
from ocpi.server.memory import MemoryRegistrations, MemorySource
from ocpi.server.storage import Storage
from ocpi.transport import json
from ocpi.transport.headers import PartyId
from ocpi.transport.urls import PRODUCTION
from ocpi.versions import V2_2_1

CPO_URL = "https://cpo.example/ocpi"
EMSP_URL = "https://emsp.example"
START = datetime(2026, 3, 1, tzinfo=UTC)

TARIFF = b"""{
  "country_code": "DE", "party_id": "CPO", "id": "T/1", "currency": "EUR",
  "elements": [{"price_components": [{"type": "ENERGY", "price": 0.4900, "vat": 19, "step_size": 1}]}],
  "last_updated": "2026-03-01T00:00:00Z"
}"""

CDR = b"""{
  "country_code": "DE", "party_id": "CPO", "id": "CDR-1",
  "start_date_time": "2026-03-01T10:00:00Z", "end_date_time": "2026-03-01T11:00:00Z",
  "cdr_token": {"country_code": "DE", "party_id": "MSP", "uid": "0123", "type": "RFID",
                "contract_id": "DE-MSP-C1"},
  "auth_method": "WHITELIST",
  "cdr_location": {"id": "L1", "address": "Weg 1", "city": "Bonn", "country": "DEU",
    "coordinates": {"latitude": "50.73000", "longitude": "7.10000"}, "evse_uid": "E1",
    "evse_id": "DE*CPO*E1", "connector_id": "1", "connector_standard": "IEC_62196_T2",
    "connector_format": "SOCKET", "connector_power_type": "AC_3_PHASE"},
  "currency": "EUR",
  "charging_periods": [{"start_date_time": "2026-03-01T10:00:00Z",
                        "dimensions": [{"type": "ENERGY", "volume": 12.3400}]}],
  "total_cost": {"excl_vat": 6.05, "incl_vat": 7.20},
  "total_energy": 12.3400, "total_time": 1, "last_updated": "2026-03-01T11:00:00Z"
}"""


def tariff(**changes: Any) -> Tariff:
    return V2_2_1.load(Tariff, {**json.loads(TARIFF), **changes})


def cdr(**changes: Any) -> Cdr:
    return V2_2_1.load(Cdr, {**json.loads(CDR), **changes})


def many_cdrs(count: int) -> list[Cdr]:
    moments = [(START + timedelta(days=n)).strftime("%Y-%m-%dT%H:%M:%SZ") for n in range(count)]
    return [cdr(id=f"CDR-{n}", last_updated=moment) for n, moment in enumerate(moments)]


def role(kind: Role, party: PartyId) -> CredentialsRole:
    return CredentialsRole(
        role=kind,
        business_details=BusinessDetails(name=party.party_id),
        party_id=party.party_id,
        country_code=party.country_code,
    )


@dataclass
class Clock:
    now: datetime = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Network(httpx2.AsyncBaseTransport):
    """Sends each request to the application of its host; what happened is recorded."""

    hosts: dict[str, httpx2.AsyncBaseTransport] = field(default_factory=dict)
    log: list[tuple[str, str, int]] = field(default_factory=list)
    requests: list[httpx2.Request] = field(default_factory=list)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host not in self.hosts:
            raise httpx2.ConnectError("no such host", request=request)
        self.requests.append(request)
        response = await self.hosts[request.url.host].handle_async_request(request)
        self.log.append((request.method, f"{request.url.host}{request.url.path}", response.status_code))
        return response


@dataclass
class World:
    network: Network
    http: httpx2.AsyncClient
    clock: Clock
    cpo: Registrar
    cpo_store: MemoryRegistrations
    source: MemorySource
    emsp: Emsp

    def other_host(self, host: str, handler: Callable[[httpx2.Request], httpx2.Response]) -> None:
        self.network.hosts[host] = httpx2.MockTransport(handler)

    async def raw(
        self, method: str, url: str, token: str | None, *, content: bytes | None = None, **headers: str
    ) -> httpx2.Response:
        """Send a request as some foreign client would: nothing of ours prepares it."""
        all_headers = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            all_headers["Authorization"] = f"Token {token}"
        return await self.http.request(method, url, headers=all_headers, content=content)


def world(*, page_limit: int = 100) -> World:
    network = Network()
    http = httpx2.AsyncClient(transport=network)
    clock = Clock()
    store, source = MemoryRegistrations(), MemorySource()
    config = OcpiConfig(CPO_URL, page_limit=page_limit)
    platform = Platform(config.versions_url, (role(Role.CPO, PartyId("DE", "CPO")),), CPO_NEEDS)
    registrar = Registrar(store, http, platform, policy=PRODUCTION, clock=clock)
    app = create_ocpi_app(config, Storage(store, tariff_source=source, cdr_source=source), registrar)
    emsp = create_emsp(EMSP_URL, PartyId("DE", "MSP"), policy=PRODUCTION, http=http)
    network.hosts["cpo.example"] = httpx2.ASGITransport(_mounted(app))
    network.hosts["emsp.example"] = httpx2.ASGITransport(emsp.app)
    return World(network, http, clock, registrar, store, source, emsp)


def _mounted(app: Any) -> Any:
    from fastapi import FastAPI

    outer = FastAPI(openapi_url=None)
    outer.mount("/ocpi", app)
    return outer
