"""``python -m sample_meters``: list the sample cases, or write them to files."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from sample_meters.cases import all_cases


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0, or 1 if the folder cannot be written)."""
    parser = argparse.ArgumentParser(
        prog="python -m sample_meters", description="Sample records of simulated signing meters."
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--list", action="store_true", help="list name, expected verdict and signature, description"
    )
    what.add_argument(
        "--write", metavar="DIR", type=Path, help="write every case, and its key beside it, to DIR"
    )
    options = parser.parse_args(arguments)
    if options.list:
        for case in all_cases():
            line = (
                f"{case.name:40} {case.expected_verdict:14} {case.expected_signature:11} {case.description}"
            )
            sys.stdout.write(line + "\n")
        return 0
    try:
        options.write.mkdir(parents=True, exist_ok=True)
        for case in all_cases():
            (options.write / (case.name + case.suffix)).write_bytes(case.content)
            if case.public_key_text is not None:
                (options.write / f"{case.name}.key").write_text(case.public_key_text + "\n", encoding="utf-8")
    except OSError as error:
        sys.stderr.write(f"cannot write to {options.write}: {error.strerror}\n")
        return 1
    sys.stdout.write(f"{len(all_cases())} cases written to {options.write}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
