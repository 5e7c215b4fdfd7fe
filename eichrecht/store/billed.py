"""What CDRs bill: signed records, and stretches of a meter's register. Each is billed once.

A record is told by its signed bytes. But a meter may sign the same energy twice in different records (begin and end
apart, then both in one), so the stretch from begin to end of a register that only ever rises is kept as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.store.errors import RecordAlreadyBilled
from eichrecht.store.tables import billed_records, billed_spans, cdrs

_UNITS_PER_KWH = Decimal(10) ** 9
"""Stretches are kept in whole micro-watt-hours: finer than any meter, and exact integers in every database."""

ONLY_KEPT = "~"
"""Begins the names of stretches that are kept for another kind to be compared with, and may overlap each other."""

_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class BilledSpan:
    """A stretch of a register that only ever rises, or of the time in which another one counted.

    Attributes:
        register: Who measured: fingerprint of the meter's key and the register, as one opaque text.
        begin_kwh: Register at the begin; seconds, where the name is that of a stretch of time.
        end_kwh: Register at the end.
        kept: Whether it is kept for later CDRs to be compared with.
        compared: Whether it is compared with what is kept. Two stretches of one register are both kept and
            compared; of two kinds that exclude each other, each keeps its own and is compared with the other.
    """

    register: str
    begin_kwh: Decimal
    end_kwh: Decimal
    kept: bool = True
    compared: bool = True

    def units(self) -> tuple[int, int] | None:
        """Return begin and end in micro-watt-hours; ``None`` for an empty stretch and beyond every register."""
        begin, end = (int(value * _UNITS_PER_KWH) for value in (self.begin_kwh, self.end_kwh))
        return (begin, end) if -_LARGEST < begin < end < _LARGEST else None


class BilledRepository:
    """What the CDRs of one transaction's database bill."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def billing(self, records: Sequence[str], spans: Sequence[BilledSpan] = ()) -> str | None:
        """Return the id of a CDR, neither credited nor discarded, that bills a record or part of a stretch.

        Args:
            records: SHA-256 of signed bytes, lower-case hex.
            spans: Stretches of registers; touching ends do not overlap.
        """
        found: str | None = await self._connection.scalar(
            select(cdrs.c.id)
            .join(billed_records, billed_records.c.cdr_pk == cdrs.c.pk)
            .where(billed_records.c.record_sha256.in_(records), billed_records.c.released.is_(False))
            .limit(1)
        )
        for span in spans:
            units = span.units()
            if found is None and units is not None and span.compared:
                found = await self._overlapping(span.register, *units)
        return found

    async def _overlapping(
        self, register: str, begin: int, end: int, besides: int | None = None
    ) -> str | None:
        query = (
            select(cdrs.c.id)
            .join(billed_spans, billed_spans.c.cdr_pk == cdrs.c.pk)
            .where(
                billed_spans.c.register == register,
                billed_spans.c.released.is_(False),
                billed_spans.c.begin_units < end,
                billed_spans.c.end_units > begin,
            )
            .limit(1)
        )
        if besides is not None:
            query = query.where(billed_spans.c.cdr_pk != besides)
        found: str | None = await self._connection.scalar(query)
        return found

    async def add(self, cdr_pk: int, records: Sequence[str], spans: Sequence[BilledSpan]) -> None:
        """Note what a CDR bills.

        Raises:
            IntegrityError: A record is billed already (lost race).
        """
        for record_sha256 in dict.fromkeys(records):
            await self._connection.execute(
                insert(billed_records).values(cdr_pk=cdr_pk, record_sha256=record_sha256)
            )
        for position, span in enumerate(spans):
            units = span.units()
            if units is not None and span.kept:
                await self._connection.execute(
                    insert(billed_spans).values(
                        cdr_pk=cdr_pk,
                        position=position,
                        register=span.register,
                        begin_units=units[0],
                        end_units=units[1],
                    )
                )

    async def release(self, cdr_pk: int) -> None:
        """Free what a CDR bills: it is credited or discarded."""
        for table in (billed_records, billed_spans):
            await self._connection.execute(
                update(table).where(table.c.cdr_pk == cdr_pk).values(released=True)
            )

    async def take_back(self, cdr_pk: int | None, cdr_id: str) -> None:
        """Undo a credit that never left: the original bills again, unless another CDR does by now.

        Raises:
            RecordAlreadyBilled: Another CDR bills the same by now.
        """
        spans = (
            await self._connection.execute(select(billed_spans).where(billed_spans.c.cdr_pk == cdr_pk))
        ).all()
        for span in spans:
            if span.register.startswith(ONLY_KEPT):
                continue
            if await self._overlapping(span.register, span.begin_units, span.end_units, besides=cdr_pk):
                raise RecordAlreadyBilled(f"energy of CDR {cdr_id} is billed by another CDR by now")
        try:
            for table in (billed_records, billed_spans):
                await self._connection.execute(
                    update(table).where(table.c.cdr_pk == cdr_pk).values(released=False)
                )
        except IntegrityError as error:
            raise RecordAlreadyBilled(f"a record of CDR {cdr_id} is billed by another CDR by now") from error
