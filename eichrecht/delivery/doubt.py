"""Asking a partner whether it has a CDR, and what follows from its answer."""

from __future__ import annotations

from dataclasses import dataclass

from eichrecht.delivery.client import CannotAsk, CdrClient
from eichrecht.delivery.compare import same_content
from eichrecht.delivery.places import Place, places
from eichrecht.store.claims import Answer, Claim, Contact
from eichrecht.store.states import AttemptOutcome, InDoubtPolicy
from ocpi.types import same_ci


@dataclass(frozen=True, slots=True)
class Question:
    """The answer to "do you have this CDR?".

    Attributes:
        outcome: ``FOUND_SAME``, ``FOUND_DIFFERENT``, ``ABSENT``, ``CANNOT_TELL`` or ``UNREACHABLE``.
        url: Where it was found; ``None`` if it was not.
        contact: For the audit record.
    """

    outcome: AttemptOutcome
    url: str | None
    contact: Contact

    def allows_resend(self, policy: InDoubtPolicy) -> bool:
        """Say whether the CDR may be posted again: it is not there, or the setting takes the risk."""
        return self.outcome is AttemptOutcome.ABSENT or (
            self.outcome is AttemptOutcome.CANNOT_TELL and policy is InDoubtPolicy.RESEND
        )


async def ask(client: CdrClient, claim: Claim) -> Question:
    """Ask the partner at every place where the CDR may be, until one has it.

    A partner that has it anywhere has it. "Not there" counts only at a place learned from the partner's own
    answers. One place that could not be reached leaves the question open, whatever the others said.
    """
    told: list[str] = []
    absent = unreachable = False
    last = Answer()
    for place in places(claim, client.cdrs_endpoint):
        try:
            outcome, last = await _ask_at(client, claim, place)
        except CannotAsk as error:
            outcome = AttemptOutcome.UNREACHABLE if error.temporary else AttemptOutcome.CANNOT_TELL
            last = error.answer
        told.append(f"{outcome.value} {place.url}")
        if outcome in (AttemptOutcome.FOUND_SAME, AttemptOutcome.FOUND_DIFFERENT):
            return Question(outcome, place.url, Contact(outcome, last, "; ".join(told)))
        absent = absent or outcome is AttemptOutcome.ABSENT
        unreachable = unreachable or outcome is AttemptOutcome.UNREACHABLE
    if unreachable:
        outcome = AttemptOutcome.UNREACHABLE
    else:
        outcome = AttemptOutcome.ABSENT if absent else AttemptOutcome.CANNOT_TELL
    return Question(outcome, None, Contact(outcome, last, "; ".join(told) or None))


async def _ask_at(client: CdrClient, claim: Claim, place: Place) -> tuple[AttemptOutcome, Answer]:
    cdr = await client.get_cdr(place.url)
    if cdr is None:
        outcome = AttemptOutcome.ABSENT if place.definite else AttemptOutcome.CANNOT_TELL
        return outcome, Answer(http_status=404)
    ours = (claim.country_code, claim.party_id, claim.cdr_id)
    theirs = (cdr.country_code, cdr.party_id, cdr.id)
    if not all(same_ci(a, b) for a, b in zip(ours, theirs, strict=True)):
        return AttemptOutcome.CANNOT_TELL, Answer(http_status=200)  # that URL means something else there
    same = same_content(claim.body, cdr)
    return (AttemptOutcome.FOUND_SAME if same else AttemptOutcome.FOUND_DIFFERENT), Answer(http_status=200)
