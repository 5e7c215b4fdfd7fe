"""Whatever the session and the tariff: a CDR agrees with itself, and its energy is the signed energy exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.billing.build import Outcome
from ocpi.cdrs.context import EXACT_TOLERANCES, ReconcileContext
from ocpi.cdrs.reconcile import reconcile
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.transport import json
from ocpi.versions import V2_2_1
from tests.eichrecht.billing.billing_support import (
    at,
    bill,
    codes,
    component,
    element,
    energies,
    record,
    tariff,
)

MINUTES = 300

kinds = st.sampled_from(["ENERGY", "TIME", "PARKING_TIME", "FLAT"])
prices = st.integers(0, 900).map(lambda cents: str(Decimal(cents) / 100))
components = st.builds(
    component, kinds, prices, st.sampled_from([1, 60, 300, 500]), st.sampled_from([None, 7, 19])
)
clock = st.integers(0, 1439).map(lambda minute: f"{minute // 60:02d}:{minute % 60:02d}")
restrictions = st.fixed_dictionaries(
    {},
    optional={
        "start_time": clock,
        "end_time": clock,
        "min_kwh": st.integers(0, 60),
        "max_kwh": st.decimals("0.001", 60, places=3),
        "min_duration": st.integers(0, 20000),
        "max_duration": st.integers(1, 20000),
    },
)
elements = st.builds(
    lambda parts, limits: element(*parts, **limits),
    st.lists(components, min_size=1, max_size=3, unique_by=lambda item: item["type"]),
    restrictions,
)
tariffs = st.lists(elements, min_size=1, max_size=4).map(lambda made: tariff(*made))


@st.composite
def sessions(draw: st.DrawFn) -> tuple[bytes, Decimal, dict[str, Any]]:
    places = draw(st.integers(0, 4))
    total = Decimal(draw(st.integers(0, 70 * 10**places))).scaleb(-places)
    minutes = draw(st.integers(1, MINUTES))
    marks = sorted(draw(st.sets(st.integers(1, minutes), max_size=4)) - {minutes})
    shares = sorted(draw(st.lists(st.integers(0, 100), min_size=len(marks), max_size=len(marks))))
    signed = [
        (str((total * share / 100).quantize(Decimal(1).scaleb(-places))), mark)
        for share, mark in zip(shares, marks, strict=True)
    ]
    begin = datetime(2026, 3, 28, 22, tzinfo=UTC)  # the night in which the clocks go forward in Berlin
    states = [
        {"at": begin.replace(day=29, hour=0, minute=minute).strftime("%Y-%m-%dT%H:%M:%SZ"), "state": state}
        for minute, state in zip(
            sorted(draw(st.sets(st.integers(0, 59), max_size=3))),
            draw(st.lists(st.sampled_from(["CHARGING", "PARKING"]), min_size=3, max_size=3)),
            strict=False,
        )
    ]
    content = record(str(total), minutes, signed, start=begin, begin="2935.6" if places == 1 else "100")
    return content, total, {"states": states}


@settings(max_examples=150, deadline=None)
@given(sessions(), tariffs)
def test_a_cdr_agrees_with_itself_and_with_the_meter(
    session: tuple[bytes, Decimal, dict[str, Any]], chosen: Tariff
) -> None:
    content, total, more = session
    billed = bill(content, chosen, **more)
    assert billed.outcome is not Outcome.REFUSED, billed.findings
    cdr = billed.cdr
    assert cdr is not None
    assert sum(energies(billed)) == cdr.total_energy == total
    assert min(energies(billed), default=Decimal(0)) >= 0
    assert billed.reconciliation is not None
    assert billed.reconciliation.differences == ()
    # What holds the CDR is never its own arithmetic, only what the law asks of the meter.
    assert set(codes(billed)) <= {
        "energy_split_unsigned",
        "billed_energy_above_signed",
        "time_outside_signed_readings",
        "power_implausible",
    }, billed.findings
    sent = V2_2_1.load(Cdr, json.loads(json.dumps(V2_2_1.dump(cdr))))
    again = reconcile(
        sent,
        ReconcileContext(
            time_zone=ZoneInfo("Europe/Berlin"),
            tariffs=(chosen,),
            tolerances=EXACT_TOLERANCES,
            signed_energy_kwh=total,
        ),
    )
    assert again.differences == (), again.differences
    assert not again.open_errors, again.findings


@settings(max_examples=60, deadline=None)
@given(
    st.decimals("0.001", "50", places=3),
    st.lists(
        st.tuples(st.integers(1, 119), st.decimals(0, 1, places=5)), max_size=6, unique_by=lambda v: v[0]
    ),
)
def test_unsigned_values_divide_the_energy_without_losing_a_digit(
    total: Decimal, told: list[tuple[int, Decimal]]
) -> None:
    shares = sorted(share for _, share in told)
    values = [
        {"at": at(minute), "energy_kwh": total * share}
        for minute, share in zip(sorted(minute for minute, _ in told), shares, strict=True)
    ]
    billed = bill(record(str(total)), meter_values=values)
    assert billed.outcome is Outcome.READY, billed.findings
    assert sum(energies(billed)) == total
    assert min(energies(billed)) >= 0
