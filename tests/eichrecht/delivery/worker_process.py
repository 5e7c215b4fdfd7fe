"""A delivery worker in a process of its own, for the kill tests.

Started once per test session; it forks a worker process per command, so that the imports are paid once.
Commands on stdin: ``run DATABASE LEASE_MS WHERE`` answers the worker's process id, ``wait PID`` its exit
status (negative: the signal). WHERE is a step of the worker or ``commit:N`` (inside the N-th write
transaction, before its COMMIT): there the process kills itself with SIGKILL. With ``-`` it ends when nothing
is left to do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from datetime import timedelta

import httpx2
from sqlalchemy import event

from eichrecht.delivery.ocpi_client import PartnerClients
from eichrecht.delivery.policy import RetryPolicy
from eichrecht.delivery.worker import DeliveryWorker
from eichrecht.store.database import Database
from eichrecht.store.states import DeliveryState
from ocpi.transport.urls import LOOPBACK

ENDS = (DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.HELD)
POLICY = RetryPolicy(first=timedelta(milliseconds=100), cap=timedelta(milliseconds=400), max_attempts=8)


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in_commit(database: Database, number: int) -> None:
    writes = 0

    @event.listens_for(database.engine.sync_engine, "commit")
    def _before_commit(connection: object) -> None:
        nonlocal writes
        if connection.get_execution_options().get("read_only"):  # type: ignore[attr-defined]
            return
        writes += 1
        if writes == number:
            die()


async def main(path: str, lease_ms: int, where: str) -> None:
    database = Database.open(path)
    if where.startswith("commit:"):
        kill_in_commit(database, int(where.removeprefix("commit:")))
    async with database, httpx2.AsyncClient() as http:
        worker = DeliveryWorker(
            database,
            PartnerClients(database, http, policy=LOOPBACK),
            policy=POLICY,
            lease=timedelta(milliseconds=lease_ms),
            on_step=lambda step: die() if step == where else None,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            await worker.run_until_idle()
            async with database.reading() as tx:
                counts = await tx.deliveries.counts()
            if sum(counts.values()) == sum(counts[state] for state in ENDS):
                return
            await asyncio.sleep(0.05)
    sys.exit("not settled in time")


def serve() -> None:
    """Fork a worker per ``run``; this process itself never has an event loop or a thread."""
    for line in sys.stdin:
        command, *arguments = line.rstrip("\n").split("\t")
        if command == "run":
            path, lease_ms, where = arguments
            child = os.fork()
            if child == 0:
                asyncio.run(main(path, int(lease_ms), where))
                os._exit(0)
            print(child, flush=True)
        else:
            _, status = os.waitpid(int(arguments[0]), 0)
            print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
