"""Exact numbers of CDRs: sums without loss, seconds written as hours so that the parts fit the whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

from ocpi.tariffs.currencies import minor_digits
from ocpi.types import Price

SECONDS_PER_HOUR = Decimal(3600)

HOURS_DIGITS = 6
"""Decimals of hours that we write. Four lose up to 0.18 s per value (gotcha 2, ocpi/ocpi#411); six lose at
most 1.8 ms, so that the whole second can be read back without doubt."""

HOURS_DIGITS_FLOOR = 3
"""Fewest decimals assumed of a received hour. JSON writers drop trailing zeros, so ``2`` says nothing about
the precision; the specification's own CDR example writes three decimals (cdrs facts §8)."""

MONEY_DIGITS_FLOOR = 2
"""Fewest decimals assumed of received money, for the same reason: ``4`` stands for 4.00."""

MAX_MAGNITUDE = 64
"""Largest accepted decimal exponent, the bound that :mod:`ocpi.transport.json` also sets. With it, any sum
or product of two numbers of a CDR fits the digits of :func:`exact`."""

_EXACT_DIGITS = 512
_MICROSECOND = Decimal("0.000001")


def exact() -> AbstractContextManager[Context]:
    """Return a decimal context in which sums and products of the numbers of a CDR lose nothing."""
    return localcontext(Context(prec=_EXACT_DIGITS, rounding=ROUND_HALF_UP))


def total(values: Iterable[Decimal]) -> Decimal:
    """Return the exact sum; it keeps the most decimals of its parts (``29.5 + 0.500`` is ``30.000``)."""
    with exact():
        return sum(values, Decimal(0))


def minus(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact difference."""
    with exact():
        return left - right


def negated(value: Decimal) -> Decimal:
    """Return the value with the opposite sign and the same digits; zero stays an unsigned zero."""
    return value.copy_negate() if value else value.copy_abs()


def negated_price(price: Price) -> Price:
    """Return the price with the opposite sign, without and with VAT, and each of its taxes."""
    return price.model_copy(
        update={
            "excl_vat": negated(price.excl_vat),
            "incl_vat": None if price.incl_vat is None else negated(price.incl_vat),
            "taxes": None
            if price.taxes is None
            else tuple(tax.model_copy(update={"amount": negated(tax.amount)}) for tax in price.taxes),
        }
    )


def written_decimals(value: Decimal) -> int:
    """Return how many decimals the number was written with."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def money_floor(currency: str) -> int:
    """Return the fewest decimals assumed of money: those of the currency where it has fewer (JPY 0)."""
    return min(MONEY_DIGITS_FLOOR, minor_digits(currency))


def half_unit(value: Decimal, floor: int) -> Decimal:
    """Return half of the last written digit, assuming at least ``floor`` decimals."""
    return Decimal(5).scaleb(-max(floor, written_decimals(value)) - 1)


def hours_tolerance(values: Iterable[Decimal]) -> Decimal:
    """Return by how many hours rounded values may miss each other (cdrs facts §8: n times half a digit)."""
    return total(half_unit(value, HOURS_DIGITS_FLOOR) for value in values)


def seconds_between(start: datetime, end: datetime) -> Decimal:
    """Return the seconds from start to end, exact to the microsecond."""
    return Decimal((end - start) // timedelta(microseconds=1)) * _MICROSECOND


def hours(seconds: Decimal, digits: int = HOURS_DIGITS) -> Decimal:
    """Return seconds as hours, rounded half up to ``digits`` decimals."""
    with exact():
        return (seconds / SECONDS_PER_HOUR).quantize(Decimal(1).scaleb(-digits))


def share_hours(seconds: Sequence[Decimal], whole: Decimal) -> tuple[Decimal, ...]:
    """Write seconds as hours so that the written parts sum to the written whole, to the last digit.

    Every part is cut to the decimals of ``whole``; the missing units go to the parts that lost most (largest
    remainder), the earlier one first. No part is off by a full unit, none becomes negative.

    Args:
        seconds: Durations, none negative.
        whole: Hours, the rounded sum of the durations (it may differ from it by less than one unit).

    Raises:
        ValueError: The whole is not the rounded sum of the parts.
    """
    digits = written_decimals(whole)
    with exact():
        scaled = [divmod(part.scaleb(digits), SECONDS_PER_HOUR) for part in seconds]
        units = [int(quotient) for quotient, _ in scaled]
        missing = int(whole.scaleb(digits)) - sum(units)
        losers = [index for index, (_, remainder) in enumerate(scaled) if remainder]
        if not 0 <= missing <= len(losers):
            raise ValueError("the hours are not the rounded sum of the durations")
        losers.sort(key=lambda index: scaled[index][1], reverse=True)  # stable: earlier first among equals
        for index in losers[:missing]:
            units[index] += 1
        return tuple(Decimal(unit).scaleb(-digits) for unit in units)
