"""The signed fields of a PCDF record (facts/meter/safe_formats.md §8)."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from eichrecht.evidence import (
    ClockStatus,
    Device,
    Finding,
    Identification,
    Pagination,
    PaginationRule,
    Reading,
    ReadingRole,
    Severity,
    StatusFlag,
    Traits,
    note,
    problem,
    warning,
)
from eichrecht.formats._pcdf_codes import PcdfCode, PcdfFlagCode

Fields = list[tuple[str, str]]
"""Names and values in the order of the record."""

ORDER = ("ST", "CT", "CD", "TV", "BV", "CSC", "SP", "RV", "SI", "CS", "HW", "DT", "PK")
"""All are mandatory; the signature follows."""

REGISTER = "128.8.0"
"""Energy of the session in groups C.D.E of an OBIS code, as the record begins."""

DURATION_TOLERANCE_S = 2
"""Start, end and duration are cut to whole seconds, each by itself."""

MAX_REPORTED = 20
"""Fields named in findings of one kind; more tell a reader nothing."""

TRAITS = Traits(
    pagination=PaginationRule.INCREASING,
    official=(),  # the program compares nothing in a pair, and a session is one record
    official_key_shapes=frozenset({"point-hex", "point-base64", "point-base32"}),
)

_TIME = re.compile(r"\d{12}", re.ASCII)
_FIRST_YEAR = 19
"""The official reader takes no time before 2019: the format is younger."""
_DURATION = re.compile(r"(\d\d)([0-5]\d)([0-5]\d)", re.ASCII)
_ENERGY = re.compile(r"(\d{4}\.\d{3})\*(kWh)", re.ASCII)
_COUNTER = re.compile(r"\d{1,10}", re.ASCII)
_POINT = re.compile(r"04[0-9A-Fa-f]{128}")
_SESSION = re.compile(r"([^*]{1,36})\*(.)\*([^*]{1,36})")
_USER_TYPES = {"1": "RFID", "2": "EMAID", "3": "CREDIT_CARD", "4": "REMOTE", "5": "NFC"}
_METER_TYPES = {"0": "PES DCMeter EU"}

_REFUSED = "error.pcdf.validation."
_KEYS = {
    "ST": "time.invalid",
    "CT": "time.invalid",
    "CD": "charging.duration.invalid",
    "TV": "time.validity.invalid",
    "BV": "billing.invalid",
    "CSC": "charging.counter.invalid",
    "SP": "stoptime.invalid",
    "RV": "consumption.invalid",
    "SI": "session.invalid",
    "CS": "software.checksum.length",
    "HW": "hardware.serial.length",
    "DT": "dcmeter.type.invalid",
}
"""Error keys of the official reader for a field that it cannot read."""


@dataclass(frozen=True, slots=True)
class SessionFields:
    """What the signed fields say; ``refusals`` are the error keys of the official reader."""

    meter: Device
    gateway: Device
    identification: Identification
    pagination: Pagination | None
    session: str | None
    readings: tuple[Reading, ...]
    key: str | None
    refusals: tuple[str, ...]


@dataclass(slots=True)
class _Reader:
    """Takes fields and reports those that are not as the format has them."""

    values: dict[str, str]
    findings: list[Finding]
    refusals: list[str] = field(default_factory=list)

    def malformed(self, name: str, severity: Severity = Severity.ERROR) -> None:
        """Report a field that is there but cannot be read."""
        value = self.values.get(name)
        if value is None:
            return
        where, shown = f"/{name}", "…" if name == "SI" else value[:40]
        self.findings.append(
            Finding(str(PcdfCode.FIELD_MALFORMED), severity, where, {"field": name, "value": shown})
        )
        if name in _KEYS:
            self.refusals.append(_REFUSED + _KEYS[name])

    def matched(
        self, name: str, pattern: re.Pattern[str], severity: Severity = Severity.ERROR
    ) -> re.Match[str] | None:
        """Return the match of a whole field."""
        found = pattern.fullmatch(self.values.get(name, ""))
        if found is None:
            self.malformed(name, severity)
        return found

    def flag(self, name: str) -> bool | None:
        """Return a field that is 0 or 1."""
        value = self.values.get(name)
        if value not in {"0", "1"}:
            self.malformed(name)
            return None
        return value == "1"

    def local_time(self, name: str) -> datetime | None:
        """Return a time ``yymmddhhmmss``; the format names no zone."""
        found = self.matched(name, _TIME)
        if found is None:
            return None
        digits = found[0]
        pairs = [int(digits[place : place + 2]) for place in range(0, len(digits), 2)]
        try:
            # The format's times are local and say no zone; the pattern has six pairs, which a star hides from mypy.
            moment = datetime(2000 + pairs[0], *pairs[1:])  # type: ignore[arg-type]  # noqa: DTZ001
        except ValueError:
            self.malformed(name)
            return None
        if pairs[0] < _FIRST_YEAR:
            self.malformed(name)
            return None
        return moment


def read_fields(named: Fields, findings: list[Finding]) -> SessionFields:
    """Read the signed fields; what is doubtful about them is added to ``findings``.

    Args:
        named: Fields of the signed text. Of a repeated one the last is read, as the official reader does.
        findings: Where to report.
    """
    reader = _Reader(dict(named), findings)
    _completeness(named, reader)
    start, stop, duration_s = reader.local_time("ST"), reader.local_time("CT"), _duration(reader)
    time_valid = reader.flag("TV")
    if time_valid and start and stop and duration_s is not None:
        duration_s = _agreed(stop - start, duration_s, findings)
    status = _clock(time_valid)
    begin = Reading(
        index=0,
        where="/ST",
        role=ReadingRole.BEGIN,
        reason="start",
        value="0",
        unit="kWh",
        energy_kwh=Decimal("0.000"),
        obis=REGISTER,
        time_text=start.isoformat() if start else None,
        time_status=status,
        seconds_index=0 if duration_s is not None else None,
    )
    readings = (begin, _end(reader, stop, status, duration_s, time_valid=time_valid))
    user, session = _session(reader)
    counter = reader.matched("CSC", _COUNTER)
    key = reader.values.get("PK") or None
    if key is None or not _POINT.fullmatch(key):
        reader.malformed("PK")
    return SessionFields(
        meter=_meter(reader),
        gateway=Device(),
        identification=user,
        pagination=Pagination("", int(counter[0])) if counter else None,
        session=session,
        readings=readings,
        key=key,
        refusals=tuple(dict.fromkeys(reader.refusals)),
    )


def _completeness(named: Fields, reader: _Reader) -> None:
    names = [name for name, _ in named]
    for name in ORDER:
        if name not in reader.values:
            reader.findings.append(problem(PcdfCode.FIELD_MISSING, f"/{name}", field=name))
            reader.refusals.append(_REFUSED + "data.missing")
    repeated = [name for name, count in Counter(names).items() if count > 1]
    for name in repeated[:MAX_REPORTED]:
        reader.findings.append(problem(PcdfCode.FIELD_REPEATED, f"/{name[:8]}", field=name[:8]))
    unknown = sorted(set(names).difference(ORDER))
    if unknown:
        reader.findings.append(note(PcdfCode.FIELDS_UNKNOWN, "", names=", ".join(unknown)[:100]))
    known = [name for name in dict.fromkeys(names) if name in ORDER]
    if known != [name for name in ORDER if name in reader.values]:
        reader.findings.append(warning(PcdfCode.FIELD_ORDER))


def _duration(reader: _Reader) -> int | None:
    found = reader.matched("CD", _DURATION, Severity.WARNING)
    return int(found[1]) * 3600 + int(found[2]) * 60 + int(found[3]) if found else None


def _agreed(span: timedelta, duration_s: int, findings: list[Finding]) -> int | None:
    """Return the signed duration if the signed times tell the same one; two that differ are none."""
    between_s = span.days * 86_400 + span.seconds
    if abs(between_s - duration_s) <= DURATION_TOLERANCE_S:
        return duration_s
    findings.append(warning(PcdfCode.DURATION_DIFFERS, "/CD", duration=duration_s, between=between_s))
    return None


def _clock(time_valid: bool | None) -> ClockStatus:
    """TV says only that the clock was set. What it was set by, and in which zone, nobody signs."""
    return ClockStatus.INFORMATIVE if time_valid else ClockStatus.UNKNOWN


def _end(
    reader: _Reader,
    stop: datetime | None,
    status: ClockStatus,
    duration_s: int | None,
    *,
    time_valid: bool | None,
) -> Reading:
    """Return the reading at CT; it ends the session only if SP says so."""
    energy = reader.matched("RV", _ENERGY)
    amount, _, unit = reader.values.get("RV", "").partition("*")
    billing_allowed, stopped = reader.flag("BV"), reader.flag("SP")
    flags = []
    if billing_allowed is False:
        flags.append(StatusFlag(str(PcdfFlagCode.BILLING_FORBIDDEN), Severity.ERROR))
        reader.refusals.append(_REFUSED + _KEYS["BV"])
    if time_valid is False:
        flags.append(StatusFlag(str(PcdfFlagCode.TIME_NOT_VALID), Severity.WARNING))
    if stopped is False:
        reader.findings.append(problem(PcdfCode.STOP_MISSING, "/SP"))
        reader.refusals.append(_REFUSED + _KEYS["SP"])
    return Reading(
        index=1,
        where="/CT",
        role=ReadingRole.END if stopped else ReadingRole.INTERMEDIATE,
        reason="stop" if stopped else "current",
        value=amount[:40] or None,
        unit=unit[:20] or None,
        energy_kwh=Decimal(energy[1]) if energy else None,
        obis=REGISTER,
        time_text=stop.isoformat() if stop else None,
        time_status=status,
        status_word=" ".join(f"{name}:{reader.values.get(name, '?')[:4]}" for name in ("TV", "BV", "SP")),
        status_flags=tuple(flags),
        seconds_index=duration_s,
    )


def _session(reader: _Reader) -> tuple[Identification, str | None]:
    """Read ``id*type*transaction``."""
    found = reader.matched("SI", _SESSION)
    if found is None or not found[0].isprintable():
        if found is not None:
            reader.malformed("SI")
        return Identification(), None
    kind = _USER_TYPES.get(found[2])
    if kind is None:
        reader.findings.append(warning(PcdfCode.USER_TYPE_UNKNOWN, "/SI", type=found[2]))
    return Identification(type=kind, data=found[1]), found[3]


def _meter(reader: _Reader) -> Device:
    """Serial HW, firmware checksum CS, model by DT."""
    for name, length in (("HW", 11), ("CS", 8)):
        if len(reader.values.get(name, "")) != length:
            reader.malformed(name, Severity.WARNING)
    kind = reader.values.get("DT", "")
    if kind and kind not in _METER_TYPES:
        if _COUNTER.fullmatch(kind):
            reader.findings.append(note(PcdfCode.METER_TYPE_UNKNOWN, "/DT", type=kind))
        else:
            reader.malformed("DT", Severity.WARNING)
    return Device(
        model=_METER_TYPES.get(kind),
        serial=reader.values.get("HW") or None,
        firmware=reader.values.get("CS") or None,
    )
