"""Whatever fails in whatever order, crashes included: a CDR ends delivered, or stopped and visible."""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eichrecht.delivery.client import (
    CannotAsk,
    CdrClient,
    MaybeDelivered,
    NotDelivered,
    Posted,
    Rejected,
)
from eichrecht.delivery.policy import LEASE, RetryPolicy
from eichrecht.delivery.worker import DeliveryWorker, Step
from eichrecht.store.database import Database
from eichrecht.store.states import CdrState, DeliveryState
from ocpi.objects.cdr import Cdr
from ocpi.transport.json import loads
from tests.eichrecht.delivery.delivery_support import NOW, sample_cdr, store_cdrs

ENDS = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.HELD)
POSTS = (
    "ack", "ack_without_location", "ack_opaque", "refuse_connection", "lose_request", "lose_answer",
    "reject", "reject_for_good", "client_bug",
)  # fmt: skip
GETS = ("works", "broken", "meaningless")


class Crash(BaseException):
    """The process is gone: nothing after it runs, what is committed stays."""


@dataclass
class ScriptedReceiver:
    """A receiver that stores every POST it processes as a further CDR: a repetition shows as two."""

    posts: list[str]
    gets: list[str]
    stored: list[bytes] = field(default_factory=list)
    opaque: bool = False
    cdrs_endpoint: str = "https://emsp.example/cdrs"

    async def post_cdr(self, body: bytes) -> Posted:
        action = self.posts.pop(0) if self.posts else "ack"
        if action == "refuse_connection":
            raise NotDelivered("no_connection")
        if action == "lose_request":
            raise MaybeDelivered("no_answer")
        if action == "client_bug":
            raise RuntimeError("bug")
        if action.startswith("reject"):
            raise Rejected("ocpi_2000", permanent=action == "reject_for_good")
        self.stored.append(body)
        if action == "lose_answer":
            raise MaybeDelivered("no_answer")
        if action == "ack_without_location":
            return Posted(None)
        self.opaque = self.opaque or action == "ack_opaque"
        return Posted("https://emsp.example/cdrs/" + ("r1" if self.opaque else "CDR1"))

    async def get_cdr(self, location: str) -> Cdr | None:
        action = self.gets.pop(0) if self.gets else "works"
        if action != "works":
            raise CannotAsk(action, temporary=action == "broken")
        if not self.stored or self.opaque or not location.endswith("/CDR1"):
            return None
        return Cdr.model_validate(loads(self.stored[0]))


async def live(path: Path, receiver: ScriptedReceiver, crashes: list[Step | None], policy: str) -> None:
    now = NOW
    async with Database.open(str(path)) as database:
        [cdr] = await store_cdrs(
            database, receiver.cdrs_endpoint, sample_cdr(), settings={"in_doubt": policy}
        )

        async def client_for(_partner: str) -> CdrClient:
            return receiver

        acknowledged = False
        idle = 0
        while idle < 2:  # goes on after the end: an ended delivery must stay ended
            crash = crashes.pop(0) if crashes else None

            def on_step(step: str, crash: Step | None = crash) -> None:
                if step == crash:
                    raise Crash

            worker = DeliveryWorker(
                database,
                client_for,
                clock=lambda: now,  # noqa: B023 - the present value is meant
                policy=RetryPolicy(max_attempts=6),
                on_step=on_step,
            )
            before = len(receiver.stored)
            with suppress(Crash):
                await worker.run_once()
            assert not (acknowledged and len(receiver.stored) > before), "an acknowledged CDR was sent again"
            async with database.reading() as tx:
                delivery = await tx.deliveries.for_cdr(cdr.pk)
                stored = await tx.cdrs.by_pk(cdr.pk)
            acknowledged = delivery.state is DeliveryState.DELIVERED
            idle += delivery.state in ENDS
            now += LEASE + timedelta(hours=5)
            assert now < NOW + timedelta(days=20), "never comes to an end"
        assert delivery.state in ENDS
        if delivery.state is DeliveryState.DELIVERED:
            assert stored.state is CdrState.DELIVERED
            assert receiver.stored, "delivered, but the receiver has nothing"
        else:
            assert stored.state is CdrState.FAILED
            assert delivery.last_error is not None
        assert all(body == cdr.body for body in receiver.stored)
        if policy == "hold":
            assert len(receiver.stored) <= 1, "a receiver that does not recognise repetitions has it twice"


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    posts=st.lists(st.sampled_from(POSTS), max_size=6),
    gets=st.lists(st.sampled_from(GETS), max_size=6),
    crashes=st.lists(st.sampled_from([None, *Step]), max_size=6),
    policy=st.sampled_from(["resend", "hold"]),
)
def test_never_lost(posts: list[str], gets: list[str], crashes: list[Step | None], policy: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(live(Path(folder) / "p.db", ScriptedReceiver(posts, gets), crashes, policy))
