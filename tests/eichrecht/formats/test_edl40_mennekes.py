"""EDL_40_MENNEKES: layout, what is shown and what is not, errors, hostile input."""

from __future__ import annotations

import struct
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.evidence import ReadingRole, SignedRecord
from eichrecht.formats import registry
from eichrecht.formats._mennekes_xml import MAX_RECORD_BYTES, MennekesErrorCode
from eichrecht.formats.base import Surroundings
from eichrecht.formats.edl40_mennekes import NAME, Edl40MennekesFormat, MennekesCode
from eichrecht.formats.errors import (
    FormatError,
    LimitExceededError,
    MalformedRecordError,
    NotThisFormatError,
)
from sample_meters.edl40_mennekes import BEGIN, IDENTIFIED, NAMESPACE, START, STATION, STOP

FORMAT = Edl40MennekesFormat()
PLAIN = STATION.process(START, STOP)


def decode(text: str) -> SignedRecord:
    return FORMAT.decode(text.encode())


def codes(record: SignedRecord) -> set[str]:
    return {str(finding.code) for finding in (*record.findings, *record.contradictions)}


def error_of(text: str | bytes) -> FormatError:
    with pytest.raises(FormatError) as caught:
        FORMAT.decode(text if isinstance(text, bytes) else text.encode())
    return caught.value


def test_the_two_buffers_hold_every_field_at_its_place() -> None:
    record = decode(PLAIN)
    (piece,) = record.more_signatures
    assert (piece.name, len(piece.signed_bytes)) == ("MeasurementEnd", 320)
    (serial, local, status, seconds, page, obis, unit, scaler, value, log, contract, identified) = (
        struct.unpack_from("<10sIBII6sBbq2s128sI", record.signed_bytes)
    )
    assert serial.hex().upper() == STATION.serial
    assert local == int((BEGIN - BEGIN.replace(1970, 1, 1, 0, 0, 0)).total_seconds())
    assert (status, seconds, page) == (0x88, START.seconds, START.page)
    assert (obis.hex(), unit, scaler, value) == ("0100011100ff", 30, -1, START.value)
    assert int.from_bytes(log, "big") == START.counter
    assert contract == bytes.fromhex(STATION.customer).ljust(128, b"\0")
    assert identified == local - 8
    assert not any(record.signed_bytes[173:])
    assert struct.unpack_from("<q", piece.signed_bytes, 31) == (STOP.value,)
    assert struct.unpack_from("<I", piece.signed_bytes, 19) == (STOP.page,)


def test_what_is_shown_is_what_is_signed() -> None:
    record = decode(PLAIN)
    begin, end = record.readings
    assert (begin.role, end.role) == (ReadingRole.BEGIN, ReadingRole.END)
    assert (begin.energy_kwh, end.energy_kwh) == (Decimal("24.8490"), Decimal("25.3495"))
    assert str(begin.energy_kwh) == "24.8490"
    assert (begin.value, begin.unit, begin.obis) == ("24849.0", "Wh", "0100011100FF")
    assert (begin.time, begin.time_text) == (None, BEGIN.isoformat())
    assert (begin.record_number, end.record_number) == (START.page, STOP.page)
    assert (begin.event_counter, begin.status_word, begin.seconds_index) == (377, "88", START.seconds)
    assert (begin.index, end.index) == (0, 1)
    assert record.meter.serial == STATION.serial
    assert record.identification.data == STATION.customer
    assert record.charge_point == (None, None)
    assert (record.gateway.serial, record.tariff_text) == (None, None)
    assert record.session == f"{STATION.customer.lower()}@{IDENTIFIED.isoformat()}"
    assert record.embedded_key == STATION.public_key_text()
    assert record.raw == PLAIN.encode()


def test_the_offset_of_a_time_is_not_signed_and_changes_nothing() -> None:
    there = decode(PLAIN.replace("+02:00", "-11:30"))
    assert (there.signed_bytes, there.readings) == (decode(PLAIN).signed_bytes, decode(PLAIN).readings)
    utc = decode(PLAIN.replace("+02:00", "Z"))
    assert utc.signed_bytes == there.signed_bytes
    without = decode(PLAIN.replace("+02:00", ""))
    assert without.signed_bytes == there.signed_bytes
    assert "error.sml.mennekes.no.timestamp" in without.official_refusals
    assert utc.official_refusals == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace("<ChargingProcess>", f'<ChargingProcess xmlns="{NAMESPACE}">'),
        lambda text: '<?xml version="1.0"?>\n<!-- <Value>1</Value> -->' + text,
        lambda text: text.replace("<Value>248490<", "<Value> 0248490\n<"),
        lambda text: text.replace("<Value>248490<", "<Value>2484&#57;0<"),
        lambda text: text.replace("<Value>248490<", "<Value><![CDATA[248490]]><"),
        lambda text: text.replace("<Value>248490<", "<Value><!-- 1 -->248490<"),
        lambda text: text.replace("<Value>", "<x:Value>").replace("</Value>", "</x:Value>"),
        lambda text: text.replace("<SiteAddress>", '<SiteAddress xsi:nil="false">'),
        lambda text: text.replace("04A1B2C3D4E580", "04a1 b2c3 d4e580"),
        lambda text: text.replace("</Timestamp>", ".000</Timestamp>").replace("+02:00.000", ".000+02:00"),
    ],
)
def test_other_spellings_of_the_same_process(change: object) -> None:
    assert callable(change)
    record = decode(change(PLAIN))
    assert record.signed_bytes == decode(PLAIN).signed_bytes
    assert record.readings == decode(PLAIN).readings


def test_names_and_addresses_in_latin_1_do_not_matter() -> None:
    record = FORMAT.decode(PLAIN.encode("latin-1"))
    assert record.signed_bytes == decode(PLAIN).signed_bytes


def test_only_the_lowest_byte_of_the_status_is_shown() -> None:
    record = decode(PLAIN.replace(">136<", f">{0x7F_00_01_88}<"))
    assert record.signed_bytes == decode(PLAIN).signed_bytes
    assert [reading.status_word for reading in record.readings] == ["88", "88"]
    assert record.readings == decode(PLAIN).readings
    assert MennekesCode.STATUS_PARTLY_SIGNED in codes(record)


def test_how_many_zeros_end_the_identification_is_not_signed() -> None:
    shorter = decode(STATION.process(START, STOP).replace("04A1B2C3D4E580", "04A1B2C3"))
    longer = decode(STATION.process(START, STOP).replace("04A1B2C3D4E580", "04A1B2C30000"))
    assert longer.signed_bytes == shorter.signed_bytes
    assert longer.identification == shorter.identification
    assert MennekesCode.IDENT_ENDS_IN_ZEROS in codes(longer)
    assert MennekesCode.IDENT_ENDS_IN_ZEROS not in codes(shorter)


@pytest.mark.parametrize(
    ("customer", "data", "tariff"),
    [
        ("04A1B2C3D4E580", "04A1B2C3D4E580", None),
        (b"CONTRACT-000001#GREEN".hex(), "CONTRACT-000001", "GREEN"),
        (b"CONTRACT-000001#A#B".hex(), "CONTRACT-000001#A#B", None),
        (b"CONTRACT-000001#".hex(), "CONTRACT-000001#", None),
        (b"C#T".hex(), "C", "T"),
        (b"AB#C".hex(), "41422343", None),  # four bytes: a card's UID
        (b"PLAINTEXT00".hex(), "PLAINTEXT00", None),
        ("", None, None),
    ],
)
def test_identification(customer: str, data: str | None, tariff: str | None) -> None:
    record = decode(replace(STATION, customer=customer).process(START, STOP))
    assert (record.identification.data, record.tariff_text) == (data, tariff)


def test_log_book_bytes_come_from_a_long_signature() -> None:
    begin = replace(START, log_in_signature=True, counter=5)
    record = decode(STATION.process(begin, replace(STOP, log_in_signature=True, counter=5)))
    assert record.signed_bytes[39:41] == b"\x00\x05"
    assert record.readings[0].event_counter == 5
    assert record.signature.value is not None
    assert len(record.signature.value) == 48
    assert not record.contradictions
    shown = replace(begin, written={"EventCounter": "6"})
    told = decode(STATION.process(shown, replace(STOP, log_in_signature=True, counter=5)))
    assert {finding.code for finding in told.contradictions} == {MennekesCode.EVENT_COUNTER_DIFFERS}
    assert told.readings[0].event_counter == 5


def test_identification_time_of_the_measurement_goes_before_that_of_the_process() -> None:
    later = replace(START, own_identified=BEGIN)
    record = decode(STATION.process(later, STOP))
    assert struct.unpack_from("<I", record.signed_bytes, 169) == struct.unpack_from(
        "<I", record.signed_bytes, 10
    )
    assert {finding.code for finding in record.contradictions} == {MennekesCode.CUSTOMER_TIME_DIFFERS}
    same = decode(STATION.process(replace(START, own_identified=IDENTIFIED), STOP))
    assert not same.contradictions


@pytest.mark.parametrize(
    ("begin", "end", "told"),
    [
        ("2025-06-03T00:00:00+02:00", "2025-06-04T00:00:00+02:00", False),
        ("2025-06-03T08:15:09+02:00", "2025-06-03T09:02:21+02:00", False),
        ("2025-06-03T08:15:10+02:00", "2025-06-04T00:00:00+02:00", True),
        ("2025-06-03T00:00:00+02:00", "2025-06-03T09:02:20+02:00", True),
        ("whenever", "", False),
    ],
)
def test_the_billing_period_is_compared(begin: str, end: str, told: bool) -> None:
    around = Surroundings(claims=(("billing_begin", begin), ("billing_end", end)))
    record = FORMAT.decode_in(PLAIN.encode(), around)
    assert (MennekesCode.OUTSIDE_BILLING_PERIOD in codes(record)) is told
    assert record.readings == decode(PLAIN).readings


def test_logged_events_are_told() -> None:
    empty = (
        "<EventLogItems><EventLogItem><TimeBefore/><Signature> </Signature></EventLogItem></EventLogItems>"
    )
    assert MennekesCode.EVENTS_LOGGED not in codes(decode(PLAIN.replace("<EventLogItems/>", empty)))
    full = empty.replace("<TimeBefore/>", "<TimeBefore>2025-06-03T08:20:00</TimeBefore>")
    assert MennekesCode.EVENTS_LOGGED in codes(decode(PLAIN.replace("<EventLogItems/>", full)))


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<Value>248490</Value>", "", MennekesErrorCode.FIELD_MISSING),
        ("<Value>248490<", "<Value>248490</Value><Value>248490<", MennekesErrorCode.FIELD_REPEATED),
        ("<Value>248490<", "<x:Value>1</x:Value><Value>248490<", MennekesErrorCode.FIELD_REPEATED),
        ("<Value>248490<", "<Value>248<i>4</i>90<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<Value>248490<", "<Value>248490e0<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<Value>248490<", "<Value>+248490<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<Value>248490<", "<Value>٢٤٨<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<Value>248490<", f"<Value>{2**63}<", "edl40_field_out_of_range"),
        ("<Scaler>-1<", "<Scaler>128<", "edl40_field_out_of_range"),
        ("<SecondIndex>15406637<", "<SecondIndex>-1<", "edl40_field_out_of_range"),
        ("<MeterStatus>136<", "<MeterStatus>-120<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<MeterStatus>136<", f"<MeterStatus>{2**64 + 136}<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<EventCounter>377<", "<EventCounter>65913<", MennekesErrorCode.FIELD_UNREADABLE),
        ("<EventCounter>377</EventCounter>", "", MennekesErrorCode.FIELD_MISSING),
        ("04A1B2C3D4E580", "00" * 129, "edl40_field_out_of_range"),
        ("04A1B2C3D4E580", "04A1B", MennekesErrorCode.FIELD_UNREADABLE),
        (STATION.serial, STATION.serial + "00", "edl40_field_out_of_range"),
        (STATION.signature(START), "00" * 49, MennekesErrorCode.SIGNATURE_LENGTH),
        (f"<Timestamp>{BEGIN.isoformat()}", "<Timestamp>2025-06-31T08:15:09", MennekesErrorCode.FIELD_UNREADABLE),
        (f"<Timestamp>{BEGIN.isoformat()}", "<Timestamp>1969-06-30T08:15:09", "edl40_field_out_of_range"),
        ("</MeasurementStart>", "", MennekesErrorCode.NOT_WELL_FORMED),
        ("<SiteAddress>", "<SiteAddress>&bomb;", MennekesErrorCode.NOT_WELL_FORMED),
        ("</ChargingProcess>", "", MennekesErrorCode.CUT_OFF),
        ("</ChargingProcess>", f"</ChargingProcess>{PLAIN}", MennekesErrorCode.FIELD_REPEATED),
        ("<SiteAddress>", f"<SiteAddress>{PLAIN}", MennekesErrorCode.FIELD_REPEATED),
    ],
)  # fmt: skip
def test_what_cannot_be_signed_is_refused(old: str, new: str, code: str) -> None:
    assert old in PLAIN
    error = error_of(PLAIN.replace(old, new))
    assert isinstance(error, MalformedRecordError)
    assert error.code == code


def test_an_identification_time_must_be_somewhere() -> None:
    text = STATION.process(START, STOP, {"TimestampCustomerIdent": None})
    error = error_of(text)
    assert (error.code, error.params) == (
        MennekesErrorCode.FIELD_MISSING,
        {"field": "MeasurementStart/TimestampCustomerIdent"},
    )


def test_halves() -> None:
    record = decode(STATION.process(START, None))
    assert [reading.role for reading in record.readings] == [ReadingRole.BEGIN]
    assert (MennekesCode.HALF_MISSING in codes(record), record.more_signatures) == (True, ())
    assert record.official_refusals == ("error.sml.mennekes.no.measurement",)
    assert error_of(STATION.process(None, None)).code == MennekesErrorCode.MEASUREMENT_MISSING


def test_a_doctype_is_refused() -> None:
    text = f'<!DOCTYPE ChargingProcess [<!ENTITY a "1">]>{PLAIN}'
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(text.encode())


def test_size_is_bounded() -> None:
    with pytest.raises(LimitExceededError):
        decode(PLAIN.replace("<SiteAddress>", "<SiteAddress>" + "x" * MAX_RECORD_BYTES))


@pytest.mark.parametrize("text", ["", "OCMF|{}|{}", "<values/>", "prose <ChargingProcess/>", "{}", "\xff"])
def test_other_content_is_not_this_format(text: str) -> None:
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(text.encode("latin-1"))


def test_find_cuts_out_each_process_and_nothing_else() -> None:
    text = f"before {PLAIN} between <!-- {PLAIN} --> <![CDATA[{PLAIN}]]> {PLAIN} after".encode()
    spans = FORMAT.find(text)
    assert [text[span.start : span.end] for span in spans] == [PLAIN.encode()] * 2
    assert {span.reason for span in spans} == {"mennekes_process"}
    (span,) = registry.recognise(PLAIN.encode())
    assert (span.format, span.start, span.end) == (NAME, 0, len(PLAIN.encode()))


def test_find_tells_a_process_that_breaks_off_and_leaves_the_rest_to_others() -> None:
    cut = PLAIN[: PLAIN.index("<MeasurementEnd>")]
    text = f"{PLAIN} {cut} OCMF|{{}}|{{}}".encode()
    whole, broken = FORMAT.find(text)
    assert (whole.reason, broken.reason) == ("mennekes_process", "mennekes_incomplete")
    assert text[broken.end :] == b" OCMF|{}|{}"
    assert FORMAT.find(b"a word like <ChargingProcess> in prose") == []


def test_find_is_linear() -> None:
    """Without any timing: the work on hostile texts of two megabytes ends at all."""
    for unit in (
        b"<ChargingProcess>",
        b"</ChargingProcess>",
        b"<ServerId><ChargingProcess ",
        b"<!-- ChargingProcess",
    ):
        FORMAT.find(unit * (2_000_000 // len(unit)))


def test_a_given_meter_or_place_is_compared() -> None:
    record = FORMAT.decode_in(PLAIN.encode(), Surroundings(claims=(("meter_id", "0A01534D500000099999"),)))
    assert {str(finding.code) for finding in record.contradictions} == {"claimed_meter_contradicts"}
    same = FORMAT.decode_in(PLAIN.encode(), Surroundings(claims=(("meter_id", STATION.serial.lower()),)))
    assert same.contradictions == ()


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_nothing_but_format_errors(data: st.DataObject) -> None:
    text = bytearray(PLAIN.encode())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 40)))
        text[start:end] = data.draw(st.binary(max_size=12))
    content = bytes(text)
    for span in FORMAT.find(content):
        assert 0 <= span.start < span.end <= len(content)
    refused = None
    try:
        record = FORMAT.decode(content)
    except FormatError as error:
        refused = error.code
    else:
        assert len(record.signed_bytes) == 320
    assert refused is None or refused in {*MennekesErrorCode, "edl40_field_out_of_range"}


@given(st.binary(max_size=200))
def test_any_bytes(content: bytes) -> None:
    FORMAT.find(content)
    with pytest.raises(FormatError):
        FORMAT.decode(content)
