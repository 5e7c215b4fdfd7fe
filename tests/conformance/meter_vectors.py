"""Reading the shared meter vectors, and what the official program's words mean in ours."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from eichrecht.evidence import Document, DocumentVerdict, Reading, TransactionVerdict, Verdict
from eichrecht.rules.profiles import Profile
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "vectors" / "meter"
ABSENT = "../shared/vectors/meter is absent"

VERDICT = {"valid": Verdict.VALID, "invalid": Verdict.INVALID, "error": Verdict.INDETERMINATE}
"""``error``: cannot be read, key unusable or no usable pair (../shared/README.md)."""

Entry = dict[str, Any]


def load(name: str) -> list[Entry]:
    """Return the entries of one list, empty if the vectors are not there; decimals as they are written."""
    path = SHARED / name
    if not path.is_file():
        return []
    entries: list[Entry] = json.loads(path.read_text("utf-8"), parse_float=Decimal)
    return entries


def verify(entry: Entry, profile: Profile) -> DocumentVerdict:
    """Verify the entry's file with the entry's key, as a user would."""
    text = entry.get("public_key")
    keys = [SuppliedKey(text, "vector")] if text else []
    content = (SHARED / entry["file"]).read_bytes()
    return Verifier(profile=profile, keys=keys).verify(Document(entry["id"], content))


def official_ends(meters: list[Entry]) -> tuple[Decimal, Decimal] | None:
    """Return begin and end in kWh as the official program shows them, ``None`` if it shows no single pair."""
    found = []
    for kind in ("START", "STOP"):
        values = [m for m in meters if m["type"] == kind and m["law_relevant"]]
        if any(m["compensated"] for m in values):
            values = [m for m in values if m["compensated"]]
        if len(values) != 1:
            return None
        found.append(Decimal(values[0]["kwh"]))
    return found[0], found[1]


def shown(reading: Reading, like: Decimal) -> Decimal | None:
    """Return a reading's energy with the decimals that ``like`` has: its source was a binary float."""
    if reading.energy_kwh is None:
        return None
    return reading.energy_kwh.quantize(like) if reading.energy_kwh != like else like


def ends(
    transaction: TransactionVerdict, like: tuple[Decimal, Decimal]
) -> tuple[Decimal | None, Decimal | None]:
    assert transaction.begin is not None
    assert transaction.end is not None
    return shown(transaction.begin, like[0]), shown(transaction.end, like[1])
