"""The operator API's CDRs: list, read, credit, release, discard; stopped deliveries: replay, accept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import APIRouter, Request, Response

from eichrecht.service.api import (
    MAX_ROWS,
    ApiError,
    Backend,
    answer,
    read_json,
    read_tariff,
    session_facts,
    text_field,
)
from eichrecht.service.errors import Conflict, CorrectionRefused
from eichrecht.store.cdrs import StoredCdr
from eichrecht.store.errors import NotFound, StoreConflict
from eichrecht.store.states import CdrState
from eichrecht.verification.report import finding_as_json
from ocpi.cdrs.errors import CdrError


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


def add_cdr_routes(router: APIRouter, backend: Backend, base_url: str) -> None:
    """Add the routes of the CDRs."""
    _reading(router, backend, base_url)
    _deciding(router, backend, base_url)
    _stopped(router, backend, base_url)


async def _one(backend: Backend, cdr_id: str) -> StoredCdr:
    try:
        async with backend.database.reading() as tx:
            return await tx.cdrs.get(backend.country_code, backend.party_id, cdr_id)
    except (NotFound, ValueError) as error:  # no CDR has an id with control characters
        raise ApiError(404, "no_such_cdr", str(error)) from error


def _reading(router: APIRouter, backend: Backend, base_url: str) -> None:
    @router.get("/cdrs")
    async def list_cdrs(state: CdrState | None = None, session_id: str | None = None) -> Response:
        """Return CDRs, newest first."""
        async with backend.database.reading() as tx:
            rows = await tx.cdrs.find(state=state, session_id=session_id, limit=MAX_ROWS)
        return answer([cdr_as_json(row, base_url) for row in rows])

    @router.get("/cdrs/{cdr_id}")
    async def get_cdr(cdr_id: str) -> Response:
        """Return one CDR with its findings and its delivery."""
        stored = await _one(backend, cdr_id)
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


def _deciding(router: APIRouter, backend: Backend, base_url: str) -> None:
    @router.post("/cdrs/{cdr_id}/credit")
    async def credit(request: Request, cdr_id: str) -> Response:
        """Credit a CDR in full; with ``facts`` in the body also make the corrected CDR."""
        value = await read_json(request, empty_allowed=True)
        unknown = sorted(set(value) - {"facts", "tariff"})
        if unknown:  # a misspelt "facts" must not become a credit without its correction
            raise ApiError(400, "unknown_field", f"only facts and tariff are known, not {', '.join(unknown)}")
        corrected = session_facts(backend, value) if "facts" in value else None
        tariff = read_tariff(value["tariff"]) if "tariff" in value else None
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
        by, reason = text_field(value, "by"), text_field(value, "reason")
        with _decided("release"):
            released = await backend.decisions.release(cdr_id, codes, by=by, reason=reason)
        return answer(cdr_as_json(released, base_url))

    @router.post("/cdrs/{cdr_id}/discard")
    async def discard(cdr_id: str) -> Response:
        """Give up a held CDR, so that the session can come in again corrected under a new ``cdr_id``."""
        with _decided("discard"):
            discarded = await backend.decisions.discard(cdr_id)
        return answer(cdr_as_json(discarded, base_url))


def _stopped(router: APIRouter, backend: Backend, base_url: str) -> None:
    @router.post("/cdrs/{cdr_id}/replay")
    async def replay(cdr_id: str) -> Response:
        """Start a stopped delivery again; where the partner may have the CDR, it is asked first."""
        with _decided("replay"):
            stored = await backend.decisions.replay(cdr_id)
        return answer(cdr_as_json(stored, base_url))

    @router.post("/cdrs/{cdr_id}/accept")
    async def accept(request: Request, cdr_id: str) -> Response:
        """Take a stopped delivery for delivered, as agreed with the partner: ``by``, ``reason``."""
        value = await read_json(request)
        by, reason = text_field(value, "by"), text_field(value, "reason")
        with _decided("accept"):
            stored = await backend.decisions.accept(cdr_id, by=by, reason=reason)
        return answer(cdr_as_json(stored, base_url))


@contextmanager
def _decided(what: str) -> Iterator[None]:
    """Say in the API's terms why a decision cannot be carried out.

    Raises:
        ApiError: There is nothing of that name, or its state does not allow it.
    """
    try:
        yield
    except NotFound as error:
        raise ApiError(404, "no_such_cdr", str(error)) from error
    except StoreConflict as error:
        raise ApiError(409, f"cannot_{what}", str(error)) from error
