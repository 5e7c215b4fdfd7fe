"""Rules about single readings and about the readings of one register (profile ``strict``)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from decimal import Decimal

from eichrecht.evidence import ClockStatus, Finding, Reading, ReadingRole, Severity, Traits
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

_KWH_OR_WH = frozenset({"kwh", "wh"})
_WEAK = frozenset({ClockStatus.UNKNOWN, ClockStatus.INFORMATIVE})
_LEGAL = frozenset({ClockStatus.SYNCHRONISED, ClockStatus.RELATIVE})
_RELATIVE_ONLY = frozenset({ClockStatus.RELATIVE})
_SYNCHRONISED_ONLY = frozenset({ClockStatus.SYNCHRONISED})
_POWER_FAILURE = "P"
_SUMMER_TIME = timedelta(hours=1)
"""A local clock goes back by it once a year; a session may run over that hour."""


def end_reading(reading: Reading, traits: Traits) -> Iterator[Finding]:
    """A begin or end reading: value, unit, status, flags and time must be there and good (ocmf facts §3)."""
    where = reading.where
    if reading.meter_status is None:
        if traits.has_meter_status:
            yield found(Code.METER_STATUS_MISSING, where)
    elif reading.meter_status != "G":
        yield meter_status(reading)
    if reading.value is None:
        yield found(Code.VALUE_MISSING, where)
    elif reading.energy_kwh is None:
        yield _why_no_energy(reading)
    elif reading.energy_kwh < 0:
        yield found(Code.VALUE_NEGATIVE, where, value=reading.value[:40])
    if reading.error_flags:
        yield from error_flags(reading)
    if reading.status_flags:
        yield from status_flags(reading)
    if reading.time is None:
        yield _why_no_time(reading)


def status_flags(reading: Reading) -> Iterator[Finding]:
    """Name the set bits of the status word; one that reports an error forbids billing by the reading."""
    for flag in reading.status_flags:
        yield Finding(
            str(flag.code), flag.severity, reading.where, {"status": (reading.status_word or "")[:20]}
        )
    if any(flag.severity is Severity.ERROR for flag in reading.status_flags):
        yield found(Code.STATUS_FORBIDS_BILLING, reading.where, status=(reading.status_word or "")[:20])


def _why_no_energy(reading: Reading) -> Finding:
    if reading.unit is None:
        return found(Code.UNIT_MISSING, reading.where)
    if in_energy(reading):
        return found(Code.VALUE_UNUSABLE, reading.where, value=(reading.value or "")[:40])
    return found(Code.UNIT_NOT_ENERGY, reading.where, unit=reading.unit[:20])


def _why_no_time(reading: Reading) -> Finding:
    """Tell a local time from none: the first says when the session was, only not in which zone."""
    if reading.local_time is not None:
        return found(Code.LOCAL_TIME_ONLY, reading.where, time=(reading.time_text or "")[:40])
    never_set = reading.time_text is None and reading.time_status is ClockStatus.UNKNOWN
    if never_set and reading.seconds_index is not None:
        return found(Code.CLOCK_NOT_SET, reading.where)
    return found(Code.TIME_MISSING, reading.where)


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
    if set(flags) - {"E", "t"}:
        yield found(Code.UNKNOWN_ERROR_FLAG, reading.where, flags=flags[:20])


def is_faulty(reading: Reading) -> bool:
    """Whether the reading announces that its value is no good."""
    return (
        reading.meter_status not in (None, "G")
        or bool(set(reading.error_flags) - {"t"})
        or any(flag.severity is Severity.ERROR for flag in reading.status_flags)
    )


def in_energy(reading: Reading) -> bool:
    """Whether the value is written in a unit of energy."""
    return (reading.unit or "").lower() in _KWH_OR_WH


def inherits_begin(begin: Reading, end: Reading) -> bool:
    """Whether the end tells no time of its own and would have that of the begin, as the reading before it."""
    return "TM" in end.inherited and end.time_text == begin.time_text


def faulty(code: Code, reading: Reading) -> Finding:
    """Return a finding about a faulty reading that nobody bills by."""
    return found(
        code,
        reading.where,
        register=(reading.obis or "")[:40],
        status=(reading.meter_status or "")[:10],
        flags=reading.error_flags[:20],
    )


def between(reading: Reading) -> Iterator[Finding]:
    """A reading between begin and end: no error state and no flag (ocmf facts §8). X is reported elsewhere."""
    if reading.role is ReadingRole.FISCAL:
        yield found(Code.FISCAL_READING_IN_TRANSACTION, reading.where)
    if reading.meter_status is not None and reading.meter_status != "G":
        yield meter_status(reading)
    if reading.error_flags:
        yield from error_flags(reading)
    if reading.status_flags:
        yield from status_flags(reading)
    if reading.energy_kwh is None:
        yield found(Code.INTERMEDIATE_VALUE_MISSING, reading.where)
    if reading.time is None and reading.local_time is None:
        yield found(Code.INTERMEDIATE_TIME_MISSING, reading.where)


def monotonous(readings: Sequence[Reading]) -> Iterator[Finding]:
    """Neither value nor time of a register goes backwards (ocmf facts §8); units are converted before.

    Each reading is compared with the last one that has a value (a time), so that a reading without hides nothing.
    Between begin and end a clock that is not synchronised may be set, also backwards; that voids no energy.
    """
    last: Reading | None = None
    timed: Reading | None = None
    counted: Reading | None = None
    for reading in readings:
        if reading.seconds_index is not None:
            if counted is not None and reading.seconds_index < (counted.seconds_index or 0):
                earlier, later = counted.seconds_index, reading.seconds_index
                yield found(Code.SECONDS_INDEX_DECREASES, reading.where, earlier=earlier, later=later)
            counted = reading
        if reading.energy_kwh is not None:
            if last is not None and last.energy_kwh is not None:
                yield from _value_step(last, reading, last.energy_kwh, reading.energy_kwh)
            last = reading
        if reading.time is not None:
            if timed is not None and timed.time is not None and reading.time < timed.time:
                at_ends = timed.role is ReadingRole.BEGIN and reading.role is ReadingRole.END
                trusted = timed.time_status in _LEGAL and reading.time_status in _LEGAL
                yield _times(
                    Code.TIME_DECREASES if at_ends or trusted else Code.CLOCK_SET_BACK, timed, reading
                )
            timed = reading


def _value_step(earlier: Reading, later: Reading, before: Decimal, after: Decimal) -> Iterator[Finding]:
    if after < before:
        yield found(Code.VALUE_DECREASES, later.where, earlier=shown(before), later=shown(after))
    if earlier.unit is not None and later.unit is not None and earlier.unit.lower() != later.unit.lower():
        yield found(Code.UNIT_CHANGES, later.where, earlier=earlier.unit[:20], later=later.unit[:20])
    one, other = earlier.cumulated_loss, later.cumulated_loss
    if one is not None and other is not None and earlier.unit == later.unit and other < one:
        yield found(Code.CUMULATED_LOSS_DECREASES, later.where, earlier=shown(one), later=shown(other))


def ends_in_time(begin: Reading, end: Reading) -> Iterator[Finding]:
    """The end is not before the begin, whatever the clock and whatever stands between them."""
    if begin.time is not None and end.time is not None and end.time < begin.time:
        yield _times(Code.TIME_DECREASES, begin, end)
    first, last = begin.local_time, end.local_time
    if first is not None and last is not None and last < first:
        code = Code.CLOCK_SET_BACK if first - last <= _SUMMER_TIME else Code.TIME_DECREASES
        yield found(code, end.where, earlier=begin.time_text, later=end.time_text)


def _times(code: Code, earlier: Reading, later: Reading) -> Finding:
    return found(code, later.where, earlier=earlier.time, later=later.time)


def shown(number: Decimal) -> str:
    """Return a number as people write it; hostile magnitudes stay in scientific notation."""
    return f"{number:f}" if -50 < number.adjusted() < 50 else str(number)


def clock(begin: Reading, end: Reading, traits: Traits) -> Iterator[Finding]:
    """Clock status at both ends (law facts §4, §5)."""
    # A time that is missing altogether has been reported as such.
    if traits.has_clock_status:
        if begin.time_status_text is None and begin.time_text is not None:
            yield found(Code.CLOCK_STATUS_MISSING, begin.where)
        if end.time_status_text is None and end.time_text is not None:
            yield found(Code.CLOCK_STATUS_MISSING_AT_END, end.where)
    for reading in (begin, end):
        if reading.time_status_text is not None and reading.time_status is None:
            yield found(Code.CLOCK_STATUS_UNKNOWN, reading.where, status=reading.time_status_text[:10])
    if begin.time_status is ClockStatus.RELATIVE and end.time_status is not ClockStatus.RELATIVE:
        yield found(Code.CLOCK_RELATIVE_LOST, end.where)
    if begin.time_status in _WEAK or end.time_status in _WEAK:
        yield found(Code.CLOCK_NOT_SYNCHRONISED, begin.where)


def duration_billable(begin: Reading, end: Reading, readings: Iterable[Reading]) -> bool:
    """Whether the duration may be billed: end R with begin I, U or R; or S throughout; and no ``t`` flag.

    Source: law facts §5; ocmf facts §3 (a session's clock is as good as its weakest reading; R is used
    consistently; a power failure while time is measured is an error event). Whether the *device* is certified
    for durations is for the device profile to say.

    Args:
        begin: Begin of the register that counts.
        end: Its end.
        readings: Every reading of the transaction.
    """
    if begin.time is None or end.time is None:
        return False
    if end.time_status is ClockStatus.RELATIVE:
        if end.reason == _POWER_FAILURE:
            return False
        allowed = _RELATIVE_ONLY if begin.time_status is ClockStatus.RELATIVE else _WEAK | _RELATIVE_ONLY
    else:
        allowed = _SYNCHRONISED_ONLY
    return all(
        "t" not in reading.error_flags and (reading.time_status in allowed or reading.time is None)
        for reading in (begin, end, *readings)
    )
