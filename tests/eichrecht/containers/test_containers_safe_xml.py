"""S.A.F.E. XML in every shape that occurs."""

from __future__ import annotations

import base64
from xml.sax.saxutils import escape

import pytest

RECORD = b'OCMF|{"FV":"1.0","PG":"T1","TT":"a<b & c>d"}|{"SD":"3006"}'
END = b'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'
KEY = "3059 3013 AB"


def _value(record: bytes = RECORD, attributes: str = "", data: str = ' format="OCMF"', key: str | None = KEY):
    public_key = "" if key is None else f'<publicKey encoding="hex">{key}</publicKey>'
    return f"<value{attributes}><signedData{data}>{escape(record.decode())}</signedData>{public_key}</value>"


def _values(*values: str, root: str = "<values>", end: str = "</values>") -> bytes:
    return ('<?xml version="1.0" encoding="UTF-8"?>\n' + root + "\n".join(values) + end).encode()


def _codes(findings):
    return [finding.code for finding in findings]


def test_pair_with_transaction(take):
    begin = _value(RECORD, ' transactionId="9850" context="Transaction.Begin"')
    end = _value(END, ' transactionId="9850" context=" Transaction.End "', key="other")
    result = take(_values(begin, end))
    assert [p.content for p in result.parts] == [RECORD, END]
    assert [p.where for p in result.parts] == ["/values/value/0", "/values/value/1"]
    assert [p.transaction_id for p in result.parts] == ["9850", "9850"]
    assert [p.context for p in result.parts] == ["Transaction.Begin", " Transaction.End "]
    assert [p.key_text for p in result.parts] == [KEY, "other"]
    assert [p.key_where for p in result.parts] == ["/values/value/0/publicKey", "/values/value/1/publicKey"]
    assert [p.declared_format for p in result.parts] == ["OCMF", "OCMF"]
    assert [[(x.kind, x.reason) for x in p.layers] for p in result.parts] == [
        [("safe-xml", "values_value")]
    ] * 2
    assert result.findings == ()
    assert all(p.findings == () for p in result.parts)


@pytest.mark.parametrize(
    ("root", "end", "prefix"),
    [
        ('<values xmlns="http://transparenz.software/schema/2018/07">', "</values>", ""),
        ('<values xmlns="">', "</values>", ""),
        ('<t:values xmlns:t="urn:x">', "</t:values>", "t:"),
    ],
)
def test_namespaces(take, root, end, prefix):
    value = _value()
    for name in ("value", "signedData", "publicKey"):
        value = value.replace(f"<{name}", f"<{prefix}{name}").replace(f"</{name}>", f"</{prefix}{name}>")
    result = take(_values(value, root=root, end=end))
    assert [(p.content, p.key_text) for p in result.parts] == [(RECORD, KEY)]


@pytest.mark.parametrize(
    ("declared", "text", "actual"),
    [
        ("plain", escape(RECORD.decode()), "plain"),
        ("hex", RECORD.hex(), "hex"),
        ("base64", base64.encodebytes(RECORD).decode(), "base64"),
        ("base32", base64.b32encode(RECORD).decode(), "base32"),
        ("plain", RECORD.hex(" "), "hex"),
        ("base64", RECORD.hex(), "hex"),
        ("hex", base64.b64encode(RECORD).decode(), "base64"),
        ("hex", escape(RECORD.decode()), "plain"),
    ],
)
def test_encodings_and_contradictions(take, declared, text, actual):
    source = f'<values><value><signedData encoding="{declared}">\n\t{text}\n</signedData></value></values>'
    (part,) = take(source.encode()).parts
    assert part.content == RECORD
    assert [layer.kind for layer in part.layers] == ["safe-xml"] + ([] if actual == "plain" else [actual])
    contradicted = [f.params for f in part.findings if f.code == "encoding_contradicted"]
    assert contradicted == ([] if declared == actual else [{"declared": declared, "actual": actual}])


def test_unknown_encoding_and_encoded_data(take):
    text = RECORD.hex()
    source = f'<values><value><encodedData encoding="HEX">{text}</encodedData></value></values>'
    (part,) = take(source.encode()).parts
    assert part.content == RECORD
    assert _codes(part.findings) == ["public_key_missing", "encoding_unknown"]


def test_entities_once_more_escaped_and_cdata(take):
    twice = escape(escape(RECORD.decode(), {'"': "&quot;"}))
    cdata = f"<![CDATA[{RECORD.decode()}]]>"
    source = "".join(f"<value><signedData>{text}</signedData></value>" for text in (twice, cdata))
    source = f"<values>{source}</values>"
    first, second = take(source.encode()).parts
    assert first.content == second.content == RECORD
    assert [layer.kind for layer in first.layers] == ["safe-xml", "xml-entities"]
    assert [layer.kind for layer in second.layers] == ["safe-xml"]


def test_child_order_unknown_elements_and_comments(take):
    source = (
        "<values><meterDefinition/>"
        "<value transactionId='not a number'><x>y</x><publicKey>K<!-- c --></publicKey>"
        f"<signedData transactionId='1'><!-- c -->{escape(END.decode())}</signedData></value></values>"
    )
    (part,) = take(source.encode()).parts
    assert (part.content, part.key_text, part.transaction_id) == (END, "K", "not a number")


def test_missing_and_empty_members_are_parts_of_their_own(take):
    source = _values(
        "<value><publicKey>K</publicKey></value>",
        "<value><signedData> \n </signedData><publicKey> </publicKey></value>",
        "<value/>",
        _value(key=None),
    )
    missing, empty, bare, good = take(source).parts
    assert _codes(missing.findings) == ["signed_data_missing"]
    assert _codes(empty.findings) == ["public_key_missing", "signed_data_empty"]
    assert _codes(bare.findings) == ["public_key_missing", "signed_data_missing"]
    assert (good.content, good.key_text, _codes(good.findings)) == (RECORD, None, ["public_key_missing"])
    assert missing.format is empty.format is bare.format is None
    assert missing.content == empty.content == b""


def test_unreadable_record_stays_with_its_bytes(take):
    source = _values("<value><signedData encoding='hex'>0102 zz</signedData></value>", _value(END))
    bad, good = take(source).parts
    assert (bad.content, bad.format) == (b"0102 zz", None)
    assert "record_unrecognised" in _codes(bad.findings)
    assert good.content == END


def test_several_records_keys_and_data_in_one_value(take):
    twice = "<signedData>" + escape((RECORD + b"\n" + END).decode()) + "</signedData>"
    source = _values(
        f"<value>{twice}<publicKey>A</publicKey><publicKey>B</publicKey></value>",
        f"<value><signedData>{escape(RECORD.decode())}</signedData><encodedData>{END.hex()}</encodedData></value>",
    )
    a, b, c, d = take(source).parts
    assert [x.content for x in (a, b, c, d)] == [RECORD, END, RECORD, END]
    assert [x.where for x in (a, b)] == ["/values/value/0/0", "/values/value/0/1"]
    assert [x.where for x in (c, d)] == ["/values/value/1/signedData/0", "/values/value/1/encodedData/1"]
    assert a.key_text == "A"
    assert "public_keys_differ" in _codes(a.findings)
    assert "signed_data_repeated" in _codes(c.findings)


def test_markup_inside_signed_data(take):
    source = (
        "<values><value><signedData>"
        + END.decode().replace("|{", "<b/>|{", 1)
        + "</signedData></value></values>"
    )
    (part,) = take(source.encode()).parts
    assert "signed_data_holds_markup" in _codes(part.findings)


def test_concatenated_roots_and_junk(take):
    one, two = _values(_value(RECORD)), _values(_value(END))
    result = take(one + b"\n" + two)
    assert [p.content for p in result.parts] == [RECORD, END]
    assert [p.where for p in result.parts] == ["/0/values/value/0", "/1/values/value/0"]
    assert [p.key_text for p in result.parts] == [KEY, KEY]
    assert _codes(result.findings) == ["xml_several_roots"]

    junk = take(b"Hallo\n" + one + b"\x00\xff junk")
    assert [(p.content, p.key_text) for p in junk.parts] == [(RECORD, KEY)]
    assert [(f.code, f.params["before"], f.params["after"]) for f in junk.findings] == [
        ("text_around_xml", "5", "7")
    ]


def test_bare_record_beside_xml_is_not_lost(take):
    result = take(END + b"\n" + _values(_value(RECORD)))
    assert {p.content for p in result.parts} == {RECORD, END}


@pytest.mark.parametrize("damage", ["cut", "unclosed", "attribute", "latin-1", "ampersand"])
def test_damaged_xml_loses_nothing_else(take, damage):
    source = _values(_value(RECORD, ' transactionId="7"'), _value(END))
    damaged = {
        "cut": source[: source.rindex(b"<publicKey")],
        "unclosed": source.replace(b"</values>", b""),
        "attribute": source.replace(b"<values>", b"<values a=1>"),
        "latin-1": source.replace(b"</values>", b"<x>\xe4</x></values>"),
        "ampersand": source.replace(b"</values>", b"<x>A&B</x></values>"),
    }[damage]
    result = take(damaged)
    assert [p.content for p in result.parts] == [RECORD, END]
    assert (result.parts[0].key_text, result.parts[0].transaction_id) == (KEY, "7")
    (finding,) = result.findings
    assert finding.code == "xml_not_well_formed"
    assert finding.severity == "error"
    assert int(finding.params["line"]) >= 1
    assert int(finding.params["column"]) >= 1
    assert all("cut_from_broken_xml" in _codes(p.findings) for p in result.parts)


def test_damaged_values_are_left_to_the_scan_for_bare_records(take):
    bad = f"<value a=1><signedData>{escape(END.decode())}</signedData></value><value>no data</value>"
    result = take(_values(_value(RECORD), bad))
    assert [p.content for p in result.parts] == [RECORD, END]
    assert [p.key_text for p in result.parts] == [KEY, None]


def test_bare_record_in_damaged_xml_is_unescaped(take):
    source = f"<values><value><signedData>{escape(RECORD.decode())}</signed".encode()
    (part,) = take(source).parts
    assert part.content == RECORD
    assert [layer.kind for layer in part.layers] == ["xml-entities"]


def test_line_and_column_of_the_damage(take):
    result = take(b"<values>\n<value>\n</vlaue>\n</values>")
    finding = result.findings[0]
    assert (finding.code, finding.params["line"]) == ("xml_not_well_formed", "3")


def test_other_declared_encoding(take):
    record = 'OCMF|{"TT":"für Öl"}|{"SD":"00"}'
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?><values>{_value(record.encode())}</values>'
    (part,) = take(text.encode("latin-1")).parts
    assert part.content == record.encode()
    sixteen = text.replace("ISO-8859-1", "UTF-16")
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        (part,) = take(sixteen.encode(encoding)).parts
        assert part.content == record.encode()


def test_crlf_inside_a_record_is_reported(take):
    source = _values(_value(b'OCMF|{"A":1,\r\n"B":2}|{"SD":"00"}'))
    (part,) = take(source).parts
    assert part.content == b'OCMF|{"A":1,\n"B":2}|{"SD":"00"}'
    assert "xml_line_ends_normalised" in _codes(part.findings)


def test_other_roots(take):
    foreign = _values(
        _value(), "<value><signedData>x</signedData></value>", root="<current>", end="</current>"
    )
    result = take(foreign)
    assert [p.format for p in result.parts] == ["OCMF", None]
    assert _codes(result.findings) == ["xml_unexpected_root"]
    hopeless = take(b"<current><value><signedData>TEST1</signedData></value></current>")
    assert (hopeless.parts, _codes(hopeless.findings)) == ((), ["nothing_recognised"])
    single = take(_value().encode())
    assert [(p.content, p.where) for p in single.parts] == [(RECORD, "/value/0")]
    empty = take(b"<values><x/></values>")
    assert _codes(empty.findings) == ["values_empty", "nothing_recognised"]


def test_whole_xml_behind_an_encoding(take):
    source = _values(_value(RECORD))
    for text, kind in ((base64.b64encode(source), "base64"), (source.hex().encode(), "hex")):
        (part,) = take(text).parts
        assert (part.content, part.key_text) == (RECORD, KEY)
        assert [layer.kind for layer in part.layers] == [kind, "safe-xml"]
