"""From a document to its verdict: unwrap, decode, choose the key, check, judge, pair, judge the pairs.

Nothing in here raises for bad input: what cannot be read is a record with verdict ``indeterminate`` and a
finding that names the layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from eichrecht.containers.unwrap import unwrap
from eichrecht.evidence import (
    Billable,
    Document,
    DocumentVerdict,
    Finding,
    Part,
    RecordVerdict,
    Severity,
    SignatureStatus,
    SignatureVerdict,
    SignedRecord,
    TransactionVerdict,
    Verdict,
    note,
    problem,
    warning,
)
from eichrecht.formats import registry
from eichrecht.formats.errors import FormatError
from eichrecht.keyring.ring import EMPTY_KEY_RING, KeyRing
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.profiles import Profile
from eichrecht.rules.safe_refusals import official_record_refusals
from eichrecht.signatures.algorithms import ecdsa_algorithm, parse_algorithm
from eichrecht.verification.codes import VerificationCode as Code
from eichrecht.verification.keys import KeyedCheck, SuppliedKey, candidate_groups, check_with_keys
from eichrecht.verification.pairing import Group, Member, group_members


@dataclass(frozen=True, slots=True)
class _Judged:
    """A part on its way through the pipeline."""

    part: Part
    record: SignedRecord | None
    check: KeyedCheck
    findings: tuple[Finding, ...]
    verdict: Verdict


class Verifier:
    """Verifies documents against keys, a key ring and a rule profile. Holds no state between calls."""

    def __init__(
        self,
        *,
        profile: Profile = Profile.STRICT,
        ring: KeyRing = EMPTY_KEY_RING,
        keys: Sequence[SuppliedKey] = (),
        charge_point: str | None = None,
    ) -> None:
        """Set what every check of this verifier uses.

        Args:
            profile: Rule profile.
            ring: Keys that somebody vouches for.
            keys: Keys given by the person asking.
            charge_point: EVSE id known from elsewhere (session facts), to find the ring's key.
        """
        self._profile = profile
        self._ring = ring
        self._keys = tuple(keys)
        self._charge_point = charge_point

    def verify(self, document: Document) -> DocumentVerdict:
        """Return the verdict on a document, its records and its transactions. Never raises for bad input."""
        unwrapped = unwrap(document, registry.recognise)
        judged = [self.verify_part(part) for part in unwrapped.parts]
        judged = _mark_duplicates(judged)
        records = tuple(_record_verdict(index, item) for index, item in enumerate(judged))
        groups = group_members(
            [
                Member(index, item.record, item.part.transaction_id, item.part.context)
                for index, item in enumerate(judged)
                if item.record is not None
            ]
        )
        transactions = tuple(self._transaction_verdict(group, records) for group in groups)
        counted = [record.verdict for record in records]
        counted += [
            transaction.verdict
            for group, transaction in zip(groups, transactions, strict=True)
            if group.declared or len(group.members) > 1 or transaction.verdict is not Verdict.INDETERMINATE
        ]
        if any(finding.severity is Severity.ERROR for finding in unwrapped.findings):
            counted.append(Verdict.INDETERMINATE)
        return DocumentVerdict(
            document.source, document.sha256, Verdict.worst(counted), records, transactions, unwrapped.findings
        )

    def verify_part(self, part: Part) -> _Judged:
        """Decode, check and judge one part."""
        if part.format is None:
            return _unreadable(part, problem(Code.RECORD_NOT_RECOGNISED, ""))
        try:
            record = registry.decode(part.format, part.content)
        except FormatError as error:
            return _unreadable(part, problem(error.code, error.where, **error.params))
        check = self._check(part, record)
        judgement = judge_record(record, self._profile)
        findings = (*part.findings, *record.findings, *check.findings, *judgement.findings)
        verdicts = [_signature_verdict(check.signature), judgement.verdict]
        if any(finding.severity is Severity.ERROR for finding in part.findings):
            # The container shows its reader something else than what was signed (plain_data, markup, two records).
            verdicts.append(Verdict.INDETERMINATE)
        if self._profile is Profile.SAFE_1_4_1:
            refusals = official_record_refusals(
                record,
                key_shape=check.key.shape if check.key else None,
                signature_form=check.form,
                signature_valid=check.signature.status is SignatureStatus.VALID,
            )
            findings = (*findings, *refusals)
            if refusals:
                verdicts = [Verdict.INDETERMINATE]
        return _Judged(part, record, check, findings, Verdict.worst(verdicts))

    def _check(self, part: Part, record: SignedRecord) -> KeyedCheck:
        claimed = record.signature.algorithm
        algorithm = parse_algorithm(claimed) if claimed is not None else None
        if self._profile is Profile.SAFE_1_4_1 and algorithm is not None and algorithm.curve is not None:
            algorithm = ecdsa_algorithm(algorithm.curve)  # the hash name is ignored: always SHA-256 (§1.1)
        if algorithm is None:
            if record.signature.value is None:
                return KeyedCheck(_unverified("malformed_signature"), None, None, ())
            finding = problem(Code.UNSUPPORTED_ALGORITHM, "", algorithm=(claimed or "?")[:100])
            return KeyedCheck(_unverified("unsupported_algorithm"), None, None, (finding,))
        groups = candidate_groups(record, part, self._keys, self._ring, self._charge_point)
        check = check_with_keys(record, algorithm, groups, self._ring)
        if record.format == "OCMF" and not algorithm.in_ocmf_table:
            extra = warning(Code.NON_OCMF_ALGORITHM, "", algorithm=algorithm.name)
            check = replace(check, findings=(*check.findings, extra))
        return check

    def _transaction_verdict(self, group: Group, records: Sequence[RecordVerdict]) -> TransactionVerdict:
        members = [member.record for member in group.members]
        judgement = judge_transaction(members, self._profile, contexts=[member.context for member in group.members])
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


def _unverified(reason: str) -> SignatureVerdict:
    return SignatureVerdict(SignatureStatus.UNVERIFIED, None, reason)


def _unreadable(part: Part, finding: Finding) -> _Judged:
    findings = part.findings
    if not any(f.severity is Severity.ERROR for f in findings):
        findings = (*findings, finding)
    check = KeyedCheck(_unverified("unreadable"), None, None, ())
    return _Judged(part, None, check, findings, Verdict.INDETERMINATE)


def _signature_verdict(signature: SignatureVerdict) -> Verdict:
    return {
        SignatureStatus.VALID: Verdict.VALID,
        SignatureStatus.INVALID: Verdict.INVALID,
        SignatureStatus.UNVERIFIED: Verdict.INDETERMINATE,
    }[signature.status]


def _mark_duplicates(judged: list[_Judged]) -> list[_Judged]:
    """Report a record that stands in the document twice; its identity is its signed bytes (ocmf facts §2)."""
    seen: dict[bytes, int] = {}
    for index, item in enumerate(judged):
        if item.record is None:
            continue
        first = seen.setdefault(item.record.signed_bytes, index)
        if first != index:
            finding = note(Code.DOCUMENT_REPEATS_RECORD, "", first=first)
            judged[index] = replace(item, findings=(*item.findings, finding))
    return judged


def _record_verdict(index: int, item: _Judged) -> RecordVerdict:
    return RecordVerdict(
        index,
        item.part.where,
        item.part.layers,
        item.record.format if item.record is not None else item.part.format,
        item.verdict,
        item.check.signature,
        item.check.key,
        item.record,
        item.findings,
    )
