"""The credentials handshake, both sides of it (2.2.1 credentials chapter, registration and updates).

Sequence (S starts): S reads R's versions and details with token A; S POSTs its credentials with token B;
before R answers it reads S's versions and details with B; R answers with token C; A is dead. A PUT does the
same with the live tokens. What the specification leaves open is decided in docs/ocpi.md.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx2

from ocpi.client import OcpiClient
from ocpi.errors import (
    MissingEndpoints,
    NoMutualVersion,
    NotRegistered,
    PartnerError,
    Refusal,
    RoleTaken,
    TokenGone,
    UrlRefused,
)
from ocpi.objects.credentials import Credentials, Role
from ocpi.objects.version import Endpoint, InterfaceRole, VersionDetails
from ocpi.platform import CPO_NEEDS, Platform, RequiredEndpoints
from ocpi.registration import (
    IssuedToken,
    Partner,
    PartnerState,
    RegistrationChange,
    RegistrationStore,
    TokenPurpose,
    role_owner,
)
from ocpi.transport.envelope import StatusCode
from ocpi.transport.exchange import Limits
from ocpi.transport.headers import PartyId, token_hash, tokens_of
from ocpi.transport.urls import PRODUCTION, UrlPolicy
from ocpi.versions import WireVersion, highest_mutual, wire_version

__all__ = [
    "CALL_BACK_LIMITS",
    "CPO_NEEDS",
    "GRACE",
    "INVITATION_LIFE",
    "PENDING_LIFE",
    "Platform",
    "Registrar",
    "RequiredEndpoints",
    "new_token",
]

logger = logging.getLogger(__name__)

CALL_BACK_LIMITS = Limits(connect_s=5, read_s=10, total_s=12)
"""Bounds of each call-back while a partner's POST stays open; two of them stay below a call's 60 s."""

GRACE = timedelta(seconds=60)
"""How long the old token lives after a PUT: requests under way end well, and a PUT whose answer was lost can
be repeated. Short, because a PUT is also how a compromised token is ended (credentials chapter)."""

PENDING_LIFE = timedelta(minutes=5)
"""How long a token is accepted on versions for an answer that does not come; a call ends after 60 s."""

INVITATION_LIFE = timedelta(days=30)
"""How long a token A may wait for its handshake: it lies in a letter or a mailbox, and opens a registration."""

_TOKEN_BYTES = 32  # 256 random bits; 43 characters in base64url, at most 64 are allowed


def new_token() -> str:
    """Return a fresh credentials token."""
    return secrets.token_urlsafe(_TOKEN_BYTES)


class Registrar:
    """Makes, changes and ends registrations, as the side that starts and as the side that answers.

    Args:
        store: Partners and tokens.
        http: Client for calls to partners, owned by the caller.
        us: Who we are.
        policy: Which URLs are called.
        limits: Bounds of the calls that we start.
        clock: For tests.
    """

    def __init__(
        self,
        store: RegistrationStore,
        http: httpx2.AsyncClient,
        us: Platform,
        *,
        policy: UrlPolicy = PRODUCTION,
        limits: Limits | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._store = store
        self._http = http
        self._us = us
        self._policy = policy
        self._limits = limits or Limits()
        self._clock = clock

    @property
    def us(self) -> Platform:
        """Who we are."""
        return self._us

    def client(self, partner: Partner, *, role: Role | None = None) -> OcpiClient:
        """Return a client for a registered partner.

        Args:
            partner: As stored.
            role: Role to address in the routing headers, e.g. EMSP for CDRs; the first party without it.

        Raises:
            NotRegistered: There is no registration in force, or its version is no longer spoken.
        """
        wire = wire_version(partner.version)
        if partner.state is not PartnerState.REGISTERED or partner.token is None or wire is None:
            raise NotRegistered(f"partner {partner.id} is not registered")
        them = partner.party(role) if role is not None else None
        first = partner.roles[0]
        return OcpiClient(
            self._http,
            token=partner.token,
            wire=wire,
            endpoints=partner.endpoints,
            us=self._us.party,
            them=them or PartyId(first.country_code, first.party_id),
            policy=self._policy,
            limits=self._limits,
            base64_tokens=partner.base64_tokens,
        )

    async def identify(self, authorization: str | None) -> tuple[str, IssuedToken] | None:
        """Return the presented token in clear and its record, ``None`` if it is missing, unknown or ended."""
        for token in tokens_of(authorization):
            record = await self._store.find_token(token_hash(token))
            if record is not None and record.is_live(self._clock()):
                return token, record
        return None

    # The side that starts -----------------------------------------------------------------------

    async def register(self, versions_url: str, token_a: str, *, partner_id: str | None = None) -> Partner:
        """Register with a partner that gave us its versions URL and a token A.

        Args:
            versions_url: The partner's versions endpoint.
            token_a: Token A in clear; not stored.
            partner_id: The partner whose lost registration is replaced; a new partner without it.

        Returns:
            The stored partner.

        Raises:
            NoMutualVersion, MissingEndpoints: Nothing was sent that changes anything (steps 1 and 2).
            UrlRefused, PartnerError: See ``ocpi.errors``. If ``may_have_effect`` of the POST is true, the
                partner may have used up token A: then a new one is needed out of band.
            RoleTaken, TokenGone: The partner's answer could not be stored.
        """
        client = OcpiClient(self._http, token=token_a, policy=self._policy, limits=self._limits)
        return await self._start("POST", client, versions_url, partner_id or str(uuid.uuid4()))

    async def rotate(self, partner_id: str) -> Partner:
        """Renew both tokens, and refresh version and endpoints, by PUT.

        Raises:
            NotRegistered: There is no registration in force.
            NoMutualVersion, MissingEndpoints, UrlRefused, PartnerError, RoleTaken, TokenGone: As
                :meth:`register`; the old tokens stay valid here. If ``may_have_effect`` is true, repeat the
                call within the partner's grace period.
        """
        partner = await self._registered(partner_id)
        return await self._start("PUT", self.client(partner), partner.versions_url, partner.id)

    async def unregister(self, partner_id: str) -> PartnerError | None:
        """End a registration by DELETE; it ends here even if the partner cannot be told.

        Returns:
            ``None`` if the partner agreed, else why it could not be told (also logged).

        Raises:
            NotRegistered: There is no registration in force.
        """
        partner = await self._registered(partner_id)
        failure: PartnerError | None = None
        try:
            await self.client(partner).delete_credentials()
        except PartnerError as error:
            failure = error
            logger.warning("partner %s was unregistered but could not be told: %s", partner.id, error)
        await self._end(partner, presented=None)
        return failure

    async def _start(self, method: str, client: OcpiClient, versions_url: str, partner_id: str) -> Partner:
        mutual = highest_mutual(await client.versions(versions_url))
        if mutual is None:
            raise NoMutualVersion(f"{versions_url} and this platform share no version")
        wire, entry = mutual
        details = await client.version_details(entry.url)
        self._check_endpoints(details, self._us.needs | {("credentials", None)})
        # The version of the calls is settled now; the encoding stays what the partner took.
        caller = client.with_version(wire, details.endpoints)
        token = new_token()
        pending = IssuedToken(
            token_hash(token), TokenPurpose.PENDING, partner_id, self._clock() + PENDING_LIFE
        )
        await self._store.add_token(pending)  # before the POST: the partner calls back while it is open
        try:
            ours = Credentials(token=token, url=self._us.versions_url, roles=self._us.roles)
            send = caller.post_credentials if method == "POST" else caller.put_credentials
            theirs = await send(ours)
            self._policy.check(theirs.url)
            partner = self._partner(partner_id, theirs, wire, details.endpoints, caller.base64_tokens)
            await self._commit(partner, pending, keep_old=method == "PUT")
        except BaseException:
            await asyncio.shield(self._store.drop_pending(pending.token_hash))
            raise
        logger.info("registered with partner %s by %s, version %s", partner.id, method, wire.number)
        return partner

    async def _registered(self, partner_id: str) -> Partner:
        partner = await self._store.partner(partner_id)
        if partner is None or partner.state is not PartnerState.REGISTERED:
            raise NotRegistered(f"partner {partner_id} is not registered")
        return partner

    # The side that answers ----------------------------------------------------------------------

    async def invite(self, *, partner_id: str | None = None) -> str:
        """Issue a token A to be handed over out of band together with our versions URL.

        Args:
            partner_id: A known partner whose registration the token may replace; without it the token
                registers a new partner only.

        Returns:
            The token in clear: shown once, stored as a hash.
        """
        token = new_token()
        ends = self._clock() + INVITATION_LIFE
        await self._store.add_token(IssuedToken(token_hash(token), TokenPurpose.INVITATION, partner_id, ends))
        return token

    def own_credentials(self, token: str) -> Credentials:
        """Return our credentials object with the token that the request presented (tokens are hashed)."""
        return Credentials(token=token, url=self._us.versions_url, roles=self._us.roles)

    async def accept(self, presented: IssuedToken, theirs: Credentials, wire: WireVersion) -> Credentials:
        """Answer a POST (token A) or a PUT (live token) of credentials.

        Reads the partner's versions and details with the token of the body, then stores the registration and
        issues the token of the answer in one transaction. On failure nothing changes.

        Raises:
            Refusal: 3001, 3002 or 3003 with HTTP 200 where the call-back fails; 2001 where a role belongs to
                another platform; HTTP 401 where the presented token ended meanwhile.
        """
        partner_id = presented.partner_id or str(uuid.uuid4())
        others = await self._store.partners()
        if role_owner(others, theirs.roles, besides=partner_id) is not None:
            raise _role_taken()
        details, encoded = await self._call_back(theirs, wire)
        partner = self._partner(partner_id, theirs, wire, details.endpoints, encoded)
        token = new_token()
        try:
            rotated = presented.purpose is TokenPurpose.PARTNER
            await self._commit(partner, presented, issued=token, keep_old=rotated)
        except RoleTaken as error:
            raise _role_taken() from error
        except TokenGone as error:
            raise Refusal(StatusCode.CLIENT_ERROR, "the token is no longer valid", http_status=401) from error
        replaced = presented.partner_id is not None
        logger.info("registration of partner %s %s", partner.id, "replaced" if replaced else "made")
        return self.own_credentials(token)

    async def accept_removal(self, presented: IssuedToken) -> None:
        """Answer a DELETE: both tokens end.

        Raises:
            Refusal: HTTP 401 where the presented token ended meanwhile.
        """
        partner = await self._store.partner(presented.partner_id or "")
        if partner is None:
            raise Refusal(StatusCode.CLIENT_ERROR, "not registered", http_status=405)
        try:
            await self._end(partner, presented=presented.token_hash)
        except TokenGone as error:
            raise Refusal(StatusCode.CLIENT_ERROR, "the token is no longer valid", http_status=401) from error
        logger.info("partner %s unregistered", partner.id)

    async def _call_back(self, theirs: Credentials, wire: WireVersion) -> tuple[VersionDetails, bool]:
        client = OcpiClient(
            self._http, token=theirs.token, wire=wire, policy=self._policy, limits=CALL_BACK_LIMITS
        )
        try:
            versions = await client.versions(theirs.url)
            # The version is the one of the credentials endpoint that was called (registration, step 4).
            entry = next((item for item in versions if item.version == wire.number), None)
            if entry is None:
                raise Refusal(
                    StatusCode.UNSUPPORTED_VERSION, f"your versions endpoint does not list {wire.number}"
                )
            details = await client.version_details(entry.url)
        except (PartnerError, UrlRefused) as error:
            logger.warning("call-back during registration failed: %s", error)
            raise Refusal(
                StatusCode.CLIENT_API_UNUSABLE, f"your versions endpoint cannot be used: {_public(error)}"
            ) from error
        try:
            self._check_endpoints(details, self._us.needs)
        except MissingEndpoints as error:
            raise Refusal(StatusCode.NO_MATCHING_ENDPOINTS, str(error)) from error
        return details, client.base64_tokens

    # Shared -------------------------------------------------------------------------------------

    def _check_endpoints(
        self, details: VersionDetails, needs: Iterable[tuple[str, InterfaceRole | None]]
    ) -> None:
        offered = {(entry.identifier, entry.role) for entry in details.endpoints}
        modules = {identifier for identifier, _ in offered}
        missing = sorted(
            f"{module} {role or ''}".rstrip()
            for module, role in needs
            if (module not in modules if role is None else (module, role) not in offered)
        )
        if missing:
            raise MissingEndpoints("the partner offers no endpoint " + ", ".join(missing))

    def _partner(
        self,
        partner_id: str,
        theirs: Credentials,
        wire: WireVersion,
        endpoints: tuple[Endpoint, ...],
        base64_tokens: bool,
    ) -> Partner:
        return Partner(
            id=partner_id,
            state=PartnerState.REGISTERED,
            versions_url=theirs.url,
            version=wire.number,
            endpoints=endpoints,
            roles=theirs.roles,
            token=theirs.token,
            base64_tokens=base64_tokens,
            updated=self._clock(),
        )

    async def _commit(
        self, partner: Partner, presented: IssuedToken, *, keep_old: bool, issued: str | None = None
    ) -> None:
        """Store a registration; ``issued`` is a new token, by default the pending one becomes live.

        A fresh A ends the old tokens at once (it may be why A was asked for); a PUT leaves the short grace.
        """
        live = token_hash(issued) if issued is not None else presented.token_hash
        now = self._clock()
        await self._store.commit(
            RegistrationChange(
                partner=partner,
                issued=IssuedToken(live, TokenPurpose.PARTNER, partner.id),
                presented=presented.token_hash,
                grace_until=now + GRACE if keep_old else None,
                now=now,
            )
        )

    async def _end(self, partner: Partner, *, presented: str | None) -> None:
        now = self._clock()
        ended = replace(partner, state=PartnerState.UNREGISTERED, token=None, updated=now)
        await self._store.commit(RegistrationChange(ended, None, presented, None, now))


def _role_taken() -> Refusal:
    return Refusal(StatusCode.INVALID_PARAMETERS, "a role is already registered by another platform")


def _public(error: PartnerError | UrlRefused) -> str:
    """Say what failed without telling the caller about our network (which addresses answer how)."""
    return type(error).__name__
