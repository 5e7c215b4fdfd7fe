"""Records that may have several signers: each signature is judged with a key of its own.

The record is wrong if one signature is. It is valid if one fits and none is wrong; signatures that could not be checked
are named. Every signature covers all values of the record (its format shows no others), so one that fits is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from cryptography import x509

from eichrecht.evidence import (
    Attestation,
    Finding,
    KeySource,
    KeyTrust,
    KeyVerdict,
    Severity,
    SignatureStatus,
    SignatureVerdict,
    SignedRecord,
    warning,
)
from eichrecht.signatures.certificates import chain_findings, examine
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.keys import KeyedCheck


def check_attested(
    record: SignedRecord, check: Callable[[SignedRecord], KeyedCheck], anchors: Sequence[x509.Certificate]
) -> tuple[SignedRecord, KeyedCheck]:
    """Judge every signature of a record.

    Args:
        record: A record with attestations.
        check: Chooses keys and checks the one signature of a record.
        anchors: Certificates whose issuing the person asking believes.

    Returns:
        The record with what was found out about its certificates, and the outcome of all signatures together.
    """
    outcomes: list[tuple[Attestation, KeyedCheck]] = []
    said: list[Finding] = []
    for one in record.attestations:
        outcome, findings = _check_one(record, one, check, anchors)
        outcomes.append((one, outcome))
        said += findings
    ranked = sorted(_ranked(outcomes), key=lambda each: each[0])
    _, deciding, outcome = ranked[0]
    if outcome.signature.status is SignatureStatus.VALID:
        further = tuple(
            warning(Code.FURTHER_SIGNATURE_UNCHECKED, "", name=one.name, reason=other.signature.reason or "?")
            for _, one, other in ranked[1:]
            if other.signature.status is not SignatureStatus.VALID
        )
        outcome = replace(outcome, findings=(*outcome.findings, *further))
    otherwise = deciding.otherwise
    shown = replace(
        record,
        signed_bytes=otherwise[0]
        if otherwise and otherwise[1] in outcome.findings
        else deciding.signed_bytes,
        signature=deciding.signature,
        findings=(*record.findings, *said),
    )
    return shown, outcome


def _ranked(
    outcomes: Sequence[tuple[Attestation, KeyedCheck]],
) -> Iterator[tuple[tuple[int, bool], Attestation, KeyedCheck]]:
    """Yield the outcomes with their rank: wrong before valid before unchecked, and what can be checked first."""
    fitting = [one for one, outcome in outcomes if outcome.signature.status is SignatureStatus.VALID]
    for one, outcome in outcomes:
        status = outcome.signature.status
        rank = 2 if status is SignatureStatus.UNVERIFIED else 1 if status is SignatureStatus.VALID else 0
        if rank == 0 and fitting and _is_of_another_signer(one, outcome, fitting):
            rank = 2
        yield (rank, one.defect is not None), one, outcome


def _is_of_another_signer(one: Attestation, outcome: KeyedCheck, fitting: Sequence[Attestation]) -> bool:
    """Whether a signature that does not fit only lacks its key: it names another one than those that fitted.

    The keys that somebody gives are for one of the signers; that they are not the other's shows nothing. A key that
    is found under the name in the signature, or that came with it, is this signer's and must fit.
    """
    given = outcome.key is not None and outcome.key.source is KeySource.ARGUMENT
    names = {other.signature.key_name for other in fitting}
    return not one.refuted and given and one.signature.key_name not in {None, *names}


def _check_one(
    record: SignedRecord,
    one: Attestation,
    check: Callable[[SignedRecord], KeyedCheck],
    anchors: Sequence[x509.Certificate],
) -> tuple[KeyedCheck, tuple[Finding, ...]]:
    if one.defect is not None:
        status = SignatureStatus.INVALID if one.refuted else SignatureStatus.UNVERIFIED
        return KeyedCheck(SignatureVerdict(status, None, one.defect), None, None, ()), ()
    single = replace(
        record,
        signed_bytes=one.signed_bytes,
        signature=one.signature,
        embedded_key=one.key_text,
        attestations=(one,),
    )
    outcome = check(single)
    if one.certificate is None:
        return outcome, ()
    findings = examine(one.certificate)
    if outcome.key is None or outcome.key.source is not KeySource.DOCUMENT:
        # Somebody vouches for the key itself: what its certificate is for does not matter, whose it is does.
        return outcome, findings
    vouched, about = chain_findings(one.certificate, anchors)
    sound = not any(finding.severity is Severity.ERROR for finding in findings)
    if vouched and sound:
        key: KeyVerdict = replace(outcome.key, source=KeySource.ARGUMENT, trust=KeyTrust.SUPPLIED)
        kept = tuple(finding for finding in outcome.findings if finding.code != Code.KEY_UNCONFIRMED)
        outcome = replace(outcome, key=key, findings=kept)
    return outcome, (*findings, *about)
