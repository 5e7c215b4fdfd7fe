"""The storages behind ocpi's server; registrations are held to the same contract as those in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx2
import pytest
from fastapi import FastAPI

from eichrecht.delivery.ocpi_client import PartnerClients
from eichrecht.delivery.worker import DeliveryWorker
from eichrecht.store.database import Database
from eichrecht.store.ocpi_storage import SqlCdrSource, SqlRegistrations, cpo_storage
from eichrecht.store.states import DeliveryState
from ocpi.errors import RoleTaken, TokenGone
from ocpi.handshake import Platform, Registrar
from ocpi.objects.credentials import BusinessDetails, CredentialsRole, Role
from ocpi.registration import (
    IssuedToken,
    PartnerState,
    RegistrationChange,
    RegistrationStore,
    TokenPurpose,
)
from ocpi.server.app import OcpiConfig, create_ocpi_app
from ocpi.server.emsp import create_emsp
from ocpi.server.memory import MemoryRegistrations
from ocpi.transport.pagination import PageQuery
from ocpi.transport.urls import LOOPBACK
from tests.eichrecht.delivery.delivery_support import NOW, new_cdr, partner, sample_cdr

Scene = Callable[[RegistrationStore], Awaitable[None]]
HOUR = timedelta(hours=1)


@pytest.fixture(params=["memory", "sql"])
def on_registrations(request: pytest.FixtureRequest, path: Path) -> Callable[[Scene], None]:
    def run(scene: Scene) -> None:
        async def work() -> None:
            if request.param == "memory":
                await scene(MemoryRegistrations())
                return
            async with Database.open(str(path)) as database:
                await scene(SqlRegistrations(database))

        asyncio.run(work())

    return run


def change(presented: str | None = None, **fields: Any) -> RegistrationChange:
    issued = IssuedToken("hash-c", TokenPurpose.PARTNER, "p1")
    base = RegistrationChange(partner(), issued, presented, None, NOW)
    return replace(base, **fields)


def test_invitation_works_once(on_registrations: Callable[[Scene], None]) -> None:
    async def scene(store: RegistrationStore) -> None:
        await store.add_token(IssuedToken("hash-a", TokenPurpose.INVITATION))
        await store.commit(change("hash-a"))
        assert await store.find_token("hash-a") is None
        assert await store.find_token("hash-c") == IssuedToken("hash-c", TokenPurpose.PARTNER, "p1")
        assert await store.partner("p1") == partner()
        with pytest.raises(TokenGone):
            await store.commit(change("hash-a", issued=IssuedToken("x", TokenPurpose.PARTNER, "p1")))
        assert await store.find_token("hash-c") is not None, "a refused change changes nothing"

    on_registrations(scene)


def test_expired_token_is_gone(on_registrations: Callable[[Scene], None]) -> None:
    async def scene(store: RegistrationStore) -> None:
        await store.add_token(IssuedToken("hash-a", TokenPurpose.INVITATION, None, NOW))
        with pytest.raises(TokenGone):
            await store.commit(change("hash-a"))
        assert await store.partners() == ()

    on_registrations(scene)


def test_role_of_another_platform_is_taken(on_registrations: Callable[[Scene], None]) -> None:
    async def scene(store: RegistrationStore) -> None:
        await store.commit(change())
        other = replace(partner(partner_id="p2"), token="other")
        with pytest.raises(RoleTaken):
            await store.commit(change(partner=other, issued=None))
        gone = replace(partner(), state=PartnerState.UNREGISTERED, token=None)
        await store.commit(change(partner=gone, issued=None))
        await store.commit(change(partner=other, issued=None))
        assert [item.id for item in await store.partners()] == ["p1", "p2"]

    on_registrations(scene)


def test_rotation_with_and_without_grace(on_registrations: Callable[[Scene], None]) -> None:
    async def scene(store: RegistrationStore) -> None:
        await store.commit(change())
        await store.add_token(IssuedToken("hash-i", TokenPurpose.INVITATION, "p1"))
        await store.add_token(IssuedToken("hash-b", TokenPurpose.PENDING, "p1"))
        second = IssuedToken("hash-b", TokenPurpose.PARTNER, "p1")
        await store.commit(change("hash-b", issued=second, grace_until=NOW + HOUR))
        old = await store.find_token("hash-c")
        assert old is not None
        assert old.expires == NOW + HOUR
        assert await store.find_token("hash-b") == second
        third = IssuedToken("hash-d", TokenPurpose.PARTNER, "p1")
        await store.commit(change("hash-b", issued=third, grace_until=NOW + 2 * HOUR))
        old = await store.find_token("hash-c")
        assert old is not None
        assert old.expires == NOW + HOUR, "a grace never lengthens"
        await store.commit(change(issued=None))
        assert [await store.find_token(f"hash-{x}") for x in "bcd"] == [None] * 3
        assert await store.find_token("hash-i") is not None

    on_registrations(scene)


def test_only_pending_tokens_are_dropped(on_registrations: Callable[[Scene], None]) -> None:
    async def scene(store: RegistrationStore) -> None:
        await store.add_token(IssuedToken("a", TokenPurpose.PENDING, "p1"))
        await store.add_token(IssuedToken("b", TokenPurpose.INVITATION))
        for name in "abx":
            await store.drop_pending(name)
        assert await store.find_token("a") is None
        assert await store.find_token("b") is not None

    on_registrations(scene)


def test_of_two_with_the_same_invitation_one_wins(path: Path) -> None:
    async def work() -> None:
        async with Database.open(str(path)) as database:
            store = SqlRegistrations(database)
            await store.add_token(IssuedToken("hash-a", TokenPurpose.INVITATION))
            results = await asyncio.gather(
                store.commit(change("hash-a")),
                store.commit(change("hash-a", partner=partner(partner_id="p2"), issued=None)),
                return_exceptions=True,
            )
            assert sorted(type(item).__name__ for item in results) == ["NoneType", "TokenGone"]

    asyncio.run(work())


def test_settings_survive_a_new_handshake_and_parties_are_found(path: Path) -> None:
    async def work() -> None:
        async with Database.open(str(path)) as database, database.transaction() as tx:
            await tx.partners.put(partner())
            await tx.partners.set_settings("p1", {"tolerance": Decimal("0.010")})
            await tx.partners.put(replace(partner(), token="new"))
            assert str((await tx.partners.settings("p1"))["tolerance"]) == "0.010"
            found = await tx.partners.by_party(Role.EMSP, "de", "msp")
            assert found is not None
            assert found.token == "new"
            assert await tx.partners.by_party(Role.CPO, "DE", "MSP") is None

    asyncio.run(work())


def test_cdr_pages_hold_only_the_partners_own_released_cdrs(path: Path) -> None:
    async def work() -> None:
        async with Database.open(str(path)) as database:
            async with database.transaction() as tx:
                await tx.partners.put(partner())
                await tx.partners.put(partner(partner_id="p2", party_id="OTH"))
                for number in range(5):
                    at = f"2026-03-01T1{number}:00:00Z"
                    await tx.cdrs.create(new_cdr(sample_cdr(f"C{number}", last_updated=at)), NOW)
                await tx.cdrs.create(new_cdr(sample_cdr("OTHER"), "p2"), NOW)
                await tx.cdrs.create(new_cdr(sample_cdr("HELD"), None), NOW)
            source = SqlCdrSource(database)

            async def ids(**query: Any) -> tuple[list[str], int]:
                page = await source.list_cdrs(partner(), PageQuery(**query))
                return [cdr.id for cdr in page.items], page.total

            assert await ids(limit=2) == (["C0", "C1"], 5)
            assert await ids(limit=2, offset=4) == (["C4"], 5)
            second = sample_cdr(last_updated="2026-03-01T11:00:00Z").last_updated
            assert await ids(date_from=second, limit=9) == (["C1", "C2", "C3", "C4"], 4)
            assert await ids(date_to=second, limit=9) == (["C0"], 1)

    asyncio.run(work())


def test_handshake_push_and_pull_over_ocpi_with_the_database(path: Path) -> None:
    """Both applications of ``ocpi``, ours on SQLite: handshake, CDR push by the worker, pull by date."""

    async def work() -> None:
        apps: dict[int, Any] = {}

        async def route(scope: Any, receive: Any, send: Any) -> None:
            await apps[scope["server"][1]](scope, receive, send)

        async with (
            Database.open(str(path)) as database,
            httpx2.AsyncClient(transport=httpx2.ASGITransport(app=route)) as http,
        ):
            emsp = create_emsp("http://127.0.0.1:9001", policy=LOOPBACK, http=http)
            config = OcpiConfig("http://127.0.0.1:9000/ocpi")
            role = CredentialsRole(
                role=Role.CPO, business_details=BusinessDetails(name="CPO"), party_id="ABC", country_code="DE"
            )
            storage = cpo_storage(database)
            registrar = Registrar(
                storage.registrations, http, Platform(config.versions_url, (role,)), policy=LOOPBACK
            )
            ours = FastAPI()
            ours.mount("/ocpi", create_ocpi_app(config, storage, registrar))
            apps.update({9000: ours, 9001: emsp.app})
            registered = await registrar.register(emsp.config.versions_url, await emsp.registrar.invite())
            async with database.transaction() as tx:
                await tx.cdrs.create(new_cdr(sample_cdr(), registered.id), NOW)
            worker = DeliveryWorker(database, PartnerClients(database, http, policy=LOOPBACK))
            assert await worker.run_once() is DeliveryState.DELIVERED
            assert emsp.stores.cdrs.cdrs == (sample_cdr(),)
            [theirs] = await emsp.stores.registrations.partners()
            pulled = [cdr async for cdr in emsp.registrar.client(theirs).iter_cdrs()]
            assert pulled == [sample_cdr()]

    asyncio.run(work())
