"""Foreign parsers in a process of their own, with limits of the operating system on time and memory.

PDF and SVG are languages: no count of bytes or objects bounds what a hostile file makes their readers do. So the
reader runs in a fresh interpreter that knows nothing but its input, and is stopped when it has had its time.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from eichrecht.containers.kinds import Opener
from ocpi.transport.json import JsonError, loads

CPU_SECONDS = 8
"""Most processor time of one run. A receipt takes a fifth of a second, a report of hundreds of pages two."""

_WALL_SECONDS = 60
"""Most time of the clock; only machines under heavy load come near it."""

_BYTES_PER_SECOND = 1024 * 1024
"""What a second of processor time costs in bytes of the document's budget: every document can pay for one whole run,
whatever the machine, and the largest ones for two minutes."""

_MEMORY = 1024 * 1024 * 1024
"""Most address space of one run. The interpreter and the reader take 150 MB of it."""

_WORKERS = Path(__file__).parent / "workers"


@dataclass(frozen=True, slots=True)
class Frame:
    """One message of a worker: a head of names and values, and a body of bytes."""

    head: Mapping[str, object]
    body: bytes

    def text(self, name: str) -> str:
        """Return a value of the head as text, ``""`` if there is none."""
        value = self.head.get(name)
        return value if isinstance(value, str) else ""


@dataclass(frozen=True, slots=True)
class Run:
    """What a worker said.

    Attributes:
        frames: Its messages, in order.
        complete: It came to its end; otherwise it used up its time or memory, or broke down.
        reason: How it ended otherwise, as a short stable code.
    """

    frames: tuple[Frame, ...]
    complete: bool
    reason: str = ""

    def count(self, kind: str) -> int:
        """Return how many messages of this kind there are."""
        return sum(frame.text("kind") == kind for frame in self.frames)


def run_worker(worker: str, arguments: tuple[str, ...], content: bytes, opener: Opener) -> Run:
    """Run a worker on ``content`` and count what it cost.

    Args:
        worker: Name of a module in ``workers``; it imports nothing of this project.
        arguments: For the worker.
        content: Its input.
        opener: Whose budget pays for it; nothing is run once that is used up.
    """
    import subprocess  # noqa: PLC0415 - loaded only where there is a PDF or an SVG

    if not opener.bytes_left():
        opener.waste_bytes(1)
        return Run((), complete=False, reason="budget")
    command = [sys.executable, "-I", str(_WORKERS / f"{worker}.py"), str(CPU_SECONDS), str(_MEMORY)]
    try:
        done = subprocess.run(  # noqa: S603 - our own interpreter and file, no shell
            [*command, *arguments],
            input=content,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=_WALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        output, reason = late.stdout or b"", "time"
    except OSError:
        output, reason = b"", "process"
    else:
        output, reason = done.stdout, "" if done.returncode == 0 else "limit"
    frames = _frames(output)
    end = frames[-1].head if frames and frames[-1].text("kind") == "end" else {}
    used = end.get("milliseconds")
    spent = used if isinstance(used, int) else CPU_SECONDS * 1000
    opener.waste_bytes(spent * _BYTES_PER_SECOND // 1000)
    complete = bool(end) and not reason
    return Run(frames[:-1] if end else frames, complete, "" if complete else reason or "limit")


def _frames(output: bytes) -> tuple[Frame, ...]:
    """Read the messages: a line of JSON with the ``size`` of the body that follows; the last may be cut off."""
    frames: list[Frame] = []
    position = 0
    while (line := output.find(b"\n", position)) >= 0:
        try:
            head = loads(output[position:line])
        except JsonError:
            break
        size = head.get("size") if isinstance(head, dict) else None
        if not isinstance(size, int) or not 0 <= size <= len(output) - line - 1:
            break
        frames.append(Frame(head, output[line + 1 : line + 1 + size]))
        position = line + 1 + size
    return tuple(frames)
