"""A CDR as input for pricing: what its charging periods say, and what they leave open (tariffs facts §10).

Nothing of a CDR is trusted. What it leaves out is not made up; what it contradicts is a finding.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, DecimalException, localcontext

from ocpi.findings import Finding, note, problem, warning
from ocpi.objects.cdr import Cdr, CdrDimensionType, ChargingPeriod
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

_STATES = (
    (CdrDimensionType.RESERVATION_TIME, PeriodState.RESERVATION),
    (CdrDimensionType.TIME, PeriodState.CHARGING),
    (CdrDimensionType.PARKING_TIME, PeriodState.PARKING),
)
"""Time dimensions in the order in which they can follow each other (parking last: ocpi/ocpi#386)."""

_Volumes = dict[CdrDimensionType, Decimal]


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
        with localcontext(EXACT):
            return _Reader(cdr).read()
    except DecimalException as error:
        raise NumberOutOfRangeError("number_out_of_range", type(error).__name__) from error


class _Reader:
    def __init__(self, cdr: Cdr) -> None:
        self.cdr = cdr
        self.findings: list[Finding] = []
        self.present: set[CdrDimensionType] = set()

    def read(self) -> tuple[PricedSessionInput, tuple[Finding, ...]]:
        for moment in (self.cdr.end_date_time, *(p.start_date_time for p in self.cdr.charging_periods)):
            check_instant(moment)
        numbered = list(enumerate(self.cdr.charging_periods))
        ordered = sorted(numbered, key=lambda item: item[1].start_date_time)
        if ordered != numbered:
            self.findings.append(problem(TariffCode.PERIODS_OUT_OF_ORDER, "/charging_periods"))
        starts = [period.start_date_time for _, period in ordered]
        ends = [*starts[1:], max(self.cdr.end_date_time, starts[-1])]
        if starts[0] < self.cdr.start_date_time or self.cdr.end_date_time < starts[-1]:
            self.findings.append(problem(TariffCode.PERIOD_OUTSIDE_SESSION, "/charging_periods"))
        periods = tuple(
            stretch
            for (index, period), end in zip(ordered, ends, strict=True)
            for stretch in self.read_period(index, period, end)
        )
        used = {CdrDimensionType.ENERGY, CdrDimensionType.TIME, CdrDimensionType.PARKING_TIME}
        expired = CdrDimensionType.RESERVATION_TIME in self.present and not used & self.present
        return PricedSessionInput(periods, reservation_expired=expired), tuple(self.findings)

    def read_period(self, index: int, period: ChargingPeriod, end: datetime) -> Iterator[SessionPeriod]:
        volumes = self.read_volumes(index, period)
        self.present |= {kind for kind, volume in volumes.items() if volume != 0}
        claims = [(state, volumes[kind]) for kind, state in _STATES if volumes.get(kind, _ZERO) > 0]
        start = period.start_date_time
        if len(claims) > 1:
            yield from self.take_apart(index, period, end, volumes, claims)
            return
        state, claimed_h = claims[0] if claims else (_state_of_empty(volumes), None)
        duration_s = self.duration(index, seconds(end - start), claimed_h)
        yield _stretch(state, start, end, duration_s=duration_s, volumes=volumes, tariff_id=period.tariff_id)

    def read_volumes(self, index: int, period: ChargingPeriod) -> _Volumes:
        volumes: _Volumes = {}
        for place, dimension in enumerate(period.dimensions):
            where = f"/charging_periods/{index}/dimensions/{place}"
            if dimension.type in volumes:
                self.findings.append(problem(TariffCode.CDR_DIMENSION_TWICE, where, dimension=dimension.type))
            else:
                volumes[dimension.type] = dimension.volume
        for kind, _ in _STATES:
            if volumes.get(kind, _ZERO) < 0:
                self.findings.append(
                    problem(
                        TariffCode.CDR_NEGATIVE_TIME,
                        f"/charging_periods/{index}",
                        dimension=kind,
                        volume=volumes.pop(kind),
                    )
                )
        return volumes

    def duration(self, index: int, span_s: Decimal, claimed_h: Decimal | None) -> Decimal | None:
        """Return the duration to bill where it is not that of the timestamps."""
        where = f"/charging_periods/{index}"
        if claimed_h is None:
            if span_s > 0:
                self.findings.append(note(TariffCode.PERIOD_WITHOUT_TIME, where, seconds=span_s))
            return _ZERO
        if (claimed_h * SECONDS_PER_HOUR - span_s).copy_abs() <= _tolerance_s(claimed_h):
            return None
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
            yield _stretch(
                state, start, until, duration_s=duration_s, volumes=own, tariff_id=period.tariff_id
            )
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
    *,
    duration_s: Decimal | None,
    volumes: _Volumes,
    tariff_id: str | None,
) -> SessionPeriod:
    return SessionPeriod(
        state=state,
        start=start,
        end=end,
        energy_kwh=volumes.get(CdrDimensionType.ENERGY, _ZERO),
        duration_s=duration_s,
        min_power_kw=volumes.get(CdrDimensionType.MIN_POWER),
        max_power_kw=volumes.get(CdrDimensionType.MAX_POWER),
        min_current_a=volumes.get(CdrDimensionType.MIN_CURRENT),
        max_current_a=volumes.get(CdrDimensionType.MAX_CURRENT),
        tariff_id=tariff_id,
    )


def _tolerance_s(claimed_h: Decimal) -> Decimal:
    exponent = claimed_h.as_tuple().exponent
    unit_h = Decimal(1).scaleb(exponent) if isinstance(exponent, int) else _MAX_TOLERANCE_H
    return max(_MIN_TOLERANCE_S, min(unit_h, _MAX_TOLERANCE_H) * SECONDS_PER_HOUR)


def _whole_seconds(claimed_h: Decimal) -> Decimal:
    return (claimed_h * SECONDS_PER_HOUR).to_integral_value(rounding=ROUND_HALF_UP)


def _timedelta(duration_s: Decimal) -> timedelta:
    return timedelta(seconds=int(duration_s))  # whole seconds; callers have bounded it by a real span
