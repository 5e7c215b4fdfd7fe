"""Any session that we price and write reconciles with itself; any number that is changed is noticed."""

from datetime import timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpi.cdrs.credit import COST_FIELDS, credit_cdr
from ocpi.cdrs.reconcile import CreditStyle, reconcile
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import PricedSessionInput, SessionPeriod
from ocpi.transport.json import dumps, loads
from ocpi.types import Price
from tests.ocpi.cdrs.cdr_samples import (
    CHARGING,
    MINUTE,
    PARKING,
    RESERVATION,
    START,
    altered,
    component,
    full_context,
    make_cdr,
    tariff,
    with_volume,
)

SETTINGS = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

prices = st.decimals(min_value=0, max_value=20, places=4)
rates = st.one_of(st.none(), st.sampled_from([Decimal(0), Decimal("7.7"), Decimal(19)]))
energies = st.decimals(min_value=Decimal("0.001"), max_value=80, places=3)


@st.composite
def components(draw: st.DrawFn, kinds: list[str]) -> list[dict[str, object]]:
    chosen = draw(st.lists(st.sampled_from(kinds), min_size=1, max_size=4, unique=True))
    return [
        component(
            kind,
            str(draw(prices)),
            None if (vat := draw(rates)) is None else str(vat),
            draw(st.integers(0, 900)),
        )
        for kind in chosen
    ]


@st.composite
def tariffs(draw: st.DrawFn) -> Tariff:
    elements: list[dict[str, object]] = []
    if draw(st.booleans()):
        elements.append(
            {
                "price_components": draw(components(["ENERGY", "TIME", "PARKING_TIME"])),
                "restrictions": draw(
                    st.sampled_from(
                        [
                            {"start_time": "12:30", "end_time": "18:00"},
                            {"min_kwh": Decimal(20)},
                            {"max_duration": 1800},
                            {"day_of_week": ["MONDAY", "TUESDAY"]},
                        ]
                    )
                ),
            }
        )
    if draw(st.booleans()):
        elements.append(
            {
                "price_components": draw(components(["FLAT", "TIME"])),
                "restrictions": {"reservation": "RESERVATION"},
            }
        )
    elements.append({"price_components": draw(components(["FLAT", "ENERGY", "TIME", "PARKING_TIME"]))})
    limits = {}
    if draw(st.booleans()):
        limits["max_price"] = {"excl_vat": Decimal(20), "incl_vat": Decimal("23.80")}
    if draw(st.booleans()):
        limits["min_price"] = {"excl_vat": Decimal("0.5")}
    return tariff(elements, **limits)


@st.composite
def sessions(draw: st.DrawFn) -> PricedSessionInput:
    states = draw(st.lists(st.sampled_from([CHARGING, PARKING]), min_size=1, max_size=8))
    if draw(st.booleans()):
        states.insert(0, RESERVATION)
    start = START + timedelta(seconds=draw(st.integers(0, 86_400)))
    periods = []
    for state in states:
        end = start + timedelta(seconds=draw(st.integers(1, 9_000)))
        energy = draw(energies) if state is CHARGING else Decimal(0)
        periods.append(SessionPeriod(state, start, end, energy))
        start = end
    return PricedSessionInput(tuple(periods))


@st.composite
def cdrs(draw: st.DrawFn) -> Cdr:
    session = draw(sessions())
    end = session.periods[-1].end
    cdr = make_cdr(session, [draw(tariffs())], last_updated=end + MINUTE)
    # what is checked is what crosses the wire, not the object in memory
    return Cdr.model_validate(loads(dumps(cdr.model_dump(mode="python", exclude_none=True))))


@SETTINGS
@given(cdrs())
def test_a_cdr_reconciles_with_itself(cdr: Cdr) -> None:
    report = reconcile(cdr, full_context(cdr))
    # the price may be remarkable (a period that spans a price change, a limit), the CDR is never wrong
    assert report.differences == ()
    assert report.open_errors == ()


@SETTINGS
@given(cdrs())
def test_sums_fit_to_the_last_digit(cdr: Cdr) -> None:
    volumes: dict[str, Decimal] = {}
    for period in cdr.charging_periods:
        for item in period.dimensions:
            volumes[item.type.value] = volumes.get(item.type.value, Decimal(0)) + item.volume
    assert volumes.get("ENERGY", Decimal(0)) == cdr.total_energy
    parking = volumes.get("PARKING_TIME", Decimal(0))
    assert volumes.get("TIME", Decimal(0)) + parking == cdr.total_time
    assert parking == (cdr.total_parking_time or 0)


@SETTINGS
@given(cdrs(), st.sampled_from(list(CreditStyle)))
def test_credit_and_original_sum_to_zero(cdr: Cdr, style: CreditStyle) -> None:
    credit = credit_cdr(cdr, cdr.last_updated + MINUTE, style)
    assert cdr.total_cost.excl_vat + credit.total_cost.excl_vat == 0
    if cdr.total_cost.incl_vat is not None and credit.total_cost.incl_vat is not None:
        assert cdr.total_cost.incl_vat + credit.total_cost.incl_vat == 0
    report = reconcile(credit, full_context(cdr, credited=cdr, credit_style=style))
    assert report.open_errors == ()


@SETTINGS
@given(cdrs(), st.data())
def test_a_changed_cost_is_caught(cdr: Cdr, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from([field for field in COST_FIELDS if getattr(cdr, field) is not None]))
    price: Price = getattr(cdr, name)
    side = data.draw(
        st.sampled_from(["excl_vat", "incl_vat"] if price.incl_vat is not None else ["excl_vat"])
    )
    by = data.draw(st.sampled_from([Decimal("0.0001"), Decimal("-0.0001"), Decimal(1), Decimal("-0.01")]))
    forged = altered(cdr, **{name: price.model_copy(update={side: getattr(price, side) + by})})
    report = reconcile(forged, full_context(cdr))
    assert f"/{name}/{side}" in {item.field for item in report.differences}
    assert report.held


@SETTINGS
@given(cdrs(), st.data())
def test_a_changed_volume_is_caught(cdr: Cdr, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(cdr.charging_periods) - 1))
    item = data.draw(st.sampled_from(cdr.charging_periods[index].dimensions))
    by = data.draw(st.sampled_from([Decimal("0.01"), Decimal("-0.01"), Decimal(5)]))
    forged = with_volume(cdr, index, item.type.value, item.volume + by)
    assert reconcile(forged, full_context(cdr)).held


@SETTINGS
@given(cdrs(), st.sampled_from(["total_energy", "total_time", "total_parking_time"]), st.booleans())
def test_a_changed_total_is_caught(cdr: Cdr, name: str, more: bool) -> None:
    value: Decimal | None = getattr(cdr, name)
    if value is None:
        return
    by = Decimal("0.001") if name == "total_energy" else Decimal("0.01")
    forged = altered(cdr, **{name: value + by if more else value - by})
    assert f"/{name}" in {item.field for item in reconcile(forged, full_context(cdr)).differences}
