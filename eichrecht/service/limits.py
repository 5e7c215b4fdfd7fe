"""Reading request bodies with a limit, before anything else touches them."""

from __future__ import annotations

import re

from fastapi import Request


class BodyTooLargeError(Exception):
    """The body is larger than allowed; reading stopped at the limit."""


_LENGTH = re.compile(r"[0-9]{1,18}")
"""Python's ``isdigit`` also accepts digits that ``int`` refuses, and ``int`` refuses very long numbers."""


def declared_length(request: Request) -> int | None:
    """Return ``Content-Length``; ``None`` if there is none that means anything."""
    declared = request.headers.get("content-length", "")
    return int(declared) if _LENGTH.fullmatch(declared) else None


async def read_body(request: Request, limit: int) -> bytes:
    """Read at most ``limit`` bytes of the body.

    Raises:
        BodyTooLargeError: There are more, as declared or as sent.
    """
    declared = declared_length(request)
    if declared is not None and declared > limit:
        raise BodyTooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError
    return bytes(body)
