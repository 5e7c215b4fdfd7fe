import base64
import re
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocpi.cdrs.errors import SignedDataError
from ocpi.cdrs.signed_data import (
    MAX_SIGNED_VALUE,
    EncodingMethod,
    Nature,
    Placement,
    SignedRecordText,
    nature_of,
    place_signed_data,
    printable_text,
)

PAYLOAD = b'{"FV":"1.0","RD":[{"TM":"2025-03-10T12:00:00,000+0100 S","RV":1.500}]}'
SIGNATURE = b'{"SD":"3045022100ab"}'
RECORD = b"OCMF|" + PAYLOAD + b"|" + SIGNATURE
DER = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200") + b"\x04" + b"\x11" * 64


def record(raw: bytes = RECORD, nature: Nature = Nature.END) -> SignedRecordText:
    return SignedRecordText(raw, nature, PAYLOAD, SIGNATURE)


def test_whole_record_in_both_fields() -> None:
    placed = place_signed_data(
        [record(nature=Nature.START), record()], public_key_der=DER, url="https://cpo.example/r/abc"
    )
    assert placed.placement is Placement.WHOLE
    assert placed.findings == ()
    data = placed.signed_data
    assert data.encoding_method == "OCMF"
    assert base64.b64decode(data.public_key or "") == DER
    assert data.url == "https://cpo.example/r/abc"
    assert [value.nature for value in data.signed_values] == ["Start", "End"]
    for value in data.signed_values:
        assert value.plain_data.encode() == RECORD
        assert base64.b64decode(value.signed_data) == RECORD


@pytest.mark.parametrize(
    ("placement", "plain", "signed"),
    [
        (Placement.PAYLOAD_AND_WHOLE, PAYLOAD, RECORD),
        (Placement.PAYLOAD_AND_SIGNATURE, PAYLOAD, SIGNATURE),
    ],
)
def test_partner_switch(placement: Placement, plain: bytes, signed: bytes) -> None:
    value = place_signed_data([record()], placements=[placement]).signed_data.signed_values[0]
    assert value.plain_data.encode() == plain
    assert base64.b64decode(value.signed_data) == signed


def test_natures() -> None:
    assert nature_of(has_begin=True, has_end=False) is Nature.START
    assert nature_of(has_begin=False, has_end=True) is Nature.END
    assert nature_of(has_begin=True, has_end=True) is Nature.END
    assert nature_of(has_begin=False, has_end=False) is Nature.INTERMEDIATE


def test_encoding_methods_are_spelled_as_in_the_specification() -> None:
    assert [method.value for method in EncodingMethod] == [
        "OCMF",
        "Alfen Eichrecht",
        "EDL40 E-Mobility Extension",
        "EDL40 Mennekes",
    ]


def long_record(length: int) -> SignedRecordText:
    payload = b"x" * (length - len(SIGNATURE) - 6)
    return SignedRecordText(b"OCMF|" + payload + b"|" + SIGNATURE, Nature.END, payload, SIGNATURE)


def test_longest_record_that_fits_whole() -> None:
    fits = place_signed_data([long_record(3750)])
    assert fits.placement is Placement.WHOLE
    assert len(fits.signed_data.signed_values[0].signed_data) == MAX_SIGNED_VALUE


def test_fallback_where_base64_is_too_long() -> None:
    placed = place_signed_data([record(nature=Nature.START), long_record(3751)])
    assert placed.placement is Placement.PAYLOAD_AND_SIGNATURE
    assert [finding.code for finding in placed.findings] == ["cdr_placement_fallback"]
    first = placed.signed_data.signed_values[
        0
    ]  # one placement for all records, or a reader would have to guess
    assert first.plain_data.encode() == PAYLOAD


def test_too_long_names_the_field_and_the_length() -> None:
    with pytest.raises(SignedDataError, match="signed_data has 5004 characters, at most 5000") as caught:
        place_signed_data([long_record(3751)], placements=[Placement.WHOLE])
    assert caught.value.code == "too_long"
    with pytest.raises(SignedDataError, match="too_long"):
        place_signed_data([long_record(6000)])
    with pytest.raises(SignedDataError, match="too_long"):  # first reason is kept: it cannot be split either
        place_signed_data([SignedRecordText(b"x" * 6000, Nature.END)])


def test_smaller_limit_of_an_old_partner() -> None:
    # the record needs 132 characters of base64, its payload 70 as text, its signature 28 of base64
    placed = place_signed_data([record()], limit=100)
    assert placed.placement is Placement.PAYLOAD_AND_SIGNATURE
    with pytest.raises(SignedDataError, match="too_long"):
        place_signed_data([record()], limit=40)


@pytest.mark.parametrize("raw", [b"<values>\n</values>", b"a\tb", b"\x1b\x1b\x01", b"\xff\xfe", b"\x7f"])
def test_what_a_string_cannot_hold_travels_as_base64(raw: bytes) -> None:
    placed = place_signed_data([SignedRecordText(raw, Nature.END)], encoding_method="EDL40 Mennekes")
    value = placed.signed_data.signed_values[0]
    assert value.plain_data == value.signed_data
    assert base64.b64decode(value.plain_data) == raw
    assert [finding.code for finding in placed.findings] == ["cdr_plain_data_is_base64"]


@given(st.binary(min_size=1, max_size=300))
def test_any_record_comes_back_byte_for_byte(raw: bytes) -> None:
    value = place_signed_data([SignedRecordText(raw, Nature.END)]).signed_data.signed_values[0]
    assert base64.b64decode(value.signed_data) == raw
    text = printable_text(raw)
    assert value.plain_data == (value.signed_data if text is None else text)


def test_key_that_does_not_fit_is_left_out() -> None:
    rsa = b"\x30" + b"\x00" * 549  # an RSA-4096 SubjectPublicKeyInfo has 550 bytes
    placed = place_signed_data([record()], public_key_der=rsa)
    assert placed.signed_data.public_key is None
    assert [finding.code for finding in placed.findings] == ["cdr_public_key_too_long"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"records": []}, "no_records"),
        ({"records": [SignedRecordText(b"", Nature.END)]}, "empty_record"),
        ({"placements": []}, "no_parts"),
        (
            {
                "records": [SignedRecordText(b"AP;0;3", Nature.END)],
                "placements": [Placement.PAYLOAD_AND_WHOLE],
            },
            "no_parts",
        ),
        ({"public_key_der": b""}, "invalid_key"),
        ({"public_key_der": b"-----BEGIN"}, "invalid_key"),
        ({"url": "https://x/" + "a" * 512}, "invalid"),
        ({"url": "https://x/\n"}, "invalid"),
        ({"encoding_method": "x" * 37}, "invalid"),
    ],
)
def test_typed_errors(arguments: dict[str, object], code: str) -> None:
    with pytest.raises(SignedDataError) as caught:
        place_signed_data(**{"records": [record()], **arguments})  # type: ignore[arg-type]
    assert caught.value.code == code


SHARED = Path(__file__).resolve().parents[3].parent / "shared"


@pytest.mark.skipif(not (SHARED / "vectors/meter/records.json").exists(), reason="../shared is absent")
def test_real_records_are_not_touched() -> None:
    files = [
        path
        for path in sorted((SHARED / "vectors/meter").rglob("*"))
        if path.is_file() and path.stat().st_size < 3000 and path.read_bytes().startswith(b"OCMF|")
    ]
    assert files
    for path in files:
        raw = path.read_bytes().removesuffix(b"\n")
        value = place_signed_data([SignedRecordText(raw, Nature.END)]).signed_data.signed_values[0]
        assert base64.b64decode(value.signed_data) == raw
        # whatever can be shown is shown; what cannot is not repaired
        assert value.plain_data.encode() in (raw, base64.b64encode(raw))
        assert not re.search(r"[\r\n]", value.plain_data)


def test_fixture_is_ordered() -> None:
    natures = [Nature.START, Nature.INTERMEDIATE, Nature.END]
    values = place_signed_data([record(nature=nature) for nature in natures]).signed_data.signed_values
    assert all(natures.index(Nature(a.nature)) < natures.index(Nature(b.nature)) for a, b in pairwise(values))
