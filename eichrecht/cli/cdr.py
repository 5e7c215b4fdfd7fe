"""``eichrecht cdr``: price and check any CDR file; list, credit, release and discard stored CDRs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, NoReturn
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.cli import show, show_cdr
from eichrecht.cli.cdr_check import check
from eichrecht.cli.cdr_inputs import (
    named_policy,
    named_zone,
    parse_any,
    print_json,
    read_tariffs,
    require_language,
)
from eichrecht.cli.cdr_stored import add_stored
from eichrecht.cli.inputs import read_bytes
from eichrecht.evidence import Severity
from eichrecht.verification.report import finding_as_json
from ocpi.cdrs.reconcile import as_json, price_cdr
from ocpi.objects.cdr import Cdr
from ocpi.tariffs import POLICIES

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
add_stored(commands)
