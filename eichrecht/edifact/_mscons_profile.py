"""What the application handbook asks of each check identifier (EDI@Energy MSCONS AHB 3.1f)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from eichrecht.edifact.metering import MeasureKind

STATUSES = frozenset({"220", "67", "201", "20", "Z18", "Z30", "79", "187", "Z31", "Z47"})
"""All values of 6063 in the market's subset of MSCONS."""

VERSIONS = frozenset({"2.2h", "2.2i", "2.3a", "2.3b", "2.3c", "2.4", "2.4a", "2.4b", "2.4c"})
"""Association codes met so far; 2.4c is in force for the format versions of 2025 and 2026."""

AGENCIES: Mapping[str, str] = {"14": "9", "500": "293", "502": "332"}
"""Qualifier of a partner in UNB and the agency that NAD names for the same: GS1, BDEW, DVGW."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One check identifier.

    Attributes:
        application: 0026 of UNB.
        document_codes: 1001 of BGM; empty if any.
        kinds: What its numbers may be.
        intervals: Whether it is a load profile: contiguous quarter hours inside the location's period.
        periods: Whether each value has a period of its own.
        readings: Whether its values are readings at a moment.
    """

    application: str
    document_codes: frozenset[str]
    kinds: frozenset[MeasureKind]
    intervals: bool = False
    periods: bool = False
    readings: bool = False


CANCELLATION = "13006"
METER_READING = "13017"
ENERGY = "13019"

PROFILES: Mapping[str, Profile] = {
    CANCELLATION: Profile("EM", frozenset(), frozenset()),
    "13016": Profile(
        "EM", frozenset({"Z28"}), frozenset({MeasureKind.ADVANCE, MeasureKind.MAXIMUM}), periods=True
    ),
    METER_READING: Profile("VL", frozenset({"7"}), frozenset({MeasureKind.REGISTER}), readings=True),
    "13018": Profile("TL", frozenset({"7"}), frozenset({MeasureKind.INTERVAL}), intervals=True, periods=True),
    ENERGY: Profile("EM", frozenset({"7"}), frozenset({MeasureKind.ADVANCE}), periods=True),
    "13025": Profile(
        "TL", frozenset({"Z48"}), frozenset({MeasureKind.INTERVAL}), intervals=True, periods=True
    ),
}
