"""The database behind ``ocpi``'s server and handshake: registrations, our tariffs, our CDRs."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import text

from eichrecht.store.database import Database, Transaction
from ocpi.errors import RoleTaken, TokenGone
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.registration import (
    IssuedToken,
    Partner,
    PartnerState,
    RegistrationChange,
    TokenPurpose,
    role_owner,
)
from ocpi.server.storage import Storage
from ocpi.transport.json import loads
from ocpi.transport.pagination import DEFAULT_PAGE_LIMIT, Page, PageQuery

_POSTGRES_LOCK = 0x4F435049
"""Advisory lock id ("OCPI"): handshakes are serialised; SQLite's write lock does it by itself."""


class SqlRegistrations:
    """:class:`ocpi.registration.RegistrationStore` on a :class:`Database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find_token(self, token_hash: str) -> IssuedToken | None:
        """See the Protocol."""
        async with self._database.reading() as tx:
            return await tx.partners.find_token(token_hash)

    async def add_token(self, token: IssuedToken) -> None:
        """See the Protocol."""
        async with self._database.transaction() as tx:
            await tx.partners.add_token(token)

    async def drop_pending(self, token_hash: str) -> None:
        """See the Protocol."""
        async with self._database.transaction() as tx:
            await tx.partners.drop_pending(token_hash)

    async def partner(self, partner_id: str) -> Partner | None:
        """See the Protocol."""
        async with self._database.reading() as tx:
            return await tx.partners.find(partner_id)

    async def partners(self) -> Sequence[Partner]:
        """See the Protocol."""
        async with self._database.reading() as tx:
            return await tx.partners.all()

    async def commit(self, change: RegistrationChange) -> None:
        """See the Protocol."""
        async with self._database.transaction() as tx:
            if tx.connection.dialect.name == "postgresql":
                await tx.connection.execute(text("SELECT pg_advisory_xact_lock(:id)"), {"id": _POSTGRES_LOCK})
            await _commit(tx, change)


async def _commit(tx: Transaction, change: RegistrationChange) -> None:
    """Apply the four steps of ``RegistrationStore.commit`` in their order."""
    partner = change.partner
    if change.presented is not None:
        presented = await tx.partners.find_token(change.presented)
        if presented is None or not presented.is_live(change.now):
            raise TokenGone("the presented token is unknown or has ended")
    if partner.state is PartnerState.REGISTERED:
        owner = role_owner(await tx.partners.all(), partner.roles, besides=partner.id)
        if owner is not None:
            raise RoleTaken(f"a role belongs to partner {owner.id}")
    if change.presented is not None:
        await tx.partners.delete_token(change.presented, unless=TokenPurpose.PARTNER)
    await tx.partners.end_tokens(partner.id, change.grace_until)
    await tx.partners.put(partner)
    if change.issued is not None:
        await tx.partners.add_token(change.issued)


class SqlTariffSource:
    """:class:`ocpi.server.storage.TariffSource`: our published tariffs, the same for every partner."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_tariffs(self, partner: Partner, query: PageQuery) -> Page[Tariff]:
        """See the Protocol."""
        async with self._database.reading() as tx:
            versions, total = await tx.tariffs.page(
                date_from=query.date_from,
                date_to=query.date_to,
                offset=query.offset,
                limit=query.limit or DEFAULT_PAGE_LIMIT,
            )
        return Page([Tariff.model_validate(loads(version.body)) for version in versions], total)


class SqlCdrSource:
    """:class:`ocpi.server.storage.CdrSource`: the asking partner's released CDRs, delivered or not."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def list_cdrs(self, partner: Partner, query: PageQuery) -> Page[Cdr]:
        """See the Protocol; the date filter is explained at :meth:`CdrRepository.page`."""
        async with self._database.reading() as tx:
            stored, total = await tx.cdrs.page(
                partner.id,
                date_from=query.date_from,
                date_to=query.date_to,
                offset=query.offset,
                limit=query.limit or DEFAULT_PAGE_LIMIT,
            )
        return Page([Cdr.model_validate(loads(item.body)) for item in stored], total)


def cpo_storage(database: Database) -> Storage:
    """Return the storages of a CPO as ``ocpi.server`` takes them."""
    return Storage(
        SqlRegistrations(database),
        tariff_source=SqlTariffSource(database),
        cdr_source=SqlCdrSource(database),
    )
