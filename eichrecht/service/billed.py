"""What a verified document would bill, in the words of the store: each record and each stretch of energy once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

from eichrecht.evidence import DocumentVerdict, TransactionVerdict
from eichrecht.rules.obis import register_of
from eichrecht.store.billed import BilledSpan


def billed_records(verdict: DocumentVerdict) -> list[str]:
    """Return the identity of every record of the transactions: its signed bytes, for signatures can vary."""
    return [
        hashlib.sha256(signed).hexdigest()
        for transaction in verdict.transactions
        for signed in _signed_bytes(verdict, transaction)
    ]


def _signed_bytes(verdict: DocumentVerdict, transaction: TransactionVerdict) -> Iterator[bytes]:
    for index in transaction.records:
        record = verdict.records[index].record
        if record is not None:
            yield record.signed_bytes
            yield from (piece.signed_bytes for piece in record.more_signatures)


def billed_spans(verdict: DocumentVerdict) -> list[BilledSpan]:
    """Return the stretch of the billed register of each transaction, where that register never begins anew.

    A register is that of a key and an OBIS code: keys are of one meter, serial numbers are not always there.
    """
    spans = []
    for transaction in verdict.transactions:
        begin, end = transaction.begin, transaction.end
        if begin is None or end is None or begin.energy_kwh is None or end.energy_kwh is None:
            continue
        register = register_of(begin.obis) if begin.obis else None
        key = verdict.records[transaction.records[0]].key
        if register is None or not register.rises or key is None or key.fingerprint is None:
            continue
        name = f"{key.fingerprint}/{register.key:012x}"
        spans.append(BilledSpan(name, begin.energy_kwh, end.energy_kwh))
    return spans
