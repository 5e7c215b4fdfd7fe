"""Profile ``safe-1.4.1``: what the official program compares in formats other than OCMF.

Source: facts/meter/safe_formats.md §3 (EDL40), §5 (EDL40 in XML), §6 (Mennekes), §7 (Alfen); ISA and PCDF pairs are
compared in nothing. What a format is asked, and in which order, its :class:`~eichrecht.evidence.Traits` say.
"""

from __future__ import annotations

from eichrecht.evidence import OfficialCheck, Reading, Severity, SignedRecord

_PREFIX = "app.verify.law.conform."


def failed_status(record: SignedRecord) -> str | None:
    """Return the program's key if the status word of a reading reports an error (Alfen)."""
    if OfficialCheck.STATUS not in (record.traits.official or ()):
        return None
    flags = [flag for reading in record.readings for flag in reading.status_flags]
    if any(flag.severity is Severity.ERROR for flag in flags):
        return "app.verify.alfen.status.metererroroccurred"
    return None


def failed_pair(
    begin: SignedRecord, end: SignedRecord, start: Reading | None, stop: Reading | None
) -> str | None:
    """Return the program's key of the first comparison that fails between two records of one format."""
    for check in begin.traits.official or ():
        key = _failed(check, begin, end, start, stop)
        if key is not None:
            return key
    return None


def _failed(
    check: OfficialCheck, begin: SignedRecord, end: SignedRecord, start: Reading | None, stop: Reading | None
) -> str | None:
    if check is OfficialCheck.REFUSED_PAIR:
        return "app.verify.mennekes.law.conform.compare"
    failed, name = {
        OfficialCheck.SESSION: (begin.session != end.session, "session.id.differs"),
        OfficialCheck.CUSTOMER: (_customer(begin) != _customer(end), "customer.id.differs"),
        OfficialCheck.LOGBOOK: (_counter(start) != _counter(stop), "logbook.differs"),
        OfficialCheck.PAGINATION: (not _increases(begin, end), "pagination.wrong"),
        OfficialCheck.METER: (_decreases(start, stop), "meter.wrong"),
    }.get(check, (False, ""))
    return _PREFIX + name if failed else None


def failed_ends(record: SignedRecord, start: Reading, stop: Reading) -> str | None:
    """Return the program's key if begin and end of one record (Mennekes) do not fit each other."""
    for check in record.traits.official or ():
        if check is OfficialCheck.PAGINATION and not _numbers_increase(start, stop):
            return _PREFIX + "pagination.wrong"
        if check is OfficialCheck.METER and _decreases(start, stop):
            return _PREFIX + "meter.wrong"
    return None


def _numbers_increase(start: Reading, stop: Reading) -> bool:
    if start.record_number is None or stop.record_number is None:
        return True  # one number for both: nothing to compare (ISA-EDL-40P)
    return start.record_number < stop.record_number


def _customer(record: SignedRecord) -> tuple[object, ...]:
    """What the program takes for the customer's id; a mark that our decoding took off it stands in the flags."""
    return record.identification.data, record.identification.flags


def _counter(reading: Reading | None) -> int | None:
    return None if reading is None else reading.event_counter


def _increases(begin: SignedRecord, end: SignedRecord) -> bool:
    if begin.pagination is None or end.pagination is None:
        return False
    return begin.pagination.number < end.pagination.number


def _decreases(start: Reading | None, stop: Reading | None) -> bool:
    if start is None or stop is None or start.energy_kwh is None or stop.energy_kwh is None:
        return True
    return start.energy_kwh > stop.energy_kwh
