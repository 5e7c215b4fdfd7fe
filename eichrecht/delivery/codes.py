"""Stable codes of the delivery stage; their sentences are in ``locales/findings.d/delivery.toml``."""

from __future__ import annotations

from enum import StrEnum


class DeliveryCode(StrEnum):
    """Why a delivery is where it is (``deliveries.last_error``)."""

    NO_ROUTE = "delivery_no_route"
    """The partner is not registered or has no CDRs endpoint; tried again later."""
    NOT_ARRIVED = "delivery_not_arrived"
    """The last POST certainly did not arrive; tried again later."""
    OUTCOME_UNKNOWN = "delivery_outcome_unknown"
    """Nobody knows whether the last POST arrived; the partner will be asked."""
    CANNOT_ASK = "delivery_cannot_ask"
    """The partner could not be asked; asked again later."""
    REFUSED = "delivery_refused"
    """The partner refused the CDR for now; tried again later."""
    REFUSED_FOR_GOOD = "delivery_refused_for_good"
    """The partner refused the CDR's content (OCPI 2001 and the like)."""
    GAVE_UP = "delivery_gave_up"
    """Too many attempts."""
    CONFLICT = "delivery_conflict"
    """The partner has a CDR with this id and other content."""
    UNDECIDED = "delivery_undecided"
    """The partner cannot tell whether it has the CDR, and its setting asks for a person."""
    DUPLICATE_UNPROVEN = "delivery_duplicate_unproven"
    """The partner says that it has the CDR, but it cannot be fetched to compare."""
