"""EMH_CHARGEIT: signed values of an EMH eHZ meter, as JSON objects in the old chargeIT container.

Source: facts/meter/containers.md §3.3 and §3.4. What is signed are the 320 bytes that every EDL40 meter signs
(:mod:`~eichrecht.formats._edl40`); they are rebuilt from the object, and everything that is shown is read back from
them. Layout and coverage for people: docs/formats/emh_chargeit.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from itertools import pairwise
from typing import Any

from eichrecht.evidence import Finding, RecordSpan, SignatureClaim, SignedRecord, problem
from eichrecht.formats._chargeit_json import (
    at,
    find_lone,
    key_changes,
    malformed,
    read_record,
    required_hex,
    required_text,
    required_whole,
    signature_bytes,
    text_at,
    unsigned_changes,
    written,
)
from eichrecht.formats._edl40 import (
    EDL40_TRAITS,
    LOG_BOOK_BYTES,
    SERVER_ID_BYTES,
    UNIT_WATT_HOUR,
    Edl40Fields,
    edl40_buffer,
    local_seconds,
)
from eichrecht.formats._edl40_record import Edl40Signature, Transport, edl40_record
from eichrecht.formats.base import Surroundings

FORMAT_NAME = "EMH_CHARGEIT"

_MARKER = b"measuredValue"
_MEMBERS = frozenset({"measuredValue", "measurementId"})
_SOME_OF = frozenset({"measurand", "additionalInfo", "contract"})
_SIGNATURE_BYTES = 48
_UINT32 = 2**32 - 1
_MAX_OFFSET_MIN = 14 * 60
"""Widest time zone of the world, UTC+14."""


class EmhCode(StrEnum):
    """Findings about a value."""

    LABEL_CONTRADICTS = "emh_label_contradicts"
    METER_CONTRADICTS = "emh_meter_contradicts"
    OFFSET_IMPLAUSIBLE = "emh_offset_implausible"


class EmhChargeItFormat:
    """The format for the registry; see :class:`eichrecht.formats.base.SignedFormat`."""

    name = FORMAT_NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the value that ``content`` consists of, known by the names of its members."""
        return find_lone(content, FORMAT_NAME, "emh_members", _MARKER, _is_value)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode a value by itself.

        Raises:
            NotThisFormatError: No such object.
            MalformedRecordError: No JSON, or a signed member is missing or cannot be signed.
            LimitExceededError: Too large.
        """
        return self.decode_in(content, Surroundings())

    def decode_in(self, content: bytes, surroundings: Surroundings) -> SignedRecord:
        """Decode a value and compare it with what its container says (``meter_id``).

        Raises:
            FormatError: See :meth:`decode`.
        """
        record = read_record(content, _MARKER, _is_value)
        fields = _fields(record.value)
        findings = [*record.findings, *_doubts(record.value)]
        signature = signature_bytes(record.value, findings)
        made = edl40_record(
            edl40_buffer(fields),
            Edl40Signature(bytes(_SIGNATURE_BYTES), None),
            Transport(
                format=FORMAT_NAME,
                raw=record.raw,
                embedded_key=text_at(record.value, "meterInfo", "publicKey"),
                findings=tuple(findings),
                contradictions=tuple(_contradictions(record.value, fields, surroundings)),
                unambiguous=record.unambiguous,
            ),
        )
        return replace(
            made,
            signature=SignatureClaim("ECDSA-secp192r1-SHA256", None, signature, "hex", native="raw"),
            traits=replace(EDL40_TRAITS, official=None),
            official_refusals=(),
        )

    def compare(self, records: Sequence[SignedRecord]) -> Sequence[Finding]:
        """Return what the values of one session say differently of themselves, begin first."""
        read = [read_record(record.raw, _MARKER, _is_value).value for record in records]
        return tuple(
            finding
            for first, later in pairwise(read)
            for finding in (*key_changes(first, later), *unsigned_changes(first, later, _DESCRIPTIONS))
        )


_DESCRIPTIONS: tuple[tuple[str, ...], ...] = (
    ("transactionId",),
    ("meterInfo", "firmwareVersion"),
    ("meterInfo", "manufacturer"),
    ("meterInfo", "type"),
    ("chargePoint", "softwareVersion"),
)


def _is_value(found: Mapping[str, Any]) -> bool:
    return found.keys() >= _MEMBERS and "@context" not in found and not _SOME_OF.isdisjoint(found)


def _fields(value: dict[str, Any]) -> Edl40Fields:
    return Edl40Fields(
        server_id=required_hex(value, "meterInfo", "meterId", length=SERVER_ID_BYTES),
        time_local_s=_local_seconds(value, "measuredValue"),
        status=required_hex(value, "additionalInfo", "status", length=1)[0],
        seconds_index=required_whole(value, "additionalInfo", "indexes", "timer", low=0, high=_UINT32),
        # Written with the first digit first, signed with the last byte first: as any number in these bytes.
        pagination=int.from_bytes(required_hex(value, "measurementId", length=4), "big"),
        obis=required_hex(value, "measurand", "id", length=6),
        unit=required_whole(value, "measuredValue", "unitEncoded", low=0, high=0xFF),
        scaler=required_whole(value, "measuredValue", "scale", low=-0x80, high=0x7F),
        value=_register_value(value),
        log_book=required_hex(value, "additionalInfo", "indexes", "logBook", length=LOG_BOOK_BYTES),
        contract_id=required_text(value, "contract", "id").encode("utf-8"),
        contract_time_local_s=_local_seconds(value, "contract"),
    )


def _local_seconds(value: dict[str, Any], name: str) -> int:
    """Return the local seconds of a time; only this sum is signed, not the three numbers that it is written in."""
    path = (name, "timestampLocal")
    timestamp = required_whole(value, *path, "timestamp", low=0, high=_UINT32)
    summed = timestamp + 60 * _offset_min(value, name)
    if not 0 <= summed <= _UINT32:
        raise malformed("/" + "/".join(path))
    return local_seconds(timestamp, _offset_min(value, name))


def _offset_min(value: dict[str, Any], name: str) -> int:
    path = (name, "timestampLocal")
    limits = {"low": -0x8000, "high": 0x7FFF}
    return sum(required_whole(value, *path, part, **limits) for part in ("localOffset", "seasonOffset"))


def _register_value(value: dict[str, Any]) -> int:
    """Return the register's digits, which are written as a text."""
    text = required_text(value, "measuredValue", "value")
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 19):
        raise malformed("/measuredValue/value")
    return int(text)


def _doubts(value: dict[str, Any]) -> Iterator[Finding]:
    """Only timestamp plus offset is signed: an offset that no zone has would move the time that is shown."""
    for name in ("measuredValue", "contract"):
        offset_min = _offset_min(value, name)
        if abs(offset_min) > _MAX_OFFSET_MIN:
            place = f"/{name}/timestampLocal"
            yield problem(EmhCode.OFFSET_IMPLAUSIBLE, place, offset=str(offset_min))


def _contradictions(
    value: dict[str, Any], fields: Edl40Fields, surroundings: Surroundings
) -> Iterator[Finding]:
    """Yield unsigned statements that contradict signed ones: the unit in words, the meter in the container."""
    unit = at(value, "measuredValue", "unit")
    if unit is not None and (unit == "WATT_HOUR") is not (fields.unit == UNIT_WATT_HOUR):
        yield problem(
            EmhCode.LABEL_CONTRADICTS,
            "/measuredValue/unit",
            member="measuredValue.unit",
            stated=written(unit),
            signed=str(fields.unit),
        )
    kind = at(value, "measuredValue", "valueType")
    if kind is not None and kind != "Integer64":
        yield problem(
            EmhCode.LABEL_CONTRADICTS,
            "/measuredValue/valueType",
            member="measuredValue.valueType",
            stated=written(kind),
            signed="Integer64",
        )
    signed = fields.server_id.hex().upper()
    for name, claim in surroundings.claims:
        if name == "meter_id" and claim.strip().upper() != signed:
            yield problem(EmhCode.METER_CONTRADICTS, "/meterInfo/meterId", stated=claim[:60], signed=signed)


FORMATS = (EmhChargeItFormat(),)
"""What this module adds to the registry."""
