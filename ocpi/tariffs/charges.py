"""Charges: priced quantities in order of time, before they become lines of the breakdown."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from ocpi.objects.tariff import TariffDimensionType
from ocpi.tariffs.breakdown import Amount, Bucket, Line
from ocpi.tariffs.compiled import CompiledComponent, CompiledTariff
from ocpi.tariffs.exact import SECONDS_PER_HOUR, from_3600

_UNITS = {
    TariffDimensionType.ENERGY: "kWh",
    TariffDimensionType.TIME: "h",
    TariffDimensionType.PARKING_TIME: "h",
    TariffDimensionType.FLAT: "session",
}


@dataclass(slots=True)
class Charge:
    """What one component prices without interruption. The only mutable thing in the engine.

    Attributes:
        tariff, component: What prices it.
        bucket: CDR total.
        start, end: Stretch of the session; equal for FLAT.
        quantity: Measured, in kWh or seconds; 1 for FLAT.
        surplus: What step_size adds, in the same unit.
    """

    tariff: CompiledTariff
    component: CompiledComponent
    bucket: Bucket
    start: datetime
    end: datetime
    quantity: Decimal
    surplus: Decimal = Decimal(0)

    def net_3600(self) -> Decimal:
        """Return 3600 times the cost without VAT, exactly."""
        billed = self.quantity + self.surplus
        dimension = self.component.dimension
        if dimension is TariffDimensionType.TIME or dimension is TariffDimensionType.PARKING_TIME:
            return billed * self.component.price  # price per hour, quantity in seconds
        return billed * self.component.price * SECONDS_PER_HOUR

    def line(self, net_3600: Decimal, gross_3600: Decimal | None) -> Line:
        """Return the line of the breakdown for a cost computed with :meth:`net_3600`."""
        component = self.component
        unit = _UNITS[component.dimension]
        measured = self.quantity
        billed = measured + self.surplus if self.surplus else measured
        measured_s = billed_s = None
        if unit == "h":
            measured_s, billed_s = measured, billed
            measured = from_3600(measured_s)
            billed = from_3600(billed_s) if self.surplus else measured
        return Line(
            tariff_id=self.tariff.tariff_id,
            element=component.element,
            component=component.component,
            dimension=component.dimension,
            bucket=self.bucket,
            start=self.start,
            end=self.end,
            measured=measured,
            billed=billed,
            unit=unit,
            step_size=component.step_size,
            price=component.price,
            vat_percent=component.vat_percent,
            cost=Amount(from_3600(net_3600), None if gross_3600 is None else from_3600(gross_3600)),
            measured_s=measured_s,
            billed_s=billed_s,
        )


class Charges:
    """Collects charges; what continues the charge before it, with the same component, joins it.

    Periods may be cut more often than the price changes (mod_cdrs, ChargingPeriod allows extra ones); joining
    makes the breakdown independent of that.
    """

    def __init__(self) -> None:
        self.all: list[Charge] = []
        self._last: dict[bool, Charge] = {}  # of energy and of time; one period can have both

    def add(self, new: Charge) -> None:
        """Add a charge, or join it to the one it continues. A fee stands for itself."""
        dimension = new.component.dimension
        if dimension is not TariffDimensionType.FLAT:
            of_energy = dimension is TariffDimensionType.ENERGY
            if _joined(self._last.get(of_energy), new):
                return
            self._last[of_energy] = new
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
