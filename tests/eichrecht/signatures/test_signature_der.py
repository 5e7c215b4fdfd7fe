"""DER readers: what is strict, what is lenient, and that neither fails on anything."""

import contextlib

import pytest
from ecdsa.util import sigdecode_der, sigencode_der
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eichrecht.signatures.der import (
    MAX_SIGNATURE_BYTES,
    DerError,
    read_element,
    read_lenient_signature,
    read_oid,
    read_raw_signature,
    read_signature,
    write_element,
    write_oid,
    write_signature,
)

NUMBERS = st.integers(min_value=0, max_value=2**521 - 1)
BIG = 2**256 - 1


@settings(deadline=None)
@given(NUMBERS, NUMBERS)
@example(0, 0)
@example(127, 128)
@example(2**521 - 1, 2**521 - 1)
@example(2**503 - 1, 2**487 - 1)  # content of exactly 128 octets: the first that needs a long-form length
def test_what_is_written_is_read_by_both_readers_and_by_another_library(r: int, s: int) -> None:
    signature = write_signature(r, s)
    assert signature == sigencode_der(r, s, 2**521)
    assert read_signature(signature) == (r, s)
    assert read_lenient_signature(signature) == (r, s)


@settings(deadline=None)
@given(st.binary(max_size=160))
@example(b"")
@example(b"\x30")
@example(b"\x30\x80")
@example(bytes.fromhex("3006020100020100"))
@example(bytes.fromhex("3085ffffffffff"))
def test_readers_never_raise_and_strict_means_canonical(data: bytes) -> None:
    strict, lenient = read_signature(data), read_lenient_signature(data)
    if strict is not None:
        assert write_signature(*strict) == data
        assert lenient == strict
    read_raw_signature(data, 32)


@settings(deadline=None)
@given(NUMBERS, NUMBERS, st.data())
def test_near_misses_are_strict_exactly_if_another_strict_reader_takes_them(
    r: int, s: int, data: st.DataObject
) -> None:
    signature = bytearray(write_signature(r, s))
    at = data.draw(st.integers(0, len(signature) - 1))
    signature[at] = data.draw(st.integers(0, 255))
    mine = read_signature(bytes(signature))
    try:
        other = sigdecode_der(bytes(signature), 2**521)
    except Exception:
        other = None
    assert mine == other


@pytest.mark.parametrize(
    ("hexadecimal", "numbers"),
    [
        ("3006020180020101", (128, 1)),  # missing sign octet
        ("300802020001020200ff", (1, 255)),  # superfluous zero before r
        ("300a0203000000020300007f", (0, 127)),
        ("308106020101020102", (1, 2)),  # long form where short would do
        ("30820006020101020102", (1, 2)),
        ("300702810101020102", (1, 2)),
    ],
)
def test_lenient_only(hexadecimal: str, numbers: tuple[int, int]) -> None:
    data = bytes.fromhex(hexadecimal)
    assert read_signature(data) is None
    assert read_lenient_signature(data) == numbers


@pytest.mark.parametrize(
    "hexadecimal",
    [
        "300602010102010200",  # octet after the end
        "3007020101020102",  # length one too long
        "3005020101020102",  # one too short
        "3080020101020102" + "0000",  # indefinite length
        "3106020101020102",  # SET
        "3006030101020102",  # not an INTEGER
        "30050200020102",  # empty INTEGER
        "3009020101020102020103",  # three numbers
        "3003020101",  # one
        "3085010000000602010102" + "0102",
        "3f1006020101020102",
    ],
)
def test_neither(hexadecimal: str) -> None:
    assert read_signature(bytes.fromhex(hexadecimal)) is None
    assert read_lenient_signature(bytes.fromhex(hexadecimal)) is None


def test_oversized_signatures_are_not_looked_at() -> None:
    padded = write_element(
        0x30, write_element(2, bytes(MAX_SIGNATURE_BYTES) + b"\x01") + write_element(2, b"\x01")
    )
    assert read_lenient_signature(padded) is None
    assert read_signature(b"\x30" * 10_000_000) is None


def test_raw_needs_exactly_two_halves() -> None:
    assert read_raw_signature(b"\x01" * 64, 32) == (int("01" * 32, 16),) * 2
    assert read_raw_signature(b"\x01" * 63, 32) is None
    assert read_raw_signature(b"", 32) is None


@pytest.mark.parametrize(
    ("dotted", "encoded"),
    [
        ("1.2.840.10045.2.1", "06072a8648ce3d0201"),
        ("1.3.36.3.3.2.8.1.1.7", "06092b2403030208010107"),
        ("1.3.101.112", "06032b6570"),
        ("2.16.840.1.101.3.4.3.17", "0609608648016503040311"),
    ],
)
def test_object_identifiers(dotted: str, encoded: str) -> None:
    assert write_oid(dotted).hex() == encoded
    assert read_oid(bytes.fromhex(encoded)[2:]) == dotted


@settings(deadline=None)
@given(st.binary(max_size=40))
def test_oid_reader_raises_only_its_own_error(data: bytes) -> None:
    with contextlib.suppress(DerError):
        read_oid(data)


@settings(deadline=None)
@given(st.binary(max_size=40), st.integers(0, 45), st.booleans())
def test_element_reader_raises_only_its_own_error(data: bytes, at: int, strict: bool) -> None:
    try:
        _, start, end = read_element(data, at, strict=strict)
    except DerError:
        return
    assert at < start <= end <= len(data)
