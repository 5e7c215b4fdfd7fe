"""The receipt page of one CDR under its unguessable link, and the original record byte for byte."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC

from fastapi import APIRouter, Request, Response

from eichrecht import locales
from eichrecht.evidence import Document, DocumentVerdict
from eichrecht.service import pages
from eichrecht.service.admission import Admission
from eichrecht.service.transparency import RingSource
from eichrecht.service.view import verdict_view
from eichrecht.store.cdrs import StoredCdr
from eichrecht.store.database import Database
from eichrecht.store.errors import NotFound
from eichrecht.store.states import LISTED_CDR_STATES
from eichrecht.verification import Verifier
from ocpi.objects.cdr import Cdr
from ocpi.transport import json
from ocpi.versions import V2_2_1

_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,64}")

VISIBLE_CHARACTERS = 4
"""How much of an identification is shown: enough to recognise one's own card, no more (law facts §13)."""


@dataclass(frozen=True, slots=True)
class BillView:
    """What was billed, in the reader's language; times with the offset that the meter signed."""

    total: str
    exact_total: str
    energy: str
    energy_matches: bool
    place: str
    time: str
    medium: str
    cdr_id: str
    credit: str | None
    credited: bool
    public_key: str | None


def mask(identification: str) -> str:
    """Hide an identification except for its last characters."""
    if len(identification) <= VISIBLE_CHARACTERS:
        return "…"
    return "…" + identification[-VISIBLE_CHARACTERS:]


def _bill(cdr: Cdr, stored: StoredCdr, verdict: DocumentVerdict, language: str) -> BillView:
    price = cdr.total_cost
    amount = price.incl_vat if price.incl_vat is not None else price.excl_vat
    net = "" if price.incl_vat is not None else f" ({locales.text('pages', 'total_net', language)})"
    begin = next((item.begin for item in verdict.transactions if item.begin is not None), None)
    zone = begin.time.tzinfo if begin is not None and begin.time is not None else UTC
    times = (cdr.start_date_time.astimezone(zone), cdr.end_date_time.astimezone(zone))
    signed = [transaction.energy_kwh for transaction in verdict.transactions]
    location = cdr.cdr_location
    town = f"{location.postal_code or ''} {location.city}".strip()
    return BillView(
        total=locales.money(amount, cdr.currency, language) + net,
        exact_total=f"{locales.number(amount, language)} {cdr.currency}",
        energy=f"{locales.number(cdr.total_energy, language)} kWh",
        energy_matches=len(signed) == 1 and signed[0] == cdr.total_energy,
        place=f"{location.address}, {town} ({location.evse_id})",
        time=" – ".join(locales.moment(moment, language) for moment in times),
        medium=f"{cdr.cdr_token.type.value} {mask(cdr.cdr_token.uid)}",
        cdr_id=cdr.id,
        credit=cdr.credit_reference_id,
        credited=stored.credited,
        public_key=cdr.signed_data.public_key if cdr.signed_data is not None else None,
    )


def build_router(database: Database, ring_source: RingSource) -> APIRouter:
    """Return the receipt routes.

    Args:
        database: Open database.
        ring_source: Gives the key ring in force at the moment of the request.
    """
    router = APIRouter(include_in_schema=False)
    admission = Admission()  # of its own: a flood of the public check must not close the receipts

    async def find(token: str) -> tuple[StoredCdr, Document] | None:
        if not _TOKEN.fullmatch(token):
            return None
        async with database.reading() as tx:
            try:
                stored = await tx.cdrs.by_receipt_token(token)
                if stored.state not in LISTED_CDR_STATES or not stored.evidence:
                    return None
                return stored, await tx.evidence.get(stored.evidence[0])
            except NotFound:
                return None

    @router.get("/r/{token}")
    async def receipt(request: Request, token: str) -> Response:
        found = await find(token)
        if found is None:
            return pages.render(request, "missing.html", status=404)
        stored, document = found
        language = pages.page_language(request)
        cdr = V2_2_1.load(Cdr, json.loads(stored.body))
        verifier = Verifier(ring=await ring_source(), charge_point=cdr.cdr_location.evse_id)
        verdict = await admission.run(lambda: verifier.verify(document))
        return pages.render(
            request,
            "receipt.html",
            result=verdict_view(verdict, language),
            bill=_bill(cdr, stored, verdict, language),
            token=token,
        )

    @router.get("/r/{token}/record")
    async def record(request: Request, token: str) -> Response:
        found = await find(token)
        if found is None:
            return pages.render(request, "missing.html", status=404)
        stored, document = found
        name = re.sub(r"[^A-Za-z0-9_.-]", "_", stored.id)
        headers = {
            **pages.PAGE_HEADERS,
            "Content-Disposition": f'attachment; filename="{name}.{_suffix(document.content)}"',
        }
        return Response(document.content, media_type="application/octet-stream", headers=headers)

    return router


def _suffix(content: bytes) -> str:
    start = content.lstrip()[:5]
    if start.startswith(b"OCMF|"):
        return "ocmf"
    if start.startswith(b"<"):
        return "xml"
    return "json" if start.startswith((b"{", b"[")) else "txt"
