"""The sample meters: the same bytes every time, checked by OpenSSL, which had no part in making them."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import sys
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pytest

from sample_meters.__main__ import main
from sample_meters.cases import all_cases, demo_sessions
from sample_meters.keys import CURVES, KEY_SHAPES, SECP192K1, sample_key
from sample_meters.meter import SampleCase
from sample_meters.ocmf import OcmfMeter, tampered
from sample_meters.signatures import encode_signature

ROOT = Path(__file__).resolve().parents[2]
OPENSSL = shutil.which("openssl")
DIGEST = (
    "import hashlib; from sample_meters.cases import all_cases, demo_sessions;"
    "h = hashlib.sha256(repr((all_cases(), demo_sessions())).encode()); print(h.hexdigest())"
)


def openssl(*arguments: str | Path, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    assert OPENSSL is not None
    return subprocess.run(
        [OPENSSL, *map(str, arguments)], input=text, capture_output=True, check=False, timeout=30
    )


def verified_by_openssl(tmp_path: Path, key_pem: str, message: bytes, signature: bytes) -> bool:
    (tmp_path / "key.pem").write_text(key_pem, encoding="ascii")
    (tmp_path / "message").write_bytes(message)
    (tmp_path / "signature").write_bytes(signature)
    done = openssl(
        "dgst",
        "-sha256",
        "-verify",
        tmp_path / "key.pem",
        "-signature",
        tmp_path / "signature",
        tmp_path / "message",
    )
    return done.returncode == 0 and b"Verified OK" in done.stdout


def sections(record: bytes) -> tuple[bytes, bytes]:
    """Split a record of the sample meters; their payloads hold no pipe where this is used."""
    _, payload, signature = record.split(b"|")
    found = re.search(rb'"SD":"([0-9A-F]+)"', signature)
    assert found is not None
    return payload, bytes.fromhex(found[1].decode())


@pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not there")
@pytest.mark.parametrize("curve", CURVES)
def test_openssl_verifies_each_curve_and_refuses_the_forgery(curve: str, tmp_path: Path) -> None:
    key = sample_key(curve).text("pem")
    (tmp_path / "probe.pem").write_text(key, encoding="ascii")
    if openssl("pkey", "-pubin", "-in", tmp_path / "probe.pem", "-noout").returncode != 0:
        pytest.skip(f"this OpenSSL does not know {curve}")
    case = next(case for case in all_cases() if case.name == f"ocmf-curve-{curve}")
    payload, signature = sections(case.content)
    assert verified_by_openssl(tmp_path, key, payload, signature)
    assert not verified_by_openssl(tmp_path, key, payload.replace(b"2965.100", b"2965.101"), signature)
    stranger = sample_key(curve, "stranger").text("pem")
    assert not verified_by_openssl(tmp_path, stranger, payload, signature)


SIMPLE = [
    case
    for case in all_cases()
    if case.content.startswith(b"OCMF|")
    and case.content.count(b"|") == 2
    and case.public_key_text is not None
    and re.search(rb'\|\{"SA":"ECDSA-secp256r1-SHA256","SD":"30[0-9A-F]+"\}$', case.content)
]


@pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not there")
@pytest.mark.parametrize("case", SIMPLE, ids=lambda case: case.name)
def test_openssl_agrees_with_the_expected_signature(case: SampleCase, tmp_path: Path) -> None:
    payload, signature = sections(case.content)
    label = {"ocmf-key-swapped": "stranger"}.get(
        case.name, "shapes" if case.name.startswith("ocmf-key-") else "meter"
    )
    key = sample_key("secp256r1", label)
    assert case.public_key_text in {key.text(shape) for shape in KEY_SHAPES}
    assert verified_by_openssl(tmp_path, key.text("pem"), payload, signature) == (
        case.expected_signature == "valid"
    )


@pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not there")
def test_the_parameters_of_secp192k1_are_those_of_openssl(tmp_path: Path) -> None:
    done = openssl("ecparam", "-name", "secp192k1", "-text", "-param_enc", "explicit", "-noout")
    if done.returncode != 0:
        pytest.skip("this OpenSSL does not know secp192k1")
    digits = re.sub(rb"[\s:]", b"", done.stdout).decode()
    generator = SECP192K1.generator
    assert f"04{generator.x():048x}{generator.y():048x}" in digits
    assert f"{SECP192K1.order:048x}" in digits
    assert f"{SECP192K1.curve.p():048x}" in digits


def test_samples_are_the_same_bytes_in_every_process() -> None:
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    here = hashlib.sha256(repr((all_cases(), demo_sessions())).encode()).hexdigest()
    assert digests == {here + "\n"}


def test_names_are_unique_and_usable_as_file_names() -> None:
    names = Counter(case.name for case in all_cases())
    assert max(names.values()) == 1
    assert all(re.fullmatch(r"[A-Za-z0-9.-]+", name) for name in names)
    assert {case.expected_verdict for case in all_cases()} == {"valid", "invalid", "indeterminate"}


def test_a_broken_signature_is_never_expected_to_be_valid() -> None:
    for case in all_cases():
        if case.expected_verdict == "valid":
            assert case.expected_signature == "valid"
        if case.expected_signature == "invalid":
            assert case.expected_verdict == "invalid"


def test_keys_differ_by_label_and_curve_names_are_forgiving() -> None:
    assert sample_key("brainpoolP256r1") == sample_key("brainpool256r1")
    texts = {sample_key(curve, label).text() for curve in CURVES for label in ("a", "b")}
    assert len(texts) == 2 * len(CURVES)
    with pytest.raises(ValueError, match="unknown curve"):
        sample_key("secp999z9")
    with pytest.raises(ValueError, match="unknown key shape"):
        sample_key("secp256r1").text("telepathy")


def test_signature_shapes_differ_from_canonical_der() -> None:
    r = s = 0x80 << 184  # top bit set: canonical DER needs a sign octet
    canonical = encode_signature(r, s, 24, "der")
    assert canonical == bytes.fromhex("3036" + "021900" + f"{r:048x}" + "021900" + f"{s:048x}")
    assert encode_signature(r, s, 24, "raw") == bytes.fromhex(f"{r:048x}{s:048x}")
    assert encode_signature(r, s, 24, "der-unpadded") == bytes.fromhex(f"30340218{r:048x}0218{s:048x}")
    assert encode_signature(1, 2, 24, "der") == bytes.fromhex("3006020101020102")
    assert encode_signature(r, s, 24, "der-long-zeros")[:6] == bytes.fromhex("3038021a0000")


def test_tampering_hits_exactly_what_is_meant() -> None:
    with pytest.raises(ValueError, match="occurs 2 times"):
        tampered(b"aa", "a", "b")
    with pytest.raises(ValueError, match="occurs 0 times"):
        tampered(b"aa", "c", "b")


def test_a_meter_counts_its_records() -> None:
    session = demo_sessions()[0]
    meter = OcmfMeter("secp256r1", page=5)
    first = meter.begin_record(Decimal(1), session.start)
    second = meter.end_record(Decimal(2), session.end)
    assert b'"PG":"T5"' in first
    assert b'"PG":"T6"' in second
    with pytest.raises(ValueError, match="zone"):
        meter.begin_record(Decimal(1), session.start.replace(tzinfo=None))


def test_demo_sessions_say_what_was_signed() -> None:
    sessions = demo_sessions()
    assert {session.outcome for session in sessions} == {"deliver", "refuse", "hold"}
    assert len({session.evse_id for session in sessions}) == len(sessions)
    for session in sessions:
        text = session.document.decode()
        if session.outcome == "refuse":
            continue
        assert session.evse_id in text
        assert session.token_uid in text
        values = [Decimal(value) for value in re.findall(r'"RV":([0-9.]+)', text)]
        assert values[-1] - values[0] == session.energy_kwh
        assert f"{session.end:%Y-%m-%dT%H:%M:%S},000+0100 {session.clock_status}" in text
        claims_more = session.claimed_energy_kwh != session.energy_kwh
        assert (session.outcome == "hold") == (claims_more or session.bills_duration)


def test_the_command_line_lists_and_writes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert len(listed) == len(all_cases())
    folder = tmp_path / "deep" / "samples"
    assert main(["--write", str(folder)]) == 0
    for case in all_cases():
        assert (folder / (case.name + case.suffix)).read_bytes() == case.content
    assert main(["--write", str(folder / f"{all_cases()[0].name}.ocmf")]) == 1
    assert "cannot write" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([])
