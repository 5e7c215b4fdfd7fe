"""Storages in memory: enough to run an eMSP process, for demos and tests. Nothing survives the process."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

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
from ocpi.server.storage import ObjectKey, ReceivedCdr, Reception, Storage
from ocpi.transport.pagination import Page, PageQuery

T = TypeVar("T", Cdr, Tariff)


@dataclass(slots=True)
class MemoryRegistrations:
    """:class:`ocpi.registration.RegistrationStore` in memory.

    Atomic because no method awaits anything: the event loop cannot switch in between.
    """

    _tokens: dict[str, IssuedToken] = field(default_factory=dict)
    _partners: dict[str, Partner] = field(default_factory=dict)

    async def find_token(self, token_hash: str) -> IssuedToken | None:
        """See the Protocol."""
        return self._tokens.get(token_hash)

    async def add_token(self, token: IssuedToken) -> None:
        """See the Protocol."""
        self._tokens[token.token_hash] = token

    async def drop_pending(self, token_hash: str) -> None:
        """See the Protocol."""
        token = self._tokens.get(token_hash)
        if token is not None and token.purpose is TokenPurpose.PENDING:
            del self._tokens[token_hash]

    async def partner(self, partner_id: str) -> Partner | None:
        """See the Protocol."""
        return self._partners.get(partner_id)

    async def partners(self) -> Sequence[Partner]:
        """See the Protocol."""
        return tuple(self._partners.values())

    async def commit(self, change: RegistrationChange) -> None:
        """See the Protocol."""
        partner = change.partner
        presented = None
        if change.presented is not None:
            presented = self._tokens.get(change.presented)
            if presented is None or not presented.is_live(change.now):
                raise TokenGone("the presented token is unknown or has ended")
        if partner.state is PartnerState.REGISTERED:
            owner = role_owner(self._partners.values(), partner.roles, besides=partner.id)
            if owner is not None:
                raise RoleTaken(f"a role belongs to partner {owner.id}")
        if presented is not None and presented.purpose is not TokenPurpose.PARTNER:
            del self._tokens[presented.token_hash]
        self._end_tokens(partner.id, change.grace_until)
        self._partners[partner.id] = partner
        if change.issued is not None:
            self._tokens[change.issued.token_hash] = change.issued

    def _end_tokens(self, partner_id: str, grace_until: datetime | None) -> None:
        for token in [token for token in self._tokens.values() if token.partner_id == partner_id]:
            if token.purpose is TokenPurpose.INVITATION:
                continue
            if grace_until is None:
                del self._tokens[token.token_hash]
            elif token.purpose is TokenPurpose.PARTNER:
                expires = grace_until if token.expires is None else min(token.expires, grace_until)
                self._tokens[token.token_hash] = replace(token, expires=expires)


def page_of(items: Iterable[T], query: PageQuery) -> Page[T]:
    """Cut a page out of objects in order of creation."""
    matching = [item for item in items if query.includes(item.last_updated)]
    end = None if query.limit is None else query.offset + query.limit
    return Page(matching[query.offset : end], len(matching))


@dataclass(slots=True)
class MemorySource:
    """Tariffs and CDRs of ours, in order of creation (:class:`TariffSource` and :class:`CdrSource`).

    Attributes:
        tariffs: Served to every partner.
        cdrs: Served as ``concerns`` says.
        concerns: Whether a partner may see a CDR: by default the platform of the token's eMSP.
    """

    tariffs: list[Tariff] = field(default_factory=list)
    cdrs: list[Cdr] = field(default_factory=list)
    concerns: Callable[[Partner, Cdr], bool] = lambda partner, cdr: partner.has_party(
        cdr.cdr_token.country_code, cdr.cdr_token.party_id
    )

    async def list_tariffs(self, partner: Partner, query: PageQuery) -> Page[Tariff]:
        """See the Protocol."""
        return page_of(self.tariffs, query)

    async def list_cdrs(self, partner: Partner, query: PageQuery) -> Page[Cdr]:
        """See the Protocol."""
        return page_of((cdr for cdr in self.cdrs if self.concerns(partner, cdr)), query)


_Key = tuple[str, tuple[str, str, str]]  # partner id, folded object key


@dataclass(slots=True)
class MemoryTariffReceiver:
    """:class:`ocpi.server.storage.TariffReceiver` in memory."""

    tariffs: dict[_Key, Tariff] = field(default_factory=dict)

    async def get_tariff(self, partner: Partner, key: ObjectKey) -> Tariff | None:
        """See the Protocol."""
        return self.tariffs.get((partner.id, key.folded()))

    async def put_tariff(self, partner: Partner, tariff: Tariff) -> bool:
        """See the Protocol."""
        key = (partner.id, ObjectKey(tariff.country_code, tariff.party_id, tariff.id).folded())
        is_new = key not in self.tariffs
        self.tariffs[key] = tariff
        return is_new

    async def delete_tariff(self, partner: Partner, key: ObjectKey) -> bool:
        """See the Protocol."""
        return self.tariffs.pop((partner.id, key.folded()), None) is not None


@dataclass(slots=True)
class MemoryCdrReceiver:
    """:class:`ocpi.server.storage.CdrReceiver` in memory."""

    _references: dict[_Key, str] = field(default_factory=dict)
    _cdrs: dict[str, tuple[str, Cdr]] = field(default_factory=dict)  # reference -> (partner id, CDR)

    @property
    def cdrs(self) -> tuple[Cdr, ...]:
        """All CDRs, in order of arrival."""
        return tuple(cdr for _, cdr in self._cdrs.values())

    async def receive_cdr(self, partner: Partner, cdr: Cdr) -> ReceivedCdr:
        """See the Protocol."""
        key = (partner.id, ObjectKey(cdr.country_code, cdr.party_id, cdr.id).folded())
        reference = self._references.get(key)
        if reference is not None:
            same = self._cdrs[reference][1] == cdr
            return ReceivedCdr(Reception.KNOWN if same else Reception.CONFLICT, reference)
        reference = secrets.token_urlsafe(16)
        self._references[key] = reference
        self._cdrs[reference] = (partner.id, cdr)
        return ReceivedCdr(Reception.CREATED, reference)

    async def get_cdr(self, partner: Partner, reference: str) -> Cdr | None:
        """See the Protocol."""
        owner, cdr = self._cdrs.get(reference, (None, None))
        return cdr if owner == partner.id else None


@dataclass(slots=True)
class MemoryEmsp:
    """All storages of an eMSP that receives tariffs and CDRs."""

    registrations: MemoryRegistrations = field(default_factory=MemoryRegistrations)
    tariffs: MemoryTariffReceiver = field(default_factory=MemoryTariffReceiver)
    cdrs: MemoryCdrReceiver = field(default_factory=MemoryCdrReceiver)

    def storage(self) -> Storage:
        """Return them as the server takes them."""
        return Storage(self.registrations, tariff_receiver=self.tariffs, cdr_receiver=self.cdrs)
