"""The SML reader: transport, checksum, tag-length-value, messages; and what hostile bytes do to it."""

from __future__ import annotations

import contextlib
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.formats import _sml as sml
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError
from sample_meters import _edl40_telegrams as writer
from sample_meters.edl40_p import FIRST, METER

TELEGRAM = METER.telegram(FIRST)
START, ESCAPE = sml.START, sml.ESCAPE


def sealed(body: bytes, fill: int | None = None) -> bytes:
    """A frame with a right checksum around any body; the body is not escaped."""
    padding = -len(body) % 4 if fill is None else fill
    start = START + body + b"\0" * padding + ESCAPE + bytes((0x1A, padding))
    return start + sml.crc16_x25(start).to_bytes(2, "little")


def code_of(frame: bytes) -> str:
    with pytest.raises(FormatError) as caught:
        sml.read_frame(frame)
    return caught.value.code


def test_the_checksum_is_crc16_x25() -> None:
    assert sml.crc16_x25(b"123456789") == 0x906E  # check value of the catalogue of CRCs
    assert sml.crc16_x25(b"") == 0


@given(st.binary(max_size=200))
def test_the_checksum_agrees_with_the_bitwise_one(data: bytes) -> None:
    assert sml.crc16_x25(data) == writer.crc16(data)


def test_a_telegram_is_read() -> None:
    read = sml.read_frame(TELEGRAM)
    assert read.opened_by == (bytes.fromhex(FIRST.serial),)
    (values,) = read.lists
    assert values.server_id == bytes.fromhex(FIRST.serial)
    assert values.list_name == bytes.fromhex("8180817103FF")
    assert values.signature == FIRST.signature("narrow", METER.key_label)
    register = values.entries[1]
    assert (register.name.hex(), register.unit, register.scaler) == ("0100011100ff", 30, -1)
    assert (register.value, register.status) == (FIRST.value, FIRST.word)
    assert register.time == sml.SmlTime(False, writer.local_seconds(FIRST.local) - 3600, 60)
    assert values.entries[2].value == [1, [1, FIRST.seconds]]


@pytest.mark.parametrize(
    "contract", [ESCAPE, ESCAPE * 3, ESCAPE + b"\x1a\x00\x00\x00", START, b"\x1b" * 5, b"\x1b" * 7, b"ab\x1b"]
)
def test_doubled_escapes_stand_for_one(contract: bytes) -> None:
    values = FIRST.__class__(contract=contract)
    frame = METER.telegram(values)
    assert [(s.start, s.end, s.complete) for s in sml.find_frames(frame)] == [(0, len(frame), True)]
    assert sml.read_frame(frame).lists[0].entries[0].value == contract


def test_data_may_end_with_the_first_byte_of_an_escape() -> None:
    body = writer.message(1, 0x0201, writer.several(writer.octets(b"x")))
    frame = sealed(body[:-1] + b"\0" + b"\x1b", fill=0)
    assert [(s.end, s.complete) for s in sml.find_frames(frame)] == [(len(frame), True)]
    assert sml.unwrap_frame(frame) == body + b"\x1b"


def test_frames_are_found_among_other_bytes_and_when_cut_off() -> None:
    cut = TELEGRAM[:50]
    content = b"noise" + TELEGRAM + b"\r\n" + cut + TELEGRAM + cut
    spans = [(s.start, s.end, s.complete) for s in sml.find_frames(content)]
    first = 5 + len(TELEGRAM)
    again = first + 2 + 50
    assert spans == [
        (5, first, True),
        (first + 2, again, False),
        (again, again + len(TELEGRAM), True),
        (again + len(TELEGRAM), len(content), False),
    ]
    assert sml.find_frames(b"\x1b\x1b\x1b\x1b\x01\x01\x01") == []


def test_a_wrong_checksum_a_cut_and_bad_fill_are_told_apart() -> None:
    assert code_of(TELEGRAM[:-1] + bytes((TELEGRAM[-1] ^ 1,))) == "sml_checksum_wrong"
    assert code_of(TELEGRAM[:100]) == "sml_frame_incomplete"
    assert code_of(TELEGRAM[1:]) == "sml_frame_incomplete"
    assert code_of(TELEGRAM + b"\0") == "sml_frame_incomplete"
    start = START + ESCAPE + bytes((0x1A, 4))
    assert code_of(start + sml.crc16_x25(start).to_bytes(2, "little")) == "sml_structure_broken"


def test_an_escape_that_is_none_is_refused() -> None:
    assert code_of(sealed(ESCAPE + b"\x02\x02\x02\x02")) == "sml_structure_broken"


@pytest.mark.parametrize(
    "body",
    [
        b"\x75",  # a list of five is no message
        b"\x76\x05abc",  # an octet string beyond the end
        b"\x76" + b"\x80" * 9,  # length bytes without end
        b"\x7f" * 12,  # lists in lists
        b"\x76" + b"\x01" * 5 + b"\x01",  # no end mark
        b"\x76" + b"\x01" * 5 + b"\x00",  # no body
        b"\x76\x01\x01\x01\x72\x63\x07\x01\x75\x01\x01\x01\x01\x01\x01\x00",  # GetList with five members
        b"\x76\x01\x01\x01\x72\x6a\x01\x01\x01\x00",  # an integer of nine bytes
        b"\x76\x01\x01\x01\x72\x11\x01\x01\x00",  # a type that does not exist
    ],
)
def test_what_is_no_message_is_refused(body: bytes) -> None:
    assert code_of(sealed(body)) in {"sml_structure_broken", "sml_nested_too_deep"}


def test_limits_hold() -> None:
    with pytest.raises(LimitExceededError, match="sml_frame_too_large"):
        sml.read_frame(sealed(b"\0" * sml.MAX_FRAME_BYTES))
    deep = b"\x76\x01\x01\x01\x72\x62\x09" + b"\x71" * sml.MAX_DEPTH + b"\x01\x01\x00"
    with pytest.raises(LimitExceededError, match="sml_nested_too_deep"):
        sml.read_frame(sealed(deep))


def test_a_list_claims_no_more_elements_than_there_are_bytes() -> None:
    huge = b"\x76\x01\x01\x01\x72\x62\x09\xff\x8f\x0f"
    with pytest.raises(MalformedRecordError):
        sml.read_frame(sealed(huge))


@given(st.binary(max_size=400))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    escaped = body.replace(ESCAPE, ESCAPE + ESCAPE)
    for frame in (sealed(escaped), START + body, body):
        with contextlib.suppress(FormatError):
            sml.read_frame(frame)
        sml.find_frames(frame)


@given(st.integers(8, len(TELEGRAM) - 9), st.integers(1, 255))
def test_any_changed_byte_under_a_right_checksum_is_read_or_refused(place: int, change: int) -> None:
    start = TELEGRAM[:place] + bytes((TELEGRAM[place] ^ change,)) + TELEGRAM[place + 1 : -2]
    with contextlib.suppress(FormatError):
        sml.read_frame(start + sml.crc16_x25(start).to_bytes(2, "little"))


def test_finding_is_linear() -> None:
    """Half a megabyte of beginnings: a search that starts over at each of them would not come back."""
    for content in (START * 40_000, ESCAPE * 80_000, b"\x1b" * 320_001, (START + b"\x1b\x1b\x1b") * 20_000):
        spans = sml.find_frames(content)
        assert all(a.end <= b.start for a, b in itertools.pairwise(spans))
