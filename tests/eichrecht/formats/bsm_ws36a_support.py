"""What the tests of bsm ws36a have in common."""

from __future__ import annotations

from typing import Any

from eichrecht.evidence import SignedRecord
from eichrecht.formats.base import Surroundings
from eichrecht.formats.bsm_ws36a import BsmWs36aFormat
from sample_meters._chargeit import Json, document

FORMAT = BsmWs36aFormat()


def decoded(content: Json | bytes, **claims: str) -> SignedRecord:
    text = content if isinstance(content, bytes) else document(content)
    return FORMAT.decode_in(text, Surroundings(claims=tuple(claims.items())))


def codes(findings: Any) -> list[str]:
    return [finding.code for finding in findings]
