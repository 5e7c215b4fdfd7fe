"""Reading CDRs and tariffs that the user names: files, lists, OCPI responses, JSON lines, directories, stdin."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from eichrecht import locales
from eichrecht.cli.errors import InputError
from eichrecht.cli.inputs import MAX_FILES, printable, read_bytes
from eichrecht.containers.limits import MAX_DOCUMENT_BYTES
from ocpi.cdrs.collection import is_envelope, objects_in
from ocpi.errors import InvalidObject
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import POLICIES, PolicyError, PricingPolicy, policy_from
from ocpi.transport import json
from ocpi.types import OcpiModel
from ocpi.versions import V2_2_1, AnyVersion, detect_version, read_any

LINE_SUFFIXES = frozenset({".jsonl", ".ndjson"})
"""Files with one CDR per line; they are read line by line, whatever their size."""

FOLDER_SUFFIXES = LINE_SUFFIXES | {".json"}
"""What is read from a directory; other files in it are not meant."""

MAX_LINE_BYTES = 4 * 1024 * 1024
"""Longest line of a JSON lines file: the body limit of an OCPI CDR (docs/decisions.md, O6)."""

MAX_CDRS = 100_000
"""CDRs in one run: what is remembered of each to find duplicates is about a kilobyte."""

M = TypeVar("M", bound=OcpiModel)


def unwrapped(content: bytes, path: Path) -> Any:
    """Parse JSON; an OCPI envelope around it is taken off.

    Raises:
        InputError: It is no JSON.
    """
    try:
        value = json.loads(content)
    except json.JsonError as error:
        raise InputError(f"{printable(path)}: no usable JSON: {error}") from error
    return value["data"] if is_envelope(value) else value


def load_object(path: Path, model: type[Any]) -> Any:
    """Read an OCPI 2.2.1 object from a JSON file; an OCPI envelope around it is taken off.

    Raises:
        InputError: It is no JSON or no such object; the message names every place.
    """
    try:
        return V2_2_1.load(model, unwrapped(read_bytes(path), path))
    except InvalidObject as error:
        raise InputError(f"{printable(path)}: no OCPI 2.2.1 {model.__name__}: {error}") from error


def read_object(value: Any, path: Path, model: type[M]) -> AnyVersion[M]:
    """Read a parsed tariff or CDR of any OCPI version.

    Raises:
        InputError: It is no such object; the message names every place.
    """
    try:
        return read_any(model, value)
    except InvalidObject as error:
        version = detect_version(model, value).number
        raise InputError(f"{printable(path)}: no OCPI {version} {model.__name__}: {error}") from error


def parse_any(content: bytes, path: Path, model: type[M]) -> AnyVersion[M]:
    """Read a tariff or CDR of any OCPI version; an OCPI envelope around it is taken off.

    Raises:
        InputError: It is no JSON or no such object; the message names every place.
    """
    return read_object(unwrapped(content, path), path, model)


def read_tariffs(paths: Sequence[Path] | None) -> tuple[Tariff, ...] | None:
    """Read tariffs of any version; a file may hold one, a list, or an OCPI response with either.

    Returns:
        ``None`` if no file was named.

    Raises:
        InputError: A file holds something else.
    """
    if not paths:
        return None
    return tuple(
        read_object(value, path, Tariff).model
        for path in paths
        for _, value in objects_in(unwrapped(read_bytes(path), path))
    )


def named_policy(name: str) -> PricingPolicy:
    """Return a pricing policy by name, or one from a JSON file with a partner's settings.

    Raises:
        InputError: Neither, or a setting means nothing.
    """
    try:
        if name in POLICIES:
            return POLICIES[name]
        path = Path(name)
        settings = unwrapped(read_bytes(path), path)
        if not isinstance(settings, dict):
            raise InputError(f"{printable(path)}: a pricing policy is a JSON object")
        return policy_from(settings)
    except PolicyError as error:
        raise InputError(f"--policy: {error.reason}: {error.detail}") from error


def named_zone(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name.

    Raises:
        InputError: There is none of that name.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise InputError(f"--time-zone: {name!r} is not an IANA time zone") from error


def require_language(language: str) -> None:
    """Refuse a language that there are no sentences in.

    Raises:
        InputError: It is neither German nor English.
    """
    if language not in locales.LANGUAGES:
        raise InputError("--language must be de or en")


def print_json(value: Any) -> None:
    """Print JSON as UTF-8 bytes, whatever the terminal speaks (RFC 8259 §8.1)."""
    sys.stdout.flush()
    sys.stdout.buffer.write(json.dumps(value) + b"\n")
    sys.stdout.buffer.flush()


@dataclass(frozen=True, slots=True)
class RawCdr:
    """A CDR that is only JSON yet.

    Attributes:
        source: Name of its file.
        where: JSON pointer, or ``line N``; ``""`` if it stands alone.
        value: Parsed JSON; ``None`` if there is none.
        content: Bytes of the file, if the CDR stands alone in it.
        unreadable: Why there is none.
    """

    source: str
    where: str
    value: Any
    content: bytes | None = None
    unreadable: str | None = None

    @property
    def alone(self) -> bool:
        """Whether the file holds this one CDR and no list."""
        return self.content is not None


@dataclass(frozen=True, slots=True)
class CdrSource:
    """A file with CDRs that can be read more than once; standard input is kept for that.

    Attributes:
        path: The file; ``-`` is standard input.
        kept: What standard input held; ``None`` for files.
    """

    path: Path
    kept: bytes | None = None

    @property
    def name(self) -> str:
        """Name for reports."""
        return printable(self.path)

    def content(self) -> bytes:
        """Return the content, at most one byte more than a document may have.

        Raises:
            InputError: The file cannot be read.
        """
        return read_bytes(self.path) if self.kept is None else self.kept

    def cdrs(self, naming: bytes = b"") -> Iterator[RawCdr]:
        """Yield every CDR of the file, and what cannot be read as one.

        Args:
            naming: Leave out files, and lines, in which these bytes do not stand: nothing of them is parsed.

        Raises:
            InputError: The file cannot be read.
        """
        if self.path.suffix.lower() in LINE_SUFFIXES:
            yield from self._streamed(naming)
            return
        content = self.content()
        if naming not in content:
            return
        if len(content) > MAX_DOCUMENT_BYTES:
            yield RawCdr(self.name, "", None, None, f"more than {MAX_DOCUMENT_BYTES} bytes; use JSON lines")
            return
        try:
            value = json.loads(content)
        except json.JsonError as error:
            lines = content.splitlines()
            if sum(bool(line.strip()) for line in lines[:3]) > 1 and _is_object(lines[0]):
                yield from self._lines(lines, naming)
            else:
                yield RawCdr(self.name, "", None, None, str(error))
            return
        for where, item in objects_in(value):
            alone = not where or where == "/data"
            yield RawCdr(self.name, "" if alone else where, item, content if alone else None)

    def _streamed(self, naming: bytes) -> Iterator[RawCdr]:
        try:
            with self.path.open("rb") as file:
                yield from self._lines(iter(lambda: file.readline(MAX_LINE_BYTES + 1), b""), naming)
        except OSError as error:
            raise InputError(f"{self.name}: {error.strerror or error}") from error

    def _lines(self, lines: Iterator[bytes] | Sequence[bytes], naming: bytes) -> Iterator[RawCdr]:
        for number, line in enumerate(lines, start=1):
            where = f"line {number}"
            if len(line) > MAX_LINE_BYTES:
                # What follows is the rest of the line, not the next one.
                yield RawCdr(self.name, where, None, None, f"a line of more than {MAX_LINE_BYTES} bytes")
                return
            if not line.strip() or naming not in line:
                continue
            try:
                yield RawCdr(self.name, where, json.loads(line))
            except json.JsonError as error:
                yield RawCdr(self.name, where, None, None, str(error))


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except json.JsonError:
        return False


def cdr_sources(paths: Sequence[Path]) -> list[CdrSource]:
    """Return every file named, and every JSON file in the directories named, in order of their names.

    Raises:
        InputError: A path does not exist, standard input is named twice, or there are too many files.
    """
    if sum(str(path) == "-" for path in paths) > 1:
        raise InputError("-: standard input can be read only once")
    found: list[CdrSource] = []
    for path in paths:
        if str(path) == "-":
            found.append(CdrSource(path, read_bytes(path)))
        elif path.is_dir():
            found += _in_folder(path)
        elif path.exists():
            found.append(CdrSource(path))
        else:
            raise InputError(f"{printable(path)}: No such file or directory")
    if len(found) > MAX_FILES:
        raise InputError(f"more than {MAX_FILES} files")
    return found


def _in_folder(folder: Path) -> list[CdrSource]:
    files: list[Path] = []
    for file in folder.rglob("*"):
        if file.suffix.lower() in FOLDER_SUFFIXES and file.is_file():
            files.append(file)
        if len(files) > MAX_FILES:
            raise InputError(f"{printable(folder)}: more than {MAX_FILES} files")
    return [CdrSource(file) for file in sorted(files)]
