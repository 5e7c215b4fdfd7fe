"""Documents as received: exact bytes, addressed by their SHA-256, never changed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from eichrecht.evidence import Document
from eichrecht.store.errors import NotFound, StoreError
from eichrecht.store.tables import evidence_arrivals, evidence_documents


@dataclass(frozen=True, slots=True)
class Arrival:
    """One time that a document came in.

    Attributes:
        sha256: Lower-case hex.
        source: Name for people: file name, partner, ``upload``.
        received_at: UTC.
    """

    sha256: str
    source: str
    received_at: datetime


class EvidenceRepository:
    """The evidence log of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, document: Document, received_at: datetime) -> str:
        """Keep a document and note its arrival; the same bytes are kept once, every arrival is noted.

        Returns:
            The SHA-256 of the content, lower-case hex: the document's address.
        """
        sha256 = document.sha256
        known = await self._connection.scalar(select(exists().where(evidence_documents.c.sha256 == sha256)))
        if not known:
            await self._connection.execute(
                insert(evidence_documents).values(
                    sha256=sha256, content=document.content, size_bytes=len(document.content)
                )
            )
        await self._connection.execute(
            insert(evidence_arrivals).values(sha256=sha256, source=document.source, received_at=received_at)
        )
        return sha256

    async def get(self, sha256: str) -> Document:
        """Return a document byte for byte, under the name of its first arrival.

        Raises:
            NotFound: No such document.
            StoreError: The stored bytes do not have this SHA-256: the storage is damaged.
        """
        row = (
            await self._connection.execute(
                select(evidence_documents.c.content, evidence_arrivals.c.source)
                .join(evidence_arrivals, evidence_arrivals.c.sha256 == evidence_documents.c.sha256)
                .where(evidence_documents.c.sha256 == sha256.lower())
                .order_by(evidence_arrivals.c.id)
                .limit(1)
            )
        ).first()
        if row is None:
            raise NotFound(f"no document with SHA-256 {sha256[:64]}")
        content = bytes(row.content)
        if hashlib.sha256(content).hexdigest() != sha256.lower():
            raise StoreError(f"stored document {sha256[:64]} is damaged: its bytes have another SHA-256")
        return Document(row.source, content)

    async def arrivals(self, sha256: str) -> tuple[Arrival, ...]:
        """Return every arrival of a document, oldest first."""
        rows = await self._connection.execute(
            select(evidence_arrivals)
            .where(evidence_arrivals.c.sha256 == sha256.lower())
            .order_by(evidence_arrivals.c.id)
        )
        return tuple(Arrival(row.sha256, row.source, row.received_at) for row in rows)
