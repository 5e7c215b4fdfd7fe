"""Session (2.2.1 mod_sessions), canonical for all versions."""

from __future__ import annotations

from enum import StrEnum

from ocpi.objects.cdr import AuthMethod, CdrToken, ChargingPeriod
from ocpi.types import (
    CiString2,
    CiString3,
    CiString36,
    DateTime,
    Number,
    OcpiModel,
    Price,
    String3,
    String255,
)


class SessionStatus(StrEnum):
    """State of a session; the chapter's prose writes RESERVED for RESERVATION (errata page)."""

    ACTIVE = "ACTIVE"
    COMPLETED = "COMPLETED"
    INVALID = "INVALID"
    PENDING = "PENDING"
    RESERVATION = "RESERVATION"


class Session(OcpiModel):
    """A charging session, running or ended (mod_sessions, Session object). Never billed; the CDR is.

    ``kwh`` is the energy so far in kWh. ``total_cost`` absent is not the same as free (0.00).
    ``evse_uid`` and ``connector_id`` may be ``#NA`` while a reservation is not assigned.
    """

    country_code: CiString2
    party_id: CiString3
    id: CiString36
    start_date_time: DateTime
    end_date_time: DateTime | None = None
    kwh: Number
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: CiString36 | None = None
    location_id: CiString36
    evse_uid: CiString36
    connector_id: CiString36
    meter_id: String255 | None = None
    currency: String3
    charging_periods: tuple[ChargingPeriod, ...] | None = None
    total_cost: Price | None = None
    status: SessionStatus
    last_updated: DateTime
