"""A tariff that the meter signed: priced by the engine as by hand, and compared with the one that is billed by."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.billing.signed_tariff import SignedTariffError, difference, ocpi_tariff
from eichrecht.formats.tariff_text import TariffText, read_tariff_text
from ocpi.objects.tariff import Tariff, TaxIncluded
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod
from ocpi.tariffs.compiled import compile_tariff
from ocpi.tariffs.engine import price
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.billing.billing_support import MINUTE, START, bill, codes, component, element, tariff

BERLIN = ZoneInfo("Europe/Berlin")


def signed(text: str) -> TariffText:
    found = read_tariff_text(text)
    assert found is not None
    return found


def as_ocpi(text: str, vat: Decimal | None = None, tax_included: TaxIncluded | None = None) -> Tariff:
    return ocpi_tariff(
        signed(text),
        country_code="DE",
        party_id="CPO",
        last_updated=START,
        vat=vat,
        tax_included=tax_included,
    )


def record(text: str | None, energy: str = "10.000", minutes: int = 120) -> bytes:
    meter = OcmfMeter("secp256r1", head={"TT": text})
    begin = Decimal("100.000")
    return meter.session_record(begin, begin + Decimal(energy), START, START + minutes * MINUTE)


def engine_cost_ct(text: str, energy_kwh: Decimal, minutes: int, blocked_min: int = 0) -> Decimal:
    """What the tariff engine asks, in cents: cut where the price changes, parking at the end."""
    cuts = sorted({0, minutes - blocked_min, minutes, *(m for m in range(0, minutes, 10))})
    periods = []
    for begin, end in pairwise(cuts):
        state = PeriodState.PARKING if begin >= minutes - blocked_min else PeriodState.CHARGING
        energy = energy_kwh if begin == 0 else Decimal(0)
        periods.append(SessionPeriod(state, START + begin * MINUTE, START + end * MINUTE, energy))
    breakdown = price(PricedSessionInput(tuple(periods)), [compile_tariff(as_ocpi(text))], BERLIN)
    assert breakdown.total.excl_vat is not None
    return breakdown.total.excl_vat * 100


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["001;EUR;{};{};{};30", "002;EUR;{};{};{}", "003;EUR;{};{}"]),
    st.tuples(*(st.decimals("0", "99", places=1, allow_nan=False) for _ in range(3))),
    st.decimals("0", "80", places=3, allow_nan=False),
    st.integers(2, 24).map(lambda tens: 10 * tens),
    st.sampled_from([0, 10, 20]),
)
def test_the_engine_prices_it_as_the_text_says(
    form: str, prices: tuple[Decimal, ...], energy: Decimal, minutes: int, blocked: int
) -> None:
    text = form.format(*(f"{number:f}" for number in prices))
    expected = signed(text).cost_ct(energy, Decimal(minutes), Decimal(blocked))
    assert abs(engine_cost_ct(text, energy, minutes, blocked) - expected) < Decimal("0.0000001")


def test_the_tariff_is_named_after_its_text() -> None:
    made = as_ocpi("001;EUR;0;35;5;30")
    assert (made.id, made.currency, len(made.elements)) == ("001;EUR;0;35;5;30", "EUR", 2)
    blocking = made.elements[1]
    assert blocking.restrictions is not None
    assert blocking.restrictions.min_duration == 1800
    assert {c.type.value: c.price for c in blocking.price_components} == {"TIME": 3, "PARKING_TIME": 3}
    assert len(as_ocpi("002;EUR;" + "1" * 12 + ";" + "2" * 12 + ";" + "3" * 12).id) == 36


def test_a_blocking_fee_within_a_second_cannot_be_said() -> None:
    with pytest.raises(SignedTariffError):
        as_ocpi("001;EUR;0;35;5;0.001")
    assert difference(signed("001;EUR;0;35;5;0.001"), as_ocpi("001;EUR;0;35;5;0")) == "restrictions"


TEXTS = [
    "001;EUR;0;35;5;30",
    "001;EUR;100;59;10;120",
    "002;EUR;0;49;10",
    "003;EUR;50;3.5",
    "001;EUR;0;35;0;30",
]


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("other", TEXTS)
def test_a_signed_tariff_agrees_with_itself_and_with_no_other(text: str, other: str) -> None:
    found = difference(signed(text), as_ocpi(other))
    assert (found is None) == (text == other)


def test_net_and_gross_prices_of_the_same_tariff_agree() -> None:
    text = "002;EUR;100;59.5;11.9"
    net = tariff(
        element(component("FLAT", "0.840336"), component("ENERGY", "0.50")),
        element(component("PARKING_TIME", "6.00")),
    )
    assert difference(signed(text), net) is None
    assert difference(signed(text), as_ocpi(text, Decimal(19))) is None
    gross = as_ocpi(text, Decimal(19), TaxIncluded.YES)
    assert difference(signed(text), gross) is None
    assert difference(signed("002;EUR;84.0336;50;10"), gross) is None
    mixed = tariff(
        element(component("FLAT", "1.00"), component("ENERGY", "0.50")),
        element(component("PARKING_TIME", "6.00")),
    )
    assert difference(signed(text), mixed) is not None


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (tariff(element(component("ENERGY", "0.36", vat=None))), "ENERGY 0.36 ≠ 0.35"),
        (tariff(element(component("ENERGY", "0.35", vat=None)), currency="CHF"), "currency CHF"),
        (tariff(element(component("ENERGY", "0.35", vat=None)), min_price={"excl_vat": 1}), "min_price"),
        (tariff(element(component("ENERGY", "0.35", vat=None)), max_price={"excl_vat": 1}), "max_price"),
        (tariff(element(component("ENERGY", "0.35", vat=None), start_time="08:00")), "restrictions"),
        (tariff(element(component("ENERGY", "0.35", vat=None), max_duration=3600)), "restrictions"),
        (tariff(element(component("ENERGY", "0.50", vat=None), min_duration=60),
                element(component("ENERGY", "0.35", vat=None))), "restrictions"),
        (tariff(element(component("ENERGY", "0.35", vat=None)), element(component("TIME", "1", vat=None))),
         "TIME 1 ≠ 0"),
        (tariff(element(component("FLAT", "0", vat=None), component("ENERGY", "0.35", vat=None)),
                element(component("ENERGY", "9", vat=None))), None),
        (tariff(element(component("FLAT", "1", vat=None), reservation="RESERVATION"),
                element(component("ENERGY", "0.35", vat=None))), None),
    ],
)  # fmt: skip
def test_what_differs_is_named(made: Tariff, expected: str | None) -> None:
    assert difference(signed("002;EUR;0;35;0"), made) == expected


def test_a_session_billed_by_the_signed_tariff_leaves() -> None:
    made = bill(record("002;EUR;0;50;0"), tariff(element(component("ENERGY", "0.50", vat=None))))
    assert codes(made) == []
    assert made.outcome == "ready"


def test_a_session_billed_by_another_tariff_is_held_unless_the_operator_allows_it() -> None:
    content, other = record("002;EUR;0;49;0"), tariff(element(component("ENERGY", "0.50", vat=None)))
    made = bill(content, other)
    assert (made.outcome, codes(made)) == ("held", ["signed_tariff_differs"])
    (found,) = [finding for finding in made.findings if finding.code == "signed_tariff_differs"]
    assert dict(found.params) == {
        "signed": "002;EUR;0;49;0", "tariff": "T1", "difference": "ENERGY 0.5 ≠ 0.49",
    }  # fmt: skip
    allowed = bill(content, other, {"allow_other_tariff_text": True})
    assert (allowed.outcome, codes(allowed)) == ("ready", [])
    assert "policy_overridden" in codes(allowed, "warning")


def test_free_text_is_not_compared_but_said() -> None:
    made = bill(record("Haustarif"), tariff(element(component("ENERGY", "0.50", vat=None))))
    assert made.outcome == "ready"
    assert "signed_tariff_not_compared" in codes(made, "note")
    silent = bill(record(None), tariff(element(component("ENERGY", "0.50", vat=None))))
    assert not [c for c in codes(silent, "note") if "tariff" in c and "signed" in c]
