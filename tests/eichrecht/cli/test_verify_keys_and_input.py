"""eichrecht verify: keys, standard input, bad input and what people see."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from eichrecht.containers.unwrap import MAX_DOCUMENT_BYTES
from sample_meters.cases import all_cases
from sample_meters.ocmf import OcmfMeter
from sample_meters.safe_xml import SafeValue, safe_xml
from tests.eichrecht.cli.verify_command_support import FORGED, KEY, METER, RECORD, Run, results, write
from tests.eichrecht.verification.verification_support import BEGIN_KWH, END, END_KWH, START, session

STRANGER = OcmfMeter("secp256r1", key_label="stranger").public_key_text()


# --- keys -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        KEY,
        METER.public_key_text("pem"),
        METER.public_key_text("spki-hex-grouped"),
        METER.public_key_text("oca"),
    ],
)
def test_key_as_text_and_as_file(run: Run, tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "a.ocmf", RECORD)
    as_file = write(tmp_path / "station.key", text + "\n")
    for argument in (text, str(as_file)):
        status, output, _ = run(path, "--key", argument, "--json")
        key = results(output)[0]["records"][0]["key"]
        assert (status, key["source"], key["trust"]) == (0, "argument", "supplied")


def test_several_keys(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ocmf", RECORD)
    assert run(path, "--key", STRANGER)[0] == 1
    assert run(path, "--key", STRANGER, "--key", KEY)[0] == 0


def test_a_damaged_key_cannot_decide_and_is_not_repeated(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ocmf", RECORD)
    damaged = KEY[:-1]
    for argument in (damaged, str(write(tmp_path / "station.key", damaged))):
        status, output, _ = run(path, "--key", argument, "--json")
        (record,) = results(output)[0]["records"]
        assert (status, record["verdict"]) == (2, "indeterminate")
        assert (record["signature"]["status"], record["signature"]["reason"]) == (
            "unverified",
            "malformed_key",
        )
        assert "odd number" in json.dumps(record["findings"])
        assert damaged not in output
        assert "ungerade Zahl" in run(path, "--key", argument, "--language", "de")[1].replace("\n", " ")


def test_a_damaged_key_is_no_licence_to_use_the_key_in_the_document(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", safe_xml([SafeValue(RECORD, KEY)]))
    assert run(path)[0] == 0
    assert run(path, "--key", KEY[:-1])[0] == 2


def test_key_files_among_the_paths_have_no_entry(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ocmf", RECORD)
    key = write(tmp_path / "station.pem", METER.public_key_text("pem"))
    for arguments in ([path, key], [key, path], [tmp_path]):
        status, output, _ = run(*arguments, "--json")
        (result,) = results(output)
        assert (status, result["source"]) == (0, str(path))
        assert result["records"][0]["key"]["trust"] == "supplied"


def test_a_key_file_serves_all_documents_but_not_those_with_a_key_of_their_own(
    run: Run, tmp_path: Path
) -> None:
    write(tmp_path / "1.ocmf", RECORD)
    other = OcmfMeter("secp384r1", "M2")
    write(tmp_path / "2.xml", safe_xml([SafeValue(session(other), other.public_key_text())]))
    write(tmp_path / "key.txt", KEY)
    (tmp_path / "deeper").mkdir()
    write(tmp_path / "deeper" / "3.ocmf", RECORD)
    status, output, _ = run(tmp_path, "--json")
    assert status == 0
    assert [Path(result["source"]).name for result in results(output)] == ["1.ocmf", "2.xml", "3.ocmf"]
    trusts = [result["records"][0]["key"]["trust"] for result in results(output)]
    assert trusts == ["supplied", "unconfirmed", "supplied"]


def test_the_key_named_for_the_check_outweighs_key_files(run: Run, tmp_path: Path) -> None:
    path, stranger = write(tmp_path / "a.ocmf", RECORD), write(tmp_path / "key.txt", STRANGER)
    assert run(path, stranger)[0] == 1
    assert run(path, stranger, "--key", KEY)[0] == 0


def test_a_directory_of_keys_only(run: Run, tmp_path: Path) -> None:
    write(tmp_path / "a.pem", METER.public_key_text("pem"))
    status, output, errors = run(tmp_path)
    assert (status, output) == (64, "")
    assert "only key files" in errors


def test_an_empty_directory(run: Run, tmp_path: Path) -> None:
    assert run(tmp_path)[0] == 64


def test_a_file_that_holds_a_key_off_every_curve_is_no_key_file(run: Run, tmp_path: Path) -> None:
    point = bytes.fromhex(METER.public_key_text("raw-xy-hex"))
    write(tmp_path / "key.txt", (point[:-1] + bytes([point[-1] ^ 1])).hex())
    write(tmp_path / "a.ocmf", RECORD)
    status, output, _ = run(tmp_path, "--key", KEY, "--json")
    assert status == 2
    assert [result["verdict"] for result in results(output)] == ["valid", "indeterminate"]


# --- standard input, profiles ---------------------------------------------------------------------------------


def test_standard_input(run: Run, program: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(RECORD)))
    status, output, _ = run("-", "--key", KEY, "--json")
    (result,) = results(output)
    assert (status, result["source"]) == (0, "-")
    assert result["sha256"] == hashlib.sha256(RECORD).hexdigest()
    assert program("-", "--key", KEY, text=RECORD)[0] == 0
    assert program("-", text=b"")[0] == 2


def test_profile(run: Run, tmp_path: Path) -> None:
    """The official program compares 5 kWh with 6 Wh as numbers; the units are those of the sample case."""
    case = next(case for case in all_cases() if case.name == "ocmf-unlawful-units-differ")
    old = case.content.replace(b'"FV":"1.4"', b'"FV":"1.0"')
    meter = OcmfMeter("secp256r1")
    content = meter.sign(old.decode().split("|")[1])
    path = write(tmp_path / "a.ocmf", content)
    key = meter.public_key_text()
    assert run(path, "--key", key)[0] == run(path, "--key", key, "--profile", "strict")[0] == 1
    assert run(path, "--key", key, "--profile", "safe-1.4.1")[0] == 0


# --- bad input ------------------------------------------------------------------------------------------------


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE v [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(12))
    + "]><values><value><signedData>&m;</signedData></value></values>"
)

SPKI = bytes.fromhex(KEY)

OFF_CURVE = (SPKI[:-1] + bytes([SPKI[-1] ^ 1])).hex()

BAD: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 2, "empty_document"),
    "blank": (b" \n\t\r\n", 2, "empty_document"),
    "words": (b"Sehr geehrte Damen und Herren", 2, "nothing_recognised"),
    "zeros": (bytes(1000), 2, "nothing_recognised"),
    "random octets": (hashlib.shake_256(b"noise").digest(5000), 2, "nothing_recognised"),
    "cut in the payload": (RECORD[:300], 2, "record_incomplete"),
    "cut before the signature": (RECORD[: RECORD.rindex(b"|") + 1], 2, "record_incomplete"),
    "cut in the signature": (RECORD[:-30], 2, "record_incomplete"),
    "cut XML": (safe_xml([SafeValue(RECORD, KEY)])[:-200], 2, "xml_not_well_formed"),
    "UTF-16 undecodable": (b"\xff\xfe" + b"\x00\xd8" * 9, 2, "text_undecodable"),
    "Latin-1": (METER.sign('{"GI":"Säule"}').decode().encode("latin-1"), 1, "text_not_utf8"),
    "XML bomb": (BOMB.encode(), 2, "xml_doctype_refused"),
    "deep JSON": (b"[" * 100_000, 2, "nothing_recognised"),
    "deep record": (b'OCMF|{"a":' + b"[" * 10_000, 2, "record_incomplete"),
    "key off the curve": (safe_xml([SafeValue(RECORD, OFF_CURVE)]), 2, "key_not_on_curve"),
    "unknown algorithm": (RECORD.replace(b"secp256r1", b"secp999z9"), 2, "unsupported_algorithm"),
    "no key": (RECORD, 2, "no_key"),
}


@pytest.mark.parametrize(("content", "status", "code"), BAD.values(), ids=BAD)
def test_bad_input_names_its_layer(run: Run, tmp_path: Path, content: bytes, status: int, code: str) -> None:
    path = write(tmp_path / "bad", content)
    arguments = [] if code in {"no_key", "key_not_on_curve"} else ["--key", KEY]
    got, output, _ = run(path, *arguments, "--json")
    (result,) = results(output)
    found = [f for part in (result, *result["records"]) for f in part["findings"] if f["severity"] == "error"]
    assert code in {finding["code"] for finding in found}
    assert all(finding["message"] != finding["code"] for finding in found)
    assert (got, result["verdict"]) == (status, {1: "invalid", 2: "indeterminate"}[status])
    got, output, _ = run(path, *arguments, "--language", "de")
    assert got == status
    assert f"[{code}]" in output
    assert "Fehler:" in output


def test_a_hundred_megabytes_of_braces(program: Run, tmp_path: Path) -> None:
    path = tmp_path / "braces"
    size = 100_000_000
    with path.open("wb") as file:
        for _ in range(size // 1_000_000):
            file.write(b"{" * 1_000_000)
    status, output, _ = program(path, "--json")
    (result,) = results(output)
    assert (status, result["verdict"], result["records"]) == (2, "indeterminate", [])
    assert [f["code"] for f in result["findings"]] == ["document_too_large"]
    with path.open("rb") as file:
        assert (
            result["sha256"] == hashlib.file_digest(file, "sha256").hexdigest()
        )  # of the file, not of its begin


def test_a_document_just_beyond_the_limit_from_standard_input(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = bytes(MAX_DOCUMENT_BYTES + 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    status, output, _ = run("-", "--json")
    (result,) = results(output)
    assert (status, result["sha256"]) == (2, hashlib.sha256(content).hexdigest())


@pytest.mark.parametrize("name", ["XML bomb", "deep JSON", "deep record", "zeros"])
def test_hostile_input_leaves_no_traceback(program: Run, tmp_path: Path, name: str) -> None:
    content, status, code = BAD[name]
    got, output, errors = program(write(tmp_path / "bad", content))
    assert (got, errors) == (status, "")
    assert f"[{code}]" in output


def test_a_directory_that_may_not_be_read_and_a_name_that_is_no_text(run: Run, tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff.ocmf")
    try:
        write(tmp_path / name, RECORD)
    except OSError:
        pytest.skip("this file system takes no such names")
    for option in ("--json", "--language=en"):
        status, output, _ = run(tmp_path, "--key", KEY, option)
        assert status == 0
        assert "a\N{REPLACEMENT CHARACTER}.ocmf" in output


def test_a_terminal_without_check_marks(program: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.ocmf", RECORD)
    status, output, _ = program(path, "--key", KEY, PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert status == 0
    assert "? valid" in output
    status, output, _ = program(path, "--key", KEY, "--json", PYTHONIOENCODING="latin-1", PYTHONUTF8="0")
    assert results(output)[0]["verdict"] == "valid"


def test_ctrl_c_is_no_traceback(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eichrecht.cli.app.gather", interrupted)
    assert run(tmp_path)[0] == 130


# --- the output for people ------------------------------------------------------------------------------------


def test_output_for_people(run: Run, tmp_path: Path) -> None:
    path = write(tmp_path / "a.xml", safe_xml([SafeValue(RECORD, KEY)]))
    _, output, _ = run(path)
    lines = output.splitlines()
    assert lines[0] == f"✔ valid  {path}"
    for line in (
        "    signature: valid  ECDSA-secp256r1-SHA256",
        "    meter M1, gateway GW-M1, charge point DE*SMP*E0001",
        "    B       2935.600 kWh  01-00:01.08.00*FF  2 Mar 2026 18:04:10 +00:00  G/S",
        "    E       2965.100 kWh  01-00:01.08.00*FF  2 Mar 2026 19:34:10 +00:00  G/S",
        "  ✔ valid  transaction M1/T1",
        "    energy: 29.500 kWh (2,935.600 → 2,965.100)  billable",
        "    duration: 1:30:00 (5,400 s)  billable",
    ):
        assert line in lines
    assert any("only from the document itself, origin unchecked" in line for line in lines)


def test_output_in_german(run: Run, tmp_path: Path) -> None:
    _, output, _ = run(write(tmp_path / "a.xml", safe_xml([SafeValue(RECORD, KEY)])), "--language", "de")
    assert "    Energiemenge: 29,500 kWh (2.935,600 → 2.965,100)  abrechnungsfähig" in output.splitlines()
    assert "✔ gültig  Ladevorgang M1/T1" in output


def test_what_is_wrong_stands_first_and_once(run: Run, tmp_path: Path) -> None:
    meter = OcmfMeter("secp256r1", "M1")
    readings = [
        meter.reading(BEGIN_KWH, START, "B", status="E"),
        meter.reading(END_KWH, END, "E", status="E"),
    ]
    _, output, _ = run(write(tmp_path / "a.ocmf", meter.record(readings)), "--key", KEY)
    (line,) = [line for line in output.splitlines() if "[meter_other_error]" in line]
    assert line.endswith("[meter_other_error] /RD/0, /RD/1")
    severities = [
        word
        for line in output.splitlines()
        for word in ("error:", "warning:", "note:")
        if line.strip().startswith(word)
    ]
    record_part = severities[: severities.index("note:") + 1] if "note:" in severities else severities
    assert record_part == sorted(record_part, key=["error:", "warning:", "note:"].index)
    assert "not billable" in output


def test_a_signature_that_was_not_checked_names_no_algorithm_and_says_why(run: Run, tmp_path: Path) -> None:
    _, output, _ = run(write(tmp_path / "a.ocmf", RECORD))
    assert "    signature: not checked (no key)" in output.splitlines()
    _, output, _ = run(write(tmp_path / "b.ocmf", FORGED), "--key", KEY)
    assert "    signature: invalid (does not fit the data)  ECDSA-secp256r1-SHA256" in output.splitlines()
    _, output, _ = run(write(tmp_path / "c.xml", safe_xml([SafeValue(RECORD, "none")])))
    assert "origin unchecked  unreadable" in output


def test_several_documents_are_counted(run: Run, tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{n}.ocmf", content) for n, content in enumerate([RECORD, FORGED, RECORD, b"x"])
    ]
    _, output, _ = run(*paths, "--key", KEY)
    assert output.splitlines()[-1] == "4 documents: 2 valid, 1 invalid, 1 undecided"
    assert "documents:" not in run(paths[0], "--key", KEY)[1]


def test_many_readings_are_cut_in_the_middle(run: Run, tmp_path: Path) -> None:
    case = next(case for case in all_cases() if case.name == "ocmf-curve-secp256r1")
    assert case.public_key_text
    meter = OcmfMeter("secp256r1", "M1")
    steps = [meter.reading(BEGIN_KWH + n, START, "C") for n in range(1, 29)]
    ends = [meter.reading(BEGIN_KWH, START, "B"), *steps, meter.reading(END_KWH, END, "E")]
    _, output, _ = run(write(tmp_path / "a.ocmf", meter.record(ends)), "--key", KEY)
    assert "    … 10 more readings (--json shows all)" in output.splitlines()
    assert sum(" kWh  01-00" in line for line in output.splitlines()) == 20


def test_hostile_text_cannot_steer_the_terminal(run: Run, tmp_path: Path) -> None:
    meter = OcmfMeter("secp256r1", "\x1b[31m[red]M1\u202e\r\n✔ valid")
    payload = meter.payload([meter.reading(BEGIN_KWH, START, "B"), meter.reading(END_KWH, END, "E")])
    escaped = payload.replace("\x1b", "\\u001b").replace("\u202e", "\\u202e").replace("\r\n", "\\r\\n")
    path = write(tmp_path / "a.ocmf", meter.sign(escaped))
    _, output, _ = run(path, "--key", meter.public_key_text())
    assert not {"\x1b", "\u202e", "\r"} & set(output)
    assert "[31m[red]M1" in output  # shown, not obeyed
    assert "✔ valid" not in [line.strip() for line in output.splitlines()[1:]]


def test_a_reader_that_goes_away_is_no_invalid_verdict(tmp_path: Path) -> None:
    file = tmp_path / "many.ocmf"
    file.write_bytes(b"\n".join(case.content for case in all_cases() if case.suffix == ".ocmf"))
    process = subprocess.Popen(
        [sys.executable, "-m", "eichrecht", "verify", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    noise = process.stderr.read()
    process.stderr.close()
    assert (process.wait(), noise) == (2, b"")
