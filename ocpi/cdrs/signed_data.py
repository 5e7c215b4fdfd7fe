"""Signed meter values inside a CDR (2.2.1 mod_cdrs, SignedData and SignedValue).

What ``plain_data`` and ``signed_data`` hold is not defined for OCMF; ocpi/ocpi#550 lists three readings, all
of them met in the field. Whatever the placement, the signed bytes travel untouched: nothing is re-serialised.
This module knows nothing of meters: the caller hands over the bytes and, where wanted, their two parts.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from ocpi.cdrs.codes import SignedDataFinding
from ocpi.cdrs.errors import SignedDataError
from ocpi.findings import Finding, note, warning
from ocpi.objects.cdr import SignedData, SignedValue

MAX_SIGNED_VALUE = 5000
"""Longest ``plain_data`` and ``signed_data`` (string(5000); earlier prints had 512: gotcha 39)."""

MAX_PUBLIC_KEY = 512
"""Longest ``public_key`` (string(512)): enough for every elliptic curve, not for RSA from 3072 bits on."""

_DER_SEQUENCE = 0x30


class EncodingMethod(StrEnum):
    """Names that the specification knows, in its exact spelling; the list is open."""

    OCMF = "OCMF"
    ALFEN_EICHRECHT = "Alfen Eichrecht"
    EDL40_E_MOBILITY_EXTENSION = "EDL40 E-Mobility Extension"
    EDL40_MENNEKES = "EDL40 Mennekes"


class Nature(StrEnum):
    """Moment of the session that a signed value belongs to."""

    START = "Start"
    INTERMEDIATE = "Intermediate"
    END = "End"


class Placement(StrEnum):
    """Where the record goes: the three readings of ocpi/ocpi#550; a partner setting."""

    WHOLE = "whole"
    """The whole record in both fields. Our choice: every reader finds a complete record in either field."""
    PAYLOAD_AND_WHOLE = "payload_and_whole"
    """The signed payload in ``plain_data``, the whole record in ``signed_data``."""
    PAYLOAD_AND_SIGNATURE = "payload_and_signature"
    """The signed payload in ``plain_data``, only the signature section in ``signed_data``."""


DEFAULT_PLACEMENTS = (Placement.WHOLE, Placement.PAYLOAD_AND_SIGNATURE)
"""The whole record where its length allows, else split: base64 of a record beyond 3750 bytes is too long."""


@dataclass(frozen=True, slots=True)
class SignedRecordText:
    """One signed record as the meter gave it.

    Attributes:
        record: The complete record, byte for byte; a final line feed of its file is not part of it.
        nature: See :func:`nature_of`.
        payload: The part that is signed, a slice of the record; ``None`` if the format has no such parts.
        signature_section: The part that carries the signature, a slice of the record.
    """

    record: bytes
    nature: Nature
    payload: bytes | None = None
    signature_section: bytes | None = None


@dataclass(frozen=True, slots=True)
class PlacedSignedData:
    """Signed data ready for a CDR.

    Attributes:
        signed_data: For ``Cdr.signed_data``.
        placement: Which of the allowed placements was used.
        findings: What a reader must know.
    """

    signed_data: SignedData
    placement: Placement
    findings: tuple[Finding, ...] = ()


def nature_of(*, has_begin: bool, has_end: bool) -> Nature:
    """Return the nature of a record: one container with both readings is sent as ``End``.

    So do OCPP (signed meter values note, 3.1.4) and the field (SAFE-eV/OCMF-Open-Charge-Metering-Format#8).
    """
    if has_end:
        return Nature.END
    return Nature.START if has_begin else Nature.INTERMEDIATE


def place_signed_data(
    records: Sequence[SignedRecordText],
    *,
    encoding_method: str = EncodingMethod.OCMF,
    encoding_method_version: int | None = None,
    public_key_der: bytes | None = None,
    url: str | None = None,
    placements: Sequence[Placement] = DEFAULT_PLACEMENTS,
    limit: int = MAX_SIGNED_VALUE,
) -> PlacedSignedData:
    """Place signed records into the ``signed_data`` of a CDR.

    Args:
        records: In order of time; all of one format and one key.
        encoding_method: Name of the format as OCPI knows it.
        encoding_method_version: If the format has whole-number versions.
        public_key_der: X.509 SubjectPublicKeyInfo; written as base64. Left out, with a finding, if too long.
        url: Where the driver can check the values; at most 512 characters.
        placements: What the partner accepts, best first; the first that fits is used for all records.
        limit: Longest field that the partner accepts; smaller only for partners with an older print.

    Raises:
        SignedDataError: ``no_records``, ``empty_record``, ``no_parts`` (a split was asked for, but a record
            has no parts), ``too_long`` (no placement fits), ``invalid_key`` or ``invalid``.
    """
    if not records:
        raise SignedDataError("no_records", "signed_data needs at least one signed value")
    placement, values, findings = _first_that_fits(records, placements, min(limit, MAX_SIGNED_VALUE))
    public_key = None if public_key_der is None else _public_key(public_key_der)
    if public_key is not None and len(public_key) > MAX_PUBLIC_KEY:
        length = len(public_key)
        findings.append(
            warning(
                SignedDataFinding.PUBLIC_KEY_TOO_LONG,
                "/signed_data/public_key",
                length=length,
                limit=MAX_PUBLIC_KEY,
            )
        )
        public_key = None
    try:
        signed_data = SignedData(
            encoding_method=str(encoding_method),
            encoding_method_version=encoding_method_version,
            public_key=public_key,
            signed_values=values,
            url=url,
        )
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        raise SignedDataError("invalid", f"/{'/'.join(map(str, first['loc']))}: {first['msg']}") from invalid
    return PlacedSignedData(signed_data, placement, tuple(findings))


def _first_that_fits(
    records: Sequence[SignedRecordText], placements: Sequence[Placement], limit: int
) -> tuple[Placement, tuple[SignedValue, ...], list[Finding]]:
    failure = SignedDataError("no_parts", "no placement was allowed")
    for attempt, placement in enumerate(placements):
        try:
            placed = [_place(index, record, placement, limit) for index, record in enumerate(records)]
        except SignedDataError as error:
            if error.code not in {"too_long", "no_parts"}:
                raise
            failure = failure if attempt and failure.code == "too_long" else error
            continue
        findings = [finding for _, finding in placed if finding is not None]
        if attempt:
            findings.append(
                warning(
                    SignedDataFinding.PLACEMENT_FALLBACK,
                    "/signed_data",
                    placement=placement.value,
                    limit=limit,
                )
            )
        return placement, tuple(value for value, _ in placed), findings
    raise failure


def _place(
    index: int, record: SignedRecordText, placement: Placement, limit: int
) -> tuple[SignedValue, Finding | None]:
    if not record.record:
        raise SignedDataError("empty_record", f"record {index}")
    plain_bytes, signed_bytes = _parts(index, record, placement)
    signed = _base64(signed_bytes)
    plain = printable_text(plain_bytes)
    finding = None
    if plain is None:
        # The type string allows no line breaks and no control characters. Taking them out would leave a text
        # that looks like the record but is not what the meter signed, so it travels as base64 here too.
        plain = _base64(plain_bytes)
        place = f"/signed_data/signed_values/{index}/plain_data"
        finding = note(SignedDataFinding.PLAIN_DATA_IS_BASE64, place, index=index)
    for name, text in (("plain_data", plain), ("signed_data", signed)):
        if len(text) > limit:
            detail = f"record {index}: {name} has {len(text)} characters, at most {limit} ({placement.value})"
            raise SignedDataError("too_long", detail)
    return SignedValue(nature=record.nature.value, plain_data=plain, signed_data=signed), finding


def _parts(index: int, record: SignedRecordText, placement: Placement) -> tuple[bytes, bytes]:
    if placement is Placement.WHOLE:
        return record.record, record.record
    if not record.payload or not record.signature_section:
        raise SignedDataError("no_parts", f"record {index} cannot be split into payload and signature")
    if placement is Placement.PAYLOAD_AND_WHOLE:
        return record.payload, record.record
    return record.payload, record.signature_section


def printable_text(raw: bytes) -> str | None:
    """Return the text of UTF-8 bytes if an OCPI string can hold it unchanged, else ``None``."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if all(char >= " " and char != "\x7f" for char in text) else None


def _base64(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _public_key(der: bytes) -> str:
    # Which key it is belongs to the caller; that it is DER at all can be seen from its first byte.
    if not der or der[0] != _DER_SEQUENCE:
        raise SignedDataError("invalid_key", "public_key_der is no DER SubjectPublicKeyInfo")
    return _base64(der)
