"""Each statement of the tokenizer is made for the input that deserves it, and only that one."""

from __future__ import annotations

import pytest

from eichrecht.edifact import EdifactError, read_file, tokenize
from eichrecht.edifact.codes import EdifactErrorCode, SyntaxCode
from eichrecht.evidence import Severity
from tests.eichrecht.edifact.edifact_support import codes, encoded, interchange, message, reading

GOOD = interchange(message(*reading()))


def una(text: str) -> str:
    return GOOD.replace("UNA:+.? '", text)


# The further codes are consequences: what is not read to its end has no UNZ, and perhaps no message.
UNFINISHED = ["edifact_unt_missing", "edifact_unz_missing"]
NOTHING = ["edifact_interchange_empty", "edifact_unz_missing"]

CASES: dict[SyntaxCode, tuple[bytes | str, list[str]]] = {
    SyntaxCode.BYTE_ORDER_MARK: (b"\xef\xbb\xbf" + encoded(GOOD), []),
    SyntaxCode.BREAKS_BEFORE: ("\r\n" + GOOD, []),
    SyntaxCode.TRAILING_BYTES: (GOOD + "\r\n ", []),
    SyntaxCode.UNA_CUT_OFF: ("UNA:+.?", NOTHING),
    SyntaxCode.UNA_AMBIGUOUS: (una("UNA:+.+ '"), NOTHING),
    SyntaxCode.UNA_UNUSABLE: (una("UNAX+.? '"), NOTHING),
    SyntaxCode.UNA_DECIMAL_MARK: (una("UNA:+;? '"), []),
    SyntaxCode.UNA_RESERVED: (una("UNA:+.?*'"), []),
    SyntaxCode.UNA_INSIDE: (GOOD.replace("UNT", "UNA+1'UNT"), UNFINISHED),
    SyntaxCode.UNB_MISSING: ("UNA:+.? 'UNH+1'UNT+2+1'", ["edifact_unz_missing"]),
    SyntaxCode.SYNTAX_VERSION: (GOOD.replace("UNOC:3", "UNOC:5"), []),
    SyntaxCode.CHARACTER_SET: (GOOD.replace("UNOC:3", "UNOY:3"), []),
    SyntaxCode.ENCODING: (
        GOOD.replace("UNOC:3", "UNOC:4::8").replace("+260315:", "+20260315:"),
        [],
    ),
    SyntaxCode.SEGMENT_UNTERMINATED: (GOOD[:-30], UNFINISHED),
    SyntaxCode.TAG_MALFORMED: (GOOD.replace("UNT", " UNT"), UNFINISHED),
    SyntaxCode.SEGMENT_TOO_LONG: (GOOD.replace("RFF+MG:", "RFF+MG:" + "A" * 70_000), UNFINISHED),
    SyntaxCode.TOO_MANY_ELEMENTS: (GOOD.replace("UNS+D", "UNS+D" + "+1" * 256), []),
    SyntaxCode.TOO_MANY_COMPONENTS: (GOOD.replace("UNS+D", "UNS+D" + ":1" * 64), []),
    SyntaxCode.LINE_BREAK_IN_SEGMENT: (GOOD.replace("1259.881", "1259\r\n.881"), []),
    SyntaxCode.CONTROL_CHARACTER: (GOOD.replace("1259.881", "1259\x00.881"), []),
    SyntaxCode.UNDECODABLE: (encoded(GOOD.replace("UNOC", "UNOB").replace("EMH", "\xe4")), []),
    SyntaxCode.OUTSIDE_LEVEL_A: (GOOD.replace("UNOC", "UNOA"), []),
    SyntaxCode.RELEASE_WITHOUT_NEED: (GOOD.replace("RFF+MG:", "RFF+MG:?A"), []),
    SyntaxCode.TRAILING_SEPARATOR: (GOOD.replace("UNS+D'", "UNS+D+'"), []),
    SyntaxCode.PACKAGE: (GOOD.replace("UNT", "UNO+1'UNT"), UNFINISHED),
    SyntaxCode.ENCRYPTED: (GOOD.replace("UNT", "USD+1'UNT"), UNFINISHED),
    SyntaxCode.INTERACTIVE: (GOOD.replace("UNT", "UIH+1'UNT"), UNFINISHED),
    SyntaxCode.FINDINGS_OMITTED: (GOOD.replace("UNS+D'", "UNS+D'" + "FTX+'" * 21), []),
}

BY_LIMIT = {
    SyntaxCode.TOO_MANY_INTERCHANGES: "MAX_INTERCHANGES",
    SyntaxCode.TOO_MANY_SEGMENTS: "MAX_SEGMENTS",
    SyntaxCode.TOO_MANY_MALFORMED: "MAX_MALFORMED",
}


def test_every_code_has_a_case() -> None:
    assert set(CASES) | set(BY_LIMIT) == set(SyntaxCode)


@pytest.mark.parametrize("code", CASES)
def test_case(code: SyntaxCode) -> None:
    content, consequences = CASES[code]
    found = codes(read_file(content if isinstance(content, bytes) else encoded(content)))
    extra = {SyntaxCode.FINDINGS_OMITTED: ["edifact_trailing_separator"] * 20 + ["edifact_unt_count"]}
    assert sorted(found) == sorted([code, *consequences, *extra.get(code, [])])


def test_good_file_has_no_findings() -> None:
    assert codes(read_file(encoded(GOOD))) == []


def test_not_edifact() -> None:
    for data in (b"", b"  UNB+UNOC:3'", b"OCMF|{}", b"<xml/>"):
        with pytest.raises(EdifactError) as caught:
            tokenize(data)
        assert caught.value.code == EdifactErrorCode.NOT_EDIFACT
        assert caught.value.finding().severity is Severity.ERROR


def test_file_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eichrecht.edifact.limits.MAX_FILE_BYTES", len(GOOD) - 1)
    with pytest.raises(EdifactError) as caught:
        tokenize(encoded(GOOD))
    assert caught.value.code == EdifactErrorCode.FILE_TOO_LARGE


def test_limits_cut_and_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("eichrecht.edifact.limits.MAX_INTERCHANGES", 2)
        assert codes(read_file(encoded(GOOD + GOOD.replace("R1", "R2")))) == []
        tokens = tokenize(encoded(GOOD * 3))
        assert [one.code for one in tokens.findings] == [SyntaxCode.TOO_MANY_INTERCHANGES]
        assert len(tokens.interchanges) == 2
    with monkeypatch.context() as patch:
        patch.setattr("eichrecht.edifact.limits.MAX_SEGMENTS", 5)
        raw = tokenize(encoded(GOOD)).interchanges[0]
        assert [one.code for one in raw.findings] == [SyntaxCode.TOO_MANY_SEGMENTS]
        assert len(raw.segments) == 5
        assert not raw.closed
        assert max(raw.service) < 5
    with monkeypatch.context() as patch:
        patch.setattr("eichrecht.edifact.limits.MAX_MALFORMED", 3)
        raw = tokenize(encoded(GOOD.replace("UNS+D'", "UNS+D'" + "FTX+a\nb'" * 9))).interchanges[0]
        assert raw.findings[-1].code == SyntaxCode.TOO_MANY_MALFORMED
        assert raw.segments[-1].raw == b"FTX+a\nb'"


BAD_ADVICE = (
    *("UNA:+.?:'", "UNA:+.?+'", "UNA:+.?''", "UNA::.? '", "UNA++.? '", "UNA:+.?  ", "UNA :.? '"),
    *("UNA1+.? '", "UNA:+.?\n'", "UNA:+.? \xe4"),
)


@pytest.mark.parametrize("advice", BAD_ADVICE)
def test_bad_advice_is_not_read_with(advice: str) -> None:
    raw = tokenize(encoded(una(advice))).interchanges[0]
    assert raw.findings[0].code in (SyntaxCode.UNA_AMBIGUOUS, SyntaxCode.UNA_UNUSABLE)
    assert len(raw.segments) == 0


def test_what_is_wrong_has_its_place() -> None:
    text = GOOD.replace("1259.881", "1259\r\n.881")
    finding = next(read_file(encoded(text)).all_findings())
    segment = text.split("'")
    number = next(i for i, part in enumerate(segment[1:]) if part.startswith("QTY"))
    assert finding.where == f"/segment/{number}/QTY"
    assert finding.params["position"] == str(text.index("\r"))


def test_broken_value_is_read_with_its_break() -> None:
    """Nothing is removed: a folded value is no number, and its octets stay what they are."""
    raw = tokenize(encoded(GOOD.replace("1259.881", "1259\r\n.881"))).interchanges[0]
    quantity = next(segment for segment in raw.segments if segment.tag == "QTY")
    assert quantity.text(1, 1) == "1259\r\n.881"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("a?:+b", 0),
        ("a??:+b", 1),
        ("a???:+b", 0),
        ("a????:+b", 1),
        ("a:+b", 1),
        ("a?+", 0),
        ("a+", 1),
        ("a?+:?+", 0),
    ],
)
def test_released_separators_are_not_superfluous(text: str, count: int) -> None:
    """An odd number of release characters before it makes a separator text."""
    found = tokenize(encoded(f"UNB+UNOC:3'FTX+{text}'UNZ+0+R'")).interchanges[0].findings
    assert [finding.code for finding in found] == [SyntaxCode.TRAILING_SEPARATOR] * count


def test_superfluous_repetition_separators_of_version_4() -> None:
    for version, count in (("3", 0), ("4", 3)):
        text = f"UNB+UNOC:{version}'FTX+a*+b'FTX+a:*b'FTX+a*'UNZ+0+R'"
        assert len(tokenize(encoded(text)).interchanges[0].findings) == count


@pytest.mark.parametrize("piece", range(1, 10))
def test_octets_that_are_no_utf8_are_found_across_pieces(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr("eichrecht.edifact.charsets._PIECE_BYTES", piece)
    good = "UNB+UNOW:4'FTX+Zähler ₂ zählen ₃'UNZ+0+R'".encode()
    assert tokenize(good).interchanges[0].findings == ()
    for at in (i for i, octet in enumerate(good) if octet >= 0x80):
        broken = good[:at] + b"x" + good[at + 1 :]
        (finding,) = tokenize(broken).interchanges[0].findings
        assert finding.code == SyntaxCode.UNDECODABLE
        with pytest.raises(UnicodeDecodeError) as caught:
            broken.decode()
        assert finding.params["position"] == str(caught.value.start)
