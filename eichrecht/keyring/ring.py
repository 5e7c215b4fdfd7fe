"""The key ring: keys that somebody vouches for, and how a record finds its own.

A key that arrives with the record proves integrity only; a key in this ring proves origin as far as its source
(register or operator) can be believed. OCMF binds a key by meter serial, gateway serial or charge point
(ocmf facts §6); the ring matches on any of the names an entry carries.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from eichrecht.evidence import KeySource, SignedRecord
from eichrecht.signatures.keys import KeyMaterial


@dataclass(frozen=True)
class KnownKey:
    """A key that somebody vouches for.

    Attributes:
        name: What people call its place: EVSE id, charge point or meter.
        material: The decoded key.
        source: ``register`` or ``operator``.
        evse_id: EVSE id it belongs to, as written; ``None`` if not bound to one.
        meter_serial: Meter serial it belongs to; ``None`` if not bound to one.
        gateway_serial: Gateway serial it belongs to; ``None`` if not bound to one.
        valid_from: First instant at which it may have signed; ``None`` = open.
        valid_until: First instant at which it may no longer have signed; ``None`` = open.
    """

    name: str
    material: KeyMaterial
    source: KeySource
    evse_id: str | None = None
    meter_serial: str | None = None
    gateway_serial: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def valid_at(self, moment: datetime | None) -> bool:
        """Whether the key may have signed at ``moment``; an unknown moment is not held against it."""
        if moment is None:
            return True
        return (self.valid_from is None or self.valid_from <= moment) and (
            self.valid_until is None or moment < self.valid_until
        )

    def may_have_signed(self, record: SignedRecord) -> bool:
        """Whether the record names nothing else than the key is bound to, and a time at which it was valid."""
        return not self.contradicts(record) and self.valid_at(moment_of(record))

    def contradicts(self, record: SignedRecord) -> bool:
        """Whether the record names another meter, gateway or charge point than the one the key is bound to.

        A record that names none (most real OCMF records have no meter serial) contradicts nothing.
        """
        pairs = ((self.meter_serial, record.meter.serial), (self.gateway_serial, record.gateway.serial))
        if any(bound and named and bound != named for bound, named in pairs):
            return True
        named, named_type = record.charge_point
        if named_type == "EVSEID" and named and self.evse_id:
            return normalise_evse_id(named) != normalise_evse_id(self.evse_id)
        return False


def moment_of(record: SignedRecord) -> datetime | None:
    """Return the first time that the record gives, ``None`` if it gives none that can be read."""
    return next((reading.time for reading in record.readings if reading.time is not None), None)


def normalise_evse_id(text: str) -> str:
    """Return an EVSE id without separators, upper case, for matching only (bnetza facts §3).

    Dropping separators can merge ``...1*11`` and ``...11*1``, so the ring matches exactly first.
    """
    return "".join(char for char in text.upper() if char not in "*-_ ")


class KeyRing(Protocol):
    """Where verification looks for keys that somebody vouches for."""

    def for_record(self, record: SignedRecord, charge_point: str | None = None) -> Sequence[KnownKey]:
        """Return the keys bound to the record's meter, gateway or charge point and valid at its time.

        Args:
            record: The record.
            charge_point: EVSE id that the caller knows from elsewhere (session facts); many records name none.
        """
        ...

    def all_keys(self) -> Iterator[KnownKey]:
        """Yield every key, to tell a wrong key from a wrong signature."""
        ...


class MemoryKeyRing:
    """A key ring held in memory; immutable after construction."""

    def __init__(self, keys: Iterable[KnownKey] = ()) -> None:
        """Index ``keys`` by each name they are bound to."""
        self._keys = tuple(keys)
        self._by_name: dict[tuple[str, str], list[KnownKey]] = {}
        for key in self._keys:
            for kind, value in (("meter", key.meter_serial), ("gateway", key.gateway_serial)):
                if value:
                    self._by_name.setdefault((kind, value), []).append(key)
            self._by_name.setdefault(("name", key.name), []).append(key)
            if key.evse_id:
                self._by_name.setdefault(("evse", normalise_evse_id(key.evse_id)), []).append(key)

    def for_record(self, record: SignedRecord, charge_point: str | None = None) -> Sequence[KnownKey]:
        """See :meth:`KeyRing.for_record`."""
        if not self._keys:
            return ()
        bound: list[KnownKey] = []
        if record.meter.serial:
            bound += self._by_name.get(("meter", record.meter.serial), ())
        if record.gateway.serial:
            bound += self._by_name.get(("gateway", record.gateway.serial), ())
        for evse_id in (record.charge_point[0], charge_point):
            if evse_id:
                bound += self._of_evse(evse_id)
        if record.signature.key_name:
            # The record names its key itself; it counts unless it is bound to another meter.
            bound += self._by_name.get(("name", record.signature.key_name), ())
        found: list[KnownKey] = []
        for key in bound:
            if key not in found and key.may_have_signed(record):
                found.append(key)
        return found

    def _of_evse(self, evse_id: str) -> Sequence[KnownKey]:
        """Return the keys of an EVSE; one written alike goes before those that differ in separators only."""
        alike = self._by_name.get(("evse", normalise_evse_id(evse_id)), [])
        exact = [key for key in alike if (key.evse_id or "").upper() == evse_id.upper()]
        return exact or alike

    def all_keys(self) -> Iterator[KnownKey]:
        """See :meth:`KeyRing.all_keys`."""
        return iter(self._keys)


EMPTY_KEY_RING = MemoryKeyRing()
"""A ring without keys: nobody vouches for anything."""
