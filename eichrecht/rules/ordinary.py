"""The session that nearly every record holds, judged in a few comparisons (profile ``strict``).

One record, one register, begin and end and nothing in between, everything good: the full rules would find nothing
but what is fixed for the two clock letters. Whatever is not plainly of this kind is left to the full rules;
a test holds both ways equal.
"""

from __future__ import annotations

from decimal import Decimal

from eichrecht.evidence import (
    OCMF_TRAITS,
    Billable,
    ClockStatus,
    Finding,
    Reading,
    ReadingRole,
    Severity,
    SignedRecord,
    Verdict,
)
from eichrecht.evidence.construct import positional_constructor
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found
from eichrecht.rules.judgements import RegisterResult, TransactionJudgement
from eichrecht.rules.obis import register_of
from eichrecht.rules.policy import DEFAULT_POLICY
from eichrecht.rules.registers import difference, seconds_of
from eichrecht.rules.sources import GOOD_LEVELS

_new_transaction = positional_constructor(TransactionJudgement)
_new_register = positional_constructor(RegisterResult)
_BEGIN, _END, _ERROR, _VALID = ReadingRole.BEGIN, ReadingRole.END, Severity.ERROR, Verdict.VALID
_GOOD_LEVELS = GOOD_LEVELS | {None}
_FIRST = "/RD/0"
_NOTHING = Decimal(0)
_SAFE_YEAR = DEFAULT_POLICY.earliest_time.year + 1
"""In this year no zone can bring a time before the earliest plausible one."""
_MAX_ENERGY = DEFAULT_POLICY.max_energy_kwh
_MAX_SECONDS = int(DEFAULT_POLICY.max_duration_s) - 1
_MIN_SECONDS = int(_MAX_ENERGY * 3600 / DEFAULT_POLICY.max_power_kw) + 1
"""In this time not even the most energy that is plausible needs an implausible power."""

_Answer = tuple[tuple[Finding, ...], Billable]
_U, _I, _S, _R = (
    ClockStatus.UNKNOWN,
    ClockStatus.INFORMATIVE,
    ClockStatus.SYNCHRONISED,
    ClockStatus.RELATIVE,
)
_WITH_DURATION = Billable(True, True)
_WITHOUT_DURATION = Billable(True, False, (Code.DURATION_INFORMATIVE.value,))
_WEAK = found(Code.CLOCK_NOT_SYNCHRONISED, _FIRST)
_INFORMATIVE = found(Code.DURATION_INFORMATIVE)
_BY_CLOCK: dict[tuple[ClockStatus | None, ClockStatus | None], _Answer] = {
    (_S, _S): ((), _WITH_DURATION),
    (_R, _R): ((), _WITH_DURATION),
    (_I, _R): ((_WEAK,), _WITH_DURATION),
    (_U, _R): ((_WEAK,), _WITH_DURATION),
    (_I, _I): ((_WEAK, _INFORMATIVE), _WITHOUT_DURATION),
    (_U, _U): ((_WEAK, _INFORMATIVE), _WITHOUT_DURATION),
}


def judge_ordinary(record: SignedRecord) -> TransactionJudgement | None:
    """Return the judgement of a plainly good session in one record; ``None`` leaves it to the full rules."""
    readings = record.readings
    if (
        len(readings) != 2
        or not record.unambiguous
        or record.traits is not OCMF_TRAITS
        or record.contradictions
    ):
        return None
    begin, end = readings
    page = record.pagination
    claim = record.identification
    point = record.charge_point
    if (
        begin.role is not _BEGIN
        or end.role is not _END
        or page is None
        or page.context == "F"
        or claim.assigned is not True
        or claim.level not in _GOOD_LEVELS
        or not (record.meter.serial or record.gateway.serial or (point[0] and point[1]))
        or begin.where != _FIRST
    ):
        return None
    for finding in record.findings:
        if finding.severity is _ERROR:
            return None
    return _judge(begin, end)


def _judge(begin: Reading, end: Reading) -> TransactionJudgement | None:
    obis = begin.obis
    answer = _BY_CLOCK.get((begin.time_status, end.time_status))
    if (
        answer is None
        or begin.meter_status != "G"
        or end.meter_status != "G"
        or begin.error_flags
        or end.error_flags
        or obis is None
        or obis != end.obis
        or begin.unit != end.unit
        or begin.cumulated_loss is not None
        or end.cumulated_loss is not None
        or begin.event_counter != end.event_counter
        or (end.reason == "P" and end.time_status is _R)
    ):
        return None
    register = register_of(obis)
    if register is None or register.rank is None or register.compensated:
        return None
    first, started, ended = begin.energy_kwh, begin.time, end.time
    if first is None or first < _NOTHING or started is None or ended is None or started.year < _SAFE_YEAR:
        return None
    span = ended - started
    energy = difference(begin, end)
    if (
        energy is None
        or not _NOTHING < energy <= _MAX_ENERGY
        or not _MIN_SECONDS <= span.days * 86_400 + span.seconds < _MAX_SECONDS
    ):
        return None
    return _new_transaction(
        _VALID,
        answer[0],
        energy,
        seconds_of(span),
        answer[1],
        (_new_register(obis, begin, end, energy, False),),
    )
