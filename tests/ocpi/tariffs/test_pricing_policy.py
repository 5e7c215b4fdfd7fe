"""Policies: settings of a partner, their report, and what is written by them."""

from dataclasses import FrozenInstanceError, fields
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.findings import Severity
from ocpi.objects.tariff import Tariff
from ocpi.tariffs import (
    DEFAULT,
    GERMAN_CALIBRATION_LAW,
    POLICIES,
    PolicyError,
    PricedSessionInput,
    PricingPolicy,
    SessionPeriod,
    compile_tariff,
    policy_from,
    policy_settings,
    price,
    wire_costs,
    wire_price,
    written_costs,
)
from ocpi.tariffs._frozen import maker
from ocpi.tariffs.breakdown import Amount, PeriodState, TaxLine, Volumes
from ocpi.tariffs.currencies import minor_digits
from ocpi.tariffs.errors import NetUnknownError, NotBillableError
from ocpi.tariffs.policy import MAX_MONEY_DIGITS, RoundingScope, TimeStep
from ocpi.tariffs.rounding import money, written_amount

START = datetime(2024, 1, 16, 9, 0, tzinfo=UTC)


def tariff(*components: dict[str, Any], **more: Any) -> Tariff:
    return Tariff.model_validate(
        {
            "country_code": "DE",
            "party_id": "ABC",
            "id": "T",
            "currency": "EUR",
            "last_updated": "2024-01-01T00:00:00Z",
            "elements": [{"price_components": components}],
            **more,
        }
    )


def one_hour(energy_kwh: str = "10") -> PricedSessionInput:
    end = START + timedelta(hours=1)
    return PricedSessionInput((SessionPeriod(PeriodState.CHARGING, START, end, Decimal(energy_kwh)),))


def energy(price_: str, **more: Any) -> dict[str, Any]:
    return {"type": "ENERGY", "price": Decimal(price_), "step_size": 1, **more}


def test_settings_of_a_partner() -> None:
    policy = policy_from(
        {
            "name": "partner-7",
            "money_digits": 2,
            "tolerance": "0.01",
            "time_step": "parking",
            "limits": "without_reservation",
        }
    )
    assert (policy.name, policy.money_digits, policy.tolerance) == ("partner-7", 2, Decimal("0.01"))
    assert policy.time_step is TimeStep.PARKING
    assert policy_from({"based_on": "german-calibration-law"}) == GERMAN_CALIBRATION_LAW
    assert policy_from({"based_on": "cents", "money_digits": 3}).name == "cents (changed)"
    assert policy_from("default") is DEFAULT


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("nobody", "unknown_policy"),
        ({"based_on": "nobody"}, "unknown_policy"),
        ({"based_on": ["default"]}, "bad_setting"),
        ({"money_digit": 2}, "unknown_setting"),
        ({"money_digits": -1}, "bad_setting"),
        ({"money_digits": MAX_MONEY_DIGITS + 1}, "bad_setting"),
        ({"money_digits": True}, "bad_setting"),
        ({"money_digits": "2"}, "bad_setting"),
        ({"time_certified": 1}, "bad_setting"),
        ({"tolerance": "NaN"}, "bad_setting"),
        ({"tolerance": -1}, "bad_setting"),
        ({"tolerance": "one cent"}, "bad_setting"),
        ({"tolerance": True}, "bad_setting"),
        ({"limits": "all"}, "bad_setting"),
        ({"limits": ["with_reservation"]}, "bad_setting"),
        ({"name": ""}, "bad_setting"),
        ({"name": 7}, "bad_setting"),
    ],
)
def test_settings_that_mean_nothing(source: Any, reason: str) -> None:
    with pytest.raises(PolicyError) as caught:
        policy_from(source)
    assert caught.value.reason == reason


@pytest.mark.parametrize("digits", [-1, MAX_MONEY_DIGITS + 1])
def test_digits_that_nobody_writes(digits: int) -> None:
    with pytest.raises(PolicyError):
        PricingPolicy(money_digits=digits)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=lambda policy: str(policy.name))
def test_report_tells_every_setting_and_reads_back(policy: PricingPolicy) -> None:
    settings = dict(policy_settings(policy))
    assert set(settings) == {item.name for item in fields(PricingPolicy)} - {"name"}
    typed: dict[str, Any] = {
        key: value == "true" if value in {"true", "false"} else int(value) if key == "money_digits" else value
        for key, value in settings.items()
    }
    assert policy_from({"name": policy.name, **typed}) == policy


def test_currency_digits() -> None:
    assert [minor_digits(code) for code in ("EUR", "jpy", "KWD", "CLF", "???")] == [2, 0, 3, 4, 2]
    costs = written_costs(
        price(
            one_hour("1"),
            [compile_tariff(tariff(energy("0.2345"), currency="KWD"))],
            "UTC",
            POLICIES["cents"],
        ),
        POLICIES["cents"],
    )
    assert str(costs.total_cost.excl_vat) == "0.235"
    yen = compile_tariff(tariff(energy("100.5"), currency="JPY"))
    result = price(one_hour("1"), [yen], "UTC", POLICIES["cents"])
    assert str(written_costs(result, POLICIES["cents"]).total_cost.excl_vat) == "101"


@pytest.mark.parametrize("scope", RoundingScope)
def test_rounded_sums_add_up(scope: RoundingScope) -> None:
    """With rounded parts or lines the written parts sum to the written total; with exact ones they need not."""
    parts = [
        {"type": "FLAT", "price": Decimal("0.005"), "vat": 7, "step_size": 1},
        energy("0.0005", vat=19),
        {"type": "TIME", "price": Decimal("0.005"), "step_size": 1},
    ]
    policy = PricingPolicy(money_digits=2, rounding_scope=scope)
    costs = written_costs(price(one_hour(), [compile_tariff(tariff(*parts))], "UTC", policy), policy)
    total = sum(
        part.excl_vat
        for part in (costs.total_fixed_cost, costs.total_energy_cost, costs.total_time_cost)
        if part is not None and part.excl_vat is not None
    )
    assert total == Decimal("0.03")
    assert costs.total_cost.excl_vat == (Decimal("0.02") if scope is RoundingScope.TOTAL else total)


def test_wire_costs_with_tax_lines() -> None:
    result = price(
        one_hour(),
        [
            compile_tariff(
                tariff(energy("0.3", vat=10), {"type": "FLAT", "price": 1, "vat": 20, "step_size": 1})
            )
        ],
        "UTC",
    )
    assert wire_costs(result).total_cost.taxes is None
    taxes = wire_costs(result, with_taxes=True).total_cost.taxes
    assert taxes is not None
    assert [(tax.name, tax.percentage, tax.amount) for tax in taxes] == [
        ("VAT", 10, Decimal("0.30")),
        ("VAT", 20, Decimal("0.20")),
    ]


def test_price_needs_a_net_amount() -> None:
    result = price(one_hour(), [compile_tariff(tariff(energy("0.3"), tax_included="YES"))], "UTC")
    assert written_costs(result).total_cost == Amount(None, Decimal("3.00"))
    with pytest.raises(NetUnknownError):
        wire_costs(result)
    with pytest.raises(NetUnknownError):
        wire_price(result.total)


def test_refusal_carries_its_reasons() -> None:
    policy = policy_from({"based_on": "german-calibration-law", "law": "refused"})
    with pytest.raises(NotBillableError) as caught:
        price(
            one_hour(), [compile_tariff(tariff({"type": "TIME", "price": 3, "step_size": 1}))], "UTC", policy
        )
    assert [finding.code for finding in caught.value.findings] == ["law_time_only", "law_time_uncertified"]
    assert {finding.severity for finding in caught.value.findings} == {Severity.ERROR}


amounts = st.decimals(-1000, 1000, places=9)


@given(net=amounts, taxes=st.lists(amounts, min_size=1, max_size=6), digits=st.integers(0, 6))
def test_written_taxes_sum_to_the_difference(net: Decimal, taxes: list[Decimal], digits: int) -> None:
    lines = tuple(TaxLine(Decimal(rate), tax) for rate, tax in enumerate(taxes))
    written = written_amount(Amount(net, net + sum(taxes), lines), PricingPolicy(money_digits=digits))
    assert written.excl_vat is not None
    assert written.incl_vat is not None
    assert sum(line.amount for line in written.taxes) == written.incl_vat - written.excl_vat
    unit = Decimal(1).scaleb(-digits)
    for line, exact in zip(written.taxes, taxes, strict=True):
        assert abs(line.amount - exact) <= unit * (len(taxes) + 3) / 2


@given(value=st.decimals(-(10**6), 10**6, places=12), digits=st.integers(0, MAX_MONEY_DIGITS))
def test_written_money_is_the_nearest(value: Decimal, digits: int) -> None:
    written = money(value, PricingPolicy(money_digits=digits))
    assert abs(written - value) <= Decimal(1).scaleb(-digits) / 2
    exponent = written.as_tuple().exponent
    assert isinstance(exponent, int)
    assert -digits <= exponent <= 0
    assert not (written.is_zero() and written.is_signed())


def test_maker_makes_the_frozen_class() -> None:
    make = maker(Volumes)
    made = make(Decimal(1), Decimal(2), Decimal(3), reservation_s=Decimal(4))
    assert type(made) is Volumes
    assert made == Volumes(Decimal(1), Decimal(2), Decimal(3), Decimal(4), 0)
    assert hash(made) == hash(Volumes(Decimal(1), Decimal(2), Decimal(3), Decimal(4)))
    with pytest.raises(FrozenInstanceError):
        made.flat_fees = 3  # type: ignore[misc]
    with pytest.raises(TypeError):
        make(Decimal(1))  # type: ignore[call-arg]


def test_maker_refuses_what_it_would_skip() -> None:
    with pytest.raises(TypeError):
        maker(dict)
    from ocpi.findings import Finding  # has a default factory

    with pytest.raises(TypeError):
        maker(Finding)
