"""Every version of every tariff, so that a CDR can hold the one that governed at session start.

OCPI tariffs have no version field: the same id may have other content at another ``last_updated``, and the
tariff valid at session start governs (mod_cdrs, CDR.tariffs; gotcha 25).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, Row, Select, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.store.errors import NotFound, TariffVersionConflict
from eichrecht.store.tables import identity, tariff_versions
from ocpi.objects.tariff import Tariff


@dataclass(frozen=True, slots=True)
class TariffVersion:
    """One version of a tariff.

    Attributes:
        country_code, party_id, tariff_id: As written.
        last_updated: The version's own time.
        body: Exact JSON bytes of the Tariff object.
        current: It is the version that is published now.
        withdrawn_at: When the tariff was withdrawn; ``None`` if it was not.
        stored_at: When this version was stored.
    """

    country_code: str
    party_id: str
    tariff_id: str
    last_updated: datetime
    body: bytes
    current: bool
    withdrawn_at: datetime | None
    stored_at: datetime


def _version(row: Row[tuple[object, ...]]) -> TariffVersion:
    return TariffVersion(
        country_code=row.country_code,
        party_id=row.party_id,
        tariff_id=row.tariff_id,
        last_updated=row.last_updated,
        body=bytes(row.body),
        current=bool(row.current),
        withdrawn_at=row.withdrawn_at,
        stored_at=row.stored_at,
    )


class TariffRepository:
    """Tariff versions of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def put(self, tariff: Tariff, body: bytes, now: datetime) -> bool:
        """Store a version; the one with the latest ``last_updated`` becomes the current one.

        Args:
            tariff: The parsed tariff (gives key and ``last_updated``).
            body: The exact JSON bytes of the same tariff.
            now: Time of storing.

        Returns:
            ``False`` if exactly this version was stored before.

        Raises:
            TariffVersionConflict: Same id and ``last_updated``, other bytes: publish with a new time.
        """
        key = identity(tariff.country_code, tariff.party_id, tariff.id)
        table = tariff_versions
        known = (
            await self._connection.execute(
                select(table.c.body).where(
                    table.c.identity == key, table.c.last_updated == tariff.last_updated
                )
            )
        ).first()
        if known is not None:
            if bytes(known.body) != body:
                raise TariffVersionConflict(
                    f"tariff {tariff.id} has other content at the same last_updated: give it a new one"
                )
            return False
        latest = await self._connection.scalar(
            select(func.max(table.c.last_updated)).where(table.c.identity == key)
        )
        newest = latest is None or tariff.last_updated > latest
        if newest:
            await self._connection.execute(update(table).where(table.c.identity == key).values(current=False))
        await self._connection.execute(
            insert(table).values(
                identity=key,
                country_code=tariff.country_code,
                party_id=tariff.party_id,
                tariff_id=tariff.id,
                last_updated=tariff.last_updated,
                body=body,
                current=newest,
                stored_at=now.astimezone(UTC),
            )
        )
        return True

    async def withdraw(self, country_code: str, party_id: str, tariff_id: str, at: datetime) -> None:
        """Take a tariff out of publication; its versions stay for sessions that began before ``at``.

        Raises:
            NotFound: No such tariff is published.
        """
        result = await self._connection.execute(
            update(tariff_versions)
            .where(
                tariff_versions.c.identity == identity(country_code, party_id, tariff_id),
                tariff_versions.c.current.is_(True),
            )
            .values(current=False, withdrawn_at=at)
        )
        if result.rowcount == 0:
            raise NotFound(f"no published tariff {tariff_id}")

    async def current(self, country_code: str, party_id: str, tariff_id: str) -> TariffVersion:
        """Return the published version.

        Raises:
            NotFound: No such tariff is published.
        """
        query = select(tariff_versions).where(
            tariff_versions.c.identity == identity(country_code, party_id, tariff_id),
            tariff_versions.c.current.is_(True),
        )
        return await self._one(query, f"no published tariff {tariff_id}")

    async def as_of(
        self, country_code: str, party_id: str, tariff_id: str, session_start: datetime
    ) -> TariffVersion:
        """Return the version that governed at session start: the latest not younger than it.

        The tariff's own ``start_date_time``/``end_date_time`` are for the caller to judge: they are content.

        Raises:
            NotFound: The tariff did not exist yet, or was withdrawn by then.
        """
        table = tariff_versions
        query = (
            select(table)
            .where(
                table.c.identity == identity(country_code, party_id, tariff_id),
                table.c.last_updated <= session_start,
            )
            .order_by(table.c.last_updated.desc())
            .limit(1)
        )
        missing = f"no version of tariff {tariff_id} at session start"
        version = await self._one(query, missing)
        if version.withdrawn_at is not None and version.withdrawn_at <= session_start:
            raise NotFound(f"{missing}: it was withdrawn")
        return version

    async def versions(self, country_code: str, party_id: str, tariff_id: str) -> tuple[TariffVersion, ...]:
        """Return all versions, oldest first; empty if the tariff is unknown."""
        query = (
            select(tariff_versions)
            .where(tariff_versions.c.identity == identity(country_code, party_id, tariff_id))
            .order_by(tariff_versions.c.last_updated)
        )
        return tuple(_version(row) for row in await self._connection.execute(query))

    async def page(
        self,
        *,
        date_from: datetime | None = None,
        date_to: datetime | None = None,
        offset: int = 0,
        limit: int,
    ) -> tuple[tuple[TariffVersion, ...], int]:
        """Return published tariffs for a Sender list (transport, Pagination) and the total number.

        Args:
            date_from: ``last_updated`` at or after.
            date_to: ``last_updated`` before.
            offset: How many to skip.
            limit: How many to return.
        """
        table = tariff_versions
        # Oldest *tariff* first, so that a new version does not move a tariff between two pages.
        created = (
            select(table.c.identity, func.min(table.c.id).label("first"))
            .group_by(table.c.identity)
            .subquery()
        )
        where: list[ColumnElement[bool]] = [table.c.current.is_(True)]
        if date_from is not None:
            where.append(table.c.last_updated >= date_from)
        if date_to is not None:
            where.append(table.c.last_updated < date_to)
        total = await self._connection.scalar(select(func.count()).select_from(table).where(*where))
        rows = await self._connection.execute(
            select(table)
            .join(created, created.c.identity == table.c.identity)
            .where(*where)
            .order_by(created.c.first)
            .offset(offset)
            .limit(limit)
        )
        return tuple(_version(row) for row in rows), int(total or 0)

    async def _one(self, query: Select[tuple[object, ...]], missing: str) -> TariffVersion:
        row = (await self._connection.execute(query)).first()
        if row is None:
            raise NotFound(missing)
        return _version(row)
