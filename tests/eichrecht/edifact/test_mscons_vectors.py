"""Examples A to E of the facts and the signed vectors give the values that stand beside them."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest

from eichrecht.edifact import read_file
from eichrecht.edifact.coverage import Coverage
from eichrecht.edifact.metering import MsconsMessage, Quantity, Series
from eichrecht.edifact.mscons import read_all
from tests.eichrecht.edifact.edifact_support import SHARED, utc

pytestmark = pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent")


def examples() -> dict[str, bytes]:
    if not SHARED.exists():
        return {}
    found = {}
    for part in (SHARED / "examples.txt").read_text("ascii").split("### ")[1:]:
        title, _, text = part.partition("\n")
        found[title[0]] = (text.rstrip("\n") + "\n").encode("ascii")
    return found


def expected() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((SHARED / "mscons_expected.json").read_text("utf-8"))
    return loaded


def minute(text: str) -> Any:
    return utc(text.replace("-", "").replace("T", "").replace(":", "").replace("Z", ""))


def check_reading(message: MsconsMessage, series: Series, quantity: Quantity, want: dict[str, Any]) -> None:
    assert series.location is not None
    assert series.location.identification == want["loc"]
    assert series.device == want["device"]
    assert series.configuration == want["agk"]
    assert series.line == want["line"]
    assert series.product == want["obis"]
    assert series.kind.value == want["kind"]
    assert (quantity.status, quantity.text) == (want["status"], want["value"])
    assert quantity.value == Decimal(want["value"])
    assert series.unit_of(quantity) == want["energy_unit"]
    assert quantity.is_true is want["billable_status"]
    assert message.billable(quantity) is want["billable_status"]
    times = {one.qualifier: one.time for one in quantity.moments}
    times |= {"163": quantity.begin} if quantity.begin else {}
    times |= {"164": quantity.end} if quantity.end else {}
    assert times == {qualifier: minute(text) for qualifier, text in want["dtm"].items()}
    remarks = [(one.category, one.status, one.reason) for one in quantity.remarks]
    assert remarks == [tuple(one) for one in want["sts"]]


@pytest.mark.parametrize("name", sorted(examples()))
def test_example(name: str) -> None:
    want = expected()[name]
    file = read_file(examples()[name])
    assert list(file.all_findings()) == []
    assert file.interchanges[0].application == want["app"]
    messages = read_all(file)
    assert len(messages) == len(want["messages"])
    for message, wanted in zip(messages, want["messages"], strict=True):
        header = wanted["header"]
        assert (message.document_number, message.document_code, message.function) == (
            header["doc"],
            header["code"],
            header["func"],
        )
        assert message.created == minute(header["DTM137"])
        assert message.check_identifier == header["Z13"]
        assert message.sender == (header["MS"], "293")
        assert message.recipient == (header["MR"], "293")
        assert dict(message.references).get("ACW") == header.get("ACW")
        assert {one.severity.value for one in message.findings} <= {"note"}
        readings = [(series, quantity) for series in message.series for quantity in series.quantities]
        assert len(readings) == len(wanted["readings"])
        for (series, quantity), one in zip(readings, wanted["readings"], strict=True):
            check_reading(message, series, quantity, one)
            period = {"163": series.begin, "164": series.end}
            assert {k: v for k, v in period.items() if v} == {
                k: minute(v) for k, v in wanted["period"].items()
            }


def test_examples_by_hand() -> None:
    """The expected values were made by a parser; these were read by eye."""
    found = {name: read_all(read_file(data)) for name, data in examples().items()}
    assert [len(messages) for messages in found.values()] == [1, 1, 1, 1, 2]
    assert found["A"][0].series[0].quantities[0].value == Decimal("1259.881")
    assert not found["B"][0].billable(found["B"][0].series[0].quantities[0])
    assert found["C"][0].series[0].total_kwh() == Decimal("8.202")
    assert [q.value for q in found["C"][0].series[0].quantities][-1] == 0
    assert (found["D"][0].cancels, found["D"][0].series, found["D"][0].usable) == ("ZST0001", (), False)
    assert found["E"][1].series[0].configuration == "KONF-ID-4711-0815"
    assert found["B"][0].series[0].total_kwh() is None  # a substitute value is in it


SIGNED = ("plain", "v3_p256_hex", "v4_p256_hex", "v4_p256_crlf", "v4_rsa_hex")


@pytest.mark.parametrize("name", SIGNED)
def test_session_pair(name: str) -> None:
    (message,) = read_all(read_file((SHARED / f"{name}.edi").read_bytes()))
    assert message.usable
    session = message.session
    assert session is not None
    assert (session.begin.value, session.end.value) == (Decimal("1234.567"), Decimal("1259.881"))
    assert session.energy_kwh == Decimal("25.314")
    assert session.duration == timedelta(seconds=9000)
    assert session.series.device == "1EMH0012345678"


def test_values_lie_inside_the_signed_octets() -> None:
    data = (SHARED / "v4_p256_hex.edi").read_bytes()
    signed = (SHARED / "v4_p256_hex.tbs").read_bytes()
    start = data.index(signed)
    (message,) = read_all(read_file(data))
    series = message.series[0]
    whole = Coverage([(start, start + len(signed))])
    for quantity in series.quantities:
        assert message.is_covered(series, quantity, whole)
        texts = [data[a:b] for a, b in message.sources(series, quantity)]
        # Header and location and the value's own two segments, nothing else.
        assert [text[:3] for text in texts] == [
            *(b"BGM", b"DTM", b"RFF", b"NAD", b"NAD", b"UNS", b"NAD", b"LOC", b"RFF", b"LIN", b"PIA"),
            *(b"QTY", b"DTM"),
        ]
        assert texts[-2] == f"QTY+220:{quantity.text}:KWH'".encode()
    # One octet less at any source segment, and the value is not covered.
    last = series.quantities[1]
    for a, b in message.sources(series, last):
        for octet in (a, b - 1):
            parts = [(start, octet), (octet + 1, start + len(signed))]
            assert not message.is_covered(series, last, Coverage(parts))


def test_tampered_structure_is_not_usable() -> None:
    for name in ("qty_added_before_ush", "qty_between_ust_usr", "unh_type"):
        data = (SHARED / "tamper" / f"{name}.edi").read_bytes()
        assert not any(one.usable for one in read_all(read_file(data))), name
    (first, second) = read_all(read_file((SHARED / "tamper" / "second_unsigned_message.edi").read_bytes()))
    assert first.document_number == second.document_number
    assert "mscons_document_number_repeated" in [one.code for one in second.findings]
