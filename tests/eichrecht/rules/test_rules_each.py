"""One test per rule of profile ``strict``: good, broken, and the boundary between them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from eichrecht.evidence import Severity, SignedRecord, Verdict
from eichrecht.formats import registry
from eichrecht.rules.codes import RULES, Effect, RuleCode
from eichrecht.rules.engine import judge_record, judge_transaction
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

C = RuleCode
VALID, INVALID, INDETERMINATE = Verdict.VALID, Verdict.INVALID, Verdict.INDETERMINATE
BOTH = [begin(), end()]


def sec(tx: str, **fields: Any) -> dict[str, Any]:
    """A reading of another quantity, as some meters put beside the energy."""
    return {**(begin if tx == "B" else end)("30"), "RI": "01-00:00.08.06*FF", "RU": "mOhm", **fields}


# Each rule: records that break it and no other rule of law, and the nearest records that keep it.
CASES: dict[RuleCode, tuple[list[SignedRecord], list[SignedRecord]]] = {
    C.NO_RECORDS: ([], [record(*BOTH)]),
    C.RECORD_UNRELIABLE: (
        [record(begin(RV=number("1e40")), end())],
        [record(begin(RV=number("1e1")), end())],
    ),
    C.DUPLICATE_RECORD: ([*pair(), pair()[1]], [*pair()]),
    C.IDENTIFICATION_LEVEL_ERROR: ([record(*BOTH, IL="MISMATCH")], [record(*BOTH, IL="NONE")]),
    C.IDENTIFICATION_LEVEL_UNREADABLE: ([record(*BOTH, IL="MISMATCH ")], [record(*BOTH, IL="trusted")]),
    C.IDENTIFICATION_DIFFERS: (
        [*pair(last={"ID": "99223344556677"})],
        [*pair({"ID": "AABBCCDD"}, {"ID": "aabbccdd"})],
    ),
    C.IDENTIFICATION_LEVEL_DIFFERS: ([*pair(last={"IL": "HEARSAY"})], [*pair(last={"IL": None})]),
    C.IDENTIFICATION_INCOMPLETE: ([*pair(last={"ID": None})], [*pair({"ID": None}, {"ID": None})]),
    C.ASSIGNMENT_MISSING: ([record(*BOTH, IS=False)], [record(*BOTH, IL=None, ID=None)]),
    C.SOURCE_UNIDENTIFIED: ([record(*BOTH, MS=None, GS=None, CT=None)], [record(*BOTH, MS=None, GS=None)]),
    C.METER_DIFFERS: ([*pair(last={"MS": "M2"})], [*pair(last={"MS": None})]),
    C.GATEWAY_DIFFERS: ([*pair(last={"GS": "G2"})], [*pair(last={"GS": None})]),
    C.CHARGE_POINT_DIFFERS: ([*pair(last={"CI": "DE*ABC*E2"})], [*pair(last={"CI": "DEABCe1"})]),
    C.SOURCE_NOT_COMPARABLE: (
        [*pair({"GS": None, "CI": None}, {"MS": None, "CI": None})],
        [*pair({"GS": None}, {"MS": None})],
    ),
    C.SOURCE_DESCRIPTION_DIFFERS: ([*pair(last={"MM": "Model 2"})], [*pair(last={"MM": None})]),
    C.FIRMWARE_DIFFERS: ([*pair(last={"MF": "1.1"})], [*pair(last={"MF": None})]),
    C.TARIFF_TEXT_DIFFERS: ([*pair({"TT": "0.39"}, {"TT": "0.49"})], [*pair({"TT": "0.39"})]),
    C.EVENT_COUNTER_DIFFERS: (
        [record(begin(EI=number("7")), end(EI=number("8")))],
        [record(begin(EI=number("7")), between(EI=number("7")), end(EI=number("7")))],
    ),
    C.FISCAL_RECORD: (
        [*pair(), record(between(tx="C"), PG="F1")],
        [*pair()],
    ),
    C.FISCAL_RECORD_IN_TRANSACTION: ([record(*BOTH, PG="F1")], [record(*BOTH, PG="T1")]),
    C.FISCAL_READING_IN_TRANSACTION: (
        [record(between("99", 0, tx=None), begin(minute=1), end())],  # type: ignore[arg-type]
        [record(begin(), between(), end())],
    ),
    C.PAGINATION_MISSING: ([record(*BOTH, PG=None)], [record(*BOTH, PG="T0")]),
    C.PAGINATION_CONTEXT_DIFFERS: ([*pair(last={"PG": "F2"})], [*pair()]),
    C.PAGINATION_NOT_INCREASING: ([*pair(last={"PG": "T1"})], [*pair({"PG": "T4294967295"}, {"PG": "T0"})]),
    C.PAGINATION_GAP: ([*pair(last={"PG": "T3"})], [*pair(last={"PG": "T2"})]),
    C.PAGINATION_RECORD_MISSING: (
        chain(between(), pages=["T1", "T3", "T4"]),
        chain(between(), pages=["T1", None, "T3"]),
    ),
    C.NO_BILLABLE_REGISTER: ([record(begin(RI=EXPORT), end(RI=EXPORT))], [record(*BOTH)]),
    C.REGISTER_UNREADABLE: (
        [record(begin(RI="1-b"), end(RI="1-b"))],
        [record(begin(RI="1-b:1.8.e"), end(RI="1-b:1.8.e"))],
    ),
    C.REGISTER_INCOMPLETE: (
        [record(begin(), begin("100.10", RI="01-00:B0.08.00*FF"), end())],
        [record(begin(), between(RI="01-00:B0.08.00*FF"), end())],
    ),
    C.REGISTERS_DISAGREE: (
        [
            record(
                begin("0", RI=DEVICE_SESSION),
                begin("50.00", RI=DEVICE_TOTAL),
                end("10.00", RI=DEVICE_SESSION),
                end("59.87", RI=DEVICE_TOTAL),
            )
        ],
        [
            record(
                begin("0", RI=DEVICE_SESSION),
                begin("50.00", RI=DEVICE_TOTAL),
                end("10.00", RI=DEVICE_SESSION),
                end("59.88", RI=DEVICE_TOTAL),
            )
        ],
    ),
    C.TARIFF_REGISTERS_ONLY: (
        [
            record(
                begin("100", RI="1-0:1.8.1"),
                begin("50", RI="1-0:1.8.2"),
                end("110", RI="1-0:1.8.1"),
                end("67", RI="1-0:1.8.2"),
            )
        ],
        [
            record(
                begin("150", RI="1-0:1.8.0"),
                begin("100", RI="1-0:1.8.1"),
                begin("50", RI="1-0:1.8.2"),
                end("177", RI="1-0:1.8.0"),
                end("110", RI="1-0:1.8.1"),
                end("67", RI="1-0:1.8.2"),
            )
        ],
    ),
    C.OTHER_REGISTER_FAULTY: (
        [
            record(
                begin(),
                end(),
                begin("0", RI=DEVICE_SESSION),
                end("10", RI=DEVICE_SESSION),
                between(RI=TOTAL, minute=70, ST="M"),
            )
        ],
        [record(begin(), end(), begin("0", RI=DEVICE_SESSION), end("10", RI=DEVICE_SESSION))],
    ),
    C.OTHER_READING_FAULTY: ([record(*BOTH, sec("E", ST="E"))], [record(*BOTH, sec("E"))]),
    C.READING_REPEATED: (
        [record(begin()), record(begin(), end(), PG="T2")],
        [record(begin(), end(), PG="T2")],
    ),
    C.BEGIN_MISSING: ([record(end())], [record(*BOTH)]),
    C.END_MISSING: ([record(begin())], [record(*BOTH)]),
    C.TOO_MANY_BEGINS: ([record(begin(), begin(), end())], [record(*BOTH)]),
    C.TOO_MANY_ENDS: ([record(begin(), end(), end(TX="L"))], [record(begin(), end(TX="L"))]),
    C.END_BEFORE_BEGIN: ([record(end(), begin())], [record(*BOTH)]),
    C.READING_OUTSIDE_TRANSACTION: (
        [record(begin(), end(), between("110.25", 61))],
        [record(begin(), between("110.25", 60), end())],
    ),
    C.EXCEPTION_IN_TRANSACTION: (
        [record(begin(), between(tx="X"), end())],
        [record(begin(), between(tx="T"), end())],
    ),
    C.UNKNOWN_REASON_CODE: (
        [record(begin(), between(tx="Q"), end())],
        [record(begin(), between(tx="S"), end())],
    ),
    C.ENERGY_ERROR_FLAG: ([record(begin(), end(EF="E"))], [record(begin(EF=""), end(EF=""))]),
    C.TIME_ERROR_FLAG: ([record(begin(), end(EF="t"))], [record(*BOTH)]),
    C.UNKNOWN_ERROR_FLAG: ([record(begin(), end(EF="x"))], [record(begin(), end(EF=""))]),
    C.METER_STATUS_MISSING: (
        [record(begin(ST=None), end())],
        [record(begin(), end(ST=None))],  # inherited
    ),
    C.VALUE_MISSING: ([record(begin(RV=None), end())], [record(begin("0"), end())]),
    C.INTERMEDIATE_VALUE_MISSING: (
        [record(begin(), between(rv=None), end())],
        [record(begin(), between(), end())],
    ),
    C.VALUE_DECREASES: ([record(begin(), end("100.09"))], [record(begin(), end("100.10"))]),
    C.VALUE_NEGATIVE: ([record(begin("-0.1"), end())], [record(begin("0"), end())]),
    C.UNIT_MISSING: ([record(begin(RU=None), end(RU=None))], [record(begin(), end(RU=None))]),
    C.UNIT_NOT_ENERGY: ([record(begin(RU="mOhm"), end(RU="mOhm"))], [record(begin(RU="Wh"), end(RU="Wh"))]),
    C.UNIT_CHANGES: ([record(begin(), end("110250", RU="Wh"))], [record(begin(), end(RU="KWH"))]),
    C.TIME_MISSING: ([record(begin(TM=None), end())], [record(begin(), end(TM=None))]),  # inherited
    C.END_TIME_INHERITED: (
        [record(begin(), end(TM=None))],
        [record(begin(), between("110.25", 60), end(TM=None))],
    ),
    C.LOCAL_TIME_ONLY: ([record(begin(TM="2024-07-24T10:00:00,000 S"), end())], [record(*BOTH)]),
    C.TIME_DECREASES: ([record(begin(minute=2), end(minute=1))], [record(begin(minute=1), end(minute=1))]),
    C.CLOCK_SET_BACK: (
        [
            record(
                clocked(begin(), "I"),
                clocked(between(minute=30), "I"),
                clocked(between("106", minute=29), "I"),
                clocked(end(), "I"),
            )
        ],
        [
            record(
                clocked(begin(), "I"),
                clocked(between(minute=30), "I"),
                clocked(between("106", minute=30), "I"),
                clocked(end(), "I"),
            )
        ],
    ),
    C.CLOCK_STATUS_MISSING: ([record(clocked(begin(), ""), end())], [record(clocked(begin(), "U"), end())]),
    C.CLOCK_STATUS_MISSING_AT_END: ([record(begin(), clocked(end(), ""))], [record(*BOTH)]),
    C.CLOCK_STATUS_UNKNOWN: ([record(begin(), clocked(end(), "Q"))], [record(begin(), clocked(end(), "S"))]),
    C.CLOCK_RELATIVE_LOST: (
        [record(clocked(begin(), "R"), end())],
        [record(clocked(begin(), "R"), clocked(end(), "R"))],
    ),
    C.CLOCK_NOT_SYNCHRONISED: ([record(clocked(begin(), "U"), clocked(end(), "R"))], [record(*BOTH)]),
    C.DURATION_INFORMATIVE: (
        [record(clocked(begin(), "I"), end())],
        [record(clocked(begin(), "I"), clocked(end(), "R"))],
    ),
    C.CUMULATED_LOSS_NOT_RESET: (
        [record(begin(CL=number("0.1")), end(CL=number("0.2")))],
        [record(begin(CL=number("0")), end(CL=number("0.2")))],
    ),
    C.CUMULATED_LOSS_DECREASES: (
        [record(begin(CL=number("0.3")), end(CL=number("0.2")))],
        [record(begin(CL=number("0.2")), end(CL=number("0.2")))],
    ),
    C.LOSSES_COMPENSATED: (
        [record(begin("0", RI=DEVICE_SESSION), end("10", RI=DEVICE_SESSION))],
        [record(*BOTH)],
    ),
    C.COMPENSATION_IMPLAUSIBLE: (
        [record(begin("0", RI=DEVICE_SESSION), begin(), end("11.00", RI=DEVICE_SESSION), end("110.10"))],
        [record(begin("0", RI=DEVICE_SESSION), begin(), end("9", RI=DEVICE_SESSION), end("110.10"))],
    ),
    C.ZERO_ENERGY: ([record(begin("100.1"), end("100.10"))], [record(begin("100.10"), end("100.11"))]),
    C.ENERGY_IMPLAUSIBLE: ([record(begin("0"), end("500.01"))], [record(begin("0"), end("500.00"))]),
    C.DURATION_IMPLAUSIBLE: (
        [record(begin(), end(TM="2024-07-31T10:00:01,000+0200 S"))],
        [record(begin(), end(TM="2024-07-31T10:00:00,000+0200 S"))],
    ),
    C.POWER_IMPLAUSIBLE: (
        [record(begin("0"), end("66.67", minute=1))],
        [record(begin("0"), end("66.66", minute=1))],
    ),
    C.TIME_IMPLAUSIBLE: (
        [record(begin(TM="2017-01-01T00:59:59,999+0100 I"), end())],
        [record(begin(TM="2017-01-01T01:00:00,000+0100 I"), end())],
    ),
}
for _letter, _code in {
    "N": C.METER_NOT_PRESENT,
    "T": C.METER_TIMEOUT,
    "D": C.METER_DISCONNECTED,
    "R": C.METER_NOT_FOUND,
    "M": C.METER_MANIPULATED,
    "X": C.METER_EXCHANGED,
    "I": C.METER_INCOMPATIBLE,
    "O": C.METER_OUT_OF_RANGE,
    "S": C.METER_SUBSTITUTE_VALUE,
    "E": C.METER_OTHER_ERROR,
    "F": C.METER_READ_ERROR,
    "H": C.METER_STATUS_UNKNOWN,
}.items():
    CASES[_code] = ([record(begin(), end(ST=_letter))], [record(begin(), end(ST="G"))])

ELSEWHERE = {
    C.RECORD_AMBIGUOUS,
    C.RECORD_WITHOUT_SESSION,
    C.CONTEXT_CONTRADICTS_RECORD,
    C.EXCEPTION_ANNOUNCED,
    C.VALUE_UNUSABLE,
    C.INTERMEDIATE_TIME_MISSING,
    C.UNSIGNED_CONTRADICTS_SIGNED,
    C.FORMATS_DIFFER,
    C.SESSION_DIFFERS,
    C.SESSION_RULE_BROKEN,
    C.ONE_READING_ONLY,
    C.STATUS_FORBIDS_BILLING,
    C.SECONDS_INDEX_DECREASES,
    C.CLOCK_NOT_SET,
    C.ASSIGNMENT_RENEWED,
    C.ROLE_ONLY_CLAIMED,
}
"""Rules that no list of decoded records alone can break; each has a test of its own."""

EXPECTED = {
    Effect.INVALID: INVALID,
    Effect.INDETERMINATE: INDETERMINATE,
    Effect.WARNING: VALID,
    Effect.NOTE: VALID,
}
WORSE = {C.REGISTER_UNREADABLE: INDETERMINATE}
"""Broken together with another rule, by nature: without a readable register there is none to bill."""


def test_every_rule_is_tested() -> None:
    assert set(CASES) | ELSEWHERE == set(RuleCode) == set(RULES)


@pytest.mark.parametrize("code", CASES, ids=str)
def test_broken(code: RuleCode) -> None:
    result = judged(*CASES[code][0])
    assert code in codes(result)
    assert result.verdict is WORSE.get(code, EXPECTED[RULES[code].effect])
    assert result.billable.energy is (result.verdict is VALID)


@pytest.mark.parametrize("code", CASES, ids=str)
def test_kept(code: RuleCode) -> None:
    result = judged(*CASES[code][1])
    assert code not in codes(result)
    assert result.verdict is VALID


@pytest.mark.parametrize("code", CASES, ids=str)
def test_reasons_and_severities_agree(code: RuleCode) -> None:
    result = judged(*CASES[code][0])
    errors = {finding.code for finding in result.findings if finding.severity is Severity.ERROR}
    assert bool(errors) is (result.verdict is not VALID)
    assert errors <= set(result.billable.reasons) or result.verdict is VALID
    assert result.billable.energy or result.billable.reasons


def test_ambiguous_record() -> None:
    text = record(*BOTH).signed_bytes.replace(b'"RV":110.25', b'"RV":110.25,"RV":900.25')
    doubled = registry.decode("OCMF", b"OCMF|" + text + b'|{"SD":"30"}')
    result = judged(doubled)
    assert C.RECORD_AMBIGUOUS in codes(result)
    assert result.verdict is INDETERMINATE
    assert judge_record(doubled, Profile.STRICT).verdict is INDETERMINATE


def test_record_without_session() -> None:
    assert C.RECORD_WITHOUT_SESSION in alone(record(between()))
    assert C.RECORD_WITHOUT_SESSION not in alone(record(begin()))
    assert judge_record(record(between()), Profile.STRICT).verdict is VALID
    assert judged(record(between())).verdict is INDETERMINATE


def test_exception_announced() -> None:
    announced = judge_record(record(begin(), between(tx="X")), Profile.STRICT)
    assert C.EXCEPTION_ANNOUNCED in codes(announced)
    assert announced.verdict is VALID
    assert judged(record(begin(), between(tx="X")), record(end(), PG="T2")).verdict is INVALID


@pytest.mark.parametrize(
    ("contexts", "contradicted"),
    [
        (("Transaction.Begin", "Transaction.End"), False),
        ((" Transaction.End ", "Transaction.Begin"), True),
        ((None, None), False),
        (("Start", "End"), False),
    ],
)
def test_context_contradicts_record(contexts: tuple[str | None, ...], contradicted: bool) -> None:
    result = judged(*pair(), contexts=contexts)
    assert (C.CONTEXT_CONTRADICTS_RECORD in codes(result)) is contradicted
    assert result.verdict is VALID, "the container is not signed and overrules nothing"


def test_value_unusable() -> None:
    result = one(begin(RV=number("1e31")), end(RV=number("1e31")))
    assert C.VALUE_UNUSABLE in codes(result)
    assert result.verdict is INDETERMINATE
    assert result.energy_kwh is None


def test_intermediate_time_missing() -> None:
    result = one(begin(), between(TM="soon S"), end())
    assert C.INTERMEDIATE_TIME_MISSING in codes(result)
    assert result.verdict is VALID
    assert C.INTERMEDIATE_TIME_MISSING not in codes(one(begin(), between(TM=None), end())), "TM is inherited"


def test_good_session() -> None:
    result = one(*BOTH)
    assert (result.verdict, result.findings) == (VALID, ())
    assert str(result.energy_kwh) == "10.15"
    assert result.duration_s == Decimal(3600)
    assert (result.billable.energy, result.billable.duration, result.billable.reasons) == (True, True, ())
    assert [str(result.registers[0].begin.value), result.registers[0].end.value] == ["100.10", "110.25"]


def test_record_judgement_is_that_of_its_transaction() -> None:
    for readings in (BOTH, [begin(), between(), end()], [begin(), end("1")], [begin(ST="M"), end()]):
        item = record(*readings)
        judgement = judge_record(item, Profile.STRICT)
        assert judgement.transaction == judge_transaction([item], Profile.STRICT)
        assert (judgement.verdict, judgement.findings) == (judged(item).verdict, judged(item).findings)
