"""Plain text, byte order marks and text encodings."""

from __future__ import annotations

import base64
import codecs

import pytest

from eichrecht.containers import ContainerCode, unwrap
from eichrecht.containers.encodings import decode_base32, decode_base64, decode_hex, unescape
from eichrecht.containers.limits import MAX_DEPTH
from eichrecht.evidence import Document, RecordSpan

RECORD = b'OCMF|{"FV":"1.0","PG":"T1","TT":"a|b}"}|{"SD":"3006"}'
SECOND = b'OCMF|{"FV":"1.0","PG":"T2"}|{"SD":"3007"}'
UMLAUT = 'OCMF|{"FV":"1.0","TT":"3 € für Öl"}|{"SD":"3008"}'


def _kinds(part):
    return [layer.kind for layer in part.layers]


def test_one_record_as_it_is(take):
    result = take(RECORD)
    assert [p.content for p in result.parts] == [RECORD]
    assert result.findings == ()
    assert result.parts[0].where == ""
    assert result.parts[0].layers == ()
    assert result.parts[0].format == "OCMF"


def test_white_space_around_a_record_is_no_finding(take):
    result = take(b"\r\n \t" + RECORD + b"\r\n\n")
    assert [p.content for p in result.parts] == [RECORD]
    assert result.findings == ()


@pytest.mark.parametrize("separator", [b"\n", b"\r\n", b"", b"\n\n  "])
def test_several_records_in_one_text(take, separator):
    result = take(RECORD + separator + SECOND + separator + RECORD)
    assert [p.content for p in result.parts] == [RECORD, SECOND, RECORD]
    assert [p.where for p in result.parts] == ["/0", "/1", "/2"]
    assert result.findings == ()


def test_text_around_records_is_counted_in_bytes(take):
    latin_1 = "Zähler".encode("latin-1")
    result = take(latin_1 + b":\n" + RECORD + b" und " + SECOND + b"\nEnde")
    assert [p.content for p in result.parts] == [RECORD, SECOND]
    (finding,) = result.findings
    assert finding.code == "text_around_records"
    assert finding.severity == "warning"
    assert finding.params == {"before": str(len(latin_1) + 1), "between": "3", "after": "4"}


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
    ],
)
def test_byte_order_marks(take, mark, encoding):
    result = take(mark + UMLAUT.encode(encoding))
    assert [p.content for p in result.parts] == [UMLAUT.encode()]
    assert _kinds(result.parts[0]) == [encoding]
    assert [f.code for f in result.findings] == ["byte_order_mark"]


def test_utf16_with_a_cut_character(take):
    result = take(codecs.BOM_UTF16_LE + UMLAUT.encode("utf-16-le")[:-1])
    assert result.parts == ()
    assert [f.code for f in result.findings] == ["text_undecodable", "nothing_recognised"]


@pytest.mark.parametrize(
    ("encode", "kind"),
    [
        (lambda b: b.hex().encode(), "hex"),
        (lambda b: b.hex().upper().encode(), "hex"),
        (lambda b: b.hex(" ", 2).encode(), "hex"),
        (base64.b64encode, "base64"),
        (lambda b: base64.b64encode(b).rstrip(b"="), "base64"),
        (base64.encodebytes, "base64"),
        (base64.b32encode, "base32"),
        (lambda b: base64.b32encode(b).rstrip(b"="), "base32"),
        (lambda b: b.replace(b"&", b"&amp;").replace(b'"', b"&quot;"), "xml-entities"),
        (lambda b: b.replace(b'"', b"&#34;").replace(b"{", b"&#x7B;"), "xml-entities"),
    ],
)
@pytest.mark.parametrize("record", [RECORD, SECOND, SECOND + b" ", UMLAUT.encode()])
def test_text_encodings(take, encode, kind, record):
    result = take(encode(record) + b"\r\n")
    assert [p.content for p in result.parts] == [record.strip()]
    assert _kinds(result.parts[0]) == [kind]


def test_hex_that_is_also_base64_is_hex(take):
    # 76 digits: legal Base64 too (shared/vectors/ocpp, "also valid Base64").
    record = b'OCMF|{"FV":"1.0","GI":"X"}|{"SD":"00"}'
    text = record.hex().encode()
    assert len(text) % 4 == 0
    assert decode_base64(text) is not None
    assert _kinds(take(text).parts[0]) == ["hex"]


def test_url_alphabet_is_read_and_reported(take):
    record = 'OCMF|{"TT":"ÿÿÿ???>>>~~~"}|{"SD":"00"}'.encode()
    text = base64.urlsafe_b64encode(record)
    assert b"-" in text or b"_" in text
    result = take(text)
    assert [p.content for p in result.parts] == [record]
    assert [f.code for f in result.findings] == ["base64_url_alphabet"]


def test_layers_are_named_outermost_first(take):
    text = base64.b64encode(base64.b32encode(RECORD.hex().encode()))
    result = take(text)
    assert [p.content for p in result.parts] == [RECORD]
    assert _kinds(result.parts[0]) == ["base64", "base32", "hex"]


def test_depth_limit(take):
    text = RECORD
    for _ in range(MAX_DEPTH):
        text = base64.b64encode(text)
    assert [p.content for p in take(text).parts] == [RECORD]
    result = take(base64.b64encode(text))
    assert result.parts == ()
    assert [f.code for f in result.findings] == ["nesting_too_deep", "nothing_recognised"]


@pytest.mark.parametrize("content", [b"", b" \r\n\t"])
def test_empty(take, content):
    result = take(content)
    assert result.parts == ()
    assert [f.code for f in result.findings] == ["empty_document"]


def test_nothing_recognised_says_what_was_tried(take):
    (finding,) = take(b"Sehr geehrte Damen und Herren").findings
    assert finding.code == ContainerCode.NOTHING_RECOGNISED
    assert finding.severity == "error"
    for kind in ("safe-xml", "ocpi", "base64", "plain-text"):
        assert kind in finding.params["tried"]


def test_overlapping_spans_give_the_bytes_to_one_record():
    def recogniser(content):
        return [RecordSpan("B", 2, 5, "b"), RecordSpan("A", 0, 4, "a"), RecordSpan("C", 4, 6, "c")]

    result = unwrap(Document("x", b"012345"), recogniser)
    assert [(p.format, p.content) for p in result.parts] == [("A", b"0123"), ("C", b"45")]


@pytest.mark.parametrize("size", range(30))
def test_decoders_agree_with_the_standard_library(size):
    data = bytes((7 * i + 200) % 256 for i in range(size))
    if not data:
        assert decode_hex(b"") is decode_base64(b"") is decode_base32(b"") is None
        return
    assert decode_hex(data.hex().encode()).content == data
    for pad in (b"=", b""):
        assert decode_base64(base64.b64encode(data).rstrip(b"=") + pad * (-size % 3)).content == data
    assert decode_base32(base64.b32encode(data)).content == data
    assert decode_base32(base64.b32encode(data).rstrip(b"=")).content == data
    assert decode_base32(base64.b32encode(data).lower()).content == data


def test_base32_across_blocks():
    data = bytes(range(256)) * 41
    assert decode_base32(base64.b32encode(data)).content == data


@pytest.mark.parametrize("text", [b"abc", b"0x00", b"zz", b"=="])
def test_not_hex(text):
    assert decode_hex(text) is None


@pytest.mark.parametrize("text", [b"a", b"abcde", b"ab+_", b"ab===", b"a=bc", b"ab.c"])
def test_not_base64(text):
    assert decode_base64(text) is None


@pytest.mark.parametrize("text", [b"A", b"ABC", b"ABCDEF", b"abCD", b"AB=CD", b"A1======", b"AB======="])
def test_not_base32(text):
    assert decode_base32(text) is None


def test_unescape_goes_once_and_leaves_nonsense():
    assert unescape(b"&amp;lt;").content == b"&lt;"
    assert unescape(b"&#xD800;&#x110000;&amp;").content == b"&#xD800;&#x110000;&"
    assert unescape(b"&#8364;").content == "€".encode()
    assert unescape(b"a & b &unknown;") is None
