"""What containers say of the energy of a session: read generously, because it is only compared with what is signed.

A statement that cannot be read is kept: a reader may understand it, so it must not pass for none at all.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

from eichrecht.evidence import EnergyClaim

_NUMBER = re.compile(r"\s*([+-]?[0-9]{1,20}(?:\.[0-9]{1,18})?(?:[eE][+-]?[0-9]{1,2})?)\s*", re.ASCII)
_LARGEST_EXPONENT = 40
_TEXT_CHARACTERS = 60

_KWH_OF_UNIT = {
    **dict.fromkeys(("kwh", "kilowatt_hour", "kilowatt_hours"), Decimal(1)),
    **dict.fromkeys(("wh", "watt_hour", "watt_hours"), Decimal("0.001")),
    **dict.fromkeys(("mwh", "megawatt_hour", "megawatt_hours"), Decimal(1000)),
}


def read_number(value: Any) -> Decimal | None:
    """Return a number of a document, written as one or as text; ``None`` if it is none of reasonable size."""
    if isinstance(value, str):
        match = _NUMBER.fullmatch(value)
        number = None if match is None else Decimal(match[1])
    elif isinstance(value, Decimal | int) and not isinstance(value, bool):
        number = Decimal(value)
    else:
        number = None
    if number is None or not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        return None
    return number


def kwh_of_unit(unit: Any) -> Decimal | None:
    """Return how many kWh a unit of energy is; ``None`` if it is none that is known."""
    return _KWH_OF_UNIT.get(unit.strip().lower()) if isinstance(unit, str) else None


def energy_claim(value: Any, kwh: Decimal | None, where: str) -> EnergyClaim:
    """Return a statement as it is kept: ``value`` is how it was written, ``kwh`` what it says."""
    text = f"{value:f}" if isinstance(value, Decimal) and kwh is not None else _shown(value)
    return EnergyClaim(text[:_TEXT_CHARACTERS], kwh, where)


def _shown(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, dict | list):
        return "{…}" if isinstance(value, dict) else "[…]"
    return str(value)
