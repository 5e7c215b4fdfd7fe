"""The answer of ``eichrecht cdr check`` for people on a terminal. Texts of strangers are escaped, never interpreted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.cli import show
from eichrecht.evidence import Finding, Severity
from eichrecht.service.cdr_check import CheckedCdr, Outcome
from ocpi.cdrs.duplicates import Duplicate
from ocpi.cdrs.report import Difference, Group, difference_json
from ocpi.tariffs.policy import DEFAULT, PricingPolicy, policy_settings

MAX_SHOWN = 40
"""Differences and findings shown per CDR; ``--json`` gives all."""

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}
_COLUMNS = ("field", "claimed", "computed", "difference", "tolerance", "rule")


def _t(key: str, language: str, **params: object) -> str:
    return locales.text("cdr_check", key, language, **params)


def policy(used: PricingPolicy, language: str) -> str:
    """Return under which agreement was computed, with everything in it that is not the default."""
    usual, settings = policy_settings(DEFAULT), policy_settings(used)
    changes = [
        f"{key}={settings[key]}" for key in settings if settings[key] != usual[key] and key != "tolerance"
    ]
    key = "policy_changed" if changes else "policy"
    shown = {"name": used.name, "changes": ", ".join(changes), "tolerance": settings["tolerance"]}
    return escape(show.clean(_t(key, language, **shown)))


def price_lines(lines: Sequence[Mapping[str, Any]], zone: ZoneInfo, language: str) -> None:
    """Print the lines of a price (:func:`ocpi.cdrs.reconcile.as_json`) as a table, times in local time."""
    if not lines:
        return
    table = Table(box=None)
    names = ("time", "what", "place", "measured", "billed", "step", "price", "tax", "excl", "incl")
    for name in names:
        right = name not in {"time", "what", "place"}
        heading = locales.text("tariff", f"column_{name}", language)
        table.add_column(heading, justify="right" if right else "left")
    for line in lines:
        table.add_row(*(escape(show.clean(cell)) for cell in _price_line(line, zone)))
    wide = show.terminal(soft_wrap=False)
    wide.width = max(wide.width, WIDE_TABLE)
    wide.print(table)


WIDE_TABLE = 170
"""Columns of a terminal that a table of prices may need: one that is broken within its cells cannot be read."""


def _price_line(line: Mapping[str, Any], zone: ZoneInfo) -> tuple[str, ...]:
    start, end = (
        datetime.fromisoformat(line[key]).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S %Z")
        for key in ("start", "end")
    )
    unit, rate, cost = line["unit"], line["vat_percent"], line["cost"]
    step = {"kWh": "Wh", "h": "s"}.get(unit)
    return (
        start if start == end else f"{start} – {end}",
        line["dimension"],
        f"{line['tariff_id']} {line['element']}.{line['component']}",
        f"{_short(line['measured'])} {unit}",
        f"{_short(line['billed'])} {unit}",
        "-" if step is None else f"{line['step_size']} {step}",
        line["price"],
        "-" if line["tax"] is None or rate is None else f"{line['tax']} ({rate} %)",
        cost["excl_vat"] or "-",
        cost["incl_vat"] or "-",
    )


def _short(number: str) -> str:
    """Cut a quotient without end; ``--json`` has all its digits."""
    whole, _, decimals = number.partition(".")
    return f"{whole}.{decimals[:_SHOWN_DECIMALS]}…" if len(decimals) > _SHOWN_DECIMALS else number


_SHOWN_DECIMALS = 6


def checked(item: CheckedCdr, language: str, *, alone: bool = False) -> None:
    """Print the answer about one CDR; of one that is alone also notes and the signed records."""
    out = show.terminal()
    name = escape(show.clean(item.cdr_id or "?"))
    place = escape(show.clean(item.given.place))
    out.print(
        f"{show.verdict_word(item.verdict, language)}  CDR [bold]{name}[/bold]"
        f"  [dim]OCPI {item.given.version}  {place}[/dim]"
    )
    out.print(f"  {_t('outcome_' + item.outcome.value, language)}")
    if item.reconciliation is not None:
        states = [
            f"{_t('group_' + group.value, language)}: "
            f"{_t('status_' + item.reconciliation.status(group).value, language)}"
            for group in Group
        ]
        out.print(f"  {'  ·  '.join(states)}", style="dim")
        if alone:
            out.print(f"  {policy(item.reconciliation.policy, language)}", style="dim")
    _differences(out, item.differences, language)
    # a difference has its sentence too: the table shows the numbers, the sentence says what they mean
    findings = [*(one.as_finding() for one in item.differences), *item.findings]
    if alone:
        findings += item.unchecked
    else:
        findings = [finding for finding in findings if finding.severity is not Severity.NOTE]
    _findings(out, findings, language)
    if alone and item.given.verification is not None:
        show.document(item.given.verification, language, out)


def summary(duplicates: Sequence[Duplicate], counts: Mapping[Outcome, int], language: str) -> None:
    """Print what several CDRs bill twice, and how many are what."""
    out = show.terminal()
    if duplicates:
        out.print(_t("duplicates", language), style="bold")
        _findings(out, [item.as_finding() for item in duplicates], language)
    numbers = {outcome.value: counts.get(outcome, 0) for outcome in Outcome}
    out.print(_t("summary", language, count=sum(counts.values()), **numbers), style="bold")


def _differences(out: Console, differences: Sequence[Difference], language: str) -> None:
    if not differences:
        return
    rows = [[_t("column_" + name, language) for name in _COLUMNS]]
    for difference in differences[:MAX_SHOWN]:
        values = difference_json(difference)
        rows.append([show.clean(values[name]) for name in _COLUMNS])
    widths = [max(len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for number, row in enumerate(rows):
        line = "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
        out.print(f"    {escape(line)}", style="dim" if number == 0 else None)
    _more(out, len(differences), language)


def _findings(out: Console, findings: Sequence[Finding], language: str) -> None:
    ordered = sorted(findings, key=lambda finding: _WEIGHT[finding.severity])
    for finding in ordered[:MAX_SHOWN]:
        style = _STYLE[finding.severity]
        word = locales.text("cli", "severity_" + finding.severity.value, language)
        place = f" {escape(show.clean(finding.where))}" if finding.where else ""
        out.print(
            f"  [{style}]{word}[/{style}] {escape(show.clean(locales.sentence(finding, language)))}"
            f" [dim]\\[{escape(finding.code)}]{place}[/dim]"
        )
    _more(out, len(ordered), language)


def _more(out: Console, count: int, language: str) -> None:
    if count > MAX_SHOWN:
        out.print(f"  {_t('more', language, count=count - MAX_SHOWN)}")
