"""Every pricing vector: totals, parts, volumes, lines and the tax lines of 2.3.0 (meta.format of the file).

Each tariff is read in its own version; the few fields that an example lacks are filled in. Where another version
can say the tariff, it is written in it, read again, and must cost the same.
"""

from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest

from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import (
    Amount,
    Breakdown,
    Bucket,
    Line,
    PeriodState,
    PricedSessionInput,
    SessionPeriod,
)
from ocpi.tariffs.compiled import compile_tariff
from ocpi.tariffs.engine import price
from ocpi.transport.json import loads
from ocpi.types import parse_datetime
from ocpi.versions import V2_1_1, V2_2_1, V2_3_0, WRITTEN, WireVersion

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "ocpi" / "pricing_vectors.json"
BUCKETS = {
    "total_fixed_cost": Bucket.FIXED,
    "total_energy_cost": Bucket.ENERGY,
    "total_time_cost": Bucket.TIME,
    "total_parking_cost": Bucket.PARKING,
    "total_reservation_cost": Bucket.RESERVATION,
}
VERSIONS: dict[str, WireVersion] = {wire.number: wire for wire in WRITTEN}
COUNTS = {"2.1.1": 1, "2.2.1": 52, "2.3.0": 31}
QUANTITY_UNITS = {"kWh": "kWh", "h": "s", "session": "x"}
HEAD = {"country_code": "DE", "party_id": "ABC", "last_updated": "2024-01-01T00:00:00Z"}


def vectors() -> list[Any]:
    if not FILE.exists():
        return []
    return list(loads(FILE.read_bytes())["vectors"])


VECTORS = vectors()
pytestmark = pytest.mark.skipif(not VECTORS, reason=f"{FILE} is not there")


def tariff_of(vector: Any) -> Tariff:
    """Return the tariff, read in its own version; 2.1.1 tariffs name no owner, and need none."""
    head = {"last_updated": HEAD["last_updated"]} if vector["version"] == "2.1.1" else HEAD
    return VERSIONS[vector["version"]].load(Tariff, {**head, **vector["tariff"]})


def six(value: Any) -> Decimal | None:
    """Vectors are exact or half-up at 6 decimals."""
    if value is None:
        return None
    return Decimal(value).quantize(Decimal("0.000001"), ROUND_HALF_UP).normalize()


def session_of(source: Any) -> PricedSessionInput:
    def number(period: Any, key: str) -> Decimal | None:
        return None if period.get(key) is None else Decimal(period[key])

    return PricedSessionInput(
        tuple(
            SessionPeriod(
                state=PeriodState(period["state"]),
                start=parse_datetime(period["start"]),
                end=parse_datetime(period["end"]),
                energy_kwh=Decimal(period.get("energy_kwh", "0")),
                min_power_kw=number(period, "power_kw"),
                max_power_kw=number(period, "power_kw"),
                min_current_a=number(period, "current_a"),
                max_current_a=number(period, "current_a"),
            )
            for period in source["periods"]
        ),
        reservation_expired=source["reservation_expired"],
    )


def amount(value: Amount | None) -> dict[str, Decimal | None] | None:
    return None if value is None else {"excl": six(value.excl_vat), "incl": six(value.incl_vat)}


def expected_amount(value: Any) -> dict[str, Decimal | None] | None:
    return None if value is None else {"excl": six(value["excl"]), "incl": six(value["incl"])}


def line_key(line: Line) -> tuple[object, ...]:
    return (
        str(line.dimension),
        str(line.bucket),
        six(line.billed if line.billed_s is None else line.billed_s),
        QUANTITY_UNITS[line.unit],
        six(line.price),
        six(line.cost.excl_vat),
        six(line.vat_percent),
        six(line.cost.incl_vat),
    )


def expected_line(line: Any) -> tuple[object, ...]:
    return (
        line["dimension"],
        line["bucket"],
        six(line["quantity"]),
        line["unit"],
        six(line["price"]),
        six(line["cost_excl"]),
        six(line["vat_percent"]),
        six(line["cost_incl"]),
    )


def priced(vector: Any, tariff: Tariff) -> Breakdown:
    return price(session_of(vector["session"]), [compile_tariff(tariff)], vector["session"]["timezone"])


def test_all_vectors_are_there() -> None:
    assert Counter(vector["version"] for vector in VECTORS) == COUNTS


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector(vector: Any) -> None:
    check(vector, priced(vector, tariff_of(vector)))


def check(vector: Any, result: Breakdown) -> None:
    expected = vector["expected"]
    assert amount(result.total) == expected_amount(expected["total_cost"])
    assert amount(result.total_before_limits) == expected_amount(expected["total_before_min_max"])
    for field, bucket in BUCKETS.items():
        assert amount(result.parts.get(bucket)) == expected_amount(expected[field]), field
    assert Counter(map(line_key, result.lines)) == Counter(map(expected_line, expected["lines"]))
    billed, volumes = result.billed, expected["billed_volumes"]
    assert six(billed.energy_kwh) == six(volumes["energy_kwh"])
    assert billed.charging_s == volumes["charging_seconds"]
    assert billed.parking_s == volumes["parking_seconds"]
    assert billed.reservation_s == volumes["reservation_seconds"]
    assert billed.flat_fees == volumes["flat_fees"]
    measured, volumes = result.measured, expected["actual_volumes"]
    assert six(measured.energy_kwh) == six(volumes["energy_kwh"])
    assert measured.charging_s == volumes["charging_seconds"]
    assert measured.parking_s == volumes["parking_seconds"]
    assert measured.reservation_s == volumes["reservation_seconds"]
    assert not [f for f in result.findings if f.severity == "error"]
    check_taxes(result, expected.get("v230"))


def check_taxes(result: Breakdown, expected: Any) -> None:
    for amount_ in (result.total, result.total_before_limits, *result.parts.values()):
        if amount_.excl_vat is not None and amount_.incl_vat is not None:
            assert sum(line.amount for line in amount_.taxes) == amount_.incl_vat - amount_.excl_vat
        else:
            assert not amount_.taxes
    if expected is None:
        return
    assert six(result.total.excl_vat) == six(expected["before_taxes"])
    assert six(result.total.incl_vat) == six(expected["after_taxes_total"])
    if expected["taxes"] is not None:
        found = [(six(line.percent), six(line.amount)) for line in result.total.taxes]
        assert found == [(six(line["percentage"]), six(line["amount"])) for line in expected["taxes"]]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
@pytest.mark.parametrize("wire", [V2_2_1, V2_3_0], ids=lambda wire: str(wire.number))
def test_vector_in_the_other_version(vector: Any, wire: WireVersion) -> None:
    """2.2.1 and 2.3.0 say the same, but for prices with taxes of unknown rate."""
    tariff = tariff_of(vector)
    written = wire.write(tariff)
    if tariff.tax_included == "YES" and wire is V2_2_1:
        assert written.data is None
        assert [finding.code for finding in written.findings] == ["net_price_unknown"]
        return
    assert written.data is not None
    assert written.faithful
    check(vector, priced(vector, wire.load(Tariff, written.data)))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector_in_2_1_1(vector: Any) -> None:
    """What 2.1.1 can say costs the same there without VAT; what it cannot is reported."""
    tariff = tariff_of(vector)
    written = V2_1_1.write(tariff)
    codes = {finding.code for finding in written.findings}
    unsaid = [
        element
        for element in tariff.elements
        if element.restrictions is not None
        and (
            element.restrictions.min_current,
            element.restrictions.max_current,
            element.restrictions.reservation,
        )
        != (None, None, None)
    ]
    assert ("element_removed" in codes) == bool(unsaid)
    assert ("limit_lost" in codes) == (tariff.min_price is not None or tariff.max_price is not None)
    if not written.faithful or unsaid:
        assert codes & {"element_removed", "limit_lost", "net_price_unknown"}
        return
    assert written.data is not None
    result = priced(vector, V2_1_1.load(Tariff, written.data))
    assert six(result.total.excl_vat) == six(vector["expected"]["total_cost"]["excl"])
    assert result.total.incl_vat is None
