"""The rule engine: one entry for records, one for transactions, whatever the profile."""

from __future__ import annotations

from collections.abc import Sequence

from eichrecht.evidence import SignedRecord
from eichrecht.rules import safe, strict
from eichrecht.rules.judgements import RecordJudgement, RegisterResult, TransactionJudgement
from eichrecht.rules.policy import DEFAULT_POLICY, PlausibilityPolicy
from eichrecht.rules.profiles import Profile

__all__ = ["RecordJudgement", "RegisterResult", "TransactionJudgement", "judge_record", "judge_transaction"]


def judge_record(
    record: SignedRecord, profile: Profile, policy: PlausibilityPolicy = DEFAULT_POLICY
) -> RecordJudgement:
    """Judge one record by itself. Pure; never raises for a record that a format made.

    Args:
        record: Decoded, its signature not looked at here.
        profile: ``strict`` or ``safe-1.4.1``.
        policy: Limits of plausibility in profile strict; the official program has none.
    """
    if profile is Profile.STRICT:
        return strict.judge_record(record, policy)
    return safe.judge_record(record)


def judge_transaction(
    records: Sequence[SignedRecord],
    profile: Profile,
    *,
    contexts: Sequence[str | None] = (),
    policy: PlausibilityPolicy = DEFAULT_POLICY,
) -> TransactionJudgement:
    """Judge the records of one transaction, given in any order. Pure; never raises.

    Args:
        records: One record with both ends, or begin, intermediate and end records.
        profile: ``strict`` or ``safe-1.4.1``.
        contexts: Roles that the container gives the records, in the same order.
        policy: Limits of plausibility in profile strict; the official program has none.
    """
    if profile is Profile.STRICT:
        return strict.judge_transaction(records, contexts, policy)
    return safe.judge_transaction(records, contexts)
