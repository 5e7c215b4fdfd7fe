"""Signed records built by hand from field sets in OCMF's names, without the project's own decoder.

A test that fails here is a matter of the rules alone. Inheritance (ocmf facts §3) is resolved as the contract of
:class:`Reading` says: an omitted field takes the value of the reading before, and ``inherited`` names it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from eichrecht.evidence import (
    ClockStatus,
    Device,
    Finding,
    Identification,
    Pagination,
    Reading,
    ReadingRole,
    SignatureClaim,
    SignedRecord,
)
from eichrecht.rules.judgements import RecordJudgement, TransactionJudgement

Fields = dict[str, Any]

_ROLES = {
    "B": ReadingRole.BEGIN,
    "C": ReadingRole.INTERMEDIATE,
    "X": ReadingRole.EXCEPTION,
    "S": ReadingRole.SUSPENDED,
    "T": ReadingRole.TARIFF_CHANGE,
    **dict.fromkeys("ELRAP", ReadingRole.END),
}
_KWH = {"kwh": Decimal(1), "wh": Decimal("0.001")}
_INHERITABLE = ("TM", "TX", "RI", "RU", "RT", "EF", "ST")
_TIME = re.compile(r"(\S+?)[,.](\d{3})([+-]\d\d):?(\d\d)(?: (\S+))?")


def begin(**fields: Any) -> Fields:
    """A good begin reading of the total register, at 1.0 kWh; fields may be replaced, ``...`` omits one."""
    return _fields({"TM": "2024-01-01T10:00:00,000+0100 S", "TX": "B", "RV": "1.0"}, fields)


def end(**fields: Any) -> Fields:
    """A good end reading an hour later, at 2.5 kWh."""
    return _fields({"TM": "2024-01-01T11:00:00,000+0100 S", "TX": "E", "RV": "2.5"}, fields)


def between(**fields: Any) -> Fields:
    """A good intermediate reading half an hour later, at 1.5 kWh."""
    return _fields({"TM": "2024-01-01T10:30:00,000+0100 S", "TX": "C", "RV": "1.5"}, fields)


def _fields(own: Fields, fields: Fields) -> Fields:
    merged = {"RI": "1-b:1.8.0", "RU": "kWh", "ST": "G", **own, **fields}
    return {name: value for name, value in merged.items() if value is not ...}


def record(
    *readings: Fields, findings: Iterable[Finding] = (), unambiguous: bool = True, **head: Any
) -> SignedRecord:
    """A record of page T1 of meter M1, assigned to one user; head fields may be replaced, ``...`` omits one."""
    merged = {
        "FV": "1.0",
        "PG": "T1",
        "MS": "M1",
        "IS": True,
        "IL": "NONE",
        "IT": "ISO14443",
        "ID": "04ab076a",
    }
    merged = {name: value for name, value in {**merged, **head}.items() if value is not ...}
    payload = json.dumps({**merged, "RD": list(readings)}, default=str).encode()
    return from_payload({**merged, "RD": list(readings)}, payload, findings, unambiguous)


def from_payload(
    fields: Mapping[str, Any], payload: bytes, findings: Iterable[Finding] = (), unambiguous: bool = True
) -> SignedRecord:
    """Map an OCMF payload to the evidence contract."""
    level, assigned = fields.get("IL"), fields.get("IS")
    if isinstance(assigned, str):  # OCMF 0.x: IS holds the level
        level, assigned = assigned, None
    page = re.fullmatch(r"([TF])(\d+)", str(fields.get("PG", "")))
    return SignedRecord(
        format="OCMF",
        version=str(fields["FV"]) if "FV" in fields else None,
        raw=b"OCMF|" + payload + b'|{"SD":"00"}',
        signed_bytes=payload,
        signature=SignatureClaim("ECDSA-secp256r1-SHA256", fields.get("SA"), b"\0", "hex"),
        meter=Device(fields.get("MV"), fields.get("MM"), fields.get("MS"), fields.get("MF")),
        gateway=Device(None, fields.get("GI"), fields.get("GS"), fields.get("GV")),
        charge_point=(fields.get("CI"), fields.get("CT")),
        identification=Identification(assigned, level, (), fields.get("IT"), fields.get("ID")),
        pagination=Pagination(page[1], int(page[2])) if page else None,
        readings=tuple(_readings(fields["RD"])),
        tariff_text=fields.get("TT"),
        findings=tuple(findings),
        unambiguous=unambiguous,
    )


def _readings(items: Iterable[Mapping[str, Any]]) -> Iterable[Reading]:
    before: dict[str, Any] = {}
    for index, item in enumerate(items):
        inherited = frozenset(n for n in _INHERITABLE if n not in item and before.get(n) is not None)
        fields = {**{n: before.get(n) for n in _INHERITABLE}, **item}
        before = fields
        yield _reading(index, fields, inherited)


def _reading(index: int, fields: Mapping[str, Any], inherited: frozenset[str]) -> Reading:
    value = None if fields.get("RV") is None else str(fields["RV"]).strip()
    factor = _KWH.get(str(fields.get("RU")).lower())
    reason = fields.get("TX")
    moment, text, letter = _time(fields.get("TM"))
    loss = fields.get("CL")
    return Reading(
        index=index,
        where=f"/RD/{index}",
        role=_ROLES.get(reason, ReadingRole.UNKNOWN) if reason else ReadingRole.FISCAL,
        reason=reason,
        value=value,
        unit=fields.get("RU"),
        energy_kwh=None if value is None or factor is None else Decimal(value) * factor,
        obis=fields.get("RI"),
        time=moment,
        time_text=text,
        time_status=ClockStatus(letter) if letter in set(ClockStatus) else None,
        time_status_text=letter,
        meter_status=fields.get("ST"),
        error_flags=fields.get("EF") or "",
        cumulated_loss=None if loss is None else Decimal(str(loss)),
        event_counter=fields.get("EI"),
        inherited=inherited,
    )


def _time(written: str | None) -> tuple[datetime | None, str | None, str | None]:
    match = _TIME.fullmatch(written or "")
    if match is None:
        return None, written, None
    text = (written or "").split(" ")[0]
    moment = datetime.fromisoformat(f"{match[1]}.{match[2]}{match[3]}:{match[4]}")
    return moment, text, match[5]


def codes(judgement: RecordJudgement | TransactionJudgement) -> set[str]:
    """The codes of a judgement's findings."""
    return {finding.code for finding in judgement.findings}
