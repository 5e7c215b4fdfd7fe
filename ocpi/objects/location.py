"""Location, EVSE and Connector (2.2.1 mod_locations), canonical for all versions.

Only what a bill can depend on is typed closely. Lists whose values no bill reads (capabilities, facilities,
parking restrictions, ...) are texts: they are open lists from 2.3.0 on and pass through unchanged.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field

from ocpi.objects.cdr import GeoLocation, TokenType
from ocpi.objects.credentials import BusinessDetails, Image
from ocpi.objects.tariff import EnergyMix
from ocpi.types import (
    Boolean,
    CiString2,
    CiString3,
    CiString36,
    CiString48,
    DateTime,
    DisplayText,
    Int,
    OcpiModel,
    String3,
    String10,
    String11,
    String45,
    String64,
    String255,
    Url,
)

_HOUR = r"^([0-1][0-9]|2[0-3]):[0-5][0-9]$"


class EvseStatus(StrEnum):
    """State of an EVSE (mod_locations, Status); REMOVED replaces a DELETE."""

    AVAILABLE = "AVAILABLE"
    BLOCKED = "BLOCKED"
    CHARGING = "CHARGING"
    INOPERATIVE = "INOPERATIVE"
    OUTOFORDER = "OUTOFORDER"
    PLANNED = "PLANNED"
    REMOVED = "REMOVED"
    RESERVED = "RESERVED"
    UNKNOWN = "UNKNOWN"


class ConnectorFormat(StrEnum):
    """Socket or attached cable."""

    SOCKET = "SOCKET"
    CABLE = "CABLE"


class PowerType(StrEnum):
    """Kind of current at the connector."""

    AC_1_PHASE = "AC_1_PHASE"
    AC_2_PHASE = "AC_2_PHASE"
    AC_2_PHASE_SPLIT = "AC_2_PHASE_SPLIT"
    AC_3_PHASE = "AC_3_PHASE"
    DC = "DC"


class RegularHours(OcpiModel):
    """Opening hours of a weekday (1 = Monday), local time."""

    weekday: Int = Field(ge=1, le=7)
    period_begin: String10 = Field(pattern=_HOUR)
    period_end: String10 = Field(pattern=_HOUR)


class ExceptionalPeriod(OcpiModel):
    """A period in which the regular hours do not hold."""

    period_begin: DateTime
    period_end: DateTime


class Hours(OcpiModel):
    """Opening hours (mod_locations, Hours)."""

    twentyfourseven: Boolean
    regular_hours: tuple[RegularHours, ...] | None = None
    exceptional_openings: tuple[ExceptionalPeriod, ...] | None = None
    exceptional_closings: tuple[ExceptionalPeriod, ...] | None = None


class AdditionalGeoLocation(OcpiModel):
    """A related place, e.g. the entrance (mod_locations, AdditionalGeoLocation)."""

    latitude: String10
    longitude: String11
    name: DisplayText | None = None


class PublishTokenType(OcpiModel):
    """Tokens that may see an unpublished location (mod_locations, PublishTokenType)."""

    uid: CiString36 | None = None
    type: TokenType | None = None
    visual_number: String64 | None = None
    issuer: String64 | None = None
    group_id: CiString36 | None = None


class StatusSchedule(OcpiModel):
    """A planned state of an EVSE."""

    period_begin: DateTime
    period_end: DateTime | None = None
    status: EvseStatus


class Connector(OcpiModel):
    """A plug or socket (mod_locations, Connector object).

    ``max_voltage`` in V, ``max_amperage`` in A, ``max_electric_power`` in W. ``standard`` is a ConnectorType
    (open list from 2.3.0 on). ``tariff_ids``: one tariff per Tariff.type at a time.
    """

    id: CiString36
    standard: CiString36
    format: ConnectorFormat
    power_type: PowerType
    max_voltage: Int
    max_amperage: Int
    max_electric_power: Int | None = None
    tariff_ids: tuple[CiString36, ...] | None = None
    terms_and_conditions: Url | None = None
    last_updated: DateTime


class Evse(OcpiModel):
    """A charging point that serves one vehicle at a time (mod_locations, EVSE object).

    ``evse_id`` is optional here but mandatory in a CDR (ocpi/ocpi#286).
    """

    uid: CiString36
    evse_id: CiString48 | None = None
    status: EvseStatus
    status_schedule: tuple[StatusSchedule, ...] | None = None
    capabilities: tuple[String64, ...] | None = None
    connectors: tuple[Connector, ...] = Field(min_length=1)
    floor_level: str | None = Field(default=None, max_length=4, strict=True)
    coordinates: GeoLocation | None = None
    physical_reference: str | None = Field(default=None, max_length=16, strict=True)
    directions: tuple[DisplayText, ...] | None = None
    parking_restrictions: tuple[String64, ...] | None = None
    images: tuple[Image, ...] | None = None
    last_updated: DateTime


class Location(OcpiModel):
    """A place with EVSEs (mod_locations, Location object).

    ``address`` and ``state`` have the lengths of the errata (255, 45); a CdrLocation keeps 45 and 20.
    ``time_zone`` is an IANA name; tariffs' times are local to it. ``country`` is ISO 3166 alpha-3.
    """

    country_code: CiString2
    party_id: CiString3
    id: CiString36
    publish: Boolean
    publish_allowed_to: tuple[PublishTokenType, ...] | None = None
    name: String255 | None = None
    address: String255
    city: String45
    postal_code: String10 | None = None
    state: String45 | None = None
    country: String3
    coordinates: GeoLocation
    related_locations: tuple[AdditionalGeoLocation, ...] | None = None
    parking_type: String64 | None = None
    evses: tuple[Evse, ...] | None = None
    directions: tuple[DisplayText, ...] | None = None
    operator: BusinessDetails | None = None
    suboperator: BusinessDetails | None = None
    owner: BusinessDetails | None = None
    facilities: tuple[String64, ...] | None = None
    time_zone: String255
    opening_times: Hours | None = None
    charging_when_closed: Boolean | None = None
    images: tuple[Image, ...] | None = None
    energy_mix: EnergyMix | None = None
    last_updated: DateTime
