"""Records with several signatures, prescribed raw signatures, algorithms left to the key, keys lying beside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from eichrecht.evidence import BesideKey, KeySource, KeyTrust, SignatureStatus, SignedPiece, SignedRecord
from eichrecht.formats import registry
from eichrecht.keyring.ring import EMPTY_KEY_RING
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.verification.candidates import candidate_groups, names_station, read_given, strangers
from eichrecht.verification.keys import KeyedCheck, SuppliedKey, check_with_keys
from sample_meters.ocmf import OcmfMeter

START, END = datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC)
METER = OcmfMeter("secp256r1")
OTHER = OcmfMeter("secp256r1", key_label="stranger")
KEY = METER.public_key_text()
P256 = "ECDSA-secp256r1-SHA256"


def one(meter: OcmfMeter = METER, kwh: int = 1, **options: object) -> SignedRecord:
    return registry.decode("OCMF", meter.session_record(Decimal(kwh), Decimal(kwh + 1), START, END))


def check(record: SignedRecord, key: str = KEY, beside: tuple[BesideKey, ...] = ()) -> KeyedCheck:
    algorithm = parse_algorithm(P256)
    assert algorithm is not None
    given = read_given([SuppliedKey(key, "--key")] if key else [])
    groups = candidate_groups(record, None, given, EMPTY_KEY_RING, None, beside)
    return check_with_keys(record, algorithm, groups, EMPTY_KEY_RING, None, strangers(record, beside))


def piece(record: SignedRecord) -> SignedPiece:
    return SignedPiece("End", record.signed_bytes, record.signature)


def test_every_signature_of_a_record_must_fit() -> None:
    good = replace(one(), more_signatures=(piece(one(kwh=5)),))
    assert check(good).signature.status is SignatureStatus.VALID
    for wrong in (
        piece(one(OTHER, 5)),
        replace(piece(one(kwh=5)), signed_bytes=b"{}"),
        replace(piece(one(kwh=5)), signature=one(kwh=7).signature),
    ):
        result = check(replace(good, more_signatures=(wrong,)))
        assert result.signature.status is SignatureStatus.INVALID
        assert "piece_does_not_fit" in {finding.code for finding in result.findings}


def test_a_piece_without_a_readable_signature_is_not_passed_over() -> None:
    other = one(kwh=5)
    for claim in (
        replace(other.signature, value=None),
        replace(other.signature, algorithm="ECDSA-secp384r1-SHA256"),
    ):
        unread = SignedPiece("End", other.signed_bytes, claim)
        result = check(replace(one(), more_signatures=(unread,)))
        assert result.signature.status is SignatureStatus.UNVERIFIED
        assert "piece_signature_unreadable" in {finding.code for finding in result.findings}


def test_a_forged_main_piece_is_not_healed_by_good_ones() -> None:
    forged = replace(one(), signed_bytes=b"{}", more_signatures=(piece(one(kwh=5)),))
    assert check(forged).signature.status is SignatureStatus.INVALID


def test_a_format_that_prescribes_raw_signatures_takes_nothing_else() -> None:
    raw = registry.decode(
        "OCMF",
        OcmfMeter("secp256r1", signature_shape="raw").session_record(Decimal(1), Decimal(2), START, END),
    )
    lax = check(raw)
    assert lax.signature.status is SignatureStatus.VALID
    assert "signature_raw" in {finding.code for finding in lax.findings}
    native = check(replace(raw, signature=replace(raw.signature, native="raw")))
    assert native.signature.status is SignatureStatus.VALID
    assert not native.findings
    der = check(replace(one(), signature=replace(one().signature, native="raw")))
    assert (der.signature.status, der.signature.reason) == (SignatureStatus.INVALID, "malformed_signature")


RECORD = one()
STATION = RECORD.meter.serial or ""


@pytest.mark.parametrize(
    ("name", "named"),
    [
        (f"{STATION}.pem", True),
        (f"keys/{STATION}-publicKey.pem", True),
        (f"{STATION.lower()}_Public_Key.chargy", True),
        (f"{STATION}0.pem", False),
        ("publicKey.pem", False),
        (".pem", False),
    ],
)
def test_key_files_named_after_the_station(name: str, named: bool) -> None:
    assert names_station(RECORD, name) is named


def test_a_key_named_after_the_station_judges() -> None:
    fits = check(RECORD, "", (BesideKey(f"{STATION}.pem", KEY),))
    assert fits.signature.status is SignatureStatus.VALID
    assert fits.key is not None
    assert (fits.key.source, fits.key.trust) == (KeySource.DOCUMENT, KeyTrust.UNCONFIRMED)
    wrong = check(RECORD, "", (BesideKey(f"{STATION}.pem", OTHER.public_key_text()),))
    assert wrong.signature.status is SignatureStatus.INVALID


def test_a_key_of_another_name_may_prove_and_never_accuses() -> None:
    fits = check(RECORD, "", (BesideKey("other.pem", KEY),))
    assert fits.signature.status is SignatureStatus.VALID
    assert "key_named_otherwise" in {finding.code for finding in fits.findings}
    foreign = check(RECORD, "", (BesideKey("other.pem", OTHER.public_key_text()),))
    assert (foreign.signature.status, foreign.signature.reason) == (SignatureStatus.UNVERIFIED, "no_key")
