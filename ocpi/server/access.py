"""Who is asking, and for which party: authentication and authorisation of requests."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

from ocpi.errors import Refusal
from ocpi.handshake import Registrar
from ocpi.registration import IssuedToken, Partner, PartnerState, RegistrationStore, TokenPurpose
from ocpi.server.http import reply_routing
from ocpi.transport.envelope import StatusCode
from ocpi.transport.headers import PartyId, Routing
from ocpi.types import same_ci

_UNAUTHORIZED = 401


@dataclass(frozen=True, slots=True)
class Caller:
    """An authenticated request: the token in clear, its record, and the partner behind it.

    ``partner`` is ``None`` while there is no registration (token A, or a token B before the answer).
    """

    token: str
    record: IssuedToken
    partner: Partner | None


@dataclass(frozen=True, slots=True)
class Gate:
    """Lets requests in."""

    registrar: Registrar
    registrations: RegistrationStore

    async def anyone(self, request: Request) -> Caller:
        """Authenticate with any live token: for versions and credentials.

        Raises:
            Refusal: HTTP 401 (transport chapter: no or unknown token).
        """
        found = await self.registrar.identify(request.headers.get("authorization"))
        if found is None:
            raise _unauthorized("missing or unknown token")
        token, record = found
        partner = None
        if record.purpose is TokenPurpose.PARTNER and record.partner_id is not None:
            partner = await self.registrations.partner(record.partner_id)
            if partner is None or partner.state is not PartnerState.REGISTERED:
                raise _unauthorized("missing or unknown token")
        return Caller(token, record, partner)

    async def partner(self, request: Request) -> Partner:
        """Authenticate for a functional module and take over the routing headers.

        Raises:
            Refusal: HTTP 401 also for token A and for a token that is not confirmed yet (transport chapter:
                token A on other modules); 2001 where the routing headers name parties that are not these.
        """
        caller = await self.anyone(request)
        if caller.partner is None:
            raise _unauthorized("this token is good for versions and credentials only")
        routing = Routing.read(request.headers)
        reply_routing(request, routing)
        self._check(routing, caller.partner)
        return caller.partner

    def _check(self, routing: Routing, partner: Partner) -> None:
        sender, to = routing.sender, routing.to
        if sender is not None and not partner.has_party(sender.country_code, sender.party_id):
            raise Refusal(
                StatusCode.INVALID_PARAMETERS, "OCPI-from-* is no party of the platform with this token"
            )
        ours = (PartyId(role.country_code, role.party_id) for role in self.registrar.us.roles)
        if to is not None and not any(party.same(to) for party in ours):
            raise Refusal(StatusCode.INVALID_PARAMETERS, "OCPI-to-* is no party of this platform")


def check_owner(partner: Partner, country_code: str, party_id: str) -> None:
    """Check that an object belongs to a party of the partner.

    Raises:
        Refusal: 2001 (credentials chapter: roles say for which parties a platform speaks).
    """
    if not partner.has_party(country_code, party_id):
        raise Refusal(
            StatusCode.INVALID_PARAMETERS,
            "country_code and party_id are no party of the platform with this token",
        )


def check_same(name: str, in_url: str, in_body: str) -> None:
    """Check that URL and body speak of the same object.

    Raises:
        Refusal: 2001 (status codes chapter: id in the URL is not the id in the body).
    """
    if not same_ci(in_url, in_body):
        raise Refusal(StatusCode.INVALID_PARAMETERS, f"{name} differs between URL and body")


def _unauthorized(message: str) -> Refusal:
    return Refusal(StatusCode.CLIENT_ERROR, message, http_status=_UNAUTHORIZED)
