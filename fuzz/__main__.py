"""``python -m fuzz TARGET [options of libFuzzer]``: fuzz one parser with atheris; without a target, list them.

``python -m fuzz --write-corpus`` writes what is kept in ``fuzz/corpus`` anew from the sample meters; files that were
put there by hand (whatever does not begin with ``sample-``) stay. What atheris finds goes to ``fuzz/found``.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
USAGE_STATUS = 64


def write_corpus() -> None:
    """Write the seeds of every target."""
    from fuzz.targets import CORPUS, sample_seeds, targets  # noqa: PLC0415 - see fuzz()

    for name in targets():
        folder = CORPUS / name
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("sample-*"):
            old.unlink()
        for seed in sample_seeds(name):
            (folder / f"sample-{hashlib.sha256(seed).hexdigest()[:12]}").write_bytes(seed)


def fuzz(name: str, options: list[str]) -> None:
    """Run one target under atheris until it is stopped or something breaks."""
    try:
        import atheris  # type: ignore[import-untyped,import-not-found,unused-ignore]  # noqa: PLC0415 - optional
    except ImportError:
        sys.exit("atheris is not installed: uv pip install atheris")
    # Only what is imported in here is instrumented, so nothing of the project may be imported before.
    with atheris.instrument_imports(include=["eichrecht", "ocpi"]):
        from fuzz.targets import CORPUS, targets  # noqa: PLC0415

        target = targets()[name]
    found = FOLDER / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    atheris.Setup(
        [sys.argv[0], *options, f"-artifact_prefix={found}/", str(found), str(CORPUS / name)], target.run
    )
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    if arguments == ["--write-corpus"]:
        write_corpus()
        return 0
    known = [path.name for path in sorted((FOLDER / "corpus").iterdir()) if path.is_dir()]
    if not arguments or arguments[0] not in known:
        sys.stdout.write("\n".join(known) + "\n")
        return 0 if not arguments else USAGE_STATUS
    fuzz(arguments[0], arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
