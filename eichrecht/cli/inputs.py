"""Reading what the user names on the command line: documents, key files, directories, standard input."""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO

from eichrecht import locales
from eichrecht.cli.errors import InputError
from eichrecht.containers.limits import MAX_DOCUMENT_BYTES
from eichrecht.evidence import Document
from eichrecht.signatures.certificates import read_certificates
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.verification.bundles import Bundle, sort_files
from eichrecht.verification.keys import SuppliedKey

MAX_PATH = 1024
"""Longer arguments of ``--key`` are not looked up as files: no path in use is longer, many key texts are."""

_LIKE_A_KEY = re.compile(r"[0-9A-Za-z+/=_:\-\s]{32,}")
"""Hex, Base64, Base32 or PEM, of at least as many characters as the shortest public key has (a compressed point of
192 bits in Base64 has 34). A file name that is not there mostly has a dot or is shorter."""

_PIECE_BYTES = 1 << 20

MAX_FILES = 100_000
"""Files read from directory arguments in one run; more is a job for the bulk audit."""


@dataclass(frozen=True)
class _LargeDocument(Document):
    """A document beyond the limit: only its beginning is held, but the hash is that of the whole."""

    digest: str = ""

    @cached_property
    def sha256(self) -> str:
        """Lower-case hex SHA-256 of all bytes."""
        return self.digest


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        if str(path) == "-":
            yield sys.stdin.buffer
        else:
            with path.open("rb") as file:
                yield file
    except OSError as error:
        raise InputError(f"{printable(path)}: {error.strerror or error}") from error


def read_bytes(path: Path) -> bytes:
    """Read at most one byte more than a document may have, so that a huge file costs nothing.

    Raises:
        InputError: The file cannot be read.
    """
    with _opened(path) as file:
        return file.read(MAX_DOCUMENT_BYTES + 1)


def read_document(path: Path) -> Document:
    """Read a document; one that is too large keeps its beginning, which the verifier will refuse, and its hash.

    Raises:
        InputError: The file cannot be read.
    """
    with _opened(path) as file:
        content = file.read(MAX_DOCUMENT_BYTES + 1)
        if len(content) <= MAX_DOCUMENT_BYTES:
            return Document(printable(path), content)
        digest = hashlib.sha256(content)
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
        return _LargeDocument(printable(path), content, digest=digest.hexdigest())


def printable(path: Path) -> str:
    """Return a path as text; a file name that is no text is shown with replacement characters."""
    return os.fsencode(path).decode("utf-8", "replace")


def key_argument(value: str, language: str = "en") -> SuppliedKey:
    """Take ``--key`` as a file if there is one of that name, else as the key's text.

    Raises:
        InputError: The key cannot be read; a sentence in ``language`` says why.
    """
    text, name, is_file = _key_source(value)
    try:
        read_key(text)
    except UnreadableKey as error:
        # The text is not repeated: it may be long, or a private key given by mistake.
        place = name if is_file else locales.text("cli", "key_as_text", language)
        raise InputError(f"{place}: {locales.sentence(error.finding(), language)}") from error
    return SuppliedKey(text, name)


def judging_key(value: str, language: str = "en") -> SuppliedKey:
    """Take ``--key`` for a check: a key that is there but damaged cannot decide, and the verdict says why.

    Raises:
        InputError: There is no file of this name, and the text is not even the outline of a key.
    """
    text, name, is_file = _key_source(value)
    if is_file or _LIKE_A_KEY.fullmatch(value):
        return SuppliedKey(text, name)
    return key_argument(value, language)


def _key_source(value: str) -> tuple[str | bytes, str, bool]:
    """Return the key's text, its name for people, and whether it came from a file."""
    try:
        is_file = len(value) < MAX_PATH and Path(value).is_file()
    except (OSError, ValueError):  # a name that no file system takes
        is_file = False
    if is_file:
        return read_bytes(Path(value)), printable(Path(Path(value).name)), True
    return value, "--key", False


def certificate_argument(value: str) -> bytes | None:
    """Return the certificates that ``--key`` names as a file; ``None`` if it names something else."""
    try:
        is_file = len(value) < MAX_PATH and Path(value).is_file()
    except (OSError, ValueError):
        is_file = False
    content = read_bytes(Path(value)) if is_file else b""
    return content if read_certificates(content) else None


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    count = 0
    for path in paths:
        if str(path) != "-" and path.is_dir():
            for file in sorted(entry for entry in path.rglob("*") if entry.is_file()):
                count += 1
                if count > MAX_FILES:
                    raise InputError(f"{printable(path)}: more than {MAX_FILES} files")
                yield file
        else:
            yield path


def gather(paths: Sequence[Path]) -> Bundle:
    """Read every file named; keys, certificates and detached signatures among them serve the others.

    Raises:
        InputError: A path cannot be read, or nothing is left to verify.
    """
    if sum(str(path) == "-" for path in paths) > 1:
        raise InputError("-: standard input can be read only once")
    bundle = sort_files([read_document(path) for path in _files(paths)])
    if not bundle.documents:
        raise InputError("nothing to verify: only key files or no files were given")
    return bundle
