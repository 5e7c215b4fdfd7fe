"""``POST /api/v1/cdrs/check``: CDRs against the meter, stored tariffs, the ledger and one another."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.service.operator_check import MAX_CDRS
from ocpi.cdrs.credit import credit_cdr
from ocpi.objects.cdr import Cdr
from ocpi.transport import json
from ocpi.versions import V2_2_1
from tests.eichrecht.service.service_support import TARIFF, Operator, in_service

PATH = "/cdrs/check"


async def sent(operator: Operator, cdr_id: str = "S1") -> dict[str, Any]:
    async with operator.service.database.reading() as tx:
        value: dict[str, Any] = json.loads((await tx.cdrs.get("DE", "CPO", cdr_id)).body)
    return value


async def ask(operator: Operator, cdrs: Any, **more: Any) -> Any:
    return await operator.ok("POST", PATH, {"cdrs": cdrs, "language": "en", **more})


def codes(result: Any) -> set[str]:
    return {item["code"] for item in result["findings"]}


def test_our_own_cdr_agrees_by_our_own_key_ring(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        value = await sent(operator)
        answer = await ask(operator, value)
        (result,) = answer["results"]
        assert (result["outcome"], result["verdict"], result["id"]) == ("agrees", "valid", "S1")
        assert result["verification"]["records"][0]["key"]["trust"] == "confirmed"
        assert answer["counts"] == {"agrees": 1, "wrong": 0, "cost_differs": 0, "undecided": 0}
        envelope = {"status_code": 1000, "timestamp": "2026-03-02T18:00:00Z", "data": [value]}
        (again,) = (await ask(operator, envelope))["results"]
        assert (again["outcome"], again["where"]) == ("agrees", "/data/0")

    in_service(tmp_path, work)


def test_what_differs_from_meter_tariff_and_store_is_told_apart(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        value = await sent(operator)
        dearer = value | {"id": "F1", "tariffs": [TARIFF | {"last_updated": "2026-01-01T00:00:00Z"}]}
        dearer = json.loads(json.dumps(dearer))
        dearer["tariffs"][0]["elements"][0]["price_components"][0]["price"] = Decimal("0.60")
        answer = await ask(operator, [value | {"remark": "changed"}, dearer])
        altered, foreign = answer["results"]
        assert (altered["outcome"], codes(altered) & {"cdr_differs_from_stored"}) == (
            "wrong",
            {"cdr_differs_from_stored"},
        )
        assert {"cdr_record_billed_elsewhere", "cdr_tariff_differs_from_snapshot"} <= codes(foreign)
        assert foreign["groups"]["self_consistency"] == "passed"
        assert foreign["groups"]["cost"] == "failed"
        twice = {"cdr_duplicate_session", "cdr_duplicate_signed_record"}
        assert {item["code"] for item in answer["duplicates"]} == twice
        believed = await ask(operator, dearer, stored_tariffs=False)
        assert believed["results"][0]["groups"]["cost"] == "failed"  # 10 kWh at 0.60 are not 5.00
        given = await ask(operator, value, tariffs=[TARIFF | {"id": "T9"}, TARIFF])
        assert given["results"][0]["outcome"] == "agrees"

    in_service(tmp_path, work)


def test_energy_that_the_meter_did_not_sign(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        value = await sent(operator)
        value["total_energy"] = Decimal("10.001")
        (result,) = (await ask(operator, value))["results"]
        fields = {(item["field"], item["rule"]): item for item in result["differences"]}
        difference = fields["total_energy", "signed_values"]
        assert (difference["claimed"], difference["computed"]) == ("10.001", "10.000")
        assert (difference["difference"], difference["tolerance"]) == ("0.001", "0")
        assert result["outcome"] == "wrong"

    in_service(tmp_path, work)


def test_a_credit_is_compared_with_the_stored_original(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        await operator.ok("POST", "/cdrs/S1/credit")
        value = await sent(operator, "S1-C")
        (good,) = (await ask(operator, value))["results"]
        assert good["outcome"] == "agrees", good["findings"]
        assert good["rules"]["credit"] == "passed"
        value["id"] = "OTHER-C"
        value["total_cost"]["excl_vat"] = Decimal("-4.99")
        (bad,) = (await ask(operator, value))["results"]
        assert "cdr_credit_amount_differs" in codes(bad)

    in_service(tmp_path, work)


def test_a_credit_of_a_foreign_cdr_finds_its_original_in_the_request(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        value = await sent(operator) | {"party_id": "XYZ"}
        original = V2_2_1.load(Cdr, value)
        credit = V2_2_1.dump(credit_cdr(original, original.last_updated + timedelta(minutes=1)))
        answer = await ask(operator, [credit, value])
        assert answer["results"][0]["rules"]["credit"] == "passed"
        assert "cdr_unchecked_credited_cdr_not_given" in codes((await ask(operator, [credit]))["results"][0])

    in_service(tmp_path, work)


def test_a_credit_is_reconciled_before_it_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Credit CDR that is no true copy never leaves: nothing is credited, the reasons are in the answer."""

    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        made = credit_cdr

        def careless(*arguments: Any) -> Cdr:
            return made(*arguments).model_copy(update={"remark": "not the original's"})

        monkeypatch.setattr("eichrecht.service.chain.credit_cdr", careless)
        refused = await operator.call("POST", "/cdrs/S1/credit")
        error = json.loads(refused.content)["error"]
        assert (refused.status_code, error["code"]) == (409, "correction_refused")
        assert [item["code"] for item in error["findings"]] == ["cdr_credit_field_changed"]
        assert (await operator.ok("GET", "/cdrs/S1"))["credited"] is False
        monkeypatch.undo()
        (credit,) = await operator.ok("POST", "/cdrs/S1/credit")
        assert credit["state"] == "ready"

    in_service(tmp_path, work)


def test_a_request_that_is_no_cdr_has_a_result_each(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        answer = await ask(operator, [{"id": 7}, {"total_cost": 1, "id": "x"}, "text", None, 5])
        assert [item["outcome"] for item in answer["results"]] == ["undecided", "wrong"] + ["undecided"] * 3
        assert answer["duplicates"] == []

    in_service(tmp_path, work)


BAD = [
    ({}, "missing_field"),
    ({"cdrs": []}, "bad_count"),
    ({"cdrs": [{}] * (MAX_CDRS + 1)}, "bad_count"),
    ({"cdrs": {}, "tarifs": []}, "unknown_field"),
    ({"cdrs": {}, "time_zone": "Europe/Atlantis"}, "bad_terms"),
    ({"cdrs": {}, "time_zone": "../../etc/passwd"}, "bad_terms"),
    ({"cdrs": {}, "time_zone": 7}, "missing_field"),
    ({"cdrs": {}, "credit_style": "some"}, "bad_terms"),
    ({"cdrs": {}, "policy": "nobody"}, "bad_policy"),
    ({"cdrs": {}, "policy": 7}, "bad_policy"),
    ({"cdrs": {}, "policy": {"tolerance": []}}, "bad_policy"),
    ({"cdrs": {}, "tariffs": [{}]}, "no_tariff"),
    ({"cdrs": {}, "tariffs": [TARIFF], "stored_tariffs": True}, "bad_terms"),
    ({"cdrs": {}, "allow_unsigned": "yes"}, "missing_field"),
    ({"cdrs": {}, "keys": "zz"}, "bad_keys"),
    ({"cdrs": {}, "keys": ["zz"]}, "key_unreadable"),
    ({"cdrs": {}, "language": "fr"}, "bad_language"),
]


def test_bad_requests_name_what_is_wrong(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        for body, code in BAD:
            response = await operator.call("POST", PATH, body)
            assert (response.status_code, json.loads(response.content)["error"]["code"]) == (400, code), body
        closed = await operator.call("POST", PATH, {"cdrs": {}}, token="another")
        assert closed.status_code == 401

    in_service(tmp_path, work)


def test_terms_of_the_request_hold(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        value = await sent(operator)
        del value["signed_data"]
        value["total_cost"]["excl_vat"] += Decimal("0.01")
        (strict,) = (await ask(operator, value | {"id": "F2"}, allow_unsigned=True))["results"]
        assert strict["outcome"] == "cost_differs"
        loose = await ask(operator, value | {"id": "F2"}, allow_unsigned=True, policy={"tolerance": "0.02"})
        assert loose["results"][0]["outcome"] == "agrees", loose
        (unsigned,) = (await ask(operator, value | {"id": "F2"}, policy={"tolerance": "0.02"}))["results"]
        assert (unsigned["outcome"], "cdr_signature_missing" in codes(unsigned)) == ("undecided", True)
        german = await ask(operator, value, language="de")
        assert any("ü" in item["message"] for item in german["results"][0]["findings"])

    in_service(tmp_path, work)


def test_what_is_agreed_with_a_partner_prices_and_checks_its_cdrs(tmp_path: Path) -> None:
    """Its rounding when we bill, its tolerance when we check; the report names it, a request may say another."""
    odd = TARIFF | {"last_updated": "2026-01-02T00:00:00Z"}
    odd = json.loads(json.dumps(odd))
    odd["elements"][0]["price_components"][0]["price"] = Decimal("0.4999")
    agreed = {"pricing": {"name": "emp", "based_on": "cents", "tolerance": "0.03"}, "in_doubt": "hold"}

    async def work(operator: Operator) -> None:
        await operator.ok("PUT", "/tariffs", odd)
        assert (await operator.ok("PUT", "/partners/p1/settings", agreed))["settings"] == agreed
        (known,) = await operator.ok("GET", "/partners")
        assert known["settings"] == agreed
        await operator.take()
        value = await sent(operator)
        assert value["total_cost"] == {"excl_vat": Decimal("5.00"), "incl_vat": Decimal("5.95")}
        value = json.loads(json.dumps(value))
        for field in ("total_cost", "total_energy_cost"):
            value[field] = {"excl_vat": Decimal("5.02"), "incl_vat": Decimal("5.97")}
        (result,) = (await ask(operator, value | {"id": "S9"}))["results"]
        assert result["groups"]["cost"] == "passed"
        assert (result["policy"], result["policy_settings"]["tolerance"]) == ("emp", "0.03")
        (strict,) = (await ask(operator, value | {"id": "S9"}, policy="default"))["results"]
        assert (strict["groups"]["cost"], strict["policy"]) == ("failed", "default")

    in_service(tmp_path, work)


@pytest.mark.parametrize(
    "settings",
    [
        {"tolerance": 1},
        {"in_doubt": "perhaps"},
        {"pricing": "no-such-policy"},
        {"pricing": {"tolerence": "0.03"}},
        {"pricing": [1]},
    ],
)
def test_partner_settings_that_mean_nothing_are_refused(tmp_path: Path, settings: Any) -> None:
    async def work(operator: Operator) -> None:
        refused = await operator.call("PUT", "/partners/p1/settings", settings)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_settings")
        (known,) = await operator.ok("GET", "/partners")
        assert known["settings"] == {"in_doubt": "resend", "pricing": None}
        unknown = await operator.call("PUT", "/partners/nobody/settings", {"in_doubt": "hold"})
        assert unknown.status_code == 404

    in_service(tmp_path, work)
