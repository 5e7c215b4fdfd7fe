"""The price of a session: exact, pure, and with a line for everything that is billed.

The steps, each in its module: every period finds the active component of each dimension (``matching``),
charges are collected (``charges``), rounded up to blocks (``step_size``), summed (``assembly``), and bounded
(``limits``). Restrictions are evaluated at the start of each period; a period that holds a price change inside
is priced by its start and reported (tariffs facts §10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, DecimalException, localcontext
from functools import cached_property
from zoneinfo import ZoneInfo

from ocpi.findings import Finding, Severity
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs._frozen import maker
from ocpi.tariffs.assembly import (
    billed_volumes,
    cost_lines,
    limited,
    make_volumes,
    notes_of,
    rounds_prices,
)
from ocpi.tariffs.boundaries import zone_of
from ocpi.tariffs.breakdown import (
    Breakdown,
    Bucket,
    PeriodState,
    PricedSessionInput,
    SessionPeriod,
    Volumes,
)
from ocpi.tariffs.charges import Charge, Charges
from ocpi.tariffs.compiled import Candidates, CompiledComponent, CompiledTariff
from ocpi.tariffs.errors import (
    MixedCurrenciesError,
    NoTariffError,
    NotBillableError,
    NumberOutOfRangeError,
)
from ocpi.tariffs.exact import EXACT, microseconds, seconds
from ocpi.tariffs.law import offences
from ocpi.tariffs.matching import Doubts, Moment, active_component, moment_at
from ocpi.tariffs.policy import DEFAULT, CalibrationLaw, FlatFee, PricingPolicy
from ocpi.tariffs.remarks import Remarks
from ocpi.tariffs.selection import only_tariff, select_tariffs
from ocpi.tariffs.session_check import check_session
from ocpi.tariffs.spans import Budget, may_change, spans_price_change
from ocpi.tariffs.step_size import apply_price_rounding, apply_step_size

_ENERGY = TariffDimensionType.ENERGY
_TIME = TariffDimensionType.TIME
_PARKING_TIME = TariffDimensionType.PARKING_TIME
_FLAT = TariffDimensionType.FLAT
_PER_TARIFF = FlatFee.ONCE_PER_TARIFF
_NOT_CHECKED = CalibrationLaw.NOT_CHECKED
_CHARGING = PeriodState.CHARGING
_RESERVED = PeriodState.RESERVATION
_ENERGY_COST = Bucket.ENERGY
_ZERO = Decimal(0)
_ONE = Decimal(1)
_make_breakdown = maker(Breakdown)


def price(
    session: PricedSessionInput,
    tariffs: Sequence[CompiledTariff],
    time_zone: ZoneInfo | str,
    policy: PricingPolicy = DEFAULT,
) -> Breakdown:
    """Price a session.

    Args:
        session: Periods in order of time, cut where the price changes (:mod:`ocpi.tariffs.boundaries`).
        tariffs: The snapshots valid at session start; periods name theirs by ``tariff_id``.
        time_zone: IANA zone of the Location, in which times of day are meant.
        policy: Decides what the specification leaves open.

    Returns:
        Exact amounts; :mod:`ocpi.tariffs.rounding` writes them.

    Raises:
        TariffError: There is no price; see :mod:`ocpi.tariffs.errors`.
    """
    zone = time_zone if isinstance(time_zone, ZoneInfo) else zone_of(time_zone)
    if not tariffs:
        raise NoTariffError("no_tariff")
    try:
        with localcontext(EXACT):
            check_session(session, tariffs)
            return _Pricing(session, tariffs, zone, policy).run()
    except DecimalException as error:
        raise NumberOutOfRangeError("number_out_of_range", type(error).__name__) from error


class _Pricing:
    """One walk over the periods of a session.

    Attributes:
        now: Start of the period, worked out when first needed.
        wall: Last instant and its local time.
        doubts: Of the period.
        budget: For the session.
    """

    now: Moment | None = None
    wall: tuple[datetime, datetime] | None = None
    doubts: Doubts | None = None
    budget: Budget | None = None

    def __init__(
        self,
        session: PricedSessionInput,
        tariffs: Sequence[CompiledTariff],
        zone: ZoneInfo,
        policy: PricingPolicy,
    ) -> None:
        self.session = session
        self.zone = zone
        self.remarks = Remarks()
        self.choice: Sequence[CompiledTariff | None]
        only = only_tariff(session, tariffs, self.remarks)
        if only is not None:
            self.choice = (only,) * len(session.periods)
            self.used: tuple[CompiledTariff, ...] = (only,)
        else:
            self.choice = select_tariffs(session, tariffs, self.remarks)
            self.used = tuple({id(t): t for t in self.choice if t is not None}.values())
        if len(self.used) > 1 and len({tariff.currency.upper() for tariff in self.used}) > 1:
            raise MixedCurrenciesError("mixed_currencies", ", ".join(t.currency for t in self.used))
        self.currency = self.used[0].currency if self.used else tariffs[0].currency
        self.policy = policy.for_currency(self.currency) if policy.currency_digits else policy
        self.charges = Charges()
        self.flat_done: tuple[set[str], set[str]] = (set(), set())  # of the session, of the reservation
        self.per_tariff = policy.flat_fee is _PER_TARIFF
        self.gaps: dict[tuple[Bucket, int], Decimal] = {}
        self.energy_kwh = _ZERO  # consumed in the session before the period; a reservation has none

    def run(self) -> Breakdown:
        total_kwh = charging_s = parking_s = reservation_s = _ZERO
        for index, period in enumerate(self.session.periods):
            tariff = self.choice[index]
            duration_s = period.duration_s
            if duration_s is None:
                duration_s = seconds(period.end - period.start)
            energy_kwh = period.energy_kwh
            if energy_kwh < 0:
                self.remarks.negative_energy(index, period)
            self.now = None
            if tariff is not None:
                self.charge(index, period, tariff, duration_s)
            total_kwh += energy_kwh
            if period.state is _RESERVED:
                reservation_s += duration_s
                continue
            self.energy_kwh += energy_kwh
            if period.state is _CHARGING:
                charging_s += duration_s
            else:
                parking_s += duration_s
        own_rounding = rounds_prices(self.used, self.policy)
        apply_step_size(self.charges.all, self.policy, self.gaps, own_rounding=own_rounding)
        if own_rounding:
            apply_price_rounding(self.charges.all)
        return self.breakdown(make_volumes(total_kwh, charging_s, parking_s, reservation_s))

    def charge(self, index: int, period: SessionPeriod, tariff: CompiledTariff, duration_s: Decimal) -> None:
        """Price one period: what is due, by the component that is active at its start.

        A charging period always has energy, be it 0; elsewhere energy is the exception. A reservation has no
        energy.
        """
        state = period.state
        reserved = state is _RESERVED
        start, end = period.start, period.end
        energy = time = None
        has_energy = state is _CHARGING or (not reserved and bool(period.energy_kwh))
        fee = self.fee(period, tariff, reserved)
        if has_energy:
            energy = self.find(tariff, period, _ENERGY)
            if energy is None and _ENERGY in tariff.session:
                self.unpriced(index, period, tariff, _ENERGY, _ENERGY_COST, period.energy_kwh)
        timed, bucket = _TIME_OF[state]
        if duration_s:
            time = self.find(tariff, period, timed)
            if time is None and (reserved or timed in tariff.session):
                self.unpriced(index, period, tariff, timed, bucket, duration_s)
        if fee is not None:
            self.charges.add_fee(Charge(tariff, fee, _FEE_BUCKET[reserved], start, start, _ONE))
        if energy is not None:
            self.charges.add_energy(Charge(tariff, energy, _ENERGY_COST, start, end, period.energy_kwh))
        if time is not None:
            self.charges.add_time(Charge(tariff, time, bucket, start, end, duration_s))
        if self.doubts is not None and self.doubts.any:
            self.remarks.doubts(index, period, tariff, self.doubts, self.policy)
            self.doubts = None
        if tariff.moves:
            due = {_ENERGY: energy} if has_energy else {}
            if duration_s:
                due[timed] = time
            if fee is None and not reserved and _FLAT in tariff.session and self.fee_is_open(tariff):
                due[_FLAT] = None  # a fee may become due inside the period
            if due:
                self.check_span(index, period, tariff, due)

    def fee(self, period: SessionPeriod, tariff: CompiledTariff, reserved: bool) -> CompiledComponent | None:
        """Return the FLAT that is due now: the first that is ever active (ocpi/ocpi#176, #390)."""
        if not self.fee_is_open(tariff, reserved):
            return None
        found = self.find(tariff, period, _FLAT)
        if found is not None:
            self.flat_done[reserved].add(tariff.key if self.per_tariff else "")
        return found

    def fee_is_open(self, tariff: CompiledTariff, reserved: bool = False) -> bool:
        """Return whether no FLAT was billed yet."""
        done = self.flat_done[reserved]
        return not done or (tariff.key if self.per_tariff else "") not in done

    @cached_property
    def origin(self) -> datetime:
        """Where durations count from: the first period that is no reservation."""
        for period in self.session.periods:
            if period.state is not _RESERVED:
                return period.start
        return self.session.periods[-1].end

    def wall_at(self, instant: datetime) -> datetime:
        """Return the local time of an instant; the end of a period is mostly the start of the next."""
        if self.wall is None or self.wall[0] != instant:
            self.wall = (instant, instant.astimezone(self.zone))
        return self.wall[1]

    def moment(self, period: SessionPeriod, tariff: CompiledTariff) -> Moment:
        """Return the start of the period."""
        if self.now is None:
            wall = self.wall_at(period.start) if tariff.clock_minutes else period.start
            elapsed_us = microseconds(period.start - self.origin)
            self.now = moment_at(wall, self.energy_kwh, elapsed_us, period)
        return self.now

    def find(
        self,
        tariff: CompiledTariff,
        period: SessionPeriod,
        dimension: TariffDimensionType,
        at: Moment | None = None,
        doubts: Doubts | None = None,
    ) -> CompiledComponent | None:
        """Return the active component; an expired reservation looks among its own components first.

        TIME and FLAT of an expired reservation are replaced independently (mod_tariffs, examples 17 and 18).
        """
        if period.state is not _RESERVED:
            candidates = tariff.session.get(dimension)
            if candidates is None:
                return None
            if candidates[0].restrictions is None:
                return candidates[0]
            moment = at or self.moment(period, tariff)
            index = tariff.session_clock.get(dimension)
            if index is not None:
                candidates = index.at(moment.minute)
            return active_component(candidates, moment, self.policy, self.doubts_for(doubts))
        moment = at or self.moment(period, tariff)
        for group in _reservation_candidates(tariff, self.session.reservation_expired):
            found = active_component(group.get(dimension, ()), moment, self.policy, self.doubts_for(doubts))
            if found is not None:
                return found
        return None

    def doubts_for(self, given: Doubts | None) -> Doubts:
        """Return where doubts are collected: those of the period, unless others are given."""
        if given is not None:
            return given
        if self.doubts is None:
            self.doubts = Doubts()
        return self.doubts

    def unpriced(
        self,
        index: int,
        period: SessionPeriod,
        tariff: CompiledTariff,
        dimension: TariffDimensionType,
        bucket: Bucket,
        quantity: Decimal,
    ) -> None:
        """Note a gap: a quantity that the tariff prices at other moments. A tariff without any is no gap."""
        if period.state is _RESERVED:
            groups = _reservation_candidates(tariff, self.session.reservation_expired)
            if not any(dimension in group for group in groups):
                return
        if quantity > 0:
            self.remarks.without_price(index, period, tariff, dimension)
            key = (bucket, id(tariff))
            self.gaps[key] = self.gaps.get(key, _ZERO) + quantity

    def check_span(
        self,
        index: int,
        period: SessionPeriod,
        tariff: CompiledTariff,
        due: Mapping[TariffDimensionType, CompiledComponent | None],
    ) -> None:
        """Report a period in which a price changes although it was not cut there."""
        moment = self.moment(period, tariff)
        wall_end = self.wall_at(period.end) if tariff.clock_minutes else None
        if not may_change(tariff, period, moment, wall_end, self.origin):
            return

        def find(dimension: TariffDimensionType, at: Moment) -> CompiledComponent | None:
            return self.find(tariff, period, dimension, at, Doubts())

        if self.budget is None:
            self.budget = Budget()
        spanned = spans_price_change(
            tariff, period, moment, due, find, zone=self.zone, origin=self.origin, budget=self.budget
        )
        if spanned is None:
            self.remarks.span_not_checked(index, period)
        for dimension in spanned or ():
            self.remarks.spans(index, period, tariff, str(dimension))

    def breakdown(self, measured: Volumes) -> Breakdown:
        charges, policy, used = self.charges.all, self.policy, self.used
        has_gross = used[0].has_vat if len(used) == 1 else any(tariff.has_vat for tariff in used)
        lines, parts, before = cost_lines(charges, has_gross, policy)
        total = before
        notes: list[Finding] = []
        if before.excl_vat is None or len(used) != 1 or not used[0].plain:
            total, notes = limited(before, parts, used, None not in self.choice, policy)
            notes_of(total, used, policy, notes)
        if policy.law is not _NOT_CHECKED:
            found = offences(charges, used, policy)
            if policy.law is CalibrationLaw.REFUSED and any(f.severity is Severity.ERROR for f in found):
                raise NotBillableError(found)
            notes += found
        return _make_breakdown(
            currency=self.currency,
            total=total,
            total_before_limits=before,
            parts=parts,
            lines=lines,
            billed=billed_volumes(charges),
            measured=measured,
            findings=(*self.remarks.findings(), *notes) if notes else self.remarks.findings(),
            policy=policy.name,
            time_zone=self.zone.key or "",
        )


_TIME_OF = {
    PeriodState.CHARGING: (_TIME, Bucket.TIME),
    PeriodState.PARKING: (_PARKING_TIME, Bucket.PARKING),
    PeriodState.RESERVATION: (_TIME, Bucket.RESERVATION),
}
_FEE_BUCKET = {False: Bucket.FIXED, True: Bucket.RESERVATION}


def _reservation_candidates(tariff: CompiledTariff, expired: bool) -> tuple[Candidates, ...]:
    """Elements with ``reservation`` price the reservation, and nothing else does (examples 15 to 18)."""
    return (tariff.reservation_expires, tariff.reservation) if expired else (tariff.reservation,)
