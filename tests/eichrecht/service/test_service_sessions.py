"""The operator API: taking sessions in, what may come again, releasing, discarding, crediting."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from eichrecht.containers.limits import MAX_DOCUMENT_BYTES
from eichrecht.service.api import MAX_REQUEST_BYTES
from eichrecht.store.tables import cdrs, deliveries
from ocpi.objects.cdr import Cdr
from ocpi.transport import json
from ocpi.versions import V2_2_1
from sample_meters.ocmf import tampered
from tests.eichrecht.service.service_support import TARIFF, Operator, facts, in_service, record


async def stored(operator: Operator, cdr_id: str) -> tuple[bytes, Cdr]:
    async with operator.service.database.reading() as tx:
        row = await tx.cdrs.get("DE", "CPO", cdr_id)
    return row.body, V2_2_1.load(Cdr, json.loads(row.body))


def test_a_session_becomes_a_ready_cdr_with_its_evidence(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        answer = await operator.take()
        assert (answer["outcome"], answer["known"]) == ("ready", False)
        assert answer["verification"]["verdict"] == "valid"
        cdr = answer["cdr"]
        assert (cdr["id"], cdr["session_id"], cdr["state"]) == ("S1", "S1", "ready")
        assert cdr["total_cost"] == {"excl_vat": Decimal("5.00"), "incl_vat": Decimal("5.95")}
        assert str(cdr["total_energy"]) == "10.000"
        _, made = await stored(operator, "S1")
        assert made.signed_data is not None
        assert made.signed_data.url == cdr["receipt_url"]
        shown = await operator.ok("GET", "/cdrs/S1")
        assert shown["delivery"]["state"] == "pending"
        assert shown["delivery"]["attempts"] == 0
        log = await operator.ok("GET", "/sessions")
        assert [(row["session_id"], row["outcome"]) for row in log] == [("S1", "ready")]

    in_service(tmp_path, work)


def test_the_same_session_again_is_answered_and_not_billed_again(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        first = await operator.take(claimed_energy_kwh=Decimal("10.000"))
        again = await operator.take(claimed_energy_kwh=Decimal("10.000"), status=200)
        assert again["known"] is True
        assert again["cdr"] == first["cdr"]
        # Another order of the members is the same request.
        value = facts(claimed_energy_kwh=Decimal("10.000"))
        turned = dict(reversed(value.items()))
        body = {"facts": turned, "signed_data": record().decode()}
        response = await operator.call("POST", "/sessions", body)
        assert response.status_code == 200
        assert len(await operator.ok("GET", "/cdrs")) == 1
        assert len(await operator.ok("GET", "/sessions")) == 1

    in_service(tmp_path, work)


@pytest.mark.parametrize("change", ["facts", "data"])
def test_a_changed_session_is_a_conflict_that_says_what_to_do(tmp_path: Path, change: str) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        if change == "facts":
            answer = await operator.take(status=409, remark="another remark")
        else:
            answer = await operator.take(record("11.000"), status=409)
        assert answer["error"]["code"] == "session_conflict"
        assert "S1" in answer["error"]["detail"]
        assert len(await operator.ok("GET", "/cdrs")) == 1

    in_service(tmp_path, work)


def test_a_refused_session_leaves_its_reason_and_may_come_again(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        refused = await operator.take(tampered(record(), '"RV":110.000', '"RV":120.000'))
        assert (refused["outcome"], refused["cdr"]) == ("refused", None)
        assert "signature_mismatch" in [item["code"] for item in refused["findings"]]
        log = await operator.ok("GET", "/sessions?outcome=refused")
        assert "signature_mismatch" in [item["code"] for item in log[0]["findings"]]
        assert (await operator.take())["outcome"] == "ready"
        assert await operator.ok("GET", "/sessions?outcome=refused") == log

    in_service(tmp_path, work)


def test_a_session_is_refused_until_somebody_vouches_for_the_key(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        from tests.eichrecht.service.service_support import EVSE, emsp, meter

        async with operator.service.database.transaction() as tx:
            await tx.partners.put(emsp())
        await operator.ok("PUT", "/tariffs", TARIFF)
        assert (await operator.take())["outcome"] == "refused"
        await operator.ok("POST", "/keys", {"charge_point": EVSE, "public_key": meter().public_key_text()})
        assert (await operator.take())["outcome"] == "ready"
        (key,) = await operator.ok("GET", "/keys")
        assert (key["charge_point"], key["source"]) == (EVSE, "operator")

    in_service(tmp_path, work, prepared=False)


def test_a_held_session_is_released_by_a_recorded_decision_only(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        held = await operator.take(claimed_energy_kwh=Decimal("11"))
        assert (held["outcome"], held["cdr"]["state"]) == ("held", "held")
        assert (await operator.ok("GET", "/cdrs/S1"))["delivery"] is None
        decision: dict[str, Any] = {"by": "M. Muster", "reason": "told wrongly", "codes": ["something_else"]}
        refused = await operator.call("POST", "/cdrs/S1/release", decision)
        assert refused.status_code == 409
        assert "claimed_energy_differs" in json.loads(refused.content)["error"]["detail"]
        for missing in ("by", "reason", "codes"):
            partial = {name: value for name, value in decision.items() if name != missing}
            assert (await operator.call("POST", "/cdrs/S1/release", partial)).status_code == 400
        decision["codes"] = ["claimed_energy_differs"]
        assert (await operator.ok("POST", "/cdrs/S1/release", decision))["state"] == "ready"
        assert (await operator.ok("GET", "/cdrs/S1"))["delivery"]["state"] == "pending"
        assert (await operator.call("POST", "/cdrs/S1/release", decision)).status_code == 409
        assert (await operator.call("POST", "/cdrs/S1/discard")).status_code == 409
        async with operator.service.database.reading() as tx:
            (override,) = (await tx.cdrs.get("DE", "CPO", "S1")).overrides
        assert (override.by, override.reason, override.code) == (
            "M. Muster",
            "told wrongly",
            "claimed_energy_differs",
        )

    in_service(tmp_path, work)


def test_a_discarded_session_may_come_again_with_a_new_cdr_id(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take(claimed_energy_kwh=Decimal("11"))
        assert (await operator.ok("POST", "/cdrs/S1/discard"))["state"] == "discarded"
        same_id = await operator.take(claimed_energy_kwh=Decimal("10"), status=409)
        assert same_id["error"]["code"] == "not_stored"
        again = await operator.take(claimed_energy_kwh=Decimal("10"), cdr_id="S1-2")
        assert (again["outcome"], again["cdr"]["id"]) == ("ready", "S1-2")
        assert (await operator.ok("GET", "/cdrs/S1"))["state"] == "discarded"

    in_service(tmp_path, work)


def test_a_partner_that_is_not_known_holds_the_cdr(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        value = facts()
        value["cdr_token"] = value["cdr_token"] | {"party_id": "XXX"}
        body = {"facts": value, "signed_data": record().decode()}
        answer = await operator.ok("POST", "/sessions", body)
        assert answer["outcome"] == "held"
        assert [f["code"] for f in answer["findings"] if f["severity"] == "error"] == [
            "cdr_token_owner_not_routed"
        ]

    in_service(tmp_path, work)


def test_the_tariff_is_the_one_in_force_at_session_start(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        dearer = json.loads(json.dumps(TARIFF))
        dearer["elements"][0]["price_components"][0]["price"] = Decimal("9.99")
        await operator.ok("PUT", "/tariffs", dearer | {"last_updated": "2026-03-02T15:00:01Z"})
        answer = await operator.take()
        assert answer["cdr"]["total_cost"]["excl_vat"] == Decimal("5.00")
        _, made = await stored(operator, "S1")
        assert [t.elements[0].price_components[0].price for t in made.tariffs] == [Decimal("0.50")]
        refused = await operator.take(session_id="S2", start_date_time="2025-12-31T23:59:59Z")
        codes = [item["code"] for item in refused["findings"]]
        assert (refused["outcome"], codes) == ("refused", ["tariff_unknown"])

    in_service(tmp_path, work)


def test_a_credit_leaves_the_original_untouched(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        before, original = await stored(operator, "S1")
        (credit,) = await operator.ok("POST", "/cdrs/S1/credit")
        assert (credit["id"], credit["credit"], credit["credit_reference_id"]) == ("S1-C", True, "S1")
        assert credit["total_cost"] == {"excl_vat": Decimal("-5.00"), "incl_vat": Decimal("-5.95")}
        after, _ = await stored(operator, "S1")
        assert after == before
        assert (await operator.ok("GET", "/cdrs/S1"))["credited"] is True
        _, made = await stored(operator, "S1-C")
        assert (made.total_energy, made.total_energy_cost) == (
            original.total_energy,
            original.total_energy_cost,
        )
        twice = await operator.call("POST", "/cdrs/S1/credit")
        assert (twice.status_code, json.loads(twice.content)["error"]["code"]) == (409, "cannot_credit")
        of_credit = await operator.call("POST", "/cdrs/S1-C/credit")
        assert of_credit.status_code == 409
        # The request that made the original is still answered with it; a corrected one may come in.
        assert (await operator.take(status=200))["cdr"]["id"] == "S1"
        assert (await operator.take(cdr_id="S1-2", remark="corrected"))["outcome"] == "ready"

    in_service(tmp_path, work)


def test_a_corrected_cdr_is_billed_from_the_same_evidence(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        corrected = facts(cdr_id="S1-2")
        corrected["cdr_token"] = corrected["cdr_token"] | {"uid": "OTHERCARD"}
        credit, new = await operator.ok("POST", "/cdrs/S1/credit", {"facts": corrected})
        assert (credit["id"], new["id"], new["state"]) == ("S1-C", "S1-2", "ready")
        _, made = await stored(operator, "S1-2")
        assert made.cdr_token.uid == "OTHERCARD"
        assert made.total_energy == 10
        assert made.signed_data is not None
        assert made.signed_data.url == new["receipt_url"] != credit["receipt_url"]
        again = await operator.take(session_id="S1", cdr_id="S1-3", remark="x", status=201)
        assert again["outcome"] == "refused"  # the corrected CDR bills this record
        assert [item["code"] for item in again["findings"]] == ["record_already_billed"]

    in_service(tmp_path, work)


def test_a_correction_that_may_not_leave_credits_nothing(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        wrong = facts(cdr_id="S1-2", claimed_energy_kwh=Decimal("99"))
        response = await operator.call("POST", "/cdrs/S1/credit", {"facts": wrong})
        error = json.loads(response.content)["error"]
        assert (response.status_code, error["code"]) == (409, "correction_refused")
        assert "claimed_energy_differs" in [item["code"] for item in error["findings"]]
        assert [row["id"] for row in await operator.ok("GET", "/cdrs")] == ["S1"]
        assert (await operator.ok("GET", "/cdrs/S1"))["credited"] is False

    in_service(tmp_path, work)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"fact": {}}, 400, "unknown_field"),
        ({"facts": None}, 400, "missing_field"),
        ({"tariff": TARIFF}, 400, "missing_field"),
        ({"facts": facts("OTHER", cdr_id="S1-2")}, 409, "cannot_credit"),
        (b"{", 400, "no_json"),
    ],
)
def test_a_credit_with_a_wrong_body_credits_nothing(
    tmp_path: Path, body: Any, status: int, code: str
) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")
        response = await operator.call("POST", "/cdrs/S1/credit", body)
        assert (response.status_code, json.loads(response.content)["error"]["code"]) == (status, code)
        assert len(await operator.ok("GET", "/cdrs")) == 1

    in_service(tmp_path, work)


def test_a_correction_in_a_chunked_body_is_no_mere_credit(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        await operator.take()
        await operator.delivered("S1")

        async def chunks() -> Any:
            yield json.dumps({"facts": facts(cdr_id="S1-2")})

        response = await operator.http.post(
            "/api/v1/cdrs/S1/credit",
            content=chunks(),
            headers={"Authorization": "Bearer operator-token-for-tests"},
        )
        assert [row["id"] for row in json.loads(response.content)] == ["S1-C", "S1-2"]

    in_service(tmp_path, work)


def test_policy_switches_come_from_the_settings_and_are_recorded(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        stepped = json.loads(json.dumps(TARIFF)) | {"last_updated": "2026-01-02T00:00:00Z"}
        stepped["elements"][0]["price_components"][0]["step_size"] = 3000
        await operator.ok("PUT", "/tariffs", stepped)
        answer = await operator.take()
        assert answer["outcome"] == "ready"
        assert answer["cdr"]["total_cost"]["excl_vat"] == Decimal("6.00")  # 12 kWh
        (noted,) = [item for item in answer["cdr"]["findings"] if item["code"] == "policy_overridden"]
        assert noted["params"] == {"code": "billed_energy_above_signed", "policy": "bill_rounded_energy"}

    in_service(tmp_path, work, bill_rounded_energy=True)


def test_a_withdrawn_tariff_still_prices_earlier_sessions(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        assert await operator.ok("DELETE", "/tariffs/T1") == {"id": "T1", "deleted": {}}
        assert (await operator.call("DELETE", "/tariffs/T1")).status_code == 404
        assert (await operator.take())["outcome"] == "ready"

    in_service(tmp_path, work)


def test_a_stopped_delivery_is_replayed_or_accepted_by_a_person(tmp_path: Path) -> None:
    async def stop(operator: Operator) -> None:
        async with operator.service.database.transaction() as tx:
            await tx.connection.execute(deliveries.update().values(state="held", last_error="conflict"))
            await tx.connection.execute(cdrs.update().values(state="failed"))

    async def work(operator: Operator) -> None:
        await operator.take()
        decision = {"by": "ops", "reason": "agreed by phone"}
        for path in ("/cdrs/S1/replay", "/cdrs/S1/accept"):
            response = await operator.call("POST", path, decision)  # it is on its way: nothing to decide
            assert response.status_code == 409, response.text
        await stop(operator)
        assert (await operator.ok("POST", "/cdrs/S1/replay"))["state"] == "ready"
        await stop(operator)
        assert (await operator.call("POST", "/cdrs/S1/accept", {"by": "ops"})).status_code == 400
        assert (await operator.ok("POST", "/cdrs/S1/accept", decision))["state"] == "delivered"
        async with operator.service.database.reading() as tx:
            (override,) = (await tx.cdrs.get("DE", "CPO", "S1")).overrides
        assert (override.code, override.by, override.reason) == ("conflict", "ops", "agreed by phone")
        assert (await operator.call("POST", "/cdrs/NONE/accept", decision)).status_code == 404

    in_service(tmp_path, work)


def test_a_held_cdr_has_no_delivery_to_decide_about(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        assert (await operator.take(claimed_energy_kwh=Decimal(11)))["outcome"] == "held"
        response = await operator.call("POST", "/cdrs/S1/replay")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "cannot_replay")

    in_service(tmp_path, work)


def test_a_document_of_the_largest_size_fits_into_a_request(tmp_path: Path) -> None:
    async def work(operator: Operator) -> None:
        answer = await operator.take(b" " * MAX_DOCUMENT_BYTES)
        codes = {finding["code"] for finding in answer["findings"]}
        assert (answer["outcome"], "document_too_large" in codes) == ("refused", False)
        body = b'{"facts": {}, "signed_data": "' + b"x" * MAX_REQUEST_BYTES + b'"}'
        assert (await operator.call("POST", "/sessions", body)).status_code == 413

    in_service(tmp_path, work)
