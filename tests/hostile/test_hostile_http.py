"""The service under hostile requests: no failure of ours, nothing leaked, nothing stuck."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from eichrecht.demo.material import ENERGY_TARIFF, session_facts
from eichrecht.service.app import create_app
from eichrecht.service.settings import Settings
from eichrecht.store.states import DeliveryState
from ocpi.transport.json import dumps
from tests.hostile.hostile_support import CARD, EVSE, START, emsp, honest_record, meter

OPERATOR = "operator-token-of-this-test"
HEADERS = {"Authorization": f"Bearer {OPERATOR}"}


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    settings = Settings(
        database=str(tmp_path / "eichrecht.db"),
        operator_token=OPERATOR,
        worker=False,
        public_url="https://cpo.example",
    )
    with TestClient(create_app(settings), raise_server_exceptions=False) as opened:
        yield opened


def set_up(client: TestClient, key_meter: Any = None) -> None:
    portal = client.portal
    assert portal is not None
    service = client.app.state.service  # type: ignore[attr-defined]

    async def partner() -> None:
        async with service.database.transaction() as tx:
            await tx.partners.put(emsp())

    portal.call(partner)
    key = {
        "charge_point": EVSE,
        "public_key": (key_meter or meter()).public_key_text(),
        "meter_serial": "SAMPLE0001",
    }
    assert client.put("/api/v1/tariffs", content=dumps(ENERGY_TARIFF), headers=HEADERS).status_code == 201
    assert client.post("/api/v1/keys", content=dumps(key), headers=HEADERS).status_code == 201


def take(client: TestClient, **members: Any) -> dict[str, Any]:
    facts = session_facts("S1", EVSE, CARD, "ENERGY-49", **members)
    body = dumps({"facts": facts, "signed_data": honest_record().decode()})
    answer = client.post("/api/v1/sessions", content=body, headers=HEADERS)
    assert answer.status_code == 201, answer.text
    value: dict[str, Any] = answer.json()
    return value


@pytest.mark.parametrize("language", ["de", "en"])
def test_a_meter_cannot_write_html_into_pages(client: TestClient, language: str) -> None:
    bad = "<script>alert(1)</script>\"'><img src=x onerror=y>"
    hostile = meter(serial=bad, head={"CI": bad, "ID": bad, "GS": bad, "TT": bad, "Q<b>": bad})
    record = honest_record(hostile)
    texts = [record, record.replace(b'"kWh"', b'"<i>x</i>"'), record.replace(b'"SA":"', b'"SA":"<i>')]
    texts.append(b'OCMF|{"<i>":1,"<i>":2}|{"SA":"<i>","SD":"<i>"}')
    for text in texts:
        for given in (
            {"data": {"text": text.decode(), "key": "<i>"}},
            {"data": {"text": text.decode(), "profile": "<i>"}},
            {"files": {"file": ("<i>.ocmf", text)}},
        ):
            page = client.post(f"/?lang={language}", **given).text  # type: ignore[arg-type]
            assert "eichrecht" in page
            for tag in ("<script", "<img", "<i>", "<b>"):
                assert tag not in page


BODIES = [
    b"",
    b"\x00",
    b"\xff" * 50,
    b"{",
    b"[]",
    b"null",
    b"{}",
    b'{"a":NaN}',
    b'{"a":1,"a":2}',
    b'{"a":' * 5_000,
    b"<values>",
    b"<values/>",
    b'{"facts":{}}',
    b'{"facts":[],"tariff":[]}',
    b'{"codes":[1],"by":"","reason":""}',
    b'{"charge_point":"\\u0000","public_key":"x"}',
    b'{"versions_url":"https://x/","token":"a\\r\\nX-Evil: 1"}',
    b'{"versions_url":"https://x/","token":"\xc3\xa4"}',
    b'{"partner_id":"nobody"}',
]
ROUTES = [
    "/",
    "/api/v1/transparency/check",
    "/api/v1/keys",
    "/api/v1/tariffs",
    "/api/v1/sessions",
    "/api/v1/partners",
    "/api/v1/partners/invitations",
    "/api/v1/cdrs/X/credit",
    "/api/v1/cdrs/X/release",
    "/api/v1/cdrs/X/discard",
    "/api/v1/cdrs/X/replay",
    "/ocpi/2.2.1/credentials",
]
TYPES = ["application/json", "text/plain", "multipart/form-data", "multipart/form-data; boundary=x", ""]


@pytest.mark.parametrize("route", ROUTES)
def test_no_body_makes_the_service_fail(client: TestClient, route: str) -> None:
    for body in BODIES:
        for kind in TYPES:
            for method in ("POST", "PUT"):
                answer = client.request(method, route, content=body, headers=HEADERS | {"Content-Type": kind})
                assert answer.status_code < 500, (method, body[:40], kind, answer.text[:200])


PATHS = [
    "/r/..%2f..%2fetc%2fpasswd",
    "/r/%00",
    "/r/" + "a" * 32,
    "/r/" + "a" * 32 + "/record",
    "/static/..%2fapp.py",
    "/static/%2e%2e/app.py",
    "/api/v1/cdrs/%00",
    "/api/v1/cdrs/%09",
    "/api/v1/cdrs/..%2f..",
    "/api/v1/cdrs?session_id=%00",
    "/api/v1/sessions?outcome=%00",
    "/?lang=%00",
    "/ocpi/%ff",
    "/ocpi/versions",
    "/ocpi/2.2.1",
    "/ocpi/2.2.1/credentials",
]


@pytest.mark.parametrize("path", PATHS)
def test_no_path_makes_the_service_fail(client: TestClient, path: str) -> None:
    tokens = ["", f"Bearer {OPERATOR}", "Token ====", "Token \xff", "Token " + "a" * 5_000, "token  "]
    for token in tokens:
        answer = client.get(path, headers={"Authorization": token.encode("latin-1")})
        assert answer.status_code < 500, (token[:20], answer.text[:200])
        assert "root:" not in answer.text
        assert OPERATOR not in answer.text


def test_hostile_credentials_of_a_partner_are_answered_in_ocpi(client: TestClient) -> None:
    """The token in the body is used for the call-back: it must not break our own request."""
    roles = [{"role": "EMSP", "party_id": "MSP", "country_code": "DE", "business_details": {"name": "x"}}]
    for token in ("ä", "a b", "a\r\nX: y", "\x00", "x" * 65, "", "\t"):
        for url in (
            "https://127.0.0.1/versions",
            "http://169.254.169.254/",
            "https://[::1]/",
            "file:///x",
            "x",
        ):
            invited = client.post("/api/v1/partners/invitations", headers=HEADERS).json()["token"]
            presented = base64.b64encode(invited.encode()).decode()
            body = json.dumps({"token": token, "url": url, "roles": roles})
            answer = client.post(
                "/ocpi/2.2.1/credentials",
                content=body,
                headers={"Authorization": f"Token {presented}", "Content-Type": "application/json"},
            )
            assert answer.status_code < 500, (token, url, answer.text)
            assert answer.json()["status_code"] >= 2000
            assert invited not in answer.text


def test_nothing_personal_and_no_secret_leaks(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    set_up(client)
    taken = take(client)
    page = client.get(taken["cdr"]["receipt_url"].removeprefix("https://cpo.example"))
    assert page.status_code == 200
    checked = client.post("/api/v1/transparency/check", content=honest_record())
    for text in (page.text, checked.text, json.dumps(client.get("/api/v1/cdrs", headers=HEADERS).json())):
        assert CARD not in text
        assert "the-token-that-we-send" not in text
        assert OPERATOR not in text
    partners = client.get("/api/v1/partners", headers=HEADERS).text
    assert "the-token-that-we-send" not in partners
    ours = "\n".join(record.getMessage() for record in caplog.records)
    for secret in (CARD, "the-token-that-we-send", OPERATOR):
        assert secret not in ours


def test_a_stopped_delivery_can_be_started_again(client: TestClient) -> None:
    """A partner that was gone too long must not cost the CPO its CDRs."""
    set_up(client)
    cdr_id = take(client)["cdr"]["id"]
    assert client.post(f"/api/v1/cdrs/{cdr_id}/replay", headers=HEADERS).status_code == 409
    service = client.app.state.service  # type: ignore[attr-defined]

    async def stop() -> None:
        from sqlalchemy import update

        from eichrecht.store.tables import cdrs, deliveries

        async with service.database.transaction() as tx:
            await tx.connection.execute(update(deliveries).values(state="failed", finished_at=START))
            await tx.connection.execute(update(cdrs).values(state="failed"))

    assert client.portal is not None
    client.portal.call(stop)
    again = client.post(f"/api/v1/cdrs/{cdr_id}/replay", headers=HEADERS)
    assert (again.status_code, again.json()["state"]) == (200, "ready")
    delivery = client.get(f"/api/v1/cdrs/{cdr_id}", headers=HEADERS).json()["delivery"]
    assert delivery["state"] == DeliveryState.PENDING.value


def test_a_partner_that_lost_its_registration_comes_back_as_itself(client: TestClient) -> None:
    """Its undelivered and credit CDRs are on their way to its id: a new id would leave them behind."""
    set_up(client)
    body = json.dumps({"partner_id": "p1"})
    invited = client.post("/api/v1/partners/invitations", content=body, headers=HEADERS)
    assert invited.status_code == 201
    service = client.app.state.service  # type: ignore[attr-defined]

    async def issued() -> str | None:
        from ocpi.transport.headers import token_hash

        async with service.database.reading() as tx:
            token = await tx.partners.find_token(token_hash(invited.json()["token"]))
        return None if token is None else token.partner_id

    assert client.portal is not None
    assert client.portal.call(issued) == "p1"
