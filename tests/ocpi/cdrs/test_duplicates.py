"""What several CDRs bill twice: each kind is found, what is legitimate is not, and each pair is named once."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ocpi.cdrs.credit import corrected_cdr, credit_cdr
from ocpi.cdrs.duplicates import EnergySpan, SeenCdr, content_hash, find_duplicates, seen_cdr
from ocpi.findings import Severity
from ocpi.objects.cdr import Cdr
from tests.ocpi.cdrs.cdr_samples import HEADER, MINUTE, altered, make_cdr

CDR = make_cdr()
BASE = seen_cdr(CDR, "0")
HOUR = timedelta(hours=1)


def other(number: int, **changes: object) -> SeenCdr:
    """A CDR of another session, at another EVSE."""
    values = {"place": str(number), "id": f"C{number}", "session": f"s{number}", "evse": f"e{number}"}
    return replace(BASE, **{**values, "content": f"{number}", **changes})  # type: ignore[arg-type]


def found(*seen: SeenCdr) -> list[tuple[str, tuple[str, ...]]]:
    return [(item.code.value, tuple(cdr.place for cdr in item.cdrs)) for item in find_duplicates(list(seen))]


def span(begin: str, end: str, register: str = "key/1.8.0") -> tuple[EnergySpan, ...]:
    return (EnergySpan(register, Decimal(begin), Decimal(end)),)


def test_different_sessions_are_no_duplicates() -> None:
    assert found(BASE, other(1), other(2)) == []


def test_the_same_content_twice_is_a_copy_and_counts_once() -> None:
    copies = [BASE, replace(BASE, place="1"), replace(BASE, place="2")]
    assert found(*copies) == [("cdr_duplicate_copy", ("0", "1", "2"))]
    (duplicate,) = find_duplicates(copies)
    assert duplicate.severity is Severity.WARNING
    assert "CDR-0001 (0), CDR-0001 (1), CDR-0001 (2)" in duplicate.as_finding().params["places"]


def test_another_content_under_one_id_is_an_error() -> None:
    changed = seen_cdr(altered(CDR, remark="changed"), "1")
    (duplicate,) = find_duplicates([BASE, changed])
    assert (duplicate.code.value, duplicate.severity) == ("cdr_duplicate_id", Severity.ERROR)


def test_ids_and_sessions_are_compared_without_case_and_per_party() -> None:
    assert found(BASE, replace(BASE, place="1", id="cdr-0001"))[0][0] == "cdr_duplicate_copy"
    assert found(BASE, replace(BASE, place="1", party="de*xyz")) == []


def test_content_is_what_is_said_not_how() -> None:
    as_written = CDR.model_copy(update={"total_energy": Decimal("23.75")})
    assert str(CDR.total_energy) == "23.750"
    assert content_hash(as_written) == content_hash(CDR)
    assert content_hash(altered(CDR, total_energy=Decimal("23.751"))) != content_hash(CDR)


def test_one_session_in_two_cdrs() -> None:
    second = seen_cdr(make_cdr(id="CDR-0002"), "1")
    assert found(BASE, second) == [("cdr_duplicate_session", ("0", "1"))]
    assert found(replace(BASE, session=None), replace(second, session=None, evse=None)) == []


def test_a_signed_record_in_two_cdrs_is_named_once() -> None:
    first, second = other(1, records=("a", "b")), other(2, records=("a", "b"), spans=span("1", "2"))
    assert found(first, second) == [("cdr_duplicate_signed_record", ("1", "2"))]
    assert found(first, other(3, records=("c",))) == []


@pytest.mark.parametrize(
    ("first", "second", "energy"),
    [
        (("100", "110"), ("109.999", "120"), "0.001"),
        (("100", "110"), ("102", "103"), "1"),
        (("102", "103"), ("100", "110"), "1"),
        (("100", "110"), ("110", "120"), None),
        (("100", "110"), ("120", "130"), None),
    ],
)
def test_energy_of_one_meter_is_billed_once(
    first: tuple[str, str], second: tuple[str, str], energy: str | None
) -> None:
    pair = [other(1, spans=span(*first)), other(2, spans=span(*second))]
    duplicates = find_duplicates(pair)
    assert [dict(item.params)["energy_kwh"] for item in duplicates] == ([energy] if energy else [])
    assert find_duplicates([pair[0], replace(pair[1], spans=span(*second, register="key/2.8.0"))]) == ()


def test_a_long_session_hides_no_later_overlap() -> None:
    cdrs = [
        other(1, spans=span("0", "100")),
        other(2, spans=span("5", "6")),
        other(3, spans=span("90", "95")),
    ]
    assert [places for _, places in found(*cdrs)] == [("1", "2"), ("1", "3")]


def test_an_evse_charges_one_vehicle_at_a_time() -> None:
    assert BASE.start is not None
    assert BASE.end is not None
    touching = other(1, evse=BASE.evse, start=BASE.end, end=BASE.end + HOUR)
    assert found(BASE, touching) == []
    assert found(BASE, replace(touching, start=BASE.end - timedelta(seconds=60))) == [
        ("cdr_duplicate_evse_time", ("0", "1"))
    ]
    (overlap,) = find_duplicates([BASE, replace(touching, start=BASE.end - timedelta(seconds=60))])
    assert (overlap.severity, dict(overlap.params)["overlap_s"]) == (Severity.WARNING, "60")
    assert found(replace(BASE, start=None), replace(touching, start=BASE.start)) == []
    location = HEADER.location.model_copy(update={"evse_uid": "#NA"})
    assert seen_cdr(make_cdr(location=location), "x").evse is None


def _corrected() -> tuple[Cdr, Cdr, Cdr]:
    credit = credit_cdr(CDR, CDR.last_updated + MINUTE)
    return CDR, credit, corrected_cdr(CDR, "CDR-0001-2", CDR.last_updated + MINUTE, {"remark": "right"})


def test_a_correction_bills_again_what_was_credited() -> None:
    places = [seen_cdr(cdr, str(index), ("r",)) for index, cdr in enumerate(_corrected())]
    for order in (places, places[::-1]):
        assert find_duplicates(order) == ()
    without_credit = [places[0], places[2]]
    assert {code for code, _ in found(*without_credit)} == {
        "cdr_duplicate_session",
        "cdr_duplicate_signed_record",
    }


def test_a_cdr_is_credited_once() -> None:
    credit = seen_cdr(_corrected()[1], "1")
    assert found(BASE, credit, replace(credit, place="2", id="CDR-0001-D")) == [
        ("cdr_duplicate_credit", ("1", "2"))
    ]


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 10)), max_size=12))
def test_overlaps_are_found_exactly_where_there_are_any(stretches: list[tuple[int, int]]) -> None:
    cdrs = [
        other(index, spans=span(str(begin), str(begin + length)))
        for index, (begin, length) in enumerate(stretches)
    ]
    taken: set[int] = set()
    twice = False
    for begin, length in stretches:
        units = set(range(begin, begin + length))
        twice = twice or bool(units & taken)
        taken |= units
    assert bool(find_duplicates(cdrs)) == twice
