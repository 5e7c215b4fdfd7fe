"""Checks of a priced session that only German calibration law asks for, and of what was told before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal

from eichrecht.billing.clock import clock_is_synchronised
from eichrecht.billing.codes import BillingCode as Code
from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import Timeline
from eichrecht.billing.policy import BillingPolicy
from eichrecht.evidence import (
    Finding,
    KeyTrust,
    RecordVerdict,
    Severity,
    TransactionVerdict,
    problem,
    warning,
)
from eichrecht.rules.codes import RuleCode
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff, TariffDimensionType
from ocpi.tariffs.breakdown import Breakdown, Bucket, PricedSessionInput
from ocpi.types import format_datetime

FINEST_STEP_WH = 1
"""Smallest step_size of energy (mod_tariffs, PriceComponent: an integer of Wh)."""


def decide(allowed: bool, switch: str, code: Code, **params: object) -> Iterator[Finding]:
    """Yield an error, or a warning that names the policy switch under which it was let through."""
    if allowed:
        yield warning(Code.POLICY_OVERRIDDEN, "", code=code.value, policy=switch)
    else:
        yield problem(code, "", **params)


def tariff_validity(
    tariff: Tariff, timeline: Timeline, transaction: TransactionVerdict, policy: BillingPolicy
) -> Iterator[Finding]:
    """The tariff in force at session start governs (tariffs facts §5): when it was told, and when it was signed.

    Where the policy lets uncertified time be billed, the told start alone decides, as in ``told.told_start``.
    """
    starts = {timeline.start}
    if clock_is_synchronised(transaction) and not policy.bill_uncertified_time:
        starts.add(timeline.points[0].at)
    first, last = tariff.start_date_time, tariff.end_date_time
    early = first is not None and min(starts) < first
    late = last is not None and max(starts) >= last
    if early or late:
        yield problem(Code.TARIFF_NOT_VALID_AT_START, "/tariffs/0", tariff=tariff.id)


_IMPLAUSIBLE = frozenset(
    {RuleCode.ENERGY_IMPLAUSIBLE, RuleCode.VALUE_NEGATIVE, RuleCode.COMPENSATION_IMPLAUSIBLE}
)
_IMPLAUSIBLE_IN_TIME = frozenset({RuleCode.DURATION_IMPLAUSIBLE, RuleCode.POWER_IMPLAUSIBLE})


def implausible(transaction: TransactionVerdict, policy: BillingPolicy) -> Iterator[Finding]:
    """What experience says cannot be is shown, and a person must see it before it is billed.

    Where the clock carries no duration, an odd one speaks of the clock and not of the energy: it is only shown.
    """
    for finding in transaction.findings:
        doubtful = finding.code in _IMPLAUSIBLE or (
            finding.code in _IMPLAUSIBLE_IN_TIME and transaction.billable.duration
        )
        if doubtful and not policy.allow_implausible:
            yield replace(finding, severity=Severity.ERROR)
        elif doubtful or finding.code in _IMPLAUSIBLE_IN_TIME or finding.code == RuleCode.TIME_IMPLAUSIBLE:
            yield finding
            if doubtful:
                yield warning(Code.POLICY_OVERRIDDEN, "", code=str(finding.code), policy="allow_implausible")


def unconfirmed(used: Sequence[RecordVerdict]) -> bool:
    """Return whether a record was verified with a key for which neither operator nor register vouches."""
    return any(item.key is None or item.key.trust is not KeyTrust.CONFIRMED for item in used)


def key_override(used: Sequence[RecordVerdict], policy: BillingPolicy) -> Iterator[Finding]:
    """Record that the policy let an unconfirmed key through; without the policy the session was refused."""
    if unconfirmed(used):
        yield from decide(not policy.require_confirmed_key, "require_confirmed_key", Code.KEY_NOT_CONFIRMED)


@dataclass(frozen=True, slots=True)
class _Split:
    """Where the price of flowing energy changes.

    Attributes:
        since, until: End of the period before and start of the one after; energy stands still between them.
        energy_kwh: Consumed by then.
    """

    since: datetime
    until: datetime
    energy_kwh: Decimal


def _energy_splits(session: PricedSessionInput, breakdown: Breakdown) -> Iterator[_Split]:
    """Yield every place where energy before and after has another price, "no price" included."""
    lines = [line for line in breakdown.lines if line.dimension is TariffDimensionType.ENERGY]
    consumed = Decimal(0)
    last: tuple[datetime, tuple[Decimal, Decimal | None] | None] | None = None
    for period in session.periods:
        if not period.energy_kwh:
            continue
        line = next((item for item in lines if item.start <= period.start < item.end), None)
        rate = None if line is None else (line.price, line.vat_percent)
        if last is not None and last[1] != rate:
            yield _Split(last[0], period.start, consumed)
        last = (period.end, rate)
        consumed += period.energy_kwh


def unsigned_splits(
    session: PricedSessionInput, breakdown: Breakdown, timeline: Timeline, policy: BillingPolicy
) -> Iterator[Finding]:
    """Energy is divided only at signed readings (law facts §4.1; MessEV § 25 no. 7)."""
    signed = [point.at for point in timeline.points if point.signed]
    for split in _energy_splits(session, breakdown):
        if not any(split.since <= at <= split.until for at in signed):
            yield from decide(
                policy.allow_unsigned_split,
                "allow_unsigned_split",
                Code.ENERGY_SPLIT_UNSIGNED,
                at=format_datetime(split.until),
            )


def uncertified_time(
    breakdown: Breakdown, transaction: TransactionVerdict, timeline: Timeline, policy: BillingPolicy
) -> Iterator[Finding]:
    """Time is a measuring quantity once it is priced: the signed clock must carry it (law facts §3, §5).

    It carries nothing outside its own begin and end, whatever the back office says of the session.
    """
    switches = {
        Bucket.TIME: (policy.bill_uncertified_time, "bill_uncertified_time", Code.TIME_NOT_BILLABLE),
        Bucket.PARKING: (
            policy.bill_uncertified_parking,
            "bill_uncertified_parking",
            Code.PARKING_TIME_NOT_BILLABLE,
        ),
    }
    begin, end = timeline.points[0].at, timeline.points[-1].at
    for bucket, (allowed, switch, code) in switches.items():
        priced = [line for line in breakdown.lines if line.bucket is bucket and line.cost.excl_vat]
        if priced and not transaction.billable.duration:
            yield from decide(allowed, switch, code)
        elif any(line.start < begin or line.end > end for line in priced):
            yield from decide(allowed, switch, Code.TIME_OUTSIDE_SIGNED_READINGS)


def session_times(facts: SessionFacts, transaction: TransactionVerdict) -> Iterator[Finding]:
    """Say that the CDR's times are those of a clock that does not know the time, if nobody gave better ones."""
    if not clock_is_synchronised(transaction) and None in (facts.start_date_time, facts.end_date_time):
        yield warning(Code.SESSION_TIMES_UNCERTAIN)


def rounded_energy(
    breakdown: Breakdown, transaction: TransactionVerdict, policy: BillingPolicy
) -> Iterator[Finding]:
    """step_size must not bill more energy than the meter signed (law facts §11).

    A step of 1 Wh is the finest that OCPI can say: where a meter signs finer digits, it only warns.
    """
    signed = transaction.energy_kwh
    if signed is None or breakdown.billed.energy_kwh <= signed:
        return
    numbers = {"billed": format(breakdown.billed.energy_kwh, "f"), "signed": format(signed, "f")}
    energy = [line for line in breakdown.lines if line.dimension is TariffDimensionType.ENERGY]
    if all(line.step_size <= FINEST_STEP_WH for line in energy):
        yield warning(Code.BILLED_ENERGY_ABOVE_SIGNED, "", **numbers)
    else:
        yield from decide(
            policy.bill_rounded_energy, "bill_rounded_energy", Code.BILLED_ENERGY_ABOVE_SIGNED, **numbers
        )


def claims(facts: SessionFacts, cdr: Cdr, policy: BillingPolicy) -> Iterator[Finding]:
    """What the back office told others must be what is billed; the signed value is billed, the CDR waits."""
    claimed = facts.claimed_energy_kwh
    if claimed is not None and claimed != cdr.total_energy:
        yield problem(
            Code.CLAIMED_ENERGY_DIFFERS,
            "/total_energy",
            claimed=format(claimed, "f"),
            signed=format(cdr.total_energy, "f"),
        )
    told = facts.claimed_total_cost
    if told is None:
        return
    for side in ("excl_vat", "incl_vat"):
        said, computed = getattr(told, side), getattr(cdr.total_cost, side)
        if said is not None and (computed is None or abs(said - computed) > policy.pricing.tolerance):
            yield problem(
                Code.CLAIMED_COST_DIFFERS,
                f"/total_cost/{side}",
                claimed=format(said, "f"),
                computed="-" if computed is None else format(computed, "f"),
                currency=cdr.currency,
            )
