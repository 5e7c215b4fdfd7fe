"""Verdicts: objects, never bools, that keep "wrong" apart from "cannot decide".

The vocabulary follows ETSI EN 319 102-1: TOTAL-PASSED, TOTAL-FAILED, INDETERMINATE.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from eichrecht.evidence.document import Layer
from eichrecht.evidence.findings import Finding
from eichrecht.evidence.readings import Reading
from eichrecht.evidence.records import SignedRecord


class Verdict(StrEnum):
    """Outcome of a check as a whole."""

    VALID = "valid"
    """Every part of the check passed. Says nothing of who vouches for the key: see :class:`KeyTrust`."""
    INVALID = "invalid"
    """Shown to be wrong: the bytes do not fit the signature, or a rule of law is broken."""
    INDETERMINATE = "indeterminate"
    """Neither shown right nor wrong: no key, unreadable, ambiguous, incomplete, unsupported."""

    @staticmethod
    def worst(verdicts: tuple[Verdict, ...] | list[Verdict]) -> Verdict:
        """Return ``INVALID`` if any is, else ``INDETERMINATE`` if any is or there is none, else ``VALID``."""
        if Verdict.INVALID in verdicts:
            return Verdict.INVALID
        if Verdict.INDETERMINATE in verdicts or not verdicts:
            return Verdict.INDETERMINATE
        return Verdict.VALID


class SignatureStatus(StrEnum):
    """Outcome of the cryptographic check alone."""

    VALID = "valid"
    INVALID = "invalid"
    UNVERIFIED = "unverified"
    """Not checked; the reason code says why. Never the same as ``INVALID``."""


class KeySource(StrEnum):
    """Where the key that was used came from."""

    REGISTER = "register"
    OPERATOR = "operator"
    ARGUMENT = "argument"
    DOCUMENT = "document"


class KeyTrust(StrEnum):
    """Who vouches for the key."""

    CONFIRMED = "confirmed"
    """The register or the operator vouches for it."""
    SUPPLIED = "supplied"
    """The person asking gave it."""
    UNCONFIRMED = "unconfirmed"
    """Only the checked document itself carries it: integrity, not origin."""


@dataclass(frozen=True, slots=True)
class SignatureVerdict:
    """The cryptographic check.

    Attributes:
        status: See :class:`SignatureStatus`.
        algorithm: What was really computed (``ECDSA-secp256r1-SHA256``); ``None`` if nothing was.
        reason: Stable code for a status other than ``valid``: ``no_key``, ``unsupported_algorithm``,
            ``malformed_signature``, ``malformed_key``, ``unreadable``, ``mismatch``, ``wrong_key``.
    """

    status: SignatureStatus
    algorithm: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class KeyVerdict:
    """The key that was used, and who vouches for it.

    Attributes:
        fingerprint: Lower-case hex SHA-256 of the key's SubjectPublicKeyInfo DER; ``None`` if unreadable.
        source: Where it came from.
        trust: Who vouches for it.
        shape: How it was written: ``spki-hex``, ``pem``, ``raw-xy-hex``, ...
        matched: Name under which the key ring knows it (charge point, meter); ``None`` if it does not.
    """

    fingerprint: str | None
    source: KeySource
    trust: KeyTrust
    shape: str | None = None
    matched: str | None = None


@dataclass(frozen=True, slots=True)
class Billable:
    """What of a transaction may be billed in Germany, judged from the signed data alone.

    Attributes:
        energy: Whether the energy may be billed.
        duration: Whether a duration may be billed (clock status, error flags).
        reasons: Codes that explain each ``False``.
    """

    energy: bool
    duration: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RecordVerdict:
    """One record with everything that was found out about it.

    Attributes:
        index: Position in the document, from 0.
        where: Place in the document.
        layers: Wrappings removed, outermost first.
        format: Format name; ``None`` if unreadable.
        verdict: Over all parts; key trust does not enter.
        signature: The cryptographic check alone.
        key: The key; ``None`` if there was none.
        record: The decoded record; ``None`` if unreadable.
        findings: Container, format, key, signature and law findings together.
        recognised_by: What the format was recognised by, as its stable code; ``""`` where that was not asked.
    """

    index: int
    where: str
    layers: tuple[Layer, ...]
    format: str | None
    verdict: Verdict
    signature: SignatureVerdict
    key: KeyVerdict | None
    record: SignedRecord | None
    findings: tuple[Finding, ...] = ()
    recognised_by: str = ""


@dataclass(frozen=True, slots=True)
class TransactionVerdict:
    """A charging transaction put together from one or more records.

    Attributes:
        id: The container's transaction id, else one made from meter and pagination.
        verdict: Over the records' verdicts and the transaction's own rules.
        records: Indexes of the records it rests on, begin first.
        energy_kwh: Signed end minus signed begin, exact; ``None`` if it cannot be formed.
        duration_s: Signed end time minus begin time in seconds; ``None`` if it cannot be formed.
            Whether it may be *billed* is ``billable.duration``.
        billable: What may be billed.
        findings: Findings of the transaction's rules.
        begin: Begin reading of the register that counts; ``None`` if there is none.
        end: Its end reading.
    """

    id: str
    verdict: Verdict
    records: tuple[int, ...]
    energy_kwh: Decimal | None
    duration_s: Decimal | None
    billable: Billable
    findings: tuple[Finding, ...] = ()
    begin: Reading | None = None
    end: Reading | None = None


@dataclass(frozen=True, slots=True)
class DocumentVerdict:
    """One entry of ``results``: a file or upload with all that was found in it."""

    source: str
    sha256: str
    verdict: Verdict
    records: tuple[RecordVerdict, ...]
    transactions: tuple[TransactionVerdict, ...]
    findings: tuple[Finding, ...] = ()
