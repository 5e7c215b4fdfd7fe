from decimal import Decimal

from ocpi.cdrs.credit import credit_cdr
from ocpi.cdrs.reconcile import as_json, price_cdr, reconcile
from ocpi.objects.cdr import Cdr
from ocpi.tariffs.policy import MoneyRounding, PricingPolicy
from ocpi.transport.json import dumps, loads
from ocpi.types import Price
from tests.ocpi.cdrs.cdr_samples import (
    BERLIN,
    MINUTE,
    altered,
    component,
    context,
    make_cdr,
    tariff,
    with_volume,
)


def test_contract_of_the_command_line() -> None:
    answer = as_json(price_cdr(make_cdr(), time_zone=BERLIN))
    assert answer["total_cost"] == {"excl_vat": "12.00", "incl_vat": "14.28"}
    assert answer["total_fixed_cost"] == {"excl_vat": "0.50", "incl_vat": "0.595"}
    assert answer["total_energy_cost"] == {"excl_vat": "9.50", "incl_vat": "11.305"}
    assert answer["total_parking_cost"] == {"excl_vat": "2.00", "incl_vat": "2.38"}
    assert answer["total_time_cost"] is None
    assert answer["total_reservation_cost"] is None
    assert (answer["total_energy"], answer["total_time"]) == ("23.750", "1.333333")
    assert answer["total_parking_time"] == "0.333333"
    assert (answer["currency"], answer["policy"]) == ("EUR", "default")
    assert answer["differences"] == []
    assert answer["findings"] == []
    by_dimension = {line["dimension"]: line for line in answer["lines"]}
    assert by_dimension["ENERGY"]["tariff_id"] == "T1"
    assert by_dimension["FLAT"]["cost"] == {"excl_vat": "0.50", "incl_vat": "0.595"}
    assert (by_dimension["FLAT"]["tax"], by_dimension["ENERGY"]["tax"]) == ("0.095", "1.805")
    assert sum(Decimal(line["cost"]["excl_vat"]) for line in answer["lines"]) == Decimal(12)
    assert loads(dumps(answer)) == answer  # plain JSON values only


def test_differences_say_what_was_claimed() -> None:
    cdr = make_cdr()
    forged = altered(
        cdr,
        total_cost=Price(excl_vat=Decimal("13.00"), incl_vat=Decimal("15.47")),
        total_energy=Decimal("24.000"),
    )
    differences = {
        item["field"]: item for item in as_json(price_cdr(forged, time_zone=BERLIN))["differences"]
    }
    assert set(differences) == {"total_cost.excl_vat", "total_cost.incl_vat", "total_energy"}
    excl = differences["total_cost.excl_vat"]
    assert (excl["claimed"], excl["computed"], excl["difference"]) == ("13.00", "12.00", "1.00")
    energy = differences["total_energy"]
    assert (energy["claimed"], energy["computed"], energy["difference"]) == ("24.000", "23.750", "0.250")


def test_another_tariff_than_the_one_inside() -> None:
    other = tariff([{"price_components": [component("ENERGY", "0.50", vat=None)]}])
    priced = price_cdr(make_cdr(), [other], time_zone=BERLIN)
    assert priced.costs is not None
    assert priced.costs.total_cost == Price(excl_vat=Decimal("11.875"))
    codes = {finding.code for finding in priced.findings}
    assert "cdr_tariff_differs_from_snapshot" in codes


def test_without_tariff_there_is_no_price_but_an_answer() -> None:
    answer = as_json(price_cdr(altered(make_cdr(), tariffs=None), time_zone=BERLIN))
    assert answer["total_cost"] is None
    assert answer["lines"] == []
    assert [finding["code"] for finding in answer["findings"]] == ["cdr_unpriceable"]


def test_unusable_input_gives_findings() -> None:
    cdr = make_cdr()
    for broken in (
        altered(cdr, total_energy=Decimal("NaN")),
        altered(cdr, charging_periods=()),
        Cdr.model_construct(),
        altered(cdr, charging_periods=cdr.charging_periods[::-1]),
        altered(cdr, end_date_time=cdr.start_date_time),
    ):
        answer = as_json(price_cdr(broken, time_zone=BERLIN))
        assert answer["findings"]
    zone = as_json(price_cdr(cdr, time_zone="Europe/Atlantis"))
    assert zone["findings"][0]["code"] == "cdr_pricing_failed"
    assert zone["total_cost"] is None


def test_credit_is_priced_as_the_charge_that_it_takes_back() -> None:
    cdr = make_cdr()
    credit = credit_cdr(cdr, cdr.last_updated + MINUTE)
    priced = price_cdr(credit, time_zone=BERLIN)
    assert priced.differences == ()
    assert priced.costs is not None
    assert priced.costs.total_cost.excl_vat == Decimal(12)


def test_policy_rounds_what_is_answered() -> None:
    cents = PricingPolicy(name="cents", money_digits=2, money_rounding=MoneyRounding.HALF_EVEN)
    cdr = make_cdr(tariffs=[tariff([{"price_components": [component("ENERGY", "0.41", vat=None)]}])])
    answer = as_json(price_cdr(cdr, time_zone=BERLIN, policy=cents))
    assert answer["total_cost"] == {"excl_vat": "9.74", "incl_vat": None}
    assert answer["policy"] == "cents"


def test_hours_are_told_from_periods_only() -> None:
    cdr = with_volume(with_volume(make_cdr(), 0, "ENERGY", None), 1, "ENERGY", None)
    priced = price_cdr(cdr, time_zone=BERLIN)
    assert priced.total_energy is None
    assert as_json(priced)["total_energy"] is None


def test_findings_about_periods_point_into_the_cdr() -> None:
    """Also where its periods are out of order, and one that mixes charging and parking counts as two."""
    limited = {
        "price_components": [component("PARKING_TIME", "6.00")],
        "restrictions": {"max_duration": 60},
    }
    priced_by = [tariff([{"price_components": [component("ENERGY", "0.40")]}, limited])]
    cdr = make_cdr(tariffs=priced_by)
    first, *others = cdr.charging_periods
    parked = next(period for period in cdr.charging_periods if "PARKING_TIME" in str(period.dimensions))
    for periods in (cdr.charging_periods, (*others, first)):
        priced = price_cdr(altered(cdr, charging_periods=periods), time_zone=BERLIN)
        (gap,) = [item for item in priced.findings if item.code == "dimension_without_price"]
        assert gap.where == f"/charging_periods/{periods.index(parked)}"


def yen(total: str, energy: str, parking: str) -> Cdr:
    """9.5 yen of energy, 2.3 of parking, 7 % tax (of 23.75 kWh and 20 minutes)."""
    parts = [component("ENERGY", "0.4", vat="7"), component("PARKING_TIME", "6.9", vat="7")]
    cdr = make_cdr(tariffs=[tariff([{"price_components": parts}], currency="JPY")], currency="JPY")
    told = {"total_cost": total, "total_energy_cost": energy, "total_parking_cost": parking}
    return altered(cdr, **{name: Price(excl_vat=Decimal(value)) for name, value in told.items()})


def test_whole_yen_are_no_difference_but_a_yen_is() -> None:
    """There is nothing smaller to write; the sum of rounded parts may miss the rounded total (12 = 10 + 2)."""
    for honest in (yen("12", "10", "2"), yen("11.8", "9.5", "2.3"), yen("12", "9.5", "2.3")):
        report = reconcile(honest, context())
        assert report.differences == ()
        assert report.policy.tolerance == Decimal("0.5")
    wrong = {item.field for item in reconcile(yen("13", "10", "2"), context()).differences}
    assert "/total_cost/excl_vat" in wrong
    assert as_json(price_cdr(yen("12", "10", "2"), time_zone=BERLIN))["differences"] == []
    agreed = PricingPolicy(tolerance=Decimal("0.1"))
    assert price_cdr(yen("12", "10", "2"), time_zone=BERLIN, policy=agreed).differences
