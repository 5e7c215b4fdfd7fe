"""The careful JSON reader walks through a value only if there is something to name, and says the same either way."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eichrecht.formats._json import JsonFaults, NonFinite, read_carefully

# Texts are put together by hand so that names may repeat, numbers keep their digits and escapes stay escapes.
texts = st.sampled_from(
    [
        '"a"',
        '"b"',
        '"ä€"',
        '"\\n"',
        '"\\ud800"',
        '"\\udc00x"',
        '"\\ud83d\\ude00"',
        '"~/"',
        '"\\\\u0041"',
        '"NaN"',
    ]
)
scalars = texts | st.sampled_from(["1", "-0", "2935.600", "1E5", "NaN", "-Infinity", "true", "null"])
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: f"[{','.join(items)}]")
        | st.lists(st.tuples(texts, inner), max_size=4).map(
            lambda members: "{" + ",".join(f"{name}:{value}" for name, value in members) + "}"
        )
    ),
    max_leaves=12,
)


@given(values)
def test_the_walk_changes_nothing_where_it_is_left_out(value: str) -> None:
    plain, faults = read_carefully(f'{{"value":{value}}}'.encode())
    # An escape that stands for an ordinary letter makes the reader walk through everything.
    walked, walked_faults = read_carefully(f'{{"value":{value},"\\u007a":1}}'.encode())
    assert walked.pop("z") == b"1"
    assert plain == walked
    assert repr(plain) == repr(walked)  # the types too: 1 is no True, NaN is no text
    assert faults == walked_faults


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        (b'{"a":{"b":1,"b":2}}', JsonFaults(duplicates=("/a/b",))),
        (b'{"a":[0,NaN]}', JsonFaults(non_finite=("/a/1",))),
        (b'{"a":{"b/c":"\\ud800"}}', JsonFaults(surrogates=("/a/b~1c",))),
        (b'{"a":"\xff"}', JsonFaults(utf8=False)),
        (b'{"a":"\xff","a":1}', JsonFaults(duplicates=("/a",), utf8=False)),
        ('{"ä":{"a":"NaN","b":"\\\\ud800"}}'.encode(), JsonFaults()),
    ],
)
def test_every_fault_is_named_with_its_place(text: bytes, faults: JsonFaults) -> None:
    value, found = read_carefully(text)
    assert found == faults
    json.dumps(value, default=bytes.decode).encode()  # nothing is left that cannot be written


def test_numbers_keep_their_digits_and_non_finite_ones_are_none() -> None:
    value, _ = read_carefully(b'{"a":2935.600,"b":-0,"c":NaN}')
    assert (value["a"], value["b"]) == (b"2935.600", b"-0")
    assert isinstance(value["c"], NonFinite)
