"""The intake log: every session that came in for billing, and what became of it. Append-only.

A refused session has no CDR, and must not vanish for that: it stands here with its findings and its evidence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.evidence import Finding
from eichrecht.store.cdr_records import finding_from_json, finding_json
from eichrecht.store.tables import identity, session_intakes


@dataclass(frozen=True, slots=True)
class Intake:
    """One arrival of a session.

    Attributes:
        country_code, party_id, session_id: The session.
        request_sha256: SHA-256 over facts and evidence: the same request is answered, not billed again.
        facts: Session facts exactly as received (JSON bytes).
        evidence_sha256: The document with the signed records.
        outcome: ``ready``, ``held`` or ``refused``.
        cdr_pk: Row of the CDR; ``None`` if refused.
        findings: Everything that was found.
        received_at: When.
        id: Row number; 0 before it is stored.
    """

    country_code: str
    party_id: str
    session_id: str
    request_sha256: str
    facts: bytes
    evidence_sha256: str
    outcome: str
    cdr_pk: int | None
    findings: tuple[Finding, ...]
    received_at: datetime
    id: int = 0


class IntakeRepository:
    """The intake log of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, intake: Intake) -> int:
        """Append an arrival and return its row number."""
        result = await self._connection.execute(
            insert(session_intakes)
            .values(
                identity=identity(intake.country_code, intake.party_id, intake.session_id),
                country_code=intake.country_code,
                party_id=intake.party_id,
                session_id=intake.session_id,
                request_sha256=intake.request_sha256,
                facts=intake.facts,
                evidence_sha256=intake.evidence_sha256,
                outcome=intake.outcome,
                cdr_pk=intake.cdr_pk,
                findings=[finding_json(item) for item in intake.findings],
                received_at=intake.received_at.astimezone(UTC),
            )
            .returning(session_intakes.c.id)
        )
        return int(result.scalar_one())

    async def latest(self, country_code: str, party_id: str, session_id: str) -> Intake | None:
        """Return the session's last arrival, ``None`` if it never came in."""
        query = (
            select(session_intakes)
            .where(session_intakes.c.identity == identity(country_code, party_id, session_id))
            .order_by(session_intakes.c.id.desc())
            .limit(1)
        )
        row = (await self._connection.execute(query)).first()
        return None if row is None else _intake(row)

    async def for_cdr(self, cdr_pk: int) -> Intake | None:
        """Return the arrival that a CDR was made of, ``None`` if there is none (Credit CDRs)."""
        query = select(session_intakes).where(session_intakes.c.cdr_pk == cdr_pk).limit(1)
        row = (await self._connection.execute(query)).first()
        return None if row is None else _intake(row)

    async def find(self, *, outcome: str | None = None, limit: int = 100) -> Sequence[Intake]:
        """Return arrivals for operators, newest first."""
        query = select(session_intakes).order_by(session_intakes.c.id.desc()).limit(limit)
        if outcome is not None:
            query = query.where(session_intakes.c.outcome == outcome)
        return tuple(_intake(row) for row in await self._connection.execute(query))


def _intake(row: Row[Any]) -> Intake:
    return Intake(
        country_code=row.country_code,
        party_id=row.party_id,
        session_id=row.session_id,
        request_sha256=row.request_sha256,
        facts=bytes(row.facts),
        evidence_sha256=row.evidence_sha256,
        outcome=row.outcome,
        cdr_pk=row.cdr_pk,
        findings=tuple(finding_from_json(item) for item in row.findings),
        received_at=row.received_at,
        id=row.id,
    )
