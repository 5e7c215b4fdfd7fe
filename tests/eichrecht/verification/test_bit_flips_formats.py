"""Flipped bits in the sample documents of every format but OCMF (which has its own, stricter file).

Whatever bit of a document falls, nothing but what was signed may be shown as verified, and a verdict may stay valid
only if signed bytes and signatures are still the original ones. Whole documents are flipped with a stride that
meets all eight bits; the records in them bit by bit with ``EICHRECHT_ALL_BITS=1``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import pytest

from eichrecht.containers import unwrap
from eichrecht.evidence import (
    Document,
    DocumentVerdict,
    SignatureStatus,
    SignedRecord,
    TransactionVerdict,
    Verdict,
)
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.cases import SampleCase, all_cases

ALL_BITS = os.environ.get("EICHRECHT_ALL_BITS") == "1"
FLIPS = 120
"""Flips per document in the ordinary run."""

VALID = [case for case in all_cases() if case.format != "OCMF" and case.expected_verdict == "valid"]


NO_VALUES = ("raw", "findings", "signature", "more_signatures", "embedded_key", "attestations")
"""Fields of a record that are no values: what was received, what was noticed, and how it is said to be signed."""

JUDGEMENTS = ("unambiguous", "contradictions", "official_refusals", "claimed_role", "version")
"""What decoding says about unsigned bytes beside the values; a version that changes makes no valid record."""


def what_is_shown(record: SignedRecord) -> tuple[Any, ...]:
    """Everything of a record that a reader would take for signed, with the signatures over it."""
    pieces = tuple((piece.signed_bytes, piece.signature.value) for piece in record.more_signatures)
    values = [getattr(record, one.name) for one in fields(record) if one.name not in NO_VALUES + JUDGEMENTS]
    return (record.signature.value, pieces, *values)


LABELS = ("EDIFACT_MSCONS", "BSM_WS36A")
"""Formats whose version is an unsigned label by which nothing is read differently: the code in an interchange's UNH
(E8), the 0 or 1 at the end of a BSM snapshot's ``@context``."""


def version_of(record: SignedRecord) -> str | None:
    """Return the version by which a record is read."""
    return None if record.format in LABELS else record.version


def what_is_billed(transaction: TransactionVerdict) -> tuple[Any, ...]:
    ends = [end and (end.energy_kwh, end.time, end.time_text) for end in (transaction.begin, transaction.end)]
    return (transaction.energy_kwh, transaction.duration_s, transaction.billable, *ends)


def stride_of(count: int) -> int:
    return max(1, count // FLIPS) | 1


def flipped(content: bytes, bit: int) -> bytes:
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def hold_against(original: DocumentVerdict, verdicts: Iterator[tuple[int, DocumentVerdict]]) -> None:
    """Fail if a flipped document shows, as verified, anything that the original did not show."""
    genuine = {what_is_shown(entry.record) for entry in original.records if entry.record is not None}
    versions = {version_of(entry.record) for entry in original.records if entry.record is not None}
    sessions = {what_is_billed(transaction) for transaction in original.transactions}
    failed = 0
    for bit, verdict in verdicts:
        failed += verdict.verdict is not Verdict.VALID
        shown = {
            what_is_shown(entry.record)
            for entry in verdict.records
            if entry.record is not None and entry.signature.status is SignatureStatus.VALID
        }
        assert shown <= genuine, f"bit {bit}"
        sound = [entry.record for entry in verdict.records if entry.verdict is Verdict.VALID]
        assert {version_of(record) for record in sound if record is not None} <= versions, f"bit {bit}"
        billed = {what_is_billed(t) for t in verdict.transactions if t.verdict is Verdict.VALID}
        assert billed <= sessions, f"bit {bit}"
    assert failed, "no flip was ever noticed"


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
def test_no_flipped_bit_of_a_document_shows_anything_but_what_was_signed(case: SampleCase) -> None:
    keys = [SuppliedKey(case.public_key_text, "--key")] if case.public_key_text else []
    verifier = Verifier(keys=keys)

    def verify(content: bytes) -> DocumentVerdict:
        return verifier.verify(Document("flipped", content))

    original = verify(case.content)
    assert original.verdict is Verdict.VALID
    count = 8 * len(case.content)
    bits = range(0, count, stride_of(count))
    hold_against(original, ((bit, verify(flipped(case.content, bit))) for bit in bits))


@dataclass(frozen=True)
class Bare:
    """A record without its containers, with the key that its document brought."""

    name: str
    content: bytes
    key_text: str | None
    detached_signature: bytes | None


def bare_records() -> list[Bare]:
    found: dict[tuple[bytes, bytes | None], Bare] = {}
    for case in VALID:
        for number, part in enumerate(unwrap(Document("d", case.content), registry.recognise).parts):
            keys = [case.public_key_text, part.key_text, *(key.text for key in part.beside_keys)]
            key_text = next((key for key in keys if key), None)
            bare = Bare(f"{case.name}-{number}", part.content, key_text, part.detached_signature)
            found.setdefault((part.content, part.detached_signature), bare)
    return list(found.values())


@pytest.mark.parametrize("bare", bare_records(), ids=lambda bare: bare.name)
def test_no_flipped_bit_of_a_record_or_its_signature_passes(bare: Bare) -> None:
    verifier = Verifier(keys=[SuppliedKey(bare.key_text, "--key")] if bare.key_text else [])

    def verify(content: bytes, signature: bytes | None) -> DocumentVerdict:
        return verifier.verify(Document("flipped", content, detached_signature=signature))

    original = verify(bare.content, bare.detached_signature)
    assert all(entry.signature.status is SignatureStatus.VALID for entry in original.records)
    assert original.records

    def all_flips() -> Iterator[tuple[int, DocumentVerdict]]:
        count = 8 * len(bare.content)
        for bit in range(0, count, 1 if ALL_BITS else stride_of(count)):
            yield bit, verify(flipped(bare.content, bit), bare.detached_signature)
        if bare.detached_signature is not None:
            for bit in range(8 * len(bare.detached_signature)):
                yield count + bit, verify(bare.content, flipped(bare.detached_signature, bit))

    hold_against(original, all_flips())
