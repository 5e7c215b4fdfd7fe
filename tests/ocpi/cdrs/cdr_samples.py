"""A session whose every number is worked out by hand, and helpers to alter its CDR."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from ocpi.cdrs.context import EXACT_TOLERANCES, ReconcileContext
from ocpi.cdrs.totals import CdrHeader, build_cdr
from ocpi.objects.cdr import AuthMethod, Cdr, CdrLocation, CdrToken, SignedData
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod
from ocpi.tariffs.compiled import compile_tariff
from ocpi.tariffs.engine import price
from ocpi.tariffs.policy import DEFAULT, PricingPolicy

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2025, 3, 10, 11, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)

CHARGING, PARKING, RESERVATION = PeriodState.CHARGING, PeriodState.PARKING, PeriodState.RESERVATION


def component(kind: str, amount: str, vat: str | None = "19", step: int = 1) -> dict[str, Any]:
    result: dict[str, Any] = {"type": kind, "price": Decimal(amount), "step_size": step}
    return result if vat is None else {**result, "vat": Decimal(vat)}


def tariff(elements: Sequence[dict[str, Any]] | None = None, **fields: Any) -> Tariff:
    """0.50 start fee, 0.40/kWh, 6.00/h parking, all without VAT of 19 %."""
    components = [component("FLAT", "0.50"), component("ENERGY", "0.40"), component("PARKING_TIME", "6.00")]
    return Tariff.model_validate(
        {
            "country_code": "DE",
            "party_id": "ABC",
            "id": "T1",
            "currency": "EUR",
            "elements": elements or [{"price_components": components}],
            "last_updated": "2025-01-01T00:00:00Z",
            **fields,
        }
    )


def session() -> PricedSessionInput:
    """45 + 15 min charging with 20.500 + 3.250 kWh, then 20 min parking.

    By hand: 0.50 + 23.75 * 0.40 + 6.00 / 3 = 0.50 + 9.50 + 2.00 = 12.00; with 19 %: 14.28.
    """
    marks = [START, START + 45 * MINUTE, START + 60 * MINUTE, START + 80 * MINUTE]
    return PricedSessionInput(
        (
            SessionPeriod(CHARGING, marks[0], marks[1], Decimal("20.500")),
            SessionPeriod(CHARGING, marks[1], marks[2], Decimal("3.250")),
            SessionPeriod(PARKING, marks[2], marks[3]),
        )
    )


HEADER = CdrHeader(
    country_code="DE",
    party_id="ABC",
    id="CDR-0001",
    token=CdrToken(
        country_code="DE", party_id="EMP", uid="04A1B2C3", type="RFID", contract_id="DE-EMP-C12345678-9"
    ),
    location=CdrLocation.model_validate(
        {
            "id": "LOC1",
            "address": "Teststr. 1",
            "city": "Berlin",
            "postal_code": "10115",
            "country": "DEU",
            "coordinates": {"latitude": "52.520008", "longitude": "13.404954"},
            "evse_uid": "EVSE1",
            "evse_id": "DE*ABC*E1",
            "connector_id": "1",
            "connector_standard": "IEC_62196_T2",
            "connector_format": "SOCKET",
            "connector_power_type": "AC_3_PHASE",
        }
    ),
    auth_method=AuthMethod.WHITELIST,
    currency="EUR",
    last_updated=START + 90 * MINUTE,
    session_id="S-0001",
)


def make_cdr(
    session_: PricedSessionInput | None = None,
    tariffs: Sequence[Tariff] | None = None,
    signed_data: SignedData | None = None,
    policy: PricingPolicy = DEFAULT,
    **header: Any,
) -> Cdr:
    """Price a session with the real engine and build its CDR."""
    session_ = session_ or session()
    tariffs = tariffs or (tariff(),)
    breakdown = price(session_, [compile_tariff(item) for item in tariffs], BERLIN, policy)
    return build_cdr(replace(HEADER, **header), session_, tariffs, breakdown, signed_data, policy=policy)


def altered(cdr: Cdr, **changes: Any) -> Cdr:
    """Change fields of a CDR without any validation, as a forger would."""
    return cdr.model_copy(update=changes)


def with_volume(cdr: Cdr, period: int, dimension: str, volume: Decimal | None) -> Cdr:
    """Change, or with ``None`` remove, one volume."""
    periods = list(cdr.charging_periods)
    dimensions = [
        item if item.type.value != dimension else item.model_copy(update={"volume": volume})
        for item in periods[period].dimensions
        if item.type.value != dimension or volume is not None
    ]
    periods[period] = periods[period].model_copy(update={"dimensions": tuple(dimensions)})
    return altered(cdr, charging_periods=tuple(periods))


def context(**facts: Any) -> ReconcileContext:
    """A context that knows nothing besides the time zone."""
    return ReconcileContext(time_zone=BERLIN, **facts)


def full_context(cdr: Cdr, **facts: Any) -> ReconcileContext:
    """A context that knows everything about a good CDR of our own."""
    known: dict[str, Any] = {
        "time_zone": BERLIN,
        "tolerances": EXACT_TOLERANCES,
        "signed_energy_kwh": cdr.total_energy,
        "signed_start": cdr.start_date_time,
        "signed_end": cdr.end_date_time,
        "known_token": True,
        "routed": True,
        "already_sent": False,
        "session_already_billed": False,
    }
    return ReconcileContext(**{**known, **facts})
