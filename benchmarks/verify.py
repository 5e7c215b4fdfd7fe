"""Parse + verify + rules per second, as a ratio to the bare library verify of the same signatures in the same run.

``uv run --group bench python benchmarks/verify.py`` prints one row per curve:

* ``bare``: the library's own verify, hash included, with a prepared key object and nothing to parse;
* ``records``: ``Verifier.verify_records``, from the bytes of many records to their verdicts;
* ``record``: ``Verifier.verify_record``, the same for one record at a time;
* ``document``: ``Verifier.verify``, with containers, the document's hash, pairing and transaction verdicts as well;
* ``pyocmf``: its parser and signature check; ``+law``: with its check of calibration law too.

All candidates take turns on the same records in one process and only CPU time counts. A ratio is taken within each
round and printed as a median, twice: of the fifth of the rounds that took least time altogether, and, behind it, of
all rounds. On a quiet machine both agree; neighbours that use up the caches slow Python more than OpenSSL, and then
the second is lower. Rates are those of the quick rounds.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import platform
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from ecdsa import VerifyingKey
from ecdsa.curves import Curve as LibraryCurve
from ecdsa.ellipticcurve import CurveFp, PointJacobi
from ecdsa.util import sigdecode_der

from eichrecht.evidence import Document, Verdict
from eichrecht.formats import registry
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.curves import Curve
from eichrecht.signatures.keys import PublicKey, read_key
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from sample_meters.ocmf import OcmfMeter

CURVES = (
    "secp192k1",
    "secp256k1",
    "secp192r1",
    "secp256r1",
    "brainpoolP256r1",
    "secp384r1",
    "brainpoolP384r1",
)

RECORDS = 128
"""Records of one meter, each of another session; a round takes each candidate through all of them."""

RATES = ("bare", "records", "record", "document", "pyocmf", "+law")
RATIOS = (
    ("records", "bare"),
    ("record", "bare"),
    ("document", "bare"),
    ("records", "pyocmf"),
    ("record", "pyocmf"),
    ("records", "+law"),
)
"""Of two candidates, how many times as many records per second the first takes as the second."""

Candidate = Callable[[], None]


def make_records(curve: str) -> tuple[list[bytes], str]:
    """Return records that hold a whole session each, and the meter's public key."""
    meter = OcmfMeter(curve, serial="BENCH1")
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    records = [
        meter.session_record(
            Decimal("100.000") + index,
            Decimal("112.345") + index,
            start,
            start + timedelta(minutes=30 + index),
        )
        for index in range(RECORDS)
    ]
    return records, meter.public_key_text()


def bare(records: list[bytes], key_text: str) -> Candidate:
    """Return the library's own verify over prepared inputs."""
    decoded = [record for record in map(registry.decode_any, records) if record is not None]
    assert len(decoded) == len(records)
    algorithm = parse_algorithm(decoded[0].signature.algorithm or "")
    assert algorithm is not None
    assert algorithm.curve is not None
    key = read_key(key_text).for_algorithm(algorithm)
    prepared = [(record.signed_bytes, record.signature.value or b"") for record in decoded]
    if algorithm.curve.name == "secp192k1":  # cryptography lacks it
        return _bare_ecdsa(prepared, key, algorithm.curve)
    public = load_der_public_key(key.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    verify, scheme = public.verify, ec.ECDSA(SHA256())

    def run() -> None:
        for message, signature in prepared:
            verify(signature, message, scheme)

    return run


def _bare_ecdsa(prepared: list[tuple[bytes, bytes]], key: PublicKey, curve: Curve) -> Candidate:
    """Return python-ecdsa's own verify, with its table for the key made beforehand."""
    field = CurveFp(curve.p, curve.a, curve.b, 1)
    generator = PointJacobi(field, curve.gx, curve.gy, 1, curve.order, generator=True)
    library_curve = LibraryCurve(curve.name, field, generator, (1, 3, 132, 0, 31))
    # The uncompressed point ends the key: 0x04, X, Y.
    x, y = (
        int.from_bytes(half, "big")
        for half in (key.spki[-2 * curve.field_bytes : -curve.field_bytes], key.spki[-curve.field_bytes :])
    )
    point = PointJacobi(field, x, y, 1, curve.order)
    public = VerifyingKey.from_public_point(point, curve=library_curve, hashfunc=hashlib.sha256)
    public.precompute()

    def run() -> None:
        for message, signature in prepared:
            assert public.verify(signature, message, sigdecode=sigdecode_der)

    return run


def record_verdicts(records: list[bytes], key_text: str) -> Candidate:
    """Return what the library offers for records in memory."""
    verifier = Verifier(keys=[SuppliedKey(key_text, "bench")])

    def run() -> None:
        for content in records:
            assert verifier.verify_record(content).verdict is Verdict.VALID

    return run


def block_verdicts(records: list[bytes], key_text: str) -> Candidate:
    """Return what the library offers for many records in memory."""
    verifier = Verifier(keys=[SuppliedKey(key_text, "bench")])

    def run() -> None:
        count = 0
        for verdict in verifier.verify_records(records):
            assert verdict.verdict is Verdict.VALID
            count += 1
        assert count == len(records)

    return run


def document_verdicts(records: list[bytes], key_text: str) -> Candidate:
    """Return the whole pipeline, each record being a document of its own."""
    verifier = Verifier(keys=[SuppliedKey(key_text, "bench")])

    def run() -> None:
        for content in records:
            assert verifier.verify(Document("bench", content)).verdict is Verdict.VALID

    return run


def peers(records: list[bytes], key_text: str) -> tuple[dict[str, Candidate], str]:
    """Return what pyocmf does with the same records, or why it cannot."""
    try:
        from pyocmf import OCMF  # noqa: PLC0415 - optional, group bench
    except ImportError:
        return {}, "pyocmf is not installed (uv sync --group bench)"
    texts = [content.decode() for content in records]

    def signatures() -> None:
        for text in texts:
            assert OCMF.from_string(text).verify_signature(key_text)

    def with_law() -> None:
        for text in texts:
            assert OCMF.from_string(text).verify(key_text) == (True, [])

    try:
        with_law()
    except Exception as error:  # whatever it is, the row must say that the peer has no number here
        return {}, f"pyocmf cannot: {type(error).__name__}: {' '.join(str(error).split())[:60]}"
    return {"pyocmf": signatures, "+law": with_law}, ""


def measure(candidates: dict[str, Candidate], seconds: int) -> dict[str, list[int]]:
    """Return each candidate's CPU nanoseconds in every full round; in each another one goes first."""
    for run in candidates.values():
        run()
    names = list(candidates)
    spent: dict[str, list[int]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    deadline = time.monotonic_ns() + seconds * 10**9
    while time.monotonic_ns() < deadline:
        for name in names:
            begin = time.process_time_ns()
            candidates[name]()
            spent[name].append(time.process_time_ns() - begin)
        names.append(names.pop(0))
    return spent


def row(curve: str, spent: dict[str, list[int]]) -> str:
    """Return one line: rates, then ratios."""
    totals = [sum(times) for times in zip(*spent.values(), strict=True)]
    order = sorted(range(len(totals)), key=totals.__getitem__)
    quick = order[: max(len(order) // 5, 1)]
    cells = []
    for name in RATES:
        rate = (
            f"{RECORDS * 10**9 / statistics.median(spent[name][i] for i in quick):.0f}"
            if name in spent
            else "-"
        )
        cells.append(f"{rate:>9}")
    for ours, other in RATIOS:
        text = "-"
        if other in spent:
            ratios = [theirs / own for own, theirs in zip(spent[ours], spent[other], strict=True)]
            text = f"{statistics.median(ratios[i] for i in quick):.2f} ({statistics.median(ratios):.2f})"
        cells.append(f"{text:>16}")
    return f"{curve:16}" + "".join(cells)


def heading() -> str:
    """Return the line above the rows."""
    rates = "".join(f"{name:>9}" for name in RATES)
    return f"{'records/s':16}{rates}" + "".join(f"{f'{ours}/{other}':>16}" for ours, other in RATIOS)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=20, help="per curve, all candidates together")
    parser.add_argument("--curve", action="append", choices=CURVES, help="only this one; may be repeated")
    options = parser.parse_args()
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "ecdsa", "msgspec"))
    print(f"Python {platform.python_version()}, {libraries}; {RECORDS} records of one session each per round")
    print(heading())
    for curve in options.curve or CURVES:
        records, key_text = make_records(curve)
        others, reason = peers(records, key_text)
        candidates = {
            "bare": bare(records, key_text),
            "records": block_verdicts(records, key_text),
            "record": record_verdicts(records, key_text),
            "document": document_verdicts(records, key_text),
            **others,
        }
        print(
            row(curve, measure(candidates, options.seconds)) + (f"  {reason}" if reason else ""), flush=True
        )


if __name__ == "__main__":
    main()
