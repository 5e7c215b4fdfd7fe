"""The signature check of a record that may carry several signed pieces."""

from __future__ import annotations

from dataclasses import replace

from eichrecht.evidence import SignatureStatus, SignedRecord, problem
from eichrecht.signatures.algorithms import SignatureAlgorithm
from eichrecht.signatures.check import SignatureCheck, check_signature
from eichrecht.signatures.codes import SignatureForm
from eichrecht.signatures.keys import PublicKey
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.seal_check import ClosedRecord

_VALID = SignatureStatus.VALID
_FORMS = {str(form): form for form in SignatureForm}


def check_record(
    record: SignedRecord, algorithm: SignatureAlgorithm, key: PublicKey, *, diagnose: bool = True
) -> SignatureCheck:
    """Check every signature of the record; the first that does not fit decides."""
    if isinstance(record, ClosedRecord):
        return record.opener.check(algorithm, key)
    claim = record.signature
    native = _FORMS[claim.native]
    check = check_signature(
        algorithm, key, record.signed_bytes, claim.value or b"", diagnose=diagnose, native=native
    )
    otherwise = record.attestations[0].otherwise if len(record.attestations) == 1 else None
    if otherwise is not None and not check.valid:
        signed, said = otherwise
        other = check_signature(algorithm, key, signed, claim.value or b"", diagnose=False, native=native)
        if other.valid:
            check = replace(other, findings=(*other.findings, said))
    for piece in record.more_signatures:
        if check.status is not _VALID:
            break
        if piece.signature.algorithm != claim.algorithm or piece.signature.value is None:
            finding = problem(Code.PIECE_SIGNATURE_UNREADABLE, "", piece=piece.name)
            return replace(
                check,
                status=SignatureStatus.UNVERIFIED,
                reason="malformed_signature",
                findings=(*check.findings, finding),
            )
        other = check_signature(
            algorithm, key, piece.signed_bytes, piece.signature.value, diagnose=diagnose, native=native
        )
        if other.status is not _VALID:
            finding = problem(Code.PIECE_DOES_NOT_FIT, "", piece=piece.name)
            other = replace(other, findings=(*other.findings, finding))
        fresh = tuple(finding for finding in other.findings if finding not in check.findings)
        check = replace(other, findings=(*check.findings, *fresh))
    return check
