"""BSM_WS36A: what is signed, what is shown, and that nothing around it can say anything else."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht import locales
from eichrecht.evidence import ClockStatus, Document, ReadingRole, Severity, SignedRecord, Verdict
from eichrecht.formats import registry
from eichrecht.formats._bsm_codes import BsmCode, event_flags
from eichrecht.formats.base import Surroundings
from eichrecht.formats.bsm_ws36a import BsmWs36aFormat
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.verification import Verifier
from sample_meters._bsm_meter import CURRENT, END, START, TURN_OFF, TURN_ON, BsmMeter
from sample_meters._chargeit import Json, changed, document
from sample_meters.bsm_ws36a import COUNT, FIRST, LAST, begin, cases, end, session
from sample_meters.meter import SampleCase

FORMAT = BsmWs36aFormat()
CASES = {case.name: case for case in cases()}


def decoded(content: Json | bytes, **claims: str) -> SignedRecord:
    text = content if isinstance(content, bytes) else document(content)
    return FORMAT.decode_in(text, Surroundings(claims=tuple(claims.items())))


def codes(findings: Any) -> list[str]:
    return [finding.code for finding in findings]


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


# --- metadata


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contract-id: rfid:1a2b", ("rfid", "1a2b")),
        ("contract-id: 1a2b", (None, "1a2b")),
        ("contract-id:rfid:1a2b", ("rfid", "1a2b")),
        ("contract-id: DE-ABC-C12345678-X", (None, "DE-ABC-C12345678-X")),
        ("contract-id: a:b:c", ("a", "b:c")),
        ("contract-id:", (None, None)),
        ("Contract-id: x", (None, None)),
        ("demo data 1", (None, None)),
    ],
)
def test_the_contract_is_read_from_the_metadata(text: str, expected: tuple[str | None, str | None]) -> None:
    value = begin(Meta1=text)
    value.pop("contract", None)
    identification = decoded(value).identification
    assert (identification.type, identification.data) == expected


def test_no_contract_signed_is_not_hidden() -> None:
    value = begin(Meta1="")
    assert decoded(value).identification.assigned is None
    assert decoded(value).contradictions == ()


@pytest.mark.parametrize(
    ("claimed", "signed", "good"),
    [
        ("v1.2.34", "v1.2.34", True),
        ("v1.2.34-20240101", "v1.2.34", True),
        (" v1.2.34 ", "v1.2.34", True),
        ("v1.2.345", "v1.2.34", False),
        ("v1.2.3", "v1.2.34", False),
        ("v9", "unknown", True),
    ],
)
def test_the_controller_version_warns_only(claimed: str, signed: str, good: bool) -> None:
    record = decoded(begin(Meta3=f"csc-sw-version: {signed}"), controller_version=claimed)
    assert codes(record.findings) == ([] if good else [BsmCode.CONTROLLER_DIFFERS])
    assert all(finding.severity is Severity.WARNING for finding in record.findings)


@pytest.mark.parametrize("claimed", ["DE*SMP*E0000001*1", "DESMPE00000011", "de*smp*e0000001*1 "])
def test_spellings_of_one_evse_id_are_the_same(claimed: str) -> None:
    assert decoded(begin(), evse_id=claimed).contradictions == ()


def test_two_signed_charge_points_decide_nothing() -> None:
    record = decoded(begin(Meta3="evse-id: DE*SMP*E2"), evse_id="DE*SMP*E3")
    assert record.charge_point == (None, None)
    assert codes(record.findings) == [BsmCode.TAG_REPEATED]
    same = decoded(begin(Meta3="evse-id: DE*SMP*E0000001*1"))
    assert (same.charge_point[0], same.findings) == ("DE*SMP*E0000001*1", ())


# --- the event word


def test_every_bit_of_the_event_word_is_named() -> None:
    errors = {bit for bit in range(32) if event_flags(1 << bit)[0].severity is Severity.ERROR}
    assert errors == {6, 7, 15, 16, 17, 18, 19}
    assert event_flags(0) == ()
    assert len(event_flags(2**32 - 1)) == 13
    assert all(flag.severity is not Severity.NOTE for flag in event_flags(2**32 - 1))
    (flag,) = event_flags(1 << 4)
    assert flag.code == BsmCode.EVENT_LOW_POWER_FACTOR
    assert decoded(begin(Evt=0x10)).readings[0].status_word == "00000010"


# --- finding and errors


def test_no_other_format_takes_the_record_for_its_own() -> None:
    text = document(begin())
    assert [span.format for span in registry.recognise(text)] == ["BSM_WS36A"]
    alone = Verifier().verify_record(text)
    assert (alone.format, alone.verdict) == ("BSM_WS36A", Verdict.VALID)


def test_a_record_is_found_by_its_context() -> None:
    text = document(begin())
    for before, after in ((b"", b""), (b" \r\n\t", b"\n"), (b"\xef\xbb\xbf", b"")):
        (span,) = FORMAT.find(before + text + after)
        assert (span.start, span.end) == (len(before), len(before) + len(text))
        assert (span.format, span.reason) == ("BSM_WS36A", "bsm_context")
        assert FORMAT.decode(before + text + after).raw == text


def test_slashes_may_be_escaped() -> None:
    text = document(begin()).replace(b"/", b"\\/")
    assert [span.format for span in registry.recognise(text)] == ["BSM_WS36A"]
    assert FORMAT.decode(text).signed_bytes == decoded(begin()).signed_bytes


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[]",
        b'{"@context": 1}',
        b'{"@context": "bsm-ws36a-json-v1"}',
        b'{"x": "https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v1"}',
        b'["https://www.chargeit-mobility.com/contexts/bsm-ws36a-json-v1"]',
    ],
)
def test_other_content_is_not_found(content: bytes) -> None:
    assert FORMAT.find(content) == ()
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(content)


def test_text_around_a_record_is_no_record() -> None:
    text = document(begin())
    assert FORMAT.find(text + b"x") == FORMAT.find(b"x" + text) == FORMAT.find(text + text) == ()
    with pytest.raises(FormatError):
        FORMAT.decode(text + text)


@pytest.mark.parametrize("version", ["2", "10", "x", ""])
def test_an_unknown_version_is_not_guessed(version: str) -> None:
    value = begin()
    value["@context"] = value["@context"][:-1] + version
    with pytest.raises(MalformedRecordError) as caught:
        decoded(value)
    assert caught.value.code == "bsm_context_unknown"


@pytest.mark.parametrize("host", ["www.lichtblick.de", "www.eneco.com", "www.chargeit-mobility.com"])
def test_the_three_hosts(host: str) -> None:
    value = begin()
    value["@context"] = f"https://{host}/contexts/bsm-ws36a-json-v0"
    assert decoded(value).version == "0"
    value["@context"] = f"https://{host}.example.org/contexts/bsm-ws36a-json-v0"
    with pytest.raises(MalformedRecordError):
        decoded(value)


def test_size_and_depth_are_bounded() -> None:
    with pytest.raises(LimitExceededError):
        decoded({**begin(), "operatorInfo": "x" * 300_000})
    deep = document(begin())[:-2] + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert FORMAT.find(deep) == ()
    with pytest.raises(LimitExceededError):
        FORMAT.decode(deep)


@pytest.mark.parametrize(
    "entries", [None, {}, [], "x", [1], [{}], [{"measurand": {"name": 1}}], [{}] * 100_000]
)
def test_additional_values_that_are_none(entries: Any) -> None:
    value = {**begin(), "additionalValues": entries}
    with pytest.raises(FormatError):
        decoded(value)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def paths(value: Any, path: str = "") -> list[str]:
    found = [path] if path else []
    if isinstance(value, dict | list):
        steps = value.items() if isinstance(value, dict) else enumerate(value)
        found += [
            inner for name, child in steps for inner in paths(child, f"{path}/{name}" if path else f"{name}")
        ]
    return found


PATHS = paths(begin())


@given(st.sampled_from(PATHS), JSON_VALUES, st.booleans())
def test_nothing_but_a_format_error_is_raised(path: str, value: Any, remove: bool) -> None:
    place = "@".join(path.split("@"))
    content = changed(begin(), place, None if remove or value is None else value)
    text = json.dumps(content).encode("utf-8", "surrogatepass")
    try:
        record = decoded(text, evse_id="x", meter_id="y", controller_version="z")
        findings = [*record.findings, *record.contradictions, *FORMAT.compare([record, decoded(end())])]
    except FormatError as error:
        findings = [error.finding()]
    for finding in findings:
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)


@given(st.binary(max_size=60), st.integers(0, 4_000))
def test_broken_bytes_raise_nothing_else(noise: bytes, place: int) -> None:
    text = document(begin())
    broken = text[:place] + noise + text[place + len(noise) :]
    assert all(span.end <= len(broken) for span in FORMAT.find(broken))
    try:
        decoded(broken)
    except FormatError:
        return


@pytest.mark.parametrize(
    "content",
    [
        b"bsm-ws36a-json-" * 100_000,
        b'{"@context":"bsm-ws36a-json-' + b"\\" * 1_000_001,
        b'{"bsm-ws36a-json-":' + b"{" * 1_000_000,
        b"{" + b'"bsm-ws36a-json-":1,' * 100_000 + b"}",
    ],
)
def test_finding_takes_linear_time(content: bytes) -> None:
    assert FORMAT.find(content) == ()
