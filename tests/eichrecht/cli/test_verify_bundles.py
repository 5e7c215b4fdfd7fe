"""``eichrecht verify`` with loose files: payload, signature and key in a directory or as several paths."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli import main
from sample_meters._chargepoint_station import NEIGHBOUR, PAYLOAD, STATION

SIGNATURE = STATION.sign(PAYLOAD)


def run(capsys: pytest.CaptureFixture[str], *paths: Path) -> tuple[int, list[dict[str, Any]]]:
    with pytest.raises(SystemExit) as ended:
        main(["verify", *map(str, paths), "--json"])
    assert isinstance(ended.value.code, int)
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["results"]
    return ended.value.code, found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    session = tmp_path / "session_payload"
    session.mkdir()
    (session / "secrrct").write_bytes(PAYLOAD)
    (session / "secrrct.sign").write_bytes(SIGNATURE)
    (tmp_path / f"{STATION.key_name}.pem").write_bytes(STATION.pem())
    (tmp_path / f"{NEIGHBOUR.key_name}.pem").write_bytes(NEIGHBOUR.pem())
    return tmp_path


def test_a_directory_has_one_entry_per_payload(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, (result,) = run(capsys, folder)
    assert (status, result["verdict"]) == (0, "valid")
    assert result["source"] == str(folder / "session_payload" / "secrrct")
    (record,) = result["records"]
    assert (record["format"], record["layers"]) == ("CHARGEPOINT_SECRRCT", [])
    assert record["signature"] == {"status": "valid", "algorithm": "ECDSA-secp224k1-SHA256", "reason": None}
    assert (record["key"]["source"], record["key"]["trust"]) == ("argument", "supplied")
    assert result["transactions"][0]["energy_kwh"] == "12.340"


def test_several_paths_are_one_bundle_in_any_order(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = folder / "session_payload"
    paths = [folder / f"{STATION.key_name}.pem", session / "secrrct.sign", session / "secrrct"]
    for order in (paths, paths[::-1]):
        status, results = run(capsys, *order)
        assert (status, len(results)) == (0, 1)


def test_the_signature_alone_and_the_payload_alone(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    session = folder / "session_payload"
    key = folder / f"{STATION.key_name}.pem"
    status, (result,) = run(capsys, session / "secrrct", key)
    assert (status, result["records"][0]["signature"]["status"]) == (2, "unverified")
    assert "chargepoint_signature_missing" in {f["code"] for f in result["records"][0]["findings"]}
    status, (result,) = run(capsys, session / "secrrct.sign", key)
    assert (status, result["records"]) == (2, [])


def test_a_changed_payload_and_another_station_s_key(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    payload = folder / "session_payload" / "secrrct"
    payload.write_bytes(PAYLOAD.replace(b"112340", b"122340"))
    assert run(capsys, folder)[0] == 1
    (folder / f"{STATION.key_name}.pem").unlink()
    payload.write_bytes(PAYLOAD)
    status, (result,) = run(capsys, folder)
    assert (status, result["records"][0]["signature"]["reason"]) == (2, "no_key")


def test_private_keys_have_no_entry(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    label = "PRIVATE KEY"
    (folder / "x-privateKey.pem").write_text(f"-----BEGIN {label}-----\nMAA=\n-----END {label}-----\n")
    assert run(capsys, folder)[0] == 0
