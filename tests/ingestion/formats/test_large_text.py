"""A text is read in pieces and its rows are made in slices: the reading is the same."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.ingestion.formats import FieldMapping, Reading, delimited, tabular
from apps.ingestion.formats.delimited import DelimitedText
from apps.ingestion.formats.errors import MalformedFile

MAPPING = FieldMapping.from_dict(
    {
        "columns": {
            "booked_on": "day",
            "amount": "amount",
            "currency": "currency",
            "narrative": "text",
        },
        "separator": ",",
    }
)
texts = st.text(st.sampled_from('ab ,"\n'), max_size=12)
rows = st.lists(
    st.tuples(
        st.sampled_from(["2026-01-31", "2026-02-01", "soon", ""]),
        st.sampled_from(["1.00", "-2.50", "much"]),
        st.sampled_from(["EUR", "USD", "XXX!"]),
        texts,
    ),
    min_size=1,
    max_size=12,
)


def written(table: list[tuple[str, ...]], quoting: int) -> bytes:
    text = io.StringIO()
    csv.writer(text, quoting=quoting, lineterminator="\n").writerows(
        [("day", "amount", "currency", "text"), *table]
    )
    return text.getvalue().encode()


def told(reading: Reading) -> tuple[object, ...]:
    facts = reading.lines.to_dicts(), reading.rejected, reading.statements
    return (*facts, reading.conventions, reading.format)


def read_small(content: bytes, piece: int) -> Reading:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delimited, "_PIECE_BYTES", piece)
        patch.setattr(tabular, "_SLICE_ROWS", 1)
        return DelimitedText().read(content, MAPPING)


@given(
    table=rows,
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    piece=st.integers(1, 40),
)
def test_pieces_and_slices_make_no_difference(table, quoting, piece):
    content = written(table, quoting)

    assert told(read_small(content, piece)) == told(DelimitedText().read(content, MAPPING))


@pytest.mark.parametrize("piece", [1, 7, 30])
def test_a_mark_that_is_never_closed_is_told_with_its_line(piece):
    content = b'day,amount,currency,text\n2026-01-31,1.00,EUR,a\n2026-01-31,1.00,EUR,"b\n'

    with pytest.raises(MalformedFile) as refusal:
        read_small(content, piece)

    assert refusal.value.line == 3
