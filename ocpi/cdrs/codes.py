"""Stable codes of everything that the CDR stage reports; the sentences are in the application's locales."""

from __future__ import annotations

from enum import StrEnum


class CdrFinding(StrEnum):
    """What is wrong or remarkable about a CDR. The comments name the point of the checklist."""

    # 1: identifiers, lengths, characters
    FIELD_INVALID = "cdr_field_invalid"
    NUMBER_IMPLAUSIBLE = "cdr_number_implausible"
    ID_TOO_LONG = "cdr_id_too_long"
    ID_LEAVES_NO_ROOM_FOR_CREDIT = "cdr_id_leaves_no_room_for_credit"
    CODE_MALFORMED = "cdr_code_malformed"
    FIELD_EMPTY = "cdr_field_empty"
    SESSION_ID_MISSING = "cdr_session_id_missing"
    # 2: order of the periods
    PERIOD_BEFORE_START = "cdr_period_before_start"
    PERIOD_AFTER_START = "cdr_period_after_start"
    PERIODS_NOT_ASCENDING = "cdr_periods_not_ascending"
    PERIOD_NOT_BEFORE_END = "cdr_period_not_before_end"
    # 3: dimensions
    DIMENSION_SESSION_ONLY = "cdr_dimension_session_only"
    DIMENSION_REPEATED = "cdr_dimension_repeated"
    DURATION_NEGATIVE = "cdr_duration_negative"
    LIMITS_CROSSED = "cdr_limits_crossed"
    # 4: sums of the volumes
    ENERGY_SUM_DIFFERS = "cdr_energy_sum_differs"
    TIME_SUM_DIFFERS = "cdr_time_sum_differs"
    PARKING_SUM_DIFFERS = "cdr_parking_sum_differs"
    TIME_SPAN_DIFFERS = "cdr_time_span_differs"
    PERIOD_DURATION_DIFFERS = "cdr_period_duration_differs"
    TOTAL_WITHOUT_DIMENSION = "cdr_total_without_dimension"
    PARKING_TIME_OMITTED = "cdr_parking_time_omitted"
    # 5: tariffs
    TARIFF_UNKNOWN = "cdr_tariff_unknown"
    TARIFF_REPEATED = "cdr_tariff_repeated"
    TARIFF_DIFFERS_FROM_SNAPSHOT = "cdr_tariff_differs_from_snapshot"
    TARIFF_NOT_NAMED = "cdr_tariff_not_named"
    TARIFF_NUMBER_DIFFERS = "cdr_tariff_number_differs"
    TARIFF_PLACE_DIFFERS = "cdr_tariff_place_differs"
    TARIFF_NOT_PUBLISHED = "cdr_tariff_not_published"
    TARIFF_NOT_IN_FORCE = "cdr_tariff_not_in_force"
    # 6: currency
    CURRENCY_DIFFERS = "cdr_currency_differs"
    # 7: cost computed again
    COST_DIFFERS = "cdr_cost_differs"
    COST_PART_OMITTED = "cdr_cost_part_omitted"
    COST_WITH_VAT_OMITTED = "cdr_cost_with_vat_omitted"
    TIME_ZONE_DIFFERS = "cdr_time_zone_differs"
    UNPRICEABLE = "cdr_unpriceable"
    PRICING_FAILED = "cdr_pricing_failed"
    # 8: sum of the parts
    PARTS_SUM_DIFFERS = "cdr_parts_sum_differs"
    # 9: with VAT is not below without
    VAT_ORDER_WRONG = "cdr_vat_order_wrong"
    # 10: credit
    CREDIT_REFERENCE_MISSING = "cdr_credit_reference_missing"
    CREDIT_REFERENCE_UNEXPECTED = "cdr_credit_reference_unexpected"
    CREDIT_REFERENCE_IS_ITSELF = "cdr_credit_reference_is_itself"
    CREDIT_REFERENCE_DIFFERS = "cdr_credit_reference_differs"
    CREDIT_OF_CREDIT = "cdr_credit_of_credit"
    CREDIT_NOT_NEGATIVE = "cdr_credit_not_negative"
    CREDIT_AMOUNT_DIFFERS = "cdr_credit_amount_differs"
    CREDIT_FIELD_CHANGED = "cdr_credit_field_changed"
    CREDIT_BEFORE_ORIGINAL = "cdr_credit_before_original"
    # 11: signed meter values
    SIGNED_ENERGY_DIFFERS = "cdr_signed_energy_differs"
    SIGNED_DATA_MISSING = "cdr_signed_data_missing"
    SIGNED_START_DIFFERS = "cdr_signed_start_differs"
    SIGNED_END_DIFFERS = "cdr_signed_end_differs"
    # 12
    LAST_UPDATED_BEFORE_END = "cdr_last_updated_before_end"
    # 13
    TOKEN_UNKNOWN = "cdr_token_unknown"  # noqa: S105 - a finding code, not a secret
    TOKEN_OWNER_NOT_ROUTED = "cdr_token_owner_not_routed"  # noqa: S105 - a finding's code
    # 14
    ALREADY_SENT = "cdr_already_sent"
    SESSION_ALREADY_BILLED = "cdr_session_already_billed"


class UncheckedReason(StrEnum):
    """Why a rule, or a part of it, could not be judged. Never the same as passed."""

    CDR_UNREADABLE = "cdr_unchecked_cdr_unreadable"
    START_UNKNOWN = "cdr_unchecked_start_unknown"
    NO_DIMENSION = "cdr_unchecked_no_dimension"
    NO_TARIFF = "cdr_unchecked_no_tariff"
    NO_PARTS = "cdr_unchecked_no_parts"
    NEGATIVE_PRICE = "cdr_unchecked_negative_price"
    VAT_ABSENT = "cdr_unchecked_vat_absent"
    LIMIT_WITHOUT_VAT = "cdr_unchecked_limit_without_vat"
    NOT_PRICED = "cdr_unchecked_not_priced"
    CREDITED_CDR_NOT_GIVEN = "cdr_unchecked_credited_cdr_not_given"
    SIGNED_ENERGY_NOT_GIVEN = "cdr_unchecked_signed_energy_not_given"
    SIGNED_TIME_NOT_GIVEN = "cdr_unchecked_signed_time_not_given"
    TOKEN_NOT_LOOKED_UP = "cdr_unchecked_token_not_looked_up"  # noqa: S105 - a finding's code
    ROUTE_NOT_LOOKED_UP = "cdr_unchecked_route_not_looked_up"
    LEDGER_NOT_LOOKED_UP = "cdr_unchecked_ledger_not_looked_up"
    SESSION_NOT_LOOKED_UP = "cdr_unchecked_session_not_looked_up"


class DuplicateFinding(StrEnum):
    """What CDRs that were looked at together bill twice."""

    COPY = "cdr_duplicate_copy"
    ID = "cdr_duplicate_id"
    SESSION = "cdr_duplicate_session"
    SIGNED_RECORD = "cdr_duplicate_signed_record"
    ENERGY = "cdr_duplicate_energy"
    EVSE_TIME = "cdr_duplicate_evse_time"
    CREDIT = "cdr_duplicate_credit"


class SignedDataFinding(StrEnum):
    """What a reader must know of how signed meter values were placed in a CDR."""

    PLAIN_DATA_IS_BASE64 = "cdr_plain_data_is_base64"
    PLACEMENT_FALLBACK = "cdr_placement_fallback"
    PUBLIC_KEY_TOO_LONG = "cdr_public_key_too_long"
