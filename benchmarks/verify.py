"""Parse + verify + rules per second, as a ratio to the bare library verify of the same signature in the same run.

``uv run --group bench python benchmarks/verify.py`` prints one row per curve: the bare verify (cached key, hash
included), the whole pipeline of this project on the same records, and pyocmf where it can read the record.
Rounds of the candidates are interleaved, so a busy machine slows all of them; medians of the rounds are compared.
"""

from __future__ import annotations

import argparse
import gc
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from eichrecht.containers.unwrap import unwrap
from eichrecht.evidence import Document
from eichrecht.formats import registry
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.check import check_signature
from eichrecht.signatures.keys import read_key
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
RECORDS = 16


def _records(curve: str) -> tuple[list[bytes], str]:
    meter = OcmfMeter(curve, serial="BENCH1")
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    records = [
        meter.session_record(
            Decimal("100.000") + index, Decimal("112.345") + index, start, start + timedelta(minutes=30 + index)
        )
        for index in range(RECORDS)
    ]
    return [r.encode() if isinstance(r, str) else r for r in records], meter.public_key_text()


def _bare(curve: str, records: list[bytes], key_text: str) -> Callable[[], None]:
    """Return the library's own verify over prepared inputs: nothing parsed, key object cached."""
    prepared = []
    for content in records:
        span = registry.recognise(content)[0]
        record = registry.decode(span.format, content[span.start : span.end])
        algorithm = parse_algorithm(record.signature.algorithm or "")
        assert algorithm is not None
        prepared.append((record.signed_bytes, record.signature.value, algorithm))
    key = read_key(key_text).for_algorithm(prepared[0][2])
    if curve == "secp192k1":  # python-ecdsa: the only library here that knows the curve

        def run_ecdsa() -> None:
            for message, signature, algorithm in prepared:
                assert check_signature(algorithm, key, message, signature).status == "valid"

        return run_ecdsa
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.serialization import load_der_public_key

    public = load_der_public_key(key.spki)
    assert isinstance(public, ec.EllipticCurvePublicKey)
    scheme = ec.ECDSA(SHA256())

    def run() -> None:
        for message, signature, _ in prepared:
            public.verify(signature, message, scheme)

    return run


def _ours(records: list[bytes], key_text: str) -> Callable[[], None]:
    """Return parse + key + verify + rules for each record, as the library offers it for records in memory."""
    verifier = Verifier(keys=[SuppliedKey(key_text, "bench")])

    def run() -> None:
        for content in records:
            assert verifier.verify_record(content).verdict == "valid"

    return run


def _document(records: list[bytes], key_text: str) -> Callable[[], None]:
    """Return the whole pipeline: unwrap, hash of the document, pairing and transaction rules as well."""
    verifier = Verifier(keys=[SuppliedKey(key_text, "bench")])

    def run() -> None:
        for content in records:
            assert verifier.verify(Document("bench", content)).verdict == "valid"

    return run


def _pyocmf(records: list[bytes], key_text: str) -> Callable[[], None] | None:
    try:
        from pyocmf import OCMF  # type: ignore[import-not-found]
    except ImportError:
        return None
    texts = [content.decode() for content in records]

    def run() -> None:
        for text in texts:
            assert OCMF.from_string(text).verify_signature(key_text)

    try:
        run()
    except Exception as error:
        print(f"  pyocmf cannot: {type(error).__name__}: {str(error)[:80]}")
        return None
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=Decimal, default=Decimal(3), help="per curve and candidate")
    parser.add_argument("--curve", action="append", choices=CURVES)
    options = parser.parse_args()
    print("records/s (median)  bare   ours  ours/bare  document/bare  pyocmf  ours/pyocmf")
    for curve in options.curve or CURVES:
        records, key_text = _records(curve)
        assert unwrap(Document("bench", records[0]), registry.recognise).parts
        candidates = {
            "bare": _bare(curve, records, key_text),
            "ours": _ours(records, key_text),
            "document": _document(records, key_text),
        }
        peer = _pyocmf(records, key_text)
        if peer is not None:
            candidates["pyocmf"] = peer
        rates: dict[str, list[float]] = {name: [] for name in candidates}
        gc.collect()
        gc.freeze()
        deadline = time.perf_counter() + float(options.seconds) * len(candidates)
        while time.perf_counter() < deadline:
            for name, run in candidates.items():
                begin = time.process_time()
                run()
                rates[name].append(RECORDS / max(time.process_time() - begin, 1e-9))
        median = {name: statistics.median(values) for name, values in rates.items()}
        peer_text = "      -            -"
        if "pyocmf" in median:
            peer_text = f"{median['pyocmf']:7.0f}  {median['ours'] / median['pyocmf']:11.2f}"
        print(
            f"{curve:18} {median['bare']:6.0f} {median['ours']:6.0f}  {median['ours'] / median['bare']:9.2f}"
            f"  {median['document'] / median['bare']:13.2f}  {peer_text}"
        )


if __name__ == "__main__":
    main()
