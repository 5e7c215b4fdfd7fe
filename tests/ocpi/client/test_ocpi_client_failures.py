"""Every way a partner can fail is one typed error that tells whether the request may have had an effect."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx2
import pytest

from ocpi.client import OcpiClient
from ocpi.errors import (
    HttpStatusError,
    InvalidObject,
    MalformedResponse,
    MaybeDelivered,
    MissingEndpoints,
    NotDelivered,
    OcpiStatusError,
    PartnerError,
    UrlRefused,
)
from ocpi.objects.version import Endpoint, InterfaceRole
from ocpi.transport import json
from ocpi.transport.exchange import Limits
from ocpi.transport.headers import PartyId
from tests.ocpi.platforms import CDR, cdr, tariff

CDRS = "https://emsp.example/cdrs"
Handler = Callable[[httpx2.Request], Any]


def endpoint(module: str, role: InterfaceRole, url: str) -> Endpoint:
    return Endpoint(identifier=module, role=role, url=url)


ENDPOINTS = (
    endpoint("cdrs", InterfaceRole.RECEIVER, CDRS),
    endpoint("cdrs", InterfaceRole.SENDER, "https://emsp.example/list"),
    endpoint("tariffs", InterfaceRole.RECEIVER, "https://emsp.example/tariffs/"),
    endpoint("credentials", InterfaceRole.RECEIVER, "https://emsp.example/credentials"),
)


def client(handler: Handler, **settings: Any) -> OcpiClient:
    http = httpx2.AsyncClient(transport=httpx2.MockTransport(handler))
    parties = {"us": PartyId("DE", "CPO"), "them": PartyId("DE", "MSP")}
    return OcpiClient(http, token="secret-token", endpoints=ENDPOINTS, **{**parties, **settings})


def envelope(data: Any = None, status: int = 1000, **more: Any) -> bytes:
    return json.dumps({"data": data, "status_code": status, "timestamp": "2026-01-01T00:00:00Z", **more})


def ok(data: Any = None, http: int = 200, **headers: str) -> Handler:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return lambda _: httpx2.Response(http, content=envelope(data), headers=names)


def post(handler: Handler, **settings: Any) -> Any:
    return asyncio.run(client(handler, **settings).post_cdr(cdr()))


def fail(kind: type[httpx2.TransportError]) -> Handler:
    def handle(request: httpx2.Request) -> httpx2.Response:
        raise kind("broken", request=request)

    return handle


@pytest.mark.parametrize(
    "kind",
    [httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError],
)
def test_no_connection_means_not_delivered(kind: type[httpx2.TransportError]) -> None:
    with pytest.raises(NotDelivered) as caught:
        post(fail(kind))
    assert caught.value.may_have_effect is False


@pytest.mark.parametrize(
    "kind",
    [httpx2.ReadError, httpx2.ReadTimeout, httpx2.WriteError, httpx2.WriteTimeout, httpx2.CloseError,
     httpx2.RemoteProtocolError, httpx2.LocalProtocolError],
)  # fmt: skip
def test_a_break_after_connecting_means_maybe_delivered(kind: type[httpx2.TransportError]) -> None:
    with pytest.raises(MaybeDelivered) as caught:
        post(fail(kind))
    assert caught.value.may_have_effect is True


def test_a_trickling_answer_ends_at_the_total_time() -> None:
    async def trickle() -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b" "

    with pytest.raises(MaybeDelivered, match="no answer within"):
        post(lambda _: httpx2.Response(200, content=trickle()), limits=Limits(total_s=0.1))


@pytest.mark.parametrize(
    ("status", "effect"),
    [
        (302, False),
        (400, False),
        (401, False),
        (404, False),
        (408, True),
        (409, False),
        (500, True),
        (503, True),
    ],
)
def test_http_errors(status: int, effect: bool) -> None:
    with pytest.raises(HttpStatusError) as caught:
        post(lambda _: httpx2.Response(status, content=b"<html>", headers={"Location": "https://x.example/"}))
    error = caught.value
    assert (error.status, error.may_have_effect, error.ocpi_status) == (status, effect, None)
    assert error.location == ("https://x.example/" if status == 302 else None)


def test_an_http_error_keeps_the_ocpi_status_of_its_envelope() -> None:
    with pytest.raises(HttpStatusError) as caught:
        post(lambda _: httpx2.Response(404, content=envelope(status=2004, status_message="who?")))
    assert (caught.value.ocpi_status, caught.value.status_message) == (2004, "who?")


@pytest.mark.parametrize(
    ("status", "effect"), [(2000, False), (2001, False), (2999, False), (3000, True), (4002, True)]
)
def test_ocpi_error_inside_http_200(status: int, effect: bool) -> None:
    with pytest.raises(OcpiStatusError) as caught:
        post(lambda _: httpx2.Response(200, content=envelope(status=status, status_message="no")))
    assert (caught.value.status, caught.value.status_message) == (status, "no")
    assert caught.value.may_have_effect is effect


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>welcome</html>", "not_json"),
        (b"", "not_json"),
        (b"\xff", "not_json"),
        (b"[" * 100_000, "not_json"),
        (b"[]", "no_envelope"),
        (b"{}", "no_envelope"),
        (b'{"status_code": "1000"}', "no_envelope"),
        (b'{"status_code": true}', "no_envelope"),
        (b'{"status_code": 200}', "no_envelope"),
    ],
)
def test_malformed_answers(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedResponse) as caught:
        post(lambda _: httpx2.Response(200, content=body))
    assert caught.value.reason == reason
    assert caught.value.may_have_effect is True


def test_size_and_encoding_of_answers_are_bounded() -> None:
    with pytest.raises(MalformedResponse, match="too_large"):
        post(ok("x" * 2000), limits=Limits(max_response_bytes=1000))

    async def endless() -> AsyncIterator[bytes]:
        while True:
            yield b" " * 1000

    with pytest.raises(MalformedResponse, match="too_large"):
        post(lambda _: httpx2.Response(200, content=endless()), limits=Limits(max_response_bytes=10_000))
    with pytest.raises(MalformedResponse, match="encoded"):
        post(lambda _: httpx2.Response(200, content=endless(), headers={"Content-Encoding": "gzip"}))


@pytest.mark.parametrize(
    ("header", "location"),
    [
        ("https://emsp.example/store/1", "https://emsp.example/store/1"),
        ("/ocpi/emsp/cdrs/1", "https://emsp.example/ocpi/emsp/cdrs/1"),
        ("cdrs/1", "https://emsp.example/cdrs/1"),
        (None, None),
    ],
)
def test_location_is_resolved_and_may_be_missing(header: str | None, location: str | None) -> None:
    posted = post(ok(http=201, **({} if header is None else {"Location": header})))
    assert (posted.location, posted.status) == (location, 201)


def test_a_status_code_written_as_1000_0_and_a_missing_timestamp_are_accepted() -> None:
    posted = post(lambda _: httpx2.Response(200, content=b'{"status_code": 1000.0}'))
    assert posted.status == 200


def test_no_error_message_contains_the_token() -> None:
    for handler in (fail(httpx2.ReadError), ok("x"), lambda _: httpx2.Response(500)):
        with pytest.raises(PartnerError) as caught:
            asyncio.run(client(handler).version_details("https://emsp.example/v"))
        assert "secret-token" not in f"{caught.value!r} {caught.value} {caught.value.__dict__}"


def test_lists_skip_invalid_items_and_report_them() -> None:
    async def run() -> None:
        told: list[Any] = []
        data = [json.loads(CDR), {"id": "broken"}, 7]
        each = client(ok(data)).iter_cdrs(on_invalid=lambda item, error: told.append((item, error)))
        assert [item async for item in each] == [cdr()]
        assert [item for item, _ in told] == [{"id": "broken"}, 7]
        assert all(isinstance(error, InvalidObject) for _, error in told)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("link", "reason"),
    [
        ('<https://evil.example/list?offset=1>; rel="next"', "foreign_link"),
        ('<http://emsp.example/list?offset=1>; rel="next"', "foreign_link"),
        ('<https://emsp.example/list>; rel="next"', "endless_list"),
    ],
)
def test_links_that_lead_astray(link: str, reason: str) -> None:
    async def run() -> None:
        with pytest.raises(MalformedResponse) as caught:
            async for _ in client(ok([], Link=link)).iter_cdrs():
                pass
        assert caught.value.reason == reason

    asyncio.run(run())


def test_relative_link_is_followed_with_its_own_query() -> None:
    async def run() -> None:
        urls: list[str] = []

        def handle(request: httpx2.Request) -> httpx2.Response:
            urls.append(str(request.url))
            more = {"Link": '</list?offset=1&x=y>; rel="next"'} if len(urls) == 1 else {}
            return httpx2.Response(200, content=envelope([]), headers=more)

        assert [item async for item in client(handle).iter_cdrs(limit=1)] == []
        assert urls == ["https://emsp.example/list?limit=1", "https://emsp.example/list?offset=1&x=y"]

    asyncio.run(run())


def test_data_that_is_no_list() -> None:
    async def run() -> None:
        with pytest.raises(MalformedResponse, match="wrong_object"):
            async for _ in client(ok({})).iter_cdrs():
                pass

    asyncio.run(run())


def test_urls_and_headers_of_a_tariff() -> None:
    seen: list[httpx2.Request] = []

    def handle(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(201, content=envelope())

    assert asyncio.run(client(handle).put_tariff(tariff())) is True
    (request,) = seen
    assert str(request.url) == "https://emsp.example/tariffs/DE/CPO/T%2F1"
    assert request.headers["Authorization"] == "Token c2VjcmV0LXRva2Vu"
    assert request.headers["Content-Type"] == "application/json"
    assert request.headers["OCPI-to-party-id"] == "MSP"
    assert b'"price":0.4900' in request.content


def test_missing_endpoint_and_forbidden_urls_send_nothing() -> None:
    async def run() -> None:
        def never(request: httpx2.Request) -> httpx2.Response:
            raise AssertionError(request.url)

        plain = client(never)
        with pytest.raises(MissingEndpoints):
            [item async for item in plain.iter_tariffs()]
        for url in (
            "http://a.example",
            "https://u:p@a.example",
            "https://127.0.0.1",
            "https://a b",
            "x",
            "https://a:99999",
        ):
            with pytest.raises(UrlRefused):
                await plain.versions(url)

    asyncio.run(run())
