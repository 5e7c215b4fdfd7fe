"""Sums of costs with their taxes, one rate at a time."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from ocpi.tariffs._frozen import maker
from ocpi.tariffs.breakdown import Amount, TaxLine
from ocpi.tariffs.compiled import CompiledComponent
from ocpi.tariffs.exact import QUOTIENT, SECONDS_PER_HOUR

_ZERO = Decimal(0)
make_amount = maker(Amount)
make_tax = maker(TaxLine)
_divide = QUOTIENT.divide


def net_and_gross(component: CompiledComponent, cost: Decimal) -> tuple[Decimal | None, Decimal]:
    """Return a component's cost without and with its taxes.

    Args:
        component: Says whether its price includes taxes, and of what rate.
        cost: Quantity times price.

    Returns:
        The net is ``None`` where prices include taxes of unknown rate. Without VAT both are the same: that a
        part has none says nothing against the VAT of the others (gotcha 5).
    """
    percent = component.vat_percent
    if component.tax_included:
        return (None if percent is None else QUOTIENT.divide(cost, component.vat_factor)), cost
    return cost, cost if percent is None else cost * component.vat_factor


Cost = tuple[Decimal | None, Decimal, Decimal | None]
"""3600 times a cost without taxes (``None`` = unknown) and with them, and its rate (``None`` = none, or unknown)."""


def amount_of(cost: Cost, has_gross: bool) -> Amount:
    """Return the amount of one cost; ``has_gross`` says whether any tariff has a value with taxes."""
    net_3600, gross_3600, percent = cost
    net = None if net_3600 is None else _divide(net_3600, SECONDS_PER_HOUR)
    if not has_gross:
        return make_amount(net, None)
    gross = _divide(gross_3600, SECONDS_PER_HOUR)
    if percent is None or net is None:
        return make_amount(net, gross)
    return make_amount(net, gross, (make_tax(percent, gross - net),))


class Sum:
    """Adds up costs.

    Attributes:
        net: 3600 times the sum without taxes; ``None`` as soon as one cost is not known without them.
        gross: 3600 times the sum with taxes.
        taxes: The taxes in it by rate.
    """

    __slots__ = ("gross", "net", "taxes")

    def __init__(self) -> None:
        self.net: Decimal | None = _ZERO
        self.gross = _ZERO
        self.taxes: dict[Decimal, Decimal] = {}

    def add(self, cost: Cost) -> None:
        """Add one cost."""
        net, gross, percent = cost
        self.gross += gross
        if net is None or self.net is None:
            self.net = None
            return
        self.net += net
        if percent is not None:
            self.taxes[percent] = self.taxes.get(percent, _ZERO) + gross - net

    def add_sum(self, other: Sum) -> None:
        """Add another sum."""
        self.gross += other.gross
        self.net = None if self.net is None or other.net is None else self.net + other.net
        for percent, tax in other.taxes.items():
            self.taxes[percent] = self.taxes.get(percent, _ZERO) + tax

    def amount(self, has_gross: bool) -> Amount:
        """Return the amount; see :func:`amount_of`."""
        if len(self.taxes) <= 1:
            return amount_of((self.net, self.gross, next(iter(self.taxes), None)), has_gross)
        gross = _divide(self.gross, SECONDS_PER_HOUR)
        if self.net is None:
            return make_amount(None, gross)
        net = _divide(self.net, SECONDS_PER_HOUR)
        rates = sorted(self.taxes)
        taxes = [_divide(self.taxes[rate], SECONDS_PER_HOUR) for rate in rates]
        # the quotients miss the difference by their last digit; the largest tax takes it, so that none turns
        # negative
        largest = max(range(len(taxes)), key=lambda place: taxes[place].copy_abs())
        taxes[largest] += gross - net - sum(taxes, _ZERO)
        return make_amount(net, gross, tuple(map(make_tax, rates, taxes)))


def added(parts: Iterable[Amount]) -> Amount:
    """Return the sum of amounts: unknown where one of them is; taxes by rate."""
    net: Decimal | None = _ZERO
    gross: Decimal | None = _ZERO
    taxes: dict[Decimal, Decimal] = {}
    for part in parts:
        net = None if net is None or part.excl_vat is None else net + part.excl_vat
        gross = None if gross is None or part.incl_vat is None else gross + part.incl_vat
        for line in part.taxes:
            if line.percent is not None:
                taxes[line.percent] = taxes.get(line.percent, _ZERO) + line.amount
    known = net is not None and gross is not None
    return Amount(net, gross, tuple(TaxLine(rate, taxes[rate]) for rate in sorted(taxes)) if known else ())
