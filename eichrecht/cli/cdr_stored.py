"""``eichrecht cdr`` on the database: list, credit, release, discard, replay and accept stored CDRs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from eichrecht import locales
from eichrecht.billing.facts import FactsError, SessionFacts, read_facts
from eichrecht.cli import show
from eichrecht.cli.cdr_inputs import load_object
from eichrecht.cli.database import DatabaseOption, open_service
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import read_bytes
from eichrecht.evidence import Severity
from eichrecht.service.decisions import Decisions
from eichrecht.service.errors import CorrectionRefused, ServiceError
from eichrecht.store.cdrs import StoredCdr
from eichrecht.store.errors import NotFound
from eichrecht.store.states import CdrState
from ocpi.cdrs.errors import CdrError
from ocpi.objects.tariff import Tariff
from ocpi.transport import json

PIPED_WIDTH = 400
"""Width of a list where no terminal tells one: programs read whole lines, ids are never cut."""

By = Annotated[str, typer.Option("--by", help="Who decides.")]
Reason = Annotated[str, typer.Option("--reason", help="Why.")]


def add_stored(commands: typer.Typer) -> None:
    """Add the commands to ``eichrecht cdr``."""
    for command in (list_cdrs, credit, release, discard, replay, accept):
        name = "list" if command is list_cdrs else command.__name__
        commands.command(name)(command)


@dataclass(frozen=True, slots=True)
class _Row:
    stored: StoredCdr
    delivery: str


def list_cdrs(
    database: DatabaseOption = None,
    state: Annotated[
        str | None, typer.Option("--state", help="held, ready, delivered, failed, discarded.")
    ] = None,
) -> None:
    """List stored CDRs, newest first, with the state of their delivery."""
    try:
        wanted = CdrState(state) if state is not None else None
    except ValueError as error:
        raise InputError(f"--state: one of {', '.join(CdrState)}") from error

    async def run() -> list[_Row]:
        async with open_service(database) as service, service.database.reading() as tx:
            rows = []
            for stored in await tx.cdrs.find(state=wanted):
                try:
                    delivery = await tx.deliveries.for_cdr(stored.pk)
                    rows.append(
                        _Row(stored, ": ".join(filter(None, (delivery.state.value, delivery.last_error))))
                    )
                except NotFound:
                    rows.append(_Row(stored, "-"))
            return rows

    table = Table(box=None)
    for heading in ("CDR", "state", "delivery", "energy", "total", "open errors"):
        table.add_column(heading)
    for row in asyncio.run(run()):
        stored = row.stored
        errors = [finding.code for finding in stored.findings if finding.severity is Severity.ERROR]
        total = (
            stored.total_cost_incl_vat
            if stored.total_cost_incl_vat is not None
            else stored.total_cost_excl_vat
        )
        table.add_row(
            stored.id,
            stored.state.value,
            row.delivery,
            f"{stored.total_energy_kwh:f} kWh",
            f"{total:f} {stored.currency}",
            ", ".join(errors) or "-",
        )
    out = show.terminal(soft_wrap=False)
    if not out.is_terminal:
        out.width = PIPED_WIDTH
    out.print(table)


def _facts(path: Path | None) -> SessionFacts | None:
    if path is None:
        return None
    try:
        return read_facts(json.loads(read_bytes(path)))
    except (json.JsonError, FactsError) as error:
        raise InputError(f"{path}: no usable session facts: {error}") from error


def credit(
    cdr_id: Annotated[str, typer.Argument(help="Id of the CDR to credit in full.")],
    corrected: Annotated[
        Path | None,
        typer.Option("--corrected", help="Session facts (with a new cdr_id) for a corrected CDR."),
    ] = None,
    tariff: Annotated[Path | None, typer.Option("--tariff", help="Tariff for the corrected CDR.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Credit a CDR in full, optionally put a corrected one in its place, and deliver both."""
    facts = _facts(corrected)
    snapshot = load_object(tariff, Tariff) if tariff is not None else None
    if snapshot is not None and facts is None:
        raise InputError("--tariff goes with --corrected")

    async def run() -> list[tuple[str, str, str]]:
        async with open_service(database) as service:
            made = await service.chain.credit(
                service.settings.country_code,
                service.settings.party_id,
                cdr_id,
                corrected=facts,
                tariff=snapshot,
            )
            await service.worker().run_until_idle()
            async with service.database.reading() as tx:
                return [
                    (row.id, (await tx.cdrs.by_pk(row.pk)).state.value, f"{row.total_cost_excl_vat:f}")
                    for row in made
                ]

    try:
        rows = asyncio.run(run())
    except CorrectionRefused as error:
        reasons = "; ".join(locales.sentence(f, "en") for f in error.findings if f.severity is Severity.ERROR)
        raise InputError(f"{error}: {reasons}") from error
    except (CdrError, ServiceError) as error:
        raise InputError(str(error)) from error
    for identifier, state, total in rows:
        sys.stdout.write(f"{identifier}  {state}  total excl. VAT {total}\n")


def release(
    cdr_id: Annotated[str, typer.Argument(help="Id of a held CDR.")],
    by: By,
    reason: Reason,
    code: Annotated[list[str] | None, typer.Option("--accept", help="Finding code that is accepted.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Release a held CDR by a recorded decision; it is delivered from then on."""
    _decide(database, lambda decisions: decisions.release(cdr_id, code or [], by=by, reason=reason))


def discard(
    cdr_id: Annotated[str, typer.Argument(help="Id of a held CDR.")],
    database: DatabaseOption = None,
) -> None:
    """Give up a held CDR, so that its session can come in again with a new cdr_id."""
    _decide(database, lambda decisions: decisions.discard(cdr_id))


def replay(
    cdr_id: Annotated[str, typer.Argument(help="Id of a CDR whose delivery stopped.")],
    database: DatabaseOption = None,
) -> None:
    """Start a stopped delivery again; where the partner may have the CDR, it is asked first."""
    _decide(database, lambda decisions: decisions.replay(cdr_id))


def accept(
    cdr_id: Annotated[str, typer.Argument(help="Id of a CDR whose delivery stopped.")],
    by: By,
    reason: Reason,
    database: DatabaseOption = None,
) -> None:
    """Take a stopped delivery for delivered, as agreed with the partner; the decision is stored."""
    _decide(database, lambda decisions: decisions.accept(cdr_id, by=by, reason=reason))


def _decide(database: str | None, decide: Callable[[Decisions], Awaitable[StoredCdr]]) -> None:
    async def run() -> StoredCdr:
        async with open_service(database) as service:
            return await decide(service.decisions)

    stored = asyncio.run(run())
    sys.stdout.write(f"{stored.id}  {stored.state.value}\n")
