"""Records that only a public key opens: opening takes the place of the signature check.

Which key may open a record is decided as for any signature (verification/candidates.py), with one difference: the
record names its meter only once it is open. So it is opened with the keys at hand first, and then judged again as
the record of the meter that it names - a key that somebody vouches for and that is bound to that meter decides, and
where it does not open the record, nothing of what another key brought out is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from functools import cache
from itertools import chain

from eichrecht.evidence import (
    SignatureStatus,
    SignatureVerdict,
    SignedRecord,
    note,
    problem,
    warning,
)
from eichrecht.formats import registry
from eichrecht.formats.base import SealedFormat
from eichrecht.formats.sealed_ocmf import SEAL_ALGORITHM, SealedOcmfCode
from eichrecht.keyring.ring import KeyRing
from eichrecht.signatures.algorithms import SignatureAlgorithm, parse_algorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.codes import SignatureReason
from eichrecht.signatures.errors import UnusableKey
from eichrecht.signatures.keys import PublicKey
from eichrecht.verification.candidates import Candidate, known_candidate
from eichrecht.verification.keys import KeyedCheck, Tries
from eichrecht.verification.seal_check import ClosedRecord, Opener

# The operation of the seal is that of RSA-2048 without a padding scheme; the hash function is never used.
_RSA_2048 = parse_algorithm("RSA-2048-SHA256")
assert _RSA_2048 is not None  # noqa: S101 - the name is one of the table
SEAL = replace(_RSA_2048, name=SEAL_ALGORITHM)
"""Algorithm by which keys are chosen and that the verdict names; no record can ask for it."""


@cache
def sealed_formats() -> dict[str, SealedFormat]:
    """Return the formats whose records are closed, by name."""
    return {name: known for name, known in registry.formats().items() if isinstance(known, SealedFormat)}


def open_record(
    record: SignedRecord,
    keys: Iterable[PublicKey],
    check: Callable[[SignedRecord], KeyedCheck],
    *,
    strict: bool,
) -> tuple[SignedRecord, KeyedCheck]:
    """Open a closed record.

    Args:
        record: A record of one of :func:`sealed_formats`.
        keys: Every key that may be tried to find out which meter the record is of; what it brings out is only used
            for that.
        check: Chooses among the keys at hand and checks the record with them as a signature of :data:`SEAL`.
        strict: Whether a seal that proves nothing counts as not checked; the official program looks no further
            than that it opens.

    Returns:
        The record inside and the outcome; the closed record where no key with authority opened it.
    """
    sealed = sealed_formats()[record.format]
    looking = Opener(sealed, record.raw, strict)
    for key in keys:
        looking.check(SEAL, key)
        if looking.inside is not None:
            break
    # The seal hid which meter it is: now that it is known, a key bound to that meter decides.
    closed = _closed(looking.inside or record, record, Opener(sealed, record.raw, strict))
    keyed = check(closed)
    inside = closed.opener.inside
    if (
        inside is None
        or keyed.signature.status is SignatureStatus.INVALID
        or keyed.signature.reason == "no_key"
    ):
        return record, keyed
    return inside, keyed


def opening_keys(
    groups: Sequence[Sequence[Candidate]], strangers: Sequence[Candidate], ring: KeyRing, tries: Tries
) -> Iterator[PublicKey]:
    """Yield every RSA key at hand, then those of the ring, as far as the document's tries go."""
    for candidate in (*chain.from_iterable(groups), *strangers):
        key = _rsa_key(candidate)
        if key is not None:
            yield key
    for known, costs in tries.order(ring):
        key = _rsa_key(known_candidate(known))
        if key is None:
            continue
        if costs and not tries.spend():
            return
        yield key


def groups_for_seals(groups: Sequence[Sequence[Candidate]]) -> Sequence[Sequence[Candidate]]:
    """Leave keys of other kinds out: they are for the signature inside, and their kind says so beyond doubt."""
    kept = [[key for key in group if key.material is None or _rsa_key(key) is not None] for group in groups]
    return [group for group in kept if group] or groups


def _rsa_key(candidate: Candidate) -> PublicKey | None:
    try:
        return candidate.material.for_algorithm(SEAL) if candidate.material is not None else None
    except UnusableKey:
        return None


def _closed(known: SignedRecord, record: SignedRecord, opener: Opener) -> ClosedRecord:
    values = {field.name: getattr(known, field.name) for field in fields(SignedRecord)}
    values["signature"] = record.signature
    return ClosedRecord(**values, opener=opener)


def with_inner_signature(
    record: SignedRecord, keyed: KeyedCheck, groups: Sequence[Sequence[Candidate]]
) -> KeyedCheck:
    """Judge the signature that the record inside has of its own, too, with the keys that fit its algorithm.

    A seal that holds stays valid if there is no key for the inner signature, with a warning; it does not if there
    is one and the signature does not fit.
    """
    claim = record.signature
    if keyed.signature.status is not SignatureStatus.VALID or claim.value is None:
        return keyed
    algorithm = parse_algorithm(claim.algorithm) if claim.algorithm is not None else None
    keys = _keys_for(algorithm, groups) if algorithm is not None else []
    if algorithm is None or not keys:
        extra = warning(
            SealedOcmfCode.INNER_SIGNATURE_UNCHECKED, "", algorithm=(claim.algorithm or "?")[:100]
        )
        return replace(keyed, findings=(*keyed.findings, extra))
    for key in keys:
        check = check_signature(algorithm, key, record.signed_bytes, claim.value, diagnose=False)
        if check.valid:
            found = note(SealedOcmfCode.INNER_SIGNATURE_VALID, "", algorithm=check.algorithm)
            return replace(keyed, findings=(*keyed.findings, *check.findings, found))
    wrong = problem(SealedOcmfCode.INNER_SIGNATURE_INVALID, "", algorithm=algorithm.name)
    signature = SignatureVerdict(SignatureStatus.INVALID, algorithm.name, SignatureReason.MISMATCH)
    return replace(keyed, signature=signature, findings=(*keyed.findings, wrong))


def _keys_for(algorithm: SignatureAlgorithm, groups: Sequence[Sequence[Candidate]]) -> list[PublicKey]:
    """Return the keys for the algorithm of the first group that has any: as for signatures, it alone judges."""
    for group in groups:
        keys = []
        for candidate in group:
            try:
                if candidate.material is not None:
                    keys.append(candidate.material.for_algorithm(algorithm))
            except UnusableKey:
                continue
        if keys:
            return keys
    return []
