"""Meter readings as the signed record gives them, with their written digits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from eichrecht.evidence.traits import StatusFlag

_MAX_TIME_TEXT = 40
"""Longest text tried as a time; ISO 8601 with microseconds has 26 characters."""


class ReadingRole(StrEnum):
    """What a reading means in a charging transaction, whatever letters its format uses."""

    BEGIN = "begin"
    INTERMEDIATE = "intermediate"
    TARIFF_CHANGE = "tariff_change"
    SUSPENDED = "suspended"
    EXCEPTION = "exception"
    """The transaction goes on, but energy or time is unusable from here on, inclusive (OCMF ``X``)."""
    END = "end"
    FISCAL = "fiscal"
    """Not part of a transaction."""
    UNKNOWN = "unknown"
    """A reason code that the format does not define."""


class ClockStatus(StrEnum):
    """Quality of a reading's time (OCMF 1.4.1 table 19; other formats are mapped to it)."""

    UNKNOWN = "U"
    INFORMATIVE = "I"
    SYNCHRONISED = "S"
    RELATIVE = "R"
    """Informative at the start; the *duration* is measured in conformity with metrology law."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of one register; inheritance inside its record is already resolved.

    Attributes:
        index: Position in the record, from 0.
        where: Place in the record, e.g. ``/RD/0``.
        role: Meaning in the transaction.
        reason: Reason code as written or inherited (OCMF ``TX``); ``None`` if there is none.
        value: Register value exactly as written (digits kept, blanks removed); ``None`` if there is none.
        unit: Unit as written or inherited; ``None`` if there is none.
        energy_kwh: The value in kWh, exact, trailing zeros kept; ``None`` unless the unit is one of energy.
        obis: OBIS code as written or inherited.
        time: Aware time; ``None`` if absent or unreadable. A format without zone leaves it ``None``.
        time_text: Time exactly as written, without the status letter.
        time_status: Clock status; ``None`` if the record gives none or an unknown letter.
        time_status_text: Status letter as written; ``None`` if absent.
        meter_status: Status code of the format as written or inherited (OCMF ``ST``).
        error_flags: Error flags as written or inherited (OCMF ``EF``); ``""`` = none.
        current_type: ``AC``, ``DC`` or ``None``.
        cumulated_loss: Loss already subtracted from the value, in ``unit`` (OCMF ``CL``); never inherited.
        event_counter: Event or log-book counter (OCMF 0.x ``EI``, EDL40 log book): unchanged within a session.
        inherited: Names of the fields that were taken from an earlier reading of the same record.
        status_word: Status word of meter and adapter as hexadecimal text in the record's byte order; ``None`` in
            formats without one.
        status_flags: Its set bits that have a meaning, decoded.
        seconds_index: Operating-seconds counter of the meter: never set, so it orders and measures where the
            clock does not.
        record_number: Number under which the meter signed this very reading, in formats whose records hold several
            signed readings (Mennekes); ``None`` where the record's own pagination says it.
    """

    index: int
    where: str
    role: ReadingRole
    reason: str | None = None
    value: str | None = None
    unit: str | None = None
    energy_kwh: Decimal | None = None
    obis: str | None = None
    time: datetime | None = None
    time_text: str | None = None
    time_status: ClockStatus | None = None
    time_status_text: str | None = None
    meter_status: str | None = None
    error_flags: str = ""
    current_type: str | None = None
    cumulated_loss: Decimal | None = None
    event_counter: int | None = None
    inherited: frozenset[str] = frozenset()
    status_word: str | None = None
    status_flags: tuple[StatusFlag, ...] = ()
    seconds_index: int | None = None
    record_number: int | None = None

    @property
    def local_time(self) -> datetime | None:
        """The time of a reading that signs no zone, without one; ``None`` for others. Nobody may guess the zone."""
        if self.time is not None or self.time_text is None:
            return None
        try:
            local = datetime.fromisoformat(self.time_text[:_MAX_TIME_TEXT])
        except ValueError:
            return None
        return local if local.tzinfo is None else None
