"""A CDR as input for pricing: what its charging periods say, and what they leave open (tariffs facts §10).

Nothing of a CDR is trusted. What it leaves out is not made up; what it contradicts is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, DecimalException

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.cdr import Cdr, CdrDimensionType, ChargingPeriod
from ocpi.tariffs._frozen import maker
from ocpi.tariffs.boundaries import check_instant
from ocpi.tariffs.breakdown import PeriodState, PricedSessionInput, SessionPeriod
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.errors import NumberOutOfRangeError, SessionUnusableError
from ocpi.tariffs.exact import EXACT, SECONDS_PER_HOUR, seconds

_ZERO = Decimal(0)
_MIN_TOLERANCE_S = Decimal(1)
"""Two timestamps in whole seconds miss a duration by less than one second."""
_MAX_TOLERANCE_H = Decimal("0.01")
"""Hours may be cut to their last written digit (mod_sessions' own example: 0.718 for 0.7186), but writers
also drop trailing zeros, so that few digits prove little: never more than the second decimal."""

_RESERVATION_TIME = CdrDimensionType.RESERVATION_TIME
_STATES = {
    CdrDimensionType.RESERVATION_TIME: PeriodState.RESERVATION,
    CdrDimensionType.TIME: PeriodState.CHARGING,
    CdrDimensionType.PARKING_TIME: PeriodState.PARKING,
}
"""Time dimensions in the order in which they can follow each other (parking last: ocpi/ocpi#386)."""

_USED = frozenset({CdrDimensionType.ENERGY, CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME})
_ENERGY = CdrDimensionType.ENERGY
_FLOW = frozenset(
    {
        CdrDimensionType.MIN_POWER,
        CdrDimensionType.MAX_POWER,
        CdrDimensionType.MIN_CURRENT,
        CdrDimensionType.MAX_CURRENT,
    }
)

_Volumes = dict[CdrDimensionType, Decimal]
_make_period = maker(SessionPeriod)
_make_session = maker(PricedSessionInput)


def session_from_cdr(cdr: Cdr) -> tuple[PricedSessionInput, tuple[Finding, ...]]:
    """Read the periods of a CDR as a session to price.

    * A period with PARKING_TIME is parking, with RESERVATION_TIME a reservation, else charging. A volume of 0
      counts as absent, because some CPOs always send all dimensions.
    * Its duration comes from the timestamps. Only if the volume contradicts them does the volume count,
      rounded to the second: it is what the CPO claims to have measured. Without a time dimension it bills no
      time.
    * A reservation is expired if there is RESERVATION_TIME and neither ENERGY, TIME nor PARKING_TIME.
    * ``tariff_id`` is passed on as it is; the engine resolves it.

    Args:
        cdr: Any CDR.

    Returns:
        The session and what is wrong with the periods, ``where`` being a pointer into the CDR.

    Raises:
        SessionUnusableError: No periods, or a datetime that is none.
        NumberOutOfRangeError: A volume has more digits than can be computed with.
    """
    if not cdr.charging_periods:
        raise SessionUnusableError("no_periods")
    try:
        return _Reader(cdr).read()
    except DecimalException as error:
        raise NumberOutOfRangeError("number_out_of_range", type(error).__name__) from error


class _Reader:
    def __init__(self, cdr: Cdr) -> None:
        self.cdr = cdr
        self.findings: list[Finding] = []
        self.present: set[CdrDimensionType] = set()

    def read(self) -> tuple[PricedSessionInput, tuple[Finding, ...]]:
        session_end = self.cdr.end_date_time
        check_instant(session_end)
        places, ordered = self.in_order()
        starts = [period.start_date_time for period in ordered]
        if starts[0] < self.cdr.start_date_time or session_end < starts[-1]:
            self.findings.append(problem(TariffCode.PERIOD_OUTSIDE_SESSION, "/charging_periods"))
        starts.append(max(session_end, starts[-1]))
        periods: list[SessionPeriod] = []
        for number, period in enumerate(ordered):  # a period ends where the next one starts
            self.read_period(places[number], period, starts[number], starts[number + 1], periods)
        present = self.present
        expired = _RESERVATION_TIME in present and present.isdisjoint(_USED)
        return _make_session(tuple(periods), expired), tuple(self.findings)

    def in_order(self) -> tuple[Sequence[int], Sequence[ChargingPeriod]]:
        """Return the periods by start, and their places in the CDR."""
        periods = self.cdr.charging_periods
        places: Sequence[int] = range(len(periods))
        before: datetime | None = None
        in_order = True
        for period in periods:
            start = period.start_date_time
            check_instant(start)
            if before is not None and start < before:
                in_order = False
            before = start
        if in_order:
            return places, periods
        self.findings.append(problem(TariffCode.PERIODS_OUT_OF_ORDER, "/charging_periods"))
        places = sorted(places, key=lambda place: periods[place].start_date_time)
        return places, [periods[place] for place in places]

    def read_period(
        self, index: int, period: ChargingPeriod, start: datetime, end: datetime, periods: list[SessionPeriod]
    ) -> None:
        """Add what a charging period says: one stretch, or several if it mixes states."""
        volumes: _Volumes = {}
        state: PeriodState | None = None
        claimed_h: Decimal | None = None
        negative: list[CdrDimensionType] = []
        mixed = False
        for place, dimension in enumerate(period.dimensions):
            kind, volume = dimension.type, dimension.volume
            if kind in volumes:
                where = f"/charging_periods/{index}/dimensions/{place}"
                self.findings.append(problem(TariffCode.CDR_DIMENSION_TWICE, where, dimension=kind))
                continue
            volumes[kind] = volume
            if not volume:
                continue
            claimed = _STATES.get(kind)
            if claimed is None:
                self.present.add(kind)
            elif volume < 0:
                negative.append(kind)
            else:
                self.present.add(kind)
                mixed = state is not None
                state, claimed_h = claimed, volume
        for kind in negative:
            where = f"/charging_periods/{index}"
            volume = volumes.pop(kind)
            self.findings.append(problem(TariffCode.CDR_NEGATIVE_TIME, where, dimension=kind, volume=volume))
        if mixed:
            claims = [(state, volumes[kind]) for kind, state in _STATES.items() if volumes.get(kind)]
            periods.extend(self.take_apart(index, period, end, volumes, claims))
            return
        duration_s = self.duration(index, end - start, claimed_h)
        state = state or _state_of_empty(volumes)
        periods.append(_stretch(state, start, end, duration_s, volumes, period.tariff_id))

    def duration(self, index: int, span: timedelta, claimed_h: Decimal | None) -> Decimal | None:
        """Return the duration to bill where it is not that of the timestamps."""
        if claimed_h is None:
            if span:
                where = f"/charging_periods/{index}"
                self.findings.append(note(TariffCode.PERIOD_WITHOUT_TIME, where, seconds=seconds(span)))
            return _ZERO
        span_s = seconds(span)
        claimed_s = EXACT.multiply(claimed_h, SECONDS_PER_HOUR)
        if claimed_s == span_s:
            return None
        missed_s = EXACT.subtract(claimed_s, span_s).copy_abs()
        if missed_s <= _MIN_TOLERANCE_S or missed_s <= _tolerance_s(claimed_h):
            return None
        where = f"/charging_periods/{index}"
        self.findings.append(warning(TariffCode.PERIOD_TIME_DIFFERS, where, hours=claimed_h, seconds=span_s))
        return _whole_seconds(claimed_h)

    def take_apart(
        self,
        index: int,
        period: ChargingPeriod,
        end: datetime,
        volumes: _Volumes,
        claims: list[tuple[PeriodState, Decimal]],
    ) -> Iterator[SessionPeriod]:
        """Cut a period that mixes charging, parking or reservation; the volumes are all that is known of it.

        The energy belongs to the charging stretch; without one to the last. Only there it is billed.
        """
        self.findings.append(warning(TariffCode.PERIOD_MIXED, f"/charging_periods/{index}"))
        energetic = max(
            range(len(claims)), key=lambda place: (claims[place][0] is PeriodState.CHARGING, place)
        )
        start = period.start_date_time
        for place, (state, claimed_h) in enumerate(claims):
            duration_s = _whole_seconds(claimed_h)
            last = place == len(claims) - 1
            until = end if last or duration_s >= seconds(end - start) else start + _timedelta(duration_s)
            own = dict(volumes)
            if place != energetic:
                own.pop(CdrDimensionType.ENERGY, None)
            yield _stretch(state, start, until, duration_s, own, period.tariff_id)
            start = until


def _state_of_empty(volumes: _Volumes) -> PeriodState:
    """Return the state of a period without a positive time volume: what it names with 0, else charging."""
    for kind in (CdrDimensionType.PARKING_TIME, CdrDimensionType.RESERVATION_TIME):
        if kind in volumes and CdrDimensionType.TIME not in volumes:
            return PeriodState.PARKING if kind is CdrDimensionType.PARKING_TIME else PeriodState.RESERVATION
    return PeriodState.CHARGING


def _stretch(
    state: PeriodState,
    start: datetime,
    end: datetime,
    duration_s: Decimal | None,
    volumes: _Volumes,
    tariff_id: str | None,
) -> SessionPeriod:
    energy_kwh = volumes.get(_ENERGY, _ZERO)
    if _FLOW.isdisjoint(volumes):
        return _make_period(state, start, end, energy_kwh, duration_s, tariff_id=tariff_id)
    return SessionPeriod(
        state=state,
        start=start,
        end=end,
        energy_kwh=energy_kwh,
        duration_s=duration_s,
        min_power_kw=volumes.get(CdrDimensionType.MIN_POWER),
        max_power_kw=volumes.get(CdrDimensionType.MAX_POWER),
        min_current_a=volumes.get(CdrDimensionType.MIN_CURRENT),
        max_current_a=volumes.get(CdrDimensionType.MAX_CURRENT),
        tariff_id=tariff_id,
    )


def _tolerance_s(claimed_h: Decimal) -> Decimal:
    exponent = claimed_h.as_tuple().exponent
    unit_h = Decimal(1).scaleb(exponent, EXACT) if isinstance(exponent, int) else _MAX_TOLERANCE_H
    return max(_MIN_TOLERANCE_S, EXACT.multiply(min(unit_h, _MAX_TOLERANCE_H), SECONDS_PER_HOUR))


def _whole_seconds(claimed_h: Decimal) -> Decimal:
    return EXACT.multiply(claimed_h, SECONDS_PER_HOUR).to_integral_value(rounding=ROUND_HALF_UP)


def _timedelta(duration_s: Decimal) -> timedelta:
    return timedelta(seconds=int(duration_s))  # whole seconds; callers have bounded it by a real span
