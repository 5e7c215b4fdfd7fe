"""Records without a container: one at a time, many at once, and what comes with them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from eichrecht.evidence import Document, KeySource, KeyTrust, Reading, RecordVerdict, Verdict
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats import registry
from eichrecht.formats.errors import MalformedRecordError
from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.rules.policy import PlausibilityPolicy
from eichrecht.rules.profiles import Profile
from eichrecht.signatures.keys import read_key
from eichrecht.verification import Verifier, sessions
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.pipeline import BLOCK
from sample_meters.cases import all_cases
from sample_meters.ocmf import OcmfMeter

START = datetime(2026, 3, 2, 17, tzinfo=UTC)
METER = OcmfMeter("secp256r1", serial="RECORDS1")
KEY = METER.public_key_text()
OTHER_KEY = OcmfMeter("secp256r1", serial="RECORDS1", key_label="other").public_key_text()
SESSION = METER.session_record(Decimal("1.000"), Decimal("4.250"), START, START + timedelta(hours=1))
GIVEN = SuppliedKey(KEY, "--key")


def codes(verdict: RecordVerdict) -> set[str]:
    return {finding.code for finding in verdict.findings}


def many() -> list[bytes]:
    """Return good, tampered, cut and foreign records, more than two blocks of them."""
    some = [
        SESSION,
        SESSION.replace(b"4.250", b"4.350"),
        SESSION[:200],
        b"no record",
        b"",
        METER.begin_record(Decimal("7.000"), START),
        SESSION + b"\n" + SESSION,
        SESSION.replace(b'"MS":', b'"MS":"X","MS":'),
    ]
    some += [case.content for case in all_cases() if case.suffix == ".ocmf"]
    return (some * (2 * BLOCK // len(some) + 2))[: 2 * BLOCK + 5]


@pytest.mark.parametrize("profile", list(Profile))
def test_many_records_get_the_verdicts_of_each(profile: Profile) -> None:
    verifier = Verifier(keys=[GIVEN], profile=profile)
    contents = many()
    verdicts = list(verifier.verify_records(contents))
    assert [verdict.index for verdict in verdicts] == list(range(len(contents)))
    for content, verdict in zip(contents, verdicts, strict=True):
        assert dataclasses.replace(verdict, index=0) == verifier.verify_record(content)
    outcomes = {verdict.verdict for verdict in verdicts}
    assert outcomes == set(Verdict) or profile is Profile.SAFE_1_4_1


def test_records_are_taken_a_block_ahead_and_no_further() -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield SESSION

    verdicts = Verifier(keys=[GIVEN]).verify_records(endless())
    assert taken == 0
    for _ in range(BLOCK):
        assert next(verdicts).verdict is Verdict.VALID
    assert taken == BLOCK
    assert next(verdicts).index == BLOCK
    assert taken == 2 * BLOCK
    assert list(Verifier().verify_records([])) == []


def test_a_record_alone_is_judged_with_its_session() -> None:
    verifier = Verifier(keys=[GIVEN])
    good = verifier.verify_record(SESSION)
    assert (good.verdict, good.index, good.where, good.layers) == (Verdict.VALID, 0, "", ())
    assert good.format == "OCMF"
    backwards = METER.session_record(Decimal("4.250"), Decimal("1.000"), START, START + timedelta(hours=1))
    bad = verifier.verify_record(backwards)
    assert (bad.verdict, bad.signature.status.value) == (Verdict.INVALID, "valid")
    assert "value_decreases" in codes(bad)


def test_what_cannot_be_read_is_said() -> None:
    verifier = Verifier(keys=[GIVEN])
    foreign = verifier.verify_record(b"<?xml version='1.0'?><values/>")
    assert (foreign.verdict, foreign.format, foreign.record) == (Verdict.INDETERMINATE, None, None)
    assert codes(foreign) == {"record_not_recognised"}
    cut = verifier.verify_record(SESSION[:300])
    assert (cut.verdict, cut.signature.reason, cut.record) == (Verdict.INDETERMINATE, "unreadable", None)
    assert codes(cut) == {"ocmf_payload_cut_off"}
    assert "text_after_record" in codes(verifier.verify_record(SESSION + b"\n" + SESSION))
    assert registry.decode_any(b"OCM") is None
    with pytest.raises(MalformedRecordError):
        registry.decode_any(SESSION[:300])


def test_a_key_that_comes_with_the_record_is_unconfirmed_and_gives_way() -> None:
    alone = Verifier().verify_record(SESSION, KEY)
    assert alone.key is not None
    assert (alone.verdict, alone.key.source, alone.key.trust) == (
        Verdict.VALID,
        KeySource.DOCUMENT,
        KeyTrust.UNCONFIRMED,
    )
    assert "key_unconfirmed" in codes(alone)
    given = Verifier(keys=[GIVEN]).verify_record(SESSION, OTHER_KEY)
    assert given.key is not None
    assert (given.verdict, given.key.trust) == (Verdict.VALID, KeyTrust.SUPPLIED)
    assert "keys_disagree" in codes(given)
    wrong = Verifier(keys=[SuppliedKey(OTHER_KEY, "--key")]).verify_record(SESSION, KEY)
    assert (wrong.verdict, wrong.signature.reason) == (Verdict.INVALID, "wrong_key")
    assert Verifier().verify_record(SESSION).signature.reason == "no_key"
    assert Verifier().verify_record(SESSION, " ").signature.reason == "no_key"
    assert Verifier().verify_record(SESSION, "garbage!").signature.reason == "malformed_key"


def test_what_is_remembered_of_a_key_is_that_key_s_own() -> None:
    """The same key text once given, once in the document, once vouched for; in any order, on one process' caches."""
    known = MemoryKeyRing([KnownKey("CP1", read_key(KEY), KeySource.OPERATOR, meter_serial="RECORDS1")])
    expected = {
        Verifier(keys=[GIVEN]): (KeyTrust.SUPPLIED, None),
        Verifier(): (KeyTrust.UNCONFIRMED, None),
        Verifier(ring=known): (KeyTrust.CONFIRMED, "CP1"),
        Verifier(ring=known, keys=[GIVEN]): (KeyTrust.CONFIRMED, "CP1"),
    }
    for _ in range(2):
        for verifier, (trust, matched) in expected.items():
            verdict = verifier.verify_record(SESSION, KEY)
            assert verdict.key is not None
            assert (verdict.verdict, verdict.key.trust, verdict.key.matched) == (
                Verdict.VALID,
                trust,
                matched,
            )
            tampered = verifier.verify_record(SESSION.replace(b"4.250", b"4.350"), KEY)
            assert (tampered.verdict, tampered.signature.reason) == (Verdict.INVALID, "mismatch")


def test_algorithms_of_one_key_are_not_mixed_up() -> None:
    verifier = Verifier(keys=[GIVEN])
    shapes = [OcmfMeter("secp256r1", serial="RECORDS1", signature_shape=shape) for shape in ("der", "raw")]
    for meter in shapes * 2:
        record = meter.session_record(Decimal(1), Decimal(2), START, START + timedelta(hours=1))
        verdict = verifier.verify_record(record)
        assert verdict.verdict is Verdict.VALID
        assert ("signature_raw" in codes(verdict)) == (meter.signature_shape == "raw")


def test_a_session_in_one_record_is_judged_once(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = sessions.judge_transaction

    def counted(*arguments: object, **options: object) -> object:
        calls.append(arguments)
        return real(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(sessions, "judge_transaction", counted)
    (transaction,) = Verifier(keys=[GIVEN]).verify(Document("d", SESSION)).transactions
    assert (transaction.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("3.250"))
    assert transaction.duration_s == 3600
    assert not calls
    pair = (
        METER.begin_record(Decimal(1), START)
        + b"\n"
        + METER.end_record(Decimal(2), START + timedelta(hours=1))
    )
    Verifier(keys=[GIVEN]).verify(Document("d", pair))
    assert len(calls) == 1


def test_cheaply_made_evidence_is_ordinary_evidence() -> None:
    made = positional_constructor(RecordVerdict)
    plain = Verifier(keys=[GIVEN]).verify_record(SESSION)
    values = [getattr(plain, field.name) for field in dataclasses.fields(RecordVerdict)]
    copy = made(*values)
    assert type(copy) is RecordVerdict
    assert copy == RecordVerdict(*values)
    assert repr(copy) == repr(RecordVerdict(*values))
    with pytest.raises(dataclasses.FrozenInstanceError):
        copy.index = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        made(*values[:3])
    assert dataclasses.replace(copy, index=7).index == 7
    assert plain.record is not None
    assert hash(plain.record.readings[0]) == hash(
        Reading(**{f.name: getattr(plain.record.readings[0], f.name) for f in dataclasses.fields(Reading)})
    )


def test_a_class_that_cannot_be_made_cheaply_is_made_as_always() -> None:
    @dataclasses.dataclass(frozen=True)
    class WithoutSlots:
        value: int

    assert positional_constructor(WithoutSlots)(5) == WithoutSlots(5)


def test_limits_of_plausibility_are_the_caller_s() -> None:
    """A yard of megawatt trucks sees other sessions than a car park does; the verdict stays the same."""
    meter, end = OcmfMeter("secp256r1"), START + timedelta(hours=1)
    key = [SuppliedKey(meter.public_key_text(), "--key")]
    one, pair = meter.session_record(Decimal(0), Decimal(29), START, end), OcmfMeter("secp256r1")
    two = pair.begin_record(Decimal(0), START) + b"\n" + pair.end_record(Decimal(29), end)
    for content in (one, two):
        for limit, said in ((Decimal(500), False), (Decimal(20), True)):
            policy = PlausibilityPolicy(max_energy_kwh=limit)
            verdict = Verifier(keys=key, plausibility=policy).verify(Document("d", content))
            (transaction,) = verdict.transactions
            assert verdict.verdict is Verdict.VALID
            assert ("energy_implausible" in {finding.code for finding in transaction.findings}) == said
