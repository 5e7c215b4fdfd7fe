"""The credentials handshake, both sides, in the order of messages that the specification asks for."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from ocpi.errors import (
    HttpStatusError,
    MaybeDelivered,
    MissingEndpoints,
    NoMutualVersion,
    NotDelivered,
    NotRegistered,
    OcpiStatusError,
    Refusal,
    TokenGone,
    UrlRefused,
)
from ocpi.handshake import CPO_NEEDS, GRACE, PENDING_LIFE
from ocpi.objects.credentials import Role
from ocpi.registration import PartnerState, TokenPurpose
from ocpi.transport import json
from ocpi.transport.headers import token_hash
from tests.ocpi.platforms import EMSP_URL, World, tariff, world

VERSIONS = f"{EMSP_URL}/ocpi/versions"
CREDENTIALS = f"{EMSP_URL}/ocpi/2.2.1/credentials"
TARIFFS = f"{EMSP_URL}/ocpi/emsp/2.2.1/tariffs/DE/CPO/1"


async def registered() -> tuple[World, Any]:
    w = world()
    token_a = await w.emsp.registrar.invite()
    return w, await w.cpo.register(VERSIONS, token_a)


def b64(token: str) -> str:
    return base64.b64encode(token.encode()).decode()


def body(url: str = "https://other.example/versions", token: str = "b", party: str = "OTH") -> bytes:
    roles = [{"role": "CPO", "party_id": party, "country_code": "DE", "business_details": {"name": "Other"}}]
    return json.dumps({"token": token, "url": url, "roles": roles})


def other_platform(w: World, version: str = "2.2.1", endpoints: list[dict[str, str]] | None = None) -> None:
    listed = [{"version": version, "url": "https://other.example/details"}]
    details = {"version": version, "endpoints": endpoints or []}

    def handle(request: httpx2.Request) -> httpx2.Response:
        data: Any = listed if request.url.path == "/versions" else details
        return httpx2.Response(
            200, content=json.dumps({"data": data, "status_code": 1000, "timestamp": "2026-01-01T00:00:00Z"})
        )

    w.other_host("other.example", handle)


def test_messages_come_in_the_order_of_the_specification() -> None:
    async def run() -> None:
        w, partner = await registered()
        assert [entry[:2] for entry in w.network.log] == [
            ("GET", "emsp.example/ocpi/versions"),
            ("GET", "emsp.example/ocpi/2.2.1"),
            ("GET", "cpo.example/ocpi/versions"),  # while the POST is open, with token B
            ("GET", "cpo.example/ocpi/2.2.1"),
            ("POST", "emsp.example/ocpi/2.2.1/credentials"),
        ]
        assert {entry[2] for entry in w.network.log} == {200}
        assert partner.version == "2.2.1"
        assert partner.party(Role.EMSP).party_id == "MSP"
        for request in w.network.requests:  # configuration modules carry no routing headers
            assert not any(name.lower().startswith("ocpi-") for name in request.headers)
            assert request.headers["X-Request-ID"]
            assert request.headers["X-Correlation-ID"]

    asyncio.run(run())


def test_each_side_keeps_the_other_sides_token_and_only_the_hash_of_its_own() -> None:
    async def run() -> None:
        w, partner = await registered()
        (theirs,) = await w.emsp.stores.registrations.partners()
        to_emsp = await w.emsp.stores.registrations.find_token(token_hash(partner.token))
        to_cpo = await w.cpo_store.find_token(token_hash(theirs.token))
        assert to_emsp is not None
        assert to_emsp.purpose is TokenPurpose.PARTNER
        assert to_cpo is not None
        assert to_cpo.purpose is TokenPurpose.PARTNER
        assert partner.token not in repr(w.emsp.stores.registrations)
        assert partner.token not in repr(partner)
        assert partner.token != theirs.token

    asyncio.run(run())


def test_token_a_works_once_and_on_nothing_else() -> None:
    async def run() -> None:
        w = world()
        token_a = await w.emsp.registrar.invite()
        early = await w.raw("GET", TARIFFS, b64(token_a))
        assert early.status_code == 401
        assert early.json()["status_code"] == 2000
        got = await w.raw("GET", CREDENTIALS, b64(token_a))
        assert got.json()["data"]["token"] == token_a
        await w.cpo.register(VERSIONS, token_a)
        assert (await w.raw("GET", VERSIONS, b64(token_a))).status_code == 401
        with pytest.raises(HttpStatusError) as caught:
            await w.cpo.register(VERSIONS, token_a)
        assert caught.value.status == 401
        assert not caught.value.may_have_effect

    asyncio.run(run())


def test_of_two_posts_with_the_same_token_a_one_wins() -> None:
    async def run() -> None:
        w = world()
        other_platform(w)
        token_a = await w.emsp.registrar.invite()
        answers = await asyncio.gather(
            *(w.raw("POST", CREDENTIALS, b64(token_a), content=body(token=f"b{n}")) for n in range(2))
        )
        assert sorted(answer.status_code for answer in answers) == [200, 401]
        assert len(await w.emsp.stores.registrations.partners()) == 1

    asyncio.run(run())


def test_pending_token_b_opens_versions_only() -> None:
    async def run() -> None:
        w = world()
        seen: list[int] = []
        real = w.network.hosts["emsp.example"]

        async def spy(request: httpx2.Request) -> httpx2.Response:
            if request.method == "POST":
                token = json.loads(request.content)["token"]
                for path in ("versions", "2.2.1", "cpo/2.2.1/cdrs"):
                    probe = await w.raw("GET", f"https://cpo.example/ocpi/{path}", b64(token))
                    seen.append(probe.status_code)
                probe = await w.raw("PUT", "https://cpo.example/ocpi/2.2.1/credentials", b64(token))
                seen.append(probe.status_code)
            return await real.handle_async_request(request)

        w.network.hosts["emsp.example"] = httpx2.MockTransport(spy)
        await w.cpo.register(VERSIONS, await w.emsp.registrar.invite())
        assert seen == [200, 200, 401, 405]

    asyncio.run(run())


def test_put_rotates_both_tokens_and_the_old_ones_end_after_the_grace() -> None:
    async def run() -> None:
        w, before = await registered()
        (their_before,) = await w.emsp.stores.registrations.partners()
        after = await w.cpo.rotate(before.id)
        (their_after,) = await w.emsp.stores.registrations.partners()
        assert after.id == before.id
        assert after.token != before.token
        assert their_after.token != their_before.token
        assert await w.cpo.client(after).put_tariff(tariff())
        old = await w.cpo_store.find_token(token_hash(their_before.token))
        assert old is not None
        assert old.is_live(w.clock.now + GRACE - timedelta(seconds=1))
        assert not old.is_live(w.clock.now + GRACE)
        w.clock.now += GRACE
        cdrs = "https://cpo.example/ocpi/cpo/2.2.1/cdrs"
        assert (await w.raw("GET", cdrs, b64(their_before.token))).status_code == 401
        assert (await w.raw("GET", cdrs, b64(their_after.token))).status_code == 200

    asyncio.run(run())


def test_a_put_whose_answer_was_lost_can_be_repeated() -> None:
    async def run() -> None:
        w, partner = await registered()
        real = w.network.hosts["emsp.example"]

        async def lose(request: httpx2.Request) -> httpx2.Response:
            response = await real.handle_async_request(request)
            if request.method == "PUT":
                raise httpx2.ReadError("gone", request=request)
            return response

        w.network.hosts["emsp.example"] = httpx2.MockTransport(lose)
        with pytest.raises(MaybeDelivered) as caught:
            await w.cpo.rotate(partner.id)
        assert caught.value.may_have_effect
        w.network.hosts["emsp.example"] = real
        again = await w.cpo.rotate(partner.id)  # with the old token, within the grace
        assert await w.cpo.client(again).put_tariff(tariff())

    asyncio.run(run())


def test_the_emsp_can_rotate_too() -> None:
    async def run() -> None:
        w, partner = await registered()
        (theirs,) = await w.emsp.stores.registrations.partners()
        await w.emsp.registrar.rotate(theirs.id)
        renewed = await w.cpo_store.partner(partner.id)
        assert renewed.token != partner.token
        assert await w.cpo.client(renewed).put_tariff(tariff())

    asyncio.run(run())


def test_delete_ends_the_registration_on_both_sides() -> None:
    async def run() -> None:
        w, partner = await registered()
        assert await w.cpo.unregister(partner.id) is None
        (theirs,) = await w.emsp.stores.registrations.partners()
        assert theirs.state is PartnerState.UNREGISTERED
        assert theirs.token is None
        ended = await w.cpo_store.partner(partner.id)
        with pytest.raises(NotRegistered):
            w.cpo.client(ended)
        with pytest.raises(NotRegistered):
            await w.cpo.rotate(partner.id)
        assert (await w.raw("GET", VERSIONS, b64(partner.token))).status_code == 401
        token_a = await w.emsp.registrar.invite(partner_id=theirs.id)
        again = await w.cpo.register(VERSIONS, token_a, partner_id=partner.id)
        assert await w.cpo.client(again).put_tariff(tariff())

    asyncio.run(run())


def test_unregister_holds_here_even_if_the_partner_is_away() -> None:
    async def run() -> None:
        w, partner = await registered()
        del w.network.hosts["emsp.example"]
        assert isinstance(await w.cpo.unregister(partner.id), NotDelivered)
        ended = await w.cpo_store.partner(partner.id)
        assert ended.state is PartnerState.UNREGISTERED

    asyncio.run(run())


def test_methods_in_the_wrong_state_are_405_with_allow() -> None:
    async def run() -> None:
        w, partner = await registered()
        token_a = await w.emsp.registrar.invite()
        post = await w.raw("POST", CREDENTIALS, b64(partner.token), content=body())
        put = await w.raw("PUT", CREDENTIALS, b64(token_a), content=body())
        delete = await w.raw("DELETE", CREDENTIALS, b64(token_a))
        patch = await w.raw("PATCH", CREDENTIALS, b64(partner.token), content=body())
        for response in (post, put, delete, patch):
            assert response.status_code == 405
            assert response.json()["status_code"] == 2000
            assert response.headers["Allow"]
        assert post.headers["Allow"] == "GET, PUT, DELETE"
        assert put.headers["Allow"] == "GET, POST"
        assert patch.headers["Allow"] == "GET, POST, PUT, DELETE"

    asyncio.run(run())


def test_a_fresh_a_for_a_known_partner_replaces_its_registration_at_once() -> None:
    async def run() -> None:
        w, partner = await registered()
        (theirs,) = await w.emsp.stores.registrations.partners()
        token_a = await w.emsp.registrar.invite(partner_id=theirs.id)
        renewed = await w.cpo.register(VERSIONS, token_a, partner_id=partner.id)
        assert len(await w.emsp.stores.registrations.partners()) == 1
        assert (await w.raw("GET", TARIFFS, b64(partner.token))).status_code == 401
        assert (await w.raw("GET", TARIFFS, b64(renewed.token))).status_code == 404

    asyncio.run(run())


def test_a_role_of_another_platform_is_refused_and_token_a_stays_valid() -> None:
    async def run() -> None:
        w, _ = await registered()
        other_platform(w)
        token_a = await w.emsp.registrar.invite()
        answer = await w.raw("POST", CREDENTIALS, b64(token_a), content=body(party="cpo"))
        assert (answer.status_code, answer.json()["status_code"]) == (200, 2001)
        assert (await w.raw("GET", VERSIONS, b64(token_a))).status_code == 200

    asyncio.run(run())


def test_call_back_failures_are_3001_3002_3003_in_http_200_and_leave_token_a() -> None:
    async def run() -> None:
        w = world()
        token_a = await w.emsp.registrar.invite()

        async def post(url: str = "https://other.example/versions") -> int:
            answer = await w.raw("POST", CREDENTIALS, b64(token_a), content=body(url))
            assert answer.status_code == 200
            return int(answer.json()["status_code"])

        assert await post() == 3001  # nobody there
        w.other_host("other.example", lambda _: httpx2.Response(500))
        assert await post() == 3001
        w.other_host("other.example", lambda _: httpx2.Response(200, content=b"<html>"))
        assert await post() == 3001
        for url in ("http://other.example/versions", "https://10.0.0.1/v", "https://[::1]/v", "ftp://x/"):
            assert await post(url) == 3001
        other_platform(w, version="2.1.1")
        assert await post() == 3002
        registrar = w.emsp.registrar
        registrar._us = replace(registrar.us, needs=CPO_NEEDS)
        other_platform(w)
        assert await post() == 3003
        assert await w.emsp.stores.registrations.partners() == ()
        registrar._us = replace(registrar.us, needs=frozenset())
        assert await post() == 1000

    asyncio.run(run())


def test_a_failed_handshake_leaves_nothing_behind() -> None:
    async def run() -> None:
        w = world()
        w.cpo._us = replace(w.cpo.us, versions_url="https://unreachable.example/versions")
        with pytest.raises(OcpiStatusError) as caught:
            await w.cpo.register(VERSIONS, await w.emsp.registrar.invite())
        assert caught.value.status == 3001
        assert w.cpo_store._tokens == {}
        assert await w.cpo_store.partners() == ()

    asyncio.run(run())


def test_no_mutual_version_and_missing_endpoints_send_no_post() -> None:
    async def run() -> None:
        w = world()
        other_platform(w, version="2.0")
        with pytest.raises(NoMutualVersion):
            await w.cpo.register("https://other.example/versions", "a")
        other_platform(w)
        with pytest.raises(MissingEndpoints) as caught:
            await w.cpo.register("https://other.example/versions", "a")
        assert "cdrs RECEIVER" in str(caught.value)
        assert {method for method, _, _ in w.network.log} == {"GET"}

    asyncio.run(run())


def test_unreachable_and_forbidden_partners() -> None:
    async def run() -> None:
        w = world()
        with pytest.raises(NotDelivered) as caught:
            await w.cpo.register("https://nobody.example/versions", "a")
        assert not caught.value.may_have_effect
        with pytest.raises(UrlRefused):
            await w.cpo.register("http://169.254.169.254/latest/meta-data", "a")

    asyncio.run(run())


def test_a_partner_that_wants_raw_tokens_gets_them() -> None:
    async def run() -> None:
        w = world()
        token_a = await w.emsp.registrar.invite()
        real = w.network.hosts["emsp.example"]

        async def raw_only(request: httpx2.Request) -> httpx2.Response:
            token = request.headers["Authorization"].removeprefix("Token ")
            hashed = token_hash(token)
            if await w.emsp.stores.registrations.find_token(hashed) is None:
                return httpx2.Response(401, content=b"no")
            return await real.handle_async_request(request)

        w.network.hosts["emsp.example"] = httpx2.MockTransport(raw_only)
        partner = await w.cpo.register(VERSIONS, token_a)
        assert not partner.base64_tokens
        assert await w.cpo.client(partner).put_tariff(tariff())

    asyncio.run(run())


def test_an_ended_pending_token_cannot_complete_a_handshake() -> None:
    async def run() -> None:
        w = world()
        token_a = await w.emsp.registrar.invite()
        real = w.network.hosts["emsp.example"]

        async def slow(request: httpx2.Request) -> httpx2.Response:
            response = await real.handle_async_request(request)
            if request.method == "POST":
                w.clock.now += PENDING_LIFE
            return response

        w.network.hosts["emsp.example"] = httpx2.MockTransport(slow)
        with pytest.raises(TokenGone):
            await w.cpo.register(VERSIONS, token_a)

    asyncio.run(run())


def test_credentials_that_are_no_credentials() -> None:
    async def run() -> None:
        w = world()
        token_a = b64(await w.emsp.registrar.invite())
        broken = json.loads(body())
        for change in ({"token": "with blank"}, {"roles": []}, {"url": None}, {"token": "x" * 65}):
            answer = await w.raw("POST", CREDENTIALS, token_a, content=json.dumps({**broken, **change}))
            assert (answer.status_code, answer.json()["status_code"]) == (200, 2001)
        answer = await w.raw("POST", CREDENTIALS, token_a, content=b"[]")
        assert (answer.status_code, answer.json()["status_code"]) == (200, 2001)
        answer = await w.raw("POST", CREDENTIALS, token_a, content=b"{")
        assert answer.status_code == 400

    asyncio.run(run())


def test_removal_of_an_ended_token_is_refused() -> None:
    async def run() -> None:
        w, partner = await registered()
        record = await w.emsp.stores.registrations.find_token(token_hash(partner.token))
        await w.emsp.registrar.accept_removal(record)
        with pytest.raises(Refusal) as caught:
            await w.emsp.registrar.accept_removal(record)
        assert caught.value.http_status == 401

    asyncio.run(run())


def test_a_token_a_that_nobody_used_ends() -> None:
    async def run() -> None:
        w = world()
        w.emsp.registrar._clock = w.clock
        token_a = await w.emsp.registrar.invite()
        assert (await w.raw("GET", VERSIONS, b64(token_a))).status_code == 200
        w.clock.now += timedelta(days=31)
        assert (await w.raw("GET", VERSIONS, b64(token_a))).status_code == 401

    asyncio.run(run())
