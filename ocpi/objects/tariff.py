"""Tariff (2.2.1 mod_tariffs), canonical for all versions."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ocpi.types import (
    Boolean,
    CiString2,
    CiString3,
    CiString36,
    DateTime,
    DisplayText,
    Int,
    Number,
    OcpiModel,
    Price,
    String3,
    String5,
    String10,
    String64,
    Url,
)


class TariffType(StrEnum):
    """Which sessions a tariff is for (mod_tariffs, TariffType)."""

    AD_HOC_PAYMENT = "AD_HOC_PAYMENT"
    PROFILE_CHEAP = "PROFILE_CHEAP"
    PROFILE_FAST = "PROFILE_FAST"
    PROFILE_GREEN = "PROFILE_GREEN"
    REGULAR = "REGULAR"


class TariffDimensionType(StrEnum):
    """What a price component prices (mod_tariffs, TariffDimensionType)."""

    ENERGY = "ENERGY"
    FLAT = "FLAT"
    PARKING_TIME = "PARKING_TIME"
    TIME = "TIME"

    __hash__ = str.__hash__  # Enum's own is written in Python


class DayOfWeek(StrEnum):
    """Local day of the week."""

    MONDAY = "MONDAY"
    TUESDAY = "TUESDAY"
    WEDNESDAY = "WEDNESDAY"
    THURSDAY = "THURSDAY"
    FRIDAY = "FRIDAY"
    SATURDAY = "SATURDAY"
    SUNDAY = "SUNDAY"


class ReservationRestrictionType(StrEnum):
    """Marks an element as the price of a reservation."""

    RESERVATION = "RESERVATION"
    RESERVATION_EXPIRES = "RESERVATION_EXPIRES"


class TaxIncluded(StrEnum):
    """Whether the prices of a tariff include taxes (2.3.0 mod_tariffs, TaxIncluded)."""

    YES = "YES"
    NO = "NO"
    NOT_APPLICABLE = "N/A"


class PriceComponent(OcpiModel):
    """Price of one dimension.

    Attributes:
        type: Dimension.
        price: Per kWh (ENERGY), per hour (TIME, PARKING_TIME) or once (FLAT); without VAT in 2.2.1 and
            2.1.1, by ``Tariff.tax_included`` in 2.3.0.
        vat: Percent; ``None`` means that no VAT applies, which is not 0 %.
        step_size: Billing block in Wh or seconds; 0 means no rounding (docs/decisions.md).
    """

    type: TariffDimensionType
    price: Number
    vat: Number | None = None
    step_size: Int


class TariffRestrictions(OcpiModel):
    """When an element applies; all given restrictions must hold (mod_tariffs, TariffRestrictions).

    Times and dates are local to the Location. ``min_*`` include their value, ``max_*`` exclude it,
    ``end_date`` is exclusive. Currents are summed over the phases. Durations count from session start.
    """

    start_time: String5 | None = Field(default=None, pattern=r"^([0-1][0-9]|2[0-3]):[0-5][0-9]$")
    end_time: String5 | None = Field(default=None, pattern=r"^([0-1][0-9]|2[0-3]):[0-5][0-9]$")
    start_date: String10 | None = Field(
        default=None, pattern=r"^([12][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
    )
    end_date: String10 | None = Field(
        default=None, pattern=r"^([12][0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
    )
    min_kwh: Number | None = None
    max_kwh: Number | None = None
    min_current: Number | None = None
    max_current: Number | None = None
    min_power: Number | None = None
    max_power: Number | None = None
    min_duration: Int | None = None
    max_duration: Int | None = None
    day_of_week: tuple[DayOfWeek, ...] | None = None
    reservation: ReservationRestrictionType | None = None


class TariffElement(OcpiModel):
    """Price components that apply together under the same restrictions."""

    price_components: tuple[PriceComponent, ...] = Field(min_length=1)
    restrictions: TariffRestrictions | None = None


class EnergySource(OcpiModel):
    """Share of one source in the energy mix (percent)."""

    source: String64
    percentage: Number


class EnvironmentalImpact(OcpiModel):
    """Environmental impact in g/kWh."""

    category: String64
    amount: Number


class EnergyMix(OcpiModel):
    """Where the energy comes from (mod_locations, EnergyMix)."""

    is_green_energy: Boolean
    energy_sources: tuple[EnergySource, ...] | None = None
    environ_impact: tuple[EnvironmentalImpact, ...] | None = None
    supplier_name: String64 | None = None
    energy_product_name: String64 | None = None


class Tariff(OcpiModel):
    """A tariff of a CPO (mod_tariffs, Tariff object).

    ``start_date_time``/``end_date_time`` bound its validity. A tariff is chosen at session start; a CDR holds
    the snapshot of that moment.

    ``tax_included`` is of 2.3.0; ``None`` is what 2.1.1 and 2.2.1 mean: prices are without VAT. ``min_price`` and
    ``max_price`` hold the PriceLimit of 2.3.0 too (``before_taxes`` as ``excl_vat``).
    """

    country_code: CiString2
    party_id: CiString3
    id: CiString36
    currency: String3
    type: TariffType | None = None
    tariff_alt_text: tuple[DisplayText, ...] | None = None
    tariff_alt_url: Url | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    elements: tuple[TariffElement, ...] = Field(min_length=1)
    tax_included: TaxIncluded | None = None
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    energy_mix: EnergyMix | None = None
    last_updated: DateTime
