"""The signature of a record: which of the keys at hand decides, and whether it fits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache, partial

from eichrecht.evidence import (
    OCMF_TRAITS,
    BesideKey,
    KeySource,
    SignatureStatus,
    SignatureVerdict,
    SignedRecord,
    problem,
    warning,
)
from eichrecht.keyring.ring import KeyRing
from eichrecht.rules.profiles import Profile
from eichrecht.signatures.algorithms import SignatureAlgorithm, ecdsa_algorithm, parse_algorithm
from eichrecht.signatures.certificates import read_certificate
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.verification.attested import check_attested
from eichrecht.verification.candidates import Candidate, strangers
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.keys import (
    KeyedCheck,
    SuppliedKey,
    Tries,
    candidate_groups,
    check_with_keys,
    lone_key,
    read_given,
)
from eichrecht.verification.sealed import (
    SEAL,
    groups_for_seals,
    open_record,
    opening_keys,
    sealed_formats,
    with_inner_signature,
)

_SAFE = Profile.SAFE_1_4_1


class SignatureChecker:
    """Checks the signatures of records against what is known of their keys."""

    def __init__(
        self,
        *,
        profile: Profile,
        ring: KeyRing,
        keys: Sequence[SuppliedKey],
        charge_point: str | None,
        anchors: Sequence[bytes],
    ) -> None:
        """Set what every check uses; the arguments are those of :class:`~eichrecht.verification.Verifier`."""
        self._profile = profile
        self._anchors = [one for one in map(read_certificate, anchors) if one is not None]
        self._ring = ring
        self._given = read_given(keys)
        self._charge_point = charge_point
        self._sealed = frozenset(sealed_formats())
        self._lone_key = lru_cache(maxsize=None)(
            partial(lone_key, self._given, ring)
        )  # as many as algorithms

    def check(
        self, record: SignedRecord, key_text: str | None, tries: Tries | None, beside: Sequence[BesideKey]
    ) -> tuple[SignedRecord, KeyedCheck]:
        """Check all signatures of a record.

        Args:
            record: The record.
            key_text: Key that its document has for it.
            tries: Other keys that may still be tried; ``None`` gives the record its own.
            beside: Key files beside it.

        Returns:
            The record, opened if it was sealed and with what was found out about certificates, and the outcome.
        """
        if record.format in self._sealed:
            return self._open(record, key_text, tries, beside)
        if record.attestations:
            one = partial(self._check_one, key_text=key_text, tries=tries, beside=beside)
            return check_attested(record, one, self._anchors, self._given)
        return record, self._check_one(record, key_text, tries, beside)

    def _open(
        self, record: SignedRecord, key_text: str | None, tries: Tries | None, beside: Sequence[BesideKey]
    ) -> tuple[SignedRecord, KeyedCheck]:
        """Open a record that only a key opens; what is checked from here on is the record inside."""
        others = strangers(record, beside, self._given)
        tries = tries or Tries()
        strict = self._profile is not _SAFE
        inside, check = open_record(
            record,
            opening_keys(self._groups(record, key_text, beside), others, self._ring, tries),
            lambda closed: check_with_keys(
                closed,
                SEAL,
                groups_for_seals(self._groups(closed, key_text, beside)),
                self._ring,
                tries,
                others,
            ),
            strict=strict,
        )
        if inside is not record and strict:
            check = with_inner_signature(inside, check, self._groups(inside, key_text, beside))
        return inside, check

    def _groups(
        self, record: SignedRecord, key_text: str | None, beside: Sequence[BesideKey]
    ) -> Sequence[Sequence[Candidate]]:
        return candidate_groups(record, key_text, self._given, self._ring, self._charge_point, beside)

    def _check_one(
        self,
        record: SignedRecord,
        key_text: str | None,
        tries: Tries | None,
        beside: Sequence[BesideKey] = (),
    ) -> KeyedCheck:
        claimed = record.signature.algorithm
        if claimed is None and record.signature.by_key:
            return self._check_by_key(record, key_text, tries, beside)
        algorithm = parse_algorithm(claimed) if claimed is not None else None
        if self._profile is Profile.SAFE_1_4_1 and algorithm is not None and algorithm.curve is not None:
            algorithm = ecdsa_algorithm(algorithm.curve)  # the hash name is ignored: always SHA-256 (§1.1)
        if algorithm is None:
            if record.signature.value is None:
                return KeyedCheck(_unverified("malformed_signature"), None, None, ())
            finding = problem(Code.UNSUPPORTED_ALGORITHM, "", algorithm=(claimed or "?")[:100])
            return KeyedCheck(_unverified("unsupported_algorithm"), None, None, (finding,))
        value = record.signature.value
        if (
            key_text is None
            and record.embedded_key is None
            and value is not None
            and algorithm.in_ocmf_table
            and record.traits is OCMF_TRAITS
        ):
            # The way of nearly every record that is checked against one named key; whatever does not fit at
            # once takes the long way, which says why.
            lone = self._lone_key(algorithm)
            if lone is not None and lone.backend.verify(record.signed_bytes, lone.hash_name, value):
                return lone.passed
        check = self._check_with(record, algorithm, key_text, tries, beside)
        if not algorithm.in_ocmf_table and record.format == "OCMF":
            extra = warning(Code.NON_OCMF_ALGORITHM, "", algorithm=algorithm.name)
            check = replace(check, findings=(*check.findings, extra))
        return check

    def _check_with(
        self,
        record: SignedRecord,
        algorithm: SignatureAlgorithm,
        key_text: str | None,
        tries: Tries | None,
        beside: Sequence[BesideKey],
    ) -> KeyedCheck:
        groups = self._groups(record, key_text, beside)
        others = strangers(record, beside, self._given)
        return check_with_keys(record, algorithm, groups, self._ring, tries, others)

    def _check_by_key(
        self, record: SignedRecord, key_text: str | None, tries: Tries | None, beside: Sequence[BesideKey]
    ) -> KeyedCheck:
        """Check a record whose format leaves the algorithm to the key: each in turn, until the key is of its curve."""
        outcome: KeyedCheck | None = None
        for name in record.signature.by_key:
            algorithm = parse_algorithm(name)
            assert algorithm is not None  # noqa: S101 - formats name supported algorithms
            check = self._check_with(record, algorithm, key_text, tries, beside)
            if check.signature.status is SignatureStatus.VALID:
                return check
            # What a usable key says about the signature tells more than that a key is of another curve.
            if outcome is None or (
                check.signature.status is SignatureStatus.INVALID
                and outcome.signature.status is SignatureStatus.UNVERIFIED
            ):
                outcome = check
        assert outcome is not None  # noqa: S101 - by_key is not empty
        return outcome


def carries_other_key(record: SignedRecord, check: KeyedCheck) -> bool:
    """Whether the record carries a key that is not the one it was judged against."""
    if not record.embedded_key or check.key is None or check.key.source is KeySource.DOCUMENT:
        return False
    try:
        own = read_key(record.embedded_key).fingerprints
    except UnreadableKey:
        return True
    return check.key.fingerprint not in own


def _unverified(reason: str) -> SignatureVerdict:
    return SignatureVerdict(SignatureStatus.UNVERIFIED, None, reason)
