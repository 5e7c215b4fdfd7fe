"""What the tests of verify command have in common."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.verification.verification_support import session

METER = OcmfMeter("secp256r1", "M1")

KEY = METER.public_key_text()

RECORD = session(OcmfMeter("secp256r1", "M1"))

FORGED = RECORD.replace(b"2965.100", b"2985.100")

Run = Callable[..., tuple[int, str, str]]


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def results(output: str) -> list[dict[str, Any]]:
    answer = json.loads(output, parse_float=Decimal)
    assert answer.keys() == {"results"}
    found: list[dict[str, Any]] = answer["results"]
    return found
