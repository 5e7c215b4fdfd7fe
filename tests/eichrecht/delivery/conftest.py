"""Fixtures: a fresh database file and a receiver on a socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from eichrecht.store.migrate import upgrade
from tests.eichrecht.delivery.delivery_support import Behaviour, Receiver, normal, serve


@pytest.fixture
def db_path(tmp_path: Path) -> str:
    path = str(tmp_path / "eichrecht.db")
    upgrade(path)
    return path


@pytest.fixture
def start_receiver() -> Iterator[Callable[..., Receiver]]:
    servers = []

    def start(behaviour: Behaviour = normal, *, get_works: bool = True) -> Receiver:
        receiver = Receiver(behaviour, get_works=get_works)
        servers.append((serve(receiver), receiver))
        return receiver

    yield start
    for server, receiver in servers:
        receiver.release.set()
        server.shutdown()
        server.server_close()
