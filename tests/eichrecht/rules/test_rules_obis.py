"""Which registers an OBIS code names, and which of them count."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.rules.obis import MAX_OBIS_LENGTH, register_of

TOTAL = register_of("01-0B:01.08.00*FF")


@pytest.mark.parametrize(
    "text", ["1-b:1.8.0", "1-B:01.08.0", "01-0B:01.08.00.FF", "1-b:1.8.0*255", "010B010800FF"]
)
def test_spellings_of_one_register(text: str) -> None:
    assert register_of(text) == TOTAL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1-b",
        "1-b:1.8",
        "1.8.0",
        "x-b:1.8.0",
        "1-b:1.8.0*",
        "1-b:1.8.0*256",
        "1-b:1.8.0 ",
        "１-b:1.8.0",
        "0100010800",
    ],
)
def test_no_obis_code(text: str) -> None:
    assert register_of(text) is None


@pytest.mark.parametrize(
    ("text", "relevant", "compensated", "billable"),
    [
        ("1-b:1.8.0", True, False, True),
        ("1-b:1.8.e", True, False, True),
        ("1-0:1.8.0*198", True, False, True),
        ("1-0:1.8.0*200", True, False, True),
        ("1-0:1.8.0*199", False, False, False),
        ("01-00:98.08.00*FF", True, True, True),
        ("01-00:9E.08.00*FF", True, False, True),
        ("01-00:9C.08.00*FF", False, False, False),
        ("01-00:B0.08.00*FF", True, False, True),
        ("01-00:B1.08.00*FF", True, True, True),
        ("01-00:B2.08.00*FF", True, False, True),
        ("01-00:B3.08.00*FF", True, True, True),
        ("01-00:B4.08.00*FF", True, False, False),
        ("01-00:C0.08.00*FF", True, False, False),
        ("01-00:C3.08.00*FF", True, True, False),
        ("01-00:C8.08.00*FF", False, False, False),
        ("1-b:2.8.0", False, False, False),
        ("1-b:1.9.0", False, False, False),
        ("7-b:1.8.0", False, False, False),
    ],
)
def test_what_a_register_is_good_for(text: str, relevant: bool, compensated: bool, billable: bool) -> None:
    register = register_of(text)
    assert register is not None
    assert (register.relevant, register.compensated) == (relevant, compensated)
    assert (register.rank is not None) is billable


def test_order_in_which_registers_count() -> None:
    best_first = ["B3", "B1", "B2", "B0", "9E"]
    ranks = [register_of(f"01-00:{group}.08.00*FF").rank for group in best_first]  # type: ignore[union-attr]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)
    tariff = register_of("01-00:B3.08.01*FF")
    assert tariff is not None
    assert tariff.rank is not None
    assert tariff.rank > max(rank for rank in ranks if rank is not None)
    assert not tariff.comparable


@given(st.text(max_size=MAX_OBIS_LENGTH + 5))
def test_any_text_is_safe(text: str) -> None:
    assert register_of(text) is None or len(text) <= MAX_OBIS_LENGTH
