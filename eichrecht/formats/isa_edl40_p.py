"""ISA_EDL_40_P: the telegrams of Isabellenhütte meters, in SML, with one signature over 320 bytes of their own layout.

Source: facts/meter/safe_formats.md §4 and §11. One record holds the register at the begin of the session and the
register now; the list name, which is signed, says whether the session begins, runs or has ended. As in EDL_40_P the
signed bytes are built from the telegram's values, and what is shown is read from the built bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eichrecht.evidence import (
    Device,
    Pagination,
    PaginationRule,
    Reading,
    ReadingRole,
    RecordSpan,
    SignatureClaim,
    SignedRecord,
    Traits,
    problem,
)
from eichrecht.formats import _edl40 as edl40
from eichrecht.formats import _sml as sml
from eichrecht.formats import _sml_record as telegram
from eichrecht.formats._edl40_record import OFFICIAL_KEY_SHAPES, split_signature
from eichrecht.formats._sml_record import SmlRecord, entry_of, number_of, octets_of, required

ALGORITHM = "ECDSA-secp256r1-SHA256"

_ACTUAL_REGISTER = bytes.fromhex("0100010800FF")
_KNOWN = frozenset(
    {
        telegram.CONTRACT_ID,
        telegram.MANUFACTURER,
        telegram.ISA_START_REGISTER,
        telegram.ISA_PAGINATION,
        _ACTUAL_REGISTER,
    }
)

_VALUE_SIGNATURE_BYTES = 66
_ESTH_BYTES = 20
_NAME_BYTES = 6

_ROLES = {
    bytes.fromhex("8180816200FF"): ReadingRole.INTERMEDIATE,
    bytes.fromhex("8180816201FF"): ReadingRole.INTERMEDIATE,
    bytes.fromhex("8180816202FF"): ReadingRole.END,
}
"""What the register "now" is, by the list name: begin, update, end. At the begin the session has not ended, although
the official program shows that value as its stop."""

TRAITS = Traits(
    roles_signed=True,
    pagination=PaginationRule.INCREASING,
    official=(),
    official_key_shapes=OFFICIAL_KEY_SHAPES,
)
"""The record number also counts updates that nobody delivers; the official program compares nothing (§4)."""


@dataclass(frozen=True, slots=True)
class IsaFields:
    """The fields of the 320 bytes at the offsets of safe_formats.md §4.

    Attributes:
        server_id: 10 bytes, the meter.
        time_local_s: Local seconds of the register now.
        status: Low byte of its status word.
        obis, unit, scaler, value: The register now.
        log_entry: Last two bytes of the list signature; they count with each record.
        value_signature: Signature of the register now by itself, with its own log entry.
        contract_id: Without the zeros behind it.
        start_time_local_s: Local seconds of the register at the begin.
        esth: 20 bytes of the manufacturer.
        start_status, start_obis, start_unit, start_scaler, start_value: The register at the begin.
        list_name: Begin, update or end.
        pagination: Record number.
        rest: 42 bytes, zero in every real record.
    """

    server_id: bytes
    time_local_s: int
    status: int
    obis: bytes
    unit: int
    scaler: int
    value: int
    log_entry: bytes
    value_signature: bytes
    contract_id: bytes
    start_time_local_s: int
    esth: bytes
    start_status: int
    start_obis: bytes
    start_unit: int
    start_scaler: int
    start_value: int
    list_name: bytes
    pagination: int
    rest: bytes = b"\0" * 42


_LAYOUT: tuple[tuple[str, int, int, str], ...] = (
    ("server_id", 0, edl40.SERVER_ID_BYTES, "b"),
    ("time_local_s", 10, 4, "u"),
    ("status", 14, 1, "u"),
    ("obis", 15, _NAME_BYTES, "b"),
    ("unit", 21, 1, "u"),
    ("scaler", 22, 1, "s"),
    ("value", 23, 8, "s"),
    ("log_entry", 31, edl40.LOG_BOOK_BYTES, "b"),
    ("value_signature", 33, _VALUE_SIGNATURE_BYTES, "b"),
    ("contract_id", 99, edl40.CONTRACT_ID_BYTES, "p"),
    ("start_time_local_s", 227, 4, "u"),
    ("esth", 231, _ESTH_BYTES, "b"),
    ("start_status", 251, 1, "u"),
    ("start_obis", 252, _NAME_BYTES, "b"),
    ("start_unit", 258, 1, "u"),
    ("start_scaler", 259, 1, "s"),
    ("start_value", 260, 8, "s"),
    ("list_name", 268, _NAME_BYTES, "b"),
    ("pagination", 274, 4, "u"),
    ("rest", 278, 42, "b"),
)


def isa_buffer(fields: IsaFields) -> bytes:
    """Return the 320 bytes for these fields.

    Raises:
        MalformedRecordError: ``edl40_field_out_of_range``.
    """
    return b"".join(
        edl40.put_field(getattr(fields, name), name, length, kind) for name, _, length, kind in _LAYOUT
    )


def read_isa_buffer(buffer: bytes) -> IsaFields:
    """Return the fields of 320 bytes that :func:`isa_buffer` built."""
    values = {name: edl40.get_field(buffer, offset, length, kind) for name, offset, length, kind in _LAYOUT}
    return IsaFields(**values)  # type: ignore[arg-type]  # the layout names every field with its kind


class IsaEdl40PFormat:
    """The format as the pipeline sees it; holds no state."""

    name = telegram.ISA

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the SML telegrams that hold a start register or a page counter of this format."""
        return telegram.find_records(content, self.name)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the telegram that ``content`` holds.

        Raises:
            NotThisFormatError: There is no telegram, or it is one of EDL_40_P.
            MalformedRecordError: It is damaged, or a field is missing that the signature covers.
            LimitExceededError: It is larger or deeper than any real one.
        """
        record = telegram.open_record(content, self.name, _KNOWN)
        return _assemble(record, isa_buffer(_fields(record)))


def _fields(record: SmlRecord) -> IsaFields:
    signature = split_signature(record.signature)
    if not signature.wide or signature.log_book is None:
        raise telegram.missing("log_book" if signature.wide else "signature")
    now = entry_of(record, _ACTUAL_REGISTER, "register")
    start = entry_of(record, telegram.ISA_START_REGISTER, "start_register")
    contract = entry_of(record, telegram.CONTRACT_ID, "contract_id")
    esth = entry_of(record, telegram.MANUFACTURER, "manufacturer")
    page = entry_of(record, telegram.ISA_PAGINATION, "pagination")
    if record.list_name not in _ROLES:
        raise telegram.missing("list_name")
    return IsaFields(
        server_id=record.server_id,
        time_local_s=_local(now, "time"),
        status=(now.status or 0) & 0xFF,
        obis=now.name,
        unit=number_of(now.unit, "unit"),
        scaler=number_of(now.scaler, "scaler"),
        value=number_of(now.value, "value"),
        log_entry=signature.log_book,
        value_signature=required(now.signature, "value_signature"),
        contract_id=octets_of(contract.value, "contract_id"),
        start_time_local_s=_local(start, "start_time"),
        esth=octets_of(esth.value, "manufacturer"),
        start_status=(start.status or 0) & 0xFF,
        start_obis=start.name,
        start_unit=number_of(start.unit, "start_unit"),
        start_scaler=number_of(start.scaler, "start_scaler"),
        start_value=number_of(start.value, "start_value"),
        list_name=record.list_name,
        pagination=number_of(page.value, "pagination"),
    )


def _local(entry: sml.SmlEntry, field: str) -> int:
    """Return an entry's local seconds: a plain timestamp of these meters is one already (§11)."""
    time = telegram.time_required(entry, field)
    return edl40.local_seconds(time.seconds, time.offset_min or 0)


def _readings(fields: IsaFields) -> tuple[Reading, Reading]:
    start = edl40.register_reading(
        index=0, where="/start", role=ReadingRole.BEGIN, obis=fields.start_obis, value=fields.start_value,
        scaler=fields.start_scaler, unit=fields.start_unit, time_local_s=fields.start_time_local_s,
        status=fields.start_status, log_book=fields.log_entry,
    )  # fmt: skip
    now = edl40.register_reading(
        index=1, where="/value", role=_ROLES[fields.list_name], obis=fields.obis, value=fields.value,
        scaler=fields.scaler, unit=fields.unit, time_local_s=fields.time_local_s, status=fields.status,
        log_book=fields.log_entry,
    )  # fmt: skip
    # The log entry counts records and no events, and the bits of the status byte are not documented for this meter.
    one, other = (replace(reading, event_counter=None, status_flags=()) for reading in (start, now))
    return one, other


def _assemble(record: SmlRecord, buffer: bytes) -> SignedRecord:
    fields = read_isa_buffer(buffer)
    readings = _readings(fields)
    findings = list(record.findings)
    for unit, where in ((fields.start_unit, "/start"), (fields.unit, "/value")):
        if unit != edl40.UNIT_WATT_HOUR:
            findings.append(problem(edl40.Edl40Code.UNIT_NOT_WATT_HOUR, where, unit=edl40.unit_text(unit)))
    refused = fields.unit != edl40.UNIT_WATT_HOUR
    return SignedRecord(
        format=telegram.ISA,
        version=None,
        raw=record.frame,
        signed_bytes=buffer,
        signature=SignatureClaim(
            ALGORITHM, None, split_signature(record.signature).octets, None, native="raw"
        ),
        meter=edl40.device_of(fields.server_id),
        gateway=Device(),
        charge_point=(None, None),
        identification=edl40.identification_of(fields.contract_id),
        pagination=Pagination("", fields.pagination),
        readings=readings,
        findings=tuple(findings),
        unambiguous=record.unambiguous,
        contradictions=record.contradictions,
        session=f"{fields.contract_id.hex()}/{fields.start_time_local_s}/{fields.start_value}",
        traits=TRAITS,
        official_refusals=("error.sml.invalid.unit",) if refused else (),
    )


FORMATS = (IsaEdl40PFormat(),)
"""What this module adds to the registry."""
