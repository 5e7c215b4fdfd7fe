"""Key ring rows: which key belongs to which charge point, since when, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.evidence import KeySource
from eichrecht.store.errors import InvalidTransition, NotFound, StoreConflict
from eichrecht.store.tables import operator_keys

KeyStamp = tuple[int, int, tuple[tuple[int, datetime], ...]]
"""Number of rows, the last row, and the end of each key that has one: keys are only added and ended."""

_SOURCES = (KeySource.REGISTER, KeySource.OPERATOR)


@dataclass(frozen=True, slots=True)
class OperatorKey:
    """A key that someone other than the checked document vouches for.

    Attributes:
        charge_point: EVSE id or charge point id, as given.
        meter_serial: Serial number of the meter; ``None`` if unknown.
        key_text: The key exactly as it was given.
        spki: SubjectPublicKeyInfo, DER.
        fingerprint: Lower-case hex SHA-256 of ``spki``.
        source: ``register`` or ``operator``.
        valid_from: Inclusive; ``None`` = since ever.
        valid_to: Exclusive; ``None`` = until further notice.
        note: For people: who entered it, from which letter or file.
        id: Row number; 0 before it is stored.
        added_at: When it was stored; ``None`` before.
    """

    charge_point: str
    meter_serial: str | None
    key_text: str
    spki: bytes
    fingerprint: str
    source: KeySource
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    note: str = ""
    id: int = 0
    added_at: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Say whether the key is vouched for at this instant."""
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_to is None or moment < self.valid_to
        )


class KeyRepository:
    """Key ring rows of one transaction. A key is never changed, only ended."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, key: OperatorKey, now: datetime) -> int:
        """Store a key and return its row number; an identical row is not stored twice.

        Raises:
            StoreConflict: The source is not ``register`` or ``operator``, or the validity is empty.
        """
        if key.source not in _SOURCES:
            raise StoreConflict(f"a key from {key.source} is not vouched for by anyone")
        if key.valid_from and key.valid_to and key.valid_to <= key.valid_from:
            raise StoreConflict("the key's validity ends before it begins")
        for known in await self.find(charge_point=key.charge_point, fingerprint=key.fingerprint):
            if (known.meter_serial, known.source, known.valid_from, known.valid_to) == (
                key.meter_serial, key.source, key.valid_from, key.valid_to
            ):  # fmt: skip
                return known.id
        result = await self._connection.execute(
            insert(operator_keys)
            .values(
                charge_point=key.charge_point,
                meter_serial=key.meter_serial,
                key_text=key.key_text,
                spki=key.spki,
                fingerprint=key.fingerprint,
                source=key.source.value,
                valid_from=key.valid_from,
                valid_to=key.valid_to,
                note=key.note,
                added_at=now.astimezone(UTC),
            )
            .returning(operator_keys.c.id)
        )
        return int(result.scalar_one())

    async def find(
        self,
        *,
        charge_point: str | None = None,
        meter_serial: str | None = None,
        fingerprint: str | None = None,
    ) -> tuple[OperatorKey, ...]:
        """Return the keys that fit all given terms, oldest first; without terms the whole ring."""
        query = select(operator_keys).order_by(operator_keys.c.id)
        if charge_point is not None:
            query = query.where(operator_keys.c.charge_point == charge_point)
        if meter_serial is not None:
            query = query.where(operator_keys.c.meter_serial == meter_serial)
        if fingerprint is not None:
            query = query.where(operator_keys.c.fingerprint == fingerprint)
        return tuple(
            OperatorKey(
                charge_point=row.charge_point,
                meter_serial=row.meter_serial,
                key_text=row.key_text,
                spki=bytes(row.spki),
                fingerprint=row.fingerprint,
                source=KeySource(row.source),
                valid_from=row.valid_from,
                valid_to=row.valid_to,
                note=row.note,
                id=row.id,
                added_at=row.added_at,
            )
            for row in await self._connection.execute(query)
        )

    async def stamp(self) -> KeyStamp:
        """Return what tells one state of the ring from another without reading it."""
        count, last = (
            await self._connection.execute(select(func.count(), func.max(operator_keys.c.id)))
        ).one()
        ended = await self._connection.execute(
            select(operator_keys.c.id, operator_keys.c.valid_to)
            .where(operator_keys.c.valid_to.is_not(None))
            .order_by(operator_keys.c.id)
        )
        return (count, last or 0, tuple((row.id, row.valid_to) for row in ended))

    async def end(self, key_id: int, valid_to: datetime) -> None:
        """End a key's validity (meter exchanged, key revoked).

        Raises:
            NotFound: No such row.
            InvalidTransition: It ended before already; the past is not lengthened.
        """
        row = (
            await self._connection.execute(
                select(operator_keys.c.valid_to).where(operator_keys.c.id == key_id)
            )
        ).first()
        if row is None:
            raise NotFound(f"no key with row number {key_id}")
        if row.valid_to is not None and row.valid_to <= valid_to:
            raise InvalidTransition(f"key {key_id} ended already")
        await self._connection.execute(
            update(operator_keys).where(operator_keys.c.id == key_id).values(valid_to=valid_to)
        )
