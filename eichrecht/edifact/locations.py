"""Identifications of metering and market locations (BDEW application guide on identifiers)."""

from __future__ import annotations

import re
from functools import lru_cache

from eichrecht.edifact.metering import Location, LocationKind

_METERING = re.compile(r"DE[0-9]{11}[0-9A-Z]{20}")
_MARKET = re.compile(r"[1-9][0-9]{10}")
_NETWORK = re.compile(r"E[0-9A-Z]{10}")
_AREA = re.compile(r"[0-9]{2}[A-Z][0-9A-Z-]{12}[0-9A-Z]")


def market_check_digit(ten_digits: str) -> int:
    """Return the eleventh digit of a market location.

    Digits at even places (counted from 1) count twice; the check digit fills the sum up to a multiple of ten.

    Args:
        ten_digits: The first ten digits.
    """
    total = sum(int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(ten_digits))
    return -total % 10


@lru_cache(maxsize=1024)
def read_location(qualifier: str, identification: str) -> Location:
    """Tell by its form what an identification names, and check its check digit.

    Args:
        qualifier: 3227 of LOC.
        identification: 3225 of LOC; ``""`` if omitted.
    """
    if not identification:
        return Location(qualifier, "", LocationKind.NONE, None)
    if _MARKET.fullmatch(identification):
        valid = market_check_digit(identification[:10]) == int(identification[10])
        return Location(qualifier, identification, LocationKind.MARKET, valid)
    for pattern, kind in (
        (_METERING, LocationKind.METERING),
        (_NETWORK, LocationKind.NETWORK),
        (_AREA, LocationKind.AREA),
    ):
        if pattern.fullmatch(identification):
            return Location(qualifier, identification, kind, None)
    return Location(qualifier, identification, LocationKind.UNKNOWN, None)
