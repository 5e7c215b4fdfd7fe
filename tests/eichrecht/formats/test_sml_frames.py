"""Frames are read once for both formats that travel in them, and their checksum is the one of the specification."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.formats import _sml as sml
from eichrecht.formats import registry
from eichrecht.formats.errors import MalformedRecordError
from sample_meters import edl40_p, isa_edl40_p


def by_the_bit(data: bytes) -> int:
    """CRC-16/X.25 as ISO/IEC 13239 and the catalogue of parametrised CRCs describe it, bit by bit."""
    register = 0xFFFF
    for octet in data:
        for place in range(8):
            bit = (octet >> place ^ register) & 1
            register = register >> 1 ^ (0x8408 if bit else 0)
    return register ^ 0xFFFF


def test_the_checksum_of_the_catalogue() -> None:
    assert sml.crc16_x25(b"123456789") == 0x906E
    assert sml.crc16_x25(b"") == 0


@given(st.binary(max_size=600))
def test_the_checksum_is_that_of_the_loop_over_bits(data: bytes) -> None:
    assert sml.crc16_x25(data) == by_the_bit(data)


def test_what_is_remembered_of_one_frame_is_never_told_of_another() -> None:
    telegrams = [edl40_p.METER.telegram(edl40_p.FIRST), isa_edl40_p.METER.telegram(isa_edl40_p.AT_END)]
    telegrams.append(edl40_p.METER.telegram(edl40_p.LAST))
    alone = []
    for telegram in telegrams:
        sml.read_frame.cache_clear()
        alone.append(registry.decode_any(telegram))
    sml.read_frame.cache_clear()
    assert [registry.decode_any(telegram) for telegram in (*telegrams, *reversed(telegrams))] == [
        *alone,
        *reversed(alone),
    ]
    assert len({record.signed_bytes for record in alone if record is not None}) == len(telegrams)


def test_a_damaged_frame_is_refused_each_time() -> None:
    telegram = bytearray(isa_edl40_p.METER.telegram(isa_edl40_p.AT_END))
    sml.read_frame(bytes(telegram))
    telegram[40] ^= 1
    for _ in range(2):
        with pytest.raises(MalformedRecordError) as caught:
            sml.read_frame(bytes(telegram))
        assert caught.value.code == sml.SmlErrorCode.CHECKSUM_WRONG
