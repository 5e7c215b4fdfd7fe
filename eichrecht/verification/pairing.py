"""Putting records together into charging transactions.

A container may say which records belong together (S.A.F.E. ``transactionId``, one OCPI CDR). Otherwise begin and
end records of the same meter and the same identification are paired in the order in which they stand, as a
station writes them. Records that do not say which end they are belong together if they are of one meter and one
session. A begin without an end stays a transaction of its own and is called incomplete. A record
that stands in the document twice (same signed bytes) is one record: nothing is counted twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from eichrecht.evidence import ReadingRole, SignedRecord


@dataclass(frozen=True, slots=True)
class Member:
    """A decoded record that may belong to a transaction."""

    index: int
    record: SignedRecord
    transaction_id: str | None
    context: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """Records that form one transaction.

    Attributes:
        id: The container's id, else one made from meter and pagination.
        members: In document order.
        declared: ``True`` if the container says that they belong together.
    """

    id: str
    members: tuple[Member, ...]
    declared: bool


def _roles(record: SignedRecord) -> tuple[bool, bool]:
    roles = {reading.role for reading in record.readings}
    return ReadingRole.BEGIN in roles, ReadingRole.END in roles


def _is_transactional(record: SignedRecord) -> bool:
    """Fiscal records (pagination context F, no reason code) are no part of a transaction (ocmf facts §3)."""
    if record.pagination is not None and record.pagination.context == "F":
        return False
    if not record.traits.roles_signed:
        return bool(record.readings)
    return any(reading.role not in {ReadingRole.FISCAL, ReadingRole.UNKNOWN} for reading in record.readings)


def _made_id(members: Sequence[Member]) -> str:
    record = members[0].record
    device = record.meter.serial or record.gateway.serial or record.charge_point[0] or "?"
    pages = [m.record.pagination for m in members if m.record.pagination is not None]
    if not pages:
        return f"{device}/#{members[0].index}"
    first, last = f"{pages[0].context}{pages[0].number}", f"{pages[-1].context}{pages[-1].number}"
    return f"{device}/{first}" if first == last else f"{device}/{first}-{last}"


def _device(record: SignedRecord) -> tuple[str | None, ...]:
    return (record.format, record.meter.serial, record.gateway.serial, record.charge_point[0])


def group_members(members: Sequence[Member]) -> tuple[Group, ...]:
    """Group records into transactions; see the module's text. Linear in the number of records."""
    groups: list[Group] = []
    declared: dict[str, list[Member]] = {}
    # What has begun and not ended, per device and user: a gateway may serve several points at once.
    running: dict[tuple[str | None, ...], dict[str | None, list[Member]]] = {}
    # Records that do not say which end they are, by what they say of their session.
    sessions_of: dict[tuple[str | None, ...], list[Member]] = {}
    seen: set[bytes] = set()
    for member in members:
        record = member.record
        if member.transaction_id is not None:
            declared.setdefault(member.transaction_id, []).append(member)
            continue
        if not _is_transactional(record) or record.identity in seen:
            continue
        seen.add(record.identity)
        if not record.traits.roles_signed:
            if record.session is None:
                groups.append(_closed([member]))
            else:
                sessions_of.setdefault((*_device(record), record.session), []).append(member)
            continue
        begins, ends = _roles(record)
        if begins and ends:
            groups.append(Group(_made_id([member]), (member,), declared=False))
            continue
        sessions = running.setdefault(_device(record), {})
        user = record.identification.data if begins else _user_of(record, sessions)
        if begins and user in sessions:
            groups.append(_closed(sessions.pop(user)))
        sessions.setdefault(user, []).append(member)
        if ends:
            groups.append(_closed(sessions.pop(user)))
    groups.extend(_closed(rest) for sessions in running.values() for rest in sessions.values())
    groups.extend(_closed(rest) for session in sessions_of.values() for rest in _by_assignment(session))
    for transaction_id, group in declared.items():
        groups.extend(_declared_groups(transaction_id, group))
    groups.sort(key=lambda group: group.members[0].index)
    return tuple(groups)


def _user_of(record: SignedRecord, sessions: Mapping[str | None, object]) -> str | None:
    """Return the user whose running session a record continues.

    Some devices write the identification into one of the records only; that is a deviation for the rules to
    report and no other user, as long as there is no doubt which session is meant.
    """
    user = record.identification.data
    if user in sessions:
        return user
    if user is None and len(sessions) == 1:
        return next(iter(sessions))
    return None if None in sessions else user


def _by_assignment(members: list[Member]) -> list[list[Member]]:
    """Tell several sessions of one user apart by when the user was assigned, where there are more than two records.

    Two records are a begin and an end even if the meter assigned the user anew for the end.
    """
    if len(members) <= _ENDS_OF_ONE_SESSION:
        return [members]
    sessions: dict[str | None, list[Member]] = {}
    for member in members:
        sessions.setdefault(member.record.assigned_at, []).append(member)
    return list(sessions.values())


_ENDS_OF_ONE_SESSION = 2


def _closed(members: list[Member]) -> Group:
    return Group(_made_id(members), tuple(members), declared=False)


def _declared_groups(transaction_id: str, members: list[Member]) -> list[Group]:
    """One container id normally is one transaction; a file that repeats an id over complete sessions is not."""
    complete = [member for member in members if _roles(member.record) == (True, True)]
    if len(complete) == len(members):
        # A CDR may carry the one record of its session both as Start and as End: still one session.
        distinct = {member.record.identity: member for member in reversed(members)}
        return [Group(transaction_id, (member,), declared=True) for member in reversed(distinct.values())]
    if len(members) == 1 and not _is_transactional(members[0].record):
        return []
    return [
        Group(transaction_id, tuple(members), declared=len(members) > 1 or members[0].context is not None)
    ]
