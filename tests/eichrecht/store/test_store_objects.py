"""Evidence, keys, tariffs and CDRs: exact, immutable, and by their rules."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.evidence import Document, KeySource, problem, warning
from eichrecht.store.cdr_records import Override, new_receipt_token
from eichrecht.store.database import Database
from eichrecht.store.errors import (
    DuplicateCdr,
    InvalidTransition,
    NotFound,
    SessionAlreadyBilled,
    StoreConflict,
    StoreError,
    TariffVersionConflict,
)
from eichrecht.store.intakes import Intake
from eichrecht.store.keys import OperatorKey
from eichrecht.store.states import CdrState
from ocpi.objects.tariff import Tariff
from ocpi.transport.json import dumps
from tests.eichrecht.delivery.delivery_support import NOW, credit_of, new_cdr, partner, sample_cdr

OnDatabase = Callable[..., Any]
DAY = timedelta(days=1)


def test_documents_are_kept_byte_for_byte_once(on_database: OnDatabase) -> None:
    content = bytes(range(256)) + b"\r\n\xef\xbb\xbf"

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            sha256 = await tx.evidence.add(Document("a.xml", content), NOW)
            assert await tx.evidence.add(Document("upload", content), NOW + DAY) == sha256
        async with database.reading() as tx:
            assert (await tx.evidence.get(sha256.upper())).content == content
            arrivals = await tx.evidence.arrivals(sha256)
            assert [(a.source, a.received_at) for a in arrivals] == [("a.xml", NOW), ("upload", NOW + DAY)]
            with pytest.raises(NotFound):
                await tx.evidence.get("0" * 64)

    on_database(work)


def test_damaged_document_is_noticed(on_database: OnDatabase, path: Path) -> None:
    async def add(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.evidence.add(Document("a", b"abc"), NOW)

    async def read(database: Database) -> None:
        async with database.reading() as tx:
            with pytest.raises(StoreError, match="damaged"):
                await tx.evidence.get(Document("a", b"abc").sha256)

    on_database(add)
    connection = sqlite3.connect(path)
    connection.execute("DROP TRIGGER evidence_documents_frozen")
    connection.execute("UPDATE evidence_documents SET content = x'616264'")
    connection.commit()
    connection.close()
    on_database(read)


FORBIDDEN = [
    "UPDATE evidence_documents SET content = x'00'",
    "DELETE FROM evidence_arrivals",
    "DELETE FROM evidence_documents",
    "UPDATE cdrs SET body = x'00'",
    "UPDATE cdrs SET total_cost_excl_vat = '0'",
    "UPDATE cdrs SET receipt_token = 'x'",
    "DELETE FROM cdrs",
    "DELETE FROM cdr_evidence",
    "UPDATE tariff_versions SET body = x'00'",
    "DELETE FROM deliveries",
    "UPDATE cdrs SET state = 'sent'",
    "INSERT INTO cdr_evidence VALUES (1, 9, 'unknown')",
]


@pytest.mark.parametrize("statement", FORBIDDEN)
def test_the_database_itself_refuses_to_change_the_record(
    on_database: OnDatabase, path: Path, statement: str
) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            sha256 = await tx.evidence.add(Document("a", b"x"), NOW)
            await tx.partners.put(partner())
            await tx.cdrs.create(new_cdr(sample_cdr(), evidence=[sha256]), NOW)
            await tx.tariffs.put(tariff(), b"{}", NOW)

    on_database(work)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA foreign_keys=ON")
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute(statement)
    connection.close()


def test_amounts_are_stored_as_text_with_every_digit(on_database: OnDatabase, path: Path) -> None:
    exact = Decimal("10.00000000000000000000100")

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            stored = await tx.cdrs.create(new_cdr(sample_cdr(total_energy=exact), None), NOW)
            assert str(stored.total_energy_kwh) == str(exact)

    on_database(work)
    connection = sqlite3.connect(path)
    query = "SELECT typeof(total_energy_kwh), total_energy_kwh, typeof(total_cost_excl_vat) FROM cdrs"
    assert connection.execute(query).fetchall() == [("text", str(exact), "text")]
    connection.close()


def key(**fields: Any) -> OperatorKey:
    base = OperatorKey("DE*ABC*E1", "M1", "3059...", b"\x30\x59", "ab" * 32, KeySource.OPERATOR)
    return replace(base, **fields)


def test_keys_are_found_bounded_and_never_changed(on_database: OnDatabase) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            first = await tx.keys.add(key(valid_from=NOW), NOW)
            assert await tx.keys.add(key(valid_from=NOW), NOW) == first
            await tx.keys.add(key(meter_serial="M2", source=KeySource.REGISTER), NOW)
            assert len(await tx.keys.find()) == 2
            [found] = await tx.keys.find(meter_serial="M1")
            assert (found.id, found.spki, found.key_text) == (first, b"\x30\x59", "3059...")
            assert found.covers(NOW)
            assert not found.covers(NOW - DAY)
            await tx.keys.end(first, NOW + DAY)
            [found] = await tx.keys.find(charge_point="DE*ABC*E1", meter_serial="M1", fingerprint="ab" * 32)
            assert not found.covers(NOW + DAY)
            with pytest.raises(InvalidTransition):
                await tx.keys.end(first, NOW + 2 * DAY)
            with pytest.raises(NotFound):
                await tx.keys.end(999, NOW)
            with pytest.raises(StoreConflict, match="vouched"):
                await tx.keys.add(key(source=KeySource.DOCUMENT), NOW)
            with pytest.raises(StoreConflict, match="before it begins"):
                await tx.keys.add(key(valid_from=NOW, valid_to=NOW), NOW)

    on_database(work)


def tariff(days: int = 0, tariff_id: str = "T1") -> Tariff:
    component = {"type": "ENERGY", "price": Decimal("0.40"), "step_size": 1}
    return Tariff.model_validate(
        {
            "country_code": "DE",
            "party_id": "ABC",
            "id": tariff_id,
            "currency": "EUR",
            "elements": [{"price_components": [component]}],
            "last_updated": NOW + days * DAY,
        }
    )


def test_tariff_versions_by_session_start(on_database: OnDatabase) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            assert await tx.tariffs.put(tariff(0), b"v0", NOW)
            assert await tx.tariffs.put(tariff(10), b"v10", NOW)
            assert await tx.tariffs.put(tariff(5), b"v5", NOW)  # arrives late
            assert not await tx.tariffs.put(tariff(5), b"v5", NOW)
            with pytest.raises(TariffVersionConflict):
                await tx.tariffs.put(tariff(5), b"other", NOW)

            async def at(days: int) -> bytes:
                return (await tx.tariffs.as_of("de", "abc", "t1", NOW + days * DAY)).body

            assert [await at(days) for days in (0, 4, 5, 9, 10, 99)] == [
                b"v0", b"v0", b"v5", b"v5", b"v10", b"v10"
            ]  # fmt: skip
            with pytest.raises(NotFound):
                await at(-1)
            assert (await tx.tariffs.current("DE", "ABC", "T1")).body == b"v10"
            await tx.tariffs.withdraw("DE", "ABC", "T1", NOW + 20 * DAY)
            assert await at(19) == b"v10"
            with pytest.raises(NotFound, match="withdrawn"):
                await at(20)
            with pytest.raises(NotFound):
                await tx.tariffs.current("DE", "ABC", "T1")
            with pytest.raises(NotFound):
                await tx.tariffs.withdraw("DE", "ABC", "T1", NOW)
            assert len(await tx.tariffs.versions("DE", "ABC", "T1")) == 3

    on_database(work)


def test_tariff_pages_keep_their_order_when_a_tariff_changes(on_database: OnDatabase) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            for name in ("T1", "T2", "T3"):
                await tx.tariffs.put(tariff(0, name), b"{}", NOW)
            await tx.tariffs.put(tariff(5, "T1"), b"{}", NOW)
            page, total = await tx.tariffs.page(offset=0, limit=2)
            assert ([v.tariff_id for v in page], total) == (["T1", "T2"], 3)
            page, total = await tx.tariffs.page(offset=2, limit=2)
            assert ([v.tariff_id for v in page], total) == (["T3"], 3)
            page, total = await tx.tariffs.page(date_from=NOW + DAY, limit=10)
            assert ([v.tariff_id for v in page], total) == (["T1"], 1)
            page, total = await tx.tariffs.page(date_to=NOW + DAY, limit=10)
            assert [v.tariff_id for v in page] == ["T2", "T3"]

    on_database(work)


def test_cdr_with_open_errors_is_held_until_decided(on_database: OnDatabase) -> None:
    findings = [problem("energy_differs", "/total_energy", claimed="1.0"), warning("late")]

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.partners.put(partner())
            held = await tx.cdrs.create(new_cdr(sample_cdr(), findings=findings), NOW)
            assert (held.state, held.listed_at, held.findings) == (CdrState.HELD, None, tuple(findings))
            with pytest.raises(NotFound):
                await tx.deliveries.for_cdr(held.pk)
            assert (await tx.cdrs.page("p1", limit=10))[1] == 0
            with pytest.raises(InvalidTransition, match="energy_differs"):
                await tx.cdrs.release(held.pk, [], NOW)
            decision = Override("energy_differs", "ops", "meter exchanged", NOW)
            released = await tx.cdrs.release(held.pk, [decision], NOW + DAY)
            assert (released.state, released.overrides) == (CdrState.READY, (decision,))
            assert released.body == held.body
            assert (await tx.deliveries.for_cdr(held.pk)).cdr_id == "CDR1"
            # A partner that polls by date had passed last_updated: the release time counts.
            page, total = await tx.cdrs.page("p1", date_from=NOW + DAY, limit=10)
            assert (page, total) == ((released,), 1)
            for step in (tx.cdrs.discard(held.pk), tx.cdrs.release(held.pk, [], NOW)):
                with pytest.raises(InvalidTransition):
                    await step

    on_database(work)


def test_cdr_without_partner_is_held(on_database: OnDatabase) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            held = await tx.cdrs.create(new_cdr(sample_cdr(), None), NOW)
            assert held.state is CdrState.HELD
            with pytest.raises(InvalidTransition, match="no partner"):
                await tx.cdrs.release(held.pk, [], NOW)

    on_database(work)


def test_one_cdr_per_session_until_credited(on_database: OnDatabase) -> None:
    original, again = sample_cdr(session_id="S1"), sample_cdr("CDR2", session_id="s1")

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.partners.put(partner())
            await tx.cdrs.create(new_cdr(original), NOW)
            with pytest.raises(DuplicateCdr):
                await tx.cdrs.create(new_cdr(sample_cdr("cdr1", session_id="S2")), NOW)
            with pytest.raises(SessionAlreadyBilled, match="CDR1"):
                await tx.cdrs.create(new_cdr(again), NOW)
            credit = await tx.cdrs.create(new_cdr(credit_of(original)), NOW)
            assert (credit.credit, str(credit.total_cost_excl_vat)) == (True, "-4.00")
            assert (await tx.cdrs.get("DE", "ABC", "CDR1")).credited
            second = credit_of(original).model_copy(update={"id": "CDR1-C2"})
            with pytest.raises(InvalidTransition, match="credited already"):
                await tx.cdrs.create(new_cdr(second), NOW)
            await tx.cdrs.create(new_cdr(again), NOW)
            with pytest.raises(SessionAlreadyBilled, match="CDR2"):
                await tx.cdrs.create(new_cdr(sample_cdr("CDR3", session_id="S1")), NOW)
            assert [item.id for item in await tx.cdrs.find(session_id="S1")] == ["CDR2", "CDR1-C", "CDR1"]

    on_database(work)


def test_the_index_backs_the_session_rule(on_database: OnDatabase, path: Path) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.cdrs.create(new_cdr(sample_cdr(), None), NOW)

    on_database(work)
    connection = sqlite3.connect(path)
    columns = [row[1] for row in connection.execute("PRAGMA table_info(cdrs)") if row[1] != "pk"]
    changed = {"identity": "'other'", "receipt_token": "'other'"}
    values = ", ".join(changed.get(name, name) for name in columns)
    with pytest.raises(sqlite3.IntegrityError, match="session_identity"):
        connection.execute(f"INSERT INTO cdrs ({', '.join(columns)}) SELECT {values} FROM cdrs")
    connection.close()


def test_what_may_be_credited(on_database: OnDatabase) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.partners.put(partner())
            await tx.partners.put(partner(partner_id="p2", party_id="OTH"))
            with pytest.raises(NotFound):
                await tx.cdrs.create(new_cdr(credit_of(sample_cdr())), NOW)
            held = await tx.cdrs.create(new_cdr(sample_cdr(), findings=[problem("x")]), NOW)
            with pytest.raises(InvalidTransition, match="never left"):
                await tx.cdrs.create(new_cdr(credit_of(sample_cdr())), NOW)
            await tx.cdrs.release(held.pk, [Override("x", "ops", "ok", NOW)], NOW)
            with pytest.raises(StoreConflict, match="partner"):
                await tx.cdrs.create(new_cdr(credit_of(sample_cdr()), "p2"), NOW)
            nameless = credit_of(sample_cdr()).model_copy(update={"credit_reference_id": None})
            with pytest.raises(StoreConflict, match="credit_reference_id"):
                await tx.cdrs.create(new_cdr(nameless), NOW)

    on_database(work)


def test_discarding_frees_the_session_and_undoes_a_credit(on_database: OnDatabase) -> None:
    original = sample_cdr(session_id="S1")

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.partners.put(partner())
            held = await tx.cdrs.create(new_cdr(original, findings=[problem("x")]), NOW)
            assert (await tx.cdrs.discard(held.pk)).state is CdrState.DISCARDED
            second = sample_cdr("CDR2", session_id="S1")
            await tx.cdrs.create(new_cdr(second), NOW)
            credit = await tx.cdrs.create(new_cdr(credit_of(second), findings=[problem("x")]), NOW)
            await tx.cdrs.discard(credit.pk)
            assert not (await tx.cdrs.get("DE", "ABC", "CDR2")).credited
            again = credit_of(second).model_copy(update={"id": "CDR2-D"})
            held_credit = await tx.cdrs.create(new_cdr(again, findings=[problem("x")]), NOW)
            await tx.cdrs.create(new_cdr(sample_cdr("CDR3", session_id="S1")), NOW)
            with pytest.raises(InvalidTransition, match="waits for it"):
                await tx.cdrs.discard(held_credit.pk)

    on_database(work)


def test_receipt_tokens(on_database: OnDatabase) -> None:
    token = new_receipt_token()
    assert len(token) == 32
    assert token != new_receipt_token()

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.cdrs.create(new_cdr(sample_cdr(), None, receipt_token=token), NOW)
            assert (await tx.cdrs.by_receipt_token(token)).id == "CDR1"
            with pytest.raises(NotFound):
                await tx.cdrs.by_receipt_token(token.swapcase())
            with pytest.raises(StoreConflict):
                await tx.cdrs.create(new_cdr(sample_cdr("C2"), None, receipt_token=token), NOW)

    on_database(work)


def test_follows_id_orders_cdrs_without_session(on_database: OnDatabase) -> None:
    lone = sample_cdr().model_copy(update={"session_id": None})
    corrected = lone.model_copy(update={"id": "CDR2"})

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.partners.put(partner())
            await tx.cdrs.create(new_cdr(lone), NOW)
            stored = await tx.cdrs.create(new_cdr(corrected, follows_id="CDR1"), NOW)
            assert (await tx.deliveries.for_cdr(stored.pk)).waits_for == "CDR1"

    on_database(work)


def test_bodies_round_trip(on_database: OnDatabase) -> None:
    body = b'{"id": "CDR1",\t"x":1.10 }' + dumps({"a": Decimal("1.10")})

    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            await tx.cdrs.create(replace(new_cdr(sample_cdr(), None), body=body), NOW)
        async with database.reading() as tx:
            assert (await tx.cdrs.get("DE", "ABC", "CDR1")).body == body

    on_database(work)


def test_intakes_are_appended_and_found(on_database: OnDatabase, path: Path) -> None:
    async def work(database: Database) -> None:
        async with database.transaction() as tx:
            sha256 = await tx.evidence.add(Document("a", b"x"), NOW)
            cdr = await tx.cdrs.create(new_cdr(sample_cdr(), None), NOW)
            refused = Intake(
                "DE",
                "ABC",
                "S1",
                "0" * 64,
                b'{"a": 1.10}',
                sha256,
                "refused",
                None,
                (problem("x", n="1"),),
                NOW,
            )
            held = replace(refused, outcome="held", cdr_pk=cdr.pk, findings=(), received_at=NOW + DAY)
            await tx.intakes.add(refused)
            second = await tx.intakes.add(held)
            assert await tx.intakes.latest("de", "abc", "s1") == replace(held, id=second)
            assert await tx.intakes.for_cdr(cdr.pk) == replace(held, id=second)
            [found] = await tx.intakes.find(outcome="refused")
            assert replace(found, id=0) == refused
            assert await tx.intakes.latest("DE", "ABC", "S2") is None

    on_database(work)
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.IntegrityError, match="immutable"):
        connection.execute("UPDATE session_intakes SET outcome = 'ready'")
    connection.close()
