"""The operator API's partners: handshake in both directions, new tokens, the end of a registration, settings."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response

from eichrecht.service.api import ApiError, Backend, answer, read_json, text_field
from eichrecht.service.partners import KnownPartner, SettingsError
from eichrecht.store.errors import NotFound
from ocpi.errors import NotRegistered, OcpiError
from ocpi.registration import Partner

T = TypeVar("T")


def partner_as_json(partner: Partner) -> dict[str, Any]:
    """Return a partner; never its token."""
    return {
        "id": partner.id,
        "state": partner.state.value,
        "version": partner.version,
        "versions_url": partner.versions_url,
        "roles": [f"{r.role} {r.country_code}*{r.party_id}" for r in partner.roles],
    }


def known_partner_as_json(known: KnownPartner) -> dict[str, Any]:
    """Return a partner with our settings for it."""
    settings = {"in_doubt": known.in_doubt.value, "pricing": known.pricing}
    return partner_as_json(known.partner) | {"settings": settings}


async def _carried_out(call: Awaitable[T]) -> T:
    """Wait for a call to a partner; say in the API's terms why it failed.

    Raises:
        ApiError: It failed.
    """
    try:
        return await call
    except NotFound as error:
        raise ApiError(404, "no_such_partner", str(error)) from error
    except NotRegistered as error:
        raise ApiError(409, "not_registered", str(error)) from error
    except OcpiError as error:
        raise ApiError(502, "handshake_failed", str(error)) from error


def add_partner_routes(router: APIRouter, backend: Backend) -> None:
    """Add the routes of the partners."""
    _connecting(router, backend)
    _keeping(router, backend)


def _connecting(router: APIRouter, backend: Backend) -> None:
    @router.post("/partners")
    async def connect(request: Request) -> Response:
        """Start the handshake: ``versions_url``, ``token`` (token A), ``partner_id`` to bring a partner back."""
        value = await read_json(request)
        url, token = text_field(value, "versions_url"), text_field(value, "token")
        partner_id = text_field(value, "partner_id", required=False) or None
        try:
            partner = await _carried_out(backend.partners.connect(url, token, partner_id))
        except ValueError as error:
            raise ApiError(400, "token_unusable", str(error)) from error
        pushed = await _carried_out(backend.partners.push_all_tariffs(partner.id))
        return answer(partner_as_json(partner) | {"tariffs": pushed}, 201)

    @router.post("/partners/invitations")
    async def invite(request: Request) -> Response:
        """Return a token A and our versions URL; ``partner_id`` for one that lost its registration."""
        value = await read_json(request, empty_allowed=True)
        partner_id = text_field(value, "partner_id", required=False) or None
        token, url = await _carried_out(backend.partners.invite(partner_id))
        return answer({"token": token, "versions_url": url}, 201)


def _keeping(router: APIRouter, backend: Backend) -> None:
    @router.get("/partners")
    async def list_partners() -> Response:
        """Return all partners and our settings for them."""
        return answer([known_partner_as_json(known) for known in await backend.partners.known()])

    @router.post("/partners/{partner_id}/rotate")
    async def rotate(partner_id: str) -> Response:
        """Renew the tokens of both directions, and read version and endpoints again (PUT credentials)."""
        return answer(partner_as_json(await _carried_out(backend.partners.rotate(partner_id))))

    @router.post("/partners/{partner_id}/tariffs")
    async def push_tariffs(partner_id: str) -> Response:
        """Push every tariff in force to one partner: it started the handshake itself, or missed a push."""
        return answer({"tariffs": await _carried_out(backend.partners.push_all_tariffs(partner_id))})

    @router.put("/partners/{partner_id}/settings")
    async def set_settings(request: Request, partner_id: str) -> Response:
        """Change our settings for a partner; see :meth:`~eichrecht.service.partners.Partners.set_settings`."""
        value = await read_json(request)
        try:
            known = await _carried_out(backend.partners.set_settings(partner_id, value))
        except SettingsError as error:
            raise ApiError(400, "bad_settings", str(error)) from error
        return answer(known_partner_as_json(known))

    @router.delete("/partners/{partner_id}")
    async def disconnect(partner_id: str) -> Response:
        """End a registration (DELETE credentials); it ends here even if the partner cannot be told."""
        failure = await _carried_out(backend.partners.disconnect(partner_id))
        return answer({"id": partner_id, "told": "ok" if failure is None else failure})
