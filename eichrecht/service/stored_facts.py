"""What the database knows of a CDR that somebody gives us to check."""

from __future__ import annotations

from eichrecht.service.billed import billed_records, billed_spans
from eichrecht.service.cdr_check import GivenCdr, StoredFacts, signed_session
from eichrecht.store.database import Transaction
from eichrecht.store.errors import NotFound
from ocpi.cdrs.credit import is_credit
from ocpi.cdrs.duplicates import content_hash
from ocpi.objects.cdr import Cdr
from ocpi.objects.credentials import Role
from ocpi.objects.tariff import Tariff
from ocpi.tariffs.policy import PricingPolicy
from ocpi.transport import json
from ocpi.types import same_ci
from ocpi.versions import V2_2_1

Party = tuple[str, str]
"""Country code and party id."""

_UNNAMED = "ZZ"
"""Country code of an owner that an object of 2.1.1 does not name (:mod:`ocpi.versions`)."""


async def stored_facts(
    tx: Transaction, given: GivenCdr, own: Party, *, stored_tariffs: bool = True
) -> StoredFacts:
    """Return everything that the database knows of a CDR.

    Args:
        tx: Transaction, reading only.
        given: As read and verified.
        own: The operator, to whom a CDR of 2.1.1 without owner belongs.
        stored_tariffs: Whether the stored tariffs price it.
    """
    if given.loaded is None:
        return StoredFacts()
    cdr = given.loaded.model
    tariffs, missing = await tariffs_at_start(tx, cdr, own) if stored_tariffs else (None, ())
    same = await _stored(tx, cdr.country_code, cdr.party_id, cdr.id)
    credited = None
    if is_credit(cdr) and cdr.credit_reference_id:
        credited = await _stored(tx, cdr.country_code, cdr.party_id, cdr.credit_reference_id)
    billed_by = None
    if given.verification is not None and not is_credit(cdr):
        spans = billed_spans(given.verification) if signed_session(given.verification) else []
        billed_by = await tx.cdrs.billing(billed_records(given.verification), spans)
    return StoredFacts(
        credited=credited,
        tariffs=tariffs,
        missing_tariffs=missing,
        differs=same is not None and content_hash(same) != content_hash(cdr),
        billed_by=None if billed_by is None or same_ci(billed_by, cdr.id) else billed_by,
        policy=await _agreed(tx, cdr, own),
    )


async def _agreed(tx: Transaction, cdr: Cdr, own: Party) -> PricingPolicy | None:
    """Return what is agreed with the other side: the provider of our own CDRs, the operator of foreign ones."""
    is_own = all(map(same_ci, _owner(None, cdr, own), own))
    if is_own:
        return await tx.partners.pricing(Role.EMSP, cdr.cdr_token.country_code, cdr.cdr_token.party_id)
    return await tx.partners.pricing(Role.CPO, cdr.country_code, cdr.party_id)


async def tariffs_at_start(
    tx: Transaction, cdr: Cdr, own: Party
) -> tuple[tuple[Tariff, ...] | None, tuple[str, ...]]:
    """Return the stored tariffs that governed at session start, and the ids of which none is stored.

    Returns:
        ``None`` instead of tariffs if nothing is stored of any: the CDR's own are all that there is.
    """
    carried = {tariff.id.lower(): tariff for tariff in cdr.tariffs or ()}
    named = {
        period.tariff_id.lower(): period.tariff_id for period in cdr.charging_periods if period.tariff_id
    }
    named |= {key: tariff.id for key, tariff in carried.items()}
    found: list[Tariff] = []
    missing: list[str] = []
    for key, name in sorted(named.items()):
        country_code, party_id = _owner(carried.get(key), cdr, own)
        try:
            version = await tx.tariffs.as_of(country_code, party_id, name, cdr.start_date_time)
        except (NotFound, ValueError):  # no tariff has an id with control characters
            missing.append(name)
            continue
        found.append(V2_2_1.load(Tariff, json.loads(version.body)))
    if not found:
        return None, tuple(missing)
    return (*found, *(carried[name.lower()] for name in missing if name.lower() in carried)), tuple(missing)


def _owner(tariff: Tariff | None, cdr: Cdr, own: Party) -> Party:
    for candidate in (tariff, cdr):
        if candidate is not None and candidate.country_code.upper() != _UNNAMED:
            return candidate.country_code, candidate.party_id
    return own


async def _stored(tx: Transaction, country_code: str, party_id: str, cdr_id: str) -> Cdr | None:
    try:
        stored = await tx.cdrs.get(country_code, party_id, cdr_id)
    except (NotFound, ValueError):
        return None
    return V2_2_1.load(Cdr, json.loads(stored.body))
