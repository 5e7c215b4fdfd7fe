"""EDL_40_P: the telegrams of EDL40 meters (EMH eHZ and others), in SML, with one signature over 320 bytes.

Three variants: secp192r1 with record number and operating seconds; the same with secp256r1 and line-loss
compensation (EMOC); and an older layout without numbers. Source: facts/meter/safe_formats.md §2, §3, §3a and §11.

The signed bytes are not in the telegram: they are built from its values. Everything that is shown is read from the
built bytes, so nothing can be shown that the signature does not cover.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from eichrecht.evidence import Finding, RecordSpan, SignedRecord, problem
from eichrecht.formats import _edl40 as edl40
from eichrecht.formats import _edl40_old as old
from eichrecht.formats import _sml as sml
from eichrecht.formats import _sml_record as telegram
from eichrecht.formats._edl40_record import (
    Edl40Signature,
    Transport,
    edl40_record,
    old_record,
    split_signature,
)
from eichrecht.formats._sml_record import SmlRecord, number_of, octets_of

_SIGNED_REGISTER = old.SIGNED_REGISTER
_TOTAL_REGISTER = bytes.fromhex("0100010800FF")
_PAGINATION = bytes.fromhex("8180817101FF")
_SECONDS_INDEX = bytes.fromhex("810060080001")
_HISTORICAL = bytes.fromhex("010001110064")
_LINE_RESISTANCE = bytes.fromhex("00AF6C6C72FF")
_STOPWATCH = bytes.fromhex("00AF647572FF")
_PRICE = bytes.fromhex("00AF707263FF")
_SIGNATURE_VERSION = bytes.fromhex("00AF737672FF")

_KNOWN = frozenset(
    {
        telegram.CONTRACT_ID,
        telegram.MANUFACTURER,
        _SIGNED_REGISTER,
        _TOTAL_REGISTER,
        _PAGINATION,
        _SECONDS_INDEX,
        _HISTORICAL,
        edl40.OBIS_COMPENSATED,
        _LINE_RESISTANCE,
        _STOPWATCH,
        _PRICE,
        _SIGNATURE_VERSION,
    }
)

_STATUS_OF_WORD = ((17, 0), (31, 3), (16, 4), (11, 5), (9, 6), (8, 7))
"""Bits of the long status word and where the 256-bit meters sign them (safe_formats.md §3, EMOC status)."""


class Edl40PCode(StrEnum):
    """Findings about what a telegram says of its signed values."""

    REGISTER_UNSIGNED = "edl40_p_register_unsigned"
    SCALE_CONTRADICTED = "edl40_p_scale_contradicted"


class Edl40PFormat:
    """The format as the pipeline sees it; holds no state."""

    name = telegram.EDL40

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the SML telegrams that are not of the ISA format."""
        return telegram.find_records(content, self.name)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode the telegram that ``content`` holds.

        Raises:
            NotThisFormatError: There is no telegram, or it is one of the ISA format.
            MalformedRecordError: It is damaged, or a field is missing that the signature covers.
            LimitExceededError: It is larger or deeper than any real one.
        """
        record = telegram.open_record(content, self.name, _KNOWN)
        signature = split_signature(record.signature)
        if signature.log_book is None:
            raise telegram.missing("log_book")
        register = _register(record)
        findings, contradictions = _unsigned_statements(record, register)
        transport = Transport(
            self.name,
            record.frame,
            findings=findings,
            contradictions=contradictions,
            unambiguous=record.unambiguous,
        )
        numbered = _PAGINATION in record.entries or _SECONDS_INDEX in record.entries
        if not numbered and register.signature is not None and not signature.wide:
            return old_record(_old_buffer(record, register, signature), signature, transport)
        return edl40_record(_buffer(record, register, signature), signature, transport)


def _register(record: SmlRecord) -> sml.SmlEntry:
    """Return the register that is signed: there are two names for it."""
    entry = record.entries.get(_SIGNED_REGISTER) or record.entries.get(_TOTAL_REGISTER)
    if entry is None:
        raise telegram.missing("register")
    return entry


def _unsigned_statements(
    record: SmlRecord, register: sml.SmlEntry
) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Return what the telegram says around the signed values: worth a word, and deceiving."""
    findings = list(record.findings)
    contradictions = list(record.contradictions)
    if register.name != _TOTAL_REGISTER and _TOTAL_REGISTER in record.entries:
        # A second register of energy delivered; only one of them is in the signed bytes.
        name = _TOTAL_REGISTER.hex().upper()
        contradictions.append(problem(Edl40PCode.REGISTER_UNSIGNED, f"/{name}", name=name))
    for scaled in (_HISTORICAL, edl40.OBIS_COMPENSATED):
        entry = record.entries.get(scaled)
        if entry is not None and (entry.unit, entry.scaler) != (register.unit, register.scaler):
            # Unit and scaler of these registers are not signed; the signed one's are used.
            name = scaled.hex().upper()
            contradictions.append(problem(Edl40PCode.SCALE_CONTRADICTED, f"/{name}", name=name))
    if register.time is not None:
        findings += telegram.zone_note(register.time, "/value")
    return tuple(findings), tuple(contradictions)


def _local(entry: sml.SmlEntry, field: str) -> int:
    time = telegram.time_required(entry, field)
    return edl40.local_seconds(time.seconds, time.offset_min or 0)


def _buffer(record: SmlRecord, register: sml.SmlEntry, signature: Edl40Signature) -> bytes:
    """Build the 320 bytes of safe_formats.md §3.

    Raises:
        MalformedRecordError: A field is missing, or does not fit its place.
    """
    contract = telegram.entry_of(record, telegram.CONTRACT_ID, "contract_id")
    pagination = telegram.entry_of(record, _PAGINATION, "pagination")

    def optional(name: bytes, field: str) -> int:
        entry = record.entries.get(name)
        return 0 if entry is None else number_of(entry.value, field)

    return edl40.edl40_buffer(
        edl40.Edl40Fields(
            server_id=record.server_id,
            time_local_s=_local(register, "time"),
            status=_status(register.status or 0, wide=signature.wide),
            seconds_index=_seconds_index(record),
            pagination=number_of(pagination.value, "pagination"),
            obis=register.name,
            unit=number_of(register.unit, "unit"),
            scaler=number_of(register.scaler, "scaler"),
            value=number_of(register.value, "value"),
            log_book=signature.log_book or b"",
            contract_id=octets_of(contract.value, "contract_id"),
            contract_time_local_s=_local(contract, "contract_time"),
            historical_value=optional(_HISTORICAL, "historical_value"),
            historical_compensated=optional(edl40.OBIS_COMPENSATED, "historical_compensated"),
            line_resistance=optional(_LINE_RESISTANCE, "line_resistance"),
            stopwatch=optional(_STOPWATCH, "stopwatch"),
            price=optional(_PRICE, "price"),
        )
    )


def _status(word: int, *, wide: bool) -> int:
    """Return the status byte that is signed: the low byte of the word, or bits picked from it.

    What else stands in the word is not signed, and so is not shown.
    """
    if not wide:
        return word & 0xFF
    return sum((word >> source & 1) << target for source, target in _STATUS_OF_WORD)


def _seconds_index(record: SmlRecord) -> int:
    """Return the operating seconds: an SML time, itself inside a choice with the tag of times (§11)."""
    value = telegram.entry_of(record, _SECONDS_INDEX, "seconds_index").value
    match value:
        case [1, [*inner]]:
            time = sml.time_of(inner)
        case _:
            time = sml.time_of(value)
    if time is None or not time.is_index:
        raise telegram.missing("seconds_index")
    return time.seconds


def _old_buffer(record: SmlRecord, register: sml.SmlEntry, signature: Edl40Signature) -> bytes:
    """Build the 320 bytes of safe_formats.md §3a.

    Raises:
        MalformedRecordError: A field is missing, or does not fit its place.
    """
    contract = telegram.entry_of(record, telegram.CONTRACT_ID, "contract_id")
    return old.old_buffer(
        old.OldFields(
            server_id=record.server_id,
            time_local_s=_local(register, "time"),
            status=_status(register.status or 0, wide=False),
            obis=register.name,
            unit=number_of(register.unit, "unit"),
            scaler=number_of(register.scaler, "scaler"),
            value=number_of(register.value, "value"),
            log_book=signature.log_book or b"",
            value_signature=telegram.required(register.signature, "value_signature"),
            contract_id=octets_of(contract.value, "contract_id"),
            contract_time_local_s=_local(contract, "contract_time"),
        )
    )


FORMATS = (Edl40PFormat(),)
"""What this module adds to the registry."""
