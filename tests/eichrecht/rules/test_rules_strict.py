"""Profile ``strict`` where several rules meet: registers, clocks, records of one session, records by themselves."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from eichrecht.evidence import Verdict
from eichrecht.rules.codes import RuleCode as C
from eichrecht.rules.engine import judge_record
from eichrecht.rules.profiles import Profile
from tests.eichrecht.rules.rules_support import (
    DEVICE_SESSION,
    DEVICE_TOTAL,
    EXPORT,
    TOTAL,
    alone,
    begin,
    between,
    chain,
    clocked,
    codes,
    end,
    judged,
    number,
    one,
    pair,
    record,
)

VALID, INVALID, INDETERMINATE = Verdict.VALID, Verdict.INVALID, Verdict.INDETERMINATE
TARIFF_1, TARIFF_2 = "1-0:1.8.1", "1-0:1.8.2"


def three_registers(**ends: str) -> list[dict[str, Any]]:
    """OCMF 1.4: mains total, device total and device session, begun and ended in turn."""
    values = {
        TOTAL: ("100.00", "110.50"),
        DEVICE_TOTAL: ("90.00", "100.20"),
        DEVICE_SESSION: ("0.00", "10.20"),
    }
    ended = {obis: ends.get(obis, last) for obis, (_, last) in values.items()}
    begins = [begin(first, RI=obis) for obis, (first, _) in values.items()]
    return [*begins, *(end(ended[obis], RI=obis) for obis in values)]


def test_three_interleaved_registers_bill_the_compensated_session_register() -> None:
    result = one(*three_registers(), FV="1.4")
    assert result.verdict is VALID
    assert str(result.energy_kwh) == "10.20"
    assert [register.obis for register in result.registers] == [DEVICE_SESSION, DEVICE_TOTAL, TOTAL]
    assert [register.compensated for register in result.registers] == [True, True, False]


def test_registers_that_contradict_each_other_decide_nothing() -> None:
    result = one(*three_registers(**{DEVICE_TOTAL: "109.20"}))
    assert result.verdict is INDETERMINATE
    assert C.REGISTERS_DISAGREE in codes(result)


def test_never_the_uncompensated_register_if_a_compensated_one_is_signed() -> None:
    lone_begin = one(begin("0", RI=DEVICE_SESSION), begin(), end())
    assert lone_begin.verdict is INDETERMINATE
    assert C.END_MISSING in codes(lone_begin)
    by_loss = one(begin(RI=DEVICE_TOTAL, CL=number("0")), end(RI=DEVICE_TOTAL, CL=number("0.3")))
    assert by_loss.registers[0].compensated


def test_cumulated_loss_makes_a_register_compensated() -> None:
    plain = {"RI": "01-00:B0.08.00*FF"}
    result = one(begin(CL=number("0")), begin(**plain), end("110.00", CL=number("0.25")), end(**plain))
    assert (result.registers[0].obis, str(result.energy_kwh)) == (TOTAL, "9.90")


def test_inherited_fields_reach_the_rules() -> None:
    bare_end = {"TX": "E", "RV": number("110.25"), "TM": "2024-07-24T11:00:00,000+0200 S"}
    assert one(begin(), bare_end).verdict is VALID
    assert C.ENERGY_ERROR_FLAG in codes(one(begin(EF="E"), bare_end))
    assert C.METER_MANIPULATED in codes(one(begin(), between(ST="M"), bare_end))
    cleared = one(begin(EF="t"), end(EF=""))
    assert not cleared.billable.duration


def test_units_are_converted_before_anything_is_compared() -> None:
    rising = one(begin("1.5"), end("1600", RU="Wh"))
    assert (rising.verdict, rising.energy_kwh) == (VALID, Decimal("0.100"))
    falling = one(begin("5"), end("6", RU="Wh"))
    assert falling.verdict is INVALID
    watt_hours = one(begin("1000", RU="Wh"), end("2000", RU=None))
    assert (watt_hours.verdict, watt_hours.energy_kwh) == (VALID, Decimal(1))


@pytest.mark.parametrize("hidden", [{"rv": None}, {"rv": None, "RU": None}])
def test_a_reading_without_value_hides_no_decrease(hidden: dict[str, None]) -> None:
    result = one(begin("100"), between(**hidden), end("99"))
    assert C.VALUE_DECREASES in codes(result)
    assert result.verdict is INVALID


def test_decrease_between_the_ends_is_found() -> None:
    result = one(begin("100"), between("105"), between("104.99", 30), end("110"))
    assert (result.verdict, codes(result)) == (INVALID, {C.VALUE_DECREASES})


def test_tariff_registers_are_shares_not_contradictions() -> None:
    readings = [
        *(begin("50", RI=obis) for obis in (TARIFF_1, TARIFF_2, TOTAL)),
        end("53", RI=TARIFF_1),
        end("57", RI=TARIFF_2),
        end("60", RI=TOTAL),
    ]
    result = one(*readings)
    assert (result.verdict, result.energy_kwh, result.registers[0].obis) == (VALID, Decimal(10), TOTAL)


def test_export_is_never_billed() -> None:
    result = one(begin(RI=EXPORT), end(RI=EXPORT), begin(RI="01-00:C3.08.00*FF"), end(RI="01-00:C3.08.00*FF"))
    assert (result.verdict, result.energy_kwh) == (INDETERMINATE, None)


def test_error_state_without_register_speaks_of_the_whole_meter() -> None:
    event = {"TM": "2024-07-24T09:59:00,000+0200 S", "TX": "C", "ST": "D"}
    result = one(event, begin(), end())
    assert C.METER_DISCONNECTED in codes(result)
    assert result.verdict is INVALID


def test_power_failure_ends_no_legal_duration() -> None:
    started = clocked(begin(), "R")
    assert one(started, clocked(end(TX="L"), "R")).billable.duration
    failed = one(started, clocked(end(TX="P"), "R"))
    assert (failed.verdict, failed.billable.energy, failed.billable.duration) == (VALID, True, False)


# begin, end, energy may be billed, duration may be billed (law facts §5, §12)
CLOCKS = [
    ("U", "U", True, False),
    ("U", "I", True, False),
    ("I", "I", True, False),
    ("I", "S", True, False),
    ("S", "I", True, False),
    ("U", "S", True, False),
    ("S", "S", True, True),
    ("I", "R", True, True),
    ("U", "R", True, True),
    ("R", "R", True, True),
    ("S", "R", True, False),
    ("R", "S", False, False),
    ("R", "I", False, False),
    ("R", "U", False, False),
]


@pytest.mark.parametrize(("first", "last", "energy", "duration"), CLOCKS)
def test_clock_decides_over_the_duration(first: str, last: str, energy: bool, duration: bool) -> None:
    result = one(clocked(begin(), first), clocked(end(), last))
    assert (result.billable.energy, result.billable.duration) == (energy, duration)
    assert result.duration_s == 3600, "the difference is formed, whoever may use it"
    flagged = one(clocked(begin(EF="t"), first), clocked(end(EF=""), last))
    assert not flagged.billable.duration


@pytest.mark.parametrize(("first", "middle", "last"), [("S", "I", "S"), ("R", "I", "R"), ("I", "S", "R")])
def test_the_weakest_reading_decides(first: str, middle: str, last: str) -> None:
    result = one(clocked(begin(), first), clocked(between(), middle), clocked(end(), last))
    assert (result.billable.energy, result.billable.duration) == (True, False)


def test_end_before_begin_in_time_is_invalid_whatever_the_clock() -> None:
    for letter in "UIS":
        first, last = clocked(begin(minute=30), letter), clocked(end(minute=28), letter)
        adjacent = one(first, last)
        assert C.CLOCK_SET_BACK not in codes(adjacent)
        for result in (
            adjacent,
            one(first, between(TM="x S"), last),
            one(first, clocked(between(minute=29), letter), last),
        ):
            assert result.verdict is INVALID
            at_the_end = [f.code for f in result.findings if f.where == result.registers[0].end.where]
            assert at_the_end.count(C.TIME_DECREASES) == 1


def test_roles_order_records_not_their_times() -> None:
    backwards = [record(begin(minute=30)), record(end(minute=29), PG="T2")]
    for records in (backwards, backwards[::-1]):
        result = judged(*records)
        assert (result.verdict, codes(result)) == (INVALID, {C.TIME_DECREASES})


def test_a_record_without_number_keeps_its_place_in_time() -> None:
    session = [
        record(begin()),
        record(between("103", 10), PG="T2"),
        record(between("106", 30), PG=None),
        record(end(), PG="T4"),
    ]
    result = judged(*session)
    assert (result.verdict, codes(result)) == (VALID, {C.PAGINATION_MISSING, C.PAGINATION_GAP})


def test_a_complete_register_goes_before_an_incomplete_one_of_its_kind() -> None:
    result = one(
        begin("0", RI=DEVICE_SESSION), begin("50.00", RI=DEVICE_TOTAL), end("60.00", RI=DEVICE_TOTAL)
    )
    assert (result.verdict, result.registers[0].obis) == (VALID, DEVICE_TOTAL)
    assert C.REGISTER_INCOMPLETE in codes(result)


def test_offsets_of_summer_and_winter_time_are_compared_as_moments() -> None:
    result = one(begin(TM="2024-10-27T02:59:00,000+0200 S"), end(TM="2024-10-27T02:10:00,000+0100 S"))
    assert (result.verdict, result.duration_s) == (VALID, Decimal(660))
    middle = [
        between(TM="2024-10-27T02:59:00,000+0200 S"),
        between("106", TM="2024-10-27T02:10:00,000+0100 S"),
    ]
    session = [record(begin(TM="2024-10-27T02:00:00,000+0200 S"), PG=None)]
    session += [record(item, PG=None) for item in middle]
    session += [record(end(TM="2024-10-27T03:00:00,000+0100 S"), PG=None)]
    assert {judged(*order).verdict for order in permutations(session)} == {VALID}


def test_begin_record_then_record_with_both_ends() -> None:
    """Stations that sign the begin at once and both readings at the end deliver the begin twice."""
    result = judged(record(begin()), record(begin(), end(), PG="T2"))
    assert (result.verdict, result.energy_kwh) == (VALID, Decimal("10.15"))
    other = judged(record(begin("100.00")), record(begin("100.10"), end(), PG="T2"))
    assert other.verdict is INDETERMINATE
    assert C.TOO_MANY_BEGINS in codes(other)


def test_two_sessions_are_not_one() -> None:
    second = record(begin("120", minute=90), end("130", minute=120), PG="T2")
    result = judged(record(begin(), end()), second)
    assert (result.verdict, result.energy_kwh) == (INDETERMINATE, None)


@pytest.mark.parametrize("missing", [0, 3])
def test_incomplete_is_never_valid(missing: int) -> None:
    session = chain(between(), between("106", 30))
    del session[missing]
    result = judged(*session)
    assert (result.verdict, result.billable.energy, result.energy_kwh) == (INDETERMINATE, False, None)


def test_incomplete_and_broken_is_invalid() -> None:
    assert judged(record(begin()), record(between("99.00"), PG="T2")).verdict is INVALID


def test_record_between_removed_records() -> None:
    session = chain(between(), between("106", 30))
    assert judged(*session).verdict is VALID
    assert judged(session[0], session[1], session[3]).verdict is INDETERMINATE
    only_ends = judged(session[0], session[3])
    assert (only_ends.verdict, codes(only_ends)) == (VALID, {C.PAGINATION_GAP})


def test_meter_is_compared_with_the_first_record_that_names_one() -> None:
    session = [
        record(begin(), MS=None),
        record(between(), MS="M1", PG="T2"),
        record(end(), MS="M2", PG="T3"),
    ]
    assert C.METER_DIFFERS in codes(judged(*session))


def test_unnamed_meters_of_other_models_are_other_meters() -> None:
    result = judged(*pair({"MS": None}, {"MS": None, "MM": "Other"}))
    assert (result.verdict, codes(result)) == (INVALID, {C.METER_DIFFERS})


def test_findings_do_not_carry_the_whole_identification() -> None:
    result = judged(*pair(last={"ID": "99887766554433"}))
    told = " ".join(value for finding in result.findings for value in finding.params.values())
    assert "11223344556677" not in told
    assert "99887766554433" not in told


def test_findings_are_bounded() -> None:
    falling = [between(str(1000 - step), 1) for step in range(200)]
    result = one(begin("1"), *falling, end("2000"))
    assert len(result.findings) < 40
    assert "179" in {finding.params.get("count") for finding in result.findings}


@pytest.mark.parametrize(
    ("item", "code", "verdict"),
    [
        (record(begin()), None, VALID),
        (record(end()), None, VALID),
        (record(begin(ST="T")), C.METER_TIMEOUT, INVALID),
        (record(begin(RV=None)), C.VALUE_MISSING, INVALID),
        (record(begin(), between("1")), C.VALUE_DECREASES, INVALID),
        (record(begin(), begin("101", 1)), C.TOO_MANY_BEGINS, INDETERMINATE),
        (record(end(RI=EXPORT)), C.NO_BILLABLE_REGISTER, INDETERMINATE),
        (record(begin(), IL="OUTDATED"), C.IDENTIFICATION_LEVEL_ERROR, INVALID),
        (record(begin(), end(), PG="F1"), C.FISCAL_RECORD, VALID),
        (record(between(ST="M"), PG="F1"), C.OTHER_READING_FAULTY, VALID),
    ],
)
def test_record_by_itself(item: object, code: C | None, verdict: Verdict) -> None:
    judgement = judge_record(item, Profile.STRICT)  # type: ignore[arg-type]
    assert judgement.verdict is verdict
    assert judgement.transaction is None
    assert code in codes(judgement) if code else not judgement.findings


def test_fiscal_record_is_no_session() -> None:
    assert C.FISCAL_RECORD in alone(record(begin(), end(), PG="F1"))
    alone_in_transaction = judged(record(begin(), end(), PG="F1"))
    assert (alone_in_transaction.verdict, alone_in_transaction.billable.energy) == (INDETERMINATE, False)


def test_broken_rule_outweighs_an_undecided_one() -> None:
    result = one(begin(TM=None), end("1"))
    assert {C.TIME_MISSING, C.VALUE_DECREASES} <= codes(result)
    assert result.verdict is INVALID


UNREADABLE = [
    {"EF": ["E"]},
    {"EF": True},
    {"EF": {}},
    {"TX": ["X"]},
    {"TX": "x"},
    {"TX": "X "},
    {"ST": ["G"]},
    {"RV": [110]},
    {"RU": ["kWh"]},
    {"RI": ["1-0:1.8.0"]},
    {"TM": ["2024-07-24T10:20:00,000+0200 S"]},
    {"EF": "e"},
    {"EF": " "},
    {"EF": 0},
]


@pytest.mark.parametrize("change", UNREADABLE, ids=str)
@pytest.mark.parametrize("register", [TOTAL, EXPORT])
def test_a_member_that_nobody_can_read_is_no_missing_one(change: dict[str, object], register: str) -> None:
    result = one(begin(), between(**({"RI": register} | change)), end())
    assert result.verdict is not VALID
    assert not result.billable.energy
    assert alone(record(begin(), end(**change))) & {
        "record_unreliable",
        "unknown_reason_code",
        "unknown_error_flag",
    }


@pytest.mark.parametrize(
    "head",
    [{name: ["x"]} for name in ("IL", "IT", "ID", "IS", "PG", "MS", "GS", "CT", "CI", "TT")]
    + [{"IL": {}}, {"IL": "MISMATCH "}, {"IL": "MISM\u0410TCH"}],
    ids=str,
)
def test_a_head_member_that_decides_is_not_dropped(head: dict[str, object]) -> None:
    result = one(begin(), end(), **head)
    assert (result.verdict, result.billable.energy) == (INDETERMINATE, False)
    assert judged(record(begin(), **head), record(end(), PG="T2")).verdict is not VALID


def test_descriptive_members_of_another_type_void_nothing() -> None:
    assert one(begin(RT=["AC"]), end(RT=["AC"]), MV=["Maker"], MF=[1], GV=[2]).verdict is VALID


@pytest.mark.parametrize("register", [EXPORT, "01-00:C0.08.00*FF", "1-0:1.8.1", "no OBIS code"])
@pytest.mark.parametrize("fault", [{"ST": "M"}, {"EF": "E"}, {"EF": "?"}], ids=str)
def test_a_fault_of_any_energy_register_is_one_of_the_meter(register: str, fault: dict[str, str]) -> None:
    result = one(begin(), between(RI=register, **fault), end(EF=""))
    assert (result.verdict, codes(result)) == (INDETERMINATE, {C.OTHER_REGISTER_FAULTY})
    power = one(begin(), between("7.2", RI="1-0:1.7.0", RU="kW", **fault), end(EF=""))
    assert (power.verdict, codes(power)) == (VALID, {C.OTHER_READING_FAULTY})


def test_several_tariff_registers_without_their_total_decide_nothing() -> None:
    shares = [
        begin("50", RI=TARIFF_1),
        begin("7", RI=TARIFF_2),
        end("60", RI=TARIFF_1),
        end("24", RI=TARIFF_2),
    ]
    assert (one(*shares).verdict, codes(one(*shares))) == (INDETERMINATE, {C.TARIFF_REGISTERS_ONLY})
    # A total that has no end leaves the share as open as none.
    assert one(begin("50", RI=TARIFF_1), begin("57"), end("60", RI=TARIFF_1)).verdict is INDETERMINATE
    assert one(begin("50", RI=TARIFF_1), end("60", RI=TARIFF_1)).verdict is VALID


def test_an_end_without_a_time_of_its_own_has_no_duration() -> None:
    result = one(begin(), end(TM=None))
    assert (result.verdict, result.duration_s, result.billable.duration) == (VALID, None, False)
    assert C.END_TIME_INHERITED in codes(result)
    # The end of the second register inherits from that of the first: that is what inheritance is for.
    both = one(begin(), begin("0", RI=DEVICE_SESSION, TM=None), end(), end("10", RI=DEVICE_SESSION, TM=None))
    assert (both.duration_s, both.billable.duration) == (Decimal(3600), True)
