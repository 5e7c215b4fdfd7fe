"""What of a security header group cannot be dealt with, by name (code lists of ISO 9735-5: 0501, 0527, 0541, 0591)."""

from __future__ import annotations

from eichrecht.edifact.security_codes import SecurityCode
from eichrecht.edifact.security_segments import (
    HASHING,
    ISSUER_HASHING,
    ISSUER_SIGNING,
    SIGNING,
    Algorithm,
    Header,
)
from eichrecht.evidence import Finding, problem

HASHES = {"48": "SHA256", "49": "SHA512", "50": "SHA384"}
"""0527 of hash functions that may be relied on."""

ECC, RSA = "17", "10"
_PKCS1 = frozenset({"", "11", "16"})
"""0591: PKCS#1 signature, RSASSA-PKCS1-v1_5; left out, the same."""

_NAMES = {
    "hash": {"5": "MD4", "6": "MD5", "7": "RIPEMD", "8": "SHA", "14": "RIPEMD-160", "15": "RIPEMD-128"}
    | {"16": "SHA-1", "51": "WHIRLPOOL", "52": "SHA-224", "2": "MAA", "30": "HMAC-SHA-1", "31": "HMAC-MD5"}
    | {"32": "HMAC-RIPEMD-160", "33": "HMAC-RIPEMD-128"},
    "algorithm": {"11": "DSA", "12": "RAB", "1": "DES", "13": "TDEA", "45": "PKCS#1 v2 MGF1"},
    "padding": {"6": "ISO 9796-1", "7": "ISO 9796-2", "8": "ISO 9796-3", "13": "OAEP", "14": "OAEP"},
    "filter": {"": "none given", "1": "none", "3": "ISO 646", "4": "Baudot", "5": "EDA", "6": "EDC"},
    "service": {"2": "message origin authentication", "3": "integrity", "4": "confidentiality"}
    | {"5": "non-repudiation of receipt", "6": "receipt authentication", "10": "time stamping"}
    | {"7": "non-repudiation of origin of a referenced structure", "94W": "D.94A header"},
    "use": {"2": "symmetric algorithm", "5": "enciphering", "7": "enciphering or signing", "8": "compression"}
    | {"9": "compression integrity", "10": "key agreement"},
    "encoding": {"3": "code page 850", "4": "code page 500", "5": "UCS-2", "6": "UCS-4", "8": "UTF-16"},
    "scope": {"3": "whole structure", "4": "interactive", "5": "interactive", "6": "whole message"},
}
_ENCODINGS = frozenset({"", "1", "2", "7"})
_USES = frozenset({HASHING, SIGNING, ISSUER_SIGNING, ISSUER_HASHING})


def check_header(
    header: Header, services: frozenset[str], scopes: frozenset[str], where: str
) -> list[Finding]:
    """Return what of a USH cannot be dealt with; ``services`` (0501) and ``scopes`` (0541) are those that can."""
    checks = (
        (SecurityCode.SERVICE_UNSUPPORTED, "service", header.service, services),
        (SecurityCode.SCOPE_UNSUPPORTED, "scope", header.scope, scopes),
        (SecurityCode.FILTER_UNSUPPORTED, "filter", header.filter, frozenset({"2", "7"})),
        (SecurityCode.ENCODING_UNSUPPORTED, "encoding", header.encoding, _ENCODINGS),
    )
    return [
        problem(code, where, code=value[:10] or "-", name=_NAMES[kind].get(value, "?"))
        for code, kind, value, allowed in checks
        if value not in allowed
    ]


def other_uses(algorithms: tuple[Algorithm, ...], where: str) -> list[Finding]:
    """Name what is done to the message besides signing: enciphered or compressed octets are other ones."""
    return [
        problem(SecurityCode.USE_UNSUPPORTED, where, code=use[:10] or "-", name=_NAMES["use"].get(use, "?"))
        for use in dict.fromkeys(one.use for one in algorithms)
        if use not in _USES
    ]


def _only(algorithms: tuple[Algorithm, ...], use: str, found: list[Finding], where: str) -> Algorithm | None:
    """Return the one USA for a use; a header group without it, or with two, is not whole."""
    of_use = [one for one in algorithms if one.use == use]
    if len(of_use) != 1:
        found.append(problem(SecurityCode.GROUP_INCOMPLETE, where, reference="-", tag=f"USA+{use}"))
        return None
    return of_use[0]


def hash_of(algorithms: tuple[Algorithm, ...], found: list[Finding], where: str) -> str | None:
    """Return the hash function named, ``None`` with a finding if it cannot be relied on."""
    hashing = _only(algorithms, HASHING, found, where)
    if hashing is None:
        return None
    if hashing.code not in HASHES:
        name = _NAMES["hash"].get(hashing.code, "?")
        found.append(problem(SecurityCode.HASH_UNSUPPORTED, where, code=hashing.code[:10] or "-", name=name))
        return None
    return HASHES[hashing.code]


def scheme_of(algorithms: tuple[Algorithm, ...], found: list[Finding], where: str) -> str | None:
    """Return ``ECDSA`` or ``RSA``, ``None`` with a finding for what is not dealt with."""
    signing = _only(algorithms, SIGNING, found, where)
    if signing is None:
        return None
    code, padding = signing.code, signing.padding
    if code not in (ECC, RSA):
        name = _NAMES["algorithm"].get(code, "?")
        found.append(problem(SecurityCode.ALGORITHM_UNSUPPORTED, where, code=code[:10] or "-", name=name))
        return None
    if code == ECC:
        return "ECDSA"
    if padding not in _PKCS1:
        name = _NAMES["padding"].get(padding, "?")
        found.append(problem(SecurityCode.PADDING_UNSUPPORTED, where, code=padding[:10], name=name))
        return None
    return "RSA"
