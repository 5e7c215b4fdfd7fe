"""Any JSON in place of a CDR has a result: no exception, no wrong praise, and time in proportion to its size."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eichrecht.evidence import Verdict
from eichrecht.service.cdr_check import (
    CheckedCdr,
    CheckTerms,
    Outcome,
    check_given,
    checked_as_json,
    duplicate_as_json,
    read_given,
)
from eichrecht.verification import Verifier
from eichrecht.verification.keys import SuppliedKey
from ocpi.cdrs.duplicates import find_duplicates
from ocpi.transport import json
from ocpi.versions import V2_1_1, V2_2_1, V2_3_0
from sample_meters.ocmf import OcmfMeter
from tests.eichrecht.billing.billing_support import bill

TERMS = CheckTerms(ZoneInfo("Europe/Berlin"))
VERIFIER = Verifier(keys=[SuppliedKey(OcmfMeter("secp256r1").public_key_text(), "key")])


@cache
def written() -> tuple[bytes, ...]:
    cdr = bill().cdr
    assert cdr is not None
    return tuple(json.dumps(wire.write(cdr).data) for wire in (V2_1_1, V2_2_1, V2_3_0))


def checked(value: Any) -> CheckedCdr:
    return check_given(read_given(value, VERIFIER, source="test"), TERMS)


def paths(value: Any, prefix: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [prefix] if prefix else []
    for key, item in items:
        found += paths(item, (*prefix, key))
    return found


numbers = st.one_of(
    st.integers(-(10**30), 10**30),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.just(Decimal("1E+60")),
)
values = st.one_of(
    st.none(),
    st.booleans(),
    numbers,
    st.text(max_size=40),
    st.sampled_from(
        ["1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "#NA", "EUR", "ENERGY"]
    ),
    st.just([]),
    st.just({}),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_damaged_cdr_has_a_result(data: st.DataObject) -> None:
    value = json.loads(data.draw(st.sampled_from(written())))
    for path in data.draw(st.lists(st.sampled_from(paths(value)), min_size=1, max_size=4)):
        node = value
        try:
            for key in path[:-1]:
                node = node[key]
            if data.draw(st.booleans()):
                node[path[-1]] = data.draw(values)
            else:
                del node[path[-1]]
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took the place away
    result = checked(value)
    for language in ("de", "en"):
        answer = json.loads(json.dumps(checked_as_json(result, language)))
        assert (answer["outcome"] == "agrees") == (answer["verdict"] == "valid")
    seen = [result.seen] * 2 if result.seen else []
    told = [duplicate_as_json(item, "en") for item in find_duplicates(seen)]
    assert [item["code"] for item in told] == ["cdr_duplicate_copy"] * bool(seen)


@settings(max_examples=100, deadline=None)
@given(
    st.recursive(
        values, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner)
    )
)
def test_any_json_has_a_result(value: Any) -> None:
    assert checked(value).outcome in {Outcome.UNDECIDED, Outcome.WRONG}


NOTHING_TO_COMPARE = {
    "step_size": "the CDR's own tariff, without the published one; 7 Wh do not move the cost by a cent",
    "voltage": "of the connector: described, not billed",
    "amperage": "of the connector: described, not billed",
    "percentage": "tax lines are compared by their sum, not by rate",
}


@pytest.mark.parametrize("number", [0, 1, 2])
def test_every_single_change_of_a_number_is_noticed(number: int) -> None:
    """Each number that is changed makes the CDR wrong, but for those that nothing in it can be compared with."""
    original = json.loads(written()[number])
    before = checked(original)
    assert before.outcome is (Outcome.UNDECIDED if number == 0 else Outcome.AGREES)
    unnoticed = []
    for path in paths(original):
        value = json.loads(written()[number])
        node = value
        for key in path[:-1]:
            node = node[key]
        if isinstance(node[path[-1]], bool) or not isinstance(node[path[-1]], int | Decimal):
            continue
        node[path[-1]] += 7
        if checked(value).verdict is not Verdict.INVALID:
            unnoticed.append("/".join(str(part) for part in path))
    assert {path.rpartition("/")[2] for path in unnoticed} <= NOTHING_TO_COMPARE.keys()


def test_a_cdr_with_very_many_periods_is_checked_in_one_pass() -> None:
    value = json.loads(written()[1])
    (first, *_) = value["charging_periods"]
    value["charging_periods"] = [first] * 20_000
    result = checked(value)
    assert result.outcome is Outcome.WRONG
    assert "cdr_periods_not_ascending" in {item.code for item in result.findings}
