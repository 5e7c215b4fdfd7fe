"""The law checks of the official program over field sets: LAW_OCMF and LAW_TRANSACTION in ``records.json``.

The sets come from the official program's own tests. RU ``U``/``RU`` and IS ``1`` in them are placeholders, and
IS holds the level, as in OCMF 0.x (../shared/README.md). They have no PG: the program's tests call its checks
directly, and so do these.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.evidence import SignedRecord
from eichrecht.rules.engine import judge_transaction
from eichrecht.rules.judgements import TransactionJudgement
from eichrecht.rules.profiles import Profile
from eichrecht.rules.safe import begin_and_end, law_key
from tests.conformance.meter_vectors import ABSENT, SHARED, VERDICT, Entry, load
from tests.eichrecht.rules.law_fields import begin, end, from_payload, record

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason=ABSENT)

LAW_OCMF = [entry for entry in load("records.json") if entry["format"] == "LAW_OCMF"]
LAW_TRANSACTION = [entry for entry in load("records.json") if entry["format"] == "LAW_TRANSACTION"]
SAFE = Profile.SAFE_1_4_1

# The program's key where the entry's reason describes it instead of naming it.
KEY_IN_WORDS = {
    "safe-law-ocmf-pair-idlevel-start": "app.verify.law.conform.timesynchronicity.wrong",
    "safe-law-ocmf-pair-idlevel-stop": "app.verify.law.conform.timesynchronicity.wrong",
    "safe-law-ocmf-one-idlevel": "app.verify.law.conform.timesynchronicity.wrong",
    "safe-law-ocmf-one-two-starts": "error.values.no.start.meter.values",
}


def fields_of(entry: Entry) -> dict[str, Any]:
    text = (SHARED / entry["file"]).read_text("utf-8")
    fields: dict[str, Any] = json.loads(text, parse_float=Decimal)
    return fields


def adapted(fields: dict[str, Any]) -> SignedRecord:
    return from_payload(fields, json.dumps(fields, default=str).encode())


def expected_key(entry: Entry) -> str | None:
    if entry["expect"] == "valid":
        return None
    return KEY_IN_WORDS.get(entry["id"], entry["reason"])


def official_key(judgement: TransactionJudgement) -> str | None:
    """The program stops at its first failure, so there is one finding or none."""
    assert len(judgement.findings) <= 1
    return judgement.findings[0].params["official_key"] if judgement.findings else None


def test_the_law_vectors_are_all_there() -> None:
    assert len(LAW_OCMF) == 16
    assert len(LAW_TRANSACTION) == 5
    assert KEY_IN_WORDS.keys() <= {entry["id"] for entry in LAW_OCMF}


@pytest.mark.parametrize("entry", [e for e in LAW_OCMF if "-one-" in e["id"]], ids=lambda entry: entry["id"])
def test_single_field_set(entry: Entry) -> None:
    key, verdict = law_key([adapted(fields_of(entry)["record"])])
    assert verdict is VERDICT[entry["expect"]]
    assert key == expected_key(entry)


@pytest.mark.parametrize(
    "entry", [e for e in LAW_OCMF if "-one-" not in e["id"]], ids=lambda entry: entry["id"]
)
def test_pair_of_field_sets(entry: Entry) -> None:
    fields = fields_of(entry)
    pair = [adapted(fields["start"]), adapted(fields["stop"])]
    judgement = judge_transaction(pair, SAFE, contexts=["Transaction.Begin", "Transaction.End"])
    assert judgement.verdict is VERDICT[entry["expect"]]
    assert official_key(judgement) == expected_key(entry)


@pytest.mark.parametrize(
    "entry", [e for e in LAW_TRANSACTION if "stop-less" not in e["id"]], ids=lambda entry: entry["id"]
)
def test_roles_that_the_container_gives(entry: Entry) -> None:
    contexts = fields_of(entry)["contexts"]
    half = {"Transaction.Begin": begin(), "Transaction.End": end()}
    records = [record(half[context], PG=f"T{page}") for page, context in enumerate(contexts)]
    assert begin_and_end(records, contexts) == entry["reason"]
    if len(records) > 1:  # a lone value is no group to the program, so it never asks there (weakness 13)
        judgement = judge_transaction(records, SAFE, contexts=contexts)
        assert judgement.verdict is VERDICT[entry["expect"]]
        assert official_key(judgement) == entry["reason"]


def test_meters_of_the_pair_go_backwards() -> None:
    """The last check of a pair: converted kWh, where the law check before it compared the written numbers."""
    (entry,) = [e for e in LAW_TRANSACTION if "stop-less" in e["id"]]
    fields = fields_of(entry)
    first = record(begin(RV=fields["start_meter"], RU="kWh"))
    # The same number in Wh: raw values rise, the energy falls.
    last = record(end(RV=fields["stop_meter"] * 10, RU="Wh"), PG="T2")
    judgement = judge_transaction([first, last], SAFE, contexts=["Transaction.Begin", "Transaction.End"])
    assert judgement.verdict is VERDICT[entry["expect"]]
    assert official_key(judgement) == entry["reason"]
