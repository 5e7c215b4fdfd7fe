"""On canonical input another parser, pydifact, must read the same elements."""

from __future__ import annotations

import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.edifact import tokenize
from tests.eichrecht.edifact.edifact_support import SHARED, encoded

parser = pytest.importorskip("pydifact.parser", reason="pydifact is not installed")

TAGS = st.sampled_from(["BGM", "DTM", "RFF", "NAD", "LOC", "LIN", "PIA", "QTY", "STS", "FTX"])
# Without line breaks, which pydifact treats by rules of its own, and without empty ends, which it drops.
CHARACTERS = st.characters(codec="iso8859_1", exclude_categories=["Cc"])
COMPONENTS = st.lists(st.text(CHARACTERS, max_size=6), min_size=1, max_size=4).filter(
    lambda parts: len(parts) == 1 or parts[-1] != ""
)
ELEMENTS = st.lists(COMPONENTS, max_size=5).filter(lambda parts: not parts or parts[-1] != [""])


def escape(text: str) -> str:
    return "".join("?" + char if char in "'+:?" else char for char in text)


def write(segments: list[tuple[str, list[list[str]]]], separator: str = "") -> str:
    lines = ["+".join([tag, *(":".join(map(escape, one)) for one in elements)]) for tag, elements in segments]
    return "".join(f"{line}'{separator}" for line in lines)


def by_pydifact(text: str) -> list[list[list[str]]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        segments = list(parser.Parser().parse(text))
    read = []
    for segment in segments:
        if segment.tag != "UNA":
            elements = [one if isinstance(one, list) else [one] for one in segment.elements]
            read.append([[segment.tag], *elements])
    return read


def by_us(data: bytes) -> list[list[list[str]]]:
    return [segment.values() for raw in tokenize(data).interchanges for segment in raw.segments]


@given(st.lists(st.tuples(TAGS, ELEMENTS), max_size=6), st.sampled_from(["", "\n", "\r\n"]))
@settings(max_examples=200, deadline=None)
def test_both_read_the_same(segments: list[tuple[str, list[list[str]]]], separator: str) -> None:
    unb = ("UNB", [["UNOC", "3"], ["A", "14"], ["B", "14"], ["260315", "0800"], ["R"]])
    text = "UNA:+.? '" + write([unb, *segments, ("UNZ", [["1"], ["R"]])], separator)
    assert by_us(encoded(text)) == by_pydifact(text)


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent")
@pytest.mark.parametrize("name", ["plain.edi", "v3_p256_hex.edi", "extra/v3_p256_two_s500.edi"])
def test_both_read_the_vectors_alike(name: str) -> None:
    data = (SHARED / name).read_bytes()
    assert by_us(data) == by_pydifact(data.decode("ascii"))
