"""A fresh database file, and a way to run async work on it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from eichrecht.store.database import Database

T = TypeVar("T")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "eichrecht.db"


@pytest.fixture
def on_database(path: Path) -> Callable[[Callable[[Database], Awaitable[T]]], T]:
    def run(work: Callable[[Database], Awaitable[T]]) -> T:
        async def with_database() -> T:
            async with Database.open(str(path)) as database:
                return await work(database)

        return asyncio.run(with_database())

    return run
