"""The OCPI application: routers of the interfaces that a platform offers, under one public base URL."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter, FastAPI

from ocpi.handshake import Registrar
from ocpi.objects.version import Endpoint, InterfaceRole, ModuleId
from ocpi.server.access import Gate
from ocpi.server.http import MAX_BODY_BYTES, new_app
from ocpi.server.routers import (
    Context,
    cdr_receiver_router,
    cdr_sender_router,
    credentials_router,
    details_router,
    tariff_receiver_router,
    tariff_sender_router,
    versions_router,
)
from ocpi.server.storage import Storage
from ocpi.transport.pagination import DEFAULT_PAGE_LIMIT
from ocpi.versions import SUPPORTED, WireVersion


@dataclass(frozen=True, slots=True)
class OcpiConfig:
    """Settings of the server.

    Attributes:
        base_url: Public URL under which partners reach the application, e.g. ``https://cpo.example/ocpi``.
            All URLs that we publish start with it; the Host header of a request is never trusted for that.
        versions: Versions offered.
        max_body_bytes: Largest request body.
        page_limit: Largest page of a list.
    """

    base_url: str
    versions: tuple[WireVersion, ...] = SUPPORTED
    max_body_bytes: int = MAX_BODY_BYTES
    page_limit: int = DEFAULT_PAGE_LIMIT

    @property
    def versions_url(self) -> str:
        """Public URL of the versions endpoint."""
        return f"{self.base_url.rstrip('/')}/versions"


def build_router(config: OcpiConfig, storage: Storage, registrar: Registrar) -> APIRouter:
    """Return all routes, relative to ``config.base_url``.

    Prefer :func:`create_ocpi_app`: only an application of its own can answer 404, 405 and errors with an
    envelope.
    """
    gate = Gate(registrar, storage.registrations)
    base = config.base_url.rstrip("/")
    router = APIRouter()
    router.include_router(
        versions_router(gate, [(wire, f"{base}/{wire.number}") for wire in config.versions])
    )
    for wire in config.versions:
        context = Context(gate, wire, config.max_body_bytes, config.page_limit)
        router.include_router(_version_router(context, base, storage))
    return router


def _version_router(context: Context, base: str, storage: Storage) -> APIRouter:
    number = context.wire.number
    router = APIRouter()
    credentials = f"/{number}/credentials"
    endpoints = [_endpoint(ModuleId.CREDENTIALS, InterfaceRole.SENDER, base + credentials)]
    router.include_router(credentials_router(context, credentials))

    def place(module: ModuleId, role: InterfaceRole) -> tuple[str, str]:
        """List an endpoint; return its path and public URL."""
        side = "cpo" if role is InterfaceRole.SENDER else "emsp"
        path = f"/{side}/{number}/{module}"
        endpoints.append(_endpoint(module, role, base + path))
        return path, base + path

    if storage.tariff_source is not None:
        path, url = place(ModuleId.TARIFFS, InterfaceRole.SENDER)
        router.include_router(tariff_sender_router(context, path, url, storage.tariff_source))
    if storage.cdr_source is not None:
        path, url = place(ModuleId.CDRS, InterfaceRole.SENDER)
        router.include_router(cdr_sender_router(context, path, url, storage.cdr_source))
    if storage.tariff_receiver is not None:
        path, _ = place(ModuleId.TARIFFS, InterfaceRole.RECEIVER)
        router.include_router(tariff_receiver_router(context, path, storage.tariff_receiver))
    if storage.cdr_receiver is not None:
        path, url = place(ModuleId.CDRS, InterfaceRole.RECEIVER)
        router.include_router(cdr_receiver_router(context, path, url, storage.cdr_receiver))
    router.include_router(details_router(context, tuple(endpoints)))
    return router


def _endpoint(module: ModuleId, role: InterfaceRole, url: str) -> Endpoint:
    return Endpoint(identifier=module.value, role=role, url=url)


def create_ocpi_app(config: OcpiConfig, storage: Storage, registrar: Registrar) -> FastAPI:
    """Return the ASGI application, to be mounted at the path of ``config.base_url``.

    Example: ``app.mount("/ocpi", create_ocpi_app(config, storage, registrar))`` with a ``base_url`` of
    ``https://cpo.example/ocpi``.

    Args:
        config: Settings.
        storage: Storages of the offered interfaces.
        registrar: Handshake on the same registrations; its platform's ``versions_url`` must be
            ``config.versions_url``.

    Raises:
        ValueError: The registrar announces another versions URL than this application serves.
    """
    if registrar.us.versions_url != config.versions_url:
        raise ValueError(
            f"the registrar announces {registrar.us.versions_url}, but this application serves "
            f"{config.versions_url}"
        )
    app = new_app()
    app.include_router(build_router(config, storage, registrar))
    return app
