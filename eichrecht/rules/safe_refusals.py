"""What the official program 1.4.1 refuses before it checks anything, so that it gives no verdict at all.

Source: facts/meter/safe_formats.md §0.3, §1.1, §1.2, §1.6 and facts/meter/safe_weaknesses.md. Only for profile
``safe-1.4.1``: profile ``strict`` reads all of these.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from eichrecht.evidence import Finding, OfficialCheck, ReadingRole, SignedRecord, problem


class RefusalCode(StrEnum):
    """Findings about what the program cannot read."""

    REFUSED = "safe_record_refused"


_KNOWN_VERSIONS = (Decimal("0.1"), Decimal("1.3"))
_ALGORITHM_PARTS = 3
_SEC_CURVE = re.compile(r"secp(192|256)k1|secp(192|224|256|384|521)r1|secp224k1", re.IGNORECASE)
_BRAINPOOL = re.compile(r"brainpoolp?(160|192|224|256|320|384|512)[rt]1", re.IGNORECASE)


def official_record_refusals(
    record: SignedRecord,
    *,
    key_shape: str | None,
    signature_form: str | None,
    signature_valid: bool,
    key_differs: bool = False,
) -> tuple[Finding, ...]:
    """Return why the program would refuse this record; empty if it would check it.

    Args:
        record: The record.
        key_shape: Shape of the key used, ``None`` without a key.
        signature_form: ``der``, ``der-lenient`` or ``raw``; ``None`` if the signature was not looked at.
        signature_valid: The crashes of the law checks happen only after a signature that fits.
        key_differs: Whether the record carries another key than the one used (§0.3).
    """
    traits = record.traits
    if traits.official is None:
        return (problem(RefusalCode.REFUSED, "", official_key="error.format.unknown"),)
    keys = list(record.official_refusals)
    allowed = traits.official_key_shapes
    if traits.official != (OfficialCheck.OCMF_LAW,):
        if key_differs:
            keys.append("app.view.error.publickeynotmatchdata")
        if key_shape is not None and allowed is not None and key_shape not in allowed:
            keys.append("error.invalid.public.key")
        return tuple(problem(RefusalCode.REFUSED, "", official_key=key) for key in keys)
    keys += _container(record)
    keys += _version(record)
    keys += _algorithm(record)
    if signature_valid:
        keys += _crashes(record)
    if key_shape is not None and allowed is not None and key_shape not in allowed:
        keys.append("error.values.publickey.cannot.encode")
    if signature_form == "raw":
        keys.append("error.values.signature.cannot.encode")
    elif signature_form == "der-lenient":
        keys.append("error.invalid.asn1Signature.length")
    return tuple(problem(RefusalCode.REFUSED, "", official_key=key) for key in keys)


def _container(record: SignedRecord) -> list[str]:
    """The program splits blindly at every pipe and refuses doubled keys on the top level only."""
    codes = {finding.code for finding in record.findings}
    if "pipe_in_string" in codes or b"|" in record.signed_bytes:
        return ["error.format.unknown"]
    if "ocmf_header_malformed" in codes or (record.format == "OCMF" and not record.raw.startswith(b"OCMF|")):
        return ["error.format.unknown"]
    doubled = [f.where for f in record.findings if f.code == "duplicate_key" and f.where.count("/") == 1]
    return ["error.format.unknown"] if doubled else []


def _version(record: SignedRecord) -> list[str]:
    try:
        version = Decimal(record.version or "")
    except InvalidOperation:
        return ["error.format.unknown"]
    low, high = _KNOWN_VERSIONS
    if not version.is_finite() or not low <= version <= high:
        return ["error.ocmf.invalid.version"]
    return []


def _crashes(record: SignedRecord) -> list[str]:
    refused = []
    if record.pagination is None:
        refused.append("java.lang.NullPointerException (PG)")
    for reading in record.readings:
        if reading.value is None and reading.role in {ReadingRole.BEGIN, ReadingRole.END}:
            refused.append("java.lang.NullPointerException (RV)")
    return refused


def _algorithm(record: SignedRecord) -> list[str]:
    text = record.signature.algorithm_text
    if text is None:
        return []
    parts = text.split("-")
    if len(parts) != _ALGORITHM_PARTS or parts[0] != "ECDSA":
        return ["error.ocmf.invalid.signaturealgorithm"]
    if not (_SEC_CURVE.fullmatch(parts[1]) or _BRAINPOOL.fullmatch(parts[1])):
        return ["error.invalid.curve.name"]
    return []
