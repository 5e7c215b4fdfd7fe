"""The transparency check with several files at once: payload, signature and key serve each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ocpi.transport import json
from sample_meters._chargepoint_station import NEIGHBOUR, PAYLOAD, STATION
from sample_meters.edifact_mscons import BEGIN_KWH, END, END_KWH, START, MsconsGateway
from tests.eichrecht.service.service_support import Operator, in_service, meter, record

CHECK = "/api/v1/transparency/check"
KEY_NAME = f"{STATION.key_name}.pem"
BUNDLE = {"secrrct": PAYLOAD, "secrrct.sign": STATION.sign(PAYLOAD), KEY_NAME: STATION.pem()}


def form(files: dict[str, bytes]) -> dict[str, Any]:
    return {"files": [("file", (name, content)) for name, content in files.items()]}


def results(response: Any) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = json.loads(response.content)["results"]
    return found


def test_payload_signature_and_key(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for files in (BUNDLE, dict(reversed(BUNDLE.items()))):
            (found,) = results(await operator.http.post(CHECK, **form(files)))
            assert (found["source"], found["verdict"]) == ("secrrct", "valid")
            assert found["records"][0]["key"]["trust"] == "supplied"
            assert found["transactions"][0]["energy_kwh"] == "12.340"
        page = await operator.http.post("/", **form(BUNDLE))
        assert (page.status_code, page.text.count("12.340") > 0 or "12,340" in page.text) == (200, True)

    in_service(tmp_path, work, prepared=False)


def test_a_changed_payload_a_missing_key_and_another_station_s(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        changed = BUNDLE | {"secrrct": PAYLOAD.replace(b"112340", b"122340")}
        (found,) = results(await operator.http.post(CHECK, **form(changed)))
        assert found["verdict"] == "invalid"
        without = {name: content for name, content in BUNDLE.items() if name != KEY_NAME}
        for files in (without, without | {f"{NEIGHBOUR.key_name}.pem": NEIGHBOUR.pem()}):
            (found,) = results(await operator.http.post(CHECK, **form(files)))
            assert (found["verdict"], found["records"][0]["signature"]["reason"]) == (
                "indeterminate",
                "no_key",
            )
        given = form(without) | {"data": {"key": STATION.pem().decode()}}
        (found,) = results(await operator.http.post(CHECK, **given))
        assert found["verdict"] == "valid"

    in_service(tmp_path, work, prepared=False)


def test_a_key_file_serves_the_pasted_text(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        files = form({"key.txt": meter().public_key_text().encode()})
        (found,) = results(await operator.http.post(CHECK, **files, data={"text": record().decode()}))
        assert (found["source"], found["verdict"]) == ("text", "valid")

    in_service(tmp_path, work, prepared=False)


def test_key_files_alone_are_nothing_to_check(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        response = await operator.http.post(CHECK, **form({KEY_NAME: STATION.pem()}))
        assert response.status_code == 400
        assert json.loads(response.content)["error"]["code"] == "nothing_given"

    in_service(tmp_path, work, prepared=False)


GATEWAY = MsconsGateway()
PLAIN = GATEWAY.interchange(GATEWAY.body(BEGIN_KWH, END_KWH, START, END))


def test_mscons_with_its_key_and_autack_with_its_content(tmp_path: Path) -> None:
    """Signatures that lie apart find their file in one upload, whatever the names are."""
    signed = GATEWAY.session_record(BEGIN_KWH, END_KWH, START, END)
    key = GATEWAY.public_key_text().encode()
    autack = GATEWAY.autack(PLAIN)

    async def work(operator: Operator) -> None:
        (found,) = results(await operator.http.post(CHECK, **form({"s.edi": signed, "k.pem": key})))
        assert (found["verdict"], found["records"][0]["format"]) == ("valid", "EDIFACT_MSCONS")
        files = {"one.edi": autack, "two.edi": PLAIN, "k.pem": key}
        first, second = results(await operator.http.post(CHECK, **form(files)))
        assert (first["verdict"], first["records"]) == ("valid", [])
        assert (second["verdict"], second["records"][0]["signature"]["status"]) == ("valid", "valid")
        forged = files | {"two.edi": PLAIN.replace(b"1266", b"2266")}
        first, second = results(await operator.http.post(CHECK, **form(forged)))
        assert {first["verdict"], second["verdict"]} == {"indeterminate"}
        (alone,) = results(await operator.http.post(CHECK, **form({"two.edi": PLAIN, "k.pem": key})))
        assert alone["records"][0]["signature"]["reason"] == "unsigned"

    in_service(tmp_path, work, prepared=False)


def test_a_key_file_in_the_field_of_the_key_is_not_lost(tmp_path: Path) -> None:
    signed = GATEWAY.session_record(BEGIN_KWH, END_KWH, START, END)

    async def work(operator: Operator) -> None:
        files = [("file", ("s.edi", signed)), ("key", ("k.pem", GATEWAY.public_key_text().encode()))]
        (found,) = results(await operator.http.post(CHECK, files=files))
        assert found["verdict"] == "valid"

    in_service(tmp_path, work, prepared=False)
