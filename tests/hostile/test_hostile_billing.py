"""Honest signed data used dishonestly: billed twice, for another card, meter or place, or over others' sessions."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.billing.build import Outcome
from eichrecht.demo.material import ENERGY_TARIFF, session_facts
from eichrecht.evidence import Document
from eichrecht.service.errors import ServiceError
from eichrecht.store.cdrs import NewCdr
from eichrecht.store.errors import RecordAlreadyBilled, StoreError
from eichrecht.store.states import CdrState
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.transport import json
from ocpi.transport.json import dumps
from ocpi.versions import V2_2_1
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.hostile.hostile_support import (
    CARD,
    EVSE,
    HOUR,
    START,
    World,
    emsp,
    facts,
    honest_record,
    in_world,
    known_key,
    meter,
    verify,
)

OTHER_CARD = "0011223344556677"


def found(taken: Any) -> set[str]:
    return {str(finding.code) for finding in taken.findings if finding.severity == "error"}


def test_the_same_record_is_not_billed_for_two_sessions(tmp_path: Path) -> None:
    async def attack(world: World) -> None:
        first = await world.take("S1", honest_record())
        assert (first.outcome, first.cdr and first.cdr.state) == (Outcome.READY, CdrState.READY), (
            first.findings
        )
        again = await world.take("S2", honest_record())
        assert (again.outcome, again.cdr, found(again)) == (Outcome.REFUSED, None, {"record_already_billed"})
        # Wrapped differently: another document, the same signed bytes.
        wrapped = safe_xml([SafeValue(honest_record(), meter().public_key_text())])
        assert found(await world.take("S3", wrapped)) == {"record_already_billed"}
        async with world.database.reading() as tx:
            assert len(await tx.cdrs.find()) == 1
            assert len(await tx.deliveries.find()) == 1
            assert [i.outcome for i in await tx.intakes.find()] == ["refused", "refused", "ready"]

    in_world(tmp_path, attack)


def test_a_begin_record_is_not_billed_with_a_second_end(tmp_path: Path) -> None:
    own = meter()
    begin = own.begin_record(Decimal("100"), START)
    first = own.end_record(Decimal("110"), START + HOUR)
    own.page -= 1
    second = own.end_record(Decimal("120"), START + 2 * HOUR)

    async def attack(world: World) -> None:
        assert (await world.take("S1", begin + b"\n" + first)).outcome is Outcome.READY
        assert found(await world.take("S2", begin + b"\n" + second)) == {"record_already_billed"}

    in_world(tmp_path, attack)


def test_a_credited_record_may_be_billed_anew_and_only_once(tmp_path: Path) -> None:
    async def attack(world: World) -> None:
        await world.take("S1", honest_record())
        made = await world.chain.credit("DE", "CPO", "S1", corrected=facts("S1", cdr_id="S1-2"))
        assert [cdr.credit for cdr in made] == [True, False]
        assert found(await world.take("S2", honest_record())) == {"record_already_billed"}
        await world.chain.credit("DE", "CPO", "S1-2")
        assert (await world.take("S3", honest_record())).outcome is Outcome.READY

    in_world(tmp_path, attack)


def test_a_discarded_cdr_frees_its_records(tmp_path: Path) -> None:
    async def attack(world: World) -> None:
        held = await world.take("S1", honest_record(), claimed_energy_kwh=Decimal("99"))
        assert held.cdr is not None
        assert held.cdr.state is CdrState.HELD
        assert found(await world.take("S2", honest_record())) == {"record_already_billed"}
        async with world.database.transaction() as tx:
            await tx.cdrs.discard(held.cdr.pk)
        assert (await world.take("S2", honest_record())).outcome is Outcome.READY

    in_world(tmp_path, attack)


def test_the_same_energy_signed_in_other_records_is_not_billed_twice(tmp_path: Path) -> None:
    """A station may deliver begin and end apart, and then both in one record: the same kilowatt-hours."""
    own = meter()
    apart = own.begin_record(Decimal("100"), START) + b"\n" + own.end_record(Decimal("110"), START + HOUR)
    whole = own.session_record(Decimal("100"), Decimal("110"), START, START + HOUR)
    inside = own.session_record(Decimal("109.999"), Decimal("112"), START + HOUR, START + 2 * HOUR)
    after = own.session_record(Decimal("110"), Decimal("112"), START + HOUR, START + 2 * HOUR)

    async def attack(world: World) -> None:
        assert (await world.take("S1", apart)).outcome is Outcome.READY
        assert found(await world.take("S2", whole)) == {"record_already_billed"}
        assert found(await world.take("S3", inside)) == {"record_already_billed"}
        assert (await world.take("S4", after)).outcome is Outcome.READY, (
            "the next session begins where one ended"
        )
        await world.chain.credit("DE", "CPO", "S1")
        assert (await world.take("S5", whole)).outcome is Outcome.READY

    in_world(tmp_path, attack)


def test_the_same_register_values_of_another_meter_are_other_energy(tmp_path: Path) -> None:
    other = OcmfMeter("secp256r1", "SAMPLE0002", key_label="second")
    record = other.session_record(Decimal("100"), Decimal("110"), START, START + HOUR)

    async def honest(world: World) -> None:
        await world.vouch(other, meter_serial="SAMPLE0002")
        whole = meter().session_record(Decimal("100"), Decimal("110"), START, START + HOUR)
        assert (await world.take("S1", whole)).outcome is Outcome.READY
        assert (await world.take("S2", record)).outcome is Outcome.READY

    in_world(tmp_path, honest)


def test_a_credit_that_never_left_gives_the_energy_back_only_if_nobody_bills_it(tmp_path: Path) -> None:
    first = meter().session_record(Decimal("100"), Decimal("110"), START, START + HOUR)
    again = meter().session_record(Decimal("105"), Decimal("120"), START, START + HOUR)

    async def attack(world: World) -> None:
        taken = await world.take("S1", first)
        assert taken.cdr is not None
        async with world.database.transaction() as tx:
            await tx.cdrs._billed.release(taken.cdr.pk)
        assert (await world.take("S2", again)).outcome is Outcome.READY
        with pytest.raises(RecordAlreadyBilled):
            async with world.database.transaction() as tx:
                await tx.cdrs._billed.take_back(taken.cdr.pk, "S1")

    in_world(tmp_path, attack)


def test_a_cdr_held_for_want_of_a_partner_goes_to_the_one_that_connects_later(tmp_path: Path) -> None:
    async def honest(world: World) -> None:
        own = facts("S1")
        own = own.model_copy(update={"cdr_token": own.cdr_token.model_copy(update={"party_id": "NEW"})})
        taken = await world.chain.take_session(own, b"{}", Document("S1", honest_record()))
        assert taken.cdr is not None
        assert (taken.cdr.state, found(taken)) == (CdrState.HELD, {"cdr_token_owner_not_routed"})
        with pytest.raises(StoreError):
            await world.decisions.release("S1", [], by="ops", reason="mended")
        partner = emsp("p2")
        role = partner.roles[0].model_copy(update={"party_id": "NEW"})
        async with world.database.transaction() as tx:
            await tx.partners.put(replace(partner, roles=(role,), token="another-token"))
        released = await world.decisions.release("S1", [], by="ops", reason="mended")
        assert (released.state, released.partner_id) == (CdrState.READY, "p2")
        assert [(o.code, o.by) for o in released.overrides] == [("cdr_token_owner_not_routed", "eichrecht")]
        async with world.database.reading() as tx:
            assert len(await tx.deliveries.find()) == 1

    in_world(tmp_path, honest)


def test_the_store_itself_refuses_a_record_twice(tmp_path: Path) -> None:
    """Whatever the chain forgets to ask, the store holds; the unique index holds even against a lost race."""

    async def attack(world: World) -> None:
        taken = await world.take("S1", honest_record())
        assert taken.cdr is not None
        value = json.loads(taken.cdr.body)
        value |= {"id": "S9", "session_id": "S9"}
        cdr = V2_2_1.load(Cdr, value)
        (record,) = verify(honest_record(), known_key()).records
        assert record.record is not None
        identity = hashlib.sha256(record.record.signed_bytes).hexdigest()
        with pytest.raises(RecordAlreadyBilled):
            async with world.database.transaction() as tx:
                await tx.cdrs.create(NewCdr(cdr, json.dumps(value), None, records=[identity]), START)

    in_world(tmp_path, attack)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"token_uid": OTHER_CARD}, "other_identification"),
        ({"meter_id": "SAMPLE0002"}, "other_meter"),
        ({"evse_id": "DE*SMP*E0002"}, "other_charge_point"),
    ],
)
def test_a_record_of_something_else_is_held(tmp_path: Path, change: dict[str, Any], code: str) -> None:
    async def attack(world: World) -> None:
        taken = await world.take("S1", honest_record(), **change)
        assert taken.outcome is Outcome.HELD
        assert code in found(taken)
        async with world.database.reading() as tx:
            assert not await tx.deliveries.find()

    in_world(tmp_path, attack)


def test_a_meter_that_names_no_place_is_still_bound_to_its_key(tmp_path: Path) -> None:
    silent = meter(head={"CT": None, "CI": None})

    async def attack(world: World) -> None:
        taken = await world.take("S1", honest_record(silent), evse_id="DE*SMP*E0002")
        assert (taken.outcome, found(taken)) == (Outcome.HELD, {"other_charge_point"})

    in_world(tmp_path, attack)


@pytest.mark.parametrize(
    "written", [CARD.lower(), "1F:2D:3A:4F:55:06:C7", "C706554F3A2D1F", "no card number"]
)
def test_the_same_card_in_another_spelling_is_no_other_card(tmp_path: Path, written: str) -> None:
    async def honest(world: World) -> None:
        taken = await world.take("S1", honest_record(), token_uid=written, evse_id=EVSE.replace("*", ""))
        assert (taken.outcome, found(taken)) == (Outcome.READY, set())

    in_world(tmp_path, honest)


def test_the_contract_that_was_signed_is_the_one_that_is_billed(tmp_path: Path) -> None:
    def signed(contract: str) -> bytes:
        return honest_record(meter(head={"IT": "EMAID", "ID": contract}))

    async def attack(world: World) -> None:
        assert session_facts("S", EVSE, CARD, "T")["cdr_token"]["contract_id"] == "DE-MSP-C00000001"
        held = await world.take("S1", signed("DEMSPC00000002"))
        assert found(held) == {"other_identification"}
        assert held.cdr is not None
        async with world.database.transaction() as tx:
            await tx.cdrs.discard(held.cdr.pk)  # the next record signs the same stretch of the register
        assert (await world.take("S2", signed("DE*MSP*C00000001*X"))).outcome is Outcome.READY

    in_world(tmp_path, attack)


def test_a_pair_over_other_customers_sessions_is_held(tmp_path: Path) -> None:
    """Begin of one's first session, end of the last, another customer's 40 kWh between them."""
    own = meter()
    begin = own.begin_record(Decimal("100"), START)
    own.page += 4
    end = own.end_record(Decimal("160"), START + 5 * HOUR)

    async def attack(world: World) -> None:
        taken = await world.take("S1", begin + b"\n" + end)
        assert (taken.outcome, found(taken)) == (Outcome.HELD, {"records_missing_between"})

    in_world(tmp_path, attack)


@pytest.mark.parametrize("pages", [(None, None), ("T1", None), ("T01", "T07"), ("1", "7")])
def test_a_gap_is_not_hidden_by_leaving_the_numbers_out(
    tmp_path: Path, pages: tuple[str | None, ...]
) -> None:
    begin = meter(head={"PG": pages[0]}).begin_record(Decimal("100"), START)
    end = meter(head={"PG": pages[1]}).end_record(Decimal("160"), START + 5 * HOUR)

    async def attack(world: World) -> None:
        taken = await world.take("S1", begin + b"\n" + end)
        assert (taken.outcome, found(taken)) == (Outcome.HELD, {"records_not_numbered"})
        whole = honest_record(meter(head={"PG": None}), "200", "210")
        assert (await world.take("S2", whole)).outcome is Outcome.READY, "one record has no gap"

    in_world(tmp_path, attack)


@pytest.mark.parametrize(
    ("head", "token", "code"),
    [
        ({}, {"type": "APP_USER", "uid": "APP-OF-SOMEBODY-ELSE"}, "other_identification"),
        ({}, {"type": "AD_HOC_USER", "uid": OTHER_CARD}, "other_identification"),
        ({}, {"type": "APP_USER", "uid": CARD.lower()}, None),
        ({"ID": "00000000"}, {"type": "APP_USER", "uid": "APP-1"}, None),
        ({"IT": "CENTRAL", "ID": "APP-1"}, {"type": "APP_USER", "uid": "APP-1"}, None),
        ({"IS": False, "IT": "NONE", "ID": None}, {}, "no_identification"),
        ({"IS": False, "IT": "NONE", "ID": ""}, {}, "no_identification"),
        ({"IS": False, "IT": "NONE", "ID": None}, {"type": "APP_USER", "uid": "APP-1"}, None),
        ({"IS": False}, {}, None),  # the card that is billed was signed after all
        ({"IT": "DENIED", "ID": None}, {}, "no_identification"),
        (
            {"IS": False, "IT": "DENIED", "ID": None},
            {"type": "APP_USER", "uid": "APP-1"},
            "no_identification",
        ),
    ],
)
def test_who_is_billed_is_who_was_signed(
    tmp_path: Path, head: dict[str, Any], token: dict[str, str], code: str | None
) -> None:
    said = session_facts("S1", EVSE, CARD, "T")["cdr_token"] | token

    async def attack(world: World) -> None:
        taken = await world.take("S1", honest_record(meter(head=head)), cdr_token=said)
        assert taken.outcome is (Outcome.HELD if code else Outcome.READY)
        assert found(taken) == ({code} if code else set())

    in_world(tmp_path, attack)


def registers(own: OcmfMeter, *values: tuple[str, str, str], hours: int = 0) -> bytes:
    """A session with several registers: (OBIS code, begin, end)."""
    start = START + hours * HOUR
    begins = [own.reading(Decimal(first), start, "B", register=obis) for obis, first, _ in values]
    ends = [own.reading(Decimal(last), start + HOUR, "E", register=obis) for obis, _, last in values]
    return own.record([*begins, *ends])


COMPENSATED, SESSION = "01-00:B1.08.00*FF", "01-00:B2.08.00*FF"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        ([("1-0:1.8.0", "600", "610")], [("1-0:1.8.0", "600", "610"), (COMPENSATED, "590", "599.9")]),
        ([("1-0:1.8.0", "600", "610"), (COMPENSATED, "590", "599.9")], [("1-0:1.8.0", "605", "608")]),
        ([("1-0:1.8.0", "600", "610")], [("1-b:1.8.0", "600", "610")]),
        ([("1-b:1.8.e", "600", "610")], [("01-00:01.08.00*00", "609", "620")]),
        ([(SESSION, "0", "10")], [(SESSION, "0", "10.5")]),
        ([("1-0:1.8.0*198", "0", "10")], [("1-0:1.8.0*198", "0", "9.9")]),
        (
            [("1-0:1.8.0", "600", "610"), (SESSION, "0", "10")],
            [("01-00:B3.08.00*FF", "0", "9.9"), ("1-0:1.8.0", "600", "610")],
        ),
        ([("1-0:1.8.0", "600", "610")], [(SESSION, "0", "10")]),
        ([(SESSION, "0", "10")], [("1-0:1.8.0", "600", "610")]),
    ],
)
def test_the_same_energy_is_known_again_whichever_register_bills(
    tmp_path: Path, first: list[tuple[str, str, str]], again: list[tuple[str, str, str]]
) -> None:
    own = meter()
    one, other = registers(own, *first), registers(own, *again)

    async def attack(world: World) -> None:
        assert (await world.take("S1", one)).outcome is Outcome.READY
        assert found(await world.take("S2", other)) == {"record_already_billed"}

    in_world(tmp_path, attack)


@pytest.mark.parametrize("obis", [SESSION, "1-0:1.8.0*198"])
def test_a_session_register_begins_anew_with_each_session(tmp_path: Path, obis: str) -> None:
    own = meter()
    lost = meter(clock="U")  # its clock tells the same hour after each power failure
    records = [
        registers(own, (obis, "0", "10")),
        registers(own, (obis, "0", "10"), hours=1),
        registers(lost, (obis, "0", "7")),
        registers(lost, (obis, "0", "8")),
    ]

    async def honest(world: World) -> None:
        for number, record in enumerate(records):
            taken = await world.take(f"S{number}", record)
            assert taken.outcome is Outcome.READY, taken.findings
        repeated = registers(lost, (obis, "0", "8"))
        assert found(await world.take("S9", repeated)) == {"record_already_billed"}

    in_world(tmp_path, honest)


def test_a_told_start_does_not_choose_the_version_of_the_tariff(tmp_path: Path) -> None:
    newer = ENERGY_TARIFF | {"id": "CHANGED", "last_updated": "2026-03-01T00:00:00Z"}
    dear = {"type": "ENERGY", "price": Decimal("4.90"), "vat": 19, "step_size": 1}
    older = newer | {"last_updated": "2026-01-01T00:00:00Z", "elements": [{"price_components": [dear]}]}

    async def attack(world: World) -> None:
        async with world.database.transaction() as tx:
            for value in (older, newer):
                await tx.tariffs.put(V2_2_1.load(Tariff, value), dumps(value), START)
        early = {"tariff_id": "CHANGED", "start_date_time": "2026-02-23T17:00:00Z"}
        held = await world.take("S1", honest_record(), **early)
        assert (held.outcome, found(held)) == (Outcome.HELD, {"told_start_changes_tariff"})
        plugged_in = {"tariff_id": "CHANGED", "start_date_time": "2026-03-02T16:45:00Z"}
        honest = await world.take("S2", honest_record(begin="110.000", end="120.000"), **plugged_in)
        assert honest.outcome is Outcome.READY, honest.findings
        # Withdrawn before the session started by the meter's clock.
        async with world.database.transaction() as tx:
            await tx.tariffs.withdraw("DE", "CPO", "CHANGED", START - HOUR)
        late = await world.take("S3", honest_record(begin="120.000", end="130.000"), **early)
        assert found(late) == {"told_start_changes_tariff"}

    in_world(tmp_path, attack)


def test_energy_beyond_experience_waits_for_a_person(tmp_path: Path) -> None:
    async def attack(world: World) -> None:
        taken = await world.take("S1", honest_record(begin="1000.000", end="99999.000"))
        assert (taken.outcome, found(taken)) == (Outcome.HELD, {"energy_implausible", "power_implausible"})
        async with world.database.reading() as tx:
            assert not await tx.deliveries.find()
        released = await world.decisions.release("S1", sorted(found(taken)), by="ops", reason="seen")
        assert released.state is CdrState.READY

    in_world(tmp_path, attack)


def test_no_document_with_a_doubt_beside_the_session_is_billed(tmp_path: Path) -> None:
    forged = honest_record().replace(b"110.000", b"990.000").replace(b'"T1"', b'"F1"')
    document = honest_record() + b"\n" + forged
    assert verify(document, known_key()).verdict != "valid"

    async def attack(world: World) -> None:
        taken = await world.take("S1", document)
        assert (taken.outcome, taken.cdr) == (Outcome.REFUSED, None)
        assert found(taken) >= {"transaction_not_valid", "signature_mismatch"}

    in_world(tmp_path, attack)


def test_a_correction_stays_with_its_session(tmp_path: Path) -> None:
    """A correction for another session would leave the order of delivery and bill somebody else."""

    async def attack(world: World) -> None:
        await world.take("S1", honest_record())
        with pytest.raises((ServiceError, StoreError)):
            await world.chain.credit("DE", "CPO", "S1", corrected=facts("S2", cdr_id="S1-2"))
        async with world.database.reading() as tx:
            assert [cdr.id for cdr in await tx.cdrs.find()] == ["S1"]

    in_world(tmp_path, attack)
