"""PCDF records: fields, flags, signed bytes, framing and line ends, what is unsigned, and hostile input."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.evidence import ClockStatus, Document, DocumentVerdict, ReadingRole, SignedRecord, Verdict
from eichrecht.formats._lines import MAX_BROKEN
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.formats.pcdf import MAX_RECORD_BYTES, PcdfFormat
from eichrecht.formats.registry import recognise
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.pcdf import END, START, PcdfMeter

FORMAT = PcdfFormat()
RECORD = PcdfMeter().session()


def verify(content: bytes, key: str | None = None, profile: Profile = Profile.STRICT) -> DocumentVerdict:
    keys = [SuppliedKey(key, "test")] if key else []
    return Verifier(profile=profile, keys=keys).verify(Document("test", content))


def codes(record: SignedRecord) -> dict[str, str]:
    return {finding.code: finding.severity.value for finding in (*record.findings, *record.contradictions)}


def session(**fields: str | None) -> bytes:
    return PcdfMeter(fields=fields).session()


def decoded(**fields: str | None) -> SignedRecord:
    return FORMAT.decode(session(**fields))


def test_every_field_is_read() -> None:
    record = FORMAT.decode(RECORD)
    begin, end = record.readings
    assert (record.format, record.version, record.raw) == ("PCDF", None, RECORD)
    assert (record.meter.serial, record.meter.firmware) == ("SAMPLE00011", "5a3e91c0")
    assert record.meter.model == "PES DCMeter EU"
    assert record.embedded_key == PcdfMeter().public_key_text()
    assert record.pagination is not None
    assert (record.pagination.number, record.session) == (118, "tx-00118")
    assert (record.identification.data, record.identification.type) == ("04A1B2C3D4E580", "RFID")
    assert (begin.role, begin.energy_kwh, begin.time_text) == (
        ReadingRole.BEGIN,
        Decimal(0),
        "2024-09-03T07:14:55",
    )
    assert (end.role, end.value, str(end.energy_kwh), end.unit) == (
        ReadingRole.END,
        "0031.480",
        "31.480",
        "kWh",
    )
    assert (end.time_text, end.time, end.time_status) == (
        "2024-09-03T07:53:16",
        None,
        ClockStatus.INFORMATIVE,
    )
    assert (begin.seconds_index, end.seconds_index) == (0, 2301)
    assert (end.status_word, end.status_flags, begin.obis) == ("TV:1 BV:1 SP:1", (), "128.8.0")
    assert codes(record) == {}
    assert record.unambiguous


def test_the_signed_text_ends_before_the_signature() -> None:
    """Checked with another library, over bytes cut out here."""
    record = FORMAT.decode(RECORD)
    signed = RECORD[: RECORD.index(b"(SG:")]
    assert record.signed_bytes == signed
    assert record.signature.value is not None
    assert (record.signature.algorithm, record.signature.native) == ("ECDSA-secp256r1-SHA256", "der")
    point = bytes.fromhex(PcdfMeter().public_key_text())
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    key.verify(record.signature.value, signed, ec.ECDSA(SHA256()))


def test_the_transaction() -> None:
    (transaction,) = verify(RECORD).transactions
    assert (transaction.verdict, transaction.id) == (Verdict.VALID, "SAMPLE00011/118")
    assert (str(transaction.energy_kwh), transaction.duration_s) == ("31.480", Decimal(2301))
    assert (transaction.billable.energy, transaction.billable.duration) == (True, False)


@pytest.mark.parametrize(
    ("fields", "code", "severity", "verdict"),
    [
        ({"BV": "0"}, "status_forbids_billing", "error", Verdict.INVALID),
        ({"BV": "2"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"BV": ""}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SP": "0"}, "pcdf_stop_missing", "error", Verdict.INDETERMINATE),
        ({"SP": "x"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SP": "0", "BV": "0"}, "status_forbids_billing", "error", Verdict.INVALID),
        ({"TV": "0"}, "pcdf_time_not_valid", "warning", Verdict.VALID),
        ({"TV": "yes"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"RV": "9999.999*Wh"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"RV": "0003,276*kWh"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"RV": "-003.276*kWh"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"RV": "1e300000*kWh"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"RV": "٠٠٠٣.٢٧٦*kWh"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"ST": "240230070000"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"ST": "180101070000"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"CT": "24090307531"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"CT": "240903076016"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"CD": "006000"}, "pcdf_field_malformed", "warning", Verdict.VALID),
        ({"CD": "003800"}, "pcdf_duration_differs", "warning", Verdict.VALID),
        ({"CSC": "-1"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SI": "id*1"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SI": "a*b*1*tx"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SI": "*1*tx"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SI": "a*12*tx"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SI": "a\u202e*1*tx"}, "pcdf_field_malformed", "error", Verdict.INDETERMINATE),
        ({"SI": "id*9*tx"}, "pcdf_user_type_unknown", "warning", Verdict.VALID),
        ({"CS": "5a3e91c"}, "pcdf_field_malformed", "warning", Verdict.VALID),
        ({"HW": "SAMPLE0001"}, "pcdf_field_malformed", "warning", Verdict.VALID),
        ({"DT": "17"}, "pcdf_meter_type_unknown", "note", Verdict.VALID),
        ({"DT": "?"}, "pcdf_field_malformed", "warning", Verdict.VALID),
        ({"XX": "1"}, "pcdf_fields_unknown", "note", Verdict.VALID),
        ({"CT": "240903061455", "CD": "010000"}, "clock_set_back", "warning", Verdict.VALID),
        ({"CT": "240903061454", "CD": "010000"}, "time_decreases", "error", Verdict.INVALID),
    ],
)
def test_each_field_is_checked(fields: dict[str, Any], code: str, severity: str, verdict: Verdict) -> None:
    found = verify(session(**fields))
    (record,) = found.records
    assert record.signature.status == "valid", "the meter signed it: only what it says is wrong"
    assert (code, severity) in {(finding.code, finding.severity.value) for finding in record.findings}
    assert (record.verdict, found.verdict) == (verdict, verdict)
    assert all(t.billable.energy is (verdict is Verdict.VALID) for t in found.transactions)


@pytest.mark.parametrize(
    "name", ["ST", "CT", "CD", "TV", "BV", "CSC", "SP", "RV", "SI", "CS", "HW", "DT", "PK"]
)
def test_no_field_may_be_missing(name: str) -> None:
    content = session(**{name: None})
    record = FORMAT.decode(content)
    missing = [f.params["field"] for f in record.findings if f.code == "pcdf_field_missing"]
    assert missing == [name]
    found = verify(content, PcdfMeter().public_key_text())
    assert found.records[0].signature.status == "valid"
    assert found.verdict is not Verdict.VALID
    assert not any(t.billable.energy for t in found.transactions)


def test_an_order_of_its_own_changes_nothing_but_is_reported() -> None:
    text = RECORD[: RECORD.index(b"(SG:")].decode()
    moved = text.replace("(TV:1)", "").replace("(PK:", "(TV:1)(PK:")
    record = FORMAT.decode(PcdfMeter().sign(moved))
    assert codes(record) == {"pcdf_field_order": "warning"}
    assert record.readings == FORMAT.decode(RECORD).readings


def test_a_field_twice_is_read_differently_by_different_readers() -> None:
    record = decoded(SI="x)(RV:0000.001*kWh)(SI:x*1*tx")
    assert codes(record)["pcdf_field_repeated"] == "error"
    assert not record.unambiguous
    assert verify(session(SI="x)(RV:0000.001*kWh)(SI:x*1*tx")).verdict is Verdict.INDETERMINATE


def test_a_signature_field_inside_a_value_ends_the_signed_text() -> None:
    """The user's id closes the record: what the meter signed does not fit what a reader would take for it."""
    injected = session(SI="x*1*tx)(SG:3006020101020101")
    record = FORMAT.decode(injected)
    assert record.signed_bytes.endswith(b"(SI:x*1*tx)")
    assert verify(injected).verdict is not Verdict.VALID
    assert verify(injected, PcdfMeter().public_key_text()).verdict is Verdict.INVALID


def test_what_follows_the_signature_is_signed_by_nobody() -> None:
    same = FORMAT.decode(RECORD + b"(BV:1)")
    assert codes(same) == {"pcdf_field_after_signature": "warning"}
    for added in (b"(RV:0131.480*kWh)", b"(BV:1)(RV:0131.480*kWh)", b"\n(X\r\n:1)", b"(SG:30)"):
        record = FORMAT.decode(RECORD + added)
        assert "pcdf_field_after_signature_contradicts" in codes(record)
        assert record.readings == FORMAT.decode(RECORD).readings
        verdict = verify(RECORD + added)
        assert verdict.records[0].signature.status == "valid"
        assert verdict.verdict is Verdict.INVALID


def test_many_fields_behind_the_signature_hide_none() -> None:
    names = [f"{first}{second}" for first in "ABCDEFGHIJ" for second in "KLMNOPQR"]
    noise: dict[str, str | None] = dict.fromkeys(names, "1")
    content = PcdfMeter(fields=noise).session() + "".join(f"({name}:1)" for name in names).encode()
    record = FORMAT.decode(content + b"(RV:0131.480*kWh)")
    assert [finding.code for finding in record.contradictions] == ["pcdf_field_after_signature_contradicts"]
    assert len(record.findings) < 50
    assert verify(content + b"(RV:0131.480*kWh)").verdict is Verdict.INVALID


@pytest.mark.parametrize(
    "frame",
    [
        (b"", b""),
        (b"\x02", b"\x03"),
        (b"\\u0002", b"\\u0003"),
        (b"\x02", b""),
        (b"", b"\x03"),
        (b"\r\n \x02\n", b"\r\n\x03\n"),
        (b'"', b'"'),
    ],
)
def test_framing(frame: tuple[bytes, bytes]) -> None:
    content = frame[0] + RECORD + frame[1]
    (span,) = FORMAT.find(content)
    assert span.reason == "pcdf_fields"
    record = FORMAT.decode(content[span.start : span.end])
    assert record.signed_bytes == FORMAT.decode(RECORD).signed_bytes
    verdict = verify(content)
    assert verdict.verdict is Verdict.VALID
    assert not verdict.findings, "a frame is no text around the record"


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("width", [9, 16, 60, 76, 290, 300])
def test_line_ends_are_taken_out(end: bytes, width: int) -> None:
    head, tail = RECORD[:8], RECORD[8:]
    wrapped = head + end.join(tail[place : place + width] for place in range(0, len(tail), width))
    (span,) = FORMAT.find(wrapped)
    assert (span.start, span.end) == (0, len(wrapped))
    record = FORMAT.decode(wrapped)
    assert record.signed_bytes == RECORD[: RECORD.index(b"(SG:")]
    assert codes(record) == {"pcdf_lines_joined": "note"}
    assert verify(wrapped).verdict is Verdict.VALID


def test_other_white_space_is_part_of_the_signed_text() -> None:
    assert verify(RECORD.replace(b"(CT:", b"(CT: ")).verdict is Verdict.INVALID
    assert verify(RECORD.replace(b")(CT:", b") (CT:")).verdict is Verdict.INDETERMINATE


def test_a_json_string_with_its_frame_escaped() -> None:
    content = json.dumps({"signedMeterData": f"\x02{RECORD.decode()}\x03", "encodingMethod": "PCDF"}).encode()
    verdict = verify(content)
    assert (verdict.verdict, verdict.records[0].format) == (Verdict.VALID, "PCDF")


def test_two_sessions_in_one_file() -> None:
    meter = PcdfMeter()
    first, second = meter.session(), meter.session(Decimal("2.500"), END, END + (END - START))
    for between in (b"\n", b"", b"\x03\x02", b"\\u0003\\u0002", b"; "):
        content = first + between + second
        verdict = verify(content)
        assert [t.records for t in verdict.transactions] == [(0,), (1,)]
        assert [str(t.energy_kwh) for t in verdict.transactions] == ["31.480", "2.500"]
        assert verdict.verdict is Verdict.VALID
        assert list(recognise(content)) == list(FORMAT.find(content))


def test_the_signed_key_field_against_a_given_key() -> None:
    stranger = PcdfMeter("stranger").public_key_text()
    wrong = verify(RECORD, stranger)
    assert (wrong.verdict, wrong.records[0].signature.reason) == (Verdict.INVALID, "wrong_key")
    claims_other = session(PK=stranger)
    assert verify(claims_other).verdict is Verdict.INVALID, "its own key does not fit"
    given = verify(claims_other, PcdfMeter().public_key_text())
    assert "keys_disagree" in {finding.code for finding in given.records[0].findings}
    official = verify(claims_other, PcdfMeter().public_key_text(), Profile.SAFE_1_4_1)
    assert official.verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"BV": "0"}, "error.pcdf.validation.billing.invalid"),
        ({"SP": "0"}, "error.pcdf.validation.stoptime.invalid"),
        ({"TV": "2"}, "error.pcdf.validation.time.validity.invalid"),
        ({"RV": None}, "error.pcdf.validation.data.missing"),
        ({"HW": "1"}, "error.pcdf.validation.hardware.serial.length"),
        ({"ST": "1"}, "error.pcdf.validation.time.invalid"),
    ],
)
def test_what_the_official_reader_refuses(fields: dict[str, Any], key: str) -> None:
    assert key in decoded(**fields).official_refusals
    verdict = verify(session(**fields), profile=Profile.SAFE_1_4_1)
    assert verdict.verdict is Verdict.INDETERMINATE
    assert key in {f.params.get("official_key") for f in verdict.records[0].findings}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (RECORD[: RECORD.index(b"(SG:")], "pcdf_signature_missing"),
        (RECORD[:60], "pcdf_fields_malformed"),
        (RECORD[:-1], "pcdf_fields_malformed"),
        (b"128.8.0(", "pcdf_fields_malformed"),
        (b"128.8.0((ST:1)", "pcdf_fields_malformed"),
        (b"128.8.0(ST:200501162017)\x03", "pcdf_signature_missing"),
        (b"128.8.0(SI:\xff)(SG:30)", "pcdf_not_utf8"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, code: str) -> None:
    with pytest.raises(MalformedRecordError) as caught:
        FORMAT.decode(content)
    assert caught.value.code == code
    assert verify(content).verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize(
    "content", [b"", b"128.8.0", b"(RV:0003.276*kWh)", b"1128.8.0(A:1)", b"1-0:1.128.8.0(A:1)"]
)
def test_what_is_no_record_at_all(content: bytes) -> None:
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(content)
    assert FORMAT.find(content) == []


def test_an_endless_record_is_refused() -> None:
    with pytest.raises(LimitExceededError):
        FORMAT.decode(session(SI="x" * MAX_RECORD_BYTES))
    with pytest.raises(LimitExceededError):
        FORMAT.decode(b"128.8.0(ST:" + b"1" * MAX_RECORD_BYTES)


def test_a_signature_that_is_no_hexadecimal_cannot_be_checked() -> None:
    for bad in (b"(SG:)", b"(SG:3)", b"(SG:30zz)", b"(SG: 3006)"):
        content = RECORD[: RECORD.index(b"(SG:")] + bad
        record = FORMAT.decode(content)
        assert record.signature.value is None
        assert codes(record)["pcdf_signature_unreadable"] == "error"
        assert verify(content).records[0].signature.status == "unverified"


def test_a_damaged_record_does_not_hide_the_next() -> None:
    for cut in (
        RECORD.index(b"(TV:") + 3,
        RECORD.index(b"PK:") + 3,
        RECORD.index(b"(SG:"),
        RECORD.index(b"SG:") + 3,
    ):
        spans = FORMAT.find(RECORD[:cut] + RECORD)
        assert [span.reason for span in spans] == ["pcdf_incomplete", "pcdf_fields"]
        assert spans[1].start == cut


@pytest.mark.parametrize(
    "unit",
    [
        b"128.8.0(",
        b"128.8.0(A:",
        b"128.8.0(A:1)",
        b"128.8.0(A:1)(",
        b"(A:1)",
        b"128.8.0\n(A\n:\n1)\n",
        b"128.8.0(SG:",
        b"\\u0002",
        RECORD[:-1],
        RECORD,
    ],
)
def test_search_is_linear(unit: bytes) -> None:
    """A megabyte of the worst there is: with quadratic work this test would run for hours."""
    for head in (b"", b"128.8.0(A:1)(SG:30)"):
        content = head + unit * ((1 << 20) // len(unit))
        spans = FORMAT.find(content)
        ends = [0, *(span.end for span in spans)]
        assert all(span.end > span.start >= end for span, end in zip(spans, ends, strict=False))
        assert sum(span.reason == "pcdf_incomplete" for span in spans) <= MAX_BROKEN + 1
        if len(spans) > MAX_BROKEN:
            assert spans[-1].end == len(content), "what was not looked at is a record that cannot be read"


@given(st.binary(max_size=300), st.integers(min_value=0, max_value=len(RECORD)))
def test_decode_raises_nothing_but_its_own_errors(tail: bytes, cut: int) -> None:
    for content in (tail, b"128.8.0(" + tail, RECORD[:cut] + tail, RECORD[:cut] + tail + RECORD[cut:]):
        for span in FORMAT.find(content):
            part = content[span.start : span.end]
            try:
                record = FORMAT.decode(part)
            except FormatError:
                continue
            assert record.signed_bytes.startswith(b"128.8.0(")
            assert b"(SG:" not in record.signed_bytes


@given(
    st.dictionaries(st.sampled_from(["ST", "CT", "CD", "RV", "SI", "CSC", "DT", "BV"]), st.text(max_size=40))
)
def test_any_values_are_read_or_reported(fields: dict[str, str]) -> None:
    row = "".join(f"({name}:{value})" for name, value in fields.items())
    try:
        record = FORMAT.decode(f"128.8.0{row}(PK:04)(SG:3000)".encode("utf-8", "replace"))
    except FormatError:
        return
    assert codes(record).get("pcdf_field_missing") == "error"
    assert all(reading.energy_kwh is None or reading.energy_kwh >= 0 for reading in record.readings)
