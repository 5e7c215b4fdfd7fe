"""The delivery ledger in SQL: leases, and states of delivery and CDR that change together.

PostgreSQL picks a row with ``FOR UPDATE SKIP LOCKED``; SQLite takes the write lock before it looks (BEGIN
IMMEDIATE). Either way no two workers can see the same row as free.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, and_, insert, or_, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.store.claims import Claim, Contact, KnownLocation, LeaseLost, Result
from eichrecht.store.database import Database
from eichrecht.store.partners import in_doubt_policy
from eichrecht.store.states import AttemptKind, AttemptOutcome, CdrState, DeliveryState
from eichrecht.store.tables import cdrs, deliveries, delivery_attempts, partners

KNOWN_LOCATIONS = 20
"""Acknowledged CDRs looked at to learn a partner's URL pattern: enough to see a change, cheap to read."""

MAX_DETAIL = 1000
"""Characters kept of a reason or a partner's words; longer ones are noise or an attack on the disk."""

_CDR_STATE = {
    DeliveryState.DELIVERED: CdrState.DELIVERED,
    DeliveryState.FAILED: CdrState.FAILED,
    DeliveryState.HELD: CdrState.FAILED,
    DeliveryState.PENDING: CdrState.READY,
    DeliveryState.IN_DOUBT: CdrState.READY,
}
"""State of the CDR that belongs to each outcome."""


class SqlLedger:
    """Durable state of all deliveries. Every method is one transaction, durable when it returns."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(
        self, worker: str, now: datetime, lease: timedelta, besides: Collection[str] = ()
    ) -> Claim | None:
        """Take the delivery that is due longest, or ``None``; none for the partners in ``besides``.

        Due are: ``pending`` and ``in_doubt`` rows at their time, and rows whose lease ran out (their worker
        is taken for dead; ``sending`` then becomes ``in_doubt``), if the CDR that must arrive first has.
        """
        now = now.astimezone(UTC)
        async with self._database.transaction() as tx:
            connection = tx.connection
            row = (await connection.execute(_due(now, besides))).first()
            if row is None:
                return None
            # A row left in ``sending`` belongs to a dead worker: its POST may or may not have arrived.
            abandoned = row.state == DeliveryState.SENDING.value
            in_doubt = abandoned or row.state == DeliveryState.IN_DOUBT.value
            if abandoned:
                await _close_abandoned(connection, row.id, now)
            name = f"{worker}/{token_hex(8)}"
            state = DeliveryState.IN_DOUBT if in_doubt else DeliveryState.LEASED
            await connection.execute(
                update(deliveries)
                .where(deliveries.c.id == row.id)
                .values(
                    state=state.value,
                    lease_owner=name,
                    lease_until=now + lease,
                    doubted=bool(row.doubted) or in_doubt,
                )
            )
            return Claim(
                delivery_id=row.id,
                lease=name,
                lease_until=now + lease,
                partner_id=row.partner_id,
                country_code=row.country_code,
                party_id=row.party_id,
                cdr_id=row.cdr_id,
                body=bytes(row.body),
                attempts=row.attempts,
                in_doubt=in_doubt,
                doubted=bool(row.doubted) or in_doubt,
                location=row.location,
                in_doubt_policy=in_doubt_policy(row.settings),
                known_locations=await _known_locations(connection, row.partner_id),
            )

    async def start_post(self, claim: Claim, now: datetime, lease: timedelta) -> int:
        """Mark the row ``sending``, count the attempt and write its audit row, before the POST.

        Returns:
            The attempt's number for :meth:`finish`.

        Raises:
            LeaseLost: Another worker has the row, or the lease ran out.
        """
        now = now.astimezone(UTC)
        async with self._database.transaction() as tx:
            result = await tx.connection.execute(
                update(deliveries)
                # An expired lease may be gone any moment: stop here, nothing has been sent yet.
                .where(_owned(claim), deliveries.c.lease_until > now)
                .values(
                    state=DeliveryState.SENDING.value,
                    attempts=deliveries.c.attempts + 1,
                    lease_until=now + lease,
                )
            )
            if result.rowcount != 1:
                raise LeaseLost
            number = await tx.connection.scalar(
                insert(delivery_attempts)
                .values(
                    delivery_id=claim.delivery_id,
                    kind=AttemptKind.POST.value,
                    worker=claim.lease,
                    started_at=now,
                )
                .returning(delivery_attempts.c.id)
            )
            return int(number or 0)

    async def note_question(
        self, claim: Claim, started_at: datetime, now: datetime, contact: Contact
    ) -> None:
        """Write the audit row of a question.

        Raises:
            LeaseLost: Another worker has the row.
        """
        async with self._database.transaction() as tx:
            owned = await tx.connection.scalar(select(deliveries.c.id).where(_owned(claim)))
            if owned is None:
                raise LeaseLost
            await tx.connection.execute(
                insert(delivery_attempts).values(
                    delivery_id=claim.delivery_id,
                    kind=AttemptKind.ASK.value,
                    worker=claim.lease,
                    started_at=started_at.astimezone(UTC),
                    **_outcome(contact, now),
                )
            )

    async def finish(
        self, claim: Claim, now: datetime, result: Result, attempt: int | None, contact: Contact | None
    ) -> None:
        """Write the outcome of the claim, of its attempt, and the CDR's state, in one transaction.

        An acknowledgement is never lost: if the lease ran out meanwhile and the row is not delivered yet,
        ``DELIVERED`` is written all the same.

        Raises:
            LeaseLost: Another worker has the row.
        """
        now = now.astimezone(UTC)
        async with self._database.transaction() as tx:
            connection = tx.connection
            condition = _owned(claim)
            if result.state is DeliveryState.DELIVERED:
                # What the partner acknowledged is true whoever holds the lease by now.
                condition = and_(
                    deliveries.c.id == claim.delivery_id,
                    deliveries.c.state != DeliveryState.DELIVERED.value,
                )
            written = await connection.execute(
                update(deliveries).where(condition).values(**_ledger_values(result, now))
            )
            if attempt is not None and contact is not None:
                await connection.execute(
                    update(delivery_attempts)
                    .where(delivery_attempts.c.id == attempt, delivery_attempts.c.outcome.is_(None))
                    .values(**_outcome(contact, now))
                )
            if written.rowcount == 1:
                await connection.execute(
                    update(cdrs)
                    .where(
                        cdrs.c.pk
                        == select(deliveries.c.cdr_pk)
                        .where(deliveries.c.id == claim.delivery_id)
                        .scalar_subquery()
                    )
                    .values(state=_CDR_STATE[result.state].value)
                )
        if written.rowcount != 1:
            raise LeaseLost


def _due(now: datetime, besides: Collection[str]) -> Any:
    before = cdrs.alias("before")
    waiting = (DeliveryState.PENDING.value, DeliveryState.IN_DOUBT.value)
    taken = (DeliveryState.LEASED.value, DeliveryState.SENDING.value)
    return (
        select(
            deliveries,
            cdrs.c.country_code,
            cdrs.c.party_id,
            cdrs.c.id.label("cdr_id"),
            cdrs.c.body,
            partners.c.settings,
        )
        .join(cdrs, cdrs.c.pk == deliveries.c.cdr_pk)
        .join(partners, partners.c.id == deliveries.c.partner_id)
        .outerjoin(before, before.c.pk == cdrs.c.follows_pk)
        .where(
            or_(
                and_(
                    deliveries.c.state.in_(waiting),
                    deliveries.c.due_at <= now,
                    or_(deliveries.c.lease_until.is_(None), deliveries.c.lease_until <= now),
                ),
                and_(deliveries.c.state.in_(taken), deliveries.c.lease_until <= now),
            ),
            # Original before credit before corrected: a credit for an unknown CDR would be refused or lost.
            or_(cdrs.c.follows_pk.is_(None), before.c.state == CdrState.DELIVERED.value),
            deliveries.c.partner_id.not_in(sorted(besides)) if besides else true(),
        )
        .order_by(deliveries.c.due_at, deliveries.c.id)
        .limit(1)
        .with_for_update(skip_locked=True, of=deliveries)
    )


def _owned(claim: Claim) -> ColumnElement[bool]:
    return and_(deliveries.c.id == claim.delivery_id, deliveries.c.lease_owner == claim.lease)


def _ledger_values(result: Result, now: datetime) -> dict[str, Any]:
    values: dict[str, Any] = {
        "state": result.state.value,
        "last_error": result.error,
        "lease_owner": None,
        "lease_until": None,
        "doubted": result.doubted,
    }
    if result.due_at is not None:
        values["due_at"] = result.due_at.astimezone(UTC)
    else:
        values["finished_at"] = now
    if result.location is not None:
        values["location"] = result.location
    if result.contacted:
        values["attempts"] = deliveries.c.attempts + 1
    return values


def _outcome(contact: Contact, now: datetime) -> dict[str, Any]:
    return {
        "finished_at": now.astimezone(UTC),
        "outcome": contact.outcome.value,
        "http_status": contact.answer.http_status,
        "ocpi_status": contact.answer.ocpi_status,
        "response_sha256": contact.answer.body_sha256,
        "detail": contact.detail and contact.detail[:MAX_DETAIL],
    }


async def _close_abandoned(connection: AsyncConnection, delivery_id: int, now: datetime) -> None:
    """Write into the audit record that the last POST's worker died with the outcome unknown."""
    await connection.execute(
        update(delivery_attempts)
        .where(delivery_attempts.c.delivery_id == delivery_id, delivery_attempts.c.outcome.is_(None))
        .values(finished_at=now, outcome=AttemptOutcome.UNKNOWN.value, detail="worker_lost")
    )


async def _known_locations(connection: AsyncConnection, partner_id: int) -> tuple[KnownLocation, ...]:
    rows = await connection.execute(
        select(cdrs.c.country_code, cdrs.c.party_id, cdrs.c.id, deliveries.c.location)
        .join(cdrs, cdrs.c.pk == deliveries.c.cdr_pk)
        .where(
            deliveries.c.partner_id == partner_id,
            deliveries.c.state == DeliveryState.DELIVERED.value,
            deliveries.c.location.is_not(None),
        )
        .order_by(deliveries.c.finished_at.desc())
        .limit(KNOWN_LOCATIONS)
    )
    return tuple(KnownLocation(row.country_code, row.party_id, row.id, row.location) for row in rows)
