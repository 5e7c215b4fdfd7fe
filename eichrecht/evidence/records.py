"""One signed record: who measured what, and exactly which bytes are signed."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from eichrecht.evidence.findings import Finding
from eichrecht.evidence.readings import Reading


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
    """

    algorithm: str | None
    algorithm_text: str | None
    value: bytes | None
    encoding: str | None


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
