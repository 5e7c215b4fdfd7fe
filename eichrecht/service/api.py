"""What all routes of the operator API share: errors, reading requests, answers, checks of what is given."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response

from eichrecht.billing.facts import FactsError, SessionFacts, read_facts
from eichrecht.containers.limits import MAX_DOCUMENT_BYTES
from eichrecht.evidence import Finding
from eichrecht.service.chain import Chain
from eichrecht.service.decisions import Decisions
from eichrecht.service.limits import BodyTooLargeError, read_body
from eichrecht.service.pages import API_HEADERS
from eichrecht.service.partners import Partners
from eichrecht.store.database import Database
from eichrecht.verification.report import finding_as_json
from ocpi.errors import InvalidObject
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
    decisions: Decisions

    @property
    def party(self) -> tuple[str, str]:
        """Country code and party id of this service."""
        return self.country_code, self.party_id


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
        value = json.loads(body, max_bytes=MAX_REQUEST_BYTES)
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
    require_own_party(backend.party, facts)
    return facts


def require_own_party(ours: tuple[str, str], made: SessionFacts | Tariff) -> None:
    """Refuse what belongs to another CPO.

    Args:
        ours: Country code and party id of this service.
        made: What came in.

    Raises:
        ApiError: Its party is not this service's.
    """
    if (made.country_code.lower(), made.party_id.lower()) != (ours[0].lower(), ours[1].lower()):
        raise ApiError(
            400,
            "other_party",
            f"this service is {'*'.join(ours)}, not {made.country_code}*{made.party_id}",
            problems=(("/country_code", "/party_id must be this service's own"),),
        )


def read_tariff(value: Any) -> Tariff:
    """Read an OCPI 2.2.1 tariff.

    Raises:
        ApiError: It is none; the message names every place.
    """
    try:
        return V2_2_1.load(Tariff, value)
    except InvalidObject as error:
        raise ApiError(400, "no_tariff", str(error)) from error
