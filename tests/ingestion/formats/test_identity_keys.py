"""The identity of lines: stable, independent of order, and never merging genuine twins."""

from __future__ import annotations

from datetime import date
from hashlib import blake2b

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.formats import LINE_SCHEMA, content_keys, identity_keys
from apps.ingestion.formats.contract import frame_of

LINE = {
    "line": 2,
    "statement": 0,
    "external_id": "T1",
    "account": "NL01",
    "booked_on": date(2026, 4, 7),
    "value_on": None,
    "amount": -45_000,
    "currency": "EUR",
    "reference": "R1",
    "counterparty": "Café",
    "narrative": "x",
    "attributes": "{}",
}


def keys(*rows: dict) -> list[tuple[str, int]]:
    return [(key.hex(), seen) for key, seen in content_keys(frame_of(list(rows))).rows()]


def test_the_key_of_a_line_never_changes():
    """Stored keys depend on it: a change here makes every import a new one."""
    text = "4:NL0110:2026-04-076:-450003:EUR2:R11:x5:Café2:T1"
    expected = blake2b(text.encode(), digest_size=16).hexdigest()

    assert keys(LINE) == [(expected, 1)] == [("0c26226c263dcf5db1b42230bbcb93ae", 1)]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("external_id", "T2"),
        ("account", "NL02"),
        ("booked_on", date(2026, 4, 8)),
        ("amount", 45_000),
        ("currency", "USD"),
        ("reference", ""),
        ("counterparty", "Cafe"),
        ("narrative", "X"),
    ],
)
def test_what_a_line_says_is_in_its_key(field, value):
    assert keys(LINE)[0][0] != keys({**LINE, field: value})[0][0]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("line", 9),
        ("statement", 3),
        ("value_on", date(2026, 4, 9)),
        ("attributes", '{"a":"b"}'),
    ],
)
def test_where_it_stands_is_not(field, value):
    assert keys(LINE) == keys({**LINE, field: value})


def test_genuine_twins_are_counted():
    other = {**LINE, "amount": 1}

    assert [occurrence for _, occurrence in keys(LINE, other, LINE, LINE)] == [1, 1, 2, 3]


def test_texts_cannot_run_into_each_other():
    one = {**LINE, "reference": "ab", "narrative": "c"}
    two = {**LINE, "reference": "a", "narrative": "bc"}
    three = {**LINE, "reference": "a1:b", "narrative": "c"}

    assert len({key for key, _ in keys(one, two, three)}) == 3


def test_no_lines_have_no_keys():
    found = content_keys(frame_of([]))

    assert found.schema == {"content_key": pl.Binary, "occurrence": pl.Int64}
    assert found.height == 0


def test_blocks_of_lines_make_no_difference(monkeypatch):
    rows = [{**LINE, "amount": number % 3} for number in range(10)]
    expected = keys(*rows)
    monkeypatch.setattr(identity_keys, "_BLOCK_ROWS", 4)

    assert keys(*rows) == expected


ROWS = st.lists(
    st.builds(
        lambda amount, text: {**LINE, "amount": amount, "narrative": text},
        st.integers(-3, 3),
        st.sampled_from(["", "a", "1:a", "é"]),
    ),
    max_size=12,
)


@given(rows=ROWS, seed=st.randoms())
def test_key_and_occurrence_are_unique_and_do_not_depend_on_order(rows, seed):
    shuffled = list(rows)
    seed.shuffle(shuffled)

    found = keys(*rows)

    assert len(set(found)) == len(rows)
    assert sorted(found) == sorted(keys(*shuffled))
    counts: dict[tuple[int, str], int] = {}
    for row, (_, occurrence) in zip(rows, found, strict=True):
        twin = (row["amount"], row["narrative"])
        counts[twin] = counts.get(twin, 0) + 1
        assert occurrence == counts[twin]


def test_the_schema_of_lines_is_complete():
    assert set(LINE) == set(LINE_SCHEMA)
