"""What nobody signed must not choose the price: told times, told powers, and clocks that carry no such thing.

The meter signs energy, and time as well as its clock is (law facts §5). Everything else in a session's data is the
back office's word. Where a tariff asks for the time, the duration or the power, that word could choose another
price than the signed values allow. So the session is priced again as the signed values alone have it; a price that
comes out otherwise holds the CDR, and one that does not may leave whatever was told.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

from eichrecht.billing.checks import decide
from eichrecht.billing.clock import clock_is_synchronised, signed_start
from eichrecht.billing.codes import BillingCode as Code
from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import RegisterPoint
from eichrecht.billing.policy import BillingPolicy
from eichrecht.billing.pricing import PricedSession, price_session
from eichrecht.evidence import Finding, TransactionVerdict, problem
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import Amount, Breakdown, Bucket, Line, SessionPeriod
from ocpi.tariffs.compiled import CompiledComponent
from ocpi.tariffs.exact import microseconds
from ocpi.tariffs.matching import Doubts, active_component, moment_at
from ocpi.tariffs.restrictions import CompiledRestrictions
from ocpi.types import format_datetime

_NOTHING = Amount(Decimal(0), Decimal(0))
_MICROSECOND = timedelta(microseconds=1)
_US_PER_HOUR = 3_600_000_000
_FLAT = TariffDimensionType.FLAT


def told_times(
    priced: PricedSession, transaction: TransactionVerdict, policy: BillingPolicy
) -> Iterator[Finding]:
    """Begin and end that were told give the same price as the signed ones, where the clock carries a duration.

    Time that is charged outside the signed readings has a finding of its own (:func:`checks.uncertified_time`).
    """
    facts = priced.facts
    if not transaction.billable.duration or (facts.start_date_time, facts.end_date_time) == (None, None):
        return
    unsaid = facts.model_copy(update={"start_date_time": None, "end_date_time": None, "reservation": None})
    signed = price_session(unsaid, priced.signed, priced.tariff, priced.policy)
    begin, end = priced.timeline.points[0].at, priced.timeline.points[-1].at
    compared = [Bucket.FIXED, Bucket.ENERGY]
    for bucket in (Bucket.TIME, Bucket.PARKING):
        lines = [line for line in priced.breakdown.lines if line.bucket is bucket and _costs(line)]
        if all(begin <= line.start and line.end <= end for line in lines):
            compared.append(bucket)
    if _differ(priced.breakdown, signed.breakdown, compared):
        yield from decide(
            policy.bill_uncertified_time,
            "bill_uncertified_time",
            Code.TOLD_TIMES_CHANGE_PRICE,
            told=_shown(priced.breakdown),
            signed=_shown(signed.breakdown),
            currency=priced.breakdown.currency,
        )


def told_start(
    facts: SessionFacts, transaction: TransactionVerdict, same_tariff: bool | None, policy: BillingPolicy
) -> Iterator[Finding]:
    """A told start must not choose another version of the tariff than the signed one."""
    started = signed_start(transaction)
    if same_tariff is False and started is not None and facts.start_date_time is not None:
        yield from decide(
            policy.bill_uncertified_time,
            "bill_uncertified_time",
            Code.TOLD_START_CHANGES_TARIFF,
            told=format_datetime(facts.start_date_time),
            signed=format_datetime(started),
        )


def told_power(priced: PricedSession) -> Iterator[Finding]:
    """A told power that the signed energy and time exclude must not choose the price.

    Between two readings the mean power is signed: the least power is not above it, the greatest not below.
    """
    facts, power = priced.facts, priced.facts.power
    given = [limit for limit in (power.min_power_kw, power.max_power_kw) if limit is not None]
    means = mean_powers_kw(priced.signed)
    if not given or not means:
        return
    if min(given) <= min(means) and max(means) <= max(given):
        return
    # What the power may have been: as signed, or anything between what was told and what was signed.
    ranges = ((min(means), max(means)), (min(*given, *means), max(*given, *means)))
    others = (
        price_session(
            facts.model_copy(
                update={"power": power.model_copy(update={"min_power_kw": low, "max_power_kw": high})}
            ),
            priced.signed,
            priced.tariff,
            priced.policy,
        )
        for low, high in ranges
    )
    if any(_differ(priced.breakdown, other.breakdown, list(Bucket)) for other in others):
        yield problem(
            Code.TOLD_POWER_CHANGES_PRICE,
            "/power",
            told=f"{min(given):f}–{max(given):f}",
            signed=f"{min(means):.3f}–{max(means):.3f}",
        )


def mean_powers_kw(points: Sequence[RegisterPoint]) -> list[Decimal]:
    """Return the mean power between every two signed readings between which energy flowed."""
    return [
        (later.energy_kwh - earlier.energy_kwh) * _US_PER_HOUR / ((later.at - earlier.at) // _MICROSECOND)
        for earlier, later in pairwise(points)
        if later.energy_kwh > earlier.energy_kwh and later.at > earlier.at
    ]


def time_of_use(
    priced: PricedSession, transaction: TransactionVerdict, policy: BillingPolicy
) -> Iterator[Finding]:
    """A price that depends on the time needs a clock that carries it, from begin to end (law facts §5).

    A relative clock (R) carries durations, but not when they were. What counts is not whether the price changes
    within the session: a whole session in the dear hours is dear by the same clock. Something that could cost
    something at another time, but costs nothing, is not held: nothing is billed by the clock.
    """
    duration = transaction.billable.duration
    if duration and clock_is_synchronised(transaction):
        return
    free = _FreeOfTime(priced, keep_duration=duration)
    for dimension in TariffDimensionType:
        start = free.depends(dimension)
        if start is not None:
            yield from decide(
                policy.bill_uncertified_time,
                "bill_uncertified_time",
                Code.TIME_OF_USE_NOT_BILLABLE,
                dimension=dimension.value,
                at=start,
            )


class _FreeOfTime:
    """Which components might price a period if nothing were known of its time."""

    def __init__(self, priced: PricedSession, *, keep_duration: bool) -> None:
        self.priced, self.keep_duration = priced, keep_duration
        self.known: dict[tuple[TariffDimensionType, int, int], bool] = {}

    def depends(self, dimension: TariffDimensionType) -> str | None:
        """Return since when a charge depends on the time, ``None`` if none does."""
        charges = [
            line
            for line in self.priced.breakdown.lines
            if line.dimension is dimension and line.bucket is not Bucket.RESERVATION and _costs(line)
        ]
        candidates = self.priced.tariff.session.get(dimension, ())
        if not charges or not any(self.timed(candidate) for candidate in candidates):
            return None
        energy_kwh = Decimal(0)
        for period in self.priced.session.periods:
            if any(_covers(line, period) for line in charges) and self.open(candidates, period, energy_kwh):
                return format_datetime(period.start)
            energy_kwh += period.energy_kwh
        return None

    def timed(self, candidate: CompiledComponent) -> bool:
        """Whether an element asks for a time that the clock does not carry."""
        limits = candidate.restrictions
        if limits is None:
            return False
        lasts = limits.min_duration_us is not None or limits.max_duration_us is not None
        return limits.on_clock or (lasts and not self.keep_duration)

    def open(
        self, candidates: Sequence[CompiledComponent], period: SessionPeriod, energy_kwh: Decimal
    ) -> bool:
        """Whether another time would give the period another price, or none."""
        elapsed_us = microseconds(period.start - self.priced.timeline.start) if self.keep_duration else 0
        key = (candidates[0].dimension, elapsed_us, bisect_right(self.priced.tariff.kwh_edges, energy_kwh))
        if key not in self.known:
            moment = moment_at(period.start, energy_kwh, elapsed_us, period)
            terms = set()
            fallback = False
            for candidate in candidates:
                timeless = replace(candidate, restrictions=self.without_time(candidate))
                if active_component((timeless,), moment, self.priced.policy, Doubts()) is None:
                    continue
                terms.add(
                    (candidate.price, candidate.vat_percent, candidate.step_size, candidate.tax_included)
                )
                if not self.timed(candidate):
                    fallback = True
                    break
                if len(terms) > 1:
                    break
            self.known[key] = len(terms) > 1 or not fallback
        return self.known[key]

    def without_time(self, candidate: CompiledComponent) -> CompiledRestrictions | None:
        limits = candidate.restrictions
        if limits is None:
            return None
        limits = replace(limits, on_clock=False)
        return limits if self.keep_duration else replace(limits, min_duration_us=None, max_duration_us=None)


def _covers(line: Line, period: SessionPeriod) -> bool:
    """Whether a line charges for something in a period; a fee is due at the period's start."""
    if line.dimension is _FLAT:
        return line.start == period.start
    charged = period.energy_kwh if line.dimension is TariffDimensionType.ENERGY else True
    return bool(charged) and line.start <= period.start < line.end


def _costs(line: Line) -> bool:
    return bool(line.cost.excl_vat or line.cost.incl_vat)


def _differ(one: Breakdown, other: Breakdown, buckets: Sequence[Bucket]) -> bool:
    return any(_part(one, bucket) != _part(other, bucket) for bucket in buckets)


def _part(breakdown: Breakdown, bucket: Bucket) -> tuple[Decimal | None, Decimal | None]:
    amount = breakdown.parts.get(bucket, _NOTHING)
    return amount.excl_vat or None, amount.incl_vat or None


def _shown(breakdown: Breakdown) -> str:
    total = breakdown.total
    amount = total.incl_vat if total.incl_vat is not None else total.excl_vat
    return "-" if amount is None else f"{amount.normalize():f}"
