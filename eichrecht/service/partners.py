"""Partners: the handshake, and pushing tariffs to those that take them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eichrecht.delivery.client import CdrClient
from eichrecht.delivery.ocpi_client import OcpiCdrClient
from eichrecht.delivery.worker import NoRoute
from eichrecht.store.database import Database
from eichrecht.store.errors import NotFound
from eichrecht.store.ocpi_storage import SqlRegistrations
from eichrecht.store.partners import PRICING, checked_settings, in_doubt_policy
from eichrecht.store.states import InDoubtPolicy
from ocpi.errors import MaybeDelivered, NotDelivered, OcpiError
from ocpi.handshake import Registrar
from ocpi.objects.credentials import Role
from ocpi.objects.tariff import Tariff
from ocpi.objects.version import InterfaceRole, ModuleId
from ocpi.registration import Partner, PartnerState
from ocpi.transport import json
from ocpi.transport.pagination import DEFAULT_PAGE_LIMIT
from ocpi.versions import V2_2_1


class SettingsError(ValueError):
    """A setting for a partner is unknown or has no such value; ``str()`` says which are there."""


@dataclass(frozen=True, slots=True)
class KnownPartner:
    """A partner and our settings for it.

    Attributes:
        partner: As registered.
        in_doubt: What to do with a CDR of which the partner cannot say whether it has it.
        pricing: Policy agreed with it, by name or as settings; ``None`` = ours.
    """

    partner: Partner
    in_doubt: InDoubtPolicy
    pricing: Any = None


def _known(partner: Partner, settings: Mapping[str, Any]) -> KnownPartner:
    return KnownPartner(partner, in_doubt_policy(settings), settings.get(PRICING))


class Partners:
    """The CPO's partners over one database and one registrar."""

    def __init__(self, database: Database, registrar: Registrar, party: tuple[str, str]) -> None:
        """Set what every call uses.

        Args:
            database: Open database.
            registrar: Handshake on the same database.
            party: The CPO's country code and party id.
        """
        self._database = database
        self._registrations = SqlRegistrations(database)
        self._registrar = registrar
        self._party = party

    async def connect(self, versions_url: str, token_a: str, partner_id: str | None = None) -> Partner:
        """Start the handshake with a partner.

        Args:
            versions_url: The partner's versions URL.
            token_a: Its token A.
            partner_id: A known partner that lost its registration: its CDRs are still on their way to this id.

        Raises:
            OcpiError: It failed; nothing was registered.
            ValueError: The token is none that OCPI can carry.
            NotFound: No such partner.
        """
        await self._require(partner_id)
        return await self._registrar.register(versions_url, token_a, partner_id=partner_id)

    async def invite(self, partner_id: str | None = None) -> tuple[str, str]:
        """Return a token A and our versions URL for a partner that starts the handshake.

        Args:
            partner_id: As for :meth:`connect`.

        Raises:
            NotFound: No such partner.
        """
        await self._require(partner_id)
        return await self._registrar.invite(partner_id=partner_id), self._registrar.us.versions_url

    async def _require(self, partner_id: str | None) -> None:
        if partner_id is not None and await self._registrations.partner(partner_id) is None:
            raise NotFound(f"no partner {partner_id[:64]}")

    async def all(self) -> Sequence[Partner]:
        """Return all partners."""
        return await self._registrations.partners()

    async def known(self) -> list[KnownPartner]:
        """Return all partners and our settings for them."""
        async with self._database.reading() as tx:
            return [
                _known(partner, await tx.partners.settings(partner.id)) for partner in await tx.partners.all()
            ]

    async def set_settings(self, partner_id: str, given: Mapping[str, Any]) -> KnownPartner:
        """Change our settings for a partner; what is not given stays.

        Args:
            partner_id: The partner.
            given: ``in_doubt``: ``resend`` or ``hold``; ``pricing``: a policy's name or settings, ``None`` for ours.

        Raises:
            NotFound: No such partner.
            SettingsError: Nothing was changed: a setting is unknown or has no such value.
        """
        if not given:
            raise SettingsError("no setting is given")
        async with self._database.transaction() as tx:
            changed = await tx.partners.settings(partner_id) | dict(given)
            try:
                settings = checked_settings(
                    {name: value for name, value in changed.items() if value is not None}
                )
            except ValueError as error:
                raise SettingsError(str(error)) from error
            await tx.partners.set_settings(partner_id, settings)
            return _known(await tx.partners.get(partner_id), settings)

    async def rotate(self, partner_id: str) -> Partner:
        """Renew the tokens of both directions by PUT credentials (monthly, and at once after a leak).

        Raises:
            NotFound: No such partner.
            OcpiError: It failed; the old tokens stay valid here.
        """
        await self._require(partner_id)
        return await self._registrar.rotate(partner_id)

    async def disconnect(self, partner_id: str) -> str | None:
        """End a registration by DELETE credentials; here it ends in any case.

        Returns:
            Why the partner could not be told; ``None`` if it was.

        Raises:
            NotFound: No such partner.
            NotRegistered: There is no registration in force.
        """
        await self._require(partner_id)
        failure = await self._registrar.unregister(partner_id)
        return None if failure is None else str(failure)

    async def _takers(self) -> list[Partner]:
        return [
            partner
            for partner in await self.all()
            if partner.state is PartnerState.REGISTERED
            and partner.offers(ModuleId.TARIFFS, InterfaceRole.RECEIVER)
        ]

    async def push_all_tariffs(self, partner_id: str) -> dict[str, str]:
        """PUT every tariff in force to one partner: it connected after they were pushed, or missed a push.

        Returns:
            Per tariff id ``ok`` or why not; empty if the partner takes no tariffs or there are none.

        Raises:
            NotFound: No such partner.
            NotRegistered: There is no registration in force.
        """
        await self._require(partner_id)
        partner = await self._registrations.partner(partner_id)
        assert partner is not None  # noqa: S101 - required above, and partners are never deleted
        client = self._registrar.client(partner, role=Role.EMSP)
        if not partner.offers(ModuleId.TARIFFS, InterfaceRole.RECEIVER):
            return {}
        results: dict[str, str] = {}
        for tariff in await self._tariffs_in_force():
            try:
                await client.put_tariff(tariff)
                results[tariff.id] = "ok"
            except (NotDelivered, MaybeDelivered) as error:  # each further one would wait for a minute, too
                results[tariff.id] = f"{error}; the tariffs after it were not tried"
                break
            except OcpiError as error:
                results[tariff.id] = str(error)
        return results

    async def _tariffs_in_force(self) -> list[Tariff]:
        found: list[Tariff] = []
        while True:
            async with self._database.reading() as tx:
                page, total = await tx.tariffs.page(offset=len(found), limit=DEFAULT_PAGE_LIMIT)
            found += [V2_2_1.load(Tariff, json.loads(version.body)) for version in page]
            if not page or len(found) >= total:
                return found

    async def push_tariff(self, tariff: Tariff) -> dict[str, str]:
        """PUT a tariff to every partner that takes tariffs.

        Returns:
            Per partner id ``ok`` or why not. A partner that cannot be reached pulls later (tariffs facts §1).
        """
        results: dict[str, str] = {}
        for partner in await self._takers():
            try:
                await self._registrar.client(partner, role=Role.EMSP).put_tariff(tariff)
                results[partner.id] = "ok"
            except OcpiError as error:
                results[partner.id] = str(error)
        return results

    async def delete_tariff(self, tariff_id: str) -> dict[str, str]:
        """DELETE a tariff at every partner that takes tariffs; result as in :meth:`push_tariff`."""
        results: dict[str, str] = {}
        for partner in await self._takers():
            try:
                client = self._registrar.client(partner, role=Role.EMSP)
                await client.delete_tariff(*self._party, tariff_id)
                results[partner.id] = "ok"
            except OcpiError as error:
                results[partner.id] = str(error)
        return results

    async def cdr_client(self, partner_id: str) -> CdrClient:
        """Return the delivery worker's client of a partner.

        Raises:
            NoRoute: There is no registration in force, or the partner takes no CDRs.
        """
        partner = await self._registrations.partner(partner_id)
        if partner is None:
            raise NoRoute("unknown_partner")
        try:
            return OcpiCdrClient(self._registrar.client(partner, role=Role.EMSP))
        except OcpiError as error:
            raise NoRoute(str(error)) from error
