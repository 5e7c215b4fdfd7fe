"""Finding codes of the billing stage."""

from enum import StrEnum


class BillingCode(StrEnum):
    """Why a CDR cannot be made, or must be held."""

    TRANSACTION_NOT_VALID = "transaction_not_valid"
    TRANSACTION_MISSING = "transaction_missing"
    SEVERAL_TRANSACTIONS = "several_transactions"
    ENERGY_NOT_BILLABLE = "energy_not_billable"
    KEY_NOT_CONFIRMED = "key_not_confirmed"
    READING_WITHOUT_TIME = "reading_without_time"
    SESSION_WITHOUT_DURATION = "session_without_duration"
    METER_VALUE_OUTSIDE_SIGNED_RANGE = "meter_value_outside_signed_range"
    METER_VALUE_NOT_BETWEEN_SIGNED_READINGS = "meter_value_not_between_signed_readings"
    TOO_MANY_PERIODS = "too_many_periods"
    TARIFF_NOT_VALID_AT_START = "tariff_not_valid_at_start"
    TARIFF_UNKNOWN = "tariff_unknown"
    ENERGY_SPLIT_UNSIGNED = "energy_split_unsigned"
    TIME_NOT_BILLABLE = "time_not_billable"
    PARKING_TIME_NOT_BILLABLE = "parking_time_not_billable"
    TIME_OUTSIDE_SIGNED_READINGS = "time_outside_signed_readings"
    TIME_OF_USE_NOT_BILLABLE = "time_of_use_not_billable"
    BILLED_ENERGY_ABOVE_SIGNED = "billed_energy_above_signed"
    CLAIMED_ENERGY_DIFFERS = "claimed_energy_differs"
    CLAIMED_COST_DIFFERS = "claimed_cost_differs"
    SESSION_UNPRICEABLE = "session_unpriceable"
    CDR_UNBUILDABLE = "cdr_unbuildable"
    RECORD_ALREADY_BILLED = "record_already_billed"
    POLICY_OVERRIDDEN = "policy_overridden"
