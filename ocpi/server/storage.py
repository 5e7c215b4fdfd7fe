"""What the server needs of a storage, one small Protocol per interface.

A platform offers the interfaces for which it has a storage; version details list exactly these. Every
method gets the :class:`~ocpi.registration.Partner` that asks, already authenticated and authorised for the
parties in URL and body; a storage only decides what this partner may see. Methods are atomic.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import Tariff
from ocpi.registration import Partner, RegistrationStore
from ocpi.transport.pagination import Page, PageQuery


@dataclass(frozen=True, slots=True)
class ObjectKey:
    """Key of an object that a party owns. CiStrings: compare without regard to case (``folded``)."""

    country_code: str
    party_id: str
    id: str

    def folded(self) -> tuple[str, str, str]:
        """Return the key for comparison and unique indexes."""
        return (self.country_code.lower(), self.party_id.lower(), self.id.lower())


class TariffSource(Protocol):
    """Our tariffs, for ``GET tariffs`` (Sender)."""

    async def list_tariffs(self, partner: Partner, query: PageQuery) -> Page[Tariff]:
        """Return one page of the tariffs that the partner may see.

        ``query.limit`` is set. Filter: ``query.includes(last_updated)``. Order: by creation, oldest first,
        and the same on every page (creation, then id). ``total`` counts all that match, whatever the page.
        """


class CdrSource(Protocol):
    """Our CDRs, for ``GET cdrs`` (Sender). Serves everything, delivered or not."""

    async def list_cdrs(self, partner: Partner, query: PageQuery) -> Page[Cdr]:
        """Return one page of the CDRs that concern the partner; rules as in :class:`TariffSource`."""


class TariffReceiver(Protocol):
    """Tariffs that partners push to us (Receiver)."""

    async def get_tariff(self, partner: Partner, key: ObjectKey) -> Tariff | None:
        """Return a tariff as this partner put it, ``None`` if there is none."""

    async def put_tariff(self, partner: Partner, tariff: Tariff) -> bool:
        """Store a new tariff or replace the old one; return ``True`` if it is new."""

    async def delete_tariff(self, partner: Partner, key: ObjectKey) -> bool:
        """Delete a tariff; return ``False`` if there was none."""


class Reception(StrEnum):
    """What became of a CDR that was posted."""

    CREATED = "created"
    """Stored now."""
    KNOWN = "known"
    """The same CDR with the same content was stored before; it is stored once."""
    CONFLICT = "conflict"
    """Another content is stored under this id. CDRs are immutable: nothing was changed."""


@dataclass(frozen=True, slots=True)
class ReceivedCdr:
    """Result of storing a CDR.

    Attributes:
        reception: See :class:`Reception`.
        reference: URL-safe text by which :meth:`CdrReceiver.get_cdr` finds the CDR again; the last path
            segment of its Location.
    """

    reception: Reception
    reference: str


class CdrReceiver(Protocol):
    """CDRs that partners push to us (Receiver)."""

    async def receive_cdr(self, partner: Partner, cdr: Cdr) -> ReceivedCdr:
        """Store a CDR once.

        The same (partner, country_code, party_id, id) is the same CDR. Two objects have the same content if
        ``cdr == stored`` (numbers by value, unknown fields included).
        """

    async def get_cdr(self, partner: Partner, reference: str) -> Cdr | None:
        """Return a CDR that this partner posted, ``None`` if the reference is not one of its."""


@dataclass(frozen=True, slots=True)
class Storage:
    """The storages of a platform; an interface without one is not offered.

    Attributes:
        registrations: Partners and tokens; always needed.
        tariff_source, cdr_source: Sender interfaces (CPO).
        tariff_receiver, cdr_receiver: Receiver interfaces (eMSP).
    """

    registrations: RegistrationStore
    tariff_source: TariffSource | None = None
    cdr_source: CdrSource | None = None
    tariff_receiver: TariffReceiver | None = None
    cdr_receiver: CdrReceiver | None = None
