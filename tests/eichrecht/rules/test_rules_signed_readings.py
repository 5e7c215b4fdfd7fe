"""Records that hold several readings signed one by one: their numbers, and what makes two of them the same."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from eichrecht.evidence import (
    Device,
    Identification,
    OfficialCheck,
    Pagination,
    Reading,
    ReadingRole,
    SignatureClaim,
    SignedPiece,
    SignedRecord,
    Traits,
    Verdict,
)
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.profiles import Profile
from eichrecht.verification.pairing import Member, group_members

CLAIM = SignatureClaim("ECDSA-secp192r1-SHA256", None, b"\1" * 48, "hex", native="raw")


def reading(role: ReadingRole, place: int, number: int | None) -> Reading:
    kwh = f"{10 + place}.0"
    return Reading(
        0, f"/{role}", role, value=kwh, unit="kWh", energy_kwh=Decimal(kwh), obis="0100011100FF",
        time_text=f"2025-01-01T10:00:0{place}", seconds_index=number, record_number=number,
    )  # fmt: skip


def session(*numbers: int | None, end: bytes = b"end") -> SignedRecord:
    roles = [ReadingRole.BEGIN, *[ReadingRole.INTERMEDIATE] * (len(numbers) - 2), ReadingRole.END]
    readings = tuple(
        reading(role, place, number) for place, (role, number) in enumerate(zip(roles, numbers, strict=True))
    )
    return SignedRecord(
        "X", None, b"raw", b"begin", CLAIM, Device(serial="M1"), Device(), (None, None), Identification(data="U"),
        Pagination("", numbers[0] or 0), readings, more_signatures=(SignedPiece("end", end, CLAIM),),
        traits=Traits(roles_signed=False, official=(OfficialCheck.PAGINATION, OfficialCheck.METER)), session="s",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("numbers", "good"),
    [
        ((1, 2), True),
        ((1, 9), True),
        ((1, 2, 3), True),
        ((2, 2), False),
        ((3, 2), False),
        ((1, 1, 2), False),
        ((1, 3, 2), False),
        ((None, None), True),
    ],
)
def test_numbers_of_signed_readings_increase(numbers: tuple[int | None, ...], good: bool) -> None:
    judgement = judge_transaction([session(*numbers)], Profile.STRICT)
    errors = {finding.code for finding in judgement.findings if finding.severity == "error"}
    assert errors == (set() if good else {"pagination_not_increasing"})
    assert judgement.verdict is (Verdict.VALID if good else Verdict.INVALID)
    assert judge_record(session(*numbers), Profile.STRICT).verdict is judgement.verdict


@pytest.mark.parametrize(
    ("numbers", "good"), [((1, 2), True), ((2, 2), False), ((3, 2), False), ((None, None), True)]
)
def test_the_official_program_compares_them_too(numbers: tuple[int | None, ...], good: bool) -> None:
    judgement = judge_transaction([session(*numbers)], Profile.SAFE_1_4_1)
    keys = [finding.params["official_key"] for finding in judgement.findings]
    assert keys == ([] if good else ["app.verify.law.conform.pagination.wrong"])


def test_two_records_are_the_same_only_if_everything_signed_is() -> None:
    first, same, other = session(1, 2), replace(session(1, 2), raw=b"elsewhere"), session(1, 3, end=b"other")
    assert first.signed_bytes == other.signed_bytes
    assert first.identity == same.identity != other.identity
    assert replace(first, more_signatures=()).identity == b"begin"
    members = [Member(index, record, None, None) for index, record in enumerate((first, same, other))]
    (group,) = group_members(members)
    # The copy is dropped; the one that shares only its begin stays, and the session cannot be billed twice.
    assert [member.index for member in group.members] == [0, 2]
    judgement = judge_transaction([member.record for member in group.members], Profile.STRICT)
    assert judgement.verdict is not Verdict.VALID
    assert not judgement.billable.energy
