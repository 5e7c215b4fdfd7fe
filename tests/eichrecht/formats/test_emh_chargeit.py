"""EMH_CHARGEIT: the 320 bytes rebuilt from JSON, and everything shown read back from them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht import locales
from eichrecht.evidence import ClockStatus, Document, ReadingRole, SignedRecord, Verdict
from eichrecht.formats import registry
from eichrecht.formats.base import Surroundings
from eichrecht.formats.emh_chargeit import EmhChargeItFormat, EmhCode
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.verification import Verifier
from sample_meters._chargeit import Json, changed, document, old_container
from sample_meters.emh_chargeit import FIRST, LAST, EmhMeter, begin, cases, end
from sample_meters.meter import SampleCase

FORMAT = EmhChargeItFormat()
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
    return set(codes(found))


def test_everything_shown_comes_from_the_signed_bytes() -> None:
    record = decoded(end())
    assert (record.meter.serial, record.meter.firmware, record.meter.model) == (
        "0901454D480000F00D01",
        None,
        None,
    )
    assert record.identification.data == "04A1B2C3"
    assert record.identification.type is None
    assert record.pagination is not None
    assert record.pagination.number == 19
    assert record.charge_point == (None, None)
    (reading,) = record.readings
    assert (reading.role, reading.value, reading.unit) == (ReadingRole.UNKNOWN, "18971.6", "Wh")
    assert (str(reading.energy_kwh), reading.obis) == ("18.9716", "0100011100FF")
    assert (reading.time, reading.time_text) == (None, "2024-01-01T12:00:00")
    assert reading.time_status is ClockStatus.INFORMATIVE
    assert (reading.event_counter, reading.status_word, reading.seconds_index) == (
        6,
        "08",
        LAST - 1_700_000_000,
    )
    assert record.session
    assert len(record.signed_bytes) == 320
    assert record.contradictions == record.findings == ()


def test_where_each_field_is_signed() -> None:
    signed = decoded(begin(status=0x41, log_book="ABCD", contract="Ab1", scale=-2)).signed_bytes
    moment = (FIRST + 3_600).to_bytes(4, "little")
    assert signed[:10] == bytes.fromhex("0901454D480000F00D01")
    assert signed[10:14] == moment
    assert signed[14] == 0x41
    assert signed[15:19] == (FIRST - 1_700_000_000).to_bytes(4, "little")
    assert signed[19:23] == bytes([18, 0, 0, 0])
    assert signed[23:31] == bytes.fromhex("0100011100FF 1E FE")
    assert signed[31:39] == (66_260).to_bytes(8, "little")
    assert signed[39:41] == bytes.fromhex("ABCD")
    assert signed[41:169] == b"Ab1".ljust(128, b"\0")
    assert signed[169:173] == moment
    assert not any(signed[173:])


def test_only_the_local_time_is_signed_and_shown() -> None:
    """The three numbers that a time is written in can be moved against each other; their sum cannot."""
    one = begin()
    moved = {"timestamp": FIRST - 3_600, "localOffset": 60, "seasonOffset": 60}
    other = changed(one, "measuredValue/timestampLocal", moved)
    assert decoded(one).signed_bytes == decoded(other).signed_bytes
    assert decoded(one).readings == decoded(other).readings
    for offset in (841, -841):
        shifted = {"timestamp": FIRST + 60 * (60 - offset), "localOffset": offset, "seasonOffset": 0}
        record = decoded(changed(one, "measuredValue/timestampLocal", shifted))
        assert record.signed_bytes == decoded(one).signed_bytes
        assert codes(record.findings) == [EmhCode.OFFSET_IMPLAUSIBLE]


EXPECTED = {
    "forged-unit": EmhCode.LABEL_CONTRADICTS,
    "forged-type": EmhCode.LABEL_CONTRADICTS,
    "forged-container-meter": EmhCode.METER_CONTRADICTS,
    "other-transaction": "chargeit_statement_changes",
    "session-number-equal": "pagination_not_increasing",
    "session-number-falls": "pagination_not_increasing",
    "session-value-falls": "value_decreases",
    "session-log-book": "event_counter_differs",
    "session-contract": "session_differs",
    "session-other-meter": "meter_differs",
    "session-other-key": "chargeit_key_changes",
    "session-status-error": "edl40_status_error",
    "session-status-magnet": "edl40_status_magnetic_field",
    "session-swapped": "value_decreases",
    "unit-not-energy": "edl40_unit_not_watt_hour",
    "scale-impossible": "edl40_scaler_implausible",
}


@pytest.mark.parametrize("name", EXPECTED)
def test_each_case_is_found_by_its_own_check(name: str) -> None:
    assert EXPECTED[name] in all_codes(CASES[f"emh-chargeit-{name}"])


def test_every_session_case_is_in_the_table() -> None:
    names = {name.removeprefix("emh-chargeit-") for name in CASES}
    assert {name for name in names if name.startswith(("session-", "forged-"))} <= EXPECTED.keys()
    assert EXPECTED.keys() <= names


def test_values_of_two_transactions_are_undecided_already_by_themselves() -> None:
    values = [begin(), changed(end(), "transactionId", None)]
    verdict = Verifier().verify(Document("x", document(old_container(values))))
    assert verdict.verdict is Verdict.INDETERMINATE
    assert all("chargeit_transactions_differ" in codes(record.findings) for record in verdict.records)


SIGNED_MEMBERS = [
    "meterInfo/meterId",
    "measuredValue/timestampLocal/timestamp",
    "measuredValue/timestampLocal/localOffset",
    "measuredValue/timestampLocal/seasonOffset",
    "measuredValue/value",
    "measuredValue/scale",
    "measuredValue/unitEncoded",
    "measurand/id",
    "additionalInfo/status",
    "additionalInfo/indexes/timer",
    "additionalInfo/indexes/logBook",
    "contract/id",
    "contract/timestampLocal/timestamp",
    "contract/timestampLocal/localOffset",
    "contract/timestampLocal/seasonOffset",
]


@pytest.mark.parametrize("path", SIGNED_MEMBERS)
def test_a_missing_signed_member_is_named(path: str) -> None:
    with pytest.raises(MalformedRecordError) as caught:
        decoded(changed(begin(), path, None))
    assert (caught.value.code, caught.value.where) == ("chargeit_member_missing", f"/{path}")


@pytest.mark.parametrize("path", SIGNED_MEMBERS)
@pytest.mark.parametrize("value", [True, [], {}, "zz", 10**30, -(10**30), ""])
def test_a_signed_member_that_cannot_be_signed_is_named(path: str, value: Any) -> None:
    if path == "contract/id" and isinstance(value, str):
        assert decoded(changed(begin(), path, value)).identification.data == (value or None)
        return
    with pytest.raises(MalformedRecordError) as caught:
        decoded(changed(begin(), path, value))
    assert (caught.value.code, caught.value.where) == ("chargeit_member_malformed", f"/{path}")


@pytest.mark.parametrize("text", ["1.0", "+1", "1e3", " 1", "--1", "-", "١", str(10**19), str(2**63)])
def test_a_register_value_is_a_whole_number_of_64_bits(text: str) -> None:
    with pytest.raises(MalformedRecordError):
        decoded(changed(begin(), "measuredValue/value", text))


def test_the_ends_of_the_numbers_fit() -> None:
    assert decoded(begin(register=2**63 - 1)).readings[0].value == "922337203685477580.7"
    assert decoded(changed(begin(), "measuredValue/value", str(-(2**63)))).readings[0].value is not None
    for timestamp, offset in ((2**32 - 1, 1), (0, -1)):
        time = {"timestamp": timestamp, "localOffset": offset, "seasonOffset": 0}
        with pytest.raises(MalformedRecordError):
            decoded(changed(begin(), "measuredValue/timestampLocal", time))
    with pytest.raises(MalformedRecordError):
        decoded(changed(begin(), "contract/id", "x" * 129))


def test_the_key_is_told_by_its_length_not_by_its_first_byte() -> None:
    """X may begin with 04 itself (containers.md §3.4); about one key in 256 does."""
    label = next(
        f"emh-{number}"
        for number in range(5_000)
        if EmhMeter(label=f"emh-{number}").key.text("raw-xy-hex").startswith("04")
    )
    meter = EmhMeter(label=label)
    for value in (begin(meter), changed(begin(meter), "meterInfo/publicKey", meter.key.text("point-hex"))):
        assert Verifier().verify(Document("x", document(value))).verdict is Verdict.VALID


@pytest.mark.parametrize("bits", range(8))
def test_every_status_bit_is_named(bits: int) -> None:
    (flag,) = decoded(begin(status=1 << bits)).readings[0].status_flags
    assert flag.severity == ("error" if bits in (0, 6) else "warning" if bits == 5 else "note")


# --- finding and errors


def test_no_other_format_takes_the_record_for_its_own() -> None:
    text = document(begin())
    assert [span.format for span in registry.recognise(text)] == ["EMH_CHARGEIT"]
    alone = Verifier().verify_record(text)
    assert (alone.format, alone.verdict) == ("EMH_CHARGEIT", Verdict.VALID)


def test_a_value_is_found_by_its_members() -> None:
    text = document(begin())
    for before, after in ((b"", b""), (b" \n", b"\r\n"), (b"\xef\xbb\xbf", b"")):
        (span,) = FORMAT.find(before + text + after)
        assert (span.start, span.end, span.reason) == (len(before), len(before) + len(text), "emh_members")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b'"measuredValue"',
        b'{"measuredValue": {}}',
        b'{"measuredValue": {}, "measurementId": ""}',
        b'{"measuredValue": {}, "measurementId": "", "measurand": {}, "@context": "x"}',
        b'[{"measuredValue": {}, "measurementId": "", "measurand": {}}]',
    ],
)
def test_other_content_is_not_found(content: bytes) -> None:
    assert FORMAT.find(content) == ()
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(content)


def test_size_is_bounded() -> None:
    with pytest.raises(LimitExceededError):
        decoded({**begin(), "transactionId": "x" * 300_000})


def test_a_truncated_value_is_no_json() -> None:
    with pytest.raises(MalformedRecordError) as caught:
        decoded(document(begin())[:-3])
    assert caught.value.code == "chargeit_record_not_json"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PATHS = [*SIGNED_MEMBERS, "meterInfo", "measuredValue", "contract", "signature", "measurementId", "measurand"]


@given(st.sampled_from(PATHS), JSON_VALUES)
def test_nothing_but_a_format_error_is_raised(path: str, value: Any) -> None:
    text = json.dumps(changed(begin(), path, value)).encode("utf-8", "surrogatepass")
    try:
        record = decoded(text, meter_id="x")
        findings = [*record.findings, *record.contradictions, *FORMAT.compare([record, decoded(end())])]
    except FormatError as error:
        findings = [error.finding()]
    for finding in findings:
        assert all(locales.sentence(finding, language) for language in locales.LANGUAGES)


@given(st.binary(max_size=40), st.integers(0, 1_500))
def test_broken_bytes_raise_nothing_else(noise: bytes, place: int) -> None:
    text = document(begin())
    broken = text[:place] + noise + text[place + len(noise) :]
    assert all(span.end <= len(broken) for span in FORMAT.find(broken))
    try:
        decoded(broken)
    except FormatError:
        return
