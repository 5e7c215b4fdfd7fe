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
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.certificates import chain_findings, examine
from eichrecht.signatures.keys import UnusableKey
from eichrecht.verification.candidates import Candidate, GivenKeys
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.keys import KeyedCheck

_OWN_KEY_FITS = "wrong_key"
"""Reason of a signature that fits another key at hand than the one that judges."""


def check_attested(
    record: SignedRecord,
    check: Callable[[SignedRecord], KeyedCheck],
    anchors: Sequence[x509.Certificate],
    given: GivenKeys,
) -> tuple[SignedRecord, KeyedCheck]:
    """Judge every signature of a record.

    Args:
        record: A record with attestations.
        check: Chooses keys and checks the one signature of a record.
        anchors: Certificates whose issuing the person asking believes.
        given: Keys given by the person asking.

    Returns:
        The record with what was found out about its certificates, and the outcome of all signatures together.
    """
    outcomes: list[tuple[Attestation, KeyedCheck]] = []
    certificates: list[tuple[Attestation, tuple[Finding, ...]]] = []
    for one in record.attestations:
        outcome, findings = _check_one(record, one, check, anchors)
        outcomes.append((one, outcome))
        certificates.append((one, findings))
    ranked = sorted(_ranked(outcomes, given), key=lambda each: each[0])
    _, deciding, outcome = ranked[0]
    said = [
        finding if one is deciding or not _is_vouched(outcome) else _lighter(finding)
        for one, findings in certificates
        for finding in findings
    ]
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
    outcomes: Sequence[tuple[Attestation, KeyedCheck]], given: GivenKeys
) -> Iterator[tuple[tuple[int, bool, bool], Attestation, KeyedCheck]]:
    """Yield the outcomes with their rank: wrong before valid before unchecked; with a key vouched for first."""
    fitting = [(one, outcome) for one, outcome in outcomes if _is_vouched(outcome)]
    for one, outcome in outcomes:
        status = outcome.signature.status
        rank = 2 if status is SignatureStatus.UNVERIFIED else 1 if status is SignatureStatus.VALID else 0
        if rank == 0 and fitting and _is_of_another_signer(one, outcome, fitting, given):
            rank = 2
        yield (rank, one.defect is not None, not _is_vouched(outcome)), one, outcome


def _is_vouched(outcome: KeyedCheck) -> bool:
    """Whether a signature fits a key that not only the document vouches for."""
    fits = outcome.signature.status is SignatureStatus.VALID
    return fits and outcome.key is not None and outcome.key.trust is not KeyTrust.UNCONFIRMED


def _lighter(finding: Finding) -> Finding:
    """Return a finding about a signer who is not needed: it casts no doubt on the one who is."""
    return replace(finding, severity=Severity.WARNING) if finding.severity is Severity.ERROR else finding


def _is_of_another_signer(
    one: Attestation,
    outcome: KeyedCheck,
    fitting: Sequence[tuple[Attestation, KeyedCheck]],
    given: GivenKeys,
) -> bool:
    """Whether a signature that does not fit only lacks its key: it is of another signer than those that fitted.

    The keys that somebody gives may all be for other signers: if each has fitted a signature of theirs, this one is
    merely without a key. One that has fitted nothing was meant for it and judges. So does a key of the register that is
    bound to the meter; one found under the name in the signature is this signer's and must fit. A CMS that fits the
    key that it brings is as its signer made it.
    """
    if one.refuted or outcome.key is None or outcome.key.source is KeySource.DOCUMENT:
        return False
    if outcome.signature.reason == _OWN_KEY_FITS and one.key_text is not None:
        return True
    name = one.signature.key_name
    if name in {other.signature.key_name for other, _ in fitting} if name is not None else not one.apart:
        return False
    used = {fitted.key.fingerprint for _, fitted in fitting if fitted.key is not None}
    if outcome.key.source is not KeySource.ARGUMENT:
        return outcome.key.matched != name and outcome.key.fingerprint in used
    return not any(_may_be_meant(key, one, used) for key in (*given.named, *given.beside))


def _may_be_meant(key: Candidate, one: Attestation, used: set[str | None]) -> bool:
    """Whether a given key has fitted nothing and is of a kind that this signature may have been made with."""
    if key.material is None or not used.isdisjoint(key.material.fingerprints):
        return False
    names = one.signature.by_key or (one.signature.algorithm or "",)
    for algorithm in filter(None, map(parse_algorithm, names)):
        try:
            key.material.for_algorithm(algorithm)
        except UnusableKey:
            continue
        return True
    return False


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
