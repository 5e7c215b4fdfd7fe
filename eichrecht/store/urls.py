"""Database addresses (file path, SQLite URL, PostgreSQL URL) and the SQLite settings that keep data."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError

from eichrecht.store.errors import StoreUnavailable

BUSY_TIMEOUT_MS = 10_000
"""How long a writer waits for another. Writes take milliseconds; ten seconds only pass on a broken disk."""

_ASYNC_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+psycopg"}
_SYNC_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}  # psycopg 3 is both in one


def _parse(address: str) -> URL:
    try:
        url = make_url(address) if "://" in address else URL.create("sqlite", database=address)
    except ArgumentError as error:
        raise StoreUnavailable("the database address cannot be read") from error  # may hold a password
    backend = url.get_backend_name()
    if backend not in _ASYNC_DRIVERS:
        raise StoreUnavailable(f"unsupported database {backend!r}: use an SQLite file or PostgreSQL")
    if backend == "sqlite" and url.database in (None, "", ":memory:"):
        raise StoreUnavailable("an in-memory database cannot keep evidence: give a file")
    return url


def async_url(address: str) -> URL:
    """Return the URL for the service.

    Args:
        address: A file path, ``sqlite:///path`` or ``postgresql://user@host/name``.

    Raises:
        StoreUnavailable: The address is unreadable or names an unsupported database.
    """
    url = _parse(address)
    return url.set(drivername=_ASYNC_DRIVERS[url.get_backend_name()])


def sync_url(address: str) -> URL:
    """Return the URL for migrations and the command line; same arguments as :func:`async_url`.

    Raises:
        StoreUnavailable: As :func:`async_url`.
    """
    url = _parse(address)
    return url.set(drivername=_SYNC_DRIVERS[url.get_backend_name()])


def create_private_file(url: URL) -> None:
    """Create a missing SQLite file readable by its owner only: it holds partners' tokens in clear.

    SQLite gives the same permissions to the files it puts beside it (``-wal``, ``-shm``).

    Raises:
        StoreUnavailable: The folder does not exist or is not writable.
    """
    if url.get_backend_name() != "sqlite" or not url.database or url.database.startswith("file:"):
        return
    path = Path(url.database)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StoreUnavailable(f"cannot open the database file {path}: {error.strerror}") from error


def prepare_sqlite(engine: Engine) -> None:
    """Install the settings without which SQLite would lose or mix up writes. No effect on other databases.

    * WAL and ``synchronous=FULL``: a committed transaction survives kill -9 and power loss.
    * ``BEGIN IMMEDIATE`` for writers: the lock is taken before the first read, so a decision made in a
      transaction (which row to claim) cannot be overtaken, and no upgrade from read to write can fail.
      A connection with the execution option ``read_only`` begins without the lock.
    """
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _settings(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # the driver must not begin transactions on its own
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get("read_only", False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


DRIVER_ERRORS = (sqlite3.Error, OSError)
"""Errors that drivers raise outside SQLAlchemy's own tree."""
