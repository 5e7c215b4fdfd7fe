"""Every parser against its corpus and against mutations of it; ``EICHRECHT_FUZZ_RUNS`` says how many.

The long runs are atheris' (``python -m fuzz TARGET``); this is what fits into every test run, always the same.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from eichrecht.containers.registry import KINDS
from eichrecht.formats import registry
from fuzz import uncovered
from fuzz.__main__ import main
from fuzz.mutate import mutated
from fuzz.targets import CORPUS, Target, container_target, sample_seeds, targets

RUNS = int(os.environ.get("EICHRECHT_FUZZ_RUNS", "150"))
TARGETS = targets()


def seeds_of(target: Target) -> list[bytes]:
    return [*target.seeds(), *sample_seeds(target.name)] or [b""]


def test_every_format_is_a_target_and_has_seeds() -> None:
    for name in registry.formats():
        assert f"format-{name}" in TARGETS
        assert sample_seeds(f"format-{name}"), f"{name} has no sample case that is found as {name}"


def test_every_container_is_a_target() -> None:
    """PDF and SVG start a process each time, so their readers are targets without it."""
    apart = {"container-PdfFiles": "pdf", "container-SvgImage": "svg"}
    for kind in KINDS:
        name = container_target(kind)
        assert apart.get(name, name) in TARGETS


def test_the_corpus_is_kept_for_every_target_and_for_nothing_else() -> None:
    """A folder that is missing: ``python -m fuzz --write-corpus``."""
    folders = {path.name for path in CORPUS.iterdir() if any(path.iterdir())}
    assert folders == TARGETS.keys()


def test_the_command_lists_the_targets(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.split() == list(TARGETS)


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


def test_the_map_of_uncovered_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """A telegram has a check sum over everything; a record in JSON has members that nobody signs."""
    assert uncovered.main(["EDL_40_P"]) == 0
    assert "0 of 2368 flips not noticed" in capsys.readouterr().out
    assert list(uncovered.stretches([0, 2, 8, 0, 1])) == [(1, 3), (4, 5)]
