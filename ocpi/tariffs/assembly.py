"""From charges to the breakdown: costs, taxes, rounding scope, min_price and max_price."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from ocpi.findings import Finding, note, warning
from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs._frozen import maker
from ocpi.tariffs.amounts import Cost, Sum, added, amount_of, net_and_gross
from ocpi.tariffs.breakdown import Amount, Bucket, Line, Volumes
from ocpi.tariffs.charges import Charge
from ocpi.tariffs.codes import TariffCode
from ocpi.tariffs.compiled import CompiledTariff
from ocpi.tariffs.exact import SECONDS_PER_HOUR, from_3600
from ocpi.tariffs.limits import apply_limits
from ocpi.tariffs.policy import ExtensionRounding, LimitScope, PricingPolicy, RoundingScope
from ocpi.tariffs.rounding import money, written_amount

_ZERO = Decimal(0)
_LINE_ORDER = {
    TariffDimensionType.FLAT: 0,
    TariffDimensionType.ENERGY: 1,
    TariffDimensionType.TIME: 2,
    TariffDimensionType.PARKING_TIME: 3,
}
_FLAT = TariffDimensionType.FLAT
_ENERGY_COST, _TIME_COST, _PARKING_COST = Bucket.ENERGY, Bucket.TIME, Bucket.PARKING
_PER_LINE, _PER_PART = RoundingScope.LINE, RoundingScope.PART
make_volumes = maker(Volumes)


def cost_lines(
    charges: Sequence[Charge], has_gross: bool, policy: PricingPolicy
) -> tuple[tuple[Line, ...], dict[Bucket, Amount], Amount]:
    """Return the lines in order of time, then dimension, the amount of each bucket, and their total.

    Args:
        charges: After step_size.
        has_gross: Some tariff has a value with taxes.
        policy: Of the currency; rounds each line or each part if it says so.
    """
    lines: list[Line] = []
    parts: dict[Bucket, Amount] = {}
    firsts: dict[Bucket, Cost] = {}
    sums: dict[Bucket, Sum] = {}
    per_line = policy.rounding_scope is _PER_LINE
    for charge in charges:
        component, bucket = charge.component, charge.bucket
        cost_3600 = charge.cost_3600()
        if component.tax_included:
            net, gross = net_and_gross(component, cost_3600)
        else:
            net, gross = cost_3600, cost_3600 * component.vat_factor
        if per_line:
            net, gross = _rounded_3600(net, policy), _rounded_3600(gross, policy) or _ZERO
        cost = (net, gross, component.vat_percent)
        amount = amount_of(cost, has_gross)
        lines.append(charge.line(amount))
        if bucket not in parts:
            parts[bucket] = amount
            firsts[bucket] = cost
            continue
        part = sums.get(bucket)
        if part is None:
            part = sums[bucket] = Sum()
            part.add(firsts[bucket])
        part.add(cost)
    for bucket, part in sums.items():
        parts[bucket] = part.amount(has_gross)
    if len(lines) > 1:
        lines.sort(key=_place)
    if policy.rounding_scope is _PER_PART:
        parts = {bucket: written_amount(amount, policy) for bucket, amount in parts.items()}
        return tuple(lines), parts, added(parts.values()) if parts else Sum().amount(has_gross)
    if len(parts) == 1:
        return tuple(lines), parts, parts[bucket]
    return tuple(lines), parts, _total(firsts, sums).amount(has_gross)


def _total(firsts: Mapping[Bucket, Cost], sums: Mapping[Bucket, Sum]) -> Sum:
    """Return the sum over all buckets: of the one cost that a bucket has, or of its sum."""
    whole = Sum()
    for bucket, first in firsts.items():
        part = sums.get(bucket)
        if part is None:
            whole.add(first)
        else:
            whole.add_sum(part)
    return whole


def _place(line: Line) -> tuple[datetime, int]:
    return line.start, _LINE_ORDER[line.dimension]


def _rounded_3600(value_3600: Decimal | None, policy: PricingPolicy) -> Decimal | None:
    return None if value_3600 is None else money(from_3600(value_3600), policy) * SECONDS_PER_HOUR


def limited(
    total: Amount,
    parts: Mapping[Bucket, Amount],
    used: Sequence[CompiledTariff],
    everything_priced: bool,
    policy: PricingPolicy,
) -> tuple[Amount, list[Finding]]:
    """Apply min_price and max_price if the whole session is under one tariff (no rule otherwise).

    Args:
        total: Sum of the lines.
        parts: By bucket, for a policy that leaves the reservation out.
        used: Tariffs of the session.
        everything_priced: Every period has a tariff.
        policy: ``limits``.
    """
    for tariff in used:
        if tariff.min_price is not None or tariff.max_price is not None:
            break
    else:
        return total, []
    if len(used) != 1 or not everything_priced:
        return total, [warning(TariffCode.LIMITS_NOT_APPLIED, "", tariffs=len(used))]
    reserved = parts.get(Bucket.RESERVATION)
    if policy.limits is LimitScope.WITH_RESERVATION or reserved is None:
        return apply_limits(total, used[0])
    bounded, findings = apply_limits(
        added(part for bucket, part in parts.items() if bucket is not Bucket.RESERVATION)
        if len(parts) > 1
        else Amount(_ZERO, None if reserved.incl_vat is None else _ZERO),
        used[0],
    )
    return _together(bounded, reserved), findings


def _together(bounded: Amount, reserved: Amount) -> Amount:
    """Return the sum of two amounts whose taxes may have no rate."""
    whole = added((bounded, reserved))
    unexplained = tuple(line for line in bounded.taxes if line.percent is None)
    return Amount(whole.excl_vat, whole.incl_vat, (*whole.taxes, *unexplained))


def notes_of(
    total: Amount, used: Sequence[CompiledTariff], policy: PricingPolicy, found: list[Finding]
) -> None:
    """Add what there is to say about the tariffs as a whole."""
    for tariff in used:
        if tariff.has_rounding:
            decision = str(policy.extension_rounding)
            found.append(
                note(TariffCode.EXTENSION_ROUNDING, "", tariff_id=tariff.tariff_id, decision=decision)
            )
    if total.excl_vat is None:
        ids = ", ".join(tariff.tariff_id for tariff in used)
        found.append(warning(TariffCode.NET_UNKNOWN, "", tariff_id=ids))


def rounds_prices(used: Sequence[CompiledTariff], policy: PricingPolicy) -> bool:
    """Return whether ``price_round`` of some component is to be applied."""
    for tariff in used:
        if tariff.has_rounding:
            return policy.extension_rounding is ExtensionRounding.APPLIED
    return False


def billed_volumes(charges: Sequence[Charge]) -> Volumes:
    """Return the quantities that were billed, after step_size."""
    energy = charging = parking = reservation = _ZERO
    flat_fees = 0
    for charge in charges:
        bucket = charge.bucket
        if charge.component.dimension is _FLAT:
            flat_fees += 1
        elif bucket is _ENERGY_COST:
            energy += charge.quantity + charge.surplus
        elif bucket is _TIME_COST:
            charging += charge.quantity + charge.surplus
        elif bucket is _PARKING_COST:
            parking += charge.quantity + charge.surplus
        else:
            reservation += charge.quantity + charge.surplus
    return make_volumes(energy, charging, parking, reservation, flat_fees)
