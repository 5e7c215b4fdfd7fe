"""One request to a partner and its answer; every way to fail becomes one typed error (``ocpi.errors``)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2

from ocpi.errors import HttpStatusError, MalformedResponse, MaybeDelivered, NotDelivered, OcpiStatusError
from ocpi.transport import json
from ocpi.transport.envelope import Envelope, EnvelopeError, parse
from ocpi.transport.urls import PRODUCTION, UrlPolicy

MAX_RESPONSE_BYTES = 16 * 1024 * 1024
"""Largest answer that is read: a page of 100 CDRs with signed data stays below 10 MB."""

_MAX_ERROR_BODY_BYTES = 64 * 1024  # of an HTTP error only the envelope is of interest

# Failures before any byte of the request has left: no connection, no TLS, no slot in the pool.
_BEFORE_SENDING = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
)


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one call.

    Attributes:
        connect_s: Seconds to connect.
        read_s: Seconds between two pieces of the answer.
        total_s: Seconds for the whole call, so that a trickling answer ends too. Greater than twice a
            call-back's time, because a POST of credentials stays open during the call-backs.
        max_response_bytes: See :data:`MAX_RESPONSE_BYTES`.
    """

    connect_s: float = 10
    read_s: float = 30
    total_s: float = 60
    max_response_bytes: int = MAX_RESPONSE_BYTES


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer.

    Attributes:
        url: URL that was called, with its query.
        http_status: 200, 201, ...
        headers: Response headers, case-insensitive.
        envelope: With a 1xxx status.
        body_sha256: Lower-case hex SHA-256 of the body as received.
    """

    url: str
    http_status: int
    headers: Mapping[str, str]
    envelope: Envelope
    body_sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Exchange:
    """Sends requests to one partner.

    Attributes:
        http: Injected client; its redirects, authentication and cookies are not used.
        policy: Which URLs are called.
        limits: Bounds of each call.
    """

    http: httpx2.AsyncClient
    policy: UrlPolicy = PRODUCTION
    limits: Limits = Limits()

    async def call(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        *,
        params: Mapping[str, str] | None = None,
        body: Any = None,
    ) -> Answer:
        """Send one request.

        Args:
            method: HTTP method.
            url: Absolute URL.
            headers: Authorization, ids and routing.
            params: Query parameters.
            body: Plain data for ``ocpi.transport.json.dumps``, or the exact bytes; ``None`` sends no body.

        Raises:
            UrlRefused: The policy does not call this URL; nothing was sent.
            PartnerError: Any other failure; see the tree in ``ocpi.errors``.
        """
        self.policy.check(url)
        request = self._request(method, url, headers, params, body)
        try:
            async with asyncio.timeout(self.limits.total_s):
                return await self._send(request)
        except TimeoutError as error:
            raise MaybeDelivered(method, url, f"no answer within {self.limits.total_s} s") from error
        except _BEFORE_SENDING as error:
            raise NotDelivered(method, url, _describe(error)) from error
        except httpx2.TransportError as error:
            raise MaybeDelivered(method, url, _describe(error)) from error

    def _request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        params: Mapping[str, str] | None,
        body: Any,
    ) -> httpx2.Request:
        all_headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # a compressed answer could unpack to any size
            **headers,
        }
        content = None
        if body is not None:
            content = body if isinstance(body, bytes) else json.dumps(body)
            all_headers["Content-Type"] = "application/json"  # SHALL on POST, PUT, PATCH
        timeout = httpx2.Timeout(self.limits.read_s, connect=self.limits.connect_s)
        try:
            # An empty params mapping would erase a query that the URL (of a Link) already has.
            return self.http.build_request(
                method, url, headers=all_headers, params=params or None, content=content, timeout=timeout
            )
        except httpx2.InvalidURL as error:
            raise NotDelivered(method, url, "invalid URL") from error

    async def _send(self, request: httpx2.Request) -> Answer:
        response = await self.http.send(request, stream=True, auth=None, follow_redirects=False)
        try:
            return await self._read(request, response)
        finally:
            await response.aclose()

    async def _read(self, request: httpx2.Request, response: httpx2.Response) -> Answer:
        method, url = request.method, str(request.url)
        if not response.is_success:
            raise await self._http_error(method, url, response)
        if response.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise MalformedResponse(method, url, "encoded", "a content encoding that was not asked for")
        body = await _body(response, self.limits.max_response_bytes)
        if body is None:
            limit = self.limits.max_response_bytes
            raise MalformedResponse(method, url, "too_large", f"more than {limit} bytes")
        try:
            envelope = parse(body)
        except EnvelopeError as error:
            raise MalformedResponse(method, url, error.reason, str(error)) from error
        if not envelope.is_success:
            raise OcpiStatusError(
                method, url, envelope.status_code, envelope.status_message, response.status_code
            )
        digest = hashlib.sha256(body).hexdigest()
        return Answer(url, response.status_code, response.headers, envelope, digest)

    async def _http_error(self, method: str, url: str, response: httpx2.Response) -> HttpStatusError:
        envelope: Envelope | None = None
        try:
            body = await _body(response, _MAX_ERROR_BODY_BYTES)
            envelope = parse(body) if body is not None else None
        except (EnvelopeError, httpx2.TransportError):
            envelope = None  # the HTTP status alone says enough
        return HttpStatusError(
            method,
            url,
            response.status_code,
            ocpi_status=envelope.status_code if envelope else None,
            status_message=envelope.status_message if envelope else None,
            location=response.headers.get("Location") if response.is_redirect else None,
        )


async def _body(response: httpx2.Response, limit: int) -> bytes | None:
    """Read the raw body, ``None`` if it is longer than the limit."""
    if response.is_stream_consumed:  # a transport without a network (MockTransport) hands it over whole
        return response.content if len(response.content) <= limit else None
    pieces: list[bytes] = []
    size = 0
    async for piece in response.aiter_raw():
        size += len(piece)
        if size > limit:
            return None
        pieces.append(piece)
    return b"".join(pieces)


def _describe(error: httpx2.TransportError) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")
