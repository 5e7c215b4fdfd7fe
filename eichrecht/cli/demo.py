"""``eichrecht demo``: the whole chain on real processes."""

from __future__ import annotations

import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.cli import show
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import key_argument, read_bytes
from eichrecht.demo.material import file_session, keys_inside, simulated_sessions
from eichrecht.demo.processes import DemoError, Processes
from eichrecht.demo.run import Demo, DemoResult

_STYLE = {"delivered": "bold green", "refused": "bold red", "held": "bold yellow"}


PIPED_WIDTH = 120
"""Width of the table where no terminal tells one: reasons are sentences."""


def demo(
    record: Annotated[
        Path | None, typer.Option("--record", help="Run this file through the chain instead of the samples.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Public key that the operator vouches for (with --record).")
    ] = None,
    exit_at_end: Annotated[
        bool, typer.Option("--exit", help="End instead of leaving the service running.")
    ] = False,
    language: Annotated[str, typer.Option("--language", help="en or de.")] = "en",
) -> None:
    """Run the whole chain: service, eMSP, handshake, tariff, sessions, delivery; then leave the service running.

    Exit status: 0 every session ended as it must, 1 one did not, 64 usage.
    """
    if key is not None and record is None:
        raise InputError("--key goes with --record")
    if language not in locales.LANGUAGES:
        raise InputError("--language must be de or en")
    sessions = simulated_sessions()
    if record is not None:
        text = _key_text(key) if key is not None else None
        sessions = [file_session(record.name, read_bytes(record), text)]
    out = show.terminal()
    if not out.is_terminal:
        out.width = PIPED_WIDTH

    def say(text_key: str, **params: object) -> None:
        out.print(escape(locales.text("cli", f"demo_{text_key}", language, **params)))

    folder = Path(tempfile.mkdtemp(prefix="eichrecht-demo-"))
    processes = Processes(folder)
    try:
        say("starting", folder=folder)
        processes.start_service()
        processes.start_emsp()
        results = Demo(processes, say).run(sessions)
        _table(out, results, language)
        if record is not None:
            _key_hint(out, results, language)
        _links(out, processes, results, language)
        if not exit_at_end:
            say("running")
            processes.wait()
    except DemoError as error:
        raise InputError(f"demo: {error}") from error
    except KeyboardInterrupt:
        pass
    finally:
        processes.stop()
    raise typer.Exit(0 if all(result.as_expected for result in results) else 1)


def _key_text(value: str) -> str:
    text = key_argument(value).text
    return text if isinstance(text, str) else text.decode("utf-8", "replace")


def _t(key: str, language: str, **params: object) -> str:
    return escape(locales.text("cli", f"demo_{key}", language, **params))


def _table(out: Console, results: list[DemoResult], language: str) -> None:
    table = Table(title=_t("title", language), title_justify="left")
    for heading in ("session", "energy", "price", "state", "why"):
        numeric, sentence = heading in {"energy", "price"}, heading in {"session", "why"}
        table.add_column(
            _t(f"column_{heading}", language),
            justify="right" if numeric else "left",
            no_wrap=not sentence,
            overflow="fold",
            ratio={"session": 2, "why": 3}.get(heading),
        )
    for result in results:
        cdr = result.cdr
        style = _STYLE.get(result.state, "bold")
        state = _t(f"state_{result.state}", language) if result.state in _STYLE else result.state
        table.add_row(
            escape(show.clean(result.session.name)),
            f"{_number(cdr['total_energy'], language)} kWh" if cdr else "-",
            f"{_number(_price(cdr), language)} {cdr['currency']}" if cdr else "-",
            f"[{style}]{state}[/{style}]",
            escape(show.clean(_why(result, language))),
        )
    out.print(table)


def _price(cdr: dict[str, Any]) -> Decimal | int:
    total = cdr["total_cost"]
    chosen: Decimal | int = total["excl_vat"] if total.get("incl_vat") is None else total["incl_vat"]
    return chosen


def _number(value: Decimal | int, language: str) -> str:
    return locales.number(Decimal(value), language)


def _why(result: DemoResult, language: str) -> str:
    """Return the reason that comes first; a CDR that is on its way needs none."""
    if not result.reasons:
        return ""
    first, more = result.reasons[0], len(result.reasons) - 1
    others = f" (+{more})" if more and result.state == "held" else ""
    return locales.sentence_of(first["code"], first["params"], language) + others


def _key_hint(out: Console, results: list[DemoResult], language: str) -> None:
    """Say how a file's session can be billed when nobody vouches for its key."""
    for result in results:
        if not result.needs_key:
            continue
        inside = keys_inside(result.session.document)
        out.print(_t("hint_key", language))
        for text in inside:
            out.print(f"  {_t('hint_key_inside', language)}  --key {escape(show.clean(text))}")


def _links(out: Console, processes: Processes, results: list[DemoResult], language: str) -> None:
    out.print(f"{_t('check_page', language)}  {processes.service_url}/")
    for result in results:
        if result.state == "delivered" and result.cdr is not None:
            out.print(
                f"{_t('receipt', language)}  {result.cdr['receipt_url']}  ({escape(result.session.name)})"
            )
    out.print(f"{_t('versions', language)}  {processes.service_url}/ocpi/versions")
