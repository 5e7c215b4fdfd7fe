"""Stable codes of what the service finds out about a CDR that somebody gives it; sentences are in the locales."""

from __future__ import annotations

from enum import StrEnum


class CdrCheckCode(StrEnum):
    """What stands beside the rules of ``ocpi.cdrs`` when a CDR is checked."""

    UNREADABLE = "cdr_unreadable"
    FILE_UNREADABLE = "cdr_file_unreadable"
    SIGNATURE_MISSING = "cdr_signature_missing"
    SIGNED_SESSION_UNCLEAR = "cdr_signed_session_unclear"
    DIFFERS_FROM_STORED = "cdr_differs_from_stored"
    BILLED_ELSEWHERE = "cdr_record_billed_elsewhere"
    METER_ID_DIFFERS = "cdr_meter_id_differs"
    TARIFF_NOT_STORED = "cdr_tariff_not_stored"
