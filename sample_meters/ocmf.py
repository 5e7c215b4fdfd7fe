"""A simulated OCMF meter: writes records as the specification has them, and as the field has them.

Independent of the code it tests: it shares nothing with the decoder but the specification (OCMF 1.4.1).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from typing import Literal

from sample_meters.keys import sample_key
from sample_meters.signatures import SignatureShape, encode_signature

Json = str | bool | int | Decimal | Sequence["Json"] | Mapping[str, "Json"] | None

ClockStatus = Literal["U", "I", "S", "R"]

IMPORT_REGISTER = "01-00:01.08.00*FF"
"""Total import in the spelling of OCMF 1.4."""

LEGACY_REGISTER = "1-b:1.8.0"
"""Total import as real meters still write it."""


def write_json(value: Json, spaced: bool = False) -> str:
    """Write JSON with Decimals as their digits; ``spaced`` as DZG meters do it (``"FV" : "1.0"``)."""
    colon = " : " if spaced else ":"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        members = (f'"{name}"{colon}{write_json(item, spaced)}' for name, item in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(write_json(item, spaced) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "null" if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)


def write_time(moment: datetime, status: str | None) -> str:
    """Write TM: ``2018-07-24T13:22:04,000+0200 S``.

    Raises:
        ValueError: The time is naive.
    """
    if moment.tzinfo is None:
        raise ValueError("a meter's time has a zone")
    text = f"{moment:%Y-%m-%dT%H:%M:%S},{moment.microsecond // 1000:03d}{moment:%z}"
    return text if status is None else f"{text} {status}"


@dataclass(frozen=True)
class SampleReading:
    """One entry of RD. ``None`` leaves a field out, so that it is inherited.

    Attributes:
        value: Register value; its decimals are written as they are.
        moment: Aware time.
        reason: TX.
        register: RI.
        unit: RU.
        clock: Time status letter.
        status: ST.
        error_flags: EF.
        current: RT.
        loss: CL, in ``unit``.
        more: Further members, written last.
    """

    value: Decimal | str | None
    moment: datetime | None
    reason: str | None = None
    register: str | None = IMPORT_REGISTER
    unit: str | None = "kWh"
    clock: ClockStatus | None = "S"
    status: str | None = "G"
    error_flags: str | None = ""
    current: str | None = "AC"
    loss: Decimal | None = None
    more: Mapping[str, Json] = field(default_factory=dict)

    def members(self) -> dict[str, Json]:
        """Return the members in the order of the specification's table."""
        written: dict[str, Json] = {
            "TM": None if self.moment is None else write_time(self.moment, self.clock),
            "TX": self.reason,
            "RV": self.value,
            "RI": self.register,
            "RU": self.unit,
            "RT": self.current,
            "CL": self.loss,
            "EF": self.error_flags,
            "ST": self.status,
        }
        return {name: value for name, value in written.items() if value is not None} | dict(self.more)


@dataclass
class OcmfMeter:
    """A signing meter with its gateway, user assignment and record counter.

    Attributes:
        curve_name: One of the seven curves (``brainpoolP256r1`` is understood too).
        serial: Meter serial number (MS).
        version: FV.
        key_label: Another label is another key.
        page: Number of the next record (PG).
        clock: Status of its clock.
        register, unit: Of the readings it makes itself.
        signature_shape: See :data:`~sample_meters.signatures.SignatureShape`.
        encoding: ``hex`` or ``base64`` (SE).
        spaced: Write the JSON with blanks around colons.
        algorithm_text: SA as written; ``None`` = the table's name.
        head: Further or replacing members of the payload (``IL``, ``TT``, ``LC``, ...); ``None`` removes one.
    """

    curve_name: str
    serial: str = "SAMPLE0001"
    version: str = "1.4"
    key_label: str = "meter"
    page: int = 1
    clock: ClockStatus = "S"
    register: str = IMPORT_REGISTER
    unit: str = "kWh"
    signature_shape: SignatureShape = "der"
    encoding: Literal["hex", "base64"] = "hex"
    spaced: bool = False
    algorithm_text: str | None = None
    head: Mapping[str, Json] = field(default_factory=dict)

    format = "OCMF"

    def public_key_text(self, shape: str = "spki-hex") -> str:
        """Return the public key; shapes as in :data:`sample_meters.keys.KEY_SHAPES`."""
        return sample_key(self.curve_name, self.key_label).text(shape)

    def reading(
        self, value_kwh: Decimal, moment: datetime, reason: str | None, /, **more: object
    ) -> SampleReading:
        """Return a reading of the meter's own register; ``more`` replaces fields of :class:`SampleReading`.

        Args:
            value_kwh: Register value in kWh (written in the meter's unit).
            moment: Aware time.
            reason: TX.
            more: Other fields.
        """
        value = value_kwh if self.unit == "kWh" else value_kwh.scaleb(3)
        made = SampleReading(value, moment, reason, self.register, self.unit, self.clock)
        return replace(made, **more)  # type: ignore[arg-type]  # the caller names fields with their kinds

    def begin_record(self, begin_kwh: Decimal, start: datetime) -> bytes:
        """Return the record made when a session begins."""
        return self.record([self.reading(begin_kwh, start, "B")])

    def end_record(self, end_kwh: Decimal, end: datetime, reason: str = "E") -> bytes:
        """Return the record made when a session ends; ``reason`` is one of E, L, R, A, P."""
        return self.record([self.reading(end_kwh, end, reason)])

    def session_record(
        self,
        begin_kwh: Decimal,
        end_kwh: Decimal,
        start: datetime,
        end: datetime,
        intermediates: Sequence[tuple[Decimal, datetime]] = (),
    ) -> bytes:
        """Return one record that holds a whole session.

        Args:
            begin_kwh, end_kwh: Register values in kWh.
            start, end: Aware times.
            intermediates: Register values in kWh with their times.
        """
        readings = [
            self.reading(begin_kwh, start, "B"),
            *(self.reading(value, moment, "C") for value, moment in intermediates),
            self.reading(end_kwh, end, "E"),
        ]
        return self.record(readings)

    def payload(self, readings: Sequence[SampleReading], context: str = "T") -> str:
        """Return the payload section for the next record and count on."""
        page, self.page = self.page, self.page + 1
        members: dict[str, Json] = {
            "FV": self.version,
            "GI": "Sample Gateway",
            "GS": f"GW-{self.serial}",
            "GV": "1.0.0",
            "PG": f"{context}{page}",
            "MV": "Sample Meters",
            "MM": "SM-1",
            "MS": self.serial,
            "MF": "1.0",
            "IS": True,
            "IL": "VERIFIED",
            "IF": ["RFID_PLAIN", "OCPP_RS_TLS"],
            "IT": "ISO14443",
            "ID": "1F2D3A4F5506C7",
            "CT": "EVSEID",
            "CI": "DE*SMP*E0001",
            "RD": [reading.members() for reading in readings],
        }
        readings_last = members.pop("RD")
        members = {name: value for name, value in (members | dict(self.head)).items() if value is not None}
        return write_json(members | {"RD": readings_last}, self.spaced)

    def record(self, readings: Sequence[SampleReading], context: str = "T") -> bytes:
        """Return a signed record with exactly these readings."""
        return self.sign(self.payload(readings, context))

    def sign(self, payload: str) -> bytes:
        """Sign a payload exactly as it stands and return the record."""
        return f"OCMF|{payload}|{self.signature_section(payload)}".encode()

    def signature_section(self, payload: str) -> str:
        """Return the signature object for a payload."""
        key = sample_key(self.curve_name, self.key_label)
        r, s = key.sign(payload.encode())
        value = encode_signature(r, s, key.curve.signature_length // 2, self.signature_shape)
        members: dict[str, Json] = {"SA": self.algorithm_text or key.algorithm}
        if self.encoding == "base64":
            members |= {"SE": "base64", "SD": base64.b64encode(value).decode()}
        else:
            members |= {"SD": value.hex().upper()}
        return write_json(members, self.spaced)


def tampered(record: bytes, old: str, new: str) -> bytes:
    """Return the record with one part of its text replaced and the signature left as it was.

    Raises:
        ValueError: ``old`` does not occur exactly once, so the forgery would not be the one that is meant.
    """
    if record.count(old.encode()) != 1:
        raise ValueError(f"{old!r} occurs {record.count(old.encode())} times")
    return record.replace(old.encode(), new.encode())


def with_signature_of(record: bytes, other: bytes) -> bytes:
    """Return ``record`` with the signature section of another record."""
    return record[: record.rindex(b"|")] + other[other.rindex(b"|") :]


def interleaved_readings(
    meter: OcmfMeter, points: Sequence[tuple[Mapping[str, Decimal], datetime, str]]
) -> Iterator[SampleReading]:
    """Yield readings of several registers point by point, as the example of OCMF 1.4 interleaves them.

    Fields equal to those of the reading before are omitted, as the specification asks.

    Args:
        meter: Whose clock and unit to use.
        points: Per point in time: value by register, time, reason.
    """
    first = True
    for values, moment, reason in points:
        for number, (register, value) in enumerate(values.items()):
            reading = meter.reading(value, moment, reason, register=register)
            if number:
                reading = replace(reading, moment=None, reason=None)
            if not first:
                reading = replace(reading, unit=None, status=None, error_flags=None, current=None)
            first = False
            yield reading
