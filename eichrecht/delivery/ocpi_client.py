"""The worker's client on top of :class:`ocpi.client.OcpiClient`: what each failure means for a delivery."""

from __future__ import annotations

import httpx2

from eichrecht.delivery.client import (
    CannotAsk,
    DeliveryError,
    MaybeDelivered,
    NoRoute,
    NotDelivered,
    Posted,
    Rejected,
)
from eichrecht.store.claims import Answer
from eichrecht.store.database import Database
from ocpi.client import OcpiClient
from ocpi.errors import (
    HttpStatusError,
    MalformedResponse,
    MissingEndpoints,
    OcpiStatusError,
    PartnerError,
    UrlRefused,
)
from ocpi.errors import NotDelivered as TransportNotDelivered
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Role
from ocpi.objects.version import InterfaceRole, ModuleId
from ocpi.registration import PartnerState
from ocpi.transport.headers import PartyId
from ocpi.transport.json import dumps
from ocpi.transport.urls import PRODUCTION, UrlPolicy
from ocpi.versions import V2_2_1, WireVersion, wire_version

CONFLICT_STATUS = 409
"""HTTP Conflict: several receivers answer it to a CDR id that they have (cdrs facts §1)."""

PERMANENT_OCPI = frozenset({2001, 2002})
"""Invalid or missing parameters, not enough information: the same bytes will be refused again."""

PERMANENT_HTTP = frozenset({400, 413, 415, 422})
"""Refused for what the body is. 401, 403, 404, 405 and 429 are mended at the other end: tried again."""

TEMPORARY_HTTP = frozenset({401, 403, 408, 425, 429, 502, 503, 504})
"""Answers to a question after which asking again may help."""


def wire_body(cdr: Cdr, wire: WireVersion = V2_2_1) -> bytes:
    """Return the JSON bytes of a CDR as they are stored once and sent, however often."""
    return dumps(wire.dump(cdr))


class OcpiCdrClient:
    """:class:`eichrecht.delivery.client.CdrClient` for one partner."""

    def __init__(self, client: OcpiClient) -> None:
        """Wrap a client.

        Raises:
            MissingEndpoints: The partner offers no CDRs Receiver endpoint.
        """
        self._client = client
        self._endpoint = client.endpoint(ModuleId.CDRS, InterfaceRole.RECEIVER)

    @property
    def cdrs_endpoint(self) -> str:
        """URL of the partner's CDRs Receiver endpoint."""
        return self._endpoint

    async def post_cdr(self, body: bytes) -> Posted:
        """POST exactly these bytes, once; see the Protocol."""
        try:
            posted = await self._client.post_cdr(body)
        except (UrlRefused, MissingEndpoints) as error:
            raise NotDelivered("url_refused", Answer(message=str(error))) from error
        except PartnerError as error:
            raise _after_post(error) from error
        # 200 instead of 201: a receiver that had it before, or one that never says 201 (transport facts §6).
        answer = Answer(http_status=posted.status, ocpi_status=1000, body_sha256=posted.body_sha256)
        return Posted(posted.location, answer=answer)

    async def get_cdr(self, location: str) -> Cdr | None:
        """GET a CDR; see the Protocol."""
        try:
            return await self._client.get_cdr(location)
        except (UrlRefused, MissingEndpoints) as error:
            raise CannotAsk("url_refused", Answer(message=str(error)), temporary=False) from error
        except PartnerError as error:
            raise CannotAsk(_code(error), _answer(error), temporary=_may_help_later(error)) from error


class PartnerClients:
    """Makes the client of a partner from its stored registration; what ``DeliveryWorker`` calls.

    Read anew for every delivery, so that rotated tokens and moved endpoints count at once.

    Args:
        database: Where the registrations are.
        http: Over the network one with :func:`ocpi.transport.urls.guarded_transport`; owned by the caller.
        us: Our party, for the routing headers; ``None`` leaves them out.
        policy: Which URLs are called.
    """

    def __init__(
        self,
        database: Database,
        http: httpx2.AsyncClient,
        *,
        us: PartyId | None = None,
        policy: UrlPolicy = PRODUCTION,
    ) -> None:
        self._database = database
        self._http = http
        self._us = us
        self._policy = policy

    async def __call__(self, partner_id: str) -> OcpiCdrClient:
        """Return the client of a partner.

        Raises:
            NoRoute: The partner is not registered, speaks no version of ours or takes no CDRs.
        """
        async with self._database.reading() as tx:
            partner = await tx.partners.find(partner_id)
        if partner is None or partner.state is not PartnerState.REGISTERED or partner.token is None:
            raise NoRoute("not registered")
        wire = wire_version(partner.version)
        if wire is None:
            raise NoRoute(f"OCPI {partner.version} is not spoken")
        client = OcpiClient(
            self._http,
            token=partner.token,
            wire=wire,
            endpoints=partner.endpoints,
            us=self._us,
            them=partner.party(Role.EMSP),
            policy=self._policy,
            base64_tokens=partner.base64_tokens,
        )
        try:
            return OcpiCdrClient(client)
        except MissingEndpoints as error:
            raise NoRoute(str(error)) from error


def _after_post(error: PartnerError) -> DeliveryError:
    """Return what a failed POST means for the delivery."""
    code, answer = _code(error), _answer(error)
    if isinstance(error, TransportNotDelivered):
        return NotDelivered(code, answer)
    if error.may_have_effect:
        return MaybeDelivered(code, answer)
    permanent = duplicate = False
    if isinstance(error, HttpStatusError):
        duplicate = error.status == CONFLICT_STATUS
        permanent = error.status in PERMANENT_HTTP or duplicate
    elif isinstance(error, OcpiStatusError):
        permanent = error.status in PERMANENT_OCPI
    return Rejected(code, answer, permanent=permanent, duplicate=duplicate)


def _may_help_later(error: PartnerError) -> bool:
    if isinstance(error, HttpStatusError):
        return error.status in TEMPORARY_HTTP
    return not isinstance(error, (OcpiStatusError, MalformedResponse))  # else no usable HTTP answer at all


def _code(error: PartnerError) -> str:
    if isinstance(error, HttpStatusError):
        return f"http_{error.status}"
    if isinstance(error, OcpiStatusError):
        return f"ocpi_{error.status}"
    if isinstance(error, MalformedResponse):
        return f"malformed_{error.reason}"
    return "no_connection" if isinstance(error, TransportNotDelivered) else "no_answer"


def _answer(error: PartnerError) -> Answer:
    if isinstance(error, HttpStatusError):
        return Answer(error.status, error.ocpi_status, message=error.status_message)
    if isinstance(error, OcpiStatusError):
        return Answer(error.http_status, error.status, message=error.status_message)
    return Answer(message=str(error))
