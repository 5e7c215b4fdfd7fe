"""Sealed OCMF: an OCMF record that only the RSA public key opens ("SAFESeal", facts/meter/safe_formats.md §9).

Opening stands for a signature, and it is a weak one: see docs/formats/sealed_ocmf.md for what a forger needs. So
everything that would make forging cheaper is an error here, though the official program overlooks it: bytes behind
the text that are not zero, text around the record, text that is not UTF-8, compression over several blocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from enum import StrEnum
from functools import lru_cache

from eichrecht.evidence import (
    OCMF_TRAITS,
    Device,
    Finding,
    Identification,
    PaginationRule,
    RecordSpan,
    SignatureClaim,
    SignedRecord,
    note,
    problem,
    warning,
)
from eichrecht.formats import ocmf
from eichrecht.formats._seal import (
    MAX_SEALED_BYTES,
    SEAL_OID,
    Envelope,
    SealError,
    open_envelope,
    read_envelope,
)
from eichrecht.formats.codes import OcmfCode
from eichrecht.formats.errors import (
    FormatError,
    LimitExceededError,
    MalformedRecordError,
    NotThisFormatError,
)

SEAL_ALGORITHM = "SAFESeal"
"""Name that stands for the algorithm; no record names it, the seal's identifier does."""


class SealedOcmfErrorCode(StrEnum):
    """Why a sealed record cannot be taken apart (``FormatError.code``)."""

    NOT_SEALED = "sealed_ocmf_header_missing"
    TOO_LARGE = "sealed_ocmf_too_large"
    MALFORMED = "sealed_ocmf_malformed"
    DEFLATE_BROKEN = "sealed_ocmf_deflate_broken"
    NO_RECORD_INSIDE = "sealed_ocmf_no_record_inside"


class SealedOcmfCode(StrEnum):
    """What opening noticed."""

    CLOSED = "sealed_ocmf_closed"
    """Not opened: nothing of what it says is known."""
    WEAK = "sealed_ocmf_weak"
    """The seal holds, but it is no signature."""
    NO_SIGNATURE_INSIDE = "sealed_ocmf_no_signature_inside"
    TEXT_AROUND = "sealed_ocmf_text_around"
    PADDING_NOT_ZERO = "sealed_ocmf_padding_not_zero"
    COMPRESSED = "sealed_ocmf_compressed"
    INNER_SIGNATURE_VALID = "sealed_ocmf_inner_signature_valid"
    INNER_SIGNATURE_INVALID = "sealed_ocmf_inner_signature_invalid"
    INNER_SIGNATURE_UNCHECKED = "sealed_ocmf_inner_signature_unchecked"


_HEADER_LENGTHS = (2, 3, 4, 5, 6)
"""Where the identifier may stand: behind the tag and a length of one to five octets."""

_CLOSED_TRAITS = replace(OCMF_TRAITS, has_identifier=False, pagination=PaginationRule.NONE)
_NO_DEVICE = Device()

_AROUND = frozenset(
    {
        OcmfCode.BOM_BEFORE_RECORD,
        OcmfCode.SPACE_BEFORE_RECORD,
        OcmfCode.TEXT_AFTER_RECORD,
        OcmfCode.SPACE_AROUND_SECTION,
    }
)


class SealedOcmfFormat:
    """The format as the pipeline sees it; holds no state."""

    name = "SEALED_OCMF"

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the whole content if it begins with the seal's identifier; sealed records stand alone."""
        if not _begins_sealed(content):
            return ()
        return (RecordSpan(self.name, 0, len(content), "seal_identifier"),)

    def decode(self, content: bytes) -> SignedRecord:
        """Take the envelope apart; what is inside stays closed, so the record has no readings.

        Raises:
            NotThisFormatError: ``content`` does not begin with the seal's identifier.
            MalformedRecordError: The envelope is damaged or of another version.
            LimitExceededError: Larger than any sealed record.
        """
        envelope = _envelope(content)
        return SignedRecord(
            format=self.name,
            version=None,
            raw=content,
            signed_bytes=envelope.data,
            signature=SignatureClaim(SEAL_ALGORITHM, None, envelope.data, None, native="raw"),
            meter=_NO_DEVICE,
            gateway=_NO_DEVICE,
            charge_point=(None, None),
            identification=Identification(),
            pagination=None,
            readings=(),
            findings=(problem(SealedOcmfCode.CLOSED),),
            traits=_CLOSED_TRAITS,
        )

    def unseal(self, content: bytes, modulus: int, exponent: int) -> SignedRecord | None:
        """Open the record with an RSA public key; see :class:`~eichrecht.formats.base.SealedFormat`.

        ``signed_bytes`` of the result are the payload section of the record inside, as of any OCMF record, so that
        the same record is known again with and without its seal. Its ``signature`` is the claim of its own
        signature section, which may be empty.
        """
        return _unsealed(content, modulus, exponent)


@lru_cache(maxsize=1)
def _unsealed(content: bytes, modulus: int, exponent: int) -> SignedRecord | None:
    """Open a record; the last result is kept, because a record is opened again once its meter is known."""
    envelope = _envelope(content)
    opened = open_envelope(envelope, modulus, exponent)
    if opened is None:
        return None
    findings = [warning(SealedOcmfCode.WEAK)]
    if not opened.padding_is_zero:
        findings.append(problem(SealedOcmfCode.PADDING_NOT_ZERO))
    if envelope.compressed and envelope.blocks > 1:
        findings.append(problem(SealedOcmfCode.COMPRESSED))
    if opened.text is None:
        raise MalformedRecordError(SealedOcmfErrorCode.DEFLATE_BROKEN)
    try:
        inside = ocmf.FORMATS[0].decode(opened.text)
    except FormatError as error:
        raise MalformedRecordError(SealedOcmfErrorCode.NO_RECORD_INSIDE, "", {"code": error.code}) from None
    return _sealed(content, inside, findings)


def _sealed(content: bytes, inside: SignedRecord, findings: list[Finding]) -> SignedRecord:
    codes = {finding.code for finding in inside.findings}
    if not codes.isdisjoint(_AROUND):
        findings.append(problem(SealedOcmfCode.TEXT_AROUND))
    if OcmfCode.SIGNATURE_MISSING in codes:
        findings.append(note(SealedOcmfCode.NO_SIGNATURE_INSIDE))
    # The seal stands for the signature, so that there is none inside is no fault.
    findings += [f for f in inside.findings if f.code != OcmfCode.SIGNATURE_MISSING]
    return replace(
        inside, format=SealedOcmfFormat.name, raw=content, embedded_key=None, findings=tuple(findings)
    )


def _begins_sealed(content: bytes) -> bool:
    return content[:1] == b"\x30" and any(content.startswith(SEAL_OID, at) for at in _HEADER_LENGTHS)


def _envelope(content: bytes) -> Envelope:
    if not _begins_sealed(content):
        raise NotThisFormatError(SealedOcmfErrorCode.NOT_SEALED)
    if len(content) > MAX_SEALED_BYTES:
        raise LimitExceededError(SealedOcmfErrorCode.TOO_LARGE, "", {"limit": str(MAX_SEALED_BYTES)})
    try:
        return read_envelope(content)
    except SealError as error:
        raise MalformedRecordError(SealedOcmfErrorCode.MALFORMED, "", {"place": str(error)}) from None


FORMATS = (SealedOcmfFormat(),)
"""What this module adds to the registry."""
