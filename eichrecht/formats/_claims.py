"""Comparing what a container says of meter and charge point with what a record of any format signs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from enum import StrEnum

from eichrecht.evidence import Finding, SignedRecord, problem


class ClaimCode(StrEnum):
    """Findings about statements beside a record."""

    METER_CONTRADICTS = "claimed_meter_contradicts"
    EVSE_CONTRADICTS = "claimed_evse_contradicts"


def with_claims(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> SignedRecord:
    """Return the record with a contradiction for each claim that differs from what it signs.

    For formats that do not compare claims themselves. A record that signs neither contradicts nothing.

    Args:
        record: Decoded by its format.
        claims: What its container says: ``evse_id``, ``meter_id``; others are not looked at.
    """
    found = tuple(_contradictions(record, claims))
    return replace(record, contradictions=(*record.contradictions, *found)) if found else record


def _contradictions(record: SignedRecord, claims: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    point, kind = record.charge_point
    for name, claim in claims:
        if name == "meter_id" and record.meter.serial:
            signed, code = record.meter.serial, ClaimCode.METER_CONTRADICTS
        elif name == "evse_id" and point and kind == "EVSEID":
            signed, code = point, ClaimCode.EVSE_CONTRADICTS
        else:
            continue
        if _plain(claim).isdisjoint(_plain(signed)):
            yield problem(code, "", stated=claim[:60], signed=signed[:60])


def _plain(text: str) -> set[str]:
    """Return the forms in which the same number is written: without separators and case, and as hexadecimal."""
    plain = "".join(char for char in text.casefold() if char.isalnum())
    return {plain, text.strip().encode("utf-8").hex()}
