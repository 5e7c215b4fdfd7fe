"""The worker's decisions over real HTTP, in-process, with a clock that the test moves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx2
import pytest

from eichrecht.delivery.ocpi_client import PartnerClients
from eichrecht.delivery.policy import AT_ONCE_PER_PARTNER, LEASE, RetryPolicy
from eichrecht.delivery.report import delivery_finding
from eichrecht.delivery.worker import DeliveryWorker
from eichrecht.evidence import Severity
from eichrecht.locales import sentence
from eichrecht.store.cdr_records import Override, StoredCdr
from eichrecht.store.database import Database
from eichrecht.store.deliveries import Attempt, Delivery
from eichrecht.store.errors import InvalidTransition, NotFound, StoreUnavailable
from eichrecht.store.ledger import SqlLedger
from eichrecht.store.states import AttemptOutcome, CdrState, DeliveryState
from ocpi.transport.urls import LOOPBACK
from tests.eichrecht.delivery.delivery_support import (
    NOW,
    Behaviour,
    Receiver,
    credit_of,
    drops,
    first,
    new_cdr,
    nonsense,
    normal,
    opaque_location,
    partner,
    refuses_duplicates,
    sample_cdr,
    stalls_after_storing,
    status,
    store_cdrs,
)

StartReceiver = Callable[..., Receiver]


@dataclass
class World:
    """A database, a worker and the time."""

    database: Database
    http: httpx2.AsyncClient
    now: datetime = NOW
    policy: RetryPolicy = field(default_factory=RetryPolicy)

    def worker(self, **options: Any) -> DeliveryWorker:
        clients = PartnerClients(self.database, self.http, policy=LOOPBACK)
        return DeliveryWorker(self.database, clients, clock=lambda: self.now, policy=self.policy, **options)

    async def settle(self, rounds: int = 60) -> None:
        """Let time pass until nothing is left that the worker could do."""
        worker = self.worker()
        for _ in range(rounds):
            await worker.run_until_idle()
            self.now += timedelta(hours=5)

    async def look(self, cdr_id: str = "CDR1") -> tuple[StoredCdr, Delivery, tuple[Attempt, ...]]:
        async with self.database.reading() as tx:
            cdr = await tx.cdrs.get("DE", "ABC", cdr_id)
            delivery = await tx.deliveries.for_cdr(cdr.pk)
            return cdr, delivery, await tx.deliveries.attempts(delivery.id)


def play(db_path: str, scene: Callable[[World], Any]) -> None:
    async def work() -> None:
        async with Database.open(db_path, migrate=False) as database, httpx2.AsyncClient() as http:
            await scene(World(database, http))

    asyncio.run(work())


A = AttemptOutcome
DELIVERED, FAILED, HELD = DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.HELD

CASES: list[tuple[str, Behaviour, DeliveryState, str | None, list[AttemptOutcome], int]] = [
    ("accepted", normal, DELIVERED, None, [A.ACKNOWLEDGED], 1),
    ("200 without Location", status(200, store=True), DELIVERED, None, [A.ACKNOWLEDGED], 1),
    (
        "500 after storing",
        first(status(500, 3000, store=True)),
        DELIVERED,
        None,
        [A.UNKNOWN, A.FOUND_SAME],
        1,
    ),
    (
        "500 without storing",
        first(status(500, 3000)),
        DELIVERED,
        None,
        [A.UNKNOWN, A.CANNOT_TELL, A.ACKNOWLEDGED],
        2,
    ),
    ("dropped after storing", first(drops(store=True)), DELIVERED, None, [A.UNKNOWN, A.FOUND_SAME], 1),
    (
        "dropped before storing",
        first(drops(store=False)),
        DELIVERED,
        None,
        [A.UNKNOWN, A.CANNOT_TELL, A.ACKNOWLEDGED],
        2,
    ),
    ("OCPI 3000 in 200", first(status(200, 3000, store=True)), DELIVERED, None, [A.UNKNOWN, A.FOUND_SAME], 1),
    ("HTML after storing", first(nonsense), DELIVERED, None, [A.UNKNOWN, A.FOUND_SAME], 1),
    ("OCPI 2001", status(200, 2001), FAILED, "delivery_refused_for_good", [A.REJECTED], 1),
    ("HTTP 400", status(400, 2000), FAILED, "delivery_refused_for_good", [A.REJECTED], 1),
    ("OCPI 2000 once", first(status(200, 2000)), DELIVERED, None, [A.REJECTED, A.ACKNOWLEDGED], 2),
    (
        "HTTP 401 twice",
        first(status(401), status(401)),
        DELIVERED,
        None,
        [A.REJECTED] * 2 + [A.ACKNOWLEDGED],
        3,
    ),
]


@pytest.mark.parametrize(("name", "behaviour", "state", "error", "outcomes", "posts"), CASES, ids=lambda v: v)
def test_answers_and_what_follows(
    db_path: str,
    start_receiver: StartReceiver,
    name: str,
    behaviour: Behaviour,
    state: DeliveryState,
    error: str | None,
    outcomes: list[AttemptOutcome],
    posts: int,
) -> None:
    receiver = start_receiver(behaviour)

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr())
        await world.settle(5)
        cdr, delivery, attempts = await world.look()
        assert (delivery.state, delivery.last_error) == (state, error)
        assert cdr.state is (CdrState.DELIVERED if state is DELIVERED else CdrState.FAILED)
        assert [attempt.outcome for attempt in attempts] == outcomes
        assert receiver.posts["CDR1"] == posts
        if state is DELIVERED:
            assert receiver.stored["CDR1"] == cdr.body

    play(db_path, scene)


def test_unreachable_receiver_is_tried_with_growing_pauses_then_given_up_and_replayed(
    db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver()

    async def scene(world: World) -> None:
        world.policy = RetryPolicy(max_attempts=4, jitter_percent=0)
        nobody = "http://127.0.0.1:9/cdrs"  # the discard port: nothing listens
        await store_cdrs(world.database, nobody, sample_cdr())
        due = []
        for _ in range(4):
            assert await world.worker().run_once() is not None
            _, delivery, _ = await world.look()
            due.append(delivery.due_at - world.now)
            world.now = delivery.due_at
        assert due[:3] == [timedelta(seconds=s) for s in (5, 10, 20)]
        cdr, delivery, attempts = await world.look()
        assert (cdr.state, delivery.state) == (CdrState.FAILED, FAILED)
        assert delivery.last_error == "delivery_gave_up"
        assert [a.outcome for a in attempts] == [A.NOT_ARRIVED] * 4
        assert await world.worker().run_once() is None
        async with world.database.transaction() as tx:
            await tx.partners.put(partner(receiver.url))
            await tx.deliveries.replay(delivery.id, world.now)
        await world.settle(1)
        cdr, delivery, _ = await world.look()
        assert (cdr.state, delivery.state) == (CdrState.DELIVERED, DELIVERED)

    play(db_path, scene)


def test_partner_without_registration_waits(db_path: str) -> None:
    async def scene(world: World) -> None:
        await store_cdrs(world.database, "https://emsp.example/cdrs", sample_cdr())
        async with world.database.transaction() as tx:
            await tx.partners.put(replace(partner(), token=None))
        assert await world.worker().run_once() is DeliveryState.PENDING
        _, delivery, attempts = await world.look()
        assert (delivery.last_error, delivery.attempts, attempts) == ("delivery_no_route", 1, ())

    play(db_path, scene)


def test_conflicting_content_at_the_receiver_is_held_for_a_person(
    db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver(refuses_duplicates)

    async def scene(world: World) -> None:
        other = sample_cdr(total_energy=Decimal("11.000"))
        receiver.stored["CDR1"] = new_cdr(other).body
        await store_cdrs(world.database, receiver.url, sample_cdr())
        await world.settle(3)
        cdr, delivery, attempts = await world.look()
        assert (cdr.state, delivery.state, delivery.last_error) == (
            CdrState.FAILED,
            HELD,
            "delivery_conflict",
        )
        assert [a.outcome for a in attempts] == [A.REJECTED, A.FOUND_DIFFERENT]
        assert receiver.posts["CDR1"] == 1
        async with world.database.transaction() as tx:
            decision = Override("delivery_conflict", "ops", "agreed by phone", world.now)
            accepted = await tx.deliveries.accept(delivery.id, decision, world.now)
        assert accepted.state is DELIVERED
        cdr, _, _ = await world.look()
        assert (cdr.state, cdr.overrides) == (CdrState.DELIVERED, (decision,))

    play(db_path, scene)


def test_conflict_status_with_the_same_content_is_delivered(
    db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver(refuses_duplicates)

    async def scene(world: World) -> None:
        [stored] = await store_cdrs(world.database, receiver.url, sample_cdr())
        receiver.stored["CDR1"] = stored.body.replace(b"10.000", b"10.0").replace(b"DE", b"de", 1)
        await world.settle(1)
        cdr, _, _ = await world.look()
        assert cdr.state is CdrState.DELIVERED

    play(db_path, scene)


def test_conflict_status_that_cannot_be_compared_is_held(db_path: str, start_receiver: StartReceiver) -> None:
    receiver = start_receiver(status(409, 2000), get_works=False)

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr())
        await world.settle(3)
        _, delivery, _ = await world.look()
        assert (delivery.state, delivery.last_error) == (HELD, "delivery_duplicate_unproven")

    play(db_path, scene)


def test_original_then_credit_then_corrected(db_path: str, start_receiver: StartReceiver) -> None:
    """Each waits until the one before has arrived, whatever the order of due times."""
    receiver = start_receiver(first(drops(store=False)))

    async def scene(world: World) -> None:
        original = sample_cdr(session_id="S1")
        await store_cdrs(world.database, receiver.url, original)
        async with world.database.transaction() as tx:
            await tx.cdrs.create(new_cdr(credit_of(original)), world.now)
            corrected = sample_cdr("CDR2", session_id="S1", total_energy=Decimal("9.000"))
            await tx.cdrs.create(new_cdr(corrected), world.now)
        _, delivery, _ = await world.look("CDR2")
        assert delivery.waits_for == "CDR1-C"
        await world.settle(20)
        arrived = list(dict.fromkeys(receiver.stored))
        assert arrived == ["CDR1", "CDR1-C", "CDR2"]
        firsts = [receiver.order.index(cdr_id) for cdr_id in arrived]
        assert firsts == sorted(firsts)

    play(db_path, scene)


def test_credit_of_a_failed_original_waits_visibly(db_path: str, start_receiver: StartReceiver) -> None:
    receiver = start_receiver(status(200, 2001))

    async def scene(world: World) -> None:
        original = sample_cdr()
        await store_cdrs(world.database, receiver.url, original)
        await world.settle(2)
        async with world.database.transaction() as tx:
            await tx.cdrs.create(new_cdr(credit_of(original)), world.now)
        await world.settle(2)
        _, delivery, _ = await world.look("CDR1-C")
        assert (delivery.state, delivery.waits_for) == (DeliveryState.PENDING, "CDR1")
        assert receiver.posts["CDR1-C"] == 0

    play(db_path, scene)


def test_late_worker_cannot_send_after_its_lease(db_path: str, start_receiver: StartReceiver) -> None:
    """A worker that slept longer than its lease finds, before it sends, that the row is no longer its own."""
    receiver = start_receiver()

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr())

        def sleep_long(step: str) -> None:
            if step == "claimed":
                world.now += LEASE + timedelta(seconds=1)

        assert await world.worker(on_step=sleep_long).run_once() is None
        assert receiver.posts["CDR1"] == 0
        assert await world.worker().run_once() is DELIVERED
        assert receiver.posts["CDR1"] == 1

    play(db_path, scene)


def test_late_acknowledgement_is_recorded(db_path: str, start_receiver: StartReceiver) -> None:
    """A was acknowledged but slept; B took over and waits. What A knows is true and is written down."""
    receiver = start_receiver(opaque_location)

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr(), settings={"in_doubt": "hold"})
        states = []

        async def other_worker() -> None:
            world.now += LEASE + timedelta(seconds=1)
            states.append(await world.worker().run_once())

        clients = PartnerClients(world.database, world.http, policy=LOOPBACK)
        real = await clients("p1")

        class SlowClient:
            cdrs_endpoint = real.cdrs_endpoint
            get_cdr = staticmethod(real.get_cdr)

            async def post_cdr(self, body: bytes) -> Any:
                posted = await real.post_cdr(body)
                await other_worker()
                return posted

        async def client_for(_partner: str) -> Any:
            return SlowClient()

        worker = DeliveryWorker(world.database, client_for, clock=lambda: world.now)
        assert await worker.run_once() is DELIVERED
        assert states == [HELD]
        cdr, delivery, _ = await world.look()
        assert (cdr.state, delivery.state, receiver.posts["CDR1"]) == (CdrState.DELIVERED, DELIVERED, 1)

    play(db_path, scene)


def test_foreign_location_never_gets_our_token(db_path: str, start_receiver: StartReceiver) -> None:
    stranger = start_receiver()

    def points_elsewhere(receiver: Receiver, http: Any, body: bytes, cdr: dict[str, Any]) -> None:
        receiver.keep(body, cdr)
        http.answer(201, location=f"{stranger.url}/{cdr['id']}")

    receiver = start_receiver(points_elsewhere)

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr("FIRST"))
        await world.settle(1)
        receiver.behaviour = first(status(500), then=normal)
        await store_cdrs(world.database, receiver.url, sample_cdr())
        await world.settle(3)
        assert stranger.asked == []
        _, delivery, _ = await world.look()
        assert delivery.state is DELIVERED

    play(db_path, scene)


def test_run_forever_delivers_and_stops(db_path: str, start_receiver: StartReceiver) -> None:
    receiver = start_receiver()

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, *(sample_cdr(f"C{n}") for n in range(5)))
        stop = asyncio.Event()
        task = asyncio.create_task(world.worker().run_forever(stop, concurrency=2))
        async with asyncio.timeout(20):
            while len(receiver.stored) < 5:
                await asyncio.sleep(0.02)
            stop.set()
            await task
        assert receiver.posts == {f"C{n}": 1 for n in range(5)}

    play(db_path, scene)


def test_a_partner_that_answers_nothing_does_not_keep_the_others_waiting(
    db_path: str, start_receiver: StartReceiver
) -> None:
    healthy = start_receiver()
    stop, released = asyncio.Event(), asyncio.Event()
    under_way, most = 0, 0

    class Silent:
        cdrs_endpoint = "https://silent.example/cdrs"

        async def post_cdr(self, _body: bytes) -> Any:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            await released.wait()
            raise ConnectionError

        async def get_cdr(self, _location: str) -> Any:
            raise AssertionError("nothing is asked before the first answer")

    async def scene(world: World) -> None:
        await store_cdrs(
            world.database, "https://silent.example/cdrs", *(sample_cdr(f"S{n}") for n in range(20))
        )
        async with world.database.transaction() as tx:
            await tx.partners.put(partner(healthy.url, "p2", "OTH"))
            await tx.cdrs.create(new_cdr(sample_cdr("GOOD"), "p2"), world.now)
        worker = world.worker()
        real = worker._client_for

        async def client_for(partner_id: str) -> Any:
            return Silent() if partner_id == "p1" else await real(partner_id)

        worker._client_for = client_for
        task = asyncio.create_task(worker.run_forever(stop))
        try:
            async with asyncio.timeout(20):
                while not healthy.stored or most < AT_ONCE_PER_PARTNER:
                    await asyncio.sleep(0.02)
        finally:
            stop.set()
            released.set()
            await task
        assert most == AT_ONCE_PER_PARTNER

    play(db_path, scene)


@pytest.mark.parametrize("field_name", ["max_attempts", "jitter_percent"])
def test_policy_refuses_senseless_figures(field_name: str) -> None:
    with pytest.raises(ValueError, match=field_name):
        RetryPolicy(**{field_name: -1})


def test_delays_grow_are_capped_and_jittered_downwards() -> None:
    plain = RetryPolicy(jitter_percent=0)
    assert [plain.delay(n) for n in (1, 2, 3)] == [timedelta(seconds=s) for s in (5, 10, 20)]
    assert plain.delay(1000) == plain.cap
    assert sum((plain.delay(n) for n in range(1, plain.max_attempts)), timedelta()) > timedelta(days=4)
    jittered = {RetryPolicy().delay(10) for _ in range(50)}
    assert len(jittered) > 1
    assert all(plain.delay(10) / 2 <= delay <= plain.delay(10) for delay in jittered)


def test_partner_that_is_down_while_asked_is_asked_again_and_finally_given_up(
    db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver(drops(store=True))

    async def scene(world: World) -> None:
        world.policy = RetryPolicy(max_attempts=3)
        await store_cdrs(world.database, receiver.url, sample_cdr())
        assert await world.worker().run_once() is DeliveryState.IN_DOUBT
        async with world.database.transaction() as tx:
            await tx.partners.put(partner("http://127.0.0.1:9/cdrs"))
        world.now += timedelta(hours=5)
        assert await world.worker().run_once() is DeliveryState.IN_DOUBT
        _, delivery, _ = await world.look()
        assert delivery.last_error == "delivery_cannot_ask"
        finding = delivery_finding(delivery, "eMSP")
        assert finding is not None
        assert (finding.severity, finding.params["attempts"]) == (Severity.NOTE, "2")
        world.now += timedelta(hours=5)
        assert await world.worker().run_once() is FAILED
        _, delivery, attempts = await world.look()
        assert [a.outcome for a in attempts] == [A.UNKNOWN, A.UNREACHABLE, A.UNREACHABLE]
        finding = delivery_finding(delivery, "eMSP")
        assert finding is not None
        assert finding.severity is Severity.ERROR
        assert "eMSP" in sentence(finding, "de")
        # Mended and replayed: the doubt was never forgotten, so the partner is asked and nothing is sent.
        async with world.database.transaction() as tx:
            await tx.partners.put(partner(receiver.url))
            await tx.deliveries.replay(delivery.id, world.now)
        assert await world.worker().run_once() is DELIVERED
        assert receiver.posts["CDR1"] == 1

    play(db_path, scene)


def test_endless_server_errors_end_as_given_up(db_path: str, start_receiver: StartReceiver) -> None:
    receiver = start_receiver(status(500, 3000))

    async def scene(world: World) -> None:
        world.policy = RetryPolicy(max_attempts=3)
        await store_cdrs(world.database, receiver.url, sample_cdr())
        await world.settle(10)
        _, delivery, attempts = await world.look()
        assert (delivery.state, delivery.last_error) == (FAILED, "delivery_gave_up")
        assert receiver.posts["CDR1"] == 3
        assert attempts[-1].outcome is A.CANNOT_TELL, "asked once more after the last POST"
        async with world.database.transaction() as tx:
            assert [d.cdr_id for d in await tx.deliveries.find(state=FAILED)] == ["CDR1"]
            with pytest.raises(NotFound):
                await tx.deliveries.replay(99, world.now)
            await tx.deliveries.replay(delivery.id, world.now)
            with pytest.raises(InvalidTransition):
                await tx.deliveries.replay(delivery.id, world.now)

    play(db_path, scene)


def test_hanging_receiver_is_cut_off(
    db_path: str, start_receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eichrecht.delivery.worker.POST_TIMEOUT", timedelta(milliseconds=100))
    receiver = start_receiver(stalls_after_storing)

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr())
        assert await world.worker().run_once() is DeliveryState.IN_DOUBT
        world.now += timedelta(hours=1)
        assert await world.worker().run_once() is DELIVERED
        _, _, attempts = await world.look()
        assert attempts[0].detail == "timeout"
        assert receiver.posts["CDR1"] == 1

    play(db_path, scene)


def test_worker_outlives_a_broken_ledger(
    db_path: str, start_receiver: StartReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eichrecht.delivery.worker.PAUSE_AFTER_ERROR", timedelta(milliseconds=10))
    receiver = start_receiver()

    async def scene(world: World) -> None:
        await store_cdrs(world.database, receiver.url, sample_cdr())
        worker = world.worker()
        claim, failures = SqlLedger.claim, [StoreUnavailable("disk full")] * 2

        async def sometimes_broken(*arguments: Any) -> Any:
            if failures:
                raise failures.pop()
            return await claim(*arguments)

        monkeypatch.setattr(SqlLedger, "claim", sometimes_broken)
        stop = asyncio.Event()
        task = asyncio.create_task(worker.run_forever(stop, concurrency=1))
        async with asyncio.timeout(20):
            while not receiver.stored:
                await asyncio.sleep(0.02)
            stop.set()
            await task
        assert not failures

    play(db_path, scene)
