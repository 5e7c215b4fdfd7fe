"""Routers of the modules. Each reads its body itself (exact JSON) and answers with an envelope."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request, Response

from ocpi.errors import Refusal
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Credentials
from ocpi.objects.tariff import Tariff
from ocpi.objects.version import Endpoint, Version, VersionDetails
from ocpi.registration import TokenPurpose
from ocpi.server.access import Caller, Gate, check_owner, check_same
from ocpi.server.http import answer, read_json
from ocpi.server.storage import CdrReceiver, CdrSource, ObjectKey, Reception, TariffReceiver, TariffSource
from ocpi.transport.envelope import StatusCode
from ocpi.transport.pagination import Page, PageQuery, QueryError, page_headers
from ocpi.transport.urls import join
from ocpi.versions import WireVersion
from ocpi.versions.base import M


@dataclass(frozen=True, slots=True)
class Context:
    """What all routers of one version share.

    Attributes:
        gate: Authentication.
        wire: The version.
        max_body_bytes: Largest request body.
        page_limit: Largest page.
    """

    gate: Gate
    wire: WireVersion
    max_body_bytes: int
    page_limit: int


def versions_router(gate: Gate, entries: Sequence[tuple[WireVersion, str]]) -> APIRouter:
    """Return ``GET /versions`` (version information chapter).

    Args:
        gate: Authentication.
        entries: Versions with the URL of their details.
    """
    router = APIRouter()
    data = [wire.dump(Version(version=wire.number, url=url)) for wire, url in entries]

    @router.get("/versions")
    async def versions(request: Request) -> Response:
        await gate.anyone(request)
        return answer(data)

    return router


def details_router(context: Context, endpoints: tuple[Endpoint, ...]) -> APIRouter:
    """Return ``GET /{version}``: the endpoints that this platform really offers."""
    router = APIRouter()
    wire = context.wire
    data = wire.dump(VersionDetails(version=wire.number, endpoints=endpoints))

    @router.get(f"/{wire.number}")
    async def details(request: Request) -> Response:
        await context.gate.anyone(request)
        return answer(data)

    return router


def credentials_router(context: Context, path: str) -> APIRouter:
    """Return the credentials module (credentials chapter): POST with token A, PUT, DELETE with live ones.

    405 tells a known caller in the wrong state (ocpi/ocpi#441): POST by a registered partner, PUT or DELETE
    before registration. No routing headers here: a configuration module.
    """
    router = APIRouter()
    gate, wire = context.gate, context.wire

    @router.get(path)
    async def get_credentials(request: Request) -> Response:
        caller = await gate.anyone(request)
        return answer(wire.dump(gate.registrar.own_credentials(caller.token)))

    async def change(request: Request, purpose: TokenPurpose, message: str) -> Response:
        caller = await gate.anyone(request)
        _must_be(caller, purpose, message)
        theirs = wire.load(Credentials, await read_json(request, context.max_body_bytes))
        return answer(wire.dump(await gate.registrar.accept(caller.record, theirs, wire)))

    @router.post(path)
    async def post_credentials(request: Request) -> Response:
        return await change(request, TokenPurpose.INVITATION, "already registered")

    @router.put(path)
    async def put_credentials(request: Request) -> Response:
        return await change(request, TokenPurpose.PARTNER, "not registered")

    @router.delete(path)
    async def delete_credentials(request: Request) -> Response:
        caller = await gate.anyone(request)
        _must_be(caller, TokenPurpose.PARTNER, "not registered")
        await gate.registrar.accept_removal(caller.record)
        return answer()

    return router


def _must_be(caller: Caller, purpose: TokenPurpose, message: str) -> None:
    if caller.record.purpose is not purpose:
        allow = "GET, PUT, DELETE" if caller.partner is not None else "GET, POST"
        raise Refusal(StatusCode.CLIENT_ERROR, message, http_status=405, allow=allow)


def tariff_sender_router(context: Context, path: str, url: str, source: TariffSource) -> APIRouter:
    """Return ``GET tariffs`` (mod_tariffs, Sender)."""
    router = APIRouter()

    @router.get(path)
    async def list_tariffs(request: Request) -> Response:
        partner = await context.gate.partner(request)
        query = _query(request, context)
        return _page(context, url, query, await source.list_tariffs(partner, query))

    return router


def cdr_sender_router(context: Context, path: str, url: str, source: CdrSource) -> APIRouter:
    """Return ``GET cdrs`` (mod_cdrs, Sender)."""
    router = APIRouter()

    @router.get(path)
    async def list_cdrs(request: Request) -> Response:
        partner = await context.gate.partner(request)
        query = _query(request, context)
        return _page(context, url, query, await source.list_cdrs(partner, query))

    return router


def tariff_receiver_router(context: Context, path: str, store: TariffReceiver) -> APIRouter:
    """Return GET, PUT, DELETE of ``tariffs/{country_code}/{party_id}/{id}`` (mod_tariffs, Receiver)."""
    router = APIRouter()
    wire = context.wire
    # ":path": an id is a CiString and may hold a slash, which arrives percent-decoded.
    one = path + "/{country_code}/{party_id}/{tariff_id:path}"

    @router.get(one)
    async def get_tariff(request: Request, country_code: str, party_id: str, tariff_id: str) -> Response:
        partner = await context.gate.partner(request)
        check_owner(partner, country_code, party_id)
        tariff = await store.get_tariff(partner, ObjectKey(country_code, party_id, tariff_id))
        return answer(wire.dump(_found(tariff, "tariff")))

    @router.put(one)
    async def put_tariff(request: Request, country_code: str, party_id: str, tariff_id: str) -> Response:
        partner = await context.gate.partner(request)
        tariff = wire.load(Tariff, await read_json(request, context.max_body_bytes))
        check_same("country_code", country_code, tariff.country_code)
        check_same("party_id", party_id, tariff.party_id)
        check_same("id", tariff_id, tariff.id)
        check_owner(partner, country_code, party_id)
        is_new = await store.put_tariff(partner, tariff)
        return answer(http_status=201 if is_new else 200)

    @router.delete(one)
    async def delete_tariff(request: Request, country_code: str, party_id: str, tariff_id: str) -> Response:
        partner = await context.gate.partner(request)
        check_owner(partner, country_code, party_id)
        if not await store.delete_tariff(partner, ObjectKey(country_code, party_id, tariff_id)):
            raise _not_found("tariff")
        return answer()

    return router


def cdr_receiver_router(context: Context, path: str, url: str, store: CdrReceiver) -> APIRouter:
    """Return ``POST cdrs`` and the GET of its Location (mod_cdrs, Receiver).

    The specification leaves a repeated POST open: the same content gets HTTP 200 and the same Location,
    another content under the same id is refused with 2001, because CDRs are immutable.
    """
    router = APIRouter()
    wire = context.wire

    @router.post(path)
    async def post_cdr(request: Request) -> Response:
        partner = await context.gate.partner(request)
        cdr = wire.load(Cdr, await read_json(request, context.max_body_bytes))
        check_owner(partner, cdr.country_code, cdr.party_id)
        received = await store.receive_cdr(partner, cdr)
        if received.reception is Reception.CONFLICT:
            raise Refusal(StatusCode.INVALID_PARAMETERS, "another CDR is stored under this id")
        status = 201 if received.reception is Reception.CREATED else 200
        return answer(http_status=status, headers={"Location": join(url, received.reference)})

    @router.get(path + "/{reference}")
    async def get_cdr(request: Request, reference: str) -> Response:
        partner = await context.gate.partner(request)
        return answer(wire.dump(_found(await store.get_cdr(partner, reference), "CDR")))

    return router


def _query(request: Request, context: Context) -> PageQuery:
    try:
        return PageQuery.read(request.query_params, max_limit=context.page_limit)
    except QueryError as error:
        raise Refusal(StatusCode.INVALID_PARAMETERS, str(error)) from error


def _page(context: Context, url: str, query: PageQuery, page: Page[M]) -> Response:
    data = [context.wire.dump(item) for item in page.items]
    return answer(data, headers=page_headers(url, query, page, max_limit=context.page_limit))


def _found(item: M | None, name: str) -> M:
    if item is None:
        raise _not_found(name)
    return item


def _not_found(name: str) -> Refusal:
    # GET of what does not exist: HTTP 404 (ocpi/ocpi#201).
    return Refusal(StatusCode.CLIENT_ERROR, f"no such {name}", http_status=404)
