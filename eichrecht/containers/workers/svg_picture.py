"""Draws an SVG as a square PNG of black on white.

Usage: ``svg_picture.py CPU_SECONDS MEMORY SIDE < SVG``. The drawing was cleaned before: it holds shapes and pictures
within itself, and no reference to anything outside. Answers like ``pdf_files.py``.
"""

from __future__ import annotations

import json
import sys
import time


def limit_resources(cpu_seconds: int, memory: int) -> None:
    """Limit this process; what the system does not support is left to the parent's clock."""
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return
    for kind, most in (
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(kind, (most, most))
        except (ValueError, OSError):
            continue


def send(kind: str, body: bytes = b"", **head: object) -> None:
    """Write one message: a line of JSON and the bytes that it announces."""
    line = json.dumps({"kind": kind, "size": len(body), **head})
    sys.stdout.buffer.write(line.encode("ascii") + b"\n" + body)
    sys.stdout.buffer.flush()


def main(arguments: list[str]) -> None:
    """Do what the module's docstring says."""
    limit_resources(int(arguments[0]), int(arguments[1]))
    side = int(arguments[2])
    try:
        import resvg_py  # noqa: PLC0415 - only here, after the limits are set

        drawing = sys.stdin.buffer.read().decode("utf-8")
        picture = resvg_py.svg_to_bytes(
            svg_string=drawing, background="white", skip_system_fonts=True, width=side, height=side
        )
        send("picture", bytes(picture))
    except ImportError as missing:
        send("missing", name=missing.name or "resvg_py")
    except (ValueError, MemoryError) as error:
        send("unreadable", reason=type(error).__name__)
    send("end", milliseconds=time.process_time_ns() // 1_000_000)


if __name__ == "__main__":
    main(sys.argv[1:])
