"""Differential test against the OpenSSL command line: its keys, its signatures, its opinion on mutants."""

from __future__ import annotations

import random
import shutil
import subprocess
from pathlib import Path

import pytest

from eichrecht.signatures.algorithms import HASHES, ecdsa_algorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.curves import CURVES, Curve
from eichrecht.signatures.der import read_signature, write_signature
from eichrecht.signatures.keys import UnreadableKey, read_key

OPENSSL = shutil.which("openssl")
NAMES = {"secp192r1": "prime192v1", "secp256r1": "prime256v1"}

pytestmark = pytest.mark.skipif(OPENSSL is None, reason="the openssl command is not installed")


def openssl(*arguments: str, folder: Path, check: bool = True) -> subprocess.CompletedProcess[bytes]:
    assert OPENSSL is not None
    return subprocess.run([OPENSSL, *arguments], cwd=folder, capture_output=True, check=check, timeout=60)


@pytest.fixture(params=CURVES, ids=lambda c: c.name)
def key_folder(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Curve, Path]:
    curve: Curve = request.param
    name = NAMES.get(curve.name, curve.name)
    made = openssl(
        "ecparam", "-name", name, "-genkey", "-noout", "-out", "key.pem", folder=tmp_path, check=False
    )
    if made.returncode:
        pytest.skip(f"this openssl has no curve {name}")
    openssl("ec", "-in", "key.pem", "-pubout", "-out", "pub.pem", folder=tmp_path)
    openssl("ec", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "pub.der", folder=tmp_path)
    compressed = ("-conv_form", "compressed", "-outform", "DER", "-out", "short.der")
    openssl("ec", "-in", "key.pem", "-pubout", *compressed, folder=tmp_path)
    return curve, tmp_path


def test_keys_and_signatures_of_openssl(key_folder: tuple[Curve, Path]) -> None:
    curve, folder = key_folder
    algorithm = ecdsa_algorithm(curve)
    spki = (folder / "pub.der").read_bytes()
    key = read_key((folder / "pub.pem").read_text()).for_algorithm(algorithm)
    assert key.spki == spki
    assert read_key((folder / "short.der").read_bytes()).for_algorithm(algorithm) == key
    point = spki[-1 - 2 * curve.field_bytes :]
    assert read_key(point[1:].hex()).for_algorithm(algorithm) == key
    for number, hash_name in enumerate(HASHES):
        message = random.Random(f"{curve.name} {hash_name}").randbytes(100 + number)
        (folder / "m").write_bytes(message)
        openssl("dgst", f"-{hash_name.lower()}", "-sign", "key.pem", "-out", "s", "m", folder=folder)
        signature = (folder / "s").read_bytes()
        named = ecdsa_algorithm(curve, hash_name)
        check = check_signature(named, key, message, signature, allow_lenient=False)
        assert (check.valid, check.form) == (True, "der")
        numbers = read_signature(signature)
        assert numbers is not None
        r, s = numbers
        for mutant in (
            write_signature(r, curve.order - s),
            write_signature(r ^ 1, s),
            write_signature(s, r),
            write_signature(curve.order - r, s),
            signature[:-1] + bytes((signature[-1] ^ 0x80,)),
        ):
            (folder / "t").write_bytes(mutant)
            arguments = (f"-{hash_name.lower()}", "-verify", "pub.pem", "-signature", "t", "m")
            verdict = openssl("dgst", *arguments, folder=folder, check=False)
            mine = check_signature(named, key, message, mutant, allow_lenient=False, diagnose=False)
            assert mine.valid == (verdict.returncode == 0)


def test_private_keys_of_openssl_are_recognised(key_folder: tuple[Curve, Path]) -> None:
    _, folder = key_folder
    text = (folder / "key.pem").read_text()
    parameters = "-----BEGIN EC PARAMETERS-----\nBgUrgQQACg==\n-----END EC PARAMETERS-----\n"
    for written in (text, parameters + text):
        with pytest.raises(UnreadableKey, match="key_is_private"):
            read_key(written)
