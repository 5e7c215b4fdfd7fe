"""CDRs: exact bytes as they are sent, their state, and the rules that hold whatever the caller does.

Rules enforced here, in the caller's transaction:

* A CDR with an open ``error`` finding, or without a partner, is *held*; it has no delivery and is not listed.
* Releasing it and opening its delivery is one transaction.
* One CDR per session that is not credited (facts/ocpi/cdrs.md §7 item 14); a unique index backs it.
* A signed record is billed by one CDR that is not credited, whatever session it is given for; likewise backed. So is
  the energy between two values of a meter's register, in whatever records the meter signed it.
* A Credit CDR names a CDR of the same partner that was released (mod_cdrs, credit_reference_id).
* Content never changes (database trigger); what changes is the state beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.store.billed import BilledRepository, BilledSpan
from eichrecht.store.cdr_records import (
    NewCdr,
    Override,
    StoredCdr,
    columns,
    new_receipt_token,
    open_errors,
    override_json,
    stored_cdr,
)
from eichrecht.store.errors import (
    DuplicateCdr,
    InvalidTransition,
    NotFound,
    RecordAlreadyBilled,
    SessionAlreadyBilled,
    StoreConflict,
)
from eichrecht.store.states import LISTED_CDR_STATES, CdrState, DeliveryState
from eichrecht.store.tables import cdr_evidence, cdrs, deliveries, identity
from ocpi.objects.cdr import Cdr

__all__ = ["CdrRepository", "NewCdr", "Override", "StoredCdr", "new_receipt_token", "open_errors"]


class CdrRepository:
    """CDRs of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._billed = BilledRepository(connection)

    async def create(self, new: NewCdr, now: datetime) -> StoredCdr:
        """Store a CDR: ``held`` if an error is open or no partner is known, else ``ready`` with its delivery.

        Raises:
            DuplicateCdr: The id is taken.
            SessionAlreadyBilled: The session has a CDR that is not credited.
            RecordAlreadyBilled: A record is billed by a CDR that is not credited.
            NotFound: A Credit CDR names no stored CDR, or the evidence is not stored.
            InvalidTransition: The CDR to credit was never released, is credited already or is a Credit CDR.
            StoreConflict: The Credit CDR is for another partner than the original, or evidence is missing.
        """
        cdr = new.cdr
        await self._refuse_taken(cdr)
        billed = await self.billing(new.records, new.spans)
        if billed is not None:
            raise RecordAlreadyBilled(
                f"signed energy of CDR {cdr.id} is billed by CDR {billed}: credit it first"
            )
        follows_pk = await self._predecessor(new)
        held = bool(open_errors(new.findings, new.overrides)) or new.partner_id is None
        values = columns(new, now) | {
            "follows_pk": follows_pk,
            "state": (CdrState.HELD if held else CdrState.READY).value,
            "listed_at": None if held else cdr.last_updated,
        }
        try:
            pk = await self._connection.scalar(insert(cdrs).values(**values).returning(cdrs.c.pk))
            for position, sha256 in enumerate(new.evidence):
                await self._connection.execute(
                    insert(cdr_evidence).values(cdr_pk=pk, position=position, sha256=sha256)
                )
            assert pk is not None  # noqa: S101 - RETURNING gives the row
            await self._billed.add(pk, new.records, new.spans)
        except IntegrityError as error:  # lost a race, or evidence/partner that is not stored
            raise StoreConflict(f"CDR {cdr.id} cannot be stored: {error.orig}") from error
        stored = await self._one(cdrs.c.pk == pk, cdr.id)
        if not held:
            await self._open_delivery(stored, now)
        return stored

    async def release(
        self, pk: int, overrides: Sequence[Override], now: datetime, *, partner_id: str | None = None
    ) -> StoredCdr:
        """Release a held CDR by recorded decisions and open its delivery.

        Args:
            pk: Row number.
            overrides: Decisions about findings.
            now: For the record.
            partner_id: Where it goes, if nobody was known when it was made; else the stored partner stays.

        Raises:
            NotFound: No such CDR.
            InvalidTransition: It is not held, an error is still open, or it has no partner.
        """
        stored = await self._one(cdrs.c.pk == pk, pk)
        _require(stored, CdrState.HELD)
        decided = (*stored.overrides, *overrides)
        still_open = open_errors(stored.findings, decided)
        if still_open:
            raise InvalidTransition(f"CDR {stored.id} has open errors: {', '.join(still_open)}")
        partner_id = stored.partner_id or partner_id
        if partner_id is None:
            raise InvalidTransition(f"CDR {stored.id} has no partner to go to")
        await self._set(
            pk,
            state=CdrState.READY.value,
            partner_id=partner_id,
            overrides=[override_json(item) for item in decided],
            # Not the CDR's last_updated: a partner that pulls by date may have passed it (see page()).
            listed_at=max(now.astimezone(UTC), stored.last_updated),
        )
        released = await self._one(cdrs.c.pk == pk, pk)
        await self._open_delivery(released, now)
        return released

    async def discard(self, pk: int) -> StoredCdr:
        """Give up a held CDR, so that a corrected one can be made. Its content and findings stay stored.

        Raises:
            NotFound: No such CDR.
            InvalidTransition: It is not held (what was released is credited instead), or it is a Credit CDR
                after which a corrected CDR was made.
        """
        stored = await self._one(cdrs.c.pk == pk, pk)
        _require(stored, CdrState.HELD)
        followers = await self._connection.scalar(
            select(func.count()).where(cdrs.c.follows_pk == pk, cdrs.c.state != CdrState.DISCARDED.value)
        )
        if followers:
            raise InvalidTransition(f"CDR {stored.id} is followed by a CDR that waits for it")
        await self._set(pk, state=CdrState.DISCARDED.value)
        await self._billed.release(pk)
        if stored.credit and stored.credit_reference_id is not None:
            original = identity(stored.country_code, stored.party_id, stored.credit_reference_id)
            original_pk = await self._connection.scalar(
                update(cdrs).where(cdrs.c.identity == original).values(credited=False).returning(cdrs.c.pk)
            )
            await self._billed.take_back(original_pk, stored.credit_reference_id)
        return await self._one(cdrs.c.pk == pk, pk)

    async def billing(self, records: Sequence[str], spans: Sequence[BilledSpan] = ()) -> str | None:
        """Return the id of a CDR that bills one of these already; see :meth:`BilledRepository.billing`."""
        return await self._billed.billing(records, spans)

    async def get(self, country_code: str, party_id: str, cdr_id: str) -> StoredCdr:
        """Return a CDR by its OCPI key, without regard to case.

        Raises:
            NotFound: No such CDR.
        """
        try:
            key = identity(country_code, party_id, cdr_id)
        except ValueError as error:
            raise NotFound("no CDR has an id with control characters") from error
        return await self._one(cdrs.c.identity == key, cdr_id)

    async def by_pk(self, pk: int) -> StoredCdr:
        """Return a CDR by its row number.

        Raises:
            NotFound: No such CDR.
        """
        return await self._one(cdrs.c.pk == pk, pk)

    async def by_receipt_token(self, token: str) -> StoredCdr:
        """Return the CDR of a receipt link.

        Raises:
            NotFound: No such token.
        """
        return await self._one(cdrs.c.receipt_token == token, "behind this link")

    async def find(
        self,
        *,
        cdr_id: str | None = None,
        state: CdrState | None = None,
        session_id: str | None = None,
        limit: int = 100,
    ) -> tuple[StoredCdr, ...]:
        """Return CDRs for operators, newest first."""
        query = select(cdrs).order_by(cdrs.c.pk.desc()).limit(limit)
        if cdr_id is not None:
            query = query.where(func.lower(cdrs.c.id) == cdr_id.lower())
        if state is not None:
            query = query.where(cdrs.c.state == state.value)
        if session_id is not None:
            query = query.where(func.lower(cdrs.c.session_id) == session_id.lower())
        rows = (await self._connection.execute(query)).all()
        return await self._with_evidence(rows)

    async def page(
        self,
        partner_id: str,
        *,
        date_from: datetime | None = None,
        date_to: datetime | None = None,
        offset: int = 0,
        limit: int,
    ) -> tuple[tuple[StoredCdr, ...], int]:
        """Return one partner's released CDRs for ``GET /cdrs`` and their total number.

        The filter is on ``listed_at``, which is the CDR's ``last_updated`` unless the CDR was held first:
        then it is the time of its release, since a partner that polls windows would otherwise never see it.
        The order is ``listed_at``, row number: rows only join at the end (transport, Pagination: stable).

        Args:
            partner_id: Only CDRs of this partner.
            date_from: At or after.
            date_to: Before.
            offset: How many to skip.
            limit: How many to return.
        """
        where = [cdrs.c.partner_id == partner_id, cdrs.c.state.in_([s.value for s in LISTED_CDR_STATES])]
        if date_from is not None:
            where.append(cdrs.c.listed_at >= date_from)
        if date_to is not None:
            where.append(cdrs.c.listed_at < date_to)
        total = await self._connection.scalar(select(func.count()).select_from(cdrs).where(*where))
        query = select(cdrs).where(*where).order_by(cdrs.c.listed_at, cdrs.c.pk).offset(offset).limit(limit)
        rows = (await self._connection.execute(query)).all()
        return await self._with_evidence(rows), int(total or 0)

    async def _refuse_taken(self, cdr: Cdr) -> None:
        key = identity(cdr.country_code, cdr.party_id, cdr.id)
        if await self._connection.scalar(select(cdrs.c.pk).where(cdrs.c.identity == key)) is not None:
            raise DuplicateCdr(f"CDR {cdr.id} exists already")
        if cdr.credit or cdr.session_id is None:
            return
        billed = await self._connection.scalar(
            select(cdrs.c.id).where(
                cdrs.c.session_identity == identity(cdr.country_code, cdr.party_id, cdr.session_id),
                cdrs.c.credit.is_(False),
                cdrs.c.credited.is_(False),
                cdrs.c.state != CdrState.DISCARDED.value,
            )
        )
        if billed is not None:
            raise SessionAlreadyBilled(f"session {cdr.session_id} is billed by CDR {billed}: credit it first")

    async def _predecessor(self, new: NewCdr) -> int | None:
        """Return the CDR that must arrive before this one: original, then credit, then corrected."""
        cdr = new.cdr
        if cdr.credit:
            return await self._credit(new)
        if new.follows_id is not None:
            return (await self.get(cdr.country_code, cdr.party_id, new.follows_id)).pk
        if cdr.session_id is None:
            return None
        latest: int | None = await self._connection.scalar(
            select(func.max(cdrs.c.pk)).where(
                cdrs.c.session_identity == identity(cdr.country_code, cdr.party_id, cdr.session_id),
                cdrs.c.state != CdrState.DISCARDED.value,
            )
        )
        return latest

    async def _credit(self, new: NewCdr) -> int:
        cdr = new.cdr
        if cdr.credit_reference_id is None:
            raise StoreConflict(f"Credit CDR {cdr.id} names no CDR (credit_reference_id)")
        original = await self.get(cdr.country_code, cdr.party_id, cdr.credit_reference_id)
        if original.state not in LISTED_CDR_STATES:
            raise InvalidTransition(
                f"CDR {original.id} is {original.state}: it never left, discard it instead"
            )
        if original.credit or original.credited:
            raise InvalidTransition(f"CDR {original.id} is a Credit CDR or credited already")
        if new.partner_id != original.partner_id:
            raise StoreConflict(f"Credit CDR {cdr.id} must go to the partner that has {original.id}")
        await self._set(original.pk, credited=True)
        await self._billed.release(original.pk)
        return original.pk

    async def _open_delivery(self, stored: StoredCdr, now: datetime) -> None:
        await self._connection.execute(
            insert(deliveries).values(
                cdr_pk=stored.pk,
                partner_id=stored.partner_id,
                kind="cdr",
                state=DeliveryState.PENDING.value,
                attempts=0,
                due_at=now.astimezone(UTC),
                created_at=now.astimezone(UTC),
            )
        )

    async def _set(self, pk: int, **values: object) -> None:
        await self._connection.execute(update(cdrs).where(cdrs.c.pk == pk).values(**values))

    async def _one(self, condition: ColumnElement[bool], name: object) -> StoredCdr:
        rows = (await self._connection.execute(select(cdrs).where(condition))).all()
        if not rows:
            raise NotFound(f"no CDR {name}")
        return (await self._with_evidence(rows))[0]

    async def _with_evidence(self, rows: Sequence[Row[Any]]) -> tuple[StoredCdr, ...]:
        found: dict[int, list[str]] = {row.pk: [] for row in rows}
        query = select(cdr_evidence).where(cdr_evidence.c.cdr_pk.in_(found)).order_by(cdr_evidence.c.position)
        for item in await self._connection.execute(query):
            found[item.cdr_pk].append(item.sha256)
        return tuple(stored_cdr(row, tuple(found[row.pk])) for row in rows)


def _require(stored: StoredCdr, state: CdrState) -> None:
    if stored.state is not state:
        raise InvalidTransition(f"CDR {stored.id} is {stored.state}, not {state}")
