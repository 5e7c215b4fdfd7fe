"""Pricing a CDR, as a ratio to reading the JSON of the same CDR in the same run.

``python benchmarks/pricing.py`` prints one row per CDR:

* ``load``: ``json.loads(text, parse_float=Decimal)``, the least that anyone who prices a CDR has to do;
* ``price``: ``session_from_cdr`` and ``price``: from the CDR object to the breakdown, tariff compiled once;
* ``engine``: ``price`` alone, for those who have the session already;
* ``written``: ``price`` and the rounded amounts of a CDR.

CDRs: ``small`` is one stretch of charging priced by energy, with the totals that belong to it; ``mixed`` is a fee,
energy and parking time in two periods; ``dynamic-8`` and ``dynamic-48`` have a tariff of 48 half hours and 8 or 48
periods. With ``--example FILE`` any other CDR of OCPI 2.2.1 takes part.

All candidates take turns in one process and only CPU time counts. A ratio is taken within each round and printed as
a median, twice: of the fifth of the rounds that took least time, and, behind it, of all rounds. On a quiet machine
both agree. ``--check`` ends with status 1 if ``price`` of the quick rounds is above its limit.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ocpi.objects.cdr import Cdr
from ocpi.tariffs import compile_tariff, price, session_from_cdr, written_costs
from ocpi.transport.json import dumps, loads
from ocpi.types import format_datetime
from ocpi.versions import V2_2_1

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 3, 7, 12, 30, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
LIMITS = {"small": Decimal(2), "dynamic-8": Decimal(6), "dynamic-48": Decimal(6)}
"""Largest ratio of ``price`` to ``load``."""

Candidate = Callable[[], object]


def component(kind: str, price_: str, step_size: int = 1) -> dict[str, Any]:
    return {"type": kind, "price": Decimal(price_), "vat": Decimal("19.0"), "step_size": step_size}


def cost(net: str, gross: str) -> dict[str, Any]:
    return {"excl_vat": Decimal(net), "incl_vat": Decimal(gross)}


def cdr(elements: list[Any], periods: list[Any], end: datetime, **totals: Any) -> dict[str, Any]:
    """Return a CDR as a CPO sends it, without signed data."""
    return {
        "country_code": "DE",
        "party_id": "ABC",
        "id": "3f6c1f0a-7c1e-4a57-9a6f-0d6f2a4f9b11",
        "start_date_time": periods[0]["start_date_time"],
        "end_date_time": format_datetime(end),
        "session_id": "b1f7a3c2-52d0-4f2e-8a3f-6a0f6f1f2d7e",
        "cdr_token": {
            "country_code": "DE",
            "party_id": "EMP",
            "uid": "04A2B3C4D5E680",
            "type": "RFID",
            "contract_id": "DE-EMP-C0012345-X",
        },
        "auth_method": "WHITELIST",
        "authorization_reference": "7be2b7d0-9f6b-4a3a-8f0e-0a4e6c1d2f3b",
        "cdr_location": {
            "id": "LOC-1",
            "name": "Parkhaus am Markt",
            "address": "Marktstrasse 1",
            "city": "Musterstadt",
            "postal_code": "12345",
            "country": "DEU",
            "coordinates": {"latitude": "51.047599", "longitude": "13.729944"},
            "evse_uid": "EVSE-1",
            "evse_id": "DE*ABC*E0001*1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        },
        "meter_id": "1EMH0012345678",
        "currency": "EUR",
        "tariffs": [
            {
                "country_code": "DE",
                "party_id": "ABC",
                "id": "T1",
                "currency": "EUR",
                "type": "REGULAR",
                "elements": elements,
                "last_updated": "2026-01-01T00:00:00Z",
            }
        ],
        "charging_periods": periods,
        **totals,
        "last_updated": format_datetime(end + timedelta(minutes=5)),
    }


def period(start: datetime, **volumes: str) -> dict[str, Any]:
    dimensions = [{"type": kind, "volume": Decimal(volume)} for kind, volume in volumes.items()]
    return {"start_date_time": format_datetime(start), "dimensions": dimensions, "tariff_id": "T1"}


def small() -> dict[str, Any]:
    return cdr(
        [{"price_components": [component("ENERGY", "0.49")]}],
        [period(START, ENERGY="17.342", TIME="1.625")],
        START + timedelta(minutes=97, seconds=30),
        total_cost=cost("8.4976", "10.1121"),
        total_energy=Decimal("17.342"),
        total_energy_cost=cost("8.4976", "10.1121"),
        total_time=Decimal("1.625"),
    )


def mixed() -> dict[str, Any]:
    parts = [component("FLAT", "0.50"), component("ENERGY", "0.49"), component("PARKING_TIME", "6.00", 60)]
    return cdr(
        [{"price_components": parts}],
        [
            period(START, ENERGY="17.342", TIME="1.625"),
            period(START + timedelta(minutes=97, seconds=30), ENERGY="0", PARKING_TIME="0.508333"),
        ],
        START + timedelta(minutes=128),
        total_cost=cost("12.0976", "14.3961"),
        total_fixed_cost=cost("0.50", "0.595"),
        total_energy=Decimal("17.342"),
        total_energy_cost=cost("8.4976", "10.1121"),
        total_time=Decimal("2.133333"),
        total_parking_time=Decimal("0.508333"),
        total_parking_cost=cost("3.10", "3.689"),
    )


def dynamic(count: int) -> dict[str, Any]:
    elements = [
        {
            "price_components": [component("ENERGY", f"0.{2500 + 31 * slot}")],
            "restrictions": {"start_time": clock(slot), "end_time": clock(slot + 1)},
        }
        for slot in range(48)
    ]
    start = datetime(2026, 3, 3, 5, 0, tzinfo=UTC)
    periods = [period(start + slot * HALF_HOUR, ENERGY="1.234", TIME="0.5") for slot in range(count)]
    hours, energy = Decimal(count) / 2, count * Decimal("1.234")
    end = start + count * HALF_HOUR
    return cdr(elements, periods, end, total_cost=cost("1", "1.19"), total_energy=energy, total_time=hours)


def clock(slot: int) -> str:
    return f"{slot // 2 % 24:02d}:{slot % 2 * 30:02d}"


def candidates(data: dict[str, Any]) -> dict[str, Candidate]:
    text = dumps(V2_2_1.dump(V2_2_1.load(Cdr, data))).decode()
    loaded = V2_2_1.load(Cdr, loads(text))
    compiled = [compile_tariff(tariff) for tariff in loaded.tariffs or ()]
    session, findings = session_from_cdr(loaded)
    assert not findings

    def load() -> object:
        return json.loads(text, parse_float=Decimal)

    def whole() -> object:
        return price(session_from_cdr(loaded)[0], compiled, ZONE)

    def engine() -> object:
        return price(session, compiled, ZONE)

    def written() -> object:
        return written_costs(price(session_from_cdr(loaded)[0], compiled, ZONE))

    return {"load": load, "price": whole, "engine": engine, "written": written}


def measure(runs: dict[str, Candidate], rounds: int, seconds: Decimal) -> list[dict[str, int]]:
    """Return the CPU nanoseconds of each candidate in each round; a round takes about ``seconds``."""
    begun = time.process_time_ns()
    for _ in range(20):
        for run in runs.values():
            run()
    once_ns = max(1, (time.process_time_ns() - begun) // 20)
    repeats = max(1, int(seconds * 1_000_000_000) // once_ns)
    results = []
    for _ in range(rounds):
        taken = {}
        for name, run in runs.items():
            begun = time.process_time_ns()
            for _ in range(repeats):
                run()
            taken[name] = (time.process_time_ns() - begun) // repeats
        results.append(taken)
    return results


def ratio(results: list[dict[str, int]], name: str) -> Decimal:
    return statistics.median(Decimal(one[name]) / one["load"] for one in results)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--example", type=Path, action="append", default=[], help="a CDR of OCPI 2.2.1")
    parser.add_argument("--check", action="store_true", help="status 1 above a limit")
    arguments = parser.parse_args()
    cases: dict[str, dict[str, Any]] = {
        "small": small(),
        "mixed": mixed(),
        "dynamic-8": dynamic(8),
        "dynamic-48": dynamic(48),
        **{path.name: loads(path.read_bytes()) for path in arguments.example},
    }
    print(f"Python {platform.python_version()}, {arguments.rounds} rounds; microseconds and ratios to load")
    print(f"{'CDR':18} {'load':>7} {'price':>7}  {'price/load':>15} {'engine/load':>15} {'written/load':>15}")
    failed = False
    for name, data in cases.items():
        runs = candidates(data)
        gc.collect()
        gc.disable()
        results = measure(runs, arguments.rounds, Decimal("0.05"))
        gc.enable()
        quick = sorted(results, key=lambda one: sum(one.values()))[: max(1, len(results) // 5)]
        shown = [
            f"{ratio(quick, one):6.2f} ({ratio(results, one):5.2f})" for one in ("price", "engine", "written")
        ]
        times = [statistics.median(Decimal(one[key]) for one in quick) / 1000 for key in ("load", "price")]
        print(f"{name:18} {times[0]:7.1f} {times[1]:7.1f}  " + " ".join(f"{text:>15}" for text in shown))
        failed |= name in LIMITS and ratio(quick, "price") > LIMITS[name]
    return 1 if arguments.check and failed else 0


if __name__ == "__main__":
    sys.exit(main())
