"""The chain over real HTTP: the service as a process of its own, an eMSP as a process or on a real socket."""

from __future__ import annotations

import asyncio
import base64
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from eichrecht.demo.material import ENERGY_TARIFF, session_facts
from eichrecht.demo.processes import Processes, free_port
from ocpi.client import OcpiClient
from ocpi.handshake import Platform, Registrar
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.server.emsp import create_emsp
from ocpi.transport import json
from ocpi.transport.urls import LOOPBACK, guarded_transport
from ocpi.versions import V2_2_1
from sample_meters.demo import DemoSession, demo_sessions

PATIENCE_S = 60
"""Bound of a wait for something that normally takes a second or two; nothing is measured with it."""

ROLE = CredentialsRole(
    role=Role.EMSP, business_details=BusinessDetails(name="eMSP"), party_id="MSP", country_code="DE"
)
GOOD = [session for session in demo_sessions() if session.outcome == "deliver"]


class Operator:
    """The CPO's back office: it calls the running service."""

    def __init__(self, processes: Processes) -> None:
        self.processes = processes

    def call(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        response = httpx2.request(
            method,
            f"{self.processes.service_url}/api/v1{path}",
            headers={"Authorization": f"Bearer {self.processes.operator_token}"},
            content=None if body is None else json.dumps(body),
            timeout=PATIENCE_S,
        )
        return response.status_code, json.loads(response.content)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        status, value = self.call(method, path, body)
        assert status < 300, value
        return value

    def prepare(self) -> None:
        for session in GOOD:
            key = {"charge_point": session.evse_id, "public_key": session.public_key_text}
            self.ok("POST", "/keys", key)
        self.ok("PUT", "/tariffs", ENERGY_TARIFF)

    def take(self, session: DemoSession, identifier: str) -> str:
        encoded = base64.b64encode(session.document).decode()
        body = {"facts": facts(session, identifier), "signed_data_base64": encoded}
        answer = self.ok("POST", "/sessions", body)
        assert answer["outcome"] == "ready", answer["findings"]
        return str(answer["cdr"]["id"])

    def state(self, cdr_id: str) -> str:
        return str(self.ok("GET", f"/cdrs/{cdr_id}")["state"])

    def wait_delivered(self, *cdr_ids: str) -> None:
        wait_for(lambda: all(self.state(cdr_id) == "delivered" for cdr_id in cdr_ids))


def facts(session: DemoSession, identifier: str, **more: Any) -> dict[str, Any]:
    return session_facts(identifier, session.evse_id, session.token_uid, str(ENERGY_TARIFF["id"]), **more)


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError("it did not happen")
        time.sleep(0.05)


class EmspHost:
    """An eMSP on a real socket of this process, so that the test sees every request; it can go and come back."""

    def __init__(self) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.emsp = create_emsp(self.url)
        self.posted: list[str] = []
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @property
    def versions_url(self) -> str:
        return self.emsp.config.versions_url

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http" or scope["method"] != "POST" or not scope["path"].endswith("/cdrs"):
            await self.emsp.app(scope, receive, send)
            return
        body = b""

        async def heard() -> Any:
            nonlocal body
            message = await receive()
            body += message.get("body", b"")
            if message["type"] == "http.request" and not message.get("more_body"):
                self.posted.append(json.loads(body)["id"])
            return message

        await self.emsp.app(scope, heard, send)

    def start(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        config = uvicorn.Config(
            self._app, log_level="warning", access_log=False, lifespan="off", interface="asgi3"
        )
        server = self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
        self._thread.start()

    def stop(self) -> None:
        if self._server is not None and self._thread is not None:
            self._server.should_exit = True
            self._thread.join(PATIENCE_S)
            self._server = self._thread = None

    def invite(self) -> str:
        return asyncio.run(self.emsp.registrar.invite())

    @asynccontextmanager
    async def registrar(self) -> AsyncIterator[Registrar]:
        """The eMSP's registrar with a client of this event loop."""
        async with httpx2.AsyncClient(transport=guarded_transport(LOOPBACK)) as http:
            platform = Platform(self.versions_url, (ROLE,))
            yield Registrar(self.emsp.stores.registrations, http, platform, policy=LOOPBACK)

    def as_client(self, work: Callable[[OcpiClient], Awaitable[Any]]) -> Any:
        async def run() -> Any:
            async with self.registrar() as registrar:
                (partner,) = await self.emsp.stores.registrations.partners()
                return await work(registrar.client(partner, role=Role.CPO))

        return asyncio.run(run())


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    made = Processes(tmp_path)
    yield made
    made.stop()


@pytest.fixture
def host() -> Iterator[EmspHost]:
    made = EmspHost()
    made.start()
    yield made
    made.stop()


def connected(processes: Processes, host: EmspHost, **settings: str) -> Operator:
    processes.start_service(**settings)
    operator = Operator(processes)
    partner = operator.ok("POST", "/partners", {"versions_url": host.versions_url, "token": host.invite()})
    assert (partner["version"], partner["state"]) == ("2.2.1", "registered")
    operator.prepare()
    return operator


def test_two_processes_from_handshake_to_receipt(processes: Processes) -> None:
    processes.start_service()
    processes.start_emsp()
    operator = Operator(processes)
    body = {"versions_url": processes.emsp_versions_url, "token": processes.emsp_token_a}
    partner = operator.ok("POST", "/partners", body)
    assert partner["version"] == "2.2.1"
    # Token A is used up by the handshake.
    status, refused = operator.call("POST", "/partners", body)
    assert (status, refused["error"]["code"]) == (502, "handshake_failed")
    operator.prepare()
    pushed = operator.ok("PUT", "/tariffs", ENERGY_TARIFF | {"last_updated": "2026-01-01T00:00:00Z"})
    assert pushed == {"id": "ENERGY-49", "new_version": True, "pushed": {partner["id"]: "ok"}}

    names = [operator.take(session, f"S-{number}") for number, session in enumerate(GOOD)]
    operator.wait_delivered(*names)
    for name, session in zip(names, GOOD, strict=True):
        shown = operator.ok("GET", f"/cdrs/{name}")
        assert shown["total_energy"] == session.energy_kwh
        assert shown["delivery"]["attempts"] == 1
        assert shown["delivery"]["location"].startswith(processes.emsp_versions_url.partition("/ocpi")[0])
        receipt = httpx2.get(f"{shown['receipt_url']}?lang=en")
        assert receipt.status_code == 200
        assert f"{session.energy_kwh} kWh" in receipt.text
        assert session.token_uid not in receipt.text
        assert httpx2.get(f"{shown['receipt_url']}/record").content == session.document

    deleted = operator.ok("DELETE", "/tariffs/ENERGY-49")
    assert deleted == {"id": "ENERGY-49", "deleted": {partner["id"]: "ok"}}


def test_an_emsp_that_was_invited_pulls_what_it_was_sent(processes: Processes, host: EmspHost) -> None:
    processes.start_service()
    operator = Operator(processes)
    invitation = operator.ok("POST", "/partners/invitations")

    async def handshake() -> None:
        async with host.registrar() as registrar:
            await registrar.register(invitation["versions_url"], invitation["token"])
            with pytest.raises(Exception, match=r"401|2001|token"):  # token A is used up
                await registrar.register(invitation["versions_url"], invitation["token"])

    asyncio.run(handshake())
    (partner,) = operator.ok("GET", "/partners")
    assert (partner["state"], partner["roles"]) == ("registered", ["EMSP DE*MSP"])
    operator.prepare()
    names = [operator.take(session, f"S-{number}") for number, session in enumerate(GOOD)]
    operator.wait_delivered(*names)
    assert sorted(host.posted) == names  # each once; independent CDRs have no order among each other

    async def pull(client: OcpiClient) -> None:
        everything = [item async for item in client.iter_cdrs(limit=1)]
        assert [item.id for item in everything] == names
        moments = [item.last_updated for item in everything]
        later = [item.id async for item in client.iter_cdrs(moments[1], limit=2)]
        assert later == names[1:]
        window = [item.id async for item in client.iter_cdrs(moments[1], moments[2])]
        assert window == names[1:2]
        nothing = [item async for item in client.iter_cdrs(moments[-1] + timedelta(seconds=1))]
        assert nothing == []
        assert [item.id async for item in client.iter_tariffs()] == ["ENERGY-49"]
        # What is pulled is what was pushed, and the check that it links to agrees with it.
        for item, session in zip(everything, GOOD, strict=True):
            assert item.total_energy == session.energy_kwh
            assert item.signed_data is not None
            assert item.signed_data.url is not None
            assert httpx2.get(item.signed_data.url).status_code == 200
            check = httpx2.post(
                f"{processes.service_url}/api/v1/transparency/check",
                content=json.dumps(V2_2_1.dump(item)),
            )
            (result,) = json.loads(check.content)["results"]
            (signed,) = result["transactions"]
            assert (result["verdict"], signed["verdict"]) == ("valid", "valid")
            assert Decimal(signed["energy_kwh"]) == item.total_energy

    host.as_client(pull)


def test_credit_and_correction_arrive_in_order_and_the_original_stays(
    processes: Processes, host: EmspHost
) -> None:
    operator = connected(processes, host)
    original = operator.take(GOOD[0], "S-1")
    operator.wait_delivered(original)

    async def all_cdrs(client: OcpiClient) -> list[Cdr]:
        return [item async for item in client.iter_cdrs()]

    (before,) = host.as_client(all_cdrs)
    corrected = facts(GOOD[0], "S-1", cdr_id="S-1-2", remark="right contract")
    credit, new = operator.ok("POST", f"/cdrs/{original}/credit", {"facts": corrected})
    assert (credit["id"], new["id"]) == ("S-1-C", "S-1-2")
    operator.wait_delivered("S-1-C", "S-1-2")
    assert host.posted == ["S-1", "S-1-C", "S-1-2"]
    first, second, third = host.as_client(all_cdrs)
    assert first == before
    assert (second.credit, second.credit_reference_id) == (True, "S-1")
    assert second.total_cost.excl_vat == -first.total_cost.excl_vat
    assert second.total_energy == first.total_energy
    assert (third.remark, third.credit, third.total_cost) == ("right contract", None, first.total_cost)

    other = operator.take(GOOD[1], "S-2")
    operator.wait_delivered(other)
    operator.ok("POST", f"/cdrs/{other}/credit")
    operator.wait_delivered("S-2-C")
    assert host.posted[3:] == ["S-2", "S-2-C"]


def test_a_kill_between_intake_and_delivery_loses_and_doubles_nothing(
    processes: Processes, host: EmspHost
) -> None:
    operator = connected(processes, host, EICHRECHT_WORKER="false")
    names = [operator.take(session, f"S-{number}") for number, session in enumerate(GOOD)]
    assert [operator.state(name) for name in names] == ["ready"] * len(names)
    processes.kill_service()
    assert host.posted == []
    processes.start_service()
    operator.wait_delivered(*names)
    assert sorted(host.posted) == names
    processes.kill_service()
    processes.start_service()
    # The same session is answered from the store, by a process that never saw it.
    encoded = base64.b64encode(GOOD[0].document).decode()
    answer = operator.ok("POST", "/sessions", {"facts": facts(GOOD[0], "S-0"), "signed_data_base64": encoded})
    assert (answer["known"], answer["cdr"]["state"]) == (True, "delivered")
    assert sorted(host.posted) == names


def test_an_unreachable_partner_gets_its_cdr_when_it_is_back(processes: Processes, host: EmspHost) -> None:
    operator = connected(processes, host)
    host.stop()
    name = operator.take(GOOD[0], "S-1")
    wait_for(lambda: bool(operator.ok("GET", f"/cdrs/{name}")["delivery"]["last_error"]))
    shown = operator.ok("GET", f"/cdrs/{name}")
    assert (shown["state"], shown["delivery"]["state"]) == ("ready", "pending")
    # The receipt does not wait for the partner.
    assert httpx2.get(shown["receipt_url"]).status_code == 200
    host.start()
    operator.wait_delivered(name)
    assert host.posted == [name]


def test_a_tariff_is_stored_though_a_partner_cannot_be_reached(processes: Processes, host: EmspHost) -> None:
    operator = connected(processes, host)
    host.stop()
    newer = ENERGY_TARIFF | {"last_updated": "2026-06-01T00:00:00Z"}
    answer = operator.ok("PUT", "/tariffs", newer)
    (told,) = answer["pushed"].values()
    assert answer["new_version"] is True
    assert told != "ok"
    host.start()

    async def pull(client: OcpiClient) -> list[str]:
        return [item.last_updated.isoformat() async for item in client.iter_tariffs()]

    assert host.as_client(pull) == ["2026-06-01T00:00:00+00:00"]
