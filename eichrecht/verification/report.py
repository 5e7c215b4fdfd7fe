"""The verdict as JSON, exactly in the form that the CLI contract promises to other programs."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from eichrecht import locales
from eichrecht.evidence import (
    DocumentVerdict,
    Finding,
    Reading,
    RecordVerdict,
    Severity,
    TransactionVerdict,
    note,
)
from eichrecht.verification.codes import VerificationCode as Code


def results_as_json(verdicts: Sequence[DocumentVerdict], language: str = "en") -> dict[str, Any]:
    """Return ``{"results": [...]}`` of the CLI contract (docs/architecture.md).

    Energies are decimal strings with the meter's digits; indexes and durations are numbers.
    """
    return {"results": [document_as_json(verdict, language) for verdict in verdicts]}


def document_as_json(verdict: DocumentVerdict, language: str = "en") -> dict[str, Any]:
    """Return one entry of ``results``."""
    return {
        "source": verdict.source,
        "sha256": verdict.sha256,
        "verdict": verdict.verdict.value,
        "records": [_record(record, language) for record in verdict.records],
        "transactions": [_transaction(transaction, language) for transaction in verdict.transactions],
        "findings": [finding_as_json(finding, language) for finding in verdict.findings],
    }


def finding_as_json(finding: Finding, language: str = "en") -> dict[str, Any]:
    """Return a finding with its sentence in ``language``."""
    return {
        "code": str(finding.code),
        "severity": finding.severity.value,
        "where": finding.where,
        "message": locales.sentence(finding, language),
        "params": dict(finding.params),
    }


def recognition(verdict: RecordVerdict, language: str) -> Finding:
    """Return, as a note, by what each layer around a record and its format were recognised."""
    steps = [(layer.kind, layer.reason) for layer in verdict.layers]
    if verdict.format is not None and verdict.recognised_by:
        steps.append((verdict.format, verdict.recognised_by))
    words = [
        f"{what} ({locales.sentence(Finding(reason, Severity.NOTE), language)})" for what, reason in steps
    ]
    return note(Code.RECOGNISED, "", chain=" → ".join(words))


def _recognition(verdict: RecordVerdict, language: str) -> list[dict[str, Any]]:
    """Return the note for a record that was looked for in a document; its parameter keeps the stable codes."""
    if not verdict.recognised_by and not verdict.layers:
        return []
    codes = [f"{layer.kind}={layer.reason}" for layer in verdict.layers]
    if verdict.recognised_by:
        codes.append(f"{verdict.format}={verdict.recognised_by}")
    return [
        finding_as_json(recognition(verdict, language), language) | {"params": {"chain": " ".join(codes)}}
    ]


def _record(verdict: RecordVerdict, language: str) -> dict[str, Any]:
    signature, key, record = verdict.signature, verdict.key, verdict.record
    return {
        "index": verdict.index,
        "where": verdict.where,
        "layers": [layer.kind for layer in verdict.layers],
        "format": verdict.format,
        "verdict": verdict.verdict.value,
        "signature": {
            "status": signature.status.value,
            "algorithm": signature.algorithm,
            "reason": signature.reason,
        },
        "key": None
        if key is None
        else {
            "fingerprint": key.fingerprint,
            "source": key.source.value,
            "trust": key.trust.value,
            "shape": key.shape,
            "matched": key.matched,
        },
        "meter": None
        if record is None
        else {
            "serial": record.meter.serial,
            "gateway": record.gateway.serial,
            "charge_point": record.charge_point[0],
        },
        "readings": [] if record is None else [_reading(reading) for reading in record.readings],
        "findings": [
            *(finding_as_json(finding, language) for finding in verdict.findings),
            *_recognition(verdict, language),
        ],
    }


def _reading(reading: Reading) -> dict[str, Any]:
    moment = reading.time or reading.local_time
    status = reading.time_status_text or (reading.time_status and reading.time_status.value)
    return {
        "reason": reading.reason,
        "value": reading.value,
        "unit": reading.unit,
        "energy_kwh": None if reading.energy_kwh is None else format(reading.energy_kwh, "f"),
        "obis": reading.obis,
        # A time that signs no zone is written without offset.
        "time": None if moment is None else moment.isoformat(timespec="milliseconds"),
        "time_status": status,
        "meter_status": reading.meter_status,
        "error_flags": reading.error_flags,
    }


def _transaction(verdict: TransactionVerdict, language: str) -> dict[str, Any]:
    return {
        "id": verdict.id,
        "verdict": verdict.verdict.value,
        "records": list(verdict.records),
        "energy_kwh": None if verdict.energy_kwh is None else format(verdict.energy_kwh, "f"),
        "duration_s": _seconds(verdict.duration_s),
        "billable": {
            "energy": verdict.billable.energy,
            "duration": verdict.billable.duration,
            "reasons": list(verdict.billable.reasons),
        },
        "findings": [finding_as_json(finding, language) for finding in verdict.findings],
    }


def _seconds(duration: Decimal | None) -> int | Decimal | None:
    """Return a JSON number with no more digits than needed; the project's writer keeps a Decimal exact."""
    if duration is None or duration == duration.to_integral_value():
        return None if duration is None else int(duration)
    return duration.normalize()
