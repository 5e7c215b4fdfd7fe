"""Segments, elements and components stand exactly where the octets are, whatever the octets are."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eichrecht.edifact import EdifactError, Segment, Tokens, read_file, tokenize
from eichrecht.edifact.mscons import read_all
from tests.eichrecht.edifact.edifact_support import SHARED, encoded, interchange, message, reading

PUNCTUATION = "!#$%&()*+,-./:;<=>?@[]^_`{|}~'\x1c\x1d\x1f"
TEXT = st.text(st.characters(codec="iso8859_1", exclude_categories=["Cc"]), max_size=8)


class Signs:
    """A random set of service characters and a writer for it, independent of the code under test."""

    def __init__(self, signs: list[str], repeats: bool, advice: bool) -> None:
        self.component, self.element, self.release, self.repetition, self.terminator = signs
        self.repeats = repeats
        self.advice = advice
        self.service = {self.component, self.element, self.release, self.terminator}
        if repeats:
            self.service.add(self.repetition)

    def escape(self, text: str) -> str:
        return "".join(self.release + char if char in self.service else char for char in text)

    def segment(self, tag: str, elements: list[list[list[str]]]) -> str:
        parts = [
            self.repetition.join(
                self.component.join(map(self.escape, components)) for components in repetitions
            )
            for repetitions in elements
        ]
        return self.element.join([tag, *parts]) + self.terminator

    def una(self) -> str:
        if not self.advice:
            return ""
        fifth = self.repetition if self.repeats else " "
        return f"UNA{self.component}{self.element}.{self.release}{fifth}{self.terminator}"


@st.composite
def signs(draw: st.DrawFn) -> Signs:
    repeats = draw(st.booleans())
    if draw(st.booleans()):
        return Signs([":", "+", "?", "*", "'"], repeats, draw(st.booleans()))
    # The letters and digits of a tag never separate; the point stays the decimal mark.
    chosen = draw(st.permutations([sign for sign in PUNCTUATION if sign != "."]))[:5]
    return Signs(list(chosen), repeats, True)


TAGS = st.from_regex(r"[A-TV-Z][A-Z0-9]{2}", fullmatch=True)
REPETITIONS = st.lists(st.lists(TEXT, min_size=1, max_size=4), min_size=1, max_size=3)
ELEMENTS = st.lists(REPETITIONS, max_size=5)
BREAKS = st.sampled_from(["", "", "\n", "\r\n", "\r", "\r\n\r\n"])


@st.composite
def files(draw: st.DrawFn) -> tuple[bytes, list[tuple[str, list[list[list[str]]]]], Signs]:
    used = draw(signs())
    content = draw(st.lists(st.tuples(TAGS, ELEMENTS), max_size=8))
    if not used.repeats:
        content = [(tag, [element[:1] for element in elements]) for tag, elements in content]
    version = "4" if used.repeats else "3"
    unb = ("UNB", [[["UNOC", version]], [["A", "14"]], [["B", "14"]], [["20260315", "0800"]], [["R"]]])
    everything = [unb, *content, ("UNZ", [[["0"]], [["R"]]])]
    text = used.una() + draw(BREAKS if used.advice else st.just(""))
    text += "".join(used.segment(*one) + draw(BREAKS) for one in everything)
    return encoded(text), everything, used


def only_segments(tokens: Tokens) -> list[Segment]:
    assert len(tokens.interchanges) == 1
    return list(tokens.interchanges[0].segments)


@given(files())
@settings(max_examples=300, deadline=None)
def test_what_is_written_is_read(
    given_file: tuple[bytes, list[tuple[str, list[list[list[str]]]]], Signs],
) -> None:
    data, written, used = given_file
    segments = only_segments(tokenize(data))
    assert [segment.tag for segment in segments] == [tag for tag, _ in written]
    for segment, (tag, elements) in zip(segments, written, strict=True):
        assert segment.raw == encoded(used.segment(tag, elements))
        for e, repetitions in enumerate(elements, start=1):
            assert len(segment.elements()[e]) == len(repetitions)
            for r, components in enumerate(repetitions):
                read = [segment.text(e, c, r) for c in range(len(components))]
                assert read == components
        assert segment.values() == [[tag], *(repetitions[0] for repetitions in elements)]
        assert segment.text(99) == ""
        assert segment.text(0, 7) == ""


@given(files())
@settings(max_examples=150, deadline=None)
def test_spans_tile_the_file(
    given_file: tuple[bytes, list[tuple[str, list[list[list[str]]]]], Signs],
) -> None:
    data, _, used = given_file
    tokens = tokenize(data)
    raw = tokens.interchanges[0]
    position = 0
    rebuilt = b""
    if raw.una is not None:
        assert data[: raw.una[1]] == encoded(used.una())
        position = raw.una[1]
        rebuilt = data[:position]
    for segment, elements in zip(raw.segments, raw.segments.elements(), strict=True):
        gap = data[position : segment.start]
        assert gap.strip(b"\r\n") == b""
        rebuilt += gap + segment.raw
        position = segment.end
        assert elements == segment.elements()
        # Components and one octet between two of them are the whole segment.
        inside = [span for element in elements for repetition in element for span in repetition]
        assert inside[0][0] == segment.start
        assert inside[-1][1] == segment.end - 1
        for (_, stop), (start, _) in pairwise(inside):
            assert start == stop + 1
            assert chr(data[stop]) in used.service
        assert chr(data[segment.end - 1]) == used.terminator
    assert rebuilt + data[position:] == data
    assert data[position:].strip(b"\r\n") == b""


@given(
    st.binary(max_size=200),
    st.sampled_from([b"UNB+UNOC:3'", b"UNA:+.?*'UNB+UNOC:4'", b"UNB+UNOW:4'", b"UNA"]),
)
@settings(max_examples=500, deadline=None)
def test_any_octets_are_read_or_reported(noise: bytes, beginning: bytes) -> None:
    data = beginning + noise
    tokens = tokenize(data)
    position = 0
    for raw in tokens.interchanges:
        for segment in raw.segments:
            assert position <= segment.start < segment.end <= len(data)
            position = segment.end
            segment.values()
            segment.elements()
    complete = all(raw.closed for raw in tokens.interchanges) and not tokens.findings
    if complete:
        assert data[position:].strip(b"\r\n") == b""


MUTANT = st.tuples(st.integers(0, 10_000), st.integers(0, 255))


@given(st.lists(MUTANT, min_size=1, max_size=4), st.booleans())
@settings(max_examples=300, deadline=None)
def test_damaged_files_never_raise_anything_else(changes: list[tuple[int, int]], cut: bool) -> None:
    data = bytearray(encoded(interchange(message(*reading()))))
    for place, octet in changes:
        data[place % len(data)] = octet
    damaged = bytes(data[: changes[0][0] % len(data)] if cut else data)
    try:
        file = read_file(damaged)
    except EdifactError:
        return
    for one in read_all(file):
        for series in one.series:
            for quantity in series.quantities:
                assert quantity.number < quantity.stop
                one.sources(series, quantity)


@given(st.sampled_from("'+:?*a \xe4"), st.integers(0, 9), TEXT)
@settings(deadline=None)
def test_release_runs_pair_up_from_their_beginning(sign: str, pairs: int, text: str) -> None:
    literal = "?" * pairs + sign
    escaped = "".join("?" + char if char in "'+:?*" else char for char in literal + text)
    segment = only_segments(tokenize(encoded(f"UNB+UNOC:4'FTX+{escaped}'UNZ+0+'")))[1]
    assert segment.text(1) == literal + text
    assert segment.values()[1] == [literal + text]


def test_asterisk_is_text_before_version_4() -> None:
    for version, count in (("3", 1), ("4", 2)):
        segment = only_segments(tokenize(encoded(f"UNB+UNOC:{version}'USR+2:AB*3:CD'UNZ+0+'")))[1]
        assert len(segment.elements()[1]) == count
    assert segment.text(1, 1, 1) == "CD"
    assert segment.text(1, 1) == "AB"
    old = only_segments(tokenize(b"UNB+UNOC:3'USR+2:AB*3:CD'UNZ+0+'"))[1]
    assert old.text(1, 1) == "AB*3"


def test_advice_without_repetition_switches_it_off() -> None:
    segment = only_segments(tokenize(b"UNA:+.? 'UNB+UNOC:4'USR+2:AB*3:CD'UNZ+0+'"))[1]
    assert segment.text(1, 1) == "AB*3"


def test_no_release_character() -> None:
    segment = only_segments(tokenize(b"UNA:+.  'UNB+UNOC:3'FTX+a?+b??:c'UNZ+0+'"))[1]
    assert segment.values() == [["FTX"], ["a?"], ["b??", "c"]]


@pytest.mark.parametrize(
    ("identifier", "octets", "text"),
    [
        ("UNOC:3", b"Z\xe4hler", "Zähler"),
        ("UNOD:3", b"\xb1", "ą"),
        ("UNOE:3", b"\xb0", "А"),
        ("UNOF:3", b"\xe1", "α"),
        ("UNOL:3", b"\xa4", "€"),
        ("UNOW:4", "Zähler ₂'".replace("'", "?'").encode(), "Zähler ₂'"),
        ("UNOC:4::7", "Zähler".encode(), "Zähler"),
    ],
)
def test_code_pages(identifier: str, octets: bytes, text: str) -> None:
    tokens = tokenize(b"UNB+" + identifier.encode() + b"'FTX+" + octets + b"'UNZ+0+R'")
    segment = only_segments(tokens)[1]
    assert segment.text(1) == text
    assert segment.values()[1] == [text]
    assert tokens.interchanges[0].findings == ()


def test_places_count_from_the_file_across_interchanges() -> None:
    first = interchange(message(*reading()), reference="A")
    # Another set of service characters, which must not leak into its neighbours.
    second = "UNA.!,\\ ~\r\nUNB!UNOC.3!X.14!Y.14!260315.0800!B~UNH!1!MSCONS.D.04B.UN.2.4c~UNT!2!1~UNZ!1!B~"
    text = first + "\r\n" + second + "\n" + first
    tokens = tokenize(encoded(text))
    assert [raw.closed for raw in tokens.interchanges] == [True] * 3
    assert tokens.findings == ()
    for raw in tokens.interchanges:
        assert encoded(text)[raw.segments.span[0] :].startswith(b"UNB")
    numbers = [segment.index for raw in tokens.interchanges for segment in raw.segments]
    assert numbers == list(range(len(numbers)))
    assert tokens.interchanges[1].segments[1].text(2) == "MSCONS"


def test_text_that_looks_like_advice_stays_text() -> None:
    """A reader that searches for ``'UNA`` further on reads other values than those that were sent."""
    text = interchange(message("FTX+AAI+++?'UNA!?'$.?: ", *reading()))
    tokens = tokenize(encoded(text))
    assert only_segments(tokens)[2].text(4) == "'UNA!'$.: "


SIZE = 1_000_000
"""What is quadratic in this does not end while anybody waits."""


@pytest.mark.parametrize(
    "piece", [b"?", b"?'", b"A", b"UNB", b"\r\n", b"+", b"?+", b"'", b"UNA:+.? '", b"??'", b":+"], ids=repr
)
def test_hostile_repetition_is_linear(piece: bytes) -> None:
    data = b"UNB+UNOC:3'ABC+" + piece * (SIZE // len(piece))
    raw = tokenize(data).interchanges[0]
    assert not raw.closed


@pytest.mark.parametrize("piece", [b"ABC+?+'", b"ABC\n'", b"UNH'", b"UNT'", b"UNG'", b"ABC+?x'", b"A00+:+'"])
def test_many_small_segments_are_linear(piece: bytes) -> None:
    file = read_file(b"UNB+UNOC:3'" + piece * 50_000)
    # Those of one kind in one structure are counted, not kept.
    structures = 1 + sum(len(one.messages) for one in file.interchanges)
    assert 0 < len(list(file.all_findings())) <= 200 * structures
    assert sum(len(one.findings) for one in file.interchanges) <= 200
    read_all(file)


def test_runs_of_release_characters() -> None:
    raw = tokenize(b"UNB+UNOC:3'FTX+" + b"?" * 60_000 + b"'UNZ+0+'").interchanges[0]
    assert raw.segments[1].text(1) == "?" * 30_000
    assert raw.segments[1].values() == [["FTX"], ["?" * 30_000]]
    long = tokenize(b"UNB+UNOC:3'FTX+" + b"?" * 100_000 + b"'UNZ+0+'").interchanges[0]
    assert [finding.code for finding in long.findings] == ["edifact_segment_too_long"]
    assert len(long.segments) == 1


@pytest.mark.parametrize("path", sorted(SHARED.rglob("*.edi")), ids=lambda path: path.name)
def test_vectors_are_tiled(path: Path) -> None:
    data = path.read_bytes()
    raw = tokenize(data).interchanges[0]
    parts = [data[slice(*raw.una)]] if raw.una else []
    position = raw.una[1] if raw.una else raw.span[0]
    for segment in raw.segments:
        parts += [data[position : segment.start], segment.raw]
        position = segment.end
    tail = b"X" if path.name == "trailing_byte.edi" else b""
    assert data[: raw.span[0]] + b"".join(parts) + data[position:] == data
    assert data[position:].strip(b"\r\n") == (data[-1:] if tail else b"")


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is absent")
@pytest.mark.parametrize("name", ["v4_p256_hex", "v3_p256_hex", "v4_p256_crlf", "v4_rsa_hex", "v4_bp256_b64"])
def test_signed_octets_are_a_run_of_segments(name: str) -> None:
    """The octets that OpenSSL signed are those from USH to the last segment before UST."""
    data = (SHARED / f"{name}.edi").read_bytes()
    signed = (SHARED / f"{name}.tbs").read_bytes()
    segments = read_file(data).interchanges[0].messages[0].segments
    tags = [segment.tag for segment in segments]
    run = segments[tags.index("USH") : tags.index("UST")]
    assert data[slice(*run.span)] == signed
