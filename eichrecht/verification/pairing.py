"""Putting records together into charging transactions.

A container may say which records belong together (S.A.F.E. ``transactionId``, one OCPI CDR). Otherwise begin and
end records of the same meter and the same identification are paired in the order in which they stand, as a
station writes them. A begin without an end stays a transaction of its own and is called incomplete.
"""

from __future__ import annotations

from collections.abc import Sequence
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
    return any(reading.role not in {ReadingRole.FISCAL, ReadingRole.UNKNOWN} for reading in record.readings)


def _made_id(members: Sequence[Member]) -> str:
    record = members[0].record
    device = record.meter.serial or record.gateway.serial or record.charge_point[0] or "?"
    pages = [m.record.pagination for m in members if m.record.pagination is not None]
    if not pages:
        return f"{device}/#{members[0].index}"
    first, last = f"{pages[0].context}{pages[0].number}", f"{pages[-1].context}{pages[-1].number}"
    return f"{device}/{first}" if first == last else f"{device}/{first}-{last}"


def _identity(record: SignedRecord) -> tuple[str | None, ...]:
    return (record.format, record.meter.serial, record.gateway.serial, record.charge_point[0],
            record.identification.data)  # fmt: skip


def group_members(members: Sequence[Member]) -> tuple[Group, ...]:
    """Group records into transactions; see the module's text. Linear in the number of records."""
    groups: list[Group] = []
    declared: dict[str, list[Member]] = {}
    for member in members:
        if member.transaction_id is not None:
            declared.setdefault(member.transaction_id, []).append(member)
    open_groups: dict[tuple[str | None, ...], list[Member]] = {}
    for member in members:
        if member.transaction_id is not None:
            continue
        if not _is_transactional(member.record):
            continue
        begins, ends = _roles(member.record)
        identity = _identity(member.record)
        if begins and ends:
            groups.append(Group(_made_id([member]), (member,), declared=False))
            continue
        if begins and identity in open_groups:
            groups.append(_closed(open_groups.pop(identity)))
        open_groups.setdefault(identity, []).append(member)
        if ends:
            groups.append(_closed(open_groups.pop(identity)))
    groups.extend(_closed(rest) for rest in open_groups.values())
    for transaction_id, group in declared.items():
        groups.extend(_declared_groups(transaction_id, group))
    groups.sort(key=lambda group: group.members[0].index)
    return tuple(groups)


def _closed(members: list[Member]) -> Group:
    return Group(_made_id(members), tuple(members), declared=False)


def _declared_groups(transaction_id: str, members: list[Member]) -> list[Group]:
    """One container id normally is one transaction; a file that repeats an id over complete sessions is not."""
    complete = [member for member in members if _roles(member.record) == (True, True)]
    if len(complete) == len(members):
        return [Group(transaction_id, (member,), declared=True) for member in members]
    if len(members) == 1 and not _is_transactional(members[0].record):
        return []
    return [Group(transaction_id, tuple(members), declared=len(members) > 1 or members[0].context is not None)]
