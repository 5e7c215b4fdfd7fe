"""From a document to its verdict: unwrap, decode, choose the key, check, judge, pair, judge the pairs.

Nothing in here raises for bad input: what cannot be read is a record with verdict ``indeterminate`` and a
finding that names the layer.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from eichrecht.containers.unwrap import unwrap
from eichrecht.evidence import (
    BesideKey,
    Document,
    DocumentVerdict,
    Finding,
    RecordVerdict,
    Severity,
    SignatureStatus,
    SignatureVerdict,
    SignedEnvelope,
    SignedRecord,
    Verdict,
    note,
)
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats import registry
from eichrecht.keyring.ring import EMPTY_KEY_RING, KeyRing
from eichrecht.rules.engine import judge_record
from eichrecht.rules.judgements import TransactionJudgement
from eichrecht.rules.policy import DEFAULT_POLICY, PlausibilityPolicy
from eichrecht.rules.profiles import Profile
from eichrecht.rules.safe_refusals import official_record_refusals
from eichrecht.verification.checker import SignatureChecker, carries_other_key
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.decoding import decode_lone, decode_part
from eichrecht.verification.keys import KeyedCheck, SuppliedKey, Tries
from eichrecht.verification.pairing import Member, group_members
from eichrecht.verification.sessions import contradictions, transaction_verdict

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
        self._checker = SignatureChecker(
            profile=profile, ring=ring, keys=keys, charge_point=charge_point, anchors=anchors
        )

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
            [(decode_part(part), part.key_text, part.findings, part.beside_keys) for part in parts], tries
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
        own_judgements = [item.transaction for item in judged]
        transactions = tuple(
            transaction_verdict(group, records, own_judgements, self._profile, self._plausibility)
            for group in groups
        )
        counted = [record.verdict for record in records]
        counted += [
            transaction.verdict
            for group, transaction in zip(groups, transactions, strict=True)
            if group.declared or len(group.members) > 1 or transaction.verdict is not Verdict.INDETERMINATE
        ]
        if any(finding.severity is Severity.ERROR for finding in unwrapped.findings):
            counted.append(Verdict.INDETERMINATE)
        contradicted = tuple(contradictions(parts, records, transactions))
        if contradicted:
            unsigned = any(finding.code == Code.BILLED_ENERGY_NOT_SIGNED for finding in contradicted)
            counted.append(Verdict.INVALID if unsigned else Verdict.INDETERMINATE)
        return DocumentVerdict(
            document.source,
            document.sha256,
            Verdict.worst(counted),
            records,
            transactions,
            (*unwrapped.findings, *contradicted),
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
        judged = self._judge([(decode_lone(content), key_text, (), ()) for content in contents], None)
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
        check = self._checker.check
        checks = [
            (record, _UNREADABLE) if isinstance(record, Finding) else check(record, key_text, tries, beside)
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
                key_differs=carries_other_key(record, check),
            )
            findings = (*findings, *refusals)
            if refusals:
                verdict = Verdict.INDETERMINATE
        return _Judged(record, check, findings, verdict, judgement.transaction)


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
