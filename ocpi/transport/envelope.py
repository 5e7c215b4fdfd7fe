"""The envelope around every response (transport chapter, response format) and the OCPI status codes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import IntEnum
from typing import Any

from ocpi.transport import json
from ocpi.types import format_datetime, parse_datetime, printable

MAX_MESSAGE_CHARACTERS = 500
"""Longest ``status_message`` that we send or keep; the specification sets none, logs often do."""


class StatusCode(IntEnum):
    """OCPI status codes (status codes chapter, 2.2.1). 19xx, 29xx, 39xx are free for custom codes."""

    SUCCESS = 1000
    CLIENT_ERROR = 2000
    INVALID_PARAMETERS = 2001
    NOT_ENOUGH_INFORMATION = 2002
    UNKNOWN_LOCATION = 2003
    UNKNOWN_TOKEN = 2004
    SERVER_ERROR = 3000
    CLIENT_API_UNUSABLE = 3001
    UNSUPPORTED_VERSION = 3002
    NO_MATCHING_ENDPOINTS = 3003
    HUB_ERROR = 4000
    UNKNOWN_RECEIVER = 4001
    HUB_TIMEOUT = 4002
    HUB_CONNECTION_PROBLEM = 4003


class EnvelopeError(ValueError):
    """The body is no OCPI envelope.

    Attributes:
        reason: ``not_json`` or ``no_envelope``.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Envelope:
    """A response as it stands on the wire.

    Attributes:
        status_code: OCPI status; custom codes are allowed, so it stays an ``int``.
        data: Parsed JSON, ``None`` if absent or null.
        status_message: For people.
        timestamp: When the response was made; ``None`` if absent or unreadable (it decides nothing).
    """

    status_code: int
    data: Any = None
    status_message: str | None = None
    timestamp: datetime | None = None

    @property
    def is_success(self) -> bool:
        """Whether the status is 1xxx (1000, or a custom 19xx)."""
        return 1000 <= self.status_code <= 1999


def render(
    status_code: int, data: Any = None, message: str | None = None, *, timestamp: datetime | None = None
) -> bytes:
    """Write an envelope.

    Args:
        status_code: OCPI status.
        data: Plain data (see ``WireVersion.dump``); ``None`` leaves ``data`` out, as the specification asks
            for calls that define none.
        message: ``status_message``, cut to ``MAX_MESSAGE_CHARACTERS``.
        timestamp: Now if not given.
    """
    envelope: dict[str, Any] = {} if data is None else {"data": data}
    envelope["status_code"] = int(status_code)
    if message:
        envelope["status_message"] = message[:MAX_MESSAGE_CHARACTERS]
    moment = timestamp or datetime.now(UTC)
    envelope["timestamp"] = format_datetime(moment)
    return json.dumps(envelope)


def parse(body: bytes) -> Envelope:
    """Read an envelope.

    Raises:
        EnvelopeError: No JSON, or no object with an integer ``status_code``.
    """
    try:
        raw = json.loads(body)
    except json.JsonError as error:
        raise EnvelopeError("not_json", str(error)) from error
    if not isinstance(raw, dict):
        raise EnvelopeError("no_envelope", "the body is not a JSON object")
    message = raw.get("status_message")
    return Envelope(
        status_code=_status(raw.get("status_code")),
        data=raw.get("data"),
        status_message=printable(message, MAX_MESSAGE_CHARACTERS) if isinstance(message, str) else None,
        timestamp=_timestamp(raw.get("timestamp")),
    )


def _status(value: Any) -> int:
    if isinstance(value, Decimal) and value == value.to_integral_value():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 1000 <= value <= 9999:
        raise EnvelopeError("no_envelope", "status_code is not a 4-digit integer")
    return value


def _timestamp(value: Any) -> datetime | None:
    try:
        return parse_datetime(value) if isinstance(value, str) else None
    except ValueError:
        return None
