"""Forged, ambiguous and costly documents."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from xml.sax.saxutils import escape

import pytest

from eichrecht.evidence import KeySource, Verdict
from eichrecht.keyring.ring import KnownKey
from eichrecht.service.view import verdict_view
from eichrecht.signatures.keys import read_key
from eichrecht.verification import keys as key_choice
from eichrecht.verification.report import results_as_json
from sample_meters.keys import sample_key
from sample_meters.signatures import encode_signature
from tests.hostile.hostile_support import EVSE, START, codes, honest_record, known_key, meter, verify

PAST = datetime(2020, 1, 1, tzinfo=UTC)


def ocpi(plain: str, signed: bytes, **members: Any) -> bytes:
    value = {"nature": "Start", "plain_data": plain, "signed_data": base64.b64encode(signed).decode()}
    signed_data = {"encoding_method": "OCMF", "signed_values": [value]}
    return json.dumps({"id": "CDR1", "signed_data": signed_data} | members).encode()


def assert_no_pass(content: bytes, *keys: KnownKey, code: str) -> None:
    verdict = verify(content, *(keys or (known_key(meter_serial="SAMPLE0001"),)))
    assert verdict.verdict is not Verdict.VALID
    assert not any(transaction.billable.energy for transaction in verdict.transactions)
    assert code in codes(verdict)


@pytest.mark.parametrize("form", ["record", "payload"])
def test_a_driver_reads_plain_data_so_it_must_say_what_was_signed(form: str) -> None:
    shown = honest_record().decode().replace("110.000", "990.000")
    if form == "payload":
        shown = shown.split("|")[1]
    assert_no_pass(ocpi(shown, honest_record()), code="plain_data_differs")
    honest = ocpi(honest_record().decode(), honest_record())
    assert verify(honest, known_key(meter_serial="SAMPLE0001")).verdict is Verdict.VALID


def test_markup_inside_signed_data_is_not_swallowed() -> None:
    text = escape(honest_record().decode())
    cut = text.index("110.000")
    shown = f"{text[:cut]}<b>11</b>{text[cut + 2 :]}"  # some readers see the text without the element
    document = f"<values><value><signedData>{shown}</signedData></value></values>"
    assert_no_pass(document.encode(), code="signed_data_holds_markup")


def test_a_second_signed_data_in_one_value_is_not_chosen_silently() -> None:
    text = escape(honest_record().decode())
    document = (
        f"<values><value><signedData>{text}</signedData><encodedData>990 kWh</encodedData></value></values>"
    )
    verdict = verify(document.encode(), known_key(meter_serial="SAMPLE0001"))
    assert verdict.verdict is not Verdict.VALID
    assert "signed_data_repeated" in codes(verdict)


@pytest.mark.parametrize("bound", [{}, {"meter_serial": "SAMPLE0001"}, {"evse_id": EVSE}])
@pytest.mark.parametrize(
    "validity", [{"valid_until": PAST}, {"valid_from": datetime(2030, 1, 1, tzinfo=UTC)}]
)
def test_a_key_that_is_not_in_force_confirms_nothing(bound: dict[str, Any], validity: dict[str, Any]) -> None:
    key = known_key(**bound, **validity)
    for given in (None, meter().public_key_text()):
        verdict = verify(honest_record(), key, given=given)
        trusts = {record.key.trust.value for record in verdict.records if record.key is not None}
        assert "confirmed" not in trusts
        assert (verdict.verdict is Verdict.VALID) == (given is not None)


def other_keys(count: int) -> list[KnownKey]:
    texts = [sample_key("secp256r1", f"other {number}").text("spki-hex") for number in range(count)]
    return [KnownKey(str(i), read_key(text), KeySource.OPERATOR) for i, text in enumerate(texts)]


@pytest.mark.parametrize("named", [False, True])
def test_many_forged_records_do_not_try_every_key_each(monkeypatch: pytest.MonkeyPatch, named: bool) -> None:
    """Records times keys of the ring would be hours of work for one request of a stranger."""
    forged = honest_record().replace(b"110.000", b"990.000")
    document = b"\n".join(forged.replace(b'"T1"', b'"T%d"' % page) for page in range(1, 41))
    ring = [*other_keys(10), *([known_key(meter_serial="SAMPLE0001")] if named else [])]
    count = 0
    real = key_choice.check_record

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal count
        count += 1
        return real(*arguments, **options)

    monkeypatch.setattr(key_choice, "check_record", counted)
    tries_type = key_choice.Tries
    monkeypatch.setattr("eichrecht.verification.pipeline.Tries", lambda: tries_type(left=25))
    verdict = verify(document, *ring)
    assert verdict.verdict is not Verdict.VALID
    assert 25 <= count <= 25 + 40 * named
    assert named or "key_trials_ended" in codes(verdict)


def test_honest_records_without_a_key_name_need_few_tries(monkeypatch: pytest.MonkeyPatch) -> None:
    own = meter()
    document = b"\n".join(honest_record(own) for _ in range(40))
    tries_type = key_choice.Tries
    monkeypatch.setattr("eichrecht.verification.pipeline.Tries", lambda: tries_type(left=25))
    verdict = verify(document, *other_keys(10), known_key())
    assert verdict.verdict is Verdict.VALID
    assert len(verdict.records) == 40


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00,000+1400", "9999-12-31T23:59:59,999-1400"])
@pytest.mark.parametrize("language", ["de", "en"])
def test_times_at_the_edge_of_the_calendar_are_shown(time: str, language: str) -> None:
    own = meter()
    payload = own.payload([own.reading(Decimal(1), START, "B"), own.reading(Decimal(2), START, "E")])
    record = own.sign(payload.replace("2026-03-02T17:00:00,000+0000", time))
    verdict = verify(record, known_key(valid_from=PAST, valid_until=START))
    assert verdict_view(verdict, language).records
    assert results_as_json([verdict], language)


@pytest.mark.parametrize(
    "payload",
    [
        b'{"PG":"T1","PG":"T2","RD":[]}',
        b'{"PG":"T1","P\\u0047":"T2","RD":[]}',
        b'{"RD":[{"RV":1,"RV":2}]}',
        b'{"RD":[{"RV":1,"R\\u0056":2}]}',
        b'{"Z":{"a":1,"a":2},"RD":[]}',
        b'{"RD":[{"RV":NaN}]}',
        b'{"RD":[{"RV":1}],"ID":"\xff"}',
        b'{"RD":[{"RV":1}],"ID":"\\ud800"}',
    ],
)
def test_what_two_readers_read_differently_is_never_valid(payload: bytes) -> None:
    own = meter()
    head = own.payload([own.reading(Decimal(1), START, "B"), own.reading(Decimal(2), START, "E")]).encode()
    extra = payload[1:-1].replace(b',"RD":[]', b"").replace(b'"RD":[{', b'"Y":[{')
    whole = head[:-1] + b"," + extra + b"}"
    key = sample_key("secp256r1", "meter")
    r, s = key.sign(whole)
    section = json.dumps({"SA": key.algorithm, "SD": encode_signature(r, s, 32, "der").hex()}).encode()
    verdict = verify(b"OCMF|" + whole + b"|" + section, known_key(meter_serial="SAMPLE0001"))
    assert verdict.records[0].signature.status == "valid"
    assert verdict.verdict is not Verdict.VALID
    assert not any(transaction.billable.energy for transaction in verdict.transactions)


@pytest.mark.parametrize(
    ("billed", "good"),
    [("10.000", True), ("10", True), ("10.0004", True), ("10.001", False), ("990", False), ("1E400", False)],
)
def test_a_cdr_must_not_say_another_energy_than_its_signed_data(billed: str, good: bool) -> None:
    members = {"charging_periods": [], "total_cost": {"excl_vat": 1}, "total_energy": "@"}
    document = ocpi(honest_record().decode(), honest_record(), **members).replace(b'"@"', billed.encode())
    if good:
        assert verify(document, known_key(meter_serial="SAMPLE0001")).verdict is Verdict.VALID
    else:
        verdict = verify(document, known_key(meter_serial="SAMPLE0001"))
        assert verdict.verdict is not Verdict.VALID
        assert codes(verdict) & {"billed_energy_not_signed", "json_unreadable"}
