"""Checking a CDR that somebody gives us: structure, sums, price, signature, and what the meter signed.

One check, used by ``eichrecht cdr check`` and by the operator API. What only a database knows comes in as
:class:`StoredFacts`; nothing here reads files or answers requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from eichrecht.billing.signed_tariff import agreement
from eichrecht.evidence import (
    Document,
    DocumentVerdict,
    Finding,
    RecordVerdict,
    Severity,
    TransactionVerdict,
    Verdict,
    problem,
    warning,
)
from eichrecht.service.billed import billed_records, billed_spans
from eichrecht.service.codes import CdrCheckCode as Code
from eichrecht.verification import Verifier
from eichrecht.verification.report import document_as_json, finding_as_json
from ocpi.cdrs.codes import CdrFinding
from ocpi.cdrs.context import CreditStyle, ReconcileContext
from ocpi.cdrs.duplicates import Duplicate, EnergySpan, SeenCdr, seen_cdr
from ocpi.cdrs.published import tariffs_in_force
from ocpi.cdrs.reconcile import reconcile
from ocpi.cdrs.report import CheckStatus, Difference, Group, Reconciliation, difference_json
from ocpi.cdrs.wording import difference_in, finding_in
from ocpi.errors import InvalidObject
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.policy import DEFAULT, PricingPolicy, policy_settings
from ocpi.transport import json
from ocpi.versions import AnyVersion, detect_version, read_any

MAX_REASON = 300
"""Characters of a reason that is repeated from a library."""

_MARKS_OF_A_CDR = frozenset({"charging_periods", "total_cost", "total_energy", "cdr_token", "auth_id"})
"""An object with none of these is something else (a tariff in the same folder), not a CDR with faults."""


class Outcome(StrEnum):
    """What a check comes to; each asks another person for an answer."""

    AGREES = "agrees"
    """Nothing stands against the CDR."""
    WRONG = "wrong"
    """It contradicts itself, what the meter signed, or another fact. No tariff is needed to see it."""
    COST_DIFFERS = "cost_differs"
    """Right in itself, but tariff, currency or cost are others than they should be."""
    UNDECIDED = "undecided"
    """Nothing is shown to be wrong, but something that matters could not be checked."""


@dataclass(frozen=True, slots=True)
class CheckTerms:
    """What holds for all CDRs of a run.

    Attributes:
        time_zone: Of the locations: a CDR has none (gotcha 27).
        tariffs: Published tariffs; ``None`` = those in the CDR are believed.
        policy: Pricing and tolerance; ``None`` = as agreed with the partner of each CDR, else the default.
        credit_style: How the sender writes Credit CDRs.
        unsigned_allowed: A CDR without signed values is judged without them, instead of being undecided.
    """

    time_zone: ZoneInfo
    tariffs: tuple[Tariff, ...] | None = None
    policy: PricingPolicy | None = None
    credit_style: CreditStyle = CreditStyle.TOTAL_COST
    unsigned_allowed: bool = False


@dataclass(frozen=True, slots=True)
class StoredFacts:
    """What a database, or the other CDRs of a run, know of a CDR.

    Attributes:
        credited: The CDR that a Credit CDR takes back.
        tariffs: Stored tariffs at session start; ``None`` = those of the terms.
        missing_tariffs: Ids of tariffs of which nothing is stored.
        differs: A CDR with other content is stored under the same id.
        billed_by: Id of another CDR that bills the same record or energy.
        policy: Agreed with the partner; ``None`` = nothing.
    """

    credited: Cdr | None = None
    tariffs: tuple[Tariff, ...] | None = None
    missing_tariffs: tuple[str, ...] = ()
    differs: bool = False
    billed_by: str | None = None
    policy: PricingPolicy | None = None


NOTHING_STORED = StoredFacts()


@dataclass(frozen=True, slots=True)
class GivenCdr:
    """A CDR before it is judged.

    Attributes:
        source: Name of the file or request.
        where: JSON pointer inside it; ``""`` if it stands alone.
        loaded: The object and its version; ``None`` if it is none.
        version: As which it was read.
        problems: Why it is none.
        verification: Verdict on its signed data; ``None`` without any.
    """

    source: str
    where: str
    loaded: AnyVersion[Cdr] | None
    version: str
    problems: tuple[Finding, ...] = ()
    verification: DocumentVerdict | None = None

    @property
    def place(self) -> str:
        """Where it stands, in one text."""
        return f"{self.source}#{self.where}" if self.where else self.source


@dataclass(frozen=True, slots=True)
class CheckedCdr:
    """The answer about one CDR.

    Attributes:
        given: What was checked.
        verdict: Over everything, as in ``eichrecht verify``.
        outcome: The same, with contradictions and disagreement about cost kept apart.
        reconciliation: All rules; ``None`` if there is no CDR.
        differences: Of numbers and instants, in the words of the CDR's version.
        findings: Everything else, likewise.
        unchecked: What could not be judged, as notes.
        seen: For finding duplicates; ``None`` if there is no CDR.
    """

    given: GivenCdr
    verdict: Verdict
    outcome: Outcome
    reconciliation: Reconciliation | None
    differences: tuple[Difference, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchecked: tuple[Finding, ...] = field(default=())
    seen: SeenCdr | None = None

    @property
    def cdr_id(self) -> str | None:
        """Id of the CDR."""
        return None if self.given.loaded is None else self.given.loaded.model.id

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """Findings, differences and what was not checked, each as a finding with a sentence."""
        return (*self.findings, *(item.as_finding() for item in self.differences), *self.unchecked)


def read_given(
    value: Any, verifier: Verifier, *, source: str, where: str = "", content: bytes | None = None
) -> GivenCdr:
    """Read a CDR of any version and verify its signed data. Never raises for any value.

    Args:
        value: Parsed JSON.
        verifier: With the keys that count.
        source: Name of the file or request.
        where: JSON pointer of the CDR inside it.
        content: The bytes of the file, if the CDR stands alone in it: their hash is in the report.
    """
    version = detect_version(Cdr, value).number
    if not isinstance(value, dict) or not _MARKS_OF_A_CDR & value.keys():
        reason = "no charging_periods, no total_energy, no total_cost"
        told = problem(Code.UNREADABLE, "", version=version, reason=reason)
        return GivenCdr(source, where, None, version, (told,))
    try:
        loaded = read_any(Cdr, value)
    except InvalidObject as error:
        told_all = tuple(
            problem(CdrFinding.FIELD_INVALID, item.pointer, reason=item.message[:MAX_REASON])
            for item in error.problems
        )
        return GivenCdr(source, where, None, version, told_all)
    given = GivenCdr(source, where, loaded, loaded.version)
    if loaded.model.signed_data is None:
        return given
    document = Document(given.place, json.dumps(value) if content is None else content)
    return GivenCdr(source, where, loaded, loaded.version, verification=verifier.verify(document))


def check_given(given: GivenCdr, terms: CheckTerms, stored: StoredFacts = NOTHING_STORED) -> CheckedCdr:
    """Judge a CDR by everything that is known. Never raises for any CDR.

    Args:
        given: As read and verified.
        terms: Of the run.
        stored: What only a database or the other CDRs of the run know.
    """
    if given.loaded is None:
        is_cdr = all(item.code == CdrFinding.FIELD_INVALID for item in given.problems)
        verdict = Verdict.INVALID if is_cdr else Verdict.INDETERMINATE
        outcome = Outcome.WRONG if is_cdr else Outcome.UNDECIDED
        return CheckedCdr(given, verdict, outcome, None, findings=given.problems)
    cdr, version = given.loaded.model, given.loaded.version
    signed = signed_session(given.verification)
    published = terms.tariffs if stored.tariffs is None else stored.tariffs
    tariffs = None if published is None else tariffs_in_force(published, cdr)
    result = reconcile(
        cdr,
        ReconcileContext(
            time_zone=terms.time_zone,
            tariffs=tariffs,
            policy=terms.policy or stored.policy or DEFAULT,
            credit_style=terms.credit_style,
            signed_energy_kwh=signed.energy_kwh if signed else None,
            signed_start=signed.begin.time if signed and signed.begin else None,
            signed_end=signed.end.time if signed and signed.end else None,
            credited=stored.credited,
            version=version,
        ),
    )
    told = _about_signed_data(given.verification, signed, cdr, tariffs or cdr.tariffs or ())
    told += _about_store(cdr, stored)
    if given.verification is None and not terms.unsigned_allowed:
        told.append(warning(Code.SIGNATURE_MISSING, "/signed_data"))
    verdict, outcome = _verdict(result, given.verification, told, terms)
    return CheckedCdr(
        given,
        verdict,
        outcome,
        result,
        tuple(difference_in(version, item) for item in result.differences),
        (*given.loaded.findings, *(finding_in(version, item) for item in (*result.findings, *told))),
        tuple(finding_in(version, item.as_finding()) for item in result.unchecked),
        _seen(given, cdr, signed),
    )


def signed_session(verdict: DocumentVerdict | None) -> TransactionVerdict | None:
    """Return the one valid transaction of a CDR's signed data, ``None`` if there is not exactly one."""
    if verdict is None or len(verdict.transactions) != 1:
        return None
    (only,) = verdict.transactions
    return only if only.verdict is Verdict.VALID else None


def _about_signed_data(
    verdict: DocumentVerdict | None,
    signed: TransactionVerdict | None,
    cdr: Cdr,
    tariffs: Sequence[Tariff],
) -> list[Finding]:
    if verdict is None:
        return []
    told = list(agreement(verdict.records, tariffs))
    if signed is None:
        valid = sum(item.verdict is Verdict.VALID for item in verdict.transactions)
        told.append(
            warning(
                Code.SIGNED_SESSION_UNCLEAR,
                "/signed_data",
                transactions=len(verdict.transactions),
                valid=valid,
            )
        )
    else:
        told += _about_meter(cdr, [verdict.records[index] for index in signed.records])
    return told


def _about_meter(cdr: Cdr, records: Sequence[RecordVerdict]) -> list[Finding]:
    """Compare the named meter with the one that signed; a CPO may name it by an id of its own, so it only warns."""
    serials = {
        name.strip()
        for item in records
        if item.record is not None
        for name in (item.record.meter.serial, item.record.gateway.serial)
        if name
    }
    named = (cdr.meter_id or "").strip()
    if not named or not serials or named.casefold() in {name.casefold() for name in serials}:
        return []
    return [warning(Code.METER_ID_DIFFERS, "/meter_id", claimed=named[:40], signed=min(serials)[:40])]


def _about_store(cdr: Cdr, stored: StoredFacts) -> list[Finding]:
    told = [warning(Code.TARIFF_NOT_STORED, "/tariffs", tariff=name) for name in stored.missing_tariffs]
    if stored.differs:
        told.append(problem(Code.DIFFERS_FROM_STORED, "/id", cdr=cdr.id))
    if stored.billed_by is not None:
        told.append(problem(Code.BILLED_ELSEWHERE, "/signed_data", cdr=stored.billed_by))
    return told


def _verdict(
    result: Reconciliation, verification: DocumentVerdict | None, told: Sequence[Finding], terms: CheckTerms
) -> tuple[Verdict, Outcome]:
    groups = {group: result.status(group) is CheckStatus.FAILED for group in Group}
    wrong = groups[Group.SELF_CONSISTENCY] or groups[Group.FACTS]
    wrong = wrong or any(finding.severity is Severity.ERROR for finding in told)
    if verification is None:
        seal = Verdict.VALID if terms.unsigned_allowed else Verdict.INDETERMINATE
    else:
        unclear = signed_session(verification) is None
        seal = Verdict.worst([verification.verdict, *([Verdict.INDETERMINATE] if unclear else [])])
    if wrong or seal is Verdict.INVALID:
        return Verdict.INVALID, Outcome.WRONG
    if groups[Group.COST]:
        return Verdict.INVALID, Outcome.COST_DIFFERS
    return seal, Outcome.AGREES if seal is Verdict.VALID else Outcome.UNDECIDED


def _seen(given: GivenCdr, cdr: Cdr, signed: TransactionVerdict | None) -> SeenCdr:
    if given.verification is None:
        return seen_cdr(cdr, given.place)
    spans = billed_spans(given.verification) if signed is not None else []
    return seen_cdr(
        cdr,
        given.place,
        billed_records(given.verification),
        (EnergySpan(span.register, span.begin_kwh, span.end_kwh) for span in spans),
    )


def checked_as_json(checked: CheckedCdr, language: str) -> dict[str, Any]:
    """Return the answer about one CDR as JSON values: numbers as decimal strings, sentences in ``language``."""
    given, result = checked.given, checked.reconciliation
    groups = {group.value: None if result is None else result.status(group).value for group in Group}
    if result is None and checked.outcome is Outcome.WRONG:
        groups[Group.SELF_CONSISTENCY.value] = CheckStatus.FAILED.value
    verification = given.verification
    return {
        "source": given.source,
        "where": given.where,
        "id": checked.cdr_id,
        "version": given.version,
        "verdict": checked.verdict.value,
        "outcome": checked.outcome.value,
        "groups": {**groups, "signature": None if verification is None else verification.verdict.value},
        "policy": None if result is None else result.policy.name,
        "policy_settings": {} if result is None else dict(policy_settings(result.policy)),
        "rules": {} if result is None else {item.rule.value: item.status.value for item in result.checks},
        "differences": [difference_json(item) for item in checked.differences],
        "findings": [finding_as_json(item, language) for item in checked.all_findings],
        "verification": None if verification is None else document_as_json(verification, language),
    }


def duplicate_as_json(duplicate: Duplicate, language: str) -> dict[str, Any]:
    """Return something billed twice as JSON values."""
    return {
        **finding_as_json(duplicate.as_finding(), language),
        "cdrs": [{"id": cdr.id, "place": cdr.place} for cdr in duplicate.cdrs],
    }
