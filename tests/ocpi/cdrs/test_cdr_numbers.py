from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.cdrs.numbers import (
    half_unit,
    hours,
    hours_tolerance,
    negated,
    seconds_between,
    share_hours,
    total,
    written_decimals,
)

seconds = st.decimals(min_value=0, max_value=10**7, places=6)


def test_totals_keep_written_digits() -> None:
    assert str(total([Decimal("29.500"), Decimal("0.5")])) == "30.000"
    assert str(total([])) == "0"


def test_sum_is_exact_where_the_default_context_rounds() -> None:
    exact = total([Decimal("1E+40"), Decimal("1E-40")])
    assert Fraction(exact) == Fraction(10**40) + Fraction(1, 10**40)


def test_negated_zero_has_no_sign() -> None:
    assert str(negated(Decimal("0.00"))) == "0.00"
    assert str(negated(Decimal("-0.00"))) == "0.00"
    assert str(negated(Decimal("12.50"))) == "-12.50"
    long = Decimal("1." + "1" * 40)  # unary minus would round this to 28 digits
    assert str(negated(long)) == "-" + str(long)


@pytest.mark.parametrize(
    ("text", "decimals", "half"),
    [
        ("1.973", 3, "0.0005"),
        ("2", 0, "0.0005"),
        ("2.0", 1, "0.0005"),
        ("0.333333", 6, "0.0000005"),
        ("2E+2", 0, "0.0005"),
    ],
)
def test_written_digits(text: str, decimals: int, half: str) -> None:
    assert written_decimals(Decimal(text)) == decimals
    assert half_unit(Decimal(text), 3) == Decimal(half)


def test_hours_tolerance_of_the_spec_example() -> None:
    # cdr_example: two values of three decimals; 1.973 h = 7102.8 s against 7103 s
    assert hours_tolerance([Decimal("1.973"), Decimal("1.973")]) == Decimal("0.001")


def test_seconds_between_is_exact_to_the_microsecond() -> None:
    start = datetime(2025, 1, 1, tzinfo=UTC)
    assert seconds_between(start, start + timedelta(days=400, microseconds=1)) == Decimal("34560000.000001")


def test_hours_round_half_up() -> None:
    assert str(hours(Decimal(7103))) == "1.973056"
    assert str(hours(Decimal("0.0018"))) == "0.000001"  # exactly half a unit
    assert str(hours(Decimal(1), 4)) == "0.0003"


@given(st.lists(seconds, min_size=1, max_size=40), st.integers(2, 8))
def test_shares_sum_to_the_whole_and_none_is_off_by_a_unit(parts: list[Decimal], digits: int) -> None:
    whole = hours(sum(parts, Decimal(0)), digits)
    shares = share_hours(parts, whole)
    assert sum(shares) == whole
    for part, share in zip(parts, shares, strict=True):
        assert share >= 0
        assert abs(Fraction(share) - Fraction(part) / 3600) < Fraction(1, 10**digits)
    assert all(written_decimals(share) == digits for share in shares)


@given(st.lists(seconds, max_size=20), st.lists(seconds, max_size=20), st.integers(2, 8))
def test_two_streams_share_one_rounded_whole(
    charging: list[Decimal], parking: list[Decimal], digits: int
) -> None:
    whole = hours(sum(charging + parking, Decimal(0)), digits)
    parked = hours(sum(parking, Decimal(0)), digits)
    shares = share_hours(charging, whole - parked) + share_hours(parking, parked)
    assert sum(shares) == whole
    assert all(share >= 0 for share in shares)


def test_a_whole_that_is_not_the_sum_is_refused() -> None:
    with pytest.raises(ValueError, match="rounded sum"):
        share_hours([Decimal(3600)], Decimal("2.000000"))
    with pytest.raises(ValueError, match="rounded sum"):
        share_hours([Decimal(3600)], Decimal("0.500000"))
