"""This project beside other verifiers: whose verdicts are right, and how fast they come, in one run.

``uv run --group bench python benchmarks/peers.py`` judges every vector of ``../shared/vectors/meter`` (the sample
cases where those are absent, or with ``--samples``) with this project and with

* pyocmf (PyPI, group ``bench``): OCMF as text, hex and in S.A.F.E. XML;
* ChargyCore.TS (npm, Node 22.13 or later), if ``--chargy FOLDER`` names a folder in which it is installed.
  ``--install-chargy`` installs it with npm in a temporary folder, removed at the end; nothing else is downloaded.

It prints Markdown for docs/performance.md: the counts, every vector on which a program differs from what is expected
(all of them with ``--all``), and the ratio of CPU time on the vectors that both programs judge rightly.

A program is asked as its users ask it: the record with its key as written, or the whole file. It is *right* if it
says what is expected, which for a vector that cannot be judged is no verdict at all; an exception is no verdict.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

from benchmarks.chargy import Chargy, ChargyUnavailableError, install
from benchmarks.vectors import Scope, Vector, our_verdict, sample_vectors, shared_vectors
from benchmarks.verify import measure, ratio
from benchmarks.workloads import Run
from eichrecht.evidence import Document, Verdict
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey

MAX_WORDS = 70
"""Characters shown of what another program says; enough to know the reason."""


class Mark(StrEnum):
    """How a verdict compares with what is expected."""

    RIGHT = "right"
    NO_VERDICT = "no verdict"
    WRONG = "wrong"
    ACCEPTS = "says valid, must not"


class Peer(Protocol):
    """Another program."""

    name: str
    version: str

    def reads(self, vector: Vector) -> bool:
        """Whether the vector is of a format that the program means to read."""
        ...

    def judge(self, vector: Vector) -> tuple[Verdict, str]:
        """Return its verdict and its own words."""
        ...


class PyOcmf:
    """pyocmf; raises ``ImportError`` where it is not installed."""

    name = "pyocmf"

    def __init__(self) -> None:
        import pyocmf  # noqa: PLC0415 - optional, group bench

        self._library: Any = pyocmf
        self.version = version("pyocmf")

    def reads(self, vector: Vector) -> bool:
        """Whether the vector is OCMF, by itself or in S.A.F.E. XML; it reads no JSON container."""
        return vector.format == "OCMF" and not vector.content.lstrip().startswith(b"{")

    def judge(self, vector: Vector) -> tuple[Verdict, str]:
        """Return its verdict; everything that it raises is none, but for a signature that is none."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deviations that it accepts
            try:
                return self._judge(vector)
            except self._library.SignatureVerificationError as error:
                refuted = error.reason == "invalid_signature_format"
                return Verdict.INVALID if refuted else Verdict.INDETERMINATE, str(error)
            except Exception as error:  # any other way to fail is no verdict either
                return Verdict.INDETERMINATE, f"{type(error).__name__}: {error}"

    def _judge(self, vector: Vector) -> tuple[Verdict, str]:
        if vector.content.lstrip().startswith(b"<"):
            return self._judge_xml(vector)
        record = self._library.OCMF.from_string(vector.content.decode())
        fits, issues = record.verify(vector.key_text, eichrecht=vector.scope is not Scope.SIGNATURE)
        return _verdict(fits, [issue.code for issue in issues if issue.severity == "error"])

    def _judge_xml(self, vector: Vector) -> tuple[Verdict, str]:
        with tempfile.NamedTemporaryFile(suffix=".xml") as file:
            file.write(vector.content)
            file.flush()
            container = self._library.OcmfContainer.from_xml(file.name)
        signed = [self._signed(entry, vector.key_text) for entry in container]  # each: one may raise
        fits = all(signed)
        if vector.scope is Scope.DOCUMENT:
            issues = [issue for result in container.check_eichrecht() for issue in result.issues]
        else:
            issues = [issue for entry in container for issue in entry.ocmf.check_eichrecht()]
        return _verdict(fits, [issue.code for issue in issues if issue.severity == "error"])

    def _signed(self, entry: Any, key_text: str | None) -> bool:
        return bool(entry.ocmf.verify_signature(key_text) if key_text else entry.verify_signature())

    def candidate(self, vectors: Sequence[Vector]) -> Run:
        """Return what it does with single records: read them, check signature and law."""
        texts = [(vector.content.decode(), vector.key_text) for vector in vectors]
        parse = self._library.OCMF.from_string

        def run() -> None:
            for text, key in texts:
                parse(text).verify(key)

        return run


def _verdict(fits: bool, issues: Sequence[object]) -> tuple[Verdict, str]:
    if not fits:
        return Verdict.INVALID, "signature"
    return (Verdict.INVALID, str(issues[0])) if issues else (Verdict.VALID, "")


@dataclass(frozen=True)
class Judged:
    """What one program says about one vector."""

    verdict: Verdict
    words: str
    mark: Mark | None


def mark(expected: Verdict | None, found: Verdict) -> Mark | None:
    """Return how a verdict compares with the expected one; ``None`` if nobody says what is right."""
    if expected is None:
        return None
    if found is expected:
        return Mark.RIGHT
    if found is Verdict.INDETERMINATE:
        return Mark.NO_VERDICT
    return Mark.ACCEPTS if found is Verdict.VALID else Mark.WRONG


def judged_by(peer: Peer, vectors: Sequence[Vector]) -> dict[str, Judged]:
    """Return what a program says about the vectors of its formats, by name."""
    found = {}
    for vector in vectors:
        if peer.reads(vector):
            verdict, words = peer.judge(vector)
            found[vector.name] = Judged(verdict, words, mark(vector.expected, verdict))
    return found


def judged_by_us(vectors: Sequence[Vector]) -> dict[str, Judged]:
    """Return what this project says, by name."""
    found = {}
    for vector in vectors:
        verdict = our_verdict(vector)
        found[vector.name] = Judged(verdict, "", mark(vector.expected, verdict))
    return found


def count_row(title: str, judged: dict[str, Judged]) -> str:
    """Return the row of counts of a program."""
    marks = Counter(one.mark for one in judged.values() if one.mark is not None)
    wrong = marks[Mark.WRONG] + marks[Mark.ACCEPTS]
    numbers = (marks.total(), marks[Mark.RIGHT], marks[Mark.NO_VERDICT], wrong, marks[Mark.ACCEPTS])
    return f"| {title} | {' | '.join(map(str, numbers))} |"


def counts(ours: dict[str, Judged], peers: Sequence[tuple[Peer, dict[str, Judged]]]) -> Iterator[str]:
    """Yield the table of counts."""
    yield "| program | vectors | right | no verdict | wrong | of these: says valid, must not |"
    yield "|---|---|---|---|---|---|"
    yield count_row("this project, all formats", ours)
    for peer, theirs in peers:
        title = f"{peer.name} {peer.version}"
        yield count_row(title, theirs)
        yield count_row(f"this project, the same as {peer.name}", {name: ours[name] for name in theirs})


def differences(
    vectors: Sequence[Vector],
    ours: dict[str, Judged],
    peers: Sequence[tuple[Peer, dict[str, Judged]]],
    *,
    everything: bool,
) -> Iterator[str]:
    """Yield the table of vectors on which somebody differs from what is expected, or of all."""
    yield f"| vector | format | expected | this project | {' | '.join(peer.name for peer, _ in peers)} |"
    yield "|---" * (4 + len(peers)) + "|"
    for vector in vectors:
        row = [ours[vector.name], *(theirs.get(vector.name) for _, theirs in peers)]
        if everything or any(one is not None and one.mark not in (None, Mark.RIGHT) for one in row):
            shown = " | ".join("not its format" if one is None else cell(one) for one in row)
            yield f"| {vector.name} | {vector.format} | {vector.expected or '–'} | {shown} |"


def cell(one: Judged) -> str:
    """Return a verdict as it is shown; what is not right stands out, with the program's own words."""
    if one.mark in (None, Mark.RIGHT):
        return str(one.verdict)
    words = " ".join(one.words.replace("|", "/").split())[:MAX_WORDS]
    return f"**{one.verdict}**" + (f" ({words})" if words else "")


def our_candidate(vectors: Sequence[Vector], *, documents: bool) -> Run:
    """Return what this project does with records and their keys as written, one at a time."""
    verifier = Verifier()
    given = [(vector, Verifier(keys=[SuppliedKey(vector.key_text or "", "vector")])) for vector in vectors]

    def records() -> None:
        for vector in vectors:
            verifier.verify_record(vector.content, vector.key_text)

    def whole() -> None:
        for vector, own in given:
            own.verify(Document(vector.name, vector.content))

    return whole if documents else records


def both_right(
    vectors: Sequence[Vector], ours: dict[str, Judged], theirs: dict[str, Judged], expected: Verdict
) -> list[Vector]:
    """Return the single records with a key of which both programs say what is expected."""
    return [
        vector
        for vector in vectors
        if vector.is_record
        and vector.key_text
        and vector.name in theirs
        and vector.expected is expected
        and ours[vector.name].mark is theirs[vector.name].mark is Mark.RIGHT
    ]


def speed_row(peer: Peer, common: Sequence[Vector], expected: Verdict, seconds: int) -> str:
    """Return a row of the speed table."""
    title = f"| {peer.name} | {expected} | {len(common)} |"
    if not common:
        return f"{title} – | – |"
    runs = {
        "record": our_candidate(common, documents=False),
        "document": our_candidate(common, documents=True),
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if isinstance(peer, PyOcmf):
            spent = measure({**runs, peer.name: peer.candidate(common)}, seconds)
        else:
            assert isinstance(peer, Chargy)
            spent = measure_beside(runs, peer, common, seconds)
    return f"{title} {ratio(spent, 'record', peer.name)} | {ratio(spent, 'document', peer.name)} |"


def measure_beside(
    runs: dict[str, Run], peer: Chargy, common: Sequence[Vector], seconds: int
) -> dict[str, list[int]]:
    """Return CPU nanoseconds per round; Node counts its own, in turns with ours."""
    spent: dict[str, list[int]] = {name: [] for name in (*runs, peer.name)}
    for run in runs.values():
        run()
    peer.spend(common)  # the first round compiles
    deadline = time.monotonic_ns() + seconds * 10**9
    while time.monotonic_ns() < deadline or not spent[peer.name]:
        for name, run in runs.items():
            begin = time.process_time_ns()
            run()
            spent[name].append(time.process_time_ns() - begin)
        spent[peer.name].append(peer.spend(common))
    return spent


def open_peers(options: argparse.Namespace, stack: ExitStack) -> tuple[list[Peer], list[str]]:
    """Return the programs that can be asked, and why others cannot."""
    peers: list[Peer] = []
    absent = []
    try:
        peers.append(PyOcmf())
    except ImportError:
        absent.append("pyocmf: not installed (`uv sync --group bench`)")
    folder: Path | None = options.chargy
    try:
        if options.install_chargy:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chargy-")))
            install(folder)
        if folder is None:
            absent.append("chargy: not asked for (`--install-chargy`, or `--chargy FOLDER`)")
        else:
            peers.append(stack.enter_context(Chargy(folder, options.node)))
    except ChargyUnavailableError as error:
        absent.append(f"chargy: {error}")
    return peers, absent


def report(vectors: Sequence[Vector], options: argparse.Namespace, stack: ExitStack) -> Iterator[str]:
    """Yield the lines of the whole comparison."""
    peers, absent = open_peers(options, stack)
    ours = judged_by_us(vectors)
    judged = [(peer, judged_by(peer, vectors)) for peer in peers]
    yield from counts(ours, judged)
    yield from ("", *(f"* Not run: {reason}" for reason in absent), "")
    yield from differences(vectors, ours, judged, everything=options.all)
    columns = ("program", "verdict", "records both judge rightly", "record / program", "document / program")
    yield from ("", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|")
    for peer, theirs in judged:
        for expected in (Verdict.VALID, Verdict.INVALID):
            yield speed_row(peer, both_right(vectors, ours, theirs, expected), expected, options.seconds)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; return the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--samples", action="store_true", help="use the sample cases even if ../shared is there"
    )
    parser.add_argument("--all", action="store_true", help="list every vector, not only the differences")
    parser.add_argument("--seconds", type=int, default=20, help="of measuring, per row of the speed table")
    parser.add_argument("--chargy", type=Path, metavar="FOLDER", help="where npm installed chargy-core")
    parser.add_argument("--install-chargy", action="store_true", help="install it from npm for this run")
    parser.add_argument("--node", default="node", help="Node executable for chargy, 22.13 or later")
    options = parser.parse_args(arguments)
    vectors = () if options.samples else shared_vectors()
    source = "../shared/vectors/meter" if vectors else "sample_meters"
    vectors = vectors or sample_vectors()
    print(f"{len(vectors)} vectors of {source}; Python {platform.python_version()}\n")
    with ExitStack() as stack:
        for text in report(vectors, options, stack):
            print(text, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
