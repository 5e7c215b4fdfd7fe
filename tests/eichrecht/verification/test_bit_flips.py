"""No single flipped bit passes: neither in what is signed, nor in the signature, nor around them.

Three records - on P-256, secp192k1 and brainpoolP256r1, that is one per verification backend - are flipped
exhaustively, every bit of every byte through the whole verification. The other bare sample records with a valid
signature are flipped at every ``STRIDE``-th bit, so that all byte positions of a kind and all eight bits occur.
Nothing is random: a failure names the bit, and comes again. ``EICHRECHT_ALL_BITS=1 uv run pytest -n auto`` on this
file flips every bit of every record, which takes too long for each run.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator, Sequence

import pytest

from eichrecht.evidence import Document, DocumentVerdict, SignatureStatus, SignedRecord, Verdict
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.cases import SampleCase, all_cases

EXHAUSTIVE = ("ocmf-curve-secp256r1", "ocmf-curve-secp192k1", "ocmf-curve-brainpool256r1")
STRIDE = 89
"""Prime to 8, so that every bit of a byte has its turn; some 60 bits of each record."""

BARE = [
    case
    for case in all_cases()
    if case.expected_signature == "valid" and case.content.lstrip(b"\xef\xbb\xbf \r\n").startswith(b"OCMF")
]
ALL_BITS = os.environ.get("EICHRECHT_ALL_BITS") == "1"
ALL = [
    pytest.param(case, 1 if ALL_BITS or case.name in EXHAUSTIVE else STRIDE, id=case.name) for case in BARE
]


class Flipper:
    """A sample and its verdict before anything was flipped."""

    def __init__(self, case: SampleCase) -> None:
        keys = [SuppliedKey(case.public_key_text, "--key")] if case.public_key_text else []
        self._verifier = Verifier(keys=keys)
        self.content = case.content
        self.verdict = self.verify(case.content)
        self.records = [record.record for record in self.verdict.records if record.record is not None]
        assert self.records
        assert all(record.signature.status is SignatureStatus.VALID for record in self.verdict.records)

    def verify(self, content: bytes) -> DocumentVerdict:
        return self._verifier.verify(Document("flipped", content))

    def signed_spans(self) -> list[tuple[int, int]]:
        spans = []
        for record in self.records:
            assert self.content.count(record.signed_bytes) == 1
            start = self.content.index(record.signed_bytes)
            spans.append((start, start + len(record.signed_bytes)))
        return spans


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def bits(start: int, end: int, stride: int) -> Iterator[int]:
    """Yield bits of the bytes from ``start`` to ``end``: all, or every ``stride``-th."""
    yield from range(8 * start, 8 * end, stride)


def verified(verdict: DocumentVerdict) -> list[SignedRecord]:
    """Return the records that a reader would take for signed."""
    return [
        record.record
        for record in verdict.records
        if record.signature.status is SignatureStatus.VALID and record.record is not None
    ]


def is_one_of(record: SignedRecord, originals: Sequence[SignedRecord]) -> bool:
    """Whether everything that is shown of a record is what was signed in one of the originals."""
    return any(
        (record.signed_bytes, record.readings, record.meter, record.gateway, record.charge_point)
        == (other.signed_bytes, other.readings, other.meter, other.gateway, other.charge_point)
        and (record.identification, record.pagination, record.tariff_text, record.loss_compensation)
        == (other.identification, other.pagination, other.tariff_text, other.loss_compensation)
        for other in originals
    )


def test_one_sample_per_backend_and_most_of_the_rest() -> None:
    names = {case.name for case in BARE}
    assert set(EXHAUSTIVE) <= names
    assert len(names) >= 70


@pytest.mark.parametrize(("case", "stride"), ALL)
def test_no_flipped_bit_of_the_signed_bytes_passes(case: SampleCase, stride: int) -> None:
    flipper = Flipper(case)
    for number, (start, end) in enumerate(flipper.signed_spans()):
        others = [record for other, record in enumerate(flipper.records) if other != number]
        for bit in bits(start, end, stride):
            verdict = flipper.verify(flipped(flipper.content, bit))
            assert all(is_one_of(record, others) for record in verified(verdict)), bit
            assert verdict.verdict is not Verdict.VALID or is_reported_as_text(verdict, others), bit


def is_reported_as_text(verdict: DocumentVerdict, others: Sequence[SignedRecord]) -> bool:
    """Whether a record beside others is no record any more (its first brace fell) and is reported as loose text."""
    codes = {finding.code for finding in verdict.findings}
    return "text_around_records" in codes and len(verdict.records) == len(others) > 0


@pytest.mark.parametrize(("case", "stride"), ALL)
def test_no_flipped_bit_of_the_signature_passes(case: SampleCase, stride: int) -> None:
    """The octets behind the text: each flipped, and written again in the record's own text encoding."""
    flipper = Flipper(case)
    claim = flipper.records[0].signature
    assert claim.value is not None
    written = written_signature(flipper.content, claim.value)
    others = flipper.records[1:]
    # Signatures are short, so all records get more than their share: more than one bit of every two bytes.
    for bit in bits(0, len(claim.value), min(stride, 13)):
        changed = flipped(claim.value, bit)
        text = changed.hex().upper() if claim.encoding == "hex" else base64.b64encode(changed).decode()
        verdict = flipper.verify(flipper.content.replace(written, text.encode(), 1))
        assert verdict.verdict is not Verdict.VALID, bit
        assert verdict.records[0].signature.status is not SignatureStatus.VALID, bit
        assert all(is_one_of(record, others) for record in verified(verdict)), bit


def written_signature(content: bytes, value: bytes) -> bytes:
    (found,) = [
        text
        for text in (value.hex().upper().encode(), base64.b64encode(value))
        if content.count(b'"' + text + b'"') == 1
    ]
    return found


@pytest.mark.parametrize(("case", "stride"), ALL)
def test_no_flipped_bit_of_the_signature_text_passes_as_another_signature(
    case: SampleCase, stride: int
) -> None:
    """``A`` and ``a`` are one hexadecimal digit: such a flip changes no octet, and only then may it pass."""
    flipper = Flipper(case)
    claim = flipper.records[0].signature
    assert claim.value is not None
    start = flipper.content.index(written_signature(flipper.content, claim.value))
    end = start + len(written_signature(flipper.content, claim.value))
    others = flipper.records[1:]
    refused = 0
    for bit in bits(start, end, min(stride, 29)):
        verdict = flipper.verify(flipped(flipper.content, bit))
        for record in verdict.records:
            if record.record is None or record.signature.status is not SignatureStatus.VALID:
                continue
            same = record.record.signature.value == claim.value and is_one_of(record.record, flipper.records)
            assert same or is_one_of(record.record, others), bit
        refused += verdict.verdict is not Verdict.VALID
    assert refused


@pytest.mark.parametrize(("case", "stride"), ALL)
def test_flips_outside_the_signed_bytes_show_nothing_unsigned_as_verified(
    case: SampleCase, stride: int
) -> None:
    """Header, pipes, SA, SE, SM, member names, byte order mark: unprotected, so they must not decide values."""
    flipper = Flipper(case)
    spans = flipper.signed_spans()
    outside = [at for at in range(len(flipper.content)) if not any(start <= at < end for start, end in spans)]
    originals = {transaction.id: transaction for transaction in flipper.verdict.transactions}
    for number in range(0, 8 * len(outside), min(stride, 29)):
        verdict = flipper.verify(flipped(flipper.content, 8 * outside[number // 8] + number % 8))
        assert all(is_one_of(record, flipper.records) for record in verified(verdict)), number
        for transaction in verdict.transactions:
            if transaction.verdict is Verdict.VALID:
                original = originals[transaction.id]
                assert transaction.energy_kwh == original.energy_kwh, number
                assert transaction.billable == original.billable, number
                assert (transaction.begin, transaction.end) == (original.begin, original.end), number
