"""The operator API: keys, tariffs, sessions, CDRs, partners. Closed unless an operator token is set."""

from __future__ import annotations

import base64
import binascii
import hmac
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from eichrecht.evidence import Document, KeySource
from eichrecht.service.api import (
    MAX_ROWS,
    ApiError,
    Backend,
    answer,
    read_json,
    read_tariff,
    require_own_party,
    session_facts,
    text_field,
)
from eichrecht.service.chain import TakenSession, utc_now
from eichrecht.service.errors import Conflict
from eichrecht.service.operator_cdrs import add_cdr_routes, cdr_as_json
from eichrecht.service.operator_check import add_check_route
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.store.errors import NotFound, StoreConflict
from eichrecht.store.keys import OperatorKey
from eichrecht.store.partners import checked_settings
from eichrecht.verification.report import document_as_json, finding_as_json
from ocpi.errors import OcpiError
from ocpi.transport import json
from ocpi.versions import V2_2_1


def build_router(backend: Backend, token: str | None, base_url: str) -> APIRouter:
    """Return the operator API.

    Args:
        backend: What it works on.
        token: Operator token; ``None`` or an empty one closes the API.
        base_url: For receipt links.
    """

    async def authorised(request: Request) -> None:
        scheme, _, presented = request.headers.get("authorization", "").partition(" ")
        right = bool(token) and hmac.compare_digest(presented.strip().encode(), (token or "").encode())
        if scheme.lower() != "bearer" or not right:
            raise ApiError(401, "unauthorised", "operator token required (Authorization: Bearer ...)")

    router = APIRouter(prefix="/api/v1", tags=["operator"], dependencies=[Depends(authorised)])
    _key_routes(router, backend)
    _tariff_routes(router, backend)
    _session_routes(router, backend, base_url)
    add_check_route(router, backend)
    add_cdr_routes(router, backend, base_url)
    _partner_routes(router, backend)
    return router


def _key_routes(router: APIRouter, backend: Backend) -> None:
    @router.post("/keys")
    async def add_key(request: Request) -> Response:
        """Vouch for a key: ``charge_point``, ``public_key``, optionally ``meter_serial`` and ``note``."""
        value = await read_json(request)
        key = operator_key(
            text_field(value, "charge_point"),
            text_field(value, "public_key"),
            text_field(value, "meter_serial", required=False) or None,
            text_field(value, "note", required=False),
        )
        async with backend.database.transaction() as tx:
            number = await tx.keys.add(key, utc_now())
        return answer({"id": number, "fingerprint": key.fingerprint}, 201)

    @router.get("/keys")
    async def list_keys() -> Response:
        """Return every key of the ring."""
        async with backend.database.reading() as tx:
            keys = await tx.keys.find()
        return answer(
            [
                {
                    "id": key.id,
                    "charge_point": key.charge_point,
                    "meter_serial": key.meter_serial,
                    "fingerprint": key.fingerprint,
                    "source": key.source.value,
                    "note": key.note,
                }
                for key in keys
            ]
        )


def operator_key(charge_point: str, key_text: str, meter_serial: str | None, note: str) -> OperatorKey:
    """Read a key that the operator vouches for.

    Raises:
        ApiError: It is not readable, or its curve cannot be told from its text.
    """
    try:
        material = read_key(key_text)
    except UnreadableKey as error:
        raise ApiError(400, "key_unreadable", f"the key cannot be read: {error.code}") from error
    keys = material.possible_keys()
    if not keys:
        raise ApiError(400, "key_unusable", "the key is on no curve that meters use")
    return OperatorKey(
        charge_point, meter_serial, key_text, keys[0].spki, keys[0].fingerprint, KeySource.OPERATOR, note=note
    )


def _tariff_routes(router: APIRouter, backend: Backend) -> None:
    @router.put("/tariffs")
    async def put_tariff(request: Request) -> Response:
        """Store a tariff version and push it to every partner that takes tariffs."""
        value = await read_json(request)
        tariff = read_tariff(value)
        require_own_party(backend, tariff)
        try:
            async with backend.database.transaction() as tx:
                new = await tx.tariffs.put(tariff, json.dumps(V2_2_1.dump(tariff)), utc_now())
        except StoreConflict as error:
            raise ApiError(409, "tariff_conflict", str(error)) from error
        pushed = await backend.partners.push_tariff(tariff)
        return answer({"id": tariff.id, "new_version": new, "pushed": pushed}, 201 if new else 200)

    @router.delete("/tariffs/{tariff_id}")
    async def delete_tariff(tariff_id: str) -> Response:
        """Withdraw a tariff here and delete it at every partner; its versions stay for past sessions."""
        try:
            async with backend.database.transaction() as tx:
                await tx.tariffs.withdraw(backend.country_code, backend.party_id, tariff_id, utc_now())
        except (NotFound, ValueError) as error:  # no tariff has an id with control characters
            raise ApiError(404, "no_such_tariff", str(error)) from error
        deleted = await backend.partners.delete_tariff(tariff_id)
        return answer({"id": tariff_id, "deleted": deleted})


def _session_routes(router: APIRouter, backend: Backend, base_url: str) -> None:
    @router.post("/sessions")
    async def take_session(request: Request) -> Response:
        """Take a finished session: ``facts`` and ``signed_data`` (text) or ``signed_data_base64``."""
        value = await read_json(request)
        facts = session_facts(backend, value)
        document = Document(
            text_field(value, "source", required=False) or facts.session_id, signed_bytes(value)
        )
        try:
            taken = await backend.chain.take_session(facts, json.dumps(value["facts"]), document)
        except Conflict as error:
            raise ApiError(409, "session_conflict", str(error)) from error
        return answer(taken_as_json(taken, base_url), 200 if taken.known else 201)

    @router.get("/sessions")
    async def list_sessions(outcome: str | None = None) -> Response:
        """Return the intake log, newest first; ``outcome=refused`` shows what was not billed and why."""
        async with backend.database.reading() as tx:
            intakes = await tx.intakes.find(outcome=outcome, limit=MAX_ROWS)
        return answer(
            [
                {
                    "session_id": intake.session_id,
                    "outcome": intake.outcome,
                    "evidence_sha256": intake.evidence_sha256,
                    "received_at": intake.received_at.isoformat(),
                    "findings": [finding_as_json(finding) for finding in intake.findings],
                }
                for intake in intakes
            ]
        )


def signed_bytes(value: dict[str, Any]) -> bytes:
    """Return the signed data of a request exactly as the sender has them.

    Raises:
        ApiError: They are missing, or the base64 is broken.
    """
    encoded = text_field(value, "signed_data_base64", required=False)
    if encoded:
        try:
            return base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ApiError(400, "base64_broken", f"signed_data_base64: {error}") from error
    return text_field(value, "signed_data").encode()


def taken_as_json(taken: TakenSession, base_url: str) -> dict[str, Any]:
    """Return what became of a session."""
    return {
        "outcome": taken.outcome.value,
        "known": taken.known,
        "cdr": None if taken.cdr is None else cdr_as_json(taken.cdr, base_url),
        "verification": None if taken.verdict is None else document_as_json(taken.verdict),
        "findings": [finding_as_json(finding) for finding in taken.findings],
    }


def _partner_routes(router: APIRouter, backend: Backend) -> None:
    @router.post("/partners")
    async def connect(request: Request) -> Response:
        """Start the handshake: ``versions_url``, ``token`` (token A), ``partner_id`` to bring a partner back."""
        value = await read_json(request)
        try:
            partner = await backend.partners.connect(
                text_field(value, "versions_url"),
                text_field(value, "token"),
                text_field(value, "partner_id", required=False) or None,
            )
        except NotFound as error:
            raise ApiError(404, "no_such_partner", str(error)) from error
        except ValueError as error:
            raise ApiError(400, "token_unusable", str(error)) from error
        except OcpiError as error:
            raise ApiError(502, "handshake_failed", str(error)) from error
        return answer({"id": partner.id, "version": partner.version, "state": partner.state.value}, 201)

    @router.post("/partners/invitations")
    async def invite(request: Request) -> Response:
        """Return a token A and our versions URL; ``partner_id`` for one that lost its registration."""
        value = await read_json(request, empty_allowed=True)
        try:
            token, url = await backend.partners.invite(
                text_field(value, "partner_id", required=False) or None
            )
        except NotFound as error:
            raise ApiError(404, "no_such_partner", str(error)) from error
        return answer({"token": token, "versions_url": url}, 201)

    @router.get("/partners/{partner_id}/settings")
    async def partner_settings(partner_id: str) -> Response:
        """Return our settings for a partner."""
        async with backend.database.reading() as tx:
            try:
                return answer(await tx.partners.settings(partner_id))
            except NotFound as error:
                raise ApiError(404, "no_such_partner", str(error)) from error

    @router.put("/partners/{partner_id}/settings")
    async def set_partner_settings(partner_id: str, request: Request) -> Response:
        """Replace our settings for a partner: ``pricing`` (a policy's name or settings), ``in_doubt``."""
        try:
            settings = checked_settings(await read_json(request))
        except ValueError as error:
            raise ApiError(400, "bad_setting", str(error)) from error
        async with backend.database.transaction() as tx:
            try:
                await tx.partners.set_settings(partner_id, settings)
            except NotFound as error:
                raise ApiError(404, "no_such_partner", str(error)) from error
        return answer(settings)

    @router.get("/partners")
    async def list_partners(request: Request) -> Response:
        """Return all partners."""
        found = await backend.partners.all()
        return answer(
            [
                {
                    "id": partner.id,
                    "state": partner.state.value,
                    "version": partner.version,
                    "roles": [f"{r.role} {r.country_code}*{r.party_id}" for r in partner.roles],
                }
                for partner in found
            ]
        )
