"""The quick ways of decoding and the careful one: wherever a quick one answers, it says the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.evidence import SignedRecord
from eichrecht.formats._json import read_carefully, read_quickly
from eichrecht.formats._ocmf_ordinary import MAX_BYTES, MAX_READINGS, read_ordinary
from eichrecht.formats.errors import FormatError
from eichrecht.formats.ocmf import OcmfFormat, _decode_carefully, _decode_quickly
from sample_meters.cases import all_cases

BARE = [case for case in all_cases() if case.suffix == ".ocmf"]
RECORDS = [case.content for case in BARE]
TYPICAL = next(case.content for case in BARE if case.name == "ocmf-curve-secp256r1")


QUICK = pytest.mark.parametrize("quickly", [read_ordinary, _decode_quickly])
Reader = Callable[[bytes], SignedRecord | None]


@QUICK
@pytest.mark.parametrize("case", BARE, ids=lambda case: case.name)
def test_samples(case: object, quickly: Reader) -> None:
    content: bytes = case.content  # type: ignore[attr-defined]
    quick = quickly(content)
    if quick is not None:
        assert quick == _decode_carefully(content)
        assert repr(quick) == repr(_decode_carefully(content))


@QUICK
def test_ordinary_records_take_the_quick_way(quickly: Reader) -> None:
    assert quickly(TYPICAL) is not None


SMALL_CHANGES = {
    b'"FV":"1.4"': [b'"FV":"1.5"', b'"FV":"0.4"', b'"FV":1.4', b'"FV":null', b'"V1":"1.4"'],
    b'"PG":"T1"': [
        b'"PG":"F1"',
        b'"PG":"T01"',
        b'"PG":"T"',
        b'"PG":"T\xd9\xa1"',
        b'"PG":"T' + b"9" * 20 + b'"',
    ],
    b'"IS":true': [b'"IS":"TRUE"', b'"IS":1', b'"X":1,"IS":true', b'"IS":false,"IS":true', b'"IS":null'],
    b'"IL":"VERIFIED"': [b'"IL":"verified"', b'"IL":""', b'"IL":"VERIFIED","IL":"NONE"', b'"IL":null'],
    b'"IT":"ISO14443"': [b'"IT":"NFC"', b'"IT":"PHONE_NUMBER"', b'"TT":"0.59","IT":"ISO14443"'],
    b'"MS":': [b'"MS":"","MS":', b'"ms":'],
    b'"RD":[': [b'"RD":[],"RD":[', b'"RD":[5,', b'"RD":[null,', b'"LC":{},"RD":[', b'"RD":[[],'],
    b'"TX":"B"': [b'"TX":"Q"', b'"TX":null', b'"TX":"B","TX":"B"', b'"TX":"B","CL":0', b'"TX":"B","EI":0'],
    b'"RU":"kWh"': [b'"RU":"kwh"', b'"RU":"mOhm"', b'"RU":""'],
    b'"RT":"AC"': [b'"RT":"XC"', b'"RT":null', b'"RT":""'],
    b'"ST":"G"': [b'"ST":"g"', b'"ST":"GG"', b'"ST":[]'],
    b'"EF":""': [b'"EF":"q"', b'"EF":null', b'"EF":"EE"'],
    b' S"': [b' s"', b'"', b' SS"', b'  S"', b' \xc3\x9f"'],
    b",000+": [b".000+", b",00+", b"+", b",000 +", b",000+9"],
    b'"RV":': [b'"RV":-0,"RV":', b'"RV":1e', b'"RV":' + b"1" * 40, b'"RV":00', b'"RV":"5","R":'],
    b'"SD":"': [
        b'"SD":" ',
        b'"SD":"0',
        b'"SD":"", "SD":"',
        b'"SM":"x","SD":"',
        b'"SE":"HEX","SD":"',
        b'"SD":"\\u0030',
    ],
    b'"SA":"': [b'"SA":1,"S":"', b'"SE":"base64","SA":"', b'"U":{},"SA":"', b'"SA":"","SA":"'],
}
"""Deviations that leave a finding or another meaning; none may be read as an ordinary record."""


@pytest.mark.parametrize(
    ("place", "change"), [(place, change) for place, changes in SMALL_CHANGES.items() for change in changes]
)
def test_no_deviation_passes_for_ordinary(place: bytes, change: bytes) -> None:
    assert place in TYPICAL
    for count in (1, -1):
        content = TYPICAL.replace(place, change, count)
        assert read_ordinary(content) is None
        with suppress(FormatError):
            careful = _decode_carefully(content)
            assert careful.findings or careful != _decode_carefully(TYPICAL)


@pytest.mark.parametrize(
    "content",
    [
        TYPICAL + b"\n",
        b" " + TYPICAL,
        TYPICAL.replace(b"|", b"| ", 1),
        TYPICAL.replace(b"}|{", b"} |{"),
        TYPICAL + b"|KEY",
        TYPICAL.replace(b"OCMF|", b"OCMF |"),
        TYPICAL.replace(b'"MS":"', b'"MS":"|'),
        TYPICAL.replace(b'"MS":"', b'"MS":"\xff'),
        TYPICAL.replace(b'"MS":"', b'"MS":"\\ud800'),
        TYPICAL.replace(b'"MS":"', b'"MS":"\\"'),
        TYPICAL.replace(b'"MS":"', b'"MS":"' + b"x" * MAX_BYTES),
        TYPICAL.replace(b'"MS":', b'"M\\u0053":'),
        TYPICAL.replace(b'"RV":', b'"RV":-'),
        b"OCMF||",
        b"OCMF|{}|{}",
        b"",
    ],
    ids=lambda content: repr(content[:12])[2:-1],
)
def test_odd_texts_are_no_ordinary_records(content: bytes) -> None:
    ordinary = read_ordinary(content)
    assert ordinary is None or ordinary == _decode_carefully(content)


def test_inheritance_is_left_to_the_other_readers() -> None:
    for field in (b'"RT":"AC",', b'"EF":"",'):
        first, behind = TYPICAL.split(field, 1)
        assert read_ordinary(first + field + behind.replace(field, b"", 1)) is None, "the second inherits"
        assert read_ordinary(first + behind) is None, "only the second has it"
        content = TYPICAL.replace(field, b"")
        assert read_ordinary(content) == _decode_carefully(content), "nothing to inherit"


@pytest.mark.parametrize("readings", [1, MAX_READINGS, MAX_READINGS + 1])
def test_many_readings(readings: int) -> None:
    start, end = TYPICAL.index(b'"RD":[') + 6, TYPICAL.index(b"]}|")
    one = TYPICAL[start:end].partition(b"},")[0] + b"}"
    content = TYPICAL[:start] + b",".join([one] * readings) + TYPICAL[end:]
    ordinary = read_ordinary(content)
    assert ordinary == (_decode_carefully(content) if readings <= MAX_READINGS else None)


@pytest.mark.parametrize(
    "number", [b"0.0000001", b"-0.0", b"12", b"18446744073709551616", b"0.10", b"9" * 40]
)
def test_numbers_keep_their_digits(number: bytes) -> None:
    at = TYPICAL.index(b'"RV":') + 5
    content = TYPICAL[:at] + number + TYPICAL[TYPICAL.index(b",", at) :]
    ordinary = read_ordinary(content)
    assert ordinary == _decode_carefully(content)
    assert ordinary is not None
    assert ordinary.readings[0].value == number.decode()


PIECES = [
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b"|",
    b"\\",
    b" ",
    b"\n",
    b"0",
    b"-0",
    b"1e5",
    b"NaN",
    b"null",
]
PIECES += [
    b"true",
    b'"RV":',
    b'"TX":"B",',
    b'"TX":5,',
    b'"IF":[],',
    b'"MS":null,',
    b"\xff",
    b"\xc3\xa4",
    b"\x00",
]
PIECES += [b'"LC":{"LR":1},', b'"RD":[5],', b'"CL":0,', b'"EF":"E",', b'"RU":"Wh",', b'"X1":{"a":{"b":1}},']


def mutated(record: bytes, seed: int) -> bytes:
    choose = random.Random(seed)
    for _ in range(choose.randint(1, 4)):
        at = choose.randrange(len(record) + 1)
        kind = choose.randrange(4)
        if kind == 0:
            record = record[:at] + choose.choice(PIECES) + record[at:]
        elif kind == 1:
            record = record[:at] + record[at + choose.randint(1, 12) :]
        elif kind == 2 and record:
            at %= len(record)
            record = record[:at] + bytes((record[at] ^ (1 << choose.randrange(8)),)) + record[at + 1 :]
        else:
            # behind a comma or brace a whole member often fits
            places = [i + 1 for i, byte in enumerate(record) if byte in b",{"]
            if places:
                at = choose.choice(places)
                record = record[:at] + choose.choice(PIECES) + record[at:]
    return record


@settings(max_examples=600, deadline=None)
@given(st.sampled_from(RECORDS), st.integers(0, 2**32))
def test_mutated_records_raise_only_format_errors_and_both_ways_agree(record: bytes, seed: int) -> None:
    content = mutated(record, seed)
    OcmfFormat().find(content)
    quick, ordinary = _decode_quickly(content), read_ordinary(content)
    careful: SignedRecord | None = None
    with suppress(FormatError):
        careful = _decode_carefully(content)
    assert quick is None or quick == careful
    assert ordinary is None or ordinary == careful
    assert ordinary is None or ordinary.findings == ()
    for finding in careful.findings if careful else ():
        for text in (finding.where, *finding.params.values()):
            text.encode()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["RD", "IF", "LC", "RV", "a"]), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(
    st.dictionaries(st.sampled_from(["RD", "IF", "LC", "TX", "MS", "q"]), json_values, max_size=5),
    st.booleans(),
)
def test_the_quick_json_reader_never_overlooks_a_duplicate(value: dict[str, object], doubled: bool) -> None:
    import json

    text = json.dumps(value, ensure_ascii=False)
    if doubled and value:
        name = json.dumps(next(iter(value)))
        text = text[:-1] + f",{name}:1}}"
    section = text.encode("utf-8", "surrogatepass")
    quick = read_quickly(section)
    try:
        careful, faults = read_carefully(section)
    except json.JSONDecodeError:
        assert quick is None
        return
    if quick is not None:
        assert faults.duplicates == ()
        assert faults.utf8
        assert set(quick[0]) == set(careful)
    if doubled and value:
        assert quick is None
        assert faults.duplicates


def test_decoding_an_ordinary_record_costs_a_few_json_readings() -> None:
    """A guard against losing the hot path, in units of the same machine at the same moment."""
    import json

    text = TYPICAL.split(b"|")[1].decode()
    decoder = OcmfFormat()

    def cost(action: object, argument: object) -> float:
        best = 1e9
        for _ in range(7):
            started = process_time()
            for _ in range(300):
                action(argument)  # type: ignore[operator]
            best = min(best, process_time() - started)
        return best

    assert cost(decoder.decode, TYPICAL) < 6 * cost(json.loads, text)
