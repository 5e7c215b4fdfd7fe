"""``eichrecht cdr``: price and check any CDR file; list, credit, release and discard stored CDRs."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.billing.facts import FactsError, SessionFacts, read_facts
from eichrecht.cli import show, show_cdr
from eichrecht.cli.cdr_check import check
from eichrecht.cli.cdr_inputs import (
    load_object,
    named_policy,
    named_zone,
    parse_any,
    print_json,
    read_tariffs,
    require_language,
)
from eichrecht.cli.database import DatabaseOption, open_service
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import read_bytes
from eichrecht.evidence import Severity
from eichrecht.service.chain import utc_now
from eichrecht.service.errors import CorrectionRefused, ServiceError
from eichrecht.store.cdrs import Override, StoredCdr
from eichrecht.store.errors import StoreError
from eichrecht.store.states import CdrState
from eichrecht.verification.report import finding_as_json
from ocpi.cdrs.errors import CdrError
from ocpi.cdrs.reconcile import as_json, price_cdr
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import POLICIES
from ocpi.transport import json

PIPED_WIDTH = 400
"""Width of a list where no terminal tells one: programs read whole lines, ids are never cut."""

commands = typer.Typer(help="Price, check, credit and deliver CDRs.", no_args_is_help=True)

CdrFile = Annotated[Path, typer.Argument(help="OCPI CDR as JSON; - reads standard input.")]
TariffFile = Annotated[
    list[Path] | None, typer.Option("--tariff", help="Tariff to use instead of the CDR's own.")
]
ZoneOption = Annotated[str, typer.Option("--time-zone", help="IANA zone of the location (a CDR has none).")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LanguageOption = Annotated[str, typer.Option("--language", help="en or de.")]
PolicyOption = Annotated[
    str, typer.Option("--policy", help=f"{', '.join(POLICIES)}, or a JSON file with a partner's settings.")
]


def _finish(status: int) -> NoReturn:
    raise typer.Exit(status)


@commands.command("price")
def price(
    cdr_file: CdrFile,
    tariff: TariffFile = None,
    time_zone: ZoneOption = "Europe/Berlin",
    policy: PolicyOption = "default",
    as_json_output: JsonOption = False,
    language: LanguageOption = "en",
) -> None:
    """Compute the cost of a CDR (OCPI 2.1.1, 2.2.1 or 2.3.0) again from its charging periods and tariff.

    Exit status: 0 it agrees, 1 it differs, 2 it cannot be priced, 64 usage.
    """
    require_language(language)
    zone = named_zone(time_zone)
    loaded = parse_any(read_bytes(cdr_file), cdr_file, Cdr)
    priced = price_cdr(
        loaded.model,
        read_tariffs(tariff),
        time_zone=zone,
        policy=named_policy(policy),
        version=loaded.version,
    )
    value = as_json(priced)
    findings = (*loaded.findings, *priced.findings)
    value["findings"] = [finding_as_json(finding, language) for finding in findings]
    if as_json_output:
        print_json(value)
    else:
        _show_price(value, loaded.model, zone, language)
        show.terminal().print(show_cdr.policy(priced.policy, language), style="dim")
    if value["total_cost"] is None:
        _finish(2)
    failed = any(finding.severity is Severity.ERROR for finding in priced.findings)
    _finish(1 if priced.differences or failed else 0)


def _show_price(value: dict[str, Any], cdr: Cdr, zone: ZoneInfo, language: str) -> None:
    out = show.terminal()
    table = Table(title=f"CDR {escape(show.clean(cdr.id))}", title_justify="left", box=None)
    table.add_column("")
    for side in ("excl", "incl"):
        table.add_column(locales.text("cdr_check", f"price_heading_{side}", language), justify="right")
    for name in [name for name in value if name.endswith("_cost")]:
        if value[name] is not None:
            table.add_row(name, *(str(value[name][side] or "-") for side in ("excl_vat", "incl_vat")))
    out.print(table)
    show_cdr.price_lines(value["lines"], zone, language)
    for item in value["differences"]:
        word = locales.text("cdr_check", "price_differs", language)
        numbers = {name: item[name] for name in ("field", "claimed", "computed", "difference")}
        out.print(f"[red]{word}[/red] {locales.text('cdr_check', 'price_claimed', language, **numbers)}")
    for item in value["findings"]:
        severity = locales.text("cli", "severity_" + item["severity"], language)
        out.print(f"{severity} {escape(show.clean(item['message']))} [dim]\\[{item['code']}][/dim]")


commands.command("check")(check)


@dataclass(frozen=True, slots=True)
class _Row:
    stored: StoredCdr
    delivery: str


@commands.command("list")
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
                    delivery = (await tx.deliveries.for_cdr(stored.pk)).state.value
                except StoreError:
                    delivery = "-"
                rows.append(_Row(stored, delivery))
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


@commands.command("credit")
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
    except (StoreError, CdrError, ServiceError) as error:
        raise InputError(str(error)) from error
    for identifier, state, total in rows:
        sys.stdout.write(f"{identifier}  {state}  total excl. VAT {total}\n")


@commands.command("release")
def release(
    cdr_id: Annotated[str, typer.Argument(help="Id of a held CDR.")],
    by: Annotated[str, typer.Option("--by", help="Who decides.")],
    reason: Annotated[str, typer.Option("--reason", help="Why.")],
    code: Annotated[list[str] | None, typer.Option("--accept", help="Finding code that is accepted.")] = None,
    database: DatabaseOption = None,
) -> None:
    """Release a held CDR by a recorded decision; it is delivered from then on."""

    async def run() -> str:
        async with open_service(database) as service:
            now = utc_now()
            party = (service.settings.country_code, service.settings.party_id)
            overrides = [Override(item, by, reason, now) for item in code or []]
            return (await service.chain.release(*party, cdr_id, overrides, now)).state.value

    try:
        sys.stdout.write(f"{cdr_id}  {asyncio.run(run())}\n")
    except StoreError as error:
        raise InputError(str(error)) from error


@commands.command("discard")
def discard(
    cdr_id: Annotated[str, typer.Argument(help="Id of a held CDR.")],
    database: DatabaseOption = None,
) -> None:
    """Give up a held CDR, so that its session can come in again with a new cdr_id."""

    async def run() -> str:
        async with open_service(database) as service, service.database.transaction() as tx:
            stored = await tx.cdrs.get(service.settings.country_code, service.settings.party_id, cdr_id)
            return (await tx.cdrs.discard(stored.pk)).state.value

    try:
        sys.stdout.write(f"{cdr_id}  {asyncio.run(run())}\n")
    except StoreError as error:
        raise InputError(str(error)) from error
