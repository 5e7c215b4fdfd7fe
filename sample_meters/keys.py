"""Throw-away signing keys of the simulated meters: from fixed seeds, known to all, good for nothing else.

All seven curves of OCMF 1.4.1 table 22 sign deterministically (RFC 6979) through python-ecdsa, so that every
run makes the same bytes. ``secp192k1`` is not in that library; its parameters are those of SEC 2 version 2.0,
section 2.2.1.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from ecdsa import SigningKey, ellipticcurve
from ecdsa.curves import (
    BRAINPOOLP256r1,
    BRAINPOOLP384r1,
    Curve,
    NIST192p,
    NIST256p,
    NIST384p,
    SECP256k1,
)
from ecdsa.util import sigencode_strings

_SEED = b"eichrecht sample meters, throw-away key 1"

_P192K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFEE37
_N192K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFE26F2FC170F69466A74DEFD8D
_FIELD192K1 = ellipticcurve.CurveFp(_P192K1, 0, 3, 1)
_BASE192K1 = ellipticcurve.PointJacobi(
    _FIELD192K1,
    0xDB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D,
    0x9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D,
    1,
    _N192K1,
    generator=True,
)
SECP192K1 = Curve("SECP192k1", _FIELD192K1, _BASE192K1, (1, 3, 132, 0, 31), "secp192k1")

CURVES: dict[str, Curve] = {
    "secp192k1": SECP192K1,
    "secp256k1": SECP256k1,
    "secp192r1": NIST192p,
    "secp256r1": NIST256p,
    "brainpool256r1": BRAINPOOLP256r1,
    "secp384r1": NIST384p,
    "brainpool384r1": BRAINPOOLP384r1,
}
"""The curves of OCMF 1.4.1 table 22, by the table's names."""

KEY_SHAPES = (
    "spki-hex",
    "spki-hex-upper",
    "spki-hex-grouped",
    "spki-base64",
    "spki-base32",
    "pem",
    "point-hex",
    "raw-xy-hex",
    "compressed-hex",
    "oca",
)
"""Shapes in which public keys travel: see :meth:`SampleKey.text`."""


@dataclass(frozen=True)
class SampleKey:
    """A key pair of a simulated meter.

    Attributes:
        curve_name: As in :data:`CURVES`.
        label: Tells several keys on one curve apart; part of the seed.
    """

    curve_name: str
    label: str

    @property
    def curve(self) -> Curve:
        """The curve with its parameters."""
        return CURVES[self.curve_name]

    @property
    def algorithm(self) -> str:
        """The value of SA (OCMF 1.4.1 table 22)."""
        return f"ECDSA-{self.curve_name}-SHA256"

    def sign(self, message: bytes) -> tuple[int, int]:
        """Return the ECDSA signature ``(r, s)`` over SHA-256 of ``message``, the same one every time."""
        digest = hashlib.sha256(message).digest()
        r, s = _private(self.curve_name, self.label).sign_digest_deterministic(
            digest, hashfunc=hashlib.sha256, sigencode=sigencode_strings, allow_truncate=True
        )
        return int.from_bytes(r, "big"), int.from_bytes(s, "big")

    def text(self, shape: str = "spki-hex") -> str:
        """Return the public key as text.

        Args:
            shape: One of :data:`KEY_SHAPES`: SubjectPublicKeyInfo as hex (also upper case, also in groups of
                four with a blank between them), Base64, Base32 or PEM; the point ``04‖X‖Y``, ``X‖Y`` or
                compressed as hex; or the envelope of the OCA application note "Signed Meter Values in OCPP".

        Raises:
            ValueError: No such shape.
        """
        public: Any = _private(self.curve_name, self.label).get_verifying_key()
        der: bytes = public.to_der()
        hexadecimal: str = der.hex()
        shapes: dict[str, Callable[[], Any]] = {
            "spki-hex": lambda: hexadecimal,
            "spki-hex-upper": hexadecimal.upper,
            "spki-hex-grouped": lambda: " ".join(
                hexadecimal[i : i + 4] for i in range(0, len(hexadecimal), 4)
            ),
            "spki-base64": lambda: base64.b64encode(der).decode(),
            "spki-base32": lambda: base64.b32encode(der).decode(),
            "pem": lambda: public.to_pem().decode(),
            "point-hex": lambda: public.to_string("uncompressed").hex(),
            "raw-xy-hex": lambda: public.to_string("raw").hex(),
            "compressed-hex": lambda: public.to_string("compressed").hex(),
            "oca": lambda: base64.b64encode(f"oca:base16:asn1:{hexadecimal.upper()}".encode()).decode(),
        }
        if shape not in shapes:
            raise ValueError(f"unknown key shape {shape!r}; known: {', '.join(KEY_SHAPES)}")
        return str(shapes[shape]())


def sample_key(curve_name: str, label: str = "meter") -> SampleKey:
    """Return the key of this curve and label.

    Args:
        curve_name: As in :data:`CURVES`, or with the field spelling ``brainpoolP256r1``.
        label: Any text; another label is another key.

    Raises:
        ValueError: No such curve.
    """
    name = curve_name.replace("brainpoolP", "brainpool")
    if name not in CURVES:
        raise ValueError(f"unknown curve {curve_name!r}; known: {', '.join(CURVES)}")
    return SampleKey(name, label)


@cache
def _private(curve_name: str, label: str) -> SigningKey:
    curve = CURVES[curve_name]
    digest = hashlib.sha512(b"|".join((_SEED, curve_name.encode(), label.encode()))).digest()
    # 512 bits against an order of at most 384: the bias is far below anything a sample could care about.
    secret = int.from_bytes(digest, "big") % (curve.order - 1) + 1
    return SigningKey.from_secret_exponent(secret, curve, hashlib.sha256)
