"""The service: composition root. Opens the database, mounts OCPI, the operator API and the pages, delivers."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from importlib import resources
from pathlib import Path

import httpx2
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException

from eichrecht.delivery.worker import DeliveryWorker
from eichrecht.service import operator, pages, receipts, transparency
from eichrecht.service.api import ApiError, Backend, answer, error_answer
from eichrecht.service.chain import Chain
from eichrecht.service.decisions import Decisions
from eichrecht.service.partners import Partners
from eichrecht.service.settings import Settings
from eichrecht.store.database import Database
from eichrecht.store.errors import StoreError, StoreUnavailable
from eichrecht.store.ocpi_storage import cpo_storage
from ocpi.handshake import CPO_NEEDS, Platform, Registrar
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.server.app import OcpiConfig, create_ocpi_app
from ocpi.server.http import allowed_methods
from ocpi.transport.urls import LOOPBACK, PRODUCTION, guarded_transport

log = logging.getLogger(__name__)

WORKER_STOP_S = 70
"""How long a delivery under way may take to end when the service stops; longer than one call to a partner."""


STYLE_HEADERS = {"Cache-Control": "public, max-age=3600", "X-Content-Type-Options": "nosniff"}


class Service:
    """Everything that lives as long as the service; also used by ``eichrecht worker`` without the HTTP side."""

    def __init__(self, settings: Settings) -> None:
        """Open the database and prepare the partners; call :meth:`close` at the end.

        Raises:
            StoreUnavailable: The database cannot be opened.
        """
        self.settings = settings
        self.database = Database.open(settings.database_address)
        urls = LOOPBACK if settings.allow_loopback_partners else PRODUCTION
        self._http = httpx2.AsyncClient(transport=guarded_transport(urls))
        self.ocpi = OcpiConfig(f"{settings.base_url}/ocpi")
        self.storage = cpo_storage(self.database)
        role = CredentialsRole(
            role=Role.CPO,
            business_details=BusinessDetails(name=settings.name),
            party_id=settings.party_id,
            country_code=settings.country_code,
        )
        us = Platform(self.ocpi.versions_url, (role,), CPO_NEEDS)
        self.registrar = Registrar(self.storage.registrations, self._http, us, policy=urls)
        self.partners = Partners(self.database, self.registrar, (settings.country_code, settings.party_id))
        self.chain = Chain(self.database, base_url=settings.base_url, policy=settings.policy)
        self.decisions = Decisions(self.database, settings.country_code, settings.party_id)
        self.stop = asyncio.Event()

    def worker(self) -> DeliveryWorker:
        """Return a delivery worker over this service's database and partners."""
        return DeliveryWorker(self.database, self.partners.cdr_client)

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()
        await self.database.close()


def create_app(settings: Settings) -> FastAPI:
    """Return the ASGI application of the whole service.

    Raises:
        StoreUnavailable: The database cannot be opened.
    """
    service = Service(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        worker = asyncio.create_task(service.worker().run_forever(service.stop)) if settings.worker else None
        try:
            yield
        finally:
            service.stop.set()
            if worker is not None:
                with contextlib.suppress(TimeoutError, asyncio.CancelledError):
                    await asyncio.wait_for(worker, WORKER_STOP_S)
            await service.close()

    app = FastAPI(
        title="eichrecht",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        redirect_slashes=False,  # such a redirect would be built from the Host header, which nobody vouches for
    )
    app.state.service = service
    backend = Backend(
        service.database,
        service.chain,
        service.partners,
        settings.country_code,
        settings.party_id,
        service.decisions,
    )
    app.include_router(transparency.build_router(service.chain.ring))
    app.include_router(receipts.build_router(service.database, service.chain.ring))
    app.include_router(operator.build_router(backend, settings.operator_token, settings.base_url))
    app.mount("/ocpi", create_ocpi_app(service.ocpi, service.storage, service.registrar))
    _static(app)
    _errors(app)
    return app


def _static(app: FastAPI) -> None:
    folder = Path(str(resources.files("eichrecht.service") / "static"))

    @app.get("/static/page.css", include_in_schema=False)
    async def stylesheet() -> Response:
        return FileResponse(folder / "page.css", headers=STYLE_HEADERS)

    @app.get("/health", include_in_schema=False)
    async def health() -> Response:
        return answer({"status": "ok"})

    @app.get("/robots.txt", include_in_schema=False)
    async def robots() -> Response:
        return Response("User-agent: *\nDisallow: /r/\n", media_type="text/plain")


def _errors(app: FastAPI) -> None:
    """Every error leaves as JSON from the API and as a page from everywhere else, never as a traceback."""

    @app.exception_handler(ApiError)
    async def api_error(_request: Request, error: ApiError) -> Response:
        return error_answer(error)

    @app.exception_handler(StoreUnavailable)
    async def unavailable(request: Request, error: StoreUnavailable) -> Response:
        log.error("%s", error)
        return _failed(request, 503, "store_unavailable", "the database cannot be used now; try again later")

    @app.exception_handler(StoreError)
    async def not_stored(request: Request, error: StoreError) -> Response:
        return _failed(request, 409, "not_stored", str(error))

    @app.exception_handler(RequestValidationError)
    async def bad_parameters(request: Request, error: RequestValidationError) -> Response:
        wrong = "; ".join(f"{'/'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        return _failed(request, 400, "bad_parameters", wrong)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        code = HTTPStatus(error.status_code).name.lower()
        response = _failed(request, error.status_code, code, f"{request.method} {request.url.path[:200]}")
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = allowed_methods(request)
        return response

    @app.exception_handler(Exception)
    async def defect(request: Request, error: Exception) -> Response:
        log.error("unhandled error", exc_info=error)
        return _failed(request, 500, "internal", "this is a defect; it was logged")


def _failed(request: Request, status: int, code: str, detail: str) -> Response:
    if request.url.path.startswith("/api/"):
        return error_answer(ApiError(status, code, detail))
    template = "missing.html" if status == HTTPStatus.NOT_FOUND else "failed.html"
    return pages.render(request, template, status=status)
