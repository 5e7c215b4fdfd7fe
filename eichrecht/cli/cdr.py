"""``eichrecht cdr``: price and check any CDR file; list, credit, release and discard stored CDRs."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar
from zoneinfo import ZoneInfo

import typer
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.billing.facts import FactsError, SessionFacts, read_facts
from eichrecht.billing.signed_tariff import agreement
from eichrecht.cli import show
from eichrecht.cli.database import DatabaseOption, open_service
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import key_argument, read_bytes
from eichrecht.evidence import Document, DocumentVerdict, Finding, Severity, TransactionVerdict, Verdict
from eichrecht.service.chain import utc_now
from eichrecht.service.errors import CorrectionRefused, ServiceError
from eichrecht.store.cdrs import Override, StoredCdr
from eichrecht.store.errors import StoreError
from eichrecht.store.states import CdrState
from eichrecht.verification import Verifier
from eichrecht.verification.report import document_as_json, finding_as_json
from ocpi.cdrs.errors import CdrError
from ocpi.cdrs.reconcile import ReconcileContext, Reconciliation, as_json, price_cdr, reconcile
from ocpi.cdrs.report import difference_json
from ocpi.errors import InvalidObject
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import POLICIES, PolicyError, PricingPolicy, policy_from
from ocpi.transport import json
from ocpi.types import OcpiModel
from ocpi.versions import V2_2_1, AnyVersion, detect_version, read_any

PIPED_WIDTH = 400
"""Width of a list where no terminal tells one: programs read whole lines, ids are never cut."""

M = TypeVar("M", bound=OcpiModel)

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


def load_object(path: Path, model: type[Any]) -> Any:
    """Read an OCPI object from a JSON file; an OCPI envelope around it is taken off.

    Raises:
        InputError: It is no JSON or no such object; the message names every place.
    """
    return _parsed(read_bytes(path), path, model)


def _parsed(content: bytes, path: Path, model: type[Any]) -> Any:
    try:
        return V2_2_1.load(model, _unwrapped(content, path))
    except InvalidObject as error:
        raise InputError(f"{path}: no OCPI 2.2.1 {model.__name__}: {error}") from error


def _unwrapped(content: bytes, path: Path) -> Any:
    try:
        value = json.loads(content)
    except json.JsonError as error:
        raise InputError(f"{path}: no usable JSON: {error}") from error
    if isinstance(value, dict) and "status_code" in value and "data" in value:
        value = value["data"]
    return value


def parse_any(content: bytes, path: Path, model: type[M]) -> AnyVersion[M]:
    """Read a tariff or CDR of any OCPI version; an OCPI envelope around it is taken off.

    Raises:
        InputError: It is no JSON or no such object; the message names every place.
    """
    value = _unwrapped(content, path)
    try:
        return read_any(model, value)
    except InvalidObject as error:
        version = detect_version(model, value).number
        raise InputError(f"{path}: no OCPI {version} {model.__name__}: {error}") from error


def _policy(name: str) -> PricingPolicy:
    try:
        if name in POLICIES:
            return POLICIES[name]
        path = Path(name)
        settings = _unwrapped(read_bytes(path), path)
        if not isinstance(settings, dict):
            raise InputError(f"{path}: a pricing policy is a JSON object")
        return policy_from(settings)
    except PolicyError as error:
        raise InputError(f"--policy: {error.reason}: {error.detail}") from error


def require_language(language: str) -> None:
    """Refuse a language that there are no sentences in.

    Raises:
        InputError: It is neither German nor English.
    """
    if language not in locales.LANGUAGES:
        raise InputError("--language must be de or en")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"--time-zone: {name!r} is not an IANA time zone") from error


def _tariffs(paths: list[Path] | None) -> list[Tariff] | None:
    return [parse_any(read_bytes(path), path, Tariff).model for path in paths] if paths else None


def _finish(status: int) -> NoReturn:
    raise typer.Exit(status)


def _print_json(value: Any) -> None:
    sys.stdout.write(json.dumps(value).decode() + "\n")


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
    loaded = parse_any(read_bytes(cdr_file), cdr_file, Cdr)
    priced = price_cdr(
        loaded.model,
        _tariffs(tariff),
        time_zone=_zone(time_zone),
        policy=_policy(policy),
        version=loaded.version,
    )
    value = as_json(priced)
    findings = (*loaded.findings, *priced.findings)
    value["findings"] = [finding_as_json(finding, language) for finding in findings]
    if as_json_output:
        _print_json(value)
    else:
        _show_price(value, loaded.model, language)
    if value["total_cost"] is None:
        _finish(2)
    failed = any(finding.severity is Severity.ERROR for finding in priced.findings)
    _finish(1 if priced.differences or failed else 0)


def _show_price(value: dict[str, Any], cdr: Cdr, language: str) -> None:
    out = show.terminal()
    table = Table(title=f"CDR {escape(show.clean(cdr.id))}", title_justify="left", box=None)
    for heading in ("", "excl. VAT", "incl. VAT"):
        table.add_column(heading, justify="left" if not heading else "right")
    for name in [name for name in value if name.endswith("_cost")]:
        if value[name] is not None:
            table.add_row(name, *(str(value[name][side] or "-") for side in ("excl_vat", "incl_vat")))
    out.print(table)
    for line in value["lines"]:
        out.print(
            "  " + "  ".join(f"{key}={line[key]}" for key in line if line[key] is not None), style="dim"
        )
    for item in value["differences"]:
        out.print(
            f"[red]differs[/red] {item['field']}: claimed {item['claimed']}, computed {item['computed']}"
            f" ({item['difference']})"
        )
    for item in value["findings"]:
        out.print(f"{item['severity']}: {escape(show.clean(item['message']))} [dim]\\[{item['code']}][/dim]")


@commands.command("check")
def check(
    cdr_file: CdrFile,
    tariff: TariffFile = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="Public key of the meter.")] = None,
    time_zone: ZoneOption = "Europe/Berlin",
    as_json_output: JsonOption = False,
    language: LanguageOption = "en",
) -> None:
    """Check a CDR: structure, sums, price, signature, and whether what is billed is what the meter signed.

    Exit status: 0 nothing stands against it, 1 something is wrong, 2 something cannot be decided, 64 usage.
    """
    require_language(language)
    document = Document(str(cdr_file), read_bytes(cdr_file))
    cdr = parse_any(document.content, cdr_file, Cdr).model
    keys = [key_argument(text) for text in key or []]
    verdict = Verifier(keys=keys).verify(document) if cdr.signed_data is not None else None
    signed = _signed_session(verdict)
    result = reconcile(
        cdr,
        ReconcileContext(
            time_zone=_zone(time_zone),
            tariffs=_tariffs(tariff),
            signed_energy_kwh=signed.energy_kwh if signed else None,
            signed_start=signed.begin.time if signed and signed.begin else None,
            signed_end=signed.end.time if signed and signed.end else None,
        ),
    )
    findings = [*result.findings, *(item.as_finding() for item in result.differences)]
    findings += [item.as_finding() for item in result.unchecked]
    told = list(agreement(verdict.records, _tariffs(tariff) or cdr.tariffs or ())) if verdict else []
    findings += told
    overall = _overall(result, verdict, told)
    if as_json_output:
        _print_json(
            {
                "id": cdr.id,
                "verdict": overall.value,
                "differences": [difference_json(item) for item in result.differences],
                "findings": [finding_as_json(finding, language) for finding in findings],
                "verification": document_as_json(verdict, language) if verdict is not None else None,
            }
        )
    else:
        _show_check(cdr, overall, findings, verdict, language)
    _finish({Verdict.VALID: 0, Verdict.INVALID: 1, Verdict.INDETERMINATE: 2}[overall])


def _signed_session(verdict: DocumentVerdict | None) -> TransactionVerdict | None:
    """Return the one valid transaction of a CDR's signed data, ``None`` if there is not exactly one."""
    if verdict is None:
        return None
    valid = [item for item in verdict.transactions if item.verdict is Verdict.VALID]
    return valid[0] if len(valid) == 1 and len(verdict.transactions) == 1 else None


def _overall(result: Reconciliation, verdict: DocumentVerdict | None, told: list[Finding]) -> Verdict:
    wrong = result.open_errors or any(finding.severity is Severity.ERROR for finding in told)
    verdicts = [Verdict.INVALID if wrong else Verdict.VALID]
    verdicts.append(verdict.verdict if verdict is not None else Verdict.INDETERMINATE)
    if verdict is not None and _signed_session(verdict) is None:
        verdicts.append(Verdict.INDETERMINATE)
    return Verdict.worst(verdicts)


def _show_check(
    cdr: Cdr, overall: Verdict, findings: list[Finding], verdict: DocumentVerdict | None, language: str
) -> None:
    out = show.terminal()
    out.print(f"{show.verdict_word(overall, language)}  CDR {escape(show.clean(cdr.id))}")
    for finding in findings:
        out.print(
            f"  {finding.severity.value}: {escape(show.clean(locales.sentence(finding, language)))}"
            f" [dim]\\[{finding.code}] {escape(finding.where)}[/dim]"
        )
    if verdict is not None:
        show.document(verdict, language, out)


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
