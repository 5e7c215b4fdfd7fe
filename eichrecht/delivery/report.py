"""Why a CDR has not arrived, as a finding that the pages and the command line can show in words."""

from __future__ import annotations

from eichrecht.evidence import Finding, Severity
from eichrecht.store.deliveries import STOPPED, Delivery


def delivery_finding(delivery: Delivery, partner: str) -> Finding | None:
    """Return what stands between a CDR and its partner; ``None`` if nothing has gone wrong so far.

    Args:
        delivery: Row of the ledger.
        partner: Name of the partner for people.

    Returns:
        An ``error`` if a person must act, else a ``note``: the worker goes on by itself.
    """
    if delivery.last_error is None:
        return None
    severity = Severity.ERROR if delivery.state in STOPPED else Severity.NOTE
    params = {"partner": partner, "attempts": str(delivery.attempts)}
    return Finding(delivery.last_error, severity, "", params)
