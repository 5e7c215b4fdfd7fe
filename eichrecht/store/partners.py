"""OCPI partners, the tokens that they present, and our settings for each."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.store.errors import NotFound
from eichrecht.store.states import InDoubtPolicy
from eichrecht.store.tables import issued_tokens, partners
from ocpi.objects.credentials import CredentialsRole, Role
from ocpi.objects.version import Endpoint
from ocpi.registration import IssuedToken, Partner, PartnerState, TokenPurpose
from ocpi.tariffs import PolicyError, PricingPolicy, policy_from

IN_DOUBT = "in_doubt"
"""Setting: ``resend`` (default) or ``hold``; see :class:`InDoubtPolicy`."""

PRICING = "pricing"
"""Setting: a pricing policy by name or as settings (:func:`ocpi.tariffs.policy_from`); absent: the operator's."""


def in_doubt_policy(settings: Mapping[str, Any]) -> InDoubtPolicy:
    """Return the partner's ``in_doubt`` setting; an unreadable one holds, since holding can be undone."""
    value = settings.get(IN_DOUBT, InDoubtPolicy.RESEND.value)
    return InDoubtPolicy.RESEND if value == InDoubtPolicy.RESEND.value else InDoubtPolicy.HOLD


def pricing_policy(settings: Mapping[str, Any]) -> PricingPolicy | None:
    """Return the pricing and tolerance agreed with the partner; ``None`` = nothing of its own.

    Raises:
        PolicyError: The setting means nothing.
    """
    value = settings.get(PRICING)
    if value is None:
        return None
    if not isinstance(value, str | Mapping):
        raise PolicyError("bad_setting", PRICING)
    return policy_from(value)


def checked_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings that all mean something: nothing is stored that would be ignored later.

    Raises:
        ValueError: One is unknown or cannot be used; the message says which.
    """
    unknown = sorted(set(settings) - {IN_DOUBT, PRICING})
    if unknown:
        raise ValueError(f"known are {IN_DOUBT} and {PRICING}, not {unknown[0][:60]}")
    if IN_DOUBT in settings and settings[IN_DOUBT] not in list(InDoubtPolicy):
        raise ValueError(f"{IN_DOUBT}: one of {', '.join(InDoubtPolicy)}")
    try:
        pricing_policy(settings)
    except PolicyError as error:
        raise ValueError(f"{PRICING}: {error.reason}: {error.detail}") from error
    return dict(settings)


class PartnerRepository:
    """Partners and issued tokens of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, partner_id: str) -> Partner:
        """Return a partner.

        Raises:
            NotFound: No such partner.
        """
        partner = await self.find(partner_id)
        if partner is None:
            raise NotFound(f"no partner {partner_id}")
        return partner

    async def find(self, partner_id: str) -> Partner | None:
        """Return a partner, registered or not, ``None`` if unknown."""
        row = (await self._connection.execute(select(partners).where(partners.c.id == partner_id))).first()
        return None if row is None else _partner(row)

    async def all(self) -> tuple[Partner, ...]:
        """Return all partners in the order of their first registration."""
        rows = await self._connection.execute(select(partners).order_by(partners.c.number))
        return tuple(_partner(row) for row in rows)

    async def by_party(self, role: Role, country_code: str, party_id: str) -> Partner | None:
        """Return the registered partner on whose platform a party has a role, ``None`` if there is none."""
        for partner in await self.all():
            if partner.state is PartnerState.REGISTERED and any(
                own.role is role and own.is_party(country_code, party_id) for own in partner.roles
            ):
                return partner
        return None

    async def pricing(self, role: Role, country_code: str, party_id: str) -> PricingPolicy | None:
        """Return the policy agreed with a party's platform; ``None`` = it is unknown, or nothing of its own.

        Raises:
            PolicyError: See :func:`pricing_policy`.
        """
        partner = await self.by_party(role, country_code, party_id)
        return None if partner is None else pricing_policy(await self.settings(partner.id))

    async def put(self, partner: Partner) -> None:
        """Insert a partner, or replace the record with the same id; its settings stay."""
        values = _values(partner)
        changed = await self._connection.execute(
            update(partners).where(partners.c.id == partner.id).values(**values)
        )
        if changed.rowcount == 0:
            number = await self._connection.scalar(select(func.coalesce(func.max(partners.c.number), 0) + 1))
            await self._connection.execute(
                insert(partners).values(id=partner.id, number=number, settings={}, **values)
            )

    async def settings(self, partner_id: str) -> dict[str, Any]:
        """Return our settings for a partner (``pricing``, ``in_doubt``).

        Raises:
            NotFound: No such partner.
        """
        row = (
            await self._connection.execute(select(partners.c.settings).where(partners.c.id == partner_id))
        ).first()
        if row is None:
            raise NotFound(f"no partner {partner_id}")
        return dict(row.settings)

    async def set_settings(self, partner_id: str, settings: Mapping[str, Any]) -> None:
        """Replace our settings for a partner: plain JSON data, numbers as ``Decimal`` or ``int``.

        Raises:
            NotFound: No such partner.
        """
        changed = await self._connection.execute(
            update(partners).where(partners.c.id == partner_id).values(settings=dict(settings))
        )
        if changed.rowcount == 0:
            raise NotFound(f"no partner {partner_id}")

    async def find_token(self, token_hash: str) -> IssuedToken | None:
        """Return an issued token, expired or not, ``None`` if unknown.

        The lookup compares hashes in an index: what an attacker can time is the hash, not the token.
        """
        row = (
            await self._connection.execute(
                select(issued_tokens).where(issued_tokens.c.token_hash == token_hash)
            )
        ).first()
        if row is None:
            return None
        return IssuedToken(row.token_hash, TokenPurpose(row.purpose), row.partner_id, row.expires)

    async def add_token(self, token: IssuedToken) -> None:
        """Store an issued token."""
        await self._connection.execute(
            insert(issued_tokens).values(
                token_hash=token.token_hash,
                purpose=token.purpose.value,
                partner_id=token.partner_id,
                expires=token.expires and token.expires.astimezone(UTC),
            )
        )

    async def delete_token(self, token_hash: str, *, unless: TokenPurpose) -> None:
        """Delete a token unless it has this purpose; nothing happens if it is unknown."""
        await self._delete(issued_tokens.c.token_hash == token_hash, issued_tokens.c.purpose != unless.value)

    async def drop_pending(self, token_hash: str) -> None:
        """Delete a pending token; nothing happens if it is unknown or no longer pending."""
        pending = TokenPurpose.PENDING.value
        await self._delete(issued_tokens.c.token_hash == token_hash, issued_tokens.c.purpose == pending)

    async def end_tokens(self, partner_id: str, grace_until: datetime | None) -> None:
        """End a partner's tokens; invitations stay.

        Args:
            partner_id: The partner.
            grace_until: PARTNER tokens expire then if they would live longer; ``None`` deletes them and the
                PENDING ones at once.
        """
        own = issued_tokens.c.partner_id == partner_id
        if grace_until is None:
            await self._delete(own, issued_tokens.c.purpose != TokenPurpose.INVITATION.value)
            return
        await self._connection.execute(
            update(issued_tokens)
            .where(
                own,
                issued_tokens.c.purpose == TokenPurpose.PARTNER.value,
                or_(issued_tokens.c.expires.is_(None), issued_tokens.c.expires > grace_until),
            )
            .values(expires=grace_until.astimezone(UTC))
        )

    async def _delete(self, *conditions: ColumnElement[bool]) -> None:
        await self._connection.execute(delete(issued_tokens).where(and_(*conditions)))


def _values(partner: Partner) -> dict[str, object]:
    return {
        "state": partner.state.value,
        "versions_url": partner.versions_url,
        "version": partner.version,
        "endpoints": [item.model_dump(mode="json", exclude_none=True) for item in partner.endpoints],
        "roles": [item.model_dump(mode="json", exclude_none=True) for item in partner.roles],
        "token": partner.token,
        "base64_tokens": partner.base64_tokens,
        "updated": partner.updated.astimezone(UTC),
    }


def _partner(row: Row[Any]) -> Partner:
    return Partner(
        id=row.id,
        state=PartnerState(row.state),
        versions_url=row.versions_url,
        version=row.version,
        endpoints=tuple(Endpoint.model_validate(item) for item in row.endpoints),
        roles=tuple(CredentialsRole.model_validate(item) for item in row.roles),
        token=row.token,
        base64_tokens=bool(row.base64_tokens),
        updated=row.updated,
    )
