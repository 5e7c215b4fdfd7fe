"""Readings sorted into registers: which begins and ends where, and which register is the transaction's energy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal, localcontext

from eichrecht.evidence import Reading, ReadingRole, SignedRecord
from eichrecht.rules.obis import Register, register_of

MAX_DIGITS = 40
"""Digits of a register value that are subtracted exactly; a meter has at most 20."""


@dataclass(slots=True)
class RegisterTrack:
    """All readings of one register over the records of a transaction, in the records' order."""

    register: Register
    obis: str
    readings: list[Reading] = field(default_factory=list)

    def of(self, role: ReadingRole) -> list[Reading]:
        """Return the readings of a role."""
        return [reading for reading in self.readings if reading.role is role]

    @property
    def complete(self) -> bool:
        """Whether there is exactly one begin and one end."""
        roles = [reading.role for reading in self.readings]
        return roles.count(ReadingRole.BEGIN) == 1 and roles.count(ReadingRole.END) == 1


def tracks_of(records: Sequence[SignedRecord]) -> dict[int, RegisterTrack]:
    """Sort the law-relevant readings of energy delivered into registers, keyed by the register's OBIS groups."""
    tracks: dict[int, RegisterTrack] = {}
    for record in records:
        for reading in record.readings:
            register = register_of(reading.obis) if reading.obis else None
            if register is None or register.rank is None:
                continue
            track = tracks.get(register.key)
            if track is None:
                track = tracks[register.key] = RegisterTrack(register, reading.obis or "")
            track.readings.append(reading)
    return tracks


def is_compensated(track: RegisterTrack) -> bool:
    """Whether cable losses are subtracted: by the register's meaning, or because its readings carry CL."""
    return track.register.compensated or any(reading.cumulated_loss is not None for reading in track.readings)


def difference(begin: Reading, end: Reading) -> Decimal | None:
    """Return end minus begin in kWh, exact, with the digits of the finer value; ``None`` if it cannot be formed."""
    if begin.energy_kwh is None or end.energy_kwh is None:
        return None
    if max(len(begin.energy_kwh.as_tuple().digits), len(end.energy_kwh.as_tuple().digits)) > MAX_DIGITS:
        return None
    if max(abs(begin.energy_kwh.adjusted()), abs(end.energy_kwh.adjusted())) > MAX_DIGITS:
        return None
    with localcontext() as context:
        context.prec = 4 * MAX_DIGITS
        return end.energy_kwh - begin.energy_kwh


def billing_order(tracks: Sequence[RegisterTrack]) -> list[RegisterTrack]:
    """Return the registers that may count as the transaction's energy, best first.

    If any compensated register is signed, no uncompensated one counts, complete or not (law/rules.md §11).
    Within a rank, a complete register goes before an incomplete one.
    """
    compensated = [track for track in tracks if is_compensated(track)]
    candidates = compensated or list(tracks)
    return sorted(candidates, key=lambda track: (not track.complete, track.register.rank or 0, track.register.key))
