"""MB/s of reading EDIFACT, as a ratio to pydifact on the same file in the same run, and the memory that it takes.

``uv run --group bench python benchmarks/edifact.py`` makes one interchange of load profiles (check identifier 13018, a
day of quarter hours per message, two days with a clock change among them) and reads it with

* ``segments``: ``tokenize``, every segment with its place, characters checked;
* ``spans``: the same, and then the place of every element and component of every segment;
* ``envelope``: ``read_file``, all counts and references checked;
* ``mscons``: ``read_file`` and ``read_all``: typed values, all checks of the profile;
* ``pydifact``: its parser alone, segments without validation and without places.

Candidates take turns in one process and only CPU time counts. A ratio is taken within each round; the median of all
rounds is printed, and the rounds' extremes. Memory is the growth of the process's peak resident set, measured in a
process of its own for each candidate, with the file itself included and the result kept.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from eichrecht.edifact import EdifactFile, Tokens, read_file, tokenize
from eichrecht.edifact.metering import MsconsMessage
from eichrecht.edifact.mscons import read_all

GOALS = {"spans": 10, "mscons": 3}
MAX_MEMORY = 6
START = datetime(2026, 3, 20, 23, tzinfo=UTC)
STEP = timedelta(minutes=15)

Reader = Callable[[bytes], object]


def stamp(moment: datetime) -> str:
    return f"{moment:%Y%m%d%H%M}?+00:303"


def day_message(number: int) -> str:
    """Return one message with a day's load profile."""
    begin = START + timedelta(days=number % 300)
    end = begin + timedelta(days=1)
    segments = [
        f"UNH+{number}+MSCONS:D:04B:UN:2.4c",
        f"BGM+7+LG{number}+9",
        "DTM+137:202702010800?+00:303",
        "RFF+Z13:13018",
        "NAD+MS+9900000000001::293",
        "NAD+MR+9900000000002::293",
        "UNS+D",
        "NAD+DP",
        "LOC+172+DE00014559929E00856996N5139699L01",
        f"DTM+163:{stamp(begin)}",
        f"DTM+164:{stamp(end)}",
        "LIN+1",
        "PIA+5+1-1?:1.29.0:SRW",
    ]
    for index in range(96):
        first = begin + index * STEP
        segments += [
            f"QTY+220:{(number * 7 + index * 13) % 9000 / 1000:.3f}",
            f"DTM+163:{stamp(first)}",
            f"DTM+164:{stamp(first + STEP)}",
        ]
    segments.append(f"UNT+{len(segments) + 1}+{number}")
    return "'".join(segments) + "'"


def make_file(megabytes: int) -> bytes:
    """Return one interchange of about that size."""
    messages = []
    size = 0
    while not messages or size < megabytes * 1_000_000:
        messages.append(day_message(len(messages) + 1))
        size += len(messages[-1])
    head = "UNA:+.? 'UNB+UNOC:3+9900000000001:500+9900000000002:500+270201:0800+BENCH++TL'"
    return f"{head}{''.join(messages)}UNZ+{len(messages)}+BENCH'".encode("ascii")


def read_segments(data: bytes) -> Tokens:
    return tokenize(data)


def read_spans(data: bytes) -> Tokens:
    tokens = tokenize(data)
    for interchange in tokens.interchanges:
        for _ in interchange.segments.elements():
            pass
    return tokens


def read_envelope(data: bytes) -> EdifactFile:
    return read_file(data)


def read_mscons(data: bytes) -> tuple[EdifactFile, tuple[MsconsMessage, ...]]:
    file = read_file(data)
    messages = read_all(file)
    assert messages
    assert all(message.usable for message in messages)
    return file, messages


def read_with_pydifact(data: bytes) -> list[object]:
    from pydifact.parser import Parser  # noqa: PLC0415 - optional, group bench

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it has no directory for UNA
        return list(Parser().parse(data.decode("iso8859_1")))


READERS: dict[str, Reader] = {
    "segments": read_segments,
    "spans": read_spans,
    "envelope": read_envelope,
    "mscons": read_mscons,
    "pydifact": read_with_pydifact,
}


def peak_bytes() -> int:
    """Return the peak resident set of this process; unlike getrusage's it does not include the parent's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("no VmHWM: memory is measured on Linux only")


def memory_of(name: str, path: Path) -> int:
    """Return how many bytes a fresh process grows by while it reads the file."""
    finished = subprocess.run(
        [sys.executable, __file__, "--measure-memory", name, str(path)],
        check=True,
        capture_output=True,
        text=True,
    )
    return int(finished.stdout)


def measure_memory(name: str, path: Path) -> None:
    reader = READERS[name]
    reader(make_file(0))  # what is loaded and compiled once does not count
    before = peak_bytes()
    data = path.read_bytes()
    result = reader(data)
    print(peak_bytes() - before)
    del result


def measure(data: bytes, names: list[str], rounds: int) -> dict[str, list[int]]:
    """Return each candidate's CPU nanoseconds in every round; in each another one goes first."""
    spent: dict[str, list[int]] = {name: [] for name in names}
    order = list(names)
    for _ in range(rounds):
        for name in order:
            gc.collect()
            begin = time.process_time_ns()
            result = READERS[name](data)
            spent[name].append(time.process_time_ns() - begin)
            del result
        order.append(order.pop(0))
    return spent


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measure-memory", nargs=2, metavar=("READER", "FILE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure_memory:
        measure_memory(options.measure_memory[0], Path(options.measure_memory[1]))
        return
    data = make_file(options.megabytes)
    names = list(READERS)
    try:
        import pydifact  # noqa: F401, PLC0415 - optional, group bench
    except ImportError:
        names.remove("pydifact")
        print("pydifact is not installed (uv sync --group bench)")
    segments = data.count(b"'")
    print(f"Python {platform.python_version()}; {len(data)} bytes, {segments} segments")
    spent = measure(data, names, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bench.edi"
        path.write_bytes(data)
        memory = {name: memory_of(name, path) for name in names}
    print(f"{'':10}{'MB/s':>8}{'x pydifact':>24}{'goal':>6}{'memory/file':>13}")
    for name in names:
        rate = len(data) * 1000 / statistics.median(spent[name])
        ratio = ""
        if "pydifact" in spent and name != "pydifact":
            ratios = [other / own for own, other in zip(spent[name], spent["pydifact"], strict=True)]
            ratio = f"{statistics.median(ratios):.1f} ({min(ratios):.1f}-{max(ratios):.1f})"
        goal = GOALS.get(name, "")
        print(f"{name:10}{rate:8.1f}{ratio:>24}{goal:>6}{memory[name] / len(data):13.2f}")


if __name__ == "__main__":
    main()
