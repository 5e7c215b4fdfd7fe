"""Records for the tests of the rules: written as OCMF text and decoded by the format, so inheritance is real."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from eichrecht.evidence import SignedRecord
from eichrecht.formats import registry
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.judgements import TransactionJudgement
from eichrecht.rules.profiles import Profile

TOTAL = "01-00:01.08.00*FF"
DEVICE_TOTAL, DEVICE_SESSION = "01-00:B1.08.00*FF", "01-00:B3.08.00*FF"
EXPORT = "01-00:02.08.00*FF"


_NUMBER = re.compile(r'"#([^"]*)"')


def number(text: str) -> str:
    """A JSON number whose digits stay as written."""
    return f"#{text}"


def reading(tx: str | None, rv: str | None, minute: int | None, **fields: Any) -> dict[str, Any]:
    """One reading; ``minute`` counts from ten o'clock, ``None`` in ``fields`` leaves a field out."""
    made: dict[str, Any] = {
        "TM": None if minute is None else f"2024-07-24T{10 + minute // 60:02}:{minute % 60:02}:00,000+0200 S",
        "TX": tx,
        "RV": None if rv is None else number(rv),
        "RI": TOTAL,
        "RU": "kWh",
        "ST": "G",
    }
    made.update(fields)
    return {key: value for key, value in made.items() if value is not None}


def begin(rv: str = "100.10", minute: int = 0, **fields: Any) -> dict[str, Any]:
    return reading("B", rv, minute, **fields)


def between(
    rv: str | None = "105.00", minute: int | None = 20, tx: str = "C", **fields: Any
) -> dict[str, Any]:
    return reading(tx, rv, minute, **fields)


def end(rv: str = "110.25", minute: int = 60, **fields: Any) -> dict[str, Any]:
    return reading("E", rv, minute, **fields)


def clocked(item: dict[str, Any], letter: str) -> dict[str, Any]:
    """The reading with another clock letter; "" leaves the letter out."""
    return {**item, "TM": f"{item['TM'].rpartition(' ')[0]} {letter}".rstrip()}


def record(*readings: dict[str, Any], **head: Any) -> SignedRecord:
    """A record with these readings; ``None`` in ``head`` leaves a field out."""
    fields: dict[str, Any] = {
        "FV": "1.0",
        "GS": "G1",
        "PG": "T1",
        "MV": "Maker",
        "MM": "Model",
        "MS": "M1",
        "MF": "1.0",
        "IS": True,
        "IL": "VERIFIED",
        "IT": "ISO14443",
        "ID": "11223344556677",
        "CT": "EVSEID",
        "CI": "DE*ABC*E1",
        **head,
    }
    payload = {key: value for key, value in fields.items() if value is not None} | {"RD": list(readings)}
    text = _NUMBER.sub(r"\1", json.dumps(payload, separators=(",", ":")))
    return registry.decode("OCMF", b"OCMF|" + text.encode() + b'|{"SD":"30"}')


def judged(*records: SignedRecord, **options: Any) -> TransactionJudgement:
    return judge_transaction(records, Profile.STRICT, **options)


def one(*readings: dict[str, Any], **head: Any) -> TransactionJudgement:
    """Judge one record with these readings as a transaction."""
    return judged(record(*readings, **head))


def codes(judgement: Any) -> set[str]:
    return {finding.code for finding in judgement.findings}


def alone(item: SignedRecord) -> set[str]:
    return codes(judge_record(item, Profile.STRICT))


def pair(
    first: dict[str, Any] | None = None, last: dict[str, Any] | None = None
) -> tuple[SignedRecord, SignedRecord]:
    """A begin record and an end record with other heads."""
    return record(begin(), **(first or {})), record(end(), **{"PG": "T2", **(last or {})})


def chain(*middle: dict[str, Any], pages: Sequence[str | None] = ()) -> list[SignedRecord]:
    """Begin, each of ``middle`` and end, one record each, numbered one after the other or as given."""
    readings = [begin(), *middle, end()]
    numbers = list(pages) or [f"T{number}" for number in range(1, len(readings) + 1)]
    return [record(item, PG=page) for item, page in zip(readings, numbers, strict=True)]
