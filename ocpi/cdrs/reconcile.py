"""Reconciliation: everything that is checked before a CDR may leave, and of CDRs that arrive (cdrs facts §7).

The fourteen points are in the modules of their groups: :mod:`~ocpi.cdrs.structure` (1, 2, 3, 12),
:mod:`~ocpi.cdrs.sums` (4, 8, 9), :mod:`~ocpi.cdrs.pricing` (5, 6, 7) and :mod:`~ocpi.cdrs.facts`
(10, 11, 13, 14).
"""

from __future__ import annotations

from ocpi.cdrs.codes import UncheckedReason
from ocpi.cdrs.context import EXACT_TOLERANCES, CreditStyle, ReconcileContext, Tolerances
from ocpi.cdrs.credit import debit_view
from ocpi.cdrs.facts import check_credit, check_signed_values, check_token, check_uniqueness
from ocpi.cdrs.pricing import PricedCdr, as_json, check_cost, check_currency, check_tariff_ids, price_cdr
from ocpi.cdrs.report import (
    Check,
    CheckResult,
    CheckStatus,
    Difference,
    Group,
    Reconciliation,
    Rule,
    Unchecked,
)
from ocpi.cdrs.structure import (
    check_dimensions,
    check_identifiers,
    check_last_updated,
    check_period_order,
    readable,
    shown_id,
)
from ocpi.cdrs.sums import check_sum_of_parts, check_vat_order, check_volume_sums
from ocpi.objects.cdr import Cdr

__all__ = [
    "EXACT_TOLERANCES",
    "CheckResult",
    "CheckStatus",
    "CreditStyle",
    "Difference",
    "Group",
    "PricedCdr",
    "ReconcileContext",
    "Reconciliation",
    "Rule",
    "Tolerances",
    "Unchecked",
    "as_json",
    "price_cdr",
    "reconcile",
    "reconcile_credit",
]


def reconcile(cdr: Cdr, context: ReconcileContext) -> Reconciliation:
    """Check a CDR against itself, its tariff and the facts that the caller knows.

    Never raises for any CDR. A fact that the context does not hold leaves its rule unchecked, never passed. A
    Credit CDR is judged as the charge that it takes back, and against the credited CDR.

    Args:
        cdr: Before it is sent, or as received.
        context: Facts and agreements.

    Returns:
        One result per rule. Whether the CDR must be held says :attr:`Reconciliation.held`.
    """
    clean, unreadable = readable(cdr)
    if clean is None:
        return Reconciliation(shown_id(cdr), (unreadable, *_unread()), context.policy)
    return Reconciliation(clean.id, _checked(clean, context), context.policy_used(clean.currency))


def reconcile_credit(credit: Cdr, context: ReconcileContext) -> Reconciliation:
    """Check a Credit CDR of our own before it leaves: whether it is a true copy that takes back the total.

    Sums, price and signed values are those of the credited CDR, on which somebody has decided already: what was
    released in spite of a finding must be creditable.

    Args:
        credit: Before it is sent.
        context: With ``credited``; without it the copy is unchecked, never passed.
    """
    clean, unreadable = readable(credit)
    if clean is None:
        return Reconciliation(shown_id(credit), (unreadable,), context.policy)
    checks = (
        check_identifiers(clean, context.version),
        check_credit(clean, context),
        check_token(clean, context),
        check_uniqueness(clean, context),
    )
    return Reconciliation(clean.id, checks, context.policy_used(clean.currency))


def _checked(cdr: Cdr, context: ReconcileContext) -> tuple[CheckResult, ...]:
    debit = debit_view(cdr, context.credit_style)
    tariffs = context.tariffs_for(cdr)
    return (
        check_identifiers(cdr, context.version),
        check_period_order(cdr),
        check_dimensions(cdr),
        check_volume_sums(debit, context.tolerances),
        check_tariff_ids(cdr, context),
        check_currency(cdr, context),
        check_cost(debit, context)[1],
        check_sum_of_parts(debit, tariffs, context.cost_tolerance(debit.currency)),
        check_vat_order(cdr, tariffs),
        check_credit(cdr, context),
        check_signed_values(debit, context),
        check_last_updated(cdr),
        check_token(cdr, context),
        check_uniqueness(cdr, context),
    )


def _unread() -> tuple[CheckResult, ...]:
    results = []
    for rule in Rule:
        if rule is Rule.IDENTIFIERS:
            continue
        check = Check(rule)
        check.skip(UncheckedReason.CDR_UNREADABLE)
        results.append(check.result())
    return tuple(results)
