"""The engine's refusals, findings, limits and rounding."""

import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from ocpi.objects.cdr import Cdr, ChargingPeriod
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import (
    PricedSessionInput,
    PricingPolicy,
    SessionPeriod,
    compile_tariff,
    price,
    session_from_cdr,
    wire_costs,
    wire_price,
)
from ocpi.tariffs.breakdown import Amount, PeriodState
from ocpi.tariffs.compiled import MAX_ELEMENTS, CompiledTariff
from ocpi.tariffs.errors import NumberOutOfRangeError, SessionUnusableError, TariffUnusableError
from ocpi.tariffs.policy import MoneyRounding
from ocpi.tariffs.rounding import money
from ocpi.tariffs.session_check import MAX_MATCHES

START = datetime(2024, 1, 16, 9, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
ENERGY = {"type": "ENERGY", "price": Decimal("0.25"), "vat": Decimal(19), "step_size": 1}


def tariff(*elements: dict[str, Any], **fields: Any) -> Tariff:
    return Tariff.model_validate(
        {
            "country_code": "DE",
            "party_id": "ABC",
            "id": "T",
            "currency": "EUR",
            "last_updated": "2024-01-01T00:00:00Z",
            "elements": elements or [{"price_components": [ENERGY]}],
            **fields,
        }
    )


def compiled(*elements: dict[str, Any], **fields: Any) -> CompiledTariff:
    return compile_tariff(tariff(*elements, **fields))


def session(*periods: SessionPeriod) -> PricedSessionInput:
    return PricedSessionInput(periods or (charging(),))


def charging(hour: int = 0, energy_kwh: str = "1", **fields: Any) -> SessionPeriod:
    start = START + hour * HOUR
    return SessionPeriod(PeriodState.CHARGING, start, start + HOUR, Decimal(energy_kwh), **fields)


def bare_cdr(charging_periods: tuple[ChargingPeriod, ...]) -> Cdr:
    fields: dict[str, Any] = {
        "start_date_time": START,
        "end_date_time": START + HOUR,
        "charging_periods": charging_periods,
    }
    return Cdr.model_construct(**fields)


def test_tariff_without_elements() -> None:
    empty = tariff().model_copy(update={"elements": ()})
    with pytest.raises(TariffUnusableError) as caught:
        compile_tariff(empty)
    assert caught.value.reason == "no_elements"


def test_too_many_elements() -> None:
    one = tariff()
    with pytest.raises(TariffUnusableError) as caught:
        compile_tariff(one.model_copy(update={"elements": one.elements * (MAX_ELEMENTS + 1)}))
    assert caught.value.reason == "too_many_elements"


@pytest.mark.parametrize("number", [Decimal("NaN"), Decimal("Infinity"), 0.25])
def test_tariff_with_no_number(number: Any) -> None:
    one = tariff()
    component = one.elements[0].price_components[0].model_copy(update={"price": number})
    element = one.elements[0].model_copy(update={"price_components": (component,)})
    with pytest.raises(TariffUnusableError) as caught:
        compile_tariff(one.model_copy(update={"elements": (element,)}))
    assert caught.value.reason == "not_a_number"


def test_limit_with_no_number() -> None:
    one = tariff(min_price={"excl_vat": 1})
    assert one.min_price is not None
    limit = one.min_price.model_copy(update={"incl_vat": Decimal("NaN")})
    with pytest.raises(TariffUnusableError):
        compile_tariff(one.model_copy(update={"min_price": limit}))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"energy_kwh": Decimal("Infinity")}, "not_a_number"),
        ({"energy_kwh": 1.5}, "not_a_number"),
        ({"max_power_kw": Decimal("sNaN")}, "not_a_number"),
        ({"start": START.replace(tzinfo=None)}, "naive_datetime"),
        ({"end": (START + HOUR).replace(tzinfo=None)}, "naive_datetime"),
        ({"start": datetime(1, 1, 1, tzinfo=UTC)}, "year_out_of_range"),
    ],
)
def test_session_that_cannot_be_priced(changes: Any, reason: str) -> None:
    with pytest.raises(SessionUnusableError) as caught:
        price(session(replace(charging(), **changes)), [compiled()], "Europe/Berlin")
    assert caught.value.reason == reason


def test_numbers_without_end() -> None:
    for energies in (["1E+129"], ["1", "1E-1100"]):
        periods = [charging(hour, energy) for hour, energy in enumerate(energies)]
        with pytest.raises(NumberOutOfRangeError):
            price(session(*periods), [compiled()], "UTC")
    for number in (Decimal("1E+129"), Decimal("1E-1100")):
        component = {"type": "ENERGY", "price": 1, "vat": number, "step_size": 1}
        with pytest.raises(NumberOutOfRangeError):
            compiled({"price_components": [component]})


def test_numbers_of_the_longest_json_are_exact() -> None:
    longest = Decimal("0." + "1" * 62)
    component = {"type": "ENERGY", "price": longest, "vat": longest, "step_size": 1}
    result = price(
        session(replace(charging(), energy_kwh=Decimal(1))),
        [compiled({"price_components": [component]})],
        "UTC",
    )
    assert money(result.total.excl_vat) == Decimal("0.1111")


def test_too_complex() -> None:
    wide = compiled(*[{"price_components": [ENERGY]}] * MAX_ELEMENTS)
    periods = tuple(
        SessionPeriod(PeriodState.CHARGING, START, START) for _ in range(MAX_MATCHES // MAX_ELEMENTS + 1)
    )
    with pytest.raises(SessionUnusableError) as caught:
        price(PricedSessionInput(periods), [wide], "UTC")
    assert caught.value.reason == "too_complex"


def test_hostile_work_is_bounded() -> None:
    """The most matches that are accepted, none of them hitting, on boundaries everywhere: some seconds."""
    elements = [
        {
            "price_components": [ENERGY],
            "restrictions": {
                "start_time": f"{i // 60 % 24:02d}:{i % 60:02d}",
                "end_time": f"{(i + 1) // 60 % 24:02d}:{(i + 1) % 60:02d}",
                "end_date": "2000-01-01",
            },
        }
        for i in range(1440)
    ]
    tariff_ = compiled(*elements)
    periods = tuple(
        SessionPeriod(PeriodState.CHARGING, START + i * HOUR, START + (i + 1) * HOUR) for i in range(200)
    )
    begun = time.process_time()
    price(PricedSessionInput(periods), [tariff_], "Europe/Berlin")
    assert time.process_time() - begun < 10


def test_hostile_centuries_are_bounded() -> None:
    """A session of a thousand years under a tariff that changes every minute."""
    year = timedelta(days=390)
    begin = datetime(1900, 1, 1, tzinfo=UTC)
    elements = [
        {"price_components": [ENERGY], "restrictions": {"start_time": f"{i // 60:02d}:{i % 60:02d}"}}
        for i in range(1, 1440)
    ]
    periods = tuple(
        SessionPeriod(PeriodState.CHARGING, begin + i * year, begin + (i + 1) * year) for i in range(1000)
    )
    begun = time.process_time()
    result = price(PricedSessionInput(periods), [compiled(*elements)], "Europe/Berlin")
    assert time.process_time() - begun < 20
    assert "span_not_checked" in {finding.code for finding in result.findings}


def test_findings_say_each_thing_once_and_count() -> None:
    power = compiled(
        {"price_components": [ENERGY], "restrictions": {"min_power": 11}}, {"price_components": [ENERGY]}
    )
    result = price(session(*(charging(hour) for hour in range(5))), [power], "UTC")
    (finding,) = result.findings
    assert finding.code == "restriction_undecidable"
    assert finding.severity == "warning"
    assert finding.where == "/periods/0"
    assert finding.params == {
        "tariff_id": "T",
        "element": "0",
        "restriction": "min_power",
        "decision": "does_not_match",
        "start": "2024-01-16T09:00:00Z",
        "periods": "5",
    }


def test_unknown_restriction_names_its_place() -> None:
    (finding,) = compiled({"price_components": [ENERGY], "restrictions": {"dayOfWeek": ["MONDAY"]}}).findings
    assert (finding.code, finding.severity, finding.where) == (
        "unknown_restriction",
        "error",
        "/elements/0/restrictions/dayOfWeek",
    )


def test_report_names_policy_and_zone() -> None:
    result = price(session(), [compiled()], "Europe/Berlin", PricingPolicy(name="partner-7"))
    assert (result.policy, result.time_zone) == ("partner-7", "Europe/Berlin")


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("7", "7.00"),
        ("7.0000", "7.00"),
        ("5.6375", "5.6375"),
        ("0.16666666666666666666", "0.1667"),
        ("0.00005", "0.0001"),
        ("-0.00005", "-0.0001"),
        ("-0.00004", "0.00"),
        ("1000", "1000.00"),
        ("12345678901234567890123456789012345.67891", "12345678901234567890123456789012345.6789"),
    ],
)
def test_written_money(value: str, written: str) -> None:
    assert str(money(Decimal(value))) == written


@pytest.mark.parametrize(
    ("digits", "rounding", "value", "written"),
    [
        (2, MoneyRounding.HALF_UP, "5.125", "5.13"),
        (2, MoneyRounding.HALF_EVEN, "5.125", "5.12"),
        (0, MoneyRounding.HALF_UP, "1499.5", "1500"),
        (1, MoneyRounding.HALF_UP, "10.04", "10"),
    ],
)
def test_written_money_by_policy(digits: int, rounding: MoneyRounding, value: str, written: str) -> None:
    policy = PricingPolicy(money_digits=digits, money_rounding=rounding)
    assert str(money(Decimal(value), policy)) == written


def test_wire_costs() -> None:
    result = price(
        session(),
        [
            compiled(
                {"price_components": [ENERGY, {"type": "TIME", "price": 1, "vat": 19, "step_size": 1}]},
                max_price={"excl_vat": 1, "incl_vat": Decimal("1.19")},
            )
        ],
        "UTC",
    )
    costs = wire_costs(result)
    assert (str(costs.total_cost.excl_vat), str(costs.total_cost.incl_vat)) == ("1.00", "1.19")
    assert costs.total_energy_cost is not None
    assert str(costs.total_energy_cost.incl_vat) == "0.2975"
    assert costs.total_time_cost is not None
    assert costs.total_fixed_cost is costs.total_parking_cost is costs.total_reservation_cost is None
    assert wire_price(Amount(Decimal(1), None)).incl_vat is None


def test_cdr_without_periods_or_with_absurd_volumes() -> None:
    empty = bare_cdr(())
    with pytest.raises(SessionUnusableError):
        session_from_cdr(empty)
    period = ChargingPeriod.model_validate(
        {"start_date_time": START, "dimensions": [{"type": "TIME", "volume": Decimal("1E+2000")}]}
    )
    with pytest.raises(NumberOutOfRangeError):
        session_from_cdr(empty.model_copy(update={"charging_periods": (period,)}))


@pytest.mark.parametrize("volume", ["1E+50", "9" * 60])
def test_absurd_hours_of_a_mixed_period(volume: str) -> None:
    period = ChargingPeriod.model_validate(
        {
            "start_date_time": START,
            "dimensions": [
                {"type": "TIME", "volume": Decimal(volume)},
                {"type": "PARKING_TIME", "volume": Decimal(volume)},
            ],
        }
    )
    cdr = bare_cdr((period,))
    result, findings = session_from_cdr(cdr)
    assert [finding.code for finding in findings] == ["period_mixed"]
    price(result, [compiled()], "UTC")
