"""A signed record out of the 320 bytes of an EDL40 meter and its signature, however they travelled."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from eichrecht.evidence import (
    Device,
    Finding,
    Pagination,
    Reading,
    ReadingRole,
    SignatureClaim,
    SignedRecord,
    Traits,
    problem,
)
from eichrecht.formats import _edl40 as edl40
from eichrecht.formats import _edl40_old as old
from eichrecht.formats.errors import MalformedRecordError

_ALGORITHMS = {48: "ECDSA-secp192r1-SHA256", 64: "ECDSA-secp256r1-SHA256"}
_WIDE = 64
_BEGIN_MARK, _END_MARK = 1, 2
_MARKED_ROLES = {_BEGIN_MARK: ReadingRole.BEGIN, _END_MARK: ReadingRole.END}

OFFICIAL_KEY_SHAPES = frozenset({"xy-hex", "xy-base64", "xy-base32"})
"""The official program takes a bare x‖y only (safe_formats.md §0.3)."""


class Edl40RecordErrorCode(StrEnum):
    """Why no record can be made of buffer and signature."""

    SIGNATURE_LENGTH = "edl40_signature_length"


class Edl40RecordCode(StrEnum):
    """Findings about buffer and signature together."""

    LOG_BOOK_CONTRADICTED = "edl40_log_book_contradicted"


@dataclass(frozen=True, slots=True)
class Edl40Signature:
    """A list signature taken apart.

    Attributes:
        octets: r‖s.
        log_book: The two bytes behind it; ``None`` if they are absent.
    """

    octets: bytes
    log_book: bytes | None

    @property
    def wide(self) -> bool:
        """Whether it is the 256-bit variant (EMOC)."""
        return len(self.octets) == _WIDE


def split_signature(signature: bytes) -> Edl40Signature:
    """Take a list signature apart: 48 or 64 bytes r‖s and, mostly, two bytes log book.

    Raises:
        MalformedRecordError: ``edl40_signature_length``.
    """
    for length in _ALGORITHMS:
        if len(signature) == length:
            return Edl40Signature(signature, None)
        if len(signature) == length + edl40.LOG_BOOK_BYTES:
            return Edl40Signature(signature[:length], signature[length:])
    params = {"bytes": str(len(signature))}
    raise MalformedRecordError(Edl40RecordErrorCode.SIGNATURE_LENGTH, "/signature", params)


@dataclass(frozen=True, slots=True)
class Transport:
    """How a record travelled: everything about it that is not in the signed bytes.

    Attributes:
        format: Format name.
        raw: The record as it stood in its part.
        encoding: Text encoding of the signature; ``None`` in binary formats.
        algorithm_text: Label of the signature as written.
        embedded_key: Key text in the record.
        findings: About the transport.
        contradictions: What the transport says against the signed bytes.
        unambiguous: See :class:`SignedRecord`.
        refusals: Error keys of the official program.
    """

    format: str
    raw: bytes
    encoding: str | None = None
    algorithm_text: str | None = None
    embedded_key: str | None = None
    findings: tuple[Finding, ...] = ()
    contradictions: tuple[Finding, ...] = ()
    unambiguous: bool = True
    refusals: tuple[str, ...] = ()


def edl40_record(buffer: bytes, signature: Edl40Signature, transport: Transport) -> SignedRecord:
    """Return the record that 320 signed bytes make; everything shown is read from them.

    Raises:
        MalformedRecordError: ``edl40_buffer_length``.
    """
    fields = edl40.read_edl40_buffer(buffer)
    contract, role = _marked_contract(fields.contract_id) if signature.wide else (fields.contract_id, None)
    made = _record(
        buffer, signature, transport, server_id=fields.server_id, log_book=fields.log_book,
        readings=edl40.edl40_readings(fields, role=role or ReadingRole.UNKNOWN), contract=contract,
        findings=edl40.edl40_findings(fields), traits=edl40.EDL40_TRAITS,
    )  # fmt: skip
    flags = () if role is None else (f"CONTRACT_MARK_{fields.contract_id[0]:02X}",)
    return replace(
        made,
        identification=replace(made.identification, flags=flags),
        pagination=Pagination("", fields.pagination),
        loss_compensation=edl40.compensation_of(fields),
        # Marked and unmarked ids are never the same customer, even if the rest is equal.
        session=made.session if role is None else f"marked/{made.session}",
        # The 256-bit meters set the contract anew for the end; only the others keep its time.
        assigned_at=None if signature.wide else edl40.local_time_text(fields.contract_time_local_s),
    )


def old_record(buffer: bytes, signature: Edl40Signature, transport: Transport) -> SignedRecord:
    """Return the record that 320 signed bytes of the older layout make."""
    fields = old.read_old_buffer(buffer)
    refused = replace(transport, refusals=(*transport.refusals, old.OFFICIAL_REFUSAL))
    made = _record(
        buffer, signature, refused, server_id=fields.server_id, log_book=fields.log_book,
        readings=old.old_readings(fields), contract=fields.contract_id, findings=old.old_findings(fields),
        traits=old.OLD_TRAITS,
    )  # fmt: skip
    return replace(made, assigned_at=edl40.local_time_text(fields.contract_time_local_s))


def _marked_contract(contract: bytes) -> tuple[bytes, ReadingRole | None]:
    """Take the begin or end mark off a contract id of the 256-bit meters: byte 0 is 01 at begin, 02 at end.

    A mark that is none (the same in both records) is found out where the records meet (rules/sources.py).
    """
    if len(contract) > 1 and contract[0] in _MARKED_ROLES:
        return contract[1:], _MARKED_ROLES[contract[0]]
    return contract, None


def _record(
    buffer: bytes, signature: Edl40Signature, transport: Transport, *, server_id: bytes, log_book: bytes,
    readings: tuple[Reading, ...], contract: bytes, findings: tuple[Finding, ...], traits: Traits,
) -> SignedRecord:  # fmt: skip
    contradictions = list(transport.contradictions)
    if signature.log_book is not None and signature.log_book != log_book:
        params = {"unsigned": signature.log_book.hex().upper(), "signed": log_book.hex().upper()}
        contradictions.append(problem(Edl40RecordCode.LOG_BOOK_CONTRADICTED, "/signature", **params))
    refusals = list(transport.refusals)
    if any(finding.code == edl40.Edl40Code.UNIT_NOT_WATT_HOUR for finding in findings):
        refusals.append("error.sml.invalid.unit")
    return SignedRecord(
        format=transport.format,
        version=None,
        raw=transport.raw,
        signed_bytes=buffer,
        signature=SignatureClaim(
            _ALGORITHMS[len(signature.octets)],
            transport.algorithm_text,
            signature.octets,
            transport.encoding,
            native="raw",
        ),
        meter=edl40.device_of(server_id),
        gateway=Device(),
        charge_point=(None, None),
        identification=edl40.identification_of(contract),
        pagination=None,
        readings=readings,
        loss_compensation=None,
        embedded_key=transport.embedded_key,
        findings=(*transport.findings, *findings),
        unambiguous=transport.unambiguous,
        contradictions=tuple(contradictions),
        session=contract.hex() or None,
        traits=replace(traits, official_key_shapes=OFFICIAL_KEY_SHAPES),
        official_refusals=tuple(refusals),
    )
