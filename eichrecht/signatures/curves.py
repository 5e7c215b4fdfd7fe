"""The elliptic curves of the field and every spelling of their names.

Parameters: SEC 2 v2.0 and v1.0 (secp*), FIPS 186-4 D.1.2 (P-*), RFC 5639 §3 (brainpool). All cofactors are 1,
so a point that satisfies the curve equation lies in the group of prime order.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, eq=False)
class Curve:
    """A short Weierstrass curve y² = x³ + ax + b over the prime field of ``p``; one object per curve.

    Attributes:
        name: Standard name (``secp256r1``, ``brainpoolP256r1``).
        ocmf_name: Spelling of the OCMF algorithm table (``brainpool256r1``), elsewhere equal to ``name``.
        oid: Dotted object identifier of the named curve.
        p: Field prime.
        a, b: Coefficients, in 0..p-1.
        gx, gy: Base point.
        order: Prime order n of the base point.
    """

    name: str
    ocmf_name: str
    oid: str
    p: int
    a: int
    b: int
    gx: int
    gy: int
    order: int

    @cached_property
    def field_bytes(self) -> int:
        """Octets of one coordinate."""
        return (self.p.bit_length() + 7) // 8

    @cached_property
    def order_bits(self) -> int:
        """Bits of n: so many leftmost bits of a digest are signed (SEC 1 §4.1.3); 225 for secp224k1."""
        return self.order.bit_length()

    @cached_property
    def order_bytes(self) -> int:
        """Octets of r and of s in a raw signature; 29 for secp224k1 although coordinates have 28."""
        return (self.order_bits + 7) // 8

    def contains(self, x: int, y: int) -> bool:
        """Whether (x, y) are reduced coordinates of a point of the curve (SEC 1 §3.2.2.1)."""
        if not (0 <= x < self.p and 0 <= y < self.p):
            return False
        return (y * y - (x * x * x + self.a * x + self.b)) % self.p == 0

    def __reduce__(self) -> tuple[Callable[[str], Curve | None], tuple[str]]:
        # Curves are compared by identity, so a copy from another process must be the same object here.
        return curve_by_name, (self.name,)


SECP192K1 = Curve(
    name="secp192k1",
    ocmf_name="secp192k1",
    oid="1.3.132.0.31",
    p=2**192 - 2**32 - 4553,
    a=0,
    b=3,
    gx=0xDB4FF10EC057E9AE26B07D0280B7F4341DA5D1B1EAE06C7D,
    gy=0x9B2F2F6D9C5628A7844163D015BE86344082AA88D95E2F9D,
    order=0xFFFFFFFFFFFFFFFFFFFFFFFE26F2FC170F69466A74DEFD8D,
)
SECP192R1 = Curve(
    name="secp192r1",
    ocmf_name="secp192r1",
    oid="1.2.840.10045.3.1.1",
    p=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFF,
    a=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFC,
    b=0x64210519E59C80E70FA7E9AB72243049FEB8DEECC146B9B1,
    gx=0x188DA80EB03090F67CBF20EB43A18800F4FF0AFD82FF1012,
    gy=0x7192B95FFC8DA78631011ED6B24CDD573F977A11E794811,
    order=0xFFFFFFFFFFFFFFFFFFFFFFFF99DEF836146BC9B1B4D22831,
)
SECP224K1 = Curve(
    name="secp224k1",
    ocmf_name="secp224k1",
    oid="1.3.132.0.32",
    p=2**224 - 2**32 - 6803,
    a=0,
    b=5,
    gx=0xA1455B334DF099DF30FC28A169A467E9E47075A90F7E650EB6B7A45C,
    gy=0x7E089FED7FBA344282CAFBD6F7E319F7C0B0BD59E2CA4BDB556D61A5,
    order=0x010000000000000000000000000001DCE8D2EC6184CAF0A971769FB1F7,
)
SECP224R1 = Curve(
    name="secp224r1",
    ocmf_name="secp224r1",
    oid="1.3.132.0.33",
    p=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF000000000000000000000001,
    a=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFE,
    b=0xB4050A850C04B3ABF54132565044B0B7D7BFD8BA270B39432355FFB4,
    gx=0xB70E0CBD6BB4BF7F321390B94A03C1D356C21122343280D6115C1D21,
    gy=0xBD376388B5F723FB4C22DFE6CD4375A05A07476444D5819985007E34,
    order=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFF16A2E0B8F03E13DD29455C5C2A3D,
)
SECP256K1 = Curve(
    name="secp256k1",
    ocmf_name="secp256k1",
    oid="1.3.132.0.10",
    p=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F,
    a=0,
    b=7,
    gx=0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
    gy=0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    order=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
)
SECP256R1 = Curve(
    name="secp256r1",
    ocmf_name="secp256r1",
    oid="1.2.840.10045.3.1.7",
    p=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF,
    a=0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFC,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    gx=0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    gy=0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    order=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
)
SECP384R1 = Curve(
    name="secp384r1",
    ocmf_name="secp384r1",
    oid="1.3.132.0.34",
    p=int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFF",
        16,
    ),
    a=int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFFFF0000000000000000FFFFFFFC",
        16,
    ),
    b=int(
        "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE8141120314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF",
        16,
    ),
    gx=int(
        "AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B9859F741E082542A385502F25DBF55296C3A545E3872760AB7",
        16,
    ),
    gy=int(
        "3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147CE9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F",
        16,
    ),
    order=int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
)
SECP521R1 = Curve(
    name="secp521r1",
    ocmf_name="secp521r1",
    oid="1.3.132.0.35",
    p=2**521 - 1,
    a=2**521 - 4,
    b=int(
        "51953EB9618E1C9A1F929A21A0B68540EEA2DA725B99B315F3B8B489918EF109"
        "E156193951EC7E937B1652C0BD3BB1BF073573DF883D2C34F1EF451FD46B503F"
        "00",
        16,
    ),
    gx=int(
        "C6858E06B70404E9CD9E3ECB662395B4429C648139053FB521F828AF606B4D3D"
        "BAA14B5E77EFE75928FE1DC127A2FFA8DE3348B3C1856A429BF97E7E31C2E5BD"
        "66",
        16,
    ),
    gy=int(
        "11839296A789A3BC0045C8A5FB42C7D1BD998F54449579B446817AFBD17273E6"
        "62C97EE72995EF42640C550B9013FAD0761353C7086A272C24088BE94769FD16"
        "650",
        16,
    ),
    order=int(
        "1FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "FFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386"
        "409",
        16,
    ),
)
BRAINPOOLP256R1 = Curve(
    name="brainpoolP256r1",
    ocmf_name="brainpool256r1",
    oid="1.3.36.3.3.2.8.1.1.7",
    p=0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377,
    a=0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9,
    b=0x26DC5C6CE94A4B44F330B5D9BBD77CBF958416295CF7E1CE6BCCDC18FF8C07B6,
    gx=0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
    gy=0x547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997,
    order=0xA9FB57DBA1EEA9BC3E660A909D838D718C397AA3B561A6F7901E0E82974856A7,
)
BRAINPOOLP384R1 = Curve(
    name="brainpoolP384r1",
    ocmf_name="brainpool384r1",
    oid="1.3.36.3.3.2.8.1.1.11",
    p=int(
        "8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B412B1DA197FB71123ACD3A729901D1A71874700133107EC53",
        16,
    ),
    a=int(
        "7BC382C63D8C150C3C72080ACE05AFA0C2BEA28E4FB22787139165EFBA91F90F8AA5814A503AD4EB04A8C7DD22CE2826",
        16,
    ),
    b=int(
        "4A8C7DD22CE28268B39B55416F0447C2FB77DE107DCD2A62E880EA53EEB62D57CB4390295DBC9943AB78696FA504C11",
        16,
    ),
    gx=int(
        "1D1C64F068CF45FFA2A63A81B7C13F6B8847A3E77EF14FE3DB7FCAFE0CBD10E8E826E03436D646AAEF87B2E247D4AF1E",
        16,
    ),
    gy=int(
        "8ABE1D7520F9C2A45CB1EB8E95CFD55262B70B29FEEC5864E19C054FF99129280E4646217791811142820341263C5315",
        16,
    ),
    order=int(
        "8CB91E82A3386D280F5D6F7E50E641DF152F7109ED5456B31F166E6CAC0425A7CF3AB6AF6B7FC3103B883202E9046565",
        16,
    ),
)
BRAINPOOLP512R1 = Curve(
    name="brainpoolP512r1",
    ocmf_name="brainpool512r1",
    oid="1.3.36.3.3.2.8.1.1.13",
    p=int(
        "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330871"
        "7D4D9B009BC66842AECDA12AE6A380E62881FF2F2D82C68528AA6056583A48F3",
        16,
    ),
    a=int(
        "7830A3318B603B89E2327145AC234CC594CBDD8D3DF91610A83441CAEA9863BC"
        "2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A72BF2C7B9E7C1AC4D77FC94CA",
        16,
    ),
    b=int(
        "3DF91610A83441CAEA9863BC2DED5D5AA8253AA10A2EF1C98B9AC8B57F1117A7"
        "2BF2C7B9E7C1AC4D77FC94CADC083E67984050B75EBAE5DD2809BD638016F723",
        16,
    ),
    gx=int(
        "81AEE4BDD82ED9645A21322E9C4C6A9385ED9F70B5D916C1B43B62EEF4D0098E"
        "FF3B1F78E2D0D48D50D1687B93B97D5F7C6D5047406A5E688B352209BCB9F822",
        16,
    ),
    gy=int(
        "7DDE385D566332ECC0EABFA9CF7822FDF209F70024A57B1AA000C55B881F8111"
        "B2DCDE494A5F485E5BCA4BD88A2763AED1CA2B2FA8F0540678CD1E0F3AD80892",
        16,
    ),
    order=int(
        "AADD9DB8DBE9C48B3FD4E6AE33C9FC07CB308DB3B3C9D20ED6639CCA70330870"
        "553E5C414CA92619418661197FAC10471DB1D381085DDADDB58796829CA90069",
        16,
    ),
)

CURVES: tuple[Curve, ...] = (
    SECP192K1,
    SECP256K1,
    SECP192R1,
    SECP256R1,
    BRAINPOOLP256R1,
    SECP384R1,
    BRAINPOOLP384R1,
    SECP224K1,
    SECP224R1,
    SECP521R1,
    BRAINPOOLP512R1,
)
"""All curves; the seven of the OCMF table (OCMF 1.4.1, table 22) first, in its order."""

OCMF_CURVES: tuple[Curve, ...] = CURVES[:7]
"""The curves of the OCMF algorithm table."""

_BY_OID = {curve.oid: curve for curve in CURVES}

# Field spellings beside the SEC name: ANSI X9.62 (prime*), FIPS 186 (P-*), RFC 5639 and OCMF (brainpool*).
_ALIASES = {
    "prime192v1": SECP192R1,
    "prime256v1": SECP256R1,
    "p192": SECP192R1,
    "p224": SECP224R1,
    "p256": SECP256R1,
    "p384": SECP384R1,
    "p521": SECP521R1,
    "k256": SECP256K1,
} | {curve.name.lower().replace("poolp", "pool"): curve for curve in CURVES}

MAX_CURVE_NAME = 32
"""Longest name looked at; the longest known spelling has 16 characters."""

_SEPARATORS = re.compile(r"[-_ ]")


def curve_by_name(text: str) -> Curve | None:
    """Return the curve that ``text`` names in any spelling, ``None`` if it names none.

    Letter case, hyphens, underscores and blanks do not count: ``P-256``, ``NIST P-256``, ``prime256v1``,
    ``secp256r1``, ``brainpoolP256r1`` and OCMF's ``brainpool256r1`` are all known.
    """
    if len(text) > MAX_CURVE_NAME:
        return None
    plain = _SEPARATORS.sub("", text.lower()).removeprefix("nist")
    return _ALIASES.get(plain.replace("brainpoolp", "brainpool"))


def curve_by_oid(oid: str) -> Curve | None:
    """Return the curve with the dotted object identifier ``oid``, ``None`` if it is not supported."""
    return _BY_OID.get(oid)
