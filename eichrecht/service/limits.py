"""Reading request bodies with a limit, before anything else touches them."""

from __future__ import annotations

from fastapi import Request


class BodyTooLargeError(Exception):
    """The body is larger than allowed; reading stopped at the limit."""


async def read_body(request: Request, limit: int) -> bytes:
    """Read at most ``limit`` bytes of the body.

    Raises:
        BodyTooLargeError: There are more, as declared or as sent.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise BodyTooLargeError
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise BodyTooLargeError
    return bytes(body)
