"""Reconciliation of Credit CDRs."""

from decimal import Decimal
from typing import Any

import pytest

from ocpi.cdrs.codes import CdrFinding, DuplicateFinding, SignedDataFinding, UncheckedReason
from ocpi.cdrs.context import Tolerances
from ocpi.cdrs.credit import credit_cdr
from ocpi.cdrs.reconcile import CheckStatus, CreditStyle, Reconciliation, Rule, reconcile
from ocpi.objects.cdr import Cdr
from ocpi.tariffs import policy_from
from tests.ocpi.cdrs.cdr_samples import (
    MINUTE,
    START,
    altered,
    full_context,
)
from tests.ocpi.cdrs.reconcile_support import SENTENCES, assert_has_sentence, codes, price_of


class TestCredit:
    """Point 10 against the credited CDR."""

    @pytest.fixture
    def credit(self, cdr: Cdr) -> Cdr:
        return credit_cdr(cdr, cdr.last_updated + MINUTE)

    def check(self, credit: Cdr, original: Cdr, **facts: Any) -> Reconciliation:
        return reconcile(credit, full_context(original, credited=original, **facts))

    def test_good_credit_passes_everything(self, cdr: Cdr, credit: Cdr) -> None:
        report = self.check(credit, cdr, session_already_billed=True)
        assert {check.status for check in report.checks} == {CheckStatus.PASSED}
        assert report.open_errors == ()

    def test_all_totals_style(self, cdr: Cdr) -> None:
        credit = credit_cdr(cdr, cdr.last_updated, CreditStyle.ALL_TOTALS)
        assert not self.check(credit, cdr, credit_style=CreditStyle.ALL_TOTALS).held
        report = self.check(credit, cdr)
        assert "cdr_credit_amount_differs" in codes(report, Rule.CREDIT)

    def test_credited_cdr_not_at_hand(self, cdr: Cdr, credit: Cdr) -> None:
        report = reconcile(credit, full_context(cdr))
        assert report.check(Rule.CREDIT).status is CheckStatus.UNCHECKED
        assert not report.held

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"total_cost": price_of("-11.99", "-14.28")}, "cdr_credit_amount_differs"),
            ({"total_cost": price_of("-12.00", "-14.2801")}, "cdr_credit_amount_differs"),
            ({"total_cost": price_of("12.00", "14.28")}, "cdr_credit_amount_differs"),
            ({"total_cost": price_of("-12.00")}, "cdr_credit_field_changed"),
            ({"total_energy": Decimal("-23.75")}, "cdr_credit_amount_differs"),
            ({"total_fixed_cost": None}, "cdr_credit_field_changed"),
            ({"remark": "goodwill"}, "cdr_credit_field_changed"),
            ({"party_id": "XYZ"}, "cdr_credit_field_changed"),
            ({"credit_reference_id": "CDR-0007"}, "cdr_credit_reference_differs"),
            ({"last_updated": START + 85 * MINUTE}, "cdr_credit_before_original"),
        ],
    )
    def test_bad_credits(self, cdr: Cdr, credit: Cdr, changes: dict[str, Any], code: str) -> None:
        report = self.check(altered(credit, **changes), cdr)
        assert code in codes(report, Rule.CREDIT)
        assert report.held
        for finding in report.open_errors:
            if finding.code in SENTENCES:
                assert_has_sentence(finding)

    def test_positive_total_is_at_least_suspicious(self, cdr: Cdr, credit: Cdr) -> None:
        report = reconcile(altered(credit, total_cost=cdr.total_cost), full_context(cdr))
        assert "cdr_credit_not_negative" in codes(report, Rule.CREDIT)
        assert report.held  # the tariff says otherwise

    def test_credit_of_a_credit(self, cdr: Cdr, credit: Cdr) -> None:
        second = altered(credit, id="CDR-0001-C-C", credit_reference_id=credit.id)
        report = self.check(second, credit)
        assert "cdr_credit_of_credit" in codes(report, Rule.CREDIT)


ENUMS = (CdrFinding, DuplicateFinding, UncheckedReason, SignedDataFinding)


def test_every_code_has_two_sentences_with_the_same_parameters() -> None:
    every = {str(code) for enum in ENUMS for code in enum}
    assert every == set(SENTENCES)
    for code, texts in SENTENCES.items():
        names = [{part.split("}")[0] for part in texts[language].split("{")[1:]} for language in ("de", "en")]
        assert names[0] == names[1], code


def test_hours_are_reported_in_readable_numbers(cdr: Cdr) -> None:
    """A second is no finite decimal of an hour; nobody reads 500 digits of it."""
    report = reconcile(altered(cdr, total_time=cdr.total_time + 1), full_context(cdr))
    found = [item for item in report.differences if item.field == "/total_time"]
    assert found
    for item in found:
        for number in (str(item.computed), str(item.difference), str(item.tolerance)):
            assert len(number) < 20


def test_report_names_the_policy_and_the_tolerance_used(cdr: Cdr) -> None:
    rules = policy_from({"name": "partner", "tolerance": "0.02", "money_digits": 2})
    report = reconcile(cdr, full_context(cdr, policy=rules, tolerances=Tolerances(cost=Decimal("0.03"))))
    value = report.as_json()
    assert (value["policy"], value["policy_settings"]["tolerance"]) == ("partner", "0.03")
    assert value["policy_settings"]["money_digits"] == "2"
