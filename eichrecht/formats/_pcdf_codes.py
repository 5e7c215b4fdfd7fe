"""Codes of what decoding PCDF records can say; sentences: ``locales/findings.d/pcdf.toml``."""

from __future__ import annotations

from enum import StrEnum


class PcdfErrorCode(StrEnum):
    """Why a PCDF record cannot be decoded at all (``FormatError.code``)."""

    NOT_PCDF = "pcdf_header_missing"
    TOO_LARGE = "pcdf_record_too_large"
    MALFORMED = "pcdf_fields_malformed"
    NO_SIGNATURE = "pcdf_signature_missing"
    NOT_UTF8 = "pcdf_not_utf8"


class PcdfCode(StrEnum):
    """What decoding noticed about a PCDF record."""

    TEXT_AFTER_RECORD = "pcdf_text_after_record"
    LINES_JOINED = "pcdf_lines_joined"
    FIELD_MISSING = "pcdf_field_missing"
    FIELD_REPEATED = "pcdf_field_repeated"
    FIELDS_UNKNOWN = "pcdf_fields_unknown"
    FIELD_ORDER = "pcdf_field_order"
    FIELD_AFTER_SIGNATURE = "pcdf_field_after_signature"
    FIELD_AFTER_SIGNATURE_CONTRADICTS = "pcdf_field_after_signature_contradicts"
    FIELD_MALFORMED = "pcdf_field_malformed"
    SIGNATURE_UNREADABLE = "pcdf_signature_unreadable"
    STOP_MISSING = "pcdf_stop_missing"
    DURATION_DIFFERS = "pcdf_duration_differs"
    USER_TYPE_UNKNOWN = "pcdf_user_type_unknown"
    METER_TYPE_UNKNOWN = "pcdf_meter_type_unknown"


class PcdfFlagCode(StrEnum):
    """Flags of the record that say that something is wrong."""

    BILLING_FORBIDDEN = "pcdf_billing_forbidden"
    TIME_NOT_VALID = "pcdf_time_not_valid"
