"""Flipped bits in the sample documents of every format but OCMF (which has its own, stricter file).

Whatever bit of a document falls, nothing but what was signed may be shown as verified, and a verdict may stay valid
only if signed bytes and signatures are still the original ones. ``EICHRECHT_ALL_BITS=1`` flips every bit; the
ordinary run takes a stride that meets every byte's neighbourhood and all eight bits.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from eichrecht.evidence import Document, DocumentVerdict, SignatureStatus, SignedRecord, Verdict
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.cases import SampleCase, all_cases

ALL_BITS = os.environ.get("EICHRECHT_ALL_BITS") == "1"
FLIPS = 120
"""Flips per document in the ordinary run."""

VALID = [case for case in all_cases() if case.format != "OCMF" and case.expected_verdict == "valid"]


def what_is_shown(record: SignedRecord) -> tuple[Any, ...]:
    """Everything of a record that a reader would take for signed."""
    pieces = tuple((piece.signed_bytes, piece.signature.value) for piece in record.more_signatures)
    return (
        record.signed_bytes,
        record.signature.value,
        pieces,
        record.readings,
        record.meter,
        record.gateway,
        record.identification,
        record.pagination,
        record.session,
    )


@pytest.mark.parametrize("case", VALID, ids=lambda case: case.name)
def test_no_flipped_bit_shows_anything_but_what_was_signed(case: SampleCase) -> None:
    keys = [SuppliedKey(case.public_key_text, "--key")] if case.public_key_text else []
    verifier = Verifier(keys=keys)

    def verify(content: bytes) -> DocumentVerdict:
        return verifier.verify(Document("flipped", content))

    original = verify(case.content)
    assert original.verdict is Verdict.VALID
    genuine = {what_is_shown(entry.record) for entry in original.records if entry.record is not None}
    count = 8 * len(case.content)
    stride = 1 if ALL_BITS else max(1, count // FLIPS) | 1
    failed = 0
    for bit in range(0, count, stride):
        changed = bytearray(case.content)
        changed[bit // 8] ^= 1 << bit % 8
        verdict = verify(bytes(changed))
        failed += verdict.verdict is not Verdict.VALID
        shown = {
            what_is_shown(entry.record)
            for entry in verdict.records
            if entry.record is not None and entry.signature.status is SignatureStatus.VALID
        }
        assert shown <= genuine, f"bit {bit}"
        energies = {t.id: t.energy_kwh for t in verdict.transactions if t.verdict is Verdict.VALID}
        assert set(energies.values()) <= {t.energy_kwh for t in original.transactions}, f"bit {bit}"
    assert failed, "no flip was ever noticed"
