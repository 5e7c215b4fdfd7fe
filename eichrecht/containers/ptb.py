"""The PTB container: begin and end record of one session as OCMF texts in JSON, with key and place beside them.

Source: facts/meter/containers.md §5.1. Only the two OCMF texts are signed.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from enum import StrEnum
from typing import Any

from eichrecht.containers.codes import ContainerCode
from eichrecht.containers.json_text import as_bytes
from eichrecht.containers.kinds import Found, Opener, Payload, with_context, within
from eichrecht.evidence import Finding, Layer, Part, note, problem, warning


class PtbCode(StrEnum):
    """Finding codes of this container."""

    RECORD_MISSING = "ptb_record_missing"
    VERSION_UNKNOWN = "ptb_version_unknown"


_RECORDS = (("ocmfBegin", "Transaction.Begin"), ("ocmfEnd", "Transaction.End"))
_VERSION = re.compile(r"1(?:\.[0-9]+)?")


class Ptb:
    """JSON with ``"format": "ptb"``, ``ocmfBegin`` and ``ocmfEnd``."""

    name = "ptb"

    def try_unwrap(self, payload: Payload, opener: Opener) -> Found | None:
        """See :class:`~eichrecht.containers.kinds.ContainerKind`."""
        value = None if payload.json is None else payload.json.value
        if not isinstance(value, dict) or value.get("format") != "ptb":
            return None
        if not any(name in value for name, _ in _RECORDS):
            return None
        key = value.get("publicKey")
        key_text = key if isinstance(key, str) and key.strip() else None
        parts: list[Part] = []
        findings: tuple[Finding, ...] = _judged_version(value.get("formatVersion"))
        for name, context in _RECORDS[: opener.grant_entries(len(_RECORDS))]:
            found = within(_open_record(value.get(name), name, opener), where=f"/{name}")
            findings += found.findings
            parts += (
                with_context(
                    part,
                    key_text=key_text,
                    key_where=None if key_text is None else "/publicKey",
                    transaction_id=_transaction_id(value),
                    context=context,
                    declared_format="OCMF",
                    findings=() if key_text else (note(ContainerCode.PUBLIC_KEY_MISSING),),
                )
                for part in found.parts
            )
        return within(Found(tuple(parts), findings), Layer(self.name, "format_ptb"))


def _open_record(text: Any, name: str, opener: Opener) -> Found:
    if not isinstance(text, str) or not text.strip():
        return Found((Part(b"", findings=(problem(PtbCode.RECORD_MISSING, "", member=name),)),))
    content = as_bytes(text)
    found = opener.open(content, is_utf8=True)
    if found.parts:
        return found
    unrecognised = problem(ContainerCode.RECORD_UNRECOGNISED, size=len(content))
    return Found((Part(content, findings=(unrecognised,)),), found.findings)


def _judged_version(version: Any) -> tuple[Finding, ...]:
    text = str(version) if isinstance(version, str | int | Decimal) else ""
    if version is None or _VERSION.fullmatch(text):
        return ()
    return (warning(PtbCode.VERSION_UNKNOWN, "/formatVersion", version=text[:40]),)


def _transaction_id(value: dict[str, Any]) -> str:
    """Return a name for the session: the charge box, and what keeps two sessions of it in one archive apart."""
    digest = hashlib.sha256()
    for name, _ in _RECORDS:
        digest.update(str(value.get(name)).encode("utf-8") + b"\0")
    box = value.get("chargeboxIdentifier")
    return f"{box if isinstance(box, str) else 'ptb'}#{digest.hexdigest()[:8]}"
