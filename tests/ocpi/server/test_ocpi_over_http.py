"""The eMSP as a process of its own, the CPO over real HTTP on loopback."""

from __future__ import annotations

import asyncio
import base64
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn
from fastapi import FastAPI

from ocpi.client import OcpiClient
from ocpi.errors import NotDelivered
from ocpi.handshake import CPO_NEEDS, Platform, Registrar, new_token
from ocpi.objects.credentials import Role
from ocpi.registration import IssuedToken, Partner, TokenPurpose
from ocpi.server.app import OcpiConfig, create_ocpi_app
from ocpi.server.memory import MemoryRegistrations, MemorySource
from ocpi.server.storage import Storage
from ocpi.transport import json
from ocpi.transport.headers import PartyId, token_hash
from ocpi.transport.urls import LOOPBACK, guarded_transport
from ocpi.versions import V2_2_1
from tests.ocpi.platforms import START, cdr, many_cdrs, role, tariff

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def emsp_process() -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "ocpi.server.emsp", "--party-id", "MSP"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
    finally:
        process.terminate()
        process.wait(timeout=10)
        process.stdout.close()


@contextmanager
def serving(app: FastAPI, listener: socket.socket) -> Iterator[None]:
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False))
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])))
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(timeout=10)
        listener.close()


def test_the_whole_exchange_over_http() -> None:
    listener = socket.create_server(("127.0.0.1", 0))
    config = OcpiConfig(f"http://127.0.0.1:{listener.getsockname()[1]}/ocpi", page_limit=1)
    store, source = MemoryRegistrations(), MemorySource([tariff()], many_cdrs(6))
    us = Platform(config.versions_url, (role(Role.CPO, PartyId("DE", "CPO")),), CPO_NEEDS)

    async def run(emsp: dict[str, Any]) -> None:
        async with httpx2.AsyncClient(transport=guarded_transport(LOOPBACK)) as http:
            registrar = Registrar(store, http, us, policy=LOOPBACK)
            partner = await registrar.register(emsp["versions_url"], emsp["token_a"])
            partner = await registrar.rotate(partner.id)
            client = registrar.client(partner, role=Role.EMSP)
            assert await client.put_tariff(tariff())
            assert await client.get_tariff("DE", "CPO", "T/1") == tariff()
            posted = await client.post_cdr(cdr())
            assert posted.status == 201
            again = await client.post_cdr(cdr())
            assert (again.status, again.location) == (200, posted.location)
            assert posted.location is not None
            assert await client.get_cdr(posted.location) == cdr()
            await _hundred_megabytes(http, partner.token or "", posted.location.rsplit("/", 1)[0])
            await _pull(http, partner)
            assert await registrar.unregister(partner.id) is None

    async def _pull(http: httpx2.AsyncClient, partner: Partner) -> None:
        """As the eMSP, with a token issued to it: its process keeps its own for itself."""
        token = new_token()
        await store.add_token(IssuedToken(token_hash(token), TokenPurpose.PARTNER, partner.id))
        puller = OcpiClient(http, token=token, policy=LOOPBACK)
        (version,) = await puller.versions(config.versions_url)
        details = await puller.version_details(version.url)
        puller = puller.with_version(V2_2_1, details.endpoints)
        window = (START + timedelta(days=1), START + timedelta(days=4))
        assert [item.id async for item in puller.iter_cdrs(*window)] == ["CDR-1", "CDR-2", "CDR-3"]
        assert [item async for item in puller.iter_tariffs()] == [tariff()]

    # The CPO's own server must be up: the eMSP calls it back while the POST is open.
    async def shared(app_http: httpx2.AsyncClient) -> FastAPI:
        app = FastAPI(openapi_url=None)
        registrar = Registrar(store, app_http, us, policy=LOOPBACK)
        storage = Storage(store, tariff_source=source, cdr_source=source)
        app.mount("/ocpi", create_ocpi_app(config, storage, registrar))
        return app

    app = asyncio.run(shared(httpx2.AsyncClient(transport=guarded_transport(LOOPBACK))))
    with emsp_process() as emsp, serving(app, listener):
        asyncio.run(run(emsp))


async def _hundred_megabytes(http: httpx2.AsyncClient, token: str, url: str) -> None:
    headers = {"Authorization": f"Token {base64.b64encode(token.encode()).decode()}"}
    response = await http.post(url, headers=headers, content=b"{" * 100_000_000)
    assert response.status_code == 413
    assert response.json()["status_code"] == 2001


def test_nobody_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]

    async def run() -> None:
        async with httpx2.AsyncClient(transport=guarded_transport(LOOPBACK)) as http:
            us = Platform("http://127.0.0.1/ocpi/versions", (role(Role.CPO, PartyId("DE", "CPO")),))
            registrar = Registrar(MemoryRegistrations(), http, us, policy=LOOPBACK)
            with pytest.raises(NotDelivered):
                await registrar.register(f"http://127.0.0.1:{port}/ocpi/versions", "a")

    asyncio.run(run())


def test_a_port_in_use_is_a_clear_message() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = str(listener.getsockname()[1])
        command = [sys.executable, "-m", "ocpi.server.emsp", "--port", port]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30, check=False)
    assert done.returncode == 1
    assert "cannot listen" in done.stderr
    assert "Traceback" not in done.stderr
