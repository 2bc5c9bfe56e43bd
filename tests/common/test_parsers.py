"""JSON at the door: nothing ambiguous gets in."""

from __future__ import annotations

import io
import re
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rest_framework.exceptions import ParseError

from apps.common.parsers import StrictJSONParser, strict_json

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


def parse(body: bytes) -> Any:
    return StrictJSONParser().parse(io.BytesIO(body))


def test_a_fraction_becomes_a_decimal_and_never_a_float() -> None:
    assert parse(b'{"a": 0.1}') == {"a": Decimal("0.1")}


@given(json_values)
def test_ordinary_json_is_read(value: Any) -> None:
    import json

    assert parse(json.dumps(value).encode()) == value


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"a": 1, "a": 2}', "same key twice"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "Infinity"),
        (b"{", "line 1"),
        (b"", "line 1"),
        (b"\xff\xfe", "not UTF-8"),
        (b"[" * 21 + b"]" * 21, "nested deeper than 20"),
        (b"[" * 100_000, "nested deeper than 20"),
        (b'"[[[[[[[[[[[[[[[[[[[[[[[[[" x', "line 1"),
    ],
)
def test_what_is_ambiguous_or_hostile_is_refused(body: bytes, words: str) -> None:
    with pytest.raises(ParseError, match=words):
        parse(body)


def test_brackets_inside_strings_nest_nothing() -> None:
    assert parse(b'"' + b"[" * 50 + b'\\"]"') == "[" * 50 + '"]'


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('"a\\ud800"', "it holds half a character"),
        ('{"name": ["x", "\\udfff"]}', "item 2 of 'name' holds half a character"),
        ('{"\\ud800": 1}', "a name in it holds half a character"),
    ],
)
def test_half_a_character_is_refused_where_it_stands(text: str, place: str) -> None:
    with pytest.raises(ValueError, match=re.escape(place)):
        strict_json(text)
    assert strict_json('"\\ud83d\\ude00"') == "\U0001f600"
