"""From the bytes of a part to its record, or to the finding that says why there is none."""

from __future__ import annotations

from eichrecht.evidence import Finding, Part, SignedRecord, problem
from eichrecht.formats import registry
from eichrecht.formats.base import Surroundings
from eichrecht.formats.errors import FormatError
from eichrecht.verification.claims import with_claims
from eichrecht.verification.codes import VerificationCode as Code


def decode_part(part: Part) -> SignedRecord | Finding:
    """Decode a part; return a finding that says why it cannot be."""
    if part.format is None:
        return problem(Code.RECORD_NOT_RECOGNISED, "")
    try:
        if part.detached_signature is None and not part.claims and not part.envelopes:
            return registry.decode(part.format, part.content)
        surroundings = Surroundings(part.detached_signature, part.claims, part.envelopes)
        return with_claims(registry.decode(part.format, part.content, surroundings), part.claims)
    except FormatError as error:
        return problem(error.code, error.where, **error.params)


def decode_lone(content: bytes) -> SignedRecord | Finding:
    """Decode a record of any format; return a finding that says why it cannot be."""
    try:
        record = registry.decode_any(content)
    except FormatError as error:
        return problem(error.code, error.where, **error.params)
    return problem(Code.RECORD_NOT_RECOGNISED, "") if record is None else record
