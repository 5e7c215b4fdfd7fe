"""Making records and verifying them, for the tests of the verification stage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from eichrecht.evidence import Document, DocumentVerdict, KeySource, RecordVerdict
from eichrecht.keyring.ring import EMPTY_KEY_RING, KeyRing, KnownKey, MemoryKeyRing
from eichrecht.rules.profiles import Profile
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.ocmf import OcmfMeter

START = datetime(2026, 3, 2, 18, 4, 10, tzinfo=UTC)
END = START + timedelta(minutes=90)
BEGIN_KWH = Decimal("2935.600")
END_KWH = Decimal("2965.100")


def session(meter: OcmfMeter) -> bytes:
    """Return a whole session in one record."""
    return meter.session_record(BEGIN_KWH, END_KWH, START, END)


def known(
    meter: OcmfMeter | str,
    name: str = "DE*CPO*E1",
    *,
    source: KeySource = KeySource.OPERATOR,
    evse_id: str | None = None,
    meter_serial: str | None = None,
    gateway_serial: str | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
) -> KnownKey:
    """Return a key that the operator vouches for."""
    text = meter if isinstance(meter, str) else meter.public_key_text()
    return KnownKey(
        name, read_key(text), source, evse_id, meter_serial, gateway_serial, valid_from, valid_until
    )


def ring(*keys: KnownKey) -> MemoryKeyRing:
    return MemoryKeyRing(keys)


def supplied(meter: OcmfMeter | str, *, explicit: bool = True, name: str = "--key") -> SuppliedKey:
    text = meter if isinstance(meter, str) else meter.public_key_text()
    return SuppliedKey(text, name, explicit=explicit)


def verify(
    content: bytes,
    *keys: SuppliedKey,
    ring: KeyRing = EMPTY_KEY_RING,
    profile: Profile = Profile.STRICT,
    charge_point: str | None = None,
) -> DocumentVerdict:
    verifier = Verifier(profile=profile, ring=ring, keys=keys, charge_point=charge_point)
    return verifier.verify(Document("test", content))


def verify_one(
    content: bytes,
    *keys: SuppliedKey,
    ring: KeyRing = EMPTY_KEY_RING,
    charge_point: str | None = None,
) -> RecordVerdict:
    """Verify a document that holds exactly one record."""
    (record,) = verify(content, *keys, ring=ring, charge_point=charge_point).records
    return record


def codes(record: RecordVerdict) -> set[str]:
    return {str(finding.code) for finding in record.findings}
