"""Choosing the key that a signature is judged against, and telling a wrong key from a wrong signature.

Order of authority: a key that the register or operator vouches for and that is bound to this meter; a key that
the person asking names for this check; key files lying beside the document; the key in the document; the key
in the record. The first kind that is present judges. The others are tried only to *name* a key that would
fit, never to turn a failed check into a passed one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache

from eichrecht.evidence import (
    Finding,
    KeySource,
    KeyTrust,
    KeyVerdict,
    SignatureStatus,
    SignatureVerdict,
    SignedRecord,
    note,
    problem,
    warning,
)
from eichrecht.keyring.ring import EMPTY_KEY_RING, KeyRing, KnownKey
from eichrecht.signatures.algorithms import SignatureAlgorithm
from eichrecht.signatures.backends import EcdsaBackend
from eichrecht.signatures.check import SignatureCheck
from eichrecht.signatures.codes import SignatureForm
from eichrecht.signatures.keys import (
    KEYS_REMEMBERED,
    PublicKey,
    UnusableKey,
)
from eichrecht.verification.candidates import (
    Candidate,
    GivenKeys,
    SuppliedKey,
    candidate_groups,
    known_candidate,
    read_given,
)
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.pieces import check_record
from eichrecht.verification.reformatted import fits_without_whitespace

__all__ = [
    "GivenKeys",
    "KeyedCheck",
    "LoneKey",
    "SuppliedKey",
    "Tries",
    "candidate_groups",
    "check_with_keys",
    "lone_key",
    "read_given",
]

MAX_OTHER_KEYS_TRIED = 2_000
"""How many other keys are tried for the records of one document, to find or name the right one: about a second of
work. Without a bound for the whole document thousands of forged records would cost hours against a large ring."""

MAX_FITTED_REMEMBERED = 8
"""Keys of one document that are tried first; a document of more meters needs their names in its records."""


@dataclass(slots=True)
class Tries:
    """How many other keys may still be tried for the records of one document.

    Attributes:
        left: Negative once a key was not tried for want of tries.
        fitted: Keys that fitted before, the last first: the next record is most likely of the same meter, so
            that honest documents of any length need few tries.
    """

    left: int = MAX_OTHER_KEYS_TRIED
    fitted: list[KnownKey] = field(default_factory=list)

    def order(self, ring: KeyRing) -> Iterator[tuple[KnownKey, bool]]:
        """Yield the keys that fitted before, then all others, and whether trying one costs a try."""
        yield from ((known, False) for known in tuple(self.fitted))
        yield from ((known, True) for known in ring.all_keys())

    def remember(self, known: KnownKey) -> None:
        """Put a key that fitted to the front."""
        self.fitted = [known, *(other for other in self.fitted if other is not known)][:MAX_FITTED_REMEMBERED]

    def spend(self) -> bool:
        """Use up one; ``False`` if there is none."""
        self.left -= 1
        return self.left >= 0


@dataclass(frozen=True, slots=True)
class KeyedCheck:
    """Outcome of the signature check with the key it was judged against."""

    signature: SignatureVerdict
    key: KeyVerdict | None
    form: str | None
    findings: tuple[Finding, ...]


_VALID, _CONFIRMED = SignatureStatus.VALID, KeyTrust.CONFIRMED


@dataclass(frozen=True, slots=True)
class LoneKey:
    """The one key that can judge a record: nobody vouches for any, and the record came without its own.

    Attributes:
        backend: Of the key.
        hash_name: Hash function of the algorithm.
        passed: Outcome if the signature is strict DER and fits; everything else is for :func:`check_with_keys`.
    """

    backend: EcdsaBackend
    hash_name: str
    passed: KeyedCheck


def lone_key(given: GivenKeys, ring: KeyRing, algorithm: SignatureAlgorithm) -> LoneKey | None:
    """Return the key that alone can judge records without any other key, ``None`` if there is no such key."""
    if ring is not EMPTY_KEY_RING or len(given.groups) != 1 or len(given.groups[0]) != 1:
        return None
    (candidate,) = given.groups[0]
    key = _usable(candidate, algorithm, [])
    if key is None or key.ecdsa is None or algorithm.hash_name is None:
        return None
    return LoneKey(key.ecdsa, algorithm.hash_name, _plainly_passed(candidate, algorithm, SignatureForm.DER))


def check_with_keys(
    record: SignedRecord,
    algorithm: SignatureAlgorithm,
    groups: Sequence[Sequence[Candidate]],
    ring: KeyRing,
    tries: Tries | None = None,
    strangers: Sequence[Candidate] = (),
) -> KeyedCheck:
    """Check the record's signature against the group of keys that has authority.

    Args:
        record: The record.
        algorithm: The algorithm that it names.
        groups: Keys from :func:`candidate_groups`.
        ring: Keys that somebody vouches for.
        tries: What is left for the document; ``None`` for a record that stands by itself.
        strangers: Keys of the same archive under another station's name: they may show the record to be genuine,
            and where they do not fit nothing is shown.

    Returns:
        ``valid`` as soon as one key of the judging group fits; ``invalid`` if a usable key of it does not;
        ``unverified`` if there is no usable key.
    """
    if record.signature.value is None:
        return _unverified("malformed_signature", Code.SIGNATURE_UNREADABLE)
    if not groups:
        tries = tries or Tries()
        found = (
            _found_beside(record, algorithm, strangers, ring, tries)
            or _found_by_trial(record, algorithm, ring, tries)
            or _unverified("no_key", Code.NO_KEY)
        )
        if tries.left < 0 and found.key is None:
            limit = note(Code.KEY_TRIALS_ENDED, "", limit=MAX_OTHER_KEYS_TRIED)
            return replace(found, findings=(*found.findings, limit))
        return found
    failed: tuple[Candidate, PublicKey, SignatureCheck] | None = None
    unusable: list[Finding] = []
    for candidate in groups[0]:
        key = _usable(candidate, algorithm, unusable)
        if key is None:
            continue
        check = check_record(record, algorithm, key)
        if check.status is _VALID:
            disagreement = _disagreement(groups[1:], key, algorithm) if len(groups) > 1 else ()
            return _passed(record, candidate, key, algorithm, check, ring, disagreement)
        if failed is None or check.reason == "mismatch":
            failed = (candidate, key, check)
    if failed is None:
        finding = unusable[0] if unusable else problem(Code.NO_KEY)
        reason = "malformed_key"
        return KeyedCheck(
            SignatureVerdict(SignatureStatus.UNVERIFIED, None, reason),
            _key_verdict(groups[0][0], None),
            None,
            (finding, *unusable[1:]),
        )
    return _not_passed(record, algorithm, failed, groups, ring, tries or Tries())


def _usable(candidate: Candidate, algorithm: SignatureAlgorithm, into: list[Finding]) -> PublicKey | None:
    if candidate.material is None:
        error = candidate.error
        if error is not None:
            into.append(error.finding())
        return None
    try:
        return candidate.material.for_algorithm(algorithm)
    except UnusableKey as error:
        into.append(error.finding())
        return None


def _unverified(reason: str, code: Code) -> KeyedCheck:
    return KeyedCheck(
        SignatureVerdict(SignatureStatus.UNVERIFIED, None, reason), None, None, (problem(code),)
    )


def _key_verdict(candidate: Candidate, key: PublicKey | None) -> KeyVerdict:
    return KeyVerdict(
        key.fingerprint if key else None,
        candidate.source,
        candidate.trust,
        candidate.material.shape if candidate.material else None,
        candidate.name if candidate.trust is KeyTrust.CONFIRMED else None,
    )


def _disagreement(
    others: Sequence[Sequence[Candidate]], used: PublicKey, algorithm: SignatureAlgorithm
) -> tuple[Finding, ...]:
    """Report a document key that is not the key that was used (safe_formats §0.3, external and embedded key)."""
    for group in others:
        for candidate in group:
            if candidate.source is not KeySource.DOCUMENT:
                continue
            sink: list[Finding] = []
            key = _usable(candidate, algorithm, sink)
            if key is None:
                return (warning(Code.KEYS_DISAGREE, "", document="?", used=used.fingerprint),)
            if key.fingerprint != used.fingerprint:
                return (warning(Code.KEYS_DISAGREE, "", document=key.fingerprint, used=used.fingerprint),)
    return ()


def _passed(
    record: SignedRecord,
    candidate: Candidate,
    key: PublicKey,
    algorithm: SignatureAlgorithm,
    check: SignatureCheck,
    ring: KeyRing,
    findings: tuple[Finding, ...],
) -> KeyedCheck:
    findings = (*check.findings, *findings)
    owners: Sequence[KnownKey] = ()
    if candidate.trust is not _CONFIRMED:
        owners = [known for known in ring.all_keys() if key.fingerprint in known.material.fingerprints]
    if not owners and not findings:
        return _plainly_passed(candidate, algorithm, check.form)
    verdict = _key_verdict(candidate, key)
    if owners:
        owner = next((known for known in owners if known.may_have_signed(record)), None)
        if owner is not None:
            verdict = KeyVerdict(key.fingerprint, owner.source, KeyTrust.CONFIRMED, verdict.shape, owner.name)
        else:
            # Nobody vouches for what a key signed at another meter, or before or after its time there.
            expired = next((known for known in owners if not known.contradicts(record)), None)
            code = Code.KEY_OF_OTHER_METER if expired is None else Code.KEY_OUT_OF_VALIDITY
            findings = (*findings, warning(code, "", name=(expired or owners[0]).name))
    if verdict.trust is KeyTrust.UNCONFIRMED:
        findings = (*findings, note(Code.KEY_UNCONFIRMED))
    return KeyedCheck(_valid(check.algorithm), verdict, check.form, findings)


@cache
def _valid(algorithm: str) -> SignatureVerdict:
    """Return the verdict on a signature that fits; there are no more of them than algorithms."""
    return SignatureVerdict(SignatureStatus.VALID, algorithm, None)


@lru_cache(maxsize=KEYS_REMEMBERED)
def _plainly_passed(candidate: Candidate, algorithm: SignatureAlgorithm, form: SignatureForm) -> KeyedCheck:
    """Return the outcome where there is nothing to say but who vouches for the key: the same for every record."""
    assert candidate.material is not None  # noqa: S101 - the key was used
    key = candidate.material.for_algorithm(algorithm)
    findings = (note(Code.KEY_UNCONFIRMED),) if candidate.trust is KeyTrust.UNCONFIRMED else ()
    return KeyedCheck(_valid(algorithm.name), _key_verdict(candidate, key), form, findings)


def _found_by_trial(
    record: SignedRecord, algorithm: SignatureAlgorithm, ring: KeyRing, tries: Tries
) -> KeyedCheck | None:
    """Find the key of a record that came without one: nobody else can have signed with an operator's key.

    Legitimate and labelled as found by trial (bnetza facts §4 item 8). Keys bound to another meter or to
    another time stay out.
    """
    assert record.signature.value is not None  # noqa: S101 - the caller returned before on a missing value
    for known, costs in tries.order(ring):
        candidate = known_candidate(known)
        key = _usable(candidate, algorithm, []) if known.may_have_signed(record) else None
        if key is None:
            continue
        if costs and not tries.spend():
            break
        check = check_record(record, algorithm, key, diagnose=False)
        if check.valid:
            tries.remember(known)
            found = note(Code.KEY_FOUND_BY_TRIAL, "", name=known.name)
            return KeyedCheck(
                _valid(check.algorithm), _key_verdict(candidate, key), check.form, (*check.findings, found)
            )
    return None


def _found_beside(
    record: SignedRecord,
    algorithm: SignatureAlgorithm,
    strangers: Sequence[Candidate],
    ring: KeyRing,
    tries: Tries,
) -> KeyedCheck | None:
    """Find the key of a record among key files of the same archive that are named otherwise."""
    for candidate in strangers:
        key = _usable(candidate, algorithm, [])
        if key is None:
            continue
        if not tries.spend():
            break
        check = check_record(record, algorithm, key, diagnose=False)
        if check.valid:
            found = note(Code.KEY_NAMED_OTHERWISE)
            return _passed(record, candidate, key, algorithm, check, ring, (found,))
    return None


def _not_passed(
    record: SignedRecord,
    algorithm: SignatureAlgorithm,
    failed: tuple[Candidate, PublicKey, SignatureCheck],
    groups: Sequence[Sequence[Candidate]],
    ring: KeyRing,
    tries: Tries,
) -> KeyedCheck:
    candidate, key, check = failed
    verdict = _key_verdict(candidate, key)
    if check.status is SignatureStatus.UNVERIFIED:
        signature = SignatureVerdict(check.status, None, check.reason)
        return KeyedCheck(signature, verdict, check.form, check.findings)
    other = _fitting_key(record, algorithm, key, groups, ring, tries)
    if other is not None:
        signature = SignatureVerdict(SignatureStatus.INVALID, check.algorithm, "wrong_key")
        finding = problem(
            Code.SIGNED_BY_OTHER_KEY,
            "",
            name=other.name or other.source,
            source=other.source,
            trust=other.trust,
        )
        return KeyedCheck(signature, verdict, check.form, (finding, *check.findings))
    signature = SignatureVerdict(SignatureStatus.INVALID, check.algorithm, check.reason or "mismatch")
    findings = (problem(Code.SIGNATURE_MISMATCH, "", algorithm=check.algorithm), *check.findings)
    if fits_without_whitespace(record, algorithm, key):
        findings = (*findings, note(Code.WOULD_VERIFY_REFORMATTED))
    return KeyedCheck(signature, verdict, check.form, findings)


def _fitting_key(
    record: SignedRecord,
    algorithm: SignatureAlgorithm,
    tried: PublicKey,
    groups: Sequence[Sequence[Candidate]],
    ring: KeyRing,
    tries: Tries,
) -> Candidate | None:
    def others() -> Iterator[Candidate]:
        for group in groups[1:]:
            yield from group
        yield from (known_candidate(key) for key in ring.all_keys())

    assert record.signature.value is not None  # noqa: S101 - the caller returned before on a missing value
    for candidate in others():
        key = _usable(candidate, algorithm, [])
        if key is None or key.fingerprint == tried.fingerprint:
            continue
        if not tries.spend():
            break
        if check_record(record, algorithm, key, diagnose=False).valid:
            return candidate
    return None
