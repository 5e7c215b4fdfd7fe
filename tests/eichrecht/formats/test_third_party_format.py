"""A format of somebody else: installed beside this package, it is recognised, verified, paired and worded.

The package is laid out as an installer lays it out (module and ``dist-info``) in a directory of its own, and the
command line runs in a fresh interpreter that has it on its path. Nothing of this project is edited or patched.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sample_meters.keys import sample_key
from sample_meters.signatures import encode_signature

ROOT = Path(__file__).resolve().parents[3]

MODULE = '''
"""Records ``ACME1;serial;number;role;seconds;wh;signature`` on secp256r1; signed is all before the last ``;``."""
import re
from datetime import UTC, datetime
from decimal import Decimal
from eichrecht.evidence import (
    Device, Identification, Pagination, Reading, ReadingRole, RecordSpan, SignatureClaim, SignedRecord, Traits, warning,
)
from eichrecht.formats.errors import NotThisFormatError

RECORD = re.compile(rb"ACME1;([A-Z0-9]+);([0-9]+);([BE]);([0-9]+);([0-9]+);([0-9a-f]+)")
ROLES = {"B": ReadingRole.BEGIN, "E": ReadingRole.END}
SENTENCES = {
    "acme_line": {"de": "Zeile ACME1", "en": "line ACME1"},
    "acme_low": {"de": "Stand unter {limit} Wh.", "en": "Register below {limit} Wh."},
    "no_key": {"de": "gekapert", "en": "hijacked"},
    "acme_half": {"en": "no German"},
}


class Acme:
    name = "ACME"

    def find(self, content):
        return [RecordSpan(self.name, m.start(), m.end(), "acme_line") for m in RECORD.finditer(content)]

    def decode(self, content):
        match = RECORD.fullmatch(content)
        if match is None:
            raise NotThisFormatError("no ACME1 line")
        serial, number, role, seconds, wh, signature = (group.decode() for group in match.groups())
        reading = Reading(
            index=0, where="", role=ROLES[role], reason=role, value=wh, unit="Wh", energy_kwh=Decimal(wh) / 1000,
            obis="1-0:1.8.0*255", time=datetime.fromtimestamp(int(seconds), UTC),
        )
        return SignedRecord(
            format=self.name, version="1", raw=content, signed_bytes=content.rpartition(b";")[0],
            signature=SignatureClaim("ECDSA-secp256r1-SHA256", None, bytes.fromhex(signature), "hex"),
            meter=Device(serial=serial), gateway=Device(), charge_point=(None, None), identification=Identification(),
            pagination=Pagination("", int(number)), readings=(reading,), traits=Traits(),
            findings=(warning("acme_low", limit=5000),) if int(wh) < 5000 else (),
        )
'''

ENTRY_POINTS = """
[eichrecht.formats]
acme = acme_meter:Acme

[eichrecht.sentences]
acme = acme_meter:SENTENCES
broken = acme_meter:NO_SUCH_THING
"""


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    info = folder / "acme_meter-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "acme_meter.py").write_text(MODULE, "utf-8")
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-meter\nVersion: 1.0\n", "utf-8")
    (info / "entry_points.txt").write_text(ENTRY_POINTS, "utf-8")
    return folder


def line(role: str, number: int, wh: int) -> bytes:
    signed = f"ACME1;SN7;{number};{role};{1772400000 + 60 * number};{wh}".encode()
    return signed + b";" + encode_signature(*sample_key("secp256r1").sign(signed), 32, "der").hex().encode()


def verify(site: Path, content: bytes, *options: str) -> dict[str, Any]:
    path = site.parent / "session.txt"
    path.write_bytes(content)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(site), str(ROOT)))}
    command = [sys.executable, "-m", "eichrecht", "verify", str(path), "--json", "--language", "en", *options]
    done = subprocess.run(command, env=environment, capture_output=True, timeout=120, check=False)
    assert done.returncode in (0, 1, 2), done.stderr.decode()
    (result,) = json.loads(done.stdout)["results"]
    assert isinstance(result, dict)
    return result


def test_a_session_of_an_installed_format_is_verified_paired_and_worded(site: Path) -> None:
    key = sample_key("secp256r1").text()
    session = line("B", 1, 4000) + b"\n" + line("E", 2, 16345)
    result = verify(site, session, "--key", key)
    assert result["verdict"] == "valid"
    assert [record["format"] for record in result["records"]] == ["ACME", "ACME"]
    (transaction,) = result["transactions"]
    assert (transaction["verdict"], transaction["energy_kwh"]) == ("valid", "12.345")
    said = {finding["code"]: finding["message"] for finding in result["records"][0]["findings"]}
    assert said["acme_low"] == "Register below 5000 Wh."
    assert said["recognised"] == "Recognised by structure, from outside in: ACME (line ACME1)."


def test_its_forgeries_fail_and_its_words_replace_no_others(site: Path) -> None:
    key = sample_key("secp256r1").text()
    forged = line("B", 1, 4000).replace(b";4000;", b";1000;") + b"\n" + line("E", 2, 16345)
    result = verify(site, forged, "--key", key)
    assert (result["verdict"], result["records"][0]["signature"]["reason"]) == ("invalid", "mismatch")
    assert result["transactions"][0]["verdict"] == "invalid"
    (record, _) = verify(site, line("B", 1, 4000) + line("E", 2, 9000))["records"]
    (no_key,) = [finding["message"] for finding in record["findings"] if finding["code"] == "no_key"]
    assert no_key != "hijacked"


def test_without_the_package_nothing_is_recognised(site: Path) -> None:
    result = verify(site.parent, line("B", 1, 4000))
    assert (result["verdict"], result["records"]) == ("indeterminate", [])
