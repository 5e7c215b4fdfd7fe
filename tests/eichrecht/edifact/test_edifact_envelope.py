"""Every count and every reference of the envelopes is compared, and each difference has its own code."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.edifact import EdifactError, Party, looks_like_edifact, read_file
from eichrecht.edifact.codes import EnvelopeCode
from eichrecht.edifact.interchange import has_error
from tests.eichrecht.edifact.edifact_support import (
    RECIPIENT,
    SENDER,
    SHARED,
    codes,
    encoded,
    interchange,
    message,
    read,
    reading,
)

TWO = interchange(message(*reading(), reference="A1"), message(*reading(), reference="A2"))
"""A sound interchange with two messages of 16 segments."""

GROUPED = interchange(
    "UNG+MSCONS+X:14+Y:14+260315:0800+G1+UN+D:04B'" + message(*reading(), reference="1") + "UNE+1+G1'",
    "UNG+MSCONS+X:14+Y:14+260315:0800+G2+UN+D:04B'"
    + message(*reading(), reference="2")
    + message(*reading(), reference="3")
    + "UNE+2+G2'",
)


def test_sound_files_have_no_findings() -> None:
    for text in (
        TWO,
        GROUPED,
        TWO.removeprefix("UNA:+.? '"),
        TWO.replace("'", "'\r\n"),
        TWO + TWO.replace("R1", "R2"),
    ):
        assert codes(read(text.replace("? '\r\n", "? '"))) == []


def test_everything_of_the_header_is_read() -> None:
    text = TWO.replace("+260315:0800+R1++VL'", "+260315:0800+R1++VL++++1'")
    one = read(text).interchanges[0]
    assert (one.sender, one.recipient) == (Party(SENDER, "500"), Party(RECIPIENT, "500"))
    assert (one.reference, one.application, one.prepared, one.test) == ("R1", "VL", ("260315", "0800"), True)
    assert one.una == (0, 9)
    assert one.span == (0, len(text))
    assert codes(read(text)) == ["edifact_test_indicator"]
    assert [m.reference for m in one.messages] == ["A1", "A2"]
    assert [m.type.association for m in one.messages] == ["2.4c", "2.4c"]
    assert not read(TWO).interchanges[0].test


def test_places_of_messages() -> None:
    file = read(TWO)
    for one in file.interchanges[0].messages:
        start, end = one.span
        assert file.data[start:].startswith(b"UNH+" + one.reference.encode())
        assert file.data[:end].endswith(b"UNT+16+" + one.reference.encode() + b"'")
        assert [segment.tag for segment in one.body][:2] == ["BGM", "DTM"]
        assert one.body[-1].tag == "DTM"


def test_message_without_trailer_keeps_its_last_segment() -> None:
    first, second = read(TWO.replace("UNT+16+A1'", "")).interchanges[0].messages
    assert (first.closed, second.closed) == (False, True)
    assert first.content[-1].tag == first.body[-1].tag == "DTM"
    assert len(first.content) == len(second.content) == 14


def test_groups() -> None:
    one = read(GROUPED).interchanges[0]
    assert [group.reference for group in one.groups] == ["G1", "G2"]
    assert [list(group.messages) for group in one.groups] == [[0], [1, 2]]
    assert len(one.messages) == 3


@given(st.integers(0, 99_999))
@settings(max_examples=60)
def test_any_other_count_is_caught(count: int) -> None:
    for text, written, right, code in (
        (TWO, "UNT+{}+A1", 16, "edifact_unt_count"),
        (TWO, "UNT+{}+A2", 16, "edifact_unt_count"),
        (TWO, "UNZ+{}+R1", 2, "edifact_unz_count"),
        (GROUPED, "UNZ+{}+R1", 2, "edifact_unz_count"),
        (GROUPED, "UNE+{}+G1", 1, "edifact_une_count"),
        (GROUPED, "UNE+{}+G2", 2, "edifact_une_count"),
    ):
        assert written.format(right) in text
        changed = text.replace(written.format(right), written.format(count))
        assert codes(read(changed)) == ([] if count == right else [code])


@pytest.mark.parametrize("written", ["", "x", "-16", "16.0", "1 6", "１６", "99999999999"])
def test_count_that_is_no_number(written: str) -> None:
    text = TWO.replace("UNT+16+A1", f"UNT+{written}+A1")
    file = read_file(text.encode("utf-8").replace(b"UNOC", b"UNOW").replace(b"\n", b""))
    assert codes(file) == ["edifact_unt_count"]


@given(st.text(st.characters(codec="ascii", categories=["Lu", "Nd"]), max_size=4))
@settings(max_examples=60)
def test_any_other_reference_is_caught(reference: str) -> None:
    for text, written, right, code in (
        (TWO, "UNT+16+{}'", "A1", "edifact_unt_reference"),
        (TWO, "UNZ+2+{}'", "R1", "edifact_unz_reference"),
        (GROUPED, "UNE+2+{}'", "G2", "edifact_une_reference"),
    ):
        changed = text.replace(written.format(right), written.format(reference))
        found = [one for one in codes(read(changed)) if one != "edifact_trailing_separator"]
        assert found == ([] if reference == right else [code])


def test_references_are_compared_without_release_characters_and_end_blanks() -> None:
    text = TWO.replace("UNH+A1+", "UNH+A?+1+").replace("+A1'", "+A?+1  '")
    assert codes(read(text)) == []


@pytest.mark.parametrize("tag", ["UNB", "UNH", "UNT", "UNZ", "UNG", "UNE"])
def test_each_service_segment_removed_doubled_or_moved_is_caught(tag: str) -> None:
    """Whatever happens to a service segment, something is said, and it is an error."""
    text = GROUPED if tag in ("UNG", "UNE") else TWO
    head, body = text[:9], text[9:].split("'")[:-1]
    for index, segment in enumerate(body):
        if not segment.startswith(tag):
            continue
        without = [*body[:index], *body[index + 1 :]]
        variants = [without, [*body[:index], segment, *body[index:]]]
        variants += [[*without[:at], segment, *without[at:]] for at in range(len(without) + 1) if at != index]
        for variant in variants:
            try:
                file = read(head + "'".join(variant) + "'")
            except EdifactError:
                continue
            assert has_error(tuple(file.all_findings())), "'".join(variant)


CASES = {
    EnvelopeCode.UNT_COUNT: TWO.replace("UNT+16+A1", "UNT+15+A1"),
    EnvelopeCode.UNT_REFERENCE: TWO.replace("UNT+16+A1", "UNT+16+A9"),
    EnvelopeCode.UNE_COUNT: GROUPED.replace("UNE+2+", "UNE+1+"),
    EnvelopeCode.UNE_REFERENCE: GROUPED.replace("UNE+2+G2", "UNE+2+G1"),
    EnvelopeCode.UNZ_COUNT: TWO.replace("UNZ+2+", "UNZ+1+"),
    EnvelopeCode.UNZ_REFERENCE: TWO.replace("UNZ+2+R1", "UNZ+2+R2"),
    EnvelopeCode.MESSAGE_REFERENCE_REPEATED: TWO.replace("A2", "A1"),
    EnvelopeCode.GROUP_REFERENCE_REPEATED: GROUPED.replace("G2", "G1"),
    EnvelopeCode.INTERCHANGE_REFERENCE_REPEATED: TWO + TWO,
    EnvelopeCode.REFERENCE_MISSING: TWO.replace("0800+R1", "0800+").replace("UNZ+2+R1", "UNZ+2"),
    EnvelopeCode.UNH_MISSING: TWO.replace("UNZ", "UNT+2+A3'UNZ"),
    EnvelopeCode.UNT_MISSING: TWO.replace("UNT+16+A1'", ""),
    EnvelopeCode.UNG_MISSING: TWO.replace("UNZ", "UNE+2+A3'UNZ"),
    EnvelopeCode.UNE_MISSING: GROUPED.replace("UNE+1+G1'", ""),
    EnvelopeCode.UNZ_MISSING: TWO.replace("UNZ+2+R1'", ""),
    EnvelopeCode.SEGMENT_OUTSIDE_MESSAGE: TWO.replace("UNH+A2", "QTY+220:5'UNH+A2"),
    EnvelopeCode.MIXED: GROUPED.replace("UNZ+2", message(*reading(), reference="4") + "UNZ+2"),
    EnvelopeCode.GROUP_EMPTY: GROUPED.replace("UNZ+2", "UNG+MSCONS+X+Y+260315:0800+G3'UNE+0+G3'UNZ+3"),
    EnvelopeCode.INTERCHANGE_EMPTY: interchange(),
    EnvelopeCode.PARTY_MISSING: TWO.replace(f"+{SENDER}:500", "+:500", 1),
    EnvelopeCode.DATE_FORMAT: TWO.replace("+260315:0800+", "+20260315:0800+"),
    EnvelopeCode.TEST_INDICATOR: TWO.replace("++VL'", "++VL++++1'"),
}


@pytest.mark.parametrize(
    "code", [code for code in EnvelopeCode if code is not EnvelopeCode.TOO_MANY_STRUCTURES]
)
def test_each_code_has_its_case(code: EnvelopeCode) -> None:
    assert codes(read(CASES[code])) == [code]


def test_too_many_structures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eichrecht.edifact.limits.MAX_STRUCTURES", 4)
    assert "edifact_too_many_structures" in codes(read(TWO))
    monkeypatch.setattr("eichrecht.edifact.limits.MAX_STRUCTURES", 5)
    assert codes(read(TWO)) == []


def test_date_of_version_4_has_a_century() -> None:
    text = TWO.replace("UNOC:3", "UNOC:4")
    assert codes(read(text)) == ["edifact_date_format"]
    assert codes(read(text.replace("+260315:", "+20260315:"))) == []


def test_error_stands_at_the_smallest_structure() -> None:
    file = read(TWO.replace("UNT+16+A1", "UNT+15+A1"))
    one = file.interchanges[0]
    assert has_error(file.findings_for(one, one.messages[0]))
    assert not has_error(file.findings_for(one, one.messages[1]))
    spoilt = read(TWO + "x")
    one = spoilt.interchanges[0]
    assert has_error(spoilt.findings_for(one, one.messages[1]))


def test_security_groups_around_messages_are_kept() -> None:
    text = TWO.replace("++VL'", "++VL'USH+1+S1'USA+1'").replace("UNZ", "UST+S1+4'USR+1:00'UNZ")
    one = read(text).interchanges[0]
    assert [segment.tag for segment in one.security] == ["USH", "USA", "UST", "USR"]
    assert one.findings == ()


def test_security_groups_inside_messages_are_no_body() -> None:
    body = ["USH+1+S1", "USA+1", "USC+1", *reading(), "UST+S1+4", "USR+1:00"]
    one = read(interchange(message(*body))).interchanges[0].messages[0]
    assert [segment.tag for segment in one.body] == [part[:3] for part in reading()]
    assert [segment.tag for segment in one.content] == [part[:3] for part in body]


def test_recognition() -> None:
    assert looks_like_edifact(encoded(TWO))
    assert looks_like_edifact(b"\xef\xbb\xbf\r\n" + encoded(TWO))
    for data in (b"", b"UN", b"OCMF|{}|{}", b" UNB+UNOC:3'", b"xUNA:+.? '"):
        assert not looks_like_edifact(data)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent")
@pytest.mark.parametrize("path", sorted(SHARED.rglob("*.edi")), ids=lambda path: path.name)
def test_envelopes_of_the_vectors(path: Path) -> None:
    expected = {
        "bom.edi": ["edifact_byte_order_mark"],
        "trailing_byte.edi": ["edifact_trailing_bytes"],
        "v3_labelled_4.edi": ["edifact_date_format"],
    }
    assert codes(read_file(path.read_bytes())) == expected.get(path.name, [])
