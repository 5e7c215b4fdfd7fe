"""The older 320 bytes of EDL40 meters: no record number, no operating seconds, the register signed by itself first.

Layout: facts/meter/safe_formats.md §3a. secp192r1 only. The signature over the register alone is part of the signed
bytes, so one signature covers everything.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from eichrecht.evidence import Finding, PaginationRule, Reading, ReadingRole
from eichrecht.formats._edl40 import (
    BUFFER_BYTES,
    CONTRACT_ID_BYTES,
    EDL40_TRAITS,
    LOG_BOOK_BYTES,
    SERVER_ID_BYTES,
    UNIT_WATT_HOUR,
    Edl40Fields,
    edl40_findings,
    get_field,
    put_field,
    register_reading,
)

VALUE_SIGNATURE_BYTES = 50
SIGNED_REGISTER = bytes.fromhex("0100011100FF")

OLD_TRAITS = replace(EDL40_TRAITS, pagination=PaginationRule.NONE)
"""As the newer ones, but without a record number."""

OFFICIAL_REFUSAL = "error.sml.missing.secondsindex"
"""What the official program says to every such record."""


@dataclass(frozen=True, slots=True)
class OldFields:
    """The fields; as in :class:`~eichrecht.formats._edl40.Edl40Fields`.

    Attributes:
        value_signature: 48 bytes signature of the register and 2 bytes log book.
        rest: Bytes 215 to 319, zero in every real record.
    """

    server_id: bytes
    time_local_s: int
    status: int
    obis: bytes
    unit: int
    scaler: int
    value: int
    log_book: bytes
    value_signature: bytes
    contract_id: bytes
    contract_time_local_s: int
    rest: bytes = b"\0" * 105


_LAYOUT: tuple[tuple[str, int, int, str], ...] = (
    ("server_id", 0, SERVER_ID_BYTES, "b"),
    ("time_local_s", 10, 4, "u"),
    ("status", 14, 1, "u"),
    ("obis", 15, 6, "b"),
    ("unit", 21, 1, "u"),
    ("scaler", 22, 1, "s"),
    ("value", 23, 8, "s"),
    ("log_book", 31, LOG_BOOK_BYTES, "b"),
    ("value_signature", 33, VALUE_SIGNATURE_BYTES, "b"),
    ("contract_id", 83, CONTRACT_ID_BYTES, "p"),
    ("contract_time_local_s", 211, 4, "u"),
    ("rest", 215, 105, "b"),
)


def old_buffer(fields: OldFields) -> bytes:
    """Return the 320 bytes for these fields.

    Raises:
        MalformedRecordError: ``edl40_field_out_of_range``.
    """
    return b"".join(put_field(getattr(fields, name), name, length, kind) for name, _, length, kind in _LAYOUT)


def read_old_buffer(buffer: bytes) -> OldFields:
    """Return the fields of 320 signed bytes; the caller has checked their length."""
    values = {name: get_field(buffer, offset, length, kind) for name, offset, length, kind in _LAYOUT}
    return OldFields(**values)  # type: ignore[arg-type]  # the layout names every field with its kind


def is_old_buffer(buffer: bytes) -> bool:
    """Whether 320 bytes have the register and its unit where only the older layout has them."""
    newer = buffer[23:29] == SIGNED_REGISTER and buffer[29] == UNIT_WATT_HOUR
    older = buffer[15:21] == SIGNED_REGISTER and buffer[21] == UNIT_WATT_HOUR
    return len(buffer) == BUFFER_BYTES and older and not newer


def old_readings(fields: OldFields) -> tuple[Reading, ...]:
    """Return the signed register; nothing says whether it is a begin or an end."""
    return (
        register_reading(
            index=0, where="/value", role=ReadingRole.UNKNOWN, obis=fields.obis, value=fields.value,
            scaler=fields.scaler, unit=fields.unit, time_local_s=fields.time_local_s, status=fields.status,
            log_book=fields.log_book,
        ),
    )  # fmt: skip


def old_findings(fields: OldFields) -> tuple[Finding, ...]:
    """Return what must be said about the signed bytes; as of the newer layout."""
    same = Edl40Fields(
        fields.server_id, fields.time_local_s, fields.status, 0, 0, fields.obis, fields.unit, fields.scaler,
        fields.value, fields.log_book, fields.contract_id, fields.contract_time_local_s,
        rest=fields.rest,
    )  # fmt: skip
    return edl40_findings(same)
