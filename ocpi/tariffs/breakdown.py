"""What goes into pricing and what comes out: plain frozen dataclasses, exact numbers, no input or output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from ocpi.findings import Finding
from ocpi.objects.tariff import TariffDimensionType


class PeriodState(StrEnum):
    """What a stretch of a session is, told from session events and never from the wall clock."""

    CHARGING = "CHARGING"
    PARKING = "PARKING"
    RESERVATION = "RESERVATION"

    __hash__ = str.__hash__  # Enum's own is written in Python


@dataclass(frozen=True, slots=True)
class SessionPeriod:
    """One stretch of a session between two instants at which something relevant for the price may change.

    Attributes:
        state: Charging, parking or reservation.
        start: Aware instant, inclusive.
        end: Aware instant, exclusive.
        energy_kwh: Energy measured in the period; 0 where none.
        duration_s: Billed duration in seconds; ``None`` means ``end - start``. Given where a received CDR's
            period carries only hours (docs: tariffs facts §10, rounded to the whole second before step_size).
            A charging or parking period of a CDR without TIME/PARKING_TIME bills no time: then 0.
        min_power_kw, max_power_kw: Power in the period; ``None`` = unknown.
        min_current_a, max_current_a: Current summed over the phases; ``None`` = unknown.
        tariff_id: Tariff of this period; ``None`` = the only tariff, if there is exactly one.
    """

    state: PeriodState
    start: datetime
    end: datetime
    energy_kwh: Decimal = Decimal(0)
    duration_s: Decimal | None = None
    min_power_kw: Decimal | None = None
    max_power_kw: Decimal | None = None
    min_current_a: Decimal | None = None
    max_current_a: Decimal | None = None
    tariff_id: str | None = None


@dataclass(frozen=True, slots=True)
class PricedSessionInput:
    """Everything about a session that a price can depend on.

    Attributes:
        periods: In order of time.
        reservation_expired: ``True`` if a reservation ran out without charging.
    """

    periods: tuple[SessionPeriod, ...]
    reservation_expired: bool = False


class Bucket(StrEnum):
    """The CDR total that a line belongs to (mod_cdrs: total_<bucket>_cost)."""

    FIXED = "fixed"
    ENERGY = "energy"
    TIME = "time"
    PARKING = "parking"
    RESERVATION = "reservation"

    __hash__ = str.__hash__  # Enum's own is written in Python


@dataclass(frozen=True, slots=True)
class TaxLine:
    """The tax of one rate in an amount.

    Attributes:
        percent: Rate; ``None`` where min_price or max_price left a tax that no rate explains.
        amount: The tax, exact.
    """

    percent: Decimal | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Amount:
    """Money, exact and unrounded (unless the policy rounds each line or each part).

    Attributes:
        excl_vat: Without taxes; ``None`` if a tariff includes taxes of unknown rate (2.3.0, ``tax_included``
            YES without ``vat``): that is not 0 %.
        incl_vat: With taxes; ``None`` if no component of the tariff has VAT.
        taxes: One line per rate, lowest first; their sum is ``incl_vat - excl_vat``, to the last digit. Empty
            where either is unknown.
    """

    excl_vat: Decimal | None
    incl_vat: Decimal | None
    taxes: tuple[TaxLine, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the breakdown: which element and component priced which quantity.

    Attributes:
        tariff_id: Tariff.
        element: Index of the element in the tariff.
        component: Index of the price component in the element.
        dimension: Dimension of the component.
        bucket: CDR total it counts towards.
        start, end: Stretch of the session that it covers; equal for FLAT.
        measured: Quantity measured, in ``unit``.
        billed: Quantity billed after step_size, in ``unit``.
        unit: ``kWh``, ``h`` or ``session``. Hours are a quotient of 50 digits; see ``billed_s``.
        step_size: Step of the component (Wh or s).
        price: Price per unit as the tariff writes it: without VAT unless ``tax_included``.
        vat_percent: ``None`` = no VAT applies or, with ``tax_included``, its rate is unknown.
        cost: Exact cost.
        measured_s, billed_s: The quantities of a time line in seconds, exact (a third of an hour is no finite
            decimal); ``None`` for energy and fees.
        tax_included: ``price`` includes the taxes (2.3.0).
    """

    tariff_id: str
    element: int
    component: int
    dimension: TariffDimensionType
    bucket: Bucket
    start: datetime
    end: datetime
    measured: Decimal
    billed: Decimal
    unit: str
    step_size: int
    price: Decimal
    vat_percent: Decimal | None
    cost: Amount
    measured_s: Decimal | None = None
    billed_s: Decimal | None = None
    tax_included: bool = False


@dataclass(frozen=True, slots=True)
class Volumes:
    """Quantities, billed or measured."""

    energy_kwh: Decimal
    charging_s: Decimal
    parking_s: Decimal
    reservation_s: Decimal
    flat_fees: int = 0


@dataclass(frozen=True, slots=True)
class Breakdown:
    """The price of a session with everything that explains it. Amounts are exact; rounding is the policy's.

    Every amount, that of a line too, holds its tax lines.

    Attributes:
        currency: ISO 4217.
        total: After min_price and max_price.
        total_before_limits: Sum of the lines.
        parts: Sum of the lines per bucket; a bucket without a line is absent (a zero price keeps its line).
        lines: In order of time, then dimension.
        billed: Priced dimensions only, after step_size.
        measured: All measured quantities.
        findings: What a reader of the price must know.
        policy: Name of the pricing policy that was used.
        time_zone: IANA name of the zone in which times of day were read.
    """

    currency: str
    total: Amount
    total_before_limits: Amount
    parts: Mapping[Bucket, Amount]
    lines: tuple[Line, ...]
    billed: Volumes
    measured: Volumes
    findings: tuple[Finding, ...] = ()
    policy: str = "default"
    time_zone: str = ""
