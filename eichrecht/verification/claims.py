"""What a container says beside a record, compared with the record: the record decides, a difference is told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from eichrecht.containers.ocpp import REGISTER_CLAIM
from eichrecht.evidence import SignedRecord, warning
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.verification.codes import VerificationCode as Code

ENERGY_TOLERANCE_KWH = Decimal("0.001")
"""A CDR or message may round the signed energy to whole watt-hours, the finest step that OCPI can bill."""


def with_claims(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> SignedRecord:
    """Return the record with a finding for each claim that it contradicts.

    Looked at here is what concerns every format: ``signing_method`` (OCPP SignedMeterValueType) and ``register_kwh``
    (unsigned readings beside the record). Formats compare the claims that they know themselves
    (``ContextualFormat``).
    """
    for name, value in claims:
        if name == REGISTER_CLAIM:
            record = _with_register(record, value)
        if name != "signing_method" or record.signature.algorithm is None:
            continue
        named = parse_algorithm(value)
        if named is None or named.name != record.signature.algorithm:
            told = warning(
                Code.SIGNING_METHOD_CONTRADICTED,
                "/signature",
                claimed=value[:60],
                own=record.signature.algorithm,
            )
            record = replace(record, findings=(*record.findings, told))
    return record


def _with_register(record: SignedRecord, claimed: str) -> SignedRecord:
    """Report an unsigned reading that is none of the signed ones; it is only told: nobody bills by it.

    Honest stations state the total of the meter beside a signed count of the session (OCA application note, 3.1.4).
    """
    signed = [reading.energy_kwh for reading in record.readings if reading.energy_kwh is not None]
    if not signed or any(abs(Decimal(claimed) - one) < ENERGY_TOLERANCE_KWH for one in signed):
        return record
    told = warning(Code.UNSIGNED_READING_DIFFERS, "", claimed=claimed[:40], signed=f"{signed[-1]:f}")
    return record if told in record.findings else replace(record, findings=(*record.findings, told))
