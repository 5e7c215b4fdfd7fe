"""OCPI client: what we ask of one partner. Transport is injected, so tests run the real client in-process.

Every failure is one of ``ocpi.errors``; ``PartnerError.may_have_effect`` tells whether a request may be sent
again without asking first.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx2

from ocpi.errors import HttpStatusError, InvalidObject, MalformedResponse, MissingEndpoints, UrlRefused
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Credentials
from ocpi.objects.tariff import Tariff
from ocpi.objects.version import CONFIGURATION_MODULES, Endpoint, InterfaceRole, Version, VersionDetails
from ocpi.transport.exchange import Answer, Exchange, Limits
from ocpi.transport.headers import PartyId, Routing, authorization, request_ids
from ocpi.transport.pagination import PageQuery, next_link
from ocpi.transport.urls import PRODUCTION, UrlPolicy, join, resolve, same_origin
from ocpi.versions import V2_2_1, WireVersion
from ocpi.versions.base import M

logger = logging.getLogger(__name__)

MAX_PAGES = 100_000
"""Pages of one list: ten million objects at the usual page size. More is a list that never ends."""

_UNAUTHORIZED = 401

InvalidItem = Callable[[Any, InvalidObject], None]
"""Told of each list item that does not fit its object: the item as parsed JSON, and what is wrong."""


@dataclass(frozen=True, slots=True)
class PostedCdr:
    """What the receiver said to a CDR.

    Attributes:
        location: Absolute URL of the stored CDR, resolved against the POST URL; ``None`` if the receiver left
            the required ``Location`` header out (gotcha 33: accepted and reported).
        status: HTTP status: 201 for a new CDR, 200 from receivers that had it or do not tell.
        body_sha256: Lower-case hex SHA-256 of the answer's body: with the status, the proof of receipt.
    """

    location: str | None
    status: int
    body_sha256: str | None = None


class OcpiClient:
    """Calls to one partner.

    Args:
        http: An ``httpx2.AsyncClient``, owned by the caller; over the network one with
            :func:`ocpi.transport.urls.guarded_transport`.
        token: Token that the partner wants to be called with, in clear.
        wire: Version of the calls.
        endpoints: The partner's endpoints of that version.
        us, them: For the routing headers of functional modules; left out where not given.
        policy: Which URLs are called.
        limits: Bounds of each call.
        base64_tokens: ``False`` for partners that want the raw token; by default what the version says.
        correlation_id: Fixes the ``X-Correlation-ID`` of all calls, for call-backs within a chain.
    """

    def __init__(
        self,
        http: httpx2.AsyncClient,
        *,
        token: str,
        wire: WireVersion = V2_2_1,
        endpoints: Iterable[Endpoint] = (),
        us: PartyId | None = None,
        them: PartyId | None = None,
        policy: UrlPolicy = PRODUCTION,
        limits: Limits | None = None,
        base64_tokens: bool | None = None,
        correlation_id: str | None = None,
    ) -> None:
        self._exchange = Exchange(http, policy, limits or Limits())
        self._token = token
        self._wire = wire
        self._endpoints = tuple(endpoints)
        self._routing = Routing(to=them, sender=us)
        self._base64_tokens = wire.base64_tokens if base64_tokens is None else base64_tokens
        self._correlation_id = correlation_id

    @property
    def base64_tokens(self) -> bool:
        """Whether tokens are sent base64-encoded; turns ``False`` when the partner took only the raw one."""
        return self._base64_tokens

    def with_version(self, wire: WireVersion, endpoints: Iterable[Endpoint]) -> OcpiClient:
        """Return a client for the same partner and token with the negotiated version and its endpoints."""
        return OcpiClient(
            self._exchange.http,
            token=self._token,
            wire=wire,
            endpoints=endpoints,
            us=self._routing.sender,
            them=self._routing.to,
            policy=self._exchange.policy,
            limits=self._exchange.limits,
            base64_tokens=self._base64_tokens,
            correlation_id=self._correlation_id,
        )

    # Configuration modules: versions and credentials -----------------------------------------------

    async def versions(self, url: str) -> tuple[Version, ...]:
        """GET the partner's versions.

        The first call of a handshake is unversioned, so the token encoding is not negotiated yet: after a 401
        the other encoding is tried once and kept if it is taken (credentials chapter; ocpi/ocpi#212).

        Raises:
            UrlRefused, PartnerError: See ``ocpi.errors``.
        """
        try:
            answer = await self._call("versions", "GET", url)
        except HttpStatusError as error:
            if error.status != _UNAUTHORIZED:
                raise
            self._base64_tokens = not self._base64_tokens
            try:
                answer = await self._call("versions", "GET", url)
            except HttpStatusError as second:
                self._base64_tokens = not self._base64_tokens
                raise (error if second.status == _UNAUTHORIZED else second) from second
        return tuple(self._load(Version, item, "GET", answer) for item in _items(answer))

    async def version_details(self, url: str) -> VersionDetails:
        """GET the endpoints of one version.

        Raises:
            UrlRefused, PartnerError: See ``ocpi.errors``.
        """
        answer = await self._call("versions", "GET", url)
        return self._load(VersionDetails, answer.envelope.data, "GET", answer)

    async def get_credentials(self, url: str | None = None) -> Credentials:
        """GET the credentials that the partner wants us to use.

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        answer = await self._call("credentials", "GET", url or self._credentials_url())
        return self._load(Credentials, answer.envelope.data, "GET", answer)

    async def post_credentials(self, ours: Credentials) -> Credentials:
        """POST our credentials: register.

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        return await self._send_credentials("POST", ours)

    async def put_credentials(self, ours: Credentials) -> Credentials:
        """PUT our credentials: rotate the tokens, refresh roles and endpoints.

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        return await self._send_credentials("PUT", ours)

    async def delete_credentials(self) -> None:
        """DELETE the registration.

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        await self._call("credentials", "DELETE", self._credentials_url())

    # Tariffs ---------------------------------------------------------------------------------------

    async def put_tariff(self, tariff: Tariff) -> bool:
        """PUT a tariff to its receiver.

        Returns:
            ``True`` if the receiver says that it is new (HTTP 201).

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        url = self._tariff_url(tariff.country_code, tariff.party_id, tariff.id)
        answer = await self._call("tariffs", "PUT", url, body=self._wire.dump(tariff))
        return answer.http_status == httpx2.codes.CREATED

    async def get_tariff(self, country_code: str, party_id: str, tariff_id: str) -> Tariff | None:
        """GET a tariff as its receiver has it, ``None`` if it has none (HTTP 404).

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        return await self._get_object(Tariff, "tariffs", self._tariff_url(country_code, party_id, tariff_id))

    async def delete_tariff(self, country_code: str, party_id: str, tariff_id: str) -> bool:
        """DELETE a tariff from its receiver.

        Returns:
            ``False`` if the receiver did not have it (HTTP 404).

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``.
        """
        try:
            await self._call("tariffs", "DELETE", self._tariff_url(country_code, party_id, tariff_id))
        except HttpStatusError as error:
            if error.status == httpx2.codes.NOT_FOUND:
                return False
            raise
        return True

    def iter_tariffs(
        self,
        date_from: datetime | None = None,
        date_to: datetime | None = None,
        *,
        limit: int | None = None,
        on_invalid: InvalidItem | None = None,
    ) -> AsyncIterator[Tariff]:
        """GET all tariffs of the partner; as :meth:`iter_cdrs`."""
        return self._iterate(Tariff, "tariffs", PageQuery(date_from, date_to, limit=limit), on_invalid)

    # CDRs ------------------------------------------------------------------------------------------

    async def post_cdr(self, cdr: Cdr | bytes) -> PostedCdr:
        """POST a CDR to its receiver, at the bare endpoint (mod_cdrs, Receiver interface).

        Args:
            cdr: The CDR, or the exact bytes of its JSON (a CDR is immutable: a repetition sends the same).

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: See ``ocpi.errors``. Where ``may_have_effect`` is
                true, the CDR may be stored: ask before posting again.
        """
        url = self.endpoint("cdrs", InterfaceRole.RECEIVER)
        body = cdr if isinstance(cdr, bytes) else self._wire.dump(cdr)
        answer = await self._call("cdrs", "POST", url, body=body)
        location = answer.headers.get("Location")
        resolved = resolve(url, location) if location else None
        return PostedCdr(resolved, answer.http_status, answer.body_sha256)

    async def get_cdr(self, location: str) -> Cdr | None:
        """GET a CDR at the ``Location`` that its receiver gave, ``None`` if it has none (HTTP 404).

        Raises:
            UrlRefused, PartnerError: See ``ocpi.errors``; also for a Location on another host than the
                receiver's endpoint, because our token goes with the request.
        """
        endpoint = self.endpoint("cdrs", InterfaceRole.RECEIVER)
        if not same_origin(endpoint, location):
            raise UrlRefused(location, "foreign_host")
        return await self._get_object(Cdr, "cdrs", location)

    def iter_cdrs(
        self,
        date_from: datetime | None = None,
        date_to: datetime | None = None,
        *,
        limit: int | None = None,
        on_invalid: InvalidItem | None = None,
    ) -> AsyncIterator[Cdr]:
        """GET all CDRs of the partner, page by page along the ``Link`` header, oldest first.

        Args:
            date_from: ``last_updated`` at or after.
            date_to: ``last_updated`` before.
            limit: Wanted page size.
            on_invalid: Told of items that are no valid CDR; the valid ones go on (pagination: a client shall
                process the valid objects). Without it they are logged.

        Raises:
            UrlRefused, PartnerError, MissingEndpoints: While iterating; see ``ocpi.errors``.
        """
        return self._iterate(Cdr, "cdrs", PageQuery(date_from, date_to, limit=limit), on_invalid)

    # Plumbing --------------------------------------------------------------------------------------

    def endpoint(self, module: str, role: InterfaceRole | None) -> str:
        """Return the URL of the partner's endpoint; ``role`` ``None`` takes the first (credentials).

        Raises:
            MissingEndpoints: The partner has none.
        """
        for entry in self._endpoints:
            if entry.identifier == module and role in (None, entry.role):
                return entry.url
        raise MissingEndpoints(f"the partner offers no endpoint {module} {role or ''}".rstrip())

    def _credentials_url(self) -> str:
        # Its role means nothing (versions chapter): examples show SENDER and RECEIVER.
        return self.endpoint("credentials", None)

    def _tariff_url(self, country_code: str, party_id: str, tariff_id: str) -> str:
        return join(self.endpoint("tariffs", InterfaceRole.RECEIVER), country_code, party_id, tariff_id)

    async def _send_credentials(self, method: str, ours: Credentials) -> Credentials:
        answer = await self._call("credentials", method, self._credentials_url(), body=self._wire.dump(ours))
        return self._load(Credentials, answer.envelope.data, method, answer)

    async def _get_object(self, model_type: type[M], module: str, url: str) -> M | None:
        try:
            answer = await self._call(module, "GET", url)
        except HttpStatusError as error:
            if error.status == httpx2.codes.NOT_FOUND:
                return None
            raise
        return self._load(model_type, answer.envelope.data, "GET", answer)

    async def _iterate(
        self, model_type: type[M], module: str, query: PageQuery, on_invalid: InvalidItem | None
    ) -> AsyncIterator[M]:
        start = self.endpoint(module, InterfaceRole.SENDER)
        url, params = start, query.params()
        visited: set[str] = set()
        for _ in range(MAX_PAGES):
            answer = await self._call(module, "GET", url, params=params)
            visited.add(answer.url)
            for item in _items(answer):
                try:
                    yield self._wire.load(model_type, item)
                except InvalidObject as error:
                    (on_invalid or _log_invalid)(item, error)
            link = next_link(answer.headers.get("Link"))
            if link is None:
                return
            url, params = resolve(answer.url, link), {}
            if not same_origin(start, url):  # our token goes with the request
                raise MalformedResponse("GET", url, "foreign_link", "the next page is on another host")
            if url in visited:
                raise MalformedResponse("GET", url, "endless_list", "the next page was already read")
        raise MalformedResponse("GET", url, "endless_list", f"more than {MAX_PAGES} pages")

    async def _call(
        self, module: str, method: str, url: str, *, params: dict[str, str] | None = None, body: Any = None
    ) -> Answer:
        headers = {
            "Authorization": authorization(self._token, base64_encoded=self._base64_tokens),
            **request_ids(self._correlation_id),
        }
        if module not in CONFIGURATION_MODULES:
            headers |= self._routing.headers()
        return await self._exchange.call(method, url, headers, params=params, body=body)

    def _load(self, model_type: type[M], data: Any, method: str, answer: Answer) -> M:
        try:
            return self._wire.load(model_type, data)
        except InvalidObject as error:
            raise MalformedResponse(method, answer.url, "wrong_object", str(error)) from error


def _items(answer: Answer) -> list[Any]:
    data = answer.envelope.data
    if data is None:  # null, [] or omitted mean the same (types chapter, cardinality)
        return []
    if not isinstance(data, list):
        raise MalformedResponse("GET", answer.url, "wrong_object", "data is not a list")
    return data


def _log_invalid(item: Any, error: InvalidObject) -> None:
    # The item itself holds personal data (token, contract), so only its id and what is wrong are logged.
    identifier = item.get("id") if isinstance(item, dict) else None
    logger.warning("list item %r skipped: %s", str(identifier)[:64], error)
