"""Registration: the records and the storage behind the credentials handshake (2.2.1 credentials chapter).

Names of the tokens as in the specification: A is handed over out of band and works once; B is what the
starting side wants to be called with, C what the other side wants. A registration in force needs one token in
each direction: the one we *send* is kept in clear, because we need it; those we *accept* are kept as SHA-256,
because they are only compared. The handshake itself is in :mod:`ocpi.handshake`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ocpi.objects.credentials import CredentialsRole, Role
from ocpi.objects.version import Endpoint, InterfaceRole
from ocpi.transport.headers import PartyId


class PartnerState(StrEnum):
    """Whether a registration is in force."""

    REGISTERED = "registered"
    UNREGISTERED = "unregistered"


@dataclass(frozen=True, slots=True)
class Partner:
    """Another platform and the registration with it.

    Attributes:
        id: Our key (UUID text); never on the wire.
        state: Whether the registration is in force.
        versions_url: The partner's versions endpoint.
        version: Version in use, e.g. ``2.2.1``.
        endpoints: The partner's endpoints of that version.
        roles: The partner's parties.
        token: Token that we send, in clear; ``None`` once unregistered. Secret: not in ``repr``.
        base64_tokens: ``False`` where the partner took only the raw token.
        updated: Aware instant of the last change.
    """

    id: str
    state: PartnerState
    versions_url: str
    version: str
    endpoints: tuple[Endpoint, ...]
    roles: tuple[CredentialsRole, ...]
    token: str | None = field(repr=False)
    base64_tokens: bool
    updated: datetime

    def has_party(self, country_code: str, party_id: str) -> bool:
        """Tell whether a party is on this platform, in whatever role."""
        return any(role.is_party(country_code, party_id) for role in self.roles)

    def party(self, role: Role) -> PartyId | None:
        """Return the first party with a role, ``None`` without one: whom to address."""
        return next((PartyId(r.country_code, r.party_id) for r in self.roles if r.role is role), None)

    def offers(self, module: str, role: InterfaceRole) -> bool:
        """Tell whether the partner has an endpoint."""
        return any(entry.identifier == module and entry.role is role for entry in self.endpoints)


class TokenPurpose(StrEnum):
    """What a token that we issued is good for."""

    INVITATION = "invitation"
    """Token A: versions and one POST of credentials. Deleted by the handshake that it carries."""
    PENDING = "pending"
    """Our token B (or C of a PUT that we started) before the answer: versions only."""
    PARTNER = "partner"
    """Everything, for the partner it belongs to."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that others present to us.

    Attributes:
        token_hash: SHA-256 of the token, hex (:func:`ocpi.transport.headers.token_hash`). Primary key.
        purpose: What it is good for.
        partner_id: Partner it belongs to. For an invitation: the partner whose registration it may replace,
            ``None`` for a new one. For a pending token: the partner about to be registered.
        expires: Aware instant from which it is worth nothing; ``None`` = no end.
    """

    token_hash: str
    purpose: TokenPurpose
    partner_id: str | None = None
    expires: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Tell whether the token is still good."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True)
class RegistrationChange:
    """Everything that one completed step of a handshake changes; applied as a whole or not at all.

    Attributes:
        partner: Inserted, or replaces the record with the same id.
        issued: Token that the partner presents from now on; ``None`` when unregistering.
        presented: Hash of the token that carried the step. It must still exist and be live at ``now``; an
            invitation or pending token is deleted.
        grace_until: The partner's other PARTNER tokens expire at this instant if they would live longer;
            ``None`` deletes them and its PENDING tokens at once.
        now: Instant of the change.
    """

    partner: Partner
    issued: IssuedToken | None
    presented: str | None
    grace_until: datetime | None
    now: datetime


class RegistrationStore(Protocol):
    """Storage of partners and issued tokens. Each method is atomic; :meth:`commit` is one transaction."""

    async def find_token(self, token_hash: str) -> IssuedToken | None:
        """Return an issued token, expired or not, ``None`` if unknown."""

    async def add_token(self, token: IssuedToken) -> None:
        """Store an invitation or a pending token."""

    async def drop_pending(self, token_hash: str) -> None:
        """Delete a pending token; nothing happens if it is unknown or no longer pending."""

    async def partner(self, partner_id: str) -> Partner | None:
        """Return a partner, registered or not, ``None`` if unknown."""

    async def partners(self) -> Sequence[Partner]:
        """Return all partners, registered or not."""

    async def commit(self, change: RegistrationChange) -> None:
        """Apply a change, in this order, in one transaction.

        1. ``presented`` given: the token must exist and be live, else :class:`~ocpi.errors.TokenGone`.
        2. The partner is to be registered: no *other* registered partner may own one of its roles
           (:func:`role_owner`), else :class:`~ocpi.errors.RoleTaken`.
        3. Delete ``presented`` if it is an invitation or pending; end the partner's tokens as ``grace_until``
           says. Invitations that name the partner stay.
        4. Write the partner, insert ``issued`` (it may have the hash of the pending token just deleted).

        Two changes at once are serialised: of two that present the same invitation, one gets ``TokenGone``.
        """


def role_owner(
    partners: Iterable[Partner], roles: Iterable[CredentialsRole], *, besides: str | None
) -> Partner | None:
    """Return a registered partner that owns one of the roles, ``None`` if all are free.

    Args:
        partners: All partners.
        roles: Roles that somebody wants to register.
        besides: Partner id that may own them.
    """
    wanted = tuple(roles)
    for partner in partners:
        if partner.id == besides or partner.state is not PartnerState.REGISTERED:
            continue
        if any(own.same_role(role) for own in partner.roles for role in wanted):
            return partner
    return None
