"""What is stored of a CDR: plain frozen dataclasses and their way to and from a row."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from decimal import Decimal
from secrets import token_urlsafe
from typing import Any

from sqlalchemy import Row

from eichrecht.evidence import Finding, Severity
from eichrecht.store.billed import BilledSpan
from eichrecht.store.states import CdrState
from eichrecht.store.tables import identity
from ocpi.objects.cdr import Cdr

RECEIPT_TOKEN_BYTES = 24
"""192 random bits: a receipt link cannot be guessed."""


def new_receipt_token() -> str:
    """Return an unguessable token for a receipt link (32 URL-safe characters)."""
    return token_urlsafe(RECEIPT_TOKEN_BYTES)


@dataclass(frozen=True, slots=True)
class Override:
    """A person's decision to go on although a finding of this code stands.

    Attributes:
        code: Code of the finding.
        by: Who decided.
        reason: Why, in their words.
        at: When, UTC.
    """

    code: str
    by: str
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class NewCdr:
    """What is stored of a new CDR.

    Attributes:
        cdr: The parsed CDR.
        body: Exactly the bytes that are sent: the same CDR in the partner's version.
        partner_id: The eMSP; ``None`` if none is known, then the CDR is held.
        findings: Everything reconciliation found.
        overrides: Decisions about findings.
        evidence: SHA-256 of the stored documents it rests on.
        records: SHA-256 of the signed bytes of each record it bills; empty for Credit CDRs.
        spans: Stretches of rising registers that it bills; empty for Credit CDRs.
        receipt_token: From :func:`new_receipt_token` if the CDR's ``signed_data.url`` holds it; else one is
            made.
        follows_id: Id of a CDR of the same party that must arrive first, where the session does not tell
            (a CDR without ``session_id``).
    """

    cdr: Cdr
    body: bytes
    partner_id: str | None
    findings: Sequence[Finding] = ()
    overrides: Sequence[Override] = ()
    evidence: Sequence[str] = ()
    records: Sequence[str] = ()
    spans: Sequence[BilledSpan] = ()
    receipt_token: str | None = None
    follows_id: str | None = None


@dataclass(frozen=True, slots=True)
class StoredCdr:
    """A CDR as stored.

    Attributes:
        pk: Row number.
        country_code, party_id, id: As written; unique together without regard to case.
        session_id: As written.
        partner_id: The eMSP.
        state: See :class:`CdrState`.
        body: Exact bytes as sent.
        last_updated: The CDR's own field.
        created_at: When it was stored.
        listed_at: Instant that ``GET /cdrs`` filters on; ``None`` while held. See :meth:`CdrRepository.page`.
        currency: Of the totals.
        total_cost_excl_vat, total_cost_incl_vat, total_energy_kwh: As in the CDR, exact.
        credit: It is a Credit CDR.
        credit_reference_id: Id of the CDR it credits.
        credited: A Credit CDR exists for it.
        findings: As stored.
        overrides: As stored.
        evidence: SHA-256 of the documents it rests on, in order.
        receipt_token: For the receipt link. Secret: whoever has it sees the receipt.
    """

    pk: int
    country_code: str
    party_id: str
    id: str
    session_id: str | None
    partner_id: str | None
    state: CdrState
    body: bytes
    last_updated: datetime
    created_at: datetime
    listed_at: datetime | None
    currency: str
    total_cost_excl_vat: Decimal
    total_cost_incl_vat: Decimal | None
    total_energy_kwh: Decimal
    credit: bool
    credit_reference_id: str | None
    credited: bool
    findings: tuple[Finding, ...]
    overrides: tuple[Override, ...]
    evidence: tuple[str, ...]
    receipt_token: str


def open_errors(findings: Sequence[Finding], overrides: Sequence[Override]) -> tuple[str, ...]:
    """Return the codes of ``error`` findings that nobody has overridden, each once."""
    decided = {override.code for override in overrides}
    codes = (str(f.code) for f in findings if f.severity is Severity.ERROR)
    return tuple(dict.fromkeys(code for code in codes if code not in decided))


def columns(new: NewCdr, now: datetime) -> dict[str, object]:
    """Return the column values of a new CDR, without its state and its place in the order."""
    cdr = new.cdr
    session_id = cdr.session_id
    return {
        "identity": identity(cdr.country_code, cdr.party_id, cdr.id),
        "country_code": cdr.country_code,
        "party_id": cdr.party_id,
        "id": cdr.id,
        "session_identity": session_id and identity(cdr.country_code, cdr.party_id, session_id),
        "session_id": session_id,
        "partner_id": new.partner_id,
        "body": new.body,
        "body_sha256": hashlib.sha256(new.body).hexdigest(),
        "last_updated": cdr.last_updated,
        "created_at": now.astimezone(UTC),
        "currency": cdr.currency,
        "total_cost_excl_vat": cdr.total_cost.excl_vat,
        "total_cost_incl_vat": cdr.total_cost.incl_vat,
        "total_energy_kwh": cdr.total_energy,
        "credit": bool(cdr.credit),
        "credit_reference_id": cdr.credit_reference_id,
        "findings": [finding_json(item) for item in new.findings],
        "overrides": [override_json(item) for item in new.overrides],
        "receipt_token": new.receipt_token or new_receipt_token(),
    }


def finding_json(finding: Finding) -> dict[str, object]:
    """Write a finding as it is stored."""
    return {
        "code": str(finding.code),
        "severity": finding.severity.value,
        "where": finding.where,
        "params": dict(finding.params),
    }


def finding_from_json(value: Mapping[str, Any]) -> Finding:
    """Read a stored finding."""
    return Finding(value["code"], Severity(value["severity"]), value["where"], value["params"])


def override_json(override: Override) -> dict[str, object]:
    """Write an override as it is stored."""
    return asdict(override) | {"at": override.at.astimezone(UTC).isoformat()}


def _override(value: Mapping[str, Any]) -> Override:
    return Override(value["code"], value["by"], value["reason"], datetime.fromisoformat(value["at"]))


def stored_cdr(row: Row[Any], evidence: tuple[str, ...]) -> StoredCdr:
    """Read a row of ``cdrs``."""
    return StoredCdr(
        pk=row.pk,
        country_code=row.country_code,
        party_id=row.party_id,
        id=row.id,
        session_id=row.session_id,
        partner_id=row.partner_id,
        state=CdrState(row.state),
        body=bytes(row.body),
        last_updated=row.last_updated,
        created_at=row.created_at,
        listed_at=row.listed_at,
        currency=row.currency,
        total_cost_excl_vat=row.total_cost_excl_vat,
        total_cost_incl_vat=row.total_cost_incl_vat,
        total_energy_kwh=row.total_energy_kwh,
        credit=bool(row.credit),
        credit_reference_id=row.credit_reference_id,
        credited=bool(row.credited),
        findings=tuple(finding_from_json(item) for item in row.findings),
        overrides=tuple(_override(item) for item in row.overrides),
        evidence=evidence,
        receipt_token=row.receipt_token,
    )
