"""What ``eichrecht verify`` says, for people, of EDIFACT messages that nobody signed or that cannot be checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from eichrecht.cli.app import main
from ocpi.transport import json
from sample_meters.cases import all_cases
from sample_meters.edifact_mscons import BEGIN_KWH, END, END_KWH, START, MsconsGateway

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


GATEWAY = MsconsGateway()
PLAIN = GATEWAY.interchange(GATEWAY.body(BEGIN_KWH, END_KWH, START, END))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    contents = {
        "signed": GATEWAY.session_record(BEGIN_KWH, END_KWH, START, END),
        "plain": PLAIN,
        "forged": PLAIN.replace(b"1266.047", b"2266.047"),
        "autack": GATEWAY.autack(PLAIN),
        "key": GATEWAY.public_key_text().encode(),
        "other": MsconsGateway(key_label="another").public_key_text().encode(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return {name: str(tmp_path / name) for name in contents}


@pytest.mark.parametrize(
    ("arguments", "status", "verdicts"),
    [
        ("signed --key key", 0, ["valid"]),
        ("signed key", 0, ["valid"]),
        ("signed", 2, ["indeterminate"]),
        ("signed other", 1, ["invalid"]),
        ("plain --key key", 2, ["indeterminate"]),
        ("autack plain --key key", 0, ["valid", "valid"]),
        ("autack plain key", 0, ["valid", "valid"]),
        ("autack --content plain --key key", 0, ["valid", "valid"]),
        ("autack --content plain key", 0, ["valid", "valid"]),
        ("autack plain --content plain key", 0, ["valid", "valid"]),
        ("autack --content forged key", 1, ["invalid", "invalid"]),
        ("autack forged key", 2, ["indeterminate", "indeterminate"]),
        ("autack --content plain other", 1, ["invalid", "invalid"]),
        ("autack key", 2, ["indeterminate"]),
        ("autack forged plain key", 2, ["valid", "indeterminate", "valid"]),
    ],
)
def test_the_contract_with_keys_and_contents_among_the_paths(
    files: dict[str, str],
    arguments: str,
    status: int,
    verdicts: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [files.get(one, one) for one in arguments.split()]
    with pytest.raises(SystemExit) as ended:
        main(["verify", "--json", *given])
    results = json.loads(capsys.readouterr().out.encode())["results"]
    assert (ended.value.code, [one["verdict"] for one in results]) == (status, verdicts)
    for one in results:
        assert one["records"] == [] if one["source"].endswith("autack") else len(one["records"]) == 1
