"""The signature section of OCMF (OCMF 1.4.1, chapter "Signature"). Nothing in it is protected by anything."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from eichrecht.evidence import Finding, SignatureClaim, note, problem, warning
from eichrecht.evidence.construct import positional_constructor
from eichrecht.formats.codes import OcmfCode

DEFAULT_ALGORITHM = "ECDSA-secp256r1-SHA256"
"""SA if absent (since 0.4)."""

DEFAULT_MEDIA_TYPE = "application/x-der"

_KEYS = frozenset({"SA", "SE", "SM", "SD"})
_FREE_INITIALS = frozenset("UVWXYZABCDEF")

_new_claim = positional_constructor(SignatureClaim)


def read_signature(fields: dict[str, Any], findings: list[Finding]) -> SignatureClaim:
    """Read the signature section.

    ``algorithm`` is the name as written or the default; the signatures stage brings spellings together.
    ``value`` is ``None``, with an ``error`` finding, if there is no signature that can be decoded.
    """
    get = fields.get
    named, encoding, data = get("SA"), get("SE"), get("SD")
    if named is not None and named.__class__ is not str:
        findings.append(problem(OcmfCode.ALGORITHM_UNREADABLE, "/signature/SA"))
        algorithm = written = None
    else:
        written = named
        algorithm = DEFAULT_ALGORITHM if named is None else named
    if not _KEYS.issuperset(fields):
        _judge_other_keys(fields, findings)
    media_type = get("SM")
    if media_type is not None and media_type != DEFAULT_MEDIA_TYPE:
        shown = media_type[:40] if media_type.__class__ is str else ""
        findings.append(note(OcmfCode.SIGNATURE_MEDIA_TYPE, "/signature/SM", type=shown))
    if not data or data.__class__ is not str:
        findings.append(problem(OcmfCode.SIGNATURE_MISSING, "/signature/SD"))
        return _new_claim(algorithm, written, None, None)
    if encoding is None or encoding == "hex":
        return _new_claim(algorithm, written, _from_hex(data, findings), "hex")
    if encoding == "base64":
        return _new_claim(algorithm, written, _from_base64(data, findings), "base64")
    shown = encoding[:20] if encoding.__class__ is str else ""
    findings.append(problem(OcmfCode.SIGNATURE_ENCODING_UNKNOWN, "/signature/SE", encoding=shown))
    return _new_claim(algorithm, written, None, None)


def _from_hex(text: str, findings: list[Finding]) -> bytes | None:
    try:
        value = bytes.fromhex(text)
    except ValueError:
        findings.append(problem(OcmfCode.SIGNATURE_UNREADABLE, "/signature/SD", encoding="hex"))
        return None
    if 2 * len(value) != len(text):
        findings.append(note(OcmfCode.SIGNATURE_WITH_BLANKS, "/signature/SD"))
    return value


def _from_base64(text: str, findings: list[Finding]) -> bytes | None:
    joined = "".join(text.split())
    try:
        value = base64.b64decode(joined + "=" * (-len(joined) % 4), validate=True)
    except (binascii.Error, ValueError):
        findings.append(problem(OcmfCode.SIGNATURE_UNREADABLE, "/signature/SD", encoding="base64"))
        return None
    if joined != text:
        findings.append(note(OcmfCode.SIGNATURE_WITH_BLANKS, "/signature/SD"))
    return value


def _judge_other_keys(fields: dict[str, Any], findings: list[Finding]) -> None:
    """Report members outside the specification; U to Z are free for vendors, A to F for later components."""
    names = [name[:20] for name in fields if name not in _KEYS and name[:1] not in _FREE_INITIALS]
    if names:
        findings.append(warning(OcmfCode.SIGNATURE_UNKNOWN_FIELDS, "/signature", names=", ".join(names[:10])))
