"""What a tariff costs, in German and English sentences."""

from __future__ import annotations

import string
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given

from eichrecht import locales
from eichrecht.locales.tariff_words import MAX_COMPARED, amount, as_lines, duration, paragraphs
from ocpi.findings import Finding, Severity
from ocpi.tariffs.explain import explain
from ocpi.tariffs.lint import LintCode
from tests.ocpi.tariffs.test_tariff_explain import element, part, tariffs
from tests.ocpi.tariffs.test_tariff_properties import tariff_of, taxes_included

D = Decimal
DAYS = ["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY"]


def lines(source: list[dict[str, Any]], language: str, **more: Any) -> list[str]:
    written = paragraphs(explain(tariff_of(source, **more)), language, ZoneInfo("Europe/Berlin"))
    return [line.strip() for line in as_lines(written)]


@pytest.mark.parametrize("code", sorted(LintCode))
def test_every_lint_has_a_sentence_in_both_languages(code: LintCode) -> None:
    for language in locales.LANGUAGES:
        assert locales.sentence(Finding(code, Severity.NOTE), language) != code


@pytest.mark.parametrize("key", sorted(locales._catalogue("tariff")))
def test_words_agree_in_both_languages(key: str) -> None:
    texts = locales._catalogue("tariff")[key]
    fields = [
        {name for _, name, _, _ in string.Formatter().parse(texts[one]) if name} for one in ("de", "en")
    ]
    assert fields[0] == fields[1]


NIGHT_AND_FEE = [
    element(part("ENERGY", "0.40"), start_time="18:00", end_time="08:00"),
    element(part("ENERGY", "0.50")),
    element(part("PARKING_TIME", "6"), min_duration=14_400),
]


def test_night_price_and_blocking_fee() -> None:
    assert lines(NIGHT_AND_FEE, "en") == [
        "Energy",
        "From 18:00 to 08:00 a kWh costs 0.476 EUR incl. 19 % VAT.",
        "From 08:00 to 18:00 a kWh costs 0.595 EUR incl. 19 % VAT.",
        "Parking without charging",
        "After 4 hours plugged in a minute of parking without charging costs 0.119 EUR incl. 19 % VAT.",
        "In all other cases this costs nothing.",
        "For the whole session",
        "Costs nothing: Charging time.",
    ]
    assert lines(NIGHT_AND_FEE, "de") == [
        "Energie",
        "Von 18:00 bis 08:00 Uhr kostet eine kWh 0,476 EUR inkl. 19 % MwSt.",
        "Von 08:00 bis 18:00 Uhr kostet eine kWh 0,595 EUR inkl. 19 % MwSt.",
        "Stehen ohne Laden",
        "Ab 4 Stunden nach Beginn kostet eine Minute Stehen ohne Laden 0,119 EUR inkl. 19 % MwSt.",
        "In allen anderen Fällen kostet das nichts.",
        "Für den ganzen Ladevorgang",
        "Nichts kosten: Ladezeit.",
    ]


def test_later_condition_that_overlaps_says_otherwise() -> None:
    overlapping = [
        element(part("PARKING_TIME", "12"), min_duration=28_800),
        element(part("PARKING_TIME", "6"), min_duration=14_400),
    ]
    text = lines(overlapping, "en")
    assert text[1].startswith("After 8 hours plugged in a minute")
    assert text[2].startswith("Otherwise, after 4 hours plugged in, a minute")
    apart = [
        element(part("PARKING_TIME", "6"), min_duration=14_400, max_duration=28_800),
        element(part("PARKING_TIME", "12"), min_duration=28_800),
    ]
    assert lines(apart, "de")[1:3] == [
        "Von 4 Stunden bis 8 Stunden nach Beginn kostet eine Minute Stehen ohne Laden 0,119 EUR inkl. 19 % MwSt.",
        "Ab 8 Stunden nach Beginn kostet eine Minute Stehen ohne Laden 0,238 EUR inkl. 19 % MwSt.",
    ]


def test_many_sections_are_not_all_compared() -> None:
    tiers = [element(part("ENERGY", "1"), min_kwh=D(n), max_kwh=D(n + 1)) for n in range(1, 150)]
    text = lines(tiers, "en")
    assert text[1].startswith("Between 1 and 2 kWh a kWh costs")
    assert text[MAX_COMPARED + 1].startswith("Between")
    assert text[MAX_COMPARED + 2].startswith("Otherwise, between")


def test_window_on_some_days_is_not_told_through_the_night() -> None:
    source = [element(part("ENERGY", "1", vat=None), day_of_week=DAYS, start_time="22:00", end_time="06:00")]
    assert lines(source, "en")[1] == (
        "Monday to Friday from 00:00 to 06:00 and from 22:00 to 24:00 a kWh costs 1.00 EUR (no VAT named)."
    )


def test_dynamic_tariff_is_a_table() -> None:
    half_hours = [
        element(
            part("ENERGY", f"0.{30 + n}", vat=None),
            start_time=f"{n // 2:02}:{n % 2 * 30:02}",
            end_time=f"{(n + 1) // 2 % 24:02}:{(n + 1) % 2 * 30:02}",
        )
        for n in range(48)
    ]
    text = lines(half_hours, "en")
    assert text[1] == (
        "The price depends on the time of day: 0.30 EUR (no VAT named) to 0.77 EUR (no VAT named) per kWh,"
        " cheapest from 00:00 to 00:30."
    )
    assert text[2] == "00:00–00:30: 0.30 EUR (no VAT named)"
    assert text[49] == "23:30–24:00: 0.77 EUR (no VAT named)"


def test_minutes_only_if_all_prices_of_a_topic_can_be_told_so() -> None:
    assert "an hour of charging costs 1.00 EUR" in lines([element(part("TIME", "1", vat=None))], "en")[
        1
    ].lower().replace("eur", "EUR")
    source = [element(part("TIME", "6", vat=None), max_duration=60), element(part("TIME", "1", vat=None))]
    assert all("hour of charging" in line for line in lines(source, "en")[1:3])


def test_limits_validity_steps_and_fees() -> None:
    source = [
        element(part("ENERGY", "0.5", step_size=100), part("FLAT", "1"), min_kwh=D(0), max_kwh=D(10)),
        element(part("ENERGY", "0.4", step_size=100), part("FLAT", "2")),
    ]
    text = lines(
        source,
        "de",
        min_price={"excl_vat": D(1), "incl_vat": D("1.19")},
        max_price={"excl_vat": D(50)},
        start_date_time="2024-05-01T22:00:00Z",
    )
    assert "Für die ersten 10 kWh kostet eine kWh 0,595 EUR inkl. 19 % MwSt." in text
    assert "Sonst kostet eine kWh 0,476 EUR inkl. 19 % MwSt." in text
    assert "Abgerechnet wird in vollen Schritten von 100 Wh, einmal je Ladevorgang aufgerundet." in text
    assert "Berechnet wird nur eine Gebühr: die, die zuerst gilt." in text
    assert "Ein Ladevorgang kostet mindestens 1,00 EUR ohne MwSt. und 1,19 EUR inkl. MwSt." in text
    assert "Ein Ladevorgang kostet höchstens 50,00 EUR ohne MwSt." in text
    assert "Gültig ab 02.05.2024 00:00:00 +02:00." in text


def test_dates_include_their_last_day() -> None:
    day = element(part("ENERGY", "1"), start_date="2024-05-01", end_date="2024-05-02")
    span = element(part("ENERGY", "2"), start_date="2024-05-02", end_date="2024-06-01")
    text = lines([day, span], "de")
    assert text[1].startswith("Am 1. Mai 2024 kostet")
    assert text[2].startswith("Vom 2. Mai 2024 bis einschließlich 31. Mai 2024 kostet")


@pytest.mark.parametrize(
    ("tax", "vat", "said"),
    [
        (None, None, "1.00 EUR (no VAT named)"),
        (None, D(0), "1.00 EUR incl. 0 % VAT"),
        ("YES", D(19), "1.00 EUR incl. 19 % VAT"),
        ("YES", None, "1.00 EUR incl. taxes"),
        ("N/A", D(19), "1.00 EUR (no tax)"),
    ],
)
def test_taxes_are_told(tax: str | None, vat: Decimal | None, said: str) -> None:
    source = [element(part("ENERGY", "1", vat=vat))]
    assert lines(source, "en", tax_included=tax)[1] == f"A kWh costs {said}."


def test_free_is_told_as_nothing() -> None:
    assert lines([element(part("FLAT", "0"))], "en")[1] == "Every session costs nothing once."


@pytest.mark.parametrize(
    ("value", "shown"),
    [("7", "7.00 EUR"), ("0.595", "0.595 EUR"), ("0.48991", "about 0.4899 EUR"), ("1E+3", "1,000.00 EUR")],
)
def test_amounts(value: str, shown: str) -> None:
    assert amount(D(value), "EUR", "en") == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0 seconds"),
        (60, "1 minute"),
        (5400, "1 hour and 30 minutes"),
        (3661, "1 hour, 1 minute and 1 second"),
    ],
)
def test_durations(seconds: int, shown: str) -> None:
    assert duration(seconds, "en") == shown


@given(tariffs, taxes_included)
def test_every_price_that_can_apply_is_told(source: list[dict[str, Any]], tax: str | None) -> None:
    tariff = tariff_of(source, tax_included=tax)
    explanation = explain(tariff)
    for language in locales.LANGUAGES:
        written = paragraphs(explanation, language)
        told = {one.heading: " ".join(one.lines) for one in written}
        for prices in explanation.topics:
            text = told[locales.text("tariff", f"heading_{prices.topic}", language)]
            assert "?" not in text  # a parameter that is missing
            for section in prices.sections:
                for plan in section.plans:
                    for stretch in plan.stretches:
                        if stretch.price is None:
                            continue
                        worth = stretch.price.price if stretch.price.gross is None else stretch.price.gross
                        nothing = locales.text("tariff", "nothing", language)
                        hourly, each = (amount(value, "EUR", language) for value in (worth, worth / 60))
                        assert hourly in text or each in text if worth else nothing in text
