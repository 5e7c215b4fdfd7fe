"""What ``eichrecht verify`` says, for people, of EDIFACT messages that nobody signed or that cannot be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from eichrecht.cli.app import main
from sample_meters.cases import all_cases

CASES = [case for case in all_cases() if case.expected_signature != "valid"]


@pytest.mark.parametrize("language", ["de", "en"])
def test_every_sample_that_is_not_valid_can_be_shown(
    tmp_path: Path, language: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each reason has words: no sample of any format ends in a traceback or shows a bare code."""
    for case in CASES:
        (tmp_path / (case.name + case.suffix)).write_bytes(case.content)
    with pytest.raises(SystemExit) as ended:
        main(["verify", str(tmp_path), "--language", language])
    assert ended.value.code in {1, 2}
    shown = capsys.readouterr().out
    assert ("nicht signiert" if language == "de" else "not signed") in shown
    assert "(unsigned)" not in shown
