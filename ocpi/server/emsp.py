"""An eMSP in one process, with storages in memory: ``python -m ocpi.server.emsp``. For demos and tests.

It prints one line of JSON, ``{"versions_url": ..., "token_a": ..., "pid": ...}``, as soon as it listens: what
a CPO needs to start the handshake. It ends on SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx2
import uvicorn
from fastapi import FastAPI

from ocpi.handshake import Platform, Registrar
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.server.app import OcpiConfig, create_ocpi_app
from ocpi.server.memory import MemoryEmsp
from ocpi.transport import json
from ocpi.transport.headers import PartyId
from ocpi.transport.urls import LOOPBACK, UrlPolicy, guarded_transport


@dataclass(frozen=True, slots=True)
class Emsp:
    """A running eMSP's parts.

    Attributes:
        app: ASGI application with OCPI under ``/ocpi``.
        registrar: To invite partners.
        stores: What it received.
        config: Its settings; ``config.versions_url`` goes to the CPO together with a token A.
    """

    app: FastAPI
    registrar: Registrar
    stores: MemoryEmsp
    config: OcpiConfig


def create_emsp(
    public_url: str,
    party: PartyId = PartyId("DE", "MSP"),  # noqa: B008 - immutable
    *,
    name: str = "eMSP",
    policy: UrlPolicy = LOOPBACK,
    http: httpx2.AsyncClient | None = None,
) -> Emsp:
    """Build an eMSP.

    Args:
        public_url: Where partners reach this process, without ``/ocpi``.
        party: The eMSP's country code and party id.
        name: Its business name.
        policy: Which URLs it calls; loopback by default, because it is for demos and tests.
        http: Client for its own calls; made with the guarded transport, and closed with the application, if
            not given.
    """
    client = http or httpx2.AsyncClient(transport=guarded_transport(policy))
    config = OcpiConfig(f"{public_url.rstrip('/')}/ocpi")
    role = CredentialsRole(
        role=Role.EMSP,
        business_details=BusinessDetails(name=name),
        party_id=party.party_id,
        country_code=party.country_code,
    )
    stores = MemoryEmsp()
    registrar = Registrar(stores.registrations, client, Platform(config.versions_url, (role,)), policy=policy)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        if http is None:
            await client.aclose()

    app = FastAPI(lifespan=lifespan, openapi_url=None)
    app.mount("/ocpi", create_ocpi_app(config, stores.storage(), registrar))
    return Emsp(app, registrar, stores, config)


async def serve(host: str, port: int, party: PartyId, name: str) -> None:
    """Listen and serve until a signal ends the process.

    Args:
        host: Address to listen on.
        port: TCP port; 0 takes a free one.
        party: The eMSP's party.
        name: Its business name.

    Raises:
        OSError: The address cannot be listened on.
    """
    listener = socket.create_server((host, port))  # before anything is announced: the port is ours now
    bound = listener.getsockname()[1]
    emsp = create_emsp(f"http://{host}:{bound}", party, name=name)
    announcement = {
        "versions_url": emsp.config.versions_url,
        "token_a": await emsp.registrar.invite(),
        "pid": os.getpid(),
    }
    sys.stdout.write(json.dumps(announcement).decode() + "\n")
    sys.stdout.flush()
    settings = uvicorn.Config(emsp.app, log_level="warning", access_log=False)
    await uvicorn.Server(settings).serve(sockets=[listener])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run from the command line; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ocpi.server.emsp", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--country-code", default="DE")
    parser.add_argument("--party-id", default="MSP")
    parser.add_argument("--name", default="eMSP")
    options = parser.parse_args(arguments)
    party = PartyId(options.country_code, options.party_id)
    try:
        asyncio.run(serve(options.host, options.port, party, options.name))
    except KeyboardInterrupt:
        return 0
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host}:{options.port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
