"""Every case in ``cases/<name>/case.json``; a new case needs no code.

A case holds ``about``, ``time_zone``, ``tariffs`` (what a Tariff object has beyond its elements is filled in),
either ``periods`` (with ``state``, ``start``, ``end`` and the fields of SessionPeriod) or ``cdr`` (its times and
charging periods), optionally ``reservation_expired`` and ``policy`` (settings as a partner has them), and
``expect``: ``total`` and ``before_limits`` as [excl, incl]; ``parts``; ``taxes`` of the total as [percent, amount];
``billed``; ``lines`` as [dimension, tariff, element, component, billed in kWh or s or 1, cost excl]; ``findings``,
all codes in order; or ``error``, the reason.
"""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht import locales
from ocpi.objects.cdr import Cdr, ChargingPeriod
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import TariffError, compile_tariff, policy_from, price, session_from_cdr
from ocpi.tariffs.breakdown import Amount, Breakdown, PeriodState, PricedSessionInput, SessionPeriod
from ocpi.transport.json import loads
from ocpi.types import parse_datetime

CASES = sorted(Path(__file__).parent.glob("cases/*/case.json"))
HEAD = {"country_code": "DE", "party_id": "ABC", "currency": "EUR", "last_updated": "2024-01-01T00:00:00Z"}


def tariff_of(source: Any, index: int) -> Tariff:
    return Tariff.model_validate({**HEAD, "id": f"T{index}", **source})


def period_of(source: dict[str, Any]) -> SessionPeriod:
    numbers: dict[str, Any] = {
        name: Decimal(value)
        for name, value in source.items()
        if name not in {"state", "start", "end", "tariff_id"}
    }
    return SessionPeriod(
        state=PeriodState(source["state"]),
        start=parse_datetime(source["start"]),
        end=parse_datetime(source["end"]),
        tariff_id=source.get("tariff_id"),
        **numbers,
    )


def cdr_of(source: Any) -> Cdr:
    """Pricing reads the times and periods of a CDR and nothing else, so the case gives nothing else."""
    fields: dict[str, Any] = {
        "start_date_time": parse_datetime(source["start_date_time"]),
        "end_date_time": parse_datetime(source["end_date_time"]),
        "charging_periods": tuple(
            ChargingPeriod.model_validate(period) for period in source["charging_periods"]
        ),
    }
    return Cdr.model_construct(**fields)


def session_of(case: Any) -> tuple[PricedSessionInput, list[str]]:
    if "cdr" in case:
        session, findings = session_from_cdr(cdr_of(case["cdr"]))
        return session, [finding.code for finding in findings]
    return PricedSessionInput(
        tuple(period_of(period) for period in case["periods"]), case.get("reservation_expired", False)
    ), []


def run(case: Any) -> tuple[Breakdown, list[str]]:
    policy = policy_from(case.get("policy", "default"))
    tariffs = [compile_tariff(tariff_of(source, index)) for index, source in enumerate(case["tariffs"])]
    session, codes = session_of(case)
    result = price(session, tariffs, case["time_zone"], policy)
    return result, codes + [finding.code for finding in result.findings]


def pair(amount: Amount) -> list[Decimal | None]:
    return [amount.excl_vat, amount.incl_vat]


def wanted(values: list[str | None]) -> list[Decimal | None]:
    return [None if value is None else Decimal(value) for value in values]


@pytest.mark.parametrize("path", CASES, ids=lambda path: str(path.parent.name))
def test_case(path: Path) -> None:
    case = loads(path.read_bytes())
    expect = case["expect"]
    if "error" in expect:
        with pytest.raises(TariffError) as caught:
            run(case)
        assert caught.value.reason == expect["error"]
        return
    result, codes = run(case)
    assert pair(result.total) == wanted(expect["total"])
    assert pair(result.total_before_limits) == wanted(expect.get("before_limits", expect["total"]))
    if "parts" in expect:
        found = {str(bucket): pair(amount) for bucket, amount in result.parts.items()}
        assert found == {bucket: wanted(values) for bucket, values in expect["parts"].items()}
    if "taxes" in expect:
        found_taxes = [[line.percent, line.amount] for line in result.total.taxes]
        assert found_taxes == [wanted(line) for line in expect["taxes"]]
    for name, value in expect.get("billed", {}).items():
        assert getattr(result.billed, name) == Decimal(value), name
    if "lines" in expect:
        assert [
            [
                str(line.dimension),
                line.tariff_id,
                line.element,
                line.component,
                line.billed if line.billed_s is None else line.billed_s,
                line.cost.excl_vat,
            ]
            for line in result.lines
        ] == [[*line[:4], *wanted(line[4:])] for line in expect["lines"]]
    assert codes == expect.get("findings", [])
    for finding in result.findings:
        for language in locales.LANGUAGES:
            assert "?" not in locales.sentence(finding, language)  # a parameter that is not there


def test_there_are_cases() -> None:
    assert len(CASES) > 130
