"""Material that we did not write: the CDR example of the specification and the 2.2.1 pricing vectors."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from ocpi.cdrs.credit import COST_FIELDS
from ocpi.cdrs.reconcile import CheckStatus, Rule, as_json, price_cdr, reconcile
from ocpi.cdrs.totals import build_cdr
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod
from ocpi.tariffs.compiled import compile_tariff
from ocpi.tariffs.engine import price
from ocpi.transport.json import dumps, loads
from ocpi.types import parse_datetime
from tests.ocpi.cdrs.cdr_samples import HEADER, context, full_context

VECTORS = Path(__file__).resolve().parents[3].parent / "shared" / "vectors" / "ocpi"
pytestmark = pytest.mark.skipif(not VECTORS.exists(), reason="../shared is absent")


def read(name: str) -> Any:
    return loads((VECTORS / name).read_bytes())


class TestSpecificationExample:
    """examples/cdr_example.json of 2.2.1, with its errata (gotcha 38, vectors meta C7)."""

    @pytest.fixture
    def cdr(self) -> Cdr:
        return Cdr.model_validate(read("examples-2.2.1/cdr_example.json"))

    def test_reconciles_except_for_its_errata(self, cdr: Cdr) -> None:
        report = reconcile(cdr, context())
        failed = {check.rule for check in report.checks if check.status is CheckStatus.FAILED}
        assert failed == {Rule.LAST_UPDATED}  # 22:01:13, but the session ended at 23:37:32
        assert {finding.code for finding in report.open_errors} == {"cdr_last_updated_before_end"}
        assert report.differences == ()

    def test_energy_without_dimension_is_not_called_right(self, cdr: Cdr) -> None:
        sums = reconcile(cdr, context()).check(Rule.VOLUME_SUMS)
        assert ("/total_energy", "cdr_unchecked_no_dimension") in {
            (u.where, u.reason) for u in sums.unchecked
        }
        assert "cdr_total_without_dimension" in {finding.code for finding in sums.findings}

    def test_price_by_hand(self, cdr: Cdr) -> None:
        # 21:39:09 to 23:37:32 = 7103 s; step 300 s: 24 * 300 = 7200 s = 2 h; 2 * 2.00 = 4.00; 10 %: 4.40
        answer = as_json(price_cdr(cdr, time_zone="Europe/Brussels"))
        assert answer["total_cost"] == {"excl_vat": "4.00", "incl_vat": "4.40"}
        assert answer["total_time_cost"] == {"excl_vat": "4.00", "incl_vat": "4.40"}
        assert answer["differences"] == []
        assert answer["lines"][0]["billed"] == "2"

    def test_coordinates_are_swapped(self, cdr: Cdr) -> None:
        """Gent is at 51.05 N, 3.73 E; fails when the example is mended."""
        assert cdr.cdr_location.coordinates.latitude == "3.729944"


KINDS = {"ok", "derived", "spec_error", "issue", "edge"}


def vectors() -> list[Any]:
    if not VECTORS.exists():
        return []
    found = read("pricing_vectors.json")["vectors"]
    return [vector for vector in found if vector["version"] == "2.2.1" and vector["status"] in KINDS]


def session_of(vector: dict[str, Any]) -> PricedSessionInput:
    def number(period: dict[str, Any], name: str) -> Decimal | None:
        return Decimal(str(period[name])) if period.get(name) is not None else None

    periods = tuple(
        SessionPeriod(
            state=PeriodState(period["state"]),
            start=parse_datetime(period["start"]),
            end=parse_datetime(period["end"]),
            energy_kwh=Decimal(period.get("energy_kwh") or 0),
            min_power_kw=number(period, "power_kw"),
            max_power_kw=number(period, "power_kw"),
            min_current_a=number(period, "current_a"),
            max_current_a=number(period, "current_a"),
        )
        for period in vector["session"]["periods"]
    )
    return PricedSessionInput(
        periods, reservation_expired=vector["session"].get("reservation_expired", False)
    )


@pytest.mark.parametrize("vector", vectors(), ids=lambda vector: vector["id"])
def test_vector_as_cdr(vector: dict[str, Any]) -> None:
    """Session, price, CDR, wire, CDR, price: the same totals, and the CDR reconciles with itself."""
    tariff = Tariff.model_validate(vector["tariff"])
    session = session_of(vector)
    zone = vector["session"]["timezone"]
    end = session.periods[-1].end
    header = replace(HEADER, currency=tariff.currency, last_updated=end + timedelta(minutes=1))
    breakdown = price(session, [compile_tariff(tariff)], zone)
    built = build_cdr(header, session, [tariff], breakdown)
    cdr = Cdr.model_validate(loads(dumps(built.model_dump(mode="python", exclude_none=True))))

    report = reconcile(cdr, full_context(cdr, time_zone=zone))
    assert report.differences == ()
    assert report.open_errors == ()

    answer = as_json(price_cdr(cdr, time_zone=zone))
    for name in COST_FIELDS:
        expected, computed = vector["expected"][name], answer[name]
        if expected is None or computed is None:
            assert expected is computed is None, name
            continue
        for side, key in (("excl_vat", "excl"), ("incl_vat", "incl")):
            if expected[key] is None:
                assert computed[side] is None
            else:
                # expected values have up to six decimals, written ones four
                assert abs(Decimal(computed[side]) - Decimal(expected[key])) <= Decimal("0.00005"), name
