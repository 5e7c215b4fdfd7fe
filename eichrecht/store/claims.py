"""Claims and outcomes: what the delivery worker takes from the ledger and gives back, no SQL."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from eichrecht.store.states import AttemptOutcome, DeliveryState, InDoubtPolicy


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back over HTTP, for the audit record; every field ``None`` where nothing came back.

    Attributes:
        http_status: HTTP status.
        ocpi_status: ``status_code`` of the envelope.
        body_sha256: Lower-case hex SHA-256 of the response body.
        message: ``status_message`` or the transport's words, for people; may be hostile.
    """

    http_status: int | None = None
    ocpi_status: int | None = None
    body_sha256: str | None = None
    message: str | None = None


class LeaseLost(Exception):  # noqa: N818 - a state of affairs, named as the log reads it
    """Another worker has the row now; whatever this one wanted to write, it must not."""


NO_ANSWER = Answer()
"""Nothing came back."""


@dataclass(frozen=True, slots=True)
class KnownLocation:
    """A ``Location`` that the partner gave for an acknowledged CDR: a place to learn its URL pattern from."""

    country_code: str
    party_id: str
    cdr_id: str
    location: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A delivery that one worker owns until ``lease_until``.

    Attributes:
        delivery_id: Row of the ledger.
        lease: Unguessable name of this claim; every write must carry it.
        lease_until: End of the lease.
        partner_id: The partner.
        country_code, party_id, cdr_id: Key of the CDR as written.
        body: The exact bytes to send.
        attempts: Contacts so far.
        in_doubt: The outcome of an earlier POST is unknown: ask first.
        doubted: An earlier outcome was ever unknown.
        location: ``Location`` from an earlier answer, if any.
        in_doubt_policy: The partner's setting.
        known_locations: Recent acknowledged CDRs of this partner, newest first.
    """

    delivery_id: int
    lease: str
    lease_until: datetime
    partner_id: str
    country_code: str
    party_id: str
    cdr_id: str
    body: bytes
    attempts: int
    in_doubt: bool
    doubted: bool
    location: str | None
    in_doubt_policy: InDoubtPolicy
    known_locations: tuple[KnownLocation, ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What becomes of a claimed delivery.

    Attributes:
        state: ``DELIVERED``, ``PENDING``, ``IN_DOUBT``, ``FAILED`` or ``HELD``.
        error: Stable code that says why it is not delivered; ``None`` if it is.
        location: Where the partner keeps the CDR, if known.
        due_at: When to go on (``PENDING``, ``IN_DOUBT``).
        doubted: The outcome of a POST is or was unknown.
        contacted: Counts as an attempt although no POST was made (a question that got no answer).
    """

    state: DeliveryState
    error: str | None = None
    location: str | None = None
    due_at: datetime | None = None
    doubted: bool = False
    contacted: bool = False


@dataclass(frozen=True, slots=True)
class Contact:
    """The end of one contact, for the audit record.

    Attributes:
        outcome: What it came to.
        answer: What came back.
        detail: Place asked or reason code, for people.
    """

    outcome: AttemptOutcome
    answer: Answer = NO_ANSWER
    detail: str | None = None
