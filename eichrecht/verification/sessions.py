"""What the verdicts on single records and the rules over a session make of the session."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from eichrecht.evidence import (
    Billable,
    Finding,
    KeyTrust,
    Part,
    RecordVerdict,
    SignatureStatus,
    TransactionVerdict,
    Verdict,
    problem,
)
from eichrecht.rules.engine import judge_transaction
from eichrecht.rules.judgements import TransactionJudgement
from eichrecht.rules.policy import PlausibilityPolicy
from eichrecht.rules.profiles import Profile
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.pairing import Group, Member

ENERGY_TOLERANCE_KWH = Decimal("0.001")
"""A CDR may round the signed energy to whole watt-hours, the finest step that OCPI can bill."""

_SIGNED = SignatureStatus.VALID


def transaction_verdict(
    group: Group,
    records: Sequence[RecordVerdict],
    own_judgements: Sequence[TransactionJudgement | None],
    profile: Profile,
    plausibility: PlausibilityPolicy,
) -> TransactionVerdict:
    """Return the verdict on the records of one session.

    Args:
        group: Its members.
        records: Verdicts on all records of the document.
        own_judgements: For each of these records what the rules found if it is a session by itself.
        profile: Rule profile.
        plausibility: What of a session deserves a second look.
    """
    judgement = _judgement(group.members, own_judgements, profile, plausibility)
    indexes = tuple(member.index for member in group.members)
    verdicts = [records[index].verdict for index in indexes]
    findings = judgement.findings
    billable = judgement.billable
    bad = [index for index in indexes if records[index].verdict is not Verdict.VALID]
    if bad:
        finding = problem(
            Code.TRANSACTION_RECORD_NOT_VALID, "", records=", ".join(str(index) for index in bad)
        )
        findings = (*findings, finding)
        billable = Billable(False, False, (*billable.reasons, Code.TRANSACTION_RECORD_NOT_VALID))
    verdict = Verdict.worst([*verdicts, judgement.verdict])
    if _signed_by_several([records[index] for index in indexes]):
        findings = (*findings, problem(Code.TRANSACTION_KEYS_DIFFER))
        billable = Billable(False, False, (*billable.reasons, Code.TRANSACTION_KEYS_DIFFER))
        verdict = Verdict.worst((verdict, Verdict.INDETERMINATE))
    if profile is Profile.SAFE_1_4_1 and Verdict.INDETERMINATE in verdicts:
        verdict = Verdict.INDETERMINATE  # what the official program cannot read, it does not judge either
    return TransactionVerdict(
        group.id,
        verdict,
        indexes,
        judgement.energy_kwh,
        judgement.duration_s,
        billable,
        findings,
        judgement.registers[0].begin if judgement.registers else None,
        judgement.registers[0].end if judgement.registers else None,
    )


def _judgement(
    members: Sequence[Member],
    own_judgements: Sequence[TransactionJudgement | None],
    profile: Profile,
    plausibility: PlausibilityPolicy,
) -> TransactionJudgement:
    """Judge a transaction, or take over what the rules found when they judged a record that is one by itself."""
    if len(members) == 1 and members[0].context is None:
        own = own_judgements[members[0].index]
        if own is not None:
            return own
    contexts = [member.context for member in members]
    return judge_transaction(
        [member.record for member in members], profile, contexts=contexts, policy=plausibility
    )


def _signed_by_several(records: Sequence[RecordVerdict]) -> bool:
    """Whether the records of one session fit different keys, of which at most one can be the meter's.

    A record may bring its own key, so whoever forges one end of a session can sign it. The operator may have
    replaced a key between begin and end; where somebody vouches for all of them there is no doubt.
    """
    keys = [record.key for record in records if record.key and record.signature.status is _SIGNED]
    return len({key.fingerprint for key in keys}) > 1 and any(
        key.trust is not KeyTrust.CONFIRMED for key in keys
    )


def contradictions(parts: Sequence[Part], transactions: Sequence[TransactionVerdict]) -> Iterator[Finding]:
    """A bill (CDR) that says another energy than its own signed data is wrong, however good the signatures are."""
    for transaction in transactions:
        signed = transaction.energy_kwh
        claims = {parts[index].claimed_energy_kwh for index in transaction.records}
        for claimed in sorted(claim for claim in claims if claim is not None):
            if signed is not None and abs(claimed - signed) >= ENERGY_TOLERANCE_KWH:
                yield problem(
                    Code.BILLED_ENERGY_NOT_SIGNED,
                    "/total_energy",
                    claimed=f"{claimed:f}",
                    signed=f"{signed:f}",
                )
