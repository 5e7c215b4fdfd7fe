"""The Chargy CTR container: sessions, originals, keys, claims; with the real formats and with one of its own."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.containers import Unwrapped, unwrap
from eichrecht.containers.chargy_ctr import CtrCode
from eichrecht.evidence import Document, Part, RecordSpan, Verdict
from eichrecht.formats import registry
from eichrecht.verification import Verifier
from sample_meters.chargy_ctr import CONTEXTS, EMH, EVSE_ID, FIRST, LAST, SESSION_ID
from sample_meters.ocmf import OcmfMeter

PLAIN = EMH.session([FIRST, LAST])
PAYLOAD = b'{"magic": "record",\n "text": "m\xc3\xa4h"}\n'


def magic(content: bytes) -> Sequence[RecordSpan]:
    start, end = content.find(b'{"magic"'), content.rfind(b"}") + 1
    return [RecordSpan("MAGIC", start, end, "magic")] if 0 <= start < end else []


def take(content: bytes) -> Unwrapped:
    return unwrap(Document("test", content), registry.recognise)


def ctr(*sessions: Any, **members: Any) -> bytes:
    return json.dumps(
        {"@context": CONTEXTS + "CTR+json", "chargingSessions": list(sessions), **members}
    ).encode()


def one(content: bytes) -> Part:
    (part,) = unwrap(Document("test", content), magic).parts
    return part


def codes(part: Part) -> set[str]:
    return {str(finding.code) for finding in part.findings}


def test_a_session_is_its_exact_bytes() -> None:
    content = EMH.ctr(PLAIN, EMH.session([FIRST]))
    result = take(content)
    assert [part.where for part in result.parts] == ["/chargingSessions/0", "/chargingSessions/1"]
    for part in result.parts:
        assert part.content in content
        assert part.content.startswith(b"{")
        assert part.content.endswith(b"}")
        assert (part.format, part.transaction_id, part.claims) == ("EMH_CTR", None, ())
        assert [(layer.kind, layer.reason) for layer in part.layers] == [("chargy-ctr", "ctr_context")]
        assert part.key_text == EMH.public_key_text()
        assert part.key_where == (
            "/chargingStationOperators/0/chargingStations/0/EVSEs/0/energyMeters/0/publicKeys/0/value"
        )
    assert json.loads(result.parts[0].content) == json.loads(json.dumps(PLAIN))


@pytest.mark.parametrize("path", ["chargingPools", "chargingStations", "chargingStationOperators"])
@pytest.mark.parametrize("name", ["meters", "energyMeters"])
def test_keys_of_meters_are_found_wherever_devices_are_listed(path: str, name: str) -> None:
    meter = {"@id": EMH.meter_id, "publicKeys": [{"value": "0AB1"}, {"value": "FFFF"}]}
    other = {"@id": "another", "publicKeys": [{"value": "EEEE"}]}
    stations = [{"EVSEs": [{"@id": EVSE_ID, name: [other, meter, {"@id": "x"}, 5]}]}]
    places = {"chargingPools": [{"chargingStations": stations}], "chargingStations": stations}
    places["chargingStationOperators"] = [{"chargingPools": places["chargingPools"]}]
    (part,) = take(ctr(PLAIN, **{path: places[path]})).parts
    assert part.key_text == "0AB1"


def test_two_meters_of_one_id_with_two_keys_are_told() -> None:
    meters = [{"@id": EMH.meter_id, "publicKeys": [{"value": text}]} for text in ("0AB1", "0AB2")]
    (part,) = take(ctr(PLAIN, chargingStations=[{"EVSEs": [{"meters": meters}]}])).parts
    assert (part.key_text, "public_keys_differ" in codes(part)) == ("0AB1", True)
    same = [meters[0], meters[0]]
    (part,) = take(ctr(PLAIN, chargingStations=[{"EVSEs": [{"meters": same}]}])).parts
    assert codes(part) == set()


def test_keys_in_sessions_are_not_looked_for() -> None:
    forged = PLAIN | {"meters": [{"@id": EMH.meter_id, "publicKeys": [{"value": "0AB1"}]}]}
    (part,) = take(ctr(forged)).parts
    assert part.key_text is None


def original(**members: Any) -> dict[str, Any]:
    """A session of the shape that ChargePoint sessions have."""
    return {
        "@id": SESSION_ID,
        "@context": CONTEXTS + "SessionSignatureFormats/ChargePointCrypt01+json",
        "EVSEId": "0000:1111-2",
        "begin": "2025-01-20T16:02:30Z",
        "original": base64.b64encode(PAYLOAD).decode(),
        "measurements": [
            {"energyMeterId": "M1", "unit": "kWh", "scale": 0, "values": [{"value": 74.5}, {"value": 86.75}]}
        ],
        **members,
    }


def test_an_original_is_opened_and_its_signature_goes_along() -> None:
    key = {"@id": "00001111_2", "value": "04AA"}
    part = one(ctr(original(signature="3006 0201 0502 0106"), publicKeys=[key, {"value": "04BB"}, 7]))
    assert part.content == PAYLOAD
    assert part.detached_signature == bytes.fromhex("3006020105020106")
    assert (part.format, part.where) == ("MAGIC", "/chargingSessions/0/original")
    assert [layer.kind for layer in part.layers] == ["chargy-ctr", "base64"]
    assert [(beside.name, beside.text) for beside in part.beside_keys] == [
        ("00001111_2", "04AA"),
        ("", "04BB"),
    ]
    assert part.key_text is None
    assert part.transaction_id == SESSION_ID
    assert dict(part.claims) == {
        "evse_id": "0000:1111-2",
        "meter_id": "M1",
        "session_begin": "2025-01-20T16:02:30Z",
    }
    (claim,) = part.energy_claims
    assert (claim.kwh, claim.where) == (Decimal("12.25"), "/chargingSessions/0/measurements/0")


@pytest.mark.parametrize(
    ("subject", "name"), [("DE*CPI*1", "DE*CPI*1"), ({"EVSEId": "DE*CPI*2"}, "DE*CPI*2"), (None, "")]
)
def test_the_name_of_a_lone_key(subject: object, name: str) -> None:
    part = one(ctr(original(), publicKeys=[{"subject": subject, "value": "04AA"}]))
    assert [beside.name for beside in part.beside_keys] == [name]


@pytest.mark.parametrize(
    ("signature", "der"),
    [
        ({"r": "05", "s": "06"}, "3006020105020106"),
        ({"r": "80", "s": "00ff"}, "30080202008002 0200ff"),
        ({"r": "11" * 66, "s": "12" * 66}, "3081880242" + "11" * 66 + "0242" + "12" * 66),
    ],
)
def test_a_signature_in_two_numbers(signature: dict[str, str], der: str) -> None:
    assert one(ctr(original(signature=signature))).detached_signature == bytes.fromhex(der)


@pytest.mark.parametrize(
    "signature", ["", "12 3", "none", {"r": "05"}, {"r": "5", "s": "6"}, 7, ["05", "06"]]
)
def test_a_signature_that_cannot_be_read_is_told(signature: object) -> None:
    part = one(ctr(original(signature=signature)))
    assert part.detached_signature is None
    assert CtrCode.SIGNATURE_UNREADABLE in codes(part)


def test_an_original_as_text_and_per_value() -> None:
    part = one(ctr(original(original=PAYLOAD.decode())))
    assert (part.content, [layer.kind for layer in part.layers]) == (
        PAYLOAD.strip(),
        ["chargy-ctr", "ctr-original"],
    )
    values = [{"value": 1, "original": base64.b64encode(PAYLOAD).decode()}, {"value": 2}]
    session = original(measurements=[{"values": values}])
    del session["original"]
    part = one(ctr(session))
    assert part.where == "/chargingSessions/0/measurements/0/values/0/original"


@pytest.mark.parametrize("text", [None, "", "   ", 7])
def test_without_the_signed_text_nothing_is_rebuilt(text: object) -> None:
    part = one(ctr(original(original=text)))
    assert part.format is None
    (finding,) = part.findings
    assert (finding.code, finding.params) == (CtrCode.ORIGINAL_MISSING, {"method": "ChargePointCrypt01"})


def test_a_text_that_no_format_knows_is_told() -> None:
    part = one(ctr(original(original="aGVsbG8=")))
    assert (part.format, codes(part)) == (None, {"record_unrecognised"})


@pytest.mark.parametrize(
    ("measurement", "energy_kwh"),
    [
        ({"unit": "WATT_HOUR", "scale": 1, "values": [{"value": "10"}, {"value": 20}]}, "0.1"),
        ({"unit": "Wh", "values": [{"value": "1.5"}, {}, {"value": "2"}]}, "0.0005"),
        ({"unit": "MWh", "values": [{"value": " 1"}, {"value": "2e1"}]}, "19000"),
        ({"unit": "kWh", "scale": "3", "values": [{"value": 1}, {"value": 2}]}, "1000"),
        ({"unit": "kWh", "values": [{"value": 1}]}, None),
        ({"values": [{"value": 1}, {"value": 2}]}, None),
        ({"unit": "kWh", "values": [{"value": True}, {"value": 2}]}, None),
        ({"unit": "kWh", "scale": 4000000, "values": [{"value": 1}, {"value": 2}]}, None),
        ({"unit": "kWh", "scale": 0.5, "values": [{"value": 1}, {"value": 2}]}, None),
        ({"unit": "kWh", "values": [{"value": "9" * 400}, {"value": 2}]}, None),
    ],
)
def test_the_energy_claimed_beside_an_original(measurement: dict[str, Any], energy_kwh: str | None) -> None:
    expected = None if energy_kwh is None else Decimal(energy_kwh)
    for measurements in ([measurement], [measurement, measurement]):
        claims = one(ctr(original(measurements=measurements))).energy_claims
        assert [claim.kwh for claim in claims] == [expected] * len(measurements)


def test_measurements_that_say_no_energy_or_several() -> None:
    imported = {"unit": "kWh", "values": [{"value": 1}, {"value": 11}]}
    power = {"unit": "W", "values": [{"value": 1}, {"value": 2}]}
    (claim,) = one(ctr(original(measurements=[power, imported, {"values": [{}, {}]}]))).energy_claims
    assert (claim.kwh, claim.where) == (10, "/chargingSessions/0/measurements/1")
    exported = {"unit": "kWh", "values": [{"value": 1}, {"value": 1}]}
    claims = one(ctr(original(measurements=[imported, exported]))).energy_claims
    assert [claim.kwh for claim in claims] == [None, None]


@pytest.mark.parametrize("sessions", [None, [], "none", {}])
def test_a_ctr_without_sessions_says_so(sessions: object) -> None:
    result = take(json.dumps({"@context": CONTEXTS + "CTR+json", "chargingSessions": sessions}).encode())
    assert result.parts == ()
    assert CtrCode.NO_SESSIONS in {finding.code for finding in result.findings}


def test_a_session_that_is_no_object_is_told() -> None:
    result = take(ctr(5, PLAIN))
    assert [part.format for part in result.parts] == [None, "EMH_CTR"]
    assert codes(result.parts[0]) == {CtrCode.SESSION_MALFORMED}


def test_single_quotes_are_not_the_bytes_that_were_read() -> None:
    text = ctr(PLAIN).replace(b'"', b"'")
    assert all(part.format is None for part in take(text).parts)


def test_claims_of_validity_are_not_believed() -> None:
    claims = {"verificationResult": {"status": "ValidSignature"}, "status": "ValidSignature", "certainty": 1}
    forged = EMH.session([FIRST, replace(LAST, written={"value": "999999"})]) | claims
    verdict = Verifier().verify(Document("test", EMH.ctr(forged, **claims)))
    assert verdict.verdict is Verdict.INVALID


def test_an_original_of_another_meter_than_the_one_named_is_invalid() -> None:
    meter = OcmfMeter("secp256r1")
    record = meter.session_record(Decimal(1), Decimal(2), *_ocmf_times()).decode()
    for named, expected in (("SAMPLE0001", Verdict.VALID), ("SAMPLE0009", Verdict.INVALID)):
        session = {
            "@context": CONTEXTS + "SessionSignatureFormats/OCMFv1.0+json",
            "original": record,
            "measurements": [{"energyMeterId": named, "values": []}],
        }
        meters = [{"@id": named, "publicKeys": [{"value": meter.public_key_text()}]}]
        content = ctr(session, chargingStations=[{"EVSEs": [{"meters": meters}]}])
        assert Verifier().verify(Document("test", content)).verdict is expected


def _ocmf_times() -> tuple[Any, Any]:
    from datetime import UTC, datetime

    return datetime(2025, 1, 20, 16, tzinfo=UTC), datetime(2025, 1, 20, 17, tzinfo=UTC)
