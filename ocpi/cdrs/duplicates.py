"""What CDRs that are looked at together bill twice: ids, sessions, signed records, energy, EVSEs, credits.

Each CDR is kept as a few texts and numbers (:class:`SeenCdr`), so that a run over many files needs little memory;
the work is that of sorting them.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import pairwise

from ocpi.cdrs.codes import DuplicateFinding
from ocpi.cdrs.credit import is_credit
from ocpi.cdrs.numbers import minus, seconds_between
from ocpi.cdrs.structure import UNKNOWN_TIME
from ocpi.findings import Finding, Severity, problem, warning
from ocpi.objects.cdr import Cdr
from ocpi.transport.json import dumps
from ocpi.versions.base import canonical_data

MAX_PLACES = 5
"""Places that one sentence names; the report names all."""

_NO_EVSE = "#na"
"""EVSE of a reservation that was never charged (mod_cdrs, CdrLocation)."""


@dataclass(frozen=True, slots=True)
class EnergySpan:
    """A stretch of a register that only ever rises.

    Attributes:
        register: Who measured: meter and register, as one opaque text.
        begin_kwh: Register at the begin.
        end_kwh: Register at the end.
    """

    register: str
    begin_kwh: Decimal
    end_kwh: Decimal


@dataclass(frozen=True, slots=True)
class SeenCdr:
    """What must be remembered of a CDR to recognise that something is billed twice.

    Attributes:
        place: Where it stands (``cdrs.json#/3``).
        party: Country code and party id of the CPO, lower case.
        id: As written.
        content: SHA-256 of its content, whatever its spelling.
        session: Session id, lower case; ``None`` if it names none.
        credits: Id of the CDR that it credits, lower case; ``None`` for a normal CDR.
        evse: EVSE, lower case; ``None`` if unknown.
        start, end: Of the session; ``None`` if unknown.
        records: Identities of the signed records that it bills.
        spans: Stretches of registers that it bills.
    """

    place: str
    party: str
    id: str
    content: str
    session: str | None = None
    credits: str | None = None
    evse: str | None = None
    start: datetime | None = None
    end: datetime | None = None
    records: tuple[str, ...] = ()
    spans: tuple[EnergySpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Something that several CDRs bill.

    Attributes:
        code: What.
        severity: ``error``, except for mere copies and for overlapping times.
        cdrs: All CDRs concerned, in the order in which they were seen.
        params: For the sentence.
    """

    code: DuplicateFinding
    severity: Severity
    cdrs: tuple[SeenCdr, ...]
    params: tuple[tuple[str, str], ...] = ()

    def as_finding(self) -> Finding:
        """Return the same as a finding, for a sentence."""
        more = len(self.cdrs) - MAX_PLACES
        places = ", ".join(f"{cdr.id} ({cdr.place})" for cdr in self.cdrs[:MAX_PLACES])
        params = {**dict(self.params), "places": places + (f" … +{more}" if more > 0 else "")}
        make = problem if self.severity is Severity.ERROR else warning
        return make(self.code, "", **params)


def seen_cdr(cdr: Cdr, place: str, records: Iterable[str] = (), spans: Iterable[EnergySpan] = ()) -> SeenCdr:
    """Return what must be remembered of a CDR.

    Args:
        cdr: As read; its numbers are exact.
        place: Where it stands.
        records: Identities of its signed records (SHA-256 of the signed bytes).
        spans: Stretches that its signed records bill.
    """
    evse = cdr.cdr_location.evse_uid.lower()
    known = UNKNOWN_TIME not in (cdr.start_date_time, cdr.end_date_time)
    credited = (cdr.credit_reference_id or "").lower() if is_credit(cdr) else None
    return SeenCdr(
        place=place,
        party=f"{cdr.country_code}*{cdr.party_id}".lower(),
        id=cdr.id,
        content=content_hash(cdr),
        session=cdr.session_id.lower() if cdr.session_id else None,
        credits=credited,
        evse=None if evse == _NO_EVSE else evse,
        start=cdr.start_date_time if known else None,
        end=cdr.end_date_time if known else None,
        records=tuple(dict.fromkeys(records)),
        spans=tuple(span for span in spans if span.begin_kwh < span.end_kwh),
    )


def content_hash(cdr: Cdr) -> str:
    """Return the SHA-256 of a CDR's content: the order of fields and zeros at the end do not matter."""
    return hashlib.sha256(dumps(_canonical(canonical_data(cdr)))).hexdigest()


def _canonical(value: object) -> object:
    if isinstance(value, dict):
        return {key: _canonical(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, Decimal):
        return format(value.normalize(), "f") if value else "0"
    return str(value) if isinstance(value, int | datetime) and not isinstance(value, bool) else value


def find_duplicates(seen: Sequence[SeenCdr]) -> tuple[Duplicate, ...]:
    """Return everything that more than one of the CDRs bills.

    A CDR that comes twice with the same content counts once. What a Credit CDR among them takes back may be
    billed again, by the corrected CDR. Two CDRs with a common session or record are not named again for the energy
    and the times that they therefore share.
    """
    first, found = _by_id(seen)
    credits = [cdr for cdr in first if cdr.credits is not None]
    found += _credited_twice(credits)
    taken_back = {(cdr.party, cdr.credits) for cdr in credits}
    standing = [cdr for cdr in first if cdr.credits is None and (cdr.party, cdr.id.lower()) not in taken_back]
    pairs: set[frozenset[str]] = set()
    for finder in (_sessions, _records, _energy, _evse_times):
        for duplicate in finder(standing, frozenset(pairs)):
            found.append(duplicate)
            pairs |= {frozenset((a.place, b.place)) for a, b in pairwise(duplicate.cdrs)}
    return tuple(found)


Pairs = frozenset[frozenset[str]]


def _grouped(items: Iterable[tuple[Hashable, SeenCdr]]) -> list[list[SeenCdr]]:
    groups: dict[Hashable, list[SeenCdr]] = defaultdict(list)
    for key, cdr in items:
        groups[key].append(cdr)
    return [group for group in groups.values() if len(group) > 1]


def _by_id(seen: Sequence[SeenCdr]) -> tuple[list[SeenCdr], list[Duplicate]]:
    first: dict[tuple[str, str], SeenCdr] = {}
    for cdr in seen:
        first.setdefault((cdr.party, cdr.id.lower()), cdr)
    found = []
    for group in _grouped(((cdr.party, cdr.id.lower()), cdr) for cdr in seen):
        same = len({cdr.content for cdr in group}) == 1
        code = DuplicateFinding.COPY if same else DuplicateFinding.ID
        severity = Severity.WARNING if same else Severity.ERROR
        found.append(Duplicate(code, severity, tuple(group), (("cdr", group[0].id),)))
    return list(first.values()), found


def _credited_twice(credits: Sequence[SeenCdr]) -> list[Duplicate]:
    return [
        Duplicate(DuplicateFinding.CREDIT, Severity.ERROR, tuple(group), (("cdr", group[0].credits or ""),))
        for group in _grouped(((cdr.party, cdr.credits), cdr) for cdr in credits if cdr.credits)
    ]


def _sessions(cdrs: Sequence[SeenCdr], _said: Pairs) -> Iterator[Duplicate]:
    for group in _grouped(((cdr.party, cdr.session), cdr) for cdr in cdrs if cdr.session is not None):
        params = (("session", group[0].session or ""),)
        yield Duplicate(DuplicateFinding.SESSION, Severity.ERROR, tuple(group), params)


def _records(cdrs: Sequence[SeenCdr], _said: Pairs) -> Iterator[Duplicate]:
    # Begin and end of a session are two records of the same two CDRs: one duplicate, not two.
    groups = _grouped((record, cdr) for cdr in cdrs for record in cdr.records)
    for group in {tuple(cdr.place for cdr in group): group for group in groups}.values():
        yield Duplicate(DuplicateFinding.SIGNED_RECORD, Severity.ERROR, tuple(group))


def _energy(cdrs: Sequence[SeenCdr], said: Pairs) -> Iterator[Duplicate]:
    """Yield each CDR whose stretch begins before the furthest end so far; touching ends do not overlap."""
    registers: dict[str, list[tuple[EnergySpan, SeenCdr]]] = defaultdict(list)
    for cdr in cdrs:
        for span in cdr.spans:
            registers[span.register].append((span, cdr))
    for spans in registers.values():
        spans.sort(key=lambda item: (item[0].begin_kwh, item[0].end_kwh))
        furthest, owner = spans[0]
        for span, cdr in spans[1:]:
            overlaps = span.begin_kwh < furthest.end_kwh and cdr is not owner
            if overlaps and frozenset((cdr.place, owner.place)) not in said:
                end_kwh = min(span.end_kwh, furthest.end_kwh)
                yield Duplicate(
                    DuplicateFinding.ENERGY,
                    Severity.ERROR,
                    (owner, cdr),
                    (
                        ("energy_kwh", format(minus(end_kwh, span.begin_kwh), "f")),
                        ("begin_kwh", format(span.begin_kwh, "f")),
                        ("end_kwh", format(end_kwh, "f")),
                    ),
                )
            if span.end_kwh > furthest.end_kwh:
                furthest, owner = span, cdr


def _evse_times(cdrs: Sequence[SeenCdr], said: Pairs) -> Iterator[Duplicate]:
    evses: dict[tuple[str, str], list[tuple[datetime, datetime, SeenCdr]]] = defaultdict(list)
    for cdr in cdrs:
        if cdr.evse is not None and cdr.start is not None and cdr.end is not None:
            evses[cdr.party, cdr.evse].append((cdr.start, cdr.end, cdr))
    for sessions in evses.values():
        sessions.sort(key=lambda item: item[:2])
        _, furthest, owner = sessions[0]
        for start, end, cdr in sessions[1:]:
            if start < furthest and frozenset((cdr.place, owner.place)) not in said:
                overlap_s = seconds_between(start, min(end, furthest)).normalize()
                params = (("evse", cdr.evse or ""), ("overlap_s", format(overlap_s, "f")))
                yield Duplicate(DuplicateFinding.EVSE_TIME, Severity.WARNING, (owner, cdr), params)
            if end > furthest:
                furthest, owner = end, cdr
