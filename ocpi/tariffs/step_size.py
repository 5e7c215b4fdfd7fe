"""Billing in blocks (2.2.1 mod_cdrs, step_size, and PriceComponent.step_size).

Applied at most once per session to ENERGY, once to TIME and PARKING_TIME together, and once to the
reservation; always to the total of the dimension, and only what is missing to the next full block is added,
at the price of the last component. "At least", not "more than": 20.000 kWh stay 20 (every example of the
specification). The policy knows the other readings in the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import Bucket
from ocpi.tariffs.charges import Charge
from ocpi.tariffs.policy import PricingPolicy, StepScope, TimeStep, UnpricedGaps

_ZERO = Decimal(0)
_WH_PER_KWH = 1000
_ENERGY, _TIME, _RESERVED = 0, 1, 2
_GROUPS = {
    Bucket.ENERGY: _ENERGY,
    Bucket.TIME: _TIME,
    Bucket.PARKING: _TIME,
    Bucket.RESERVATION: _RESERVED,
}
_FLAT = TariffDimensionType.FLAT
_ENERGY_COST, _PARKED = Bucket.ENERGY, Bucket.PARKING
_PER_COMPONENT = StepScope.COMPONENT

Gaps = Mapping[tuple[Bucket, int], Decimal]
"""Quantities without a price, by bucket and ``id`` of the tariff, in kWh or seconds."""


def apply_step_size(
    charges: Sequence[Charge], policy: PricingPolicy, gaps: Gaps, *, own_rounding: bool = False
) -> None:
    """Add the missing rest of the last block to the last charge of each group.

    * The last charge of the group with a quantity decides, at which price it may be 0 (mod_cdrs: if the end
      of a session costs nothing because no component is active, the last priced period is rounded).
    * Of TIME and PARKING_TIME only the dimension that comes last is rounded, on its own total
      (ocpi/ocpi#386).
    * Blocks do not reach across tariffs: the total is that of the last charge's tariff.
    * A total that is not positive (net feed-in) is not rounded; a step of 0 means no rounding.
    * A component with ``step_round`` rounds its own steps and takes no part in this.

    Args:
        charges: In order of time; :attr:`Charge.surplus` is set.
        policy: ``step_scope``, ``time_step``, ``unpriced_gaps``.
        gaps: Counted with the total if ``unpriced_gaps`` says so.
        own_rounding: Components may bring rounding of their own along, and it is to be applied.
    """
    if own_rounding:
        charges = _own_steps(charges)
    if policy.step_scope is _PER_COMPONENT:
        for own in _by_component(charges):
            _round_up(own[-1], sum((charge.quantity for charge in own), _ZERO))
        return
    if len(charges) == 1 and not gaps:
        if charges[0].component.dimension is not _FLAT and charges[0].quantity > 0:
            _round_up(charges[0], charges[0].quantity)
        return
    totals: dict[tuple[Bucket, int], Decimal] = {}
    last: dict[int, Charge] = {}
    parked: Charge | None = None
    for charge in charges:
        if charge.component.dimension is _FLAT:
            continue
        bucket = charge.bucket
        key = (bucket, id(charge.tariff))
        totals[key] = totals.get(key, _ZERO) + charge.quantity
        if charge.quantity > _ZERO:
            last[_GROUPS[bucket]] = charge
            if bucket is _PARKED:
                parked = charge
    if parked is not None and policy.time_step is TimeStep.PARKING:
        last[_TIME] = parked
    for charge in last.values():
        key = (charge.bucket, id(charge.tariff))
        total = totals[key]
        if gaps and policy.unpriced_gaps is UnpricedGaps.INCLUDED:
            total += gaps.get(key, _ZERO)
        _round_up(charge, total)


def _round_up(last: Charge, total: Decimal) -> None:
    """Give the last charge what is missing to the next full block, in kWh or seconds."""
    step = last.component.step_size
    if step == 0 or total <= 0:
        return
    if last.bucket is _ENERGY_COST:
        rest_wh = total * _WH_PER_KWH % step
        if rest_wh:
            last.surplus = (step - rest_wh) / _WH_PER_KWH
        return
    rest_s = total % step
    if rest_s:
        last.surplus = step - rest_s


def _by_component(charges: Iterable[Charge]) -> Iterable[list[Charge]]:
    """Yield the charges of each component that are worth a step; FLAT has none."""
    found: dict[tuple[int, Bucket], list[Charge]] = {}
    for charge in charges:
        if charge.quantity > 0 and charge.component.dimension is not _FLAT:
            found.setdefault((id(charge.component), charge.bucket), []).append(charge)
    return found.values()


def _own_steps(charges: Sequence[Charge]) -> Sequence[Charge]:
    """Round the steps of components that say how, and return the charges of all others."""
    others: list[Charge] = []
    own: list[Charge] = []
    for charge in charges:
        rounding = charge.component.rounding
        (others if rounding is None or rounding.step_rule is None else own).append(charge)
    for mine in _by_component(own):
        last = mine[-1]
        rounding, step = last.component.rounding, last.component.step_size
        if rounding is None or rounding.step_rule is None or step == 0:
            continue
        total = sum((charge.quantity for charge in mine), _ZERO)
        unit = _WH_PER_KWH if last.bucket is Bucket.ENERGY else 1
        rest = total * unit % step
        last.surplus = (_units(rest, Decimal(step), rounding.step_rule) * step - rest) / unit
    return others


def apply_price_rounding(charges: Sequence[Charge]) -> None:
    """Round the cost of each component that says how; the difference stands in its last charge."""
    found: dict[tuple[int, Bucket], list[Charge]] = {}
    for charge in charges:
        rounding = charge.component.rounding
        if rounding is not None and rounding.price_unit is not None:
            found.setdefault((id(charge.component), charge.bucket), []).append(charge)
    for mine in found.values():
        rounding = mine[-1].component.rounding
        if rounding is None or rounding.price_unit is None:
            continue
        unit_3600 = rounding.price_unit * 3600
        total_3600 = sum((charge.cost_3600() for charge in mine), _ZERO)
        rest = total_3600 % unit_3600
        below = total_3600 - rest
        units = _units(rest, unit_3600, rounding.price_rule)
        mine[-1].adjustment_3600 = below + units * unit_3600 - total_3600


def _units(rest: Decimal, unit: Decimal, rule: str) -> Decimal:
    """Return whether a rest becomes none or one unit (-1 for a negative rest), by a rounding rule.

    The rest over the unit is no finite decimal, but it only matters whether it is below, at or above a half.
    """
    if not rest:
        return _ZERO
    size = rest.copy_abs()
    share = Decimal("0.5") if 2 * size == unit else Decimal("0.75") if 2 * size > unit else Decimal("0.25")
    return share.copy_sign(rest).to_integral_value(rounding=rule)
