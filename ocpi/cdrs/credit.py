"""Credit CDRs and corrected CDRs (2.2.1 mod_cdrs, Credit CDRs; ocpi/ocpi#399).

A sent CDR is never changed. A correction is a Credit CDR for the full amount and, where something remains to
be billed, a new CDR with a new id. OCPI knows no partial credit.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ocpi.cdrs.context import CreditStyle
from ocpi.cdrs.errors import CdrError, CreditError
from ocpi.cdrs.numbers import negated, negated_price
from ocpi.objects.cdr import Cdr

CREDIT_SUFFIX = "-C"
MAX_NORMAL_ID = 36
"""Longest id of a CDR that is no Credit CDR; 37 to 39 are for the suffix (mod_cdrs, CDR object, id)."""
MAX_CREDIT_ID = 39
"""Longest id of any CDR."""
MAX_ID_WITH_ROOM = MAX_NORMAL_ID - len(CREDIT_SUFFIX)
"""Longest id whose Credit CDR still fits the 36 characters of InvoiceReconciliation (gotcha 57)."""

COST_FIELDS = (
    "total_cost",
    "total_fixed_cost",
    "total_energy_cost",
    "total_time_cost",
    "total_parking_cost",
    "total_reservation_cost",
)
VOLUME_FIELDS = ("total_energy", "total_time", "total_parking_time")

_IDENTITY_FIELDS = frozenset(
    {"country_code", "party_id", "id", "credit", "credit_reference_id", "last_updated"}
)


def is_credit(cdr: Cdr) -> bool:
    """Return whether the CDR is a Credit CDR."""
    return cdr.credit is True


def credit_id(original_id: str) -> str:
    """Return the id of the Credit CDR of a CDR: the id with ``-C`` behind it.

    An original id of up to 34 characters gives one that also fits 36; 35 and 36 characters give 37 and 38,
    which the CDR object allows for credits. Never shortened: a cut id could meet another one.

    Raises:
        CreditError: ``id_too_long``: the original is longer than a normal CDR's id may be.
    """
    if len(original_id) > MAX_NORMAL_ID:
        raise CreditError(
            "id_too_long", f"{len(original_id)} characters, at most {MAX_NORMAL_ID} can be credited"
        )
    return original_id + CREDIT_SUFFIX


def negated_totals(cdr: Cdr, style: CreditStyle) -> dict[str, Any]:
    """Return the totals that ``style`` carries with the opposite sign, negated; the others are absent."""
    costs = COST_FIELDS if style is CreditStyle.ALL_TOTALS else ("total_cost",)
    totals: dict[str, Any] = {
        name: negated_price(price) for name in costs if (price := getattr(cdr, name)) is not None
    }
    if style is CreditStyle.ALL_TOTALS:
        totals.update(
            (name, negated(volume)) for name in VOLUME_FIELDS if (volume := getattr(cdr, name)) is not None
        )
    return totals


def debit_view(cdr: Cdr, style: CreditStyle) -> Cdr:
    """Return the CDR with the totals of the charge that it credits; a normal CDR is returned as it is."""
    return cdr.model_copy(update=negated_totals(cdr, style)) if is_credit(cdr) else cdr


def credit_cdr(original: Cdr, now: datetime, style: CreditStyle = CreditStyle.TOTAL_COST) -> Cdr:
    """Return the Credit CDR for the full amount of a CDR; the original stays untouched.

    New id, ``credit``, ``credit_reference_id``, ``last_updated`` = ``now`` (so that pulls by date see it)
    and the negated ``total_cost``, without and with VAT. All other data are copied unchanged: the
    literal reading of mod_cdrs leaves ``total_energy_cost`` and the others positive.

    Args:
        original: A CDR that is no Credit CDR.
        now: Aware instant of its creation.
        style: :attr:`CreditStyle.ALL_TOTALS` for partners that expect all totals negated.

    Raises:
        CreditError: ``is_credit``, ``id_too_long``, ``before_original`` or ``invalid``.
    """
    if is_credit(original):
        raise CreditError("is_credit", "a Credit CDR cannot be credited")
    _not_before(original, now)
    return _validated(
        original,
        {
            **negated_totals(original, style),
            "id": credit_id(original.id),
            "credit": True,
            "credit_reference_id": original.id,
            "last_updated": now,
        },
    )


def corrected_cdr(original: Cdr, new_id: str, now: datetime, changes: Mapping[str, Any]) -> Cdr:
    """Return the CDR that takes the place of a credited one: a new id, no credit fields.

    Args:
        original: The credited CDR, itself no Credit CDR.
        new_id: Not the id of the original or of its Credit CDR; at most 36 characters.
        now: Aware instant of its creation.
        changes: Fields of the CDR with their right values. Totals are not computed anew here: build the CDR
            from its session with :func:`ocpi.cdrs.totals.build_cdr` where volumes or costs change.

    Raises:
        CreditError: ``is_credit``, ``id_not_new``, ``id_too_long``, ``before_original``,
            ``field_not_correctable`` or ``invalid``.
    """
    if is_credit(original):
        raise CreditError("is_credit", "correct the original, not its Credit CDR")
    if len(new_id) > MAX_NORMAL_ID:
        raise CreditError("id_too_long", f"{len(new_id)} characters, at most {MAX_NORMAL_ID}")
    if new_id.lower() in {original.id.lower(), (original.id + CREDIT_SUFFIX).lower()}:
        raise CreditError("id_not_new", new_id)
    wrong = sorted((set(changes) & _IDENTITY_FIELDS) | (set(changes) - set(Cdr.model_fields)))
    if wrong:
        raise CreditError("field_not_correctable", ", ".join(wrong))
    _not_before(original, now)
    return _validated(
        original, {**changes, "id": new_id, "credit": None, "credit_reference_id": None, "last_updated": now}
    )


def _not_before(original: Cdr, now: datetime) -> None:
    if now.tzinfo is None:
        raise CreditError("before_original", "the creation time has no time zone")
    if now < original.last_updated:
        raise CreditError(
            "before_original", f"{now.isoformat()} is before {original.last_updated.isoformat()}"
        )


def _validated(original: Cdr, update: Mapping[str, Any]) -> Cdr:
    return validated_cdr({**fields_of(original), **update}, CreditError)


def fields_of(cdr: Cdr) -> dict[str, Any]:
    """Return the fields of a CDR by name, unknown ones included, as they are: nothing is serialised."""
    return {**{name: getattr(cdr, name) for name in Cdr.model_fields}, **(cdr.model_extra or {})}


def validated_cdr(fields: Mapping[str, Any], error: type[CdrError]) -> Cdr:
    """Return a CDR whose fields keep the lengths and characters of the specification.

    Raises:
        CdrError: The given subclass with code ``invalid``, naming the first field.
    """
    try:
        return Cdr.model_validate(dict(fields))
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_context=False, include_input=False)[0]
        where = "/" + "/".join(str(part) for part in first["loc"])
        raise error("invalid", f"{where}: {first['msg']}") from invalid
