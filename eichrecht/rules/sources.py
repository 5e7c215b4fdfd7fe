"""Rules about records as such: same source, same customer, pagination (profile ``strict``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise, zip_longest

from eichrecht.evidence import OCMF_TRAITS, Finding, PaginationRule, ReadingRole, Severity, SignedRecord
from eichrecht.formats import registry
from eichrecht.rules.codes import RuleCode as Code
from eichrecht.rules.codes import found

LEVEL_ERRORS = frozenset({"MISMATCH", "INVALID", "OUTDATED", "UNKNOWN"})
"""Identification levels that say that the assignment failed (OCMF 1.4.1 IL, group of errors)."""

GOOD_LEVELS = frozenset({"NONE", "HEARSAY", "TRUSTED", "VERIFIED", "CERTIFIED", "SECURE"})
"""The other identification levels of that table."""

_ENDS = frozenset({ReadingRole.BEGIN, ReadingRole.END})
_NEVER = datetime.max.replace(tzinfo=UTC)
_BEGIN_CONTEXTS = frozenset({"transaction.begin", "start", "begin"})
_END_CONTEXTS = frozenset({"transaction.end", "end", "stop"})


def single(record: SignedRecord) -> Iterator[Finding]:
    """What makes a record unusable or doubtful by itself."""
    if not record.unambiguous:
        yield found(Code.RECORD_AMBIGUOUS)
    elif record.findings and any(finding.severity is Severity.ERROR for finding in record.findings):
        yield found(Code.RECORD_UNRELIABLE)
    if record.contradictions:
        yield from record.contradictions
        yield found(Code.UNSIGNED_CONTRADICTS_SIGNED)
    level = record.identification.level
    if level is not None:
        if level.upper() in LEVEL_ERRORS:
            yield found(Code.IDENTIFICATION_LEVEL_ERROR, "/IL", level=level[:20])
        elif level.upper() not in GOOD_LEVELS and record.traits is OCMF_TRAITS:
            yield found(Code.IDENTIFICATION_LEVEL_UNREADABLE, "/IL", level=level[:20])
    if record.traits.has_identifier and not _identifiers(record):
        yield found(Code.SOURCE_UNIDENTIFIED)
    if record.pagination is None and record.traits.pagination is not PaginationRule.NONE:
        yield found(Code.PAGINATION_MISSING, "/PG")


def assignment(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """Somebody must be charged for the session: no record says so, or one says that nobody was assigned."""
    claims = [record.identification for record in records]
    if any(claim.assigned is False for claim in claims) or not any(
        claim.assigned or claim.level or claim.type or claim.data for claim in claims
    ):
        yield found(Code.ASSIGNMENT_MISSING, "/IS")


def is_fiscal(record: SignedRecord) -> bool:
    """Whether the record stands in the series that belongs to no transaction (OCMF 1.4.1 PG, context F)."""
    return record.pagination is not None and record.pagination.context == "F"


def roles_of(record: SignedRecord) -> tuple[bool, bool]:
    """Return whether the record holds a begin and whether it holds an end."""
    begins = ends = False
    for reading in record.readings:
        begins = begins or reading.role is ReadingRole.BEGIN
        ends = ends or reading.role is ReadingRole.END
    return begins, ends


def roles_only_claimed(records: Sequence[SignedRecord]) -> bool:
    """Whether a record says in an unsigned word which end of the session it is, and signs nothing about that.

    The word may have been changed: a value from the middle of the session called its end, where the end is missing.
    """
    return any(
        record.claimed_role is not None
        and not record.traits.roles_signed
        and not any(reading.role is not ReadingRole.UNKNOWN for reading in record.readings)
        for record in records
    )


def with_roles(records: Sequence[SignedRecord], contexts: Sequence[str | None]) -> list[SignedRecord]:
    """Say which end of the session each record is, where the format does not sign that.

    The word of the records themselves, or else of their container, counts if it speaks of every such record;
    otherwise the order of the record numbers does: the first is the begin, the last the end. A lone record stays
    without a role. None of it is signed, but whoever swaps them only makes values and numbers run backwards.
    """
    free = {record.signed_bytes: record for record in records if not record.traits.roles_signed}
    if not free:
        return list(records)
    presumed = {roles_of(record) for record in free.values()}
    if len(free) > 1 and len(presumed) == 1 and presumed != {(False, False)}:
        # A mark that the format takes for begin or end, but the same in all of them: it marks something else.
        records = [_in_role(record, ReadingRole.UNKNOWN, presumed=True) for record in records]
        free = {record.signed_bytes: record for record in records if record.signed_bytes in free}
    roles = {
        record.signed_bytes: role
        for record, context in zip_longest(records, contexts[: len(records)])
        if record.signed_bytes in free and (role := record.claimed_role or _role_in_words(context))
    }
    if len(roles) < len(free):
        roles = {}
    if not roles and len(free) > 1:
        ordered = sorted(free, key=lambda signed: _place_in_time(free[signed]))
        roles = dict.fromkeys(ordered, ReadingRole.INTERMEDIATE)
        roles[ordered[0]], roles[ordered[-1]] = ReadingRole.BEGIN, ReadingRole.END
    return [_in_role(record, roles.get(record.signed_bytes)) for record in records]


def _role_in_words(context: str | None) -> ReadingRole | None:
    word = (context or "").strip().lower()
    if not word:
        return None
    begins, ends = word in _BEGIN_CONTEXTS, word in _END_CONTEXTS
    return ReadingRole.BEGIN if begins else ReadingRole.END if ends else ReadingRole.INTERMEDIATE


def _place_in_time(record: SignedRecord) -> tuple[int, int, datetime]:
    number = record.pagination.number if record.pagination is not None else 0
    reading = record.readings[0] if record.readings else None
    seconds = reading.seconds_index if reading is not None and reading.seconds_index is not None else 0
    moment = reading.time if reading is not None and reading.time is not None else _NEVER
    return number, seconds, moment


def _in_role(record: SignedRecord, role: ReadingRole | None, *, presumed: bool = False) -> SignedRecord:
    if role is None or record.traits.roles_signed:
        return record
    readings = tuple(
        replace(reading, role=role) if presumed or reading.role is ReadingRole.UNKNOWN else reading
        for reading in record.readings
    )
    return replace(record, readings=readings)


def in_order(records: Sequence[SignedRecord]) -> list[SignedRecord]:
    """Return records as a session runs, whatever order they were given in: begin, in between, end.

    Roles come before numbers, so that a wrong number is seen as wrong and does not move a record.
    """

    paged = all(record.pagination is not None for record in records)

    def place(record: SignedRecord) -> tuple[int, int, bool, datetime, bytes]:
        begins, ends = roles_of(record)
        rank = 0 if begins else 2 if ends else 1
        # Numbers order only where every record has one; a record without would be moved to the front.
        number = record.pagination.number if paged and record.pagination is not None else 0
        moment = next((reading.time for reading in record.readings if reading.time is not None), None)
        return rank, number, moment is None, moment or _NEVER, record.signed_bytes

    return sorted(records, key=place)


def unique(records: Sequence[SignedRecord]) -> tuple[list[SignedRecord], list[Finding]]:
    """Drop repetitions: the same signed bytes are the same record (ocmf facts §2)."""
    seen: set[bytes] = set()
    kept: list[SignedRecord] = []
    findings: list[Finding] = []
    for record in records:
        if record.identity in seen:
            findings.append(found(Code.DUPLICATE_RECORD))
        else:
            seen.add(record.identity)
            kept.append(record)
    return kept, findings


def contexts(records: Sequence[SignedRecord], given: Sequence[str | None]) -> Iterator[Finding]:
    """The container's word for a record's role is not signed; it may contradict the record, never overrule it."""
    for record, context in zip(records, given, strict=False):
        word = (context or "").strip().lower()
        begins, ends = roles_of(record)
        only_begins, only_ends = begins and not ends, ends and not begins
        if (word in _BEGIN_CONTEXTS and only_ends) or (word in _END_CONTEXTS and only_begins):
            yield found(Code.CONTEXT_CONTRADICTS_RECORD, "", context=(context or "")[:40])


def _identifiers(record: SignedRecord) -> dict[str, str]:
    """Return what identifies the source: MS, GS, or CI of one kind CT (ocmf facts §3, §8)."""
    identifiers = {}
    if record.meter.serial:
        identifiers["MS"] = record.meter.serial
    if record.gateway.serial:
        identifiers["GS"] = record.gateway.serial
    point, kind = record.charge_point
    if point and kind:
        identifiers[f"CI {kind}"] = _evse_id(point) if kind == "EVSEID" else point
    return identifiers


def _evse_id(text: str) -> str:
    """EVSE ids are compared without separators and case, as their definition says."""
    return text.replace("*", "").casefold()


def _identification(record: SignedRecord) -> str | None:
    """Return ID as far as it can differ: hexadecimal and eMAID have no case, an eMAID's hyphens are optional."""
    data, kind = record.identification.data, record.identification.type
    if not data or kind not in _CASELESS_IDS:
        return data
    return data.replace("-", "").casefold() if kind == "EMAID" else data.casefold()


_CASELESS_IDS = frozenset({"ISO14443", "ISO15693", "EVCCID", "EMAID"})

_Getter = Callable[[SignedRecord], object]

_SAME: tuple[tuple[Code, str, _Getter], ...] = (
    (Code.IDENTIFICATION_DIFFERS, "IS", lambda r: r.identification.assigned),
    (Code.IDENTIFICATION_DIFFERS, "IT", lambda r: r.identification.type),
    (Code.IDENTIFICATION_DIFFERS, "ID", _identification),
    (Code.IDENTIFICATION_LEVEL_DIFFERS, "IL", lambda r: r.identification.level),
    (Code.FIRMWARE_DIFFERS, "MF", lambda r: r.meter.firmware),
    (Code.FIRMWARE_DIFFERS, "GV", lambda r: r.gateway.firmware),
    (Code.TARIFF_TEXT_DIFFERS, "TT", lambda r: r.tariff_text),
)
"""What does not change within a session, apart from the source (ocmf facts §8: IS, IT, ID equal)."""

_DESCRIPTIONS: tuple[tuple[str, _Getter], ...] = (
    ("MV", lambda r: r.meter.vendor),
    ("MM", lambda r: r.meter.model),
    ("CT", lambda r: r.charge_point[1]),
)
_DIFFERS = {"MS": Code.METER_DIFFERS, "GS": Code.GATEWAY_DIFFERS}


def same_throughout(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """Source and customer are the same in all records; a value missing on one side is a deviation, no difference."""
    if len({record.format for record in records}) > 1:
        yield found(Code.FORMATS_DIFFER, "", formats=", ".join(sorted({record.format for record in records})))
    yield from _same_source(records)
    sessions = [record.session for record in records if record.session is not None]
    if (other_session := _first_other(sessions)) is not None:
        yield found(Code.SESSION_DIFFERS, "", first=_masked(sessions[0]), other=_masked(other_session))
    assigned = [record.assigned_at for record in records if record.assigned_at is not None]
    if (other_time := _first_other(assigned)) is not None:
        yield found(Code.ASSIGNMENT_RENEWED, "", first=_short(assigned[0]), other=_short(other_time))
    for code, name, get in _SAME:
        values = [value for record in records if (value := get(record)) not in (None, "")]
        if code is Code.IDENTIFICATION_DIFFERS and values and len(values) < len(records):
            yield found(Code.IDENTIFICATION_INCOMPLETE, f"/{name}")
        other = _first_other(values)
        if other is not None:
            show = _masked if name == "ID" else _short
            yield found(code, f"/{name}", first=show(values[0]), other=show(other))


def _same_source(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    sources = [_identifiers(record) for record in records]
    for name in dict.fromkeys(name for source in sources for name in source):
        values = [source[name] for source in sources if name in source]
        other = _first_other(values)
        if other is not None:
            code = _DIFFERS.get(name, Code.CHARGE_POINT_DIFFERS)
            yield found(code, f"/{name[:2]}", first=_short(values[0]), other=_short(other))
    if any(sources) and not _connected(sources):
        yield found(Code.SOURCE_NOT_COMPARABLE)
    # Vendor and model only describe a meter that is named; of one that is not they are all that is known.
    named = all("MS" in source for source in sources)
    for name, get in _DESCRIPTIONS:
        described = [value for record in records if (value := get(record)) not in (None, "")]
        other = _first_other(described)
        if other is not None:
            if named or name == "CT":
                yield found(
                    Code.SOURCE_DESCRIPTION_DIFFERS,
                    f"/{name}",
                    field=name,
                    first=_short(described[0]),
                    other=_short(other),
                )
            else:
                yield found(Code.METER_DIFFERS, f"/{name}", first=_short(described[0]), other=_short(other))


def _connected(sources: Sequence[dict[str, str]]) -> bool:
    """Whether every record shares some kind of identifier with the others, directly or through one of them."""
    reached, waiting = set(sources[0]), list(sources[1:])
    while waiting:
        rest = [source for source in waiting if reached.isdisjoint(source)]
        if len(rest) == len(waiting):
            return False
        reached.update(*(source for source in waiting if not reached.isdisjoint(source)))
        waiting = rest
    return True


def _first_other(values: Sequence[object]) -> object | None:
    return next((value for value in values if value != values[0]), None)


def _short(value: object) -> str:
    return str(value)[:60]


def _masked(value: object) -> str:
    """Return enough of an identification to tell two apart; a finding travels further than the record may."""
    text = str(value)
    return "…" + text[-4:] if len(text) > 8 else "…"


def own_rules(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """What the records' format asks of the records of one session, begin first (containers facts §2.5)."""
    broken = registry.compare(records)
    yield from broken
    if any(finding.severity is Severity.ERROR for finding in broken):
        yield found(Code.SESSION_RULE_BROKEN)


def pagination(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """Record numbers of one context, each one more than the last (ocmf facts §3, §8)."""
    paged = [record for record in records if record.pagination is not None]
    pages = [record.pagination for record in paged if record.pagination is not None]
    if len({page.context for page in pages}) > 1:
        yield found(Code.PAGINATION_CONTEXT_DIFFERS, "/PG")
        return
    for index, (earlier, later) in enumerate(pairwise(pages)):
        numbers = {
            "earlier": f"{earlier.context}{earlier.number}",
            "later": f"{later.context}{later.number}",
        }
        step = later.number - earlier.number
        if step < 0 and paged[index].version in _WRAPPING_VERSIONS and -step > _COUNTER_SIZE // 2:
            step += _COUNTER_SIZE
        if step <= 0:
            yield found(Code.PAGINATION_NOT_INCREASING, "/PG", **numbers)
        elif step > 1 and paged[index].traits.pagination is PaginationRule.CONSECUTIVE:
            # Only begin and end delivered: the intermediate records exist, but nobody bills by them. A record
            # without a number may be the one that is not there. If the user was assigned anew in between, an end
            # and a begin may be among those that are missing, and the two records belong to two sessions.
            only_ends = (len(records) == 2 or len(paged) < len(records)) and not _assigned_anew(records)
            yield found(
                Code.PAGINATION_GAP if only_ends else Code.PAGINATION_RECORD_MISSING, "/PG", **numbers
            )


def _assigned_anew(records: Sequence[SignedRecord]) -> bool:
    return len({record.assigned_at for record in records} - {None}) > 1


_COUNTER_SIZE = 2**32
_WRAPPING_VERSIONS = frozenset({"0.1", "0.2", "0.3", "0.4", "0.5", "1.0"})
"""Up to OCMF 1.0 the counter returns to 0 after 2^32 - 1 (ocmf facts §3)."""


def reading_numbers(record: SignedRecord) -> Iterator[Finding]:
    """Numbers under which a meter signed the readings of one record: each more than the last (safe_formats §6)."""
    numbered = [reading for reading in record.readings if reading.record_number is not None]
    for earlier, later in pairwise(numbered):
        first, last = earlier.record_number or 0, later.record_number or 0
        if last <= first:
            yield found(Code.PAGINATION_NOT_INCREASING, later.where, earlier=first, later=last)


def event_counter(records: Sequence[SignedRecord]) -> Iterator[Finding]:
    """The event counter is the same at begin and end (OCMF 0.x EI; law facts §4, §12)."""
    counted = [
        reading
        for record in records
        for reading in record.readings
        if reading.event_counter is not None and reading.role in _ENDS
    ]
    for reading in counted[1:]:
        if reading.event_counter != counted[0].event_counter:
            first, other = str(counted[0].event_counter), str(reading.event_counter)
            yield found(Code.EVENT_COUNTER_DIFFERS, f"{reading.where}/EI", first=first, other=other)
            return
