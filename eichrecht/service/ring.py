"""The key ring as the database has it now, read again only when it changed.

A check needs the whole ring (another known key may fit). To read and decode five thousand keys takes half a
second; to see that nothing changed takes one query.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import anyio.to_thread

from eichrecht.keyring.ring import KnownKey, MemoryKeyRing
from eichrecht.signatures.keys import KeyMaterial, read_key
from eichrecht.store.database import Database
from eichrecht.store.keys import KeyStamp, OperatorKey


class CurrentRing:
    """Gives the ring in force at each call. One per process and database; rings are immutable."""

    def __init__(self, database: Database) -> None:
        """Set the open database."""
        self._database = database
        self._known: tuple[KeyStamp, MemoryKeyRing] | None = None
        self._materials: dict[int, KeyMaterial] = {}  # a key's text never changes under its row number
        self._reading = asyncio.Lock()  # many requests after a change: one of them reads

    async def get(self) -> MemoryKeyRing:
        """Return the keys that the operator or the register vouches for."""
        async with self._reading:
            async with self._database.reading() as tx:
                stamp = await tx.keys.stamp()
                if self._known is not None and self._known[0] == stamp:
                    return self._known[1]
                rows = await tx.keys.find()
            ring = await anyio.to_thread.run_sync(self._ring, rows)
            self._known = (stamp, ring)
            return ring

    def _ring(self, rows: Sequence[OperatorKey]) -> MemoryKeyRing:
        self._materials = {row.id: self._materials.get(row.id) or read_key(row.key_text) for row in rows}
        return MemoryKeyRing(
            KnownKey(
                name=row.charge_point,
                material=self._materials[row.id],
                source=row.source,
                evse_id=row.charge_point,
                meter_serial=row.meter_serial,
                valid_from=row.valid_from,
                valid_until=row.valid_to,
            )
            for row in rows
        )
