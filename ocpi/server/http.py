"""HTTP around the routers: envelopes for every answer, request ids, bodies, errors (transport chapter)."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ocpi.errors import InvalidObject, Refusal
from ocpi.transport import json
from ocpi.transport.envelope import StatusCode, render
from ocpi.transport.headers import CORRELATION_ID, REQUEST_ID, Routing, echoed_id

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 4 * 1024 * 1024
"""Largest request body. The largest real CDR with signed data is below 100 kB, but years of quarter-hour
periods in one CDR are possible; 100 MB are an attack."""

_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")

_REPLY_HEADERS = "ocpi.reply_headers"


def answer(
    data: Any = None,
    *,
    http_status: int = 200,
    status: int = StatusCode.SUCCESS,
    message: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Return a response with its envelope.

    Args:
        data: Plain data (``WireVersion.dump``); ``None`` leaves it out.
        http_status: HTTP status.
        status: OCPI status.
        message: ``status_message``.
        headers: More headers.
    """
    body = render(status, data, message)
    return Response(body, http_status, dict(headers or {}), media_type="application/json")


async def read_json(request: Request, max_bytes: int) -> Any:
    """Read the body as exact JSON.

    Raises:
        Refusal: HTTP 413 for a body that is too large (nothing beyond the limit is kept), HTTP 400 for one
            that is not JSON (transport chapter: MUST).
    """
    too_large = Refusal(
        StatusCode.INVALID_PARAMETERS, f"the body is larger than {max_bytes} bytes", http_status=413
    )
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and (len(declared) > 15 or int(declared) > max_bytes):
        raise too_large
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > max_bytes:
            raise too_large
    try:
        return json.loads(bytes(body))
    except json.JsonError as error:
        raise Refusal(
            StatusCode.INVALID_PARAMETERS, f"the body is not acceptable JSON: {error}", http_status=400
        ) from error


def reply_routing(request: Request, routing: Routing) -> None:
    """Have the routing headers of the request swapped into the response (functional modules only)."""
    request.scope[_REPLY_HEADERS].update(routing.swapped().headers())


class OcpiMiddleware:
    """Outermost layer of the application.

    Echoes ``X-Request-ID`` and ``X-Correlation-ID``, adds the swapped routing headers, accepts URLs with a
    trailing slash (partners' conventions differ) and turns what nobody caught into HTTP 500 with an envelope:
    the exception goes to the log, never to the partner.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one ASGI event."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        ids = {name: echoed_id(headers.get(name)) for name in (REQUEST_ID, CORRELATION_ID)}
        reply: dict[str, str] = {name: value for name, value in ids.items() if value is not None}
        path = scope["path"].rstrip("/") or "/"
        scope = {**scope, "path": path, _REPLY_HEADERS: reply}
        started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                outgoing = MutableHeaders(scope=message)
                for name, value in reply.items():
                    outgoing[name] = value
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            logger.info("a partner went away before its request was complete")
        except Exception:
            logger.exception("unhandled error while answering %s %s", scope["method"], path)
            if started:
                raise
            failure = answer(http_status=500, status=StatusCode.SERVER_ERROR, message="internal error")
            await failure(scope, receive, send_with_headers)


async def _refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - narrows the type that Starlette registers it for
    headers = {"WWW-Authenticate": "Token"} if error.http_status == 401 else {}
    if error.allow is not None:
        headers["Allow"] = error.allow
    return answer(http_status=error.http_status, status=error.status, message=error.message, headers=headers)


async def _invalid_object(_request: Request, error: Exception) -> Response:
    # Valid JSON that is no valid object: HTTP 200 with 2001 (transport chapter; HTTP codes).
    return answer(status=StatusCode.INVALID_PARAMETERS, message=str(error))


async def _invalid_request(_request: Request, _error: Exception) -> Response:
    # FastAPI would answer 422, which OCPI does not know.
    return answer(status=StatusCode.INVALID_PARAMETERS, message="invalid or missing parameter")


def allowed_methods(request: Request) -> str:
    """Return the ``Allow`` of a path: each method has a route of its own, the router names the first one's."""

    def answers(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    return ", ".join(method for method in _METHODS if answers(method))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - narrows the type that Starlette registers it for
    headers = dict(error.headers or {})
    if error.status_code == 405:
        headers["Allow"] = allowed_methods(request)
    return answer(
        http_status=error.status_code,
        status=StatusCode.CLIENT_ERROR if error.status_code < 500 else StatusCode.SERVER_ERROR,
        message=error.detail,
        headers=headers,
    )


def new_app() -> FastAPI:
    """Return a FastAPI application that answers everything, errors too, with an OCPI envelope.

    Its generated documentation is off: partners read the OCPI specification, and these routes parse their
    bodies themselves, so that there would be nothing true to generate.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_exception_handler(Refusal, _refusal)
    app.add_exception_handler(InvalidObject, _invalid_object)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_middleware(OcpiMiddleware)
    return app
