"""The database: engine, transactions, and the repositories of one transaction."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from eichrecht.store.cdrs import CdrRepository
from eichrecht.store.deliveries import DeliveryRepository
from eichrecht.store.errors import StoreUnavailable
from eichrecht.store.evidence import EvidenceRepository
from eichrecht.store.intakes import IntakeRepository
from eichrecht.store.keys import KeyRepository
from eichrecht.store.migrate import upgrade
from eichrecht.store.partners import PartnerRepository
from eichrecht.store.tariffs import TariffRepository
from eichrecht.store.urls import DRIVER_ERRORS, async_url, create_private_file, prepare_sqlite

# At debug level the driver writes every statement with its values: tokens of partners, cards of drivers.
logging.getLogger("aiosqlite").setLevel(logging.INFO)


class Transaction:
    """The repositories over one connection; what they write becomes durable together or not at all."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection

    @cached_property
    def evidence(self) -> EvidenceRepository:
        """Documents as received."""
        return EvidenceRepository(self.connection)

    @cached_property
    def keys(self) -> KeyRepository:
        """Key ring rows."""
        return KeyRepository(self.connection)

    @cached_property
    def tariffs(self) -> TariffRepository:
        """Tariff versions."""
        return TariffRepository(self.connection)

    @cached_property
    def partners(self) -> PartnerRepository:
        """OCPI partners."""
        return PartnerRepository(self.connection)

    @cached_property
    def cdrs(self) -> CdrRepository:
        """CDRs; creating and releasing them opens their delivery in the same transaction."""
        return CdrRepository(self.connection)

    @cached_property
    def intakes(self) -> IntakeRepository:
        """The intake log: every session that came in, billed or refused."""
        return IntakeRepository(self.connection)

    @cached_property
    def deliveries(self) -> DeliveryRepository:
        """The delivery ledger, for reading and for a person's decisions; the worker uses ``SqlLedger``."""
        return DeliveryRepository(self.connection)


class Database:
    """An open database. One object per process; safe for concurrent tasks."""

    def __init__(self, engine: AsyncEngine) -> None:
        self.engine = engine
        prepare_sqlite(engine.sync_engine)

    @classmethod
    def open(cls, address: str, *, migrate: bool = True) -> Database:
        """Open a database, creating and migrating it first unless told otherwise.

        Args:
            address: A file path, ``sqlite:///path`` or ``postgresql://user@host/name``.
            migrate: Bring the schema to this release (:func:`eichrecht.store.migrate.upgrade`).

        Raises:
            StoreUnavailable: It cannot be opened.
            SchemaTooNew: A newer release wrote it.
        """
        if migrate:
            upgrade(address)
        url = async_url(address)
        create_private_file(url)
        try:
            return cls(create_async_engine(url))
        except ImportError as error:
            raise StoreUnavailable(f"the database driver is not installed: {error}") from error

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()

    async def __aenter__(self) -> Database:
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Begin a write transaction; commits at the end of the block, rolls back on any exception.

        Never wait for the network inside: on SQLite every other writer waits meanwhile.

        Raises:
            StoreUnavailable: The database is locked for too long or broken.
        """
        async with self._connection(self.engine) as tx:
            yield tx

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Transaction]:
        """Begin a transaction that only reads: a consistent picture, without the write lock.

        Raises:
            StoreUnavailable: The database is broken.
        """
        async with self._connection(self.engine.execution_options(read_only=True)) as tx:
            yield tx

    @asynccontextmanager
    async def _connection(self, engine: AsyncEngine) -> AsyncIterator[Transaction]:
        try:
            async with engine.begin() as connection:
                yield Transaction(connection)
        except (OperationalError, *DRIVER_ERRORS) as error:
            reason = getattr(error, "orig", None) or error
            raise StoreUnavailable(f"the database cannot be used: {reason}") from error
