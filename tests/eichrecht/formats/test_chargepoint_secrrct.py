"""ChargePoint bills: both shapes, what is signed, what only stands beside it, sums, and hostile input."""

from __future__ import annotations

import base64
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.evidence import ClockStatus, Document, DocumentVerdict, ReadingRole, SignedRecord, Verdict
from eichrecht.formats._chargepoint_payload import MAX_RECORD_BYTES
from eichrecht.formats.base import Surroundings
from eichrecht.formats.chargepoint_secrrct import ChargePointSecrrctFormat
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.formats.registry import recognise
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters._chargepoint_station import (
    BEGIN_S,
    END_S,
    PAYLOAD,
    STATION,
    bill,
    compact,
    ctr,
    line,
    merged,
    raw,
    text_of,
)

FORMAT = ChargePointSecrrctFormat()
SIGNATURE = STATION.sign(PAYLOAD)


def decoded(bill_: dict[str, Any] | bytes, *claims: tuple[str, str]) -> SignedRecord:
    content = bill_ if isinstance(bill_, bytes) else text_of(bill_)
    return FORMAT.decode_in(content, Surroundings(SIGNATURE, claims))


def found(record: SignedRecord) -> dict[str, str]:
    """Return codes and severities, the amount left out."""
    every = (*record.findings, *record.contradictions)
    return {f.code: f.severity.value for f in every if f.code != "chargepoint_amount_signed"}


def verify(content: bytes, detached: bytes | None = None) -> DocumentVerdict:
    keys = [SuppliedKey(STATION.pem(), "test")]
    return Verifier(keys=keys).verify(Document("test", content, detached))


def test_every_field_of_a_bill_is_read() -> None:
    record = decoded(bill(EVSEId="DE*SMP*E0000002*1"))
    begin, end = record.readings
    assert (record.format, record.version, record.meter.serial) == ("CHARGEPOINT_SECRRCT", None, "SMP00171")
    assert record.gateway.serial == "00a1:5350:0001:0042-1"
    assert record.charge_point == ("DE*SMP*E0000002*1", "EVSEID")
    assert record.session == "00a1:5350:0001:0042-1-4711"
    assert (record.identification.assigned, record.identification.data) == (True, "urn:sample:driver:000017")
    assert (begin.role, begin.value, begin.unit, begin.energy_kwh) == (
        ReadingRole.BEGIN, "100000", "Wh", Decimal("100.000"),
    )  # fmt: skip
    assert (end.role, end.value, str(end.energy_kwh)) == (ReadingRole.END, "112340", "112.340")
    assert (begin.time_text, end.time_text) == ("2025-01-15T12:00:00+00:00", "2025-01-15T13:00:00+00:00")
    assert {begin.time_status, end.time_status} == {ClockStatus.INFORMATIVE}
    assert begin.where == "/additional_info/meter_startreading"
    assert found(record) == {}
    (amount,) = [f.params for f in record.findings]
    assert amount == {"amount": "8.39", "currency": "EUR"}


def test_every_field_of_the_other_shape_is_read() -> None:
    record = decoded(compact())
    begin, end = record.readings
    assert (begin.value, end.value, begin.unit, begin.where) == ("74.6", "86.6", "kWh", "/meter_startreading")
    assert (begin.energy_kwh, end.energy_kwh) == (Decimal("74.6"), Decimal("86.6"))
    assert record.charge_point == ("00a1:5350:0001:0042-1", None)
    assert [reading.time for reading in record.readings if reading.time] == sorted(
        reading.time for reading in record.readings if reading.time
    )
    assert (record.findings, record.identification.data) == ((), "5f2b9c")


def test_the_file_is_signed_as_it_is_stored() -> None:
    for content in (PAYLOAD, PAYLOAD + b"\r\n", b" " + PAYLOAD):
        record = decoded(content)
        assert (record.signed_bytes, record.raw) == (content, content)
        assert verify(content, STATION.sign(content)).verdict is Verdict.VALID
    assert verify(PAYLOAD + b"\n", SIGNATURE).verdict is Verdict.INVALID


def test_the_key_chooses_the_algorithm() -> None:
    claim = decoded(PAYLOAD).signature
    assert (claim.algorithm, claim.value, claim.native) == (None, SIGNATURE, "der")
    assert claim.by_key == (
        "ECDSA-secp224k1-SHA256",
        "ECDSA-secp256r1-SHA256",
        "ECDSA-secp384r1-SHA384",
        "ECDSA-secp521r1-SHA512",
    )


def test_without_signature_nothing_is_checked() -> None:
    record = FORMAT.decode(PAYLOAD)
    assert (record.signature.value, found(record)) == (None, {"chargepoint_signature_missing": "error"})
    assert verify(PAYLOAD).verdict is Verdict.INDETERMINATE


# --- times


def test_the_session_runs_from_the_first_begin_to_the_last_end_of_all_lines() -> None:
    early = line("PARKING", "0", "1", "0", start_time_utc=BEGIN_S - 60, end_time_utc=BEGIN_S)
    later = line("ENERGY", "0", "0", "0", start_time_utc=END_S, end_time_utc=END_S + 30)
    record = decoded(bill(parking=[early], energy=[later, line("ENERGY", "0.49", "12.34", "6.05")]))
    assert [reading.time_text for reading in record.readings] == [
        "2025-01-15T11:59:00+00:00",
        "2025-01-15T13:00:30+00:00",
    ]


@pytest.mark.parametrize("written", ["x", -1, 10**13, raw("1.5"), None, True, [1]])
def test_a_time_that_is_none_is_told_and_not_guessed(written: Any) -> None:
    record = decoded(bill(energy=[line("ENERGY", "0.49", "12.34", "6.05", start_time_utc=written)]))
    assert [reading.time for reading in record.readings] == [None, None]
    code = "chargepoint_field_missing" if written is None else "chargepoint_field_malformed"
    assert found(record)[code] == "error"


# --- energy and money


@pytest.mark.parametrize(
    ("units", "severity"), [("12.34", None), ("12.341", None), ("12.342", "error"), ("12.3", "warning")]
)
def test_billed_energy_against_the_registers(units: str, severity: str | None) -> None:
    record = decoded(bill(energy=[line("ENERGY", "0", units, "0")]))
    assert found(record).get("chargepoint_energy_differs") == severity


def test_less_energy_is_billed_where_time_is_billed_too() -> None:
    timed = line("ENERGY", "36.00", "100", "1.00", active_charging=1)
    record = decoded(bill(energy=[line("ENERGY", "0", "1", "0"), timed]))
    assert "chargepoint_energy_differs" not in found(record)
    assert "chargepoint_cost_differs" not in found(record), "100 s at 36 an hour"


@pytest.mark.parametrize(
    ("total", "severity"), [("12.0", None), ("12.001", None), ("12.002", "error"), ("11", "error")]
)
def test_total_energy_of_the_other_shape(total: str, severity: str | None) -> None:
    assert found(decoded(compact(total_energy=raw(total)))).get("chargepoint_energy_differs") == severity


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"energy": [line("ENERGY", "0.49", "12.34", "6.06")]}, "chargepoint_cost_differs"),
        ({"parking": [line("PARKING", "1.00", "3600", "1.02")]}, "chargepoint_cost_differs"),
        ({"energy": [line("ENERGY", "free", "12.34", "6.05")]}, "chargepoint_field_malformed"),
        ({"energy": [line("ENERGY", "0.49", "12.34", "6.05", duration=7)]}, "chargepoint_duration_differs"),
        ({"subtotal_before_adjustment": raw("7.06")}, "chargepoint_sum_differs"),
        ({"subtotal": raw("7.04")}, "chargepoint_sum_differs"),
        ({"minMaxAdj": [{"session_min_adjustment": 1}]}, "chargepoint_sum_differs"),
        ({"tax": [{"seq_num": "SUBTOTAL", "total_tax": 2}]}, "chargepoint_sum_differs"),
        ({"flat": []}, "chargepoint_sum_differs"),
        ({"totalAmount": raw("8.40")}, "chargepoint_sum_differs"),
        ({"totalAmount": "much"}, "chargepoint_field_malformed"),
    ],
)
def test_money_that_does_not_add_up_is_a_warning(members: dict[str, Any], code: str) -> None:
    record = decoded(bill(**members))
    assert found(record).get(code) == "warning"
    assert "error" not in found(record).values()


def test_binary_fractions_add_up() -> None:
    assert found(decoded(bill(totalAmount=raw("8.390000000000001")))) == {}


# --- fields


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ({"outlet": None}, "chargepoint_field_missing"),
        ({"session_id": [1]}, "chargepoint_field_malformed"),
        ({"station_mac": ""}, "chargepoint_field_missing"),
        ({"driver_info": {"a": 1}}, "chargepoint_field_malformed"),
        ({"meter_endreading": None}, "chargepoint_field_missing"),
        ({"meter_endreading": "1 12340"}, "chargepoint_field_malformed"),
        ({"meter_endreading": raw("1e100")}, "chargepoint_field_malformed"),
        ({"energy_units": 30}, None),
    ],
)
def test_what_is_missing_or_unreadable_is_an_error(info: dict[str, Any], code: str | None) -> None:
    record = decoded(bill(info=info))
    assert found(record) == ({} if code is None else {code: "error"})
    if "meter_endreading" in info:
        assert [reading.role for reading in record.readings] == [ReadingRole.BEGIN]
    if "energy_units" in info:
        assert [reading.energy_kwh for reading in record.readings] == [None, None]


@pytest.mark.parametrize(
    ("text", "unit", "energy"),
    [
        ("3078", "WH", "3.078"),
        ("1.5e3", "Wh", "1.5"),
        ("0.30000000000000004", "kWh", "0.30000000000000004"),
        (
            "12345678901234567890.12345678901234567890123",
            "Wh",
            "12345678901234567.89012345678901234567890123",
        ),
    ],
)
def test_registers_keep_their_digits(text: str, unit: str, energy: str) -> None:
    info = {"meter_endreading": raw(text), "energy_units": unit}
    (*_, end) = decoded(bill(info=info, energy=[])).readings
    assert end.value == text
    assert end.energy_kwh == Decimal(energy)


def test_two_readers_would_read_different_values() -> None:
    for content in (
        PAYLOAD.replace(b'"meter_serial"', b'"meter_serial": "X", "meter_serial"'),
        PAYLOAD.replace(b"SMP00171", b"SMP\xff"),
        PAYLOAD.replace(b"SMP00171", rb"SMP\ud800"),
        PAYLOAD.replace(b"100000", b"NaN"),
        text_of(bill() | compact()),
    ):
        record = decoded(content)
        assert not record.unambiguous
        assert "error" in found(record).values()


# --- what is not signed


@pytest.mark.parametrize("name", sorted({*bill(EVSEId="DE*SMP*E0000002*1"), "address", "parking"}))
def test_no_member_of_the_copy_may_differ(name: str) -> None:
    payload = text_of(bill(EVSEId="DE*SMP*E0000002*1"))
    assert verify(merged(payload)).verdict is Verdict.VALID
    another = {"meter_startreading": 1} if name == "additional_info" else "another"
    verdict = verify(merged(payload, **{name: another}))  # type: ignore[arg-type]
    assert verdict.verdict is Verdict.INVALID
    (record,) = verdict.records
    assert record.record is not None
    assert [f.where for f in record.record.contradictions] == [f"/{name}"]
    assert record.record.meter.serial == "SMP00171", "shown is what is signed"


def test_members_beside_the_signed_text_without_meaning_are_named() -> None:
    record = FORMAT.decode(merged(PAYLOAD, paid="yes"))
    (finding,) = [f for f in record.findings if f.code == "chargepoint_members_unsigned"]
    assert (finding.severity, finding.params) == ("warning", {"names": "paid"})


def test_the_signed_text_alone_is_shown() -> None:
    copy = json.loads(merged(PAYLOAD))
    copy["additional_info"]["meter_endreading"] = 999_999
    record = FORMAT.decode(json.dumps(copy).encode())
    assert record.signed_bytes == PAYLOAD
    assert record.readings == decoded(PAYLOAD).readings
    assert found(record) == {"chargepoint_copy_contradicts": "error"}


def test_a_name_twice_around_the_signed_text() -> None:
    content = merged(PAYLOAD).replace(b'"totalAmount"', b'"totalAmount": 1, "totalAmount"')
    record = FORMAT.decode(content)
    assert (record.unambiguous, found(record)) == (False, {"duplicate_key": "error"})


def test_a_detached_signature_covers_the_file_and_not_a_text_in_it() -> None:
    content = merged(PAYLOAD)
    assert decoded(content).signed_bytes == content
    assert verify(content, SIGNATURE).verdict is Verdict.INVALID
    assert verify(content, STATION.sign(content)).verdict is Verdict.VALID


@pytest.mark.parametrize(
    ("claim", "code"),
    [
        (("evse_id", "00A1535000010042_1"), None),
        (("evse_id", "DE*SMP*E0000002*1"), None),
        (("evse_id", "00a1:5350:0001:0042-2"), "chargepoint_evse_contradicts"),
        (("meter_id", "smp-00171"), None),
        (("meter_id", "SMP00172"), "chargepoint_meter_contradicts"),
        (("session_begin", "2025-01-15T13:00:00.000+01:00"), None),
        (("session_begin", "2025-01-15T13:00:00Z"), "chargepoint_time_contradicts"),
        (("session_end", "2025-01-15T13:00:00.900Z"), None),
        (("session_end", "2025-01-15T12:59:59Z"), "chargepoint_time_contradicts"),
        (("session_end", "2025-01-15T14:00:00"), None),
        (("session_end", "9999-99-99"), None),
        (("controller_version", "1"), None),
    ],
)
def test_claims_of_the_container(claim: tuple[str, str], code: str | None) -> None:
    assert found(decoded(PAYLOAD, claim)) == ({} if code is None else {code: "error"})


def test_a_signed_evse_id_is_the_only_one() -> None:
    payload = bill(EVSEId="DE*SMP*E0000002*1")
    assert found(decoded(payload, ("evse_id", "DESMPE00000021"))) == {}
    assert found(decoded(payload, ("evse_id", "00a1:5350:0001:0042-1"))) == {}
    assert found(decoded(payload, ("evse_id", "DE*SMP*E0000003*1"))) == {
        "chargepoint_evse_contradicts": "error"
    }


# --- finding and hostile input


def test_found_by_its_members_alone() -> None:
    for content, start in ((PAYLOAD, 0), (b"\xef\xbb\xbf " + PAYLOAD + b"\n", 4), (merged(PAYLOAD), 0)):
        (span,) = recognise(content)
        assert (span.format, span.start, span.reason) == (FORMAT.name, start, "chargepoint_members")
        assert content[span.start : span.end] == content[start:].rstrip()


@pytest.mark.parametrize("name", ["company_name", "display_unit", "minMaxAdj", "subtotal", "totalAmount"])
def test_every_member_of_the_shape_must_be_there(name: str) -> None:
    content = text_of({key: value for key, value in bill().items() if key != name})
    assert recognise(content) == ()
    with pytest.raises(NotThisFormatError):
        FORMAT.decode(content)


@pytest.mark.parametrize("name", sorted(compact()))
def test_every_member_of_the_other_shape_must_be_there(name: str) -> None:
    assert recognise(text_of(compact()))
    assert recognise(text_of({key: value for key, value in compact().items() if key != name})) == ()


def test_other_text_around_is_no_record() -> None:
    for content in (b"x" + PAYLOAD, PAYLOAD + PAYLOAD, b"[" + PAYLOAD + b"]", ctr(PAYLOAD), PAYLOAD[:-1]):
        assert FORMAT.find(content) == ()


def test_limits() -> None:
    with pytest.raises(LimitExceededError):
        FORMAT.decode(PAYLOAD + b" " * 10 + PAYLOAD.replace(b"Sample", b"S" * MAX_RECORD_BYTES))
    deep = b"[" * 100_000
    with pytest.raises(LimitExceededError):
        FORMAT.decode(PAYLOAD.replace(b'"tax": [', b'"tax": ' + deep))


def test_comparing_two_deep_copies_ends_in_a_limit() -> None:
    """Each is read, but to compare them takes two calls per level; ``find`` lets nothing so deep through."""
    deep = b'{"a":' * 600 + b"1" + b"}" * 600
    nested = PAYLOAD.replace(b'"minMaxAdj": []', b'"minMaxAdj": ' + deep)
    original = json.dumps(base64.b64encode(nested).decode()).encode()
    content = nested[:-1] + b', "signature": "00", "original": ' + original + b"}"
    with pytest.raises(LimitExceededError):
        FORMAT.decode(content)
    assert FORMAT.find(content) == ()


@pytest.mark.parametrize("original", ["%", 7, None, [], base64.b64encode(b"{}").decode(), ""])
def test_a_signed_text_that_is_none(original: Any) -> None:
    content = merged(PAYLOAD).replace(
        json.dumps(base64.b64encode(PAYLOAD).decode()).encode(), json.dumps(original).encode()
    )
    with pytest.raises((MalformedRecordError, NotThisFormatError)):
        FORMAT.decode(content)


@given(st.data())
def test_nothing_but_format_errors(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from([PAYLOAD, text_of(compact()), merged(PAYLOAD)]))
    changed = bytearray(source)
    for _ in range(data.draw(st.integers(0, 6))):
        place = data.draw(st.integers(0, len(changed) - 1))
        changed[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=4))
    content = bytes(changed)
    signature = data.draw(st.sampled_from([None, b"", SIGNATURE]))
    try:
        record = FORMAT.decode_in(content, Surroundings(signature))
    except FormatError:
        return
    if signature is not None or b"origin" not in content:
        assert record.signed_bytes == content
    for span in FORMAT.find(content):
        assert content[span.start : span.end].startswith(b"{")


_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=8)
    | st.sampled_from(["1e99", "-0", "NaN", "Wh"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(st.sampled_from(sorted(bill())), _VALUES, max_size=4),
    st.dictionaries(st.sampled_from(sorted(bill()["additional_info"])), _VALUES, max_size=4),
)
def test_any_value_in_any_member(members: dict[str, Any], info: dict[str, Any]) -> None:
    content = json.dumps({**bill(info=info), **members}).encode()
    if b"meter_startreading" not in content:
        assert FORMAT.find(content) == ()
        return
    record = FORMAT.decode_in(content, Surroundings(SIGNATURE))
    for reading in record.readings:
        assert reading.value is not None
    assert verify(content, STATION.sign(content)).records[0].signature.status == "valid"


def test_finding_takes_linear_work() -> None:
    """No attempt starts over: a text of nothing but beginnings is refused at once."""
    for content in (
        b'{"meter_startreading":' * 20_000,
        PAYLOAD * 200,
        b"{" * 100_000 + b"meter_startreading",
    ):
        assert FORMAT.find(content) == ()
