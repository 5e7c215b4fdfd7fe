"""The price of a session: exact, pure, and with a line for everything that is billed.

The steps, each in its module: every period finds the active component of each dimension (``matching``),
charges are collected (``charges``), rounded up to blocks (``step_size``), summed, and bounded (``limits``).
Restrictions are evaluated at the start of each period; a period that holds a price change inside is priced
by its start and reported (tariffs facts §10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal, DecimalException, localcontext
from zoneinfo import ZoneInfo

from ocpi.findings import Finding, warning
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.boundaries import check_instant, zone_of
from ocpi.tariffs.breakdown import (
    Amount,
    Breakdown,
    Bucket,
    Line,
    PeriodState,
    PricedSessionInput,
    SessionPeriod,
    Volumes,
)
from ocpi.tariffs.charges import Charge, Charges
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import Candidates, CompiledComponent, CompiledTariff
from ocpi.tariffs.errors import (
    MixedCurrenciesError,
    NoTariffError,
    NumberOutOfRangeError,
    SessionUnusableError,
)
from ocpi.tariffs.exact import EXACT, MAX_EXPONENT, from_3600, microseconds, seconds
from ocpi.tariffs.limits import apply_limits
from ocpi.tariffs.matching import Doubts, Moment, active_component, moment_at
from ocpi.tariffs.policy import DEFAULT, FlatFee, PricingPolicy
from ocpi.tariffs.remarks import Remarks
from ocpi.tariffs.selection import select_tariffs
from ocpi.tariffs.spans import Budget, spans_price_change
from ocpi.tariffs.step_size import apply_step_size

MAX_MATCHES = 5_000_000
"""Most restrictions that are compared for one session, periods times components: some seconds. A day in
minutes under a weekly tariff of quarter hours with all four dimensions stays below."""

_ENERGY = TariffDimensionType.ENERGY
_TIME = TariffDimensionType.TIME
_PARKING_TIME = TariffDimensionType.PARKING_TIME
_FLAT = TariffDimensionType.FLAT
_ZERO = Decimal(0)
_NO_TIME = dict.fromkeys(PeriodState, _ZERO)
_NOTHING = dict.fromkeys(Bucket, _ZERO)
_LINE_ORDER = {_FLAT: 0, _ENERGY: 1, _TIME: 2, _PARKING_TIME: 3}


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
    zone = zone_of(time_zone)
    if not tariffs:
        raise NoTariffError("no_tariff")
    try:
        with localcontext(EXACT):
            _check(session, tariffs)
            return _Pricing(session, tariffs, zone, policy).run()
    except DecimalException as error:
        raise NumberOutOfRangeError("number_out_of_range", type(error).__name__) from error


def _check(session: PricedSessionInput, tariffs: Sequence[CompiledTariff]) -> None:
    """Refuse a session that cannot be priced."""
    if not session.periods:
        raise SessionUnusableError("no_periods")
    if len(session.periods) * sum(tariff.component_count for tariff in tariffs) > MAX_MATCHES:
        raise SessionUnusableError("too_complex", f"{len(session.periods)} periods")
    end: datetime | None = None
    for index, period in enumerate(session.periods):
        check_instant(period.start)
        check_instant(period.end)
        if period.end < period.start:
            raise SessionUnusableError("ends_before_start", f"period {index}")
        if end is not None and period.start < end:
            raise SessionUnusableError("out_of_order", f"period {index}")
        end = period.end
        for number in (
            period.energy_kwh,
            period.duration_s,
            period.min_power_kw,
            period.max_power_kw,
            period.min_current_a,
            period.max_current_a,
        ):
            if number is None:
                continue
            if not isinstance(number, Decimal) or not number.is_finite():
                raise SessionUnusableError("not_a_number", f"period {index}")
            if number.adjusted() > MAX_EXPONENT:
                raise NumberOutOfRangeError("number_out_of_range", f"period {index}")
        if period.duration_s is not None and period.duration_s < 0:
            raise SessionUnusableError("negative_duration", f"period {index}")


class _Pricing:
    """One walk over the periods of a session."""

    def __init__(
        self,
        session: PricedSessionInput,
        tariffs: Sequence[CompiledTariff],
        zone: ZoneInfo,
        policy: PricingPolicy,
    ) -> None:
        self.session = session
        self.zone = zone
        self.policy = policy
        self.remarks = Remarks()
        self.choice = select_tariffs(session, tariffs, self.remarks)
        self.used = tuple({id(t): t for t in self.choice if t is not None}.values())
        if len({tariff.currency.upper() for tariff in self.used}) > 1:
            raise MixedCurrenciesError("mixed_currencies", ", ".join(t.currency for t in self.used))
        self.currency = (self.used or tuple(tariffs))[0].currency
        self.origin = next(
            (p.start for p in session.periods if p.state is not PeriodState.RESERVATION),
            session.periods[-1].end,
        )
        self.charges = Charges()
        self.doubts = Doubts()
        self.budget = Budget()
        self.flat_done: set[tuple[Bucket, str]] = set()
        self.energy_kwh = _ZERO
        self.measured: dict[PeriodState, Decimal] = dict(_NO_TIME)

    def run(self) -> Breakdown:
        for index, (period, tariff) in enumerate(zip(self.session.periods, self.choice, strict=True)):
            duration_s = (
                seconds(period.end - period.start) if period.duration_s is None else period.duration_s
            )
            if period.energy_kwh < 0:
                self.remarks.negative_energy(index, period)
            if tariff is not None:
                self.charge(index, period, tariff, duration_s)
            if period.state is not PeriodState.RESERVATION:
                self.energy_kwh += period.energy_kwh
            self.measured[period.state] += duration_s
        apply_step_size(self.charges.all)
        return self.breakdown()

    def charge(self, index: int, period: SessionPeriod, tariff: CompiledTariff, duration_s: Decimal) -> None:
        """Price one period: what is due, by the component that is active at its start."""
        doubts = self.doubts
        moment = self.moment(period, tariff)
        due: dict[TariffDimensionType, CompiledComponent | None] = {}
        for dimension in _dimensions(period, duration_s, self.flat_is_due(period, tariff)):
            due[dimension] = self.find(tariff, period, dimension, moment, doubts)
        for dimension, component in due.items():
            if component is None:
                self.report_unpriced(index, period, tariff, dimension, duration_s)
            else:
                self.add(period, tariff, component, duration_s)
        if doubts.unmeasured or doubts.inside_range:
            self.remarks.doubts(index, period, tariff, doubts, self.policy)
            self.doubts = Doubts()
        self.check_span(index, period, tariff, moment, due)

    def add(
        self, period: SessionPeriod, tariff: CompiledTariff, component: CompiledComponent, duration_s: Decimal
    ) -> None:
        """Charge what a component prices in a period."""
        start, end = period.start, period.end
        reserved = period.state is PeriodState.RESERVATION
        if component.dimension is _FLAT:
            bucket = Bucket.RESERVATION if reserved else Bucket.FIXED
            self.flat_done.add(self.flat_key(bucket, tariff))
            self.charges.add(Charge(tariff, component, bucket, start, start, Decimal(1)))
        elif component.dimension is _ENERGY:
            self.charges.add(Charge(tariff, component, Bucket.ENERGY, start, end, period.energy_kwh))
        else:
            bucket = _TIME_BUCKETS[period.state]
            self.charges.add(Charge(tariff, component, bucket, start, end, duration_s))

    def moment(self, period: SessionPeriod, tariff: CompiledTariff) -> Moment:
        wall = period.start.astimezone(self.zone) if tariff.clock_minutes else period.start
        return moment_at(wall, self.energy_kwh, microseconds(period.start - self.origin), period)

    def find(
        self,
        tariff: CompiledTariff,
        period: SessionPeriod,
        dimension: TariffDimensionType,
        moment: Moment,
        doubts: Doubts,
    ) -> CompiledComponent | None:
        """Return the active component; an expired reservation looks among its own components first.

        TIME and FLAT of an expired reservation are replaced independently (mod_tariffs, examples 17 and 18).
        """
        for candidates in _candidates(tariff, period.state, self.session.reservation_expired):
            found = active_component(candidates.get(dimension, ()), moment, self.policy, doubts)
            if found is not None:
                return found
        return None

    def flat_is_due(self, period: SessionPeriod, tariff: CompiledTariff) -> bool:
        bucket = Bucket.RESERVATION if period.state is PeriodState.RESERVATION else Bucket.FIXED
        return self.flat_key(bucket, tariff) not in self.flat_done

    def flat_key(self, bucket: Bucket, tariff: CompiledTariff) -> tuple[Bucket, str]:
        return bucket, tariff.key if self.policy.flat_fee is FlatFee.ONCE_PER_TARIFF else ""

    def report_unpriced(
        self,
        index: int,
        period: SessionPeriod,
        tariff: CompiledTariff,
        dimension: TariffDimensionType,
        duration_s: Decimal,
    ) -> None:
        """Note a gap: a quantity that the tariff prices at other moments. A tariff without any is no gap."""
        quantity = period.energy_kwh if dimension is _ENERGY else duration_s
        priced_elsewhere = any(
            dimension in candidates
            for candidates in _candidates(tariff, period.state, self.session.reservation_expired)
        )
        if dimension is not _FLAT and quantity > 0 and priced_elsewhere:
            self.remarks.without_price(index, period, tariff, dimension)

    def check_span(
        self,
        index: int,
        period: SessionPeriod,
        tariff: CompiledTariff,
        moment: Moment,
        due: Mapping[TariffDimensionType, CompiledComponent | None],
    ) -> None:
        """Report a period in which a price changes although it was not cut there."""
        if not (tariff.clock_minutes or tariff.kwh_edges or tariff.duration_edges_s):
            return
        watched = {dimension: found for dimension, found in due.items() if dimension is not _FLAT}

        def find(dimension: TariffDimensionType, at: Moment) -> CompiledComponent | None:
            return self.find(tariff, period, dimension, at, Doubts())

        spanned = spans_price_change(
            tariff, period, moment, watched, find, zone=self.zone, origin=self.origin, budget=self.budget
        )
        if spanned is None:
            self.remarks.span_not_checked(index, period)
        for dimension in spanned or ():
            self.remarks.spans(index, period, tariff, str(dimension))

    def breakdown(self) -> Breakdown:
        has_vat = any(tariff.has_vat for tariff in self.used)
        sums: dict[Bucket, tuple[Decimal, Decimal]] = {}
        drafts: list[Line] = []
        for charge in self.charges.all:
            net = charge.net_3600()
            gross = net * charge.component.vat_factor
            net_sum, gross_sum = sums.get(charge.bucket, (_ZERO, _ZERO))
            sums[charge.bucket] = (net_sum + net, gross_sum + gross)
            drafts.append(charge.line(net, gross if has_vat else None))
        drafts.sort(key=lambda line: (line.start, _LINE_ORDER[line.dimension]))
        net_total = sum((net for net, _ in sums.values()), _ZERO)
        gross_total = sum((gross for _, gross in sums.values()), _ZERO) if has_vat else None
        total_before = _amount(net_total, gross_total)
        net_total, gross_total, notes = self.limited(net_total, gross_total)
        return Breakdown(
            currency=self.currency,
            total=_amount(net_total, gross_total) if notes else total_before,
            total_before_limits=total_before,
            parts={bucket: _amount(net, gross if has_vat else None) for bucket, (net, gross) in sums.items()},
            lines=tuple(drafts),
            billed=_billed(self.charges.all),
            measured=Volumes(
                energy_kwh=sum((period.energy_kwh for period in self.session.periods), _ZERO),
                charging_s=self.measured[PeriodState.CHARGING],
                parking_s=self.measured[PeriodState.PARKING],
                reservation_s=self.measured[PeriodState.RESERVATION],
            ),
            findings=(*self.remarks.findings(), *notes),
            policy=self.policy.name,
            time_zone=self.zone.key or "",
        )

    def limited(
        self, net: Decimal, gross: Decimal | None
    ) -> tuple[Decimal, Decimal | None, Sequence[Finding]]:
        """Apply min_price and max_price if the whole session is under one tariff (no rule otherwise)."""
        if len(self.used) == 1 and None not in self.choice:
            return apply_limits(net, gross, self.used[0])
        if any(tariff.min_price or tariff.max_price for tariff in self.used):
            return net, gross, [warning(TariffCode.LIMITS_NOT_APPLIED, "", tariffs=len(self.used))]
        return net, gross, ()


_TIME_BUCKETS = {
    PeriodState.CHARGING: Bucket.TIME,
    PeriodState.PARKING: Bucket.PARKING,
    PeriodState.RESERVATION: Bucket.RESERVATION,
}


def _dimensions(
    period: SessionPeriod, duration_s: Decimal, flat_is_due: bool
) -> tuple[TariffDimensionType, ...]:
    """Return the dimensions of which a period has a quantity.

    A charging period always has energy, be it 0; elsewhere energy is the exception. A reservation has no
    energy.
    """
    flat = (_FLAT,) if flat_is_due else ()
    if period.state is PeriodState.CHARGING:
        return (*flat, _ENERGY, _TIME) if duration_s else (*flat, _ENERGY)
    time = () if not duration_s else (_TIME,) if period.state is PeriodState.RESERVATION else (_PARKING_TIME,)
    if period.state is PeriodState.PARKING and period.energy_kwh:
        return (*flat, _ENERGY, *time)
    return (*flat, *time)


def _candidates(tariff: CompiledTariff, state: PeriodState, expired: bool) -> tuple[Candidates, ...]:
    """Elements with ``reservation`` price the reservation, and nothing else does (examples 15 to 18)."""
    if state is not PeriodState.RESERVATION:
        return (tariff.session,)
    return (tariff.reservation_expires, tariff.reservation) if expired else (tariff.reservation,)


def _amount(net_3600: Decimal, gross_3600: Decimal | None) -> Amount:
    return Amount(from_3600(net_3600), None if gross_3600 is None else from_3600(gross_3600))


def _billed(charges: Sequence[Charge]) -> Volumes:
    totals = dict(_NOTHING)
    flat_fees = 0
    for charge in charges:
        if charge.component.dimension is _FLAT:
            flat_fees += 1
        else:
            totals[charge.bucket] += charge.quantity + charge.surplus
    return Volumes(
        energy_kwh=totals[Bucket.ENERGY],
        charging_s=totals[Bucket.TIME],
        parking_s=totals[Bucket.PARKING],
        reservation_s=totals[Bucket.RESERVATION],
        flat_fees=flat_fees,
    )
