"""OCMF records decoded field by field; the material is written here, by hand, after the specification."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal

import pytest

from eichrecht.evidence import ClockStatus, Device, Pagination, ReadingRole, Severity, SignedRecord
from eichrecht.formats.codes import OcmfErrorCode
from eichrecht.formats.errors import (
    FormatError,
    LimitExceededError,
    MalformedRecordError,
    NotThisFormatError,
)
from eichrecht.formats.ocmf import MAX_FINDINGS_PER_CODE, MAX_RECORD_BYTES, OcmfFormat

HEAD = '"FV":"1.4","GS":"G1","PG":"T7","MS":"M1","IS":true,"IL":"NONE","IT":"NONE"'
BEGIN = (
    '"TM":"2024-01-01T10:00:00,000+0100 S","TX":"B","RV":1.500,"RI":"01-00:01.08.00*FF","RU":"kWh","ST":"G"'
)
END = '"TM":"2024-01-01T11:00:00,250+0100 R","TX":"E","RV":2.750,"RI":"01-00:01.08.00*FF","RU":"kWh","ST":"G"'


def decode(payload: str, signature: str = '{"SD":"3000"}') -> SignedRecord:
    return OcmfFormat().decode(f"OCMF|{payload}|{signature}".encode())


def with_readings(*readings: str, head: str = HEAD) -> SignedRecord:
    return decode("{" + head + ',"RD":[' + ",".join("{" + reading + "}" for reading in readings) + "]}")


def with_head(head: str) -> SignedRecord:
    return decode("{" + head + ',"RD":[{' + BEGIN + "}]}")


def said(record: SignedRecord) -> dict[str, str]:
    return {finding.code: finding.where for finding in record.findings}


def severities(record: SignedRecord) -> dict[str, Severity]:
    return {finding.code: finding.severity for finding in record.findings}


def test_an_ordinary_record_is_read_without_a_finding() -> None:
    record = with_readings(BEGIN, END)
    assert record.findings == ()
    assert record.unambiguous
    assert record.version == "1.4"
    assert record.pagination == Pagination("T", 7)
    assert record.meter == Device(serial="M1")
    assert record.gateway == Device(serial="G1")
    begin, end = record.readings
    assert (begin.role, end.role) == (ReadingRole.BEGIN, ReadingRole.END)
    assert (begin.value, end.value) == ("1.500", "2.750")
    assert str(end.energy_kwh) == "2.750"
    assert end.time == datetime(2024, 1, 1, 11, 0, 0, 250_000, timezone(timedelta(hours=1)))
    assert end.time_text == "2024-01-01T11:00:00,250+0100"
    assert (begin.time_status, end.time_status) == (ClockStatus.SYNCHRONISED, ClockStatus.RELATIVE)
    assert end.where == "/RD/1"
    assert end.inherited == frozenset()


def test_signed_bytes_are_the_exact_bytes_between_the_pipes() -> None:
    payload = '{"FV" : "1.4" ,\r\n\t"RD":[ {"RV" : 1 } ] }'
    assert decode(payload).signed_bytes == payload.encode()
    blanks = OcmfFormat().decode(b'OCMF| {"FV":"1.4","RD":[{"RV":1}]}\n|\n {"SD":"3000"}')
    assert blanks.signed_bytes == b' {"FV":"1.4","RD":[{"RV":1}]}\n'
    assert "space_around_section" in said(blanks)


def test_omitted_fields_are_inherited_and_named() -> None:
    record = with_readings(
        BEGIN + ',"RT":"DC","EF":"t"',
        '"RV":2',
        '"RV":3,"EF":"","TX":"E"',
        '"RV":4,"RU":"Wh","EF":"E"',
        '"RV":5000',
    )
    first, second, third, fourth, fifth = record.readings
    assert second.inherited == {"TM", "TX", "RI", "RU", "RT", "EF", "ST"}
    assert (second.reason, second.obis, second.unit, second.current_type) == (
        "B",
        "01-00:01.08.00*FF",
        "kWh",
        "DC",
    )
    assert (second.error_flags, second.meter_status, second.time) == ("t", "G", first.time)
    assert (third.error_flags, third.reason) == ("", "E")
    assert "EF" not in third.inherited
    assert fourth.energy_kwh == Decimal("0.004")
    assert (fifth.energy_kwh, fifth.error_flags, fifth.unit) == (Decimal(5), "E", "Wh")


def test_the_cumulated_loss_is_never_inherited() -> None:
    record = with_readings(BEGIN + ',"CL":0.000', END + ',"CL":0.182', '"RV":3')
    assert [reading.cumulated_loss for reading in record.readings] == [Decimal(0), Decimal("0.182"), None]
    assert record.findings == ()


@pytest.mark.parametrize(
    ("written", "unit", "value", "energy"),
    [
        ("2935.600", "kWh", "2935.600", "2935.600"),
        ("2850685", "Wh", "2850685", "2850.685"),
        ("2850685.50", "Wh", "2850685.50", "2850.68550"),
        ("1.606848e7", "Wh", "1.606848e7", "16068.48"),
        ("-0", "kWh", "-0", "0"),
        ("0", "kWh", "0", "0"),
        ('"       9.038"', "kWh", "9.038", "9.038"),
        ('"00000446.540"', "kWh", "00000446.540", "446.540"),
        ("1234567890123456789012345678901.25", "Wh", "1234567890123456789012345678901.25", None),
        ("123456789012345678901234567.1234567", "Wh", "123456789012345678901234567.1234567", None),
    ],
)
def test_values_keep_their_digits_and_convert_exactly(
    written: str, unit: str, value: str, energy: str | None
) -> None:
    (reading,) = with_readings(BEGIN.replace("1.500", written).replace("kWh", unit)).readings
    assert reading.value == value
    assert reading.energy_kwh is not None
    scale = 1000 if unit == "Wh" else 1
    if energy is None:  # by integer arithmetic, independent of any decimal context
        digits, _, fraction = value.partition(".")
        numerator, denominator = reading.energy_kwh.as_integer_ratio()
        assert numerator * 1000 * 10 ** len(fraction) == int(digits + fraction) * denominator
    else:
        assert reading.energy_kwh == Decimal(energy)
        assert reading.energy_kwh * scale == Decimal(value)


@pytest.mark.parametrize(
    "written", ["1e400", "1E+31", "1e-400", "9" * 60, "1e99999999999999999999", "1" * 5000]
)
def test_impossible_values_are_bounded(written: str) -> None:
    record = with_readings(BEGIN.replace("1.500", written))
    assert record.readings[0].energy_kwh is None
    assert severities(record)["value_out_of_range"] is Severity.ERROR


@pytest.mark.parametrize(
    "written", ['"1,5"', '"1_5"', '"NaN"', '"٣"', '""', "true", "[1]", '{"a":1}', '"1.5 kWh"']
)
def test_unreadable_values_are_errors(written: str) -> None:
    record = with_readings(BEGIN.replace("1.500", written))
    assert record.readings[0].energy_kwh is None
    assert severities(record)["value_unreadable"] is Severity.ERROR


def test_a_missing_value_is_fine_only_beside_an_error() -> None:
    assert "ocmf_value_missing" in said(with_readings(BEGIN.replace("1.500", "null")))
    event = BEGIN.replace('"RV":1.500,', "").replace('"ST":"G"', '"ST":"T"')
    assert with_readings(event).findings == ()


@pytest.mark.parametrize(
    ("unit", "energy", "code"),
    [
        ("KWH", "1.500", "unit_spelling"),
        ("wh", "0.001500", "unit_spelling"),
        ("sec", None, "unit_unknown"),
        ("mOhm", None, None),
        ("uOhm", None, None),
    ],
)
def test_units_other_than_those_of_energy(unit: str, energy: str | None, code: str | None) -> None:
    record = with_readings(BEGIN.replace("kWh", unit))
    assert record.readings[0].energy_kwh == (None if energy is None else Decimal(energy))
    assert list(said(record)) == ([code] if code else [])


@pytest.mark.parametrize(
    ("written", "readable", "status", "codes"),
    [
        ("2024-01-01T10:00:00.000+0100 S", True, "S", ["time_format"]),
        ("2024-01-01T10:00:00,000+01:00 S", True, "S", ["time_format"]),
        ("2024-01-01T10:00:00+0100 S", True, "S", ["time_format"]),
        ("2024-01-01T09:00:00,000Z S", True, "S", ["time_format"]),
        ("2024-01-01T10:00:00,000+0100", True, None, ["time_status_missing"]),
        ("2024-01-01T10:00:00,000+0100 Q", True, "Q", ["time_status_unknown"]),
        ("2024-01-01T10:00:00,000 S", False, "S", ["time_without_zone"]),
        ("2024-02-30T10:00:00,000+0100 S", False, "S", ["time_unreadable"]),
        ("2024-W01-1T10:00:00,000+0100 S", True, "S", ["time_format"]),
        ("yesterday S", False, "S", ["time_unreadable"]),
        ("2024-01-01T10:00:00,000+9900 S", False, "S", ["time_unreadable"]),
        ("2024-01-01T10:00:00,000+0175 S", False, "S", ["time_unreadable"]),
        ("2024-01-01T10:00:00.000-01:60 S", False, "S", ["time_unreadable"]),
        ("٢024-01-01T10:00:00,000+0100 S", False, "S", ["time_unreadable"]),
    ],
)
def test_times(written: str, readable: bool, status: str | None, codes: list[str]) -> None:
    record = with_readings(BEGIN.replace("2024-01-01T10:00:00,000+0100 S", written))
    (reading,) = record.readings
    if readable:
        assert reading.time == datetime(2024, 1, 1, 10, tzinfo=timezone(timedelta(hours=1)))
    else:
        assert reading.time is None
    assert reading.time_status_text == status
    assert list(said(record)) == codes
    assert reading.time_text == (written.rpartition(" ")[0] if status else written)


@pytest.mark.parametrize(
    ("letter", "role"),
    [
        ("B", "begin"),
        ("C", "intermediate"),
        ("X", "exception"),
        ("E", "end"),
        ("L", "end"),
        ("R", "end"),
        ("A", "end"),
        ("P", "end"),
        ("S", "suspended"),
        ("T", "tariff_change"),
        ("b", "unknown"),
        ("Z", "unknown"),
    ],
)
def test_reason_letters(letter: str, role: str) -> None:
    record = with_readings(BEGIN.replace('"TX":"B"', f'"TX":"{letter}"'))
    assert record.readings[0].role == role
    assert ("reading_reason_unknown" in said(record)) == (role == "unknown")


def test_no_reason_means_a_fiscal_reading() -> None:
    fiscal = HEAD.replace('"PG":"T7"', '"PG":"F7"').replace('"IS":true,"IL":"NONE","IT":"NONE"', '"GV":"1"')
    record = with_readings(BEGIN.replace('"TX":"B",', ""), head=fiscal)
    assert record.readings[0].role is ReadingRole.FISCAL
    assert record.findings == ()


@pytest.mark.parametrize(
    ("payload", "place"),
    [
        ("{" + HEAD + ',"MS":"M2","RD":[{' + BEGIN + "}]}", "/MS"),
        ("{" + HEAD + ',"RD":[{' + BEGIN + ',"RV":99}]}', "/RD/0/RV"),
        ("{" + HEAD + ',"RD":[{' + BEGIN + '}],"RD":[{' + END + "}]}", "/RD"),
        ("{" + HEAD + ',"LC":{"LN":"a","LR":1,"LR":2,"LU":"mOhm"},"RD":[{' + BEGIN + "}]}", "/LC/LR"),
        ("{" + HEAD + ',"X1":{"deep":[{"a/b~c":1,"a/b~c":1}]},"RD":[{' + BEGIN + "}]}", "/X1/deep/0/a~1b~0c"),
        ("{" + HEAD + ',"\\u004dS":"M2","RD":[{' + BEGIN + "}]}", "/MS"),
        ("{" + HEAD + ',"X1" : "a", "X1" : "a","RD":[{' + BEGIN + "}]}", "/X1"),
    ],
)
def test_duplicate_keys_at_any_depth_make_the_record_ambiguous(payload: str, place: str) -> None:
    record = decode(payload)
    assert not record.unambiguous
    assert [(f.code, f.where, f.severity) for f in record.findings if f.code == "duplicate_key"] == [
        ("duplicate_key", place, Severity.ERROR)
    ]
    assert record.signed_bytes == payload.encode()
    assert record.readings


def test_the_last_of_duplicate_keys_is_taken() -> None:
    assert with_readings(BEGIN + ',"RV":99').readings[0].value == "99"


def test_duplicate_keys_in_the_signature_section() -> None:
    record = decode("{" + HEAD + ',"RD":[{' + BEGIN + "}]}", '{"SD":"3000","SD":"3001"}')
    assert not record.unambiguous
    assert said(record)["duplicate_key"] == "/signature/SD"


def test_numbers_that_are_none() -> None:
    for word in ("NaN", "Infinity", "-Infinity"):
        record = with_readings(BEGIN.replace("1.500", word))
        assert not record.unambiguous
        assert said(record)["non_finite_number"] == "/RD/0/RV"
        assert record.readings[0].value == word


def test_half_characters_and_foreign_encodings_are_errors() -> None:
    record = with_head(HEAD + ',"TT":"\\ud800"')
    assert said(record)["lone_surrogate"] == "/TT"
    assert not record.unambiguous
    (record.tariff_text or "").encode()
    record = OcmfFormat().decode(
        ("OCMF|{" + HEAD + ',"TT":"Zähler","RD":[{' + BEGIN + '}]}|{"SD":"3000"}').encode("latin-1")
    )
    assert "text_not_utf8" in said(record)
    assert not record.unambiguous
    assert b"Z\xe4hler" in record.signed_bytes


def test_transport_deviations_are_reported_and_left_out_of_the_record() -> None:
    bare = ("OCMF|{" + HEAD + ',"RD":[{' + BEGIN + '}]}|{"SD":"3000"}').encode()
    for content, code in (
        (b"\xef\xbb\xbf" + bare, "bom_before_record"),
        (b" \r\n" + bare, "space_before_record"),
        (bare + b"\n<end of receipt>", "text_after_record"),
        (bare + b"\n" + bare, "text_after_record"),
    ):
        record = OcmfFormat().decode(content)
        assert record.raw == bare
        assert list(said(record)) == [code]
    assert OcmfFormat().decode(bare + b" \r\n").findings == ()


def test_a_pipe_inside_a_string_is_not_a_separator() -> None:
    record = with_head(HEAD + ',"TT":"a|{b}|\\"|"')
    assert list(said(record)) == ["pipe_in_string"]
    assert record.tariff_text == 'a|{b}|"|'
    record = decode("{" + HEAD + ',"RD":[{' + BEGIN + "}]}", '{"SD":"3000","X1":"a|b"}')
    assert list(said(record)) == ["pipe_in_string"]


def test_a_fourth_section_is_kept_as_the_embedded_key() -> None:
    bare = "OCMF|{" + HEAD + ',"RD":[{' + BEGIN + '}]}|{"SD":"3000"}'
    pem = "-----BEGIN PUBLIC KEY-----\nMFkw\nAAAA\n-----END PUBLIC KEY-----"
    for key in ("3059 3013 0607", "MFkwEw==", pem):
        record = OcmfFormat().decode(f"{bare}|{key}\n".encode())
        assert record.embedded_key == key
        assert record.raw == f"{bare}|{key}".encode()
        assert list(said(record)) == ["key_section_in_record"]


def test_a_blank_in_the_header_is_an_error_but_the_record_is_read() -> None:
    record = OcmfFormat().decode(("OCMF |{" + HEAD + ',"RD":[{' + BEGIN + '}]}|{"SD":"3000"}').encode())
    assert severities(record) == {"ocmf_header_malformed": Severity.ERROR}


@pytest.mark.parametrize(
    ("head", "codes"),
    [
        (HEAD.replace('"FV":"1.4",', ""), ["version_missing"]),
        (HEAD.replace('"1.4"', '"1.35"'), ["version_unknown"]),
        (HEAD.replace('"1.4"', '"v1.0"'), ["version_unknown"]),
        (HEAD.replace('"1.4"', "1.0"), ["field_not_text"]),
        (HEAD.replace('"FV":"1.4"', '"FV":"1.0","TT":"x"'), ["field_newer_than_version"]),
        (HEAD.replace('"PG":"T7",', ""), ["ocmf_pagination_missing"]),
        (HEAD.replace('"T7"', '"T"'), ["pagination_malformed"]),
        (HEAD.replace('"T7"', '"T07"'), ["pagination_malformed"]),
        (HEAD.replace('"T7"', '"T٧"'), ["pagination_malformed"]),
        (HEAD.replace('"T7"', '"t7"'), ["pagination_malformed"]),
        (HEAD.replace('"T7"', '"T' + "9" * 30 + '"'), ["pagination_malformed"]),
        (HEAD.replace('"T7"', '"F7"'), ["user_assignment_in_fiscal"]),
        (HEAD.replace('"MS":"M1",', ""), ["meter_serial_missing"]),
        (
            HEAD.replace('"MS":"M1",', "").replace('"G1"', '""'),
            ["meter_serial_missing", "ocmf_source_unidentified"],
        ),
        (HEAD.replace('"IS":true,', "").replace(',"IT":"NONE"', ""), ["user_assignment_missing"]),
        (HEAD.replace("true", '"true"'), ["user_assignment_not_boolean"]),
        (HEAD.replace("true", "null"), ["null_field", "user_assignment_missing"]),
        (HEAD.replace('"IL":"NONE"', '"IL":"SURE"'), ["identification_level_unknown"]),
        (HEAD.replace(',"IT":"NONE"', ""), ["identification_type_missing"]),
        (HEAD.replace('"IT":"NONE"', '"IT":"PASSPORT"'), ["identification_type_unknown"]),
        (HEAD.replace('"IT":"NONE"', '"IT":"ISO14443","ID":"12"'), ["identification_data_shape"]),
        (HEAD.replace('"IT":"NONE"', '"IT":"ISO14443","ID":"1F2D3A4F5506C7"'), []),
        (HEAD + ',"IF":"RFID_PLAIN"', ["identification_flags_malformed"]),
        (HEAD + ',"IF":["OCCP_AUTH"]', ["identification_flag_unknown"]),
        (HEAD + ',"IF":[1]', ["identification_flags_malformed"]),
        (HEAD + ',"IF":[[]]', ["identification_flags_malformed"]),
        (HEAD + ',"IF":["RFID_PLAIN","RFID_PSK"]', ["identification_flags_same_group"]),
        (
            HEAD + ',"IF":["RFID_NONE","OCPP_NONE","ISO15118_NONE","PLMN_NONE","PLMN_SMS"]',
            ["identification_flags_same_group", "identification_flags_too_many"],
        ),
        (HEAD + ',"IF":[]', []),
        (HEAD + ',"CT":"EVSEID","CI":"DE*1"', []),
        (HEAD + ',"CT":"HOUSE","CI":"DE*1"', ["charge_point_type_unknown"]),
        (HEAD + ',"TT":"' + "x" * 250 + '"', []),
        (HEAD + ',"TT":"' + "x" * 251 + '"', ["text_too_long"]),
        (HEAD + ',"CF":"' + "x" * 26 + '"', ["text_too_long"]),
        (HEAD + ',"MV":["a"]', ["field_malformed"]),
        (HEAD + ',"X1":1,"V":[1]', ["vendor_fields"]),
        (HEAD + ',"VI":1,"VV":"2"', ["vendor_fields"]),
        (HEAD + ',"foo":1', ["unknown_fields"]),
        (HEAD + ',"LC":{"LN":"a","LI":1,"LR":1.5,"LU":"mOhm"}', []),
        (HEAD + ',"LC":{"LN":"' + "a" * 21 + '","LI":1,"LR":1,"LU":"uOhm"}', ["text_too_long"]),
        (HEAD + ',"LC":{"LU":"mOhm"}', ["loss_resistance_missing"]),
        (HEAD + ',"LC":{"LR":1,"LU":"Ohm"}', ["loss_unit_unknown"]),
        (HEAD + ',"LC":{"LR":"1","LU":"mOhm","LI":[]}', ["field_malformed", "field_malformed"]),
        (HEAD + ',"LC":[]', ["loss_compensation_malformed"]),
    ],
)
def test_shape_of_the_payload(head: str, codes: list[str]) -> None:
    record = with_head(head)
    assert [finding.code for finding in record.findings] == codes
    assert not [finding for finding in record.findings if finding.severity is Severity.ERROR]
    assert len(record.readings) == 1


@pytest.mark.parametrize(
    ("reading", "codes"),
    [
        (BEGIN.replace(',"ST":"G"', ""), ["ocmf_meter_status_missing"]),
        (BEGIN.replace('"ST":"G"', '"ST":"Q"'), ["ocmf_meter_status_unknown"]),
        (BEGIN.replace('"ST":"G"', '"ST":["G"]'), ["field_malformed", "ocmf_meter_status_missing"]),
        (BEGIN.replace('"ST":"G"', '"ST":null'), ["null_field", "ocmf_meter_status_missing"]),
        (BEGIN.replace('"TM":"2024-01-01T10:00:00,000+0100 S",', ""), ["ocmf_time_missing"]),
        (BEGIN.replace('"2024-01-01T10:00:00,000+0100 S"', "5"), ["time_unreadable"]),
        (BEGIN.replace(',"RU":"kWh"', ""), ["ocmf_unit_missing"]),
        (BEGIN.replace('"RI":"01-00:01.08.00*FF",', ""), ["register_missing"]),
        (BEGIN.replace("01-00:01.08.00*FF", "0100010800FF"), ["ocmf_register_unreadable"]),
        (BEGIN.replace("01-00:01.08.00*FF", "1-b:1.8.e"), []),
        (BEGIN.replace("01-00:01.08.00*FF", "01-0B:01.08.00.FF"), []),
        (BEGIN.replace("01-00:01.08.00*FF", "1-0:1.8.0*198"), []),
        (BEGIN + ',"RT":"HC"', ["current_type_unknown"]),
        (BEGIN + ',"EF":"q"', ["error_flag_unknown"]),
        (BEGIN + ',"EF":"Et"', []),
        (BEGIN + ',"EF":[]', ["field_malformed"]),
        (BEGIN.replace('"TX":"B",', ""), ["reading_reason_missing"]),
        (BEGIN.replace('"TX":"B"', '"TX":1'), ["field_not_text", "reading_reason_unknown"]),
        (BEGIN + ',"CL":0.5', ["cumulated_loss_at_begin"]),
        (BEGIN + ',"CL":"0"', ["cumulated_loss_malformed"]),
        (
            BEGIN.replace('"RI":"01-00:01.08.00*FF",', "") + ',"CL":0',
            ["register_missing", "cumulated_loss_without_register"],
        ),
        (BEGIN + ',"EI":567', []),
        (BEGIN + ',"EI":-1', ["event_counter_malformed"]),
        (BEGIN + ',"EI":"1"', ["event_counter_malformed"]),
        (BEGIN + ',"UC":{"UN":"x"},"XV":1', ["reading_extensions"]),
    ],
)
def test_shape_of_a_reading(reading: str, codes: list[str]) -> None:
    record = with_readings(reading)
    assert [finding.code for finding in record.findings] == codes
    assert len(record.readings) == 1


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        ("{" + HEAD + "}", "readings_missing"),
        ("{" + HEAD + ',"RD":[]}', "readings_missing"),
        ("{" + HEAD + ',"RD":{}}', "readings_malformed"),
        ("{" + HEAD + ',"RD":[5]}', "reading_malformed"),
    ],
)
def test_records_without_usable_readings_are_errors(payload: str, code: str) -> None:
    record = decode(payload)
    assert severities(record) == {code: Severity.ERROR}
    assert record.readings == ()


def test_the_model_before_0_5() -> None:
    head = '"FV":"0.1","VI":"ABL","VV":"1.4p3","PG":"T1","MS":"M","IS":"VERIFIED","IT":"NONE"'
    record = with_readings(BEGIN + ',"EI":567', head=head)
    assert record.findings == ()
    assert record.gateway == Device(vendor="ABL", firmware="1.4p3")
    assert (record.identification.assigned, record.identification.level) == (None, "VERIFIED")
    assert record.readings[0].event_counter == 567
    record = with_readings(BEGIN, head=head.replace('"0.1"', '"0.0"'))
    assert list(said(record)) == ["version_unknown"]
    assert record.gateway.vendor == "ABL"


def test_loss_compensation() -> None:
    loss = with_head(HEAD + ',"LC":{"LN":"Cable","LI":1001,"LR":1.1001,"LU":"mOhm"}').loss_compensation
    assert loss is not None
    assert (loss.name, loss.identifier, loss.resistance, loss.unit) == (
        "Cable",
        "1001",
        Decimal("1.1001"),
        "mOhm",
    )


@pytest.mark.parametrize(
    ("section", "value", "encoding", "code"),
    [
        ('{"SD":"30aB"}', b"\x30\xab", "hex", None),
        ('{"SD":"30 ab"}', b"\x30\xab", "hex", "signature_with_blanks"),
        ('{"SE":"hex","SD":"30"}', b"\x30", "hex", None),
        ('{"SE":"base64","SD":"MKs="}', b"\x30\xab", "base64", None),
        ('{"SE":"base64","SD":"MKs"}', b"\x30\xab", "base64", None),
        ('{"SE":"base64","SD":"M*s="}', None, "base64", "signature_text_unreadable"),
        ('{"SD":"3"}', None, "hex", "signature_text_unreadable"),
        ('{"SD":"signature"}', None, "hex", "signature_text_unreadable"),
        ('{"SE":"rot13","SD":"30"}', None, None, "signature_encoding_unknown"),
        ('{"SE":5,"SD":"30"}', None, None, "signature_encoding_unknown"),
        ('{"SD":""}', None, None, "signature_missing"),
        ('{"SD":30}', None, None, "signature_missing"),
        ("{}", None, None, "signature_missing"),
        ('{"SD":"30","SM":"application/octet-stream"}', b"0", "hex", "signature_media_type"),
        ('{"SD":"30","SM":"application/x-der"}', b"0", "hex", None),
        ('{"SD":"30","Q":1}', b"0", "hex", "signature_unknown_fields"),
        ('{"SD":"30","A1":1,"Z1":[]}', b"0", "hex", None),
    ],
)
def test_signature_section(section: str, value: bytes | None, encoding: str | None, code: str | None) -> None:
    record = decode("{" + HEAD + ',"RD":[{' + BEGIN + "}]}", section)
    assert record.signature.value == value
    assert record.signature.encoding == encoding
    assert record.signature.algorithm == "ECDSA-secp256r1-SHA256"
    assert record.signature.algorithm_text is None
    assert list(said(record)) == ([code] if code else [])
    if value is None:
        assert Severity.ERROR in severities(record).values()


def test_the_algorithm_is_kept_as_written() -> None:
    record = decode("{" + HEAD + ',"RD":[{' + BEGIN + "}]}", '{"SA":"ECDSA-P-256-SHA256","SD":"30"}')
    assert record.signature.algorithm == record.signature.algorithm_text == "ECDSA-P-256-SHA256"
    record = decode("{" + HEAD + ',"RD":[{' + BEGIN + "}]}", '{"SA":5,"SD":"30"}')
    assert record.signature.algorithm is None
    assert severities(record) == {"signature_algorithm_unreadable": Severity.ERROR}


@pytest.mark.parametrize(
    ("content", "kind", "code", "where", "position"),
    [
        (b"", NotThisFormatError, OcmfErrorCode.NOT_OCMF, "", None),
        (b"OCMA|{}|{}", NotThisFormatError, OcmfErrorCode.NOT_OCMF, "", None),
        (b"ocmf|{}|{}", NotThisFormatError, OcmfErrorCode.NOT_OCMF, "", None),
        (b"OCMF|[]|{}", NotThisFormatError, OcmfErrorCode.NOT_OCMF, "", None),
        (b"OCMF|{}|{data}", MalformedRecordError, OcmfErrorCode.SIGNATURE_NOT_JSON, "/signature", "1"),
        (b'OCMF|{}|{"SD":"a\nb"}', MalformedRecordError, OcmfErrorCode.SIGNATURE_NOT_JSON, "/signature", "8"),
        (b'OCMF|{"a":}|{}', MalformedRecordError, OcmfErrorCode.PAYLOAD_NOT_JSON, "/payload", "5"),
        (b'OCMF|{"a":OCMF}|{}', MalformedRecordError, OcmfErrorCode.PAYLOAD_NOT_JSON, "/payload", "5"),
        (b'OCMF|{"a":"b', MalformedRecordError, OcmfErrorCode.PAYLOAD_CUT_OFF, "/payload", "5"),
        (b'OCMF|{"a":5', MalformedRecordError, OcmfErrorCode.PAYLOAD_CUT_OFF, "/payload", "6"),
        (b'OCMF|{"a":5}', MalformedRecordError, OcmfErrorCode.SIGNATURE_SECTION_MISSING, "/signature", None),
        (b'OCMF|{"a":5}|', MalformedRecordError, OcmfErrorCode.SIGNATURE_SECTION_MISSING, "/signature", None),
        (b'OCMF|{"a":5}|{"SD"', MalformedRecordError, OcmfErrorCode.SIGNATURE_CUT_OFF, "/signature", "5"),
        (
            b'OCMF|{"a":' + b"[" * 100 + b"]" * 100 + b"}|{}",
            LimitExceededError,
            "ocmf_nested_too_deep",
            "/payload",
            None,
        ),
        (
            b"OCMF|{}|{}" + b" " * MAX_RECORD_BYTES,
            LimitExceededError,
            OcmfErrorCode.RECORD_TOO_LARGE,
            "",
            None,
        ),
    ],
)
def test_records_that_cannot_be_decoded(
    content: bytes, kind: type[FormatError], code: str, where: str, position: str | None
) -> None:
    with pytest.raises(kind) as caught:
        OcmfFormat().decode(content)
    error = caught.value
    assert (error.code, error.where) == (code, where)
    assert error.params.get("position") == position
    finding = error.finding()
    assert (finding.code, finding.where, finding.severity) == (code, where, Severity.ERROR)
    assert code in str(error)


def test_the_number_of_readings_is_limited() -> None:
    with pytest.raises(LimitExceededError) as caught:
        decode('{"RD":[' + "{}," * 10_000 + "{}]}")
    assert caught.value.code == OcmfErrorCode.TOO_MANY_READINGS


def test_findings_are_limited_and_the_rest_is_counted() -> None:
    record = decode('{"RD":[' + ",".join(["5"] * 1000) + "]}")
    same = [finding for finding in record.findings if finding.code == "reading_malformed"]
    assert len(same) == MAX_FINDINGS_PER_CODE
    (rest,) = [finding for finding in record.findings if finding.code == "format_findings_omitted"]
    assert rest.params == {"finding": "reading_malformed", "count": str(1000 - MAX_FINDINGS_PER_CODE)}
