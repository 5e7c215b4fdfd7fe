"""GDF and EMH_CTR: sessions of a charge transparency record, their layout, errors and hostile input."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.evidence import ReadingRole, SignedRecord
from eichrecht.formats import registry
from eichrecht.formats._ctr_members import CtrSessionErrorCode
from eichrecht.formats._ctr_session import MAX_RECORD_BYTES, MAX_VALUES, CtrSessionCode
from eichrecht.formats.emh_ctr import EmhCtrFormat
from eichrecht.formats.errors import (
    FormatError,
    LimitExceededError,
    MalformedRecordError,
    NotThisFormatError,
)
from eichrecht.formats.gdf import GdfCode, GdfFormat
from sample_meters.chargy_ctr import AUTHORISED, BEGIN, BETWEEN, EMH, FIRST, GDF, LAST, CtrMeter

FORMATS = {"EMH_CTR": EmhCtrFormat(), "GDF": GdfFormat()}
Json = dict[str, Any]
both = pytest.mark.parametrize("meter", [EMH, GDF], ids=lambda meter: meter.format)


def text_of(session: Json) -> bytes:
    return json.dumps(session).encode()


def decode(meter: CtrMeter, session: Json) -> SignedRecord:
    return FORMATS[meter.format].decode(text_of(session))


def changed(meter: CtrMeter, change: Callable[[Json], object]) -> Json:
    session = json.loads(text_of(meter.session([FIRST, BETWEEN, LAST])))
    change(session)
    assert isinstance(session, dict)
    return session


def codes(record: SignedRecord) -> set[str]:
    return {str(finding.code) for finding in (*record.findings, *record.contradictions)}


def first_value(session: Json) -> Json:
    value = session["measurements"][0]["values"][0]
    assert isinstance(value, dict)
    return value


def test_what_an_emh_meter_signs() -> None:
    record = decode(EMH, EMH.session([FIRST, BETWEEN, LAST]))
    assert [len(piece.signed_bytes) for piece in record.more_signatures] == [320, 320]
    (serial, local, status, seconds, page, obis, unit, scaler, value, log, contract, identified) = (
        struct.unpack_from("<10sIBII6sBbq2s128sI", record.signed_bytes)
    )
    assert (serial.hex().upper(), status, seconds, page) == (EMH.meter_id, 8, FIRST.seconds, FIRST.page)
    assert (obis.hex(), unit, scaler, value) == ("0100011100ff", 30, -1, FIRST.value)
    assert (log, contract.rstrip(b"\0")) == (b"\x00\x06", EMH.user.encode())
    assert local - identified == (BEGIN - AUTHORISED).total_seconds()
    assert not any(record.signed_bytes[173:])
    assert [reading.record_number for reading in record.readings] == [17, 18, 19]
    assert record.readings[0].seconds_index == FIRST.seconds
    assert record.readings[0].status_word == "08"
    assert record.readings[0].event_counter == 6
    assert record.signature.algorithm == "ECDSA-secp192r1-SHA256"


def test_what_a_gdf_meter_signs_and_what_it_does_not() -> None:
    record = decode(GDF, GDF.session([FIRST, LAST]))
    signed = record.signed_bytes
    assert signed[:10] == GDF.meter_id.encode()
    assert not any((*signed[14:23], *signed[39:41], *signed[173:]))
    assert signed[41:48] == bytes.fromhex(GDF.user)
    for reading in record.readings:
        assert (reading.status_word, reading.status_flags, reading.event_counter) == (None, (), None)
        assert (reading.seconds_index, reading.record_number) == (None, None)
    assert (record.pagination, record.meter.serial) == (None, GDF.meter_id)
    assert record.identification.data == GDF.user
    assert record.signature.algorithm == "ECDSA-secp256r1-SHA256"
    forged = replace(
        LAST, written={"paginationId": "7", "secondsIndex": 1, "infoStatus": "41", "logBookIndex": "?"}
    )
    assert decode(GDF, GDF.session([FIRST, forged])).readings == record.readings


@both
def test_what_is_shown(meter: CtrMeter) -> None:
    record = decode(meter, meter.session([FIRST, BETWEEN, LAST]))
    roles = [reading.role for reading in record.readings]
    assert roles == [ReadingRole.BEGIN, ReadingRole.INTERMEDIATE, ReadingRole.END]
    assert [reading.energy_kwh for reading in record.readings] == [
        Decimal("6.6260"),
        Decimal("10.0000"),
        Decimal("16.6260"),
    ]
    assert {reading.time for reading in record.readings} == {None}
    assert record.readings[0].time_text == BEGIN.isoformat()
    assert record.charge_point == (None, None)
    assert (record.traits.roles_signed, record.traits.official) == (False, None)
    assert record.session is not None
    assert record.session.endswith("@" + AUTHORISED.isoformat())


@both
@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("EVSEId", "DE*XXX*E1"),
        ("@id", "other"),
        ("verificationResult", "x"),
    ],
)
def test_what_nobody_signed_of_the_session_is_shown_nowhere(meter: CtrMeter, member: str, value: str) -> None:
    plain = decode(meter, meter.session([FIRST, LAST]))
    other = decode(meter, meter.session([FIRST, LAST]) | {member: value})
    assert replace(other, raw=b"") == replace(plain, raw=b"")


@both
@pytest.mark.parametrize(
    ("member", "stated", "contradicts"),
    [
        ("begin", "1999-01-01T00:00:00Z", True),
        ("end", "2099-01-01T00:00:00+01:00", True),
        ("end", "at noon", True),
        ("begin", BEGIN.isoformat(), False),
        ("begin", (BEGIN - timedelta(minutes=5)).isoformat(), False),
        ("begin", (BEGIN - timedelta(minutes=5, seconds=1)).isoformat(), None),  # plugged in before
        ("begin", (BEGIN + timedelta(minutes=5, seconds=1)).isoformat(), True),
        ("begin", (BEGIN - timedelta(days=30)).isoformat(), None),
        ("begin", (BEGIN - timedelta(days=30, seconds=1)).isoformat(), True),
        ("begin", None, False),
    ],
)
def test_begin_and_end_of_the_session_are_those_of_its_values(
    meter: CtrMeter, member: str, stated: str | None, contradicts: bool | None
) -> None:
    """``None``: the stated session lies around the signed one, as plugging in and parking make it: a doubt."""
    record = decode(meter, meter.session([FIRST, LAST]) | {member: stated})
    told = [("claimed_time_contradicts", f"/{member}")]
    assert [(str(one.code), one.where) for one in record.contradictions] == (told if contradicts else [])
    doubts = [(str(one.code), one.where) for one in record.findings if one.code == told[0][0]]
    assert doubts == (told if contradicts is None else [])


@both
def test_further_signatures_of_a_value_are_named(meter: CtrMeter) -> None:
    session = meter.session([FIRST, LAST])
    session["measurements"][0]["values"][1]["signatures"].append({"r": "00", "s": "00"})
    (finding,) = [one for one in decode(meter, session).findings if one.code == "ctr_several_signatures"]
    assert (finding.where, finding.params["count"]) == ("/measurements/0/values/1/signatures", "2")


@both
def test_a_time_in_utc_is_that_of_berlin(meter: CtrMeter) -> None:
    utc = replace(meter, as_utc=True)
    record = decode(utc, utc.session([FIRST, LAST]))
    plain = decode(meter, meter.session([FIRST, LAST]))
    assert record.signed_bytes == plain.signed_bytes
    assert CtrSessionCode.ZONE_ASSUMED in codes(record)
    assert CtrSessionCode.ZONE_ASSUMED not in codes(plain)
    summer = replace(FIRST, local=BEGIN.replace(month=7))
    assert decode(utc, utc.session([summer, LAST])).readings[0].time_text == summer.local.isoformat()


@both
def test_signatures_in_one_text(meter: CtrMeter) -> None:
    split = decode(meter, meter.session([FIRST, LAST]))
    one = replace(meter, signature_in_one="raw")
    joined = decode(one, one.session([FIRST, LAST]))
    assert joined.signature == split.signature
    assert joined.signature.native == "raw"
    short = changed(meter, lambda s: first_value(s)["signatures"].__setitem__(0, {"r": "05", "s": "0006"}))
    assert decode(meter, short).signature.value is not None
    der = changed(meter, lambda s: first_value(s).__setitem__("signatures", [{"value": "3006020105020106"}]))
    assert decode(meter, der).signature.native == "der"


@both
@pytest.mark.parametrize("written", ["kWh", "KILO_WATT_HOURS", "WATT", "", 30])
def test_a_unit_in_words_must_be_the_signed_one(meter: CtrMeter, written: object) -> None:
    record = decode(meter, changed(meter, lambda s: s["measurements"][0].__setitem__("unit", written)))
    assert {str(finding.code) for finding in record.contradictions} == {CtrSessionCode.UNIT_CONTRADICTED}


@both
@pytest.mark.parametrize("written", ["Wh", "WATT_HOUR", "watt_hours", None])
def test_spellings_of_the_unit(meter: CtrMeter, written: object) -> None:
    record = decode(meter, changed(meter, lambda s: s["measurements"][0].__setitem__("unit", written)))
    assert record.contradictions == ()


def test_a_register_in_dotted_form() -> None:
    plain = decode(EMH, EMH.session([FIRST, LAST]))
    for text in ("1-0:1.17.0*255", "0100011100ff"):
        dotted = replace(EMH, obis=text)
        assert decode(dotted, dotted.session([FIRST, LAST])).signed_bytes == plain.signed_bytes
    short = replace(EMH, obis="1-0:1.8")
    assert decode(short, short.session([FIRST, LAST])).readings[0].obis == "010001080000"


def test_a_long_gdf_meter_id_is_shown_as_far_as_it_is_signed() -> None:
    long = replace(GDF, meter_id="SMPVIRT00123")
    record = decode(long, long.session([FIRST, LAST]))
    assert (record.meter.serial, GdfCode.METER_ID_CUT in codes(record)) == ("SMPVIRT001", True)
    short = replace(GDF, meter_id="SMP1")
    record = decode(short, short.session([FIRST, LAST]))
    assert (record.meter.serial, GdfCode.METER_ID_CUT in codes(record)) == ("SMP1", False)


def _set(path: str, value: object) -> Callable[[Json], object]:
    """Return a change of one member; of the session, or below ``m`` the measurement, ``v`` the first value."""

    def change(session: Json) -> None:
        *parents, name = path.split("/")
        node = session
        for parent in parents:
            node = {"m": session["measurements"][0], "v": first_value(session)}.get(parent) or node[parent]
        if value is ...:
            del node[name]
        else:
            node[name] = value

    return change


@both
@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        ("measurements", [], CtrSessionErrorCode.MEMBER_MISSING),
        ("m/values", [], CtrSessionErrorCode.MEMBER_MISSING),
        ("m/values", [7], CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("m/energyMeterId", ..., CtrSessionErrorCode.MEMBER_MISSING),
        ("m/energyMeterId", 7, CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("m/energyMeterId", "Zähler", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("m/obis", "one", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("m/obis", "01000111", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("m/scale", "ten", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("m/scale", 300, "edl40_field_out_of_range"),
        ("m/unitEncoded", 256, "edl40_field_out_of_range"),
        ("m/unitEncoded", ..., CtrSessionErrorCode.MEMBER_MISSING),
        ("v/value", "6626.0", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("v/value", True, CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("v/value", str(2**63), "edl40_field_out_of_range"),
        ("v/timestamp", "yesterday", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("v/timestamp", "2025-02-30T00:00:00Z", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("v/timestamp", "9999-12-31T23:59:59Z", CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("v/timestamp", "1960-01-01T00:00:00+01:00", "edl40_field_out_of_range"),
        ("v/signatures", [], CtrSessionErrorCode.MEMBER_MISSING),
        ("v/signatures", [{}], CtrSessionErrorCode.MEMBER_MISSING),
        ("v/signatures", [{"r": "11" * 40, "s": "11"}], CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("v/signatures", [{"r": "xy", "s": "11"}], CtrSessionErrorCode.MEMBER_UNREADABLE),
        ("authorizationStart", ..., CtrSessionErrorCode.MEMBER_MISSING),
        ("authorizationStart/timestamp", ..., CtrSessionErrorCode.MEMBER_MISSING),
        ("authorizationStart/@id", 1234, CtrSessionErrorCode.MEMBER_UNREADABLE),
    ],
)
def test_what_cannot_have_been_signed_is_refused(
    meter: CtrMeter, path: str, value: object, code: str
) -> None:
    with pytest.raises(MalformedRecordError) as caught:
        decode(meter, changed(meter, _set(path, value)))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("v/infoStatus", "0808"),
        ("v/infoStatus", 8),
        ("v/secondsIndex", "65058s"),
        ("v/paginationId", "1"),
        ("v/logBookIndex", "06"),
        ("v/logBookIndex", ...),
        ("m/energyMeterId", "0A01534D5000000543"),
        ("m/obis", "1-0:300.8.0"),
    ],
)
def test_what_only_an_emh_meter_signs(path: str, value: object) -> None:
    with pytest.raises(MalformedRecordError):
        decode(EMH, changed(EMH, _set(path, value)))


@both
def test_limits(meter: CtrMeter) -> None:
    with pytest.raises(LimitExceededError) as caught:
        decode(meter, meter.session([FIRST, LAST]) | {"x": "y" * MAX_RECORD_BYTES})
    assert caught.value.code == CtrSessionErrorCode.RECORD_TOO_LARGE
    many = changed(meter, lambda s: s["measurements"][0].__setitem__("values", [{}] * (MAX_VALUES + 1)))
    with pytest.raises(LimitExceededError) as caught:
        decode(meter, many)
    assert caught.value.code == CtrSessionErrorCode.TOO_MANY_VALUES


@both
def test_several_measurements_are_refused(meter: CtrMeter) -> None:
    session = changed(meter, lambda s: s["measurements"].append(s["measurements"][0]))
    with pytest.raises(MalformedRecordError) as caught:
        decode(meter, session)
    assert caught.value.code == CtrSessionErrorCode.SEVERAL_MEASUREMENTS


@both
def test_doubled_names_make_a_session_ambiguous(meter: CtrMeter) -> None:
    text = text_of(meter.session([FIRST, LAST])).replace(
        b'"value": "66260"', b'"value": "1", "value": "66260"'
    )
    record = FORMATS[meter.format].decode(text)
    assert (record.unambiguous, "duplicate_key" in codes(record)) == (False, True)


@both
def test_only_the_format_of_the_method_finds_it(meter: CtrMeter) -> None:
    text = text_of(meter.session([FIRST, LAST]))
    (span,) = registry.recognise(b"\n" + text + b" ")
    assert (span.format, span.start, span.end) == (meter.format, 1, 1 + len(text))
    other = FORMATS["GDF" if meter is EMH else "EMH_CTR"]
    assert other.find(text) == ()
    with pytest.raises(NotThisFormatError):
        other.decode(text)
    # The session's word goes before that of its measurement.
    swapped = text.replace(meter.method.encode(), b"OCMFv1.0", 1)
    assert FORMATS[meter.format].find(swapped) == ()
    unnamed = {name: member for name, member in json.loads(text).items() if name != "@context"}
    assert len(FORMATS[meter.format].find(text_of(unnamed))) == 1


@both
@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[]", b'{"measurements": "GDFCrypt01 EMHCrypt01"}', b"{" * 500]
)
def test_other_content(meter: CtrMeter, text: bytes) -> None:
    assert FORMATS[meter.format].find(text) == ()
    ctr = meter.ctr(meter.session([FIRST, LAST]))
    assert FORMATS[meter.format].find(ctr) == ()
    assert FORMATS[meter.format].find(text_of(meter.session([FIRST])) + b"x") == ()


@both
@given(data=st.data())
@settings(max_examples=100, deadline=None)
def test_nothing_but_format_errors(meter: CtrMeter, data: st.DataObject) -> None:
    text = bytearray(text_of(meter.session([FIRST, LAST])))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 30)))
        text[start:end] = data.draw(st.binary(max_size=10))
    refused = None
    try:
        record = FORMATS[meter.format].decode(bytes(text))
    except FormatError as error:
        refused = error.code
    else:
        assert len(record.signed_bytes) == 320
    assert refused is None or refused in {*CtrSessionErrorCode, "edl40_field_out_of_range"}


def test_find_is_linear() -> None:
    """Without any timing: the work on hostile texts of two megabytes ends at all."""
    for unit in (
        b'{"GDFCrypt01":',
        b'{"measurements":[{"@context":"SignatureFormats/GDFCrypt01',
        b'"@context" : "',
    ):
        for known in FORMATS.values():
            known.find(b'{"x":"EMHCrypt01 GDFCrypt01","measurements":[' + unit * (2_000_000 // len(unit)))
