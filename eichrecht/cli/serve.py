"""``eichrecht serve``, ``worker``, ``db``, ``key``, ``tariff`` and ``partner``: running and filling the service."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from eichrecht.cli.cdr_inputs import load_object
from eichrecht.cli.database import DatabaseOption, open_service, settings_for
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import read_bytes
from eichrecht.service.api import ApiError
from eichrecht.service.app import create_app
from eichrecht.service.chain import utc_now
from eichrecht.service.operator import operator_key
from eichrecht.store.errors import StoreError
from eichrecht.store.migrate import upgrade
from ocpi.errors import OcpiError
from ocpi.objects.tariff import Tariff
from ocpi.transport import json
from ocpi.versions import V2_2_1

db = typer.Typer(help="The database.", no_args_is_help=True)
key = typer.Typer(help="Keys that the operator vouches for.", no_args_is_help=True)
tariff = typer.Typer(help="Tariffs.", no_args_is_help=True)
partner = typer.Typer(help="OCPI partners.", no_args_is_help=True)


def serve(
    database: DatabaseOption = None,
    host: Annotated[str | None, typer.Option("--host")] = None,
    port: Annotated[int | None, typer.Option("--port")] = None,
    public_url: Annotated[
        str | None,
        typer.Option("--public-url", help="URL under which partners and drivers reach the service."),
    ] = None,
    worker: Annotated[
        bool | None, typer.Option("--worker/--no-worker", help="Deliver CDRs from this process.")
    ] = None,
) -> None:
    """Run the service: OCPI, operator API, transparency check, delivery.

    More settings: EICHRECHT_* (docs/operator.md).
    """
    settings = settings_for(database=database, host=host, port=port, public_url=public_url, worker=worker)
    try:
        app = create_app(settings)
    except StoreError as error:
        raise InputError(str(error)) from error
    uvicorn.run(app, host=settings.host, port=settings.port, log_level="warning", access_log=False)


def worker(database: DatabaseOption = None) -> None:
    """Deliver CDRs from the database until stopped; several workers may run at once."""

    async def run() -> None:
        async with open_service(database) as service:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, service.stop.set)
            await service.worker().run_forever(service.stop)

    asyncio.run(run())


@db.command("upgrade")
def db_upgrade(database: DatabaseOption = None) -> None:
    """Create the database or bring it to this release."""
    try:
        revision = upgrade(settings_for(database=database).database_address)
    except StoreError as error:
        raise InputError(str(error)) from error
    sys.stdout.write(f"database is at {revision}\n")


@key.command("add")
def key_add(
    charge_point: Annotated[str, typer.Argument(help="EVSE id or charge point.")],
    public_key: Annotated[str, typer.Argument(help="Key file or key text.")],
    meter_serial: Annotated[
        str | None, typer.Option("--meter-serial", help="Serial number of the meter.")
    ] = None,
    note: Annotated[str, typer.Option("--note", help="From which letter or file.")] = "",
    database: DatabaseOption = None,
) -> None:
    """Vouch for a meter's public key."""
    try:
        is_file = len(public_key) < 1024 and Path(public_key).is_file()
    except OSError:
        is_file = False
    text = read_bytes(Path(public_key)).decode("utf-8", "replace") if is_file else public_key
    try:
        row = operator_key(charge_point, text, meter_serial, note)
    except ApiError as error:
        raise InputError(error.detail) from error

    async def run() -> int:
        async with open_service(database) as service, service.database.transaction() as tx:
            return await tx.keys.add(row, utc_now())

    sys.stdout.write(f"key {asyncio.run(run())}: {row.fingerprint}\n")


@tariff.command("put")
def tariff_put(
    file: Annotated[Path, typer.Argument(help="OCPI tariff as JSON.")], database: DatabaseOption = None
) -> None:
    """Store a tariff version and push it to every partner that takes tariffs."""
    loaded: Tariff = load_object(file, Tariff)

    async def run() -> dict[str, str]:
        async with open_service(database) as service:
            async with service.database.transaction() as tx:
                await tx.tariffs.put(loaded, json.dumps(V2_2_1.dump(loaded)), utc_now())
            return await service.partners.push_tariff(loaded)

    try:
        pushed = asyncio.run(run())
    except StoreError as error:
        raise InputError(str(error)) from error
    sys.stdout.write(f"tariff {loaded.id} stored\n")
    for name, result in pushed.items():
        sys.stdout.write(f"  {name}: {result}\n")


@partner.command("connect")
def partner_connect(
    versions_url: Annotated[str, typer.Argument(help="The partner's versions URL.")],
    token: Annotated[str, typer.Argument(help="Its token A.")],
    database: DatabaseOption = None,
) -> None:
    """Start the OCPI handshake with a partner. The service must be running: the partner calls it back."""

    async def run() -> str:
        async with open_service(database) as service:
            connected = await service.partners.connect(versions_url, token)
            return f"{connected.id} registered with OCPI {connected.version}"

    try:
        sys.stdout.write(asyncio.run(run()) + "\n")
    except OcpiError as error:
        raise InputError(f"handshake failed: {error}") from error


@partner.command("invite")
def partner_invite(database: DatabaseOption = None) -> None:
    """Make a token A for a partner that starts the handshake itself."""

    async def run() -> tuple[str, str]:
        async with open_service(database) as service:
            return await service.partners.invite()

    token, url = asyncio.run(run())
    sys.stdout.write(f"versions URL: {url}\ntoken A: {token}\n")
