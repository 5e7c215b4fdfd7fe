"""Offsets of JSON values: exact, linear, and silent about what cannot be followed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.containers.json_slices import MAX_DEPTH, items, members, object_at, value_at

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
LAYOUTS = st.sampled_from([{}, {"indent": 3}, {"separators": (",", ":")}, {"ensure_ascii": False}])


def cut(text: bytes, span: tuple[int, int]) -> Any:
    assert text[span[0] : span[1]].strip() == text[span[0] : span[1]]
    return json.loads(text[span[0] : span[1]])


@given(st.dictionaries(st.text(), VALUES), LAYOUTS, st.sampled_from([b"", b" \r\n\t"]))
def test_members_are_cut_out_exactly(value: dict[str, Any], layout: dict[str, Any], before: bytes) -> None:
    text = before + json.dumps(value, **layout).encode() + b" \n"
    found = object_at(text)
    assert found is not None
    assert cut(text, found[0]) == value
    assert {name: cut(text, span) for name, span in found[1].items()} == value
    assert members(text) == found[1]


@given(st.lists(VALUES), LAYOUTS)
def test_items_are_cut_out_exactly(value: list[Any], layout: dict[str, Any]) -> None:
    text = json.dumps(value, **layout).encode()
    spans = items(text)
    assert spans is not None
    assert [cut(text, span) for span in spans] == value
    assert value_at(text, 0) == (0, len(text))


@given(st.binary())
def test_nothing_raises(content: bytes) -> None:
    for text in (content, b"{" + content, b'{"a":' + content, b"[" + content):
        object_at(text)
        members(text)
        items(text)
        value_at(text, 0)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"[]",
        b"{",
        b'{"a"',
        b'{"a":',
        b'{"a":1',
        b'{"a":1,',
        b'{"a":1,}',
        b'{"a" 1}',
        b'{"a":[}',
        b'{"a":[1}}',
        b'{"a":"x}',
        b'{"a":"x\\"}',
        b"{a:1}",
        b"{'a':1}",
        b'{"\\ud800":1}',
        b'{"\xff":1}',
    ],
)
def test_what_is_no_object_has_no_members(text: bytes) -> None:
    assert object_at(text) is None


def test_brackets_and_quotes_in_strings_do_not_count() -> None:
    text = b'{"a\\"}": "]}{[\\\\", "b": {"c": "\\"}"}}'
    assert {name: cut(text, span) for name, span in (members(text) or {}).items()} == json.loads(text)


def test_of_a_repeated_name_the_last_counts() -> None:
    text = b'{"a": 1, "\\u0061": 2}'
    found = members(text)
    assert found is not None
    assert [cut(text, span) for span in found.values()] == [2]


def test_depth_is_bounded() -> None:
    deepest = b'{"a":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"
    assert object_at(deepest) is not None
    assert object_at(b'{"a":' + b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1) + b"}") is None


@pytest.mark.parametrize(
    "content",
    [
        b"{" * 2_000_000,
        b'{"a":"' + b'\\"' * 1_000_000,
        b'{"a":"' + b'\\"' * 1_000_000 + b"\\",
        b"[" + b"{}," * 500_000,
        b"[" + b'"' * 2_000_000,
        b'{"a":' + b" " * 2_000_000,
        b"{" + b'"a":1,' * 300_000,
    ],
)
def test_hostile_texts_take_linear_time(content: bytes) -> None:
    """They would take hours if anything were looked at again and again."""
    assert object_at(content) is None
    assert items(content) is None
