"""Exceptions of the CDR stage: a CDR cannot be made at all.

* :class:`CdrError` (a :class:`ValueError`)

  * :class:`CdrBuildError` - session, tariffs and header do not make a CDR
  * :class:`CreditError` - the CDR cannot be credited or corrected
  * :class:`SignedDataError` - signed meter values do not fit a CDR
"""

from __future__ import annotations


class CdrError(ValueError):
    """Base of this stage.

    Attributes:
        code: Stable snake_case reason.
        detail: What exactly, for people who develop or operate.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class CdrBuildError(CdrError):
    """No CDR can be built.

    Codes: ``no_periods``, ``periods_not_contiguous``, ``energy_without_duration``,
    ``duration_contradicts_times``, ``tariff_unknown``, ``tariff_not_named``, ``currency_differs``,
    ``net_unknown``, ``invalid``.
    """


class CreditError(CdrError):
    """A CDR cannot be credited or corrected.

    Codes: ``is_credit``, ``id_too_long``, ``id_not_new``, ``before_original``, ``field_not_correctable``,
    ``invalid``.
    """


class SignedDataError(CdrError):
    """Signed meter values cannot be placed in a CDR.

    Codes: ``no_records``, ``empty_record``, ``no_parts``, ``too_long``, ``invalid_key``, ``invalid``.
    """
