"""Every parser against its corpus and against mutations of it; ``EICHRECHT_FUZZ_RUNS`` says how many.

The long runs are atheris' (``python -m fuzz TARGET``); this is what fits into every test run, always the same.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from eichrecht.formats import registry
from fuzz.mutate import mutated
from fuzz.targets import CORPUS, Target, sample_seeds, targets

RUNS = int(os.environ.get("EICHRECHT_FUZZ_RUNS", "150"))
TARGETS = targets()


def seeds_of(target: Target) -> list[bytes]:
    return [*target.seeds(), *sample_seeds(target.name)] or [b""]


def test_every_format_is_a_target_and_has_seeds() -> None:
    for name in registry.formats():
        assert f"format-{name}" in TARGETS
        assert sample_seeds(f"format-{name}"), f"{name} has no sample case that is found as {name}"


def test_the_corpus_has_no_folder_without_a_target() -> None:
    folders = {path.name for path in CORPUS.iterdir() if path.is_dir()}
    assert folders <= TARGETS.keys()
    assert {"format-OCMF", "format-SEALED_OCMF", "containers", "keytext", "der", "verify"} <= folders


@pytest.mark.parametrize("name", TARGETS)
def test_corpus(name: str) -> None:
    for seed in seeds_of(TARGETS[name]):
        TARGETS[name].run(seed)


@pytest.mark.parametrize("name", TARGETS)
def test_mutations(name: str) -> None:
    target, seeds = TARGETS[name], seeds_of(TARGETS[name])
    random = Random(f"eichrecht {name}")
    for number in range(RUNS):
        data = mutated(seeds, random)
        try:
            target.run(data)
        except Exception as error:
            pytest.fail(f"run {number}: {error!r} for {data[:2000]!r}")


@pytest.mark.parametrize("name", TARGETS)
def test_small_inputs(name: str) -> None:
    for octet in range(256):
        TARGETS[name].run(bytes((octet,)))
    TARGETS[name].run(b"")


def test_a_target_that_breaks_is_noticed() -> None:
    def breaks(data: bytes) -> None:
        if b"|" in data:
            raise IndexError

    inputs = [mutated([b"abc"], random) for random in [Random("broken")] for _ in range(RUNS)]
    with pytest.raises(IndexError):
        breaks(b"".join(inputs))
    assert len(set(inputs)) > RUNS // 2
