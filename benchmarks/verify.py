"""Parse + verify + rules per second, as a ratio to the bare library verify of the same signatures in the same run.

``uv run --group bench python benchmarks/verify.py`` prints one row per format and curve:

* ``bare``: the library's own verify, hash included, with a prepared key object and nothing to parse; for records that
  carry several signatures all of them;
* ``records``: ``Verifier.verify_records``, from the bytes of many records to their verdicts;
* ``record``: ``Verifier.verify_record``, the same for one record at a time;
* ``document``: ``Verifier.verify``, with containers, the document's hash, pairing and transaction verdicts as well;
* ``pyocmf``: its parser and signature check; ``+law``: with its check of calibration law too (OCMF only).

All candidates take turns on the same records in one process and only CPU time counts. A ratio is taken within each
round and printed as a median, twice: of the fifth of the rounds that took least time altogether, and, behind it, of
all rounds. On a quiet machine both agree; neighbours that use up the caches slow Python more than OpenSSL, and then
the second is lower. Rates are those of the quick rounds.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import time
import warnings
from collections.abc import Mapping, Sequence
from importlib.metadata import version

from benchmarks.workloads import CURVE_ROWS, FORMAT_ROWS, RECORDS, ROWS, Run, Workload, bare
from eichrecht.evidence import Document, Verdict
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey

GROUPS: Mapping[str, Sequence[str]] = {"curves": tuple(CURVE_ROWS), "formats": tuple(FORMAT_ROWS)}

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


def record_verdicts(work: Workload) -> Run:
    """Return what the library offers for records in memory."""
    verifier = Verifier(keys=[SuppliedKey(work.key_text, "bench")])

    def run() -> None:
        for content in work.records:
            assert verifier.verify_record(content).verdict is Verdict.VALID

    return run


def block_verdicts(work: Workload) -> Run:
    """Return what the library offers for many records in memory."""
    verifier = Verifier(keys=[SuppliedKey(work.key_text, "bench")])

    def run() -> None:
        count = 0
        for verdict in verifier.verify_records(work.records):
            assert verdict.verdict is Verdict.VALID
            count += 1
        assert count == len(work.records)

    return run


def document_verdicts(work: Workload) -> Run:
    """Return the whole pipeline, each record being a document of its own."""
    verifier = Verifier(keys=[SuppliedKey(work.key_text, "bench")])

    def run() -> None:
        for content in work.records:
            assert verifier.verify(Document("bench", content)).verdict is Verdict.VALID

    return run


def pyocmf(work: Workload) -> tuple[dict[str, Run], str]:
    """Return what pyocmf does with the same records, or why it cannot."""
    try:
        from pyocmf import OCMF, SpecWarning  # noqa: PLC0415 - optional, group bench
    except ImportError:
        return {}, "pyocmf is not installed (uv sync --group bench)"
    warnings.simplefilter("ignore", SpecWarning)  # what it accepts though it deviates
    texts = [content.decode() for content in work.records]

    def signatures() -> None:
        for text in texts:
            assert OCMF.from_string(text).verify_signature(work.key_text)

    def with_law() -> None:
        for text in texts:
            assert OCMF.from_string(text).verify(work.key_text) == (True, [])

    try:
        with_law()
    except Exception as error:  # whatever it is, the row must say that the peer has no number here
        return {}, f"pyocmf cannot: {type(error).__name__}: {' '.join(str(error).split())[:60]}"
    return {"pyocmf": signatures, "+law": with_law}, ""


def measure(candidates: Mapping[str, Run], seconds: int) -> dict[str, list[int]]:
    """Return each candidate's CPU nanoseconds in every full round; in each another one goes first."""
    for run in candidates.values():
        run()
    names = list(candidates)
    spent: dict[str, list[int]] = {name: [] for name in names}
    gc.collect()
    gc.freeze()
    deadline = time.monotonic_ns() + seconds * 10**9
    while time.monotonic_ns() < deadline or not spent[names[0]]:
        for name in names:
            begin = time.process_time_ns()
            candidates[name]()
            spent[name].append(time.process_time_ns() - begin)
        names.append(names.pop(0))
    return spent


def quick_rounds(spent: Mapping[str, Sequence[int]]) -> list[int]:
    """Return the indexes of the fifth of the rounds that took least time altogether."""
    totals = [sum(times) for times in zip(*spent.values(), strict=True)]
    return sorted(range(len(totals)), key=totals.__getitem__)[: max(len(totals) // 5, 1)]


def ratio(spent: Mapping[str, Sequence[int]], ours: str, other: str) -> str:
    """Return how many times as fast ``ours`` is as ``other``: in quick rounds, and in all."""
    ratios = [theirs / own for own, theirs in zip(spent[ours], spent[other], strict=True)]
    quick = statistics.median(ratios[i] for i in quick_rounds(spent))
    return f"{quick:.2f} ({statistics.median(ratios):.2f})"


def cells(spent: Mapping[str, Sequence[int]]) -> list[str]:
    """Return the cells of a row: rates, then ratios."""
    quick = quick_rounds(spent)
    rates = [
        f"{RECORDS * 10**9 / statistics.median(spent[name][i] for i in quick):.0f}" if name in spent else "–"
        for name in RATES
    ]
    return rates + [ratio(spent, ours, other) if other in spent else "–" for ours, other in RATIOS]


def line(first: str, rest: Sequence[str], *, markdown: bool) -> str:
    """Return one line of the table."""
    if markdown:
        return "| " + " | ".join((first, *rest)) + " |"
    widths = (*(9 for _ in RATES), *(16 for _ in RATIOS))
    return f"{first:25}" + "".join(f"{text:>{width}}" for text, width in zip(rest, widths, strict=True))


def heading(*, markdown: bool) -> str:
    """Return the lines above the rows."""
    names = [*RATES, *(f"{ours}/{other}" for ours, other in RATIOS)]
    head = line("records/s", names, markdown=markdown)
    return f"{head}\n|{'---|' * (len(names) + 1)}" if markdown else head


def measure_row(name: str, seconds: int) -> tuple[list[str], str]:
    """Return the cells of one row, and what is to be said about it."""
    work = ROWS[name]()
    mathematics, signatures, _ = bare(work)
    others, reason = pyocmf(work) if name in CURVE_ROWS else ({}, "")
    candidates = {
        "bare": mathematics,
        "records": block_verdicts(work),
        "record": record_verdicts(work),
        "document": document_verdicts(work),
        **others,
    }
    if signatures > len(work.records):
        reason = f"{signatures // len(work.records)} signatures per record"
    return cells(measure(candidates, seconds)), reason


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=20, help="per row, all candidates together")
    parser.add_argument(
        "--group", choices=GROUPS, help="curves of OCMF, or the other formats; both if not given"
    )
    parser.add_argument("--row", action="append", choices=ROWS, help="only this one; may be repeated")
    parser.add_argument("--markdown", action="store_true", help="print a table for docs/performance.md")
    options = parser.parse_args(arguments)
    libraries = ", ".join(f"{name} {version(name)}" for name in ("cryptography", "ecdsa", "msgspec"))
    print(f"Python {platform.python_version()}, {libraries}; {RECORDS} different records per round\n")
    print(heading(markdown=options.markdown))
    notes = []
    for name in options.row or (GROUPS[options.group] if options.group else ROWS):
        found, reason = measure_row(name, options.seconds)
        print(line(name, found, markdown=options.markdown), flush=True)
        if reason:
            notes.append(f"{name}: {reason}")
    if notes:
        print("\n" + "\n".join(f"* {text}" for text in notes))


if __name__ == "__main__":
    main()
