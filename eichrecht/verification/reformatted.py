"""Diagnosis of records that somebody reformatted on their way: told to the reader, never a pass."""

from __future__ import annotations

from eichrecht.evidence import SignedRecord
from eichrecht.signatures.algorithms import SignatureAlgorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.keys import PublicKey


def fits_without_whitespace(record: SignedRecord, algorithm: SignatureAlgorithm, key: PublicKey) -> bool:
    """Diagnose a record that was reformatted in transit (OCMF 1.0 transfer form, ocmf facts §2). Never a pass."""
    if record.format != "OCMF" or record.signature.value is None:
        return False
    compact = _without_json_whitespace(record.signed_bytes)
    if compact == record.signed_bytes:
        return False
    return check_signature(algorithm, key, compact, record.signature.value, diagnose=False).valid


def _without_json_whitespace(text: bytes) -> bytes:
    result = bytearray()
    in_string = escaped = False
    for byte in text:
        if in_string:
            in_string = escaped or byte != 0x22
            escaped = byte == 0x5C and not escaped
        elif byte in b" \t\r\n":
            continue
        else:
            in_string = byte == 0x22
            escaped = False
        result.append(byte)
    return bytes(result)
