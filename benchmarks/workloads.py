"""What the benchmarks verify: records of every format and curve, and the bare mathematics behind them.

Every record is another one, as a meter would send them one after the other. A row stands for one format on one
curve; :func:`bare` takes the signatures out of its records and leaves nothing but the library's own verify.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, mldsa, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key
from ecdsa import VerifyingKey
from ecdsa.curves import Curve as LibraryCurve
from ecdsa.ellipticcurve import CurveFp, PointJacobi
from ecdsa.util import sigdecode_der

from eichrecht.evidence import SignatureClaim, SignedRecord
from eichrecht.formats import registry
from eichrecht.formats._seal import BLOCK_BYTES, read_envelope
from eichrecht.signatures.algorithms import SignatureAlgorithm, parse_algorithm
from eichrecht.signatures.backends import OpenSslEcdsa
from eichrecht.signatures.curves import Curve
from eichrecht.signatures.der import read_raw_signature, read_signature, write_signature
from eichrecht.signatures.keys import read_key
from eichrecht.signatures.rsa import PSS, RSA
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters import _chargepoint_station as station_of
from sample_meters import (
    alfen,
    bsm_ws36a,
    chargy_ctr,
    edl40_mennekes,
    edl40_p,
    edl40_sig,
    emh_chargeit,
    isa_edl40_p,
)
from sample_meters._bsm_meter import BsmMeter
from sample_meters.keys import CURVES
from sample_meters.ocmf import OcmfMeter
from sample_meters.pcdf import PcdfMeter
from sample_meters.sealed_ocmf import SealedOcmfMeter

RECORDS = 128
"""Records of one meter in a row; a round takes each candidate through all of them."""

Run = Callable[[], None]
Make = Callable[[int], bytes]

_START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "SHA256": hashes.SHA256(),
    "SHA384": hashes.SHA384(),
    "SHA512": hashes.SHA512(),
}


@dataclass(frozen=True)
class Workload:
    """Records of one meter.

    Attributes:
        records: Bytes of each, all different.
        key_text: Public key that they are judged against.
    """

    records: Sequence[bytes]
    key_text: str


def _many(make: Make, key_text: str) -> Workload:
    records = [make(index) for index in range(RECORDS)]
    assert len(set(records)) == RECORDS
    return Workload(records, key_text)


# --- OCMF on every curve and scheme


def _session(meter: OcmfMeter, index: int) -> bytes:
    return meter.session_record(
        Decimal("100.000") + index,
        Decimal("112.345") + index,
        _START,
        _START + timedelta(minutes=30 + index),
    )


def _ocmf(curve: str) -> Workload:
    meter = OcmfMeter(curve, serial="BENCH1")
    return _many(partial(_session, meter), meter.public_key_text())


def _ocmf_by(algorithm: str, sign: Callable[[bytes], bytes], key_text: str) -> Workload:
    """Return OCMF records signed in a way that the sample meters do not know."""
    meter = OcmfMeter("secp256r1", serial="BENCH1")

    def make(index: int) -> bytes:
        payload = _session(meter, index).split(b"|")[1]
        return b"OCMF|%b|" % payload + json.dumps({"SA": algorithm, "SD": sign(payload).hex()}).encode()

    return _many(make, key_text)


def _key_text(private: Any) -> str:
    spki: bytes = private.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return spki.hex()


def _ocmf_ec(algorithm: str, curve: type[ec.EllipticCurve], hash_name: str) -> Workload:
    private = ec.generate_private_key(curve())
    scheme = ec.ECDSA(_HASHES[hash_name])
    return _ocmf_by(algorithm, lambda message: private.sign(message, scheme), _key_text(private))


def _ocmf_plain(algorithm: str, private_class: Any) -> Workload:
    private = private_class.generate()
    return _ocmf_by(algorithm, private.sign, _key_text(private))


def _ocmf_rsa(algorithm: str) -> Workload:
    private = rsa.generate_private_key(65537, 2048)
    scheme, hashed = _rsa_padding("PSS" in algorithm), hashes.SHA256()
    return _ocmf_by(algorithm, lambda message: private.sign(message, scheme, hashed), _key_text(private))


def _rsa_padding(is_pss: bool) -> padding.AsymmetricPadding:
    if not is_pss:
        return padding.PKCS1v15()
    return padding.PSS(padding.MGF1(hashes.SHA256()), hashes.SHA256.digest_size)


def _ocmf_secp224k1() -> Workload:
    station = station_of.STATION
    return _ocmf_by("ECDSA-secp224k1-SHA256", station.sign, station.pem().decode())


# --- The other formats


def _alfen() -> Workload:
    meter = alfen.AlfenMeter()
    return _many(lambda index: meter.end(value=60_000 + index, page=100 + index), meter.public_key_text())


def _pcdf() -> Workload:
    meter = PcdfMeter()
    return _many(lambda index: meter.session(Decimal("10.000") + index), meter.public_key_text())


def _sealed() -> Workload:
    device = SealedOcmfMeter()
    begin = Decimal("100.0000")
    return _many(
        lambda index: device.session_record(begin, begin + 1 + index, _START, _START + timedelta(hours=1)),
        device.public_key_text(),
    )


def _edl40_p(variant: Any) -> Workload:
    meter = edl40_p.Edl40Meter(variant, f"bench {variant}")
    first = edl40_p.WIDE_FIRST if variant == "wide" else edl40_p.FIRST
    return _many(
        lambda index: meter.telegram(replace(first, value=first.value + index, page=first.page + index)),
        meter.public_key_text(),
    )


def _edl40_sig(variant: Any) -> Workload:
    meter = edl40_sig.SigMeter(variant, f"bench {variant}")
    first = edl40_p.WIDE_FIRST if variant == "wide" else edl40_p.FIRST
    return _many(
        lambda index: meter.element(replace(first, value=first.value + index)).encode(),
        meter.public_key_text(),
    )


def _isa() -> Workload:
    end = isa_edl40_p.AT_END
    return _many(
        lambda index: isa_edl40_p.METER.telegram(replace(end, value=end.value + index)),
        isa_edl40_p.METER.public_key_text(),
    )


def _mennekes() -> Workload:
    station, stop = edl40_mennekes.STATION, edl40_mennekes.STOP
    return _many(
        lambda index: station.process(edl40_mennekes.START, replace(stop, value=stop.value + index)).encode(),
        station.public_key_text(),
    )


def _emh_chargeit() -> Workload:
    meter = emh_chargeit.EmhMeter()
    return _many(
        lambda index: json.dumps(emh_chargeit.begin(meter, register=66_260 + index)).encode(),
        meter.key.text("raw-xy-hex"),
    )


def _bsm() -> Workload:
    return _many(
        lambda index: json.dumps(bsm_ws36a.end(rcr=1_234 + index)).encode(),
        BsmMeter().key.text("spki-hex"),
    )


def _ctr(meter: chargy_ctr.CtrMeter) -> Workload:
    first, last = chargy_ctr.FIRST, chargy_ctr.LAST
    return _many(
        lambda index: json.dumps(meter.session([first, replace(last, value=last.value + index)])).encode(),
        meter.public_key_text(),
    )


def _chargepoint(curve: str) -> Workload:
    station = replace(station_of.STATION, curve=curve)

    def make(index: int) -> bytes:
        bill = station_of.bill(station, {"session_id": 4_711 + index})
        return station_of.merged(station_of.text_of(bill), station)

    return _many(make, station.pem().decode())


CURVE_ROWS: Mapping[str, Callable[[], Workload]] = {
    **{f"OCMF {curve}": partial(_ocmf, curve) for curve in CURVES},
    "OCMF secp224k1": _ocmf_secp224k1,
    "OCMF secp224r1": partial(_ocmf_ec, "ECDSA-secp224r1-SHA256", ec.SECP224R1, "SHA256"),
    "OCMF secp384r1 SHA-384": partial(_ocmf_ec, "ECDSA-secp384r1-SHA384", ec.SECP384R1, "SHA384"),
    "OCMF secp521r1 SHA-512": partial(_ocmf_ec, "ECDSA-secp521r1-SHA512", ec.SECP521R1, "SHA512"),
    "OCMF brainpoolP512r1": partial(_ocmf_ec, "ECDSA-brainpool512r1-SHA512", ec.BrainpoolP512R1, "SHA512"),
    "OCMF RSA-2048": partial(_ocmf_rsa, "RSA-2048-SHA256"),
    "OCMF RSA-PSS-2048": partial(_ocmf_rsa, "RSA-PSS-2048-SHA256"),
    "OCMF Ed25519": partial(_ocmf_plain, "EdDSA-Ed25519", ed25519.Ed25519PrivateKey),
    "OCMF Ed448": partial(_ocmf_plain, "EdDSA-Ed448", ed448.Ed448PrivateKey),
    "OCMF ML-DSA-44": partial(_ocmf_plain, "ML-DSA-44", mldsa.MLDSA44PrivateKey),
    "OCMF ML-DSA-65": partial(_ocmf_plain, "ML-DSA-65", mldsa.MLDSA65PrivateKey),
    "OCMF ML-DSA-87": partial(_ocmf_plain, "ML-DSA-87", mldsa.MLDSA87PrivateKey),
}
"""One format, every curve and scheme: the seven of OCMF 1.4.1 table 22 first."""

FORMAT_ROWS: Mapping[str, Callable[[], Workload]] = {
    "SEALED_OCMF": _sealed,
    "ALFEN": _alfen,
    "EDL_40_P": partial(_edl40_p, "narrow"),
    "EDL_40_P 256 bit": partial(_edl40_p, "wide"),
    "EDL_40_P old": partial(_edl40_p, "old"),
    "EDL_40_SIG": partial(_edl40_sig, "narrow"),
    "EDL_40_SIG 256 bit": partial(_edl40_sig, "wide"),
    "ISA_EDL_40_P": _isa,
    "EDL_40_MENNEKES": _mennekes,
    "EMH_CHARGEIT": _emh_chargeit,
    "EMH_CTR": partial(_ctr, chargy_ctr.EMH),
    "GDF": partial(_ctr, chargy_ctr.GDF),
    "BSM_WS36A": _bsm,
    "PCDF": _pcdf,
    **{
        f"CHARGEPOINT {curve}": partial(_chargepoint, curve)
        for curve in ("secp224k1", "secp256r1", "secp384r1", "secp521r1")
    },
}
"""The other formats, on the curves that their meters use."""

ROWS: Mapping[str, Callable[[], Workload]] = {**CURVE_ROWS, **FORMAT_ROWS}


# --- Nothing but the mathematics


def bare(work: Workload) -> tuple[Run, int, str]:
    """Return the library's own verify over prepared inputs, signatures per round, and the algorithm.

    Records of some formats carry two signatures (begin and end); each counts.
    """
    verifier = Verifier(keys=[SuppliedKey(work.key_text, "bench")])
    algorithm = verifier.verify_record(work.records[0]).signature.algorithm or ""
    decoded = [record for record in map(registry.decode_any, work.records) if record is not None]
    assert len(decoded) == len(work.records)
    if algorithm == "SAFESeal":
        return _bare_seals(work), len(work.records), "RSA-2048"
    named = parse_algorithm(algorithm)
    assert named is not None
    pieces = [
        (message, _strict(claim, named.curve)) for record in decoded for message, claim in _pieces(record)
    ]
    return _bare_verify(pieces, named, work.key_text), len(pieces), algorithm


def _pieces(record: SignedRecord) -> list[tuple[bytes, SignatureClaim]]:
    more = ((piece.signed_bytes, piece.signature) for piece in record.more_signatures)
    return [(record.signed_bytes, record.signature), *more]


def _strict(claim: SignatureClaim, curve: Curve | None) -> bytes:
    """Return a signature as the library takes it: strict DER on a curve, the octets themselves elsewhere."""
    assert claim.value is not None
    if curve is None or read_signature(claim.value) is not None:
        return claim.value
    numbers = read_raw_signature(claim.value, curve.order_bytes)
    assert numbers is not None
    return write_signature(*numbers)


def _bare_verify(pieces: Sequence[tuple[bytes, bytes]], named: SignatureAlgorithm, key_text: str) -> Run:
    key = read_key(key_text).for_algorithm(named)
    if named.curve is not None and not isinstance(key.ecdsa, OpenSslEcdsa):
        return _bare_ecdsa(pieces, key.spki, named.curve)
    public: Any = load_der_public_key(key.spki)
    more: tuple[Any, ...] = ()
    if named.curve is not None:
        more = (ec.ECDSA(_HASHES[named.hash_name or ""]),)
    elif named.family == RSA:
        more = (_rsa_padding(named.padding == PSS), _HASHES[named.hash_name or ""])
    prepared = [(signature, message, *more) for message, signature in pieces]
    verify = public.verify

    def run() -> None:
        for arguments in prepared:
            verify(*arguments)

    return run


def _bare_ecdsa(pieces: Sequence[tuple[bytes, bytes]], spki: bytes, curve: Curve) -> Run:
    """Return python-ecdsa's own verify, with its table for the key made beforehand."""
    field = CurveFp(curve.p, curve.a, curve.b, 1)
    generator = PointJacobi(field, curve.gx, curve.gy, 1, curve.order, generator=True)
    library_curve = LibraryCurve(curve.name, field, generator, (1, 3, 132, 0, 31))
    # The uncompressed point ends the key: 0x04, X, Y.
    width = curve.field_bytes
    x, y = (int.from_bytes(half, "big") for half in (spki[-2 * width : -width], spki[-width:]))
    point = PointJacobi(field, x, y, 1, curve.order)
    public = VerifyingKey.from_public_point(point, curve=library_curve, hashfunc=hashlib.sha256)
    public.precompute()

    def run() -> None:
        for message, signature in pieces:
            assert public.verify(signature, message, sigdecode=sigdecode_der)

    return run


def _bare_seals(work: Workload) -> Run:
    """Return RSA's public operation alone, as Python computes it: the library has none without a padding scheme."""
    public: Any = load_der_public_key(bytes.fromhex(work.key_text))
    numbers = public.public_numbers()
    sealed = [int.from_bytes(read_envelope(record).data[:BLOCK_BYTES], "big") for record in work.records]

    def run() -> None:
        for number in sealed:
            pow(number, numbers.e, numbers.n)

    return run
