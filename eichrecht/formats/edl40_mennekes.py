"""EDL_40_MENNEKES: a charging process in XML with the begin and the end that an EDL40 meter signed.

The XML holds the fields; what was signed are 320 bytes per measurement, rebuilt from them by
facts/meter/safe_formats.md §6. Everything shown is read back from these bytes, so that what the signature does not
cover cannot be shown: the offset of the times, the upper bits of the meter's status, the metering point, the
address. What is written twice, once signed and once not, must agree.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum

from eichrecht.evidence import (
    Device,
    Finding,
    Identification,
    OfficialCheck,
    Pagination,
    PaginationRule,
    Reading,
    ReadingRole,
    RecordSpan,
    SignatureClaim,
    SignedPiece,
    SignedRecord,
    Traits,
    note,
    problem,
    warning,
)
from eichrecht.formats._claims import with_claims
from eichrecht.formats._edl40 import (
    LOG_BOOK_BYTES,
    UNIT_WATT_HOUR,
    Edl40Fields,
    edl40_buffer,
    edl40_findings,
    edl40_readings,
    local_time_text,
    read_edl40_buffer,
)
from eichrecht.formats._mennekes_xml import (
    END,
    START,
    ChargingProcess,
    Measurement,
    MennekesErrorCode,
    find_processes,
    local_time,
    read_process,
)
from eichrecht.formats.base import Surroundings
from eichrecht.formats.errors import MalformedRecordError

NAME = "EDL_40_MENNEKES"
ALGORITHM = "ECDSA-secp192r1-SHA256"

_OBIS = bytes.fromhex("0100011100FF")
"""Not in the XML: the register that Mennekes always means (safe_formats §6)."""

_RAW_BYTES = 48
_ROLES = {START: ReadingRole.BEGIN, END: ReadingRole.END}

_CARD_ID_BYTES = frozenset({4, 7, 8, 10})
"""Lengths of a card's UID (ISO/IEC 14443-3: 4, 7, 10; ISO/IEC 15693-3: 8). Their bytes may by chance be printable,
so an identification of such a length is never read as text."""

TRAITS = Traits(
    roles_signed=False,
    pagination=PaginationRule.INCREASING,
    official=(OfficialCheck.REFUSED_PAIR, OfficialCheck.PAGINATION, OfficialCheck.METER),
    official_key_shapes=frozenset({"xy-hex", "xy-base64", "xy-base32"}),
)


class MennekesCode(StrEnum):
    """What decoding noticed about a charging process."""

    HALF_MISSING = "mennekes_half_missing"
    CUSTOMER_TIME_DIFFERS = "mennekes_customer_time_differs"
    EVENT_COUNTER_DIFFERS = "mennekes_event_counter_differs"
    STATUS_PARTLY_SIGNED = "mennekes_status_partly_signed"
    IDENT_ENDS_IN_ZEROS = "mennekes_ident_ends_in_zeros"
    EVENTS_LOGGED = "mennekes_events_logged"
    OUTSIDE_BILLING_PERIOD = "mennekes_outside_billing_period"


class Edl40MennekesFormat:
    """The format as the pipeline sees it; holds no state."""

    name = NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return every ``ChargingProcess`` element of a text; one that is cut off is ``mennekes_incomplete``."""
        return [
            RecordSpan(NAME, start, end, "mennekes_process" if complete else "mennekes_incomplete")
            for start, end, complete in find_processes(content)
        ]

    def decode(self, content: bytes) -> SignedRecord:
        """Decode one charging process.

        Raises:
            NotThisFormatError: The first element is no ``ChargingProcess``.
            MalformedRecordError: It is cut off, or a field is missing, doubled, unreadable or out of range.
            LimitExceededError: Larger than any real process.
        """
        return self.decode_in(content, Surroundings())

    def decode_in(self, content: bytes, surroundings: Surroundings) -> SignedRecord:
        """Decode one charging process and compare it with the billing period around it.

        Raises:
            FormatError: See :meth:`decode`.
        """
        record = _record(read_process(content), dict(surroundings.claims))
        return with_claims(record, surroundings.claims)


def _record(process: ChargingProcess, claims: dict[str, str]) -> SignedRecord:
    signed = [_buffer(process, measurement) for measurement in process.measurements]
    fields = [read_edl40_buffer(buffer) for buffer in signed]
    names = [measurement.name for measurement in process.measurements]
    readings = tuple(_readings(names, fields))
    signatures = [_claim(measurement) for measurement in process.measurements]
    findings = [
        finding
        for name, read in zip(names, fields, strict=True)
        for finding in edl40_findings(read, f"/{name}")
    ]
    findings += _noticed(process, readings, claims)
    identification, tariff = _identification(fields[0].contract_id)
    return SignedRecord(
        format=NAME,
        version=None,
        raw=process.raw,
        signed_bytes=signed[0],
        signature=signatures[0],
        meter=Device(serial=fields[0].server_id.hex().upper()),
        gateway=Device(),
        charge_point=(None, None),
        identification=identification,
        pagination=Pagination("", fields[0].pagination),
        readings=readings,
        tariff_text=tariff,
        embedded_key=process.public_key,
        findings=tuple(findings),
        more_signatures=tuple(map(SignedPiece, names[1:], signed[1:], signatures[1:])),
        contradictions=tuple(_contradictions(process)),
        session=f"{fields[0].contract_id.hex()}@{local_time_text(fields[0].contract_time_local_s)}",
        traits=TRAITS,
        official_refusals=tuple(_refusals(process)),
    )


def _buffer(process: ChargingProcess, measurement: Measurement) -> bytes:
    """Return the 320 bytes that the meter signed for this measurement (safe_formats §6)."""
    where = f"/{measurement.name}"
    customer_time = measurement.customer_time or process.customer_time
    if customer_time is None:
        params = {"field": f"{measurement.name}/TimestampCustomerIdent"}
        raise MalformedRecordError(MennekesErrorCode.FIELD_MISSING, where, params)
    extra = len(measurement.signature) - _RAW_BYTES
    if extra not in (0, LOG_BOOK_BYTES):
        params = {"bytes": str(len(measurement.signature))}
        raise MalformedRecordError(MennekesErrorCode.SIGNATURE_LENGTH, f"{where}/Signature", params)
    if not 0 <= measurement.status < 1 << 64:
        params = {"field": f"{measurement.name}/MeterStatus"}
        raise MalformedRecordError(MennekesErrorCode.FIELD_UNREADABLE, f"{where}/MeterStatus", params)
    log_book = measurement.signature[_RAW_BYTES:] or _event_counter(measurement)
    return edl40_buffer(
        Edl40Fields(
            server_id=process.server_id,
            time_local_s=measurement.time.local_s,
            status=measurement.status & 0xFF,
            seconds_index=measurement.seconds_index,
            pagination=measurement.pagination,
            obis=_OBIS,
            unit=UNIT_WATT_HOUR,
            scaler=measurement.scaler,
            value=measurement.value,
            log_book=log_book,
            contract_id=process.customer_ident,
            contract_time_local_s=customer_time.local_s,
        )
    )


def _event_counter(measurement: Measurement) -> bytes:
    """Return the event counter as the two log-book bytes that it stands for."""
    counter = measurement.event_counter
    code = MennekesErrorCode.FIELD_MISSING if counter is None else MennekesErrorCode.FIELD_UNREADABLE
    if counter is None or not 0 <= counter < 1 << 8 * LOG_BOOK_BYTES:
        field = f"{measurement.name}/EventCounter"
        raise MalformedRecordError(code, f"/{field}", {"field": field})
    return counter.to_bytes(LOG_BOOK_BYTES, "big")


def _claim(measurement: Measurement) -> SignatureClaim:
    return SignatureClaim(ALGORITHM, None, measurement.signature[:_RAW_BYTES], "hex", native="raw")


def _readings(names: Sequence[str], fields: Sequence[Edl40Fields]) -> Iterator[Reading]:
    # The role is the element's name, which is not signed: exchanged, number and value run backwards.
    for index, (name, read) in enumerate(zip(names, fields, strict=True)):
        for reading in edl40_readings(read, role=_ROLES[name], where=f"/{name}"):
            yield replace(reading, index=index, record_number=read.pagination)


def _identification(contract_id: bytes) -> tuple[Identification, str | None]:
    """Return the identification and the tariff: a card's UID as hex, or text, which may read ``contract#tariff``."""
    if not contract_id:
        return Identification(), None
    if len(contract_id) in _CARD_ID_BYTES or not all(0x20 <= octet < 0x7F for octet in contract_id):
        return Identification(data=contract_id.hex().upper()), None
    text = contract_id.decode("ascii")
    contract, separator, tariff = text.partition("#")
    if separator and contract and tariff and "#" not in tariff:
        return Identification(data=contract), tariff
    return Identification(data=text), None


def _noticed(
    process: ChargingProcess, readings: Sequence[Reading], claims: dict[str, str]
) -> Iterator[Finding]:
    for name in _ROLES.keys() - {measurement.name for measurement in process.measurements}:
        yield problem(MennekesCode.HALF_MISSING, "", element=name)
    for measurement in process.measurements:
        if measurement.status > 0xFF:
            yield note(MennekesCode.STATUS_PARTLY_SIGNED, f"/{measurement.name}/MeterStatus")
    if process.customer_ident.endswith(b"\0"):
        yield note(MennekesCode.IDENT_ENDS_IN_ZEROS, "/CustomerIdent")
    if process.logged_events:
        yield warning(MennekesCode.EVENTS_LOGGED, "/EventLogItems", count=process.logged_events)
    begin, end = (local_time(claims.get(name, "")) for name in ("billing_begin", "billing_end"))
    times = [measurement.time.local_s for measurement in process.measurements]
    if (begin is not None and min(times) < begin.local_s) or (end is not None and max(times) > end.local_s):
        place = next(reading.where for reading in readings)
        yield warning(MennekesCode.OUTSIDE_BILLING_PERIOD, place)


def _contradictions(process: ChargingProcess) -> Iterator[Finding]:
    """What is written twice and differs: one of the two is not signed, or begin and end are of two sessions."""
    times = {
        time.local_s
        for time in (process.customer_time, *(m.customer_time for m in process.measurements))
        if time is not None
    }
    if len(times) > 1:
        first, other = (local_time_text(seconds) or "?" for seconds in sorted(times)[:2])
        yield problem(MennekesCode.CUSTOMER_TIME_DIFFERS, "/TimestampCustomerIdent", first=first, other=other)
    for measurement in process.measurements:
        log_book = measurement.signature[_RAW_BYTES:]
        written = measurement.event_counter
        if log_book and written is not None and written != int.from_bytes(log_book, "big"):
            signed = int.from_bytes(log_book, "big")
            where = f"/{measurement.name}/EventCounter"
            yield problem(MennekesCode.EVENT_COUNTER_DIFFERS, where, written=written, signed=signed)


def _refusals(process: ChargingProcess) -> Iterator[str]:
    """What the official program 1.4.1 refuses before it checks anything (safe_formats §0.1, §6)."""
    if process.public_key is None:
        yield "error.format.unknown"
    if len(process.measurements) < len(_ROLES):
        yield "error.sml.mennekes.no.measurement"
    if not all(measurement.time.has_offset for measurement in process.measurements):
        yield "error.sml.mennekes.no.timestamp"


FORMATS = (Edl40MennekesFormat(),)
"""What this module adds to the registry."""
