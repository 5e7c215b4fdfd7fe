"""CHARGEPOINT_SECRRCT: the bill of a ChargePoint station as JSON (``secrrct``) with a detached signature.

Source: facts/meter/containers.md §1. The signature stands in a file of its own (``secrrct.sign``) and covers the
payload file byte for byte; the key stands in a third file and chooses curve and hash. Programs also write payload and
signature into one JSON: then the copy of the payload's members around the signed text is compared with it. Layout and
coverage for people: docs/formats/chargepoint_secrrct.md.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from eichrecht.containers.json_slices import object_at
from eichrecht.evidence import (
    ClockStatus,
    Device,
    Finding,
    Identification,
    PaginationRule,
    Reading,
    ReadingRole,
    RecordSpan,
    SignatureClaim,
    SignedRecord,
    Traits,
    problem,
    warning,
)
from eichrecht.formats._chargepoint_codes import ChargePointCode as Code
from eichrecht.formats._chargepoint_codes import ChargePointErrorCode as ErrorCode
from eichrecht.formats._chargepoint_payload import (
    BOM,
    MARKER,
    MAX_OF_A_CODE,
    SHAPE_A,
    SHAPE_B,
    Payload,
    Period,
    is_payload,
    moment,
    number,
    read_object,
    read_payload,
)
from eichrecht.formats._chargepoint_sums import kwh, sum_findings
from eichrecht.formats._json import BLANKS, Written, pointer
from eichrecht.formats.base import Surroundings
from eichrecht.formats.errors import LimitExceededError, MalformedRecordError

FORMAT_NAME = "CHARGEPOINT_SECRRCT"

_BY_KEY = (
    "ECDSA-secp224k1-SHA256",
    "ECDSA-secp256r1-SHA256",
    "ECDSA-secp384r1-SHA384",
    "ECDSA-secp521r1-SHA512",
)
"""The key's curve decides (§1.3); hints in converted files, such as a truncated hash, are wrong and not looked at."""

_TRAITS = Traits(pagination=PaginationRule.NONE, official=None)
_REGISTER = "1-0:1.8.0"
"""Not in the text: a reading of these stations is energy delivered (§1.6)."""

_ORIGINAL, _SIGNATURE = "original", "signature"
_KNOWN = SHAPE_A | SHAPE_B | {"energy", "parking", "flat", "tax", "EVSEId", "address", "geoLocation"}
_HEX = re.compile(r"(?:[0-9A-Fa-f]{2})+", re.ASCII)
_EVSE_ID = re.compile(r"[A-Za-z]{2}\*?[A-Za-z0-9]{3}\*?E[A-Za-z0-9*]{1,31}", re.ASCII)
_SAME_DOUBLE = Decimal("1E-15")
"""Numbers nearer to each other, relatively, may be one binary double written twice: 0.81000000000000005 and 0.81."""
_MAX_TIME_TEXT = 40


@dataclass(frozen=True, slots=True)
class _Signed:
    """The signed bytes with their signature, wherever they stood.

    Attributes:
        content: Exactly what is signed.
        signature: Signature bytes; ``None`` if there are none to be read.
        encoding: Text encoding that was removed.
        findings: About the signature and about members beside it.
        contradictions: Of an unsigned copy.
        unambiguous: ``False`` if two readers could read different values around the signed text.
    """

    content: bytes
    signature: bytes | None
    encoding: str | None
    findings: tuple[Finding, ...] = ()
    contradictions: tuple[Finding, ...] = ()
    unambiguous: bool = True


class ChargePointSecrrctFormat:
    """The format for the registry; see :class:`eichrecht.formats.base.ContextualFormat`."""

    name = FORMAT_NAME

    def find(self, content: bytes) -> Sequence[RecordSpan]:
        """Return the payload that ``content`` consists of, known by the names of its members."""
        if MARKER not in content:
            return ()
        start = len(BOM) if content.startswith(BOM) else 0
        end = len(content.rstrip(BLANKS))
        start = end - len(content[start:end].lstrip(BLANKS))
        found = object_at(content, start)
        if found is None or found[0] != (start, end) or not is_payload(found[1]):
            return ()
        return (RecordSpan(FORMAT_NAME, start, end, "chargepoint_members"),)

    def decode(self, content: bytes) -> SignedRecord:
        """Decode a payload by itself, or a JSON that holds payload and signature.

        Raises:
            NotThisFormatError: No such object.
            MalformedRecordError: No JSON, or the signed text in it cannot be read.
            LimitExceededError: Too large, or nested too deep.
        """
        return self.decode_in(content, Surroundings())

    def decode_in(self, content: bytes, surroundings: Surroundings) -> SignedRecord:
        """Decode a payload with its detached signature and compare it with what its container says.

        Compared are the claims ``evse_id``, ``meter_id``, ``session_begin`` and ``session_end``.

        Raises:
            FormatError: See :meth:`decode`.
        """
        try:
            signed = _signed(content, surroundings.detached_signature)
        except (
            RecursionError
        ):  # find() bounds the depth of what it returns, but not of what is decoded without it
            raise LimitExceededError(ErrorCode.NESTED_TOO_DEEP) from None
        payload = read_payload(signed.content)
        contradictions = (*signed.contradictions, *_contradicted(payload, surroundings.claims))
        record = _record(payload, signed)
        apart = surroundings.detached_signature is not None
        claim = replace(record.signature, detached=apart) if apart else record.signature
        return replace(record, raw=content, signature=claim, contradictions=contradictions)


def _signed(content: bytes, detached: bytes | None) -> _Signed:
    if detached is not None:
        return _Signed(content, detached, None)
    value, faults = read_object(content)
    if _ORIGINAL not in value:
        return _Signed(content, None, None, (problem(Code.SIGNATURE_MISSING),))
    original = _decoded(value[_ORIGINAL])
    signature = _hex(value.get(_SIGNATURE))
    # Doubts about the copy's own text are not those of the signed text: they count, too.
    findings = list(faults)
    if signature is None:
        findings.append(problem(Code.SIGNATURE_UNREADABLE, f"/{_SIGNATURE}"))
    inner, _ = read_object(original)
    foreign, contradictions = _compared(value, inner)
    if foreign:
        names = ", ".join(name[:40] for name in foreign[:MAX_OF_A_CODE])
        findings.append(warning(Code.MEMBERS_UNSIGNED, "", names=names))
    return _Signed(
        original, signature, "hex", tuple(findings), tuple(contradictions[:MAX_OF_A_CODE]), not faults
    )


def _decoded(original: Any) -> bytes:
    try:
        if isinstance(original, str):
            return base64.b64decode("".join(original.split()), validate=True)
    except (binascii.Error, ValueError):
        pass
    raise MalformedRecordError(ErrorCode.ORIGINAL_UNREADABLE, f"/{_ORIGINAL}")


def _hex(text: Any) -> bytes | None:
    digits = "".join(text.split()) if isinstance(text, str) else ""
    return bytes.fromhex(digits) if _HEX.fullmatch(digits) else None


def _compared(copy: dict[str, Any], signed: dict[str, Any]) -> tuple[list[str], list[Finding]]:
    """Compare the unsigned copy of the members with the signed ones.

    Returns:
        Members of the copy that mean nothing in this format and are not signed; contradictions.
    """
    foreign: list[str] = []
    contradictions: list[Finding] = []
    for name, member in copy.items():
        if name in (_ORIGINAL, _SIGNATURE):
            continue
        if name in signed:
            if not _alike(member, signed[name]):
                contradictions.append(problem(Code.COPY_CONTRADICTS, pointer("", name)))
        elif name in _KNOWN:
            contradictions.append(problem(Code.COPY_CONTRADICTS, pointer("", name)))
        else:
            foreign.append(name)
    return foreign, contradictions


def _alike(one: Any, other: Any) -> bool:
    """Whether two JSON values say the same; depth is bounded by what was read."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_alike, one, other))
    if isinstance(one, Written) and isinstance(other, Written) and one != other:
        first, second = number(one), number(other)
        if first is None or second is None:
            return False
        return abs(first - second) <= _SAME_DOUBLE * max(abs(first), abs(second))
    return type(one) is type(other) and bool(one == other)


def _record(payload: Payload, signed: _Signed) -> SignedRecord:
    findings = (*payload.findings, *signed.findings, *sum_findings(payload))
    named = payload.station and payload.session_id
    return SignedRecord(
        format=FORMAT_NAME,
        version=None,
        raw=signed.content,
        signed_bytes=signed.content,
        signature=SignatureClaim(None, None, signed.signature, signed.encoding, native="der", by_key=_BY_KEY),
        meter=Device(serial=payload.meter_serial),
        # Every outlet signs with a key of its own, which is named after station and outlet.
        gateway=Device(serial=payload.station),
        charge_point=(payload.evse_id, "EVSEID") if payload.evse_id else (payload.station, None),
        identification=Identification(
            assigned=True if payload.driver else None, type=None, data=payload.driver
        ),
        pagination=None,
        readings=tuple(_readings(payload)),
        findings=findings,
        unambiguous=payload.unambiguous and signed.unambiguous,
        session=f"{payload.station}-{payload.session_id}" if named else None,
        traits=_TRAITS,
    )


def _readings(payload: Payload) -> Iterator[Reading]:
    """One signature covers both registers; the station's clock is set by nobody knows whom, so it is informative."""
    begin_s = min((period.start_s for period in payload.periods), default=None)
    end_s = max((period.end_s for period in payload.periods), default=None)
    ends = (
        (ReadingRole.BEGIN, "meter_startreading", payload.begin, begin_s),
        (ReadingRole.END, "meter_endreading", payload.end, end_s),
    )
    # A register that is missing or unreadable (a finding says so) is no reading: the session is incomplete.
    readable = [end for end in ends if end[2] is not None]
    for index, (role, name, text, unix_s) in enumerate(readable):
        time = None if unix_s is None else moment(unix_s)
        yield Reading(
            index=index,
            where=f"{payload.where}/{name}",
            role=role,
            value=text,
            unit=payload.unit,
            energy_kwh=kwh(text, payload.unit),
            obis=_REGISTER,
            time=time,
            time_text=None if time is None else time.isoformat(),
            time_status=ClockStatus.INFORMATIVE,
        )


def _contradicted(payload: Payload, claims: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    for name, claim in claims:
        if name == "evse_id" and _is_other_point(payload, claim):
            signed = payload.evse_id or payload.station or ""
            yield problem(Code.EVSE_CONTRADICTS, "", stated=claim[:60], signed=signed[:60])
        elif name == "meter_id" and payload.meter_serial and _plain(claim) != _plain(payload.meter_serial):
            yield problem(Code.METER_CONTRADICTS, "", stated=claim[:60], signed=payload.meter_serial[:60])
        elif name in ("session_begin", "session_end"):
            yield from _other_time(payload.periods, claim, at_end=name == "session_end")


def _is_other_point(payload: Payload, claim: str) -> bool:
    if _plain(claim) in {_plain(text) for text in (payload.evse_id, payload.station) if text}:
        return False
    # A station that signs its hardware address only may still have an EVSE id, of which nothing is signed.
    return payload.evse_id is not None or (
        payload.station is not None and not _EVSE_ID.fullmatch(claim.strip())
    )


def _other_time(periods: Sequence[Period], claim: str, *, at_end: bool) -> Iterator[Finding]:
    """Compare a claimed begin or end with those of all kinds of lines: programs take one or the other."""
    claimed = _instant(claim)
    signed = {moment(period.end_s if at_end else period.start_s) for period in periods}
    if claimed is not None and signed and claimed.replace(microsecond=0) not in signed:
        shown = max(signed) if at_end else min(signed)
        yield problem(Code.TIME_CONTRADICTS, "", stated=claim[:40], signed=shown.isoformat())


def _instant(text: str) -> datetime | None:
    """Return a time with a zone; without one it cannot be compared and is shown to nobody."""
    try:
        found = datetime.fromisoformat(text.strip()[:_MAX_TIME_TEXT])
    except ValueError:
        return None
    return found if found.tzinfo is not None else None


def _plain(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())


FORMATS = (ChargePointSecrrctFormat(),)
"""What this module adds to the registry."""
