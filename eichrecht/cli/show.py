"""Verdicts for people on a terminal, with Rich. Texts of strangers are escaped, never interpreted."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

from eichrecht import locales
from eichrecht.evidence import (
    DocumentVerdict,
    Finding,
    RecordVerdict,
    Severity,
    TransactionVerdict,
    Verdict,
)

_STYLE = {Verdict.VALID: "bold green", Verdict.INVALID: "bold red", Verdict.INDETERMINATE: "bold yellow"}
_SIGN = {Verdict.VALID: "✔", Verdict.INVALID: "✘", Verdict.INDETERMINATE: "?"}
_SEVERITY_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}

MAX_FINDINGS_SHOWN = 40
"""Findings shown per record; ``--json`` gives all."""


def _t(key: str, language: str, **params: object) -> str:
    return locales.text("cli", key, language, **params)


def verdict_word(verdict: Verdict, language: str) -> str:
    """Return the verdict with its sign, coloured."""
    style = _STYLE[verdict]
    return f"[{style}]{_SIGN[verdict]} {_t('verdict_' + verdict.value, language)}[/{style}]"


def document(verdict: DocumentVerdict, language: str, console: Console | None = None) -> None:
    """Print one document's verdict."""
    out = console or Console(highlight=False, soft_wrap=True)
    out.print(f"{verdict_word(verdict.verdict, language)}  [bold]{escape(clean(verdict.source))}[/bold]")
    out.print(f"  SHA-256 {verdict.sha256}", style="dim")
    _findings(out, verdict.findings, language, 2)
    for record in verdict.records:
        _record(out, record, language)
    for transaction in verdict.transactions:
        _transaction(out, transaction, language)
    out.print()


def clean(text: str) -> str:
    """Replace control characters, so that a hostile record cannot steer the terminal."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def _record(out: Console, verdict: RecordVerdict, language: str) -> None:
    layers = " → ".join(layer.kind for layer in verdict.layers)
    out.print(
        f"  {verdict_word(verdict.verdict, language)}  {_t('record', language)} {verdict.index}"
        f"  {escape(verdict.format or '?')}" + (f"  [dim]({escape(layers)})[/dim]" if layers else "")
    )
    signature = verdict.signature
    reason = f" ({signature.reason})" if signature.reason else ""
    out.print(
        f"    {_t('signature', language)}: {_t('signature_' + signature.status.value, language)}{reason}"
        f"  {signature.algorithm or ''}"
    )
    if verdict.key is not None:
        matched = f" – {escape(clean(verdict.key.matched))}" if verdict.key.matched else ""
        out.print(
            f"    {_t('key', language)}: {_t('trust_' + verdict.key.trust.value, language)}{matched}"
            f"  [dim]{(verdict.key.fingerprint or '?')[:16]}… {verdict.key.shape or ''}[/dim]"
        )
    if verdict.record is not None and verdict.record.readings:
        table = Table(box=None, pad_edge=False, show_header=True, header_style="dim")
        for heading in ("reason", "value", "obis", "time", "status"):
            table.add_column(_t("column_" + heading, language), justify="right" if heading == "value" else "left")
        for reading in verdict.record.readings:
            table.add_row(
                escape(clean(reading.reason or "-")),
                escape(clean(f"{reading.value or '-'} {reading.unit or ''}")),
                escape(clean(reading.obis or "-")),
                locales.moment(reading.time, language) if reading.time else "-",
                escape(clean(f"{reading.meter_status or '-'}/{reading.time_status_text or '-'}")),
            )
        out.print(Padding(table, (0, 0, 0, 4)))
    _findings(out, verdict.findings, language, 4)


def _transaction(out: Console, verdict: TransactionVerdict, language: str) -> None:
    out.print(
        f"  {verdict_word(verdict.verdict, language)}  {_t('transaction', language)}"
        f" {escape(clean(verdict.id))}"
    )
    if verdict.energy_kwh is not None:
        energy = f"{locales.number(verdict.energy_kwh, language)} kWh"
        billable = _t("billable" if verdict.billable.energy else "not_billable", language)
        out.print(f"    {_t('energy', language)}: [bold]{energy}[/bold]  {billable}")
    if verdict.duration_s is not None:
        billable = _t("billable" if verdict.billable.duration else "not_billable", language)
        out.print(f"    {_t('duration', language)}: {locales.number(verdict.duration_s, language)} s  {billable}")
    _findings(out, verdict.findings, language, 4)


def _findings(out: Console, findings: tuple[Finding, ...], language: str, indent: int) -> None:
    for finding in findings[:MAX_FINDINGS_SHOWN]:
        style = _SEVERITY_STYLE[finding.severity]
        where = f" [dim]{escape(clean(finding.where))}[/dim]" if finding.where else ""
        out.print(
            f"{' ' * indent}[{style}]{_t('severity_' + finding.severity.value, language)}[/{style}]"
            f" {escape(clean(locales.sentence(finding, language)))} [dim]\\[{finding.code}][/dim]{where}"
        )
    if len(findings) > MAX_FINDINGS_SHOWN:
        out.print(f"{' ' * indent}{_t('more_findings', language, count=len(findings) - MAX_FINDINGS_SHOWN)}")
