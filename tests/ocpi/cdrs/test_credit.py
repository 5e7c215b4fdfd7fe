from datetime import timedelta
from decimal import Decimal

import pytest

from ocpi.cdrs.context import CreditStyle
from ocpi.cdrs.credit import (
    COST_FIELDS,
    VOLUME_FIELDS,
    corrected_cdr,
    credit_cdr,
    credit_id,
    debit_view,
    fields_of,
)
from ocpi.cdrs.errors import CreditError
from ocpi.objects.cdr import Cdr
from ocpi.transport.json import dumps, loads
from ocpi.types import Price
from tests.ocpi.cdrs.cdr_samples import START, altered, make_cdr

NOW = START + timedelta(days=2)


@pytest.fixture
def original() -> Cdr:
    return make_cdr()


def test_only_the_total_is_negated(original: Cdr) -> None:
    credit = credit_cdr(original, NOW)
    assert credit.id == "CDR-0001-C"
    assert credit.credit is True
    assert credit.credit_reference_id == "CDR-0001"
    assert credit.last_updated == NOW
    assert (credit.total_cost.excl_vat, credit.total_cost.incl_vat) == (Decimal("-12.00"), Decimal("-14.28"))
    changed = {name for name, value in fields_of(credit).items() if value != fields_of(original)[name]}
    assert changed == {"id", "credit", "credit_reference_id", "last_updated", "total_cost"}
    assert original.total_cost.excl_vat == Decimal(12)  # the original stays untouched


def test_credit_and_original_sum_to_zero(original: Cdr) -> None:
    credit = credit_cdr(original, NOW)
    assert original.total_cost.excl_vat + credit.total_cost.excl_vat == 0
    assert (original.total_cost.incl_vat or 0) + (credit.total_cost.incl_vat or 0) == 0


def test_partner_that_expects_all_totals_negated(original: Cdr) -> None:
    credit = credit_cdr(original, NOW, CreditStyle.ALL_TOTALS)
    for name in (*COST_FIELDS, *VOLUME_FIELDS):
        before, after = getattr(original, name), getattr(credit, name)
        if isinstance(before, Price):
            assert after.excl_vat == -before.excl_vat
            assert after.incl_vat == -before.incl_vat
        else:
            assert after == (None if before is None else -before)
    assert credit.charging_periods == original.charging_periods
    assert debit_view(credit, CreditStyle.ALL_TOTALS).total_energy == original.total_energy


def test_unknown_fields_are_copied(original: Cdr) -> None:
    extended = Cdr.model_validate({**fields_of(original), "x_partner": {"a": [1, 2]}})
    assert (credit_cdr(extended, NOW).model_extra or {})["x_partner"] == {"a": [1, 2]}


def test_credit_survives_the_wire(original: Cdr) -> None:
    free = altered(original, total_cost=Price(excl_vat=Decimal("0.00")))
    text = dumps(credit_cdr(free, NOW).model_dump(mode="python", exclude_none=True))
    assert b'"excl_vat":0.00' in text  # not -0.00
    assert Cdr.model_validate(loads(text)).credit is True


@pytest.mark.parametrize(("length", "expected"), [(1, 3), (34, 36), (35, 37), (36, 38)])
def test_credit_ids_fit(length: int, expected: int) -> None:
    assert len(credit_id("x" * length)) == expected


def test_ids_that_cannot_be_credited() -> None:
    with pytest.raises(CreditError, match="id_too_long"):
        credit_id("x" * 37)


def test_refusals(original: Cdr) -> None:
    credit = credit_cdr(original, NOW)
    for attempt, code in (
        (lambda: credit_cdr(credit, NOW), "is_credit"),
        (lambda: credit_cdr(original, START), "before_original"),
        (lambda: credit_cdr(original, NOW.replace(tzinfo=None)), "before_original"),
        (lambda: corrected_cdr(credit, "N", NOW, {}), "is_credit"),
        (lambda: corrected_cdr(original, "cdr-0001", NOW, {}), "id_not_new"),
        (lambda: corrected_cdr(original, "CDR-0001-C", NOW, {}), "id_not_new"),
        (lambda: corrected_cdr(original, "x" * 37, NOW, {}), "id_too_long"),
        (lambda: corrected_cdr(original, "N", NOW, {"party_id": "XYZ"}), "field_not_correctable"),
        (lambda: corrected_cdr(original, "N", NOW, {"no_such_field": 1}), "field_not_correctable"),
        (lambda: corrected_cdr(original, "N", NOW, {"remark": "x" * 256}), "invalid"),
    ):
        with pytest.raises(CreditError) as caught:
            attempt()
        assert caught.value.code == code


def test_corrected_cdr_has_no_credit_fields(original: Cdr) -> None:
    price = Price(excl_vat=Decimal("10.00"), incl_vat=Decimal("11.90"))
    corrected = corrected_cdr(original, "CDR-0002", NOW, {"total_cost": price, "remark": "start fee waived"})
    assert (corrected.id, corrected.credit, corrected.credit_reference_id) == ("CDR-0002", None, None)
    assert corrected.total_cost == price
    assert corrected.session_id == original.session_id
    assert corrected.last_updated == NOW
