"""URLs of partners: how they are put together, and which of them we call at all (SSRF guard).

Partners tell us URLs (credentials, versions, Location, Link) and we call them from inside our network. The
guard has two parts: :class:`UrlPolicy` judges the URL as text before anything is sent, and
:func:`guarded_transport` judges every address at the moment of connecting, so that a host name that resolves
to an inner address, or changes its address between check and call, gains nothing.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore2
import httpx2

from ocpi.errors import UrlRefused

MAX_URL_CHARACTERS = 2048
"""Longest URL that is called. OCPI URLs have at most 255 characters; a Link adds the filters."""

_MAX_CONNECTIONS = 100
_MAX_IDLE_CONNECTIONS = 20
_IDLE_SECONDS = 5  # the values httpx2 uses for its own pool

_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def join(endpoint: str, *segments: str) -> str:
    """Append path segments to an endpoint URL, which may or may not end in a slash.

    Segments are percent-encoded completely, so an id can hold a slash.
    """
    path = "/".join(quote(segment, safe="") for segment in segments)
    return f"{endpoint.rstrip('/')}/{path}"


def resolve(base: str, location: str) -> str:
    """Resolve a ``Location`` that may be relative against the called URL (2.1.1 shows a relative one)."""
    return urljoin(base, location)


def same_origin(left: str, right: str) -> bool:
    """Tell whether two URLs have the same scheme, host and port."""
    return _origin(left) == _origin(right)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return (url, None, None)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return (parts.scheme, parts.hostname, port or default)


@dataclass(frozen=True, slots=True)
class UrlPolicy:
    """Which URLs of partners are called.

    Attributes:
        allow_loopback: Also plain http, but only on loopback addresses (demo and tests on one machine).
        allow_private: Also private networks (partners in one data centre); https stays required there.
    """

    allow_loopback: bool = False
    allow_private: bool = False

    def check(self, url: str) -> None:
        """Judge a URL as text. Host names pass here and are judged when connecting.

        Raises:
            UrlRefused: See its reasons.
        """
        if len(url) > MAX_URL_CHARACTERS or any(not 0x20 < ord(char) < 0x7F for char in url):
            raise UrlRefused(url, "malformed")
        try:
            parts = urlsplit(url)
            parts.port  # noqa: B018 - raises where the port is no number
        except ValueError as error:
            raise UrlRefused(url, "malformed") from error
        if not parts.hostname:
            raise UrlRefused(url, "malformed")
        if parts.username is not None or parts.password is not None:
            raise UrlRefused(f"{parts.scheme}://{parts.hostname}", "user_info")
        loopback = self.allow_loopback and _is_loopback_name(parts.hostname)
        if parts.scheme != "https" and not (parts.scheme == "http" and loopback):
            raise UrlRefused(url, "scheme")
        literal = _literal(parts.hostname)
        if literal is not None and not self.allows(literal):
            raise UrlRefused(url, "address")

    def allows(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        """Tell whether we connect to an address."""
        plain = _unwrapped(address)
        if plain is None or plain.is_multicast or plain.is_unspecified:
            return False
        if plain.is_loopback:
            return self.allow_loopback
        return plain.is_global or (self.allow_private and plain.is_private and not plain.is_link_local)


PRODUCTION = UrlPolicy()
"""https only, no private addresses."""

LOOPBACK = UrlPolicy(allow_loopback=True)
"""As PRODUCTION, plus http on this machine: for the demo and for tests."""


def _is_loopback_name(host: str) -> bool:
    literal = _literal(host)
    return host == "localhost" if literal is None else literal.is_loopback


def _literal(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _unwrapped(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the IPv4 address inside an IPv6 one (mapped, 6to4, NAT64); Teredo gives ``None``."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.teredo is not None:
        return None
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


class _GuardedBackend(httpcore2.AnyIOBackend):
    """Resolves a host once, drops addresses that the policy forbids, connects to one of the others.

    TLS still verifies the certificate against the host name, because only the TCP address is replaced.
    """

    def __init__(self, policy: UrlPolicy) -> None:
        super().__init__()
        self._policy = policy

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        error: Exception = httpcore2.ConnectError("no address that the URL policy allows")
        for address in await self._addresses(host, port, timeout):
            if not self._policy.allows(ipaddress.ip_address(address.partition("%")[0])):
                continue
            try:
                return await super().connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as failed:
                error = failed
        raise error

    async def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(timeout):
                found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except TimeoutError as error:
            raise httpcore2.ConnectTimeout("name resolution timed out") from error
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError("the host name cannot be resolved") from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    """The normal transport with its pool connecting through the guard (a test holds the pool's name)."""

    def __init__(self, policy: UrlPolicy, ssl_context: ssl.SSLContext | None) -> None:
        context = ssl_context or httpx2.create_ssl_context(trust_env=False)
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=context,
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=_MAX_IDLE_CONNECTIONS,
            keepalive_expiry=_IDLE_SECONDS,
            network_backend=_GuardedBackend(policy),
        )


def guarded_transport(
    policy: UrlPolicy = PRODUCTION, *, ssl_context: ssl.SSLContext | None = None
) -> httpx2.AsyncBaseTransport:
    """Return the transport for an ``httpx2.AsyncClient`` that talks to partners.

    It connects only to addresses that the policy allows and uses no proxy from the environment, because a
    proxy would connect where the guard cannot see.

    Args:
        policy: Which addresses.
        ssl_context: For a partner's private certificate authority; the system's trust store if not given.
    """
    return _GuardedTransport(policy, ssl_context)
