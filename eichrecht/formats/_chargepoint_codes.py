"""Stable codes of CHARGEPOINT_SECRRCT; sentences: ``locales/findings.d/chargepoint_secrrct.toml``."""

from __future__ import annotations

from enum import StrEnum


class ChargePointErrorCode(StrEnum):
    """Why a record cannot be decoded at all (``FormatError.code``)."""

    NOT_A_RECORD = "chargepoint_not_a_record"
    TOO_LARGE = "chargepoint_record_too_large"
    NOT_JSON = "chargepoint_record_not_json"
    NESTED_TOO_DEEP = "chargepoint_nested_too_deep"
    ORIGINAL_UNREADABLE = "chargepoint_original_unreadable"


class ChargePointCode(StrEnum):
    """What decoding noticed about a record."""

    SIGNATURE_MISSING = "chargepoint_signature_missing"
    SIGNATURE_UNREADABLE = "chargepoint_signature_unreadable"
    SHAPES_MIXED = "chargepoint_shapes_mixed"
    FIELD_MISSING = "chargepoint_field_missing"
    FIELD_MALFORMED = "chargepoint_field_malformed"
    # what is signed and contradicts itself
    ENERGY_DIFFERS = "chargepoint_energy_differs"
    COST_DIFFERS = "chargepoint_cost_differs"
    SUM_DIFFERS = "chargepoint_sum_differs"
    DURATION_DIFFERS = "chargepoint_duration_differs"
    AMOUNT_SIGNED = "chargepoint_amount_signed"
    # what is not signed
    COPY_CONTRADICTS = "chargepoint_copy_contradicts"
    MEMBERS_UNSIGNED = "chargepoint_members_unsigned"
    EVSE_CONTRADICTS = "chargepoint_evse_contradicts"
    METER_CONTRADICTS = "chargepoint_meter_contradicts"
    TIME_CONTRADICTS = "chargepoint_time_contradicts"
