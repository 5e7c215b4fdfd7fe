"""Signature algorithms by the names that records give them.

OCMF 1.4.1 table 22 names seven: ECDSA on seven curves, all with SHA-256. Beyond the table the field uses
other curves, SHA-384/512, RSA, EdDSA and ML-DSA; they are computed exactly as named, ``in_ocmf_table=False``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from eichrecht.signatures.backends import PLAIN_FAMILIES
from eichrecht.signatures.curves import CURVES, OCMF_CURVES, SECP256R1, Curve, curve_by_name
from eichrecht.signatures.rsa import PADDINGS, PKCS1, PSS, RSA

ECDSA = "ECDSA"
"""``SignatureAlgorithm.family`` of every elliptic-curve algorithm; the other families are named whole."""

HASHES = ("SHA256", "SHA384", "SHA512")
"""Hash functions that a name may end with. SHA-1 is broken and no meter is known to use it."""

RSA_BITS = (2048, 3072, 4096, 8192)
"""Lengths that an RSA name may ask for; a name with another length names nothing."""


@dataclass(frozen=True, eq=False)
class SignatureAlgorithm:
    """A supported algorithm; one object per algorithm, compared by identity.

    Attributes:
        name: Project spelling, that of OCMF table 22 where it has one: ``ECDSA-brainpool256r1-SHA256``.
        family: ``ECDSA``, ``RSA``, ``EdDSA-Ed25519``, ``EdDSA-Ed448``, ``ML-DSA-44``, ``ML-DSA-65``, ``ML-DSA-87``.
        curve: Curve of an ECDSA algorithm, else ``None``.
        hash_name: ``SHA256``, ``SHA384``, ``SHA512``; ``None`` where the family has its own hashing.
        in_ocmf_table: Whether OCMF 1.4.1 table 22 lists it.
        padding: ``PKCS1-v1_5`` or ``PSS`` of an RSA algorithm, else ``None``.
        key_bits: Length of the RSA modulus where the name says it, else ``None``.
    """

    name: str
    family: str
    curve: Curve | None
    hash_name: str | None
    in_ocmf_table: bool
    padding: str | None = None
    key_bits: int | None = None

    def __reduce__(self) -> tuple[Callable[[str], SignatureAlgorithm | None], tuple[str]]:
        return parse_algorithm, (self.name,)


def _table() -> dict[str, SignatureAlgorithm]:
    ecdsa = [
        SignatureAlgorithm(
            f"{ECDSA}-{curve.ocmf_name}-{hash_name}",
            ECDSA,
            curve,
            hash_name,
            curve in OCMF_CURVES and hash_name == "SHA256",
        )
        for curve in CURVES
        for hash_name in HASHES
    ]
    plain = [SignatureAlgorithm(family, family, None, None, False) for family in PLAIN_FAMILIES]
    rsa = [
        SignatureAlgorithm(_rsa_name(padding, bits, hash_name), RSA, None, hash_name, False, padding, bits)
        for padding in PADDINGS
        for bits in (None, *RSA_BITS)
        for hash_name in HASHES
    ]
    return {algorithm.name: algorithm for algorithm in ecdsa + plain + rsa}


def _rsa_name(padding: str, bits: int | None, hash_name: str) -> str:
    return "-".join((RSA, *(("PSS",) if padding == PSS else ()), *((str(bits),) if bits else ()), hash_name))


_ALGORITHMS = _table()
_PLAIN_NAMES = {name.lower().replace("-", ""): name for name in PLAIN_FAMILIES} | {
    name.lower().removeprefix("eddsa-").replace("-", ""): name for name in PLAIN_FAMILIES
}
_ECDSA_NAME = re.compile(r"ecdsa-(.{1,24})-sha-?(256|384|512)", re.IGNORECASE)
_SEPARATORS = re.compile(r"[-_/. ]")

# JOSE (RFC 7518 §3.1, RFC 8812 §3.2) names the curve together with the hash function.
_JOSE_ECDSA = {
    "es256": "ECDSA-secp256r1-SHA256",
    "es256k": "ECDSA-secp256k1-SHA256",
    "es384": "ECDSA-secp384r1-SHA384",
    "es512": "ECDSA-secp521r1-SHA512",
}

# Spellings without separators: JOSE (RFC 7518 §3.1), X.509 (RFC 8017 A.2.4), Java, RFC 8017 itself, and OCMF's own
# way of writing. The one that pads with PSS is looked at first.
_RSA_NAMES = (
    (PSS, re.compile(r"ps(?P<hash>256|384|512)")),
    (PSS, re.compile(r"rsa(?:ssa)?(?P<bits>\d{4})?pss(?P<more>\d{4})?(?:with)?sha(?P<hash>256|384|512)")),
    (PSS, re.compile(r"sha(?P<hash>256|384|512)with(?:rsaandmgf1|rsa(?:ssa)?pss)")),
    (PKCS1, re.compile(r"rs(?P<hash>256|384|512)")),
    (PKCS1, re.compile(r"rsa(?:ssa)?(?:pkcs1(?:v15)?)?(?P<bits>\d{4})?(?:with)?sha(?P<hash>256|384|512)")),
    (PKCS1, re.compile(r"sha(?P<hash>256|384|512)(?:with)?rsa(?:encryption)?")),
)

MAX_ALGORITHM_NAME = 64
"""Longest name looked at; OCPP allows 50 characters for ``signingMethod``, no known name has more than 32."""

_NAMES_REMEMBERED = 256
"""Spellings cached. Meters of one operator use one or two; the bound keeps hostile names from piling up."""


@lru_cache(maxsize=_NAMES_REMEMBERED)
def parse_algorithm(text: str) -> SignatureAlgorithm | None:
    """Return the algorithm that ``text`` names, ``None`` if it is not supported.

    Letter case does not count and the curve may have any spelling of :func:`curve_by_name`:
    ``ECDSA-P-256-SHA256``, ``ECDSA-prime256v1-SHA256`` and ``ECDSA-SECP256R1-SHA-256`` are
    ``ECDSA-secp256r1-SHA256``; ``ECDSA-brainpoolP256r1-SHA256`` is ``ECDSA-brainpool256r1-SHA256``. Separators do
    not count in the other names: ``RS256``, ``RSA-SHA256`` and ``sha256WithRSAEncryption`` are ``RSA-SHA256``,
    ``PS256`` and ``RSASSA-PSS-SHA256`` are ``RSA-PSS-SHA256``; ``RSA-2048-SHA256`` asks for a key of that length.
    """
    if len(text) > MAX_ALGORITHM_NAME or not text.isascii():
        return None
    match = _ECDSA_NAME.fullmatch(text)
    if match is not None:
        curve = curve_by_name(match[1])
        return None if curve is None else _ALGORITHMS[f"{ECDSA}-{curve.ocmf_name}-SHA{match[2]}"]
    if text != text.strip():
        return None
    plain = _SEPARATORS.sub("", text.lower())
    name = _PLAIN_NAMES.get(plain) or _JOSE_ECDSA.get(plain) or _rsa_by_name(plain)
    return _ALGORITHMS.get(name) if name is not None else None


def _rsa_by_name(plain: str) -> str | None:
    for padding, pattern in _RSA_NAMES:
        match = pattern.fullmatch(plain)
        if match is not None:
            found = match.groupdict()
            bits = found.get("bits") or found.get("more")
            return _rsa_name(padding, int(bits) if bits else None, f"SHA{found['hash']}")
    return None


def ecdsa_algorithm(curve: Curve, hash_name: str = "SHA256") -> SignatureAlgorithm:
    """Return ECDSA on ``curve`` with one of :data:`HASHES`; formats with a fixed curve use this."""
    return _ALGORITHMS[f"{ECDSA}-{curve.ocmf_name}-{hash_name}"]


DEFAULT_ALGORITHM = ecdsa_algorithm(SECP256R1)
"""What an OCMF record without ``SA`` is signed with (OCMF since 0.4, signature section)."""
