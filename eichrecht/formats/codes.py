"""Stable codes of everything the formats stage says; sentences: ``locales/findings.d/formats.toml``."""

from __future__ import annotations

from enum import StrEnum


class FormatCode(StrEnum):
    """Statements of the registry, about any format."""

    FORMAT_UNKNOWN = "format_unknown"
    PLUGIN_BROKEN = "format_plugin_broken"
    PLUGIN_NAME_TAKEN = "format_plugin_name_taken"
    FINDINGS_OMITTED = "format_findings_omitted"


class OcmfErrorCode(StrEnum):
    """Why an OCMF record cannot be decoded at all (``FormatError.code``)."""

    NOT_OCMF = "ocmf_header_missing"
    RECORD_TOO_LARGE = "ocmf_record_too_large"
    PAYLOAD_CUT_OFF = "ocmf_payload_cut_off"
    PAYLOAD_NOT_JSON = "ocmf_payload_not_json"
    SIGNATURE_SECTION_MISSING = "ocmf_signature_section_missing"
    SIGNATURE_CUT_OFF = "ocmf_signature_cut_off"
    SIGNATURE_NOT_JSON = "ocmf_signature_not_json"
    NESTED_TOO_DEEP = "ocmf_nested_too_deep"
    TOO_MANY_READINGS = "ocmf_too_many_readings"


class OcmfCode(StrEnum):
    """What decoding noticed about an OCMF record (findings on the record)."""

    # transport and text
    BOM_BEFORE_RECORD = "bom_before_record"
    SPACE_BEFORE_RECORD = "space_before_record"
    TEXT_AFTER_RECORD = "text_after_record"
    HEADER_MALFORMED = "ocmf_header_malformed"
    SPACE_AROUND_SECTION = "space_around_section"
    PIPE_IN_STRING = "pipe_in_string"
    EMBEDDED_KEY = "key_section_in_record"
    DUPLICATE_KEY = "duplicate_key"
    NON_FINITE_NUMBER = "non_finite_number"
    TEXT_NOT_UTF8 = "text_not_utf8"
    LONE_SURROGATE = "lone_surrogate"
    NULL_FIELD = "null_field"
    NOT_TEXT = "field_not_text"
    FIELD_MALFORMED = "field_malformed"
    UNKNOWN_FIELDS = "unknown_fields"
    VENDOR_FIELDS = "vendor_fields"
    READING_EXTENSIONS = "reading_extensions"
    # version
    VERSION_MISSING = "version_missing"
    VERSION_UNKNOWN = "version_unknown"
    FIELD_NEWER_THAN_VERSION = "field_newer_than_version"
    # pagination and identity
    PAGINATION_MISSING = "ocmf_pagination_missing"
    PAGINATION_MALFORMED = "pagination_malformed"
    METER_SERIAL_MISSING = "meter_serial_missing"
    SOURCE_UNIDENTIFIED = "ocmf_source_unidentified"
    CHARGE_POINT_TYPE_UNKNOWN = "charge_point_type_unknown"
    # user assignment
    ASSIGNMENT_MISSING = "user_assignment_missing"
    ASSIGNMENT_IN_FISCAL = "user_assignment_in_fiscal"
    ASSIGNMENT_NOT_BOOLEAN = "user_assignment_not_boolean"
    LEVEL_UNKNOWN = "identification_level_unknown"
    FLAGS_MALFORMED = "identification_flags_malformed"
    FLAGS_TOO_MANY = "identification_flags_too_many"
    FLAG_UNKNOWN = "identification_flag_unknown"
    FLAGS_SAME_GROUP = "identification_flags_same_group"
    TYPE_MISSING = "identification_type_missing"
    TYPE_UNKNOWN = "identification_type_unknown"
    DATA_SHAPE = "identification_data_shape"
    # tariff text, controller, loss compensation
    TARIFF_TEXT_001 = "tariff_text_001"
    TARIFF_TEXT_002 = "tariff_text_002"
    TARIFF_TEXT_003 = "tariff_text_003"
    TEXT_TOO_LONG = "text_too_long"
    LOSS_MALFORMED = "loss_compensation_malformed"
    LOSS_RESISTANCE_MISSING = "loss_resistance_missing"
    LOSS_UNIT_UNKNOWN = "loss_unit_unknown"
    # readings
    READINGS_MISSING = "readings_missing"
    READINGS_MALFORMED = "readings_malformed"
    READING_MALFORMED = "reading_malformed"
    REASON_MISSING = "reading_reason_missing"
    REASON_UNKNOWN = "reading_reason_unknown"
    VALUE_MISSING = "ocmf_value_missing"
    VALUE_IS_STRING = "value_is_string"
    VALUE_UNREADABLE = "value_unreadable"
    VALUE_OUT_OF_RANGE = "value_out_of_range"
    UNIT_MISSING = "ocmf_unit_missing"
    UNIT_SPELLING = "unit_spelling"
    UNIT_UNKNOWN = "unit_unknown"
    REGISTER_MISSING = "register_missing"
    REGISTER_UNREADABLE = "ocmf_register_unreadable"
    CURRENT_TYPE_UNKNOWN = "current_type_unknown"
    ERROR_FLAG_UNKNOWN = "error_flag_unknown"
    METER_STATUS_MISSING = "ocmf_meter_status_missing"
    METER_STATUS_UNKNOWN = "ocmf_meter_status_unknown"
    CUMULATED_LOSS_MALFORMED = "cumulated_loss_malformed"
    CUMULATED_LOSS_WITHOUT_REGISTER = "cumulated_loss_without_register"
    CUMULATED_LOSS_AT_BEGIN = "cumulated_loss_at_begin"
    EVENT_COUNTER_MALFORMED = "event_counter_malformed"
    # time
    TIME_MISSING = "ocmf_time_missing"
    TIME_UNREADABLE = "time_unreadable"
    TIME_WITHOUT_ZONE = "time_without_zone"
    TIME_FORMAT = "time_format"
    TIME_STATUS_MISSING = "time_status_missing"
    TIME_STATUS_UNKNOWN = "time_status_unknown"
    # signature section
    SIGNATURE_MISSING = "signature_missing"
    SIGNATURE_UNREADABLE = "signature_text_unreadable"
    SIGNATURE_ENCODING_UNKNOWN = "signature_encoding_unknown"
    SIGNATURE_WITH_BLANKS = "signature_with_blanks"
    SIGNATURE_MEDIA_TYPE = "signature_media_type"
    ALGORITHM_UNREADABLE = "signature_algorithm_unreadable"
    SIGNATURE_UNKNOWN_FIELDS = "signature_unknown_fields"
