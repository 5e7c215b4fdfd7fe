"""Signature algorithms by the names that records give them.

OCMF 1.4.1 table 22 names seven: ECDSA on seven curves, all with SHA-256. Beyond the table the field uses
other curves, SHA-384/512, EdDSA and ML-DSA; they are computed exactly as named, ``in_ocmf_table=False``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from eichrecht.signatures.backends import PLAIN_FAMILIES
from eichrecht.signatures.curves import CURVES, OCMF_CURVES, SECP256R1, Curve, curve_by_name

ECDSA = "ECDSA"
"""``SignatureAlgorithm.family`` of every elliptic-curve algorithm; the other families are named whole."""

HASHES = ("SHA256", "SHA384", "SHA512")
"""Hash functions that an ECDSA name may end with. SHA-1 is broken and no meter is known to use it."""


@dataclass(frozen=True, eq=False)
class SignatureAlgorithm:
    """A supported algorithm; one object per algorithm, compared by identity.

    Attributes:
        name: Project spelling, that of OCMF table 22 where it has one: ``ECDSA-brainpool256r1-SHA256``.
        family: ``ECDSA``, ``EdDSA-Ed25519``, ``EdDSA-Ed448``, ``ML-DSA-44``, ``ML-DSA-65``, ``ML-DSA-87``.
        curve: Curve of an ECDSA algorithm, else ``None``.
        hash_name: ``SHA256``, ``SHA384``, ``SHA512``; ``None`` where the family has its own hashing.
        in_ocmf_table: Whether OCMF 1.4.1 table 22 lists it.
    """

    name: str
    family: str
    curve: Curve | None
    hash_name: str | None
    in_ocmf_table: bool

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
    return {algorithm.name: algorithm for algorithm in ecdsa + plain}


_ALGORITHMS = _table()
_PLAIN_NAMES = {name.lower(): name for name in PLAIN_FAMILIES} | {
    name.lower().removeprefix("eddsa-"): name for name in PLAIN_FAMILIES
}
_ECDSA_NAME = re.compile(r"ecdsa-(.{1,24})-sha-?(256|384|512)", re.IGNORECASE)

MAX_ALGORITHM_NAME = 64
"""Longest name looked at; OCPP allows 50 characters for ``signingMethod``, no known name has more than 32."""

_NAMES_REMEMBERED = 256
"""Spellings cached. Meters of one operator use one or two; the bound keeps hostile names from piling up."""


@lru_cache(maxsize=_NAMES_REMEMBERED)
def parse_algorithm(text: str) -> SignatureAlgorithm | None:
    """Return the algorithm that ``text`` names, ``None`` if it is not supported.

    Letter case does not count and the curve may have any spelling of :func:`curve_by_name`:
    ``ECDSA-P-256-SHA256``, ``ECDSA-prime256v1-SHA256`` and ``ECDSA-SECP256R1-SHA-256`` are
    ``ECDSA-secp256r1-SHA256``; ``ECDSA-brainpoolP256r1-SHA256`` is ``ECDSA-brainpool256r1-SHA256``.
    """
    if len(text) > MAX_ALGORITHM_NAME:
        return None
    plain = _PLAIN_NAMES.get(text.lower())
    if plain is not None:
        return _ALGORITHMS[plain]
    match = _ECDSA_NAME.fullmatch(text)
    curve = curve_by_name(match[1]) if match else None
    if match is None or curve is None:
        return None
    return _ALGORITHMS[f"{ECDSA}-{curve.ocmf_name}-SHA{match[2]}"]


def ecdsa_algorithm(curve: Curve, hash_name: str = "SHA256") -> SignatureAlgorithm:
    """Return ECDSA on ``curve`` with one of :data:`HASHES`; formats with a fixed curve use this."""
    return _ALGORITHMS[f"{ECDSA}-{curve.ocmf_name}-{hash_name}"]


DEFAULT_ALGORITHM = ecdsa_algorithm(SECP256R1)
"""What an OCMF record without ``SA`` is signed with (OCMF since 0.4, signature section)."""
