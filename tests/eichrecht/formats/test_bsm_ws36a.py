"""BSM_WS36A: what is signed, what is shown, and that nothing around it can say anything else."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from eichrecht import locales
from eichrecht.evidence import ClockStatus, Document, ReadingRole, Verdict
from eichrecht.formats._bsm_codes import BsmCode
from eichrecht.formats.errors import MalformedRecordError
from eichrecht.verification import Verifier
from sample_meters._bsm_meter import CURRENT, END, START, TURN_OFF, TURN_ON, BsmMeter
from sample_meters._chargeit import Json, changed, document
from sample_meters.bsm_ws36a import COUNT, FIRST, LAST, begin, cases, end, session
from sample_meters.meter import SampleCase
from tests.eichrecht.formats.bsm_ws36a_support import FORMAT, codes, decoded

CASES = {case.name: case for case in cases()}


def all_codes(case: SampleCase) -> set[str]:
    verdict = Verifier().verify(Document(case.name, case.content))
    found = [*verdict.findings, *(finding for record in verdict.records for finding in record.findings)]
    found += [finding for transaction in verdict.transactions for finding in transaction.findings]
    for finding in found:
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)
    return set(codes(found))


def test_everything_shown_comes_from_the_signed_values() -> None:
    record = decoded(end())
    assert (record.meter.serial, record.meter.vendor, record.meter.model, record.meter.firmware) == (
        "001BZR0000000001",
        None,
        None,
        None,
    )
    assert record.charge_point == ("DE*SMP*E0000001*1", "EVSEID")
    assert (record.identification.type, record.identification.data) == ("rfid", "1a2b3c4d")
    assert record.pagination is not None
    assert (record.pagination.number, record.version, record.format) == (COUNT + 1, "1", "BSM_WS36A")
    rcr, total = record.readings
    assert (rcr.role, rcr.reason, rcr.value, rcr.unit) == (ReadingRole.END, "TURN_OFF", "12340", "Wh")
    assert (str(rcr.energy_kwh), rcr.obis) == ("12.34", "1-0:1.8.0*198")
    assert (total.role, str(total.energy_kwh), total.obis) == (ReadingRole.FISCAL, "102.34", "1-0:1.8.0*255")
    assert (rcr.time_text, rcr.time_status) == ("2024-01-01T12:00:00+01:00", ClockStatus.INFORMATIVE)
    assert rcr.time is not None
    assert rcr.time.timestamp() == LAST
    assert rcr.seconds_index == LAST - 1_700_000_000
    assert record.contradictions == record.findings == ()


@pytest.mark.parametrize(
    ("kind", "role"),
    [
        (CURRENT, ReadingRole.INTERMEDIATE),
        (TURN_ON, ReadingRole.BEGIN),
        (TURN_OFF, ReadingRole.END),
        (START, ReadingRole.BEGIN),
        (END, ReadingRole.END),
        (7, ReadingRole.UNKNOWN),
    ],
)
def test_the_type_is_signed_and_says_which_end_it_is(kind: int, role: ReadingRole) -> None:
    record = decoded(begin(kind=kind))
    assert record.readings[0].role is role
    assert (BsmCode.TYPE_UNKNOWN in codes(record.findings)) is (role is ReadingRole.UNKNOWN)


def test_scales_keep_the_digits() -> None:
    for scale, value, kwh in ((0, "1234", "1.234"), (1, "12340", "12.34"), (-2, "12.34", "0.01234")):
        reading = decoded(end(RCR_scale=scale)).readings[0]
        assert (reading.value, str(reading.energy_kwh)) == (value, kwh)


def test_a_clock_that_was_never_set_says_so() -> None:
    record = decoded(begin(EpochSetCnt=0))
    assert record.readings[0].time_status is ClockStatus.UNKNOWN
    assert codes(record.findings) == [BsmCode.CLOCK_NEVER_SET]


# --- forged, but signed: each forgery is found by its own check


FORGERIES = {
    "value": BsmCode.VALUE_CONTRADICTS,
    "measured-value": BsmCode.VALUE_CONTRADICTS,
    "measurement-id": BsmCode.NUMBER_CONTRADICTS,
    "record-id": BsmCode.NUMBER_CONTRADICTS,
    "meter-id": BsmCode.METER_CONTRADICTS,
    "container-meter": BsmCode.METER_CONTRADICTS,
    "time-start": BsmCode.TIME_CONTRADICTS,
    "time-end": BsmCode.TIME_CONTRADICTS,
    "time-zone": BsmCode.TIME_CONTRADICTS,
    "time-text": BsmCode.TIME_CONTRADICTS,
    "user-id": BsmCode.CONTRACT_CONTRADICTS,
    "user-type": BsmCode.CONTRACT_CONTRADICTS,
    "type-swallows-id": BsmCode.CONTRACT_CONTRADICTS,
    "contract-not-signed": BsmCode.CONTRACT_NOT_SIGNED,
    "evse": BsmCode.EVSE_CONTRADICTS,
    "evse-station": BsmCode.EVSE_CONTRADICTS,
    "value-scale": BsmCode.LABEL_CONTRADICTS,
    "value-scale-missing": BsmCode.LABEL_CONTRADICTS,
    "value-unit": BsmCode.LABEL_CONTRADICTS,
    "value-unit-code": BsmCode.LABEL_CONTRADICTS,
    "value-type": BsmCode.LABEL_CONTRADICTS,
    "value-name": BsmCode.LABEL_CONTRADICTS,
    "value-obis": BsmCode.LABEL_CONTRADICTS,
    "entry-unit": BsmCode.LABEL_CONTRADICTS,
    "entry-type": BsmCode.LABEL_CONTRADICTS,
    "entry-obis": BsmCode.LABEL_CONTRADICTS,
    "text-unit": BsmCode.LABEL_CONTRADICTS,
    "names-swapped": "signature_mismatch",
    "costs": "billed_energy_not_signed",
}


@pytest.mark.parametrize("name", FORGERIES)
def test_each_forgery_is_found_by_its_own_check(name: str) -> None:
    found = all_codes(CASES[f"bsm-forged-{name}"])
    assert FORGERIES[name] in found
    assert name == "names-swapped" or not (set(BsmCode) & found) - {FORGERIES[name]}


def test_every_forged_case_is_in_the_table() -> None:
    assert {name.removeprefix("bsm-forged-") for name in CASES if "-forged-" in name} == FORGERIES.keys()


SESSIONS = {
    "gap": BsmCode.SNAPSHOT_MISSING,
    "backwards": "pagination_not_increasing",
    "clock-set": BsmCode.CLOCK_WAS_SET,
    "clock-set-at": BsmCode.CLOCK_WAS_SET,
    "seconds-equal": BsmCode.SECONDS_NOT_INCREASING,
    "time-equal": BsmCode.TIME_NOT_INCREASING,
    "controller": BsmCode.CONTROLLER_CHANGES,
    "contract": "identification_differs",
    "evse": "charge_point_differs",
    "value-falls": "value_decreases",
    "other-meter": "meter_differs",
    "other-key": "chargeit_key_changes",
    "other-version": "chargeit_statement_changes",
    "firmware": "chargeit_statement_changes",
    "event-missing-sensor": BsmCode.EVENT_MISSING_SENSOR,
    "event-fatal": BsmCode.EVENT_METER_FATAL,
    "event-module": BsmCode.EVENT_MODULE_INIT,
    "event-firmware": BsmCode.EVENT_FIRMWARE_HASH,
    "event-development": BsmCode.EVENT_DEVELOPMENT,
}


@pytest.mark.parametrize("name", SESSIONS)
def test_each_session_that_is_none_is_found_by_its_own_check(name: str) -> None:
    assert SESSIONS[name] in all_codes(CASES[f"bsm-session-{name}"])


def test_every_session_case_is_in_the_table() -> None:
    assert {name.removeprefix("bsm-session-") for name in CASES if "-session-" in name} == SESSIONS.keys()


def test_snapshots_of_one_session_are_compared_in_the_order_of_their_making() -> None:
    """Whatever order the file has: types and counters are signed."""
    middle = BsmMeter().snapshot(CURRENT, COUNT + 1, 600, FIRST + 1_800)
    records = [decoded(value) for value in (begin(), middle, end(count=COUNT + 2))]
    assert FORMAT.compare(records) == ()
    assert codes(FORMAT.compare([records[0], records[2]])) == [BsmCode.SNAPSHOT_MISSING]
    values = session()
    turned = {**values, "signedMeterValues": values["signedMeterValues"][::-1]}
    verdict = Verifier().verify(Document("turned", document(turned)))
    assert verdict.verdict is Verdict.VALID
    assert "context_contradicts_record" in codes(verdict.transactions[0].findings)
    assert verdict.transactions[0].energy_kwh == Decimal("12.34")


# --- texts: their encoding is not signed


def test_an_unsigned_encoding_does_not_decide_what_is_shown() -> None:
    """The octets of "ü" in UTF-8 are "Ã¼" in ISO 8859-1: both records have the same signature."""
    one = begin(Meta1="contract-id: rfid:MÃ¼ller")
    other = json.loads(json.dumps(one).replace("M\\u00c3\\u00bcller", "Müller"))
    entry = other["additionalValues"][13]["measuredValue"]
    entry["valueEncoding"] = "UTF-8"
    assert entry["value"] == "contract-id: rfid:Müller"
    first, second = decoded(one), decoded(other)
    assert first.signed_bytes == second.signed_bytes
    assert first.signature == second.signature
    assert first.identification == second.identification
    assert second.identification.data == "Müller"
    assert (codes(first.findings), codes(second.findings)) == ([BsmCode.TEXT_ENCODING_OPEN], [])
    assert codes(first.contradictions) == [BsmCode.CONTRACT_CONTRADICTS]


@pytest.mark.parametrize(
    ("text", "encoding", "octets"),
    [
        ("ä", "ISO-8859-1", b"\xe4"),
        ("ä", "iso-8859-1", b"\xe4"),
        ("ä", None, b"\xe4"),
        ("ä", "UTF-8", b"\xc3\xa4"),
        ("€", None, b"\xe2\x82\xac"),
        ("a", "EBCDIC", b"a"),
        ("", None, b""),
        (None, None, b""),
    ],
)
def test_texts_are_encoded_as_stated(text: str | None, encoding: str | None, octets: bytes) -> None:
    measured: Json = {"valueType": "String"}
    measured |= {} if text is None else {"value": text}
    measured |= {} if encoding is None else {"valueEncoding": encoding}
    record = decoded(changed(begin(), "additionalValues/14/measuredValue", measured))
    third = b"csc-sw-version: v1.2.34"
    tail = len(third).to_bytes(4, "big") + third + bytes.fromhex("0000000000ff")
    assert record.signed_bytes.endswith(len(octets).to_bytes(4, "big") + octets + tail)


@pytest.mark.parametrize(("text", "encoding"), [("€", "ISO-8859-1"), ("ä", "EBCDIC"), ("ä", "")])
def test_a_text_that_its_encoding_lacks_cannot_be_signed(text: str, encoding: str) -> None:
    measured = {"valueType": "String", "value": text, "valueEncoding": encoding}
    with pytest.raises(MalformedRecordError) as caught:
        decoded(changed(begin(), "additionalValues/14/measuredValue", measured))
    assert (caught.value.code, caught.value.params) == ("bsm_text_not_encodable", {"entry": "Meta2"})


# --- entries


def test_the_order_of_the_array_changes_nothing() -> None:
    value = begin()
    value["additionalValues"].reverse()
    record = decoded(value)
    assert record.signed_bytes == decoded(begin()).signed_bytes
    assert [reading.energy_kwh for reading in record.readings] == [
        reading.energy_kwh for reading in decoded(begin()).readings
    ]
    assert codes(record.findings) == [BsmCode.ENTRY_ORDER]


@pytest.mark.parametrize("index", range(17))
def test_every_entry_is_needed_once(index: int) -> None:
    value = begin()
    name = value["additionalValues"][index]["measurand"]["name"]
    with pytest.raises(MalformedRecordError) as missing:
        decoded(changed(value, f"additionalValues/{index}", None))
    assert (missing.value.code, missing.value.params) == ("bsm_entry_missing", {"entry": name})
    value["additionalValues"].append(value["additionalValues"][index])
    with pytest.raises(MalformedRecordError) as twice:
        decoded(value)
    assert (twice.value.code, twice.value.where) == ("bsm_entry_repeated", "/additionalValues/17")


@pytest.mark.parametrize("number", [-1, 2**32, "1", 1.5, True, None, [], {}])
def test_what_is_no_number_of_32_bits_cannot_be_signed(number: Any) -> None:
    value = begin()
    value["additionalValues"][1]["measuredValue"]["value"] = number
    with pytest.raises(MalformedRecordError) as caught:
        decoded(value)
    assert (caught.value.code, caught.value.where) == ("bsm_entry_malformed", "/additionalValues/1")


@pytest.mark.parametrize(("member", "value"), [("scale", 128), ("scale", "0"), ("unitEncoded", 256)])
def test_scale_and_unit_code_fit_their_byte(member: str, value: Any) -> None:
    with pytest.raises(MalformedRecordError):
        decoded(changed(begin(), f"additionalValues/1/measuredValue/{member}", value))


def test_signed_and_unsigned_numbers_of_the_same_octets_are_not_mixed_up() -> None:
    """W and TZO may be negative; for the others -1 would have the octets of 4294967295."""
    assert decoded(begin(W=-5)).signed_bytes[18:24] == bytes.fromhex("fffffffb011b")
    for index, value in ((3, 2**31), (8, 2**31), (5, -1)):
        with pytest.raises(MalformedRecordError):
            decoded(changed(begin(), f"additionalValues/{index}/measuredValue/value", value))


def test_the_first_layout_of_the_field_is_read() -> None:
    """Version 0: texts without value are empty, they carry a unit code, minutes are called MINUTE."""
    value = begin(BsmMeter(version=0), Meta1="", Meta2="", Meta3="")
    for index in (13, 14, 15):
        value["additionalValues"][index]["measuredValue"] = {"unitEncoded": 255, "valueType": "String"}
    value["additionalValues"][8]["measuredValue"]["unit"] = "MINUTE"
    record = decoded(value)
    assert (record.version, record.contradictions, record.findings) == ("0", (), ())
    assert record.signed_bytes == decoded(begin(Meta1="", Meta2="", Meta3="")).signed_bytes
