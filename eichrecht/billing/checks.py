"""Checks of a priced session that only German calibration law asks for, and of what was told before."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from eichrecht.billing.codes import BillingCode as Code
from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.periods import Timeline
from eichrecht.billing.policy import BillingPolicy
from eichrecht.evidence import Finding, TransactionVerdict, problem, warning
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff, TariffDimensionType
from ocpi.tariffs.breakdown import Breakdown, Bucket
from ocpi.types import format_datetime


FINEST_STEP_WH = 1
"""Smallest step_size of energy (mod_tariffs, PriceComponent: an integer of Wh)."""


def _decide(allowed: bool, switch: str, code: Code, **params: object) -> Iterator[Finding]:
    """Yield an error, or a warning that names the policy switch under which it was let through."""
    if allowed:
        yield warning(Code.POLICY_OVERRIDDEN, "", code=code.value, policy=switch)
    else:
        yield problem(code, "", **params)


def tariff_validity(tariff: Tariff, timeline: Timeline) -> Iterator[Finding]:
    """The tariff in force at session start governs (tariffs facts §5)."""
    early = tariff.start_date_time is not None and timeline.start < tariff.start_date_time
    late = tariff.end_date_time is not None and timeline.start >= tariff.end_date_time
    if early or late:
        yield problem(Code.TARIFF_NOT_VALID_AT_START, "/tariffs/0", tariff=tariff.id)


def unsigned_splits(breakdown: Breakdown, timeline: Timeline, policy: BillingPolicy) -> Iterator[Finding]:
    """Energy is divided only at signed readings (law facts §4.1; MessEV § 25 no. 7)."""
    lines = [line for line in breakdown.lines if line.dimension is TariffDimensionType.ENERGY]
    signed = {point.at for point in timeline.points if point.signed}
    for earlier, later in pairwise(lines):
        same = (earlier.price, earlier.vat_percent) == (later.price, later.vat_percent)
        flowing = earlier.measured and later.measured
        if not same and flowing and later.start not in signed:
            at = format_datetime(later.start)
            yield from _decide(
                policy.allow_unsigned_split, "allow_unsigned_split", Code.ENERGY_SPLIT_UNSIGNED, at=at
            )


def uncertified_time(
    breakdown: Breakdown, transaction: TransactionVerdict, policy: BillingPolicy
) -> Iterator[Finding]:
    """Time is a measuring quantity once it is priced: the signed clock must carry it (law facts §3, §5)."""
    if transaction.billable.duration:
        return
    priced = {line.bucket for line in breakdown.lines if line.cost.excl_vat != 0}
    if Bucket.TIME in priced:
        yield from _decide(policy.bill_uncertified_time, "bill_uncertified_time", Code.TIME_NOT_BILLABLE)
    if Bucket.PARKING in priced:
        yield from _decide(
            policy.bill_uncertified_parking, "bill_uncertified_parking", Code.PARKING_TIME_NOT_BILLABLE
        )


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
        yield from _decide(
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
