"""Reading and writing objects of a version, and choosing a version."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ocpi.errors import InvalidObject
from ocpi.objects.cdr import Cdr
from ocpi.objects.session import Session, SessionStatus
from ocpi.objects.token import AuthorizationInfo, Token
from ocpi.objects.version import Version
from ocpi.transport import json
from ocpi.versions import V2_2_1, highest_mutual, wire_version
from tests.ocpi.platforms import CDR

TOKEN = {
    "country_code": "DE", "party_id": "MSP", "uid": "1", "type": "RFID", "contract_id": "C", "issuer": "I",
    "valid": True, "whitelist": "NEVER", "last_updated": "2026-01-01T00:00:00Z",
}  # fmt: skip


def problems(model: Any, data: Any) -> set[str]:
    with pytest.raises(InvalidObject) as caught:
        V2_2_1.load(model, data)
    return {problem.pointer for problem in caught.value.problems}


def test_problems_name_their_places_and_no_values() -> None:
    raw = json.loads(CDR)
    raw["charging_periods"][0]["dimensions"][0]["volume"] = "12-secret"
    raw["total_cost"] = {"excl_vat": True}
    assert problems(Cdr, raw) == {"/charging_periods/0/dimensions/0/volume", "/total_cost/excl_vat"}
    with pytest.raises(InvalidObject) as caught:
        V2_2_1.load(Cdr, raw)
    assert "secret" not in str(caught.value)


def test_the_number_of_problems_is_bounded() -> None:
    raw = json.loads(CDR)
    raw["charging_periods"] = [{} for _ in range(5000)]
    with pytest.raises(InvalidObject) as caught:
        V2_2_1.load(Cdr, raw)
    assert len(caught.value.problems) == 20


@pytest.mark.parametrize("value", ["true", 1, "yes", 0, None])
def test_booleans_are_booleans(value: Any) -> None:
    assert problems(Token, {**TOKEN, "valid": value}) == {"/valid"}


@pytest.mark.parametrize("data", [None, [], "x", 1])
def test_what_is_no_object(data: Any) -> None:
    assert problems(Token, data) == {""}


def test_texts_hold_no_line_breaks_and_ids_only_ascii() -> None:
    assert problems(Token, {**TOKEN, "issuer": "a\nb", "uid": "\u00e4"}) == {"/issuer", "/uid"}


def test_dump_leaves_none_out_and_keeps_unknown_fields_and_digits() -> None:
    token = V2_2_1.load(Token, {**TOKEN, "group_id": None, "new_in_3": {"x": Decimal("1.50"), "y": [None]}})
    dumped = V2_2_1.dump(token)
    assert "group_id" not in dumped
    assert str(dumped["new_in_3"]["x"]) == "1.50"
    assert dumped["type"] == "RFID"
    assert type(dumped["type"]) is str
    assert V2_2_1.load(Token, json.loads(json.dumps(dumped))).uid == "1"


def test_dump_refuses_a_float() -> None:
    token = V2_2_1.load(Token, {**TOKEN, "x": 0.5})
    with pytest.raises(TypeError, match="float"):
        V2_2_1.dump(token)


def test_session_status_of_the_prose_is_read_as_the_enum() -> None:
    patch = V2_2_1.load_patch(Session, {"status": "RESERVED", "last_updated": "2026-01-01T00:00:00Z"})
    assert patch.status is SessionStatus.RESERVATION  # type: ignore[attr-defined]
    assert patch.model_fields_set == {"status", "last_updated"}


def test_a_patch_needs_last_updated_and_valid_fields() -> None:
    with pytest.raises(InvalidObject, match="last_updated"):
        V2_2_1.load_patch(Token, {"valid": False})
    with pytest.raises(InvalidObject, match="/whitelist"):
        V2_2_1.load_patch(Token, {"whitelist": "SOMETIMES", "last_updated": "2026-01-01T00:00:00Z"})


def test_authorization_info() -> None:
    raw = {"allowed": "ALLOWED", "token": TOKEN, "location": {"location_id": "L", "evse_uids": ["E"]}}
    assert V2_2_1.dump(V2_2_1.load(AuthorizationInfo, raw)) == raw


def offered(*numbers: str) -> list[Version]:
    return [Version(version=number, url=f"https://a.example/{number}") for number in numbers]


def test_highest_mutual_version() -> None:
    chosen = highest_mutual(offered("2.2", "2.2.1", "2.1.1", "x", "9.9"))
    assert chosen is not None
    assert chosen[1].url == "https://a.example/2.2.1"
    assert highest_mutual(offered("2.2", "2.1", "2.3.0")) is None
    assert highest_mutual([]) is None
    assert wire_version("2.2") is None
    assert wire_version("2.2.1") is V2_2_1


def test_versions_compare_as_numbers_not_as_texts() -> None:
    class Other:
        base64_tokens = True

        def __init__(self, number: str) -> None:
            self.number = number

    ours: Any = [Other("2.9"), Other("2.10")]
    chosen = highest_mutual(offered("2.9", "2.10"), ours)
    assert chosen is not None
    assert chosen[0].number == "2.10"
