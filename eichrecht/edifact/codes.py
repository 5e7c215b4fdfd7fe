"""Stable codes of everything the EDIFACT stage says; sentences: ``locales/findings.d/edifact.toml``."""

from __future__ import annotations

from enum import StrEnum


class EdifactErrorCode(StrEnum):
    """Why nothing can be read (``EdifactError.code``)."""

    NOT_EDIFACT = "edifact_not_edifact"
    FILE_TOO_LARGE = "edifact_file_too_large"


class SyntaxCode(StrEnum):
    """What tokenizing noticed: ISO 9735-1, with the code of CONTRL 0085 where there is one."""

    # before and after interchanges
    BYTE_ORDER_MARK = "edifact_byte_order_mark"
    BREAKS_BEFORE = "edifact_breaks_before_interchange"
    TRAILING_BYTES = "edifact_trailing_bytes"
    TOO_MANY_INTERCHANGES = "edifact_too_many_interchanges"
    # UNA and UNB
    UNA_CUT_OFF = "edifact_una_cut_off"
    UNA_AMBIGUOUS = "edifact_una_ambiguous"
    UNA_UNUSABLE = "edifact_una_unusable"
    UNA_DECIMAL_MARK = "edifact_una_decimal_mark"
    UNA_RESERVED = "edifact_una_reserved_in_use"
    UNA_INSIDE = "edifact_una_inside"
    UNB_MISSING = "edifact_unb_missing"
    SYNTAX_VERSION = "edifact_syntax_version_unsupported"
    CHARACTER_SET = "edifact_character_set_unsupported"
    ENCODING = "edifact_encoding_unsupported"
    # segments
    SEGMENT_UNTERMINATED = "edifact_segment_unterminated"
    TAG_MALFORMED = "edifact_tag_malformed"
    SEGMENT_TOO_LONG = "edifact_segment_too_long"
    TOO_MANY_SEGMENTS = "edifact_too_many_segments"
    TOO_MANY_MALFORMED = "edifact_too_many_malformed"
    TOO_MANY_ELEMENTS = "edifact_too_many_elements"
    TOO_MANY_COMPONENTS = "edifact_too_many_components"
    # characters
    LINE_BREAK_IN_SEGMENT = "edifact_line_break_in_segment"
    CONTROL_CHARACTER = "edifact_control_character"
    UNDECODABLE = "edifact_character_undecodable"
    OUTSIDE_LEVEL_A = "edifact_character_outside_level_a"
    RELEASE_WITHOUT_NEED = "edifact_release_without_need"
    TRAILING_SEPARATOR = "edifact_trailing_separator"
    # structures that are not read
    PACKAGE = "edifact_package_unsupported"
    ENCRYPTED = "edifact_encrypted_unsupported"
    INTERACTIVE = "edifact_interactive_unsupported"
    # the findings themselves
    FINDINGS_OMITTED = "edifact_findings_omitted"


class EnvelopeCode(StrEnum):
    """What checking UNB, UNG, UNH, UNT, UNE and UNZ noticed: every count and reference has its own code."""

    # counts and references
    UNT_COUNT = "edifact_unt_count"
    UNT_REFERENCE = "edifact_unt_reference"
    UNE_COUNT = "edifact_une_count"
    UNE_REFERENCE = "edifact_une_reference"
    UNZ_COUNT = "edifact_unz_count"
    UNZ_REFERENCE = "edifact_unz_reference"
    MESSAGE_REFERENCE_REPEATED = "edifact_message_reference_repeated"
    GROUP_REFERENCE_REPEATED = "edifact_group_reference_repeated"
    INTERCHANGE_REFERENCE_REPEATED = "edifact_interchange_reference_repeated"
    REFERENCE_MISSING = "edifact_reference_missing"
    # missing and misplaced segments
    UNH_MISSING = "edifact_unh_missing"
    UNT_MISSING = "edifact_unt_missing"
    UNG_MISSING = "edifact_ung_missing"
    UNE_MISSING = "edifact_une_missing"
    UNZ_MISSING = "edifact_unz_missing"
    SEGMENT_OUTSIDE_MESSAGE = "edifact_segment_outside_message"
    MIXED = "edifact_groups_and_messages_mixed"
    GROUP_EMPTY = "edifact_group_empty"
    TOO_MANY_STRUCTURES = "edifact_too_many_structures"
    INTERCHANGE_EMPTY = "edifact_interchange_empty"
    # content of UNB
    PARTY_MISSING = "edifact_party_missing"
    DATE_FORMAT = "edifact_date_format"
    TEST_INDICATOR = "edifact_test_indicator"


class MsconsCode(StrEnum):
    """What reading a MSCONS message noticed (EDI@Energy MSCONS MIG 2.4, AHB 3.1)."""

    # message and header
    MESSAGE_TYPE = "mscons_message_type"
    VERSION_UNKNOWN = "mscons_version_unknown"
    SYNTAX_OTHER = "mscons_syntax_other"
    SEGMENT_UNEXPECTED = "mscons_segment_unexpected"
    SEGMENT_MISSING = "mscons_segment_missing"
    SEGMENT_REPEATED = "mscons_segment_repeated"
    ELEMENT_REPEATED = "mscons_element_repeated"
    FUNCTION_UNKNOWN = "mscons_function_unknown"
    CHECK_IDENTIFIER_UNSUPPORTED = "mscons_check_identifier_unsupported"
    APPLICATION_DIFFERS = "mscons_application_differs"
    DOCUMENT_CODE_DIFFERS = "mscons_document_code_differs"
    SENDER_DIFFERS = "mscons_sender_differs"
    RECIPIENT_DIFFERS = "mscons_recipient_differs"
    PARTY_MALFORMED = "mscons_party_malformed"
    CANCELLATION_INCONSISTENT = "mscons_cancellation_inconsistent"
    CANCELLATION_WITH_VALUES = "mscons_cancellation_with_values"
    DOCUMENT_CANCELLED = "mscons_document_cancelled"
    DOCUMENT_NUMBER_REPEATED = "mscons_document_number_repeated"
    SESSION_PROFILE = "mscons_session_profile"
    # times
    TIME_UNREADABLE = "mscons_time_unreadable"
    TIME_WITHOUT_OFFSET = "mscons_time_without_offset"
    TIME_FORMAT_UNSUPPORTED = "mscons_time_format_unsupported"
    TIME_NOT_UTC = "mscons_time_not_utc"
    TIME_MISSING = "mscons_time_missing"
    TIME_REPEATED = "mscons_time_repeated"
    TIME_UNEXPECTED = "mscons_time_unexpected"
    TIME_AFTER_MESSAGE = "mscons_time_after_message"
    NOT_AT_DAY_BORDER = "mscons_not_at_day_border"
    READING_FAR_FROM_USE = "mscons_reading_far_from_use"
    PERIOD_MISSING = "mscons_period_missing"
    PERIOD_REVERSED = "mscons_period_reversed"
    # location and product
    LOCATION_CHECK_DIGIT = "mscons_location_check_digit"
    LOCATION_UNKNOWN = "mscons_location_unknown"
    LOCATION_MISSING = "mscons_location_missing"
    LOCATION_UNEXPECTED = "mscons_location_unexpected"
    DEVICE_MISSING = "mscons_device_missing"
    LINE_MALFORMED = "mscons_line_malformed"
    LINE_REPEATED = "mscons_line_repeated"
    PRODUCT_NOT_OBIS = "mscons_product_not_obis"
    MEASURE_UNEXPECTED = "mscons_measure_unexpected"
    # values
    VALUE_UNREADABLE = "mscons_value_unreadable"
    VALUE_NEGATIVE = "mscons_value_negative"
    VALUE_DECIMALS = "mscons_value_decimals"
    UNIT_UNKNOWN = "mscons_unit_unknown"
    UNIT_DIFFERS = "mscons_unit_differs"
    STATUS_UNKNOWN = "mscons_status_unknown"
    STATUS_UNEXPECTED = "mscons_status_unexpected"
    STATUS_NOT_BILLABLE = "mscons_status_not_billable"
    SUBSTITUTE_UNEXPLAINED = "mscons_substitute_unexplained"
    NO_VALUES = "mscons_no_values"
    REGISTER_RUNS_BACK = "mscons_register_runs_back"
    # load profiles
    INTERVAL_LENGTH = "mscons_interval_length"
    INTERVAL_GAP = "mscons_interval_gap"
    INTERVAL_OVERLAP = "mscons_interval_overlap"
    INTERVAL_OUTSIDE = "mscons_interval_outside"
    INTERVAL_COUNT = "mscons_interval_count"
