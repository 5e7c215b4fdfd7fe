"""The 320 bytes that EDL40 meters sign, shared by every format that carries or rebuilds them.

Layout and meaning: facts/meter/safe_formats.md §3 and §5, facts/meter/containers.md §3.4. All integers are
little-endian but the price; what is not used is zero. Nothing in here knows how a format transports the fields.

Whoever rebuilds the buffer reads its readings *from the buffer* (:func:`read_edl40_buffer`, :func:`edl40_readings`),
never from the transport: so nothing can be shown that the signature does not cover.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from eichrecht.evidence import (
    ClockStatus,
    Device,
    Finding,
    Identification,
    LossCompensation,
    OfficialCheck,
    PaginationRule,
    Reading,
    ReadingRole,
    Severity,
    StatusFlag,
    Traits,
    note,
    problem,
)
from eichrecht.formats.errors import MalformedRecordError

BUFFER_BYTES = 320
SERVER_ID_BYTES = 10
CONTRACT_ID_BYTES = 128
LOG_BOOK_BYTES = 2
CLOCK_NOT_SET = 0xFFFF_FFFF
"""A timestamp of all ones: the meter's clock was never set (safe_formats.md §11)."""

UNIT_WATT_HOUR = 30
"""DLMS unit code of Wh; these meters sign no other energy."""

_UNIT_NAMES = {27: "W", 28: "VA", 29: "var", UNIT_WATT_HOUR: "Wh", 31: "VAh", 32: "varh", 7: "s", 38: "Ohm"}
"""DLMS units, enough to say what a record holds instead of energy."""

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local time of an unknown zone: that is what is signed

_MAX_SCALER = 12
"""Largest magnitude of a scaler that is taken for one: real meters use -1 to 3; -4 is the finest seen anywhere."""


class Edl40ErrorCode(StrEnum):
    """Why the 320 bytes cannot be built or read."""

    FIELD_OUT_OF_RANGE = "edl40_field_out_of_range"
    BUFFER_LENGTH = "edl40_buffer_length"


class Edl40Code(StrEnum):
    """Findings about the content of the 320 bytes, and the bits of their status byte."""

    UNIT_NOT_WATT_HOUR = "edl40_unit_not_watt_hour"
    SCALER_IMPLAUSIBLE = "edl40_scaler_implausible"
    REST_NOT_EMPTY = "edl40_rest_not_empty"
    CONTRACT_NOT_PADDED = "edl40_contract_not_padded"
    STATUS_ERROR = "edl40_status_error"
    STATUS_SYNCHRONOUS = "edl40_status_synchronous_transmission"
    STATUS_RESERVED = "edl40_status_reserved"
    STATUS_CLOCK_SYNCHRONOUS = "edl40_status_clock_synchronous"
    STATUS_REVERSE_LOCK = "edl40_status_reverse_lock"
    STATUS_EXPORT = "edl40_status_export"
    STATUS_MAGNETIC_FIELD = "edl40_status_magnetic_field"
    STATUS_NO_LOAD = "edl40_status_bit_7"


STATUS_BITS: tuple[tuple[int, StatusFlag], ...] = (
    (0x01, StatusFlag(Edl40Code.STATUS_ERROR, Severity.ERROR)),
    (0x02, StatusFlag(Edl40Code.STATUS_SYNCHRONOUS, Severity.NOTE)),
    (0x04, StatusFlag(Edl40Code.STATUS_RESERVED, Severity.NOTE)),
    (0x08, StatusFlag(Edl40Code.STATUS_CLOCK_SYNCHRONOUS, Severity.NOTE)),
    (0x10, StatusFlag(Edl40Code.STATUS_REVERSE_LOCK, Severity.NOTE)),
    (0x20, StatusFlag(Edl40Code.STATUS_EXPORT, Severity.WARNING)),
    (0x40, StatusFlag(Edl40Code.STATUS_MAGNETIC_FIELD, Severity.ERROR)),
    (0x80, StatusFlag(Edl40Code.STATUS_NO_LOAD, Severity.NOTE)),
)
"""Status byte of the EMH eHZ (containers.md §3.4). An error and a foreign magnetic field void the value: whoever
holds a magnet to a meter changes what it counts. Bit 7 stands only in the 256-bit variant (safe_formats.md §3)."""

EDL40_TRAITS = Traits(
    roles_signed=False,
    pagination=PaginationRule.CONSECUTIVE,
    official=(
        OfficialCheck.LOGBOOK,
        OfficialCheck.CUSTOMER,
        OfficialCheck.PAGINATION,
        OfficialCheck.METER,
    ),
)
"""Nothing in the 320 bytes says whether a reading is a session's begin or end; official order: §3, law check.
In every pair that is known the end has the number after the begin's: a gap means records that are not at hand."""


@dataclass(frozen=True, slots=True)
class Edl40Fields:
    """The fields of the 320 bytes, at the offsets of safe_formats.md §3.

    Attributes:
        server_id: 10 bytes, the meter.
        time_local_s: Local seconds since 1970 of a zone that is not signed; :data:`CLOCK_NOT_SET` if unset.
        status: Status byte, see :data:`STATUS_BITS`.
        seconds_index: Operating seconds of the meter.
        pagination: Record number.
        obis: 6 bytes, the signed register.
        unit: DLMS unit code.
        scaler: Power of ten, signed.
        value: Register value, signed.
        log_book: 2 bytes, the last two of the list signature, as they are.
        contract_id: Up to 128 bytes without the zeros behind them.
        contract_time_local_s: When the contract was set; local seconds as above.
        historical_value: Register of the session without compensation; 0 if the meter has none.
        historical_compensated: The same with line losses subtracted; 0 if the meter has none.
        line_resistance: Of the compensation; 0 if nothing is compensated.
        stopwatch: Seconds of a stopwatch.
        price: As signed, of unknown unit.
        rest: Bytes 197 to 319, zero in every real record.
    """

    server_id: bytes
    time_local_s: int
    status: int
    seconds_index: int
    pagination: int
    obis: bytes
    unit: int
    scaler: int
    value: int
    log_book: bytes
    contract_id: bytes
    contract_time_local_s: int
    historical_value: int = 0
    historical_compensated: int = 0
    line_resistance: int = 0
    stopwatch: int = 0
    price: int = 0
    rest: bytes = b"\0" * 123


# Field, offset, length, kind: b bytes, p bytes padded with zeros, u unsigned, s signed, B big-endian unsigned.
_LAYOUT: tuple[tuple[str, int, int, str], ...] = (
    ("server_id", 0, SERVER_ID_BYTES, "b"),
    ("time_local_s", 10, 4, "u"),
    ("status", 14, 1, "u"),
    ("seconds_index", 15, 4, "u"),
    ("pagination", 19, 4, "u"),
    ("obis", 23, 6, "b"),
    ("unit", 29, 1, "u"),
    ("scaler", 30, 1, "s"),
    ("value", 31, 8, "s"),
    ("log_book", 39, LOG_BOOK_BYTES, "b"),
    ("contract_id", 41, CONTRACT_ID_BYTES, "p"),
    ("contract_time_local_s", 169, 4, "u"),
    ("historical_value", 173, 8, "s"),
    ("historical_compensated", 181, 8, "s"),
    ("line_resistance", 189, 2, "u"),
    ("stopwatch", 191, 4, "u"),
    ("price", 195, 2, "B"),
    ("rest", 197, 123, "b"),
)


def edl40_buffer(fields: Edl40Fields) -> bytes:
    """Return the 320 bytes for these fields.

    Raises:
        MalformedRecordError: ``edl40_field_out_of_range``: a field does not fit its place. ``where`` is its name.
    """
    return b"".join(put_field(getattr(fields, name), name, length, kind) for name, _, length, kind in _LAYOUT)


def put_field(value: int | bytes, name: str, length: int, kind: str) -> bytes:
    """Return one field of a signed buffer.

    Args:
        value: Number, or bytes.
        name: Its name, for the error.
        length: Bytes that it takes.
        kind: ``b`` bytes of exactly that length, ``p`` padded with zeros, ``u`` unsigned and ``s`` signed
            little-endian, ``B`` unsigned big-endian.

    Raises:
        MalformedRecordError: ``edl40_field_out_of_range``.
    """
    if isinstance(value, bytes):
        fits = len(value) <= length if kind == "p" else len(value) == length
        if fits:
            return value.ljust(length, b"\0")
    else:
        try:
            return value.to_bytes(length, "big" if kind == "B" else "little", signed=kind == "s")
        except OverflowError:
            pass
    params = {"field": name, "bytes": str(length)}
    raise MalformedRecordError(Edl40ErrorCode.FIELD_OUT_OF_RANGE, f"/{name}", params)


def get_field(buffer: bytes, offset: int, length: int, kind: str) -> int | bytes:
    """Return one field of a signed buffer; the opposite of :func:`put_field`."""
    octets = buffer[offset : offset + length]
    if kind == "b":
        return octets
    if kind == "p":
        return octets.rstrip(b"\0")
    return int.from_bytes(octets, "big" if kind == "B" else "little", signed=kind == "s")


def read_edl40_buffer(buffer: bytes) -> Edl40Fields:
    """Return the fields of 320 signed bytes; every byte of them is in one of the fields.

    Raises:
        MalformedRecordError: ``edl40_buffer_length``: not 320 bytes.
    """
    if len(buffer) != BUFFER_BYTES:
        params = {"bytes": str(len(buffer)), "expected": str(BUFFER_BYTES)}
        raise MalformedRecordError(Edl40ErrorCode.BUFFER_LENGTH, "", params)
    values = {name: get_field(buffer, offset, length, kind) for name, offset, length, kind in _LAYOUT}
    return Edl40Fields(**values)  # type: ignore[arg-type]  # the layout names every field with its kind


def local_seconds(timestamp: int, offset_min: int) -> int:
    """Return what is signed of a time: seconds since 1970 UTC plus its offset, as 4 bytes hold it.

    Args:
        timestamp: Seconds since 1970 UTC.
        offset_min: Sum of local and season offset.
    """
    return (timestamp + 60 * offset_min) & 0xFFFF_FFFF


def local_time_text(local_s: int) -> str | None:
    """Return signed local seconds as ISO 8601 without offset; ``None`` if the clock was never set."""
    return None if local_s == CLOCK_NOT_SET else (_EPOCH + timedelta(seconds=local_s)).isoformat()


def status_flags(status: int) -> tuple[StatusFlag, ...]:
    """Return the set bits of a status byte, decoded."""
    return tuple(flag for bit, flag in STATUS_BITS if status & bit)


def unit_text(unit: int) -> str:
    """Return the name of a DLMS unit code, ``DLMS <code>`` if it is no usual one."""
    return _UNIT_NAMES.get(unit, f"DLMS {unit}")


def energy_of(value: int, scaler: int, unit: int) -> tuple[str, Decimal | None]:
    """Return a register value as written (value times ten to the scaler) and in kWh.

    Returns:
        Its digits in the record's unit, and the energy in kWh; ``None`` if the unit is no energy or the scaler
        is no real one.
    """
    if abs(scaler) > _MAX_SCALER:
        return f"{value}E{scaler}", None
    number = Decimal(value).scaleb(scaler)
    return f"{number:f}", number.scaleb(-3) if unit == UNIT_WATT_HOUR else None


def register_reading(
    *, index: int, where: str, role: ReadingRole, obis: bytes, value: int, scaler: int, unit: int,
    time_local_s: int, status: int, log_book: bytes, seconds_index: int | None = None,
) -> Reading:  # fmt: skip
    """Return one signed register as a reading.

    Its time is the local time that is signed; the zone is not, so :attr:`Reading.time` stays ``None``. The clock
    is informative: the meter's word that it was synchronous does not say by whom (facts/law/rules.md §5).
    """
    text, energy_kwh = energy_of(value, scaler, unit)
    time_text = local_time_text(time_local_s)
    return Reading(
        index=index,
        where=where,
        role=role,
        value=text,
        unit=unit_text(unit),
        energy_kwh=energy_kwh,
        obis=obis.hex().upper(),
        time_text=time_text,
        time_status=ClockStatus.UNKNOWN if time_text is None else ClockStatus.INFORMATIVE,
        event_counter=int.from_bytes(log_book, "big"),
        status_word=f"{status:02X}",
        status_flags=status_flags(status),
        seconds_index=seconds_index,
    )


OBIS_COMPENSATED = bytes.fromhex("0100011100C8")
"""Name under which the meter transmits the compensated session register; its place in the buffer implies it."""


def edl40_readings(
    fields: Edl40Fields, *, role: ReadingRole = ReadingRole.UNKNOWN, where: str = "/value"
) -> tuple[Reading, ...]:
    """Return the signed register, and the compensated one where the meter compensates line losses.

    Args:
        fields: Of the buffer that was signed.
        role: What the format says of the reading; mostly nothing.
        where: Place of the register in the record.
    """
    registers = [(where, fields.obis, fields.value)]
    if fields.historical_compensated or fields.line_resistance:
        registers.append((f"{where}/compensated", OBIS_COMPENSATED, fields.historical_compensated))
    return tuple(
        register_reading(
            index=index, where=place, role=role, obis=obis, value=value, scaler=fields.scaler, unit=fields.unit,
            time_local_s=fields.time_local_s, status=fields.status, log_book=fields.log_book,
            seconds_index=fields.seconds_index,
        )
        for index, (place, obis, value) in enumerate(registers)
    )  # fmt: skip


def compensation_of(fields: Edl40Fields) -> LossCompensation | None:
    """Return the line resistance by which the meter compensates; its unit is not signed."""
    if not fields.line_resistance:
        return None
    return LossCompensation(resistance=Decimal(fields.line_resistance))


def contract_text(contract_id: bytes) -> str | None:
    """Return a contract id for people: its text if it is printable ASCII, else upper-case hex; ``None`` if empty."""
    if not contract_id:
        return None
    if all(0x20 <= octet < 0x7F for octet in contract_id):
        return contract_id.decode("ascii")
    return contract_id.hex().upper()


def device_of(server_id: bytes) -> Device:
    """Return the meter that a server id names: its hex digits, and the maker's three letters if they are letters."""
    maker = server_id[2:5]
    vendor = maker.decode("ascii") if maker.isalpha() and maker.isupper() else None
    return Device(vendor=vendor, serial=server_id.hex().upper())


def identification_of(contract_id: bytes) -> Identification:
    """Return the user assignment that a contract id makes."""
    return Identification(data=contract_text(contract_id))


def edl40_findings(fields: Edl40Fields, where: str = "/value") -> tuple[Finding, ...]:
    """Return what must be said about the signed bytes whatever their transport.

    ``error``: not energy, or a scaler that no meter has, so nobody can rely on the value.
    """
    findings: list[Finding] = []
    if fields.unit != UNIT_WATT_HOUR:
        findings.append(problem(Edl40Code.UNIT_NOT_WATT_HOUR, where, unit=unit_text(fields.unit)))
    if abs(fields.scaler) > _MAX_SCALER:
        findings.append(problem(Edl40Code.SCALER_IMPLAUSIBLE, where, scaler=fields.scaler))
    if b"\0" in fields.contract_id:
        findings.append(note(Edl40Code.CONTRACT_NOT_PADDED, "/contract_id"))
    if any(fields.rest):
        findings.append(note(Edl40Code.REST_NOT_EMPTY, "/rest"))
    return tuple(findings)
