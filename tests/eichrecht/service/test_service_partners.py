"""Partners over the operator API: handshake, new tokens, settings, the end; and keys that end."""

from __future__ import annotations

from pathlib import Path

import httpx2

from ocpi.registration import PartnerState
from ocpi.server.emsp import Emsp, create_emsp
from ocpi.transport.urls import PRODUCTION
from tests.eichrecht.service.service_support import EVSE, TARIFF, Operator, in_service, meter
from tests.ocpi.platforms import Network


def network_of(operator: Operator) -> tuple[Network, Emsp]:
    """Put the service and an eMSP on one network, instead of on sockets."""
    network = Network()
    http = httpx2.AsyncClient(transport=network)
    emsp = create_emsp("https://emsp.example", policy=PRODUCTION, http=http)
    network.hosts["cpo.example"] = operator.http._transport
    network.hosts["emsp.example"] = httpx2.ASGITransport(emsp.app)
    operator.service.registrar._http = http
    return network, emsp


async def connected(operator: Operator, emsp: Emsp) -> str:
    token = await emsp.registrar.invite()
    body = {"versions_url": emsp.config.versions_url, "token": token}
    return str((await operator.ok("POST", "/partners", body))["id"])


def test_tokens_are_renewed_and_a_registration_ends_on_both_sides(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        network, emsp = network_of(operator)
        partner_id = await connected(operator, emsp)

        async def token() -> str | None:
            async with operator.service.database.reading() as tx:
                return (await tx.partners.get(partner_id)).token

        first = await token()
        rotated = await operator.ok("POST", f"/partners/{partner_id}/rotate")
        assert (rotated["id"], rotated["state"]) == (partner_id, "registered")
        assert await token() not in (first, None)
        assert ("PUT", "emsp.example/ocpi/2.2.1/credentials", 200) in network.log
        assert await operator.ok("DELETE", f"/partners/{partner_id}") == {"id": partner_id, "told": "ok"}
        assert await token() is None
        (theirs,) = await emsp.stores.registrations.partners()
        assert theirs.state is PartnerState.UNREGISTERED
        for path in (f"/partners/{partner_id}/rotate",):
            assert (await operator.call("POST", path)).status_code == 409
        assert (await operator.call("DELETE", f"/partners/{partner_id}")).status_code == 409
        assert (await operator.call("DELETE", "/partners/nobody")).status_code == 404

    in_service(tmp_path, work, prepared=False)


def test_a_registration_ends_here_even_if_the_partner_is_gone(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        network, emsp = network_of(operator)
        partner_id = await connected(operator, emsp)
        del network.hosts["emsp.example"]
        assert (await operator.call("POST", f"/partners/{partner_id}/rotate")).status_code == 502
        (known,) = await operator.ok("GET", "/partners")
        assert known["state"] == "registered"  # the old tokens stay valid
        told = (await operator.ok("DELETE", f"/partners/{partner_id}"))["told"]
        assert "no such host" in told
        (known,) = await operator.ok("GET", "/partners")
        assert known["state"] == "unregistered"

    in_service(tmp_path, work, prepared=False)


def test_no_answer_of_the_api_holds_a_token_of_a_partner(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        _, emsp = network_of(operator)
        partner_id = await connected(operator, emsp)
        async with operator.service.database.reading() as tx:
            token = (await tx.partners.get(partner_id)).token
        assert token
        for method, path in (("GET", "/partners"), ("POST", f"/partners/{partner_id}/rotate")):
            response = await operator.call(method, path)
            assert response.status_code == 200
            assert token not in response.text

    in_service(tmp_path, work, prepared=False)


def test_what_happens_to_a_cdr_in_doubt_is_a_setting_per_partner(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        (known,) = await operator.ok("GET", "/partners")
        assert known["settings"] == {"in_doubt": "resend", "pricing": None}
        changed = await operator.ok("PUT", "/partners/p1/settings", {"in_doubt": "hold"})
        assert changed["settings"] == {"in_doubt": "hold", "pricing": None}
        async with operator.service.database.reading() as tx:
            assert await tx.partners.settings("p1") == {"in_doubt": "hold"}
        for wrong in ({}, {"in_doubt": "perhaps"}, {"in_doubt": ["hold"]}, {"indoubt": "hold"}):
            assert (await operator.call("PUT", "/partners/p1/settings", wrong)).status_code == 400
        response = await operator.call("PUT", "/partners/nobody/settings", {"in_doubt": "hold"})
        assert response.status_code == 404

    in_service(tmp_path, work)


def test_a_token_that_ocpi_cannot_carry_is_refused(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        body = {"versions_url": "https://emsp.example/versions", "token": "two words"}
        response = await operator.call("POST", "/partners", body)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "token_unusable")

    in_service(tmp_path, work)


def test_a_key_that_ended_bills_nothing_any_more(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        (key,) = await operator.ok("GET", "/keys")
        assert (key["charge_point"], key["valid_to"]) == (EVSE, None)
        path = f"/keys/{key['id']}/end"
        assert (await operator.call("POST", path, {"valid_to": "yesterday"})).status_code == 400
        await operator.ok("POST", path, {"valid_to": "2026-01-01T00:00:00Z"})
        assert (await operator.take())["outcome"] == "refused"
        assert (await operator.call("POST", path)).status_code == 409  # the past is not lengthened
        assert (await operator.call("POST", "/keys/99/end")).status_code == 404
        again = {"charge_point": EVSE, "public_key": meter().public_key_text()}
        await operator.ok("POST", "/keys", again)
        assert (await operator.take())["outcome"] == "ready"

    in_service(tmp_path, work)


def test_a_partner_gets_the_tariffs_that_stood_before_it_connected(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        network, emsp = network_of(operator)
        await operator.ok("PUT", "/tariffs", TARIFF)
        await operator.ok("PUT", "/tariffs", TARIFF | {"id": "T2"})
        await operator.ok("DELETE", "/tariffs/T2")
        token = await emsp.registrar.invite()
        body = {"versions_url": emsp.config.versions_url, "token": token}
        made = await operator.ok("POST", "/partners", body)
        assert made["tariffs"] == {"T1": "ok"}  # T2 was withdrawn
        assert [tariff.id for tariff in emsp.stores.tariffs.tariffs.values()] == ["T1"]
        network.hosts["emsp.example"] = httpx2.MockTransport(lambda _: httpx2.Response(500))
        again = await operator.ok("POST", f"/partners/{made['id']}/tariffs")
        assert "500" in again["tariffs"]["T1"]
        assert (await operator.call("POST", "/partners/nobody/tariffs")).status_code == 404

    in_service(tmp_path, work, prepared=False)
