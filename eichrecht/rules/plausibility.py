"""Limits of experience and comparison of registers (profile ``strict``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from eichrecht.evidence import Finding, Reading
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found
from eichrecht.rules.judgements import RegisterResult
from eichrecht.rules.policy import PlausibilityPolicy
from eichrecht.rules.readings import shown
from eichrecht.rules.registers import EXACT, RegisterTrack, difference, is_compensated


def result_of(track: RegisterTrack) -> RegisterResult:
    """Return what a complete register says."""
    begin, end = track.begins[0], track.ends[0]
    return RegisterResult(track.obis, begin, end, difference(begin, end), is_compensated(track))


def other_registers(
    counting: RegisterTrack, tracks: Sequence[RegisterTrack], policy: PlausibilityPolicy
) -> Iterator[Finding]:
    """Registers of the same quantity must tell the same energy (OCMF 1.4.1 reserved registers)."""
    mine = result_of(counting)
    for track in tracks:
        if track is counting or not track.register.comparable or not counting.register.comparable:
            continue
        if not track.complete:
            if track.begins or track.ends:
                yield found(Code.REGISTER_INCOMPLETE, "", register=track.obis[:40])
            continue
        other = result_of(track)
        if mine.energy_kwh is None or other.energy_kwh is None:
            continue
        slack = _resolution(mine.energy_kwh) + _resolution(other.energy_kwh)
        slack += policy.register_tolerance * max(abs(mine.energy_kwh), abs(other.energy_kwh))
        gap = other.energy_kwh - mine.energy_kwh
        if mine.compensated == other.compensated:
            if abs(gap) > slack:
                yield found(
                    Code.REGISTERS_DISAGREE,
                    "",
                    register=track.obis[:40],
                    other=shown(other.energy_kwh),
                    counts=shown(mine.energy_kwh),
                )
        elif mine.compensated and gap < -slack:
            yield found(Code.COMPENSATION_IMPLAUSIBLE, "", register=track.obis[:40])


def _resolution(energy_kwh: Decimal) -> Decimal:
    exponent = energy_kwh.as_tuple().exponent
    return Decimal(1).scaleb(exponent, EXACT) if isinstance(exponent, int) else Decimal(0)


def plausible(
    energy_kwh: Decimal | None, duration_s: Decimal | None, begin: Reading, policy: PlausibilityPolicy
) -> Iterator[Finding]:
    """Limits of experience; they only warn."""
    if energy_kwh is not None:
        if not energy_kwh:
            yield found(Code.ZERO_ENERGY)
        elif energy_kwh > policy.max_energy_kwh:
            yield found(
                Code.ENERGY_IMPLAUSIBLE, "", energy=shown(energy_kwh), limit=f"{policy.max_energy_kwh:f}"
            )
    if duration_s is not None and duration_s > policy.max_duration_s:
        yield found(
            Code.DURATION_IMPLAUSIBLE, "", duration=f"{duration_s:f}", limit=f"{policy.max_duration_s:f}"
        )
    # kWh over seconds times 3600 is kW; multiplied out, so that no duration divides by zero.
    if (
        energy_kwh is not None
        and duration_s is not None
        and duration_s >= 0
        and energy_kwh * 3600 > policy.max_power_kw * max(duration_s, Decimal(1))
    ):
        yield found(Code.POWER_IMPLAUSIBLE, "", limit=f"{policy.max_power_kw:f}")
    if begin.time is not None and begin.time < policy.earliest_time:
        yield found(Code.TIME_IMPLAUSIBLE, begin.where, time=begin.time.isoformat())
