"""The operator API: keys, tariffs, sessions, CDRs, partners. Closed unless an operator token is set."""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter, Depends, Request, Response

from eichrecht.billing.facts import FactsError, SessionFacts, read_facts
from eichrecht.containers.limits import MAX_DOCUMENT_BYTES
from eichrecht.evidence import Document, Finding, KeySource
from eichrecht.service.chain import Chain, TakenSession, utc_now
from eichrecht.service.errors import Conflict, CorrectionRefused
from eichrecht.service.limits import BodyTooLargeError, read_body
from eichrecht.service.pages import API_HEADERS
from eichrecht.service.partners import Partners
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.store.cdrs import Override, StoredCdr
from eichrecht.store.database import Database
from eichrecht.store.errors import NotFound, StoreConflict
from eichrecht.store.keys import OperatorKey
from eichrecht.store.states import CdrState
from eichrecht.verification.report import document_as_json, finding_as_json
from ocpi.cdrs.errors import CdrError
from ocpi.errors import InvalidObject, OcpiError
from ocpi.objects.tariff import Tariff
from ocpi.transport import json
from ocpi.versions import V2_2_1

MAX_REQUEST_BYTES = MAX_DOCUMENT_BYTES * 4 // 3 + 1024 * 1024
"""A document in base64, and room for the session facts."""

MAX_ROWS = 1_000
"""CDRs in one answer of the operator's list."""


class ApiError(Exception):
    """A request that cannot be carried out.

    Attributes:
        status: HTTP status.
        code: Stable code.
        detail: What is wrong and what to do, for people.
        findings: Why, where findings say it.
        problems: (JSON pointer, message) pairs, where the request itself is wrong.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        findings: tuple[Finding, ...] = (),
        problems: tuple[tuple[str, str], ...] = (),
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.findings = findings
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Backend:
    """What the operator API works on."""

    database: Database
    chain: Chain
    partners: Partners
    country_code: str
    party_id: str


def answer(value: Any, status: int = 200) -> Response:
    """Return JSON with exact numbers."""
    return Response(json.dumps(value), status_code=status, media_type="application/json", headers=API_HEADERS)


def error_answer(error: ApiError) -> Response:
    """Return an error as JSON."""
    findings = [finding_as_json(finding) for finding in error.findings]
    problems = [{"where": where, "message": message} for where, message in error.problems]
    body = {"code": error.code, "detail": error.detail, "findings": findings, "problems": problems}
    response = answer({"error": body}, error.status)
    if error.status == HTTPStatus.UNAUTHORIZED:
        response.headers["WWW-Authenticate"] = "Bearer"
    return response


async def read_json(request: Request, *, empty_allowed: bool = False) -> dict[str, Any]:
    """Read a JSON object from the body.

    Args:
        request: The request.
        empty_allowed: No body at all stands for an empty object.

    Raises:
        ApiError: Too large, no JSON, or no object.
    """
    try:
        body = await read_body(request, MAX_REQUEST_BYTES)
    except BodyTooLargeError as error:
        raise ApiError(413, "too_large", f"at most {MAX_REQUEST_BYTES} bytes") from error
    if empty_allowed and not body.strip():
        return {}
    try:
        value = json.loads(body)
    except json.JsonError as error:
        raise ApiError(400, "no_json", str(error)) from error
    if not isinstance(value, dict):
        raise ApiError(400, "no_object", "the body must be a JSON object")
    return value


def text_field(value: dict[str, Any], name: str, *, required: bool = True) -> str:
    """Return a text member of a JSON object.

    Raises:
        ApiError: It is missing or no text.
    """
    found = value.get(name)
    if isinstance(found, str) and (found or not required):
        return found
    if found is None and not required:
        return ""
    raise ApiError(400, "missing_field", f"{name} must be a text")


def cdr_as_json(stored: StoredCdr, base_url: str) -> dict[str, Any]:
    """Return a stored CDR for the operator."""
    return {
        "country_code": stored.country_code,
        "party_id": stored.party_id,
        "id": stored.id,
        "session_id": stored.session_id,
        "state": stored.state.value,
        "total_cost": {"excl_vat": stored.total_cost_excl_vat, "incl_vat": stored.total_cost_incl_vat},
        "currency": stored.currency,
        "total_energy": stored.total_energy_kwh,
        "credit": stored.credit,
        "credit_reference_id": stored.credit_reference_id,
        "credited": stored.credited,
        "receipt_url": f"{base_url}/r/{stored.receipt_token}",
        "findings": [finding_as_json(finding) for finding in stored.findings],
    }


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
    _cdr_routes(router, backend, base_url)
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
        tariff = _tariff(value)
        _require_own_party(backend, tariff)
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
        except NotFound as error:
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


def session_facts(backend: Backend, value: dict[str, Any]) -> SessionFacts:
    """Return the session facts of a request.

    Raises:
        ApiError: They are missing, wrong in some place, or those of another CPO.
    """
    given = value.get("facts")
    if not isinstance(given, dict):
        raise ApiError(400, "missing_field", "facts must be an object (docs/operator.md)")
    try:
        facts = read_facts(given)
    except FactsError as error:
        raise ApiError(400, "facts_invalid", str(error), problems=error.problems) from error
    _require_own_party(backend, facts)
    return facts


def _require_own_party(backend: Backend, made: SessionFacts | Tariff) -> None:
    ours = (backend.country_code, backend.party_id)
    if (made.country_code.lower(), made.party_id.lower()) != (ours[0].lower(), ours[1].lower()):
        raise ApiError(
            400,
            "other_party",
            f"this service is {'*'.join(ours)}, not {made.country_code}*{made.party_id}",
            problems=(("/country_code", "/party_id must be this service's own"),),
        )


def _tariff(value: Any) -> Tariff:
    try:
        return V2_2_1.load(Tariff, value)
    except InvalidObject as error:
        raise ApiError(400, "no_tariff", str(error)) from error


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


def _cdr_routes(router: APIRouter, backend: Backend, base_url: str) -> None:
    async def one(cdr_id: str) -> StoredCdr:
        try:
            async with backend.database.reading() as tx:
                return await tx.cdrs.get(backend.country_code, backend.party_id, cdr_id)
        except (NotFound, ValueError) as error:
            raise ApiError(404, "no_such_cdr", str(error)) from error

    @router.get("/cdrs")
    async def list_cdrs(state: CdrState | None = None, session_id: str | None = None) -> Response:
        """Return CDRs, newest first."""
        async with backend.database.reading() as tx:
            rows = await tx.cdrs.find(state=state, session_id=session_id, limit=MAX_ROWS)
        return answer([cdr_as_json(row, base_url) for row in rows])

    @router.get("/cdrs/{cdr_id}")
    async def get_cdr(cdr_id: str) -> Response:
        """Return one CDR with its findings and its delivery."""
        stored = await one(cdr_id)
        async with backend.database.reading() as tx:
            try:
                delivery = await tx.deliveries.for_cdr(stored.pk)
            except NotFound:
                delivery = None
        value = cdr_as_json(stored, base_url)
        value["delivery"] = delivery and {
            "state": delivery.state.value,
            "attempts": delivery.attempts,
            "location": delivery.location,
            "last_error": delivery.last_error,
        }
        return answer(value)

    @router.post("/cdrs/{cdr_id}/credit")
    async def credit(request: Request, cdr_id: str) -> Response:
        """Credit a CDR in full; with ``facts`` in the body also make the corrected CDR."""
        value = await read_json(request, empty_allowed=True)
        unknown = sorted(set(value) - {"facts", "tariff"})
        if unknown:  # a misspelt "facts" must not become a credit without its correction
            raise ApiError(400, "unknown_field", f"only facts and tariff are known, not {', '.join(unknown)}")
        corrected = session_facts(backend, value) if "facts" in value else None
        tariff = _tariff(value["tariff"]) if "tariff" in value else None
        if tariff is not None and corrected is None:
            raise ApiError(400, "missing_field", "a tariff goes with facts for the corrected CDR")
        try:
            made = await backend.chain.credit(
                backend.country_code, backend.party_id, cdr_id, corrected=corrected, tariff=tariff
            )
        except CorrectionRefused as error:
            raise ApiError(409, "correction_refused", str(error), error.findings) from error
        except NotFound as error:
            raise ApiError(404, "no_such_cdr", str(error)) from error
        except (StoreConflict, CdrError, Conflict) as error:
            raise ApiError(409, "cannot_credit", str(error)) from error
        return answer([cdr_as_json(row, base_url) for row in made], 201)

    @router.post("/cdrs/{cdr_id}/release")
    async def release(request: Request, cdr_id: str) -> Response:
        """Release a held CDR by a recorded decision: ``by``, ``reason`` and the ``codes`` that are accepted."""
        value = await read_json(request)
        codes = value.get("codes")
        if not isinstance(codes, list) or not all(isinstance(code, str) for code in codes):
            raise ApiError(400, "missing_field", "codes must be a list of finding codes")
        now = utc_now()
        by, reason = text_field(value, "by"), text_field(value, "reason")
        stored = await one(cdr_id)
        try:
            async with backend.database.transaction() as tx:
                overrides = [Override(code, by, reason, now) for code in codes]
                released = await tx.cdrs.release(stored.pk, overrides, now)
        except StoreConflict as error:
            raise ApiError(409, "cannot_release", str(error)) from error
        return answer(cdr_as_json(released, base_url))

    @router.post("/cdrs/{cdr_id}/discard")
    async def discard(cdr_id: str) -> Response:
        """Give up a held CDR, so that the session can come in again corrected under a new ``cdr_id``."""
        stored = await one(cdr_id)
        try:
            async with backend.database.transaction() as tx:
                discarded = await tx.cdrs.discard(stored.pk)
        except StoreConflict as error:
            raise ApiError(409, "cannot_discard", str(error)) from error
        return answer(cdr_as_json(discarded, base_url))


def _partner_routes(router: APIRouter, backend: Backend) -> None:
    @router.post("/partners")
    async def connect(request: Request) -> Response:
        """Start the handshake with a partner: ``versions_url`` and ``token`` (its token A)."""
        value = await read_json(request)
        try:
            partner = await backend.partners.connect(
                text_field(value, "versions_url"), text_field(value, "token")
            )
        except OcpiError as error:
            raise ApiError(502, "handshake_failed", str(error)) from error
        return answer({"id": partner.id, "version": partner.version, "state": partner.state.value}, 201)

    @router.post("/partners/invitations")
    async def invite() -> Response:
        """Return a token A and our versions URL for a partner that starts the handshake itself."""
        token, url = await backend.partners.invite()
        return answer({"token": token, "versions_url": url}, 201)

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
