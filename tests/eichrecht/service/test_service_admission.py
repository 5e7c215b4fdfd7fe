"""The public check is bounded: whoever floods it stops neither partners nor operators, and is told to wait."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from eichrecht.evidence import Document
from eichrecht.service import transparency
from eichrecht.service.admission import MAX_AT_ONCE, MAX_INSIDE
from eichrecht.verification import Verifier
from ocpi.transport import json
from tests.eichrecht.service.service_support import Operator, in_service, meter, record

CHECK = "/api/v1/transparency/check"


def test_a_flood_is_turned_away_and_everything_else_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    running, most = 0, 0
    lock, gate = threading.Lock(), threading.Event()
    verify = Verifier.verify

    def slow(self: Verifier, document: Document, *beside: Any) -> Any:
        nonlocal running, most
        if document.source != "body":  # the session below
            return verify(self, document, *beside)
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(30)
        with lock:
            running -= 1
        return verify(self, document, *beside)

    monkeypatch.setattr(Verifier, "verify", slow)

    async def work(operator: Operator) -> None:
        checks = [asyncio.create_task(operator.http.post(CHECK, content=record())) for _ in range(MAX_INSIDE)]
        try:
            async with asyncio.timeout(30):
                while running < MAX_AT_ONCE:
                    await asyncio.sleep(0.01)
            refused = await operator.http.post(CHECK, content=record())
            assert refused.status_code == 503
            assert json.loads(refused.content)["error"]["code"] == "busy"
            assert int(refused.headers["retry-after"]) > 0
            page = await operator.http.post("/?lang=en", data={"text": "x"})
            assert (page.status_code, "Please try again in 10 seconds" in page.text) == (503, True)
            assert (await operator.http.get("/health")).status_code == 200
            assert (await operator.take())["outcome"] == "ready"  # sessions have threads of their own
        finally:
            gate.set()
        answers = await asyncio.gather(*checks)
        assert [answer.status_code for answer in answers] == [200] * MAX_INSIDE
        assert most == MAX_AT_ONCE
        assert (await operator.http.post(CHECK, content=record())).status_code == 200  # places come back

    in_service(tmp_path, work)


def test_an_upload_that_drips_loses_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transparency, "READ_TIMEOUT_S", 0)

    async def drip() -> AsyncIterator[bytes]:
        yield b"OCMF|"
        await asyncio.sleep(30)
        yield b"{}"

    async def work(operator: Operator) -> None:
        response = await operator.http.post(CHECK, content=drip())
        assert response.status_code == 408
        assert json.loads(response.content)["error"]["code"] == "upload_too_slow"

    in_service(tmp_path, work, prepared=False)


def test_an_unreadable_request_gives_its_place_back(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for _ in range(MAX_INSIDE + 1):
            assert (await operator.http.post(CHECK, content=b"")).status_code == 400

    in_service(tmp_path, work, prepared=False)


def test_the_ring_follows_the_database(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        ring = operator.service.chain.ring
        first = await ring()
        assert await ring() is first  # nothing changed: nothing is read again
        key = {"charge_point": "DE*X*E1", "public_key": meter().public_key_text()}
        made = await operator.ok("POST", "/keys", key)
        second = await ring()
        assert len(list(second.all_keys())) == len(list(first.all_keys())) + 1
        await operator.ok("POST", f"/keys/{made['id']}/end", {"valid_to": "2026-01-02T00:00:00Z"})
        third = await ring()
        assert third is not second
        await operator.ok("POST", f"/keys/{made['id']}/end", {"valid_to": "2026-01-01T00:00:00Z"})
        assert await ring() is not third

    in_service(tmp_path, work)
