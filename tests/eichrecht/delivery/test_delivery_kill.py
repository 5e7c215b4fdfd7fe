"""kill -9 at every step of a real worker against a real HTTP receiver: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from eichrecht.store.cdr_records import StoredCdr
from eichrecht.store.database import Database
from eichrecht.store.deliveries import Attempt, Delivery
from eichrecht.store.states import AttemptOutcome, CdrState, DeliveryState
from ocpi.objects.cdr import Cdr
from tests.eichrecht.delivery.delivery_support import (
    Receiver,
    opaque_location,
    refuses_duplicates,
    relative_location,
    sample_cdr,
    stalls_after_storing,
    stalls_before_storing,
    store_cdrs,
    without_location,
)

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = Path(__file__).with_name("worker_process.py")
LEASE_MS = 800
"""Long enough for a step on a loaded machine, short enough to wait for after every kill."""
StartReceiver = Callable[..., Receiver]


class Workers:
    """Starts real worker processes by way of ``worker_process.py``."""

    def __init__(self) -> None:
        self._mother = subprocess.Popen(
            [sys.executable, str(SCRIPT)],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": ""},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def _command(self, *words: object) -> int:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.write("\t".join(map(str, words)) + "\n")
        self._mother.stdin.flush()
        return int(self._mother.stdout.readline())

    def start(self, db_path: str, where: str = "-", lease_ms: int = LEASE_MS) -> int:
        return self._command("run", db_path, lease_ms, where)

    def wait(self, pid: int) -> int:
        return self._command("wait", pid)

    def run(self, db_path: str, where: str = "-") -> int:
        return self.wait(self.start(db_path, where))

    def close(self) -> None:
        assert self._mother.stdin is not None
        assert self._mother.stdout is not None
        self._mother.stdin.close()
        self._mother.wait(10)
        self._mother.stdout.close()

    def kill_and_settle(self, db_path: str, kills: Sequence[str]) -> None:
        for where in kills:
            assert self.run(db_path, where) == -signal.SIGKILL, f"the worker did not reach {where}"
        assert self.run(db_path) == 0


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    started = Workers()
    yield started
    started.close()


def prepare(db_path: str, receiver: Receiver, *cdrs: Cdr, settings: dict[str, str] | None = None) -> None:
    async def work() -> None:
        async with Database.open(db_path, migrate=False) as database:
            await store_cdrs(database, receiver.url, *cdrs, settings=settings)

    asyncio.run(work())


def look(db_path: str, cdr_id: str = "CDR1") -> tuple[StoredCdr, Delivery, tuple[Attempt, ...]]:
    async def work() -> tuple[StoredCdr, Delivery, tuple[Attempt, ...]]:
        async with Database.open(db_path, migrate=False) as database, database.reading() as tx:
            cdr = await tx.cdrs.get("DE", "ABC", cdr_id)
            delivery = await tx.deliveries.for_cdr(cdr.pk)
            return cdr, delivery, await tx.deliveries.attempts(delivery.id)

    return asyncio.run(work())


# The write transactions of an undisturbed delivery: 1 claim, 2 start_post, 3 finish.
KILLS = [
    ["claimed"],
    ["marked_sending"],
    ["posted"],
    ["recorded"],
    ["commit:1"],
    ["commit:2"],
    ["commit:3"],
    ["posted", "claimed"],
    ["posted", "asked"],
    ["posted", "question_noted"],
    ["posted", "recorded"],
    ["posted", "commit:2"],
    ["commit:3", "commit:3"],
    ["claimed", "commit:2", "posted", "asked"],
]


@pytest.mark.parametrize("kills", KILLS, ids="+".join)
def test_killed_worker_neither_loses_nor_repeats(
    workers: Workers, db_path: str, start_receiver: StartReceiver, kills: list[str]
) -> None:
    receiver = start_receiver()
    prepare(db_path, receiver, sample_cdr())
    workers.kill_and_settle(db_path, kills)
    cdr, delivery, attempts = look(db_path)
    assert (cdr.state, delivery.state) == (CdrState.DELIVERED, DeliveryState.DELIVERED)
    assert receiver.stored == {"CDR1": cdr.body}, "exactly one CDR, byte for byte"
    assert receiver.posts["CDR1"] == 1, "what the receiver acknowledged was posted again"
    assert delivery.location == f"{receiver.url}/CDR1"
    assert all(attempt.outcome is not None for attempt in attempts), "every contact has its outcome"


@pytest.mark.parametrize("kills", [["marked_sending"], ["marked_sending", "marked_sending"], ["commit:3"]])
@pytest.mark.parametrize(
    "behaviour", [opaque_location, without_location, refuses_duplicates, relative_location]
)
def test_receivers_of_every_kind_end_with_one_cdr(
    workers: Workers, db_path: str, start_receiver: StartReceiver, kills: list[str], behaviour: object
) -> None:
    """A second POST happens at most where the receiver cannot tell, and it stores the CDR once."""
    receiver = start_receiver(behaviour)
    prepare(db_path, receiver, sample_cdr())
    workers.kill_and_settle(db_path, kills)
    cdr, delivery, _ = look(db_path)
    assert delivery.state is DeliveryState.DELIVERED
    assert receiver.stored == {"CDR1": cdr.body}
    posted_before_kill = 1 if kills == ["commit:3"] else 0
    cannot_tell = behaviour is opaque_location
    assert receiver.posts["CDR1"] == 1 + (posted_before_kill if cannot_tell else 0)


def test_hold_policy_never_posts_twice(workers: Workers, db_path: str, start_receiver: StartReceiver) -> None:
    receiver = start_receiver(opaque_location)
    prepare(db_path, receiver, sample_cdr(), settings={"in_doubt": "hold"})
    workers.kill_and_settle(db_path, ["posted"])
    cdr, delivery, _ = look(db_path)
    assert (cdr.state, delivery.state) == (CdrState.FAILED, DeliveryState.HELD)
    assert delivery.last_error == "delivery_undecided"
    assert receiver.posts["CDR1"] == 1


def test_killed_while_the_receiver_has_it_but_has_not_answered(
    workers: Workers, db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver(stalls_after_storing)
    prepare(db_path, receiver, sample_cdr())
    process = workers.start(db_path)
    assert receiver.arrived.wait(60)
    os.kill(process, signal.SIGKILL)
    assert workers.wait(process) == -signal.SIGKILL
    receiver.release.set()
    assert workers.run(db_path) == 0
    _, delivery, attempts = look(db_path)
    assert delivery.state is DeliveryState.DELIVERED
    assert receiver.posts["CDR1"] == 1
    assert [a.outcome for a in attempts] == [AttemptOutcome.UNKNOWN, AttemptOutcome.FOUND_SAME]
    assert attempts[0].detail == "worker_lost"


def test_killed_while_the_receiver_has_not_stored_it(
    workers: Workers, db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver()
    prepare(db_path, receiver, sample_cdr("FIRST"))
    assert workers.run(db_path) == 0  # from its Location the worker learns where this partner keeps CDRs
    prepare(db_path, receiver, sample_cdr())
    receiver.behaviour = stalls_before_storing
    process = workers.start(db_path)
    assert receiver.arrived.wait(60)
    os.kill(process, signal.SIGKILL)
    assert workers.wait(process) == -signal.SIGKILL
    receiver.release.set()
    receiver.behaviour = refuses_duplicates
    assert workers.run(db_path) == 0
    _, delivery, attempts = look(db_path)
    assert delivery.state is DeliveryState.DELIVERED
    outcomes = [a.outcome for a in attempts]
    assert outcomes == [AttemptOutcome.UNKNOWN, AttemptOutcome.ABSENT, AttemptOutcome.ACKNOWLEDGED]
    assert set(receiver.stored) == {"FIRST", "CDR1"}


def test_two_workers_deliver_each_cdr_once(
    workers: Workers, db_path: str, start_receiver: StartReceiver
) -> None:
    receiver = start_receiver()
    ids = [f"CDR{number:03d}" for number in range(200)]
    prepare(db_path, receiver, *(sample_cdr(cdr_id) for cdr_id in ids))
    both = [workers.start(db_path, lease_ms=60_000) for _ in range(2)]
    assert [workers.wait(pid) for pid in both] == [0, 0]
    assert receiver.posts == dict.fromkeys(ids, 1)
    assert sorted(receiver.stored) == ids
