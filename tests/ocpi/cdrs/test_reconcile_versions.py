"""A CDR that we price reconciles with itself in every version of OCPI that can say it, in that version's words."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocpi.cdrs.credit import credit_cdr
from ocpi.cdrs.reconcile import Rule, reconcile, reconcile_credit
from ocpi.cdrs.report import CheckStatus
from ocpi.cdrs.wording import difference_in, finding_in, place_in
from ocpi.objects.cdr import Cdr
from ocpi.transport.json import dumps, loads
from ocpi.versions import V2_1_1, V2_3_0, WRITTEN, AnyVersion, WireVersion, read_any
from tests.ocpi.cdrs.cdr_samples import MINUTE, altered, component, context, full_context, make_cdr, tariff
from tests.ocpi.cdrs.test_cdr_properties import cdrs


def across(wire: WireVersion, cdr: Cdr) -> AnyVersion[Cdr] | None:
    """Write a CDR in a version and read the bytes; ``None`` if the version cannot say what it costs."""
    written = wire.write(cdr)
    return read_any(Cdr, loads(dumps(written.data))) if written.faithful else None


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cdrs(), st.sampled_from(WRITTEN))
def test_a_cdr_reconciles_in_every_version(cdr: Cdr, wire: WireVersion) -> None:
    read = across(wire, cdr)
    if read is None:
        return
    assert read.version == wire.number
    for published in (None, cdr.tariffs):  # by its own tariff, and by the one that was published
        report = reconcile(read.model, context(version=read.version, tariffs=published))
        assert report.differences == ()
        assert report.open_errors == ()


def test_2_1_1_is_not_blamed_for_fields_that_it_has_not() -> None:
    read = across(V2_1_1, make_cdr())
    assert read is not None
    codes = {finding.code for finding in reconcile(read.model, context(version="2.1.1")).findings}
    assert not codes & {"cdr_session_id_missing", "cdr_cost_part_omitted", "cdr_cost_with_vat_omitted"}
    as_2_2_1 = {finding.code for finding in reconcile(read.model, context()).findings}
    assert {"cdr_session_id_missing", "cdr_cost_part_omitted"} <= as_2_2_1


def test_a_wrong_total_is_found_in_2_1_1() -> None:
    data = V2_1_1.write(make_cdr()).data
    assert data is not None
    data["total_cost"] = Decimal("12.01")
    read = read_any(Cdr, loads(dumps(data)))
    (difference,) = reconcile(read.model, context(version=read.version)).differences
    told = difference_in(read.version, difference)
    assert (told.field, told.claimed, told.computed) == ("/total_cost", Decimal("12.01"), Decimal("12.00"))


@pytest.mark.parametrize(
    ("version", "canonical", "own"),
    [
        ("2.2.1", "/total_cost/excl_vat", "/total_cost/excl_vat"),
        ("2.3.0", "/total_cost/excl_vat", "/total_cost/before_taxes"),
        ("2.3.0", "/tariffs/0/max_price/incl_vat", "/tariffs/0/max_price/after_taxes"),
        ("2.3.0", "/end_date_time", "/end_date_time"),
        ("2.1.1", "/total_cost/excl_vat", "/total_cost"),
        ("2.1.1", "/end_date_time", "/stop_date_time"),
        ("2.1.1", "/cdr_token/uid", "/auth_id"),
        ("2.1.1", "/cdr_location/country", "/location/country"),
        ("2.1.1", "/total_energy", "/total_energy"),
    ],
)
def test_places_are_named_as_the_sender_wrote_them(version: str, canonical: str, own: str) -> None:
    assert place_in(version, canonical) == own


def test_the_field_of_a_sentence_is_translated_too() -> None:
    wrong = altered(make_cdr(), total_cost=make_cdr().total_cost.model_copy(update={"excl_vat": Decimal(1)}))
    finding = reconcile(wrong, context()).differences[0].as_finding()
    told = finding_in("2.3.0", finding)
    assert (told.where, told.params["field"]) == ("/total_cost/before_taxes", "total_cost/before_taxes")


def credited(**changes: Any) -> tuple[Cdr, Cdr]:
    original = make_cdr(tariffs=[tariff([{"price_components": [component("ENERGY", "0.40")]}])])
    return original, altered(credit_cdr(original, original.last_updated + MINUTE), **changes)


def test_a_credit_of_our_own_is_checked_as_a_copy() -> None:
    original, credit = credited()
    report = reconcile_credit(credit, full_context(original, credited=original))
    assert not report.held
    assert {check.status for check in report.checks} == {CheckStatus.PASSED}


def test_a_credit_of_what_was_released_in_spite_of_a_finding_can_leave() -> None:
    wrong = altered(make_cdr(), total_energy=Decimal("99"))
    credit = credit_cdr(wrong, wrong.last_updated + MINUTE)
    assert reconcile(credit, full_context(wrong, credited=wrong)).held
    assert not reconcile_credit(credit, full_context(wrong, credited=wrong)).held


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"total_cost": credited()[0].total_cost}, "cdr_credit_amount_differs"),
        ({"remark": "something else"}, "cdr_credit_field_changed"),
        ({"credit_reference_id": "CDR-9999"}, "cdr_credit_reference_differs"),
        ({"country_code": "D"}, "cdr_code_malformed"),
        ({"charging_periods": ()}, "cdr_field_invalid"),
    ],
)
def test_a_credit_that_is_no_true_copy_is_held(change: dict[str, Any], code: str) -> None:
    original, credit = credited(**change)
    report = reconcile_credit(credit, full_context(original, credited=original))
    assert code in {finding.code for finding in report.open_errors}
    assert report.held


def test_without_the_credited_cdr_a_credit_is_not_called_right() -> None:
    _, credit = credited()
    report = reconcile_credit(credit, context())
    assert report.check(Rule.CREDIT).status is CheckStatus.UNCHECKED


def taxed(taxes: list[dict[str, Any]]) -> set[str]:
    """Return the fields that differ in a CDR of 2.3.0 with two rates, given the tax lines of its total."""
    cdr = make_cdr(
        tariffs=[tariff([{"price_components": [component("ENERGY", "0.40"), component("FLAT", "1", "7")]}])]
    )
    data = loads(dumps(V2_3_0.dump(cdr)))
    data["total_cost"]["taxes"] = taxes
    read = read_any(Cdr, loads(dumps(data)))
    assert read.version == "2.3.0"
    report = reconcile(read.model, context(version=read.version))
    return {item.field for item in report.differences if item.rule == Rule.COMPUTED_COST.value}


def test_taxes_of_2_3_0_are_compared_by_rate() -> None:
    """The sum may be right although 19 % is called 7 %: whoever deducts the tax is then wrong."""
    right = [
        {"name": "VAT", "percentage": 19, "amount": Decimal("1.805")},
        {"name": "VAT", "percentage": 7, "amount": Decimal("0.07")},
    ]
    assert taxed(right) == set()
    assert taxed([{"name": "VAT", "amount": Decimal("1.875")}]) == set()
    exchanged = [right[0] | {"percentage": 7}, right[1] | {"percentage": 19}]
    assert taxed(exchanged) == {"/total_cost/taxes/0/amount", "/total_cost/taxes/1/amount"}
    assert taxed([right[0] | {"amount": Decimal("1.875")}]) == {
        "/total_cost/taxes",
        "/total_cost/taxes/0/amount",
    }
    split = [right[0] | {"amount": Decimal("1.8")}, right[1], right[0] | {"amount": Decimal("0.005")}]
    assert taxed(split) == set()


def test_a_time_zone_that_a_cdr_names_is_compared_with_the_one_used() -> None:
    cdr = make_cdr()
    data = loads(dumps(V2_3_0.dump(cdr)))
    for named, codes in (("Europe/Berlin", set()), ("Europe/Lisbon", {"cdr_time_zone_differs"})):
        data["cdr_location"]["time_zone"] = named
        report = reconcile(read_any(Cdr, loads(dumps(data))).model, context(version="2.3.0"))
        assert {item.code for item in report.findings} & {"cdr_time_zone_differs"} == codes
        assert not report.differences
