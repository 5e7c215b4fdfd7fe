"""Charging sessions of a charge transparency record whose values are signed one by one: reading their JSON.

Source: facts/meter/containers.md §4 and §5.3. The record is the session's object. What a meter signed is spread over
the session (identification), the measurement (meter, register, unit) and the value; each format puts it together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from typing import Any

from eichrecht.containers.json_slices import Span, object_at
from eichrecht.evidence import (
    Device,
    Finding,
    Identification,
    Pagination,
    Reading,
    ReadingRole,
    RecordSpan,
    Severity,
    SignatureClaim,
    SignedPiece,
    SignedRecord,
    Traits,
    note,
    problem,
    warning,
)
from eichrecht.formats._claims import ClaimCode, time_doubt
from eichrecht.formats._ctr_members import (
    CtrSessionErrorCode,
    hex_at,
    local_seconds_at,
    missing,
    number_at,
    unreadable,
)
from eichrecht.formats._edl40 import (
    UNIT_WATT_HOUR,
    Edl40Fields,
    edl40_buffer,
    edl40_findings,
    edl40_readings,
    local_time_text,
    read_edl40_buffer,
    unit_text,
)
from eichrecht.formats._json import BLANKS, read_carefully
from eichrecht.formats.codes import OcmfCode
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError, NotThisFormatError

MAX_RECORD_BYTES = 1 << 20
"""A session has some 600 bytes per value; an hour of minute values 40 kB."""

MAX_VALUES = 1_000
"""Values of one session; every one costs a signature check."""

_CONTEXT = re.compile(rb'"@context"\s*+:\s*+"([^"\\]{0,200}+)"')
_METHOD = re.compile(rb"SignatureFormats/([A-Za-z0-9._-]{1,40}?)(?:\+json)?$")
_UNIT_NAMES = {UNIT_WATT_HOUR: frozenset({"WATT_HOUR", "WATT_HOURS", "WH"})}


class CtrSessionCode(StrEnum):
    """What decoding noticed about a session."""

    ONE_VALUE_ONLY = "ctr_one_value_only"
    UNIT_CONTRADICTED = "ctr_unit_contradicted"
    ZONE_ASSUMED = "ctr_zone_assumed"
    SEVERAL_SIGNATURES = "ctr_several_signatures"


@dataclass(frozen=True, slots=True)
class SignedValue:
    """One value with what it belongs to, as parsed JSON; numbers are :class:`~eichrecht.formats._json.Written`.

    Attributes:
        where: Place of the value in the session.
    """

    session: dict[str, Any]
    measurement: dict[str, Any]
    value: dict[str, Any]
    where: str


@dataclass(frozen=True, slots=True)
class Method:
    """How one signature method of such sessions works.

    Attributes:
        format: Name of the format.
        context: Name of the method in ``@context``.
        algorithm: Signature algorithm.
        number_bytes: Bytes of r and of s.
        traits: Of its records.
        fields: What of a value is signed.
        shown: Takes out of a reading what this method does not sign.
        serial: The meter's id, from the signed bytes.
        identification: The user, from the signed bytes.
        notice: What else to say about a session, by its first value.
    """

    format: str
    context: str
    algorithm: str
    number_bytes: int
    traits: Traits
    fields: Callable[[SignedValue], Edl40Fields]
    shown: Callable[[Reading], Reading]
    serial: Callable[[bytes], str]
    identification: Callable[[bytes], Identification]
    notice: Callable[[SignedValue], Iterator[Finding]]


def find(content: bytes, method: Method) -> Sequence[RecordSpan]:
    """Return the span of the session that ``content`` consists of, if it is one of this method.

    The session's own ``@context`` decides; if it names no method, those of its measurements do.
    """
    if method.context.encode() not in content:
        return ()
    start = len(content) - len(content.lstrip(BLANKS))
    found = object_at(content, start)
    if found is None:
        return ()
    span, named = found
    if content[span[1] :].strip(BLANKS) or _method(content, named) != method.context:
        return ()
    return (RecordSpan(method.format, *span, "ctr_session"),)


def _method(content: bytes, found: dict[str, Span]) -> str | None:
    if "measurements" not in found:
        return None
    own = content[slice(*found["@context"])].strip(b'"') if "@context" in found else b""
    match = _METHOD.search(own)
    if match is not None:
        return match[1].decode()
    contexts = _CONTEXT.findall(content[slice(*found["measurements"])])
    named = {match[1].decode() for text in contexts if (match := _METHOD.search(text)) is not None}
    return named.pop() if len(named) == 1 else None


def decode(content: bytes, method: Method) -> SignedRecord:
    """Decode the session that ``content`` consists of.

    Raises:
        NotThisFormatError: It is no session of this method.
        MalformedRecordError: A member is missing or unreadable, or there is more than one measurement.
        LimitExceededError: Too large, or too many values.
    """
    spans = find(content, method)
    if not spans:
        raise NotThisFormatError(CtrSessionErrorCode.NOT_A_SESSION)
    raw = content[spans[0].start : spans[0].end]
    session, findings, unambiguous = _read(raw)
    values = _values(session)
    buffers = [edl40_buffer(method.fields(value)) for value in values]
    fields = [read_edl40_buffer(buffer) for buffer in buffers]
    claims = [_signature(value, method) for value in values]
    for value, read in zip(values, fields, strict=True):
        findings += edl40_findings(read, value.where)
    findings += method.notice(values[0])
    findings += _zone(values)
    findings += _further(values)
    times = list(_other_times(session, fields))
    findings += [doubt for doubt in times if doubt.severity is not Severity.ERROR]
    if len(values) == 1:
        findings.append(problem(CtrSessionCode.ONE_VALUE_ONLY, values[0].where))
    first = fields[0]
    numbered = method.traits.pagination != "none"
    return SignedRecord(
        format=method.format,
        version=None,
        raw=raw,
        signed_bytes=buffers[0],
        signature=claims[0],
        meter=Device(serial=method.serial(first.server_id)),
        gateway=Device(),
        charge_point=(None, None),
        identification=method.identification(first.contract_id),
        pagination=Pagination("", first.pagination) if numbered else None,
        readings=tuple(_readings(values, fields, method, numbered=numbered)),
        findings=tuple(findings),
        unambiguous=unambiguous,
        more_signatures=tuple(
            SignedPiece(value.where, buffer, claim)
            for value, buffer, claim in zip(values[1:], buffers[1:], claims[1:], strict=True)
        ),
        contradictions=(
            *_contradictions(values[0]),
            *(doubt for doubt in times if doubt.severity is Severity.ERROR),
        ),
        session=f"{first.contract_id.hex()}@{local_time_text(first.contract_time_local_s)}",
        traits=method.traits,
    )


def _read(raw: bytes) -> tuple[dict[str, Any], list[Finding], bool]:
    if len(raw) > MAX_RECORD_BYTES:
        limit = {"limit": str(MAX_RECORD_BYTES)}
        raise LimitExceededError(CtrSessionErrorCode.RECORD_TOO_LARGE, "", limit)
    try:
        session, faults = read_carefully(raw)
    except json.JSONDecodeError as error:
        position = {"position": str(error.pos)}
        raise MalformedRecordError(CtrSessionErrorCode.NOT_JSON, "", position) from None
    except RecursionError:  # the depth is bounded by the scan; only a caller near its own limit gets here
        raise LimitExceededError(CtrSessionErrorCode.NESTED_TOO_DEEP) from None
    findings = [problem(OcmfCode.DUPLICATE_KEY, place) for place in faults.duplicates[:20]]
    findings += [problem(OcmfCode.NON_FINITE_NUMBER, place) for place in faults.non_finite[:20]]
    findings += [problem(OcmfCode.LONE_SURROGATE, place) for place in faults.surrogates[:20]]
    if not faults.utf8:
        findings.append(problem(OcmfCode.TEXT_NOT_UTF8))
    return session, findings, not findings


def _values(session: dict[str, Any]) -> list[SignedValue]:
    measurements = session.get("measurements")
    if not isinstance(measurements, list) or not measurements:
        raise missing("/measurements")
    if len(measurements) > 1:
        # Which of them is the energy of the session nobody has signed, and each may be of another meter.
        raise MalformedRecordError(CtrSessionErrorCode.SEVERAL_MEASUREMENTS, "/measurements")
    measurement = measurements[0]
    values = measurement.get("values") if isinstance(measurement, dict) else None
    if not isinstance(values, list) or not values:
        raise missing("/measurements/0/values")
    if len(values) > MAX_VALUES:
        raise LimitExceededError(CtrSessionErrorCode.TOO_MANY_VALUES, "", {"limit": str(MAX_VALUES)})
    found = []
    for index, value in enumerate(values):
        where = f"/measurements/0/values/{index}"
        if not isinstance(value, dict):
            raise unreadable(where)
        found.append(SignedValue(session, measurement, value, where))
    return found


def _readings(
    values: Sequence[SignedValue], fields: Sequence[Edl40Fields], method: Method, *, numbered: bool
) -> Iterator[Reading]:
    last = len(values) - 1
    for index, (value, read) in enumerate(zip(values, fields, strict=True)):
        # Their order in the file is not signed either; exchanged, value and number or time run backwards.
        role = (
            ReadingRole.BEGIN
            if index == 0
            else ReadingRole.END
            if index == last
            else ReadingRole.INTERMEDIATE
        )
        if not last:
            role = ReadingRole.UNKNOWN
        for reading in edl40_readings(read, role=role, where=value.where):
            number = read.pagination if numbered else None
            yield method.shown(replace(reading, index=index, record_number=number))


def _signature(value: SignedValue, method: Method) -> SignatureClaim:
    """Return the first signature of a value: r and s in hexadecimal, or both in one text."""
    where = f"{value.where}/signatures"
    signatures = value.value.get("signatures")
    signature = signatures[0] if isinstance(signatures, list) and signatures else None
    if not isinstance(signature, dict):
        raise missing(where)
    named = signature.get("algorithm")
    algorithm_text = named[:60] if isinstance(named, str) else None
    where = f"{where}/0"
    if "r" in signature or "s" in signature:
        numbers = b"".join(
            _fixed(hex_at(signature, n, where), method.number_bytes, where) for n in ("r", "s")
        )
        return SignatureClaim(method.algorithm, algorithm_text, numbers, "hex", native="raw")
    octets = hex_at(signature, "value", where)
    native = "raw" if len(octets) == 2 * method.number_bytes else "der"
    return SignatureClaim(method.algorithm, algorithm_text, octets, "hex", native=native)


def _fixed(octets: bytes, length: int, where: str) -> bytes:
    number = octets.lstrip(b"\0")
    if len(number) > length:
        raise unreadable(where)
    return number.rjust(length, b"\0")


def _contradictions(value: SignedValue) -> Iterator[Finding]:
    """The unit in words is not signed, its code is."""
    named = value.measurement.get("unit")
    code = number_at(value.measurement, "unitEncoded", "/measurements/0")
    if named is None:
        return
    text = named if isinstance(named, str) else "?"
    if text.strip().upper() not in _UNIT_NAMES.get(code, frozenset({unit_text(code).upper()})):
        yield problem(
            CtrSessionCode.UNIT_CONTRADICTED,
            "/measurements/0/unit",
            written=text[:20],
            signed=unit_text(code),
        )


def _other_times(session: dict[str, Any], fields: Sequence[Edl40Fields]) -> Iterator[Finding]:
    """Compare begin and end of the session with the local times of its values: nobody signed these two members."""
    ends = (("begin", fields[0]), ("end", fields[-1])) if len(fields) > 1 else ()
    for name, read in ends:
        if session.get(name) is None:
            continue
        try:
            stated_s = local_seconds_at(session, name, "")
        except MalformedRecordError:
            stated_s = None
        severity: Severity | None = Severity.ERROR
        if stated_s is not None:
            later = timedelta(seconds=stated_s - read.time_local_s)
            severity = time_doubt(later if name == "end" else -later)
        if severity is not None:
            told = problem if severity is Severity.ERROR else warning
            stated, signed = str(session[name])[:40], local_time_text(read.time_local_s)
            yield told(ClaimCode.TIME_CONTRADICTS, f"/{name}", stated=stated, signed=signed)


def _further(values: Sequence[SignedValue]) -> Iterator[Finding]:
    """Report values with several signatures, of which only the first is checked."""
    for value in values:
        signatures = value.value.get("signatures")
        if isinstance(signatures, list) and len(signatures) > 1:
            count = str(len(signatures))
            yield warning(CtrSessionCode.SEVERAL_SIGNATURES, f"{value.where}/signatures", count=count)


def _zone(values: Sequence[SignedValue]) -> Iterator[Finding]:
    written = [value.value.get("timestamp") for value in values]
    authorised = values[0].session.get("authorizationStart")
    written.append(authorised.get("timestamp") if isinstance(authorised, dict) else None)
    if any(isinstance(text, str) and text.endswith("Z") for text in written):
        yield note(CtrSessionCode.ZONE_ASSUMED)
