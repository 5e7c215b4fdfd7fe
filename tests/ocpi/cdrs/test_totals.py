from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from ocpi.cdrs.errors import CdrBuildError
from ocpi.cdrs.periods import write_periods
from ocpi.cdrs.totals import build_cdr, cdr_totals
from ocpi.objects.cdr import Cdr
from ocpi.tariffs.breakdown import Amount, Breakdown, Bucket, PricedSessionInput, SessionPeriod, Volumes
from tests.ocpi.cdrs.cdr_samples import CHARGING, HEADER, MINUTE, PARKING, RESERVATION, START, session, tariff

SECOND = timedelta(seconds=1)
NOTHING = Volumes(Decimal(0), Decimal(0), Decimal(0), Decimal(0))


def amount(excl: str, incl: str | None = None) -> Amount:
    return Amount(Decimal(excl), None if incl is None else Decimal(incl))


def breakdown(total: Amount, parts: dict[Bucket, Amount], currency: str = "EUR") -> Breakdown:
    return Breakdown(currency, total, total, parts, (), NOTHING, NOTHING)


BY_HAND = breakdown(
    amount("12.00", "14.28"),
    {
        Bucket.FIXED: amount("0.50", "0.595"),
        Bucket.ENERGY: amount("9.50", "11.305"),
        Bucket.PARKING: amount("2.00", "2.38"),
    },
)


def volumes(cdr: Cdr, dimension: str) -> list[str]:
    return [
        format(item.volume, "f")
        for period in cdr.charging_periods
        for item in period.dimensions
        if item.type.value == dimension
    ]


def test_cdr_worked_out_by_hand() -> None:
    cdr = build_cdr(HEADER, session(), [tariff()], BY_HAND)
    assert str(cdr.total_energy) == "23.750"
    # 20 min = 0.33333... h, 80 min = 1.33333... h; the charging hour is exact
    assert (str(cdr.total_time), str(cdr.total_parking_time)) == ("1.333333", "0.333333")
    assert volumes(cdr, "ENERGY") == ["20.500", "3.250"]
    assert volumes(cdr, "TIME") == ["0.750000", "0.250000"]
    assert volumes(cdr, "PARKING_TIME") == ["0.333333"]
    assert cdr.total_cost.excl_vat == Decimal(12)
    assert cdr.total_cost.incl_vat == Decimal("14.28")
    assert cdr.total_energy_cost is not None
    assert cdr.total_energy_cost.incl_vat == Decimal("11.305")
    assert cdr.total_time_cost is None
    assert cdr.total_reservation_cost is None
    assert (cdr.start_date_time, cdr.end_date_time) == (START, START + 80 * MINUTE)
    assert {period.tariff_id for period in cdr.charging_periods} == {"T1"}
    assert cdr.credit is None


def test_thirds_are_shared_so_that_the_sum_fits() -> None:
    # three times 1200 s: rounded one by one they would give 0.999999
    periods = tuple(
        SessionPeriod(CHARGING, START + 20 * MINUTE * index, START + 20 * MINUTE * (index + 1))
        for index in range(3)
    )
    written = write_periods(PricedSessionInput(periods), ["T1"])
    shares = [period.dimensions[-1].volume for period in written.periods]
    assert [str(share) for share in shares] == ["0.333334", "0.333333", "0.333333"]
    assert str(written.time_h) == "1.000000"
    assert written.parking_h is None


def test_reservation_is_not_part_of_total_time() -> None:
    periods = (
        SessionPeriod(RESERVATION, START, START + 10 * MINUTE),
        SessionPeriod(CHARGING, START + 10 * MINUTE, START + 40 * MINUTE, Decimal("5")),
        SessionPeriod(PARKING, START + 40 * MINUTE, START + 46 * MINUTE),
    )
    totals = cdr_totals(PricedSessionInput(periods), BY_HAND)
    assert (str(totals.total_time), str(totals.total_parking_time)) == ("0.600000", "0.100000")
    written = write_periods(PricedSessionInput(periods), [])
    assert [item.type.value for item in written.periods[0].dimensions] == ["RESERVATION_TIME"]
    assert written.periods[0].tariff_id is None


def test_power_and_current_are_written_where_known() -> None:
    period = SessionPeriod(
        CHARGING,
        START,
        START + MINUTE,
        Decimal("0.1"),
        min_power_kw=Decimal("3.7"),
        max_power_kw=Decimal("11"),
        max_current_a=Decimal("48"),
    )
    written = write_periods(PricedSessionInput((period,)), ["T1"])
    assert {item.type.value: str(item.volume) for item in written.periods[0].dimensions} == {
        "ENERGY": "0.1",
        "TIME": "0.016667",
        "MIN_POWER": "3.7",
        "MAX_POWER": "11",
        "MAX_CURRENT": "48",
    }


def test_energy_while_parked_is_not_lost() -> None:
    periods = (
        SessionPeriod(CHARGING, START, START + MINUTE, Decimal("1.00")),
        SessionPeriod(PARKING, START + MINUTE, START + 2 * MINUTE, Decimal("0.02")),
    )
    assert str(write_periods(PricedSessionInput(periods), ["T1"]).energy_kwh) == "1.02"


def test_period_without_extent_is_left_out() -> None:
    periods = (
        SessionPeriod(CHARGING, START, START + MINUTE, Decimal("1")),
        SessionPeriod(PARKING, START + MINUTE, START + MINUTE),
        SessionPeriod(CHARGING, START + MINUTE, START + 2 * MINUTE, Decimal("1")),
    )
    assert len(write_periods(PricedSessionInput(periods), ["T1"]).periods) == 2
    alone = write_periods(PricedSessionInput((SessionPeriod(CHARGING, START, START),)), ["T1"])
    assert len(alone.periods) == 1


def test_duration_from_hours_may_be_rounded_to_the_second() -> None:
    period = SessionPeriod(CHARGING, START, START + 7103 * SECOND, Decimal(15), duration_s=Decimal("7102.8"))
    assert str(write_periods(PricedSessionInput((period,)), ["T1"]).time_h) == "1.973056"


def test_tariff_of_each_period() -> None:
    first = SessionPeriod(CHARGING, START, START + MINUTE, tariff_id="a")
    second = SessionPeriod(CHARGING, START + MINUTE, START + 2 * MINUTE, tariff_id="B")
    written = write_periods(PricedSessionInput((first, second)), ["A", "B"])
    assert [period.tariff_id for period in written.periods] == ["A", "B"]  # CiString, spelled as the tariff


@pytest.mark.parametrize(
    ("periods", "ids", "code"),
    [
        ((), ["T1"], "no_periods"),
        (
            (
                SessionPeriod(CHARGING, START, START + MINUTE),
                SessionPeriod(PARKING, START + 2 * MINUTE, START + 3 * MINUTE),
            ),
            ["T1"],
            "periods_not_contiguous",
        ),
        ((SessionPeriod(CHARGING, START, START - MINUTE),), ["T1"], "periods_not_contiguous"),
        ((SessionPeriod(CHARGING, START, START, Decimal("0.1")),), ["T1"], "energy_without_duration"),
        (
            (SessionPeriod(CHARGING, START, START + MINUTE, duration_s=Decimal(59)),),
            ["T1"],
            "duration_contradicts_times",
        ),
        ((SessionPeriod(CHARGING, START, START + MINUTE),), ["T1", "T2"], "tariff_not_named"),
        ((SessionPeriod(CHARGING, START, START + MINUTE, tariff_id="X"),), ["T1"], "tariff_unknown"),
    ],
)
def test_sessions_that_make_no_cdr(periods: tuple[SessionPeriod, ...], ids: list[str], code: str) -> None:
    with pytest.raises(CdrBuildError) as caught:
        write_periods(PricedSessionInput(periods), ids)
    assert caught.value.code == code


def test_currencies_must_agree() -> None:
    with pytest.raises(CdrBuildError, match="currency_differs"):
        build_cdr(HEADER, session(), [tariff()], breakdown(amount("1"), {}, "SEK"))
    with pytest.raises(CdrBuildError, match="currency_differs"):
        build_cdr(HEADER, session(), [tariff(currency="SEK")], BY_HAND)


def test_too_long_values_are_refused_not_cut() -> None:
    with pytest.raises(CdrBuildError, match="/remark") as caught:
        build_cdr(replace(HEADER, remark="x" * 256), session(), [tariff()], BY_HAND)
    assert caught.value.code == "invalid"


def test_fewer_decimals_for_a_partner_that_rejects_six() -> None:
    cdr = build_cdr(HEADER, session(), [tariff()], BY_HAND, hours_digits=4)
    assert (str(cdr.total_time), str(cdr.total_parking_time)) == ("1.3333", "0.3333")
    assert volumes(cdr, "TIME") == ["0.7500", "0.2500"]
