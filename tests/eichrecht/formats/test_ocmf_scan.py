"""Finding OCMF records in texts: structure, not lines, and never more than linear work."""

from __future__ import annotations

import time
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.formats._ocmf_scan import find
from eichrecht.formats.errors import FormatError
from eichrecht.formats.ocmf import OcmfFormat

RECORD = b'OCMF|{"FV":"1.0","TT":"a","RD":[{"RV":1}]}|{"SD":"30"}'
PIPED = b'OCMF|{"TT":"a|{b","X":"\\"}|{"}|{"SD":"30"}'
PRETTY = b'OCMF|{\n  "FV" : "1.0"\n}\n|\n{\n  "SD" : "30"\n}'


def found(content: bytes) -> list[tuple[bytes, str]]:
    return [(content[span.start : span.end], span.reason) for span in find(content)]


@pytest.mark.parametrize(
    ("content", "records"),
    [
        (b"", []),
        (b"OCMF", []),
        (b"OCMF|", []),
        (b"OCMF|5|{}", []),
        (b"nothing to see", []),
        (RECORD, [RECORD]),
        (PIPED, [PIPED]),
        (PRETTY, [PRETTY]),
        (b"\xef\xbb\xbf  " + RECORD + b"\r\n", [RECORD]),
        (RECORD + RECORD, [RECORD, RECORD]),
        (RECORD + b" " + PIPED + b"\n" + PRETTY + b";" + RECORD, [RECORD, PIPED, PRETTY, RECORD]),
        (b"<signedData>" + RECORD + b"</signedData>", [RECORD]),
        (RECORD + b"|3059301306", [RECORD + b"|3059301306"]),
        (RECORD + b"|3059" + RECORD, [RECORD + b"|3059", RECORD]),
        (RECORD + b"|3059\n" + RECORD, [RECORD + b"|3059", RECORD]),
        (RECORD + b" | 3059 3013 \n" + RECORD, [RECORD + b" | 3059 3013", RECORD]),
        (b'OCMF|{"a":"OCMF|{}|{}"}|{}', [b'OCMF|{"a":"OCMF|{}|{}"}|{}']),
        (b'OCMF|{"a":{"b":"}|{"}}|{"c":{}}', [b'OCMF|{"a":{"b":"}|{"}}|{"c":{}}']),
    ],
)
def test_whole_records(content: bytes, records: list[bytes]) -> None:
    assert found(content) == [(record, "ocmf_header") for record in records]


@pytest.mark.parametrize(
    ("content", "spans"),
    [
        (RECORD[:30], [(RECORD[:30], "ocmf_incomplete")]),
        (RECORD[:30] + RECORD, [(RECORD[:30], "ocmf_incomplete"), (RECORD, "ocmf_header")]),
        (RECORD + RECORD[:30], [(RECORD, "ocmf_header"), (RECORD[:30], "ocmf_incomplete")]),
        (RECORD[:9] + RECORD[:9] + RECORD, [(RECORD[:9] * 2, "ocmf_incomplete"), (RECORD, "ocmf_header")]),
    ],
)
def test_broken_records_are_not_lost(content: bytes, spans: list[tuple[bytes, str]]) -> None:
    assert found(content) == spans
    for part, reason in spans:
        if reason == "ocmf_incomplete":
            with pytest.raises(FormatError):
                OcmfFormat().decode(part)


@given(
    st.lists(st.sampled_from([RECORD, PIPED, PRETTY]), max_size=6),
    st.sampled_from([b"", b"\n", b" ; ", b"\r\n\r\n"]),
)
def test_any_sequence_of_records_is_found_again(records: list[bytes], between: bytes) -> None:
    assert [record for record, _ in found(between.join(records))] == records


FRAGMENTS = st.sampled_from(
    [
        b"OCMF|",
        b"OCMF",
        b"{",
        b"}",
        b"[",
        b"]",
        b"|",
        b'"',
        b"\\",
        b":",
        b",",
        b"1",
        b"null",
        b" ",
        b"\n",
        b'"SD"',
        b"x",
        b"\xff",
    ]
)


@given(st.lists(FRAGMENTS, max_size=40).map(b"".join) | st.binary(max_size=200))
def test_spans_are_ordered_and_decoding_raises_nothing_but_its_own_error(content: bytes) -> None:
    spans = find(content)
    for left, right in pairwise(spans):
        assert left.end <= right.start
    for span in spans:
        assert 0 <= span.start < span.end <= len(content)
        with suppress(FormatError):
            OcmfFormat().decode(content[span.start : span.end])
    with suppress(FormatError):
        OcmfFormat().decode(content)


LENGTH = 300_000
GENEROUS_SECONDS = 20


@pytest.mark.parametrize(
    "unit",
    [
        b"OCMF|{",
        b'OCMF|{"',
        b'OCMF|{"a":"',
        b'OCMF|{"\\',
        b"OCMF|{}|{",
        b'OCMF|{}|{"',
        b'OCMF|{"a":"b"}|{"SD":"',
        b"OCMF |",
        b"OCMF|{}|{}",
        b"OCMF|{}|{}|",
        b"OCMF|{}|{}|OCMF",
        b"OCMF|{}|{}|-----BEGIN KEY-----",
        b"OCMF|",
        b"OCMF",
        b'"OCMF|{',
        b'OCMF|{":1,"',
        b'",OCMF|{"b":',
        b"{",
        b'OCMF|{"a":{"b":[',
    ],
)
def test_hostile_repetition_takes_linear_time(unit: bytes) -> None:
    content = unit * (LENGTH // len(unit))
    for text in (content, b'OCMF|{"' + content, b'OCMF|{"a":' + b'"x",' * 1000 + content):
        started = time.process_time()
        find(text)
        with suppress(FormatError):
            OcmfFormat().decode(text)
        # Quadratic work on this length would take hours, not seconds.
        assert time.process_time() - started < GENEROUS_SECONDS


def test_work_grows_with_length_not_with_its_square() -> None:
    def cost(megabytes: int) -> float:
        content = b"OCMF|{" * (megabytes * 1_000_000 // 6)
        started = time.process_time()
        find(content)
        return time.process_time() - started

    small = min(cost(1) for _ in range(2))
    assert cost(10) < 40 * small


def test_text_made_of_headers_ends_as_one_incomplete_span() -> None:
    from eichrecht.formats._ocmf_scan import MAX_BROKEN_HEADERS, find

    content = b"OCMF|{" * (MAX_BROKEN_HEADERS + 50) + b'OCMF|{}|{"SD":""}'
    (span,) = find(content)
    assert (span.start, span.end, span.reason) == (0, len(content), "ocmf_incomplete")
