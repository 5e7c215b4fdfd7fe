"""The quick and the careful way of decoding: wherever the quick one answers, both say the same."""

from __future__ import annotations

import random
from contextlib import suppress
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.evidence import SignedRecord
from eichrecht.formats._json import read_carefully, read_quickly
from eichrecht.formats.errors import FormatError
from eichrecht.formats.ocmf import OcmfFormat, _decode_carefully, _decode_ordinary
from sample_meters.cases import all_cases

BARE = [case for case in all_cases() if case.suffix == ".ocmf"]
RECORDS = [case.content for case in BARE]
TYPICAL = next(case.content for case in BARE if case.name == "ocmf-curve-secp256r1")


@pytest.mark.parametrize("case", BARE, ids=lambda case: case.name)
def test_samples(case: object) -> None:
    content: bytes = case.content  # type: ignore[attr-defined]
    quick = _decode_ordinary(content)
    if quick is not None:
        assert quick == _decode_carefully(content)
        assert repr(quick) == repr(_decode_carefully(content))


def test_ordinary_records_take_the_quick_way() -> None:
    assert _decode_ordinary(TYPICAL) is not None


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


@settings(max_examples=600)
@given(st.sampled_from(RECORDS), st.integers(0, 2**32))
def test_mutated_records_raise_only_format_errors_and_both_ways_agree(record: bytes, seed: int) -> None:
    content = mutated(record, seed)
    OcmfFormat().find(content)
    quick = _decode_ordinary(content)
    careful: SignedRecord | None = None
    with suppress(FormatError):
        careful = _decode_carefully(content)
    assert quick is None or quick == careful
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
