"""The file itself: schema, settings, permissions, bad addresses."""

from __future__ import annotations

import asyncio
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from eichrecht.store.database import Database
from eichrecht.store.errors import SchemaTooNew, StoreUnavailable
from eichrecht.store.migrate import upgrade
from eichrecht.store.tables import identity, metadata
from eichrecht.store.types import write_instant

ROOT = Path(__file__).resolve().parents[3]
OnDatabase = Callable[..., Any]


def test_migrations_build_what_the_tables_say(path: Path) -> None:
    upgrade(str(path))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        built = {
            row.name: row.sql
            for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'"))
            if row.sql
        }
    declared = create_engine("sqlite://", poolclass=NullPool)
    with declared.connect() as connection:  # autogenerate does not look at a partial index's condition
        metadata.create_all(connection)
        for row in connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'index'")):
            if row.sql:
                assert normal_sql(built[row.name]) == normal_sql(row.sql)


def normal_sql(sql: str) -> str:
    words = sql.lower().replace(" is true", " is 1").replace(" is false", " is 0")
    return " ".join(words.replace("unique index", "index").split())


def test_check_constraints_of_migrations_and_tables_agree(path: Path) -> None:
    """Autogenerate does not compare them either."""
    upgrade(str(path))
    declared = path.with_name("declared.db")
    engine = create_engine(f"sqlite:///{declared}", poolclass=NullPool)
    with engine.begin() as connection:
        metadata.create_all(connection)
    built_checks, declared_checks = checks_of(path), checks_of(declared)
    assert len(declared_checks) == 9
    assert built_checks == declared_checks


def checks_of(path: Path) -> list[str]:
    connection = sqlite3.connect(path)
    tables = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table'").fetchall()
    connection.close()
    lines = (line for (sql,) in tables for line in sql.split("\n"))
    return sorted(line.strip(" ,\t") for line in lines if "CHECK" in line)


def test_all_triggers_are_there(path: Path) -> None:
    """A later migration that rebuilds a table must create its triggers again."""
    upgrade(str(path))
    with sqlite3.connect(path) as connection:
        found = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type='trigger'")}
    connection.close()
    frozen = {
        "evidence_documents", "evidence_arrivals", "tariff_versions", "cdrs", "cdr_evidence",
        "billed_records", "billed_spans", "delivery_attempts", "session_intakes",
    }  # fmt: skip
    assert found == (
        {f"{table}_frozen" for table in frozen}
        | {f"{table}_kept" for table in frozen | {"deliveries"}}
        | {"delivery_attempts_once"}
    )


def test_upgrade_is_repeatable_and_safe_in_parallel(path: Path) -> None:
    code = "import sys; from eichrecht.store.migrate import upgrade; print(upgrade(sys.argv[1]))"
    both = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", code, str(path)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for _ in range(2)
    ]  # fmt: skip
    for process in both:
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, out.strip()) == (0, "0003"), errors
    assert upgrade(str(path)) == "0003"


def test_database_of_a_newer_release_is_refused(path: Path) -> None:
    upgrade(str(path))
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(SchemaTooNew, match="9999"):
        upgrade(str(path))


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://u:geheim@h/d", "unsupported"),
        ("://", "cannot be read"),
        ("sqlite://", "in-memory"),
        ("sqlite:///:memory:", "in-memory"),
        ("", "in-memory"),
        ("/nowhere/at/all.db", "cannot open"),
    ],
)
def test_bad_addresses_are_refused_by_name(address: str, words: str) -> None:
    with pytest.raises(StoreUnavailable, match=words) as caught:
        Database.open(address)
    assert "geheim" not in str(caught.value)


def test_file_that_is_no_database(path: Path) -> None:
    path.write_bytes(b"OCMF|{}|{}" * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        upgrade(str(path))
    assert path.read_bytes().startswith(b"OCMF")


def test_settings_that_keep_data(on_database: OnDatabase, path: Path) -> None:
    async def work(database: Database) -> list[Any]:
        async with database.transaction() as tx:
            names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            return [await tx.connection.scalar(text(f"PRAGMA {name}")) for name in names]

    assert on_database(work) == ["wal", 2, 1, 10_000]  # synchronous 2 = FULL
    assert stat.S_IMODE(path.stat().st_mode) == 0o600, "the file holds partners' tokens"


def test_writers_queue_and_readers_do_not_wait(on_database: OnDatabase) -> None:
    async def work(database: Database) -> int:
        async def count_up() -> None:
            async with database.transaction() as tx:
                seen = await tx.connection.scalar(text("SELECT count(*) FROM issued_tokens"))
                await asyncio.sleep(0)
                await tx.connection.execute(
                    text("INSERT INTO issued_tokens VALUES (:h, 'pending', NULL, NULL)"), {"h": f"{seen}"}
                )

        async with database.transaction(), database.reading() as reader:
            await reader.partners.all()
        await asyncio.gather(*(count_up() for _ in range(20)))
        async with database.reading() as tx:
            return int(await tx.connection.scalar(text("SELECT count(*) FROM issued_tokens")) or 0)

    assert on_database(work) == 20


def test_error_inside_rolls_everything_back(on_database: OnDatabase) -> None:
    async def work(database: Database) -> int:
        async def fail_halfway() -> None:
            async with database.transaction() as tx:
                await tx.connection.execute(
                    text("INSERT INTO issued_tokens VALUES ('h','pending',NULL,NULL)")
                )
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail_halfway()
        async with database.reading() as tx:
            return int(await tx.connection.scalar(text("SELECT count(*) FROM issued_tokens")) or 0)

    assert on_database(work) == 0


def test_instants_sort_as_text_and_keep_microseconds() -> None:
    east = timezone(timedelta(hours=2))
    assert write_instant(datetime(2026, 3, 1, 1, 0, 0, 5, tzinfo=east)) == "2026-02-28T23:00:00.000005Z"
    assert write_instant(datetime(987, 1, 1, tzinfo=UTC)) < write_instant(datetime(1970, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="aware"):
        write_instant(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize("value", [Decimal("NaN"), Decimal("Infinity"), 1.5, 1])
def test_amounts_must_be_finite_decimals(value: object) -> None:
    from eichrecht.store.types import ExactDecimal

    with pytest.raises(ValueError, match="Decimal"):
        ExactDecimal().process_bind_param(value, None)  # type: ignore[arg-type]


def test_identity_cannot_collide() -> None:
    assert identity("DE", "ABC", "x") == identity("de", "abc", "X")
    assert identity("DE", "AB", "Cx") != identity("DE", "ABC", "x")
    with pytest.raises(ValueError, match="control"):
        identity("DE", "ABC", "x\ty")
