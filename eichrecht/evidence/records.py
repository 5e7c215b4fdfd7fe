"""One signed record: who measured what, and exactly which bytes are signed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from eichrecht.evidence.findings import Finding
from eichrecht.evidence.readings import Reading, ReadingRole
from eichrecht.evidence.traits import OCMF_TRAITS, Traits


@dataclass(frozen=True, slots=True)
class Device:
    """A meter, gateway or controller as the record names it; every field as written."""

    vendor: str | None = None
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None


@dataclass(frozen=True, slots=True)
class Identification:
    """The assignment of a record to a user.

    Attributes:
        assigned: OCMF ``IS``; ``None`` if absent.
        level: OCMF ``IL`` (0.x: ``IS``): ``NONE`` ... ``SECURE`` or an error level; ``None`` if absent.
        flags: OCMF ``IF``; empty if absent.
        type: OCMF ``IT``.
        data: OCMF ``ID``. Personal data: mask before showing to anyone but the driver.
    """

    assigned: bool | None = None
    level: str | None = None
    flags: tuple[str, ...] = ()
    type: str | None = None
    data: str | None = None


@dataclass(frozen=True, slots=True)
class Pagination:
    """Record counter of a meter.

    Attributes:
        context: ``T`` transaction, ``F`` fiscal; ``""`` in formats with one counter.
        number: The counter.
    """

    context: str
    number: int


@dataclass(frozen=True, slots=True)
class LossCompensation:
    """Cable-loss compensation data (OCMF ``LC``); descriptive, the values are compensated already."""

    name: str | None = None
    identifier: str | None = None
    resistance: Decimal | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class SignatureClaim:
    """What the record says about its own signature. Unprotected: anyone could have changed it.

    Attributes:
        algorithm: Algorithm name in the project's spelling (``ECDSA-secp256r1-SHA256``), ``None`` if unreadable.
        algorithm_text: As written, or ``None`` where the format's default applies.
        value: Signature bytes after text decoding (DER, raw r‖s, ...); ``None`` if absent or undecodable.
        encoding: Text encoding that was removed: ``hex``, ``base64``; ``None`` for binary formats.
        native: Form that the format prescribes: ``der`` (raw r‖s and lax DER are then tried too, and reported)
            or ``raw`` (r‖s and nothing else).
        by_key: Algorithms of which the key's curve chooses one, where the format leaves it to the key;
            :attr:`algorithm` is ``None`` then.
        detached: Whether it stood in a file of its own, so that the record alone cannot be checked.
        key_name: Name by which the record refers to its key in a register (EDIFACT 0538); unsigned or signed.
    """

    algorithm: str | None
    algorithm_text: str | None
    value: bytes | None
    encoding: str | None
    native: str = "der"
    by_key: tuple[str, ...] = ()
    key_name: str | None = None
    detached: bool = False


@dataclass(frozen=True, slots=True)
class SignedPiece:
    """A further signed stretch of a record that carries several signatures (Mennekes: begin and end).

    Attributes:
        name: Which piece, for people: ``MeasurementEnd``.
        signed_bytes: Exactly the bytes that this signature covers.
        signature: The claim about it.
    """

    name: str
    signed_bytes: bytes
    signature: SignatureClaim


@dataclass(frozen=True, slots=True)
class SignerCertificate:
    """The certificate that came with a signature; who it belongs to is for the verification to say.

    Attributes:
        certificate: X.509 in DER.
        others: Further certificates that came with it, to build a path.
        signing_time: When it was signed, as the signer states it under the signature; ``None`` if unstated.
        sender: Identification that the signed data give of their sender.
    """

    certificate: bytes
    others: tuple[bytes, ...] = ()
    signing_time: datetime | None = None
    sender: str | None = None


@dataclass(frozen=True, slots=True)
class Attestation:
    """One of the signatures of a record that may have several signers; each is judged with a key of its own.

    Attributes:
        name: Which one, for people.
        signed_bytes: Exactly the bytes that it covers.
        signature: The claim about it.
        spans: Places in the record's ``raw`` that it covers, directly or by a digest.
        otherwise: Bytes that may have been signed instead, and what is to be said if it were those.
        key_text: Public key that came with it, unconfirmed.
        certificate: Certificate that came with it.
        defect: Reason code of an ``unverified`` or ``invalid`` that stands before any computation (``unsigned``,
            ``unsupported_algorithm``, ...); the findings of the record say more. ``None`` if it can be checked.
        refuted: Whether the defect shows the record to be wrong.
        apart: Whether the signature stands outside the record's ``raw``, which then proves nothing by itself.
    """

    name: str
    signed_bytes: bytes
    signature: SignatureClaim
    spans: tuple[tuple[int, int], ...] = ()
    otherwise: tuple[bytes, Finding] | None = None
    key_text: str | None = None
    certificate: SignerCertificate | None = None
    defect: str | None = None
    refuted: bool = False
    apart: bool = False


@dataclass(frozen=True, slots=True)
class SignedRecord:
    """A record decoded by its format; nothing in it is verified yet.

    Attributes:
        format: Format name as in the CLI contract (``OCMF``, ``ALFEN``, ...).
        version: Format version as written (``FV``), ``None`` if absent.
        raw: The whole record as it stood in its part.
        signed_bytes: Exactly the bytes that the signature covers.
        signature: The record's claim about its signature.
        meter: The meter.
        gateway: The gateway or controller that signed for the meter.
        charge_point: Charge point identification (OCMF ``CI``; e.g. EVSE id), with its type.
        identification: User assignment.
        pagination: Record counter, ``None`` if absent or malformed.
        readings: In the record's order, inheritance resolved.
        loss_compensation: ``None`` if the record gives none.
        tariff_text: OCMF ``TT``.
        embedded_key: Key that the record itself carries (unsigned unless the format says otherwise), as text.
        findings: What decoding noticed. An ``error`` here means the record cannot be relied on
            (e.g. duplicate JSON keys), whatever the signature says.
        unambiguous: ``False`` if two readers could read different values from the signed bytes.
        more_signatures: Further signed pieces; the record is signed only if every one of them fits the same key.
        contradictions: Unsigned statements in or around the record that contradict signed ones. A reader who
            believes them is deceived, so they make the record invalid, however good the signature is.
        session: What the signed bytes say that identifies the session (session id, contract and its time); equal
            in all records of a session; ``None`` if they say nothing.
        traits: What records of this format say and leave unsaid.
        official_refusals: Error keys with which the official program 1.4.1 refuses this record before checking.
        claimed_role: Which end of a session the record says it is, outside its signed bytes (Alfen's type). It
            counts only for readings without a signed role, and never more than a container's word.
        assigned_at: Signed time at which the user was assigned, as written. Most meters keep it through a session
            (so it tells several sessions of one user apart), some set it anew at the end; ``None`` if unsigned.
        attestations: All signatures of a record that may have several signers; ``signed_bytes`` and ``signature``
            are those of the first. Empty in formats where the one signature above is all there is.
        content: The data that are signed, where ``signed_bytes`` are not them (a digest of them) or may differ
            between signatures over the same data; ``None`` elsewhere.
    """

    format: str
    version: str | None
    raw: bytes
    signed_bytes: bytes
    signature: SignatureClaim
    meter: Device
    gateway: Device
    charge_point: tuple[str | None, str | None]
    identification: Identification
    pagination: Pagination | None
    readings: tuple[Reading, ...]
    loss_compensation: LossCompensation | None = None
    tariff_text: str | None = None
    embedded_key: str | None = None
    findings: tuple[Finding, ...] = ()
    unambiguous: bool = True
    more_signatures: tuple[SignedPiece, ...] = ()
    contradictions: tuple[Finding, ...] = ()
    session: str | None = None
    traits: Traits = OCMF_TRAITS
    official_refusals: tuple[str, ...] = ()
    claimed_role: ReadingRole | None = None
    assigned_at: str | None = None
    attestations: tuple[Attestation, ...] = ()
    content: bytes | None = None

    @property
    def identity(self) -> bytes:
        """Everything that is signed: two records of the same identity are the same record."""
        if self.content is not None:
            return self.content
        if not self.more_signatures:
            return self.signed_bytes
        return b"".join((self.signed_bytes, *(piece.signed_bytes for piece in self.more_signatures)))
