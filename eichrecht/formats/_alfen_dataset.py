"""The 82 signed bytes of an ALFEN record (facts/meter/safe_formats.md §7); all numbers little-endian."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from eichrecht.evidence import (
    ClockStatus,
    Device,
    Finding,
    Identification,
    OfficialCheck,
    Pagination,
    PaginationRule,
    Reading,
    ReadingRole,
    Severity,
    StatusFlag,
    Traits,
    problem,
    warning,
)
from eichrecht.formats._alfen_codes import AlfenCode, AlfenStatusCode

_LAYOUT = struct.Struct("<10s 4s 2s 10s I I I 6s B b q 20s I I")
"""Adapter id, its firmware and the firmware's checksum, meter id, status, seconds index, Unix time, OBIS, unit,
scaler, value, user id, session id, record number."""

DATASET_BYTES = _LAYOUT.size

WATT_HOUR = 30
"""DLMS unit code (IEC 62056-6-2)."""

MAX_SCALER = 9
"""Meters count in steps from 10^-4 to 10^3 Wh; a step beyond 10^9 or below 10^-9 is no step of a meter."""

TRAITS = Traits(
    roles_signed=False,
    pagination=PaginationRule.INCREASING,
    official=(
        OfficialCheck.STATUS,
        OfficialCheck.SESSION,
        OfficialCheck.PAGINATION,
        OfficialCheck.METER,
    ),
    official_key_shapes=frozenset({"compressed-hex", "compressed-base64", "compressed-base32"}),
)

_S = AlfenStatusCode
_E, _W = Severity.ERROR, Severity.WARNING
_FLAGS = {
    0: StatusFlag(_S.METER_CLOCK_ERROR, _W),
    1: StatusFlag(_S.METER_MEMORY_ERROR, _E),
    2: StatusFlag(_S.METER_FLASH_ERROR, _E),
    8: StatusFlag(_S.PHASE_1_MISSING, _W),
    9: StatusFlag(_S.PHASE_2_MISSING, _W),
    10: StatusFlag(_S.PHASE_3_MISSING, _W),
    11: StatusFlag(_S.PHASE_ORDER_WRONG, _W),
    16: StatusFlag(_S.ADAPTER_FATAL_ERROR, _E),
    26: StatusFlag(_S.START_READING_MISMATCH, _W),
    30: StatusFlag(_S.ADAPTER_MEMORY_ERROR, _E),
    31: StatusFlag(_S.METER_UNREACHABLE, _E),
}
"""Bits that say that something is wrong; the official program refuses exactly those that are errors here."""

_ROLES = {27: ReadingRole.INTERMEDIATE, 28: ReadingRole.END, 29: ReadingRole.BEGIN}
_REASONS = {
    ReadingRole.BEGIN: "start",
    ReadingRole.END: "stop",
    ReadingRole.INTERMEDIATE: "intermediate",
}
_CLOCK_ERROR = 0
_STATUS_BITS = 32


@dataclass(frozen=True, slots=True)
class Dataset:
    """What the signed bytes say.

    Attributes:
        adapter: Signed for the meter; serial in hexadecimal, firmware with its checksum.
        meter: Serial in hexadecimal.
        identification: The user id.
        pagination: Counts the records of the adapter.
        session: Session id.
        reading: The one reading; its role is ``UNKNOWN`` unless the status word says it.
    """

    adapter: Device
    meter: Device
    identification: Identification
    pagination: Pagination
    session: str
    reading: Reading


def read_dataset(data: bytes, findings: list[Finding]) -> Dataset:
    """Read the dataset; what is doubtful about it is added to ``findings``.

    Args:
        data: Exactly :data:`DATASET_BYTES` bytes.
        findings: Where to report.
    """
    (
        adapter_id,
        firmware,
        checksum,
        meter_id,
        status,
        seconds_index,
        unix_time,
        obis,
        unit,
        scaler,
        value,
        user,
        session,
        page,
    ) = _LAYOUT.unpack(data)
    moment = datetime.fromtimestamp(unix_time, UTC)
    amount = _amount(value, scaler, findings)
    in_wh = unit == WATT_HOUR
    if not in_wh:
        findings.append(problem(AlfenCode.UNIT_NOT_ENERGY, "/dataset/unit", unit=unit))
    role = _signed_role(status, findings)
    reading = Reading(
        index=0,
        where="/dataset",
        role=role,
        reason=_REASONS.get(role),
        value=str(value) if amount is None else f"{amount:f}",
        unit="Wh" if in_wh else f"DLMS {unit}",
        energy_kwh=amount.scaleb(-3) if amount is not None and in_wh else None,
        obis=obis.hex().upper(),
        time=moment,
        time_text=moment.isoformat(),
        # Nothing signed says that the adapter's clock was synchronised, and in the field it starts at 1970.
        time_status=ClockStatus.UNKNOWN if status >> _CLOCK_ERROR & 1 else ClockStatus.INFORMATIVE,
        status_word=data[26:30].hex().upper(),
        status_flags=_flags(status),
        seconds_index=seconds_index,
    )
    return Dataset(
        adapter=Device(serial=adapter_id.hex().upper(), firmware=_firmware(firmware, checksum, findings)),
        meter=Device(serial=meter_id.hex().upper()),
        identification=Identification(data=_user(user, findings)),
        pagination=Pagination("", page),
        session=str(session),
        reading=reading,
    )


def _amount(value: int, scaler: int, findings: list[Finding]) -> Decimal | None:
    """Return the value in its unit, exact and without exponent; ``None`` if the scaler is none of a meter."""
    if abs(scaler) > MAX_SCALER:
        findings.append(problem(AlfenCode.SCALER_OUT_OF_RANGE, "/dataset/scaler", scaler=scaler))
        return None
    return Decimal(value * 10 ** max(scaler, 0)).scaleb(min(scaler, 0))


def _flags(status: int) -> tuple[StatusFlag, ...]:
    bits = [bit for bit in range(_STATUS_BITS) if status >> bit & 1]
    flags = [_FLAGS[bit] for bit in bits if bit in _FLAGS]
    if any(bit not in _FLAGS and bit not in _ROLES for bit in bits):
        flags.append(StatusFlag(_S.BITS_UNKNOWN, _W))
    return tuple(flags)


def _signed_role(status: int, findings: list[Finding]) -> ReadingRole:
    """Return the role that the status word says; the earliest records of the field say none."""
    roles = [role for bit, role in _ROLES.items() if status >> bit & 1]
    if len(roles) > 1:
        findings.append(problem(AlfenCode.ROLE_AMBIGUOUS, "/dataset/status", roles=", ".join(roles)))
    return roles[0] if len(roles) == 1 else ReadingRole.UNKNOWN


def _firmware(version: bytes, checksum: bytes, findings: list[Finding]) -> str:
    shown = version.rstrip(b"\0")
    if not shown.isascii() or not shown.decode("ascii").isprintable():
        findings.append(
            warning(AlfenCode.FIRMWARE_UNREADABLE, "/dataset/firmware", hex=version.hex().upper())
        )
        return f"{version.hex().upper()} {checksum.hex().upper()}"
    return f"{shown.decode('ascii')} {checksum.hex().upper()}"


def _user(field: bytes, findings: list[Finding]) -> str | None:
    """Return the user id: text, padded with zeros at its end.

    What follows a zero, or cannot be shown, reads differently from program to program; it is given in
    hexadecimal, and the record is not relied on.
    """
    text = field.rstrip(b"\0")
    try:
        shown = text.decode("utf-8")
    except UnicodeDecodeError:
        shown = "\0"
    if shown.isprintable():
        return shown or None
    findings.append(problem(AlfenCode.USER_UNREADABLE, "/dataset/user"))
    return field.hex().upper()
