"""Rules for what only some formats say: unsigned roles of their own, local times, short OBIS codes."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from eichrecht.evidence import Device, ReadingRole, SignedRecord, Traits, Verdict
from eichrecht.rules.codes import RuleCode as C
from eichrecht.rules.engine import judge_transaction
from eichrecht.rules.obis import register_of
from eichrecht.rules.profiles import Profile
from eichrecht.rules.sources import with_roles
from tests.eichrecht.rules.rules_support import begin, between, codes, end, judged, record

FREE = Traits(roles_signed=False)
BEGIN, MIDDLE, END = ReadingRole.BEGIN, ReadingRole.INTERMEDIATE, ReadingRole.END


def claiming(item: dict[str, object], number: int, role: ReadingRole | None) -> SignedRecord:
    """A record whose signed part says no role and whose unsigned part says this one."""
    made = record(item, PG=f"T{number}")
    readings = tuple(replace(reading, role=ReadingRole.UNKNOWN, reason=None) for reading in made.readings)
    return replace(made, readings=readings, traits=FREE, claimed_role=role)


def session(*roles: ReadingRole | None) -> list[SignedRecord]:
    items = (begin(), between(), end())
    return [
        claiming(item, 7 + place, role) for place, (item, role) in enumerate(zip(items, roles, strict=True))
    ]


def roles(records: list[SignedRecord]) -> list[ReadingRole]:
    return [made.readings[0].role for made in records]


def test_claims_of_all_records_decide() -> None:
    for claims in product((BEGIN, MIDDLE, END), repeat=3):
        assert roles(with_roles(session(*claims), ())) == list(claims)
        expected = Verdict.VALID if claims == (BEGIN, MIDDLE, END) else None
        verdict = judged(*session(*claims)).verdict
        assert (verdict is Verdict.VALID) is (expected is Verdict.VALID), claims


def test_without_all_claims_the_numbers_decide() -> None:
    for missing in range(3):
        claims: list[ReadingRole | None] = [END, END, BEGIN]
        claims[missing] = None
        assert roles(with_roles(session(*claims), ())) == [BEGIN, MIDDLE, END]


def test_a_container_speaks_only_for_records_that_say_nothing() -> None:
    contexts = ("Transaction.Begin", "Transaction.Update", "Transaction.End")
    assert roles(with_roles(session(None, None, None), contexts)) == [BEGIN, MIDDLE, END]
    assert roles(with_roles(session(None, None, MIDDLE), contexts)) == [BEGIN, MIDDLE, MIDDLE]
    assert roles(with_roles(session(None, None, MIDDLE), contexts[:1])) == [BEGIN, MIDDLE, END], (
        "not all speak"
    )


def test_a_lone_claim_says_which_half_is_missing() -> None:
    alone = claiming(begin(), 7, BEGIN)
    assert C.END_MISSING in codes(judged(alone))
    assert C.BEGIN_MISSING in codes(judged(claiming(end(), 7, END)))
    assert C.ONE_READING_ONLY in codes(judged(claiming(begin(), 7, None)))


def test_the_official_program_knows_no_claims() -> None:
    contexts = ("Transaction.Begin", "Transaction.End")
    first, _, last = session(END, MIDDLE, BEGIN)
    judgement = judge_transaction([first, last], Profile.SAFE_1_4_1, contexts=contexts)
    assert [judgement.registers[0].begin.role, judgement.registers[0].end.role] == [BEGIN, END]


def local(item: dict[str, object], text: str | None, number: int) -> SignedRecord:
    made = record(item, PG=f"T{number}")
    readings = tuple(replace(reading, time=None, time_text=text) for reading in made.readings)
    return replace(made, readings=readings)


@pytest.mark.parametrize(
    ("first", "last", "code"),
    [
        ("2024-10-27T02:50:00", "2024-10-27T02:10:00", C.CLOCK_SET_BACK),
        ("2024-10-27T02:50:00", "2024-10-27T01:50:00", C.CLOCK_SET_BACK),
        ("2024-10-27T02:50:00", "2024-10-27T01:49:59", C.TIME_DECREASES),
        ("2024-10-27T02:50:00", "1970-01-01T00:00:18", C.TIME_DECREASES),
        ("2024-10-27T02:50:00", "2024-10-27T02:50:00", None),
        ("2024-10-27T02:50:00", "2024-10-27T01:00:00+00:00", None),
        ("2024-10-27T02:50:00", None, None),
    ],
)
def test_local_times_may_go_back_by_the_end_of_summer_time_only(
    first: str, last: str | None, code: C | None
) -> None:
    result = judged(local(begin(), first, 1), local(end(), last, 2))
    assert codes(result) & {C.CLOCK_SET_BACK, C.TIME_DECREASES} == ({code} if code else set())
    assert (result.verdict is Verdict.INVALID) is (code is C.TIME_DECREASES)
    assert result.duration_s is None


def test_session_energy_in_groups_c_d_e() -> None:
    register = register_of("128.8.0")
    assert register is not None
    assert (register.relevant, register.compensated, register.comparable) == (True, False, False)
    assert register.rank is not None
    assert not register.rises, "it begins anew with every session"
    full = register_of("01-00:80.08.00*FF")
    assert full is not None
    assert not full.relevant, "OCMF knows no such register"
    for text in ("1.8.0", "128.8.1", "128.08.0", "128.8.0*255", " 128.8.0"):
        assert register_of(text) is None


def test_new_firmware_of_the_gateway_is_reported() -> None:
    first, last = record(begin(), PG="T1"), record(end(), PG="T2")
    same = judged(first, last)
    assert C.FIRMWARE_DIFFERS not in codes(same)
    changed = replace(last, gateway=Device(last.gateway.vendor, None, last.gateway.serial, "another"))
    first = replace(first, gateway=replace(first.gateway, firmware="one"))
    result = judged(first, changed)
    assert C.FIRMWARE_DIFFERS in codes(result)
    assert result.verdict is Verdict.VALID
