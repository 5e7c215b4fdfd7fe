"""Each lint: found in a tariff that has the fault, with its pointer, and not in the nearest that has not."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.findings import Severity
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import PricedSessionInput, SessionPeriod, compile_tariff, price
from ocpi.tariffs._reach import Box, Budget, reach, shadowing
from ocpi.tariffs.breakdown import PeriodState
from ocpi.tariffs.lint import LintCode, LintOptions, lint
from ocpi.transport import json
from ocpi.versions import read_any
from tests.ocpi.tariffs.test_tariff_properties import components, elements, tariff_of

EXAMPLES = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "ocpi"
D = Decimal


def component(kind: str = "ENERGY", amount: str = "0.49", **more: Any) -> dict[str, Any]:
    return {"type": kind, "price": D(amount), "step_size": 1, "vat": D(19), **more}


def element(*parts: dict[str, Any], **restrictions: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"price_components": list(parts) or [component()]}
    return made | ({"restrictions": restrictions} if restrictions else {})


def tariff(*parts: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "country_code": "DE",
        "party_id": "ABC",
        "id": "T",
        "currency": "EUR",
        "last_updated": "2024-01-01T00:00:00Z",
        "elements": list(parts) or [element()],
        **more,
    }


def found(source: dict[str, Any], **options: Any) -> set[tuple[str, str]]:
    model = Tariff.model_validate(deepcopy(source))
    return {(item.code, item.where) for item in lint(model, LintOptions(**options))}


ALWAYS = element()
DAY = {"start_time": "08:00", "end_time": "18:00"}
NIGHT = {"start_time": "18:00", "end_time": "08:00"}
WEEK = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]
E0, E1 = "/elements/0", "/elements/1"
C0 = f"{E0}/price_components/0"
R0 = f"{E0}/restrictions"

# code, pointer, a tariff that has it, the nearest that has not
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    ("unreachable_element", E1, tariff(ALWAYS, element(**DAY)), tariff(element(**DAY), ALWAYS)),
    (
        "unreachable_element",
        "/elements/2",
        tariff(element(**DAY), element(**NIGHT), ALWAYS),
        tariff(element(**DAY), element(start_time="18:01", end_time="08:00"), ALWAYS),
    ),
    (
        "unreachable_element",
        "/elements/2",
        tariff(element(max_kwh=D(10)), element(min_kwh=D(10)), ALWAYS),
        tariff(element(max_kwh=D(10)), element(min_kwh=D("10.001")), ALWAYS),
    ),
    (
        "unreachable_element",
        "/elements/2",
        tariff(element(day_of_week=WEEK[:5]), element(day_of_week=WEEK[5:]), element(min_kwh=D(3))),
        tariff(element(day_of_week=WEEK[:5]), element(day_of_week=WEEK[6:]), element(min_kwh=D(3))),
    ),
    (
        "unreachable_element",
        E1,
        tariff(element(min_power=D(11)), element(min_power=D(22)), ALWAYS),
        tariff(element(min_power=D(22)), element(min_power=D(11)), ALWAYS),
    ),
    (
        "unreachable_component",
        f"{E1}/price_components/0",
        tariff(ALWAYS, element(component(), component("FLAT"))),
        tariff(ALWAYS, element(component("TIME"), component("FLAT"))),
    ),
    (
        "impossible_restriction",
        f"{R0}/max_kwh",
        tariff(element(min_kwh=D(10), max_kwh=D(10)), ALWAYS),
        tariff(element(min_kwh=D(10), max_kwh=D("10.001")), ALWAYS),
    ),
    (
        "impossible_restriction",
        f"{R0}/max_duration",
        tariff(element(min_duration=60, max_duration=60), ALWAYS),
        tariff(element(min_duration=60, max_duration=61), ALWAYS),
    ),
    (
        "impossible_restriction",
        f"{R0}/end_date",
        tariff(element(start_date="2024-05-01", end_date="2024-05-01"), ALWAYS),
        tariff(element(start_date="2024-05-01", end_date="2024-05-02"), ALWAYS),
    ),
    (
        "max_restriction_zero",
        f"{R0}/max_power",
        tariff(element(max_power=D(0)), ALWAYS),
        tariff(element(max_power=D("0.1")), ALWAYS),
    ),
    (
        "weekday_outside_dates",
        f"{R0}/day_of_week",
        tariff(element(start_date="2024-01-01", end_date="2024-01-06", day_of_week=["SATURDAY"]), ALWAYS),
        tariff(element(start_date="2024-01-01", end_date="2024-01-07", day_of_week=["SATURDAY"]), ALWAYS),
    ),
    (
        "reservation_never_matches",
        f"{R0}/min_duration",
        tariff(element(component("TIME"), reservation="RESERVATION", min_duration=60), ALWAYS),
        tariff(element(component("TIME"), reservation="RESERVATION", max_duration=60), ALWAYS),
    ),
    (
        "reservation_never_matches",
        f"{R0}/max_power",
        tariff(element(component("TIME"), reservation="RESERVATION", max_power=D(9)), ALWAYS),
        tariff(element(component("TIME"), max_power=D(9)), ALWAYS),
    ),
    (
        "parking_needs_power",
        f"{R0}/min_power",
        tariff(element(component("PARKING_TIME"), min_power=D(1)), ALWAYS),
        tariff(element(component("TIME"), min_power=D(1)), ALWAYS),
    ),
    (
        "never_active",
        "/end_date_time",
        tariff(start_date_time="2024-05-01T00:00:00Z", end_date_time="2024-05-01T00:00:00Z"),
        tariff(start_date_time="2024-05-01T00:00:00Z", end_date_time="2024-05-01T00:00:01Z"),
    ),
    ("empty_restrictions", R0, tariff({**ALWAYS, "restrictions": {}}), tariff(ALWAYS)),
    (
        "empty_restrictions",
        R0,
        tariff({**ALWAYS, "restrictions": {"day_of_week": []}}),
        tariff(element(day_of_week=["MONDAY"]), ALWAYS),
    ),
    (
        "needless_restriction",
        f"{R0}/min_kwh",
        tariff(element(min_kwh=D(0), max_kwh=D(9)), ALWAYS),
        tariff(element(min_kwh=D(1), max_kwh=D(9)), ALWAYS),
    ),
    (
        "whole_day_window",
        f"{R0}/end_time",
        tariff(element(start_time="17:00", end_time="17:00")),
        tariff(element(start_time="17:00", end_time="17:01"), ALWAYS),
    ),
    (
        "last_minute_lost",
        f"{R0}/end_time",
        tariff(element(start_time="18:00", end_time="23:59"), ALWAYS),
        tariff(element(start_time="18:00", end_time="00:00"), ALWAYS),
    ),
    ("open_window", R0, tariff(element(start_time="18:00"), ALWAYS), tariff(element(**DAY), ALWAYS)),
    (
        "whole_week",
        f"{R0}/day_of_week",
        tariff(element(day_of_week=WEEK)),
        tariff(element(day_of_week=WEEK[1:]), ALWAYS),
    ),
    (
        "repeated_day",
        f"{R0}/day_of_week",
        tariff(element(day_of_week=["MONDAY", "MONDAY"]), ALWAYS),
        tariff(element(day_of_week=["MONDAY", "SUNDAY"]), ALWAYS),
    ),
    (
        "overnight_weekdays",
        f"{R0}/day_of_week",
        tariff(element(day_of_week=["FRIDAY"], **NIGHT), ALWAYS),
        tariff(element(day_of_week=["FRIDAY"], start_time="18:00", end_time="00:00"), ALWAYS),
    ),
    (
        "ambiguous_hour",
        f"{R0}/start_time",
        tariff(element(start_time="02:30", end_time="05:00"), ALWAYS),
        tariff(element(start_time="02:00", end_time="03:00"), ALWAYS),
    ),
    (
        "no_fallback_price",
        "/elements",
        tariff(element(**DAY), element(start_time="18:01", end_time="08:00")),
        tariff(element(**DAY), element(**NIGHT)),
    ),
    (
        "zero_step_size",
        f"{C0}/step_size",
        tariff(element(component(step_size=0))),
        tariff(element(component(), component("FLAT", step_size=0))),
    ),
    (
        "flat_step_size",
        f"{E0}/price_components/1/step_size",
        tariff(element(component(), component("FLAT", step_size=60))),
        tariff(element(component(), component("FLAT", step_size=1))),
    ),
    (
        "unused_time_step_size",
        f"{C0}/step_size",
        tariff(element(component("TIME", step_size=60), component("PARKING_TIME"))),
        tariff(element(component("TIME", step_size=1), component("PARKING_TIME", step_size=60))),
    ),
    (
        "step_sizes_differ",
        f"{E1}/price_components/0/step_size",
        tariff(element(**DAY), element(component(step_size=100))),
        tariff(element(component(step_size=100), **DAY), element(component(step_size=100))),
    ),
    (
        "nothing_priced_by_use",
        "/elements",
        tariff(element(component("FLAT"))),
        tariff(element(component("FLAT", "0"))),
    ),
    (
        "several_flat_fees",
        f"{E1}/price_components/0",
        tariff(element(component("FLAT"), **DAY), element(component("FLAT"), **NIGHT), ALWAYS),
        tariff(element(component("FLAT")), element(component("FLAT"), **NIGHT), ALWAYS),
    ),
    ("negative_price", f"{C0}/price", tariff(element(component(amount="-0.01"))), tariff()),
    (
        "implausible_price",
        f"{C0}/price",
        tariff(element(component(amount="49"))),
        tariff(element(component(amount="49")), currency="CZK"),
    ),
    (
        "price_decimals",
        f"{C0}/price",
        tariff(element(component(amount="0.49001"))),
        tariff(element(component(amount="0.49000"))),
    ),
    (
        "price_limits_cross",
        "/min_price",
        tariff(min_price={"excl_vat": D(5)}, max_price={"excl_vat": D("4.99")}),
        tariff(min_price={"excl_vat": D(5)}, max_price={"excl_vat": D(5)}),
    ),
    (
        "limit_taxes_negative",
        "/max_price",
        tariff(max_price={"excl_vat": D(5), "incl_vat": D("4.99")}),
        tariff(max_price={"excl_vat": D(5), "incl_vat": D(5)}),
    ),
    ("tax_rate_without_tax", f"{C0}/vat", tariff(tax_included="N/A"), tariff(tax_included="NO")),
    (
        "tax_included_without_rate",
        C0,
        tariff(element(component(vat=None)), tax_included="YES"),
        tariff(tax_included="YES"),
    ),
    (
        "implausible_vat",
        f"{C0}/vat",
        tariff(element(component(vat=D("0.19")))),
        tariff(element(component(vat=D(0)))),
    ),
    (
        "vat_only_partly",
        f"{E0}/price_components/1",
        tariff(element(component(), component("FLAT", vat=None))),
        tariff(element(component(vat=None), component("FLAT", vat=None))),
    ),
    ("needless_null_field", "/min_price", tariff(min_price=None), tariff()),
    ("needless_null_field", "/whatever", tariff(whatever=None), tariff()),
    (
        "needless_null_field",
        f"{C0}/vat",
        tariff(element(component(vat=None))),
        tariff(element({"type": "ENERGY", "price": D(1), "step_size": 1})),
    ),
    ("unexpected_field", f"{C0}/note", tariff(element(component(note="x"))), tariff()),
    ("misspelt_field", "/minPrice", tariff(minPrice={"excl_vat": 1}), tariff(min_price={"excl_vat": 1})),
    ("misspelt_field", f"{C0}/stepSize", tariff(element(component(stepSize=5))), tariff()),
    (
        "rounding_extension",
        f"{C0}/price_round",
        tariff(element(component(price_round={"round_granularity": "UNIT", "round_rule": "ROUND_UP"}))),
        tariff(),
    ),
    ("country_code_case", "/country_code", tariff(country_code="de"), tariff()),
    ("country_code_unknown", "/country_code", tariff(country_code="DX"), tariff(country_code="DK")),
    ("party_id_case", "/party_id", tariff(party_id="aBC"), tariff()),
    ("party_id_shape", "/party_id", tariff(party_id="A-C"), tariff(party_id="A1C")),
    ("currency_case", "/currency", tariff(currency="eur"), tariff()),
    ("currency_unknown", "/currency", tariff(currency="EUX"), tariff()),
    (
        "alt_text_has_price",
        "/tariff_alt_text/0/text",
        tariff(tariff_alt_text=[{"language": "de", "text": "0,49 € je kWh"}]),
        tariff(tariff_alt_text=[{"language": "de", "text": "Ladesäule 1.1 in Halle 3"}]),
    ),
    (
        "alt_text_language_twice",
        "/tariff_alt_text/1/language",
        tariff(tariff_alt_text=[{"language": "de", "text": "a"}, {"language": "DE", "text": "b"}]),
        tariff(tariff_alt_text=[{"language": "de", "text": "a"}, {"language": "en", "text": "b"}]),
    ),
    (
        "energy_mix_sum",
        "/energy_mix/energy_sources",
        tariff(
            energy_mix={
                "is_green_energy": True,
                "energy_sources": [{"source": "WIND", "percentage": D("99.9")}],
            }
        ),
        tariff(
            energy_mix={
                "is_green_energy": True,
                "energy_sources": [
                    {"source": "WIND", "percentage": D("99.9")},
                    {"source": "SOLAR", "percentage": D("0.1")},
                ],
            }
        ),
    ),
    # ---- Germany
    ("de_vat_rate", f"{C0}/vat", tariff(element(component(vat=D(20)))), tariff()),
    ("de_vat_rate", f"{C0}/vat", tariff(element(component(vat=D(7)))), tariff(country_code="AT")),
    ("law_step_size", f"{C0}/step_size", tariff(element(component(step_size=100))), tariff()),
    (
        "law_time_only",
        "/elements",
        tariff(element(component("TIME"))),
        tariff(element(component("TIME"), component())),
    ),
    (
        "law_flat_only",
        "/elements",
        tariff(element(component("FLAT"))),
        tariff(element(component("FLAT", "0"))),
    ),
    (
        "afir_not_per_kwh",
        "/elements",
        tariff(element(component("TIME")), type="AD_HOC_PAYMENT"),
        tariff(element(component("TIME")), type="REGULAR"),
    ),
    (
        "early_blocking_fee",
        f"{E1}/price_components/0",
        tariff(ALWAYS, element(component("PARKING_TIME"), min_duration=14_399)),
        tariff(ALWAYS, element(component("PARKING_TIME"), min_duration=14_400)),
    ),
    # ---- what the engine says of a tariff is part of the lint
    (
        "unknown_restriction",
        f"{R0}/dayOfWeek",
        tariff(element(dayOfWeek=["MONDAY"]), ALWAYS),
        tariff(element(day_of_week=["MONDAY"]), ALWAYS),
    ),
    (
        "unreadable_restriction",
        f"{R0}/start_date",
        tariff(element(start_date="2024-02-30"), ALWAYS),
        tariff(element(start_date="2024-02-29"), ALWAYS),
    ),
    (
        "duplicate_component",
        f"{E0}/price_components/1",
        tariff(element(component(), component(amount="1"))),
        tariff(element(component(), component("TIME"))),
    ),
    (
        "reservation_dimension",
        C0,
        tariff(element(reservation="RESERVATION"), ALWAYS),
        tariff(element(component("TIME"), reservation="RESERVATION"), ALWAYS),
    ),
    ("invalid_step_size", f"{C0}/step_size", tariff(element(component(step_size=-1))), tariff()),
]


@pytest.mark.parametrize(
    ("code", "where", "faulty", "sound"), CASES, ids=[f"{n}-{case[0]}" for n, case in enumerate(CASES)]
)
def test_lint_finds_fault_only(code: str, where: str, faulty: dict[str, Any], sound: dict[str, Any]) -> None:
    assert (code, where) in found(faulty)
    assert (code, where) not in found(sound)


def test_every_code_has_a_case() -> None:
    elsewhere = {"tariff_expired", "reach_not_checked"}
    assert {str(code) for code in LintCode} - {case[0] for case in CASES} == elsewhere


def test_sound_tariff_has_nothing_to_say() -> None:
    source = tariff(
        element(component(), component("FLAT", "1"), **DAY),
        element(component(amount="0.39"), component("FLAT", "1"), **NIGHT),
    )
    assert {code for code, _ in found(source)} == {"several_flat_fees"}
    assert found(tariff()) == set()


def test_expiry_needs_a_clock() -> None:
    source = tariff(end_date_time="2024-05-01T00:00:00Z")
    assert found(source) == set()
    assert found(source, now=datetime(2024, 4, 30, tzinfo=UTC)) == set()
    assert found(source, now=datetime(2024, 5, 1, tzinfo=UTC)) == {("tariff_expired", "/end_date_time")}


def test_germany_can_be_asked_for_and_left_out() -> None:
    source = tariff(element(component(vat=D(20))))
    assert ("de_vat_rate", f"{C0}/vat") in found(source)
    assert found(source, germany=False) == set()
    assert ("de_vat_rate", f"{C0}/vat") in found(source | {"country_code": "AT"}, germany=True)


def test_hour_of_the_clock_change_is_that_of_the_zone() -> None:
    source = tariff(element(start_time="01:30", end_time="05:00"), ALWAYS)
    finding = ("ambiguous_hour", f"{R0}/start_time")
    assert finding not in found(source, time_zone=ZoneInfo("Europe/Berlin"))
    assert finding in found(source, time_zone=ZoneInfo("Europe/London"))
    berlin = tariff(element(start_time="02:30", end_time="05:00"), ALWAYS)
    assert finding in found(berlin, time_zone=ZoneInfo("Europe/Berlin"))
    assert finding not in found(berlin, time_zone=ZoneInfo("Asia/Tokyo"))


def test_prices_for_all_days_of_validity_leave_no_gap() -> None:
    source = tariff(
        element(start_date="2024-05-01", end_date="2024-05-02"),
        element(start_date="2024-05-02", end_date="2024-05-03"),
        start_date_time="2024-04-30T22:00:00Z",
        end_date_time="2024-05-02T22:00:00Z",
    )
    gap = ("no_fallback_price", "/elements")
    assert gap in found(source)
    assert gap not in found(source, time_zone=ZoneInfo("Europe/Berlin"))
    longer = source | {"end_date_time": "2024-05-02T22:00:01Z"}
    assert gap in found(longer, time_zone=ZoneInfo("Europe/Berlin"))


def test_validity_at_the_ends_of_the_calendar() -> None:
    source = tariff(start_date_time="0001-01-01T00:00:00Z", end_date_time="9999-12-31T23:59:59Z")
    for zone in ("Pacific/Kiritimati", "America/New_York"):
        assert found(source, time_zone=ZoneInfo(zone)) == set()


def test_gravest_first() -> None:
    source = tariff(element(max_kwh=D(0)), ALWAYS, country_code="de", party_id="-")
    severities = [item.severity for item in lint(Tariff.model_validate(source))]
    assert severities == sorted(severities, key=list(Severity).index)
    assert severities[0] is Severity.ERROR


def test_huge_tariff_is_bounded() -> None:
    many = [
        element(min_kwh=D(n), max_kwh=D(n + 1), min_duration=n, max_duration=n + 9) for n in range(1, 4000)
    ]
    codes = {code for code, _ in found(tariff(*many, ALWAYS))}
    assert "reach_not_checked" in codes
    assert "unreachable_element" not in codes


def test_box_that_falls_apart_is_given_up() -> None:
    whole = Box((0, 0), (10_000, 10_000), 127)
    crosses = [(n, Box((3 * n, 3 * n), (3 * n + 1, 3 * n + 1), 127)) for n in range(3000)]
    budget = Budget(10**9)
    assert shadowing([whole], crosses, budget) is None
    assert budget.spent_out


STATES = (PeriodState.CHARGING, PeriodState.PARKING)


@given(
    elements,
    st.integers(0, 13 * 86_400),
    st.integers(0, 40_000),
    st.sampled_from(STATES),
)
def test_what_is_called_unreachable_never_prices(
    source: list[dict[str, Any]], offset_s: int, seconds: int, state: PeriodState
) -> None:
    """The engine is the judge: it never bills a component that the lint says is out of reach."""
    compiled = compile_tariff(tariff_of(source))
    unreachable = reach(compiled)
    start = datetime(2024, 3, 25, tzinfo=UTC) + timedelta(seconds=offset_s)
    end = start + timedelta(seconds=seconds)
    periods = (
        SessionPeriod(PeriodState.RESERVATION, start, start),
        SessionPeriod(state, start, end, energy_kwh=D(5)),
        SessionPeriod(state, end, end, energy_kwh=D(1)),
    )
    lines = price(PricedSessionInput(periods), [compiled], "Europe/Berlin").lines
    for line in lines:
        key = (line.element, line.component)
        assert key not in unreachable.shadowed
        assert key not in unreachable.nowhere


@given(st.lists(components, min_size=1, max_size=3))
def test_only_what_stands_behind_is_shadowed(parts: list[dict[str, Any]]) -> None:
    """Two unrestricted elements: every dimension of the second that the first has is out of reach."""
    parts = list({part["type"]: part for part in parts}.values())
    source = [{"price_components": parts}, {"price_components": [*parts]}]
    shadowed = reach(compile_tariff(tariff_of(source))).shadowed
    assert shadowed == {(1, number): (0,) for number in range(len(parts))}


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="../shared is absent")
def test_examples_of_the_specification() -> None:
    """What the specification's own examples do that its text advises against, and nothing else."""
    found: dict[str, set[str]] = {}
    for path in sorted(EXAMPLES.glob("examples-2.*/tariff_[0-9]*.json")):
        model = read_any(Tariff, json.loads(path.read_bytes())).model
        codes = {str(item.code) for item in lint(model, LintOptions(germany=False))}
        found.setdefault(path.name.split("_")[1], set()).update(codes)
    steps = {"step_sizes_differ", "no_fallback_price", "unused_time_step_size"}
    assert len(found) == 19
    assert {number: codes for number, codes in found.items() if codes} == {
        "2": {"alt_text_has_price"},  # the text shall not repeat prices (mod_tariffs, tariff_alt_text)
        "4": steps,
        "11": {"alt_text_has_price"},
        "13": {"unused_time_step_size"},
        "14": steps,
        "20": {"tax_included_without_rate"},
    }
