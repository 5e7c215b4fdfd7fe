"""Every BSM_WS36A and EMH_CHARGEIT entry of the shared vectors, in both profiles."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from eichrecht.evidence import Document, SignatureStatus, Verdict
from eichrecht.formats._bsm_snapshot import read_snapshot
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load, verify

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

FORMATS = {"BSM_WS36A", "EMH_CHARGEIT"}
RECORDS = [entry for entry in load("records.json") if entry["format"] in FORMATS]
FILES = [entry for entry in load("files.json") if entry["format"] in FORMATS]

# The sessions as a person reads them: kWh, seconds, first and last time as it is shown.
SESSIONS = {
    "chargeIT-chargeIT-Testdata-02-chargy": ("0.6484", 1332, "2019-01-08T16:27:50", "2019-01-08T16:50:02"),
    "chargeIT-Testdatensatz-01-chargy": ("0.1067", 813, "2019-04-02T07:00:19", "2019-04-02T07:13:52"),
    "chargeIT-new-container-format-bsm-ws36a-good-new-style-header-json": (
        "0.010", 36, "2021-11-30T12:38:47+01:00", "2021-11-30T12:39:23+01:00",
    ),
    "chargeIT2-20211021-230838-portal-json": (
        "0.010", 38, "2021-10-21T23:08:07+02:00", "2021-10-21T23:08:45+02:00",
    ),
    "data-ev-charging-chargy-json": ("0.15", 324, "2022-07-08T10:00:28+02:00", "2022-07-08T10:05:52+02:00"),
}  # fmt: skip

SIGNATURE = {"valid": SignatureStatus.VALID, "invalid": SignatureStatus.INVALID}


def test_the_vectors_are_all_there() -> None:
    assert len(RECORDS) >= 12
    assert len(FILES) >= 8
    assert {entry["id"] for entry in FILES if set(entry["values"]) == {"valid"}} == SESSIONS.keys()


@pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry["id"])
def test_each_record_gets_its_verdict(entry: Entry) -> None:
    """``expect`` covers the signature and, for BSM, the cross-checks; ``signature`` the signature alone."""
    verdict = Verifier().verify(Document(entry["id"], (SHARED / entry["file"]).read_bytes()))
    (record,) = verdict.records
    assert record.format == entry["format"]
    assert record.verdict is VERDICT[entry["expect"]]
    assert record.signature.status is SIGNATURE[entry.get("signature", entry["expect"])]
    errors = [finding for finding in record.findings if finding.severity == "error"]
    assert bool(errors) is (record.verdict is not Verdict.VALID)


@pytest.mark.parametrize("entry", RECORDS, ids=lambda entry: entry["id"])
def test_the_key_that_the_vector_names_is_the_one_in_the_record(entry: Entry) -> None:
    assert verify(entry, Profile.STRICT).records[0].verdict is VERDICT[entry["expect"]]


@pytest.mark.parametrize("entry", FILES, ids=lambda entry: entry["id"])
def test_each_file_gives_its_values_their_verdicts(entry: Entry) -> None:
    verdict = verify(entry, Profile.STRICT)
    assert [record.verdict for record in verdict.records] == [VERDICT[value] for value in entry["values"]]
    assert {record.format for record in verdict.records} == {entry["format"]}
    assert verdict.verdict is Verdict.worst([VERDICT[value] for value in entry["values"]])
    (transaction,) = verdict.transactions
    assert transaction.verdict is verdict.verdict
    assert transaction.billable.energy is (verdict.verdict is Verdict.VALID)
    assert not transaction.billable.duration


@pytest.mark.parametrize("entry", [e for e in FILES if e["id"] in SESSIONS], ids=lambda entry: entry["id"])
def test_the_sessions_are_read_as_a_person_reads_them(entry: Entry) -> None:
    (transaction,) = verify(entry, Profile.STRICT).transactions
    energy, seconds, first, last = SESSIONS[entry["id"]]
    assert transaction.begin is not None
    assert transaction.end is not None
    assert (f"{transaction.energy_kwh:f}", transaction.duration_s) == (energy, seconds)
    assert (transaction.begin.time_text, transaction.end.time_text) == (first, last)


@pytest.mark.parametrize("entry", [*RECORDS, *FILES], ids=lambda entry: entry["id"])
def test_the_official_program_knows_none_of_them(entry: Entry) -> None:
    verdict = verify(entry, Profile.SAFE_1_4_1)
    assert verdict.verdict is Verdict.INDETERMINATE
    assert {record.verdict for record in verdict.records} == {Verdict.INDETERMINATE}


def flattened(value: Any, path: str = "") -> list[str]:
    if isinstance(value, dict):
        return [found for name, inner in value.items() for found in flattened(inner, f"{path}/{name}")]
    if isinstance(value, list):
        return [found for index, inner in enumerate(value) for found in flattened(inner, f"{path}/{index}")]
    return [path]


UNPROVEN = re.compile(
    r"/@id|/@context|/chargingStationInfo/\w+|(?:/placeInfo|/chargePointInfo)/evseId"
    r"|/signedMeterValues/\d+/(?:value|additionalValues/\d+)/displayedFormat/\w+"
    r"|/signedMeterValues/\d+/additionalValues/\d+/measuredValue/valueEncoding"
)
"""Statements of real BSM files that nothing signs and nobody is shown: the container's own (its EVSE id where the meter
signed none), display hints, and the encoding of a text that is ASCII."""


def change(value: Any, path: str) -> Any:
    made = json.loads(json.dumps(value, default=str))
    place = made
    *way, last = [int(part) if part.isdigit() else part for part in path[1:].split("/")]
    for part in way:
        place = place[part]
    old = place[last]
    place[last] = old + 1 if isinstance(old, int) else f"{old[:-1]}{'8' if old[-1:] == '7' else '7'}"
    return made


@pytest.mark.parametrize(
    "entry",
    [e for e in FILES if e["id"] in SESSIONS and e["format"] == "BSM_WS36A"],
    ids=lambda entry: entry["id"],
)
def test_no_statement_of_a_real_file_can_be_changed_unseen(entry: Entry) -> None:
    """Every leaf of the values, one after the other: whatever is not harmless by name makes the session fail."""
    content = json.loads((SHARED / entry["file"]).read_bytes())
    shown = [r.record.readings for r in verify(entry, Profile.STRICT).records if r.record]
    unseen = set()
    for path in flattened(content):
        if "/geoLocation/" in path or "/address/" in path:
            continue
        verdict = Verifier().verify(Document("changed", json.dumps(change(content, path)).encode()))
        if verdict.verdict is Verdict.VALID:
            unseen.add(path)
            assert [r.record.readings for r in verdict.records if r.record] == shown
    assert unseen
    assert [path for path in sorted(unseen) if not UNPROVEN.fullmatch(path)] == []
    signs_evse = b'"evse-id: DE' in (SHARED / entry["file"]).read_bytes()
    assert any("evseId" in path for path in unseen) is not signs_evse


def test_the_layout_of_the_signed_bytes() -> None:
    """13 numbers of 6 bytes and 4 texts with their lengths (containers.md §2.3), of a real snapshot."""
    path = SHARED / "files" / "other" / "bsm-python__examples_data_ev-charging-chargy.json"
    value = json.loads(path.read_bytes(), parse_int=str.encode)["signedMeterValues"][0]
    texts = ["001BZR1521070006", "contract-id: rfid:12345678abcdef", "evse-id: DE*BDO*E8025334492*2"]
    texts.append("csc-sw-version: v1.2.34")
    typ, rcr, total, power = "0000000100ff", "00000000011e", "00002700011e", "00000000011b"
    count, seconds, epoch, zone = "000010b400ff", "0007ec4b0007", f"{1657267228:08x}0007", "000000780006"
    set_count, set_at, inputs, outputs = "00000c4300ff", "0007ec330007", "0000000100ff", "0000000000ff"
    octets = [f"{len(text):08x}" + text.encode().hex() for text in texts]
    parts = [
        typ,
        rcr,
        total,
        power,
        octets[0],
        count,
        seconds,
        epoch,
        zone,
        set_count,
        set_at,
        inputs,
        outputs,
    ]
    parts += [*octets[1:], "0000000000ff"]
    assert read_snapshot(value).signed_bytes.hex() == "".join(parts)
