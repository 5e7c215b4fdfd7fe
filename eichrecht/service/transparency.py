"""The transparency check: whoever has signed data may have them checked, without an account and without a trace.

``POST /api/v1/transparency/check`` answers with the verdict JSON of the CLI contract; ``GET /`` and ``POST /`` are the
same check as a page that needs no JavaScript. Nothing that is checked here is stored. Anyone may ask, so what all
requests together may cost is bounded (:mod:`eichrecht.service.admission`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from eichrecht.containers.limits import MAX_DOCUMENT_BYTES
from eichrecht.evidence import Document, DocumentVerdict
from eichrecht.keyring.ring import KeyRing
from eichrecht.rules.profiles import Profile
from eichrecht.service import pages
from eichrecht.service.admission import READ_TIMEOUT_S, RETRY_AFTER_S, Admission, Busy
from eichrecht.service.limits import BodyTooLargeError, declared_length, read_body
from eichrecht.service.pages import API_HEADERS
from eichrecht.service.view import verdict_view
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.verification import Verifier
from eichrecht.verification.bundles import sort_files
from eichrecht.verification.defects import with_net
from eichrecht.verification.detached import verify_together
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.report import results_as_json
from ocpi.transport import json

T = TypeVar("T")

MAX_FILES_PER_CHECK = 20
"""Files in one request; an archive holds more (bulk checks have their own command)."""

MAX_FIELDS_PER_CHECK = 20
"""Text fields in one form; the page has three."""

MAX_FORM_BYTES = MAX_DOCUMENT_BYTES + 1024 * 1024
"""A whole form: one document of the largest size, and room for the key and the form's own lines."""


_STATUS = {"document_too_large": 413, "length_required": 411, "busy": 503, "upload_too_slow": 408}


class CheckError(Exception):
    """The request cannot be checked.

    Attributes:
        status: HTTP status.
        code: Stable code.
        detail: For people.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(code)
        self.status = _STATUS.get(code, 400)
        self.code = code
        self.detail = detail


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a driver hands in."""

    documents: tuple[Document, ...]
    keys: tuple[SuppliedKey, ...]
    profile: Profile = Profile.STRICT
    text: str = ""
    key: str = ""
    anchors: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What stands in a request, before anything is looked into."""

    documents: tuple[Document, ...]
    key: str = ""
    profile: str = ""
    text: str = ""


RingSource = Callable[[], Awaitable[KeyRing]]


async def read_given(request: Request) -> Given:
    """Read a form (fields ``file``, ``text``, ``key``, ``profile``) or a bare body as one document.

    Raises:
        CheckError: Nothing was given, too much was given, or it came too slowly.
    """
    try:
        async with asyncio.timeout(READ_TIMEOUT_S):
            return await _read(request)
    except TimeoutError as error:
        raise CheckError("upload_too_slow", str(READ_TIMEOUT_S)) from error


async def _read(request: Request) -> Given:
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in {"multipart/form-data", "application/x-www-form-urlencoded"}:
        try:
            body = await read_body(request, MAX_DOCUMENT_BYTES)
        except BodyTooLargeError as error:
            raise CheckError("document_too_large", str(MAX_DOCUMENT_BYTES)) from error
        if not body.strip():
            raise CheckError("nothing_given")
        parameters = request.query_params
        return Given((Document("body", body),), parameters.get("key", ""), parameters.get("profile", ""))
    declared = declared_length(request)
    if declared is None:
        raise CheckError("length_required")
    if declared > MAX_FORM_BYTES:
        raise CheckError("document_too_large", str(MAX_DOCUMENT_BYTES))
    try:
        # Closed on leaving: what a driver uploads must not stay in a temporary file.
        async with request.form(
            max_files=MAX_FILES_PER_CHECK, max_fields=MAX_FIELDS_PER_CHECK, max_part_size=MAX_DOCUMENT_BYTES
        ) as form:
            documents = [
                Document(item.filename or "upload", content)
                for item in (*form.getlist("file"), *form.getlist("key"))
                if isinstance(item, UploadFile) and (content := await item.read())
            ]
            text, key, profile = (_field(form.get(name)) for name in ("text", "key", "profile"))
    except (MultiPartException, HTTPException) as error:
        raise CheckError("malformed_form", str(error)) from error
    if text.strip():
        documents.append(Document("text", text.encode("utf-8", "replace")))
    if not documents:
        raise CheckError("nothing_given")
    return Given(tuple(documents), key, profile, text)


def _field(value: Any) -> str:
    return value if isinstance(value, str) else ""


def understood(given: Given) -> CheckRequest:
    """Tell keys from documents. Takes processor time: to do so every file must be looked into.

    Several files are one bundle: keys and detached signatures among them serve the others.

    Raises:
        CheckError: There is no document, the key cannot be read, or the profile is unknown.
    """
    bundle = sort_files(list(given.documents))
    if not bundle.documents:
        raise CheckError("nothing_given")
    keys = bundle.keys
    if given.key.strip():
        try:
            read_key(given.key)
        except UnreadableKey as error:
            raise CheckError("key_unreadable", error.code) from error
        keys = (SuppliedKey(given.key, "key"), *keys)
    try:
        chosen = Profile(given.profile) if given.profile else Profile.STRICT
    except ValueError as error:
        raise CheckError("unknown_profile", ", ".join(Profile)) from error
    return CheckRequest(bundle.documents, keys, chosen, given.text, given.key, bundle.anchors)


def verdicts_of(asked: CheckRequest, ring: KeyRing) -> list[DocumentVerdict]:
    """Verify every document, with what lies beside it; takes processor time."""
    verifier = Verifier(profile=asked.profile, ring=ring, keys=asked.keys, anchors=asked.anchors)
    return verify_together(asked.documents, with_net(verifier.verify))


@dataclass(frozen=True, slots=True)
class _Checker:
    """One way through for both answers: a place, the request, then everything that takes time in a thread."""

    ring_source: RingSource
    admission: Admission

    async def answer(
        self, request: Request, written: Callable[[CheckRequest, list[DocumentVerdict]], T]
    ) -> T:
        """Check what a request holds and write the answer.

        Raises:
            CheckError: The request cannot be checked, or not now.
        """
        try:
            with self.admission.place():
                given = await read_given(request)
                ring = await self.ring_source()

                def work() -> T:
                    asked = understood(given)
                    return written(asked, verdicts_of(asked, ring))

                return await self.admission.run(work)
        except Busy as error:
            raise CheckError("busy", str(RETRY_AFTER_S)) from error


def build_router(ring_source: RingSource, admission: Admission | None = None) -> APIRouter:
    """Return the routes of the transparency check.

    Args:
        ring_source: Gives the key ring in force at the moment of the request.
        admission: Bounds of what all requests together may cost; the usual ones if not given.
    """
    router = APIRouter(tags=["transparency"])
    checker = _Checker(ring_source, admission or Admission())

    @router.post("/api/v1/transparency/check")
    async def check_as_json(request: Request) -> Response:
        """Check signed data: a form with ``file``, ``text``, ``key``, ``profile``, or the data as the body."""
        language = pages.page_language(request)
        try:
            body = await checker.answer(
                request, lambda _, verdicts: json.dumps(results_as_json(verdicts, language))
            )
        except CheckError as error:
            body = json.dumps({"error": {"code": error.code, "detail": error.detail}})
            headers = {**API_HEADERS, **_retry(error)}
            return Response(body, error.status, headers, "application/json")
        return Response(body, media_type="application/json", headers=API_HEADERS)

    @router.get("/", include_in_schema=False)
    async def form(request: Request) -> Response:
        return pages.render(request, "check.html", results=())

    @router.post("/", include_in_schema=False)
    async def check_as_page(request: Request) -> Response:
        language = pages.page_language(request)

        def page(asked: CheckRequest, verdicts: list[DocumentVerdict]) -> Response:
            results = [verdict_view(verdict, language) for verdict in verdicts]
            return pages.render(request, "check.html", results=results, text=asked.text, key=asked.key)

        try:
            return await checker.answer(request, page)
        except CheckError as error:
            message = pages.error_text(error.code, error.detail, language)
            response = pages.render(request, "check.html", status=error.status, results=(), error=message)
            response.headers.update(_retry(error))
            return response

    return router


def _retry(error: CheckError) -> dict[str, str]:
    return {"Retry-After": str(RETRY_AFTER_S)} if error.code == "busy" else {}
