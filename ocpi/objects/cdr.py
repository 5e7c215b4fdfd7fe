"""Charge Detail Record (2.2.1 mod_cdrs), canonical for all versions. Immutable once sent."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ocpi.objects.tariff import Tariff
from ocpi.types import (
    Boolean,
    CiString2,
    CiString3,
    CiString32,
    CiString36,
    CiString39,
    CiString48,
    DateTime,
    Int,
    Number,
    OcpiModel,
    Price,
    String3,
    String10,
    String11,
    String20,
    String45,
    String255,
    String512,
    String5000,
)


class AuthMethod(StrEnum):
    """How the session was authorised (last method used)."""

    AUTH_REQUEST = "AUTH_REQUEST"
    COMMAND = "COMMAND"
    WHITELIST = "WHITELIST"


class TokenType(StrEnum):
    """Kind of token."""

    AD_HOC_USER = "AD_HOC_USER"
    APP_USER = "APP_USER"
    EMAID = "EMAID"  # 2.3.0
    OTHER = "OTHER"
    RFID = "RFID"


class CdrDimensionType(StrEnum):
    """Measured quantity of a charging period; units in the comments (mod_cdrs, CdrDimensionType)."""

    CURRENT = "CURRENT"  # A, average; sessions only
    ENERGY = "ENERGY"  # kWh in the period
    ENERGY_EXPORT = "ENERGY_EXPORT"  # kWh; sessions only
    ENERGY_IMPORT = "ENERGY_IMPORT"  # kWh; sessions only
    MAX_CURRENT = "MAX_CURRENT"  # A, sum over the phases
    MIN_CURRENT = "MIN_CURRENT"  # A, sum over the phases
    MAX_POWER = "MAX_POWER"  # kW
    MIN_POWER = "MIN_POWER"  # kW
    PARKING_TIME = "PARKING_TIME"  # h, vehicle not requesting power
    POWER = "POWER"  # kW, average; sessions only
    RESERVATION_TIME = "RESERVATION_TIME"  # h
    STATE_OF_CHARGE = "STATE_OF_CHARGE"  # %; sessions only
    TIME = "TIME"  # h charging

    __hash__ = str.__hash__  # Enum's own is written in Python


SESSION_ONLY_DIMENSIONS = frozenset(
    {
        CdrDimensionType.CURRENT,
        CdrDimensionType.ENERGY_EXPORT,
        CdrDimensionType.ENERGY_IMPORT,
        CdrDimensionType.POWER,
        CdrDimensionType.STATE_OF_CHARGE,
    }
)
"""Dimensions that shall not appear in a CDR (mod_cdrs, CdrDimensionType, column "session only")."""


class CdrDimension(OcpiModel):
    """A volume; its unit follows from the type."""

    type: CdrDimensionType
    volume: Number


class ChargingPeriod(OcpiModel):
    """A stretch of the session in which nothing that matters for the price changes.

    Ends where the next period starts; the last ends with the session.
    """

    start_date_time: DateTime
    dimensions: tuple[CdrDimension, ...] = Field(min_length=1)
    tariff_id: CiString36 | None = None


class CdrToken(OcpiModel):
    """The token that started the session. Personal data."""

    country_code: CiString2
    party_id: CiString3
    uid: CiString36
    type: TokenType
    contract_id: CiString36


class GeoLocation(OcpiModel):
    """WGS 84 position; strings by specification."""

    latitude: String10 = Field(pattern=r"^-?[0-9]{1,2}\.[0-9]{5,7}$")
    longitude: String11 = Field(pattern=r"^-?[0-9]{1,3}\.[0-9]{5,7}$")


class CdrLocation(OcpiModel):
    """Where the session took place, as at session start."""

    id: CiString36
    name: String255 | None = None
    address: String45
    city: String45
    postal_code: String10 | None = None
    state: String20 | None = None
    country: String3
    coordinates: GeoLocation
    evse_uid: CiString36
    evse_id: CiString48
    connector_id: CiString36
    connector_standard: CiString36
    connector_format: CiString36
    connector_power_type: CiString36


class SignedValue(OcpiModel):
    """One signed meter value; placement of OCMF: docs/decisions.md."""

    nature: CiString32
    plain_data: String5000
    signed_data: String5000


class SignedData(OcpiModel):
    """Signed meter values of the session (mod_cdrs, SignedData)."""

    encoding_method: CiString36
    encoding_method_version: Int | None = None
    public_key: String512 | None = None
    signed_values: tuple[SignedValue, ...] = Field(min_length=1)
    url: String512 | None = None


class Cdr(OcpiModel):
    """A Charge Detail Record (mod_cdrs, CDR object).

    ``total_energy`` is in kWh; ``total_time`` and ``total_parking_time`` are in hours; costs are in
    ``currency``.
    """

    country_code: CiString2
    party_id: CiString3
    id: CiString39
    start_date_time: DateTime
    end_date_time: DateTime
    session_id: CiString36 | None = None
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: CiString36 | None = None
    cdr_location: CdrLocation
    meter_id: String255 | None = None
    currency: String3
    tariffs: tuple[Tariff, ...] | None = None
    charging_periods: tuple[ChargingPeriod, ...] = Field(min_length=1)
    signed_data: SignedData | None = None
    total_cost: Price
    total_fixed_cost: Price | None = None
    total_energy: Number
    total_energy_cost: Price | None = None
    total_time: Number
    total_time_cost: Price | None = None
    total_parking_time: Number | None = None
    total_parking_cost: Price | None = None
    total_reservation_cost: Price | None = None
    remark: String255 | None = None
    invoice_reference_id: CiString39 | None = None
    credit: Boolean | None = None
    credit_reference_id: CiString39 | None = None
    home_charging_compensation: Boolean | None = None
    last_updated: DateTime
