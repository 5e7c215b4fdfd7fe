"""Verdicts prepared for a page: words and numbers in the reader's language, nothing decided here."""

from __future__ import annotations

from dataclasses import dataclass

from eichrecht import locales
from eichrecht.evidence import (
    DocumentVerdict,
    Finding,
    KeyTrust,
    Reading,
    RecordVerdict,
    Severity,
    SignatureStatus,
    TransactionVerdict,
    Verdict,
)
from eichrecht.verification.codes import VerificationCode
from eichrecht.verification.report import recognition

MAX_RECORDS_SHOWN = 200
"""Records shown on a page; the JSON answer has all."""

_TONE = {Verdict.VALID: "good", Verdict.INVALID: "bad", Verdict.INDETERMINATE: "open"}
_SIGN = {Verdict.VALID: "✔", Verdict.INVALID: "✘", Verdict.INDETERMINATE: "?"}
_SHOWN_SEVERITIES = {Severity.ERROR, Severity.WARNING}


@dataclass(frozen=True, slots=True)
class FindingView:
    """A finding as a sentence."""

    code: str
    severity: str
    message: str


@dataclass(frozen=True, slots=True)
class ReadingView:
    """A reading as a table row."""

    reason: str
    value: str
    obis: str
    time: str


@dataclass(frozen=True, slots=True)
class RecordView:
    """A record as a card."""

    number: int
    format: str | None
    verdict: str
    tone: str
    signature: str
    key: str
    fingerprint: str | None
    meter: str | None
    readings: tuple[ReadingView, ...]
    unverified_note: bool
    findings: tuple[FindingView, ...]
    recognised: str = ""


@dataclass(frozen=True, slots=True)
class TransactionView:
    """A transaction as a card."""

    id: str
    energy: str | None
    energy_billable: bool
    duration: str | None
    duration_billable: bool
    findings: tuple[FindingView, ...]


@dataclass(frozen=True, slots=True)
class VerdictView:
    """A whole verdict as a page."""

    headline: str
    text: str
    tone: str
    sign: str
    sha256: str
    records: tuple[RecordView, ...]
    transactions: tuple[TransactionView, ...]
    findings: tuple[FindingView, ...]


def _t(key: str, language: str, **params: object) -> str:
    return locales.text("pages", key, language, **params)


def headline_key(verdict: DocumentVerdict) -> str:
    """Return which headline of the glossary (law facts, glossary §2) fits the verdict."""
    records = verdict.records
    if not records or all(record.record is None for record in records):
        return "unreadable"
    if any(record.signature.reason == "wrong_key" for record in records):
        return "wrong_key"
    if any(record.signature.status is SignatureStatus.INVALID for record in records):
        return "invalid_signature"
    if verdict.verdict is Verdict.INVALID:
        return "law"
    return _undecided(verdict) if verdict.verdict is Verdict.INDETERMINATE else _valid(verdict)


def _undecided(verdict: DocumentVerdict) -> str:
    records = verdict.records
    if {record.signature.reason for record in records} & {"no_key", "malformed_key"}:
        return "key_unknown"
    return "incomplete" if all(record.verdict is Verdict.VALID for record in records) else "undecided"


def _valid(verdict: DocumentVerdict) -> str:
    if any(transaction.verdict is Verdict.INDETERMINATE for transaction in verdict.transactions):
        return "incomplete"
    trusts = {record.key.trust for record in verdict.records if record.key is not None}
    for trust in (KeyTrust.UNCONFIRMED, KeyTrust.SUPPLIED):
        if trust in trusts:
            return f"valid_{trust.value}"
    return "valid_confirmed"


def verdict_view(verdict: DocumentVerdict, language: str) -> VerdictView:
    """Prepare a verdict for a page."""
    key = headline_key(verdict)
    tone = "open" if key == "incomplete" else _TONE[verdict.verdict]
    sign = "!" if key == "incomplete" else _SIGN[verdict.verdict]
    return VerdictView(
        _t("headline_" + key, language),
        _t("text_" + key, language),
        tone,
        sign,
        verdict.sha256,
        tuple(_record(record, language) for record in verdict.records[:MAX_RECORDS_SHOWN]),
        tuple(_transaction(item, language) for item in verdict.transactions[:MAX_RECORDS_SHOWN]),
        _findings(verdict.findings, language),
    )


def _findings(findings: tuple[Finding, ...], language: str) -> tuple[FindingView, ...]:
    return tuple(
        FindingView(finding.code, finding.severity.value, _sentence(finding, language))
        for finding in findings
        if finding.severity in _SHOWN_SEVERITIES
    )


def _sentence(finding: Finding, language: str) -> str:
    """Return the sentence; a page counts records from 1, where the JSON answer has indexes."""
    if finding.code != VerificationCode.TRANSACTION_RECORD_NOT_VALID:
        return locales.sentence(finding, language)
    indexes = str(finding.params.get("records", "")).split(", ")
    numbers = ", ".join(str(int(index) + 1) for index in indexes if index.isdecimal())
    return locales.sentence_of(finding.code, {"records": numbers}, language)


def _record(verdict: RecordVerdict, language: str) -> RecordView:
    signature = _t("signature_" + verdict.signature.status.value, language)
    if verdict.signature.algorithm:
        signature += f" ({verdict.signature.algorithm})"
    key = verdict.key
    trust = _t("trust_" + (key.trust.value if key else "none"), language)
    if key is not None and key.matched:
        trust += f": {key.matched}"
    record = verdict.record
    return RecordView(
        verdict.index + 1,
        verdict.format,
        _t("verdict_" + verdict.verdict.value, language),
        _TONE[verdict.verdict],
        signature,
        trust,
        key.fingerprint if key else None,
        record.meter.serial or record.gateway.serial if record else None,
        tuple(_reading(reading, language) for reading in record.readings) if record else (),
        verdict.signature.status is not SignatureStatus.VALID,
        _findings(verdict.findings, language),
        locales.sentence(recognition(verdict, language), language) if verdict.recognised_by else "",
    )


def _reading(reading: Reading, language: str) -> ReadingView:
    moment = reading.time or reading.local_time
    role = _t(f"role_{reading.role.value}", language)
    value = locales.written(reading.value, language) if reading.value else "–"
    return ReadingView(
        role if reading.reason is None else f"{role} ({reading.reason})",
        f"{value} {reading.unit or ''}".strip(),
        reading.obis or "–",
        locales.moment(moment, language) if moment else "–",
    )


def _transaction(verdict: TransactionVerdict, language: str) -> TransactionView:
    duration = None
    if verdict.duration_s is not None:
        seconds = int(verdict.duration_s)
        duration = f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d} h"
    energy = None if verdict.energy_kwh is None else f"{locales.number(verdict.energy_kwh, language)} kWh"
    return TransactionView(
        verdict.id,
        energy,
        verdict.billable.energy,
        duration,
        verdict.billable.duration,
        _findings(verdict.findings, language),
    )
