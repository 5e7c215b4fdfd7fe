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
        from fuzz.targets import CORPUS, targets  # noqa: PLC0415 - see above

        target = targets().get(name)
    if target is None:
        sys.exit(f"no such target: {name}")
    found = FOLDER / "found" / name
    found.mkdir(parents=True, exist_ok=True)
    kept = [str(CORPUS / name)] if (CORPUS / name).is_dir() else []
    atheris.Setup([sys.argv[0], *options, f"-artifact_prefix={found}/", str(found), *kept], target.run)
    atheris.Fuzz()


def main(arguments: list[str]) -> int:
    """Run the command line; return the exit status."""
    if arguments == ["--write-corpus"]:
        write_corpus()
        return 0
    if not arguments or arguments[0].startswith("-"):
        from fuzz.targets import targets  # noqa: PLC0415 - see fuzz()

        sys.stdout.write("\n".join(targets()) + "\n")
        return 0 if not arguments else USAGE_STATUS
    fuzz(arguments[0], arguments[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
