"""``eichrecht verify``: the contract that other programs rely on, and what bad input gets for an answer."""

from __future__ import annotations

import contextlib
import hashlib
import io
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli import main
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.eichrecht.cli.verify_command_support import FORGED, KEY, METER, RECORD, Run, results, write
from tests.eichrecht.verification.verification_support import BEGIN_KWH, END, START

# --- the JSON of the contract ---------------------------------------------------------------------------------


def test_json_is_the_contract_s_word_for_word(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "session.xml", safe_xml([SafeValue(RECORD, KEY)]))
    status, output, errors = run(path, "--json")
    assert (status, errors) == (0, "")
    (result,) = results(output)
    assert output.count("\n") == 1
    assert result.keys() == {"source", "sha256", "verdict", "records", "transactions", "findings"}
    assert result["source"] == str(path)
    assert result["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert result["verdict"] == "valid"
    (record,) = result["records"]
    assert record | {"readings": [], "findings": []} == {
        "index": 0,
        "where": "/values/value/0",
        "layers": ["safe-xml"],
        "format": "OCMF",
        "verdict": "valid",
        "signature": {"status": "valid", "algorithm": "ECDSA-secp256r1-SHA256", "reason": None},
        "key": {
            "fingerprint": hashlib.sha256(bytes.fromhex(KEY)).hexdigest(),
            "source": "document",
            "trust": "unconfirmed",
            "shape": "spki-hex",
            "matched": None,
        },
        "meter": {"serial": "M1", "gateway": "GW-M1", "charge_point": "DE*SMP*E0001"},
        "readings": [],
        "findings": [],
    }
    assert record["readings"][0] == {
        "reason": "B",
        "value": "2935.600",
        "unit": "kWh",
        "energy_kwh": "2935.600",
        "obis": "01-00:01.08.00*FF",
        "time": "2026-03-02T18:04:10.000+00:00",
        "time_status": "S",
        "meter_status": "G",
        "error_flags": "",
    }
    (finding,) = [f for f in record["findings"] if f["code"] == "key_unconfirmed"]
    assert finding.keys() == {"code", "severity", "where", "message", "params"}
    assert (finding["severity"], finding["where"]) == ("note", "")
    assert finding["message"].startswith("The key arrived with the data")
    assert result["transactions"] == [
        {
            "id": "M1/T1",
            "verdict": "valid",
            "records": [0],
            "energy_kwh": "29.500",
            "duration_s": 5400,
            "billable": {"energy": True, "duration": True, "reasons": []},
            "findings": [],
        }
    ]


def test_json_of_what_cannot_be_read(run: Run, tmp_path: Path) -> None:
    status, output, _ = run(write(tmp_path / "cut.ocmf", RECORD[:400]), "--json")
    assert status == 2
    (result,) = results(output)
    (record,) = result["records"]
    assert record["verdict"] == "indeterminate"
    assert record["signature"] == {"status": "unverified", "algorithm": None, "reason": "unreadable"}
    assert (record["key"], record["meter"], record["readings"]) == (None, None, [])
    assert [f["severity"] for f in record["findings"] if f["code"] != "recognised"] == ["error"]
    assert result["transactions"] == []


def test_json_of_a_transaction_that_cannot_be_formed(run: Run, tmp_path: Path) -> None:
    begin = OcmfMeter("secp256r1", "M1").begin_record(BEGIN_KWH, START)
    status, output, _ = run(write(tmp_path / "begin.ocmf", begin), "--key", KEY, "--json")
    (result,) = results(output)
    assert (status, result["verdict"]) == (0, "valid")
    (transaction,) = result["transactions"]
    assert (transaction["energy_kwh"], transaction["duration_s"]) == (None, None)
    assert transaction["verdict"] == "indeterminate"
    assert transaction["billable"] == {"energy": False, "duration": False, "reasons": ["end_missing"]}


def test_numbers_keep_the_meter_s_digits_and_a_broken_second_stays_exact(run: Run, tmp_path: Path) -> None:
    record = METER.session_record(
        Decimal("0.10"), Decimal("0.3000"), START, END.replace(second=11, microsecond=250_000)
    )
    status, output, _ = run(write(tmp_path / "a.ocmf", record), "--key", KEY, "--json")
    assert status == 0
    (result,) = results(output)
    assert [r["value"] for r in result["records"][0]["readings"]] == ["0.10", "0.3000"]
    (transaction,) = result["transactions"]
    assert transaction["energy_kwh"] == "0.2000"
    assert transaction["duration_s"] == Decimal("5401.25")


def test_language_of_sentences_and_nothing_else(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", safe_xml([SafeValue(RECORD, KEY)]))
    english, german = (results(run(path, "--json", "--language", code)[1]) for code in ("en", "de"))
    assert "Schlüssel" in german[0]["records"][0]["findings"][0]["message"]

    def codes(answer: list[dict[str, Any]]) -> list[str]:
        return [f["code"] for f in answer[0]["records"][0]["findings"]]

    assert codes(english) == codes(german)
    assert "Schlüssel" in run(path, "--language", "de")[1]


def test_results_stand_in_the_order_of_the_paths(run: Run, tmp_path: Path) -> None:
    names = ["b.ocmf", "a.ocmf", "c.ocmf"]
    paths = [write(tmp_path / name, RECORD) for name in names]
    status, output, _ = run(*paths, "--key", KEY, "--json")
    assert status == 0
    assert [result["source"] for result in results(output)] == [str(path) for path in paths]
    _, output, _ = run(tmp_path, "--key", KEY, "--json")
    assert [Path(result["source"]).name for result in results(output)] == sorted(names)


# --- exit statuses --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("contents", "status"),
    [
        ([RECORD], 0),
        ([FORGED], 1),
        ([RECORD[:300]], 2),
        ([RECORD, FORGED], 1),
        ([RECORD, RECORD[:300]], 2),
        ([RECORD[:300], FORGED, RECORD], 1),
    ],
)
def test_exit_status_is_that_of_the_worst(
    run: Run, tmp_path: Path, contents: list[bytes], status: int
) -> None:
    paths = [write(tmp_path / f"{number}.ocmf", content) for number, content in enumerate(contents)]
    assert run(*paths, "--key", KEY)[0] == status
    assert run(*paths, "--key", KEY, "--json")[0] == status


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--no-such-option"],
        ["a.ocmf", "--profile", "lenient"],
        ["a.ocmf", "--language", "fr"],
        ["a.ocmf", "--key"],
        ["no-such-file.ocmf"],
        ["a.ocmf", "no-such-file.ocmf"],
        ["a.ocmf", "--key", "no-such-key.pem"],
        ["-", "-"],
    ],
    ids=" ".join,
)
def test_usage_errors_end_with_64_and_a_message(
    run: Run, tmp_path: Path, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.ocmf", RECORD)
    status, output, errors = run(*arguments)
    assert status == 64
    assert errors.strip()
    assert not output.strip()


def test_all_commands_are_there_and_a_check_loads_only_its_own(tmp_path: Path) -> None:
    """A check that waits for a web server and a database is no tool for a thousand files."""
    with pytest.raises(SystemExit) as ended, contextlib.redirect_stdout(io.StringIO()) as output:
        main(["--help"])
    assert ended.value.code == 0
    listed = {line.split()[0] for line in output.getvalue().splitlines() if line.startswith("  ")}
    assert listed >= {"verify", "cdr", "db", "key", "tariff", "partner", "serve", "worker", "demo"}
    path = write(tmp_path / "a.ocmf", RECORD)
    script = (
        "import sys\nfrom eichrecht.cli import main\n"
        f"try: main(['verify', {str(path)!r}, '--key', {KEY!r}, '--json'])\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print({'fastapi', 'sqlalchemy', 'alembic', 'httpx2', 'uvicorn'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        check=True,
        cwd=Path(__file__).resolve().parents[3],
    )
    assert done.stdout.splitlines()[-1] == b"set()"


def test_program_by_itself(program: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ocmf", RECORD)
    assert program(path, "--key", KEY)[0] == 0
    status, output, errors = program(tmp_path / "absent.ocmf")
    assert (status, output) == (64, "")
    assert errors.startswith("eichrecht: ")
    assert "absent.ocmf" in errors
