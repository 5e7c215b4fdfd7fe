"""Exact arithmetic for prices: no binary floats, and no rounding before the last step.

One hour has 3600 seconds and 1/3600 is no finite decimal, so money is summed multiplied by 3600, where every
cost is exact, and divided once at the end.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Context, Decimal, DivisionByZero, Inexact, InvalidOperation, Overflow

SECONDS_PER_HOUR = Decimal(3600)

EXACT = Context(prec=1000, traps=[InvalidOperation, DivisionByZero, Overflow, Inexact])
"""For sums and products. JSON numbers have at most 64 characters (:mod:`ocpi.transport.json`), so that a
product of price, quantity and VAT stays below 1000 digits; anything longer raises instead of being
rounded."""

MAX_EXPONENT = 128
"""Largest power of ten of any number; twice that of the JSON reader, since hours become seconds."""

QUOTIENT = Context(prec=50, traps=[InvalidOperation, DivisionByZero, Overflow])
"""For the one division at the end: exact where 50 digits suffice, else good for any rounding to cents."""

_MICROSECONDS = Decimal(1_000_000)


def from_3600(value: Decimal) -> Decimal:
    """Return ``value / 3600``: the last step of every amount, and seconds as hours."""
    return QUOTIENT.divide(value, SECONDS_PER_HOUR)


def seconds(duration: timedelta) -> Decimal:
    """Return a duration in seconds, exactly."""
    whole = duration.days * 86_400 + duration.seconds
    if not duration.microseconds:
        return Decimal(whole)
    return QUOTIENT.divide(Decimal(whole * 1_000_000 + duration.microseconds), _MICROSECONDS)


def microseconds(duration: timedelta) -> int:
    """Return a duration in microseconds, exactly."""
    return (duration.days * 86_400 + duration.seconds) * 1_000_000 + duration.microseconds
