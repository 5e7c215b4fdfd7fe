"""Every registered format has a page, a line in the index, a simulated meter with good and forged records."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from eichrecht.formats.registry import formats
from sample_meters.cases import all_cases

PAGES = Path(__file__).resolve().parents[3] / "docs" / "formats"
INDEX = (PAGES / "README.md").read_text("utf-8")
ROW = re.compile(r"^\| \[([A-Z0-9_]+)\]\(([a-z0-9_]+\.md)\) \|(.+)\|$", re.MULTILINE)
COLUMNS = 5
"""Known by, signed bytes, algorithm, key, not covered."""

_PAGE_OF = {"EDL_40_P": "edl40_p", "EDL_40_SIG": "edl40_sig", "EDL_40_MENNEKES": "edl40_mennekes"}
_PAGE_OF |= {"ISA_EDL_40_P": "isa_edl40_p", "EDIFACT_MSCONS": "edifact"}
"""Pages are named like formats; these leave out an underscore of the S.A.F.E. name, or describe more than one."""


def page_of(name: str) -> Path:
    return PAGES / f"{_PAGE_OF.get(name, name.lower())}.md"


@pytest.mark.parametrize("name", list(formats()))
def test_format_has_its_page(name: str) -> None:
    text = page_of(name).read_text("utf-8")
    assert text.startswith("# ")
    assert "`eichrecht." in text or ".md)" in text, "names its module, or the page that describes it"


ROWS = [row for page in sorted(PAGES.glob("*.md")) for row in ROW.findall(page.read_text("utf-8"))]
"""The index has them all today; a new format may have its row on its own page, so that nothing else is edited."""


def test_every_format_has_one_row() -> None:
    rows = [(name, page) for name, page, _ in ROWS]
    assert sorted(rows) == sorted((name, page_of(name).name) for name in formats())
    assert {name for name, _, _ in ROW.findall(INDEX)} <= formats().keys()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_every_column_of_the_index_is_filled(row: tuple[str, str, str]) -> None:
    cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row[2])]
    assert len(cells) == COLUMNS
    assert all(cells)


def test_links_lead_to_pages() -> None:
    for page in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([a-z0-9_]+\.md)\)", page.read_text("utf-8")):
            assert (PAGES / target).is_file(), f"{page.name}: {target}"


@pytest.mark.parametrize("name", list(formats()))
def test_format_has_a_simulated_meter(name: str) -> None:
    outcomes = {
        (case.expected_verdict, case.expected_signature) for case in all_cases() if case.format == name
    }
    assert ("valid", "valid") in outcomes
    assert {("invalid", "invalid"), ("invalid", "valid")} & outcomes, "a tampered one"
    assert any(verdict == "indeterminate" for verdict, _ in outcomes), "an incomplete or unreadable one"
