"""``eichrecht cdr check``: one CDR, or any number of them with what they bill twice."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, Self

import typer

from eichrecht.cli import show_cdr
from eichrecht.cli.cdr_inputs import (
    MAX_CDRS,
    CdrSource,
    RawCdr,
    cdr_sources,
    named_policy,
    named_zone,
    print_json,
    read_tariffs,
    require_language,
)
from eichrecht.cli.database import DatabaseOption, open_service
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import key_argument
from eichrecht.evidence import Severity, problem
from eichrecht.service.cdr_check import (
    CheckedCdr,
    CheckTerms,
    GivenCdr,
    Outcome,
    StoredFacts,
    check_given,
    checked_as_json,
    duplicate_as_json,
    read_given,
)
from eichrecht.service.codes import CdrCheckCode
from eichrecht.service.stored_facts import tariffs_at_start
from eichrecht.verification import Verifier
from ocpi.cdrs.context import CreditStyle
from ocpi.cdrs.credit import is_credit
from ocpi.cdrs.duplicates import Duplicate, SeenCdr, find_duplicates
from ocpi.errors import InvalidObject
from ocpi.objects.cdr import Cdr
from ocpi.tariffs import POLICIES
from ocpi.transport import json
from ocpi.versions import read_any

MAX_CREDITED = 10_000
"""Credited CDRs kept in memory for their Credit CDRs; the check of further ones stays open, and says so."""

Key = tuple[str, str, str]


class CheckExit(IntEnum):
    """Exit statuses of ``cdr check``; of several CDRs the first that holds: 1, 3, 2, 0."""

    AGREES = 0
    WRONG = 1
    """At least one contradicts itself or what was signed, or something is billed twice."""
    UNDECIDED = 2
    COST_DIFFERS = 3
    """None is wrong in itself, but at least one disagrees with its tariff."""


_STATUS = {
    Outcome.WRONG: CheckExit.WRONG,
    Outcome.COST_DIFFERS: CheckExit.COST_DIFFERS,
    Outcome.UNDECIDED: CheckExit.UNDECIDED,
    Outcome.AGREES: CheckExit.AGREES,
}


def check(
    paths: Annotated[
        list[Path], typer.Argument(help="CDRs as JSON: one, a list, JSON lines, a directory; - is stdin.")
    ],
    tariff: Annotated[
        list[Path] | None, typer.Option("--tariff", help="Published tariff(s); the CDR's own must agree.")
    ] = None,
    stored_tariffs: Annotated[
        bool, typer.Option("--stored-tariffs", help="Take the published tariffs from the database.")
    ] = False,
    database: DatabaseOption = None,
    key: Annotated[list[str] | None, typer.Option("--key", help="Public key of the meter.")] = None,
    time_zone: Annotated[
        str, typer.Option("--time-zone", help="IANA zone of the location (a CDR has none).")
    ] = "Europe/Berlin",
    policy: Annotated[
        str,
        typer.Option("--policy", help=f"{', '.join(POLICIES)}, or a JSON file with a partner's settings."),
    ] = "default",
    credit_style: Annotated[
        CreditStyle, typer.Option("--credit-style", help="Which totals a Credit CDR negates.")
    ] = CreditStyle.TOTAL_COST,
    allow_unsigned: Annotated[
        bool, typer.Option("--allow-unsigned", help="Judge CDRs without signed data, too.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    language: Annotated[str, typer.Option("--language", help="en or de.")] = "en",
) -> None:
    """Check CDRs: structure, sums, price, signature, what the meter signed, credits, and what is billed twice.

    Exit status: 0 nothing stands against them, 1 one contradicts itself or what was signed (or is billed twice),
    3 all are right in themselves but one disagrees about the cost, 2 something cannot be decided, 64 usage.
    """
    require_language(language)
    if stored_tariffs and tariff:
        raise InputError("--tariff and --stored-tariffs exclude each other")
    terms = CheckTerms(
        named_zone(time_zone), read_tariffs(tariff), named_policy(policy), credit_style, allow_unsigned
    )
    keys = [key_argument(text, language) for text in key or []]
    sources = cdr_sources(paths)
    with ExitStack() as stack:
        stored = stack.enter_context(_StoredTariffs(database)) if stored_tariffs else None
        run = _Run(sources, terms, Verifier(keys=keys), stored)
        only = _only(sources, paths)
        status = _one(run, only, as_json, language) if only else _many(run, as_json, language)
    raise typer.Exit(status)


def _only(sources: Sequence[CdrSource], paths: Sequence[Path]) -> RawCdr | None:
    """Return the CDR of a run over one file that holds one; ``None`` for any other run.

    Raises:
        InputError: The one file is no JSON, or an empty list.
    """
    if len(paths) != 1 or len(sources) != 1 or (str(paths[0]) != "-" and paths[0].is_dir()):
        return None
    first = next(sources[0].cdrs(), None)
    if first is None:
        raise InputError(f"{sources[0].name}: no OCPI 2.2.1 Cdr: it holds none")
    if first.unreadable is not None and not first.where:
        raise InputError(f"{first.source}: no usable JSON: {first.unreadable}")
    return first if first.alone else None


class _StoredTariffs:
    """The tariffs of a database, for one CDR after the other."""

    def __init__(self, database: str | None) -> None:
        self._database = database
        self._runner = asyncio.Runner()

    def __enter__(self) -> Self:
        self._opened = open_service(self._database)
        try:
            self._service = self._runner.run(_entered(self._opened))
        except BaseException:
            self._runner.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runner.run(_left(self._opened))
        self._runner.close()

    def of(self, cdr: Cdr) -> StoredFacts:
        """Return the tariffs that governed a CDR."""

        async def look() -> StoredFacts:
            settings = self._service.settings
            async with self._service.database.reading() as tx:
                tariffs, missing = await tariffs_at_start(tx, cdr, (settings.country_code, settings.party_id))
            return StoredFacts(tariffs=tariffs, missing_tariffs=missing)

        return self._runner.run(look())


async def _entered(opened: Any) -> Any:
    return await opened.__aenter__()


async def _left(opened: Any) -> None:
    await opened.__aexit__(None, None, None)


class _Run:
    """The CDRs of a run, one after the other; what is kept of each is small."""

    def __init__(
        self,
        sources: Sequence[CdrSource],
        terms: CheckTerms,
        verifier: Verifier,
        stored: _StoredTariffs | None,
    ) -> None:
        self._sources = sources
        self._terms = terms
        self._verifier = verifier
        self._stored = stored
        self._credited: dict[Key, Cdr] = {}

    def check(self, raw: RawCdr) -> CheckedCdr:
        """Check one CDR."""
        if raw.unreadable is not None:
            told = problem(CdrCheckCode.FILE_UNREADABLE, "", reason=raw.unreadable)
            given = GivenCdr(raw.source, raw.where, None, "-", (told,))
        else:
            given = read_given(
                raw.value, self._verifier, source=raw.source, where=raw.where, content=raw.content
            )
        return check_given(given, self._terms, self._known(given))

    def results(self) -> Iterator[CheckedCdr]:
        """Check all CDRs.

        Raises:
            InputError: There are more than :data:`MAX_CDRS`, or a file cannot be read.
        """
        self._credited = credited_cdrs(self._sources)
        count = 0
        for source in self._sources:
            for raw in source.cdrs():
                count += 1
                if count > MAX_CDRS:
                    raise InputError(f"more than {MAX_CDRS} CDRs in one run")
                yield self.check(raw)

    def _known(self, given: GivenCdr) -> StoredFacts:
        if given.loaded is None:
            return StoredFacts()
        cdr = given.loaded.model
        facts = self._stored.of(cdr) if self._stored is not None else StoredFacts()
        credited = self._credited.get(_credited_key(cdr)) if is_credit(cdr) else None
        return StoredFacts(credited, facts.tariffs, facts.missing_tariffs)


def _credited_key(credit: Cdr) -> Key:
    return _key(credit.country_code, credit.party_id, credit.credit_reference_id or "")


def _key(country_code: str, party_id: str, cdr_id: str) -> Key:
    return country_code.lower(), party_id.lower(), cdr_id.lower()


def credited_cdrs(sources: Sequence[CdrSource]) -> dict[Key, Cdr]:
    """Return the CDRs that Credit CDRs of the same run take back, wherever they stand.

    A file or line is parsed for that only if the name of the field stands in it (a sender who hides it behind JSON
    escapes leaves his Credit CDR unchecked, which the result says).
    """
    wanted: set[Key] = set()
    for source in sources:
        for value in _values(source, b"credit_reference_id"):
            reference = value.get("credit_reference_id")
            if value.get("credit") is True and isinstance(reference, str):
                wanted.add(_key(str(value.get("country_code")), str(value.get("party_id")), reference))
    found: dict[Key, Cdr] = {}
    if not wanted:
        return found
    for source in sources:
        for value in _values(source):
            key = _key(str(value.get("country_code")), str(value.get("party_id")), str(value.get("id")))
            if key not in wanted or key in found or len(found) >= MAX_CREDITED:
                continue
            try:
                found[key] = read_any(Cdr, value).model
            except InvalidObject:
                continue  # the check of that CDR itself says so
    return found


def _values(source: CdrSource, naming: bytes = b"") -> Iterator[dict[str, Any]]:
    return (raw.value for raw in source.cdrs(naming) if isinstance(raw.value, dict))


def _one(run: _Run, raw: RawCdr, as_json: bool, language: str) -> CheckExit:
    checked = run.check(raw)
    if checked.given.loaded is None and checked.outcome is Outcome.UNDECIDED:
        reason = "; ".join(str(item.params.get("reason")) for item in checked.findings)
        raise InputError(f"{raw.source}: no OCPI {checked.given.version} Cdr: {reason}")
    if as_json:
        print_json(checked_as_json(checked, language))
    else:
        show_cdr.checked(checked, language, alone=True)
    return _STATUS[checked.outcome]


def _many(run: _Run, as_json: bool, language: str) -> CheckExit:
    """Check many CDRs and print each as soon as it is done."""
    seen: list[SeenCdr] = []
    counts: Counter[Outcome] = Counter()
    write = _JsonResults(language) if as_json else None
    for checked in run.results():
        counts[checked.outcome] += 1
        if checked.seen is not None:
            seen.append(checked.seen)
        if write is not None:
            write.result(checked)
        else:
            show_cdr.checked(checked, language)
    if not counts:
        raise InputError("nothing to check: no CDRs were found")
    duplicates = find_duplicates(seen)
    if write is not None:
        write.end(duplicates, counts)
    else:
        show_cdr.summary(duplicates, counts, language)
    outcomes = set(counts)
    if any(item.severity is Severity.ERROR for item in duplicates):
        outcomes.add(Outcome.WRONG)
    return next(status for outcome, status in _STATUS.items() if outcome in outcomes)


class _JsonResults:
    """Writes ``{"results": [...], "duplicates": [...], "counts": {...}}`` as the results come in."""

    def __init__(self, language: str) -> None:
        self._language = language
        self._begun = False

    def result(self, checked: CheckedCdr) -> None:
        """Write one result."""
        self._write(b",\n" if self._begun else b'{"results": [\n')
        self._begun = True
        self._write(json.dumps(checked_as_json(checked, self._language)))

    def end(self, duplicates: Sequence[Duplicate], counts: Counter[Outcome]) -> None:
        """Write what is said of all of them."""
        told = [duplicate_as_json(item, self._language) for item in duplicates]
        numbers = {outcome.value: counts[outcome] for outcome in Outcome}
        self._write(
            b'\n], "duplicates": ' + json.dumps(told) + b', "counts": ' + json.dumps(numbers) + b"}\n"
        )
        sys.stdout.buffer.flush()

    def _write(self, content: bytes) -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(content)
