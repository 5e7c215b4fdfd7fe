"""Material for store and delivery tests: a small CDR, a registered partner, a real HTTP receiver."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from eichrecht.delivery.ocpi_client import wire_body
from eichrecht.store.cdr_records import NewCdr, StoredCdr
from eichrecht.store.database import Database
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.objects.version import Endpoint, InterfaceRole
from ocpi.registration import Partner, PartnerState

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def sample_cdr(cdr_id: str = "CDR1", session_id: str | None = None, **fields: Any) -> Cdr:
    """A CDR of 10.000 kWh at 0.4 EUR with 19 % VAT."""
    return Cdr.model_validate(
        {
            "country_code": "DE",
            "party_id": "ABC",
            "id": cdr_id,
            "start_date_time": "2026-03-01T10:00:00Z",
            "end_date_time": "2026-03-01T11:00:00Z",
            "session_id": session_id or f"S-{cdr_id}",
            "cdr_token": {
                "country_code": "DE",
                "party_id": "MSP",
                "uid": "0102030405",
                "type": "RFID",
                "contract_id": "DE-MSP-C0000001-1",
            },
            "auth_method": "WHITELIST",
            "cdr_location": {
                "id": "L1",
                "address": "Hauptstraße 1",
                "city": "Berlin",
                "country": "DEU",
                "coordinates": {"latitude": "52.52000", "longitude": "13.40500"},
                "evse_uid": "1",
                "evse_id": "DE*ABC*E1",
                "connector_id": "1",
                "connector_standard": "IEC_62196_T2",
                "connector_format": "SOCKET",
                "connector_power_type": "AC_3_PHASE",
            },
            "currency": "EUR",
            "charging_periods": [
                {
                    "start_date_time": "2026-03-01T10:00:00Z",
                    "dimensions": [{"type": "ENERGY", "volume": Decimal("10.000")}],
                }
            ],
            "total_cost": {"excl_vat": Decimal("4.00"), "incl_vat": Decimal("4.76")},
            "total_energy": Decimal("10.000"),
            "total_time": 1,
            "last_updated": "2026-03-01T11:05:00Z",
            **fields,
        }
    )


def credit_of(original: Cdr) -> Cdr:
    data = {name: getattr(original, name) for name in Cdr.model_fields}
    price = original.total_cost
    assert price.incl_vat is not None
    return Cdr.model_validate(
        {
            **data,
            "id": original.id + "-C",
            "credit": True,
            "credit_reference_id": original.id,
            "total_cost": {"excl_vat": -price.excl_vat, "incl_vat": -price.incl_vat},
        }
    )


def partner(url: str = "https://emsp.example/cdrs", partner_id: str = "p1", party_id: str = "MSP") -> Partner:
    role = CredentialsRole(
        role=Role.EMSP,
        business_details=BusinessDetails(name="eMSP"),
        party_id=party_id,
        country_code="DE",
    )
    return Partner(
        id=partner_id,
        state=PartnerState.REGISTERED,
        versions_url=url.replace("/cdrs", "/versions"),
        version="2.2.1",
        endpoints=(Endpoint(identifier="cdrs", role=InterfaceRole.RECEIVER, url=url),),
        roles=(role,),
        token="the-token-that-we-send",
        base64_tokens=True,
        updated=NOW,
    )


def new_cdr(cdr: Cdr, partner_id: str | None = "p1", **fields: Any) -> NewCdr:
    return NewCdr(cdr, wire_body(cdr), partner_id, **fields)


async def store_cdrs(
    database: Database, url: str, *cdrs: Cdr, settings: dict[str, Any] | None = None, now: datetime = NOW
) -> list[StoredCdr]:
    """Register partner p1 at ``url`` and create CDRs that are ready for it."""
    async with database.transaction() as tx:
        await tx.partners.put(partner(url))
        await tx.partners.set_settings("p1", settings or {})
        return [await tx.cdrs.create(new_cdr(cdr), now) for cdr in cdrs]


# --- a receiver over real HTTP -------------------------------------------------------------------

Behaviour = Callable[["Receiver", "ReceiverHandler", bytes, dict[str, Any]], None]


@dataclass
class Receiver:
    """An eMSP's CDRs Receiver interface on a socket; it stores by id and counts what arrives."""

    behaviour: Behaviour
    get_works: bool = True
    stored: dict[str, bytes] = field(default_factory=dict)
    posts: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    references: dict[str, str] = field(default_factory=dict)
    arrived: threading.Event = field(default_factory=threading.Event)
    release: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def keep(self, body: bytes, cdr: dict[str, Any]) -> None:
        with self.lock:
            self.stored.setdefault(cdr["id"], body)


class ReceiverHandler(BaseHTTPRequestHandler):
    receiver: Receiver
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        cdr = json.loads(body)
        with self.receiver.lock:
            self.receiver.posts[cdr["id"]] += 1
            self.receiver.order.append(cdr["id"])
        self.receiver.behaviour(self.receiver, self, body, cdr)

    def do_GET(self) -> None:
        reference = unquote(self.path.rsplit("/", 1)[-1])
        self.receiver.asked.append(reference)
        # A receiver with opaque references knows a CDR by its reference only.
        cdr_id = self.receiver.references.get(reference, "" if self.receiver.references else reference)
        body = self.receiver.stored.get(cdr_id)
        if not self.receiver.get_works or body is None:
            return self.answer(404 if self.receiver.get_works else 405, ocpi_status=2000)
        return self.answer(200, data=body)

    def answer(
        self,
        status: int,
        *,
        ocpi_status: int = 1000,
        location: str | None = None,
        data: bytes | None = None,
        body: bytes | None = None,
    ) -> None:
        if body is None:
            body = b'{"status_code":%d,"timestamp":"2026-03-01T12:00:00Z"' % ocpi_status
            body += (b',"data":' + data if data is not None else b"") + b"}"
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def drop(self) -> None:
        """Break the connection without an answer."""
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_args: Any) -> None:
        pass


class QuietServer(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: Any) -> None:
        """A killed client breaks its connection: expected here."""


def serve(receiver: Receiver) -> QuietServer:
    handler = type("Bound", (ReceiverHandler,), {"receiver": receiver})
    server = QuietServer(("127.0.0.1", 0), handler)
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/ocpi/2.2.1/cdrs"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


def normal(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    receiver.keep(body, cdr)
    http.answer(201, location=f"{receiver.url}/{cdr['id']}")


def relative_location(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    receiver.keep(body, cdr)
    http.answer(201, location=f"/ocpi/2.2.1/cdrs/{cdr['id']}")


def without_location(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    receiver.keep(body, cdr)
    http.answer(200)


def opaque_location(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    receiver.keep(body, cdr)
    reference = f"r{len(receiver.references) + 1}"
    receiver.references[reference] = cdr["id"]
    http.answer(201, location=f"{receiver.url}/{reference}")


def refuses_duplicates(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    if cdr["id"] in receiver.stored:
        return http.answer(409, ocpi_status=2000)
    return normal(receiver, http, body, cdr)


def stalls_after_storing(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    receiver.keep(body, cdr)
    receiver.arrived.set()
    receiver.release.wait(30)
    http.answer(201, location=f"{receiver.url}/{cdr['id']}")


def stalls_before_storing(
    receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]
) -> None:
    receiver.arrived.set()
    receiver.release.wait(30)
    http.drop()


def first(*behaviours: Behaviour, then: Behaviour = normal) -> Behaviour:
    """Behave so for the first POSTs of each CDR, then otherwise."""

    def behaviour(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
        number = receiver.posts[cdr["id"]] - 1
        chosen = behaviours[number] if number < len(behaviours) else then
        chosen(receiver, http, body, cdr)

    return behaviour


def status(http_status: int, ocpi_status: int = 1000, *, store: bool = False) -> Behaviour:
    """Answer with a status, after storing or without."""

    def behaviour(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
        if store:
            receiver.keep(body, cdr)
        http.answer(http_status, ocpi_status=ocpi_status)

    return behaviour


def drops(*, store: bool) -> Behaviour:
    def behaviour(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
        if store:
            receiver.keep(body, cdr)
        http.drop()

    return behaviour


def nonsense(receiver: Receiver, http: ReceiverHandler, body: bytes, cdr: dict[str, Any]) -> None:
    receiver.keep(body, cdr)
    http.answer(200, body=b"<html>It works!</html>")
