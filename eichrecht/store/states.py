"""States of a CDR and of its way to the partner. The tables, the worker and the pages use these names.

CDR::

    held ──release──▶ ready ──delivery──▶ delivered
      │                 │ ▲
      └─discard─▶ discarded  └─replay── failed ◀──(ready)

Delivery::

    pending ─claim─▶ leased ─▶ sending ─┬─▶ delivered
       ▲                                ├─▶ pending     certainly not arrived: again later
       └────────────replay──────┐       ├─▶ in_doubt    outcome unknown: ask before anything else
                                │       ├─▶ failed      refused for good, or too many attempts
                              failed    └─▶ held        only a person can decide
"""

from __future__ import annotations

from enum import StrEnum


class CdrState(StrEnum):
    """Where a CDR stands."""

    HELD = "held"
    """Open errors or no partner: never sent, never listed."""
    READY = "ready"
    """Released for delivery; its content is final and partners may pull it."""
    DELIVERED = "delivered"
    """The partner acknowledged it, or showed on request that it has it."""
    FAILED = "failed"
    """Delivery stopped and a person must decide; the delivery row says why. Still listed for pulling."""
    DISCARDED = "discarded"
    """A held CDR that was given up; it never left."""


LISTED_CDR_STATES = frozenset({CdrState.READY, CdrState.DELIVERED, CdrState.FAILED})
"""States whose CDRs ``GET /cdrs`` serves: everything that was released, delivered or not."""


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    PENDING = "pending"
    """Never posted, or certainly not arrived; due at ``due_at``."""
    LEASED = "leased"
    """A worker has it; the POST has not begun. After the lease it is as good as ``pending``."""
    SENDING = "sending"
    """The POST may be on the wire. After the lease the worker is taken for dead, the outcome is unknown."""
    IN_DOUBT = "in_doubt"
    """The partner may or may not have it. It is asked before anything is sent again."""
    DELIVERED = "delivered"
    """Acknowledged or found at the partner."""
    FAILED = "failed"
    """Dead letter: refused for good or given up after too many attempts. Can be replayed."""
    HELD = "held"
    """Only a person can decide (the partner has other content, or cannot be asked). Can be replayed."""


class AttemptOutcome(StrEnum):
    """What one contact with the partner came to."""

    ACKNOWLEDGED = "acknowledged"
    """The POST was answered with success."""
    NOT_ARRIVED = "not_arrived"
    """The POST certainly had no effect."""
    UNKNOWN = "unknown"
    """No answer, an answer that proves nothing, or the worker died."""
    REJECTED = "rejected"
    """The partner refused the CDR."""
    FOUND_SAME = "found_same"
    """Asked: the partner has this CDR."""
    FOUND_DIFFERENT = "found_different"
    """Asked: the partner has the id with other content."""
    ABSENT = "absent"
    """Asked at a place learned from earlier answers: the partner does not have it."""
    CANNOT_TELL = "cannot_tell"
    """Asked, or nowhere to ask: no proof either way."""
    UNREACHABLE = "unreachable"
    """The question itself failed; ask again later."""


class AttemptKind(StrEnum):
    """What the worker did."""

    POST = "post"
    ASK = "ask"


class InDoubtPolicy(StrEnum):
    """What to do when the partner cannot tell whether it has a CDR; a setting per partner (``in_doubt``)."""

    RESEND = "resend"
    """Post again: the CDR id makes the POST idempotent (OCPI gotcha 34)."""
    HOLD = "hold"
    """Wait for a person: for partners known to store a second POST as a second CDR."""
