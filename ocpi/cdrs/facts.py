"""Points 10, 11, 13 and 14 of the checklist: the CDR against what only the caller knows."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from ocpi.cdrs.codes import CdrFinding, UncheckedReason
from ocpi.cdrs.context import CreditStyle, ReconcileContext
from ocpi.cdrs.credit import fields_of, is_credit, negated_totals
from ocpi.cdrs.report import Check, CheckResult, Rule
from ocpi.cdrs.structure import UNKNOWN_TIME
from ocpi.objects.cdr import Cdr
from ocpi.types import Price, format_datetime, same_ci

_NEW_IN_CREDIT = frozenset({"id", "credit", "credit_reference_id", "last_updated"})


def check_credit(cdr: Cdr, context: ReconcileContext) -> CheckResult:
    """Point 10: a Credit CDR copies the credited one and takes back exactly its total (cdrs facts §4)."""
    check = Check(Rule.CREDIT)
    reference = cdr.credit_reference_id
    if not is_credit(cdr):
        if reference is not None:
            check.error(CdrFinding.CREDIT_REFERENCE_UNEXPECTED, "/credit_reference_id", reference=reference)
        return check.result()
    if not reference:
        check.error(CdrFinding.CREDIT_REFERENCE_MISSING, "/credit_reference_id")
    elif same_ci(reference, cdr.id):
        check.error(CdrFinding.CREDIT_REFERENCE_IS_ITSELF, "/credit_reference_id", reference=reference)
    if context.credited is None:
        check.skip(UncheckedReason.CREDITED_CDR_NOT_GIVEN)
        _check_sign(check, cdr)
    else:
        _check_against(check, cdr, context.credited, context.credit_style)
    return check.result()


def _check_sign(check: Check, cdr: Cdr) -> None:
    # A credited CDR can have a negative total of its own (net export, negative prices), so this only warns.
    if cdr.total_cost.excl_vat > 0:
        amount = format(cdr.total_cost.excl_vat, "f")
        check.warn(CdrFinding.CREDIT_NOT_NEGATIVE, "/total_cost/excl_vat", amount=amount)


def _check_against(check: Check, cdr: Cdr, credited: Cdr, style: CreditStyle) -> None:
    if is_credit(credited):
        check.error(CdrFinding.CREDIT_OF_CREDIT, "/credit_reference_id", reference=credited.id)
    if cdr.credit_reference_id and not same_ci(cdr.credit_reference_id, credited.id):
        check.error(
            CdrFinding.CREDIT_REFERENCE_DIFFERS,
            "/credit_reference_id",
            reference=cdr.credit_reference_id,
            credited=credited.id,
        )
    if cdr.last_updated < credited.last_updated:
        check.error(
            CdrFinding.CREDIT_BEFORE_ORIGINAL,
            "/last_updated",
            credit=format_datetime(cdr.last_updated),
            original=format_datetime(credited.last_updated),
        )
    # Everything is a copy, except for the totals that the style takes back (mod_cdrs, Credit CDRs).
    expected = {**fields_of(credited), **negated_totals(credited, style)}
    written = fields_of(cdr)
    for name in sorted((expected.keys() | written.keys()) - _NEW_IN_CREDIT):
        _compare_field(check, name, written.get(name), expected.get(name))


def _compare_field(check: Check, name: str, written: Any, expected: Any) -> None:
    if written == expected:
        return
    if isinstance(written, Price) and isinstance(expected, Price):
        for side in ("excl_vat", "incl_vat"):
            _compare_field(check, f"{name}/{side}", getattr(written, side), getattr(expected, side))
    elif isinstance(written, Decimal) and isinstance(expected, Decimal):
        check.compare(CdrFinding.CREDIT_AMOUNT_DIFFERS, f"/{name}", written, expected, Decimal(0))
    else:
        check.error(CdrFinding.CREDIT_FIELD_CHANGED, f"/{name}", field=name)


def check_signed_values(cdr: Cdr, context: ReconcileContext) -> CheckResult:
    """Point 11: what is billed is what the meter signed, to the last digit; times only warn (OCPP facts §4).

    Args:
        cdr: Debit view of the CDR.
        context: Gives the verified difference and the signed times.
    """
    check = Check(Rule.SIGNED_VALUES)
    if context.signed_energy_kwh is None:
        check.skip(UncheckedReason.SIGNED_ENERGY_NOT_GIVEN, "/total_energy")
    else:
        check.compare(
            CdrFinding.SIGNED_ENERGY_DIFFERS,
            "/total_energy",
            cdr.total_energy,
            context.signed_energy_kwh,
            context.tolerances.signed_energy_kwh,
        )
        if cdr.signed_data is None:  # the driver could not check it (gotcha 40)
            check.warn(CdrFinding.SIGNED_DATA_MISSING, "/signed_data")
    allowed_s = context.tolerances.signed_time_s
    for code, place, claimed, signed in (
        (CdrFinding.SIGNED_START_DIFFERS, "/start_date_time", cdr.start_date_time, context.signed_start),
        (CdrFinding.SIGNED_END_DIFFERS, "/end_date_time", cdr.end_date_time, context.signed_end),
    ):
        if signed is None:
            check.skip(UncheckedReason.SIGNED_TIME_NOT_GIVEN, place)
        elif claimed == UNKNOWN_TIME:
            check.skip(UncheckedReason.START_UNKNOWN, place)
        else:
            check.compare_times(code, place, claimed, signed, allowed_s)
    return check.result()


def check_token(cdr: Cdr, context: ReconcileContext) -> CheckResult:
    """Point 13: the token exists and its owner can be reached."""
    check = Check(Rule.TOKEN)
    # The uid is personal data: the contract's party says enough about where the CDR should have gone.
    party = f"{cdr.cdr_token.country_code}-{cdr.cdr_token.party_id}"
    if context.known_token is None:
        check.skip(UncheckedReason.TOKEN_NOT_LOOKED_UP, "/cdr_token/uid")
    elif not context.known_token:
        check.error(CdrFinding.TOKEN_UNKNOWN, "/cdr_token/uid", party=party)
    if context.routed is None:
        check.skip(UncheckedReason.ROUTE_NOT_LOOKED_UP, "/cdr_token/party_id")
    elif not context.routed:
        check.error(CdrFinding.TOKEN_OWNER_NOT_ROUTED, "/cdr_token/party_id", party=party)
    return check.result()


def check_uniqueness(cdr: Cdr, context: ReconcileContext) -> CheckResult:
    """Point 14: an id leaves once, and a session has one CDR that is not credited."""
    check = Check(Rule.UNIQUENESS)
    if context.already_sent is None:
        check.skip(UncheckedReason.LEDGER_NOT_LOOKED_UP, "/id")
    elif context.already_sent:
        check.error(CdrFinding.ALREADY_SENT, "/id", id=cdr.id)
    if is_credit(cdr):
        return check.result()  # crediting a billed session is what a Credit CDR is for
    if context.session_already_billed is None:
        check.skip(UncheckedReason.SESSION_NOT_LOOKED_UP, "/session_id")
    elif context.session_already_billed:
        check.error(CdrFinding.SESSION_ALREADY_BILLED, "/session_id", session=cdr.session_id or "")
    return check.result()
