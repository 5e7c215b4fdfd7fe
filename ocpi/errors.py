"""Errors of OCPI: what cannot go on. Everything a user can act on without stopping is a Finding.

::

    OcpiError
    ├── InvalidObject              data do not fit the OCPI object (server: HTTP 200 + 2001)
    ├── NotExpressible             a version of OCPI cannot say what an object says
    ├── UrlRefused                 a URL that our policy does not call (SSRF guard); nothing was sent
    ├── PartnerError               a call to a partner did not end with an OCPI success
    │   ├── TransportFailure       no usable HTTP answer
    │   │   ├── NotDelivered       the request certainly did not reach the partner
    │   │   └── MaybeDelivered     it may have; ask before sending again
    │   ├── HttpStatusError        an HTTP answer other than 2xx
    │   ├── OcpiStatusError        HTTP 2xx with an OCPI error inside
    │   └── MalformedResponse      HTTP 2xx, but no JSON, no envelope, too large or not the expected object
    ├── RegistrationError          the handshake cannot be done
    │   ├── NoMutualVersion        both sides share no version
    │   ├── MissingEndpoints       the partner lacks endpoints that we need
    │   ├── NotRegistered          there is no live registration with this partner
    │   ├── TokenGone              the token of the handshake was used or ended meanwhile
    │   └── RoleTaken              a party is already registered by another platform
    └── Refusal                    server side: answer the request with this OCPI status

``PartnerError.may_have_effect`` tells whether the partner may have acted on the request; it is what a sender
must know before it sends again.
"""

# ruff: noqa: N818 - the names say what happened (NotDelivered), which an Error suffix would only lengthen

from __future__ import annotations

from dataclasses import dataclass

from ocpi.findings import Finding, Severity


class OcpiError(Exception):
    """Base of all errors of this package."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One place of an object that is not as the specification asks.

    Attributes:
        pointer: JSON pointer (RFC 6901), ``""`` for the whole.
        message: English, for logs and ``status_message``. Contains no received value.
    """

    pointer: str
    message: str

    def __str__(self) -> str:
        """Return ``pointer: message``."""
        return f"{self.pointer or '/'}: {self.message}"


class InvalidObject(OcpiError):
    """Data do not fit the OCPI object.

    Attributes:
        object_name: e.g. ``Cdr``.
        problems: What is wrong, at most ``MAX_PROBLEMS`` of the version module.
    """

    def __init__(self, object_name: str, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{object_name}: " + "; ".join(str(problem) for problem in problems))
        self.object_name = object_name
        self.problems = problems


class NotExpressible(OcpiError):
    """A version of OCPI cannot say what an object says, and what it can say would cost something else.

    Attributes:
        object_name: e.g. ``Tariff``.
        version: e.g. ``2.1.1``.
        findings: What is lost, each with its code and place.
    """

    def __init__(self, object_name: str, version: str, findings: tuple[Finding, ...]) -> None:
        codes = ", ".join(finding.code for finding in findings if finding.severity is Severity.ERROR)
        super().__init__(f"{object_name} cannot be written in OCPI {version}: {codes}")
        self.object_name = object_name
        self.version = version
        self.findings = findings


class UrlRefused(OcpiError):
    """Our policy does not call this URL; nothing was sent.

    Attributes:
        url: The URL as given (without user info).
        reason: ``malformed``, ``scheme``, ``user_info``, ``address``, ``foreign_host``.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"refused to call {url[:255]}: {reason}")
        self.url = url
        self.reason = reason


class PartnerError(OcpiError):
    """A call to a partner did not end with an OCPI success.

    Attributes:
        method: HTTP method.
        url: Called URL (URLs hold no secrets in OCPI; tokens travel in headers).
        may_have_effect: The partner may have acted on the request.
    """

    may_have_effect = True

    def __init__(self, method: str, url: str, message: str) -> None:
        super().__init__(f"{method} {url}: {message}")
        self.method = method
        self.url = url


class TransportFailure(PartnerError):
    """No usable HTTP answer came."""


class NotDelivered(TransportFailure):
    """The request certainly did not reach the partner: no connection could be made."""

    may_have_effect = False


class MaybeDelivered(TransportFailure):
    """The connection broke or timed out after the request had begun: the partner may have got it."""


_EFFECT_UNKNOWN_BELOW_500 = frozenset({408})
"""Request Timeout can come from an intermediary that had already passed the request on."""


class HttpStatusError(PartnerError):
    """An HTTP answer other than 2xx; redirects are not followed and end here too.

    Attributes:
        status: HTTP status.
        ocpi_status: ``status_code`` of the envelope in the body, ``None`` without one.
        status_message: Its message, for people.
        location: ``Location`` header of a redirect, ``None`` elsewhere.
    """

    def __init__(
        self,
        method: str,
        url: str,
        status: int,
        *,
        ocpi_status: int | None = None,
        status_message: str | None = None,
        location: str | None = None,
    ) -> None:
        detail = "" if ocpi_status is None else f", OCPI {ocpi_status} {status_message or ''}"
        super().__init__(method, url, f"HTTP {status}{detail}".rstrip())
        self.status = status
        self.ocpi_status = ocpi_status
        self.status_message = status_message
        self.location = location
        self.may_have_effect = status >= 500 or status in _EFFECT_UNKNOWN_BELOW_500


class OcpiStatusError(PartnerError):
    """HTTP 2xx with an OCPI error inside (status codes chapter: 2xxx client, 3xxx server, 4xxx hub).

    Attributes:
        status: OCPI status code.
        status_message: Its message, for people.
        http_status: HTTP status around it.
    """

    def __init__(
        self, method: str, url: str, status: int, status_message: str | None, http_status: int
    ) -> None:
        super().__init__(method, url, f"OCPI {status} {status_message or ''}".rstrip())
        self.status = status
        self.status_message = status_message
        self.http_status = http_status
        # 2xxx means refused as sent; a server or hub error may have come after the object was stored.
        self.may_have_effect = not 2000 <= status <= 2999


class MalformedResponse(PartnerError):
    """The answer is HTTP 2xx but cannot be read; the partner may have acted all the same.

    Attributes:
        reason: ``not_json``, ``no_envelope``, ``too_large``, ``encoded``, ``wrong_object``, ``foreign_link``,
            ``endless_list``.
    """

    def __init__(self, method: str, url: str, reason: str, detail: str) -> None:
        super().__init__(method, url, f"{reason}: {detail}")
        self.reason = reason


class RegistrationError(OcpiError):
    """The handshake cannot be done."""


class NoMutualVersion(RegistrationError):
    """Both sides share no version (status code 3002 when we are asked)."""


class MissingEndpoints(RegistrationError):
    """The partner lacks endpoints that we need (status code 3003 when we are asked)."""


class NotRegistered(RegistrationError):
    """There is no live registration with this partner."""


class TokenGone(RegistrationError):
    """The token that carries the handshake was used up or ended before it was completed."""


class RoleTaken(RegistrationError):
    """A (role, country_code, party_id) is already registered by another platform."""


class Refusal(OcpiError):
    """Server side: answer the request with this status.

    Attributes:
        status: OCPI status code.
        http_status: HTTP status; 200 for everything that OCPI itself reports.
        allow: Methods for the ``Allow`` header of a 405.
    """

    def __init__(
        self, status: int, message: str, *, http_status: int = 200, allow: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.http_status = http_status
        self.message = message
        self.allow = allow
