"""The worker: claims a delivery, sends or asks, writes down what came of it. Any number may run.

The order of the steps is what makes kill -9 harmless: the row says ``sending`` *before* the first byte
leaves, so a row without that mark was certainly not sent, and a row with it is never sent again without
asking.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from secrets import token_hex

from eichrecht.delivery.client import (
    CdrClient,
    ClientFor,
    DeliveryError,
    MaybeDelivered,
    NoRoute,
    NotDelivered,
    Posted,
    Rejected,
)
from eichrecht.delivery.codes import DeliveryCode
from eichrecht.delivery.doubt import Question, ask
from eichrecht.delivery.policy import (
    ASK_TIMEOUT,
    AT_ONCE,
    AT_ONCE_PER_PARTNER,
    LEASE,
    PAUSE_AFTER_ERROR,
    POLL_INTERVAL,
    POST_TIMEOUT,
    RetryPolicy,
)
from eichrecht.store.claims import Answer, Claim, Contact, LeaseLost, Result
from eichrecht.store.database import Database
from eichrecht.store.ledger import SqlLedger
from eichrecht.store.states import AttemptOutcome, DeliveryState

__all__ = ["ClientFor", "DeliveryWorker", "NoRoute", "Step", "utc_now"]

log = logging.getLogger(__name__)


class Step(StrEnum):
    """Moments between two steps, in order; ``on_step`` hears each when the step before it is durable."""

    CLAIMED = "claimed"
    ASKED = "asked"
    QUESTION_NOTED = "question_noted"
    MARKED_SENDING = "marked_sending"
    POSTED = "posted"
    RECORDED = "recorded"


def utc_now() -> datetime:
    """Return the present instant in UTC."""
    return datetime.now(UTC)


class DeliveryWorker:
    """Delivers CDRs from the ledger, one at a time.

    Args:
        database: Open database with the ledger.
        client_for: Gives the client of a partner.
        clock: Aware present time; leases of all workers are judged by it.
        policy: Back-off and end of retries.
        on_step: Hears every :class:`Step`; tests end the process there.
        lease: How long a claim lasts; only tests shorten it.
        name: Name in the audit record.
    """

    def __init__(
        self,
        database: Database,
        client_for: ClientFor,
        *,
        clock: Callable[[], datetime] = utc_now,
        policy: RetryPolicy | None = None,
        on_step: Callable[[str], None] = lambda _step: None,
        lease: timedelta = LEASE,
        name: str | None = None,
    ) -> None:
        self._ledger = SqlLedger(database)
        self._client_for = client_for
        self._clock = clock
        self._policy = policy or RetryPolicy()
        self._on_step = on_step
        self._lease = lease
        self._claiming = asyncio.Lock()
        self._under_way: Counter[str] = Counter()
        self.name = name or f"{socket.gethostname()}:{os.getpid()}:{token_hex(4)}"

    async def run_once(self) -> DeliveryState | None:
        """Take one due delivery as far as it goes now.

        Returns:
            The state it was left in; ``None`` if nothing was due or another worker took the row over.
        """
        claim = await self._claim()
        if claim is None:
            return None
        try:
            self._on_step(Step.CLAIMED)
            return await self._deliver(claim)
        except LeaseLost:
            log.warning("delivery %s: the lease ran out, another worker has it", claim.delivery_id)
            return None
        finally:
            self._under_way[claim.partner_id] -= 1

    async def _claim(self) -> Claim | None:
        async with self._claiming:  # what is counted here must not change before the row is taken
            busy = [partner for partner, count in self._under_way.items() if count >= AT_ONCE_PER_PARTNER]
            claim = await self._ledger.claim(self.name, self._clock(), self._lease, busy)
            if claim is not None:
                self._under_way[claim.partner_id] += 1
            return claim

    async def run_until_idle(self) -> int:
        """Work until nothing is due now; returns how many claims were worked on."""
        worked = 0
        while await self.run_once() is not None:
            worked += 1
        return worked

    async def run_forever(self, stop: asyncio.Event, *, concurrency: int = AT_ONCE) -> None:
        """Work until ``stop`` is set; a delivery under way is finished first.

        Args:
            stop: Ends the work.
            concurrency: Deliveries at the same time, so that one slow partner does not stop the others.
        """
        await asyncio.gather(*(self._loop(stop) for _ in range(concurrency)))

    async def _loop(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            pause = POLL_INTERVAL
            try:
                if await self.run_once() is not None:
                    continue
            except Exception:
                # The row keeps its lease and is taken up again, as after a crash: nothing is lost.
                log.exception("delivery worker %s: unexpected failure", self.name)
                pause = PAUSE_AFTER_ERROR
            try:
                async with asyncio.timeout(pause.total_seconds()):
                    await stop.wait()
            except TimeoutError:
                pass

    async def _deliver(self, claim: Claim) -> DeliveryState:
        try:
            client = await self._client_for(claim.partner_id)
        except NoRoute:
            # Nothing was sent: what was certain stays certain, what was in doubt stays in doubt.
            return await self._finish(claim, self._again(claim, DeliveryCode.NO_ROUTE, contacted=True))
        if claim.in_doubt:
            question = await self._ask(client, claim)
            if not question.allows_resend(claim.in_doubt_policy):
                return await self._finish(claim, self._after_doubt(claim, question))
            if self._policy.exhausted(claim.attempts):
                return await self._finish(
                    claim, Result(DeliveryState.FAILED, DeliveryCode.GAVE_UP, doubted=True)
                )
        attempt = await self._ledger.start_post(claim, self._clock(), self._lease)
        self._on_step(Step.MARKED_SENDING)
        posted = await self._post(client, claim)
        self._on_step(Step.POSTED)
        contact = _contact(posted)
        result = await self._after_post(client, claim, posted)
        return await self._finish(claim, result, attempt, contact)

    async def _post(self, client: CdrClient, claim: Claim) -> Posted | DeliveryError:
        try:
            async with asyncio.timeout(POST_TIMEOUT.total_seconds()):
                return await client.post_cdr(claim.body)
        except DeliveryError as error:
            return error
        except TimeoutError:
            return MaybeDelivered("timeout")
        except Exception as error:  # a fault in the client says nothing of what the partner received
            log.exception("delivery %s: the client failed", claim.delivery_id)
            return MaybeDelivered("client_failure", Answer(message=type(error).__name__))

    async def _ask(self, client: CdrClient, claim: Claim) -> Question:
        started_at = self._clock()
        try:
            async with asyncio.timeout(ASK_TIMEOUT.total_seconds()):
                question = await ask(client, claim)
        except TimeoutError:
            question = _unanswered("timeout")
        except Exception as error:
            log.exception("delivery %s: the client failed", claim.delivery_id)
            question = _unanswered(type(error).__name__)
        self._on_step(Step.ASKED)
        await self._ledger.note_question(claim, started_at, self._clock(), question.contact)
        self._on_step(Step.QUESTION_NOTED)
        return question

    def _after_doubt(self, claim: Claim, question: Question) -> Result:
        """Return what follows when the answer does not allow to send again."""
        match question.outcome:
            case AttemptOutcome.FOUND_SAME:
                return Result(DeliveryState.DELIVERED, location=question.url, doubted=True)
            case AttemptOutcome.FOUND_DIFFERENT:
                return Result(DeliveryState.HELD, DeliveryCode.CONFLICT, location=question.url, doubted=True)
            case AttemptOutcome.CANNOT_TELL:
                return Result(DeliveryState.HELD, DeliveryCode.UNDECIDED, doubted=True)
            case _:
                return self._again(claim, DeliveryCode.CANNOT_ASK, contacted=True)

    async def _after_post(self, client: CdrClient, claim: Claim, posted: Posted | DeliveryError) -> Result:
        if isinstance(posted, Posted):
            return Result(DeliveryState.DELIVERED, location=posted.location, doubted=claim.doubted)
        if isinstance(posted, NotDelivered):
            return self._again(claim, DeliveryCode.NOT_ARRIVED)
        if isinstance(posted, Rejected):
            return await self._after_refusal(client, claim, posted)
        # Never given up here: the last POST may have arrived, so the partner is asked at least once more.
        due_at = self._clock() + self._policy.delay(claim.attempts + 1)
        return Result(DeliveryState.IN_DOUBT, DeliveryCode.OUTCOME_UNKNOWN, due_at=due_at, doubted=True)

    async def _after_refusal(self, client: CdrClient, claim: Claim, refusal: Rejected) -> Result:
        """Tell a refusal from "I have it already", which OCPI gives no status for (gotcha 34)."""
        if refusal.duplicate or claim.doubted:
            question = await self._ask(client, claim)
            if question.outcome is AttemptOutcome.UNREACHABLE:
                due_at = self._clock() + self._policy.delay(claim.attempts + 1)
                return Result(DeliveryState.IN_DOUBT, DeliveryCode.CANNOT_ASK, due_at=due_at, doubted=True)
            if question.outcome is AttemptOutcome.CANNOT_TELL:
                return Result(DeliveryState.HELD, DeliveryCode.DUPLICATE_UNPROVEN, doubted=True)
            if question.outcome is not AttemptOutcome.ABSENT:
                return self._after_doubt(claim, question)
        if refusal.permanent:
            return Result(DeliveryState.FAILED, DeliveryCode.REFUSED_FOR_GOOD, doubted=claim.doubted)
        return self._again(claim, DeliveryCode.REFUSED)

    def _again(self, claim: Claim, error: DeliveryCode, *, contacted: bool = False) -> Result:
        """Return "later", or "given up" after too many attempts; a doubt stays a doubt."""
        attempts = claim.attempts + 1
        if self._policy.exhausted(attempts):
            return Result(
                DeliveryState.FAILED, DeliveryCode.GAVE_UP, doubted=claim.doubted, contacted=contacted
            )
        return Result(
            DeliveryState.IN_DOUBT if claim.in_doubt else DeliveryState.PENDING,
            error,
            due_at=self._clock() + self._policy.delay(attempts),
            doubted=claim.doubted,
            contacted=contacted,
        )

    async def _finish(
        self, claim: Claim, result: Result, attempt: int | None = None, contact: Contact | None = None
    ) -> DeliveryState:
        await self._ledger.finish(claim, self._clock(), result, attempt, contact)
        self._on_step(Step.RECORDED)
        log.info(
            "cdr %s %s %s: %s %s",
            claim.country_code, claim.party_id, claim.cdr_id, result.state, result.error or "",
        )  # fmt: skip
        return result.state


def _contact(posted: Posted | DeliveryError) -> Contact:
    if isinstance(posted, Posted):
        return Contact(AttemptOutcome.ACKNOWLEDGED, posted.answer, "duplicate" if posted.duplicate else None)
    if isinstance(posted, NotDelivered):
        outcome = AttemptOutcome.NOT_ARRIVED
    elif isinstance(posted, Rejected):
        outcome = AttemptOutcome.REJECTED
    else:
        outcome = AttemptOutcome.UNKNOWN
    words = (posted.code, posted.answer.message)
    return Contact(outcome, posted.answer, ": ".join(word for word in words if word))


def _unanswered(reason: str) -> Question:
    return Question(AttemptOutcome.UNREACHABLE, None, Contact(AttemptOutcome.UNREACHABLE, detail=reason))
