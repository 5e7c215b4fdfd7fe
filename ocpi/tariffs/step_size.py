"""Billing in blocks (2.2.1 mod_cdrs, step_size, and PriceComponent.step_size).

Applied at most once per session to ENERGY, once to TIME and PARKING_TIME together, and once to the
reservation; always to the total of the dimension, and only what is missing to the next full block is added,
at the price of the last component. "At least", not "more than": 20.000 kWh stay 20 (every example of the
specification).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import Bucket
from ocpi.tariffs.charges import Charge

_WH_PER_KWH = 1000
_GROUPS = (
    frozenset({Bucket.ENERGY}),
    frozenset({Bucket.TIME, Bucket.PARKING}),
    frozenset({Bucket.RESERVATION}),
)


def apply_step_size(charges: Sequence[Charge]) -> None:
    """Add the missing rest of the last block to the last charge of each group.

    * The last charge of the group with a quantity decides, at which price it may be 0 (mod_cdrs: if the end
      of a session costs nothing because no component is active, the last priced period is rounded).
    * Of TIME and PARKING_TIME only the dimension that comes last is rounded, on its own total
      (ocpi/ocpi#386).
    * Blocks do not reach across tariffs: the total is that of the last charge's tariff.
    * A total that is not positive (net feed-in) is not rounded; a step of 0 means no rounding.

    Args:
        charges: In order of time; :attr:`Charge.surplus` is set.
    """
    for group in _GROUPS:
        last = _last(charges, group)
        if last is None or last.component.step_size == 0:
            continue
        total = sum(
            (
                charge.quantity
                for charge in charges
                if charge.bucket is last.bucket
                and charge.component.dimension is last.component.dimension
                and charge.tariff is last.tariff
            ),
            start=Decimal(0),
        )
        if total > 0:
            last.surplus = _missing(total, last)


def _last(charges: Sequence[Charge], group: frozenset[Bucket]) -> Charge | None:
    for charge in reversed(charges):
        if (
            charge.bucket in group
            and charge.quantity > 0
            and charge.component.dimension is not TariffDimensionType.FLAT
        ):
            return charge
    return None


def _missing(total: Decimal, last: Charge) -> Decimal:
    """Return what is missing to the next full block, in kWh or seconds."""
    step = last.component.step_size
    if last.bucket is Bucket.ENERGY:
        rest_wh = total * _WH_PER_KWH % step
        return (step - rest_wh) / _WH_PER_KWH if rest_wh else Decimal(0)
    rest_s = total % step
    return step - rest_s if rest_s else Decimal(0)
