"""Charging sessions for the demonstration: what was signed, what is believed, what must happen."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Literal

from sample_meters.ocmf import ClockStatus, OcmfMeter, tampered
from sample_meters.safe_xml import SafeValue, safe_xml

Outcome = Literal["deliver", "refuse", "hold"]
"""``deliver``: the CDR reaches the eMSP. ``refuse``: the evidence is forged, no CDR is made. ``hold``: the
evidence is genuine, but price or energy do not fit it, so the CDR waits for a person."""

CET = timezone(timedelta(hours=1))


@dataclass(frozen=True)
class DemoSession:
    """One charging session.

    Attributes:
        name: Stable, unique.
        document: What the charge point sent: a bare record or S.A.F.E. XML.
        public_key_text: The meter's key, as the operator has it.
        meter_serial: Meter serial number (OCMF MS).
        evse_id: The EVSE, as signed in the record.
        token_uid: The card, as signed in the record.
        start, end: Signed times, aware.
        energy_kwh: Signed energy of the *untampered* session, in kWh.
        claimed_energy_kwh: Energy that the back office would put into the CDR, in kWh.
        bills_duration: Whether the session's tariff has a price per time.
        clock_status: Clock status of both readings.
        outcome: What must happen.
        description: For people.
    """

    name: str
    document: bytes
    public_key_text: str
    meter_serial: str
    evse_id: str
    token_uid: str
    start: datetime
    end: datetime
    energy_kwh: Decimal
    claimed_energy_kwh: Decimal
    bills_duration: bool
    clock_status: ClockStatus
    outcome: Outcome
    description: str


def _meter(curve: str, number: int, token_uid: str, clock: ClockStatus = "S") -> OcmfMeter:
    head = {"ID": token_uid, "CI": _evse(number)}
    return OcmfMeter(
        curve, f"DEMO{number:04d}", key_label=f"demo {number}", page=100 * number, clock=clock, head=head
    )


def _evse(number: int) -> str:
    return f"DE*SMP*E{number:04d}"


@dataclass(frozen=True)
class _Plan:
    """How one session is made; ``kind`` says what is done to it after or beside signing."""

    name: str
    curve: str
    energy_kwh: Decimal
    minutes: int
    outcome: Outcome
    description: str
    kind: Literal["plain", "pair", "energy added", "card changed", "more claimed", "time billed"] = "plain"
    clock: ClockStatus = "S"


_PLANS = (
    _Plan("commuter", "secp256r1", Decimal("11.250"), 95, "deliver", "A session in one record."),
    _Plan(
        "fast-charger",
        "secp384r1",
        Decimal("42.870"),
        32,
        "deliver",
        "Begin and end as S.A.F.E. XML.",
        "pair",
    ),
    _Plan(
        "wallbox", "secp192k1", Decimal("7.004"), 240, "deliver", "An older meter on secp192k1.", clock="R"
    ),
    _Plan("brainpool", "brainpool256r1", Decimal("18.500"), 61, "deliver", "A meter on brainpoolP256r1."),
    _Plan("added-energy", "secp256r1", Decimal("12.000"), 50, "refuse", "10 kWh were added.", "energy added"),
    _Plan(
        "changed-card",
        "secp256k1",
        Decimal("9.310"),
        44,
        "refuse",
        "Another card was put in.",
        "card changed",
    ),
    _Plan(
        "claims-more", "secp256r1", Decimal("20.000"), 75, "hold", "1 kWh more is claimed.", "more claimed"
    ),
    _Plan(
        "informative-clock",
        "secp256r1",
        Decimal("15.700"),
        130,
        "hold",
        "Time is billed, but the clock is only informative.",
        "time billed",
        "I",
    ),
)


def demo_sessions() -> list[DemoSession]:
    """Return the sessions, byte for byte the same on every run."""
    first = datetime(2026, 3, 2, 8, 0, 0, tzinfo=CET)
    return [
        _session(plan, number, first + timedelta(hours=3 * number)) for number, plan in enumerate(_PLANS, 1)
    ]


def _session(plan: _Plan, number: int, start: datetime) -> DemoSession:
    token_uid = f"04A1B2C3D4{number:02d}80"
    meter = _meter(plan.curve, number, token_uid, plan.clock)
    begin_kwh = Decimal("1200.000") + 37 * number
    end_kwh, end = begin_kwh + plan.energy_kwh, start + timedelta(minutes=plan.minutes, seconds=7 * number)
    key = meter.public_key_text()
    if plan.kind == "pair":
        values = [
            SafeValue(meter.begin_record(begin_kwh, start), key, str(number), "Transaction.Begin"),
            SafeValue(meter.end_record(end_kwh, end), key, str(number), "Transaction.End"),
        ]
        document = safe_xml(values)
    else:
        document = meter.session_record(begin_kwh, end_kwh, start, end)
    if plan.kind == "energy added":
        document = tampered(document, f'"RV":{end_kwh}', f'"RV":{end_kwh + 10}')
    elif plan.kind == "card changed":
        document = tampered(document, token_uid, token_uid[:-1] + "1")
    return DemoSession(
        name=plan.name,
        document=document,
        public_key_text=key,
        meter_serial=meter.serial,
        evse_id=_evse(number),
        token_uid=token_uid,
        start=start,
        end=end,
        energy_kwh=plan.energy_kwh,
        claimed_energy_kwh=plan.energy_kwh + 1 if plan.kind == "more claimed" else plan.energy_kwh,
        bills_duration=plan.kind == "time billed",
        clock_status=plan.clock,
        outcome=plan.outcome,
        description=plan.description,
    )
