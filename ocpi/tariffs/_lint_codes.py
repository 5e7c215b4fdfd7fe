"""Codes of the tariff lint; the sentences live in the locale files."""

from __future__ import annotations

from enum import StrEnum


class LintCode(StrEnum):
    """Stable codes: the tariff can be read, but probably does not say what was meant.

    What the engine itself has to say of a tariff (``unknown_restriction``, ``duplicate_component``, ...) and of
    German law (``law_step_size``, ...) keeps its :class:`~ocpi.tariffs.codes.TariffCode`.
    """

    # ---- what is never active
    UNREACHABLE_ELEMENT = "unreachable_element"
    UNREACHABLE_COMPONENT = "unreachable_component"
    REACH_NOT_CHECKED = "reach_not_checked"  # too large to decide
    IMPOSSIBLE_RESTRICTION = "impossible_restriction"
    MAX_RESTRICTION_ZERO = "max_restriction_zero"
    WEEKDAY_OUTSIDE_DATES = "weekday_outside_dates"
    RESERVATION_NEVER_MATCHES = "reservation_never_matches"
    PARKING_NEEDS_POWER = "parking_needs_power"
    NEVER_ACTIVE = "never_active"
    TARIFF_EXPIRED = "tariff_expired"
    # ---- restrictions that mean little or something else
    EMPTY_RESTRICTIONS = "empty_restrictions"
    NEEDLESS_RESTRICTION = "needless_restriction"
    WHOLE_DAY_WINDOW = "whole_day_window"
    LAST_MINUTE_LOST = "last_minute_lost"
    OPEN_WINDOW = "open_window"
    WHOLE_WEEK = "whole_week"
    REPEATED_DAY = "repeated_day"
    OVERNIGHT_WEEKDAYS = "overnight_weekdays"
    AMBIGUOUS_HOUR = "ambiguous_hour"
    NO_FALLBACK_PRICE = "no_fallback_price"
    # ---- steps
    ZERO_STEP_SIZE = "zero_step_size"
    FLAT_STEP_SIZE = "flat_step_size"
    UNUSED_TIME_STEP_SIZE = "unused_time_step_size"
    STEP_SIZES_DIFFER = "step_sizes_differ"
    # ---- prices
    NOTHING_PRICED_BY_USE = "nothing_priced_by_use"
    SEVERAL_FLAT_FEES = "several_flat_fees"
    NEGATIVE_PRICE = "negative_price"
    IMPLAUSIBLE_PRICE = "implausible_price"
    PRICE_DECIMALS = "price_decimals"
    PRICE_LIMITS_CROSS = "price_limits_cross"
    LIMIT_TAXES_NEGATIVE = "limit_taxes_negative"
    # ---- taxes
    TAX_RATE_WITHOUT_TAX = "tax_rate_without_tax"
    TAX_INCLUDED_WITHOUT_RATE = "tax_included_without_rate"
    IMPLAUSIBLE_VAT = "implausible_vat"
    VAT_ONLY_PARTLY = "vat_only_partly"
    # ---- the object
    NEEDLESS_NULL_FIELD = "needless_null_field"
    UNEXPECTED_FIELD = "unexpected_field"
    MISSPELT_FIELD = "misspelt_field"
    ROUNDING_EXTENSION = "rounding_extension"
    COUNTRY_CODE_CASE = "country_code_case"
    COUNTRY_CODE_UNKNOWN = "country_code_unknown"
    PARTY_ID_CASE = "party_id_case"
    PARTY_ID_SHAPE = "party_id_shape"
    CURRENCY_CASE = "currency_case"
    CURRENCY_UNKNOWN = "currency_unknown"
    ALT_TEXT_HAS_PRICE = "alt_text_has_price"
    ALT_TEXT_LANGUAGE_TWICE = "alt_text_language_twice"
    ENERGY_MIX_SUM = "energy_mix_sum"
    # ---- Germany and the European Union
    DE_VAT_RATE = "de_vat_rate"
    AFIR_NOT_PER_KWH = "afir_not_per_kwh"
    EARLY_BLOCKING_FEE = "early_blocking_fee"
