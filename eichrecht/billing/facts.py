"""What the CPO knows about a session besides the signed record: who, where, authorised how, in which state when."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import ConfigDict, Field, ValidationError, model_validator

from ocpi.objects.cdr import AuthMethod, CdrLocation, CdrToken
from ocpi.types import CiString2, CiString3, CiString36, DateTime, Number, OcpiModel, Price, String255

MAX_CDR_ID_FROM_SESSION = 34
"""A CDR id leaves room for the ``-C`` of its Credit CDR within 36 characters (gotcha 57)."""


class FactsError(ValueError):
    """The session facts cannot be used.

    Attributes:
        problems: (JSON pointer, message) pairs.
    """

    def __init__(self, problems: tuple[tuple[str, str], ...]) -> None:
        super().__init__("; ".join(f"{where or '/'}: {message}" for where, message in problems))
        self.problems = problems


class ChargingState(StrEnum):
    """What the vehicle does, told from session events (OCPP status, not the wall clock)."""

    CHARGING = "CHARGING"
    PARKING = "PARKING"


class _Ours(OcpiModel):
    """A part of the facts that is no OCPI object: an unknown field is a typing error, not an extension."""

    model_config = ConfigDict(extra="forbid")


class StateChange(_Ours):
    """From ``at`` on the session is in ``state`` until the next change or its end."""

    at: DateTime
    state: ChargingState


class MeterValue(_Ours):
    """An unsigned intermediate register value (kWh since the begin reading), for splitting only."""

    at: DateTime
    energy_kwh: Number


class Reservation(_Ours):
    """A reservation that preceded the session."""

    start: DateTime
    end: DateTime
    expired: bool = False

    @model_validator(mode="after")
    def _lasts(self) -> Reservation:
        if self.end <= self.start:
            raise ValueError("a reservation ends after it starts")
        return self


class PowerLimits(_Ours):
    """Power and current over the whole session where a tariff asks for them; ``None`` = unknown."""

    min_power_kw: Number | None = None
    max_power_kw: Number | None = None
    min_current_a: Number | None = None
    max_current_a: Number | None = None


class SessionFacts(_Ours):
    """Everything about a charging session that the meter does not sign.

    Attributes:
        session_id: The session; also the CDR id unless ``cdr_id`` is given.
        time_zone: IANA zone of the Location; tariffs are local to it (gotcha 27).
        start_date_time, end_date_time: The session as the back office knows it; ``None`` = the signed times.
            Where the meter's clock is not synchronised, the back office's times are those of the session.
        states: Changes between charging and parking; empty = charging from begin to end.
        reservation: Must end where the session starts: a CDR's periods have no gap.
        tariff_id: Tariff of the session; its version at session start is used.
        claimed_energy_kwh: Energy that the back office told others (OCPP meterStop, OCPI Session.kwh); only
            compared, never billed.
        claimed_total_cost: Price that the back office told others (Session.total_cost); only compared.
    """

    country_code: CiString2
    party_id: CiString3
    session_id: CiString36
    cdr_id: CiString36 | None = None
    cdr_token: CdrToken
    auth_method: AuthMethod
    authorization_reference: CiString36 | None = None
    cdr_location: CdrLocation
    time_zone: String255
    meter_id: String255 | None = None
    start_date_time: DateTime | None = None
    end_date_time: DateTime | None = None
    states: tuple[StateChange, ...] = ()
    meter_values: tuple[MeterValue, ...] = ()
    reservation: Reservation | None = None
    power: PowerLimits = Field(default_factory=PowerLimits)
    tariff_id: CiString36 | None = None
    claimed_energy_kwh: Number | None = None
    claimed_total_cost: Price | None = None
    remark: String255 | None = None

    @model_validator(mode="after")
    def _consistent(self) -> SessionFacts:
        if len(self.cdr_id or self.session_id) > MAX_CDR_ID_FROM_SESSION:
            raise ValueError(f"cdr_id (or session_id) is longer than {MAX_CDR_ID_FROM_SESSION} characters")
        if self.start_date_time and self.end_date_time and self.end_date_time <= self.start_date_time:
            raise ValueError("end_date_time is not after start_date_time")
        for name in ("states", "meter_values"):
            moments = [item.at for item in getattr(self, name)]
            if any(later <= earlier for earlier, later in pairwise(moments)):
                raise ValueError(f"{name} are not in ascending order of time")
        try:
            ZoneInfo(self.time_zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"time_zone {self.time_zone!r} is not an IANA time zone") from error
        return self


def read_facts(data: Mapping[str, Any]) -> SessionFacts:
    """Read session facts from parsed JSON (numbers as ``Decimal`` or ``int``).

    Raises:
        FactsError: With every problem found and its place.
    """
    try:
        return SessionFacts.model_validate(data)
    except ValidationError as error:
        problems = tuple(
            ("/" + "/".join(str(step) for step in item["loc"]) if item["loc"] else "", item["msg"])
            for item in error.errors()
        )
        raise FactsError(problems) from error
