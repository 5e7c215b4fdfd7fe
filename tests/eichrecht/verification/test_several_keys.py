"""A session whose records fit different keys: whoever forges one end can sign it, and bring the key along."""

from __future__ import annotations

from decimal import Decimal

import pytest

from eichrecht.evidence import Document, DocumentVerdict, KeySource, KeyTrust, SignatureStatus, Verdict
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.rules.profiles import Profile
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters._ocmf_good import BEGIN_KWH, END, END_KWH, START
from sample_meters.alfen import END_WH, AlfenMeter, lines
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml

GENUINE, FORGER = AlfenMeter(), AlfenMeter(key_label="forger")
FORGED = lines(GENUINE.begin(), FORGER.end(value=END_WH + 50_000))


def verify(content: bytes, profile: Profile = Profile.STRICT) -> DocumentVerdict:
    return Verifier(profile=profile).verify(Document("test", content))


@pytest.mark.parametrize("profile", Profile)
def test_one_end_signed_by_another_key(profile: Profile) -> None:
    verdict = verify(FORGED, profile)
    assert [record.signature.status for record in verdict.records] == [SignatureStatus.VALID] * 2
    assert [record.verdict for record in verdict.records] == [Verdict.VALID] * 2
    (transaction,) = verdict.transactions
    assert (transaction.verdict, verdict.verdict) == (Verdict.INDETERMINATE,) * 2
    assert "transaction_keys_differ" in {finding.code for finding in transaction.findings}
    assert (transaction.billable.energy, transaction.billable.duration) == (False, False)
    assert "transaction_keys_differ" in transaction.billable.reasons


def test_a_given_key_says_which_end_is_forged() -> None:
    keys = [SuppliedKey(GENUINE.public_key_text(), "--key")]
    verdict = Verifier(keys=keys).verify(Document("test", FORGED))
    assert [record.verdict for record in verdict.records] == [Verdict.VALID, Verdict.INVALID]
    assert verdict.verdict is Verdict.INVALID


def test_keys_of_values_in_safe_xml() -> None:
    meter, forger = OcmfMeter("secp256r1"), OcmfMeter("secp256r1", key_label="forger", page=2)
    begin = SafeValue(meter.begin_record(BEGIN_KWH, START), meter.public_key_text(), "5", "Transaction.Begin")
    end = SafeValue(
        forger.end_record(END_KWH + Decimal(50), END), forger.public_key_text(), "5", "Transaction.End"
    )
    verdict = verify(safe_xml([begin, end]))
    assert [record.verdict for record in verdict.records] == [Verdict.VALID] * 2
    assert verdict.verdict is Verdict.INDETERMINATE


def test_the_same_key_in_another_shape_is_the_same_key() -> None:
    values = [
        SafeValue(GENUINE.begin(), GENUINE.public_key_text("spki-hex"), "5", "Transaction.Begin"),
        SafeValue(GENUINE.end(), GENUINE.public_key_text("raw-xy-hex"), "5", "Transaction.End"),
    ]
    assert verify(safe_xml(values)).verdict is Verdict.VALID


def test_sessions_of_two_meters_in_one_document_do_not_disturb_each_other() -> None:
    one, other = OcmfMeter("secp256r1"), OcmfMeter("secp256r1", "SAMPLE0002", key_label="other")
    values = [
        SafeValue(meter.session_record(BEGIN_KWH, END_KWH, START, END), meter.public_key_text())
        for meter in (one, other)
    ]
    verdict = verify(safe_xml(values))
    assert verdict.verdict is Verdict.VALID
    assert len(verdict.transactions) == 2


def test_a_key_replaced_by_the_operator_during_a_session() -> None:
    ring = MemoryKeyRing(
        KnownKey(
            "meter 7",
            read_key(meter.public_key_text()),
            KeySource.OPERATOR,
            meter_serial="0A0153414D0000000007",
        )
        for meter in (GENUINE, FORGER)
    )
    verdict = Verifier(ring=ring).verify(Document("test", lines(GENUINE.begin(), FORGER.end())))
    assert {record.key.trust for record in verdict.records if record.key} == {KeyTrust.CONFIRMED}
    assert verdict.verdict is Verdict.VALID
