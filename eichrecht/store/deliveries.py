"""The delivery ledger for reading, and for the decisions that only a person can take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Row, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.store.cdr_records import Override, override_json
from eichrecht.store.errors import InvalidTransition, NotFound
from eichrecht.store.states import AttemptKind, AttemptOutcome, CdrState, DeliveryState
from eichrecht.store.tables import cdrs, deliveries, delivery_attempts

STOPPED = (DeliveryState.FAILED, DeliveryState.HELD)
"""States that only a person ends."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of the ledger.

    Attributes:
        id: Row number.
        cdr_pk: Row of the CDR.
        cdr_id: Its OCPI id.
        partner_id: The partner.
        state: See :class:`DeliveryState`.
        attempts: Contacts since the start or the last replay.
        due_at: When it goes on.
        doubted: An outcome was ever unknown.
        lease_until: End of the current lease; ``None`` if nobody has it.
        location: Where the partner keeps the CDR.
        last_error: Why it is not delivered (``eichrecht.delivery.codes.DeliveryCode``).
        waits_for: Id of the CDR that must arrive first and has not; ``None`` if there is none.
        finished_at: When it was delivered or stopped.
    """

    id: int
    cdr_pk: int
    cdr_id: str
    partner_id: str
    state: DeliveryState
    attempts: int
    due_at: datetime
    doubted: bool
    lease_until: datetime | None
    location: str | None
    last_error: str | None
    waits_for: str | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One contact with the partner.

    Attributes:
        kind: POST or question.
        worker: Which worker.
        started_at: Before the contact.
        finished_at: After it; ``None`` while it runs.
        outcome: What it came to; ``None`` while it runs.
        http_status, ocpi_status, response_sha256: What came back.
        detail: Reason code and the partner's words, or the places asked. May be hostile text.
    """

    kind: AttemptKind
    worker: str
    started_at: datetime
    finished_at: datetime | None
    outcome: AttemptOutcome | None
    http_status: int | None
    ocpi_status: int | None
    response_sha256: str | None
    detail: str | None


class DeliveryRepository:
    """The ledger of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def for_cdr(self, cdr_pk: int) -> Delivery:
        """Return the delivery of a CDR.

        Raises:
            NotFound: The CDR has none (it is held, or unknown).
        """
        return await self._one(deliveries.c.cdr_pk == cdr_pk, f"of CDR row {cdr_pk}")

    async def find(self, *, state: DeliveryState | None = None, limit: int = 100) -> tuple[Delivery, ...]:
        """Return deliveries, newest first."""
        query = _SELECT.order_by(deliveries.c.id.desc()).limit(limit)
        if state is not None:
            query = query.where(deliveries.c.state == state.value)
        return tuple(_delivery(row) for row in await self._connection.execute(query))

    async def counts(self) -> dict[DeliveryState, int]:
        """Return how many deliveries are in each state; states without any are 0."""
        rows = await self._connection.execute(
            select(deliveries.c.state, func.count()).group_by(deliveries.c.state)
        )
        found = {DeliveryState(state): int(number) for state, number in rows}
        return {state: found.get(state, 0) for state in DeliveryState}

    async def attempts(self, delivery_id: int) -> tuple[Attempt, ...]:
        """Return the audit record of a delivery, oldest first."""
        rows = await self._connection.execute(
            select(delivery_attempts)
            .where(delivery_attempts.c.delivery_id == delivery_id)
            .order_by(delivery_attempts.c.id)
        )
        return tuple(_attempt(row) for row in rows)

    async def replay(self, delivery_id: int, now: datetime) -> Delivery:
        """Start a stopped delivery again. If an outcome was ever unknown, the partner is asked first.

        Raises:
            NotFound: No such delivery.
            InvalidTransition: It is not stopped.
        """
        delivery = await self._stopped(delivery_id)
        state = DeliveryState.IN_DOUBT if delivery.doubted else DeliveryState.PENDING
        await self._set(
            delivery, state, CdrState.READY, attempts=0, due_at=now.astimezone(UTC), finished_at=None
        )
        return await self._one(deliveries.c.id == delivery_id, delivery_id)

    async def accept(self, delivery_id: int, decision: Override, now: datetime) -> Delivery:
        """Take a stopped delivery for delivered by a person's recorded decision (agreed with the partner).

        Args:
            delivery_id: Row of the ledger.
            decision: Who decided and why; kept with the CDR's overrides.
            now: Present time.

        Raises:
            NotFound: No such delivery.
            InvalidTransition: It is not stopped.
        """
        delivery = await self._stopped(delivery_id)
        known = (
            await self._connection.execute(select(cdrs.c.overrides).where(cdrs.c.pk == delivery.cdr_pk))
        ).scalar_one()
        await self._connection.execute(
            update(cdrs)
            .where(cdrs.c.pk == delivery.cdr_pk)
            .values(overrides=[*known, override_json(decision)])
        )
        await self._set(
            delivery,
            DeliveryState.DELIVERED,
            CdrState.DELIVERED,
            finished_at=now.astimezone(UTC),
            last_error=None,
        )
        return await self._one(deliveries.c.id == delivery_id, delivery_id)

    async def _stopped(self, delivery_id: int) -> Delivery:
        delivery = await self._one(deliveries.c.id == delivery_id, delivery_id)
        if delivery.state not in STOPPED:
            raise InvalidTransition(f"delivery {delivery_id} is {delivery.state}, not stopped")
        return delivery

    async def _set(
        self, delivery: Delivery, state: DeliveryState, cdr_state: CdrState, **values: object
    ) -> None:
        """Write both states in this transaction; a delivery and its CDR never disagree."""
        await self._connection.execute(
            update(deliveries)
            .where(deliveries.c.id == delivery.id)
            .values(state=state.value, lease_owner=None, lease_until=None, **values)
        )
        await self._connection.execute(
            update(cdrs).where(cdrs.c.pk == delivery.cdr_pk).values(state=cdr_state.value)
        )

    async def _one(self, condition: Any, name: object) -> Delivery:
        row = (await self._connection.execute(_SELECT.where(condition))).first()
        if row is None:
            raise NotFound(f"no delivery {name}")
        return _delivery(row)


_before = cdrs.alias("before")
_SELECT = (
    select(
        deliveries,
        cdrs.c.id.label("cdr_id"),
        _before.c.id.label("before_id"),
        _before.c.state.label("before_state"),
    )
    .join(cdrs, cdrs.c.pk == deliveries.c.cdr_pk)
    .outerjoin(_before, _before.c.pk == cdrs.c.follows_pk)
)


def _delivery(row: Row[Any]) -> Delivery:
    waits = row.before_id if row.before_state not in (None, CdrState.DELIVERED.value) else None
    return Delivery(
        id=row.id,
        cdr_pk=row.cdr_pk,
        cdr_id=row.cdr_id,
        partner_id=row.partner_id,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        due_at=row.due_at,
        doubted=bool(row.doubted),
        lease_until=row.lease_until,
        location=row.location,
        last_error=row.last_error,
        waits_for=waits,
        finished_at=row.finished_at,
    )


def _attempt(row: Row[Any]) -> Attempt:
    return Attempt(
        kind=AttemptKind(row.kind),
        worker=row.worker,
        started_at=row.started_at,
        finished_at=row.finished_at,
        outcome=None if row.outcome is None else AttemptOutcome(row.outcome),
        http_status=row.http_status,
        ocpi_status=row.ocpi_status,
        response_sha256=row.response_sha256,
        detail=row.detail,
    )
