"""Simulated EDL40 meters: what they sign, and the SML telegrams in which they send it.

Independent of the code it tests: bytes are laid out here from the description of the formats alone.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sample_meters.keys import sample_key

Variant = Literal["narrow", "wide", "old"]
"""secp192r1 with record number; secp256r1 with line-loss compensation; the older layout without numbers."""

CURVES = {"narrow": "secp192r1", "wide": "secp256r1", "old": "secp192r1", "isa": "secp256r1"}
BEGIN = datetime(2025, 3, 4, 17, 31, 8)  # noqa: DTZ001 - the meter signs its local time, no zone
END = BEGIN + timedelta(hours=1, minutes=3, seconds=51)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - as above
_START, _ESCAPE = bytes.fromhex("1b1b1b1b01010101"), bytes.fromhex("1b1b1b1b")
ABSENT = b"\x01"
END_OF_MESSAGE = b"\x00"


def local_seconds(local: datetime | None) -> int:
    """Return local seconds since 1970; all ones for a clock that was never set."""
    return 0xFFFFFFFF if local is None else (local - _EPOCH) // timedelta(seconds=1)


@dataclass(frozen=True)
class Values:
    """What an EDL40 meter signs at one end of a session, and what its telegram carries.

    Attributes:
        local: Local time; ``None`` if the clock was never set.
        word: Status word; what of it is signed depends on the variant.
        value: Register in units of ten to ``scaler`` of ``unit`` (30 = Wh).
        log: Two bytes log book.
        compensated: Session register with line losses subtracted (wide only).
        resistance: Of the compensation (wide only).
    """

    serial: str = "0901534D500012345678"
    local: datetime | None = BEGIN
    word: int = 0x000108
    seconds: int = 7_300_211
    page: int = 801
    register: str = "0100011100FF"
    unit: int = 30
    scaler: int = -1
    value: int = 1_204_331
    log: bytes = b"\x00\x19"
    contract: bytes = b"SMP-7712"
    contract_local: datetime | None = BEGIN - timedelta(seconds=2)
    compensated: int = 0
    resistance: int = 0

    @property
    def wide_status(self) -> int:
        """Status byte that the 256-bit meters sign, picked from the long word."""
        picked = {17: 0, 31: 3, 16: 4, 11: 5, 9: 6, 8: 7}
        return sum(1 << low for high, low in picked.items() if self.word & 1 << high)

    def buffer(self, variant: Variant) -> bytes:
        """Return the 320 bytes of the newer layout."""
        status = self.wide_status if variant == "wide" else self.word & 0xFF
        head = struct.pack(
            "<10sIBII6sBbq2s128sI", bytes.fromhex(self.serial), local_seconds(self.local), status, self.seconds,
            self.page, bytes.fromhex(self.register), self.unit, self.scaler, self.value, self.log, self.contract,
            local_seconds(self.contract_local),
        )  # fmt: skip
        tail = struct.pack("<qqHI", self.compensated, self.compensated, self.resistance, 0)
        return (head + tail).ljust(320, b"\0")

    def old_head(self) -> bytes:
        """Return the first 33 bytes of the older layout: the register by itself."""
        return struct.pack(
            "<10sIB6sBbq2s", bytes.fromhex(self.serial), local_seconds(self.local), self.word & 0xFF,
            bytes.fromhex(self.register), self.unit, self.scaler, self.value, self.log,
        )  # fmt: skip

    def old_value_signature(self, key_label: str) -> bytes:
        """Return the signature of the register alone, log book included."""
        return sign("old", key_label, self.old_head().ljust(48, b"\0")) + self.log

    def old_buffer(self, key_label: str) -> bytes:
        """Return the 320 bytes of the older layout."""
        contract = struct.pack("<128sI", self.contract, local_seconds(self.contract_local))
        return (self.old_head() + self.old_value_signature(key_label) + contract).ljust(320, b"\0")

    def signature(self, variant: Variant, key_label: str) -> bytes:
        """Return r‖s and the two bytes log book."""
        signed = self.old_buffer(key_label) if variant == "old" else self.buffer(variant)
        return sign(variant, key_label, signed) + self.log


def sign(variant: str, key_label: str, signed: bytes) -> bytes:
    """Return r‖s over SHA-256 of ``signed``."""
    width = 32 if CURVES[variant] == "secp256r1" else 24
    r, s = sample_key(CURVES[variant], key_label).sign(signed)
    return r.to_bytes(width, "big") + s.to_bytes(width, "big")


# --- SML


def octets(value: bytes) -> bytes:
    """Return an octet string; longer than 14 bytes takes two length bytes."""
    if len(value) + 1 < 16:
        return bytes((len(value) + 1,)) + value
    length = len(value) + 2
    return bytes((0x80 | length >> 4, length & 0x0F)) + value


def unsigned(value: int, width: int) -> bytes:
    """Return an unsigned integer of ``width`` bytes."""
    return bytes((0x60 | width + 1,)) + value.to_bytes(width, "big")


def signed(value: int, width: int) -> bytes:
    """Return a signed integer of ``width`` bytes."""
    return bytes((0x50 | width + 1,)) + value.to_bytes(width, "big", signed=True)


def several(*members: bytes) -> bytes:
    """Return a list."""
    return bytes((0x70 | len(members),)) + b"".join(members)


def timestamp(local: datetime | None, offset_min: int, season_min: int) -> bytes:
    """Return a local timestamp: universal seconds and two offsets."""
    universal = 0xFFFFFFFF if local is None else local_seconds(local) - 60 * (offset_min + season_min)
    return several(
        unsigned(3, 1), several(unsigned(universal, 4), signed(offset_min, 2), signed(season_min, 2))
    )


def entry(
    name: str, value: bytes, *, status: bytes = ABSENT, time: bytes = ABSENT, unit: bytes = ABSENT,
    scaler: bytes = ABSENT, signature: bytes = ABSENT,
) -> bytes:  # fmt: skip
    """Return one entry of a value list."""
    return several(octets(bytes.fromhex(name)), status, time, unit, scaler, value, signature)


def value_list(serial: str, list_name: str, entries: Sequence[bytes], signature: bytes) -> bytes:
    """Return the content of a GetList response."""
    body = several(*entries)
    return several(
        ABSENT, octets(bytes.fromhex(serial)), octets(bytes.fromhex(list_name)),
        several(unsigned(1, 1), unsigned(7_300_211, 4)), body, octets(signature), ABSENT,
    )  # fmt: skip


def message(number: int, tag: int, content: bytes) -> bytes:
    """Return one message with its own checksum."""
    body = several(unsigned(tag, 2), content)
    start = bytes((0x76,)) + octets(number.to_bytes(4, "big")) + unsigned(0, 1) + unsigned(0, 1) + body
    return start + unsigned(crc16(start), 2) + END_OF_MESSAGE


def frame(*lists: bytes, serial: str) -> bytes:
    """Return a whole telegram: open response, value lists, close response."""
    opened = several(
        ABSENT, octets(b"smpl"), octets(b"\0\0\0\x01"), octets(bytes.fromhex(serial)), ABSENT, ABSENT
    )
    messages = [message(1, 0x0101, opened)]
    messages += [message(2 + number, 0x0701, content) for number, content in enumerate(lists)]
    messages.append(message(99, 0x0201, several(ABSENT)))
    body = b"".join(messages)
    escaped = body.replace(_ESCAPE, _ESCAPE + _ESCAPE)
    fill = -len(escaped) % 4
    start = _START + escaped + b"\0" * fill + _ESCAPE + bytes((0x1A, fill))
    return start + crc16(start).to_bytes(2, "little")


def crc16(data: bytes) -> int:
    """Return the CRC-16/X.25, bit by bit."""
    crc = 0xFFFF
    for octet in data:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x8408 if crc & 1 else 0)
    return crc ^ 0xFFFF
