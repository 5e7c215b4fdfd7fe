"""Profile ``strict``: the specifications and the law as written in docs/rules.md."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from eichrecht.evidence import Billable, Finding, Reading, ReadingRole, SignedRecord, Verdict
from eichrecht.rules import readings as reading_rules
from eichrecht.rules import sources
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found, verdict_of
from eichrecht.rules.judgements import RecordJudgement, RegisterResult, TransactionJudgement
from eichrecht.rules.policy import DEFAULT_POLICY, PlausibilityPolicy
from eichrecht.rules.registers import (
    RegisterTrack,
    billing_order,
    difference,
    is_compensated,
    tracks_of,
)

_NOT_BILLABLE = Billable(False, False, (Code.NO_RECORDS.value,))


def judge_record(record: SignedRecord) -> RecordJudgement:
    """Judge one record by itself; one that holds a whole session is judged as that session."""
    begins, ends = sources.roles_of(record)
    if record.pagination is not None and record.pagination.context == "F":
        # Fiscal records belong to no transaction, whatever reason codes stand in them (OCMF 1.4.1 PG).
        findings = (found(Code.FISCAL_RECORD), *sources.single(record))
        return RecordJudgement(verdict_of(findings), findings)
    if begins and ends:
        transaction = judge_transaction([record])
        return RecordJudgement(transaction.verdict, transaction.findings, transaction)
    findings = (*sources.single(record), *_lone_readings(record))
    return RecordJudgement(verdict_of(findings), findings)


def _lone_readings(record: SignedRecord) -> Iterator[Finding]:
    """A begin or an end alone must be sound in itself; that the other half is missing is the transaction's matter."""
    if not record.readings:
        return
    judged = False
    for track in tracks_of([record]).values():
        for reading in track.readings:
            if reading.role in {ReadingRole.BEGIN, ReadingRole.END}:
                judged = True
                yield from reading_rules.end_reading(reading)
    if any(reading.role is ReadingRole.EXCEPTION for reading in record.readings):
        yield found(Code.EXCEPTION_ANNOUNCED)
    elif not judged:
        yield found(Code.RECORD_WITHOUT_SESSION)


def judge_transaction(
    records: Sequence[SignedRecord],
    contexts: Sequence[str | None] = (),
    policy: PlausibilityPolicy = DEFAULT_POLICY,
) -> TransactionJudgement:
    """Judge the records of one transaction, in any order.

    Args:
        records: One record that holds both ends, or begin, intermediate and end records.
        contexts: Roles that the container gives them, in the same order.
        policy: Limits of plausibility.
    """
    if not records:
        return TransactionJudgement(
            Verdict.INDETERMINATE, (found(Code.NO_RECORDS),), None, None, _NOT_BILLABLE, ()
        )
    findings = list(sources.contexts(records, contexts)) if contexts else []
    if len(records) > 1:
        kept, repeated = sources.unique(records)
        ordered = sources.in_order(kept)
        findings += repeated
    else:
        ordered = list(records)
    for record in ordered:
        findings += sources.single(record)
        findings += sources.event_counter_within(record)
        if len(ordered) > 1 and record.pagination is not None and record.pagination.context == "F":
            findings.append(found(Code.FISCAL_RECORD_IN_TRANSACTION, "/PG"))
    if len(ordered) > 1:
        findings += sources.same_throughout(ordered)
        findings += sources.pagination(ordered)
    return _judge_readings(ordered, findings, policy)


def _judge_readings(
    records: Sequence[SignedRecord], findings: list[Finding], policy: PlausibilityPolicy
) -> TransactionJudgement:
    tracks = list(tracks_of(records).values())
    if any(reading.role is ReadingRole.EXCEPTION for record in records for reading in record.readings):
        where = next(r.where for record in records for r in record.readings if r.role is ReadingRole.EXCEPTION)
        findings.append(found(Code.EXCEPTION_IN_TRANSACTION, where))
    order = billing_order(tracks)
    if not order:
        findings.append(_no_register(records))
        return _result(findings, (), None, None, None)
    counting = order[0]
    findings += _ends(counting)
    results = tuple(_register_result(track) for track in order if track.complete)
    results += tuple(
        _register_result(track) for track in tracks if track.complete and track not in order
    )
    if not counting.complete:
        return _result(findings, results if results and results[0].obis == counting.obis else (), None, None, None)
    begin, end = counting.of(ReadingRole.BEGIN)[0], counting.of(ReadingRole.END)[0]
    findings += _register_rules(counting, begin, end)
    findings += _other_registers(counting, tracks)
    findings += reading_rules.clock(begin, end)
    duration_s = None
    if begin.time is not None and end.time is not None:
        duration_s = _seconds(begin, end)
    energy_kwh = results[0].energy_kwh
    findings += _plausible(energy_kwh, duration_s, begin, policy)
    return _result(findings, results, energy_kwh, duration_s, (begin, end, counting.readings))


def _no_register(records: Sequence[SignedRecord]) -> Finding:
    """Say what is missing: a session's end or begin before a usable register."""
    roles = {reading.role for record in records for reading in record.readings}
    if ReadingRole.BEGIN not in roles and ReadingRole.END in roles:
        return found(Code.BEGIN_MISSING)
    if ReadingRole.END not in roles and ReadingRole.BEGIN in roles:
        return found(Code.END_MISSING)
    return found(Code.NO_BILLABLE_REGISTER)


def _ends(track: RegisterTrack) -> Iterator[Finding]:
    """Exactly one begin and one end per register (ocmf facts §3)."""
    begins, ends = len(track.of(ReadingRole.BEGIN)), len(track.of(ReadingRole.END))
    if not begins:
        yield found(Code.BEGIN_MISSING, "", register=track.obis)
    elif begins > 1:
        yield found(Code.TOO_MANY_BEGINS, "", register=track.obis)
    if not ends:
        yield found(Code.END_MISSING, "", register=track.obis)
    elif ends > 1:
        yield found(Code.TOO_MANY_ENDS, "", register=track.obis)


def _register_result(track: RegisterTrack) -> RegisterResult:
    begin, end = track.of(ReadingRole.BEGIN)[0], track.of(ReadingRole.END)[0]
    return RegisterResult(track.obis, begin, end, difference(begin, end), is_compensated(track))


def _register_rules(track: RegisterTrack, begin: Reading, end: Reading) -> Iterator[Finding]:
    yield from reading_rules.end_reading(begin)
    yield from reading_rules.end_reading(end)
    readings = track.readings
    if len(readings) > 2:
        first, last = readings.index(begin), readings.index(end)
        if last < first:
            yield found(Code.END_BEFORE_BEGIN, end.where)
        for place, reading in enumerate(readings):
            if reading is begin or reading is end:
                continue
            if not first < place < last:
                yield found(Code.READING_OUTSIDE_TRANSACTION, reading.where)
            elif reading.role is not ReadingRole.EXCEPTION:  # reported once for the whole transaction
                yield from reading_rules.between(reading)
    elif readings[0] is end:
        yield found(Code.END_BEFORE_BEGIN, end.where)
    yield from reading_rules.monotonous(readings)
    if begin.cumulated_loss:
        yield found(Code.CUMULATED_LOSS_NOT_RESET, begin.where)
    if is_compensated(track):
        yield found(Code.LOSSES_COMPENSATED, begin.where, register=track.obis)


def _other_registers(counting: RegisterTrack, tracks: Sequence[RegisterTrack]) -> Iterator[Finding]:
    """Registers of the same quantity must tell the same energy (OCMF 1.4.1 reserved registers)."""
    mine = _register_result(counting)
    for track in tracks:
        if track is counting or not track.register.comparable or not counting.register.comparable:
            continue
        if not track.complete:
            roles = {reading.role for reading in track.readings}
            if roles & {ReadingRole.BEGIN, ReadingRole.END}:
                yield found(Code.REGISTER_INCOMPLETE, "", register=track.obis)
            continue
        other = _register_result(track)
        if mine.energy_kwh is None or other.energy_kwh is None:
            continue
        slack = _resolution(mine) + _resolution(other)
        gap = other.energy_kwh - mine.energy_kwh
        if mine.compensated == other.compensated:
            if abs(gap) > slack:
                yield found(
                    Code.REGISTERS_DISAGREE,
                    "",
                    register=track.obis,
                    other=f"{other.energy_kwh:f}",
                    counts=f"{mine.energy_kwh:f}",
                )
        elif mine.compensated and gap < -slack:
            yield found(Code.COMPENSATION_IMPLAUSIBLE, "", register=track.obis)


def _resolution(result: RegisterResult) -> Decimal:
    exponent = result.energy_kwh.as_tuple().exponent if result.energy_kwh is not None else 0
    return Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)


def _seconds(begin: Reading, end: Reading) -> Decimal:
    assert begin.time is not None and end.time is not None  # noqa: S101, PT018 - the caller looked
    span = end.time - begin.time
    seconds = Decimal(span.days * 86_400 + span.seconds)
    return seconds + Decimal(span.microseconds).scaleb(-6) if span.microseconds else seconds


def _plausible(
    energy_kwh: Decimal | None, duration_s: Decimal | None, begin: Reading, policy: PlausibilityPolicy
) -> Iterator[Finding]:
    """Limits of experience; they only warn."""
    if energy_kwh is not None:
        if not energy_kwh:
            yield found(Code.ZERO_ENERGY)
        elif energy_kwh > policy.max_energy_kwh:
            yield found(Code.ENERGY_IMPLAUSIBLE, "", energy=f"{energy_kwh:f}", limit=f"{policy.max_energy_kwh:f}")
    if duration_s is not None and duration_s > policy.max_duration_s:
        yield found(Code.DURATION_IMPLAUSIBLE, "", duration=f"{duration_s:f}", limit=f"{policy.max_duration_s:f}")
    if energy_kwh and duration_s is not None and duration_s >= 0:
        # kWh over seconds times 3600 is kW; multiplied out, so that no duration divides by zero.
        if energy_kwh * 3600 > policy.max_power_kw * max(duration_s, Decimal(1)):
            yield found(Code.POWER_IMPLAUSIBLE, "", limit=f"{policy.max_power_kw:f}")
    if begin.time is not None and begin.time < policy.earliest_time:
        yield found(Code.TIME_IMPLAUSIBLE, begin.where, time=begin.time.isoformat())


def _result(
    findings: list[Finding],
    registers: tuple[RegisterResult, ...],
    energy_kwh: Decimal | None,
    duration_s: Decimal | None,
    ends: tuple[Reading, Reading, Sequence[Reading]] | None,
) -> TransactionJudgement:
    verdict = verdict_of(findings)
    energy = verdict is Verdict.VALID and energy_kwh is not None
    duration = energy and duration_s is not None and ends is not None and reading_rules.duration_billable(*ends)
    reasons: tuple[str, ...] = ()
    if not energy:
        reasons = tuple(dict.fromkeys(f.code for f in findings if f.severity == "error"))
    elif not duration:
        findings.append(found(Code.DURATION_INFORMATIVE))
        reasons = (Code.DURATION_INFORMATIVE.value,)
    return TransactionJudgement(
        verdict, tuple(findings), energy_kwh, duration_s, Billable(energy, duration, reasons), registers
    )
