"""HTTP headers of OCPI: token, request ids, routing (transport chapter)."""

from __future__ import annotations

import base64
import binascii
import contextlib
import hashlib
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from ocpi.types import same_ci

REQUEST_ID = "X-Request-ID"
CORRELATION_ID = "X-Correlation-ID"
TO_PARTY = "OCPI-to-party-id"
TO_COUNTRY = "OCPI-to-country-code"
FROM_PARTY = "OCPI-from-party-id"
FROM_COUNTRY = "OCPI-from-country-code"

MAX_ID_CHARACTERS = 255
"""Longest request id that is echoed: a UUID has 36 characters; more only bloats logs and headers."""

_TOKEN = re.compile(r"[\x21-\x7E]{1,64}")
_SAFE_ID = re.compile(rf"[\x21-\x7E]{{1,{MAX_ID_CHARACTERS}}}")
_SCHEME = "token "


def authorization(token: str, *, base64_encoded: bool) -> str:
    """Return the Authorization header's value for a token.

    2.2.1 and later: base64 (RFC 4648 §4, with padding) of the token's UTF-8 bytes; 2.1.1: the token itself.

    Raises:
        ValueError: The token is not 1 to 64 printable ASCII characters without blanks.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("a credentials token is 1 to 64 printable ASCII characters without blanks")
    text = base64.b64encode(token.encode()).decode() if base64_encoded else token
    return f"Token {text}"


def tokens_of(header: str | None) -> tuple[str, ...]:
    """Return the tokens that an Authorization header may mean, most likely first.

    First the base64-decoded token (the specification's own samples decode with a line feed at the end, made
    with ``echo``, so CR and LF are stripped), then the text itself: the first call of a handshake is
    unversioned, and many partners send raw tokens (ocpi/ocpi#212).
    """
    if header is None or not header.lower().startswith(_SCHEME):
        return ()
    text = header[len(_SCHEME) :].strip(" \t\r\n")
    found = []
    with contextlib.suppress(binascii.Error, ValueError):  # not base64: then it can only be a raw token
        found.append(base64.b64decode(text, validate=True).decode("ascii").strip("\r\n"))
    found.append(text)
    return tuple(token for token in found if _TOKEN.fullmatch(token))


def token_hash(token: str) -> str:
    """Return what is stored of a token that is only compared: SHA-256, hex.

    No salt or stretching: our tokens hold 256 random bits, which nobody guesses from a hash.
    """
    return hashlib.sha256(token.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class PartyId:
    """A party: ISO 3166 alpha-2 country code and party id (ISO 15118). Compared without regard to case."""

    country_code: str
    party_id: str

    def same(self, other: PartyId) -> bool:
        """Tell whether both are the same party."""
        return same_ci(self.country_code, other.country_code) and same_ci(self.party_id, other.party_id)


@dataclass(frozen=True, slots=True)
class Routing:
    """Routing headers of a request on a functional module; never sent on configuration modules.

    Attributes:
        to: Addressed party, ``None`` where absent (open routing, or a plain pair of parties).
        sender: Party that the message is from.
    """

    to: PartyId | None = None
    sender: PartyId | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers."""
        result: dict[str, str] = {}
        if self.to is not None:
            result |= {TO_PARTY: self.to.party_id, TO_COUNTRY: self.to.country_code}
        if self.sender is not None:
            result |= {FROM_PARTY: self.sender.party_id, FROM_COUNTRY: self.sender.country_code}
        return result

    def swapped(self) -> Routing:
        """Return the routing of the response: to the requester, from the receiver (routing table)."""
        return Routing(to=self.sender, sender=self.to)

    @classmethod
    def read(cls, headers: Mapping[str, str]) -> Routing:
        """Read the headers of a request; half a party counts as absent."""
        return cls(
            to=_party(headers.get(TO_COUNTRY), headers.get(TO_PARTY)),
            sender=_party(headers.get(FROM_COUNTRY), headers.get(FROM_PARTY)),
        )


def _party(country_code: str | None, party_id: str | None) -> PartyId | None:
    if not country_code or not party_id:
        return None
    if not (_SAFE_ID.fullmatch(country_code) and _SAFE_ID.fullmatch(party_id)):
        return None
    return PartyId(country_code, party_id)


def request_ids(correlation_id: str | None = None) -> dict[str, str]:
    """Return the ids of a new request: a fresh request id, and the chain's correlation id."""
    return {REQUEST_ID: str(uuid.uuid4()), CORRELATION_ID: correlation_id or str(uuid.uuid4())}


def echoed_id(value: str | None) -> str | None:
    """Return a received id if it may be echoed in a response header, ``None`` otherwise."""
    return value if value is not None and _SAFE_ID.fullmatch(value) else None
