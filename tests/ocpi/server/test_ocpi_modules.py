"""Tariffs and CDRs, both interfaces: the real client against the server, and what foreign clients send."""

from __future__ import annotations

import asyncio
import base64
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ocpi.errors import OcpiStatusError, UrlRefused
from ocpi.handshake import Platform, Registrar
from ocpi.objects.credentials import Role
from ocpi.objects.version import InterfaceRole
from ocpi.server import http as server_http
from ocpi.server.app import OcpiConfig, create_ocpi_app
from ocpi.server.memory import MemoryEmsp
from ocpi.transport import json
from ocpi.transport.headers import PartyId
from ocpi.versions import V2_2_1
from tests.ocpi.platforms import CDR, START, TARIFF, World, cdr, many_cdrs, role, tariff, world

BASE = "https://emsp.example/ocpi/emsp/2.2.1"
CPO_CDRS = "https://cpo.example/ocpi/cpo/2.2.1/cdrs"


class Pair:
    """A registered CPO and eMSP with a client in each direction."""

    def __init__(self, w: World, to_emsp: Any, to_cpo: Any) -> None:
        self.w = w
        self.to_emsp = w.cpo.client(to_emsp, role=Role.EMSP)
        self.to_cpo = w.emsp.registrar.client(to_cpo, role=Role.CPO)
        self.emsp_accepts = base64.b64encode(to_emsp.token.encode()).decode()
        self.cpo_accepts = base64.b64encode(to_cpo.token.encode()).decode()

    async def send(
        self, method: str, path: str, content: bytes | None = None, **headers: str
    ) -> tuple[int, int, Any]:
        """As a foreign client: HTTP status, OCPI status, response."""
        url = path if path.startswith("https:") else BASE + path
        token = self.cpo_accepts if "cpo.example" in url else self.emsp_accepts
        response = await self.w.raw(method, url, token, content=content, **headers)
        envelope = response.json()
        assert envelope["timestamp"].endswith("Z")
        return response.status_code, envelope["status_code"], response


async def pair(**settings: Any) -> Pair:
    w = world(**settings)
    partner = await w.cpo.register(w.emsp.config.versions_url, await w.emsp.registrar.invite())
    (theirs,) = await w.emsp.stores.registrations.partners()
    return Pair(w, partner, theirs)


def changed(raw: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(raw), **changes})


def test_tariff_is_put_read_replaced_and_deleted() -> None:
    async def run() -> None:
        p = await pair()
        assert await p.to_emsp.put_tariff(tariff()) is True
        assert await p.to_emsp.put_tariff(tariff(currency="SEK")) is False
        got = await p.to_emsp.get_tariff("de", "cpo", "t/1")  # CiStrings
        assert got == tariff(currency="SEK")
        assert str(got.elements[0].price_components[0].price) == "0.4900"  # written digits survive the way
        assert await p.to_emsp.delete_tariff("DE", "CPO", "T/1") is True
        assert await p.to_emsp.delete_tariff("DE", "CPO", "T/1") is False
        assert await p.to_emsp.get_tariff("DE", "CPO", "T/1") is None

    asyncio.run(run())


def test_cdr_is_posted_once_and_read_at_its_location() -> None:
    async def run() -> None:
        p = await pair()
        first = await p.to_emsp.post_cdr(cdr())
        again = await p.to_emsp.post_cdr(cdr(total_energy=json.loads(b"12.34")))  # same number
        assert (first.status, again.status) == (201, 200)
        assert first.location == again.location
        assert first.location.startswith(f"{BASE}/cdrs/")
        assert p.w.emsp.stores.cdrs.cdrs == (cdr(),)
        assert await p.to_emsp.get_cdr(first.location) == cdr()
        assert await p.to_emsp.get_cdr(f"{BASE}/cdrs/other") is None
        with pytest.raises(OcpiStatusError) as caught:
            await p.to_emsp.post_cdr(cdr(total_energy=13))
        assert (caught.value.status, caught.value.http_status) == (2001, 200)
        assert not caught.value.may_have_effect
        assert p.w.emsp.stores.cdrs.cdrs == (cdr(),)
        with pytest.raises(UrlRefused):
            await p.to_emsp.get_cdr("https://elsewhere.example/cdrs/1")

    asyncio.run(run())


def test_negative_total_of_a_credit_cdr_and_unknown_fields_arrive() -> None:
    async def run() -> None:
        p = await pair()
        credit = cdr(
            id="CDR-1-C",
            credit=True,
            credit_reference_id="CDR-1",
            total_cost={"excl_vat": -7, "incl_vat": json.loads(b"-8.33")},
            x_custom={"a": [json.loads(b"1.10")]},
        )
        posted = await p.to_emsp.post_cdr(credit)
        assert await p.to_emsp.get_cdr(posted.location) == credit

    asyncio.run(run())


def test_pull_by_date_follows_the_pages() -> None:
    async def run() -> None:
        p = await pair(page_limit=3)
        p.w.source.cdrs.extend(many_cdrs(10))
        p.w.source.tariffs.append(tariff())
        everything = [item.id async for item in p.to_cpo.iter_cdrs()]
        assert everything == [f"CDR-{n}" for n in range(10)]
        window = (START + timedelta(days=2), START + timedelta(days=7))
        assert [item.id async for item in p.to_cpo.iter_cdrs(*window)] == [f"CDR-{n}" for n in range(2, 7)]
        small = [item.id async for item in p.to_cpo.iter_cdrs(*window, limit=1)]
        assert small == [f"CDR-{n}" for n in range(2, 7)]
        assert [item async for item in p.to_cpo.iter_tariffs()] == [tariff()]
        assert [item async for item in p.to_cpo.iter_tariffs(datetime(2027, 1, 1, tzinfo=UTC))] == []

    asyncio.run(run())


def test_page_headers() -> None:
    async def run() -> None:
        p = await pair(page_limit=3)
        p.w.source.cdrs.extend(many_cdrs(10))
        _, _, first = await p.send("GET", CPO_CDRS + "?date_from=2026-03-02T00:00:00Z&limit=2000&unknown=1")
        assert first.headers["X-Total-Count"] == "9"
        assert first.headers["X-Limit"] == "3"
        link = f'<{CPO_CDRS}?date_from=2026-03-02T00%3A00%3A00Z&offset=3&limit=3>; rel="next"'
        assert first.headers["Link"] == link
        _, _, last = await p.send("GET", CPO_CDRS + "?offset=9")
        assert len(last.json()["data"]) == 1
        assert "Link" not in last.headers
        _, _, beyond = await p.send("GET", CPO_CDRS + "?offset=99")
        assert beyond.json()["data"] == []
        assert "Link" not in beyond.headers

    asyncio.run(run())


@pytest.mark.parametrize(
    "query",
    ["offset=-1", "offset=1.5", "limit=0", "limit=x", "date_from=2026-03-01", "offset=" + "9" * 400,
     "date_to=2026-03-01T00:00:00%2B01:00", "date_from=2026-02-30T00:00:00Z", "limit=%D9%A3"],
)  # fmt: skip
def test_unreadable_query_is_2001_in_http_200(query: str) -> None:
    async def run() -> None:
        p = await pair()
        assert (await p.send("GET", f"{CPO_CDRS}?{query}"))[:2] == (200, 2001)

    asyncio.run(run())


def test_a_partner_sees_only_its_own_cdrs() -> None:
    async def run() -> None:
        p = await pair()
        foreign = {**json.loads(CDR)["cdr_token"], "party_id": "XXX"}
        p.w.source.cdrs.extend([cdr(id="1"), cdr(id="2", cdr_token=foreign)])
        assert [item.id async for item in p.to_cpo.iter_cdrs()] == ["1"]

    asyncio.run(run())


def test_routing_headers_are_swapped_in_the_answer_and_checked() -> None:
    async def run() -> None:
        p = await pair()
        ours = {"OCPI_from_country_code": "DE", "OCPI_from_party_id": "CPO"}
        theirs = {"OCPI_to_country_code": "DE", "OCPI_to_party_id": "MSP"}
        http, ocpi, response = await p.send("POST", "/cdrs", CDR, **ours, **theirs)
        assert (http, ocpi) == (201, 1000)
        assert response.headers["OCPI-to-party-id"] == "CPO"
        assert response.headers["OCPI-from-party-id"] == "MSP"
        assert (await p.send("POST", "/cdrs", CDR))[:2] == (200, 1000)  # absent: tolerated
        wrong = await p.send("POST", "/cdrs", CDR, OCPI_from_country_code="DE", OCPI_from_party_id="XXX")
        assert wrong[:2] == (200, 2001)
        wrong = await p.send("POST", "/cdrs", CDR, OCPI_to_country_code="NL", OCPI_to_party_id="MSP")
        assert wrong[:2] == (200, 2001)
        sent = p.w.network.requests
        await p.to_emsp.put_tariff(tariff())
        assert sent[-1].headers["OCPI-to-party-id"] == "MSP"
        assert sent[-1].headers["OCPI-from-party-id"] == "CPO"

    asyncio.run(run())


def test_request_ids_are_echoed_even_with_errors_and_never_split_the_header() -> None:
    async def run() -> None:
        p = await pair()
        _, _, good = await p.send("GET", "/nowhere", X_Request_ID="r-1", X_Correlation_ID="c-1")
        assert (good.headers["X-Request-ID"], good.headers["X-Correlation-ID"]) == ("r-1", "c-1")
        _, _, none = await p.send("GET", "/nowhere")
        assert "X-Request-ID" not in none.headers
        _, _, odd = await p.send("GET", "/nowhere", X_Request_ID="x" * 300)
        assert "X-Request-ID" not in odd.headers

    asyncio.run(run())


def test_errors_of_senders() -> None:
    async def run() -> None:
        p = await pair()
        t = "/tariffs/DE/CPO/T%2F1"
        assert (await p.send("PUT", t, b"{"))[:2] == (400, 2001)
        assert (await p.send("PUT", t, b"\xff\xfe"))[:2] == (400, 2001)
        assert (await p.send("PUT", t, b""))[:2] == (400, 2001)
        assert (await p.send("PUT", t, b"[" * 100_000))[:2] == (400, 2001)
        assert (await p.send("PUT", t, b'{"id":1,"id":2}'))[:2] == (400, 2001)
        assert (await p.send("PUT", t, b"[]"))[:2] == (200, 2001)
        assert (await p.send("PUT", t, changed(TARIFF, elements=[])))[:2] == (200, 2001)
        _, _, response = await p.send("PUT", t, changed(TARIFF, last_updated=None))
        assert "/last_updated" in response.json()["status_message"]
        assert (await p.send("PUT", t, changed(TARIFF, id="2")))[:2] == (200, 2001)
        assert (await p.send("PUT", t, changed(TARIFF, party_id="XXX")))[:2] == (200, 2001)
        foreign = changed(TARIFF, party_id="XXX")
        assert (await p.send("PUT", "/tariffs/DE/XXX/T%2F1", foreign))[:2] == (200, 2001)
        assert (await p.send("GET", "/tariffs/DE/XXX/1"))[:2] == (200, 2001)
        assert (await p.send("DELETE", "/tariffs/DE/XXX/1"))[:2] == (200, 2001)
        assert (await p.send("POST", "/cdrs", changed(CDR, party_id="XXX")))[:2] == (200, 2001)
        assert (await p.send("POST", "/cdrs", changed(CDR, total_energy="12.3")))[:2] == (200, 2001)
        assert (await p.send("GET", "/tariffs/DE/CPO/9"))[:2] == (404, 2000)
        assert (await p.send("GET", "/nowhere"))[:2] == (404, 2000)
        assert (await p.send("GET", "https://emsp.example/ocpi/"))[:2] == (404, 2000)
        assert (await p.send("PATCH", t, b"{}"))[:2] == (405, 2000)
        assert (await p.send("GET", "/cdrs"))[:2] == (405, 2000)
        assert p.w.emsp.stores.tariffs.tariffs == {}
        assert p.w.emsp.stores.cdrs.cdrs == ()

    asyncio.run(run())


def test_trailing_slash_is_accepted() -> None:
    async def run() -> None:
        p = await pair()
        assert (await p.send("POST", "/cdrs/", CDR))[:2] == (201, 1000)
        assert (await p.send("GET", "https://emsp.example/ocpi/versions/"))[:2] == (200, 1000)

    asyncio.run(run())


@pytest.mark.parametrize("token", [None, "", "bm90aGluZw==", "x" * 5000, "a b", "\u00ff"])
def test_bad_token_is_401_with_an_envelope_before_the_body_is_read(token: str | None) -> None:
    async def run() -> None:
        w = world()
        urls = (f"{BASE}/cdrs", "https://emsp.example/ocpi/versions", "https://emsp.example/ocpi/2.2.1")
        for url in urls:
            method = "POST" if url.endswith("cdrs") else "GET"
            headers = {} if token is None else {"Authorization": f"Token {token}".encode("latin-1")}
            response = await w.http.request(method, url, headers=headers, content=b"{" * 10)
            assert response.status_code == 401
            assert response.json()["status_code"] == 2000
            assert response.headers["WWW-Authenticate"] == "Token"

    asyncio.run(run())


def test_raw_token_is_accepted_like_an_encoded_one() -> None:
    async def run() -> None:
        p = await pair()
        raw = base64.b64decode(p.emsp_accepts).decode()
        with_line_feed = base64.b64encode(f"{raw}\n".encode()).decode()
        for token in (raw, with_line_feed):
            response = await p.w.raw("GET", "https://emsp.example/ocpi/versions", token)
            assert response.status_code == 200

    asyncio.run(run())


def test_a_large_body_is_refused_by_its_length_and_by_its_bytes() -> None:
    async def run() -> None:
        p = await pair()
        assert (await p.send("POST", "/cdrs", b"{" * 100_000_000))[:2] == (413, 2001)
        produced = 0

        async def endless() -> Any:
            nonlocal produced
            while True:
                produced += 1
                yield b" " * 65_536

        url = f"{BASE}/cdrs"
        headers = {"Authorization": f"Token {p.emsp_accepts}"}
        response = await p.w.http.post(url, headers=headers, content=endless())
        assert response.status_code == 413
        assert produced <= server_http.MAX_BODY_BYTES // 65_536 + 2

    asyncio.run(run())


def test_an_error_of_the_storage_is_500_with_an_envelope_and_without_details(caplog: Any) -> None:
    async def run() -> None:
        p = await pair()

        p.w.emsp.stores.cdrs._cdrs = None  # type: ignore[assignment]
        http, ocpi, response = await p.send("POST", "/cdrs", CDR, X_Request_ID="r-2")
        assert (http, ocpi) == (500, 3000)
        assert "NoneType" not in response.text
        assert response.headers["X-Request-ID"] == "r-2"

    asyncio.run(run())
    assert "unhandled error" in caplog.text


def test_version_details_list_what_is_offered() -> None:
    async def run() -> None:
        p = await pair()
        details = await p.to_cpo.version_details("https://cpo.example/ocpi/2.2.1")
        offered = {(entry.identifier, entry.role) for entry in details.endpoints}
        sender = InterfaceRole.SENDER
        assert offered == {("credentials", sender), ("tariffs", sender), ("cdrs", sender)}
        (version,) = await p.to_cpo.versions("https://cpo.example/ocpi/versions")
        assert version.version == "2.2.1"

    asyncio.run(run())


def test_an_app_under_another_url_than_announced_is_refused() -> None:
    w = world()
    stores = MemoryEmsp()
    us = Platform("https://a.example/versions", (role(Role.EMSP, PartyId("DE", "MSP")),))
    registrar = Registrar(stores.registrations, w.http, us)
    with pytest.raises(ValueError, match="announces"):
        create_ocpi_app(OcpiConfig("https://b.example"), stores.storage(), registrar)


def test_fastapis_own_validation_error_becomes_2001() -> None:
    import httpx2

    async def run() -> None:
        app = server_http.new_app()

        @app.get("/typed/{number}")
        async def typed(number: int) -> dict[str, int]:
            return {"number": number}

        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app)) as http:
            response = await http.get("https://x.example/typed/abc")
        assert (response.status_code, response.json()["status_code"]) == (200, 2001)

    asyncio.run(run())


def test_dumped_numbers_are_json_numbers_with_their_digits() -> None:
    assert b'"volume":12.3400' in json.dumps(V2_2_1.dump(cdr()))
