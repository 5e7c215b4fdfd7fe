"""Codes of what decoding ALFEN records can say; sentences: ``locales/findings.d/alfen.toml``."""

from __future__ import annotations

from enum import StrEnum


class AlfenErrorCode(StrEnum):
    """Why an ALFEN record cannot be decoded at all (``FormatError.code``)."""

    NOT_ALFEN = "alfen_header_missing"
    TOO_LARGE = "alfen_record_too_large"
    INCOMPLETE = "alfen_fields_missing"
    NOT_BASE32 = "alfen_field_not_base32"
    DATASET_LENGTH = "alfen_dataset_length"
    SIGNATURE_LENGTH = "alfen_signature_length"


class AlfenCode(StrEnum):
    """What decoding noticed about an ALFEN record."""

    TEXT_AFTER_RECORD = "alfen_text_after_record"
    BASE32_NOT_CANONICAL = "alfen_base32_not_canonical"
    VERSION_UNKNOWN = "alfen_version_unknown"
    TYPE_UNKNOWN = "alfen_type_unknown"
    TYPE_CONTRADICTS_STATUS = "alfen_type_contradicts_status"
    ROLE_NOT_SIGNED = "alfen_role_not_signed"
    ROLE_AMBIGUOUS = "alfen_role_ambiguous"
    UNIT_NOT_ENERGY = "alfen_unit_not_energy"
    SCALER_OUT_OF_RANGE = "alfen_scaler_out_of_range"
    USER_UNREADABLE = "alfen_user_unreadable"
    FIRMWARE_UNREADABLE = "alfen_firmware_unreadable"


class AlfenStatusCode(StrEnum):
    """Set bits of the signed status word (meter: bits 0 to 15, adapter: bits 16 to 31)."""

    METER_CLOCK_ERROR = "alfen_meter_clock_error"
    METER_MEMORY_ERROR = "alfen_meter_eeprom_error"
    METER_FLASH_ERROR = "alfen_meter_flash_error"
    PHASE_1_MISSING = "alfen_phase_1_missing"
    PHASE_2_MISSING = "alfen_phase_2_missing"
    PHASE_3_MISSING = "alfen_phase_3_missing"
    PHASE_ORDER_WRONG = "alfen_phase_order_wrong"
    ADAPTER_FATAL_ERROR = "alfen_adapter_fatal_error"
    START_READING_MISMATCH = "alfen_start_reading_mismatch"
    ADAPTER_MEMORY_ERROR = "alfen_adapter_memory_error"
    METER_UNREACHABLE = "alfen_meter_unreachable"
    BITS_UNKNOWN = "alfen_status_bits_unknown"
