"""Charges: priced quantities in order of time, before they become lines of the breakdown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs._frozen import maker
from ocpi.tariffs.breakdown import Amount, Bucket, Line
from ocpi.tariffs.compiled import CompiledComponent, CompiledTariff
from ocpi.tariffs.exact import QUOTIENT, SECONDS_PER_HOUR

_UNITS = {
    TariffDimensionType.ENERGY: "kWh",
    TariffDimensionType.TIME: "h",
    TariffDimensionType.PARKING_TIME: "h",
    TariffDimensionType.FLAT: "session",
}
_ZERO = Decimal(0)
_make_line = maker(Line)
_divide = QUOTIENT.divide
_ENERGY = TariffDimensionType.ENERGY
_FLAT = TariffDimensionType.FLAT


@dataclass(slots=True)
class Charge:
    """What one component prices without interruption. The only mutable thing in the engine.

    Attributes:
        tariff, component: What prices it.
        bucket: CDR total.
        start, end: Stretch of the session; equal for FLAT.
        quantity: Measured, in kWh or seconds; 1 for FLAT.
        surplus: What step_size adds, in the same unit; negative only where a component rounds steps down.
        adjustment_3600: 3600 times what the component's own rounding adds to the cost.
    """

    tariff: CompiledTariff
    component: CompiledComponent
    bucket: Bucket
    start: datetime
    end: datetime
    quantity: Decimal
    surplus: Decimal = _ZERO
    adjustment_3600: Decimal = _ZERO

    def cost_3600(self) -> Decimal:
        """Return 3600 times the cost, exactly; with taxes if the price includes them."""
        cost = (self.quantity + self.surplus) * self.component.price_3600
        return cost + self.adjustment_3600 if self.adjustment_3600 else cost

    def line(self, cost: Amount) -> Line:
        """Return the line of the breakdown."""
        component = self.component
        dimension = component.dimension
        measured = self.quantity
        billed = measured + self.surplus if self.surplus else measured
        measured_s = billed_s = None
        if dimension is not _ENERGY and dimension is not _FLAT:
            measured_s, billed_s = measured, billed
            measured = _divide(measured_s, SECONDS_PER_HOUR)
            billed = _divide(billed_s, SECONDS_PER_HOUR) if self.surplus else measured
        return _make_line(
            self.tariff.tariff_id,
            component.element,
            component.component,
            dimension,
            self.bucket,
            self.start,
            self.end,
            measured,
            billed,
            _UNITS[dimension],
            component.step_size,
            component.price,
            component.vat_percent,
            cost,
            measured_s,
            billed_s,
            component.tax_included,
        )


class Charges:
    """Collects charges; what continues the charge before it, with the same component, joins it.

    Periods may be cut more often than the price changes (mod_cdrs, ChargingPeriod allows extra ones); joining
    makes the breakdown independent of that.
    """

    __slots__ = ("_energy", "_time", "all")

    def __init__(self) -> None:
        self.all: list[Charge] = []
        self._energy: Charge | None = None  # one period can have both
        self._time: Charge | None = None

    def add_fee(self, new: Charge) -> None:
        """Add a fee, which stands for itself."""
        self.all.append(new)

    def add_energy(self, new: Charge) -> None:
        """Add energy, or join it to the charge that it continues."""
        if not _joined(self._energy, new):
            self._energy = new
            self.all.append(new)

    def add_time(self, new: Charge) -> None:
        """Add time, or join it to the charge that it continues."""
        if not _joined(self._time, new):
            self._time = new
            self.all.append(new)


def _joined(last: Charge | None, new: Charge) -> bool:
    if (
        last is None
        or last.component is not new.component
        or last.bucket is not new.bucket
        or last.end != new.start
    ):
        return False
    last.end = new.end
    last.quantity += new.quantity
    return True
