"""Corrected cells take the place of the file's: the same as if the file had been written so."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.ingestion.formats import FieldMapping, Reading, read
from tests.examples import examples

NAMES = ("date", "amount", "text")
MAPPING = FieldMapping.from_dict(
    {
        "columns": {"booked_on": "date", "amount": "amount", "narrative": "text"},
        "constants": {"currency": "EUR"},
        "decimal": ".",
        "date_format": "%Y-%m-%d",
        "separator": ",",
    }
)
ROW = st.tuples(
    st.sampled_from(["2023-04-03", "2023-04-30", "April", ""]),
    st.sampled_from(["1.00", "-7.25", "x", ""]),
    st.sampled_from(["a", "b, c", 'say "d"', ""]),
)


def written(rows: list[Any]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\n").writerows([NAMES, *rows])
    return buffer.getvalue().encode()


def reading_of(rows: list[Any], corrections: Any = None) -> Reading:
    mapping = replace(MAPPING, corrections=corrections or {})
    return read(written(rows), filename="f.csv", mapping=mapping)


@given(rows=st.lists(ROW, min_size=1, max_size=6), row=ROW, data=st.data())
@settings(max_examples=examples(60))
def test_it_reads_as_if_the_file_had_been_written_so(rows: Any, row: Any, data: Any) -> None:
    place = data.draw(st.integers(0, len(rows) - 1))
    texts = dict(zip(NAMES, row, strict=True))
    found = reading_of(rows, {place + 2: texts})
    expected = reading_of([*rows[:place], row, *rows[place + 1 :]])
    if place + 2 in found.found:
        assert found.lines.equals(expected.lines)
        assert found.rejected == expected.rejected
        assert found.found == {place + 2: dict(zip(NAMES, rows[place], strict=True))}
    else:
        assert not any(rows[place])  # a blank line is no row


@pytest.mark.parametrize(
    ("wrong", "cells"),
    [
        (("2023-04-03", "1.00"), ("2023-04-03", "1.00", "")),
        (("2023-04-03", "1.00", "a", "b"), ("2023-04-03", "1.00", "a")),
    ],
)
def test_rows_of_another_shape_are_let_in(wrong: Any, cells: Any) -> None:
    good = ("2023-04-04", "2.00", "c")
    assert [one.line for one in reading_of([good, wrong, good]).rejected] == [3]
    found = reading_of([good, wrong, good], {3: {"amount": "5.00"}})
    assert found.found == {3: dict(zip(NAMES, cells, strict=True))}
    assert found.rejected == ()
    assert found.lines["line"].to_list() == [2, 3, 4]
    assert found.lines["amount"].to_list() == [20_000, 50_000, 20_000]


@pytest.mark.parametrize("line", [1, 4, 99])
def test_a_line_that_is_no_row_is_left_alone(line: int) -> None:
    rows = [("2023-04-03", "1.00", "a"), ("2023-04-04", "2.00", "b")]
    found = reading_of(rows, {line: {"amount": "5.00"}})
    assert found.found == {}
    assert found.lines.equals(reading_of(rows).lines)


def test_of_two_rows_on_one_line_none_is_taken_for_the_other() -> None:
    content = b'[{"date":"2023-04-03","amount":"1.00"},{"date":"2023-04-04","amount":"x"}]'
    mapping = FieldMapping.from_dict(
        {
            "columns": {"booked_on": "date", "amount": "amount"},
            "constants": {"currency": "EUR"},
            "decimal": ".",
        }
    )
    corrected = replace(mapping, corrections={2: {"amount": "5.00"}})
    assert [one.line for one in read(content, filename="f.json", mapping=mapping).rejected] == [2]
    found = read(content, filename="f.json", mapping=corrected)
    assert found.found == {2: {"date": "2023-04-04", "amount": "x"}}
    assert found.lines.select("line", "amount").rows() == [(1, 10_000), (2, 50_000)]
