"""``eichrecht serve``, ``worker``, ``db``, ``key`` and ``tariff``: running and filling the service."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvicorn

from eichrecht.cli import show
from eichrecht.cli.cdr_inputs import load_object
from eichrecht.cli.database import DatabaseOption, open_service, settings_for
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import read_bytes
from eichrecht.service.api import ApiError, require_own_party
from eichrecht.service.app import create_app
from eichrecht.service.chain import utc_now
from eichrecht.service.operator import operator_key
from eichrecht.store.errors import StoreError
from eichrecht.store.keys import OperatorKey
from eichrecht.store.migrate import upgrade
from ocpi.objects.tariff import Tariff
from ocpi.transport import json
from ocpi.versions import V2_2_1

db = typer.Typer(help="The database.", no_args_is_help=True)
key = typer.Typer(help="Keys that the operator vouches for.", no_args_is_help=True)
tariff = typer.Typer(help="Tariffs.", no_args_is_help=True)


def _log_to_stderr() -> None:
    """Let the log say when, for whoever reads it later; our own steps (deliveries, handshakes) are in it."""
    logging.basicConfig(
        format="%(asctime)s %(levelname)s %(name)s: %(message)s", level=logging.WARNING, stream=sys.stderr
    )
    for package in ("eichrecht", "ocpi"):
        logging.getLogger(package).setLevel(logging.INFO)


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
    _log_to_stderr()
    try:
        app = create_app(settings)
    except StoreError as error:
        raise InputError(str(error)) from error
    server = uvicorn.Server(
        uvicorn.Config(app, host=settings.host, port=settings.port, log_level="warning", access_log=False)
    )
    try:
        # Before anything starts: the port is ours, or the command ends with a sentence.
        family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
        listener = socket.create_server((settings.host, settings.port), family=family)
    except OSError as error:
        raise InputError(f"cannot listen on {settings.host}:{settings.port}: {error}") from error
    server.run(sockets=[listener])


def worker(database: DatabaseOption = None) -> None:
    """Deliver CDRs from the database until stopped; several workers may run at once."""

    _log_to_stderr()

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


@key.command("list")
def key_list(database: DatabaseOption = None) -> None:
    """List the keys that you vouch for: number, charge point, meter, fingerprint, end, note."""

    async def run() -> tuple[OperatorKey, ...]:
        async with open_service(database) as service, service.database.reading() as tx:
            return await tx.keys.find()

    for row in asyncio.run(run()):
        end = f"until {row.valid_to.isoformat()}" if row.valid_to is not None else "valid"
        parts = (str(row.id), row.charge_point, row.meter_serial or "-", row.fingerprint, end, row.note)
        sys.stdout.write(show.clean("  ".join(filter(None, parts))) + "\n")


@key.command("end")
def key_end(
    number: Annotated[int, typer.Argument(help="Number of the key; see eichrecht key list.")],
    database: DatabaseOption = None,
) -> None:
    """Stop vouching for a key from now on (meter exchanged, key revoked)."""

    async def run() -> None:
        async with open_service(database) as service, service.database.transaction() as tx:
            await tx.keys.end(number, utc_now())

    asyncio.run(run())
    sys.stdout.write(f"key {number} ended\n")


@tariff.command("put")
def tariff_put(
    file: Annotated[Path, typer.Argument(help="OCPI tariff as JSON.")], database: DatabaseOption = None
) -> None:
    """Store a tariff version and push it to every partner that takes tariffs."""
    loaded: Tariff = load_object(file, Tariff)

    async def run() -> dict[str, str]:
        async with open_service(database) as service:
            require_own_party((service.settings.country_code, service.settings.party_id), loaded)
            async with service.database.transaction() as tx:
                await tx.tariffs.put(loaded, json.dumps(V2_2_1.dump(loaded)), utc_now())
            return await service.partners.push_tariff(loaded)

    try:
        pushed = asyncio.run(run())
    except ApiError as error:
        raise InputError(error.detail) from error
    sys.stdout.write(f"tariff {loaded.id} stored\n")
    for name, result in pushed.items():
        sys.stdout.write(f"  {name}: {result}\n")
