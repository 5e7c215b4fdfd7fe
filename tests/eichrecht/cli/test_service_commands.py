"""``eichrecht key``, ``tariff``, ``partner``, ``serve``: what an operator types, also when it goes wrong."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli.app import main
from eichrecht.store.database import Database
from ocpi.transport import json
from tests.eichrecht.service.service_support import EVSE, TARIFF, emsp, meter


class Ran:
    def __init__(self, status: int, out: str, err: str) -> None:
        self.status, self.out, self.err = status, out, err


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("EICHRECHT_DATABASE", str(tmp_path / "cpo.sqlite"))

    def call(*arguments: object) -> Ran:
        with pytest.raises(SystemExit) as ended:
            main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Ran(int(ended.value.code or 0), captured.out, captured.err)

    return call


def with_partner(tmp_path: Path) -> None:
    async def put() -> None:
        async with Database.open(str(tmp_path / "cpo.sqlite")) as database, database.transaction() as tx:
            await tx.partners.put(emsp())

    asyncio.run(put())


def refused(ran: Ran, *words: str) -> None:
    assert (ran.status, ran.out) == (64, "")
    assert ran.err.startswith("eichrecht: ")
    for word in words:
        assert word in ran.err


def test_keys_are_listed_and_ended(run: Any) -> None:
    assert run("key", "add", EVSE, meter().public_key_text(), "--note", "letter of May").status == 0
    listed = run("key", "list").out
    assert EVSE in listed
    assert "letter of May" in listed
    assert "valid" in listed
    assert run("key", "end", 1).status == 0
    assert "until" in run("key", "list").out
    refused(run("key", "end", 1), "ended already")
    refused(run("key", "end", 99), "99")


def test_partners_are_listed_and_set(run: Any, tmp_path: Path) -> None:
    with_partner(tmp_path)
    assert "p1  registered  2.2.1  EMSP DE*MSP  in doubt: resend" in run("partner", "list").out
    assert run("partner", "set", "p1", "--in-doubt", "hold").status == 0
    listed = run("partner", "list").out
    assert "in doubt: hold" in listed
    assert "the-token-that-we-send" not in listed
    refused(run("partner", "set", "p1", "--in-doubt", "perhaps"), "resend, hold")
    refused(run("partner", "set", "nobody", "--in-doubt", "hold"), "nobody")
    refused(run("partner", "invite", "--partner-id", "nobody"), "nobody")


@pytest.mark.parametrize(
    ("url", "token", "why"),
    [
        ("https://emsp.example/versions", "two words", "printable"),
        ("http://127.0.0.1:9/versions", "token", "refused to call"),
        ("not-a-url", "token", "malformed"),
    ],
)
def test_a_handshake_that_cannot_be_is_a_sentence(run: Any, url: str, token: str, why: str) -> None:
    refused(run("partner", "connect", url, token), "handshake failed", why)


def test_a_tariff_of_another_cpo_is_refused(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "tariff.json"
    path.write_bytes(json.dumps(TARIFF | {"party_id": "XYZ"}))
    refused(run("tariff", "put", path), "DE*CPO", "XYZ")
    path.write_bytes(json.dumps(TARIFF))
    assert run("tariff", "put", path).status == 0


def test_stopped_deliveries_and_decisions_that_do_not_fit(run: Any) -> None:
    for command in (("replay",), ("discard",), ("accept", "--by", "ops", "--reason", "agreed")):
        refused(run("cdr", command[0], "NONE", *command[1:]), "no CDR NONE")
    refused(run("cdr", "credit", "NONE"), "no CDR NONE")


def test_a_locked_database_is_a_sentence(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("db", "upgrade").status == 0
    monkeypatch.setattr("eichrecht.store.urls.BUSY_TIMEOUT_MS", 50)
    blocker = sqlite3.connect(tmp_path / "cpo.sqlite", isolation_level=None)
    try:
        blocker.execute("BEGIN EXCLUSIVE")
        refused(run("key", "add", EVSE, meter().public_key_text()), "database")
    finally:
        blocker.close()


def test_a_taken_port_and_an_impossible_one_are_sentences(run: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        refused(run("serve", "--port", taken.getsockname()[1]), "cannot listen on 127.0.0.1")
    refused(run("serve", "--port", 99999), "port")
    refused(run("serve", "--host", "no-such-host.invalid"), "cannot listen")
