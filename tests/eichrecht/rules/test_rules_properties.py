"""Properties of profile ``strict`` over generated sessions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

from hypothesis import example, given, settings
from hypothesis import strategies as st

from eichrecht.evidence import SignedRecord, Verdict
from eichrecht.rules import strict
from eichrecht.rules.codes import RuleCode
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.ordinary import judge_ordinary
from eichrecht.rules.profiles import Profile
from tests.eichrecht.rules.rules_support import (
    DEVICE_SESSION,
    EXPORT,
    TOTAL,
    clocked,
    judged,
    reading,
    record,
)

VALID = Verdict.VALID

registers = st.sampled_from(
    [TOTAL, TOTAL, TOTAL, "1-b:1.8.0", DEVICE_SESSION, EXPORT, "1-b", "1-0:1.8.1", None]
)
odd_fields = st.fixed_dictionaries(
    {},
    optional={
        "ST": st.sampled_from(["G", "G", "M", "t", None]),
        "EF": st.sampled_from(["", "E", "t", "Et", "x"]),
        "RU": st.sampled_from(["kWh", "Wh", "mOhm", None]),
        "RI": registers,
        "EI": st.sampled_from(["#1", "#2"]),
        "CL": st.sampled_from(["#0", "#0.5"]),
        "TM": st.sampled_from([None, "2024-07-24T10:00:00 S", "x", "2016-12-31T10:00:00,000+0200 I"]),
    },
)


@st.composite
def readings(draw: st.DrawFn, role: str, lowest: int, minute: int) -> dict[str, Any]:
    value = draw(
        st.one_of(
            st.integers(lowest, lowest + 900), st.none() if draw(st.integers(0, 9)) == 0 else st.just(lowest)
        )
    )
    written = None if value is None else f"{value // 100}.{value % 100:02}"
    item = clocked(reading(role, written, minute), draw(st.sampled_from("SSSIRU")))
    return {
        k: v
        for k, v in (item | (draw(odd_fields) if draw(st.integers(0, 3)) == 0 else {})).items()
        if v is not None
    }


@st.composite
def sessions(draw: st.DrawFn) -> list[SignedRecord]:
    """Sessions from good to badly broken, in one to five records."""
    middle = draw(st.integers(0, 3))
    roles = [
        "B",
        *draw(st.lists(st.sampled_from("CCSTX"), min_size=middle, max_size=middle)),
        draw(st.sampled_from("ELRAP")),
    ]
    items = [draw(readings(role, 1000 * (place + 1), 10 * place)) for place, role in enumerate(roles)]
    if draw(st.booleans()):
        return [record(*items)]
    head = {"MS": draw(st.sampled_from(["M1", None])), "IL": draw(st.sampled_from(["NONE", None]))}
    odd = draw(st.sampled_from([{}, {}, {"MS": "M2"}, {"ID": "99"}, {"PG": None}, {"IL": "MISMATCH"}]))
    where = draw(st.integers(0, len(items) - 1))
    return [
        record(item, **({"PG": f"T{place + 1}"} | head | (odd if place == where else {})))
        for place, item in enumerate(items)
    ]


@given(sessions(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_order_of_records_does_not_matter(session: list[SignedRecord], random: Any) -> None:
    expected = judged(*session)
    shuffled = session[:]
    random.shuffle(shuffled)
    assert judged(*shuffled) == expected


@given(sessions())
@settings(max_examples=150, deadline=None)
def test_repeating_records_changes_no_verdict(session: list[SignedRecord]) -> None:
    first, twice = judged(*session), judged(*session, *session)
    assert (twice.verdict, twice.energy_kwh, twice.billable) == (
        first.verdict,
        first.energy_kwh,
        first.billable,
    )


def _never_better(session: list[SignedRecord], worse: list[SignedRecord]) -> None:
    if judged(*session).verdict is not VALID:
        assert judged(*worse).verdict is not VALID


spoilers: list[Callable[[int], dict[str, Any]]] = [
    lambda minute: reading("C", "0.01", minute),
    lambda minute: reading("C", "0.01", minute, RU="Wh"),
    lambda minute: reading("X", "90", minute),
    lambda minute: reading("C", "90", minute, ST="M"),
    lambda minute: reading("C", "90", minute, EF="E"),
    lambda minute: reading("B", "90", minute),
    lambda minute: reading("E", "90", minute),
]


@given(sessions(), st.sampled_from(spoilers), st.integers(0, 40), st.integers(0, 6))
@settings(max_examples=300, deadline=None)
def test_adding_a_bad_reading_never_helps(
    session: list[SignedRecord], spoil: Callable[[int], dict[str, Any]], minute: int, page: int
) -> None:
    """Whatever stands wrong in a session, one more wrong reading does not make it right."""
    if any(r.obis != TOTAL for item in session for r in item.readings):
        return  # on another register it is a reading of another register
    added = [*session, record(spoil(minute), PG=f"T{page}")]
    _never_better(session, added)
    spoiled = judged(*added)
    assert spoiled.verdict is not VALID or spoiled.energy_kwh == judged(*session).energy_kwh


@given(sessions())
@settings(max_examples=150, deadline=None)
def test_without_the_end_it_is_never_valid(session: list[SignedRecord]) -> None:
    if len(session) == 1:
        return
    for rest in (session[:-1], session[1:]):
        result = judged(*rest)
        assert result.verdict is not VALID
        assert result.energy_kwh is None
        assert not result.billable.energy


@given(sessions())
@settings(max_examples=200, deadline=None)
def test_the_short_way_says_the_same(session: list[SignedRecord]) -> None:
    for item in session:
        ordinary = judge_ordinary(item)
        with patch.object(strict, "judge_ordinary", lambda _: None):
            full = judge_transaction([item], Profile.STRICT)
            by_itself = judge_record(item, Profile.STRICT)
        assert ordinary in (None, full)
        assert judge_record(item, Profile.STRICT) == by_itself


@given(
    st.integers(0, 600_00),
    st.integers(-1, 600_00),
    st.integers(0, 500),
    st.sampled_from("USIR"),
    st.sampled_from("USIR"),
    st.sampled_from(["E", "P"]),
)
@example(0, 500_00, 60, "S", "S", "E")
@example(0, 500_01, 60, "S", "S", "E")
@example(0, 66_66, 1, "S", "S", "E")
@example(0, 1, 0, "R", "R", "P")
@settings(max_examples=300, deadline=None)
def test_the_short_way_at_the_limits(
    first: int, more: int, minutes: int, one: str, other: str, code: str
) -> None:
    last = first + more
    if last < 0:
        return
    item = record(
        clocked(reading("B", f"{first // 100}.{first % 100:02}", 0), one),
        clocked(reading(code, f"{last // 100}.{last % 100:02}", minutes), other),
    )
    with patch.object(strict, "judge_ordinary", lambda _: None):
        full = judge_transaction([item], Profile.STRICT)
        assert (RuleCode.ENERGY_IMPLAUSIBLE in {finding.code for finding in full.findings}) is (more > 500_00)
    assert judge_transaction([item], Profile.STRICT) == full


def test_the_short_way_is_taken() -> None:
    for letters in ("SS", "RR", "II", "UU", "IR", "UR"):
        item = record(
            clocked(reading("B", "1.00", 0), letters[0]), clocked(reading("E", "2.00", 60), letters[1])
        )
        assert judge_ordinary(item) is not None, letters
        assert judge_record(item, Profile.STRICT).transaction is not None


@given(sessions(), st.sampled_from(list(Profile)))
@settings(max_examples=150, deadline=None)
def test_no_profile_raises_and_verdict_has_a_reason(session: list[SignedRecord], profile: Profile) -> None:
    result = judge_transaction(session, profile)
    assert (result.verdict is VALID) is not any(finding.severity == "error" for finding in result.findings)
    assert result.billable.energy is (result.verdict is VALID and result.energy_kwh is not None)
    assert result.billable.duration or result.billable.reasons or result.verdict is VALID
    for item in session:
        judge_record(item, profile)
