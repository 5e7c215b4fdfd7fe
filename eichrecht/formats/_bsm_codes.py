"""Codes of BSM_WS36A; their sentences stand in ``locales/findings.d/bsm_ws36a.toml``."""

from __future__ import annotations

from enum import StrEnum

from eichrecht.evidence import Severity, StatusFlag


class BsmErrorCode(StrEnum):
    """Why a snapshot cannot be decoded at all."""

    CONTEXT_UNKNOWN = "bsm_context_unknown"
    ENTRY_MISSING = "bsm_entry_missing"
    ENTRY_REPEATED = "bsm_entry_repeated"
    ENTRY_MALFORMED = "bsm_entry_malformed"
    TEXT_NOT_ENCODABLE = "bsm_text_not_encodable"


class BsmCode(StrEnum):
    """Findings about a snapshot, and about the snapshots of one session."""

    # Unsigned statements that contradict signed ones
    VALUE_CONTRADICTS = "bsm_value_contradicts"
    LABEL_CONTRADICTS = "bsm_label_contradicts"
    TIME_CONTRADICTS = "bsm_time_contradicts"
    METER_CONTRADICTS = "bsm_meter_contradicts"
    NUMBER_CONTRADICTS = "bsm_number_contradicts"
    CONTRACT_CONTRADICTS = "bsm_contract_contradicts"
    CONTRACT_NOT_SIGNED = "bsm_contract_not_signed"
    EVSE_CONTRADICTS = "bsm_evse_contradicts"
    # What decoding noticed
    CONTROLLER_DIFFERS = "bsm_controller_differs"
    ENTRY_NOT_SIGNED = "bsm_entry_not_signed"
    ENTRY_ORDER = "bsm_entry_order"
    UNIT_UNEXPECTED = "bsm_unit_unexpected"
    SCALE_UNEXPECTED = "bsm_scale_unexpected"
    TEXT_ENCODING_OPEN = "bsm_text_encoding_open"
    TAG_REPEATED = "bsm_tag_repeated"
    TYPE_UNKNOWN = "bsm_type_unknown"
    CLOCK_NEVER_SET = "bsm_clock_never_set"
    ZONE_IMPLAUSIBLE = "bsm_zone_implausible"
    # The snapshots of one session
    SNAPSHOT_MISSING = "bsm_snapshot_missing"
    CLOCK_WAS_SET = "bsm_clock_was_set"
    SECONDS_NOT_INCREASING = "bsm_seconds_not_increasing"
    TIME_NOT_INCREASING = "bsm_time_not_increasing"
    CONTROLLER_CHANGES = "bsm_controller_changes"
    # Bits of the event word
    EVENT_POWER_FAILURE = "bsm_event_power_failure"
    EVENT_UNDER_VOLTAGE = "bsm_event_under_voltage"
    EVENT_LOW_POWER_FACTOR = "bsm_event_low_power_factor"
    EVENT_OVER_CURRENT = "bsm_event_over_current"
    EVENT_OVER_VOLTAGE = "bsm_event_over_voltage"
    EVENT_MISSING_SENSOR = "bsm_event_missing_sensor"
    EVENT_RESERVED = "bsm_event_reserved"
    EVENT_BIT_15 = "bsm_event_bit_15"
    EVENT_METER_FATAL = "bsm_event_meter_fatal"
    EVENT_MODULE_INIT = "bsm_event_module_init_failed"
    EVENT_FIRMWARE_HASH = "bsm_event_firmware_hash_mismatch"
    EVENT_DEVELOPMENT = "bsm_event_development_mode"
    EVENT_OEM = "bsm_event_oem"


_NAMED_BITS: tuple[tuple[int, BsmCode, Severity], ...] = (
    (2, BsmCode.EVENT_POWER_FAILURE, Severity.WARNING),
    (3, BsmCode.EVENT_UNDER_VOLTAGE, Severity.WARNING),
    (4, BsmCode.EVENT_LOW_POWER_FACTOR, Severity.WARNING),
    (5, BsmCode.EVENT_OVER_CURRENT, Severity.WARNING),
    (6, BsmCode.EVENT_OVER_VOLTAGE, Severity.ERROR),
    (7, BsmCode.EVENT_MISSING_SENSOR, Severity.ERROR),
    (15, BsmCode.EVENT_BIT_15, Severity.ERROR),
    (16, BsmCode.EVENT_METER_FATAL, Severity.ERROR),
    (17, BsmCode.EVENT_MODULE_INIT, Severity.ERROR),
    (18, BsmCode.EVENT_FIRMWARE_HASH, Severity.ERROR),
    (19, BsmCode.EVENT_DEVELOPMENT, Severity.ERROR),
)
"""Numbered as SunSpec numbers the meter events (model 203), whose point ``Evt`` this is. Chargy (containers.md §2.5)
counts every bit one lower. Which of both the meter means no fixture decides, so a bit is an error if it is one by
either numbering (6 and 15 only by Chargy's, 7 and 19 only by SunSpec's, 16 to 18 by both)."""

_OEM_BITS = range(20, 31)
_NAMES = {bit: StatusFlag(code, severity) for bit, code, severity in _NAMED_BITS}
_OEM = StatusFlag(BsmCode.EVENT_OEM, Severity.WARNING)
_RESERVED = StatusFlag(BsmCode.EVENT_RESERVED, Severity.WARNING)


def event_flags(word: int) -> tuple[StatusFlag, ...]:
    """Return the set bits of the event word, decoded; of several reserved or OEM bits one stands for all."""
    flags = (_NAMES.get(bit, _OEM if bit in _OEM_BITS else _RESERVED) for bit in range(32) if word >> bit & 1)
    return tuple(dict.fromkeys(flags))
