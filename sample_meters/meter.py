"""What simulated meters of every format have in common, and the cases they make."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol

Verdict = Literal["valid", "invalid", "indeterminate"]
"""Outcome of the whole check: signature and calibration-law rules, key trust left aside."""

SignatureResult = Literal["valid", "invalid", "unverified"]
"""Outcome of the cryptographic check alone."""


@dataclass(frozen=True)
class SampleCase:
    """One document with what a checking program must say about it.

    Attributes:
        name: Stable, unique, usable as a file name without suffix.
        format: S.A.F.E. name of the signed format (``OCMF``).
        content: The document: a bare record, several records, or S.A.F.E. XML.
        public_key_text: The key to check with, in one of the shapes of the field; ``None`` where the document
            brings its own.
        expected_verdict: Of the whole document by the specifications and the law (profile ``strict``).
        expected_signature: Of its records; where they differ, the worst.
        description: For people: what is special about it.
        suffix: File suffix that fits the content.
    """

    name: str
    format: str
    content: bytes
    public_key_text: str | None
    expected_verdict: Verdict
    expected_signature: SignatureResult
    description: str
    suffix: str = ".ocmf"


class SampleMeter(Protocol):
    """A simulated meter that signs charging sessions in one format."""

    @property
    def format(self) -> str:
        """S.A.F.E. name of the format."""
        ...

    def public_key_text(self, shape: str = "spki-hex") -> str:
        """Return the meter's public key as text."""
        ...

    def session_record(self, begin_kwh: Decimal, end_kwh: Decimal, start: datetime, end: datetime) -> bytes:
        """Return one record (or document) that holds the whole session.

        Args:
            begin_kwh, end_kwh: Register values in kWh; their decimals are written as they are.
            start, end: Aware times.
        """
        ...
