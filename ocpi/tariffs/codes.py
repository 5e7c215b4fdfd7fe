"""Codes of everything the tariff engine has to say about a price; the sentences live in the locale files."""

from __future__ import annotations

from enum import StrEnum


class TariffCode(StrEnum):
    """Stable codes. The comment behind a code names who is at fault or what was done about it."""

    # ---- said of the tariff
    UNKNOWN_RESTRICTION = "unknown_restriction"  # the element is never used
    UNREADABLE_RESTRICTION = "unreadable_restriction"  # the element is never used
    RESERVATION_DIMENSION = "reservation_dimension"  # only FLAT and TIME price a reservation
    DUPLICATE_COMPONENT = "duplicate_component"  # the first one is used
    INVALID_STEP_SIZE = "invalid_step_size"  # treated as no rounding
    ROUNDING_UNREADABLE = "rounding_unreadable"  # the component is rounded as usual
    COMPONENT_APPROXIMATE = "component_approximate"  # a hub says so

    # ---- said while pricing
    TARIFF_ID_UNKNOWN = "tariff_id_unknown"  # the period stays unpriced
    TARIFF_ID_MISSING = "tariff_id_missing"  # the period stays unpriced
    TARIFF_ID_AMBIGUOUS = "tariff_id_ambiguous"  # the first tariff with the id is used
    TARIFF_NOT_VALID = "tariff_not_valid"
    RESTRICTION_UNDECIDABLE = "restriction_undecidable"  # decided by the policy
    PERIOD_SPANS_PRICE_CHANGE = "period_spans_price_change"  # priced by its start
    SPAN_NOT_CHECKED = "span_not_checked"
    DIMENSION_WITHOUT_PRICE = "dimension_without_price"  # free
    NEGATIVE_ENERGY = "negative_energy"
    RAISED_TO_MIN_PRICE = "raised_to_min_price"
    LOWERED_TO_MAX_PRICE = "lowered_to_max_price"
    LIMIT_VAT_UNKNOWN = "limit_vat_unknown"  # incl. VAT stays unknown
    LIMITS_NOT_APPLIED = "limits_not_applied"
    LIMIT_NOT_DECIDABLE = "limit_not_decidable"  # only the side that is known is bound
    TAX_SPLIT_UNDEFINED = "tax_split_undefined"  # one tax line without a rate
    NET_UNKNOWN = "net_unknown"  # prices include taxes of unknown rate
    EXTENSION_ROUNDING = "extension_rounding"  # applied or ignored, by the policy

    # ---- said of German calibration law (ocpi.tariffs.law)
    LAW_STEP_SIZE = "law_step_size"
    LAW_TIME_ONLY = "law_time_only"
    LAW_FLAT_ONLY = "law_flat_only"
    LAW_TIME_UNCERTIFIED = "law_time_uncertified"
    LAW_CLOCK_UNCERTIFIED = "law_clock_uncertified"
    LAW_DURATION_UNCERTIFIED = "law_duration_uncertified"
    LAW_POWER_UNMEASURED = "law_power_unmeasured"

    # ---- said while reading a CDR
    PERIODS_OUT_OF_ORDER = "periods_out_of_order"  # sorted by start
    PERIOD_OUTSIDE_SESSION = "period_outside_session"
    PERIOD_WITHOUT_TIME = "period_without_time"  # bills no time
    PERIOD_TIME_DIFFERS = "period_time_differs"  # the volume is billed
    PERIOD_MIXED = "period_mixed"  # taken apart: reservation, charging, parking
    CDR_DIMENSION_TWICE = "cdr_dimension_twice"  # the first one is used
    CDR_NEGATIVE_TIME = "cdr_negative_time"  # ignored
