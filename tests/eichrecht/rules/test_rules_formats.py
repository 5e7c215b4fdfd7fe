"""Rules that only formats other than OCMF can break: roles that nobody signed, status words, sessions."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from eichrecht.evidence import (
    OfficialCheck,
    PaginationRule,
    ReadingRole,
    Severity,
    SignedRecord,
    StatusFlag,
    Traits,
    Verdict,
    problem,
)
from eichrecht.rules.codes import RuleCode as C
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.profiles import Profile
from tests.eichrecht.rules.rules_support import begin, between, codes, end, judged, record

FREE = Traits(
    roles_signed=False, official=(OfficialCheck.CUSTOMER, OfficialCheck.PAGINATION, OfficialCheck.METER)
)


def free(item: dict[str, Any], number: int, **changes: Any) -> SignedRecord:
    """A record that does not say which end it is; ``seconds`` is its operating-seconds counter."""
    made = record(item, PG=f"T{number}")
    seconds = changes.pop("seconds", None)
    flags = changes.pop("flags", ())
    readings = tuple(
        replace(
            reading,
            role=ReadingRole.UNKNOWN,
            reason=None,
            seconds_index=seconds,
            status_word="0100",
            status_flags=flags,
        )
        for reading in made.readings
    )
    return replace(made, format="FREE", readings=readings, traits=FREE, session="s1", **changes)


FIRST, LAST = free(begin(), 7), free(end(), 9)


def test_record_numbers_say_which_end_is_which() -> None:
    for order in permutations([FIRST, LAST, free(between(), 8)]):
        result = judged(*order)
        assert (result.verdict, result.energy_kwh) == (Verdict.VALID, Decimal("10.15"))


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 1, 1), (0, 0, 1), (1, 0, 0)])
def test_repetitions_change_nothing(order: tuple[int, ...]) -> None:
    result = judged(*[(FIRST, LAST)[place] for place in order])
    assert (result.verdict, result.energy_kwh) == (Verdict.VALID, Decimal("10.15"))


def test_a_container_that_swaps_the_ends_only_makes_the_session_fail() -> None:
    right = judged(FIRST, LAST, contexts=("Transaction.Begin", "Transaction.End"))
    assert right.verdict is Verdict.VALID
    swapped = judged(FIRST, LAST, contexts=("Transaction.End", "Transaction.Begin"))
    assert swapped.verdict is Verdict.INVALID
    assert {C.PAGINATION_NOT_INCREASING, C.VALUE_DECREASES} <= codes(swapped)
    half = judged(FIRST, LAST, contexts=("Transaction.End", None))
    assert half.verdict is Verdict.VALID, "a word about one of them decides nothing"


def test_one_reading_alone_is_no_session_but_must_be_sound() -> None:
    alone = judged(FIRST)
    assert (alone.verdict, alone.energy_kwh) == (Verdict.INDETERMINATE, None)
    assert C.ONE_READING_ONLY in codes(alone)
    assert judge_record(FIRST, Profile.STRICT).verdict is Verdict.VALID
    broken = free(begin(), 7, flags=(StatusFlag("meter_other_error", Severity.ERROR),))
    assert judge_record(broken, Profile.STRICT).verdict is Verdict.INVALID


def test_gaps_in_numbers_that_only_rise_are_nothing() -> None:
    assert C.PAGINATION_GAP not in codes(judged(FIRST, free(end(), 900)))
    assert C.PAGINATION_NOT_INCREASING in codes(
        judged(FIRST, free(end(), 7), contexts=("Transaction.Begin", "Transaction.End"))
    )
    unnumbered = replace(FREE, pagination=PaginationRule.NONE)
    pair = [replace(item, pagination=None, traits=unnumbered) for item in (FIRST, LAST)]
    result = judged(*pair, contexts=("Transaction.Begin", "Transaction.End"))
    assert C.PAGINATION_MISSING not in codes(result)
    assert result.verdict is Verdict.VALID


def test_status_bits_are_named_and_errors_forbid_billing() -> None:
    for severity, verdict in (
        (Severity.ERROR, Verdict.INVALID),
        (Severity.WARNING, Verdict.VALID),
        (Severity.NOTE, Verdict.VALID),
    ):
        flag = StatusFlag("meter_other_error", severity)
        result = judged(FIRST, free(end(), 9, flags=(flag,)))
        named = [finding for finding in result.findings if finding.code == "meter_other_error"]
        assert [finding.severity for finding in named] == [severity]
        assert (C.STATUS_FORBIDS_BILLING in codes(result)) is (severity is Severity.ERROR)
        assert result.verdict is verdict


def test_the_session_is_the_same_at_both_ends() -> None:
    other = judged(FIRST, free(end(), 9), contexts=("Transaction.Begin", "Transaction.End"))
    assert C.SESSION_DIFFERS not in codes(other)
    other = judged(FIRST, replace(LAST, session="s2"))
    assert (C.SESSION_DIFFERS in codes(other), other.verdict) == (True, Verdict.INVALID)
    assert judged(FIRST, replace(LAST, session=None)).verdict is Verdict.VALID


def test_records_of_two_formats_cannot_be_compared() -> None:
    result = judged(FIRST, replace(LAST, format="OTHER"))
    assert (C.FORMATS_DIFFER in codes(result), result.verdict) == (True, Verdict.INDETERMINATE)


def test_unsigned_statements_that_contradict_signed_ones_make_a_record_invalid() -> None:
    lie = (problem("meter_differs", "/meter", first="1", other="2"),)
    forged = replace(record(begin(), end()), contradictions=lie)
    for judgement in (judge_record(forged, Profile.STRICT), judged(forged)):
        assert judgement.verdict is Verdict.INVALID
        assert {C.UNSIGNED_CONTRADICTS_SIGNED, C.METER_DIFFERS} <= codes(judgement)


def test_operating_seconds_measure_where_the_clock_cannot() -> None:
    def local(number: int, item: dict[str, Any], seconds: int) -> SignedRecord:
        made = free(item, number, seconds=seconds)
        reading = replace(made.readings[0], time=None, time_text="2024-07-24T10:00:00")
        return replace(made, readings=(reading,))

    result = judged(local(7, begin(), 1000), local(9, end(), 1321))
    assert (result.verdict, result.duration_s) == (Verdict.VALID, Decimal(321))
    assert not result.billable.duration, "nobody knows the hour, so no duration is billed"
    back = judged(local(7, begin(), 1000), local(9, end(), 999))
    assert (C.SECONDS_INDEX_DECREASES in codes(back), back.duration_s) == (True, None)


@pytest.mark.parametrize(
    ("other", "key"),
    [
        ({}, None),
        ({"session": "s2"}, None),
        ({"identification": replace(LAST.identification, data="00")}, "customer.id.differs"),
        ({"pagination": replace(FIRST.pagination, number=7)}, "pagination.wrong"),  # type: ignore[type-var]
    ],
)
def test_profile_safe_compares_what_the_traits_name(other: dict[str, Any], key: str | None) -> None:
    contexts = ("Transaction.Begin", "Transaction.End")
    result = judge_transaction([FIRST, replace(LAST, **other)], Profile.SAFE_1_4_1, contexts=contexts)
    found = [finding.params["official_key"] for finding in result.findings]
    assert found == ([] if key is None else [f"app.verify.law.conform.{key}"])
    assert result.verdict is (Verdict.VALID if key is None else Verdict.INVALID)
