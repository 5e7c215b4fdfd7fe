"""When to try again, and when to stop. Figures are named and say why they have their value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from secrets import randbelow

POST_TIMEOUT = timedelta(seconds=75)
"""The worker ends a POST after this time. Above the client's own 60 s, which knows better what happened."""

ASK_TIMEOUT = timedelta(seconds=75)
"""All questions about one CDR together."""

LEASE = timedelta(seconds=300)
"""How long a worker owns a row without a sign of life. Longer than question, POST, second question and
the database writes between them together (3 x 75 s), so a living worker never loses its lease and needs no
renewal; short enough that the rows of a dead one are taken up within minutes."""

POLL_INTERVAL = timedelta(seconds=2)
"""How often an idle worker looks for due rows; a query on an index."""

AT_ONCE = 8
"""Deliveries under way at the same time in one worker process; they mostly wait for the network."""

AT_ONCE_PER_PARTNER = 2
"""Of these, for one partner: one that answers nothing holds each delivery for a minute, and a thousand CDRs for it
must not keep those of the others waiting for hours."""

PAUSE_AFTER_ERROR = timedelta(seconds=30)
"""Pause after an unexpected failure of the ledger itself, so that a broken database is not hammered."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with jitter and an end.

    Attributes:
        first: Delay after the first failure.
        cap: Longest delay.
        max_attempts: Contacts after which the delivery is given up (dead letter, replayable). The default
            spans about four days: a long weekend without anyone at the partner.
        jitter_percent: The delay is shortened by a random share up to this, so that many CDRs that failed
            together do not come back together.
    """

    first: timedelta = timedelta(seconds=5)
    cap: timedelta = timedelta(hours=4)
    max_attempts: int = 36
    jitter_percent: int = 50

    def __post_init__(self) -> None:
        if self.first <= timedelta(0) or self.cap < self.first:
            raise ValueError("the first delay must be positive and not above the cap")
        if self.max_attempts < 1 or not 0 <= self.jitter_percent <= 100:
            raise ValueError("max_attempts must be at least 1 and jitter_percent between 0 and 100")

    def delay(self, attempts: int) -> timedelta:
        """Return how long to wait after this many attempts (at least 1)."""
        doublings = min(max(attempts, 1) - 1, 40)  # 2**40 s is beyond any cap and still an exact timedelta
        full = min(self.first * 2**doublings, self.cap) if doublings < 30 else self.cap
        milliseconds = full // timedelta(milliseconds=1)
        spread = milliseconds * self.jitter_percent // 100
        return timedelta(milliseconds=milliseconds - randbelow(spread + 1))

    def exhausted(self, attempts: int) -> bool:
        """Say whether no further attempt is due."""
        return attempts >= self.max_attempts
