"""The signed tariff text of OCMF (``TT``) in the structured profiles 001, 002 and 003.

They were agreed at the Bonn calibration law days and stand in no version of OCMF: a text that does not follow one
of them to the letter is free text, and nothing is wrong with that. Source: facts/meter/containers.md §7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

CURRENCY = "EUR"
"""The only one; amounts are in its hundredth."""

MAX_PROFILE_CHARS = 250
"""TT is String(0..250) (OCMF 1.4.1)."""

MAX_NUMBER_CHARS = 12
"""Digits and point of one number: prices have three or four, and sums must stay exact."""

_NUMBER = re.compile(r"(?:0|[1-9][0-9]*)(?:\.[0-9]+)?", re.ASCII)
_FIELDS = {"001": 6, "002": 5, "003": 4}


@dataclass(frozen=True, slots=True)
class TariffText:
    """A tariff as the meter signed it; amounts in euro cents, exactly as written.

    Attributes:
        profile: ``001`` (energy, blocking fee from a minute of the session on), ``002`` (energy, blocking fee after
            the end of charging), ``003`` (time).
        text: The whole text.
        start_fee_ct: Once per session.
        energy_ct_per_kwh: ``None`` in profile 003.
        time_ct_per_min: For every minute; profile 003 only.
        blocking_ct_per_min: Blocking fee; ``None`` in profile 003.
        blocking_from_min: Minute of the session from which the blocking fee counts; profile 001 only.
    """

    profile: str
    text: str
    start_fee_ct: Decimal
    energy_ct_per_kwh: Decimal | None = None
    time_ct_per_min: Decimal | None = None
    blocking_ct_per_min: Decimal | None = None
    blocking_from_min: Decimal | None = None

    def cost_ct(
        self, energy_kwh: Decimal, duration_min: Decimal, blocked_min: Decimal = Decimal(0)
    ) -> Decimal:
        """Return what a session costs in cents, unrounded; minutes count as they are, not as started ones.

        Args:
            energy_kwh: Energy of the session.
            duration_min: From the begin to the end reading.
            blocked_min: Minutes after the end of charging; they count in profile 002 only.
        """
        cost = self.start_fee_ct + (self.energy_ct_per_kwh or 0) * energy_kwh
        cost += (self.time_ct_per_min or 0) * duration_min
        if self.blocking_from_min is not None:
            blocked_min = max(Decimal(0), duration_min - self.blocking_from_min)
        return cost + (self.blocking_ct_per_min or 0) * blocked_min


def read_tariff_text(text: str) -> TariffText | None:
    """Return the tariff that a text states in one of the profiles, ``None`` if it is free text."""
    if len(text) > MAX_PROFILE_CHARS:
        return None
    profile, *rest = text.split(";")
    if len(rest) + 1 != _FIELDS.get(profile) or rest[0] != CURRENCY:
        return None
    numbers = rest[1:]
    if not all(len(number) <= MAX_NUMBER_CHARS and _NUMBER.fullmatch(number) for number in numbers):
        return None
    start_fee, price, *blocking = map(Decimal, numbers)
    if profile == "003":
        return TariffText(profile, text, start_fee, time_ct_per_min=price)
    return TariffText(
        profile,
        text,
        start_fee,
        energy_ct_per_kwh=price,
        blocking_ct_per_min=blocking[0],
        blocking_from_min=blocking[1] if profile == "001" else None,
    )
