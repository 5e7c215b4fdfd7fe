"""What several tests here are given."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from eichrecht.cli import main
from tests.eichrecht.cli.verify_command_support import Run


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs the program in this process: exit status, output, error output."""

    def call(*arguments: str | Path) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(["verify", *map(str, arguments)])
        captured = capsys.readouterr()
        assert isinstance(ended.value.code, int)
        assert "Traceback" not in captured.err
        return ended.value.code, captured.out, captured.err

    return call


@pytest.fixture
def program(tmp_path: Path) -> Run:
    """Return a function that runs the program as a process of its own."""

    def call(*arguments: str | Path, text: bytes = b"", **environment: str) -> tuple[int, str, str]:
        done = subprocess.run(
            [sys.executable, "-m", "eichrecht", "verify", *map(str, arguments)],
            input=text,
            capture_output=True,
            timeout=120,
            check=False,
            cwd=Path(__file__).resolve().parents[3],
            env={**os.environ, **environment},
        )
        error = done.stderr.decode()
        assert "Traceback" not in error
        return done.returncode, done.stdout.decode("utf-8", "replace"), error

    return call
