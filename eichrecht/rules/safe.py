"""Profile ``safe-1.4.1``: what the official S.A.F.E. program 1.4.1 decides, in its order; its first failure wins.

OCMF stands here, the other formats in ``safe_compare.py``. Source: facts/meter/safe_formats.md §1.4 to §1.6 and §10,
quirks included. Each finding carries the program's own error key as ``official_key``. What is wrong in there is
right in profile ``strict`` (docs/rules.md).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from eichrecht.evidence import (
    Billable,
    Finding,
    OfficialCheck,
    Reading,
    ReadingRole,
    SignedRecord,
    Verdict,
    problem,
)
from eichrecht.rules import safe_compare, sources
from eichrecht.rules.codes import RuleCode
from eichrecht.rules.judgements import RecordJudgement, RegisterResult, TransactionJudgement
from eichrecht.rules.obis import register_of
from eichrecht.rules.registers import difference, seconds_of


class SafeCode(StrEnum):
    """Findings of this profile."""

    LAW_RULE_FAILED = "safe_law_rule_failed"
    CANNOT_JUDGE = "safe_cannot_judge"


_OBIS = re.compile(
    r"([0-9A-Fa-f]+)-([0-9A-Fa-f]+):([0-9A-Fa-f]+)\.([0-9A-Fa-f]+)\.([0-9A-Fa-f]+)(?:[.*]([0-9A-Fa-f]+))?"
)
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2},\d{3}[+-]\d{4}")
_COMPENSATED = frozenset({0x98, 0xB1, 0xB3, 0xC1, 0xC3})
_F_RELEVANT = frozenset({0, 0xFF, 0x255, 0x200})
_LEVEL_ERRORS = frozenset({"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"})
_WATT_HOURS = "wh"
_ZERO = Decimal(0)
_MAX_MAGNITUDE = 300


@dataclass(frozen=True, slots=True)
class _Failure:
    """The first rule that failed: ``error`` where the program cannot judge, else ``invalid``."""

    key: str
    error: bool


def _relevance(reading: Reading) -> int | None:
    """Return group C of a law-relevant register, ``None`` for others. RI is not inherited (§1.5)."""
    if reading.obis is None or "RI" in reading.inherited or len(reading.obis) > 100:
        return None
    match = _OBIS.fullmatch(reading.obis)
    if match is None:
        return None
    a, c, d = int(match[1], 16), int(match[3], 16), int(match[4], 16)
    f = int(match[6], 16) if match[6] else 0xFF
    relevant = a == 1 and d == 8 and (c in {1, 0x98, 0x9E} or 0xB0 <= c <= 0xC7) and f in _F_RELEVANT
    return c if relevant else None


def _relevant(records: Sequence[SignedRecord]) -> list[Reading]:
    readings = [(reading, _relevance(reading)) for record in records for reading in record.readings]
    if any(c in _COMPENSATED for _, c in readings):
        return [reading for reading, c in readings if c in _COMPENSATED]
    return [reading for reading, c in readings if c is not None]


def _time(reading: Reading) -> datetime | None:
    """Return the time if it is written exactly as the program reads it; otherwise it has none (§1.3)."""
    if reading.time is None or reading.time_text is None or not _TIME.fullmatch(reading.time_text):
        return None
    return reading.time


def _sync(reading: Reading) -> str | None:
    return reading.time_status_text


def _raw(reading: Reading) -> Decimal:
    """Return RV as written; a missing one counts as 0 (§1.4). Units are not looked at.

    What no binary float of the program could hold counts as 0 too; such a record is refused elsewhere.
    """
    try:
        value = Decimal(reading.value or "0")
    except InvalidOperation:
        return _ZERO
    return value if value.is_finite() and abs(value.adjusted()) <= _MAX_MAGNITUDE else _ZERO


def law_key(records: Sequence[SignedRecord]) -> tuple[str | None, Verdict]:
    """Run only the program's law checks over the readings of these records, whatever PG says (§1.6).

    Returns:
        The program's key of the first rule that failed, ``None`` if none did, and the verdict.
    """
    failure, _, _ = _law(records)
    if failure is None:
        return None, Verdict.VALID
    return failure.key, Verdict.INDETERMINATE if failure.error else Verdict.INVALID


def _law(records: Sequence[SignedRecord]) -> tuple[_Failure | None, Reading | None, Reading | None]:
    """Run the law checks in the program's order (§1.6)."""
    relevant = _relevant(records)
    if relevant and relevant[0].meter_status is None:
        return _Failure("error.values.missing.st", True), None, None
    if relevant and relevant[0].unit is None:
        return _Failure("error.values.missing.ru", True), None, None
    starts = [reading for reading in relevant if reading.role is ReadingRole.BEGIN]
    stops = [reading for reading in relevant if reading.role is ReadingRole.END]
    # Too many of either is asked before none of either (§1.6 no. 2; vector safe-law-ocmf-one-two-stops).
    for found, name in ((starts, "start"), (stops, "stop")):
        if len(found) > 1:
            return _Failure(f"error.values.toomany.{name}", True), None, None
    for found, name in ((starts, "start"), (stops, "stop")):
        if not found:
            return _Failure(f"error.values.no.{name}.meter.values", True), None, None
    start, stop = starts[0], stops[0]
    key = _pair_failure(records, start, stop)
    return (_Failure(key, False) if key else None), start, stop


def _pair_failure(  # noqa: PLR0911 - the program's rules one after the other; the first failure wins
    records: Sequence[SignedRecord], start: Reading, stop: Reading
) -> str | None:
    prefix = "app.verify.law.conform."
    if _raw(start) > _raw(stop):
        return prefix + "meter.wrong"
    begin, end = _time(start), _time(stop)
    if begin is not None and end is not None and begin > end:
        return prefix + "meter.time.wrong"
    levels = {(record.identification.level or "").upper() for record in records}
    if levels & _LEVEL_ERRORS:
        return prefix + "timesynchronicity.wrong"  # its text speaks of the clock: issue 40 of the program
    if start.meter_status != "G" or stop.meter_status != "G":
        return prefix + "meterstatus.wrong"
    if _sync(start) is None or (_sync(start) == "R" and _sync(stop) != "R"):
        return prefix + "timesynchronicity.wrong"
    if stop.event_counter is not None and stop.event_counter != start.event_counter:
        return prefix + "eventcounter.differs"
    if "E" in start.error_flags or "E" in stop.error_flags:
        return prefix + "error.flag.energy"
    return None


def _has(record: SignedRecord, role: ReadingRole) -> bool:
    return any(reading.role is role for reading in record.readings)


def judge_record(record: SignedRecord) -> RecordJudgement:
    """Judge one record: the law checks run only if PG starts with T and it holds a start and a stop."""
    if not _is_ocmf(record):
        whole = _has(record, ReadingRole.BEGIN) and _has(record, ReadingRole.END)
        own = judge_transaction([record])
        return RecordJudgement(own.verdict, own.findings, own if whole else None)
    transactional = record.pagination is not None and record.pagination.context == "T"
    both = _has(record, ReadingRole.BEGIN) and _has(record, ReadingRole.END)
    if not (transactional and both):
        return RecordJudgement(Verdict.VALID, ())
    transaction = judge_transaction([record])
    return RecordJudgement(transaction.verdict, transaction.findings, transaction)


def judge_transaction(
    records: Sequence[SignedRecord], contexts: Sequence[str | None] = ()
) -> TransactionJudgement:
    """Judge one record, or the begin and end record of a container's transaction (§1.6, §10)."""
    if len(records) > 1 or not records:
        # What an unsigned part of a record says of its role, the program does not look at (§7: type not compared).
        plain = [replace(record, claimed_role=None) if record.claimed_role else record for record in records]
        return _judge_pair(sources.with_roles(plain, contexts), contexts)
    record = records[0]
    if not _is_ocmf(record):
        return _judge_lone(record)
    fiscal = record.pagination is not None and record.pagination.context == "F"
    if fiscal or not (_has(record, ReadingRole.BEGIN) and _has(record, ReadingRole.END)):
        # The program shows a lone record as verified without a word about its other half (weakness 13).
        return _judgement(None, None, None)
    return _judgement(*_law(records))


def _judge_pair(records: Sequence[SignedRecord], contexts: Sequence[str | None]) -> TransactionJudgement:
    pair = begin_and_end(records, contexts)
    if isinstance(pair, str):
        return _judgement(_Failure(pair, True), None, None)
    begin, end = pair
    if not (_is_ocmf(begin) and _is_ocmf(end)):
        return _compare(begin, end)
    if _has(end, ReadingRole.BEGIN):
        return _judgement(_Failure("app.verify.ocmf.stopcontainsstart", True), None, None)
    if _has(begin, ReadingRole.END):
        return _judgement(_Failure("app.verify.ocmf.startcontainsstop", True), None, None)
    failure, start, stop = _law(pair)
    if failure is None and start is not None and stop is not None and _kwh(start) > _kwh(stop):
        failure = _Failure("app.view.stop.less.than.start", False)
    return _judgement(failure, start, stop)


def _is_ocmf(record: SignedRecord) -> bool:
    return record.traits.official == (OfficialCheck.OCMF_LAW,)


def _judge_lone(record: SignedRecord) -> TransactionJudgement:
    """Judge a record of another format by itself; one with both ends (Mennekes) is compared with itself."""
    key = safe_compare.failed_status(record)
    start, stop = _first(record, ReadingRole.BEGIN), _first(record, ReadingRole.END)
    if key is None and start is not None and stop is not None:
        key = safe_compare.failed_ends(record, start, stop)
    return _judgement(_Failure(key, False) if key else None, start, stop)


def _compare(begin: SignedRecord, end: SignedRecord) -> TransactionJudgement:
    start, stop = _first(begin, ReadingRole.BEGIN), _first(end, ReadingRole.END)
    if begin.format != end.format:
        return _judgement(_Failure("error.values.different.types", True), start, stop)
    key = safe_compare.failed_status(begin) or safe_compare.failed_status(end)
    key = key or safe_compare.failed_pair(begin, end, start, stop)
    if key is None and start is not None and stop is not None:
        first, last = start.energy_kwh, stop.energy_kwh
        if first is not None and last is not None and first > last:
            key = "app.view.stop.less.than.start"
    return _judgement(_Failure(key, False) if key else None, start, stop)


def _first(record: SignedRecord, role: ReadingRole) -> Reading | None:
    """Return the reading that the program shows: of an EDL40 meter the compensated one if there is one (§3)."""
    found = [reading for reading in record.readings if reading.role is role]
    registers = [register_of(reading.obis) if reading.obis else None for reading in found]
    compensated = (
        r for r, register in zip(found, registers, strict=True) if register and register.compensated
    )
    return next(compensated, found[0] if found else None)


def _kwh(reading: Reading) -> Decimal:
    value = _raw(reading)
    inherited = "RU" in reading.inherited
    if not inherited and (reading.unit or "").lower() == _WATT_HOURS:
        return value.scaleb(-3)
    return value


def begin_and_end(
    records: Sequence[SignedRecord], contexts: Sequence[str | None]
) -> tuple[SignedRecord, SignedRecord] | str:
    """Pick the one begin and the one end by the container's contexts (§10); without contexts by the readings.

    Returns:
        Begin and end, or the program's error key.
    """
    if any(contexts):
        words = [(context or "").strip() for context in contexts]
        begins = [r for r, word in zip(records, words, strict=False) if word == "Transaction.Begin"]
        ends = [r for r, word in zip(records, words, strict=False) if word == "Transaction.End"]
    else:
        begins = [record for record in records if _has(record, ReadingRole.BEGIN)]
        ends = [record for record in records if not _has(record, ReadingRole.BEGIN)]
        ends = [record for record in ends if _has(record, ReadingRole.END)]
    for found, name in ((begins, "start"), (ends, "stop")):
        if not found:
            return f"error.values.no.{name}"
        if len(found) > 1:
            return f"error.values.toomany.{name}"
    return begins[0], ends[0]


def _judgement(failure: _Failure | None, start: Reading | None, stop: Reading | None) -> TransactionJudgement:
    findings: tuple[Finding, ...] = ()
    verdict = Verdict.VALID
    if failure is not None:
        code = SafeCode.CANNOT_JUDGE if failure.error else SafeCode.LAW_RULE_FAILED
        findings = (problem(code, "", official_key=failure.key),)
        verdict = Verdict.INDETERMINATE if failure.error else Verdict.INVALID
    registers: tuple[RegisterResult, ...] = ()
    energy_kwh = duration_s = None
    if start is not None and stop is not None:
        energy_kwh = difference(start, stop)
        registers = (RegisterResult(start.obis or "", start, stop, energy_kwh, False),)
        if start.time is not None and stop.time is not None:
            duration_s = seconds_of(stop.time - start.time)
    good = verdict is Verdict.VALID and energy_kwh is not None
    # This profile never vouches for a duration: nobody bills by it.
    reasons = (*(finding.code for finding in findings), RuleCode.DURATION_INFORMATIVE.value)
    return TransactionJudgement(
        verdict, findings, energy_kwh, duration_s, Billable(good, False, reasons), registers
    )
