"""Every pricing vector of OCPI 2.2.1: totals, parts, volumes and lines (meta.format of the file).

Those of 2.1.1 and 2.3.0 whose prices are without taxes run too, their tariffs rewritten as 2.2.1 (facts §8);
the tax lines of 2.3.0 are not looked at.
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

FILE = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "ocpi" / "pricing_vectors.json"
BUCKETS = {
    "total_fixed_cost": Bucket.FIXED,
    "total_energy_cost": Bucket.ENERGY,
    "total_time_cost": Bucket.TIME,
    "total_parking_cost": Bucket.PARKING,
    "total_reservation_cost": Bucket.RESERVATION,
}
VERSION = "2.2.1"
COUNT = 52
OTHERS_COUNT = 31
QUANTITY_UNITS = {"kWh": "kWh", "h": "s", "session": "x"}


def vectors() -> list[Any]:
    if not FILE.exists():
        return []
    return list(loads(FILE.read_bytes())["vectors"])


def as_221(vector: Any) -> Any:
    tariff = {
        "country_code": "DE",
        "party_id": "ABC",
        "last_updated": "2024-01-01T00:00:00Z",
        **{key: value for key, value in vector["tariff"].items() if key != "tax_included"},
    }
    for key in {"min_price", "max_price"} & tariff.keys():
        limit = {"excl_vat": tariff[key]["before_taxes"], "incl_vat": tariff[key].get("after_taxes")}
        tariff[key] = limit
    return {**vector, "tariff": tariff}


VECTORS = [vector for vector in vectors() if vector["version"] == VERSION]
OTHERS = [
    as_221(vector)
    for vector in vectors()
    if vector["version"] != VERSION and vector["tariff"].get("tax_included") != "YES"
]
pytestmark = pytest.mark.skipif(not VECTORS, reason=f"{FILE} is not there")


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


def priced(vector: Any) -> Breakdown:
    tariff = compile_tariff(Tariff.model_validate(vector["tariff"]))
    return price(session_of(vector["session"]), [tariff], vector["session"]["timezone"])


def test_all_vectors_are_there() -> None:
    assert len(VECTORS) == COUNT
    assert len(OTHERS) == OTHERS_COUNT


@pytest.mark.parametrize("vector", [*VECTORS, *OTHERS], ids=lambda vector: str(vector["id"]))
def test_vector(vector: Any) -> None:
    expected = vector["expected"]
    result = priced(vector)
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
