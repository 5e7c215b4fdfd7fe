"""Evidence and claims beside a genuine record: what nobody judged must not hide in a document that is valid."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.evidence import DocumentVerdict, Verdict
from sample_meters.alfen import AlfenMeter
from sample_meters.cases import all_cases
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.hostile.hostile_support import HOUR, START, codes, honest_record, meter, verify

KEY = meter().public_key_text()
RECORD = honest_record().decode()
FORGED = RECORD.replace("110.000", "999.000")
SAMPLES = {case.name: case.content for case in all_cases()}
OCPP = {"meterValue": [{"sampledValue": [{"value": f"{RECORD}|{KEY}", "format": "SignedData"}]}]}


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def signed_data(record: str = RECORD) -> dict[str, Any]:
    value = {"nature": "End", "plain_data": record, "signed_data": b64(record)}
    return {"encoding_method": "OCMF", "public_key": KEY, "signed_values": [value]}


def cdr(record: str = RECORD, **members: Any) -> dict[str, Any]:
    whole = {"id": "CDR1", "total_energy": 10.0, "total_cost": {"excl_vat": 1}, "charging_periods": []}
    return {**whole, "signed_data": signed_data(record), **members}


def judge(document: object) -> DocumentVerdict:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return verify(content, given=KEY)


def xml(text: str = RECORD) -> str:
    return safe_xml([SafeValue(text.encode(), KEY, encoding="base64")]).decode().partition("?>")[2].strip()


HELP = {
    "message": OCPP,
    "signed values": {"signed_values": signed_data()["signed_values"]},
    "signed meter value": {"signedMeterData": b64(RECORD), "publicKey": KEY},
    "S.A.F.E. XML in a text": {"note": xml()},
}
FORGED_DOCUMENTS = {
    "CDR": cdr(FORGED, total_energy=899.0),
    "PTB": {"format": "ptb", "publicKey": KEY, "ocmfBegin": FORGED, "ocmfEnd": FORGED},
    "chargeIT": {"signedMeterValues": [{"payload": FORGED, "format": "OCMF"}]},
    "chargepoint": json.loads(SAMPLES["chargepoint-merged"]) | {"energy": 99999},
}


@pytest.mark.parametrize("forged", FORGED_DOCUMENTS)
@pytest.mark.parametrize("genuine", HELP)
def test_a_genuine_record_does_not_cover_a_forged_one_beside_it(forged: str, genuine: str) -> None:
    assert judge(FORGED_DOCUMENTS[forged] | HELP[genuine]).verdict is not Verdict.VALID
    assert judge(HELP[genuine] | FORGED_DOCUMENTS[forged]).verdict is not Verdict.VALID


@pytest.mark.parametrize("genuine", HELP)
def test_a_genuine_record_beside_a_genuine_one_stays_valid(genuine: str) -> None:
    verdict = judge(cdr() | HELP[genuine])
    assert (verdict.verdict, verdict.findings) == (Verdict.VALID, ())


def test_a_signed_value_with_several_records_is_read_as_a_whole() -> None:
    other = honest_record(begin="110.000", end="125.000").decode()
    value = signed_data(f"{RECORD}\n{other}")["signed_values"][0]
    for document in (value, [value], {"status_code": 1000, "data": [value]}, cdr(f"{RECORD}\n{RECORD}")):
        assert "evidence_not_judged" not in codes(judge(document))


LISTED = {
    "a text": FORGED,
    "a hexadecimal text": FORGED.encode().hex(),
    "a list": [cdr(FORGED)],
    "another object": {"cdr": cdr(FORGED)},
    "a list for signed_data": cdr() | {"signed_data": [signed_data(FORGED)]},
    "a message further in": {"log": [{"sampledValue": [{"value": "short", "format": "SignedData"}]}]},
    "a CDR without signed data": {"id": "CDR2", "total_energy": 999, "total_cost": {}},
    "a member twice": {"signedMeterData": b64(RECORD), "signedMeterValue": b64(FORGED), "publicKey": KEY},
}


@pytest.mark.parametrize("item", LISTED)
def test_an_item_that_nobody_reads_is_named(item: str) -> None:
    verdict = judge([cdr(), LISTED[item]])
    assert verdict.verdict is Verdict.INDETERMINATE
    (finding,) = [found for found in verdict.findings if found.code == "evidence_not_judged"]
    assert finding.where.startswith("/1")


def test_a_place_is_not_taken_for_read_because_of_its_name() -> None:
    trap = cdr(**{"signed_data/signed_values/0": signed_data(FORGED)})
    trap["signed_data"]["signed_data"] = signed_data(FORGED)
    verdict = judge(trap)
    (finding,) = verdict.findings
    assert (str(finding.code), finding.params["count"]) == ("evidence_not_judged", "4")


def test_lines_of_json_that_are_no_messages() -> None:
    lines = json.dumps(OCPP).encode() + b"\n\n" + json.dumps(cdr(FORGED)).encode()
    verdict = judge(lines)
    assert "evidence_not_judged" in codes(verdict)
    assert verdict.findings[0].where.startswith("/2/signed_data")


@pytest.mark.parametrize(
    "document",
    [
        f"<values>{xml()[len('<values>') : -len('</values>')]}<x><signedData>{FORGED}</signedData></x></values>",
        f"{xml()}<root><signedData>short</signedData></root>",
        f"{xml()}<root><note>{b64(FORGED)}</note></root>",
        f'<values note="{b64(FORGED)}">{xml()[len("<values>") :]}',
        f"{xml()}\n{FORGED.encode().hex()}",
        f"{RECORD}\n{b64(FORGED)}",
        *(
            f"{xml().removesuffix('</values>')}{text}</values>"
            for name in ("mennekes-session", "edl40-sig-begin")
            for text in [SAMPLES[name].decode().rpartition("?>")[2]]
        ),
    ],
)
def test_evidence_beside_s_a_f_e_values_and_plain_records(document: str) -> None:
    verdict = judge(document.encode())
    assert verdict.verdict is Verdict.INDETERMINATE
    assert "evidence_not_judged" in codes(verdict)


def test_the_same_record_in_another_form_beside_it_changes_nothing() -> None:
    for document in (f"{RECORD}\n{b64(RECORD)}", f"{xml()}\n{RECORD.encode().hex()}"):
        assert judge(document.encode()).verdict is Verdict.VALID


def test_a_total_beside_records_that_are_no_cdr_is_not_overlooked() -> None:
    verdict = judge({"total_energy": 899.0} | OCPP)
    assert (verdict.verdict, verdict.findings[0].where) == (Verdict.INDETERMINATE, "/total_energy")
    for total, expected in ((12.34, Verdict.VALID), (899.0, Verdict.INVALID)):
        chargeit = json.loads(SAMPLES["bsm-session"]) | {"total_energy": total}
        assert verify(json.dumps(chargeit).encode()).verdict is expected


# --- what is billed


@pytest.mark.parametrize(
    ("stated", "verdict"),
    [
        (10, Verdict.VALID),
        ("10.0", Verdict.VALID),
        ("899.0", Verdict.INVALID),
        (" 1e9", Verdict.INVALID),
        ("899,0", Verdict.INDETERMINATE),
        (None, Verdict.INDETERMINATE),
        ({"kwh": 10}, Verdict.INDETERMINATE),
        (True, Verdict.INDETERMINATE),
    ],
)
def test_billed_energy_is_read_or_the_verdict_is_open(stated: object, verdict: Verdict) -> None:
    judged = judge(cdr(total_energy=stated))
    assert judged.verdict is verdict
    assert {str(finding.code) for finding in judged.findings} == {
        Verdict.VALID: set(),
        Verdict.INVALID: {"billed_energy_not_signed"},
        Verdict.INDETERMINATE: {"billed_energy_unreadable"},
    }[verdict]


def test_a_record_in_two_cdrs_is_compared_with_both() -> None:
    for other in (cdr(total_energy=899.0), cdr(total_energy=899.0, id="CDR2")):
        for documents in ([cdr(), other], [other, cdr()]):
            verdict = judge(documents)
            assert verdict.verdict is Verdict.INVALID
            assert "billed_energy_not_signed" in codes(verdict)
    again = judge(cdr(total_energy=899.0) | OCPP)
    assert again.verdict is Verdict.INVALID


def session(begin: str, end: str) -> str:
    return honest_record(begin=begin, end=end).decode()


def several(*records: str, total: float) -> dict[str, Any]:
    values = [value for record in records for value in signed_data(record)["signed_values"]]
    return cdr(total_energy=total) | {"signed_data": signed_data() | {"signed_values": values}}


def test_the_sessions_of_one_cdr_count_together_unless_they_share_energy() -> None:
    first, second = session("100.000", "110.000"), session("110.000", "125.000")
    assert judge(several(first, second, total=25.0)).verdict is Verdict.VALID
    assert judge(several(first, second, total=10.0)).verdict is Verdict.INVALID
    shared = judge(several(first, session("105.000", "120.000"), total=25.0))
    assert shared.verdict is Verdict.INDETERMINATE
    assert "billed_energy_not_comparable" in codes(shared)


def test_a_credit_may_negate_its_energy() -> None:
    assert judge(cdr(total_energy=-10.0, credit=True)).verdict is Verdict.VALID
    assert judge(cdr(total_energy=-899.0, credit=True)).verdict is Verdict.INVALID
    assert judge(cdr(total_energy=-10.0)).verdict is Verdict.INVALID


def test_a_bill_over_one_end_of_a_session_is_open() -> None:
    at = meter()
    begin = at.session_record(Decimal(1), Decimal(2), START, START + HOUR).decode()
    lone = at.sign(begin.split("|")[1].replace('"TX":"E"', '"TX":"C"')).decode()
    document = cdr(lone, total_energy=899.0)
    del document["id"]
    verdict = judge(document)
    assert verdict.verdict is not Verdict.VALID
    assert codes(verdict) & {"billed_energy_not_comparable", "billed_energy_not_signed"}


# --- numbers beside signed values


def message(*beside: dict[str, Any], **members: Any) -> dict[str, Any]:
    signed = {"value": f"{RECORD}|{KEY}", "format": "SignedData", "context": "Transaction.End"}
    return {"transactionId": 7, "transactionData": [{"sampledValue": [signed, *beside]}], **members}


def newer(value: float, **unit: Any) -> dict[str, Any]:
    signed = {"signedMeterData": b64(RECORD), "encodingMethod": "OCMF", "signingMethod": "", "publicKey": KEY}
    sampled = {"value": value, "context": "Transaction.End", "signedMeterValue": signed, **unit}
    return {"eventType": "Ended", "meterValue": [{"sampledValue": [sampled]}]}


AT_END = {"context": "Transaction.End"}


@pytest.mark.parametrize(
    ("document", "differs"),
    [
        (message(meterStop=110_000), False),
        (message(meterStop=999_000), True),
        (message({"value": "110.0", "unit": "kWh", **AT_END}), False),
        (message({"value": "999000", **AT_END}), True),
        (message({"value": "999000", "measurand": "Voltage", **AT_END}), False),
        (message({"value": "999000", "context": "Sample.Periodic"}), False),
        (newer(110_000), False),
        (newer(110, unitOfMeasure={"unit": "Wh", "multiplier": 3}), False),
        (newer(999, unitOfMeasure={"unit": "kWh"}), True),
    ],
)
def test_an_unsigned_reading_beside_a_signed_one_is_compared(document: dict[str, Any], differs: bool) -> None:
    verdict = judge(document)
    assert verdict.verdict is Verdict.VALID, "the signed value is what counts"
    assert ("unsigned_reading_differs" in codes(verdict)) is differs


def test_an_unsigned_type_can_never_bill_more_than_was_charged() -> None:
    old = AlfenMeter(signs_roles=False)
    honest = verify(old.begin() + b"\n" + old.end())
    cut = old.begin() + b"\n" + old.between(3)
    relabelled = verify(cut.replace(b"AP;2", b"AP;1"))
    (whole,), (part,) = honest.transactions, relabelled.transactions
    assert verify(cut).verdict is Verdict.INDETERMINATE
    for verdict in (honest, relabelled):
        assert (verdict.verdict, "role_only_claimed" in codes(verdict)) == (Verdict.VALID, True)
    assert whole.energy_kwh is not None
    assert part.energy_kwh is not None
    assert 0 < part.energy_kwh < whole.energy_kwh


@pytest.mark.parametrize("record", [b"OCMF|{}|{}\n", b"UNH+1+MSCONS:D:04B:UN:2.4c'"])
def test_empty_records_are_bounded_by_the_size_of_the_document(record: bytes) -> None:
    head = b"UNB+UNOC:3+a+b+200101:1200+1'" if record.startswith(b"UNH") else b""
    verdict = verify(head + record * 4_000)
    assert len(verdict.records) < 3_000
    assert "too_many_records" in codes(verdict)


@pytest.mark.parametrize(
    "hidden",
    [
        json.dumps({"a": base64.b64encode(FORGED.encode()).decode()}),
        json.dumps([[base64.b64encode(FORGED.encode()).decode()]]),
        json.dumps({"a": json.dumps({"b": FORGED})}),
    ],
)
def test_a_record_in_json_in_a_string_is_named(hidden: str) -> None:
    honest = cdr(RECORD)
    assert judge(honest).verdict is Verdict.VALID
    verdict = judge(honest | {"note": hidden})
    assert (verdict.verdict, "evidence_not_judged" in codes(verdict)) == (Verdict.INDETERMINATE, True)
    remark = json.dumps({"remark": "The cable was stuck.", "ticket": "4711", "by": "A person of the hotline"})
    assert judge(honest | {"note": remark}).verdict is Verdict.VALID


def test_a_record_in_an_attribute_of_what_was_read_is_named() -> None:
    honest = safe_xml([SafeValue(RECORD.encode(), KEY)])
    assert verify(honest).verdict is Verdict.VALID
    hidden = base64.b64encode(FORGED.encode())
    verdict = verify(honest.replace(b"<signedData ", b'<signedData note="%b" ' % hidden, 1))
    assert (verdict.verdict, "evidence_not_judged" in codes(verdict)) == (Verdict.INDETERMINATE, True)


@pytest.mark.parametrize("member", ["begin", "end"])
def test_times_beside_an_original_text_are_compared(member: str) -> None:
    honest = json.loads(SAMPLES["ctr-original-text"])
    assert verify(json.dumps(honest).encode()).verdict is Verdict.VALID
    honest["chargingSessions"][0][member] = "2015-01-01T00:00:00+01:00"
    verdict = verify(json.dumps(honest).encode())
    assert verdict.verdict is Verdict.INVALID
    assert "claimed_time_contradicts" in codes(verdict)


def test_plugging_in_before_and_parking_after_are_no_forgery() -> None:
    honest = json.loads(SAMPLES["ctr-original-text"])
    (signed,) = verify(json.dumps(honest).encode()).transactions
    assert signed.begin is not None
    assert signed.end is not None
    assert signed.begin.time is not None
    assert signed.end.time is not None
    honest["chargingSessions"][0] |= {
        "begin": (signed.begin.time - timedelta(minutes=20)).isoformat(),
        "end": (signed.end.time + timedelta(hours=9)).isoformat(),
    }
    verdict = verify(json.dumps(honest).encode())
    assert (verdict.verdict, "claimed_time_contradicts" in codes(verdict)) == (Verdict.VALID, True)
