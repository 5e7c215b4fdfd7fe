"""What a verified document would bill, in the words of the store: each record and each stretch of energy once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from eichrecht.evidence import ClockStatus, DocumentVerdict, Reading, SignedRecord, TransactionVerdict
from eichrecht.rules.obis import Register, register_of
from eichrecht.rules.registers import tracks_of
from eichrecht.rules.sources import with_roles
from eichrecht.store.billed import ONLY_KEPT, BilledSpan

_ANY_CHANNEL, _ANY_TARIFF = 0x0B, 0x0E
"""``1-b:1.8.e``: letters that stand for the only channel and the total (OCMF before 1.4)."""

_CURRENT = 0xFF
"""Group F of the current value, also written 0."""

_CLOCK_STEP_S = 30
"""A synchronised clock may be set back by this much between a session's end and the next one's begin."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


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
    """Return the stretches by which the energy of each transaction is known again, in whatever record it is signed.

    Those are the stretches of every register in the records that never begins anew, whichever of them bills: the
    same energy may be billed by another register another time. A register is that of a key and an OBIS code: keys
    are of one meter, serial numbers are not always there. Where a register that begins anew bills (B2, B3, 198,
    PCDF), the time stands for the energy.
    """
    spans: dict[BilledSpan, None] = {}
    for transaction in verdict.transactions:
        begin, end = transaction.begin, transaction.end
        key = verdict.records[transaction.records[0]].key
        if begin is None or end is None or key is None or key.fingerprint is None:
            continue
        used = [verdict.records[index].record for index in transaction.records]
        records = [record for record in used if record is not None]
        tracks, _ = tracks_of(with_roles(records, ()))
        ends = [(track.begins[0], track.ends[0]) for track in tracks if track.complete]
        for first, last in [(begin, end), *ends]:
            register = register_of(first.obis) if first.obis else None
            if register is None or first.energy_kwh is None or last.energy_kwh is None:
                continue
            if register.rises:
                name = f"{key.fingerprint}/{_counter(register):012x}"
                spans[BilledSpan(name, first.energy_kwh, last.energy_kwh)] = None
            if first is begin:
                spans |= dict.fromkeys(_in_time(key.fingerprint, register, records[0], begin, end))
    return list(spans)


def _counter(register: Register) -> int:
    """Return the register without what only spells it: a letter for "any", and group F of a current value."""
    a, b, c, d, e, f = register.key.to_bytes(6, "big")
    b, e, f = 0 if b == _ANY_CHANNEL else b, 0 if e == _ANY_TARIFF else e, _CURRENT if f == 0 else f
    return int.from_bytes(bytes((a, b, c, d, e, f)), "big")


def _in_time(
    fingerprint: str, register: Register, record: SignedRecord, begin: Reading, end: Reading
) -> Iterator[BilledSpan]:
    """Yield when the register that bills counted: no meter counts two sessions at once.

    It is asked for where a register of one session bills, and between that and a register that rises, for their
    values cannot be compared. A clock that is not synchronised may tell the same hour again after each power
    failure (1970); by it only a session that begins and ends at the same signed times with the same values is the
    same session.
    """
    where = "/".join(
        name or "" for name in (record.meter.serial, record.gateway.serial, record.charge_point[0])
    )
    name = f"{fingerprint}/{where}"
    if begin.time is not None and end.time is not None and _synchronised(begin) and _synchronised(end):
        first_s, last_s = _epoch_s(begin.time), _epoch_s(end.time)
        times = first_s, max(last_s - _CLOCK_STEP_S, min(last_s, first_s + _CLOCK_STEP_S))
        rising, session = f"{ONLY_KEPT}rising/{name}", f"session/{name}"
        yield BilledSpan(rising, *times, kept=register.rises, compared=not register.rises)
        yield BilledSpan(session, *times, kept=not register.rises)
    elif not register.rises:
        stated = (begin.time_text, end.time_text, begin.seconds_index, end.seconds_index)
        told = "/".join(map(str, (*stated, begin.energy_kwh, end.energy_kwh)))
        yield BilledSpan(f"{name}/{_counter(register):012x}/{told}", Decimal(0), Decimal(1))


def _synchronised(reading: Reading) -> bool:
    return reading.time_status is ClockStatus.SYNCHRONISED


def _epoch_s(moment: datetime) -> Decimal:
    return Decimal((moment - _EPOCH) // timedelta(seconds=1))
