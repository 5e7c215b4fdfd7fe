"""From a verified transaction, session facts and a tariff snapshot to a priced, reconciled CDR.

A session whose meter values are not valid gives no CDR at all (*refused*). A CDR with an open error is *held*.
Nothing is repaired on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from zoneinfo import ZoneInfo

from eichrecht.billing import checks, signed_tariff, told
from eichrecht.billing.belonging import belonging
from eichrecht.billing.clock import clock_is_synchronised, ends_in_zone, place
from eichrecht.billing.codes import BillingCode as Code
from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import PeriodsError, RegisterPoint
from eichrecht.billing.policy import BillingPolicy
from eichrecht.billing.pricing import price_session
from eichrecht.evidence import (
    DocumentVerdict,
    Finding,
    Reading,
    ReadingRole,
    RecordVerdict,
    SignedRecord,
    TransactionVerdict,
    Verdict,
    problem,
)
from eichrecht.signatures.keys import PublicKey
from ocpi.cdrs.context import EXACT_TOLERANCES, ReconcileContext
from ocpi.cdrs.errors import CdrBuildError, SignedDataError
from ocpi.cdrs.reconcile import reconcile
from ocpi.cdrs.report import Reconciliation
from ocpi.cdrs.signed_data import SignedRecordText, nature_of, place_signed_data
from ocpi.cdrs.totals import CdrHeader, build_cdr
from ocpi.findings import Severity
from ocpi.objects.cdr import Cdr, SignedData
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import Breakdown
from ocpi.tariffs.compiled import compile_tariff
from ocpi.tariffs.errors import TariffError

ENCODING_METHODS = {"OCMF": "OCMF"}
"""OCPI ``encoding_method`` of each format (mod_cdrs, SignedData)."""


class Outcome(StrEnum):
    """What became of a session."""

    READY = "ready"
    """The CDR may leave."""
    HELD = "held"
    """The CDR exists, but has an open error."""
    REFUSED = "refused"
    """No CDR: the meter values cannot be billed, or no CDR can be formed."""


@dataclass(frozen=True, slots=True)
class KnownCircumstances:
    """What only the store knows, for reconciliation; ``None`` = not looked up.

    Attributes:
        known_token: The token exists.
        routed: Its owner is a registered partner.
        already_sent: A CDR of this id exists.
        session_already_billed: The session has a CDR that is not credited.
        same_tariff_at_signed_start: The version of the tariff is also the one that was in force when the session
            started by the meter's clock.
    """

    known_token: bool | None = None
    routed: bool | None = None
    already_sent: bool | None = None
    session_already_billed: bool | None = None
    same_tariff_at_signed_start: bool | None = None


@dataclass(frozen=True, slots=True)
class BilledSession:
    """A session after billing.

    Attributes:
        outcome: See :class:`Outcome`.
        cdr: ``None`` if refused.
        breakdown: Its price, line by line; ``None`` if it was never priced.
        reconciliation: All checks of the CDR; ``None`` if refused.
        findings: Everything that was found out, reconciliation included.
    """

    outcome: Outcome
    cdr: Cdr | None
    breakdown: Breakdown | None
    reconciliation: Reconciliation | None
    findings: tuple[Finding, ...]


def _refused(*findings: Finding) -> BilledSession:
    return BilledSession(Outcome.REFUSED, None, None, None, findings)


def bill_session(
    verdict: DocumentVerdict,
    facts: SessionFacts,
    tariff: Tariff | None,
    *,
    now: datetime,
    signing_key: PublicKey | None = None,
    receipt_url: str | None = None,
    policy: BillingPolicy | None = None,
    circumstances: KnownCircumstances | None = None,
) -> BilledSession:
    """Make the CDR of a session.

    Args:
        verdict: Of the document with the session's signed records.
        facts: What the meter does not sign.
        tariff: Snapshot as at session start; ``None`` if there is none, then the session is refused.
        now: Becomes ``last_updated``.
        signing_key: Goes into ``signed_data.public_key``.
        receipt_url: Becomes ``signed_data.url``.
        policy: Defaults to :class:`BillingPolicy`.
        circumstances: What the store knows.

    Returns:
        Never raises for bad sessions: a session that cannot be billed is refused with findings.
    """
    rules = policy or BillingPolicy()
    transaction = _transaction(verdict)
    if isinstance(transaction, Finding):
        return _refused(transaction, *_errors(verdict))
    used = [verdict.records[index] for index in transaction.records]
    records = [item.record for item in used if item.record is not None]
    reasons = _refusals(verdict, transaction, used, rules)
    if tariff is None:
        reasons.append(problem(Code.TARIFF_UNKNOWN, "/tariff_id", tariff=facts.tariff_id or "?"))
    if reasons or tariff is None:
        return _refused(*reasons, *_errors(verdict))
    zone = ZoneInfo(facts.time_zone)
    try:
        signed = place(_signed_points(transaction, records, zone), facts, transaction)
        priced = price_session(facts, signed, compile_tariff(tariff), rules.pricing)
        chosen = (*told.told_times(priced, transaction, rules), *told.told_power(priced))
    except PeriodsError as error:
        return _refused(problem(error.code))
    except TariffError as error:
        return _refused(problem(Code.SESSION_UNPRICEABLE, "", cause=str(error)))
    timeline, session, breakdown = priced.timeline, priced.session, priced.breakdown
    signed_data, placing = _signed_data(transaction, records, signing_key, receipt_url)
    header = _header(facts, records, tariff, now)
    try:
        cdr = build_cdr(header, session, [tariff], breakdown, signed_data, policy=rules.pricing)
    except CdrBuildError as error:
        return _refused(*placing, problem(Code.CDR_UNBUILDABLE, "", cause=str(error)))
    known = circumstances or KnownCircumstances()
    reconciliation = reconcile(
        cdr,
        ReconcileContext(
            time_zone=zone,
            tariffs=(tariff,),
            policy=rules.pricing,
            tolerances=EXACT_TOLERANCES,
            signed_energy_kwh=transaction.energy_kwh,
            # An unsynchronised clock says nothing of when: a difference would be no finding.
            signed_start=signed[0].at if clock_is_synchronised(transaction) else None,
            signed_end=signed[-1].at if clock_is_synchronised(transaction) else None,
            known_token=known.known_token,
            routed=known.routed,
            already_sent=known.already_sent,
            session_already_billed=known.session_already_billed,
        ),
    )
    findings = (
        *placing,
        *checks.implausible(transaction, rules),
        *checks.tariff_validity(tariff, timeline, transaction, rules),
        *told.told_start(facts, transaction, known.same_tariff_at_signed_start, rules),
        *checks.key_override(used, rules),
        *belonging(facts, transaction, used, rules),
        *checks.unsigned_splits(session, breakdown, timeline, rules),
        *told.time_of_use(priced, transaction, rules),
        *chosen,
        *checks.uncertified_time(breakdown, transaction, timeline, rules),
        *checks.session_times(facts, transaction),
        *checks.rounded_energy(breakdown, transaction, rules),
        *checks.claims(facts, cdr, rules),
        *signed_tariff.agreement(used, [tariff], rules),
        *breakdown.findings,
        *reconciliation.findings,
        *(difference.as_finding() for difference in reconciliation.differences),
        *(item.as_finding() for item in reconciliation.unchecked),
    )
    held = any(finding.severity is Severity.ERROR for finding in findings)
    return BilledSession(
        Outcome.HELD if held else Outcome.READY, cdr, breakdown, reconciliation, _unique(findings)
    )


def _unique(findings: Sequence[Finding]) -> tuple[Finding, ...]:
    kept: list[Finding] = []
    for finding in findings:
        if finding not in kept:
            kept.append(finding)
    return tuple(kept)


def _transaction(verdict: DocumentVerdict) -> TransactionVerdict | Finding:
    if not verdict.transactions:
        if verdict.verdict is Verdict.VALID:
            return problem(Code.TRANSACTION_MISSING)
        return problem(Code.TRANSACTION_NOT_VALID, "", verdict=verdict.verdict.value)
    if len(verdict.transactions) > 1:
        return problem(Code.SEVERAL_TRANSACTIONS, "", count=len(verdict.transactions))
    return verdict.transactions[0]


def _refusals(
    verdict: DocumentVerdict,
    transaction: TransactionVerdict,
    used: Sequence[RecordVerdict],
    policy: BillingPolicy,
) -> list[Finding]:
    """Return why no CDR may be made of this transaction at all (law facts §12).

    The document counts as a whole: it is the evidence behind the receipt, and whoever opens that link must not
    find anything in it that is not valid.
    """
    worst = Verdict.worst([verdict.verdict, transaction.verdict])
    if worst is not Verdict.VALID:
        return [problem(Code.TRANSACTION_NOT_VALID, "", verdict=worst.value)]
    if not transaction.billable.energy or transaction.energy_kwh is None:
        return [problem(Code.ENERGY_NOT_BILLABLE, "", reasons=", ".join(transaction.billable.reasons) or "-")]
    if policy.require_confirmed_key and checks.unconfirmed(used):
        return [problem(Code.KEY_NOT_CONFIRMED)]
    return []


def _errors(verdict: DocumentVerdict) -> list[Finding]:
    """Return every error of the check, the closest to the bytes first: it is the cause of those after it."""
    found = [finding for record in verdict.records for finding in record.findings]
    found += verdict.findings
    found += [finding for transaction in verdict.transactions for finding in transaction.findings]
    return [finding for finding in _unique(found) if finding.severity is Severity.ERROR]


def _signed_points(
    transaction: TransactionVerdict, records: Sequence[SignedRecord], zone: ZoneInfo
) -> tuple[RegisterPoint, ...]:
    """Return the signed readings of the register that counts, as kWh since its begin.

    Intermediate readings with a local time only are left out: they cut no price, and their place is uncertain.
    """
    begin, end = transaction.begin, transaction.end
    if begin is None or end is None or begin.energy_kwh is None or end.energy_kwh is None:
        raise PeriodsError(Code.TRANSACTION_MISSING)
    ends = ends_in_zone(transaction, zone)
    if ends is None:
        raise PeriodsError(Code.READING_WITHOUT_TIME)
    between: dict[datetime, Decimal] = {}
    for record in records:
        for reading in record.readings:
            at, energy_kwh = reading.time, reading.energy_kwh
            if at is not None and energy_kwh is not None and _lies_between(reading, at, begin, end):
                between.setdefault(at, energy_kwh - begin.energy_kwh)
    return (
        RegisterPoint(ends[0], Decimal(0) * begin.energy_kwh, signed=True),
        *(RegisterPoint(at, energy_kwh, signed=True) for at, energy_kwh in sorted(between.items())),
        RegisterPoint(ends[1], end.energy_kwh - begin.energy_kwh, signed=True),
    )


def _lies_between(reading: Reading, at: datetime, begin: Reading, end: Reading) -> bool:
    if reading.obis != begin.obis or reading.role in {ReadingRole.BEGIN, ReadingRole.END}:
        return False
    return begin.time is not None and end.time is not None and begin.time < at < end.time


def _signed_data(
    transaction: TransactionVerdict,
    records: Sequence[SignedRecord],
    key: PublicKey | None,
    url: str | None,
) -> tuple[SignedData | None, tuple[Finding, ...]]:
    if any(record.signature.detached for record in records) or any(
        one.apart and one.signature == record.signature for record in records for one in record.attestations
    ):
        # What the CDR would carry is signed by something that the CDR does not carry: nobody could check it.
        return None, (problem(Code.CDR_UNBUILDABLE, "/signed_data", cause="signature apart from the data"),)
    method = ENCODING_METHODS.get(records[0].format, records[0].format)
    texts = [_record_text(record, transaction) for record in records]
    try:
        placed = place_signed_data(
            texts,
            encoding_method=method,
            public_key_der=key.spki if key is not None else None,
            url=url,
        )
    except SignedDataError as error:
        return None, (problem(Code.CDR_UNBUILDABLE, "/signed_data", cause=str(error)),)
    return placed.signed_data, placed.findings


def _record_text(record: SignedRecord, transaction: TransactionVerdict) -> SignedRecordText:
    roles = {reading.role for reading in record.readings}
    if not record.traits.roles_signed:
        # Which end it is was found out with the other records; the eMSP must be told, for the record does not say it.
        for end in (transaction.begin, transaction.end):
            if end is not None and any(replace(reading, role=end.role) == end for reading in record.readings):
                roles.add(end.role)
    start = record.raw.find(record.signed_bytes)
    return SignedRecordText(
        record.raw,
        nature_of(has_begin=ReadingRole.BEGIN in roles, has_end=ReadingRole.END in roles),
        record.signed_bytes,
        record.raw[start + len(record.signed_bytes) + 1 :] if start >= 0 else None,
    )


def _header(facts: SessionFacts, records: Sequence[SignedRecord], tariff: Tariff, now: datetime) -> CdrHeader:
    return CdrHeader(
        country_code=facts.country_code,
        party_id=facts.party_id,
        id=facts.cdr_id or facts.session_id,
        token=facts.cdr_token,
        location=facts.cdr_location,
        auth_method=facts.auth_method,
        currency=tariff.currency,
        last_updated=now,
        session_id=facts.session_id,
        authorization_reference=facts.authorization_reference,
        meter_id=facts.meter_id or records[0].meter.serial or records[0].gateway.serial,
        remark=facts.remark,
    )
