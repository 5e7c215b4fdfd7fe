"""What the benchmark of verification measures is all there is, and is what it says it is."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from ecdsa import BadSignatureError

from benchmarks import workloads
from benchmarks.workloads import ROWS, bare
from eichrecht.evidence import Verdict
from eichrecht.formats import registry
from eichrecht.signatures.algorithms import parse_algorithm
from eichrecht.signatures.backends import PLAIN_FAMILIES
from eichrecht.signatures.curves import CURVES
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey

MEASURED_ELSEWHERE = {"EDIFACT_MSCONS"}
"""``benchmarks/edifact.py``: its records are files of megabytes."""


@pytest.fixture(scope="module")
def works() -> dict[str, workloads.Workload]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(workloads, "RECORDS", 2)
        return {name: make() for name, make in ROWS.items()}


@pytest.mark.parametrize("name", ROWS)
def test_every_row_is_valid_and_bare_is_its_mathematics(
    name: str, works: dict[str, workloads.Workload]
) -> None:
    work = works[name]
    verifier = Verifier(keys=[SuppliedKey(work.key_text, "bench")])
    assert [found.verdict for found in verifier.verify_records(work.records)] == [Verdict.VALID] * 2
    run, signatures, _ = bare(work)
    run()
    two = name in {"EDL_40_MENNEKES", "EMH_CTR", "GDF"}
    assert signatures == (4 if two else 2)


@pytest.mark.parametrize("name", [name for name in ROWS if name != "SEALED_OCMF"])
def test_bare_refuses_other_bytes(
    name: str, works: dict[str, workloads.Workload], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A comparison with a check of nothing would be worth nothing."""
    monkeypatch.setattr(workloads, "_pieces", lambda record: [(record.signed_bytes + b"x", record.signature)])
    run, _, _ = bare(works[name])
    with pytest.raises((InvalidSignature, BadSignatureError)):
        run()


def test_every_format_has_a_row(works: dict[str, workloads.Workload]) -> None:
    found = {registry.decode_any(work.records[0]).format for work in works.values()}  # type: ignore[union-attr]
    assert found == set(registry.formats()) - MEASURED_ELSEWHERE


def test_every_curve_and_scheme_has_a_row(works: dict[str, workloads.Workload]) -> None:
    algorithms = [parse_algorithm(bare(work)[2]) for name, work in works.items() if name.startswith("OCMF ")]
    assert {algorithm.curve for algorithm in algorithms if algorithm and algorithm.curve} == set(CURVES)
    assert {algorithm.family for algorithm in algorithms if algorithm} == {"ECDSA", "RSA", *PLAIN_FAMILIES}
