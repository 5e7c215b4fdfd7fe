"""Rules about single readings and about the readings of one register (profile ``strict``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

from eichrecht.evidence import ClockStatus, Finding, Reading, ReadingRole
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found

METER_STATUS = {
    "N": Code.METER_NOT_PRESENT,
    "T": Code.METER_TIMEOUT,
    "D": Code.METER_DISCONNECTED,
    "R": Code.METER_NOT_FOUND,
    "M": Code.METER_MANIPULATED,
    "X": Code.METER_EXCHANGED,
    "I": Code.METER_INCOMPATIBLE,
    "O": Code.METER_OUT_OF_RANGE,
    "S": Code.METER_SUBSTITUTE_VALUE,
    "E": Code.METER_OTHER_ERROR,
    "F": Code.METER_READ_ERROR,
}
"""OCMF 1.4.1, table of ST; only ``G`` is billable."""

_ENDS = (ReadingRole.BEGIN, ReadingRole.END)


def end_reading(reading: Reading) -> Iterator[Finding]:
    """A begin or end reading: value, unit, status, flags and time must be there and good (ocmf facts §3)."""
    where = reading.where
    if reading.meter_status is None:
        yield found(Code.METER_STATUS_MISSING, where)
    elif reading.meter_status != "G":
        yield meter_status(reading)
    if reading.value is None:
        yield found(Code.VALUE_MISSING, where)
    elif reading.energy_kwh is None:
        yield _why_no_energy(reading)
    elif reading.energy_kwh < 0:
        yield found(Code.VALUE_NEGATIVE, where, value=reading.value)
    if reading.error_flags:
        yield from error_flags(reading)
    if reading.time is None:
        yield found(Code.TIME_MISSING, where)


def _why_no_energy(reading: Reading) -> Finding:
    if reading.unit is None:
        return found(Code.UNIT_MISSING, reading.where)
    if reading.unit.lower() in {"kwh", "wh"}:
        return found(Code.VALUE_UNUSABLE, reading.where, value=(reading.value or "")[:40])
    return found(Code.UNIT_NOT_ENERGY, reading.where, unit=reading.unit[:20])


def meter_status(reading: Reading) -> Finding:
    """Return what the meter said of itself, decoded."""
    status = reading.meter_status or ""
    return found(METER_STATUS.get(status, Code.METER_STATUS_UNKNOWN), reading.where, status=status[:10])


def error_flags(reading: Reading) -> Iterator[Finding]:
    """EF: ``E`` makes the energy unusable, ``t`` the time (OCMF 1.4.1 EF; law facts §4)."""
    flags = reading.error_flags
    if "E" in flags:
        yield found(Code.ENERGY_ERROR_FLAG, reading.where)
    if "t" in flags:
        yield found(Code.TIME_ERROR_FLAG, reading.where)
    if flags.strip("Et"):
        yield found(Code.UNKNOWN_ERROR_FLAG, reading.where, flags=flags[:20])


def between(reading: Reading) -> Iterator[Finding]:
    """A reading between begin and end: no error state, flag or exception (ocmf facts §8)."""
    if reading.role is ReadingRole.EXCEPTION:
        yield found(Code.EXCEPTION_IN_TRANSACTION, reading.where)
        return
    if reading.role is ReadingRole.FISCAL:
        yield found(Code.FISCAL_READING_IN_TRANSACTION, reading.where)
    elif reading.role is ReadingRole.UNKNOWN:
        yield found(Code.UNKNOWN_REASON_CODE, reading.where, reason=(reading.reason or "")[:10])
    if reading.meter_status is not None and reading.meter_status != "G":
        yield meter_status(reading)
    if reading.error_flags:
        yield from error_flags(reading)
    if reading.energy_kwh is None:
        yield found(Code.INTERMEDIATE_VALUE_MISSING, reading.where)
    if reading.time is None:
        yield found(Code.INTERMEDIATE_TIME_MISSING, reading.where)


def monotonous(readings: Sequence[Reading]) -> Iterator[Finding]:
    """Neither value nor time of a register goes backwards (ocmf facts §8); units are converted before."""
    for earlier, later in pairwise(readings):
        if earlier.energy_kwh is not None and later.energy_kwh is not None:
            if later.energy_kwh < earlier.energy_kwh:
                yield found(
                    Code.VALUE_DECREASES,
                    later.where,
                    earlier=f"{earlier.energy_kwh:f}",
                    later=f"{later.energy_kwh:f}",
                )
            if earlier.unit != later.unit and earlier.unit is not None and later.unit is not None:
                yield found(Code.UNIT_CHANGES, later.where, earlier=earlier.unit[:20], later=later.unit[:20])
        if earlier.time is not None and later.time is not None and later.time < earlier.time:
            yield found(
                Code.TIME_DECREASES, later.where, earlier=earlier.time.isoformat(), later=later.time.isoformat()
            )


def clock(begin: Reading, end: Reading) -> Iterator[Finding]:
    """Clock status at both ends (law facts §4, §5)."""
    if begin.time_status_text is None:
        yield found(Code.CLOCK_STATUS_MISSING, begin.where)
    for reading in (begin, end):
        if reading.time_status_text is not None and reading.time_status is None:
            yield found(Code.CLOCK_STATUS_UNKNOWN, reading.where, status=reading.time_status_text[:10])
    if begin.time_status is ClockStatus.RELATIVE and end.time_status is not ClockStatus.RELATIVE:
        yield found(Code.CLOCK_RELATIVE_LOST, end.where)
    weak = {ClockStatus.UNKNOWN, ClockStatus.INFORMATIVE}
    if begin.time_status in weak or end.time_status in weak:
        yield found(Code.CLOCK_NOT_SYNCHRONISED, begin.where)


def duration_billable(begin: Reading, end: Reading, readings: Sequence[Reading]) -> bool:
    """Whether the duration may be billed: end R with begin I, U or R; or S at both ends; and no ``t`` flag.

    Source: law facts §5. Whether the *device* is certified for durations is for the device profile to say.
    """
    if any("t" in reading.error_flags for reading in readings):
        return False
    if end.time_status is ClockStatus.RELATIVE:
        return begin.time_status in {ClockStatus.UNKNOWN, ClockStatus.INFORMATIVE, ClockStatus.RELATIVE}
    return begin.time_status is ClockStatus.SYNCHRONISED and end.time_status is ClockStatus.SYNCHRONISED
