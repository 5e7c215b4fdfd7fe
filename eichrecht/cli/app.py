"""The ``eichrecht`` program: its commands, and how errors become exit statuses."""

from __future__ import annotations

import io
import os
import sys
from enum import IntEnum
from pathlib import Path
from typing import Annotated

import typer

from eichrecht.cli import show
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import (
    certificate_argument,
    gather,
    judging_key,
    read_document,
)
from eichrecht.evidence import Document, Verdict
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from eichrecht.verification.bundles import trust_of
from eichrecht.verification.defects import with_net
from eichrecht.verification.detached import verify_together
from eichrecht.verification.report import results_as_json
from ocpi.transport import json


class Exit(IntEnum):
    """Exit statuses of the CLI contract (docs/architecture.md)."""

    ALL_VALID = 0
    INVALID = 1
    INDETERMINATE = 2
    USAGE = 64


def verify(
    paths: Annotated[list[Path], typer.Argument(help="Files or directories; - reads standard input.")],
    key: Annotated[
        list[str] | None, typer.Option("--key", help="Public key: a file or the key's text in any shape.")
    ] = None,
    profile: Annotated[
        Profile, typer.Option("--profile", help="strict, or safe-1.4.1 as the official program decides.")
    ] = Profile.STRICT,
    as_json: Annotated[bool, typer.Option("--json", help="Print the verdict as JSON.")] = False,
    language: Annotated[str, typer.Option("--language", help="Language of sentences: en or de.")] = "en",
    content: Annotated[
        Path | None,
        typer.Option("--content", help="File that the detached signatures (.p7s, AUTACK) are over."),
    ] = None,
) -> None:
    """Verify signed meter records: signature, key, calibration-law rules.

    Exit status: 0 all valid, 1 at least one invalid, 2 at least one indeterminate, 64 usage.
    """
    if language not in ("de", "en"):
        raise InputError("--language must be de or en")
    certificates = {text: found for text in key or [] if (found := certificate_argument(text)) is not None}
    named, anchors = trust_of(list(certificates.items()), explicit=True)
    keys = [judging_key(text, language) for text in key or [] if text not in certificates]
    bundle = gather(paths)
    documents = list(bundle.documents)
    verifier = Verifier(
        profile=profile, keys=[*named, *keys, *bundle.keys], anchors=[*anchors, *bundle.anchors]
    )
    signed: Document | None = None
    if content is not None:
        signed = read_document(content)
        same = [number for number, one in enumerate(documents) if one.content == signed.content]
        if same:
            signed = documents[same[0]]
        else:
            documents.append(signed)
    verdicts = verify_together(documents, with_net(verifier.verify), signed)
    if as_json:
        # Bytes, because JSON is UTF-8 whatever the terminal speaks (RFC 8259 §8.1).
        sys.stdout.flush()
        sys.stdout.buffer.write(json.dumps(results_as_json(verdicts, language)) + b"\n")
        sys.stdout.buffer.flush()
    else:
        show.documents(verdicts, language)
    raise typer.Exit(_status([verdict.verdict for verdict in verdicts]))


def _status(verdicts: list[Verdict]) -> int:
    return {
        Verdict.VALID: Exit.ALL_VALID,
        Verdict.INVALID: Exit.INVALID,
        Verdict.INDETERMINATE: Exit.INDETERMINATE,
    }[Verdict.worst(verdicts)]


def _program() -> None:
    """Verify signed meter data, price sessions, make and deliver OCPI CDRs."""


def _application(first: str | None) -> typer.Typer:
    """Return the commands that are needed to run ``first``.

    A check must not wait for the web server and the database of the other commands: to load them takes several
    times as long as to verify a file.
    """
    app = typer.Typer(
        name="eichrecht",
        help="Proof for what an electric car's driver is billed.",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    app.callback()(_program)
    app.command()(verify)
    if first == "verify":
        return app
    from eichrecht.cli import cdr, demo, edifact, partner, serve, tariff  # noqa: PLC0415 - see above

    for name, commands in (
        ("cdr", cdr.commands),
        ("db", serve.db),
        ("edifact", edifact.commands),
        ("key", serve.key),
        ("tariff", tariff.commands),
        ("partner", partner.commands),
    ):
        app.add_typer(commands, name=name)
    app.command()(serve.serve)
    app.command()(serve.worker)
    app.command()(demo.demo)
    return app


def main(arguments: list[str] | None = None) -> None:
    """Run the program and end it with the exit status of the contract."""
    given = sys.argv[1:] if arguments is None else arguments
    command = typer.main.get_command(_application(given[0] if given else None))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that knows no check mark shows "?" instead of ending the program.
            stream.reconfigure(errors="replace")
    try:
        result = command.main(args=given, prog_name="eichrecht", standalone_mode=False)
        status = result if isinstance(result, int) else 0
    except InputError as error:
        sys.stderr.write(f"eichrecht: {show.clean(str(error))}\n")
        status = Exit.USAGE
    except BrokenPipeError:
        # The reader went away (``| head``): nobody knows the verdict, and Python must not fail again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = Exit.INDETERMINATE
    except Exception as error:
        # Typer's usage errors carry show() and exit_code; anything else is a defect and keeps its traceback.
        present = getattr(error, "show", None)
        if present is None:
            raise
        present()
        status = Exit.USAGE
    sys.exit(int(status))
