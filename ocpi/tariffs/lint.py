"""Lint: what a tariff says although it was probably not meant.

A lint looks at a tariff that can be read and priced; what cannot be read is refused before. Each finding has a
stable code, a JSON pointer into the canonical tariff, and a severity: ``error`` = part of the tariff does nothing or
may not be billed, ``warning`` = partners will read it differently or drivers be surprised, ``note`` = needless.
"""

from __future__ import annotations

from ocpi.findings import Finding
from ocpi.objects.tariff import Tariff
from ocpi.tariffs._lint_codes import LintCode
from ocpi.tariffs._lint_context import WEIGHT, Linted, LintOptions
from ocpi.tariffs._lint_germany import german_lints
from ocpi.tariffs._lint_object import object_lints
from ocpi.tariffs._lint_prices import limit_lints, price_lints, step_lints, tax_lints
from ocpi.tariffs._lint_restrictions import fallback_lints, reach_lints, restriction_lints
from ocpi.tariffs._reach import reach
from ocpi.tariffs.compiled import compile_tariff

__all__ = ["DEFAULT_OPTIONS", "LintCode", "LintOptions", "lint"]

DEFAULT_OPTIONS = LintOptions()
"""Nothing is known beside the tariff."""

_LINTS = (
    reach_lints,
    restriction_lints,
    fallback_lints,
    price_lints,
    step_lints,
    limit_lints,
    tax_lints,
    object_lints,
    german_lints,
)


def lint(tariff: Tariff, options: LintOptions = DEFAULT_OPTIONS) -> tuple[Finding, ...]:
    """Return what is probably not meant, the gravest first.

    Args:
        tariff: Canonical (:mod:`ocpi.versions`); pointers lead into it.
        options: What is known beside it.

    Raises:
        TariffError: The tariff cannot be used at all (:func:`~ocpi.tariffs.compiled.compile_tariff`).
    """
    compiled = compile_tariff(tariff)
    linted = Linted(tariff, compiled, reach(compiled), options)
    found = [*compiled.findings, *(finding for one in _LINTS for finding in one(linted))]
    return tuple(sorted(found, key=lambda finding: WEIGHT[finding.severity]))
