"""The 320 bytes of EDL40 meters, and the three formats that carry or rebuild them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.evidence import (
    ClockStatus,
    Document,
    PaginationRule,
    ReadingRole,
    Severity,
    SignatureStatus,
    SignedRecord,
)
from eichrecht.formats import _edl40 as edl40
from eichrecht.formats import _edl40_old as old
from eichrecht.formats import _sml as sml
from eichrecht.formats import registry
from eichrecht.formats.errors import FormatError, NotThisFormatError
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters import _edl40_telegrams as writer
from sample_meters import isa_edl40_p
from sample_meters.edl40_p import FIRST, LAST, METER, WIDE_FIRST, WIDE_LAST, Edl40Meter
from tests.eichrecht.formats.edl40_support import ISA, OLD, TELEGRAM, WIDE, P, codes, refused

# --- the 320 bytes


FIELDS = st.builds(
    edl40.Edl40Fields,
    server_id=st.binary(min_size=10, max_size=10),
    time_local_s=st.integers(0, 2**32 - 1),
    status=st.integers(0, 255),
    seconds_index=st.integers(0, 2**32 - 1),
    pagination=st.integers(0, 2**32 - 1),
    obis=st.binary(min_size=6, max_size=6),
    unit=st.integers(0, 255),
    scaler=st.integers(-128, 127),
    value=st.integers(-(2**63), 2**63 - 1),
    log_book=st.binary(min_size=2, max_size=2),
    contract_id=st.binary(max_size=128).map(lambda octets: octets.rstrip(b"\0")),
    contract_time_local_s=st.integers(0, 2**32 - 1),
    historical_value=st.integers(-(2**63), 2**63 - 1),
    historical_compensated=st.integers(-(2**63), 2**63 - 1),
    line_resistance=st.integers(0, 2**16 - 1),
    stopwatch=st.integers(0, 2**32 - 1),
    price=st.integers(0, 2**16 - 1),
)


@given(FIELDS)
def test_every_field_comes_back_out_of_the_buffer(fields: edl40.Edl40Fields) -> None:
    buffer = edl40.edl40_buffer(fields)
    assert len(buffer) == 320
    assert edl40.read_edl40_buffer(buffer) == fields


@given(st.binary(min_size=320, max_size=320))
def test_every_byte_is_in_a_field(buffer: bytes) -> None:
    assert edl40.edl40_buffer(edl40.read_edl40_buffer(buffer)) == buffer
    assert old.old_buffer(old.read_old_buffer(buffer)) == buffer


@given(FIELDS)
def test_what_is_shown_of_any_signed_bytes(fields: edl40.Edl40Fields) -> None:
    first, *compensated = edl40.edl40_readings(fields)
    assert (first.energy_kwh is None) == (fields.unit != 30 or abs(fields.scaler) > 12)
    if first.energy_kwh is not None:
        assert first.energy_kwh == Decimal(fields.value).scaleb(fields.scaler - 3)
    findings = edl40.edl40_findings(fields)
    unusable = {"edl40_unit_not_watt_hour", "edl40_scaler_implausible"}
    assert bool(unusable & {f.code for f in findings}) == (first.energy_kwh is None)
    assert len(compensated) == bool(fields.historical_compensated or fields.line_resistance)
    assert first.time is None


def test_the_layout_is_the_one_of_the_meters() -> None:
    fields = edl40.read_edl40_buffer(FIRST.buffer("narrow"))
    assert fields.server_id.hex().upper() == FIRST.serial
    assert (fields.status, fields.seconds_index, fields.pagination) == (8, FIRST.seconds, FIRST.page)
    assert (fields.unit, fields.scaler, fields.value) == (30, -1, FIRST.value)
    assert (fields.log_book, fields.contract_id) == (FIRST.log, FIRST.contract)
    assert edl40.local_time_text(fields.time_local_s) == "2025-03-04T17:31:08"
    assert edl40.local_time_text(edl40.CLOCK_NOT_SET) is None


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("server_id", b"123"),
        ("pagination", -1),
        ("pagination", 2**32),
        ("value", 2**63),
        ("scaler", 128),
        ("unit", 256),
        ("contract_id", b"x" * 129),
        ("log_book", b""),
    ],
)
def test_a_field_that_does_not_fit_is_named(field: str, value: object) -> None:
    fields = edl40.read_edl40_buffer(bytes(320))
    changed = replace(fields, **{field: value})  # type: ignore[arg-type]
    with pytest.raises(FormatError, match="edl40_field_out_of_range") as caught:
        edl40.edl40_buffer(changed)
    assert caught.value.params["field"] == field


def test_status_bits_are_named_and_an_error_forbids_billing() -> None:
    every = edl40.status_flags(0xFF)
    assert len({flag.code for flag in every}) == 8
    assert [flag.code for flag in every if flag.severity is Severity.ERROR] == [
        "edl40_status_error",
        "edl40_status_magnetic_field",
    ]
    assert edl40.status_flags(0) == ()


def test_contract_ids_are_text_or_hex() -> None:
    assert edl40.contract_text(b"") is None
    assert edl40.contract_text(b"1a7d6a43") == "1a7d6a43"
    assert edl40.contract_text(bytes.fromhex("8dacd30c")) == "8DACD30C"
    assert edl40.device_of(bytes.fromhex("0901454d4800007ee035")).vendor == "EMH"
    assert edl40.device_of(bytes(10)).vendor is None


# --- EDL_40_P


def test_a_telegram_shows_what_its_320_bytes_say() -> None:
    record = P.decode(TELEGRAM)
    assert record.signed_bytes == FIRST.buffer("narrow")
    assert record.signature.value == FIRST.signature("narrow", METER.key_label)[:48]
    assert (record.signature.algorithm, record.signature.native) == ("ECDSA-secp192r1-SHA256", "raw")
    (reading,) = record.readings
    assert (reading.role, reading.value, reading.unit) == (ReadingRole.UNKNOWN, "120433.1", "Wh")
    assert reading.energy_kwh == Decimal("120.4331")
    assert (reading.obis, reading.status_word, reading.event_counter) == ("0100011100FF", "08", 25)
    assert (reading.time, reading.time_text) == (None, "2025-03-04T17:31:08")
    assert (reading.time_status, reading.seconds_index) == (ClockStatus.INFORMATIVE, FIRST.seconds)
    assert (record.meter.serial, record.meter.vendor) == (FIRST.serial, "SMP")
    assert record.identification.data == "SMP-7712"
    assert record.pagination is not None
    assert (record.pagination.number, record.traits.pagination) == (FIRST.page, PaginationRule.CONSECUTIVE)
    assert (record.session, record.assigned_at) == (FIRST.contract.hex(), "2025-03-04T17:31:06")
    assert record.raw == TELEGRAM


def test_the_wide_variant_adds_the_compensated_register_and_takes_the_mark_off() -> None:
    begin, end = P.decode(WIDE.telegram(WIDE_FIRST)), P.decode(WIDE.telegram(WIDE_LAST))
    assert begin.signature.algorithm == "ECDSA-secp256r1-SHA256"
    assert begin.signed_bytes == WIDE_FIRST.buffer("wide")
    plain, compensated = begin.readings
    assert (plain.energy_kwh, compensated.energy_kwh) == (Decimal("120.4331"), Decimal("110.0002"))
    assert (plain.obis, compensated.obis) == ("0100011100FF", "0100011100C8")
    assert (plain.status_word, begin.assigned_at) == ("88", None)
    assert begin.loss_compensation is not None
    assert begin.loss_compensation.resistance == 1800
    assert (plain.role, end.readings[0].role) == (ReadingRole.BEGIN, ReadingRole.END)
    assert begin.identification.data == end.identification.data == "SMP-7712"
    assert begin.session == end.session
    assert begin.identification.flags != end.identification.flags


@pytest.mark.parametrize("contract", [b"\x03SMP", b"\x01", b"SMP", b"\x00SMP"])
def test_other_first_bytes_are_no_mark(contract: bytes) -> None:
    record = P.decode(WIDE.telegram(replace(WIDE_FIRST, contract=contract)))
    assert record.readings[0].role is ReadingRole.UNKNOWN
    assert record.session == contract.hex()
    assert record.identification.flags == ()


def test_the_mark_stays_in_the_id_of_192_bit_meters() -> None:
    record = P.decode(METER.telegram(replace(FIRST, contract=b"\x01SMP")))
    assert (record.readings[0].role, record.session) == (ReadingRole.UNKNOWN, b"\x01SMP".hex())


def test_the_older_layout_has_no_numbers() -> None:
    record = P.decode(OLD.telegram(FIRST))
    assert record.signed_bytes == FIRST.old_buffer(OLD.key_label)
    assert (record.pagination, record.traits.pagination) == (None, PaginationRule.NONE)
    assert record.readings[0].seconds_index is None
    assert record.readings[0].energy_kwh == Decimal("120.4331")
    assert record.official_refusals == ("error.sml.missing.secondsindex",)


@pytest.mark.parametrize("word", [0x00, 0x20001, 0x80000000, 0x10000, 0x800, 0x200, 0x100, 0xFFFFFFFF])
def test_the_status_byte_of_the_wide_variant_is_picked_from_the_word(word: int) -> None:
    record = P.decode(WIDE.telegram(replace(WIDE_FIRST, word=word)))
    assert record.readings[0].status_word == f"{replace(WIDE_FIRST, word=word).wide_status:02X}"


def _without(name: str, meter: Edl40Meter = METER) -> bytes:
    """A telegram without one entry."""
    kept = [entry for entry in meter.entries(FIRST) if bytes.fromhex(name) not in entry[:10]]
    content = writer.value_list(
        FIRST.serial, "8180817103FF", kept, FIRST.signature("narrow", METER.key_label)
    )
    return writer.frame(content, serial=FIRST.serial)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("8182815401FF", "contract_id"),
        ("0100011100FF", "register"),
        ("810060080001", "seconds_index"),
        ("8180817101FF", "pagination"),
    ],
)
def test_what_is_missing_is_named(name: str, field: str) -> None:
    assert refused(P.decode, _without(name)) == ("sml_field_missing", f"/{field}")


def test_a_telegram_without_list_or_signature_is_refused() -> None:
    assert refused(P.decode, writer.frame(serial=FIRST.serial))[0] == "sml_no_value_list"
    unsigned = writer.value_list(FIRST.serial, "8180817103FF", METER.entries(FIRST), b"")
    assert refused(P.decode, writer.frame(unsigned, serial=FIRST.serial)) == (
        "sml_field_missing",
        "/signature",
    )
    for length, code in (
        (48, "sml_field_missing"),
        (49, "edl40_signature_length"),
        (67, "edl40_signature_length"),
    ):
        assert refused(P.decode, METER.telegram(FIRST, signature=bytes(length)))[0] == code


def test_telegrams_of_the_two_formats_are_told_apart() -> None:
    isa = isa_edl40_p.METER.telegram(isa_edl40_p.AT_END)
    assert [span.format for span in registry.recognise(TELEGRAM + isa)] == ["EDL_40_P", "ISA_EDL_40_P"]
    for decode, foreign in ((P.decode, isa), (ISA.decode, TELEGRAM)):
        with pytest.raises(NotThisFormatError):
            decode(foreign)
    disguised = METER.telegram(replace(FIRST, contract=bytes.fromhex("7707010001080080")))
    assert [span.format for span in registry.recognise(disguised)] == ["EDL_40_P"]


# --- what is not signed


def _resealed(frame: bytes, place: int, change: int) -> bytes:
    start = frame[:place] + bytes((frame[place] ^ change,)) + frame[place + 1 : -2]
    return start + sml.crc16_x25(start).to_bytes(2, "little")


def _shown(record: SignedRecord) -> tuple[object, ...]:
    return (
        record.signed_bytes,
        record.readings,
        record.meter,
        record.identification,
        record.pagination,
        record.session,
        record.assigned_at,
        record.loss_compensation,
    )


@pytest.mark.parametrize(
    ("telegram", "key"),
    [
        (TELEGRAM, METER.public_key_text()),
        (WIDE.telegram(WIDE_LAST), WIDE.public_key_text()),
        (OLD.telegram(LAST), OLD.public_key_text()),
        (isa_edl40_p.METER.telegram(isa_edl40_p.AT_END), isa_edl40_p.METER.public_key_text()),
    ],
    ids=["narrow", "wide", "old", "isa"],
)
def test_no_bit_under_a_repaired_checksum_changes_what_is_shown_as_signed(telegram: bytes, key: str) -> None:
    """The checksum protects from accidents only: a forger writes a new one."""
    verifier = Verifier(keys=[SuppliedKey(key, "--key")])

    def check(content: bytes) -> list[SignedRecord]:
        return [
            entry.record
            for entry in verifier.verify(Document("flipped", content)).records
            if entry.record is not None and entry.signature.status is SignatureStatus.VALID
        ]

    (original,) = check(telegram)
    passed = 0
    for place in range(8, len(telegram) - 8):
        for record in check(_resealed(telegram, place, 1 << place % 8)):
            assert _shown(record) == _shown(original), place
            passed += 1
    assert 0 < passed < len(telegram) // 2, "message numbers, list name and inner checksums are not signed"


def test_the_zone_is_not_signed_and_not_shown() -> None:
    elsewhere = replace(METER, offset_min=-300, season_min=60).telegram(FIRST)
    one, other = P.decode(TELEGRAM), P.decode(elsewhere)
    assert _shown(one) == _shown(other)
    assert one.signature.value == other.signature.value
    zones = [f.params["minutes"] for r in (one, other) for f in r.findings if f.code == "sml_zone_not_signed"]
    assert zones == ["+60", "-240"]


def test_unit_and_scaler_of_the_session_registers_must_be_those_that_are_signed() -> None:
    entries = WIDE.entries(WIDE_LAST)
    lied = writer.entry(
        "0100011100C8", writer.unsigned(WIDE_LAST.compensated, 3), unit=writer.unsigned(30, 1),
        scaler=writer.signed(0, 1),
    )  # fmt: skip
    entries = [lied if bytes.fromhex("0100011100C8") in entry[:10] else entry for entry in entries]
    signature = WIDE_LAST.signature("wide", WIDE.key_label)
    content = writer.value_list(WIDE_LAST.serial, "8180817103FF", entries, signature)
    record = P.decode(writer.frame(content, serial=WIDE_LAST.serial))
    assert record.signed_bytes == WIDE_LAST.buffer("wide")
    assert "edl40_p_scale_contradicted" in {finding.code for finding in record.contradictions}


def test_two_telegrams_given_as_one_record_are_ambiguous() -> None:
    record = P.decode(TELEGRAM + METER.telegram(LAST))
    assert (record.unambiguous, record.raw) == (False, TELEGRAM)
    assert "sml_several_frames" in codes(record)
    assert "sml_data_around" in codes(P.decode(b"abc" + TELEGRAM))


# --- ISA


def test_the_record_at_the_end_holds_the_session() -> None:
    values = isa_edl40_p.AT_END
    record = ISA.decode(isa_edl40_p.METER.telegram(values))
    assert record.signed_bytes == values.buffer("isa")
    start, end = record.readings
    assert (start.role, start.energy_kwh) == (ReadingRole.BEGIN, Decimal("8800.4210"))
    assert (end.role, end.energy_kwh) == (ReadingRole.END, Decimal("8812.0455"))
    assert (start.time_text, end.time_text) == ("2025-03-04T17:31:08", "2025-03-04T18:34:59")
    assert (start.obis, end.obis) == ("010001080080", "0100010800FF")
    assert start.event_counter is None
    assert record.traits.roles_signed


@pytest.mark.parametrize("kind", ["begin", "update"])
def test_a_record_before_the_end_has_no_end(kind: str) -> None:
    record = ISA.decode(isa_edl40_p.METER.telegram(replace(isa_edl40_p.UPDATE, kind=kind)))
    assert [reading.role for reading in record.readings] == [ReadingRole.BEGIN, ReadingRole.INTERMEDIATE]


def test_an_unknown_list_name_is_refused() -> None:
    telegram = isa_edl40_p.METER.telegram(isa_edl40_p.AT_END)
    place = telegram.index(bytes.fromhex("8180816202FF"))
    assert refused(ISA.decode, _resealed(telegram, place + 4, 0x08)) == ("sml_field_missing", "/list_name")
