"""Findings: everything a user can act on, as a stable code instead of a sentence.

A finding never contains prose. The sentence for a person is rendered from the code and the parameters by
the application in the reader's language, so programs can rely on the codes and translators on the files.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """How much a finding weighs; it says nothing of whether a signature is good."""

    ERROR = "error"
    """Something is wrong or cannot be decided; the verdict of the layer that found it is not ``valid``."""
    WARNING = "warning"
    """The verdict stands, but a reader must know this."""
    NOTE = "note"
    """A deviation or a fact without consequence."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about one place.

    Attributes:
        code: Stable snake_case code, a member of the finding layer's ``StrEnum`` (compare as ``str``).
        severity: See :class:`Severity`.
        where: JSON-pointer-like place inside the part it speaks of (``/RD/0/ST``), ``""`` for the whole.
        params: Values that the sentence needs, already as text. Never secret, may be hostile: escape on output.
    """

    code: str
    severity: Severity
    where: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


def problem(code: str, where: str = "", /, **params: object) -> Finding:
    """Return a finding of severity ``error``."""
    return Finding(str(code), Severity.ERROR, where, {k: str(v) for k, v in params.items()})


def warning(code: str, where: str = "", /, **params: object) -> Finding:
    """Return a finding of severity ``warning``."""
    return Finding(str(code), Severity.WARNING, where, {k: str(v) for k, v in params.items()})


def note(code: str, where: str = "", /, **params: object) -> Finding:
    """Return a finding of severity ``note``."""
    return Finding(str(code), Severity.NOTE, where, {k: str(v) for k, v in params.items()})
