"""What a container says beside a record, compared with the record: the record decides, a difference is told."""

from __future__ import annotations

from dataclasses import replace

from eichrecht.evidence import SignedRecord, warning
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.verification.codes import VerificationCode as Code


def with_claims(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> SignedRecord:
    """Return the record with a finding for each claim that it contradicts.

    Looked at here is what concerns every format: ``signing_method`` (OCPP SignedMeterValueType). Formats compare
    the claims that they know themselves (``ContextualFormat``).
    """
    for name, value in claims:
        if name != "signing_method" or record.signature.algorithm is None:
            continue
        named = parse_algorithm(value)
        if named is None or named.name != record.signature.algorithm:
            told = warning(
                Code.SIGNING_METHOD_CONTRADICTED,
                "/signature",
                claimed=value[:60],
                own=record.signature.algorithm,
            )
            record = replace(record, findings=(*record.findings, told))
    return record
