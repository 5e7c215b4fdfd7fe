"""``eichrecht tariff explain``, ``lint`` and ``simulate``: what a tariff costs, what is odd about it, what if."""

from __future__ import annotations

import re
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation, localcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.billing.tariff_drawing import described, draw, title, unit_price, zone_mark
from eichrecht.cli import show, show_cdr
from eichrecht.cli.cdr_inputs import named_policy, named_zone, parse_any, print_json, require_language
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import read_bytes
from eichrecht.cli.serve import tariff as commands
from eichrecht.locales.tariff_words import WIDE, paragraphs
from eichrecht.verification.report import finding_as_json
from ocpi.findings import Finding, Severity
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import (
    POLICIES,
    PricingPolicy,
    TariffError,
    compile_tariff,
    policy_settings,
    written_costs,
)
from ocpi.tariffs.breakdown import Amount, Line
from ocpi.tariffs.errors import NotBillableError
from ocpi.tariffs.explain import explain as explained
from ocpi.tariffs.lint import LintOptions
from ocpi.tariffs.lint import lint as linted
from ocpi.tariffs.rounding import written_amount
from ocpi.tariffs.simulate import Simulation, WhatIf
from ocpi.tariffs.simulate import simulate as simulated
from ocpi.types import OcpiModel
from ocpi.versions import AnyVersion

__all__ = ["commands"]

EXIT_CLEAN, EXIT_ERROR, EXIT_WARNING, EXIT_NO_PRICE = 0, 1, 2, 2

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
LanguageOption = Annotated[str, typer.Option("--language", help="en or de.")]
PolicyOption = Annotated[
    str, typer.Option("--policy", help=f"{', '.join(POLICIES)}, or a JSON file with a partner's settings.")
]
TariffArgument = Annotated[Path, typer.Argument(help="OCPI tariff as JSON; - reads standard input.")]
ZoneOption = Annotated[str, typer.Option("--time-zone", help="IANA zone of the location.")]

_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,8})m(?:in)?)?(?:(\d{1,9})s)?")
_CLOCK = re.compile(r"(\d{1,5}):([0-5]\d)")
_MARKS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}


def _loaded(file: Path) -> AnyVersion[Tariff]:
    return parse_any(read_bytes(file), file, Tariff)


def _refused(file: Path, error: TariffError) -> InputError:
    return InputError(f"{file}: {error}")


@commands.command("explain")
def explain(
    file: TariffArgument,
    time_zone: ZoneOption = "Europe/Berlin",
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Say what a tariff (OCPI 2.1.1, 2.2.1 or 2.3.0) costs and when. Exit status: 0, 64 usage."""
    require_language(language)
    zone = named_zone(time_zone)
    loaded = _loaded(file)
    try:
        explanation = explained(loaded.model)
    except TariffError as error:
        raise _refused(file, error) from error
    written = paragraphs(explanation, language, zone)
    findings = (*loaded.findings, *explanation.findings)
    if as_json:
        value = _plain(explanation)
        value["version"] = loaded.version
        value["text"] = [{"heading": one.heading, "lines": list(one.lines)} for one in written]
        value["findings"] = [finding_as_json(finding, language) for finding in findings]
        print_json(value)
        return
    out = show.terminal()
    for paragraph in written:
        out.print(f"[bold]{escape(paragraph.heading)}[/bold]")
        for line in paragraph.lines:
            out.print(f"  {escape(show.clean(line))}")
    _show_findings(findings, language)


@commands.command("lint")
def lint(
    file: TariffArgument,
    time_zone: ZoneOption = "Europe/Berlin",
    germany: Annotated[
        bool | None,
        typer.Option("--germany/--no-germany", help="Lints for Germany; default: by the country code."),
    ] = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Say what a tariff says although it was probably not meant.

    Exit status: 0 nothing or only notes, 1 at least one error, 2 at least one warning, 64 usage.
    """
    require_language(language)
    options = LintOptions(named_zone(time_zone), datetime.now(UTC), germany)
    loaded = _loaded(file)
    try:
        findings = (*loaded.findings, *linted(loaded.model, options))
    except TariffError as error:
        raise _refused(file, error) from error
    if as_json:
        print_json(
            {
                "tariff_id": loaded.model.id,
                "version": loaded.version,
                "findings": [finding_as_json(finding, language) for finding in findings],
            }
        )
    elif findings:
        _show_findings(findings, language)
    else:
        show.terminal().print(locales.text("tariff", "lint_clean", language))
    worst = {finding.severity for finding in findings}
    if Severity.ERROR in worst:
        raise typer.Exit(EXIT_ERROR)
    raise typer.Exit(EXIT_WARNING if Severity.WARNING in worst else EXIT_CLEAN)


@commands.command("simulate")
def simulate(
    file: TariffArgument,
    start: Annotated[str, typer.Option("--start", help="Local time, e.g. 2024-05-01T18:00.")],
    power: Annotated[str, typer.Option("--power", help="Power while charging, in kW.")],
    charging: Annotated[
        str | None, typer.Option("--duration", help="How long is charged: 2h30m, 45m, 1:30.")
    ] = None,
    energy: Annotated[
        str | None, typer.Option("--energy", help="Charging ends when so many kWh were delivered.")
    ] = None,
    parked: Annotated[str, typer.Option("--parked", help="How long the car stays after charging.")] = "0s",
    reserved: Annotated[str, typer.Option("--reserved", help="How long it was reserved before.")] = "0s",
    expired: Annotated[bool, typer.Option("--expired", help="The reservation ran out unused.")] = False,
    current: Annotated[
        str | None, typer.Option("--current", help="Current while charging, in A, summed over the phases.")
    ] = None,
    time_zone: ZoneOption = "Europe/Berlin",
    policy: PolicyOption = "default",
    svg: Annotated[Path | None, typer.Option("--svg", help="Write a drawing to this file.")] = None,
    language: LanguageOption = "en",
    as_json: JsonOption = False,
) -> None:
    """Price a session that might take place, stretch by stretch.

    Exit status: 0 it has a price, 2 it has none, 64 usage.
    """
    require_language(language)
    zone = named_zone(time_zone)
    rules = named_policy(policy)
    what_if = WhatIf(
        start=_local(start, zone),
        power_kw=_number("--power", power),
        charging_s=None if charging is None else _seconds("--duration", charging),
        energy_kwh=None if energy is None else _number("--energy", energy),
        parked_s=_seconds("--parked", parked),
        reserved_s=_seconds("--reserved", reserved),
        expired=expired,
        current_a=None if current is None else _number("--current", current),
    )
    if charging is None and energy is None and not expired:
        raise InputError("one of --duration and --energy is needed")
    loaded = _loaded(file)
    try:
        made = simulated(compile_tariff(loaded.model), what_if, zone, rules)
    except NotBillableError as error:
        _show_not_billable(error.findings, rules, language, as_json=as_json)
        raise typer.Exit(EXIT_NO_PRICE) from error
    except TariffError as error:
        raise _refused(file, error) from error
    if svg is not None:
        _write(svg, draw(made, language))
    findings = (*loaded.findings, *made.breakdown.findings)
    with localcontext(WIDE):
        if as_json:
            print_json(_simulation_json(made, rules, findings, language))
        else:
            _show_simulation(made, rules, language)
            show.terminal().print(show_cdr.policy(rules, language), style="dim")
            _show_findings(findings, language)
    if made.breakdown.total.excl_vat is None and made.breakdown.total.incl_vat is None:
        raise typer.Exit(EXIT_NO_PRICE)


def _show_not_billable(
    findings: tuple[Finding, ...], policy: PricingPolicy, language: str, *, as_json: bool
) -> None:
    """Say why a policy refuses a price."""
    if as_json:
        told = [finding_as_json(finding, language) for finding in findings]
        settings = dict(policy_settings(policy))
        print_json({"policy": policy.name, "policy_settings": settings, "total_cost": None, "findings": told})
        return
    show.terminal().print(show_cdr.policy(policy, language), style="dim")
    _show_findings(findings, language)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}") from error


def _number(option: str, text: str) -> Decimal:
    try:
        value = Decimal(text.replace(",", ".")) if len(text) <= 30 else Decimal("NaN")
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InputError(f"{option}: a number is needed, not {text[:30]!r}")
    return value


def _seconds(option: str, text: str) -> int:
    """Read a duration: ``2h30m``, ``45min``, ``90s`` or ``1:30`` (hours and minutes)."""
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        return int(clock[1]) * 3600 + int(clock[2]) * 60
    found = _DURATION.fullmatch(text)
    if found is None or not any(found.groups()):
        raise InputError(f"{option}: a duration such as 2h30m is needed, not {text[:30]!r}")
    hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return hours * 3600 + minutes * 60 + seconds


def _local(text: str, zone: ZoneInfo) -> datetime:
    """Read a local time, or an instant with an offset. A time in the hour that comes twice is its first one."""
    try:
        moment = datetime.fromisoformat(text)
        local = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        instant = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"--start: a time such as 2024-05-01T18:00 is needed, not {text[:40]!r}") from error
    if moment.tzinfo is None and instant.astimezone(zone).replace(tzinfo=None) != moment:
        raise InputError(f"--start: {text} does not exist in {zone.key}: the clocks are put forward")
    return instant


def _show_findings(findings: tuple[Finding, ...], language: str) -> None:
    out = show.terminal()
    for finding in findings:
        style = _MARKS[finding.severity]
        severity = locales.text("cli", f"severity_{finding.severity}", language)
        sentence = escape(show.clean(locales.sentence(finding, language)))
        where = escape(show.clean(finding.where))
        out.print(f"[{style}]{severity}[/{style}] {sentence} [dim]\\[{escape(finding.code)}] {where}[/dim]")


_BAR = 40  # characters of the longest bar of power
_STYLES = {"CHARGING": "green", "PARKING": "yellow", "RESERVATION": "blue"}


def _show_simulation(made: Simulation, policy: PricingPolicy, language: str) -> None:
    out = show.terminal()
    out.print(f"[bold]{escape(show.clean(title(made, language)))}[/bold]")
    most = max(*(step.power_kw for step in made.steps), Decimal(1))
    for step, text in zip(made.steps, described(made, language), strict=True):
        bar = "█" * max(1, int(step.power_kw * _BAR / most))
        style = _STYLES[step.state.value]
        out.print(f"  {escape(show.clean(text))}")
        out.print(f"    [{style}]{bar}[/{style}] {locales.number(step.power_kw, language)} kW")
    table = Table(box=None, pad_edge=True)
    names = ("time", "what", "place", "measured", "billed", "step", "price", "tax", "excl", "incl")
    for name in names:
        right = name not in {"time", "what", "place"}
        table.add_column(_word(f"column_{name}", language), justify="right" if right else "left")
    for line in made.breakdown.lines:
        table.add_row(*(escape(show.clean(cell)) for cell in _row(line, made, policy, language)))
    costs = written_costs(made.breakdown, policy)
    table.add_row(_word("total", language), *[""] * 7, *_sides(costs.total_cost, language), style="bold")
    wide = show.terminal(soft_wrap=False)
    wide.width = max(wide.width, 150)  # a table that is broken within its cells cannot be read
    wide.print(table)


def _word(key: str, language: str) -> str:
    return locales.text("tariff", key, language)


def _row(line: Line, made: Simulation, policy: PricingPolicy, language: str) -> tuple[str, ...]:
    first, last = (
        f"{moment.astimezone(made.time_zone):%H:%M:%S}{zone_mark(moment, made)}"
        for moment in (line.start, line.end)
    )
    unit = "s" if line.measured_s is not None else line.unit if line.unit == "kWh" else "×"
    measured = line.measured if line.measured_s is None else line.measured_s
    billed = line.billed if line.billed_s is None else line.billed_s
    step = {"kWh": "Wh", "s": "s"}.get(unit)
    return (
        first if line.start == line.end else f"{first}–{last}",
        _word(f"heading_{_TOPICS[line.bucket.value]}", language),
        f"{line.element}.{line.component}",
        f"{locales.number(measured, language)} {unit}",
        f"{locales.number(billed, language)} {unit}",
        "-" if step is None else f"{line.step_size} {step}",
        unit_price(line, made.breakdown.currency, language),
        "-" if line.vat_percent is None else f"{locales.number(line.vat_percent, language)} %",
        *_sides(written_amount(line.cost, policy), language),
    )


_TOPICS = {
    "fixed": "start_fee",
    "energy": "energy",
    "time": "charging_time",
    "parking": "parking_time",
    "reservation": "reservation_time",
}


def _sides(cost: Amount, language: str) -> tuple[str, str]:
    return (
        "-" if cost.excl_vat is None else locales.number(cost.excl_vat, language),
        "-" if cost.incl_vat is None else locales.number(cost.incl_vat, language),
    )


def _simulation_json(
    made: Simulation, policy: PricingPolicy, findings: tuple[Finding, ...], language: str
) -> dict[str, Any]:
    breakdown = made.breakdown
    place = {id(line): number for number, line in enumerate(breakdown.lines)}
    lines = []
    for line in breakdown.lines:
        value = _plain(line)
        value["cost"] = _plain(written_amount(line.cost, policy))
        lines.append(value)
    return {
        "text": [title(made, language), *described(made, language)],
        "currency": breakdown.currency,
        "policy": breakdown.policy,
        "policy_settings": dict(policy_settings(policy)),
        "time_zone": breakdown.time_zone,
        "total_cost": _plain(written_costs(breakdown, policy).total_cost),
        "steps": [
            {
                **{key: item for key, item in _plain(step).items() if key != "lines"},
                "lines": [place[id(line)] for line in step.lines],
            }
            for step in made.steps
        ],
        "lines": lines,
        "findings": [finding_as_json(finding, language) for finding in findings],
    }


def _plain(value: Any) -> Any:
    """Return a dataclass as plain data: numbers as decimal strings, moments as text."""
    if isinstance(value, OcpiModel):
        return {name: _plain(getattr(value, name)) for name in type(value).model_fields}
    if is_dataclass(value) and not isinstance(value, type):
        return {item.name: _plain(getattr(value, item.name)) for item in fields(value)}
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal | date):
        return f"{value:f}" if isinstance(value, Decimal) else value.isoformat()
    return str(value) if isinstance(value, StrEnum) else value
