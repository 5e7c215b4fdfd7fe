"""chargeIT and PTB containers, and what stands beside the values of any JSON container."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from eichrecht import locales
from eichrecht.containers import Unwrapped, unwrap
from eichrecht.evidence import Document, DocumentVerdict, Verdict
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from sample_meters._chargeit import (
    EVSE_ID,
    Json,
    changed,
    document,
    ocpi_container,
    old_container,
    station_container,
)
from sample_meters.bsm_ws36a import begin, end
from sample_meters.meter import SampleMeter
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import BEGIN_KWH, END, END_KWH, START


def take(content: bytes | Json) -> Unwrapped:
    text = content if isinstance(content, bytes) else document(content)
    result = unwrap(Document("test", text), registry.recognise)
    for finding in (*result.findings, *(f for part in result.parts for f in part.findings)):
        for language in locales.LANGUAGES:
            assert locales.sentence(finding, language)
    return result


def verify(content: bytes | Json) -> DocumentVerdict:
    text = content if isinstance(content, bytes) else document(content)
    return Verifier().verify(Document("test", text))


def codes(findings: Any) -> list[str]:
    return [finding.code for finding in findings]


VALUES = [begin(), end()]


@pytest.mark.parametrize(
    ("container", "kind", "reason"),
    [
        (old_container, "chargeit", "signed_meter_values"),
        (station_container, "chargeit-station", "station_context"),
        (ocpi_container, "chargeit-ocpi", "ocpi_context"),
    ],
)
def test_each_container_is_named(container: Any, kind: str, reason: str) -> None:
    result = take(container(VALUES))
    assert result.findings == ()
    assert [(layer.kind, layer.reason) for part in result.parts for layer in part.layers] == [
        (kind, reason)
    ] * 2
    assert [part.where for part in result.parts] == ["/signedMeterValues/0", "/signedMeterValues/1"]
    assert [part.context for part in result.parts] == ["Transaction.Begin", "Transaction.End"]
    assert {part.format for part in result.parts} == {"BSM_WS36A"}


@pytest.mark.parametrize("layout", [{}, {"indent": 1}, {"separators": (",", ":")}, {"indent": "\t"}])
def test_records_are_slices_of_what_was_received(layout: dict[str, Any]) -> None:
    """A blank or the order of members inside a value is kept, whatever the JSON looks like."""
    text = json.dumps(old_container([begin(Meta1="contract-id: rfid:ä"), end()]), **layout).encode()
    parts = take(b"\r\n" + text + b"\n").parts
    assert [json.loads(part.content) for part in parts] == json.loads(text)["signedMeterValues"]
    assert all(part.content in text for part in parts)
    assert len({text.index(part.content) for part in parts}) == 2


def test_the_container_names_the_session() -> None:
    assert {part.transaction_id for part in take(station_container(VALUES)).parts} == {
        "5b6f3c1e-0000-4000-8000-000000000001"
    }
    assert {part.transaction_id for part in take(old_container(VALUES)).parts} == {"001BZR0000000001-305"}


def test_what_stands_beside_the_values_becomes_claims() -> None:
    for part in take(station_container(VALUES, meterInfo={"meterId": "M1", "publicKey": "30"})).parts:
        assert dict(part.claims) == {"evse_id": EVSE_ID, "controller_version": "v1.2.34", "meter_id": "M1"}
        assert (part.key_text, part.key_where) == ("30", "/meterInfo/publicKey")
    for part in take(old_container(VALUES)).parts:
        assert part.claims == (("evse_id", EVSE_ID),)
        assert part.key_text is None
    both = station_container(VALUES, placeInfo={"evseId": "DE*XXX*E1"})
    assert [text for name, text in take(both).parts[0].claims if name == "evse_id"] == ["DE*XXX*E1", EVSE_ID]


@pytest.mark.parametrize(
    ("energy", "claimed"),
    [
        ({"amount": 12.5, "unit": "kWh"}, "12.5"),
        ({"amount": 12500, "unit": "WH"}, "12.5"),
        ({"amount": 12.5, "unit": "EUR"}, None),
        ({"amount": "12.5", "unit": "kWh"}, "12.5"),
        ({"amount": "0.0125", "unit": "MWh"}, "12.5"),
        ({"amount": 12.5}, None),
        ([{"amount": 12.5, "unit": "kWh"}], None),
        ({"amount": True, "unit": "kWh"}, None),
        ("12.5 kWh", None),
    ],
)
@pytest.mark.parametrize("member", ["totalCosts", "chargingCostsInfo"])
def test_billed_energy_is_a_claim(member: str, energy: Any, claimed: str | None) -> None:
    result = take(station_container(VALUES, **{member: {"energy": energy}}))
    assert codes(result.findings) == ["chargeit_prices_not_signed"]
    expected = None if claimed is None else Decimal(claimed)
    claims = [claim for part in result.parts for claim in part.energy_claims]
    assert [(claim.kwh, claim.where) for claim in claims] == [(expected, f"/{member}/energy")] * 2


def test_costs_of_another_energy_are_no_bill() -> None:
    costs = {"energy": {"amount": 99, "unit": "kWh", "cost": 40}}
    verdict = verify(station_container(VALUES, totalCosts=costs))
    assert verdict.verdict is Verdict.INVALID
    assert "billed_energy_not_signed" in codes(verdict.findings)


def test_an_alfen_payload_is_cut_out_and_opened() -> None:
    """The line inside is left to its own format; here it is a record that a format knows."""
    record = OcmfMeter("secp256r1").begin_record(BEGIN_KWH, START).decode()
    value = {"@context": "ALFEN", "format": "ALFEN", "formatVersion": "0", "payload": record}
    (first, second) = take(station_container([value, record])).parts
    assert (first.format, second.format) == ("OCMF", "OCMF")
    assert first.content == second.content == record.encode()
    assert (first.where, second.where) == ("/signedMeterValues/0/payload", "/signedMeterValues/1")
    assert [layer.kind for layer in first.layers] == ["chargeit-station", "chargeit-payload"]
    assert first.declared_format == "ALFEN"


def test_a_value_that_nobody_knows_stays_in_the_verdict() -> None:
    content = old_container([begin(), {"@context": "https://example.org/other"}])
    result = take(content)
    assert [part.format for part in result.parts] == ["BSM_WS36A", None]
    assert codes(result.parts[1].findings) == ["record_unrecognised"]
    assert verify(content).verdict is Verdict.INDETERMINATE


def test_a_value_cannot_hide_behind_another_container_in_it() -> None:
    """``signed_values`` inside a value are not opened in its place."""
    record = OcmfMeter("secp256r1").begin_record(BEGIN_KWH, START).decode()
    trap = {**end(rcr=1), "signed_values": [{"nature": "Start", "plain_data": record, "signed_data": record}]}
    assert [part.format for part in take(old_container([begin(), trap])).parts] == ["BSM_WS36A"] * 2


@pytest.mark.parametrize("value", [1, None, [], True])
def test_an_entry_that_is_no_value_is_said(value: Any) -> None:
    result = take(old_container([begin(), value]))
    assert codes(result.parts[1].findings) == ["chargeit_value_malformed"]


def test_an_empty_container_is_said() -> None:
    result = take(old_container([]))
    assert result.parts == ()
    assert codes(result.findings) == ["chargeit_values_missing", "nothing_recognised"]


def test_an_unknown_context_is_read_and_said() -> None:
    result = take(changed(station_container(VALUES), "@context", "https://example.org/station"))
    assert codes(result.findings) == ["chargeit_context_unknown"]
    assert [part.layers[0].kind for part in result.parts] == ["chargeit", "chargeit"]


def test_doubled_names_make_the_document_unreadable() -> None:
    text = document(old_container(VALUES)).replace(b'"evseId"', b'"evseId": "DE*XXX*E1", "evseId"')
    assert codes(take(text).findings) == ["json_duplicate_key", "nothing_recognised"]
    assert verify(text).verdict is Verdict.INDETERMINATE


@pytest.mark.parametrize("content", [b'{"signedMeterValues": 1}', b'{"signedMeterValues": {}}', b"[1]"])
def test_other_json_is_left_to_others(content: bytes) -> None:
    assert not any(code.startswith("chargeit") for code in codes(take(content).findings))


def test_json_in_single_quotes_has_no_bytes_to_cut() -> None:
    assert take(document(old_container(VALUES)).replace(b'"', b"'")).parts == ()


# --- PTB


def ptb(meter: OcmfMeter | None = None, **more: Any) -> Json:
    meter = meter or OcmfMeter("secp256r1")
    return {
        "format": "ptb",
        "formatVersion": "1",
        "publicKey": meter.public_key_text("spki-base64"),
        "chargeboxIdentifier": "CB1",
        "ocmfBegin": meter.begin_record(BEGIN_KWH, START).decode(),
        "ocmfEnd": meter.end_record(END_KWH, END).decode(),
        **more,
    }


def test_a_ptb_file_is_one_session() -> None:
    verdict = verify(ptb())
    assert verdict.verdict is Verdict.VALID
    (transaction,) = verdict.transactions
    assert (transaction.records, transaction.energy_kwh) == ((0, 1), END_KWH - BEGIN_KWH)
    assert [record.where for record in verdict.records] == ["/ocmfBegin", "/ocmfEnd"]
    assert [layer.kind for layer in verdict.records[0].layers] == ["ptb"]


def test_two_ptb_sessions_of_one_box_stay_two() -> None:
    meter = OcmfMeter("secp256r1")
    one, other = (take(ptb(meter)).parts[0].transaction_id for _ in range(2))
    assert one != other
    assert (one or "").startswith("CB1#")


@pytest.mark.parametrize("member", ["ocmfBegin", "ocmfEnd"])
@pytest.mark.parametrize("value", [None, "", 7])
def test_a_missing_half_is_said(member: str, value: Any) -> None:
    content = ptb()
    content[member] = value
    verdict = verify(content)
    assert verdict.verdict is Verdict.INDETERMINATE
    assert "ptb_record_missing" in [f.code for record in verdict.records for f in record.findings]


def test_a_ptb_record_changed_or_with_another_key_is_invalid() -> None:
    content = ptb()
    forged = {**content, "ocmfEnd": content["ocmfEnd"].replace(f"{END_KWH}", f"{END_KWH + 1}")}
    assert verify(forged).verdict is Verdict.INVALID
    stranger = OcmfMeter("secp256r1", key_label="stranger").public_key_text("spki-base64")
    assert verify({**content, "publicKey": stranger}).verdict is Verdict.INVALID
    keyless = take({**content, "publicKey": ""})
    assert all("public_key_missing" in codes(part.findings) for part in keyless.parts)


@pytest.mark.parametrize(
    ("version", "known"), [("1", True), ("1.12", True), (1, True), ("2", False), ([], False)]
)
def test_the_ptb_version(version: Any, known: bool) -> None:
    result = take(ptb(formatVersion=version))
    assert codes(result.findings) == ([] if known else ["ptb_version_unknown"])
    assert len(result.parts) == 2


def test_text_that_is_no_record_in_a_ptb_file_is_said() -> None:
    result = take(ptb(ocmfEnd="something else"))
    assert codes(result.parts[1].findings) == ["record_unrecognised"]


# --- OCPI-shaped JSON: statements beside the values


def ocpi_shaped(meter: SampleMeter, **more: Any) -> Json:
    record = meter.session_record(BEGIN_KWH, END_KWH, START, END).decode()
    return {
        "encoding_method": "OCMF",
        "public_key": meter.public_key_text(),
        "signed_values": [{"signed_data": record, "nature": "End"}],
        **more,
    }


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"meterInfo": {"meterId": "SAMPLE0001"}}, None),
        ({"meterInfo": {"meterId": " sample-0001"}}, None),
        ({"meterInfo": {"meterId": b"SAMPLE0001".hex()}}, None),
        ({"meterInfo": {"meterId": "SAMPLE0002"}}, "claimed_meter_contradicts"),
    ],
)
def test_meter_and_place_beside_signed_values_are_compared(more: Json, code: str | None) -> None:
    verdict = verify(ocpi_shaped(OcmfMeter("secp256r1"), **more))
    found = codes(verdict.records[0].findings)
    assert verdict.verdict is (Verdict.VALID if code is None else Verdict.INVALID)
    assert code is None or code in found


@pytest.mark.parametrize(("stated", "good"), [("DE*CPO*E1", True), ("DECPOE1", True), ("DE*CPO*E2", False)])
def test_a_signed_evse_id_is_compared(stated: str, good: bool) -> None:
    meter = OcmfMeter("secp256r1", head={"CT": "EVSEID", "CI": "DE*CPO*E1"})
    verdict = verify(ocpi_shaped(meter, placeInfo={"evseId": stated}))
    assert verdict.verdict is (Verdict.VALID if good else Verdict.INVALID)
    assert ("claimed_evse_contradicts" in codes(verdict.records[0].findings)) is not good
