"""Sealed records through the pipeline: which key may open one, and what is shown when none may."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from eichrecht.evidence import Document, KeySource, KeyTrust, RecordVerdict, SignatureStatus, Verdict
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.rules.profiles import Profile
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import MAX_OTHER_KEYS_TRIED, SuppliedKey
from sample_meters._sealing import Sealing, SealKey
from sample_meters.keys import sample_key
from sample_meters.meter import SampleCase
from sample_meters.ocmf import OcmfMeter
from sample_meters.sealed_ocmf import BEGIN_KWH, END, END_KWH, START, SealedOcmfMeter, cases, sealed_xml

CASES = list(cases())
KEY, STRANGER = SealKey().text(), SealKey("stranger").text()
SESSION = SealedOcmfMeter().session_record(BEGIN_KWH, END_KWH, START, END)


def known(text: str, meter: str | None) -> KnownKey:
    return KnownKey(meter or "unbound", read_key(text), KeySource.OPERATOR, meter_serial=meter)


def judged(
    content: bytes = SESSION,
    *keys: str,
    beside: str | None = None,
    ring: tuple[KnownKey, ...] = (),
    profile: Profile = Profile.STRICT,
) -> RecordVerdict:
    supplied = [SuppliedKey(text, "--key") for text in keys]
    verifier = (
        Verifier(keys=supplied, ring=MemoryKeyRing(ring), profile=profile)
        if ring
        else Verifier(keys=supplied, profile=profile)
    )
    return verifier.verify_record(content, beside)


def outcome(record: RecordVerdict) -> tuple[str, str, str | None]:
    return record.verdict.value, record.signature.status.value, record.signature.reason


def shows_nothing(record: RecordVerdict) -> bool:
    inside = record.record
    return inside is not None and not inside.readings and inside.meter.serial is None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_cases(case: SampleCase) -> None:
    keys = [SuppliedKey(case.public_key_text, "--key")] if case.public_key_text else []
    verdict = Verifier(keys=keys).verify(Document(case.name, case.content))
    assert verdict.verdict.value == case.expected_verdict
    for record in verdict.records:
        if record.signature.status is SignatureStatus.VALID:
            assert record.signature.algorithm == "SAFESeal"
        elif record.record is not None and record.signature.reason != "seal_inconclusive":
            assert shows_nothing(record)


def test_a_fitting_key_opens_it_and_names_the_algorithm() -> None:
    record = judged(SESSION, KEY)
    assert outcome(record) == ("valid", "valid", None)
    assert record.signature.algorithm == "SAFESeal"
    assert record.key is not None
    assert record.key.trust is KeyTrust.SUPPLIED
    assert record.record is not None
    assert [str(reading.energy_kwh) for reading in record.record.readings] == ["1200.5000", "1231.7500"]


def test_without_a_key_nothing_is_known() -> None:
    record = judged()
    assert outcome(record) == ("indeterminate", "unverified", "no_key")
    assert shows_nothing(record)


def test_a_wrong_key_shows_nothing_and_the_right_one_is_named() -> None:
    record = judged(SESSION, STRANGER, beside=KEY)
    assert outcome(record) == ("invalid", "invalid", "wrong_key")
    assert shows_nothing(record)
    assert outcome(judged(SESSION, STRANGER)) == ("invalid", "invalid", "mismatch")


def test_a_key_of_another_kind_cannot_open_it() -> None:
    record = judged(SESSION, sample_key("secp256r1").text())
    assert outcome(record) == ("indeterminate", "unverified", "malformed_key")
    assert "key_curve_mismatch" in {finding.code for finding in record.findings}
    assert shows_nothing(record)


def test_a_key_bound_to_the_meter_inside_decides_although_the_meter_is_hidden() -> None:
    """The document's key opens the record, but the meter that it names has another key in the ring."""
    record = judged(beside=KEY, ring=(known(STRANGER, "SEALED0001"),))
    assert outcome(record) == ("invalid", "invalid", "wrong_key")
    assert shows_nothing(record)
    record = judged(beside=KEY, ring=(known(KEY, "SEALED0001"),))
    assert outcome(record) == ("valid", "valid", None)
    assert record.key is not None
    assert (record.key.trust, record.key.matched) == (KeyTrust.CONFIRMED, "SEALED0001")


def test_a_key_bound_to_another_meter_vouches_for_nothing() -> None:
    record = judged(beside=KEY, ring=(known(KEY, "OTHER"),))
    assert record.signature.status is SignatureStatus.VALID
    assert record.key is not None
    assert record.key.trust is KeyTrust.UNCONFIRMED
    assert "key_of_other_meter" in {finding.code for finding in record.findings}
    # Nor may it be found by trial: the ring says that it belongs to another meter.
    assert outcome(judged(ring=(known(KEY, "OTHER"),))) == ("indeterminate", "unverified", "no_key")


def test_the_rings_unbound_keys_are_tried() -> None:
    record = judged(ring=(known(STRANGER, None), known(KEY, None)))
    assert outcome(record) == ("valid", "valid", None)
    assert record.key is not None
    assert record.key.trust is KeyTrust.CONFIRMED


def test_a_bound_key_of_the_ring_opens_it_alone() -> None:
    ring = (known(STRANGER, "OTHER"), known(KEY, "SEALED0001"))
    record = judged(ring=ring)
    assert outcome(record) == ("valid", "valid", None)
    assert record.key is not None
    assert (record.key.trust, record.key.matched) == (KeyTrust.CONFIRMED, "SEALED0001")
    # Not even a key given for this check comes before it.
    assert outcome(judged(SESSION, STRANGER, ring=ring)) == ("valid", "valid", None)


def test_hostile_records_do_not_try_the_ring_for_ever() -> None:
    tried = []

    class Counting(MemoryKeyRing):
        def all_keys(self) -> Sequence[KnownKey]:
            tried.append(1)
            return super().all_keys()

    changed = bytearray(SESSION)
    changed[-300] ^= 1
    ring = Counting([known(KEY, f"M{number}") for number in range(MAX_OTHER_KEYS_TRIED + 50)])
    verifier = Verifier(ring=ring)
    content = sealed_xml([(bytes(changed), None)] * 5, None, transaction=False)
    verdict = verifier.verify(Document("x", content))
    assert len(verdict.records) == 5
    assert all(outcome(record)[0] != "valid" for record in verdict.records)
    assert any("key_trials_ended" in {f.code for f in record.findings} for record in verdict.records)


# --- the signature inside


SIGNED = SealedOcmfMeter(signed=True).session_record(BEGIN_KWH, END_KWH, START, END)
INNER_KEY = sample_key("secp256r1").text()


def test_the_signature_inside_is_judged_if_there_is_a_key_for_it() -> None:
    record = judged(SIGNED, KEY, INNER_KEY)
    assert outcome(record) == ("valid", "valid", None)
    assert "sealed_ocmf_inner_signature_valid" in {finding.code for finding in record.findings}
    wrong = judged(SIGNED, KEY, sample_key("secp256r1", "stranger").text())
    assert outcome(wrong) == ("invalid", "invalid", "mismatch")
    assert wrong.signature.algorithm == "ECDSA-secp256r1-SHA256"


def test_the_signature_inside_without_a_key_is_a_warning() -> None:
    record = judged(SIGNED, KEY)
    assert outcome(record) == ("valid", "valid", None)
    warnings = {finding.code for finding in record.findings if finding.severity == "warning"}
    assert {"sealed_ocmf_inner_signature_unchecked", "sealed_ocmf_weak"} <= warnings


def test_a_key_with_more_authority_that_does_not_fit_is_not_overruled() -> None:
    ring = (known(sample_key("secp256r1", "stranger").text(), "SEALED0001"), known(KEY, "SEALED0001"))
    record = judged(SIGNED, INNER_KEY, ring=ring)
    assert outcome(record) == ("invalid", "invalid", "mismatch")


# --- profile, identity, batches


@pytest.mark.parametrize("name", ["filling", "compressed", "latin-1"])
def test_the_official_program_looks_no_further_than_that_it_opens(name: str) -> None:
    (case,) = [item for item in CASES if item.name == f"sealed-ocmf-{name}"]
    assert judged(case.content, KEY).signature.reason == "seal_inconclusive"
    official = judged(case.content, KEY, profile=Profile.SAFE_1_4_1)
    assert official.signature.status is SignatureStatus.VALID


def test_the_same_record_with_and_without_its_seal_is_one_record() -> None:
    """Else a session could be billed twice (docs/decisions.md H1)."""
    device = SealedOcmfMeter(signed=True)
    plain = device.meter.session_record(BEGIN_KWH, END_KWH, START, END)
    sealed = Sealing().seal(plain)
    first, second = judged(sealed, KEY).record, judged(plain, INNER_KEY).record
    assert first is not None
    assert second is not None
    assert first.identity == second.identity


def test_a_text_record_cannot_ask_for_the_seal() -> None:
    assert parse_algorithm("SAFESeal") is None
    record = OcmfMeter("secp256r1", algorithm_text="SAFESeal").session_record(BEGIN_KWH, END_KWH, START, END)
    assert outcome(judged(record, KEY)) == ("indeterminate", "unverified", "unsupported_algorithm")


def test_many_records_in_one_pass() -> None:
    verdicts = list(
        Verifier(keys=[SuppliedKey(KEY, "--key")]).verify_records([SESSION, b"x", SIGNED, SESSION])
    )
    assert [item.verdict for item in verdicts] == [
        Verdict.VALID, Verdict.INDETERMINATE, Verdict.VALID, Verdict.VALID,
    ]  # fmt: skip
