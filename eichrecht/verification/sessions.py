"""What the verdicts on single records and the rules over a session make of the session."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import pairwise

from eichrecht.evidence import (
    Billable,
    EnergyClaim,
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
from eichrecht.verification.claims import ENERGY_TOLERANCE_KWH
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.pairing import Group, Member

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


def contradictions(
    parts: Sequence[Part], records: Sequence[RecordVerdict], transactions: Sequence[TransactionVerdict]
) -> Iterator[Finding]:
    """Compare what containers say of the energy with what is signed.

    A bill (CDR) that says another energy than its own signed data is wrong, however good the signatures are. The
    sessions of all records that stand below one statement count together; a record that stands in the document
    twice is compared with both statements.
    """
    sessions_of = _sessions_of(records, transactions)
    below: dict[EnergyClaim, list[int]] = {}
    for index, part in enumerate(parts):
        for claim in part.energy_claims:
            below.setdefault(claim, []).append(index)
    for claim, indexes in below.items():
        counted = {number for index in indexes if (number := sessions_of(index)) is not None}
        sessions = [transactions[number] for number in sorted(counted)]
        energies = [session.energy_kwh for session in sessions if session.energy_kwh is not None]
        if claim.kwh is None:
            yield problem(Code.BILLED_ENERGY_UNREADABLE, claim.where, claimed=claim.text)
        elif not energies or len(energies) < len(sessions) or _overlap(sessions, records):
            if all(records[index].record is not None for index in indexes):
                yield problem(Code.BILLED_ENERGY_NOT_COMPARABLE, claim.where, claimed=f"{claim.kwh:f}")
        elif abs(claim.kwh - sum(energies)) >= ENERGY_TOLERANCE_KWH:
            yield problem(
                Code.BILLED_ENERGY_NOT_SIGNED,
                claim.where,
                claimed=f"{claim.kwh:f}",
                signed=f"{sum(energies):f}",
            )


def _sessions_of(
    records: Sequence[RecordVerdict], transactions: Sequence[TransactionVerdict]
) -> Callable[[int], int | None]:
    """Return what tells the number of a record's transaction: its own, or that of the same record elsewhere."""
    own: dict[int, int] = {}
    of_identity: dict[bytes, int] = {}
    for number, transaction in enumerate(transactions):
        for index in transaction.records:
            record = records[index].record
            own.setdefault(index, number)
            if record is not None:
                of_identity.setdefault(record.identity, number)

    def session_of(index: int) -> int | None:
        record = records[index].record
        return own.get(index, None if record is None else of_identity.get(record.identity))

    return session_of


def _overlap(sessions: Sequence[TransactionVerdict], records: Sequence[RecordVerdict]) -> bool:
    """Whether two sessions of one meter share energy, which a bill must not add up."""
    if len(sessions) < 2:
        return False
    stretches: dict[str | None, list[tuple[Decimal, Decimal]]] = {}
    for session in sessions:
        record = records[session.records[0]].record
        begin, end = session.begin, session.end
        if (
            record is None
            or begin is None
            or end is None
            or begin.energy_kwh is None
            or end.energy_kwh is None
        ):
            return True
        stretches.setdefault(record.meter.serial, []).append((begin.energy_kwh, end.energy_kwh))
    return any(
        later[0] < earlier[1]
        for of_meter in map(sorted, stretches.values())
        for earlier, later in pairwise(of_meter)
    )
