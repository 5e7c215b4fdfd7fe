"""``eichrecht cdr price``: a CDR of any version, by the policy of a partner."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.cli.app import main
from ocpi.cdrs.errors import CdrBuildError
from ocpi.cdrs.reconcile import as_json, price_cdr
from ocpi.cdrs.totals import build_cdr
from ocpi.objects.cdr import Cdr
from ocpi.objects.tariff import TaxIncluded
from ocpi.tariffs import POLICIES, compile_tariff, policy_from, policy_settings, price
from ocpi.transport.json import dumps, loads
from ocpi.versions import V2_1_1, V2_2_1, V2_3_0
from tests.ocpi.cdrs.cdr_samples import BERLIN, HEADER, component, make_cdr, session, tariff

EXAMPLE = Path(__file__).resolve().parents[3].parent / "shared/vectors/ocpi/examples-2.3.0/cdr_example.json"
VAT_19 = {"name": "VAT", "percentage": "19", "amount": "2.28"}


Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    def run(data: Any, *options: str) -> tuple[int, Any]:
        file = tmp_path / "cdr.json"
        file.write_bytes(dumps(data))
        with pytest.raises(SystemExit) as ended:
            main(["cdr", "price", str(file), "--json", *options])
        out = capsys.readouterr().out
        return int(ended.value.code or 0), loads(out) if out else None

    return run


def test_2_3_0_answers_in_its_words_beside_those_of_2_2_1(command: Command) -> None:
    status, answer = command(V2_3_0.dump(make_cdr()))
    assert status == 0
    assert answer["total_cost"] == {
        "excl_vat": "12.00",
        "incl_vat": "14.28",
        "before_taxes": "12.00",
        "taxes": [VAT_19],
        "after_taxes": "14.28",
    }
    assert answer["total_time_cost"] is None
    (energy,) = [line for line in answer["lines"] if line["dimension"] == "ENERGY"]
    assert energy["cost"]["taxes"] == [{**VAT_19, "amount": "1.805"}]
    assert answer["differences"] == []


def test_2_2_1_answers_without_tax_lines(command: Command) -> None:
    status, answer = command(V2_2_1.dump(make_cdr()))
    assert (status, answer["total_cost"]) == (0, {"excl_vat": "12.00", "incl_vat": "14.28"})


def test_2_1_1_is_priced_without_vat(command: Command) -> None:
    cdr = make_cdr(tariffs=[tariff([{"price_components": [component("ENERGY", "0.40", None)]}])])
    status, answer = command(V2_1_1.dump(cdr))
    assert status == 0
    assert answer["total_cost"] == {"excl_vat": "9.50", "incl_vat": None}
    assert {finding["code"] for finding in answer["findings"]} >= {"owner_unknown", "token_incomplete"}


def test_wrong_taxes_of_2_3_0_differ(command: Command) -> None:
    data = V2_3_0.dump(make_cdr())
    data["total_cost"]["taxes"][0]["amount"] = Decimal("2.30")
    status, answer = command(data)
    assert status == 1
    (difference,) = answer["differences"]
    assert (difference["field"], difference["claimed"], difference["computed"]) == (
        "total_cost.incl_vat",
        "14.30",
        "14.28",
    )


def inclusive() -> Cdr:
    """A CDR whose tariff includes taxes of unknown rate: 9.50 with taxes, of which nobody knows how much is tax."""
    source = tariff([{"price_components": [component("ENERGY", "0.40", None)]}])
    cdr = make_cdr(tariffs=[source])
    with_taxes = source.model_copy(update={"tax_included": TaxIncluded.YES})
    totals = {
        name: cost.model_copy(update={"excl_vat": Decimal("8.26"), "incl_vat": Decimal("9.50")})
        for name in ("total_cost", "total_energy_cost")
        if (cost := getattr(cdr, name)) is not None
    }
    return cdr.model_copy(update={"tariffs": (with_taxes,), **totals})


def test_taxes_of_unknown_rate(command: Command) -> None:
    """Only the amount with taxes can be compared; before_taxes stays unknown and is not taken for 0 %."""
    status, answer = command(V2_3_0.dump(inclusive()))
    assert status == 0
    assert answer["total_cost"] == {
        "excl_vat": None,
        "incl_vat": "9.50",
        "before_taxes": None,
        "taxes": [],
        "after_taxes": "9.50",
    }
    assert answer["differences"] == []
    assert {finding["code"] for finding in answer["findings"]} == {"net_unknown"}
    claimed = V2_3_0.dump(inclusive())
    claimed["total_cost"]["taxes"][0]["amount"] += 1
    status, answer = command(claimed)
    assert (status, [one["field"] for one in answer["differences"]]) == (1, ["total_cost.incl_vat"])


def test_no_cdr_can_be_built_without_net_amounts() -> None:
    source = tariff([{"price_components": [component("ENERGY", "0.40", None)]}], tax_included="YES")
    breakdown = price(session(), [compile_tariff(source)], BERLIN)
    with pytest.raises(CdrBuildError) as caught:
        build_cdr(HEADER, session(), [source], breakdown)
    assert caught.value.code == "net_unknown"


def test_own_cdr_keeps_its_tax_lines_if_asked() -> None:
    breakdown = price(session(), [compile_tariff(tariff())], BERLIN)
    cdr = build_cdr(HEADER, session(), [tariff()], breakdown, tax_lines=True)
    assert cdr.total_cost.taxes is not None
    assert [tax.amount for tax in cdr.total_cost.taxes] == [Decimal("2.28")]
    assert as_json(price_cdr(cdr, time_zone=BERLIN))["differences"] == []


def test_policy_of_the_command_line(tmp_path: Path, command: Command) -> None:
    data = V2_2_1.dump(make_cdr())
    status, answer = command(data, "--policy", "german-calibration-law")
    assert status == 1
    assert answer["policy"] == "german-calibration-law"
    assert {finding["code"] for finding in answer["findings"]} == {"law_time_uncertified"}
    settings = tmp_path / "partner.json"
    settings.write_text('{"name": "partner-7", "based_on": "german-calibration-law", "time_certified": true}')
    status, answer = command(data, "--policy", str(settings))
    assert (status, answer["policy"], answer["findings"]) == (0, "partner-7", [])
    assert answer["policy_settings"]["time_certified"] == "true"
    settings.write_text('{"money_digit": 2}')
    assert command(data, "--policy", str(settings))[0] == 64
    assert command(data, "--policy", str(tmp_path / "absent.json"))[0] == 64


def test_refusal_names_its_reasons(tmp_path: Path, command: Command) -> None:
    settings = tmp_path / "partner.json"
    settings.write_text('{"based_on": "german-calibration-law", "law": "refused"}')
    status, answer = command(V2_2_1.dump(make_cdr()), "--policy", str(settings))
    assert (status, answer["total_cost"]) == (2, None)
    codes = [finding["code"] for finding in answer["findings"]]
    assert "law_time_uncertified" in codes
    assert "cdr_pricing_failed" in codes


def test_settings_stand_in_every_report() -> None:
    policy = policy_from({"name": "yen", "based_on": "cents"})
    answer = as_json(price_cdr(make_cdr(), time_zone=BERLIN, policy=policy))
    assert answer["policy"] == "yen"
    assert answer["policy_settings"] == policy_settings(policy)
    assert policy_settings(policy)["currency_digits"] == policy_settings(POLICIES["cents"])["currency_digits"]


@pytest.mark.skipif(not EXAMPLE.exists(), reason=f"{EXAMPLE} is not there")
def test_example_of_the_specification(command: Command) -> None:
    status, answer = command(loads(EXAMPLE.read_bytes()), "--time-zone", "Europe/Brussels")
    assert status == 0
    assert answer["total_cost"]["before_taxes"] == "4.00"
    assert answer["total_cost"]["taxes"] == [{"name": "VAT", "percentage": "10.0", "amount": "0.40"}]
    assert answer["total_cost"]["after_taxes"] == "4.40"
