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
from eichrecht.evidence import Finding, KeyTrust, RecordVerdict, TransactionVerdict, problem, warning
from eichrecht.keyring.ring import normalise_evse_id
from ocpi.objects.cdr import CdrToken

_EVSE_ID = re.compile(r"[A-Z]{2}[A-Z0-9]{3}E[A-Z0-9]{1,31}")
"""ISO 15118 / eMI3 EVSE id without separators; a charge point may be known by another kind of name."""

_CARD_TYPES = frozenset({"ISO14443", "ISO15693"})
_CARD = re.compile(r"(?:[0-9A-F]{2}){4,10}")
_EMAID = re.compile(r"[A-Z]{2}[A-Z0-9]{3}[A-Z0-9]{9}")
"""Contract id without separators and check digit, which is optional (eMI3)."""

_GAP = "pagination_gap"


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
    gap = next((finding for finding in transaction.findings if finding.code == _GAP), None)
    if gap is not None:
        # Between begin and end other sessions of the same meter may lie: their energy would be billed too.
        if policy.allow_record_gap:
            code = Code.RECORDS_MISSING_BETWEEN
            yield warning(Code.POLICY_OVERRIDDEN, "", code=code.value, policy="allow_record_gap")
        else:
            yield problem(Code.RECORDS_MISSING_BETWEEN, "/signed_data", **gap.params)


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
        if item.record is None or _same_medium(
            item.record.identification.type, item.record.identification.data, token
        ):
            continue
        # The identification is personal data: the finding does not repeat it.
        if policy.allow_other_identification:
            code, switch = Code.OTHER_IDENTIFICATION, "allow_other_identification"
            yield warning(Code.POLICY_OVERRIDDEN, "", code=code.value, policy=switch)
        else:
            yield problem(Code.OTHER_IDENTIFICATION, "/cdr_token")


def _same_medium(kind: str | None, data: str | None, token: CdrToken) -> bool:
    """Whether signed identification and token are the same, or cannot be compared (other kinds, hashes, names)."""
    if not data:
        return True
    if kind in _CARD_TYPES and token.type.value == "RFID":
        signed, said = (re.sub(r"[ :-]", "", text).upper() for text in (data, token.uid))
        if not (_CARD.fullmatch(signed) and _CARD.fullmatch(said)):
            return True
        turned = bytes.fromhex(said)[::-1].hex().upper()  # some readers give the octets in reverse
        return signed in (said, turned)
    if kind == "EMAID":
        signed, said = (re.sub(r"[*-]", "", text).upper()[:14] for text in (data, token.contract_id))
        return not (_EMAID.fullmatch(signed) and _EMAID.fullmatch(said)) or signed == said
    return True
