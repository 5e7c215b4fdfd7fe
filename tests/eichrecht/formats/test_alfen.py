"""ALFEN lines: layout, signed bytes, status bits, text forms, what is unsigned, and hostile input."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.evidence import ClockStatus, Document, DocumentVerdict, ReadingRole, SignedRecord, Verdict
from eichrecht.formats._lines import MAX_BROKEN
from eichrecht.formats.alfen import MAX_RECORD_BYTES, AlfenFormat
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.formats.registry import recognise
from eichrecht.verification import Verifier
from sample_meters.alfen import BEGIN_WH, END_WH, AlfenMeter, Dataset, in_safe_xml, lines

FORMAT = AlfenFormat()
METER = AlfenMeter()
OLD = AlfenMeter(signs_roles=False)
LINE = METER.begin()


def verify(content: bytes) -> DocumentVerdict:
    return Verifier().verify(Document("test", content))


def codes(record: SignedRecord) -> dict[str, str]:
    return {finding.code: finding.severity.value for finding in (*record.findings, *record.contradictions)}


def decoded(**changes: Any) -> SignedRecord:
    return FORMAT.decode(OLD.begin(**changes))


def test_every_field_of_the_dataset_is_read() -> None:
    record = FORMAT.decode(METER.end(scaler=-1, value=123_456, page=70, session=31, status=1 << 11))
    (reading,) = record.readings
    assert (record.format, record.version, record.embedded_key) == ("ALFEN", "3", METER.public_key_text())
    assert (record.meter.serial, record.gateway.serial) == ("0A0153414D0000000007", "0A0E53414D00000A0001")
    assert record.gateway.firmware == "v016 5AE1"
    assert record.identification.data == "04A1B2C3D4E580"
    assert record.identification.assigned is None
    assert record.pagination is not None
    assert (record.pagination.context, record.pagination.number, record.session) == ("", 70, "31")
    assert (reading.value, reading.unit, reading.obis) == ("12345.6", "Wh", "0100010800FF")
    assert str(reading.energy_kwh) == "12.3456"
    assert (reading.time, reading.time_text) == (
        datetime(2024, 5, 17, 17, 15, 25, tzinfo=UTC),
        "2024-05-17T17:15:25+00:00",
    )
    assert (reading.time_status, reading.seconds_index) == (ClockStatus.INFORMATIVE, 884_325)
    assert (reading.role, reading.status_word) == (ReadingRole.END, "00080010")
    assert [flag.code for flag in reading.status_flags] == ["alfen_phase_order_wrong"]
    assert codes(record) == {}


def test_the_signed_bytes_are_the_dataset_and_nothing_else() -> None:
    """Checked with the curve arithmetic of another library, over a digest made here."""
    record = FORMAT.decode(LINE)
    dataset = base64.b32decode(LINE.split(b";")[4])
    assert record.signed_bytes == dataset
    assert len(dataset) == 82
    point = bytes.fromhex(AlfenMeter().public_key_text("point-hex"))
    key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP192R1(), point)
    value = record.signature.value
    assert value is not None
    assert (len(value), record.signature.native) == (48, "raw")
    der = encode_dss_signature(int.from_bytes(value[:24], "big"), int.from_bytes(value[24:], "big"))
    key.verify(der, hashlib.sha256(dataset).digest(), ec.ECDSA(Prehashed(SHA256())))
    with pytest.raises(InvalidSignature):
        key.verify(der, hashlib.sha256(dataset[:-1]).digest(), ec.ECDSA(Prehashed(SHA256())))


@pytest.mark.parametrize(
    ("scaler", "value", "kwh"),
    [
        (0, 22675, "22.675"),
        (3, 22, "22.000"),
        (-4, 226_750_000, "22.6750000"),
        (1, -5, "-0.050"),
        (0, 0, "0.000"),
        (9, 2**63 - 1, "9223372036854775807000000.000"),
        (-9, -(2**63), "-9223372.036854775808"),
    ],
)
def test_energy_is_exact(scaler: int, value: int, kwh: str) -> None:
    (reading,) = decoded(scaler=scaler, value=value).readings
    assert f"{reading.energy_kwh:f}" == kwh


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"unit": 27}, "alfen_unit_not_energy"),
        ({"unit": 31}, "alfen_unit_not_energy"),
        ({"scaler": 10}, "alfen_scaler_out_of_range"),
        ({"scaler": -10}, "alfen_scaler_out_of_range"),
    ],
)
def test_what_is_no_energy_has_none(changes: dict[str, int], code: str) -> None:
    record = decoded(**changes)
    assert record.readings[0].energy_kwh is None
    assert codes(record)[code] == "error"
    assert verify(OLD.begin(**changes)).verdict is Verdict.INDETERMINATE


FLAGS = {
    0: ("alfen_meter_clock_error", "warning"),
    1: ("alfen_meter_eeprom_error", "error"),
    2: ("alfen_meter_flash_error", "error"),
    8: ("alfen_phase_1_missing", "warning"),
    9: ("alfen_phase_2_missing", "warning"),
    10: ("alfen_phase_3_missing", "warning"),
    11: ("alfen_phase_order_wrong", "warning"),
    16: ("alfen_adapter_fatal_error", "error"),
    26: ("alfen_start_reading_mismatch", "warning"),
    30: ("alfen_adapter_memory_error", "error"),
    31: ("alfen_meter_unreachable", "error"),
}
ROLES = {27: ReadingRole.INTERMEDIATE, 28: ReadingRole.END, 29: ReadingRole.BEGIN}


@pytest.mark.parametrize("bit", range(32))
def test_every_status_bit_is_named(bit: int) -> None:
    (reading,) = decoded(status=1 << bit).readings
    flags = [(flag.code, flag.severity.value) for flag in reading.status_flags]
    if bit in ROLES:
        assert (flags, reading.role) == ([], ROLES[bit])
    else:
        assert flags == [FLAGS.get(bit, ("alfen_status_bits_unknown", "warning"))]
        assert reading.role is ReadingRole.UNKNOWN
    assert reading.time_status is (ClockStatus.UNKNOWN if bit == 0 else ClockStatus.INFORMATIVE)
    kind = {27: "2", 28: "1"}.get(bit, "0")
    verdict = verify(METER.sign(kind, replace(Dataset(), status=1 << bit).encoded()))
    forbidden = FLAGS.get(bit, ("", ""))[1] == "error"
    assert verdict.verdict is (Verdict.INVALID if forbidden else Verdict.VALID)


def test_two_roles_in_the_status_are_none() -> None:
    record = decoded(status=1 << 28 | 1 << 29)
    assert record.readings[0].role is ReadingRole.UNKNOWN
    assert codes(record)["alfen_role_ambiguous"] == "error"


@pytest.mark.parametrize(
    ("user", "shown", "bad"),
    [
        (b"", None, False),
        (b"04A1", "04A1", False),
        (b"12345678901234567890", "12345678901234567890", False),
        ("Müller".encode(), "Müller", False),
        (b"04A1\x0004B2", "0430", True),
        (b"\xff\xfe", "FFFE", True),
        ("a\u202eb".encode(), "61E280AE62", True),
        (b"a\nb", "610A62", True),
    ],
)
def test_user_id(user: bytes, shown: str | None, bad: bool) -> None:
    record = decoded(user=user)
    data = record.identification.data
    assert (data == shown) if not bad else (data is not None and len(data) == 40)
    assert codes(record).get("alfen_user_unreadable") == ("error" if bad else None)
    assert all("61" not in value for finding in record.findings for value in finding.params.values())


def test_unreadable_firmware_is_shown_in_hexadecimal() -> None:
    record = decoded(firmware="v\x00\n1")
    assert record.gateway.firmware == "76000A31 5AE1"
    assert codes(record)["alfen_firmware_unreadable"] == "warning"


@pytest.mark.parametrize("kind", "012")
@pytest.mark.parametrize("bit", [27, 28, 29])
def test_the_type_must_agree_with_the_signed_status(kind: str, bit: int) -> None:
    contradicts = {"0": 29, "1": 28, "2": 27}[kind] != bit
    content = METER.sign(kind, replace(Dataset(), status=1 << bit).encoded())
    record = FORMAT.decode(content)
    assert record.readings[0].role is ROLES[bit], "what is signed counts"
    assert bool(record.contradictions) is contradicts
    verdict = verify(content)
    assert verdict.records[0].verdict is (Verdict.INVALID if contradicts else Verdict.VALID)
    assert verdict.records[0].signature.status == "valid"


def test_an_unsigned_type_is_a_claim_and_no_reading_shows_it() -> None:
    roles = {"0": ReadingRole.BEGIN, "1": ReadingRole.END, "2": ReadingRole.INTERMEDIATE, "7": None}
    for kind, role in roles.items():
        record = FORMAT.decode(METER.sign(kind, Dataset().encoded()))
        assert record.readings[0].role is ReadingRole.UNKNOWN
        assert record.claimed_role is role
        assert codes(record).get("alfen_type_unknown") == ("error" if role is None else None)


def test_a_forged_type_can_only_make_a_session_fail() -> None:
    records = [OLD.begin(), OLD.between(3), OLD.between(6), OLD.end()]
    genuine = verify(lines(*records))
    (transaction,) = genuine.transactions
    assert (genuine.verdict, transaction.energy_kwh) == (Verdict.VALID, Decimal("22.530"))
    for place, record in enumerate(records):
        for kind in b"0", b"1", b"2":
            forged = [*records]
            forged[place] = b"AP;" + kind + record[4:]
            if forged == records:
                continue
            verdict = verify(lines(*forged))
            assert verdict.verdict is not Verdict.VALID
            assert all(not entry.billable.energy for entry in verdict.transactions)


def test_a_session_without_its_end_is_said_to_be_incomplete() -> None:
    """By the numbers alone the last intermediate value would be the end; the record says that it is none."""
    for meter in METER, OLD:
        verdict = verify(lines(meter.begin(), meter.between(1), meter.between(2)))
        (transaction,) = verdict.transactions
        assert verdict.verdict is Verdict.INDETERMINATE
        assert "end_missing" in {finding.code for finding in transaction.findings}
        assert transaction.energy_kwh is None


@pytest.mark.parametrize("version", ["0", "2", "4", "x"])
def test_an_unknown_version_cannot_be_read(version: str) -> None:
    content = LINE.replace(b"AP;0;3;", f"AP;0;{version};".encode())
    assert codes(FORMAT.decode(content))["alfen_version_unknown"] == "error"
    assert verify(content).verdict is Verdict.INDETERMINATE


def test_text_forms_that_mean_the_same() -> None:
    plain = FORMAT.decode(LINE)
    fields = LINE.split(b";")
    key, dataset, signature = fields[3:6]
    grouped = b" ".join(key[place : place + 4] for place in range(0, 40, 4))
    same = {
        b";".join([*fields[:3], grouped, dataset, signature, b""]): set(),
        b";".join([*fields[:4], dataset[:70] + b"\r\n" + dataset[70:], signature, b""]): {"dataset"},
        b";".join([*fields[:4], dataset, signature[:40] + b"\n\t" + signature[40:], b""]): {"signature"},
        b";".join([*fields[:4], dataset.lower(), signature.lower(), b""]): {"dataset", "signature"},
        b";".join([*fields[:4], dataset.rstrip(b"="), signature.rstrip(b"=")]): set(),
        b"\r\n " + LINE: set(),
        LINE + b"\n": set(),
    }
    for content, noted in same.items():
        record = FORMAT.decode(content)
        assert record.signed_bytes == plain.signed_bytes
        assert record.signature.value == plain.signature.value
        assert record.embedded_key == plain.embedded_key
        assert {f.params["field"] for f in record.findings if f.code == "alfen_base32_not_canonical"} == noted
        assert verify(content).verdict is Verdict.VALID


def test_unused_bits_of_base32_are_noticed() -> None:
    fields = LINE.split(b";")
    dataset = fields[4].rstrip(b"=")
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    other = letters[letters.index(dataset[-1]) | 1]
    fields[4] = dataset[:-1] + bytes((other,)) + b"===="
    record = FORMAT.decode(b";".join(fields))
    assert record.signed_bytes == FORMAT.decode(LINE).signed_bytes
    assert "alfen_base32_not_canonical" in codes(record)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"AP;0;3;", "alfen_fields_missing"),
        (b"AP;0;3;AAAA;", "alfen_fields_missing"),
        (b"AP;0;3;AAAA;BBBB;", "alfen_fields_missing"),
        (b"AP;0;3;AAAA;BBBB", "alfen_fields_missing"),
        (b"AP;0;3;AA?A;BBBB;CCCC;", "alfen_field_not_base32"),
        (b"AP;0;3;AAAA;B1BB;CCCC;", "alfen_field_not_base32"),
        (b"AP;0;3;AAAA;BBBB;CC8C;", "alfen_field_not_base32"),
        (b"AP;0;3;AAAA;BBBB;CCCC;", "alfen_signature_length"),
        (LINE.replace(b"====;", b"=A==;"), "alfen_field_not_base32"),
        (LINE[:-5] + b"==;", "alfen_signature_length"),
        (LINE[:-5] + b"AAA===;", "alfen_signature_length"),
        (b"AP;0;3;;BBBB;" + b"A" * 77, "alfen_dataset_length"),
        (b"AP;0;3;;;" + b"A" * 77, "alfen_dataset_length"),
        (b"AP;0;3;;" + b"A" * 132 + b"AA;" + b"A" * 77, "alfen_dataset_length"),
    ],
)
def test_what_is_wrong_is_named(content: bytes, code: str) -> None:
    with pytest.raises(MalformedRecordError) as caught:
        FORMAT.decode(content)
    assert caught.value.code == code
    assert verify(content).verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize(
    "content", [b"", b"asdfd", b"AP", b"AP;0", b"AP;01;3;A;B;C;", b"ap;0;3;A;B;C;", b"MAP;0;3;A"]
)
def test_what_is_no_line_at_all(content: bytes) -> None:
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(content)
    assert FORMAT.find(content) == []


def test_text_behind_a_record_is_reported() -> None:
    for after in (b"more", b"\nAP;", b";;"):
        record = FORMAT.decode(LINE + after)
        assert codes(record) == {"alfen_text_after_record": "warning"}
        assert record.raw == LINE


def test_an_endless_record_is_refused() -> None:
    with pytest.raises(LimitExceededError):
        FORMAT.decode(b"AP;0;3;" + b"A" * MAX_RECORD_BYTES)
    blanks = LINE.replace(b"===;", b" " * MAX_RECORD_BYTES + b"===;")
    with pytest.raises(LimitExceededError):
        FORMAT.decode(blanks)


def test_lines_are_found_wherever_they_stand() -> None:
    first, last = METER.begin().rstrip(b";"), METER.end().rstrip(b"=;")
    for text in (
        b"%s\n%s",
        b"%s;%s;",
        b'{"a":"%s","b":"%s"}',
        b"<a>%s</a><b>%s</b>",
        b"Start %s\nHello, the end: %s\nHello",
        b"%s;\r\n\r\n%s;",
    ):
        content = text % (first, last)
        spans = FORMAT.find(content)
        assert [span.reason for span in spans] == ["alfen_fields"] * 2
        found = [content[span.start : span.end].rstrip(b";") for span in spans]
        assert found == [first, last]
        assert list(recognise(content)) == list(spans)


def test_a_damaged_line_does_not_hide_the_next() -> None:
    for cut in (7, 20, 48, 100, 190, 230):
        for between in (b";", b"\n", b" ", b"</a><a>"):
            content = LINE[:cut] + between + METER.end()
            spans = FORMAT.find(content)
            assert [span.reason for span in spans] == ["alfen_incomplete", "alfen_fields"]
            assert content[spans[1].start : spans[1].end] == METER.end()
    content = LINE[:100] + b"\n" + METER.end()
    spans = FORMAT.find(content)
    assert [span.reason for span in spans] == ["alfen_incomplete", "alfen_fields"]
    assert len(verify(content).records) == 2


@pytest.mark.parametrize(
    "unit", [b"AP;0;3;", b"AP;0;3;A;", b"AP;0;3;A;B;", LINE[:-90], b"AP;0;3; \n", b"AP;"]
)
def test_search_is_linear(unit: bytes) -> None:
    """A megabyte of the worst there is: with quadratic work this test would run for hours."""
    content = unit * ((1 << 20) // len(unit))
    spans = FORMAT.find(content)
    ends = [0, *(span.end for span in spans)]
    assert all(span.start >= end for span, end in zip(spans, ends, strict=False))
    assert all(span.end > span.start for span in spans)
    assert sum(span.reason == "alfen_incomplete" for span in spans) <= MAX_BROKEN + 1
    if len(spans) > MAX_BROKEN:
        assert spans[-1].end == len(content), "what was not looked at is a record that cannot be read"


@given(st.binary(max_size=400))
def test_decode_raises_nothing_but_its_own_errors(tail: bytes) -> None:
    for content in (tail, b"AP;0;3;" + tail, LINE[: len(tail)] + tail):
        spans = FORMAT.find(content)
        assert all(content[span.start : span.end] for span in spans)
        for span in spans:
            part = content[span.start : span.end]
            try:
                record = FORMAT.decode(part)
            except FormatError:
                assert span.reason == "alfen_incomplete" or b"AP;" in part
            else:
                assert record.raw.strip() == part.strip() or codes(record)


@given(st.binary(min_size=82, max_size=82))
def test_any_dataset_is_decoded_and_encoded_back(dataset: bytes) -> None:
    record = FORMAT.decode(METER.sign("0", dataset))
    (reading,) = record.readings
    assert record.signed_bytes == dataset
    assert record.pagination is not None
    back = (
        bytes.fromhex(record.gateway.serial or ""),
        bytes.fromhex(record.meter.serial or ""),
        bytes.fromhex(reading.status_word or ""),
        (reading.seconds_index or 0).to_bytes(4, "little"),
        bytes.fromhex(reading.obis or ""),
        int(record.session or -1).to_bytes(4, "little"),
        record.pagination.number.to_bytes(4, "little"),
    )
    places = ((0, 10), (16, 26), (26, 30), (30, 34), (38, 44), (74, 78), (78, 82))
    assert back == tuple(dataset[start:end] for start, end in places)
    assert reading.time is not None
    assert int(reading.time.timestamp()).to_bytes(4, "little") == dataset[34:38]
    if reading.energy_kwh is not None:
        scaler = int.from_bytes(dataset[45:46], "little", signed=True)
        value = int.from_bytes(dataset[46:54], "little", signed=True)
        assert reading.energy_kwh * 1000 == Decimal(value).scaleb(scaler)


def test_sessions_and_meters_are_told_apart() -> None:
    other = replace(METER, session=replace(METER.session, session=77, page=90))
    content = lines(METER.begin(), other.begin(), METER.end(), other.end())
    verdict = verify(content)
    assert [t.records for t in verdict.transactions] == [(0, 2), (1, 3)]
    assert verdict.verdict is Verdict.VALID


def test_the_same_line_twice_is_one_record() -> None:
    verdict = verify(lines(METER.begin(), METER.begin(), METER.end()))
    (transaction,) = verdict.transactions
    assert (transaction.verdict, transaction.records) == (Verdict.VALID, (0, 2))
    assert transaction.energy_kwh == Decimal(END_WH - BEGIN_WH).scaleb(-3)


def test_new_firmware_during_a_session_is_a_warning() -> None:
    verdict = verify(lines(METER.begin(), METER.end(checksum="0001")))
    (transaction,) = verdict.transactions
    assert transaction.verdict is Verdict.VALID
    assert "firmware_differs" in {finding.code for finding in transaction.findings}


def test_duration_is_never_billed() -> None:
    (transaction,) = verify(lines(METER.begin(), METER.end())).transactions
    assert transaction.duration_s == Decimal(4325)
    assert (transaction.billable.energy, transaction.billable.duration) == (True, False)


def test_context_of_the_container_against_the_signed_role() -> None:
    swapped = in_safe_xml(METER.begin(), METER.end(), contexts=("Transaction.End", "Transaction.Begin"))
    (transaction,) = verify(swapped).transactions
    assert "context_contradicts_record" in {finding.code for finding in transaction.findings}
    assert transaction.energy_kwh == Decimal("22.530"), "the signed roles count"


def test_lines_in_ocpi_signed_data() -> None:
    plain, coded = METER.begin().decode(), base64.b64encode(METER.end()).decode()
    end = METER.end().decode()
    content = (
        '{"encoding_method":"Alfen Eichrecht","public_key":"'
        + METER.public_key_text()
        + '","signed_values":['
        f'{{"nature":"Start","plain_data":"{plain}","signed_data":"{plain}"}},'
        f'{{"nature":"End","plain_data":"{end}","signed_data":"{coded}"}}]}}'
    )
    verdict = verify(content.encode())
    assert [record.format for record in verdict.records] == ["ALFEN", "ALFEN"]
    assert verdict.verdict is Verdict.VALID
    differs = content.replace(f'"plain_data":"{end}"', f'"plain_data":"{plain}"')
    assert verify(differs.encode()).verdict is not Verdict.VALID, "a driver reads plain_data"
