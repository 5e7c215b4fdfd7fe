"""The vectors that verifiers are compared on: records and files with the verdict that they must get.

Those of ``../shared/vectors/meter`` come from other projects and were judged by the official program and by hand; the
sample cases are this project's own, and only stand in where the others are absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from eichrecht.evidence import Document, SignatureStatus, Verdict
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.cases import all_cases

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "vectors" / "meter"

_VERDICTS = {"valid": Verdict.VALID, "invalid": Verdict.INVALID, "error": Verdict.INDETERMINATE}
_SYNTHETIC = ("LAW_", "RAW_", "UNIT_", "EDL_40_RAW", "OCMF_PAYLOAD")
"""Sets of fields and bare signatures: no program reads them as records."""

_OF_STATUS = {
    SignatureStatus.VALID: Verdict.VALID,
    SignatureStatus.INVALID: Verdict.INVALID,
    SignatureStatus.UNVERIFIED: Verdict.INDETERMINATE,
}


class Scope(StrEnum):
    """What the expected verdict covers."""

    SIGNATURE = "signature"
    """The signatures alone."""
    RECORDS = "records"
    """Signatures and the law as far as single records show it."""
    DOCUMENT = "document"
    """The law of whole transactions as well."""


@dataclass(frozen=True)
class Vector:
    """One record or file with its expected verdict.

    Attributes:
        name: Unique.
        format: Name of the signed format; ``container`` or ``?`` where the list of vectors does not say.
        content: Bytes as found.
        key_text: Key that comes with it, as written; ``None`` if it brings its own, or has none.
        expected: ``None`` if nobody says what is right (the official program cannot read the file).
        scope: What the verdict covers; of a file with several records the worst counts.
        is_record: A record by itself; otherwise a file as users have it.
    """

    name: str
    format: str
    content: bytes
    key_text: str | None
    expected: Verdict | None
    scope: Scope
    is_record: bool


def shared_vectors() -> Sequence[Vector]:
    """Return the shared records and files; none if they are absent."""
    if not SHARED.is_dir():
        return ()
    return (*_records(), *_files())


def _listed(name: str) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = json.loads((SHARED / name).read_text("utf-8"), parse_float=str)
    return entries


def _records() -> Iterator[Vector]:
    for entry in _listed("records.json"):
        if entry["format"].startswith(_SYNTHETIC):
            continue
        # What "misc" entries say covers the signature only, but of BSM its cross-checks too.
        signature_only = entry["id"].startswith("misc-") and entry["format"] != "BSM_WS36A"
        yield Vector(
            entry["id"],
            entry["format"],
            (SHARED / entry["file"]).read_bytes(),
            entry["public_key"],
            _VERDICTS[entry["expect"]],
            Scope.SIGNATURE if signature_only else Scope.RECORDS,
            is_record=True,
        )


def _files() -> Iterator[Vector]:
    for entry in _listed("files.json"):
        values = [_VERDICTS[value] for value in entry["values"]]
        yield Vector(
            entry["id"],
            entry["format"].removeprefix("container:"),
            (SHARED / entry["file"]).read_bytes(),
            entry.get("public_key"),
            Verdict.worst(values) if values else None,
            Scope.RECORDS,
            is_record=False,
        )


def sample_vectors() -> Sequence[Vector]:
    """Return the cases of the simulated meters."""
    return [
        Vector(
            case.name,
            case.format,
            case.content,
            case.public_key_text,
            Verdict(case.expected_verdict),
            Scope.DOCUMENT,
            is_record=not case.content.startswith(b"<?xml"),
        )
        for case in all_cases()
    ]


def our_verdict(vector: Vector) -> Verdict:
    """Return what this project says about a vector, asked as a user would ask."""
    keys = [SuppliedKey(vector.key_text, "vector")] if vector.key_text else []
    found = Verifier(keys=keys).verify(Document(vector.name, vector.content))
    if not found.records:
        return Verdict.INDETERMINATE
    if vector.scope is Scope.DOCUMENT:
        return found.verdict
    if vector.scope is Scope.SIGNATURE:
        return Verdict.worst([_OF_STATUS[record.signature.status] for record in found.records])
    return Verdict.worst([record.verdict for record in found.records])
