"""From a document to its verdict: unwrap, decode, choose the key, check, judge, pair, judge the pairs.

Nothing in here raises for bad input: what cannot be read is a record with verdict ``indeterminate`` and a
finding that names the layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import lru_cache, partial
from itertools import islice

from eichrecht.containers.unwrap import unwrap
from eichrecht.evidence import (
    OCMF_TRAITS,
    BesideKey,
    Billable,
    Document,
    DocumentVerdict,
    Finding,
    KeySource,
    KeyTrust,
    Part,
    RecordVerdict,
    Severity,
    SignatureStatus,
    SignatureVerdict,
    SignedEnvelope,
    SignedRecord,
    TransactionVerdict,
    Verdict,
    note,
    problem,
    warning,
)
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats import registry
from eichrecht.formats.base import Surroundings
from eichrecht.formats.errors import FormatError
from eichrecht.keyring.ring import EMPTY_KEY_RING, KeyRing
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.judgements import TransactionJudgement
from eichrecht.rules.policy import DEFAULT_POLICY, PlausibilityPolicy
from eichrecht.rules.profiles import Profile
from eichrecht.rules.safe_refusals import official_record_refusals
from eichrecht.signatures.algorithms import SignatureAlgorithm, ecdsa_algorithm, parse_algorithm
from eichrecht.signatures.certificates import read_certificate
from eichrecht.signatures.keys import UnreadableKey, read_key
from eichrecht.verification.attested import check_attested
from eichrecht.verification.candidates import Candidate, strangers
from eichrecht.verification.claims import with_claims
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
from eichrecht.verification.pairing import Group, Member, group_members
from eichrecht.verification.sealed import (
    SEAL,
    groups_for_seals,
    open_record,
    opening_keys,
    sealed_formats,
    with_inner_signature,
)

_VERDICT_OF = {
    SignatureStatus.VALID: Verdict.VALID,
    SignatureStatus.INVALID: Verdict.INVALID,
    SignatureStatus.UNVERIFIED: Verdict.INDETERMINATE,
}

_SIGNED = SignatureStatus.VALID
_SAFE = Profile.SAFE_1_4_1
_Decoded = tuple[SignedRecord | Finding, str | None, tuple[Finding, ...], Sequence[BesideKey]]
"""A record (or why it cannot be decoded), the key that came with it, what its container had to say, and the key
files beside it."""

_UNREADABLE = KeyedCheck(SignatureVerdict(SignatureStatus.UNVERIFIED, None, "unreadable"), None, None, ())

BLOCK = 64
"""Records that :meth:`Verifier.verify_records` takes through a stage together."""

_new_record_verdict = positional_constructor(RecordVerdict)


@dataclass(slots=True)
class _Judged:
    """A record on its way through the pipeline; ``transaction`` is that of a record that holds a whole session."""

    record: SignedRecord | None
    check: KeyedCheck
    findings: tuple[Finding, ...]
    verdict: Verdict
    transaction: TransactionJudgement | None = None


ENERGY_TOLERANCE_KWH = Decimal("0.001")
"""A CDR may round the signed energy to whole watt-hours, the finest step that OCPI can bill."""


class Verifier:
    """Verifies documents against keys, a key ring and a rule profile. Holds no state between calls."""

    def __init__(
        self,
        *,
        profile: Profile = Profile.STRICT,
        ring: KeyRing = EMPTY_KEY_RING,
        keys: Sequence[SuppliedKey] = (),
        charge_point: str | None = None,
        anchors: Sequence[bytes] = (),
        plausibility: PlausibilityPolicy = DEFAULT_POLICY,
    ) -> None:
        """Set what every check of this verifier uses.

        Args:
            profile: Rule profile.
            ring: Keys that somebody vouches for.
            keys: Keys given by the person asking.
            charge_point: EVSE id known from elsewhere (session facts), to find the ring's key.
            anchors: Certificates (PEM or DER) that the person asking believes to issue certificates rightly.
            plausibility: What of a session deserves a second look; passing a limit is a warning.
        """
        self._profile = profile
        self._plausibility = plausibility
        self._anchors = [one for one in map(read_certificate, anchors) if one is not None]
        self._ring = ring
        self._given = read_given(keys)
        self._charge_point = charge_point
        self._sealed = frozenset(sealed_formats())
        self._lone_key = lru_cache(maxsize=None)(
            partial(lone_key, self._given, ring)
        )  # as many as algorithms

    def verify(self, document: Document, envelopes: Sequence[SignedEnvelope] = ()) -> DocumentVerdict:
        """Return the verdict on a document, its records and its transactions. Never raises for bad input.

        Args:
            document: The document.
            envelopes: Signatures beside it that are over its content; they say nothing of records that something
                else is wrapped around.
        """
        unwrapped = unwrap(document, registry.recognise)
        parts = unwrapped.parts
        if envelopes:
            added = tuple(envelopes)
            parts = tuple(
                part if part.layers else replace(part, envelopes=part.envelopes + added) for part in parts
            )
        tries = Tries()
        judged = self._judge(
            [(_decoded(part), part.key_text, part.findings, part.beside_keys) for part in parts], tries
        )
        _mark_duplicates(judged)
        records = tuple(
            RecordVerdict(
                index,
                part.where,
                part.layers,
                item.record.format if item.record is not None else part.format,
                item.verdict,
                item.check.signature,
                item.check.key,
                item.record,
                item.findings,
                part.recognised_by,
            )
            for index, (part, item) in enumerate(zip(parts, judged, strict=True))
        )
        groups = group_members(
            [
                Member(index, item.record, part.transaction_id, part.context)
                for index, (part, item) in enumerate(zip(parts, judged, strict=True))
                if item.record is not None
            ]
        )
        transactions = tuple(self._transaction_verdict(group, records, judged) for group in groups)
        counted = [record.verdict for record in records]
        counted += [
            transaction.verdict
            for group, transaction in zip(groups, transactions, strict=True)
            if group.declared or len(group.members) > 1 or transaction.verdict is not Verdict.INDETERMINATE
        ]
        if any(finding.severity is Severity.ERROR for finding in unwrapped.findings):
            counted.append(Verdict.INDETERMINATE)
        contradictions = tuple(_contradictions(parts, transactions))
        if contradictions:
            counted.append(Verdict.INVALID)
        return DocumentVerdict(
            document.source,
            document.sha256,
            Verdict.worst(counted),
            records,
            transactions,
            (*unwrapped.findings, *contradictions),
        )

    def verify_record(self, content: bytes, key_text: str | None = None) -> RecordVerdict:
        """Return the verdict on one record that stands by itself, without any container around it.

        For callers that hold single records (a database, a message): nothing is unwrapped and nothing paired,
        so this is the quickest way to a verdict. A record that holds a whole session is judged as that session,
        with its energy and clock rules; a begin or end record alone is judged as a record only.

        Args:
            content: The record, in any of the formats.
            key_text: Public key that came with the record. Like every key that travels with the data it proves
                integrity only, and it gives way to the ring's keys and to those given for this check.

        Returns:
            The verdict, with index 0 and no place. Never raises for bad input.
        """
        return self._verify_block([content], key_text, 0)[0]

    def verify_records(
        self, contents: Iterable[bytes], key_text: str | None = None
    ) -> Iterator[RecordVerdict]:
        """Yield the verdict on each of many records, one after the other; see :meth:`verify_record`.

        Faster than calling :meth:`verify_record` for each: a block of records goes through one stage after the
        other, so that the processor keeps the code of a stage at hand. At most :data:`BLOCK` records are taken
        ahead of the verdict that is yielded.

        Args:
            contents: The records.
            key_text: Public key that came with all of them.
        """
        first = 0
        remaining = iter(contents)
        while block := list(islice(remaining, BLOCK)):
            yield from self._verify_block(block, key_text, first)
            first += len(block)

    def _verify_block(
        self, contents: Sequence[bytes], key_text: str | None, first: int
    ) -> list[RecordVerdict]:
        judged = self._judge([(_recognised(content), key_text, (), ()) for content in contents], None)
        return [
            _new_record_verdict(
                index,
                "",
                (),
                None if item.record is None else item.record.format,
                item.verdict,
                item.check.signature,
                item.check.key,
                item.record,
                item.findings,
            )
            for index, item in enumerate(judged, first)
        ]

    def _judge(self, decoded: Sequence[_Decoded], tries: Tries | None) -> list[_Judged]:
        """Check the signatures of records, then judge them.

        Args:
            decoded: The records.
            tries: Keys that may be tried for all of them together; ``None`` gives each record its own.
        """
        checks = [
            (record, _UNREADABLE)
            if isinstance(record, Finding)
            else self._open(record, key_text, tries, beside)
            if record.format in self._sealed
            else check_attested(
                record, partial(self._check, key_text=key_text, tries=tries, beside=beside), self._anchors
            )
            if record.attestations
            else (record, self._check(record, key_text, tries, beside))
            for record, key_text, _, beside in decoded
        ]
        return [
            _unreadable(noticed, record)
            if isinstance(record, Finding)
            else self._judge_checked(record, check, noticed)
            for (_, _, noticed, _), (record, check) in zip(decoded, checks, strict=True)
        ]

    def _judge_checked(
        self, record: SignedRecord, check: KeyedCheck, noticed: tuple[Finding, ...]
    ) -> _Judged:
        """Judge a record whose signature was checked; ``noticed`` is what its container had to say."""
        judgement = judge_record(record, self._profile, self._plausibility)
        findings = (*noticed, *record.findings, *check.findings, *judgement.findings)
        verdict = judgement.verdict
        if check.signature.status is not _SIGNED:
            verdict = Verdict.worst((_VERDICT_OF[check.signature.status], verdict))
        if noticed and any(finding.severity is Severity.ERROR for finding in noticed):
            # The container shows its reader something else than what was signed (plain_data, markup, two records).
            verdict = Verdict.worst((verdict, Verdict.INDETERMINATE))
        if self._profile is _SAFE:
            refusals = official_record_refusals(
                record,
                key_shape=check.key.shape if check.key else None,
                signature_form=check.form,
                signature_valid=check.signature.status is SignatureStatus.VALID,
                key_differs=_carries_other_key(record, check),
            )
            findings = (*findings, *refusals)
            if refusals:
                verdict = Verdict.INDETERMINATE
        return _Judged(record, check, findings, verdict, judgement.transaction)

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

    def _check(
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

    def _transaction_verdict(
        self, group: Group, records: Sequence[RecordVerdict], judged: Sequence[_Judged]
    ) -> TransactionVerdict:
        judgement = self._transaction_judgement(group.members, judged)
        indexes = tuple(member.index for member in group.members)
        own = [records[index].verdict for index in indexes]
        findings = judgement.findings
        billable = judgement.billable
        bad = [index for index in indexes if records[index].verdict is not Verdict.VALID]
        if bad:
            finding = problem(
                Code.TRANSACTION_RECORD_NOT_VALID, "", records=", ".join(str(index) for index in bad)
            )
            findings = (*findings, finding)
            billable = Billable(False, False, (*billable.reasons, Code.TRANSACTION_RECORD_NOT_VALID))
        verdict = Verdict.worst([*own, judgement.verdict])
        if _signed_by_several([records[index] for index in indexes]):
            findings = (*findings, problem(Code.TRANSACTION_KEYS_DIFFER))
            billable = Billable(False, False, (*billable.reasons, Code.TRANSACTION_KEYS_DIFFER))
            verdict = Verdict.worst((verdict, Verdict.INDETERMINATE))
        if self._profile is Profile.SAFE_1_4_1 and Verdict.INDETERMINATE in own:
            verdict = Verdict.INDETERMINATE  # what the official program cannot read, it does not judge either
        return TransactionVerdict(
            group.id,
            verdict,
            indexes,
            judgement.energy_kwh,
            judgement.duration_s,
            billable,
            findings,
            judgement.registers[0].begin if judgement.registers else None,
            judgement.registers[0].end if judgement.registers else None,
        )

    def _transaction_judgement(
        self, members: Sequence[Member], judged: Sequence[_Judged]
    ) -> TransactionJudgement:
        """Judge a transaction, or take over what the rules found when they judged a record that is one by itself."""
        if len(members) == 1 and members[0].context is None:
            own = judged[members[0].index].transaction
            if own is not None:
                return own
        contexts = [member.context for member in members]
        return judge_transaction(
            [member.record for member in members],
            self._profile,
            contexts=contexts,
            policy=self._plausibility,
        )


def _signed_by_several(records: Sequence[RecordVerdict]) -> bool:
    """Whether the records of one session fit different keys, of which at most one can be the meter's.

    A record may bring its own key, so whoever forges one end of a session can sign it. The operator may have
    replaced a key between begin and end; where somebody vouches for all of them there is no doubt.
    """
    keys = [record.key for record in records if record.key and record.signature.status is _SIGNED]
    return len({key.fingerprint for key in keys}) > 1 and any(
        key.trust is not KeyTrust.CONFIRMED for key in keys
    )


def _carries_other_key(record: SignedRecord, check: KeyedCheck) -> bool:
    """Whether the record carries a key that is not the one it was judged against."""
    if not record.embedded_key or check.key is None or check.key.source is KeySource.DOCUMENT:
        return False
    try:
        own = read_key(record.embedded_key).fingerprints
    except UnreadableKey:
        return True
    return check.key.fingerprint not in own


def _contradictions(parts: Sequence[Part], transactions: Sequence[TransactionVerdict]) -> Iterator[Finding]:
    """A bill (CDR) that says another energy than its own signed data is wrong, however good the signatures are."""
    for transaction in transactions:
        signed = transaction.energy_kwh
        claims = {parts[index].claimed_energy_kwh for index in transaction.records}
        for claimed in sorted(claim for claim in claims if claim is not None):
            if signed is not None and abs(claimed - signed) >= ENERGY_TOLERANCE_KWH:
                yield problem(
                    Code.BILLED_ENERGY_NOT_SIGNED,
                    "/total_energy",
                    claimed=f"{claimed:f}",
                    signed=f"{signed:f}",
                )


def _decoded(part: Part) -> SignedRecord | Finding:
    """Decode a part; return a finding that says why it cannot be."""
    if part.format is None:
        return problem(Code.RECORD_NOT_RECOGNISED, "")
    try:
        if part.detached_signature is None and not part.claims and not part.envelopes:
            return registry.decode(part.format, part.content)
        surroundings = Surroundings(part.detached_signature, part.claims, part.envelopes)
        return with_claims(registry.decode(part.format, part.content, surroundings), part.claims)
    except FormatError as error:
        return problem(error.code, error.where, **error.params)


def _recognised(content: bytes) -> SignedRecord | Finding:
    """Decode a record of any format; return a finding that says why it cannot be."""
    try:
        record = registry.decode_any(content)
    except FormatError as error:
        return problem(error.code, error.where, **error.params)
    return problem(Code.RECORD_NOT_RECOGNISED, "") if record is None else record


def _unverified(reason: str) -> SignatureVerdict:
    return SignatureVerdict(SignatureStatus.UNVERIFIED, None, reason)


def _unreadable(noticed: tuple[Finding, ...], finding: Finding) -> _Judged:
    if not any(f.severity is Severity.ERROR for f in noticed):
        noticed = (*noticed, finding)
    return _Judged(None, _UNREADABLE, noticed, Verdict.INDETERMINATE)


def _mark_duplicates(judged: Sequence[_Judged]) -> None:
    """Report a record that stands in the document twice; its identity is its signed bytes (ocmf facts §2)."""
    seen: dict[bytes, int] = {}
    for index, item in enumerate(judged):
        if item.record is None:
            continue
        first = seen.setdefault(item.record.identity, index)
        if first != index:
            item.findings = (*item.findings, note(Code.DOCUMENT_REPEATS_RECORD, "", first=first))
