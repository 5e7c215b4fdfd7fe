"""OCPI CDRs and signed values, OCPP signed meter values, JSON strings."""

from __future__ import annotations

import base64
import json

import pytest

PAYLOAD = '{"FV":"1.0","PG":"T1","TT":"5 € | Öl"}'
SIGNATURE = '{"SD":"3006"}'
RECORD = f"OCMF|{PAYLOAD}|{SIGNATURE}"
END = 'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'


def _b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def _signed_value(plain=RECORD, signed=None, nature="Start"):
    return {"nature": nature, "plain_data": plain, "signed_data": _b64(RECORD) if signed is None else signed}


def _signed_data(*values, **members):
    return {"encoding_method": "OCMF", "public_key": "KEY", "signed_values": list(values), **members}


def _cdr(signed_data, identifier="CDR1"):
    return {"id": identifier, "charging_periods": [], "total_cost": {}, "signed_data": signed_data}


def _json(value) -> bytes:
    return json.dumps(value).encode()


def _codes(part):
    return [finding.code for finding in part.findings]


START_AND_END = _signed_data(_signed_value(), _signed_value(END, _b64(END), "End"))


@pytest.mark.parametrize(
    ("document", "where", "layers", "group"),
    [
        (START_AND_END, "", [], None),
        (_cdr(START_AND_END), "/signed_data", ["ocpi-cdr"], "CDR1"),
        ([_cdr(START_AND_END)], "/0/signed_data", ["ocpi-list", "ocpi-cdr"], "CDR1"),
        (
            {"data": _cdr(START_AND_END), "status_code": 1000},
            "/data/signed_data",
            ["ocpi-envelope", "ocpi-cdr"],
            "CDR1",
        ),
        (
            {"data": [{}, _cdr(START_AND_END)], "status_code": 1000},
            "/data/1/signed_data",
            ["ocpi-envelope", "ocpi-list", "ocpi-cdr"],
            "CDR1",
        ),
    ],
)
def test_everything_ocpi_that_holds_signed_values(take, document, where, layers, group):
    result = take(b" \n" + _json(document))
    assert [p.content.decode() for p in result.parts] == [RECORD, END]
    assert [p.where for p in result.parts] == [f"{where}/signed_values/0", f"{where}/signed_values/1"]
    assert [p.key_text for p in result.parts] == ["KEY", "KEY"]
    assert [p.key_where for p in result.parts] == [f"{where}/public_key"] * 2
    assert [p.context for p in result.parts] == ["Start", "End"]
    assert [p.transaction_id for p in result.parts] == [group, group]
    assert [p.declared_format for p in result.parts] == ["OCMF", "OCMF"]
    kinds = [*layers, "ocpi-signed-data", "ocpi-signed-value", "ocpi-placement", "base64"]
    assert [[layer.kind for layer in p.layers] for p in result.parts] == [kinds, kinds]
    assert all(p.findings == () for p in result.parts)
    assert result.findings == ()


def test_bare_signed_value(take):
    (part,) = take(_json(_signed_value())).parts
    assert (part.content.decode(), part.context, part.key_text, part.where) == (RECORD, "Start", None, "")


def test_placement_payload_and_whole_record(take):
    (part,) = take(_json(_signed_value(PAYLOAD))).parts
    assert part.content.decode() == RECORD
    assert _codes(part) == ["plain_data_is_payload"]


@pytest.mark.parametrize("signed", [_b64(SIGNATURE), SIGNATURE.encode().hex(), SIGNATURE])
def test_placement_payload_and_signature_section(take, signed):
    (part,) = take(_json(_signed_value(PAYLOAD, signed))).parts
    assert part.content.decode() == RECORD
    assert _codes(part) == ["ocmf_rebuilt"]
    assert part.layers[-1].kind == "ocmf-rebuilt"


@pytest.mark.parametrize(
    "plain", [END, END.partition("|")[2].rpartition("|")[0], RECORD.replace("5 €", "6 €")]
)
def test_plain_data_that_says_something_else_is_an_error(take, plain):
    (part,) = take(_json(_signed_value(plain))).parts
    assert part.content.decode() == RECORD
    assert [(f.code, f.severity) for f in part.findings] == [("plain_data_differs", "error")]


@pytest.mark.parametrize(
    ("plain", "severity"),
    [
        ("12.3 kWh", "error"),
        ("\u0661\u0662 kWh", "error"),  # digits of other scripts are read as well
        (RECORD + "\nbilled: 99 kWh", "error"),
        ("signed by the meter", "warning"),
        (RECORD + "\nsigned by the meter", "warning"),
        ("", "warning"),
        (None, "warning"),
    ],
)
def test_plain_data_that_cannot_be_compared(take, plain, severity):
    (part,) = take(_json(_signed_value(plain))).parts
    assert part.content.decode() == RECORD
    assert [(f.code, f.severity) for f in part.findings] == [("plain_data_not_comparable", severity)]


@pytest.mark.parametrize(
    "disguise",
    [
        "\ufeff{}".format,
        " \u200b{}\n".format,
        lambda text: text.encode().hex(),
        _b64,
        "OCMF|{}".format,
        "OCMF|{}|".format,
    ],
)
def test_plain_data_is_compared_whatever_stands_around_it(take, disguise):
    (part,) = take(_json(_signed_value(disguise(PAYLOAD)))).parts
    assert _codes(part) == ["plain_data_is_payload"]
    (part,) = take(_json(_signed_value(disguise(PAYLOAD.replace("5 €", "6 €"))))).parts
    assert [(f.code, f.severity) for f in part.findings] == [("plain_data_differs", "error")]


@pytest.mark.parametrize("signed", ["", None, "3006", _b64(RECORD)[:24], _b64(SIGNATURE)])
def test_record_only_in_plain_data(take, signed):
    value = _signed_value(RECORD, "") | {"signed_data": signed}
    result = take(_json(_signed_data(value)))
    (part,) = result.parts
    assert part.content.decode() == RECORD
    assert _codes(part) == ["plain_data_judged"]


@pytest.mark.parametrize(
    "value", [None, 1, {}, {"plain_data": 1, "signed_data": 2}, {"signed_data": ["x"]}, []]
)
def test_malformed_signed_values_keep_their_place(take, value):
    malformed, good = take(_json(_signed_data(value, _signed_value()))).parts
    assert "signed_value_malformed" in _codes(malformed)
    assert malformed.format is None
    assert (good.content.decode(), good.where) == (RECORD, "/signed_values/1")


def test_record_cut_by_a_length_limit(take):
    # OCPI 2.2 allowed 512 characters in both members, so long records arrive cut.
    cut = _b64(RECORD)[:24]
    (part,) = take(_json(_signed_value(RECORD[:20], cut))).parts
    assert "error" in {f.severity for f in part.findings}
    assert set(_codes(part)) & {"record_incomplete", "record_unrecognised"}


@pytest.mark.parametrize(
    ("plain", "signed"),
    [
        *((PAYLOAD, text) for text in ("12.3", "{", _b64("{"), _b64('{"SD":"00"} x'), _b64('{"SD":{}'))),
        (PAYLOAD[:-1], _b64(SIGNATURE)),
        (PAYLOAD[:-1], _b64(f"{SIGNATURE}|{SIGNATURE}")),
    ],
)
def test_sections_that_do_not_make_one_record_are_not_glued(take, plain, signed):
    (part,) = take(_json(_signed_value(plain, signed))).parts
    assert part.format is None
    assert "record_unrecognised" in _codes(part)


def test_unreadable_signed_value(take):
    (part,) = take(_json(_signed_data(_signed_value("12 kWh", "zzz")))).parts
    assert (part.content, part.format) == (b"zzz", None)
    assert "record_unrecognised" in _codes(part)


@pytest.mark.parametrize("signed_values", [None, [], "x", {}])
def test_signed_data_without_values(take, signed_values):
    result = take(_json(_cdr({"encoding_method": "OCMF", "signed_values": signed_values})))
    assert result.parts == ()
    assert [f.code for f in result.findings] == ["signed_values_missing", "nothing_recognised"]
    assert result.findings[0].where == "/signed_data/signed_values"


def test_cdr_without_signed_data(take):
    result = take(_json({"id": "1", "charging_periods": [], "total_cost": 1}))
    assert [f.code for f in result.findings] == ["cdr_without_signed_data", "nothing_recognised"]


def test_missing_key(take):
    (part,) = take(_json(_signed_data(_signed_value(), public_key="  "))).parts
    assert _codes(part) == ["public_key_missing"]


def test_duplicate_keys_and_broken_json_lose_no_record(take):
    text = _json(_signed_data(_signed_value(), _signed_value(END, _b64(END))))
    for document, code in (
        (text[:-1] + b', "public_key": "OTHER"}', "json_duplicate_key"),
        (text[:-1] + b', "x": "\\ud800"}', "json_unreadable"),
        (text[:-3], "json_unreadable"),
        (text + b"}", "json_unreadable"),
    ):
        result = take(document)
        assert [f.code for f in result.findings] == [code]
        assert [p.content.decode() for p in result.parts] == [RECORD, END]
        assert [p.key_text for p in result.parts] == [None, None]
        assert [_codes(p) for p in result.parts] == [["cut_from_broken_json"]] * 2
    assert take(b'{"a":1, "a":2}').findings[0].params == {"key": "a"}
    assert [f.code for f in take(b'["abc"').findings] == ["json_unreadable", "nothing_recognised"]


def test_prose_in_quotation_marks_is_no_broken_json(take):
    result = take(b'"Hello" ' + END.encode())
    assert [f.code for f in result.findings] == ["text_around_records"]
    assert [p.content.decode() for p in result.parts] == [END]


def test_safe_xml_inside_ocpi_keeps_its_own_key(take):
    data = f"<signedData encoding='hex'>{END.encode().hex()}</signedData>"
    xml = f"<values><value>{data}<publicKey>INNER</publicKey></value></values>"
    (part,) = take(_json(_signed_data(_signed_value("text", _b64(xml))))).parts
    assert (part.content.decode(), part.key_text) == (END, "INNER")
    assert part.key_where == "/signed_values/0/values/value/0/publicKey"
    assert "public_keys_differ" in _codes(part)
    assert [layer.kind for layer in part.layers][-3:] == ["base64", "safe-xml", "hex"]


@pytest.mark.parametrize("member", ["signedMeterData", "signedMeterValue"])
def test_ocpp_signed_meter_value(take, member):
    value = {member: _b64(RECORD), "signingMethod": "", "encodingMethod": "OCMF", "publicKey": "b2Nh"}
    for text in (_json(value), json.dumps(json.dumps(value)).encode(), repr(value).encode()):
        (part,) = take(text).parts
        assert (part.content.decode(), part.key_text, part.key_where) == (RECORD, "b2Nh", "/publicKey")
        assert (part.declared_format, part.where) == ("OCMF", f"/{member}")
        assert part.findings == ()


def test_ocpp_without_key_and_with_garbage(take):
    (part,) = take(_json({"signedMeterData": "zzz", "publicKey": ""})).parts
    assert _codes(part) == ["public_key_missing", "record_unrecognised"]


def test_json_string(take):
    (part,) = take(json.dumps(RECORD).encode()).parts
    assert (part.content.decode(), [layer.kind for layer in part.layers]) == (RECORD, ["json-string"])


@pytest.mark.parametrize(
    "text",
    [
        b"[]",
        b"{}",
        b'""',
        b"[[]]",
        b'{"status_code":2001}',
        b'{"status_code":2001,"data":{}}',
        b'[1,"a",null]',
    ],
)
def test_other_json(take, text):
    assert [f.code for f in take(text).findings] == ["nothing_recognised"]
