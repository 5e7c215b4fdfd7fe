"""``docs/rules.md`` and the sentences say of every rule what the code does."""

from pathlib import Path

import pytest

from eichrecht import locales
from eichrecht.evidence import Severity
from eichrecht.rules.codes import RULES, RuleCode, found

PAGE = Path(__file__).resolve().parents[3] / "docs" / "rules.md"
HEADER = "| code | sentence | strict | source | safe-1.4.1 |"


def row(code: RuleCode) -> str:
    """The table's row of a rule."""
    sentence = locales._catalogue("findings.d")[code]["en"]
    rule = RULES[code]
    cells = (f"`{code}`", sentence, rule.effect, rule.source, rule.official)
    assert not any("|" in cell for cell in cells)
    return f"| {' | '.join(cells)} |"


def test_the_page_is_up_to_date() -> None:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    start = lines.index(HEADER)
    table = [line for line in lines[start + 2 :] if line.startswith("| `")]
    assert table == [row(code) for code in RULES]


@pytest.mark.parametrize("code", RULES, ids=str)
def test_severity_follows_from_the_effect(code: RuleCode) -> None:
    expected = {"invalid": Severity.ERROR, "indeterminate": Severity.ERROR, "warning": Severity.WARNING}
    assert found(code).severity is expected.get(RULES[code].effect, Severity.NOTE)
