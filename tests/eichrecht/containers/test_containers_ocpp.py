"""OCPP messages of three versions: frames, payloads, logs, and keys announced elsewhere."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.evidence import Document, DocumentVerdict, KeyTrust, Verdict
from eichrecht.verification import Verifier
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml

START, END = datetime(2026, 3, 1, 10, tzinfo=UTC), datetime(2026, 3, 1, 11, tzinfo=UTC)
METER = OcmfMeter("secp256r1")
KEY = METER.public_key_text()
ENVELOPE = base64.b64encode(f"oca:base16:asn1:{KEY}".encode()).decode()
BEGIN = METER.begin_record(Decimal("10.0"), START)
FINISH = METER.end_record(Decimal("17.5"), END)


def signed_type(record: bytes, key: str = ENVELOPE, **more: str) -> dict[str, str]:
    return {
        "signedMeterData": base64.b64encode(record).decode(),
        "signingMethod": "",
        "encodingMethod": "OCMF",
        "publicKey": key,
        **more,
    }


def sample_16(record: bytes, context: str, key: str = ENVELOPE) -> dict[str, Any]:
    return {"value": json.dumps(signed_type(record, key)), "format": "SignedData", "context": context}


def value_16(*samples: dict[str, Any]) -> dict[str, Any]:
    raw = {"value": "10000", "context": "Sample.Periodic", "unit": "Wh"}
    return {"timestamp": "2026-03-01T10:00:00Z", "sampledValue": [raw, *samples]}


def stop_16(*samples: dict[str, Any]) -> list[Any]:
    payload = {
        "transactionId": 17,
        "timestamp": "2026-03-01T11:00:00Z",
        "meterStop": 17500,
        "transactionData": [value_16(*samples)],
    }
    return [2, "m1", "StopTransaction", payload]


def event_201(kind: str, *samples: dict[str, Any]) -> list[Any]:
    payload = {
        "eventType": kind,
        "transactionInfo": {"transactionId": "ab-12"},
        "meterValue": [{"timestamp": "2026-03-01T10:00:00Z", "sampledValue": list(samples)}],
    }
    return [2, "m2", "TransactionEvent", payload]


def sample_201(record: bytes, context: str, key: str = ENVELOPE, **more: str) -> dict[str, Any]:
    return {"value": 1, "context": context, "signedMeterValue": signed_type(record, key, **more)}


def verify(content: bytes | object) -> DocumentVerdict:
    document = content if isinstance(content, bytes) else json.dumps(content).encode()
    return Verifier().verify(Document("d", document))


WHOLE = stop_16(sample_16(BEGIN, "Transaction.Begin"), sample_16(FINISH, "Transaction.End"))
ENDED = event_201("Ended", sample_201(BEGIN, "Transaction.Begin"), sample_201(FINISH, "Transaction.End"))
BOTH_IN_ONE = METER.session_record(Decimal("20.0"), Decimal("22.5"), START, END)


@pytest.mark.parametrize(
    ("content", "transaction"),
    [
        (WHOLE, "17"),
        (WHOLE[3], "17"),
        ([WHOLE], "17"),
        ([WHOLE[3]], "17"),
        (ENDED, "ab-12"),
        (ENDED[3], "ab-12"),
        (json.dumps(WHOLE).replace(", ", ",").encode() + b"\n", "17"),
        (
            "\n".join(
                json.dumps(message)
                for message in (
                    event_201("Started", sample_201(BEGIN, "Transaction.Begin")),
                    event_201("Ended", sample_201(FINISH, "Transaction.End")),
                )
            ).encode(),
            "ab-12",
        ),
    ],
    ids=["frame", "payload", "frames", "payloads", "2.0.1", "2.0.1 payload", "line", "log"],
)
def test_a_session_in_messages(content: object, transaction: str) -> None:
    verdict = verify(content)
    assert verdict.verdict is Verdict.VALID, verdict.findings
    (found,) = verdict.transactions
    assert (found.id, found.energy_kwh, found.records) == (transaction, Decimal("7.5"), (0, 1))
    layers = [layer.kind for layer in verdict.records[0].layers]
    assert layers[0] == "ocpp"
    assert layers[-2:] == ["ocpp-signed-meter-value", "base64"]
    assert verdict.records[0].key is not None
    assert verdict.records[0].key.trust is KeyTrust.UNCONFIRMED


def test_one_record_with_both_ends_and_context_end() -> None:
    verdict = verify(stop_16(sample_16(BOTH_IN_ONE, "Transaction.End")))
    assert verdict.verdict is Verdict.VALID
    assert [t.energy_kwh for t in verdict.transactions] == [Decimal("2.5")]


def test_a_begin_that_comes_twice_counts_once() -> None:
    first = {
        "connectorId": 1,
        "transactionId": 17,
        "meterValue": [value_16(sample_16(BEGIN, "Transaction.Begin"))],
    }
    verdict = verify([[2, "m0", "MeterValues", first], WHOLE])
    assert len(verdict.records) == 3
    (found,) = verdict.transactions
    assert (found.verdict, found.energy_kwh) == (Verdict.VALID, Decimal("7.5"))
    assert "duplicate_record" in {finding.code for finding in found.findings}


def test_a_forged_record_stays_forged() -> None:
    forged = FINISH.replace(b"17.5", b"18.5")
    assert forged != FINISH
    content = stop_16(sample_16(BEGIN, "Transaction.Begin"), sample_16(forged, "Transaction.End"))
    assert verify(content).verdict is Verdict.INVALID


def test_a_key_sent_once_per_transaction_serves_all_its_records() -> None:
    content = stop_16(sample_16(BEGIN, "Transaction.Begin"), sample_16(FINISH, "Transaction.End", ""))
    verdict = verify(content)
    assert verdict.verdict is Verdict.VALID
    assert "ocpp_key_of_transaction" in {finding.code for finding in verdict.records[1].findings}


def announced(name: str, variable: dict[str, Any]) -> list[Any]:
    place = {"component": {"name": "FiscalMetering"}, "variable": {"name": "PublicKey"}}
    return [
        2,
        "k",
        name,
        {"reportData" if name == "NotifyReport" else "getVariableResult": [place | variable]},
    ]


METERS = json.dumps({"meters": [{"connectorId": 1, "meterSerial": "SAMPLE0001", "publicKey": KEY}]})
SETTING = {"key": "MeterPublicKey1", "readonly": True, "value": ENVELOPE}


@pytest.mark.parametrize(
    "announcement",
    [
        [3, "k", {"configurationKey": [SETTING]}],
        [2, "k", "DataTransfer", {"vendorId": "x", "data": METERS}],
        announced("NotifyReport", {"variableAttribute": [{"value": ENVELOPE}]}),
        announced("GetVariables", {"attributeValue": ENVELOPE}),
    ],
    ids=["configuration", "data transfer", "report", "variables"],
)
def test_a_key_that_the_station_announced(announcement: list[Any]) -> None:
    log = [announcement, stop_16(sample_16(BOTH_IN_ONE, "Transaction.End", ""))]
    assert verify(log).verdict is Verdict.VALID
    other = json.loads(
        json.dumps(announcement).replace(KEY, OcmfMeter("secp256r1", key_label="x").public_key_text())
    )
    if other != announcement:
        verdict = verify([other, log[1]])
        expected = Verdict.INVALID if "SAMPLE0001" in json.dumps(other) else Verdict.INDETERMINATE
        assert verdict.verdict is expected, "a key of another name accuses nobody"


@pytest.mark.parametrize(
    "value",
    [
        BOTH_IN_ONE.decode(),
        base64.b64encode(BOTH_IN_ONE).decode(),
        BOTH_IN_ONE.hex(),
        json.dumps({"signedMeterValue": base64.b64encode(BOTH_IN_ONE).decode()}),
        str({"signedMeterData": base64.b64encode(BOTH_IN_ONE).decode(), "encodingMethod": "OCMF"}),
        safe_xml([SafeValue(BOTH_IN_ONE, KEY)]).decode(),
        base64.b64encode(safe_xml([SafeValue(BOTH_IN_ONE, KEY)])).decode(),
    ],
    ids=[
        "record",
        "base64",
        "hex",
        "be.ENERGISED",
        "single quotes",
        "S.A.F.E. XML",
        "S.A.F.E. XML in base64",
    ],
)
def test_what_stations_wrote_before_the_note(value: str) -> None:
    sampled = {"value": value, "format": "SignedData", "context": "Transaction.End"}
    verdict = verify(stop_16(sampled))
    assert [record.record is not None for record in verdict.records] == [True]
    assert verdict.transactions[0].energy_kwh == Decimal("2.5")


def test_unsigned_values_alone_are_no_evidence() -> None:
    verdict = verify(stop_16())
    assert (verdict.verdict, verdict.records) == (Verdict.INDETERMINATE, ())
    assert "ocpp_without_signed_data" in {finding.code for finding in verdict.findings}


def test_signed_data_that_cannot_be_read_is_a_record_that_says_so() -> None:
    sampled = {"value": "nothing signed at all", "format": "SignedData"}
    verdict = verify(stop_16(sampled, sample_16(BOTH_IN_ONE, "Transaction.End")))
    assert [record.verdict for record in verdict.records] == [Verdict.INDETERMINATE, Verdict.VALID]


def test_the_record_decides_its_signing_method() -> None:
    content = event_201(
        "Ended", sample_201(BOTH_IN_ONE, "Transaction.End", signingMethod="ECDSA-secp256k1-SHA256")
    )
    verdict = verify(content)
    assert verdict.verdict is Verdict.VALID
    assert "signing_method_contradicted" in {finding.code for finding in verdict.records[0].findings}
    right = event_201(
        "Ended", sample_201(BOTH_IN_ONE, "Transaction.End", signingMethod="ECDSA-secp256r1-SHA256")
    )
    assert "signing_method_contradicted" not in {f.code for f in verify(right).records[0].findings}


def test_a_log_with_a_line_that_is_no_message_is_not_read_line_by_line() -> None:
    lines = json.dumps(WHOLE).encode() + b"\n2026-03-01 something else\n"
    verdict = verify(lines)
    assert verdict.verdict is not Verdict.VALID
    assert len(verdict.records) == 2, "the records are still cut out of it"
