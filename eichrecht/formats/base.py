"""What every signed format offers to the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from eichrecht.evidence import Finding, RecordSpan, SignedEnvelope, SignedRecord


@runtime_checkable
class SignedFormat(Protocol):
    """A signed meter data format: finds its records in a text and decodes them.

    Implementations hold no state and do no input or output. Both methods take linear time, whatever the
    content, and raise nothing but :class:`~eichrecht.formats.errors.FormatError`.
    """

    @property
    def name(self) -> str:
        """Name as in the CLI contract (``OCMF``, ``ALFEN``, ...)."""
        ...

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return every record of this format in ``content``, in order, without overlaps.

        Records are recognised by structure alone. A place that starts like a record but does not go on
        like one is returned too, so that :meth:`decode` can say what is wrong with it.
        """
        ...

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the one record that ``content`` holds; nothing is verified here.

        Raises:
            FormatError: The record cannot be decoded; the error's code names the section.
        """
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What stood beside a record in its document; nothing of it is signed by the record.

    Attributes:
        detached_signature: Exact bytes of a signature file that belongs to the record's content.
        claims: What the container says about the record: ``(("evse_id", "DE*ABC*E1"),)``.
        envelopes: Signatures around the record or beside its file.
    """

    detached_signature: bytes | None = None
    claims: tuple[tuple[str, str], ...] = ()
    envelopes: tuple[SignedEnvelope, ...] = ()


@runtime_checkable
class ContextualFormat(SignedFormat, Protocol):
    """A format whose records need, or can be compared with, what stood beside them."""

    def decode_in(self, content: bytes, surroundings: Surroundings) -> SignedRecord:
        """Decode the record with its surroundings; otherwise as :meth:`SignedFormat.decode`.

        Statements beside the record that contradict signed ones become ``SignedRecord.contradictions``.

        Raises:
            FormatError: See :meth:`SignedFormat.decode`.
        """
        ...


@runtime_checkable
class SessionFormat(SignedFormat, Protocol):
    """A format with rules of its own about the records of one session, beside those that all formats share."""

    def compare(self, records: Sequence[SignedRecord]) -> Sequence[Finding]:
        """Return what the records of one session must have in common and do not.

        An ``error`` makes the session invalid. Nothing is raised: the records were decoded by this format.

        Args:
            records: At least two different records of this format, begin first, end last.
        """
        ...


@runtime_checkable
class SealedFormat(SignedFormat, Protocol):
    """A format whose records can be read only with the public key: opening one is its verification."""

    def unseal(self, content: bytes, modulus: int, exponent: int) -> SignedRecord | None:
        """Open the record with an RSA public key.

        Returns:
            The record inside; ``None`` if this key does not open it.

        Raises:
            FormatError: The content is no record of this format.
        """
        ...
