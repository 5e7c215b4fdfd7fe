"""The chain: a session's signed data come in, a CDR goes out. Used by the operator API, the CLI and the demo.

Each public method is one database transaction; the network is never touched inside one. Delivery itself is the
worker's: whatever is committed here arrives.
"""

from __future__ import annotations

import hashlib
import json as stdlib_json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import anyio.to_thread

from eichrecht.billing.build import BilledSession, KnownCircumstances, Outcome, bill_session
from eichrecht.billing.clock import session_start, signed_start
from eichrecht.billing.codes import BillingCode
from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.policy import BillingPolicy
from eichrecht.delivery.ocpi_client import wire_body
from eichrecht.evidence import Document, DocumentVerdict, Finding, problem
from eichrecht.keyring.ring import MemoryKeyRing
from eichrecht.service.billed import billed_records, billed_spans
from eichrecht.service.errors import Conflict, CorrectionRefused
from eichrecht.service.ring import CurrentRing
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.keys import PublicKey, UnusableKey
from eichrecht.store.cdrs import NewCdr, StoredCdr, new_receipt_token
from eichrecht.store.database import Database, Transaction
from eichrecht.store.errors import NotFound
from eichrecht.store.intakes import Intake
from eichrecht.store.partners import pricing_policy
from eichrecht.store.states import CdrState
from eichrecht.verification import Verifier
from ocpi.cdrs.context import ReconcileContext
from ocpi.cdrs.credit import credit_cdr
from ocpi.cdrs.reconcile import reconcile_credit
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Role
from ocpi.objects.tariff import Tariff
from ocpi.transport import json
from ocpi.versions import V2_2_1


def utc_now() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class TakenSession:
    """What became of a session that came in.

    Attributes:
        outcome: ``ready``, ``held`` or ``refused``.
        verdict: Of its signed data; ``None`` if the same request was answered before.
        cdr: As stored; ``None`` if refused.
        findings: Everything that was found.
        known: The same request had come in before; nothing was done again.
    """

    outcome: Outcome
    verdict: DocumentVerdict | None
    cdr: StoredCdr | None
    findings: tuple[Finding, ...]
    known: bool = False


class Chain:
    """The operator's side of the service over one database."""

    def __init__(
        self,
        database: Database,
        *,
        base_url: str,
        policy: BillingPolicy | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """Set what every call uses.

        Args:
            database: Open database.
            base_url: Public URL for receipt links.
            policy: Billing policy of the CPO.
            clock: For tests.
        """
        self._database = database
        self._base_url = base_url
        self._policy = policy or BillingPolicy()
        self._clock = clock
        self._ring = CurrentRing(database)

    async def ring(self) -> MemoryKeyRing:
        """Return the keys that the operator or the register vouches for, as they are now."""
        return await self._ring.get()

    async def take_session(self, facts: SessionFacts, raw_facts: bytes, document: Document) -> TakenSession:
        """Verify, price, reconcile and store one session; open its delivery if nothing stands against it.

        Args:
            facts: Session facts.
            raw_facts: The same, exactly as received.
            document: The signed data, exactly as received.

        Raises:
            Conflict: The session came in before with other content and has a CDR.
            StoreError: The CDR id is taken, or the database cannot be used.
        """
        digest = _digest(facts, document)
        async with self._database.reading() as tx:
            known = await self._known(tx, facts, digest)
        if known is not None:
            return known
        ring = await self.ring()
        verdict = await anyio.to_thread.run_sync(_verifier(ring, facts).verify, document)
        async with self._database.transaction() as tx:
            now = (
                self._clock()
            )  # not before: a partner that pulls up to now must not pass a CDR that waits here
            known = await self._known(tx, facts, digest)
            if known is not None:
                return known
            sha256 = await tx.evidence.add(document, now)
            token = new_receipt_token()
            tariff = await self._tariff_at_start(tx, facts, verdict)
            same = await self._same_at_signed_start(tx, facts, verdict, tariff)
            billed = await self._bill(tx, facts, verdict, ring, tariff, token, now, same)
            stored = await self._store(tx, facts, billed, verdict, [sha256], token, now)
            await tx.intakes.add(
                Intake(
                    facts.country_code,
                    facts.party_id,
                    facts.session_id,
                    digest,
                    raw_facts,
                    sha256,
                    billed.outcome.value if stored is None else _outcome(stored).value,
                    stored.pk if stored is not None else None,
                    billed.findings,
                    now,
                )
            )
        outcome = billed.outcome if stored is None else _outcome(stored)
        return TakenSession(outcome, verdict, stored, billed.findings)

    async def _known(self, tx: Transaction, facts: SessionFacts, digest: str) -> TakenSession | None:
        """Return the earlier answer to the same request.

        A session that was refused, discarded or credited may come in again; what has a CDR that stands may not.
        """
        latest = await tx.intakes.latest(facts.country_code, facts.party_id, facts.session_id)
        if latest is None or latest.cdr_pk is None:
            return None
        stored = await tx.cdrs.by_pk(latest.cdr_pk)
        if stored.state is CdrState.DISCARDED:
            return None
        if latest.request_sha256 != digest:
            if stored.credited:
                return None
            raise Conflict(
                f"session {facts.session_id} came in before with other content; its CDR is {stored.id}: "
                "discard it if it is held, credit it if it was sent"
            )
        return TakenSession(_outcome(stored), None, stored, latest.findings, known=True)

    async def _bill(
        self,
        tx: Transaction,
        facts: SessionFacts,
        verdict: DocumentVerdict,
        ring: MemoryKeyRing,
        tariff: Tariff | None,
        receipt_token: str,
        now: datetime,
        same_tariff: bool | None = None,
    ) -> BilledSession:
        token = facts.cdr_token
        partner = await tx.partners.by_party(Role.EMSP, token.country_code, token.party_id)
        agreed = None if partner is None else pricing_policy(await tx.partners.settings(partner.id))
        billed = bill_session(
            verdict,
            facts,
            tariff,
            now=now,
            signing_key=_signing_key(verdict, ring),
            receipt_url=f"{self._base_url}/r/{receipt_token}",
            policy=self._policy if agreed is None else replace(self._policy, pricing=agreed),
            circumstances=KnownCircumstances(
                routed=partner is not None,
                already_sent=await _exists(tx, facts),
                session_already_billed=False,  # the store's unique index refuses it in the same transaction
                same_tariff_at_signed_start=same_tariff,
            ),
        )
        other = (
            None
            if billed.cdr is None
            else await tx.cdrs.billing(billed_records(verdict), billed_spans(verdict))
        )
        if other is not None:
            finding = problem(BillingCode.RECORD_ALREADY_BILLED, "", cdr=other)
            return BilledSession(Outcome.REFUSED, None, None, None, (finding,))
        return billed

    async def _tariff_at_start(
        self, tx: Transaction, facts: SessionFacts, verdict: DocumentVerdict
    ) -> Tariff | None:
        if facts.tariff_id is None:
            return None
        starts = [session_start(facts, transaction) for transaction in verdict.transactions]
        known = [moment for moment in (*starts, facts.start_date_time) if moment is not None]
        return await _tariff_as_of(tx, facts, facts.tariff_id, min(known, default=self._clock()))

    async def _same_at_signed_start(
        self, tx: Transaction, facts: SessionFacts, verdict: DocumentVerdict, tariff: Tariff | None
    ) -> bool | None:
        """Return whether the tariff that was found is also that at the start by the meter's clock, if it has one."""
        if tariff is None or facts.tariff_id is None:
            return None
        starts = [start for one in verdict.transactions if (start := signed_start(one)) is not None]
        return all([await _tariff_as_of(tx, facts, facts.tariff_id, at) == tariff for at in starts])

    async def _store(
        self,
        tx: Transaction,
        facts: SessionFacts,
        billed: BilledSession,
        verdict: DocumentVerdict,
        evidence: Sequence[str],
        receipt_token: str,
        now: datetime,
    ) -> StoredCdr | None:
        if billed.cdr is None:
            return None
        token = facts.cdr_token
        partner = await tx.partners.by_party(Role.EMSP, token.country_code, token.party_id)
        return await tx.cdrs.create(
            NewCdr(
                billed.cdr,
                wire_body(billed.cdr),
                partner.id if partner is not None else None,
                findings=billed.findings,
                evidence=evidence,
                records=billed_records(verdict),
                spans=billed_spans(verdict),
                receipt_token=receipt_token,
            ),
            now,
        )

    async def credit(
        self,
        country_code: str,
        party_id: str,
        cdr_id: str,
        *,
        corrected: SessionFacts | None = None,
        tariff: Tariff | None = None,
    ) -> tuple[StoredCdr, ...]:
        """Credit a CDR in full and, if wanted, put a corrected one in its place; both are delivered in order.

        The corrected CDR is billed anew from the evidence of the original: signed values cannot be corrected,
        only what stands around them (token, tariff, states, location).

        Args:
            country_code, party_id, cdr_id: The original; it stays untouched.
            corrected: Right session facts with a new ``cdr_id``; ``None`` = credit only.
            tariff: Snapshot for the corrected CDR; ``None`` = the stored version at session start.

        Returns:
            The Credit CDR and, if wanted, the corrected one.

        Raises:
            StoreError: No such CDR, it was never released, or it is credited already.
            CdrError: It is a Credit CDR itself.
            Conflict: The corrected facts are those of another session.
            CorrectionRefused: The Credit CDR or the corrected CDR may not leave; nothing was credited.
        """
        ring = await self.ring()
        correction = None
        if corrected is not None:
            verdict = await self._verified_again(country_code, party_id, cdr_id, corrected, ring)
            correction = (corrected, verdict)
        async with self._database.transaction() as tx:
            now = self._clock()  # as in take_session
            original = await tx.cdrs.get(country_code, party_id, cdr_id)
            cdr = V2_2_1.load(Cdr, json.loads(original.body))
            credit = credit_cdr(cdr, now)
            findings = await self._reconciled(tx, credit, cdr)
            new = NewCdr(
                credit,
                wire_body(credit),
                original.partner_id,
                findings=findings,
                evidence=original.evidence,
            )
            made = [await tx.cdrs.create(new, now)]
            if correction is not None:
                made.append(await self._correct(tx, original, *correction, ring, tariff, now))
        return tuple(made)

    async def _reconciled(self, tx: Transaction, credit: Cdr, original: Cdr) -> tuple[Finding, ...]:
        """Check a Credit CDR before it is stored, and so before it can leave.

        The read-back of what will be sent is checked, not the object in memory.

        Raises:
            CorrectionRefused: It is no true copy.
        """
        sent = V2_2_1.load(Cdr, json.loads(wire_body(credit)))
        token = credit.cdr_token
        partner = await tx.partners.by_party(Role.EMSP, token.country_code, token.party_id)
        context = ReconcileContext(
            time_zone="UTC",  # nothing is priced again
            known_token=True,  # the original's
            routed=None if partner is None else True,  # a partner that left is the delivery's matter
            already_sent=False,  # the store refuses an id that is taken, in the same transaction
            credited=original,
        )
        result = reconcile_credit(sent, context)
        if result.held:
            raise CorrectionRefused(result.open_errors)
        return (
            *result.findings,
            *(item.as_finding() for item in result.differences),
            *(item.as_finding() for item in result.unchecked),
        )

    async def _verified_again(
        self, country_code: str, party_id: str, cdr_id: str, facts: SessionFacts, ring: MemoryKeyRing
    ) -> DocumentVerdict:
        """Verify the evidence of a CDR once more, before the transaction: it may take a while."""
        async with self._database.reading() as tx:
            original = await tx.cdrs.get(country_code, party_id, cdr_id)
            document = await tx.evidence.get(original.evidence[0])
        ours = (original.country_code, original.party_id, original.session_id or "")
        theirs = (facts.country_code, facts.party_id, facts.session_id)
        if [item.lower() for item in ours] != [item.lower() for item in theirs]:
            raise Conflict(f"CDR {original.id} bills session {'*'.join(ours)}, not {'*'.join(theirs)}")
        return await anyio.to_thread.run_sync(_verifier(ring, facts).verify, document)

    async def _correct(
        self,
        tx: Transaction,
        original: StoredCdr,
        facts: SessionFacts,
        verdict: DocumentVerdict,
        ring: MemoryKeyRing,
        tariff: Tariff | None,
        now: datetime,
    ) -> StoredCdr:
        token = new_receipt_token()
        same = None  # a tariff that a person chose is not one that a told time chose
        if tariff is None:
            tariff = await self._tariff_at_start(tx, facts, verdict)
            same = await self._same_at_signed_start(tx, facts, verdict, tariff)
        billed = await self._bill(tx, facts, verdict, ring, tariff, token, now, same)
        stored = await self._store(tx, facts, billed, verdict, original.evidence, token, now)
        if stored is None or stored.state == CdrState.HELD:
            raise CorrectionRefused(billed.findings)
        return stored


async def _tariff_as_of(tx: Transaction, facts: SessionFacts, tariff_id: str, at: datetime) -> Tariff | None:
    try:
        version = await tx.tariffs.as_of(facts.country_code, facts.party_id, tariff_id, at)
    except NotFound:
        return None
    return V2_2_1.load(Tariff, json.loads(version.body))


def _digest(facts: SessionFacts, document: Document) -> str:
    """Return what tells one request from another: the facts as understood, not their spelling, and the data."""
    said = stdlib_json.dumps(facts.model_dump(mode="json"), sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(said).digest() + document.content).hexdigest()


def _verifier(ring: MemoryKeyRing, facts: SessionFacts) -> Verifier:
    return Verifier(ring=ring, charge_point=facts.cdr_location.evse_id)


def _outcome(stored: StoredCdr) -> Outcome:
    return Outcome.HELD if stored.state in {CdrState.HELD, CdrState.DISCARDED} else Outcome.READY


async def _exists(tx: Transaction, facts: SessionFacts) -> bool:
    try:
        await tx.cdrs.get(facts.country_code, facts.party_id, facts.cdr_id or facts.session_id)
    except NotFound:
        return False
    return True


def _signing_key(verdict: DocumentVerdict, ring: MemoryKeyRing) -> PublicKey | None:
    """Return the key that the records were verified with, for ``signed_data.public_key``."""
    fingerprints = {record.key.fingerprint for record in verdict.records if record.key is not None}
    algorithm = next((record.signature.algorithm for record in verdict.records), None)
    named = parse_algorithm(algorithm) if algorithm else None
    if named is None or len(fingerprints) != 1:
        return None
    for known in ring.all_keys():
        try:
            key = known.material.for_algorithm(named)
        except UnusableKey:
            continue
        if key.fingerprint in fingerprints:
            return key
    return None
