"""Comparing content, deriving places, and what each OCPI failure means: rules without a database."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from eichrecht.delivery.client import CannotAsk, MaybeDelivered, NotDelivered, Rejected
from eichrecht.delivery.compare import same_content
from eichrecht.delivery.ocpi_client import OcpiCdrClient, wire_body
from eichrecht.delivery.places import learn_pattern, places
from eichrecht.store.claims import Claim, KnownLocation
from eichrecht.store.states import InDoubtPolicy
from ocpi.client import OcpiClient
from ocpi.objects.cdr import Cdr
from ocpi.objects.version import Endpoint, InterfaceRole
from ocpi.transport.json import loads
from tests.eichrecht.delivery.delivery_support import NOW, sample_cdr

ENDPOINT = "https://emsp.example/ocpi/cdrs"


def changed(**fields: Any) -> Cdr:
    return sample_cdr(**fields)


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({}, True),
        ({"total_energy": Decimal("10")}, True),
        ({"id": "cdr1"}, True),
        ({"tariffs": []}, True),
        ({"credit": False}, True),
        ({"remark": None}, True),
        ({"last_updated": "2026-03-02T00:00:00Z"}, True),
        ({"x_internal": "7"}, True),
        ({"total_energy": Decimal("10.0001")}, False),
        ({"total_cost": {"excl_vat": Decimal("4.00")}}, False),
        ({"currency": "CHF"}, False),
        ({"remark": "added"}, False),
        ({"end_date_time": "2026-03-01T11:00:01Z"}, False),
        ({"credit": True, "credit_reference_id": "X"}, False),
    ],
)
def test_same_content_by_meaning(fields: dict[str, Any], same: bool) -> None:
    assert same_content(wire_body(sample_cdr()), changed(**fields)) is same


def test_unreadable_bytes_are_never_the_same() -> None:
    assert not same_content(b"{", sample_cdr())


def test_wire_body_is_stable() -> None:
    body = wire_body(sample_cdr())
    assert wire_body(Cdr.model_validate(loads(body))) == body
    assert b'"total_energy":10.000' in body


@pytest.mark.parametrize(
    ("location", "pattern"),
    [
        ("https://e.example/cdrs/CDR1", "https://e.example/cdrs/{id}"),
        ("https://e.example/cdrs/cdr1", "https://e.example/cdrs/{id}"),
        ("https://e.example/DE/ABC/CDR1", "https://e.example/{country_code}/{party_id}/{id}"),
        ("https://e.example/cdrs/CDR1/v", "https://e.example/cdrs/{id}/v"),
        ("https://e.example/cdrs/8f3a", None),
        ("https://e.example/cdrs/CDR12", None),
        ("https://e.example/CDR1/CDR1", None),
        ("https://e.example/cdrs?id=CDR1", None),
        ("https://e.example/cdrs/CDR1?v=1", None),
        ("ftp://e.example/cdrs/CDR1", None),
        ("//[", None),
        ("", None),
    ],
)
def test_patterns_are_learned_from_whole_segments(location: str, pattern: str | None) -> None:
    assert learn_pattern(KnownLocation("DE", "ABC", "CDR1", location)) == pattern


def claim(location: str | None = None, *known: str) -> Claim:
    return Claim(
        delivery_id=1,
        lease="w/1",
        lease_until=NOW,
        partner_id="p1",
        country_code="DE",
        party_id="ABC",
        cdr_id="A/B",
        body=b"{}",
        attempts=0,
        in_doubt=True,
        doubted=True,
        location=location,
        in_doubt_policy=InDoubtPolicy.RESEND,
        known_locations=tuple(KnownLocation("DE", "ABC", "OLD", url) for url in known),
    )


def test_places_prefer_proof_and_never_leave_the_origin() -> None:
    found = places(claim(None, ENDPOINT + "/OLD", "https://evil.example/OLD"), ENDPOINT)
    assert [(place.url, place.definite) for place in found] == [
        (ENDPOINT + "/A%2FB", True),
        (ENDPOINT + "/DE/ABC/A%2FB", False),
    ]
    assert places(claim("https://evil.example/x"), ENDPOINT) == places(claim(), ENDPOINT)
    assert places(claim(ENDPOINT + "/r7"), ENDPOINT)[0].definite


def envelope(http: int, ocpi: int | None = 1000) -> Callable[[httpx2.Request], httpx2.Response]:
    content = b"<html>" if ocpi is None else b'{"status_code":%d,"timestamp":"2026-03-01T12:00:00Z"}' % ocpi
    return lambda _request: httpx2.Response(http, stream=httpx2.ByteStream(content))


def fails(error: type[Exception]) -> Callable[[httpx2.Request], httpx2.Response]:
    def handler(request: httpx2.Request) -> httpx2.Response:
        raise error("failed")

    return handler


def call(handler: Callable[[httpx2.Request], httpx2.Response], method: str, *arguments: Any) -> Any:
    async def work() -> Any:
        async with httpx2.AsyncClient(transport=httpx2.MockTransport(handler)) as http:
            endpoints = (Endpoint(identifier="cdrs", role=InterfaceRole.RECEIVER, url=ENDPOINT),)
            client = OcpiCdrClient(OcpiClient(http, token="t", endpoints=endpoints))
            return await getattr(client, method)(*arguments)

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("handler", "error", "code", "marks"),
    [
        (fails(httpx2.ConnectError), NotDelivered, "no_connection", {}),
        (fails(httpx2.ConnectTimeout), NotDelivered, "no_connection", {}),
        (fails(httpx2.ReadTimeout), MaybeDelivered, "no_answer", {}),
        (fails(httpx2.RemoteProtocolError), MaybeDelivered, "no_answer", {}),
        (envelope(500), MaybeDelivered, "http_500", {}),
        (envelope(503, None), MaybeDelivered, "http_503", {}),
        (envelope(200, None), MaybeDelivered, "malformed_not_json", {}),
        (envelope(200, 3000), MaybeDelivered, "ocpi_3000", {}),
        (envelope(200, 4002), MaybeDelivered, "ocpi_4002", {}),
        (envelope(200, 2001), Rejected, "ocpi_2001", {"permanent": True, "duplicate": False}),
        (envelope(200, 2000), Rejected, "ocpi_2000", {"permanent": False, "duplicate": False}),
        (envelope(400, 2000), Rejected, "http_400", {"permanent": True, "duplicate": False}),
        (envelope(401, None), Rejected, "http_401", {"permanent": False, "duplicate": False}),
        (envelope(429, None), Rejected, "http_429", {"permanent": False, "duplicate": False}),
        (envelope(409, 2000), Rejected, "http_409", {"permanent": True, "duplicate": True}),
    ],
)
def test_what_a_failed_post_means(
    handler: Callable[[httpx2.Request], httpx2.Response],
    error: type[Exception],
    code: str,
    marks: dict[str, bool],
) -> None:
    with pytest.raises(error) as caught:
        call(handler, "post_cdr", b"{}")
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert {name: getattr(caught.value, name) for name in marks} == marks


@pytest.mark.parametrize(
    ("handler", "temporary"),
    [
        (fails(httpx2.ConnectError), True),
        (fails(httpx2.ReadTimeout), True),
        (envelope(503), True),
        (envelope(401), True),
        (envelope(500), False),
        (envelope(405), False),
        (envelope(200, 2003), False),
        (envelope(200, None), False),
    ],
)
def test_what_a_failed_question_means(
    handler: Callable[[httpx2.Request], httpx2.Response], temporary: bool
) -> None:
    with pytest.raises(CannotAsk) as caught:
        call(handler, "get_cdr", ENDPOINT + "/1")
    assert caught.value.temporary is temporary


def test_only_404_means_absent() -> None:
    assert call(envelope(404, 2000), "get_cdr", ENDPOINT + "/1") is None


def test_exactly_the_stored_bytes_leave() -> None:
    seen = []

    def handler(request: httpx2.Request) -> httpx2.Response:
        seen.append(request.content)
        return httpx2.Response(
            201,
            headers={"Location": "/ocpi/cdrs/7"},
            stream=httpx2.ByteStream(b'{"status_code":1000,"timestamp":"2026-03-01T12:00:00Z"}'),
        )

    body = b'{ "id":"CDR1" ,"total_energy": 1.100 }'
    posted = call(handler, "post_cdr", body)
    assert seen == [body]
    assert posted.location == "https://emsp.example/ocpi/cdrs/7"
    assert len(posted.answer.body_sha256) == 64
