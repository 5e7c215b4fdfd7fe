"""Codes of what one version of OCPI cannot say of an object; the sentences live in the locale files."""

from __future__ import annotations

from enum import StrEnum


class VersionCode(StrEnum):
    """Stable codes. The comment behind a code says what was done."""

    # ---- read
    TAX_INCLUDED_MISSING = "tax_included_missing"  # read as NO
    TAX_INCLUDED_FOREIGN = "tax_included_foreign"  # honoured in a version that does not know it
    PRICE_OF_OTHER_VERSION = "price_of_other_version"  # accepted
    TOKEN_TYPE_READ_AS = "token_type_read_as"  # noqa: S105 - a code
    OWNER_UNKNOWN = "owner_unknown"  # 2.1.1 objects do not name it
    LOCATION_REDUCED = "location_reduced"  # the first EVSE and connector are used
    LOCATION_FIELDS_LEFT_OUT = "location_fields_left_out"
    TOKEN_INCOMPLETE = "token_incomplete"  # noqa: S105 - a code
    FLAT_DIMENSION = "flat_dimension"  # left out: the tariff says it

    # ---- written
    TAX_INCLUDED_DERIVED = "tax_included_derived"
    TAX_LINES_MERGED = "tax_lines_merged"
    TAX_LINES_REPLACED = "tax_lines_replaced"
    VAT_NOT_APPLICABLE = "vat_not_applicable"  # left out
    TAXES_ON_TOP_UNSAID = "taxes_on_top_unsaid"
    NET_PRICE_UNKNOWN = "net_price_unknown"  # cannot be written
    NET_PRICE_ROUNDED = "net_price_rounded"
    TOKEN_TYPE_WRITTEN_AS = "token_type_written_as"  # noqa: S105 - a code
    AUTH_METHOD_WRITTEN_AS = "auth_method_written_as"
    FIELD_NOT_EXPRESSIBLE = "field_not_expressible"  # left out
    VALUE_NOT_EXPRESSIBLE = "value_not_expressible"  # written as it is
    VALUE_MADE_UP = "value_made_up"
    VAT_LOST = "vat_lost"
    LIMIT_LOST = "limit_lost"
    ELEMENT_REMOVED = "element_removed"
    NO_ELEMENT_LEFT = "no_element_left"  # cannot be written
    TARIFF_OF_PERIOD_LOST = "tariff_of_period_lost"
    DIMENSION_LOST = "dimension_lost"
    PERIOD_EMPTY = "period_empty"  # left out
    CREDIT_NOT_EXPRESSIBLE = "credit_not_expressible"  # cannot be written
