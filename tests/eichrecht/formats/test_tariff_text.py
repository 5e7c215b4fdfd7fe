"""The structured tariff text of OCMF: read to the letter, or not at all."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.formats.ocmf import OcmfFormat
from eichrecht.formats.tariff_text import MAX_NUMBER_CHARS, TariffText, read_tariff_text
from sample_meters.ocmf import OcmfMeter

D = Decimal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("001;EUR;0;35;5;30", ("001", D(0), D(35), None, D(5), D(30))),
        ("001;EUR;100;59;10;120", ("001", D(100), D(59), None, D(10), D(120))),
        ("001;EUR;250.5;0.79;15;0.5", ("001", D("250.5"), D("0.79"), None, D(15), D("0.5"))),
        ("002;EUR;0;49;10", ("002", D(0), D(49), None, D(10), None)),
        ("003;EUR;50;3.5", ("003", D(50), None, D("3.5"), None, None)),
    ],
)
def test_profiles(text: str, expected: tuple[object, ...]) -> None:
    tariff = read_tariff_text(text)
    assert tariff is not None
    assert tariff.text == text
    assert (
        tariff.profile, tariff.start_fee_ct, tariff.energy_ct_per_kwh, tariff.time_ct_per_min,
        tariff.blocking_ct_per_min, tariff.blocking_from_min,
    ) == expected  # fmt: skip


@pytest.mark.parametrize(
    "text",
    ["", "Test", "004;EUR;0;1", "001", "001;EUR;0;35;5", "001;EUR;0;35;5;30;", "001;EUR;0;35;5;30;1",
     "002;EUR;0;49;10;1",
     "001;CHF;0;35;5;30", "001;eur;0;35;5;30", "001;EUR;-0;35;5;30", "001;EUR;+1;35;5;30", "001;EUR;00;35;5;30",
     "001;EUR;01;35;5;30", "001;EUR;0,5;35;5;30", "001;EUR;.5;35;5;30", "001;EUR;5.;35;5;30", "001;EUR;1e3;35;5;30",
     "001;EUR; 0;35;5;30", "001;EUR;0;35;5;30 ", "001;EUR;0;35;5;30\n", "001;EUR;٣;35;5;30", "001;EUR;NaN;35;5;30",
     "1;EUR;0;35;5;30", "003;EUR;0;" + "9" * (MAX_NUMBER_CHARS + 1), "003;EUR;0;1." + "0" * 250],
)  # fmt: skip
def test_anything_else_is_free_text(text: str) -> None:
    assert read_tariff_text(text) is None


@given(st.text(max_size=300))
def test_any_text_is_a_tariff_or_none(text: str) -> None:
    for candidate in (text, "001;EUR;" + text, "003;EUR;0;" + text):
        found = read_tariff_text(candidate)
        assert found is None or isinstance(found, TariffText)


def test_cost_by_hand() -> None:
    first = read_tariff_text("001;EUR;100;35;5;30")
    assert first is not None
    assert first.cost_ct(D("7.825"), D(75)) == D("100") + D("7.825") * 35 + 5 * 45
    assert first.cost_ct(D("7.825"), D(30)) == D("100") + D("7.825") * 35
    second = read_tariff_text("002;EUR;0;49;10")
    assert second is not None
    assert second.cost_ct(D(2), D(75)) == 98
    assert second.cost_ct(D(2), D(75), D(3)) == 128
    third = read_tariff_text("003;EUR;50;3.5")
    assert third is not None
    assert third.cost_ct(D(2), D(75)) == D(50) + D("3.5") * 75


START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "code", "params"),
    [
        (
            "001;EUR;0;35;5;30",
            "tariff_text_001",
            {"start": "0", "energy": "35", "blocking": "5", "minute": "30"},
        ),
        ("002;EUR;0;49;10.50", "tariff_text_002", {"start": "0", "energy": "49", "blocking": "10.50"}),
        ("003;EUR;50;3", "tariff_text_003", {"start": "50", "time": "3"}),
    ],
)
def test_a_record_states_its_tariff(text: str, code: str, params: dict[str, str]) -> None:
    meter = OcmfMeter("secp256r1", head={"TT": text})
    record = OcmfFormat().decode(meter.session_record(D(1), D(2), START, START.replace(hour=16)))
    assert record.tariff_text == text
    stated = [finding for finding in record.findings if finding.code.startswith("tariff_text")]
    assert [(f.code, f.severity, f.where, dict(f.params)) for f in stated] == [(code, "note", "/TT", params)]


def test_a_record_without_structured_tariff_text_states_none() -> None:
    for text in (None, "", "0,50 €/kWh", "x" * 300):
        meter = OcmfMeter("secp256r1", head={"TT": text})
        record = OcmfFormat().decode(meter.session_record(D(1), D(2), START, START.replace(hour=16)))
        assert not [finding for finding in record.findings if finding.code.startswith("tariff_text")]
