"""What the tests of reconcile have in common."""

import tomllib
from decimal import Decimal
from pathlib import Path

from ocpi.cdrs.reconcile import Reconciliation, Rule
from ocpi.cdrs.signed_data import Nature, SignedRecordText, place_signed_data
from ocpi.findings import Finding
from ocpi.types import Price

ROOT = Path(__file__).resolve().parents[3]

SENTENCES = {
    code: texts
    for name in ("cdrs", "cdr_reconciliation")
    for code, texts in tomllib.loads(
        (ROOT / f"eichrecht/locales/findings.d/{name}.toml").read_text(encoding="utf-8")
    ).items()
}

SIGNED = place_signed_data([SignedRecordText(b"OCMF|{}|{}", Nature.END)]).signed_data


def codes(report: Reconciliation, rule: Rule) -> set[str]:
    check = report.check(rule)
    return {item.code for item in (*check.differences, *check.findings)}


def price_of(excl: str, incl: str | None = None) -> Price:
    return Price(excl_vat=Decimal(excl), incl_vat=None if incl is None else Decimal(incl))


def assert_has_sentence(finding: Finding) -> None:
    for language in ("de", "en"):
        text = SENTENCES[finding.code][language].format(**finding.params)
        assert "{" not in text
