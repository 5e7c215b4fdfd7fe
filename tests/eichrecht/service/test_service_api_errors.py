"""The operator API and the pages when something is wrong: who may, what is told, and never a traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from eichrecht.store.errors import StoreUnavailable
from ocpi.transport import json
from tests.eichrecht.service.service_support import (
    EVSE,
    TARIFF,
    TOKEN,
    Operator,
    facts,
    in_service,
    meter,
    record,
)

ROUTES = [
    ("POST", "/keys"),
    ("GET", "/keys"),
    ("POST", "/keys/1/end"),
    ("PUT", "/tariffs"),
    ("DELETE", "/tariffs/T1"),
    ("POST", "/sessions"),
    ("GET", "/sessions"),
    ("GET", "/cdrs"),
    ("POST", "/cdrs/check"),
    ("GET", "/cdrs/S1"),
    ("POST", "/cdrs/S1/credit"),
    ("POST", "/cdrs/S1/release"),
    ("POST", "/cdrs/S1/discard"),
    ("POST", "/cdrs/S1/replay"),
    ("POST", "/cdrs/S1/accept"),
    ("POST", "/partners"),
    ("POST", "/partners/invitations"),
    ("GET", "/partners"),
    ("POST", "/partners/p1/rotate"),
    ("POST", "/partners/p1/tariffs"),
    ("PUT", "/partners/p1/settings"),
    ("DELETE", "/partners/p1"),
]


def code(response: Any) -> str:
    return str(json.loads(response.content)["error"]["code"])


def test_every_route_is_closed_to_strangers(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for method, path in ROUTES:
            for token in (None, "", "wrong", TOKEN[:-1], TOKEN + "x", "ö"):
                headers = {} if token is None else {"Authorization": f"Bearer {token}".encode()}
                response = await operator.http.request(method, f"/api/v1{path}", headers=headers)
                assert (response.status_code, code(response)) == (401, "unauthorised"), (method, path, token)
                assert response.headers["www-authenticate"] == "Bearer"
            basic = await operator.http.request(
                method, f"/api/v1{path}", headers={"Authorization": f"Basic {TOKEN}"}
            )
            assert basic.status_code == 401

    in_service(tmp_path, work, prepared=False)


@pytest.mark.parametrize("configured", [None, ""])
def test_without_a_configured_token_nobody_gets_in(tmp_path: Path, configured: str | None) -> None:
    async def work(operator: Operator) -> None:
        for token in (None, "", " ", "None"):
            headers = {} if token is None else {"Authorization": f"Bearer {token}"}
            response = await operator.http.get("/api/v1/cdrs", headers=headers)
            assert response.status_code == 401

    in_service(tmp_path, work, prepared=False, operator_token=configured)


def test_the_routes_listed_here_are_all_there_are(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        described = json.loads((await operator.http.get("/api/v1/openapi.json")).content)["paths"]
        found = {
            (method.upper(), path.removeprefix("/api/v1"))
            for path, methods in described.items()
            for method in methods
        }
        names = {"S1": "{cdr_id}", "T1": "{tariff_id}", "p1": "{partner_id}", "1": "{key_id}"}
        named = {(m, "/".join(names.get(part, part) for part in p.split("/"))) for m, p in ROUTES}
        assert found == named | {("POST", "/transparency/check")}

    in_service(tmp_path, work, prepared=False)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "expected"),
    [
        ("POST", "/sessions", b"", 400, "no_json"),
        ("POST", "/sessions", b"{", 400, "no_json"),
        ("POST", "/sessions", b"\xff\xfe", 400, "no_json"),
        ("POST", "/sessions", b"[1]", 400, "no_object"),
        ("POST", "/sessions", b'{"a":1,"a":2}', 400, "no_json"),
        ("POST", "/sessions", b'{"facts": "x"}', 400, "missing_field"),
        ("POST", "/sessions", {"facts": facts()}, 400, "missing_field"),
        ("POST", "/sessions", {"facts": facts(), "signed_data": 5}, 400, "missing_field"),
        ("POST", "/sessions", {"facts": facts(), "signed_data": ""}, 400, "missing_field"),
        ("POST", "/sessions", {"facts": facts(), "signed_data_base64": "%%%"}, 400, "base64_broken"),
        (
            "POST",
            "/sessions",
            {"facts": facts() | {"party_id": "XYZ"}, "signed_data": "x"},
            400,
            "other_party",
        ),
        ("POST", "/sessions", b'{"facts": {}, "signed_data": "\\ud800"}', 400, "no_json"),
        ("POST", "/keys", {"charge_point": EVSE}, 400, "missing_field"),
        ("POST", "/keys", {"charge_point": EVSE, "public_key": "no key"}, 400, "key_unreadable"),
        ("POST", "/keys", {"charge_point": EVSE, "public_key": "04" + "11" * 64}, 400, "key_unusable"),
        ("PUT", "/tariffs", {}, 400, "no_tariff"),
        ("PUT", "/tariffs", TARIFF | {"elements": []}, 400, "no_tariff"),
        ("PUT", "/tariffs", TARIFF | {"currency": "USD"}, 409, "tariff_conflict"),
        ("PUT", "/tariffs", TARIFF | {"party_id": "XYZ"}, 400, "other_party"),
        ("GET", "/cdrs/NONE", None, 404, "no_such_cdr"),
        ("GET", "/cdrs?state=lost", None, 400, "bad_parameters"),
        ("POST", "/cdrs/NONE/credit", None, 404, "no_such_cdr"),
        ("POST", "/cdrs/NONE/discard", None, 404, "no_such_cdr"),
        ("POST", "/cdrs/S1/release", {"by": "a", "reason": "b", "codes": "c"}, 400, "missing_field"),
        ("POST", "/cdrs/NONE/release", {"by": "a", "reason": "b", "codes": []}, 404, "no_such_cdr"),
        ("POST", "/partners", {"versions_url": "ftp://x", "token": "t"}, 502, "handshake_failed"),
        (
            "POST",
            "/partners",
            {"versions_url": "http://127.0.0.1:1/x", "token": "t"},
            502,
            "handshake_failed",
        ),
        ("DELETE", "/sessions", None, 405, "method_not_allowed"),
        ("GET", "/nothing", None, 404, "not_found"),
    ],
)
def test_wrong_requests_get_a_code_and_no_traceback(
    tmp_path: Path, method: str, path: str, body: Any, status: int, expected: str
) -> None:
    async def work(operator: Operator) -> None:
        response = await operator.call(method, path, body)
        assert (response.status_code, code(response)) == (status, expected), response.text
        assert response.headers["content-type"] == "application/json"
        assert response.headers["cache-control"] == "no-store"
        assert "Traceback" not in response.text

    in_service(tmp_path, work)


def test_wrong_facts_are_told_with_every_place(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        value = facts() | {"auth_method": "GUESSED", "unknown": 1}
        value["cdr_location"] = value["cdr_location"] | {"coordinates": {"latitude": "x", "longitude": "1.0"}}
        response = await operator.call("POST", "/sessions", {"facts": value, "signed_data": "x"})
        problems = json.loads(response.content)["error"]["problems"]
        assert {"/auth_method", "/unknown", "/cdr_location/coordinates/latitude"} <= {
            item["where"] for item in problems
        }
        assert all(item["message"] for item in problems)

    in_service(tmp_path, work)


def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        given = 0

        async def endless() -> Any:
            nonlocal given
            for _ in range(1000):
                given += 1
                yield b" " * 1024 * 1024

        response = await operator.http.post(
            "/api/v1/sessions", content=endless(), headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert (response.status_code, code(response)) == (413, "too_large")
        assert given < 100

    in_service(tmp_path, work)


class Broken:
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def __call__(self, *_: Any, **__: Any) -> Any:
        raise self.error


@pytest.mark.parametrize(
    ("error", "status", "expected"),
    [(StoreUnavailable("disk full"), 503, "store_unavailable"), (RuntimeError("secret"), 500, "internal")],
)
def test_a_broken_store_and_a_defect_are_answered_calmly(
    tmp_path: Path, error: Exception, status: int, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(operator: Operator) -> None:
        monkeypatch.setattr(operator.service.chain, "take_session", Broken(error))
        body = {"facts": facts(), "signed_data": record().decode()}
        response = await operator.call("POST", "/sessions", body)
        assert (response.status_code, code(response)) == (status, expected)
        assert "secret" not in response.text
        assert "disk full" not in response.text

    in_service(tmp_path, work)


def test_pages_fail_as_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(operator: Operator) -> None:
        missing = await operator.http.get("/nowhere?lang=en")
        assert (missing.status_code, missing.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert "default-src 'none'" in missing.headers["content-security-policy"]
        wrong = await operator.http.put("/?lang=en")
        assert wrong.status_code == 405
        assert "That did not work" in wrong.text
        from eichrecht.store.cdrs import CdrRepository

        monkeypatch.setattr(CdrRepository, "by_receipt_token", Broken(RuntimeError("secret")))
        broken = await operator.http.get("/r/" + "a" * 32 + "?lang=de")
        assert broken.status_code == 500
        assert "Das hat nicht geklappt" in broken.text
        assert "secret" not in broken.text

    in_service(tmp_path, work, prepared=False)


def test_the_key_ring_shows_what_was_vouched_for(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        key = {
            "charge_point": "DE*SMP*E0009",
            "public_key": meter().public_key_text(),
            "meter_serial": "M9",
            "note": "letter of 2 March",
        }
        made = await operator.ok("POST", "/keys", key)
        listed = await operator.ok("GET", "/keys")
        assert [row for row in listed if row["id"] == made["id"]] == [
            {
                "id": made["id"],
                "charge_point": "DE*SMP*E0009",
                "meter_serial": "M9",
                "fingerprint": made["fingerprint"],
                "source": "operator",
                "valid_from": None,
                "valid_to": None,
                "note": "letter of 2 March",
            }
        ]

    in_service(tmp_path, work)


def test_405_names_every_method_of_the_path(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for method, path, allow in (
            ("DELETE", "/keys", "GET, POST"),
            ("PATCH", "/partners", "GET, POST"),
            ("POST", "/cdrs/S1", "GET"),
        ):
            response = await operator.call(method, path)
            assert (response.status_code, response.headers["allow"]) == (405, allow)

    in_service(tmp_path, work, prepared=False)


def test_no_answer_is_built_from_the_host_header(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for path in ("/health/", "/api/v1/cdrs/", "/r/abc/", "/ocpi"):
            response = await operator.http.get(path, headers={"Host": "evil.example"})
            assert "location" not in response.headers
            assert "evil.example" not in response.text

    in_service(tmp_path, work, prepared=False)
