"""Errors of the tariff engine: input that has no price at all.

Everything that still has a price, but about which a reader must know something, is a finding
(:mod:`ocpi.tariffs.codes`) and never one of these::

    TariffError
    ├── TariffUnusableError    the tariff cannot be compiled (no elements, too large, a number that is none)
    ├── SessionUnusableError   the session cannot be priced (no periods, naive or impossible times, NaN)
    ├── NoTariffError          there is no tariff to price with
    ├── MixedCurrenciesError   the session's tariffs are in different currencies
    ├── UnknownTimeZoneError   the time zone is not in the IANA database
    ├── NumberOutOfRangeError  the numbers are so long that the result would not be exact
    ├── PolicyError            settings of a pricing policy that mean nothing
    ├── NotBillableError       the policy refuses what German calibration law does not allow
    └── NetUnknownError        a tariff includes taxes of unknown rate: there is no amount without them
"""

from __future__ import annotations

from ocpi.findings import Finding


class TariffError(ValueError):
    """The tariff engine cannot go on.

    Attributes:
        reason: Stable snake_case reason.
        detail: Place or value, for people; may be hostile, escape on output.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"tariff engine: {reason}" + (f": {detail}" if detail else ""))
        self.reason = reason
        self.detail = detail


class TariffUnusableError(TariffError):
    """Reasons: ``no_elements``, ``too_many_elements``, ``not_a_number``."""


class SessionUnusableError(TariffError):
    """Reasons: ``no_periods``, ``naive_datetime``, ``year_out_of_range``, ``ends_before_start``,
    ``out_of_order``, ``not_a_number``, ``negative_duration``, ``too_complex``, ``too_long``.
    """


class NoTariffError(TariffError):
    """Reason: ``no_tariff``."""


class MixedCurrenciesError(TariffError):
    """Reason: ``mixed_currencies``."""


class UnknownTimeZoneError(TariffError):
    """Reason: ``unknown_time_zone``."""


class NumberOutOfRangeError(TariffError):
    """Reason: ``number_out_of_range``."""


class PolicyError(TariffError):
    """Reasons: ``unknown_policy``, ``unknown_setting``, ``bad_setting``."""


class NotBillableError(TariffError):
    """Reason: ``not_billable``.

    Attributes:
        findings: What may not be billed, each with its code (:mod:`ocpi.tariffs.law`).
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__("not_billable", ", ".join(finding.code for finding in findings))
        self.findings = findings


class NetUnknownError(TariffError):
    """Reason: ``net_unknown``. OCPI's Price needs an amount before taxes."""
