"""``eichrecht demo`` as a user runs it: its own processes, its table, its exit status."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx2
import pytest

from eichrecht.demo.material import ENERGY_TARIFF, file_session, keys_inside, simulated_sessions
from eichrecht.demo.run import DemoResult
from eichrecht.evidence import Document
from ocpi.objects.tariff import Tariff
from ocpi.versions import V2_2_1
from sample_meters.cases import demo_sessions
from sample_meters.ocmf import OcmfMeter, tampered
from sample_meters.safe_xml import SafeValue, safe_xml

ROOT = Path(__file__).resolve().parents[3]
FILES = ROOT.parent / "shared" / "vectors" / "meter" / "files" / "safe"


def demo(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eichrecht", "demo", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        timeout=180,
        check=False,
    )


def rows(output: str) -> list[list[str]]:
    """Rows of the printed table, wrapped cells joined."""
    made: list[list[str]] = []
    for line in output.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("│").split("│")]
        if not line.startswith("│") or len(cells) != 5:
            continue
        if cells[1]:
            made.append(cells)
        else:
            made[-1] = [f"{above} {below}".strip() for above, below in zip(made[-1], cells, strict=True)]
    return made


def test_the_samples_end_as_they_must() -> None:
    done = demo("--exit")
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    table = {row[0]: row[1:] for row in rows(done.stdout)}
    words = {"deliver": "delivered", "refuse": "refused", "hold": "held"}
    assert {name: row[2] for name, row in table.items()} == {
        session.description: words[session.outcome] for session in demo_sessions()
    }
    assert table["A session in one record."][:2] == ["11.250 kWh", "6.5599 EUR"]  # 11.25 * 0.49 * 1.19
    for session in demo_sessions():
        energy, price, _, why = table[session.description]
        if session.outcome == "deliver":
            assert (energy, why) == (f"{session.energy_kwh} kWh", "")
            assert price.endswith(" EUR")
        if session.outcome == "refuse":
            assert (energy, price) == ("-", "-")
            assert "do not fit the signature" in why
    assert "21.000 kWh were reported, 20.000 kWh are signed" in table["1 kWh more is claimed."][3]
    assert "clock" in table["Time is billed, but the clock is only informative."][3]
    assert "handshake with the eMSP done (version 2.2.1)" in done.stdout
    delivered = [session for session in demo_sessions() if session.outcome == "deliver"]
    assert len(re.findall(r"http://127\.0\.0\.1:\d+/r/[\w-]{32}", done.stdout)) == len(delivered)


def test_german_is_spoken_too() -> None:
    done = demo("--exit", "--language", "de")
    assert done.returncode == 0
    assert {row[3] for row in rows(done.stdout)} == {"zugestellt", "abgelehnt", "angehalten"}
    assert "11,250 kWh" in done.stdout
    assert "6,5599 EUR" in done.stdout
    assert "Gemeldet wurden 21,000" in done.stdout  # the reasons, too
    assert "were reported" not in done.stdout


def test_left_running_it_serves_its_links_until_it_is_stopped() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "eichrecht", "demo"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        assert process.stdout is not None
        receipt = ""
        for line in process.stdout:
            receipt = receipt or next(iter(re.findall(r"http://\S+/r/[\w-]{32}", line)), "")
            if "Ctrl+C" in line:
                break
        assert httpx2.get(receipt).status_code == 200
    finally:
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in rest
    with pytest.raises(httpx2.TransportError):
        httpx2.get(receipt)


def session_file(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "session.ocmf"
    path.write_bytes(content)
    return path


SESSION = next(item for item in demo_sessions() if item.name == "commuter")


def test_a_file_with_its_key_goes_through(tmp_path: Path) -> None:
    path = session_file(tmp_path, SESSION.document)
    key = tmp_path / "meter.key"
    key.write_text(SESSION.public_key_text)
    done = demo("--record", str(path), "--key", str(key), "--exit")
    assert done.returncode == 0, done.stderr
    assert rows(done.stdout) == [["session.ocmf", "11.250 kWh", "6.5599 EUR", "delivered", ""]]


def test_a_changed_file_names_the_signature(tmp_path: Path) -> None:
    end = '"RV":1248.250'
    path = session_file(tmp_path, tampered(SESSION.document, end, '"RV":1249.250'))
    done = demo("--record", str(path), "--key", SESSION.public_key_text, "--exit")
    assert done.returncode == 0
    ((_, energy, _, state, why),) = rows(done.stdout)
    assert (energy, state) == ("-", "refused")
    assert "do not fit the signature" in why


def test_a_file_whose_key_nobody_vouches_for_says_what_to_do(tmp_path: Path) -> None:
    content = safe_xml([SafeValue(SESSION.document, SESSION.public_key_text, "1", "Transaction.End")])
    done = demo("--record", str(session_file(tmp_path, content)), "--exit")
    assert done.returncode == 0
    ((*_, state, why),) = rows(done.stdout)
    assert state == "refused"
    assert "vouches" in why
    assert f"--key {SESSION.public_key_text}" in done.stdout


def test_a_file_that_is_no_record_says_so(tmp_path: Path) -> None:
    done = demo("--record", str(session_file(tmp_path, b"only words")), "--exit")
    assert done.returncode == 0
    ((*_, state, why),) = rows(done.stdout)
    assert state == "refused"
    assert why
    assert "Traceback" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--key", "04"), "--key goes with --record"),
        (("--record", "/nonexistent", "--exit"), "/nonexistent"),
        (("--record", __file__, "--key", "no key", "--exit"), "--key"),
        (("--language", "fr", "--exit"), "--language"),
    ],
)
def test_wrong_arguments_are_told_before_anything_starts(arguments: tuple[str, ...], words: str) -> None:
    done = demo(*arguments)
    assert done.returncode == 64
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


REAL = {
    # File, then its state, energy, and words of the reason.
    "xml__test_ocmf_keba_kcp30.xml": ("delivered", "0.0001 kWh", ""),
    "xml__test_ocmf_keba_kcp30_fail.xml": ("refused", "-", "do not fit the signature"),
    "xml__VW_OCMF_load.xml": ("delivered", None, ""),
    "xml__ocmf_tariff_1.xml": ("refused", "-", "no duration"),
    "xml__test_ocmf_transaction_two_values.xml": ("refused", "-", "assignment to the customer"),
}


@pytest.mark.skipif(not FILES.is_dir(), reason="../shared/vectors is absent")
@pytest.mark.parametrize("name", REAL)
def test_real_files_with_the_keys_they_bring(name: str) -> None:
    content = (FILES / name).read_bytes()
    key = keys_inside(Document(name, content))[0]
    done = demo("--record", str(FILES / name), "--key", key, "--exit")
    assert done.returncode == 0, done.stderr
    ((shown, energy, _, state, why),) = rows(done.stdout)
    expected_state, expected_energy, words = REAL[name]
    assert (shown.replace(" ", ""), state) == (name, expected_state), why
    assert expected_energy in {None, energy}
    assert words in why


def result(findings: list[tuple[str, str]], outcome: str = "refused") -> DemoResult:
    listed = [{"code": code, "severity": severity, "message": code} for code, severity in findings]
    return DemoResult(simulated_sessions()[0], outcome, {"findings": listed})


def test_causes_come_before_their_consequences() -> None:
    mixed = result(
        [
            ("transaction_not_valid", "error"),
            ("some_warning", "warning"),
            ("transaction_record_not_valid", "error"),
            ("signature_mismatch", "error"),
        ]
    )
    assert [item["code"] for item in mixed.reasons] == [
        "signature_mismatch",
        "transaction_not_valid",
        "transaction_record_not_valid",
    ]
    assert not mixed.needs_key
    assert result([("key_not_confirmed", "error")]).needs_key


def test_a_session_that_ends_otherwise_than_expected_is_noticed() -> None:
    assert simulated_sessions()[0].expected == "deliver"
    assert result([], "delivered").as_expected
    assert not result([], "refused").as_expected


def test_a_file_takes_the_charge_point_that_its_record_names() -> None:
    named = file_session("x", SESSION.document, None)
    assert named.evse_id == named.facts["cdr_location"]["evse_id"] == SESSION.evse_id
    assert file_session("x", b"no record", None).evse_id == "DE*CPO*EFILE*1"
    long = OcmfMeter("secp256r1", head={"CI": "X" * 60}).session_record(
        SESSION.energy_kwh, SESSION.energy_kwh, SESSION.start, SESSION.end
    )
    assert file_session("x", long, None).evse_id == "DE*CPO*EFILE*1"


def test_the_demo_tariff_is_a_tariff_of_ocpi() -> None:
    V2_2_1.load(Tariff, ENERGY_TARIFF)
