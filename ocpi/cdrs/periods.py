"""Charging periods of a CDR from the priced periods of a session (2.2.1 mod_cdrs, ChargingPeriod)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from ocpi.cdrs.errors import CdrBuildError
from ocpi.cdrs.numbers import HOURS_DIGITS, hours, minus, seconds_between, share_hours, total
from ocpi.objects.cdr import CdrDimension, CdrDimensionType, ChargingPeriod
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod

HOURS_ROUNDING_S = Decimal(1)
"""How far a given duration may be from its timestamps: one that came as hours was rounded to the second."""

_DURATION_DIMENSION = {
    PeriodState.CHARGING: CdrDimensionType.TIME,
    PeriodState.PARKING: CdrDimensionType.PARKING_TIME,
    PeriodState.RESERVATION: CdrDimensionType.RESERVATION_TIME,
}


@dataclass(frozen=True, slots=True)
class WrittenPeriods:
    """Charging periods and the volumes that they sum to, exactly.

    Attributes:
        periods: As they go into the CDR.
        energy_kwh: Sum of the ENERGY volumes, to the last digit.
        time_h: Sum of the TIME and PARKING_TIME volumes.
        parking_h: Sum of the PARKING_TIME volumes; ``None`` without any.
    """

    periods: tuple[ChargingPeriod, ...]
    energy_kwh: Decimal
    time_h: Decimal
    parking_h: Decimal | None


def checked_periods(session: PricedSessionInput) -> tuple[SessionPeriod, ...]:
    """Return the periods that a CDR can carry: contiguous, ascending, none without extent.

    A period ends where the next one starts (mod_cdrs), so a gap cannot be written; and two periods cannot
    start at the same instant, so one without duration is left out (it holds nothing), except where the whole
    session has none.

    Raises:
        CdrBuildError: ``no_periods``, ``periods_not_contiguous``, ``energy_without_duration`` or
            ``duration_contradicts_times``.
    """
    if not session.periods:
        raise CdrBuildError("no_periods", "a CDR needs at least one charging period")
    for index, (period, following) in enumerate(pairwise(session.periods)):
        if period.end != following.start:
            raise CdrBuildError(
                "periods_not_contiguous", f"period {index + 1} does not start where {index} ends"
            )
    for index, period in enumerate(session.periods):
        _check_period(index, period)
    lasting = tuple(period for period in session.periods if period.end > period.start)
    return lasting or session.periods[:1]


def _check_period(index: int, period: SessionPeriod) -> None:
    span_s = seconds_between(period.start, period.end)
    if span_s < 0:
        raise CdrBuildError("periods_not_contiguous", f"period {index} ends before it starts")
    if span_s == 0 and period.energy_kwh:
        raise CdrBuildError("energy_without_duration", f"period {index} has energy but no duration")
    if period.duration_s is not None and minus(period.duration_s, span_s).copy_abs() >= HOURS_ROUNDING_S:
        raise CdrBuildError(
            "duration_contradicts_times", f"period {index} lasts {span_s} s, not {period.duration_s} s"
        )


def write_periods(
    session: PricedSessionInput, tariff_ids: Sequence[str], hours_digits: int = HOURS_DIGITS
) -> WrittenPeriods:
    """Write the session's periods as charging periods of a CDR.

    Hours are rounded once, over the whole session: ``time_h`` is the rounded duration of charging and
    parking, ``parking_h`` that of parking, and the written volumes of the periods sum to them exactly.
    Volumes are measured, never billed: step_size does not show in them (tariffs facts §6 item 10).

    Args:
        session: Periods as priced.
        tariff_ids: Ids of the tariffs of the CDR. A period that names none belongs to the only one.
        hours_digits: Decimals of hours; fewer only where a partner rejects six.

    Raises:
        CdrBuildError: See :func:`checked_periods`; also ``tariff_unknown`` and ``tariff_not_named``.
    """
    periods = checked_periods(session)
    durations = _written_durations(periods, hours_digits)
    written = tuple(
        ChargingPeriod(
            start_date_time=period.start,
            dimensions=_dimensions(period, duration_h),
            tariff_id=_tariff_id(period, tariff_ids),
        )
        for period, duration_h in zip(periods, durations, strict=True)
    )
    by_state = {
        state: [hour for period, hour in zip(periods, durations, strict=True) if period.state is state]
        for state in PeriodState
    }
    parking = by_state[PeriodState.PARKING]
    return WrittenPeriods(
        periods=written,
        energy_kwh=total(period.energy_kwh for period in periods),
        time_h=total((*by_state[PeriodState.CHARGING], *parking)),
        parking_h=total(parking) if parking else None,
    )


def _written_durations(periods: Sequence[SessionPeriod], digits: int) -> list[Decimal]:
    indices: dict[PeriodState, list[int]] = {state: [] for state in PeriodState}
    for index, period in enumerate(periods):
        indices[period.state].append(index)
    seconds = [seconds_between(period.start, period.end) for period in periods]
    charging_s, parking_s, reservation_s = (
        total(seconds[index] for index in indices[state])
        for state in (PeriodState.CHARGING, PeriodState.PARKING, PeriodState.RESERVATION)
    )
    parking_h = hours(parking_s, digits)
    wholes = {
        PeriodState.PARKING: parking_h,
        PeriodState.CHARGING: minus(hours(total((charging_s, parking_s)), digits), parking_h),
        PeriodState.RESERVATION: hours(reservation_s, digits),
    }
    result = [Decimal(0)] * len(periods)
    for state, places in indices.items():
        shares = share_hours([seconds[index] for index in places], wholes[state])
        for index, share in zip(places, shares, strict=True):
            result[index] = share
    return result


def _dimensions(period: SessionPeriod, duration_h: Decimal) -> tuple[CdrDimension, ...]:
    volumes: list[tuple[CdrDimensionType, Decimal | None]] = [
        (CdrDimensionType.ENERGY, period.energy_kwh if _has_energy(period) else None),
        (_DURATION_DIMENSION[period.state], duration_h),
        (CdrDimensionType.MIN_POWER, period.min_power_kw),
        (CdrDimensionType.MAX_POWER, period.max_power_kw),
        (CdrDimensionType.MIN_CURRENT, period.min_current_a),
        (CdrDimensionType.MAX_CURRENT, period.max_current_a),
    ]
    return tuple(CdrDimension(type=kind, volume=volume) for kind, volume in volumes if volume is not None)


def _has_energy(period: SessionPeriod) -> bool:
    # A charging period always says how much, 0 included; elsewhere energy is the exception.
    return period.state is PeriodState.CHARGING or bool(period.energy_kwh)


def _tariff_id(period: SessionPeriod, tariff_ids: Sequence[str]) -> str | None:
    if period.tariff_id is None:
        if len(tariff_ids) > 1:
            raise CdrBuildError("tariff_not_named", f"{len(tariff_ids)} tariffs, but a period names none")
        return tariff_ids[0] if tariff_ids else None
    named = next((known for known in tariff_ids if known.lower() == period.tariff_id.lower()), None)
    if named is None:
        raise CdrBuildError(
            "tariff_unknown", f"a period names {period.tariff_id!r}, which is not among the tariffs"
        )
    return named
