"""Readings sorted into registers: which begins and ends where, and which register is the transaction's energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

from eichrecht.evidence import Reading, ReadingRole, SignedRecord
from eichrecht.rules.obis import Register, register_of

EXACT = Context(prec=160, traps=[Inexact, InvalidOperation, Overflow])
"""Subtracts register values without rounding or not at all; a meter has at most 20 digits."""

_BEGIN, _END = ReadingRole.BEGIN, ReadingRole.END


@dataclass(slots=True)
class RegisterTrack:
    """All readings of one register over the records of a transaction, in the records' order.

    Attributes:
        register: The register.
        obis: Its OBIS code as first written.
        readings: All of them.
        begins: The begin readings among them.
        ends: The end readings among them.
    """

    register: Register
    obis: str
    readings: list[Reading] = field(default_factory=list)
    begins: list[Reading] = field(default_factory=list)
    ends: list[Reading] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether there is exactly one begin and one end."""
        return len(self.begins) == 1 and len(self.ends) == 1


def tracks_of(records: Sequence[SignedRecord]) -> tuple[list[RegisterTrack], list[Reading]]:
    """Sort the law-relevant readings of energy delivered into registers.

    A begin or end that stands in a later record once more, equal in all that counts, is one reading: stations
    deliver a begin record and then a record with both ends.

    Returns:
        The registers, and the repetitions left out of them.
    """
    tracks: dict[int, RegisterTrack] = {}
    repeated: list[Reading] = []
    for number, record in enumerate(records):
        before = {key: (len(t.begins), len(t.ends)) for key, t in tracks.items()} if number else {}
        for reading in record.readings:
            register = register_of(reading.obis) if reading.obis else None
            if register is None or register.rank is None:
                continue
            track = tracks.get(register.key)
            if track is None:
                track = tracks[register.key] = RegisterTrack(register, reading.obis or "")
            if reading.role is _BEGIN or reading.role is _END:
                same = track.begins if reading.role is _BEGIN else track.ends
                known = before.get(register.key, (0, 0))[reading.role is _END]
                if any(_equal(reading, earlier) for earlier in same[:known]):
                    repeated.append(reading)
                    continue
                same.append(reading)
            track.readings.append(reading)
    return list(tracks.values()), repeated


def _equal(one: Reading, other: Reading) -> bool:
    timed = one.time is not None or (one.time_text is not None and one.time_text == other.time_text)
    return (
        timed
        and one.energy_kwh is not None
        and one.energy_kwh == other.energy_kwh
        and one.time == other.time
        and one.time_status_text == other.time_status_text
        and one.meter_status == other.meter_status
        and one.error_flags == other.error_flags
        and one.cumulated_loss == other.cumulated_loss
    )


def is_compensated(track: RegisterTrack) -> bool:
    """Whether cable losses are subtracted: by the register's meaning, or because its readings carry CL."""
    return track.register.compensated or any(reading.cumulated_loss is not None for reading in track.readings)


def difference(begin: Reading, end: Reading) -> Decimal | None:
    """Return end minus begin in kWh, exact, with the digits of the finer value; ``None`` if it cannot be formed."""
    if begin.energy_kwh is None or end.energy_kwh is None:
        return None
    try:
        return EXACT.subtract(end.energy_kwh, begin.energy_kwh)
    except (Inexact, InvalidOperation, Overflow):
        return None


def seconds_of(span: timedelta) -> Decimal:
    """Return a time span in seconds, exact."""
    seconds = Decimal(span.days * 86_400 + span.seconds)
    return seconds + Decimal(span.microseconds).scaleb(-6) if span.microseconds else seconds


def billing_order(tracks: Sequence[RegisterTrack]) -> list[RegisterTrack]:
    """Return the registers that may count as the transaction's energy, best first.

    If any compensated register is signed, no uncompensated one counts, complete or not (law/rules.md §11).
    Among the rest a complete register goes before an incomplete one.
    """
    compensated = [track for track in tracks if is_compensated(track)]
    candidates = compensated or list(tracks)
    return sorted(
        candidates, key=lambda track: (not track.complete, track.register.rank or 0, track.register.key)
    )
