"""Limits of plausibility. They are experience, not law: passing one is a warning and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class PlausibilityPolicy:
    """When a session deserves a second look.

    Attributes:
        max_energy_kwh: Energy of one session. 500 kWh exceeds every passenger car and most lorries of 2026.
        max_duration_s: Duration of one session; a week at the plug is a forgotten or stuck session.
        max_power_kw: Mean power. 4000 kW exceeds the Megawatt Charging System (3750 kW); it also catches
            energy that flowed in no time at all.
        register_tolerance: Share of the energy by which two registers of one quantity may differ beyond their
            written digits: they are latched one after the other, while energy flows.
        earliest_time: A time before it comes from a clock that was never set (1970 in the field). OCMF
            was first published in 2018; one year of grace for prototypes.
    """

    max_energy_kwh: Decimal = Decimal(500)
    max_duration_s: Decimal = Decimal(7 * 24 * 3600)
    max_power_kw: Decimal = Decimal(4000)
    register_tolerance: Decimal = Decimal("0.01")
    earliest_time: datetime = datetime(2017, 1, 1, tzinfo=UTC)


DEFAULT_POLICY = PlausibilityPolicy()
