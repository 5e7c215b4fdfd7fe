"""Each of the fourteen points once passing and once failing (cdrs facts §7), and what is not checked."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from ocpi.cdrs.codes import UncheckedReason
from ocpi.cdrs.reconcile import CheckStatus, Group, Rule, reconcile
from ocpi.findings import Severity
from ocpi.objects.cdr import Cdr, CdrDimension
from tests.ocpi.cdrs.cdr_samples import (
    MINUTE,
    START,
    altered,
    component,
    context,
    full_context,
    make_cdr,
    tariff,
    with_volume,
)
from tests.ocpi.cdrs.reconcile_support import SENTENCES, SIGNED, assert_has_sentence, codes, price_of


def test_a_good_cdr_passes_every_point(cdr: Cdr) -> None:
    report = reconcile(cdr, full_context(cdr))
    assert [check.rule for check in report.checks] == list(Rule)
    assert {check.status for check in report.checks} == {CheckStatus.PASSED}
    assert (report.open_errors, report.findings, report.differences, report.unchecked) == ((), (), (), ())
    assert not report.held


def later(field: str, **delta: float) -> Callable[[Cdr], Cdr]:
    return lambda cdr: altered(cdr, **{field: getattr(cdr, field) + timedelta(**delta)})


def periods(change: Callable[[list[Any]], list[Any]]) -> Callable[[Cdr], Cdr]:
    return lambda cdr: altered(cdr, charging_periods=tuple(change(list(cdr.charging_periods))))


def nested(field: str, **changes: Any) -> Callable[[Cdr], Cdr]:
    return lambda cdr: altered(cdr, **{field: getattr(cdr, field).model_copy(update=changes)})


def extra_dimension(kind: str, volume: str) -> Callable[[Cdr], Cdr]:
    def change(items: list[Any]) -> list[Any]:
        dimension = CdrDimension(type=kind, volume=Decimal(volume))
        first = items[0].model_copy(update={"dimensions": (*items[0].dimensions, dimension)})
        return [first, *items[1:]]

    return periods(change)


def other_tariff(**changes: Any) -> Callable[[Cdr], Cdr]:
    return lambda cdr: altered(
        cdr, tariffs=tuple(item.model_copy(update=changes) for item in cdr.tariffs or ())
    )


def mixed_currencies(cdr: Cdr) -> Cdr:
    named = altered(cdr, tariffs=(tariff(), tariff(id="T2", currency="SEK")))
    return periods(lambda p: [*p[:2], p[2].model_copy(update={"tariff_id": "T2"})])(named)


FAILURES: list[tuple[Rule, str, Callable[[Cdr], Cdr]]] = [
    (Rule.IDENTIFIERS, "cdr_id_too_long", lambda cdr: altered(cdr, id="x" * 37)),
    (Rule.IDENTIFIERS, "cdr_code_malformed", lambda cdr: altered(cdr, country_code="D1")),
    (Rule.IDENTIFIERS, "cdr_code_malformed", lambda cdr: altered(cdr, currency="eur")),
    (Rule.IDENTIFIERS, "cdr_code_malformed", nested("cdr_location", country="DE")),
    (Rule.IDENTIFIERS, "cdr_field_empty", nested("cdr_token", contract_id="")),
    (Rule.IDENTIFIERS, "cdr_field_empty", lambda cdr: altered(cdr, session_id=" ")),
    (Rule.IDENTIFIERS, "cdr_field_invalid", lambda cdr: altered(cdr, remark="x" * 256)),
    (Rule.IDENTIFIERS, "cdr_field_invalid", lambda cdr: altered(cdr, total_energy=23.75)),
    (Rule.IDENTIFIERS, "cdr_field_invalid", lambda cdr: altered(cdr, total_energy=Decimal("NaN"))),
    (Rule.IDENTIFIERS, "cdr_field_invalid", lambda cdr: altered(cdr, charging_periods=())),
    (Rule.IDENTIFIERS, "cdr_field_invalid", periods(lambda p: [p[0].model_copy(update={"dimensions": ()})])),
    (Rule.IDENTIFIERS, "cdr_number_implausible", lambda cdr: altered(cdr, total_energy=Decimal("1E+999"))),
    (Rule.PERIOD_ORDER, "cdr_period_before_start", later("start_date_time", minutes=1)),
    (Rule.PERIOD_ORDER, "cdr_periods_not_ascending", periods(lambda p: [p[0], p[2], p[1]])),
    (Rule.PERIOD_ORDER, "cdr_periods_not_ascending", periods(lambda p: [p[0], p[0], *p[1:]])),
    (Rule.PERIOD_ORDER, "cdr_period_not_before_end", later("end_date_time", minutes=-20)),
    (Rule.DIMENSIONS, "cdr_dimension_session_only", extra_dimension("POWER", "11")),
    (Rule.DIMENSIONS, "cdr_dimension_session_only", extra_dimension("STATE_OF_CHARGE", "50")),
    (Rule.DIMENSIONS, "cdr_dimension_repeated", extra_dimension("ENERGY", "0")),
    (Rule.DIMENSIONS, "cdr_duration_negative", lambda cdr: with_volume(cdr, 0, "TIME", Decimal("-0.75"))),
    (
        Rule.DIMENSIONS,
        "cdr_limits_crossed",
        lambda cdr: extra_dimension("MAX_POWER", "3")(extra_dimension("MIN_POWER", "4")(cdr)),
    ),
    (Rule.VOLUME_SUMS, "cdr_energy_sum_differs", lambda cdr: altered(cdr, total_energy=Decimal("23.751"))),
    (Rule.VOLUME_SUMS, "cdr_energy_sum_differs", lambda cdr: with_volume(cdr, 1, "ENERGY", Decimal("3.249"))),
    (Rule.VOLUME_SUMS, "cdr_time_sum_differs", lambda cdr: altered(cdr, total_time=Decimal("1.334333"))),
    (Rule.VOLUME_SUMS, "cdr_time_span_differs", lambda cdr: altered(cdr, total_time=Decimal("1.334333"))),
    (
        Rule.VOLUME_SUMS,
        "cdr_parking_sum_differs",
        lambda cdr: altered(cdr, total_parking_time=Decimal("0.4")),
    ),
    (
        Rule.VOLUME_SUMS,
        "cdr_period_duration_differs",
        lambda cdr: with_volume(cdr, 0, "TIME", Decimal("0.7")),
    ),
    (
        Rule.TARIFF_IDS,
        "cdr_tariff_unknown",
        periods(lambda p: [p[0].model_copy(update={"tariff_id": "X"}), *p[1:]]),
    ),
    (Rule.TARIFF_IDS, "cdr_tariff_repeated", lambda cdr: altered(cdr, tariffs=(tariff(), tariff(id="t1")))),
    (Rule.CURRENCY, "cdr_currency_differs", other_tariff(currency="SEK")),
    (Rule.CURRENCY, "cdr_currency_differs", lambda cdr: altered(cdr, currency="SEK")),
    (Rule.COMPUTED_COST, "cdr_cost_differs", lambda cdr: altered(cdr, total_cost=price_of("12.01", "14.28"))),
    (
        Rule.COMPUTED_COST,
        "cdr_cost_differs",
        lambda cdr: altered(cdr, total_energy_cost=price_of("9.49", "11.30")),
    ),
    (Rule.COMPUTED_COST, "cdr_cost_differs", lambda cdr: altered(cdr, total_time_cost=price_of("1"))),
    (Rule.COMPUTED_COST, "cdr_pricing_failed", mixed_currencies),
    (
        Rule.SUM_OF_PARTS,
        "cdr_parts_sum_differs",
        lambda cdr: altered(cdr, total_cost=price_of("11.90", "14.28")),
    ),
    (Rule.SUM_OF_PARTS, "cdr_parts_sum_differs", lambda cdr: altered(cdr, total_fixed_cost=None)),
    (Rule.VAT_ORDER, "cdr_vat_order_wrong", lambda cdr: altered(cdr, total_cost=price_of("12.00", "11.99"))),
    (
        Rule.CREDIT,
        "cdr_credit_reference_unexpected",
        lambda cdr: altered(cdr, credit_reference_id="CDR-0000"),
    ),
    (Rule.CREDIT, "cdr_credit_reference_missing", lambda cdr: altered(cdr, credit=True)),
    (
        Rule.CREDIT,
        "cdr_credit_reference_is_itself",
        lambda cdr: altered(cdr, credit=True, credit_reference_id="cdr-0001"),
    ),
    (Rule.LAST_UPDATED, "cdr_last_updated_before_end", later("last_updated", minutes=-11)),
]


@pytest.mark.parametrize(("rule", "code", "forge"), FAILURES)
def test_each_point_fails(cdr: Cdr, rule: Rule, code: str, forge: Callable[[Cdr], Cdr]) -> None:
    report = reconcile(forge(cdr), full_context(cdr))
    assert code in codes(report, rule), codes(report, rule)
    assert report.check(rule).status is CheckStatus.FAILED
    assert report.held
    assert code in {finding.code for finding in report.open_errors}
    for finding in (*report.findings, *(difference.as_finding() for difference in report.differences)):
        if finding.code.startswith("cdr_") and finding.code in SENTENCES:
            assert_has_sentence(finding)
    report.as_json()


FACTS: list[tuple[Rule, str, dict[str, Any]]] = [
    (Rule.SIGNED_VALUES, "cdr_signed_energy_differs", {"signed_energy_kwh": Decimal("23.7501")}),
    (Rule.TOKEN, "cdr_token_unknown", {"known_token": False}),
    (Rule.TOKEN, "cdr_token_owner_not_routed", {"routed": False}),
    (Rule.UNIQUENESS, "cdr_already_sent", {"already_sent": True}),
    (Rule.UNIQUENESS, "cdr_session_already_billed", {"session_already_billed": True}),
    (
        Rule.TARIFF_IDS,
        "cdr_tariff_differs_from_snapshot",
        {"tariffs": [tariff([{"price_components": [component("FLAT", "9")]}])]},
    ),
    (Rule.COMPUTED_COST, "cdr_pricing_failed", {"time_zone": "Europe/Atlantis"}),
]


@pytest.mark.parametrize(("rule", "code", "facts"), FACTS)
def test_facts_against_the_cdr(cdr: Cdr, rule: Rule, code: str, facts: dict[str, Any]) -> None:
    report = reconcile(cdr, full_context(cdr, **facts))
    assert code in codes(report, rule)
    assert report.held
    for finding in report.open_errors:
        if finding.code in SENTENCES:
            assert_has_sentence(finding)


def test_all_fourteen_points_can_fail() -> None:
    assert {rule for rule, _, _ in FAILURES} | {rule for rule, _, _ in FACTS} == set(Rule)


def test_signed_times_only_warn(cdr: Cdr) -> None:
    report = reconcile(cdr, full_context(cdr, signed_start=START + MINUTE, signed_end=START + 79 * MINUTE))
    assert codes(report, Rule.SIGNED_VALUES) == {"cdr_signed_start_differs", "cdr_signed_end_differs"}
    assert report.check(Rule.SIGNED_VALUES).status is CheckStatus.PASSED
    assert not report.held


def test_missing_signed_data_is_said(cdr: Cdr) -> None:
    report = reconcile(altered(cdr, signed_data=None), full_context(cdr))
    assert codes(report, Rule.SIGNED_VALUES) == {"cdr_signed_data_missing"}


def test_missing_facts_are_unchecked_never_passed(cdr: Cdr) -> None:
    report = reconcile(cdr, context())
    unchecked = {(item.rule, item.reason) for item in report.unchecked}
    assert unchecked == {
        ("signed_values", UncheckedReason.SIGNED_ENERGY_NOT_GIVEN),
        ("signed_values", UncheckedReason.SIGNED_TIME_NOT_GIVEN),
        ("token", UncheckedReason.TOKEN_NOT_LOOKED_UP),
        ("token", UncheckedReason.ROUTE_NOT_LOOKED_UP),
        ("uniqueness", UncheckedReason.LEDGER_NOT_LOOKED_UP),
        ("uniqueness", UncheckedReason.SESSION_NOT_LOOKED_UP),
    }
    for rule in (Rule.SIGNED_VALUES, Rule.TOKEN, Rule.UNIQUENESS):
        assert report.check(rule).status is CheckStatus.UNCHECKED
    assert not report.held
    for item in report.unchecked:
        assert_has_sentence(item.as_finding())


def test_cdr_that_breaks_its_model_is_not_calculated_with(cdr: Cdr) -> None:
    report = reconcile(altered(cdr, total_time=Decimal("Infinity")), full_context(cdr))
    assert report.check(Rule.IDENTIFIERS).status is CheckStatus.FAILED
    others = {check.status for check in report.checks if check.rule is not Rule.IDENTIFIERS}
    assert others == {CheckStatus.UNCHECKED}
    assert reconcile(Cdr.model_construct(id="X"), context()).held  # a CDR that is no CDR


def test_without_tariff_it_is_unpriceable_not_rejected(cdr: Cdr) -> None:
    report = reconcile(altered(cdr, tariffs=None), full_context(cdr))
    assert codes(report, Rule.COMPUTED_COST) == {"cdr_unpriceable"}
    assert report.check(Rule.COMPUTED_COST).status is CheckStatus.UNCHECKED
    assert report.check(Rule.CURRENCY).status is CheckStatus.UNCHECKED
    assert report.check(Rule.TARIFF_IDS).status is CheckStatus.UNCHECKED
    assert not report.held
    assert reconcile(altered(cdr, tariffs=None), full_context(cdr, tariffs=[tariff()])).unchecked == ()


def test_self_inconsistency_and_cost_are_kept_apart(cdr: Cdr) -> None:
    volumes = reconcile(
        altered(cdr, total_energy=Decimal("24")), full_context(cdr, signed_energy_kwh=Decimal(24))
    )
    assert any(check.differences for check in volumes.of(Group.SELF_CONSISTENCY))
    assert not any(check.differences for check in volumes.of(Group.COST))
    # twice the price everywhere, consistently: only the tariff disagrees
    doubled = {
        name: price_of(str(2 * price.excl_vat), str(2 * (price.incl_vat or 0)))
        for name in ("total_cost", "total_fixed_cost", "total_energy_cost", "total_parking_cost")
        if (price := getattr(cdr, name)) is not None
    }
    cost = reconcile(altered(cdr, **doubled), full_context(cdr))
    assert not any(check.differences for check in cost.of(Group.SELF_CONSISTENCY))
    assert {item.field for check in cost.of(Group.COST) for item in check.differences} == {
        f"/{name}/{side}" for name in doubled for side in ("excl_vat", "incl_vat")
    }


def test_omitted_optional_totals_are_no_differences(cdr: Cdr) -> None:
    bare = altered(
        cdr, total_fixed_cost=None, total_energy_cost=None, total_parking_cost=None, total_parking_time=None
    )
    report = reconcile(bare, full_context(cdr))
    assert not report.held
    assert codes(report, Rule.COMPUTED_COST) == {"cdr_cost_part_omitted"}
    assert codes(report, Rule.VOLUME_SUMS) == {"cdr_parking_time_omitted"}
    assert report.check(Rule.SUM_OF_PARTS).status is CheckStatus.UNCHECKED
    for finding in report.findings:
        assert_has_sentence(finding)


def test_vat_left_out(cdr: Cdr) -> None:
    report = reconcile(altered(cdr, total_cost=price_of("12.00")), full_context(cdr))
    assert codes(report, Rule.COMPUTED_COST) == {"cdr_cost_with_vat_omitted"}
    free_of_vat = tariff([{"price_components": [component("ENERGY", "0.40", vat=None)]}])
    plain = make_cdr(tariffs=[free_of_vat], signed_data=SIGNED)
    assert plain.total_cost.incl_vat is None
    assert codes(reconcile(plain, full_context(plain)), Rule.COMPUTED_COST) == set()
    equal = altered(plain, total_cost=price_of("9.50", "9.50"))  # no VAT: with VAT is the same amount
    assert codes(reconcile(equal, full_context(plain)), Rule.COMPUTED_COST) == set()
    taxed = altered(plain, total_cost=price_of("9.50", "11.305"))
    assert codes(reconcile(taxed, full_context(plain)), Rule.COMPUTED_COST) == {"cdr_cost_differs"}


def test_customary_roundings_pass_but_no_whole_cent(cdr: Cdr) -> None:
    """0.333 kWh at 0.41 EUR = 0.13653 EUR: 0.1365 to four decimals, 0.14 to the cent."""
    odd = [{"price_components": [component("ENERGY", "0.41", vat=None)]}]
    made = make_cdr(tariffs=[tariff(odd)])
    exact = made.total_cost.excl_vat  # 23.75 * 0.41 = 9.7375
    assert exact == Decimal("9.7375")
    for written, fits in (
        ("9.74", True),
        ("9.7375", True),
        ("9.7325", True),
        ("9.73", False),
        ("9.75", False),
    ):
        changed = altered(made, total_cost=price_of(written), total_energy_cost=None)
        assert (
            bool(codes(reconcile(changed, context()), Rule.COMPUTED_COST) & {"cdr_cost_differs"}) is not fits
        )


def test_limit_explains_a_total_that_is_not_the_sum() -> None:
    limited = make_cdr(
        tariffs=[tariff(max_price={"excl_vat": Decimal("10.00"), "incl_vat": Decimal("11.90")})]
    )
    assert limited.total_cost == price_of("10.00", "11.90")
    report = reconcile(limited, context())
    assert report.check(Rule.SUM_OF_PARTS).status is CheckStatus.PASSED
    assert not report.held
    # the limit excuses only the limit
    assert codes(
        reconcile(altered(limited, total_cost=price_of("9.98", "11.90")), context()), Rule.SUM_OF_PARTS
    )
    # and never where the sum does not exceed it
    low = make_cdr(tariffs=[tariff(max_price={"excl_vat": Decimal("20.00"), "incl_vat": Decimal("23.80")})])
    assert codes(reconcile(altered(low, total_cost=price_of("20.00", "23.80")), context()), Rule.SUM_OF_PARTS)


def test_limit_without_vat_leaves_the_amount_with_vat_to_the_tariff() -> None:
    limited = make_cdr(tariffs=[tariff(max_price={"excl_vat": Decimal("10.00")})])
    assert limited.total_cost == price_of("10.00", "11.90")
    sums = reconcile(limited, context()).check(Rule.SUM_OF_PARTS)
    assert [(item.where, item.reason) for item in sums.unchecked] == [
        ("/total_cost/incl_vat", UncheckedReason.LIMIT_WITHOUT_VAT)
    ]
    forged = reconcile(altered(limited, total_cost=price_of("10.00", "11.95")), context())
    assert codes(forged, Rule.COMPUTED_COST) >= {"cdr_cost_differs"}


def test_unnamed_tariff_among_several() -> None:
    made = make_cdr()
    several = altered(made, tariffs=(tariff(), tariff(id="T2")))
    unnamed = periods(lambda p: [p[0].model_copy(update={"tariff_id": None}), *p[1:]])(several)
    report = reconcile(unnamed, context())
    assert codes(report, Rule.TARIFF_IDS) == {"cdr_tariff_not_named"}
    assert report.held  # that period has no price


def test_parking_total_without_parking_time(cdr: Cdr) -> None:
    bare = with_volume(cdr, 2, "PARKING_TIME", None)
    assert reconcile(bare, full_context(cdr)).held  # an empty period is none
    charging_only = periods(lambda p: p[:2])(altered(cdr, end_date_time=START + 60 * MINUTE))
    report = reconcile(charging_only, full_context(cdr))
    assert ("/total_parking_time", "cdr_unchecked_no_dimension") in {
        (u.where, u.reason) for u in report.unchecked
    }


def test_values_of_another_type_are_read_as_the_wire_would(cdr: Cdr) -> None:
    """Text and integers in an unvalidated object are what JSON would have brought."""
    loose = altered(
        cdr,
        last_updated="2025-03-10T12:30:00Z",
        total_parking_time=0,
        charging_periods=list(cdr.charging_periods),
    )
    assert codes(reconcile(loose, full_context(cdr)), Rule.VOLUME_SUMS) == {"cdr_parking_sum_differs"}


def test_hours_of_three_decimals_are_no_difference(cdr: Cdr) -> None:
    rounded = with_volume(with_volume(cdr, 2, "PARKING_TIME", Decimal("0.333")), 0, "TIME", Decimal("0.75"))
    rounded = altered(rounded, total_time=Decimal("1.333"), total_parking_time=Decimal("0.333"))
    assert reconcile(rounded, full_context(cdr)).check(Rule.VOLUME_SUMS).status is CheckStatus.PASSED


def test_integer_hours_are_not_a_licence(cdr: Cdr) -> None:
    """``1`` may be 1.000 written by JSON, but it does not stand for 1.33."""
    assert "cdr_time_sum_differs" in codes(
        reconcile(altered(cdr, total_time=Decimal(1)), full_context(cdr)), Rule.VOLUME_SUMS
    )


def test_volumes_without_dimension_are_unchecked_with_a_warning(cdr: Cdr) -> None:
    bare = with_volume(with_volume(cdr, 0, "ENERGY", None), 1, "ENERGY", None)
    report = reconcile(bare, full_context(cdr))
    assert "cdr_total_without_dimension" in codes(report, Rule.VOLUME_SUMS)
    assert report.check(Rule.VOLUME_SUMS).status is CheckStatus.UNCHECKED


def test_unknown_start_is_not_judged(cdr: Cdr) -> None:
    unknown = altered(cdr, start_date_time=START.replace(year=1970, month=1, day=1, hour=0))
    reasons = {item.reason for item in reconcile(unknown, full_context(cdr)).unchecked}
    assert reasons == {UncheckedReason.START_UNKNOWN}


def test_period_after_the_start_is_accepted_with_a_warning(cdr: Cdr) -> None:
    report = reconcile(later("start_date_time", minutes=-5)(cdr), full_context(cdr))
    assert codes(report, Rule.PERIOD_ORDER) == {"cdr_period_after_start"}
    assert report.check(Rule.PERIOD_ORDER).status is CheckStatus.PASSED
    assert report.check(Rule.VOLUME_SUMS).status is CheckStatus.PASSED


def test_id_without_room_for_a_credit_is_noted() -> None:
    made = make_cdr(id="x" * 35, signed_data=SIGNED)
    report = reconcile(made, full_context(made))
    assert [(item.code, item.severity) for item in report.findings] == [
        ("cdr_id_leaves_no_room_for_credit", Severity.NOTE)
    ]


def test_negative_prices_leave_the_order_of_vat_open() -> None:
    dynamic = tariff([{"price_components": [component("ENERGY", "-0.05")]}])
    made = make_cdr(tariffs=[dynamic], signed_data=SIGNED)
    report = reconcile(made, full_context(made))
    assert report.check(Rule.VAT_ORDER).status is CheckStatus.UNCHECKED
    assert not report.held
