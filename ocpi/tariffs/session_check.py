"""Refuse a session that has no price, before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal

from ocpi.tariffs.boundaries import FIRST_YEAR, LAST_YEAR, check_instant
from ocpi.tariffs.breakdown import PricedSessionInput, SessionPeriod
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.errors import NumberOutOfRangeError, SessionUnusableError
from ocpi.tariffs.exact import MAX_EXPONENT

MAX_MATCHES = 5_000_000
"""Most restrictions that are compared for one session, periods times components: some seconds. A day in
minutes under a weekly tariff of quarter hours with all four dimensions stays below."""


def check_session(session: PricedSessionInput, tariffs: Sequence[CompiledTariff]) -> None:
    """Check times, numbers and size.

    Raises:
        SessionUnusableError: See its reasons.
        NumberOutOfRangeError: A number with more digits than can be computed with.
    """
    periods = session.periods
    if not periods:
        raise SessionUnusableError("no_periods")
    components = tariffs[0].component_count
    if len(tariffs) > 1:
        components = sum(tariff.component_count for tariff in tariffs)
    if len(periods) * components > MAX_MATCHES:
        raise SessionUnusableError("too_complex", f"{len(periods)} periods")
    last: datetime | None = None
    for index, period in enumerate(periods):
        start, end = period.start, period.end
        if start is not last:
            if start.tzinfo is not UTC or not FIRST_YEAR <= start.year <= LAST_YEAR:
                check_instant(start)
            if last is not None and start < last:
                raise SessionUnusableError("out_of_order", f"period {index}")
        if end.tzinfo is not UTC or not FIRST_YEAR <= end.year <= LAST_YEAR:
            check_instant(end)
        if end < start:
            raise SessionUnusableError("ends_before_start", f"period {index}")
        last = end
        _check_numbers(period, index)


def _check_numbers(period: SessionPeriod, index: int) -> None:
    _check_number(period.energy_kwh, index)
    if period.duration_s is not None:
        _check_number(period.duration_s, index)
        if period.duration_s < 0:
            raise SessionUnusableError("negative_duration", f"period {index}")
    for number in (period.min_power_kw, period.max_power_kw, period.min_current_a, period.max_current_a):
        if number is not None:
            _check_number(number, index)


def _check_number(number: Decimal, index: int) -> None:
    if not isinstance(number, Decimal) or not number.is_finite():
        raise SessionUnusableError("not_a_number", f"period {index}")
    if number.adjusted() > MAX_EXPONENT:
        raise NumberOutOfRangeError("number_out_of_range", f"period {index}")
