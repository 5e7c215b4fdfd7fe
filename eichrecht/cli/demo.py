"""``eichrecht demo``: the whole chain on real processes."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from eichrecht import locales
from eichrecht.cli import show
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import key_argument, read_bytes
from eichrecht.demo.material import file_session, simulated_sessions
from eichrecht.demo.processes import DemoError, Processes
from eichrecht.demo.run import Demo, DemoResult

_STYLE = {"delivered": "bold green", "refused": "bold red", "held": "bold yellow"}


def demo(
    record: Annotated[
        Path | None, typer.Option("--record", help="Run this file through the chain instead of the samples.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--key", help="Public key that the operator vouches for (with --record).")
    ] = None,
    exit_at_end: Annotated[bool, typer.Option("--exit", help="End instead of leaving the service running.")] = False,
    language: Annotated[str, typer.Option("--language", help="en or de.")] = "en",
) -> None:
    """Run the whole chain: service, eMSP, handshake, tariff, sessions, delivery; then leave the service running.

    Exit status: 0 every session ended as it must, 1 one did not, 64 usage.
    """
    if key is not None and record is None:
        raise InputError("--key goes with --record")
    sessions = simulated_sessions()
    if record is not None:
        text = _key_text(key) if key is not None else None
        sessions = [file_session(record.name, read_bytes(record), text)]
    out = Console(highlight=False, soft_wrap=True)

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
        table.add_column(_t(f"column_{heading}", language), justify="right" if heading in {"energy", "price"} else "left")
    for result in results:
        cdr = result.cdr
        style = _STYLE.get(result.state, "bold")
        why = [item["message"] for item in result.reasons]
        table.add_row(
            escape(show.clean(result.session.name)),
            f"{cdr['total_energy']} kWh" if cdr else "-",
            f"{cdr['total_cost'].get('incl_vat') or cdr['total_cost']['excl_vat']} {cdr['currency']}" if cdr else "-",
            f"[{style}]{_t('state_' + result.state, language) if result.state in _STYLE else result.state}[/{style}]",
            escape(show.clean(why[-1] if result.state == "refused" and why else (why[0] if why else ""))),
        )
    out.print(table)


def _links(out: Console, processes: Processes, results: list[DemoResult], language: str) -> None:
    out.print(f"{_t('check_page', language)}  {processes.service_url}/")
    for result in results:
        if result.state == "delivered" and result.cdr is not None:
            out.print(f"{_t('receipt', language)}  {result.cdr['receipt_url']}  ({escape(result.session.name)})")
    out.print(f"{_t('versions', language)}  {processes.service_url}/ocpi/versions")


