"""``eichrecht edifact show``: an EDIFACT file segment by segment, with places, meaning and what is signed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from eichrecht import locales
from eichrecht.cli import show
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import certificate_argument, key_argument, printable, read_bytes
from eichrecht.edifact import EdifactError, EdifactFile, Interchange, Message, Segment, Span, read_file
from eichrecht.edifact.autack import TYPE as AUTACK
from eichrecht.edifact.coverage import Coverage
from eichrecht.edifact.meaning import Coded, Instant, Part, meaning
from eichrecht.edifact.metering import MsconsMessage, Quantity, Series
from eichrecht.edifact.mscons import read_all
from eichrecht.edifact.security import read_security
from eichrecht.evidence import Attestation, Document, Finding, Severity, SignatureStatus, SignedRecord
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.keys import UnusableKey, read_key
from eichrecht.verification import Verifier
from eichrecht.verification.bundles import trust_of
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.pieces import check_record

MAX_SEGMENTS_SHOWN = 1_000
"""Segments shown of a file without ``--all``: a message of a day has some 300."""

MAX_VALUES_SHOWN = 20
"""Values shown per message without ``--all``."""

MAX_TEXT = 120
"""Characters of a segment that are shown; signatures and texts are longer."""

_STYLE = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "dim"}
_SIGNED, _UNSIGNED = "■", "□"

commands = typer.Typer(help="Look into EDIFACT files.", no_args_is_help=True, rich_markup_mode=None)


@commands.callback()
def _edifact() -> None:
    """Look into EDIFACT files."""


@commands.command("show")
def show_command(
    path: Annotated[Path, typer.Argument(metavar="FILE", help="An EDIFACT file; - reads standard input.")],
    everything: Annotated[bool, typer.Option("--all", help="Show every segment and value.")] = False,
    key: Annotated[
        list[str] | None,
        typer.Option("--key", help="Public key or certificate: check the signatures, mark what they cover."),
    ] = None,
    language: Annotated[str, typer.Option("--language", help="Language of the words: en or de.")] = "en",
) -> None:
    """Show segments, their places, their meaning and what was noticed; with a key also what is signed."""
    if language not in locales.LANGUAGES:
        raise InputError("--language must be de or en")
    try:
        file = read_file(read_bytes(path))
    except EdifactError as error:
        raise InputError(f"{printable(path)}: {locales.sentence(error.finding(), language)}") from error
    covered = _covered(file, _keys(key, language)) if key else None
    show_file(printable(path), file, language, covered, everything=everything)


def _keys(arguments: Sequence[str], language: str) -> list[SuppliedKey]:
    """Read what ``--key`` names: keys, or certificates for the keys in them."""
    keys: list[SuppliedKey] = []
    for text in arguments:
        certificate = certificate_argument(text)
        if certificate is None:
            keys.append(key_argument(text, language))
            continue
        of_signers, issuers = trust_of([(text, certificate)], explicit=True)
        if issuers:
            raise InputError(f"{printable(Path(text))}: the certificate of an issuer signs no message")
        keys += of_signers
    return keys


def _covered(file: EdifactFile, keys: Sequence[SuppliedKey]) -> list[Span]:
    """Return the octets that valid signatures of the file cover; none of a message with a wrong one."""
    verdict = Verifier(keys=keys).verify(Document("", file.data))
    return [
        span
        for entry in verdict.records
        if entry.record is not None and entry.record.raw == file.data
        if entry.signature.status is SignatureStatus.VALID
        for one in entry.record.attestations
        if one.defect is None and _fits(entry.record, one, keys)
        for span in one.spans
    ]


def _fits(record: SignedRecord, one: Attestation, keys: Sequence[SuppliedKey]) -> bool:
    """Whether one of the signatures of a message fits one of the keys."""
    single = replace(record, signed_bytes=one.signed_bytes, signature=one.signature, attestations=(one,))
    names = one.signature.by_key or (one.signature.algorithm or "",)
    for algorithm in filter(None, map(parse_algorithm, names)):
        for key in keys:
            try:
                usable = read_key(key.text).for_algorithm(algorithm)
            except UnusableKey:
                continue
            if check_record(single, algorithm, usable, diagnose=False).valid:
                return True
    return False


def show_file(
    source: str,
    file: EdifactFile,
    language: str,
    covered: Sequence[Span] | None = None,
    *,
    everything: bool = False,
    console: Console | None = None,
) -> None:
    """Print a file.

    Args:
        source: Name for people.
        file: The file as read.
        language: ``de`` or ``en``.
        covered: Octets of the file that valid signatures cover; ``None`` if no signature was checked, which is
            said, and is not the same as none.
        everything: Show all segments and values, however many there are.
        console: Where to print.
    """
    page = _Page(console or show.terminal(), language, None if covered is None else Coverage(covered))
    out = page.out
    out.print(f"[bold]{escape(show.clean(source))}[/bold]")
    out.print("  " + page.words("file", size=len(file.data), count=len(file.interchanges)), style="dim")
    page.findings(file.findings, 2)
    shown = 0
    for interchange in file.interchanges:
        room = len(interchange.segments) if everything else MAX_SEGMENTS_SHOWN - shown
        page.interchange(interchange, room)
        shown += len(interchange.segments)
    for message in read_all(file):
        page.values(message, everything)
    page.summary(file)


class _Page:
    """Prints in one language, with one idea of what is signed."""

    def __init__(self, out: Console, language: str, coverage: Coverage | None) -> None:
        self.out = out
        self._language = language
        self._coverage = coverage

    def words(self, key: str, **params: object) -> str:
        return locales.text("edifact", key, self._language, **params)

    def findings(self, findings: Iterable[Finding], indent: int) -> None:
        for finding in findings:
            style = _STYLE[finding.severity]
            sentence = escape(show.clean(locales.sentence(finding, self._language)))
            self.out.print(
                f"{' ' * indent}[{style}]{self.words('severity_' + finding.severity.value)}[/{style}] {sentence}"
                f" [dim]\\[{escape(finding.code)}] {escape(show.clean(finding.where))}[/dim]"
            )

    def interchange(self, interchange: Interchange, room: int) -> None:
        start, end = interchange.span
        syntax = f"{interchange.syntax.identifier}:{interchange.syntax.version}"
        title = self.words("interchange", number=interchange.index, start=start, end=end, syntax=syntax)
        self.out.print(f"  [bold]{escape(show.clean(title))}[/bold]")
        self.findings(interchange.findings, 4)
        for message in interchange.messages:
            self.findings(message.findings, 4)
            if message.segments.first - interchange.segments.first < room:
                self._signatures(interchange, message)
        if interchange.una is not None:
            self._line(None, interchange.una, "UNA", self._name("UNA"))
        for segment in interchange.segments[: max(room, 0)]:
            self._line(segment.index, segment.span, _text(segment), self._meaning(segment))
        hidden = len(interchange.segments) - max(room, 0)
        if hidden > 0:
            self.out.print("    " + self.words("more_segments", count=hidden))

    def _signatures(self, interchange: Interchange, message: Message) -> None:
        """Print which signatures a message has, and what each says that it covers; whether it fits is not said here."""
        if message.type.type == AUTACK:
            return
        security = read_security(interchange, message)
        for group in security.groups:
            title = self.words(
                "signature",
                name=group.header.reference or "?",
                signer=group.key_name or "?",
                algorithm="-".join(filter(None, (group.scheme, group.hash_name))) or "?",
                octets=", ".join(f"{start}–{end}" for start, end in group.spans),
            )
            self.out.print("    " + escape(show.clean(title)))
        self.findings((*security.findings, *(f for group in security.groups for f in group.findings)), 4)

    def _line(self, number: int | None, span: Span, text: str, words: str) -> None:
        mark = ""
        if self._coverage is not None:
            mark = (_SIGNED if self._coverage.includes(span) else _UNSIGNED) + " "
        place = f"{span[0]}–{span[1]}"
        shown = "" if number is None else str(number)
        self.out.print(
            f"    {mark}[dim]{shown:>5} {place:>15}[/dim]  {escape(show.clean(text))}"
            f"  [cyan]{escape(show.clean(words))}[/cyan]"
        )

    def _name(self, tag: str) -> str:
        return self._known(f"segment_{tag}") or self.words("segment_unknown")

    def _known(self, key: str) -> str | None:
        """Return a text if there is one: codes are many, and not all have words."""
        try:
            return self.words(key)
        except KeyError:
            return None

    def _meaning(self, segment: Segment) -> str:
        parts = ", ".join(filter(None, map(self._part, meaning(segment))))
        name = self._name(segment.tag)
        return f"{name}: {parts}" if parts else name

    def _part(self, part: Part) -> str:
        if isinstance(part, Coded):
            return self._known(f"code_{part.list}_{part.code}") or part.code
        if isinstance(part, Instant):
            return locales.moment(part.time, self._language)
        return part.text

    def values(self, message: MsconsMessage, everything: bool) -> None:
        """Print what a message says, value by value."""
        title = self.words("values", document=message.document_number)
        self.out.print(f"  [bold]{escape(show.clean(title))}[/bold]")
        self.findings(message.findings, 4)
        pairs = [(series, quantity) for series in message.series for quantity in series.quantities]
        limit = len(pairs) if everything else MAX_VALUES_SHOWN
        for series, quantity in pairs[:limit]:
            self.out.print("    " + escape(show.clean("  ".join(self._value(message, series, quantity)))))
        if len(pairs) > limit:
            self.out.print("    " + self.words("more_values", count=len(pairs) - limit))
        if message.session is not None:
            energy = locales.number(message.session.energy_kwh, self._language)
            self.out.print("    " + self.words("session", energy=energy))

    def _value(self, message: MsconsMessage, series: Series, quantity: Quantity) -> Iterator[str]:
        value = quantity.value
        number = "?" if value is None else locales.number(value, self._language)
        yield f"{number} {series.unit_of(quantity) or '?'}"
        yield series.product
        times = [quantity.begin, quantity.end, *(one.time for one in quantity.moments)]
        yield " – ".join(locales.moment(time, self._language) for time in times if time is not None)
        yield self._part(Coded("6063", quantity.status))
        if not message.billable(quantity):
            yield self.words("not_billable")
        elif self._coverage is None:
            yield self.words("billable")
        elif message.is_covered(series, quantity, self._coverage):
            yield self.words("billable_signed")
        else:
            yield self.words("not_signed_value")

    def summary(self, file: EdifactFile) -> None:
        """Say how much is signed."""
        if self._coverage is None:
            self.out.print("  " + self.words("not_checked"), style="yellow")
            return
        spans = [segment.span for one in file.interchanges for segment in one.segments]
        count = sum(map(self._coverage.includes, spans))
        self.out.print("  " + self.words("signed_summary", count=count, total=len(spans)))


def _text(segment: Segment) -> str:
    start, end = segment.span
    shown = segment.data[start : min(end, start + 4 * MAX_TEXT)].decode(segment.syntax.codec, "replace")
    return shown if len(shown) <= MAX_TEXT else shown[:MAX_TEXT] + "…"
