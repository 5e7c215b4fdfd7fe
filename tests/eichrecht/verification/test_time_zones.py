"""Verdicts do not depend on the time zone of the machine: the same bytes of JSON under every TZ.

Chargy once took the zone of the host for a record's times, so that a record was valid in one country and not in
another. Whole zones with odd offsets and daylight saving time are what would show it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
ZONES = ("UTC", "America/St_Johns", "Asia/Kathmandu")

SCRIPT = """
import sys, time
from eichrecht.evidence import Document
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from eichrecht.verification.report import results_as_json
from ocpi.transport import json
from sample_meters.cases import all_cases

time.tzset()
sys.stderr.write(repr((time.tzname, -time.timezone)))
for profile in Profile:
    for case in all_cases():
        keys = [SuppliedKey(case.public_key_text, "key")] if case.public_key_text else []
        verdict = Verifier(profile=profile, keys=keys).verify(Document(case.name, case.content))
        sys.stdout.buffer.write(json.dumps(results_as_json([verdict], "de")) + b"\\n")
"""


def verdicts(zone: str) -> tuple[bytes, str]:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        cwd=ROOT,
        env={**os.environ, "TZ": zone, "PYTHONHASHSEED": "0"},
        capture_output=True,
        check=True,
        timeout=600,
    )
    return done.stdout, done.stderr.decode()


@pytest.mark.skipif(not hasattr(__import__("time"), "tzset"), reason="TZ needs a Unix")
def test_json_is_the_same_bytes_under_every_time_zone() -> None:
    outputs = {zone: verdicts(zone) for zone in ZONES}
    clocks = {clock for _, clock in outputs.values()}
    assert len(clocks) == len(ZONES), "the zones did not take effect"
    expected, _ = outputs["UTC"]
    lines = expected.splitlines()
    assert len(lines) > 400
    assert b'"time":"' in expected
    for zone, (output, _) in outputs.items():
        for mine, theirs in zip(output.splitlines(), lines, strict=True):
            assert mine == theirs, f"{zone}: {mine[:200]!r}"
