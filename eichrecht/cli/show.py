"""Verdicts for people on a terminal, with Rich. Texts of strangers are escaped, never interpreted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal

from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape

from eichrecht import locales
from eichrecht.evidence import (
    DocumentVerdict,
    Finding,
    KeyVerdict,
    Reading,
    RecordVerdict,
    Severity,
    TransactionVerdict,
    Verdict,
)
from eichrecht.verification.report import recognition

_STYLE = {Verdict.VALID: "bold green", Verdict.INVALID: "bold red", Verdict.INDETERMINATE: "bold yellow"}
_SIGN = {Verdict.VALID: "✔", Verdict.INVALID: "✘", Verdict.INDETERMINATE: "?"}
_SEVERITY_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}

MAX_FINDINGS_SHOWN = 40
"""Findings shown per record; ``--json`` gives all."""

MAX_READINGS_SHOWN = 20
"""Readings shown per record, the first and the last half; months of fiscal readings stand in some records."""

MAX_PLACES_SHOWN = 4
"""Places named where one finding holds for several."""

_COLUMNS = ("reason", "value", "obis", "time", "status")

_WEIGHT = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


class _Terminal(Console):
    """A console whose reader may go away; Rich would end with status 1, which here says that data are invalid."""

    def on_broken_pipe(self) -> None:
        """Pass the broken pipe on to :func:`eichrecht.cli.app.main`, which knows the right exit status."""
        raise BrokenPipeError


def terminal(*, soft_wrap: bool = True) -> Console:
    """Return the console that all commands print to."""
    return _Terminal(highlight=False, soft_wrap=soft_wrap)


def _t(key: str, language: str, **params: object) -> str:
    return locales.text("cli", key, language, **params)


def _reason(code: str, language: str) -> str:
    """Return the words for a reason; a plug-in may give one of its own, which is shown as it is."""
    try:
        return _t(f"reason_{code}", language)
    except KeyError:
        return escape(code)


def verdict_word(verdict: Verdict, language: str) -> str:
    """Return the verdict with its sign, coloured."""
    style = _STYLE[verdict]
    return f"[{style}]{_SIGN[verdict]} {_t('verdict_' + verdict.value, language)}[/{style}]"


def documents(verdicts: Sequence[DocumentVerdict], language: str, console: Console | None = None) -> None:
    """Print the verdicts, and a line that counts them if there are several."""
    out = console or terminal()
    for verdict in verdicts:
        document(verdict, language, out)
    if len(verdicts) > 1:
        kinds = [verdict.verdict for verdict in verdicts]
        counts = {kind.value: kinds.count(kind) for kind in Verdict}
        out.print(_t("summary", language, count=len(verdicts), **counts), style="bold")


def document(verdict: DocumentVerdict, language: str, console: Console | None = None) -> None:
    """Print one document's verdict."""
    out = console or terminal()
    out.print(f"{verdict_word(verdict.verdict, language)}  [bold]{escape(clean(verdict.source))}[/bold]")
    out.print(f"  SHA-256 {verdict.sha256}", style="dim")
    _findings(out, verdict.findings, language, 2)
    for record in verdict.records:
        _record(out, record, language)
    for transaction in verdict.transactions:
        _transaction(out, transaction, verdict.records, language)
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
    reason = f" ({_reason(signature.reason, language)})" if signature.reason else ""
    algorithm = f"  [dim]{signature.algorithm}[/dim]" if signature.algorithm else ""
    status = _t("signature_" + signature.status.value, language)
    out.print(f"    {_t('signature', language)}: {status}{reason}{algorithm}")
    if verdict.key is not None:
        _key(out, verdict.key, language)
    if verdict.record is not None:
        record = verdict.record
        named = (("meter", record.meter.serial), ("gateway", record.gateway.serial),
                 ("charge_point", record.charge_point[0]))  # fmt: skip
        places = [f"{_t(name, language)} {escape(clean(text))}" for name, text in named if text]
        if places:
            out.print(f"    {', '.join(places)}")
        if record.tariff_text:
            out.print(f"    {_t('tariff_text', language)}: {escape(clean(record.tariff_text))}")
        _readings(out, record.readings, language)
    _findings(out, verdict.findings, language, 4)
    if verdict.recognised_by or verdict.layers:
        out.print(
            f"    {escape(clean(locales.sentence(recognition(verdict, language), language)))}", style="dim"
        )


def _key(out: Console, key: KeyVerdict, language: str) -> None:
    words = _t("trust_" + key.trust.value, language)
    if key.matched:
        words += f" – {escape(clean(key.matched))} ({_t('source_' + key.source.value, language)})"
    shown = f"{key.fingerprint[:16]}…" if key.fingerprint else _t("key_unreadable", language)
    out.print(f"    {_t('key', language)}: {words}  [dim]{shown} {key.shape or ''}[/dim]".rstrip())


def _readings(out: Console, readings: Sequence[Reading], language: str) -> None:
    if not readings:
        return
    half = MAX_READINGS_SHOWN // 2
    hidden = max(0, len(readings) - MAX_READINGS_SHOWN)
    rows = [[_t("column_" + heading, language) for heading in _COLUMNS]]
    for reading in [*readings[:half], *readings[-half:]] if hidden else readings:
        moment = reading.time or reading.local_time
        rows.append(
            [
                clean(reading.reason or "-"),
                clean(f"{locales.written(reading.value or '-', language)} {reading.unit or ''}").strip(),
                clean(reading.obis or "-"),
                locales.moment(moment, language) if moment else "-",
                clean(f"{reading.meter_status or '-'}/{reading.time_status_text or '-'}"),
            ]
        )
    for number, line in enumerate(_aligned(rows)):
        out.print(f"    {escape(line)}", style="dim" if number == 0 else None)
    if hidden:
        out.print(f"    {_t('more_readings', language, count=hidden)}")


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield rows with their columns in line; never broken, as a value cut in two is easily misread."""
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(_COLUMNS))]
    for row in rows:
        cells = []
        for heading, text, width in zip(_COLUMNS, row, widths, strict=True):
            blanks = " " * (width - cell_len(text))
            cells.append(blanks + text if heading == "value" else text + blanks)
        yield "  ".join(cells).rstrip()


def _transaction(
    out: Console, verdict: TransactionVerdict, records: Sequence[RecordVerdict], language: str
) -> None:
    out.print(
        f"  {verdict_word(verdict.verdict, language)}  {_t('transaction', language)}"
        f" {escape(clean(verdict.id))}"
    )
    if verdict.energy_kwh is not None:
        energy = f"[bold]{locales.number(verdict.energy_kwh, language)} kWh[/bold]"
        out.print(
            f"    {_t('energy', language)}: {energy}{_from_to(verdict, language)}"
            f"  {_billable(verdict.billable.energy, language)}"
        )
    if verdict.duration_s is not None:
        seconds = locales.number(Decimal(f"{verdict.duration_s.normalize():f}"), language)
        out.print(
            f"    {_t('duration', language)}: {_clock(verdict.duration_s)} ({seconds} s)"
            f"  {_billable(verdict.billable.duration, language)}"
        )
    # A session in one record is judged as that record: what stands above is not said twice.
    said = {_identity(finding) for index in verdict.records for finding in records[index].findings}
    _findings(out, [f for f in verdict.findings if _identity(f) not in said], language, 4)


def _from_to(verdict: TransactionVerdict, language: str) -> str:
    begin, end = verdict.begin, verdict.end
    if begin is None or end is None or begin.energy_kwh is None or end.energy_kwh is None:
        return ""
    return f" ({locales.number(begin.energy_kwh, language)} → {locales.number(end.energy_kwh, language)})"


def _billable(answer: bool, language: str) -> str:
    return f"[green]{_t('billable', language)}[/]" if answer else f"[red]{_t('not_billable', language)}[/]"


def _clock(seconds: Decimal) -> str:
    """Write a duration as hours, minutes and whole seconds."""
    whole = abs(int(seconds))
    sign = "-" if seconds < 0 else ""
    return f"{sign}{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _identity(finding: Finding) -> tuple[str, str, tuple[tuple[str, str], ...]]:
    return finding.code, finding.where, tuple(sorted(finding.params.items()))


def _findings(out: Console, findings: Iterable[Finding], language: str, indent: int) -> None:
    """Print findings, errors first; one that holds for several places is one line."""
    places: dict[tuple[Severity, str, str], list[str]] = {}
    for finding in findings:
        line = (finding.severity, finding.code, locales.sentence(finding, language))
        places.setdefault(line, []).append(finding.where)
    lines = sorted(places.items(), key=lambda item: _WEIGHT[item[0][0]])
    for (severity, code, sentence), wheres in lines[:MAX_FINDINGS_SHOWN]:
        style = _SEVERITY_STYLE[severity]
        out.print(
            f"{' ' * indent}[{style}]{_t('severity_' + severity.value, language)}[/{style}]"
            f" {escape(clean(sentence))} [dim]\\[{escape(code)}]{_places(wheres)}[/dim]"
        )
    if len(lines) > MAX_FINDINGS_SHOWN:
        out.print(f"{' ' * indent}{_t('more_findings', language, count=len(lines) - MAX_FINDINGS_SHOWN)}")


def _places(wheres: Sequence[str]) -> str:
    named = [where for where in dict.fromkeys(wheres) if where]
    if not named:
        return ""
    more = "" if len(named) <= MAX_PLACES_SHOWN else f" … +{len(named) - MAX_PLACES_SHOWN}"
    return " " + escape(clean(", ".join(named[:MAX_PLACES_SHOWN]) + more))
