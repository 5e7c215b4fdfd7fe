"""Does the signed evidence belong to this session? Good data of another card, meter or EVSE bill the wrong person.

Session facts come from the back office and are signed by nobody; where the meter signed the same thing, the two
must agree, or the CDR waits for a person.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from eichrecht.billing.codes import BillingCode as Code
from eichrecht.billing.facts import SessionFacts
from eichrecht.billing.policy import BillingPolicy
from eichrecht.evidence import (
    Finding,
    Identification,
    KeyTrust,
    RecordVerdict,
    TransactionVerdict,
    problem,
    warning,
)
from eichrecht.keyring.ring import normalise_evse_id
from eichrecht.rules.codes import RuleCode
from ocpi.objects.cdr import CdrToken

_EVSE_ID = re.compile(r"[A-Z]{2}[A-Z0-9]{3}E[A-Z0-9]{1,31}")
"""ISO 15118 / eMI3 EVSE id without separators; a charge point may be known by another kind of name."""

_CARD_TYPES = frozenset({"ISO14443", "ISO15693"})
_CARD = re.compile(r"(?:[0-9A-F]{2}){4,10}")
_EMAID = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{9}")
"""Contract id without separators and check digit, which is optional (eMI3)."""

_NO_CARD = "0"
"""A UID of nothing but zeros is what stations write where no card was read."""


def belonging(
    facts: SessionFacts, transaction: TransactionVerdict, used: Sequence[RecordVerdict], policy: BillingPolicy
) -> Iterator[Finding]:
    """Compare what the meter signed with what the back office says of the same session.

    Args:
        facts: What the back office says.
        transaction: The session as signed.
        used: Its records.
        policy: What the CPO lets through.
    """
    yield from _place(facts, used)
    yield from _medium(facts.cdr_token, used, policy)
    yield from _between(transaction, used, policy)


def _between(
    transaction: TransactionVerdict, used: Sequence[RecordVerdict], policy: BillingPolicy
) -> Iterator[Finding]:
    """Between begin and end other sessions of the same meter may lie: their energy would be billed too.

    Without usable record numbers nobody can tell, so the numbers cannot be left out to hide a gap.
    """
    found = {finding.code: finding for finding in transaction.findings}
    gap, unnumbered = found.get(RuleCode.PAGINATION_GAP), found.get(RuleCode.PAGINATION_MISSING)
    doubt = problem(Code.RECORDS_MISSING_BETWEEN, "/signed_data", **gap.params) if gap is not None else None
    if doubt is None and unnumbered is not None and len(used) > 1:
        doubt = problem(Code.RECORDS_NOT_NUMBERED, "/signed_data")
    if doubt is not None and policy.allow_record_gap:
        yield warning(Code.POLICY_OVERRIDDEN, "", code=str(doubt.code), policy="allow_record_gap")
    elif doubt is not None:
        yield doubt


def _place(facts: SessionFacts, used: Sequence[RecordVerdict]) -> Iterator[Finding]:
    """The meter, and the place for which its key is registered, are those of the session."""
    evse = facts.cdr_location.evse_id
    here = normalise_evse_id(evse)
    for item in used:
        if item.record is None:
            continue
        serial = item.record.meter.serial
        if facts.meter_id and serial and facts.meter_id.strip().casefold() != serial.strip().casefold():
            yield problem(Code.OTHER_METER, "/meter_id", signed=serial[:40], said=facts.meter_id[:40])
        named, kind = item.record.charge_point
        places = [named if kind == "EVSEID" else None]
        if item.key is not None and item.key.trust is KeyTrust.CONFIRMED:
            places.append(item.key.matched)
        for place in places:
            there = normalise_evse_id(place or "")
            if there != here and _EVSE_ID.fullmatch(there) and _EVSE_ID.fullmatch(here):
                yield problem(
                    Code.OTHER_CHARGE_POINT,
                    "/cdr_location/evse_id",
                    signed=(place or "")[:50],
                    said=evse[:50],
                )


def _medium(token: CdrToken, used: Sequence[RecordVerdict], policy: BillingPolicy) -> Iterator[Finding]:
    """The card or contract that the meter signed is the one that is billed, where the two can be compared."""
    for item in used:
        code = None if item.record is None else _doubt(item.record.identification, token)
        if code is None:
            continue
        # The identification is personal data: the finding does not repeat it.
        if policy.allow_other_identification:
            switch = "allow_other_identification"
            yield warning(Code.POLICY_OVERRIDDEN, "", code=code.value, policy=switch)
        else:
            yield problem(code, "/cdr_token")


def _doubt(signed: Identification, token: CdrToken) -> Code | None:
    """Say what speaks against billing the token: another medium, or that nobody was identified at all.

    Other kinds of identification, hashes and names cannot be compared and pass. Whoever is billed by a card,
    though, must have shown one: a signed "nobody" does not fit it. Stations that assign no user (``IS`` false) may
    well be billed to somebody whom the back office knows by other means (app, ad hoc).
    """
    if signed.type == "DENIED":
        return Code.NO_IDENTIFICATION
    same = _same_medium(signed.type, signed.data, token) if signed.data else None
    if same is False:
        return Code.OTHER_IDENTIFICATION
    if signed.assigned is False and token.type.value == "RFID" and not same:
        return Code.NO_IDENTIFICATION
    return None


def _same_medium(kind: str | None, data: str, token: CdrToken) -> bool | None:
    """Whether signed identification and token are the same; ``None`` if they cannot be compared."""
    if kind in _CARD_TYPES:
        signed, said = (re.sub(r"[ :-]", "", text).upper() for text in (data, token.uid))
        if not _CARD.fullmatch(signed):
            return None
        if not _CARD.fullmatch(said) or token.type.value != "RFID":
            # Nobody who is billed by an app has a card read; but an app's token may be named like one.
            by_card = signed.strip(_NO_CARD) != ""
            return True if signed == said else None if token.type.value == "RFID" or not by_card else False
        turned = bytes.fromhex(said)[::-1].hex().upper()  # some readers give the octets in reverse
        return signed in (said, turned)
    if kind == "EMAID":
        signed, said = (re.sub(r"[*-]", "", text).upper()[:14] for text in (data, token.contract_id))
        return signed == said if _EMAID.fullmatch(signed) and _EMAID.fullmatch(said) else None
    return None
