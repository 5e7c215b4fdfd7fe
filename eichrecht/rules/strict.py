"""Profile ``strict``: the specifications and the law as written in docs/rules.md."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal

from eichrecht.evidence import (
    Billable,
    Finding,
    Reading,
    ReadingRole,
    Severity,
    SignedRecord,
    Traits,
    Verdict,
    note,
)
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats.codes import FormatCode
from eichrecht.rules import readings as reading_rules
from eichrecht.rules import sources
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found, verdict_of
from eichrecht.rules.judgements import RecordJudgement, RegisterResult, TransactionJudgement
from eichrecht.rules.obis import register_of
from eichrecht.rules.ordinary import judge_ordinary
from eichrecht.rules.plausibility import other_registers, plausible, result_of
from eichrecht.rules.policy import DEFAULT_POLICY, PlausibilityPolicy
from eichrecht.rules.registers import RegisterTrack, billing_order, seconds_of, tracks_of

MAX_FINDINGS_PER_CODE = 20
"""More of the same tells a reader nothing; the number left out is stated."""

_new_record_judgement = positional_constructor(RecordJudgement)
_ENDS = frozenset({ReadingRole.BEGIN, ReadingRole.END})
_NOT_BILLABLE = Billable(False, False, (Code.NO_RECORDS.value,))


def judge_record(record: SignedRecord, policy: PlausibilityPolicy = DEFAULT_POLICY) -> RecordJudgement:
    """Judge one record by itself; one that holds a whole session is judged as that session."""
    ordinary = judge_ordinary(record) if policy is DEFAULT_POLICY else None
    if ordinary is not None:
        return _new_record_judgement(ordinary.verdict, ordinary.findings, ordinary)
    if sources.is_fiscal(record):
        # Fiscal records belong to no transaction, whatever reason codes stand in them (OCMF 1.4.1 PG).
        findings = [found(Code.FISCAL_RECORD), *sources.single(record)]
        findings += [
            reading_rules.faulty(Code.OTHER_READING_FAULTY, reading)
            for reading in record.readings
            if reading_rules.is_faulty(reading)
        ]
        return _record_judgement(findings)
    begins, ends = sources.roles_of(record)
    if begins and ends:
        transaction = judge_transaction([record], (), policy)
        return RecordJudgement(transaction.verdict, transaction.findings, transaction)
    return _record_judgement([*sources.single(record), *_lone_readings(record)])


def _record_judgement(findings: list[Finding]) -> RecordJudgement:
    return RecordJudgement(verdict_of(findings), _bounded(findings))


def _lone_readings(record: SignedRecord) -> Iterator[Finding]:
    """A begin or an end alone must be sound in itself; that the other half is missing is the transaction's matter."""
    if not record.readings:
        return
    if not record.traits.roles_signed:
        yield from _without_role(record)
        return
    if any(reading.role is ReadingRole.EXCEPTION for reading in record.readings):
        yield found(Code.EXCEPTION_ANNOUNCED)
    yield from _unknown_reasons([record])
    if not any(reading.role in _ENDS for reading in record.readings):
        if not any(reading.role is ReadingRole.EXCEPTION for reading in record.readings):
            yield found(Code.RECORD_WITHOUT_SESSION)
        return
    tracks, _ = tracks_of([record])
    halves = [track for track in billing_order(tracks) if track.begins or track.ends]
    yield from _unreadable_registers([record])
    if not halves:
        yield found(Code.NO_BILLABLE_REGISTER)
        return
    counting = halves[0]
    yield from _other_readings([record], counting)
    yield from _too_many(counting)
    yield from _partial(counting, record.traits)


def _without_role(record: SignedRecord) -> Iterator[Finding]:
    """Readings that may be either end of a session must be as sound as one."""
    yield from _unreadable_registers([record])
    for reading in record.readings:
        yield from reading_rules.end_reading(reading, record.traits)


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
    if len(records) == 1 and policy is DEFAULT_POLICY:
        ordinary = judge_ordinary(records[0])
        if ordinary is not None:
            return ordinary
    if not records:
        return TransactionJudgement(
            Verdict.INDETERMINATE, (found(Code.NO_RECORDS),), None, None, _NOT_BILLABLE, ()
        )
    claimed = sources.roles_only_claimed(records)
    records = sources.with_roles(records, contexts)
    findings = list(sources.contexts(records, contexts)) if contexts else []
    if claimed:
        findings.append(found(Code.ROLE_ONLY_CLAIMED))
    ordered = records
    if len(records) > 1:
        kept, repeated = sources.unique(records)
        findings += repeated
        ordered, set_aside = _without_fiscal(sources.in_order(kept))
        findings += set_aside
    for record in ordered:
        findings += sources.single(record)
        findings += sources.reading_numbers(record)
        if sources.is_fiscal(record):
            findings.append(found(Code.FISCAL_RECORD_IN_TRANSACTION, "/PG"))
    findings += sources.assignment(ordered)
    findings += sources.event_counter(ordered)
    if len(ordered) > 1:
        findings += sources.same_throughout(ordered)
        findings += sources.pagination(ordered)
        findings += sources.own_rules(ordered)
    return _judge_readings(ordered, findings, policy)


def _without_fiscal(records: list[SignedRecord]) -> tuple[list[SignedRecord], list[Finding]]:
    """Set fiscal records without begin and end aside: a container put them there, and it is not signed."""
    kept = [record for record in records if not sources.is_fiscal(record) or any(sources.roles_of(record))]
    if not kept or len(kept) == len(records):
        return records, []
    return kept, [found(Code.FISCAL_RECORD) for _ in range(len(records) - len(kept))]


def _judge_readings(
    records: Sequence[SignedRecord], findings: list[Finding], policy: PlausibilityPolicy
) -> TransactionJudgement:
    tracks, repeated = tracks_of(records)
    findings += [found(Code.READING_REPEATED, reading.where) for reading in repeated]
    exception = next(
        (r for record in records for r in record.readings if r.role is ReadingRole.EXCEPTION), None
    )
    if exception is not None:
        findings.append(found(Code.EXCEPTION_IN_TRANSACTION, exception.where))
    if not any(any(sources.roles_of(record)) or record.traits.roles_signed for record in records):
        findings += [finding for record in records for finding in _without_role(record)]
        findings.append(found(Code.ONE_READING_ONLY))
        return _result(findings, (), None, None, duration=False)
    findings += _unreadable_registers(records)
    findings += _unknown_reasons(records)
    order = billing_order(tracks)
    counting = order[0] if order else None
    findings += _other_readings(records, counting)
    if counting is None:
        findings.append(_no_register(records))
        return _result(findings, (), None, None, duration=False)
    if not counting.complete:
        findings += _ends(counting)
        findings += _partial(counting, records[0].traits)
        return _result(findings, (), None, None, duration=False)
    begin, end = counting.begins[0], counting.ends[0]
    counted = [track for track in order if track.complete]
    results = tuple(map(result_of, counted))
    results += tuple(result_of(track) for track in tracks if track.complete and track not in order)
    energy_kwh = results[0].energy_kwh
    duration_s = None
    inherited = reading_rules.inherits_begin(begin, end)
    if inherited:
        findings.append(found(Code.END_TIME_INHERITED, end.where))
    elif begin.time is not None and end.time is not None:
        duration_s = seconds_of(end.time - begin.time)
    elif begin.seconds_index is not None and end.seconds_index is not None:
        # A local time cannot be subtracted (it may skip or repeat an hour), the operating seconds can.
        span_s = Decimal(end.seconds_index - begin.seconds_index)
        duration_s = span_s if span_s >= 0 else None
    findings += _register_rules(counting, begin, end, records[0].traits)
    if energy_kwh is None and begin.energy_kwh is not None and end.energy_kwh is not None:
        findings.append(found(Code.VALUE_UNUSABLE, end.where, value=(end.value or "")[:40]))
    if results[0].compensated:
        findings.append(found(Code.LOSSES_COMPENSATED, begin.where, register=counting.obis[:40]))
    findings += other_registers(counting, tracks, policy)
    findings += _shares_only(counting, order)
    findings += reading_rules.clock(begin, end, records[0].traits)
    findings += plausible(energy_kwh, duration_s, begin, policy)
    every = (reading for record in records for reading in record.readings)
    duration = duration_s is not None and reading_rules.duration_billable(begin, end, every)
    return _result(findings, results, energy_kwh, duration_s, duration=duration)


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
    if not track.begins:
        yield found(Code.BEGIN_MISSING)
    if not track.ends:
        yield found(Code.END_MISSING)
    yield from _too_many(track)


def _too_many(track: RegisterTrack) -> Iterator[Finding]:
    if len(track.begins) > 1:
        yield found(Code.TOO_MANY_BEGINS, track.begins[1].where, register=track.obis[:40])
    if len(track.ends) > 1:
        yield found(Code.TOO_MANY_ENDS, track.ends[1].where, register=track.obis[:40])


def _partial(track: RegisterTrack, traits: Traits) -> Iterator[Finding]:
    """What can be said of a register without its one begin and one end."""
    for reading in track.readings:
        if reading.role in _ENDS:
            yield from reading_rules.end_reading(reading, traits)
        elif reading.role is not ReadingRole.EXCEPTION:
            yield from reading_rules.between(reading)
    if len(track.begins) <= 1 and len(track.ends) <= 1:
        yield from reading_rules.monotonous(track.readings)


def _register_rules(track: RegisterTrack, begin: Reading, end: Reading, traits: Traits) -> Iterator[Finding]:
    yield from reading_rules.end_reading(begin, traits)
    yield from reading_rules.end_reading(end, traits)
    readings = track.readings
    first = next(place for place, reading in enumerate(readings) if reading is begin)
    last = next(place for place, reading in enumerate(readings) if reading is end)
    for place, reading in enumerate(readings):
        if reading is begin or reading is end or reading.role is ReadingRole.EXCEPTION:
            continue  # an exception is reported once for the whole transaction
        yield from reading_rules.between(reading)
        if not first < place < last and first < last and reading.role is not ReadingRole.FISCAL:
            yield found(Code.READING_OUTSIDE_TRANSACTION, reading.where)
    if last < first:
        # The order of the array says nothing then; what begin and end say by themselves still holds.
        yield found(Code.END_BEFORE_BEGIN, end.where)
        readings = [begin, end]
    backwards = list(reading_rules.monotonous(readings))
    yield from backwards
    if not any(f.code == Code.TIME_DECREASES and f.where == end.where for f in backwards):
        yield from reading_rules.ends_in_time(begin, end)
    if begin.cumulated_loss:
        yield found(Code.CUMULATED_LOSS_NOT_RESET, begin.where)


def _unreadable_registers(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """A begin or end whose register cannot be told cannot be billed; say which."""
    unreadable = {
        reading.obis: reading.where
        for record in records
        for reading in record.readings
        if reading.role in _ENDS and reading.obis and register_of(reading.obis) is None
    }
    for obis, where in unreadable.items():
        yield found(Code.REGISTER_UNREADABLE, where, register=obis[:40])


def _other_readings(records: Sequence[SignedRecord], counting: RegisterTrack | None) -> Iterator[Finding]:
    """Error states of readings outside the register that counts.

    A reading without a register speaks of the meter as a whole. An energy register in error leaves open whether
    the meter was sound; a register of another quantity does not touch the energy.
    """
    for record in records:
        for reading in record.readings:
            if reading.role is ReadingRole.EXCEPTION or not reading_rules.is_faulty(reading):
                continue
            register = register_of(reading.obis) if reading.obis else None
            if not reading.obis:
                if reading.meter_status not in (None, "G"):
                    yield reading_rules.meter_status(reading)
                yield from reading_rules.error_flags(reading)
            elif not (reading_rules.in_energy(reading) if register is None else register.energy):
                yield reading_rules.faulty(Code.OTHER_READING_FAULTY, reading)
            elif register is None or counting is None or register.key != counting.register.key:
                yield reading_rules.faulty(Code.OTHER_REGISTER_FAULTY, reading)


def _unknown_reasons(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """A reason code that nobody can read may be an exception, in whatever register it stands."""
    for record in records:
        if not record.traits.roles_signed:
            continue
        for reading in record.readings:
            if reading.role is ReadingRole.UNKNOWN:
                yield found(Code.UNKNOWN_REASON_CODE, reading.where, reason=(reading.reason or "")[:10])


def _shares_only(counting: RegisterTrack, order: Sequence[RegisterTrack]) -> Iterator[Finding]:
    """Of several tariff registers none tells the session's energy, and nobody signed their sum."""
    others = [track for track in order if track is not counting and (track.begins or track.ends)]
    if not counting.register.total and others:
        yield found(Code.TARIFF_REGISTERS_ONLY, "", register=counting.obis[:40], other=others[0].obis[:40])


def _result(
    findings: list[Finding],
    registers: tuple[RegisterResult, ...],
    energy_kwh: Decimal | None,
    duration_s: Decimal | None,
    *,
    duration: bool,
) -> TransactionJudgement:
    verdict = verdict_of(findings)
    energy = verdict is Verdict.VALID and energy_kwh is not None
    reasons: tuple[str, ...] = ()
    duration = duration and energy
    if not energy:
        reasons = tuple(dict.fromkeys(f.code for f in findings if f.severity is Severity.ERROR))
    elif not duration:
        findings.append(found(Code.DURATION_INFORMATIVE))
        reasons = (Code.DURATION_INFORMATIVE.value,)
    billable = Billable(energy, duration, reasons)
    return TransactionJudgement(verdict, _bounded(findings), energy_kwh, duration_s, billable, registers)


def _bounded(findings: list[Finding]) -> tuple[Finding, ...]:
    """Keep the first findings of each code and say how many more there are."""
    if len(findings) <= MAX_FINDINGS_PER_CODE:
        return tuple(findings)
    counts: Counter[str] = Counter()
    kept = []
    for finding in findings:
        counts[finding.code] += 1
        if counts[finding.code] <= MAX_FINDINGS_PER_CODE:
            kept.append(finding)
    for code, count in counts.items():
        if count > MAX_FINDINGS_PER_CODE:
            more = count - MAX_FINDINGS_PER_CODE
            kept.append(note(FormatCode.FINDINGS_OMITTED, "", finding=code, count=more))
    return tuple(kept)
