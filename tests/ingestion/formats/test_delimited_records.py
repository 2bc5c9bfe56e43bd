"""Cells, lines and quotation marks against Python's own csv module."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from apps.ingestion.formats import delimited_records
from apps.ingestion.formats.delimited import _table_of
from apps.ingestion.formats.delimited_records import (
    records_of,
    require_paired_quotes,
    uses_quoting,
)
from apps.ingestion.formats.errors import MalformedFile

CELLS = st.text(alphabet='ab é€;,"\n\r\t', max_size=6)
TABLES = st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8)


def written(rows: list[list[str]], separator: str, line_end: str, quoting: int) -> bytes:
    out = io.StringIO()
    csv.writer(out, delimiter=separator, lineterminator=line_end, quoting=quoting).writerows(rows)
    return out.getvalue().encode()


@pytest.fixture(params=[7, 1 << 22], ids=["small blocks", "one block"])
def _block_size(request, monkeypatch):
    monkeypatch.setattr(delimited_records, "_BLOCK_BYTES", request.param)


@pytest.mark.usefixtures("_block_size")
@given(
    rows=TABLES,
    separator=st.sampled_from(",;\t"),
    line_end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
)
@settings(max_examples=150)
def test_what_csv_writes_is_read_cell_by_cell_with_its_lines(rows, separator, line_end, quoting):
    has_return = any("\r" in cell for row in rows for cell in row)
    assume(quoting == csv.QUOTE_ALL or not has_return)  # csv leaves a lone return bare
    body = written(rows, separator, line_end, quoting)

    table = _table_of(body, separator, ("x", "y", "z"), 10)

    lines, line = [], 10
    for row in rows:
        lines.append(line)
        line += 1 + "".join(row).count("\n")
    kept = [(number, tuple(row)) for number, row in zip(lines, rows, strict=True) if any(row)]
    found = zip(table.lines.to_list(), table.cells.rows(), strict=True)
    assert [(number, row) for number, row in found if any(row)] == kept
    assert table.rejected == ()


@pytest.mark.usefixtures("_block_size")
@given(
    cells=st.lists(st.text(alphabet='a" ', max_size=5), min_size=2, max_size=6).filter(
        lambda cells: not any(cell.startswith('"') for cell in cells)
    )
)
def test_where_no_cell_starts_with_a_quote_all_quotes_are_text(cells):
    body = ";".join(cells).encode() + b"\n"

    assert not uses_quoting(body, ";")
    table = _table_of(body, ";", tuple("abcdef"[: len(cells)]), 1)
    assert table.cells.rows() == [tuple(cells)]


@pytest.mark.usefixtures("_block_size")
@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b'"', 5),
        (b'a;"b\nc;d\n', 5),
        (b'a;"b"\nc;"d\n', 6),
        (b'a;"b"\n"c"d;"e"\n', 6),
        (b'a;"b" ;c\n', 5),
        (b'a;"b"\nx;5" pipe;"c"\n', 6),
        (b'"a\n\n\nb" ;c\n', 5),
        (b'"a\nb";"c" d\n', 6),
        (b'a;"b"\rc;d\n', 5),
    ],
)
def test_quotes_that_do_not_pair_are_blamed_on_the_line_that_opens(body, line):
    with pytest.raises(MalformedFile) as refused:
        require_paired_quotes(body, ";", first_line=5)

    assert refused.value.line == line


def test_records_count_their_separators_outside_quotes():
    records = records_of(b'a;"b;\nc";d\n\n;;;\nlast', ";", first_line=2, quoting=True)

    assert records.first_lines.tolist() == [2, 4, 5, 6]
    assert records.separator_counts.tolist() == [2, 0, 3, 0]
