"""What every signed format offers to the pipeline."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from eichrecht.evidence import RecordSpan, SignedRecord


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
