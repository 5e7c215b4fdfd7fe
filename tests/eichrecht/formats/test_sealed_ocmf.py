"""Sealed OCMF: the envelope, opening, and the forgeries that a careless program accepts."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.evidence import Severity
from eichrecht.formats import registry
from eichrecht.formats._seal import MAX_SEALED_BYTES, SealError, read_envelope
from eichrecht.formats.base import SealedFormat
from eichrecht.formats.errors import FormatError, LimitExceededError, MalformedRecordError, NotThisFormatError
from eichrecht.formats.ocmf import OcmfFormat
from eichrecht.formats.sealed_ocmf import FORMATS, SealedOcmfCode, SealedOcmfErrorCode
from sample_meters._sealing import EXPONENT, Sealing, SealKey
from sample_meters.meter import SampleCase
from sample_meters.ocmf import OcmfMeter
from sample_meters.sealed_ocmf import (
    BEGIN_KWH,
    END,
    END_KWH,
    START,
    SealedOcmfMeter,
    cases,
    invented_record,
    spliced_record,
)

FORMAT = FORMATS[0]
KEY = SealKey()


CASES = {case.name.removeprefix("sealed-ocmf-"): case for case in cases()}


def case(name: str) -> SampleCase:
    return CASES[name]


SEALED = case("binary").content


def opened_carelessly(content: bytes, modulus: int, exponent: int) -> bytes | None:
    """Open a seal by the recipe and nothing more: magic and numbers are checked, then cut to the length."""
    envelope = read_envelope(content)
    data = envelope.data
    first = pow(int.from_bytes(data[:256], "big"), exponent, modulus).to_bytes(256, "big")
    text = (first + data[256:])[2:]
    for number, vector in ((2, 0x80), (1, 0x40), (0, 0x00)):
        decryptor = Cipher(
            algorithms.AES(envelope.keys[number]), modes.CBC(bytes((vector, *bytes(15))))
        ).decryptor()
        text = decryptor.update(text) + decryptor.finalize()
        if number == 2:
            text = b"".join(text[at : at + 16] for at in range(len(text) - 16, -1, -16))
    blocks = [text[at : at + 256] for at in range(0, len(text), 256)]
    for number, block in enumerate(blocks):
        if block[:28] != text[:28] or int.from_bytes(block[28:32], "big") != number:
            return None
    length = int.from_bytes(text[24:28], "big")
    return b"".join(block[32:] for block in blocks)[:length]


def test_it_is_registered_as_a_sealed_format() -> None:
    found = registry.format_named("SEALED_OCMF")
    assert isinstance(found, SealedFormat)
    assert not isinstance(registry.format_named("OCMF"), SealedFormat)


def test_a_sealed_record_is_found_whole_and_claimed_by_no_other_format() -> None:
    (span,) = registry.recognise(SEALED)
    assert (span.format, span.start, span.end, span.reason) == (
        "SEALED_OCMF", 0, len(SEALED), "seal_identifier",
    )  # fmt: skip
    assert FORMAT.find(b"x" + SEALED) == ()
    assert FORMAT.find(b"") == ()
    assert FORMAT.find(SEALED[:-400]) != ()  # cut off, but it says what it is


def test_closed_it_says_nothing() -> None:
    record = FORMAT.decode(SEALED)
    assert (record.readings, record.meter.serial, record.pagination) == ((), None, None)
    assert [f.code for f in record.findings] == [SealedOcmfCode.CLOSED]
    assert record.signed_bytes in SEALED


def test_open_it_is_the_record_inside() -> None:
    record = FORMAT.unseal(SEALED, KEY.modulus, EXPONENT)
    assert record is not None
    text = opened_carelessly(SEALED, KEY.modulus, EXPONENT)
    assert text is not None
    inside = OcmfFormat().decode(text)
    assert record.signed_bytes == inside.signed_bytes
    assert (record.readings, record.meter, record.identification) == (
        inside.readings, inside.meter, inside.identification,
    )  # fmt: skip
    assert (record.format, record.raw) == ("SEALED_OCMF", SEALED)
    codes = [f.code for f in record.findings]
    assert codes[:2] == [SealedOcmfCode.WEAK, SealedOcmfCode.NO_SIGNATURE_INSIDE]
    assert "signature_missing" not in codes


@pytest.mark.parametrize(
    ("modulus", "exponent"),
    [(SealKey("stranger").modulus, EXPONENT), (KEY.modulus, 3), (KEY.modulus >> 1, EXPONENT), (15, 3),
     (KEY.modulus << 2048, EXPONENT)],
)  # fmt: skip
def test_other_keys_do_not_open_it(modulus: int, exponent: int) -> None:
    assert FORMAT.unseal(SEALED, modulus, exponent) is None


def test_a_number_above_the_modulus_is_no_sealed_block() -> None:
    """c and c + N open to the same: only one of them is a sealed record."""
    for page in range(1, 40):  # with this key one record in six has a c small enough
        device = SealedOcmfMeter(OcmfMeter("secp256r1", page=page))
        sealed = device.session_record(BEGIN_KWH, END_KWH, START, END)
        data = read_envelope(sealed).data
        number = int.from_bytes(data[:256], "big") + KEY.modulus
        if number < 1 << 2048:
            break
    else:
        raise AssertionError("no small c among 39")
    other = sealed.replace(data[:256], number.to_bytes(256, "big"))
    assert opened_carelessly(other, KEY.modulus, EXPONENT) == opened_carelessly(sealed, KEY.modulus, EXPONENT)
    assert FORMAT.unseal(other, KEY.modulus, EXPONENT) is None


@pytest.mark.parametrize("length", [1, 223, 224, 225, 448, 449])
def test_texts_of_every_length_come_out_or_are_no_record(length: int) -> None:
    sealed = Sealing().seal(b"x" * length)
    with pytest.raises(MalformedRecordError) as caught:
        FORMAT.unseal(sealed, KEY.modulus, EXPONENT)
    assert caught.value.code == SealedOcmfErrorCode.NO_RECORD_INSIDE
    assert opened_carelessly(sealed, KEY.modulus, EXPONENT) == b"x" * length


PLACES = {
    "identifier": (b"\x83\xd6\x77\x01\x01", b"\x83\xd6\x77\x01\x02"),
    "version": (b"\x02\x01\x02\x60", b"\x02\x01\x03\x60"),
    "padding": (b"\x81\xaa\x74\x04\x03\x02", b"\x81\xaa\x74\x04\x03\x01"),
    "cipher": (b"\x86\xf7\x0d\x01\x01\x01", b"\x86\xf7\x0d\x01\x01\x0a"),
    "compression": (b"\x01\x01\x01\x01\x00\xa2", b"\x01\x01\x01\x01\x01\xa2"),
    "key_length": (b"\x02\x02\x08\x00", b"\x02\x02\x10\x00"),
    "keys": (b"\xa4\x38\x30\x36\x04\x10", b"\xa4\x38\x30\x36\x04\x0f"),
    "key_agreement": (b"\x61\x02\x30\x00", b"\x61\x02\x05\x00"),
    "authentication": (b"\x62\x02\x30\x00", b"\x62\x02\x05\x00"),
}  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_every_part_of_the_envelope_is_looked_at(place: str) -> None:
    old, new = PLACES[place]
    assert SEALED.count(old) == 1
    changed = SEALED.replace(old, new)
    with pytest.raises(SealError, match=place):
        read_envelope(changed)
    with pytest.raises(NotThisFormatError if place == "identifier" else MalformedRecordError):
        FORMAT.decode(changed)


def test_the_limit_is_checked_first() -> None:
    with pytest.raises(LimitExceededError):
        FORMAT.decode(SEALED + bytes(MAX_SEALED_BYTES))


# --- forgeries


def test_a_careless_program_takes_an_invented_record_and_this_one_does_not() -> None:
    """Made with the public key alone: a spare block holds what cannot be chosen, and the length hides it."""
    forged = invented_record()
    text = opened_carelessly(forged, KEY.modulus, EXPONENT)
    assert text is not None
    record = OcmfFormat().decode(text)
    assert [reading.value for reading in record.readings] == ["1200.5000", "1731.7500"]
    assert FORMAT.unseal(forged, KEY.modulus, EXPONENT) is None


def test_a_careless_program_takes_a_changed_record_and_this_one_reports_it() -> None:
    """Made of a genuine record: 32 octets in a text are chance, everything before the last block can be chosen."""
    genuine, forged = spliced_record()
    texts = [opened_carelessly(content, KEY.modulus, EXPONENT) for content in (genuine, forged)]
    assert all(texts)
    values = []
    for text in texts:
        assert text is not None
        readable = text.decode("utf-8", "replace").encode()  # as Java reads octets that are no text
        values.append([reading.value for reading in OcmfFormat().decode(readable).readings])
    assert values == [["1200.5000", "1231.7500"], ["1170.5000", "1231.7500"]]
    record = FORMAT.unseal(forged, KEY.modulus, EXPONENT)
    assert record is not None
    assert {f.code for f in record.findings if f.severity is Severity.ERROR} == {"text_not_utf8"}
    assert not record.unambiguous


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("filling", SealedOcmfCode.PADDING_NOT_ZERO),
        ("compressed", SealedOcmfCode.COMPRESSED),
        ("text-behind", SealedOcmfCode.TEXT_AROUND),
    ],
)
def test_what_would_make_forging_cheap_is_an_error(name: str, code: str) -> None:
    record = FORMAT.unseal(case(name).content, KEY.modulus, EXPONENT)
    assert record is not None
    assert [f.code for f in record.findings if f.severity is Severity.ERROR] == [code]


def test_deflate_must_end_where_the_data_end() -> None:
    packed = read_envelope(case("compressed-one-block").content)
    assert packed.compressed
    assert packed.blocks == 1
    mislabelled = SEALED.replace(b"\x01\x01\x01\x01\x00\xa2", b"\x01\x01\x01\x01\x02\xa2")
    with pytest.raises(MalformedRecordError) as caught:
        FORMAT.unseal(mislabelled, KEY.modulus, EXPONENT)
    assert caught.value.code == SealedOcmfErrorCode.DEFLATE_BROKEN


# --- hostile bytes


def refusal(content: bytes) -> str | None:
    try:
        assert FORMAT.decode(content).readings == ()
        FORMAT.unseal(content, KEY.modulus, EXPONENT)
    except FormatError as error:
        return error.code
    return None


@settings(max_examples=400, deadline=None)
@given(st.integers(0, len(SEALED) - 1), st.binary(max_size=6), st.integers(0, 8))
def test_nothing_but_format_errors(at: int, inserted: bytes, removed: int) -> None:
    changed = SEALED[:at] + inserted + SEALED[at + removed :]
    FORMAT.find(changed)
    assert refusal(changed) in {None, *SealedOcmfErrorCode}


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300))
def test_arbitrary_bytes(content: bytes) -> None:
    for prefixed in (content, b"\x30" + content, SEALED[:16] + content):
        assert refusal(prefixed) in {None, *SealedOcmfErrorCode}


def test_find_looks_at_the_beginning_only() -> None:
    """However often the identifier stands in a content, only the first place counts."""
    assert FORMAT.find(b"\x04\x00" + SEALED[:16] * 60_000) == ()
    assert len(FORMAT.find(SEALED[:16] * 60_000)) == 1
