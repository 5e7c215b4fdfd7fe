"""JSON, envelope, headers, pagination, URLs: each part for itself."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
from datetime import UTC, datetime
from decimal import Decimal

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.transport import json
from ocpi.transport.envelope import EnvelopeError, parse, render
from ocpi.transport.headers import PartyId, Routing, authorization, echoed_id, tokens_of
from ocpi.transport.pagination import Page, PageQuery, next_link, page_headers
from ocpi.transport.urls import LOOPBACK, PRODUCTION, UrlPolicy, guarded_transport, join, resolve, same_origin
from ocpi.types import parse_datetime
from ocpi.versions import V2_2_1


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b'{"a":1,"a":1}', "duplicate_key"),
        (b"NaN", "bad_number"),
        (b"1e999", "bad_number"),
        (b"1E9999999999999999999", "bad_number"),
        (b"[-1e-99999999999999999999]", "bad_number"),
        (b"1" * 65, "bad_number"),
        (b"[" * 65 + b"]" * 65, "too_deep"),
        (b'{"a":' * 65 + b"1" + b"}" * 65, "too_deep"),
        (b"[" * 200_000, "too_deep"),
        (b"\xff", "not_utf8"),
        (b"", "malformed"),
        (b"{} {}", "malformed"),
        (b'"\\ud800"', "malformed"),
    ],
)
def test_json_that_is_refused(raw: bytes, code: str) -> None:
    with pytest.raises(json.JsonError) as caught:
        json.loads(raw)
    assert caught.value.code == code


def test_json_may_be_64_levels_deep() -> None:
    assert json.loads(b"[" * 64 + b"1" + b"]" * 64)


def test_json_keeps_digits_both_ways() -> None:
    value = json.loads(b'\xef\xbb\xbf{"a":[1,0.30,1.0e2,"\\ud83d\\ude00"]}')
    assert value == {"a": [1, Decimal("0.30"), Decimal("1.0E+2"), "\U0001f600"]}
    assert str(value["a"][1]) == "0.30"
    assert json.dumps({"x": Decimal("0.30")}) == b'{"x":0.30}'
    assert json.loads(json.dumps(value)) == value


@given(st.binary(max_size=200))
def test_any_bytes_give_json_or_its_error(raw: bytes) -> None:
    with contextlib.suppress(json.JsonError):
        json.dumps(json.loads(raw))


def test_envelope_round_trip() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    envelope = parse(render(1000, {"a": 1}, "m" * 900, timestamp=moment))
    assert (envelope.data, envelope.status_code, envelope.timestamp) == ({"a": 1}, 1000, moment)
    assert len(envelope.status_message or "") == 500
    assert b"data" not in render(2001)
    assert parse(b'{"status_code":1900}').is_success
    assert not parse(b'{"status_code":2000}').is_success
    with pytest.raises(EnvelopeError):
        parse(b'{"data":[]}')


def test_tokens() -> None:
    assert authorization("abc", base64_encoded=True) == "Token YWJj"
    assert authorization("abc", base64_encoded=False) == "Token abc"
    assert tokens_of("Token YWJj") == ("abc", "YWJj")
    assert tokens_of("token ZXhhbXBsZS10b2tlbgo=") == ("example-token", "ZXhhbXBsZS10b2tlbgo=")
    for bad in (None, "", "Bearer x", "Token", "Token ", "Token \u00e4", "Token a\tb"):
        assert tokens_of(bad) == ()
    for bad_token in ("", "a b", "a\n", "x" * 65, "\u00e4"):
        with pytest.raises(ValueError, match="credentials token"):
            authorization(bad_token, base64_encoded=True)


def test_routing() -> None:
    headers = {"OCPI-to-party-id": "MSP", "OCPI-to-country-code": "NL", "OCPI-from-party-id": "CPO"}
    routing = Routing.read(httpx2.Headers(headers))
    assert routing == Routing(to=PartyId("NL", "MSP"))  # half a party counts as absent
    assert routing.swapped().headers() == {"OCPI-from-party-id": "MSP", "OCPI-from-country-code": "NL"}
    assert PartyId("nl", "msp").same(PartyId("NL", "MSP"))
    assert echoed_id("a\r\nSet-Cookie: x") is None


@pytest.mark.parametrize(
    ("header", "url"),
    [
        ('<https://a/x?o=1>; rel="next"', "https://a/x?o=1"),
        ("<https://a/x>;rel=next", "https://a/x"),
        ('<https://a/p>; rel="prev", <https://a/n?a=1,2>; title="x, y"; rel="next"', "https://a/n?a=1,2"),
        ('<https://a/x>; rel="nextish"', None),
        ('<https://a/x>; rel="last"', None),
        ("nonsense", None),
        ("", None),
        (None, None),
        ("<" * 4000, None),
        (";" * 4000, None),
    ],
)
def test_next_link(header: str | None, url: str | None) -> None:
    assert next_link(header) == url


def test_pages_chain_without_gap_or_overlap() -> None:
    first = PageQuery(date_to=datetime(2026, 1, 2, tzinfo=UTC))
    second = PageQuery(date_from=datetime(2026, 1, 2, tzinfo=UTC))
    for moment in (datetime(2026, 1, 1, 23, 59, 59, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)):
        assert first.includes(moment) is not second.includes(moment)


def test_link_stands_only_before_the_last_page() -> None:
    query = PageQuery.read({"limit": "2", "offset": "2"}, max_limit=10)
    assert "Link" in page_headers("https://a/x", query, Page([1, 2], 5), max_limit=10)
    assert "Link" not in page_headers("https://a/x", query, Page([1, 2], 4), max_limit=10)
    assert "Link" not in page_headers("https://a/x", query, Page([], 9), max_limit=10)


def test_urls() -> None:
    assert join("https://a/x/", "DE", "a/b c") == "https://a/x/DE/a%2Fb%20c"
    assert join("https://a/x", "..") == "https://a/x/.."
    assert resolve("https://a/x/cdrs", "/y") == "https://a/y"
    assert same_origin("https://a/x", "https://A:443/y")
    assert not same_origin("https://a", "http://a")
    assert not same_origin("https://a:bad", "https://a")


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "2002:7f00:1::",
     "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2001:0:1::1", "ff02::1"],
)  # fmt: skip
def test_inner_addresses_are_not_called_in_production(address: str) -> None:
    assert not PRODUCTION.allows(ipaddress.ip_address(address))


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses_are_called(address: str) -> None:
    assert PRODUCTION.allows(ipaddress.ip_address(address))


def test_private_networks_can_be_allowed_but_not_link_local() -> None:
    policy = UrlPolicy(allow_private=True)
    assert policy.allows(ipaddress.ip_address("10.0.0.1"))
    for inner in ("169.254.169.254", "127.0.0.1", "fe80::1"):
        assert not policy.allows(ipaddress.ip_address(inner))


def _listening() -> tuple[socket.socket, int]:
    listener = socket.create_server(("127.0.0.1", 0))
    return listener, listener.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_transport_itself_refuses_inner_addresses_whatever_the_name_says(host: str) -> None:
    async def run() -> None:
        listener, port = _listening()
        with listener:
            async with httpx2.AsyncClient(transport=guarded_transport(PRODUCTION)) as http:
                with pytest.raises(httpx2.ConnectError, match="policy"):
                    await http.get(f"http://{host}:{port}/")
            listener.settimeout(0.05)
            with pytest.raises(TimeoutError):
                listener.accept()  # nobody connected

    asyncio.run(run())


def test_the_transport_connects_where_the_policy_allows() -> None:
    async def run() -> None:
        async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi")
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(hello, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, httpx2.AsyncClient(transport=guarded_transport(LOOPBACK)) as http:
            assert (await http.get(f"http://localhost:{port}/")).text == "hi"

    asyncio.run(run())


def test_datetimes_of_the_wire() -> None:
    assert parse_datetime("2015-06-29T20:39:09") == parse_datetime("2015-06-29T20:39:09Z")
    for bad in ("2015-06-29T20:39:09+00:00", "2015-06-29 20:39:09Z", "2015-13-29T20:39:09Z", "x"):
        with pytest.raises(ValueError, match=r"."):
            parse_datetime(bad)


def test_the_version_is_registered() -> None:
    assert V2_2_1.number == "2.2.1"
    assert V2_2_1.base64_tokens


def test_a_partners_words_cannot_pass_for_log_lines_of_ours() -> None:
    said = "refused\n2026-01-01 INFO all is well\x1b[2J" + "x" * 1000
    body = json.dumps({"status_code": 2000, "status_message": said, "timestamp": "2026-01-01T00:00:00Z"})
    message = parse(body).status_message
    assert message is not None
    assert message.isprintable()
    assert len(message) == 500
    with pytest.raises(EnvelopeError) as caught:
        parse(b'{"a\\nb": 1, "a\\nb": 2}')
    assert str(caught.value).isprintable()
