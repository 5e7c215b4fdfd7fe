"""Profile ``safe-1.4.1``: the official program's order, quirks and refusals (safe_formats.md §1)."""

from __future__ import annotations

from typing import Any

import pytest

from eichrecht.evidence import SignedRecord, Verdict
from eichrecht.rules.engine import judge_record, judge_transaction
from eichrecht.rules.profiles import Profile
from eichrecht.rules.safe_refusals import official_record_refusals
from tests.eichrecht.rules.rules_support import (
    DEVICE_SESSION,
    TOTAL,
    begin,
    between,
    clocked,
    end,
    number,
    pair,
    record,
)

VALID, INVALID, INDETERMINATE = Verdict.VALID, Verdict.INVALID, Verdict.INDETERMINATE
LAW = "app.verify.law.conform."
CONTEXTS = ("Transaction.Begin", "Transaction.End")


def key_of(*records: SignedRecord, contexts: tuple[str | None, ...] = ()) -> tuple[Verdict, str | None]:
    result = judge_transaction(records, Profile.SAFE_1_4_1, contexts=contexts)
    keys = [finding.params["official_key"] for finding in result.findings]
    assert len(keys) <= 1, "the first failure wins"
    return result.verdict, keys[0] if keys else None


# From the last check to the first: each breaks its own rule and all before it in this list.
ORDER: list[tuple[dict[str, Any], dict[str, Any], dict[str, Any], str]] = [
    ({}, {"EF": "E"}, {}, "error.flag.energy"),
    ({"EI": number("1")}, {"EI": number("2")}, {}, "eventcounter.differs"),
    ({"TM": "2024-07-24T10:00:00,000+0200 R"}, {}, {}, "timesynchronicity.wrong"),
    ({}, {"ST": "T"}, {}, "meterstatus.wrong"),
    ({}, {}, {"IL": "UNKNOWN"}, "timesynchronicity.wrong"),
    ({"TM": "2024-07-24T12:00:00,000+0200 R"}, {}, {}, "meter.time.wrong"),
    ({"RV": number("200")}, {}, {}, "meter.wrong"),
]


@pytest.mark.parametrize("count", range(1, len(ORDER) + 1))
def test_first_failure_wins(count: int) -> None:
    first, last, head = {}, {}, {}
    for broken_first, broken_last, broken_head, _ in ORDER[:count]:
        first |= broken_first
        last |= broken_last
        head |= broken_head
    expected = INVALID, LAW + ORDER[count - 1][3]
    assert key_of(record(begin(**first), end(**last), **head)) == expected


@pytest.mark.parametrize(
    ("readings", "key"),
    [
        ([begin(ST=None), end()], "error.values.missing.st"),
        ([begin(RU=None), end()], "error.values.missing.ru"),
        ([begin(), begin(), end()], "error.values.toomany.start"),
        ([begin(), end(), end()], "error.values.toomany.stop"),
        ([begin(RI="1-b"), end()], "error.values.no.start.meter.values"),
        ([begin(), end(RI=None)], "error.values.no.stop.meter.values"),
        ([begin(RI="1-0:1.8.0*198"), end(RI="1-0:1.8.0*198")], "error.values.no.start.meter.values"),
    ],
)
def test_it_cannot_judge(readings: list[dict[str, Any]], key: str) -> None:
    assert key_of(record(*readings)) == (INDETERMINATE, key)


@pytest.mark.parametrize(
    "item",
    [
        record(begin("5"), end("6", RU="Wh")),  # weakness 6: units are not looked at
        record(begin(), between("1"), end()),  # what stands between is not looked at
        record(begin(), between(tx="X", ST="M", EF="E"), end(EF="")),
        record(begin(), end("1"), PG="F1"),  # no law check
        record(begin(), end("1"), PG=None),
        record(begin(), end(), IS=False),
        record(begin(EF="t"), end(EF="t")),
        record(clocked(begin(), "S"), clocked(end(), "Q")),
        record(begin(TM="2024-07-24T12:00:00.000+02:00 S"), end()),  # a time written otherwise is no time
        record(begin(ST="M")),  # a lone half passes
    ],
    ids=range(10),
)
def test_quirks_pass(item: SignedRecord) -> None:
    assert judge_record(item, Profile.SAFE_1_4_1).verdict is VALID


def test_compensated_registers_alone_are_judged() -> None:
    falling = [begin(RI=TOTAL), end("1", RI=TOTAL)]
    both = [*falling, begin("0", RI=DEVICE_SESSION), end("1", RI=DEVICE_SESSION)]
    assert key_of(record(*falling)) == (INVALID, LAW + "meter.wrong")
    result = judge_transaction([record(*both)], Profile.SAFE_1_4_1)
    assert (result.verdict, result.energy_kwh) == (VALID, 1)


def test_pairs_are_not_compared_otherwise() -> None:
    for last in ({"MS": "M2"}, {"ID": "99"}, {"PG": "T9"}, {"PG": "T0"}):
        assert key_of(*pair(last=last), contexts=CONTEXTS) == (VALID, None)


def test_pairs_by_context() -> None:
    first, last = pair()
    assert key_of(last, first, contexts=CONTEXTS[::-1]) == (VALID, None)
    assert key_of(first, last, contexts=CONTEXTS[::-1]) == (
        INDETERMINATE,
        "app.verify.ocmf.stopcontainsstart",
    )
    assert key_of(first, last, contexts=(CONTEXTS[0], None)) == (INDETERMINATE, "error.values.no.stop")
    both = record(begin(), end())
    assert key_of(both, last, contexts=CONTEXTS) == (INDETERMINATE, "app.verify.ocmf.startcontainsstop")


def test_not_a_number_is_no_crash() -> None:
    for odd in ("NaN", "1e999999"):
        item = record(begin(RV=number(odd)), end("1000", RU="Wh"))
        assert judge_record(item, Profile.SAFE_1_4_1).verdict in {VALID, INVALID}
        assert judge_record(item, Profile.STRICT).verdict is INDETERMINATE


@pytest.mark.parametrize(
    ("head", "shape", "form", "valid", "expected"),
    [
        ({}, "spki-hex", "der", True, []),
        ({"FV": "1.3"}, "spki-hex", "der", True, []),
        ({"FV": "1.4"}, "spki-hex", "der", True, ["error.ocmf.invalid.version"]),
        ({"FV": "0.0"}, "spki-hex", "der", True, ["error.ocmf.invalid.version"]),
        ({"FV": "v1"}, "spki-hex", "der", True, ["error.format.unknown"]),
        ({"TT": "a|b"}, "spki-hex", "der", True, ["error.format.unknown"]),
        ({}, "pem", "der", True, ["error.values.publickey.cannot.encode"]),
        ({}, "spki-hex", "raw", True, ["error.values.signature.cannot.encode"]),
        ({}, "spki-hex", "der-lenient", True, ["error.invalid.asn1Signature.length"]),
        ({"PG": None}, "spki-hex", "der", True, ["java.lang.NullPointerException (PG)"]),
        ({"PG": None}, "spki-hex", "der", False, []),
    ],
)
def test_what_it_refuses(
    head: dict[str, Any], shape: str, form: str, valid: bool, expected: list[str]
) -> None:
    refusals = official_record_refusals(
        record(begin(), end(), **head), key_shape=shape, signature_form=form, signature_valid=valid
    )
    assert [finding.params["official_key"] for finding in refusals] == expected
