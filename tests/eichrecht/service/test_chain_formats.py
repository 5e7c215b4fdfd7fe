"""Sessions of every format through the whole chain: verified, priced, reconciled, with their signed data."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from eichrecht.billing.build import Outcome
from eichrecht.billing.clock import ends_in_zone
from eichrecht.containers import unwrap
from eichrecht.evidence import Billable, Document, Reading, ReadingRole, TransactionVerdict, Verdict
from eichrecht.formats import registry
from eichrecht.service.operator import operator_key
from eichrecht.store.states import CdrState
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from ocpi.objects.cdr import Cdr
from ocpi.transport import json
from ocpi.versions import V2_2_1
from sample_meters.cases import SampleCase, all_cases
from tests.hostile.hostile_support import EVSE, START, World, in_world


@cache
def a_session_of(name: str) -> tuple[SampleCase, str, Decimal, str | None]:
    """A valid sample that is one whole session, its key, its energy and the EVSE id that it signs."""
    for case in all_cases():
        if case.format != name or case.expected_verdict != "valid":
            continue
        parts = unwrap(Document("d", case.content), registry.recognise).parts
        keys = [SuppliedKey(case.public_key_text, "k")] if case.public_key_text else []
        verdict = Verifier(keys=keys).verify(Document("d", case.content))
        records = [entry.record for entry in verdict.records if entry.record is not None]
        (energy, *more) = [t.energy_kwh for t in verdict.transactions] or [None]
        if more or not energy or verdict.verdict is not Verdict.VALID:
            continue
        texts = [case.public_key_text, *(part.key_text for part in parts)]
        texts += [key.text for part in parts for key in part.beside_keys]
        texts += [record.embedded_key for record in records]
        key_text = next(text for text in texts if text)
        evse = next((point for point, kind in (r.charge_point for r in records) if kind == "EVSEID"), None)
        return case, key_text, energy, evse
    raise AssertionError(f"no whole session of {name}")


NOT_CARRIED = {
    "BSM_WS36A": "one snapshot takes more than the 5000 characters that OCPI has for a signed value",
    "CHARGEPOINT_SECRRCT": "the signature is a file of its own; merged or in a CTR it could be carried",
}
"""Formats whose CDR is held, and says so: what it would carry could not be checked again."""


@pytest.mark.parametrize("name", sorted(registry.formats().keys() - NOT_CARRIED.keys()))
def test_a_session_becomes_a_cdr_that_can_be_checked_again(tmp_path: Path, name: str) -> None:
    case, key_text, energy_kwh, evse = a_session_of(name)

    async def honest(world: World) -> None:
        async with world.database.transaction() as tx:
            await tx.keys.add(operator_key(evse or EVSE, key_text, None, ""), START - timedelta(days=4000))
        taken = await world.take("S1", case.content, evse_id=evse or EVSE)
        assert (taken.outcome, taken.cdr is not None) == (Outcome.READY, True), taken.findings
        assert taken.cdr is not None
        assert taken.cdr.state is CdrState.READY
        cdr = V2_2_1.load(Cdr, json.loads(taken.cdr.body))
        assert cdr.total_energy == energy_kwh
        assert cdr.signed_data is not None
        # What the eMSP and the driver get is enough to check it again, without our database.
        again = Verifier(keys=[SuppliedKey(key_text, "station")]).verify(Document("cdr", taken.cdr.body))
        assert again.verdict is Verdict.VALID, again.findings
        assert [t.energy_kwh for t in again.transactions] == [energy_kwh]
        twice = await world.take("S2", case.content, evse_id=evse or EVSE)
        assert {str(f.code) for f in twice.findings if f.severity == "error"} == {"record_already_billed"}

    in_world(tmp_path, honest)


@pytest.mark.parametrize("name", sorted(NOT_CARRIED))
def test_what_ocpi_cannot_carry_is_held(tmp_path: Path, name: str) -> None:
    case, key_text, _, evse = a_session_of(name)

    async def honest(world: World) -> None:
        async with world.database.transaction() as tx:
            await tx.keys.add(operator_key(evse or EVSE, key_text, None, ""), START - timedelta(days=4000))
        taken = await world.take("S1", case.content, evse_id=evse or EVSE)
        assert taken.cdr is not None
        assert taken.cdr.state is CdrState.HELD
        assert {str(f.code) for f in taken.findings if f.severity == "error"} == {"cdr_unbuildable"}

    in_world(tmp_path, honest)


BERLIN = ZoneInfo("Europe/Berlin")


def local_session(begin: str, end: str, duration_s: int | None) -> TransactionVerdict:
    first = Reading(0, "/0", ReadingRole.BEGIN, time_text=begin)
    last = replace(first, index=1, role=ReadingRole.END, time_text=end)
    counted = None if duration_s is None else Decimal(duration_s)
    return TransactionVerdict(
        "t", Verdict.VALID, (0,), Decimal(1), counted, Billable(True, False), begin=first, end=last
    )


@pytest.mark.parametrize(
    ("begin", "end", "duration_s", "utc"),
    [
        ("2026-07-01T10:00:00", "2026-07-01T11:00:00", None, ("08:00", "09:00")),
        ("2026-01-15T10:00:00", "2026-01-15T11:00:00", None, ("09:00", "10:00")),
        # 25 October 2026: 02:00 to 03:00 happens twice.
        ("2026-10-25T02:30:00", "2026-10-25T02:45:00", 900, ("00:30", "00:45")),
        ("2026-10-25T02:30:00", "2026-10-25T02:45:00", 4500, ("00:30", "01:45")),
        ("2026-10-25T02:45:00", "2026-10-25T02:15:00", None, ("00:45", "01:15")),
        ("2026-10-25T01:30:00", "2026-10-25T03:30:00", 10800, ("23:30", "02:30")),
    ],
)
def test_local_times_are_read_in_the_zone_of_the_location(
    begin: str, end: str, duration_s: int | None, utc: tuple[str, str]
) -> None:
    ends = ends_in_zone(local_session(begin, end, duration_s), BERLIN)
    assert ends is not None
    assert tuple(f"{moment.astimezone(UTC):%H:%M}" for moment in ends) == utc


def test_a_session_without_any_time_has_no_place() -> None:
    nothing = local_session("2026-07-01T10:00:00", "", None)
    assert ends_in_zone(nothing, BERLIN) is None
    timed = replace(nothing, end=replace(nothing.end, time=datetime(2026, 7, 1, 9, tzinfo=UTC)))  # type: ignore[type-var]
    assert ends_in_zone(timed, BERLIN) is not None
