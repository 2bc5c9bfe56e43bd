"""CSV and its kin: separators, encodings and headers as they come.

The text is split by polars; `delimited_records` says where that may not be trusted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import polars as pl

from apps.ingestion.formats.contract import Reading, Rejected
from apps.ingestion.formats.delimited_records import (
    Records,
    records_of,
    require_paired_quotes,
    uses_quoting,
)
from apps.ingestion.formats.dialect import SEPARATORS, Layout, layout_of
from apps.ingestion.formats.errors import MalformedFile
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.tabular import Table, reading_of
from apps.ingestion.formats.text import utf8_text

_NOT_TABLES = (b"<", b"{", b"[")
_PIECE_BYTES = 1 << 26  # what is split into cells at once: polars takes a multiple of it
_QUOTED = re.compile(rb'"[^"]*"')
_SPARSE_FROM_LINES = 100_000
_MIN_MEAN_LINE_BYTES = 8  # a date, an amount and what parts them take more


class DelimitedText:
    """Comma, semicolon, tab or pipe between cells, quotation marks after RFC 4180."""

    name = "csv"
    title = "CSV or other delimited text"
    max_bytes = 1_500_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """Text whose first line that is not blank has a separator, or that is named .csv/.tsv."""
        text = head.removeprefix(b"\xef\xbb\xbf").replace(b"\0", b"").lstrip()
        is_utf16 = head[:2] in (b"\xff\xfe", b"\xfe\xff") or head[1:2] == b"\0"
        if not text or text.startswith(_NOT_TABLES) or (b"\0" in head and not is_utf16):
            return False
        if filename.lower().endswith((".csv", ".tsv")):
            return True
        first_line = text.splitlines()[0]
        return any(separator.encode() in first_line for separator in SEPARATORS)

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`."""
        text, encoding = utf8_text(content, mapping.encoding)
        if _ends_lines_with_returns(text):
            text = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        layout = layout_of(text, mapping)
        conventions = {"encoding": encoding, "separator": layout.separator}
        return reading_of(self.name, table_of(text, layout), layout.header.mapping, conventions)


def _ends_lines_with_returns(text: bytes) -> bool:
    """Whether carriage returns alone end the lines; cells in quotation marks may have others."""
    if text.count(b"\r") == text.count(b"\r\n"):
        return False
    bare = _QUOTED.sub(b"", text).rstrip(b"\r\n")
    return b"\r" in bare and b"\n" not in bare


def _after_lines(text: bytes, count: int) -> int:
    """Where the line after the first `count` ones begins."""
    position = 0
    for _ in range(count):
        position = text.find(b"\n", position) + 1
        if position == 0:
            return len(text)
    return position


def table_of(text: bytes, layout: Layout) -> Table:
    """The records after the header of a UTF-8 text."""
    body_line = layout.header.body_line
    start = _after_lines(text, body_line - 1)
    asked = layout.header.mapping.corrections
    return _table_of(text, layout.separator, layout.header.names, body_line, asked, start=start)


def _table_of(
    text: bytes,
    separator: str,
    names: tuple[str, ...],
    body_line: int,
    asked: Iterable[int] = (),
    *,
    start: int = 0,
) -> Table:
    """Cells and line numbers; records with a wrong number of cells are rejected by line.

    Args:
        start: where in the text the line `body_line` begins; a large text is not copied.
    """
    _require_dense(text, body_line, start)
    quoting = uses_quoting(text, separator, start)
    if quoting:
        require_paired_quotes(text, separator, first_line=body_line, start=start)
    pieces = _pieces(text, start, quoting=quoting)
    width = len(names)
    cells = pl.concat([_cells(piece, separator, width + 1, quoting=quoting) for piece in pieces])
    if not quoting and _is_regular(text, separator, cells, width, start):
        lines = pl.Series("line", np.arange(body_line, body_line + cells.height), pl.Int64)
        return Table.of(names, cells.drop(f"c{width}"), lines)
    records = records_of(text, separator, first_line=body_line, quoting=quoting, start=start)
    return _checked_table(cells, records, names, asked)


def _require_dense(text: bytes, body_line: int, start: int) -> None:
    """Refuses millions of blank lines, which take more memory as rows than as text."""
    line_count = text.count(b"\n", start)
    if line_count > _SPARSE_FROM_LINES and len(text) - start < line_count * _MIN_MEAN_LINE_BYTES:
        raise MalformedFile("Most of the lines are blank.", line=body_line)


def _pieces(text: bytes, start: int, *, quoting: bool) -> Iterator[memoryview]:
    """The text from `start` on in pieces of whole records, at least one; none is a copy.

    A line end is inside a quoted cell where the quotation marks before it are odd in number.
    """
    whole = memoryview(text)
    while len(text) - start > _PIECE_BYTES:
        end = text.find(b"\n", start + _PIECE_BYTES) + 1 or len(text)
        marks = text.count(b'"', start, end) if quoting else 0
        while marks % 2 and end < len(text):
            following = text.find(b"\n", end) + 1 or len(text)
            marks += text.count(b'"', end, following)
            end = following
        yield whole[start:end]
        start = end
    yield whole[start:]


def _cells(piece: memoryview, separator: str, width: int, *, quoting: bool) -> pl.DataFrame:
    """All cells as text, the columns called c0, c1, ...; blank lines are rows of blanks.

    polars sizes its work by the first line, so that one is made here and taken away again.
    """
    first_line = separator.encode() * (width - 1) + b"\n"
    cells = pl.read_csv(
        b"".join((first_line, piece)),
        has_header=False,
        separator=separator,
        quote_char='"' if quoting else None,
        schema={f"c{number}": pl.String for number in range(width)},
        infer_schema=False,
        empty_string_is_null=False,
        truncate_ragged_lines=True,
        missing_columns="insert",
        extra_columns="ignore",
    )
    return cells.slice(1).with_columns(pl.all().fill_null(""))


def _is_regular(text: bytes, separator: str, cells: pl.DataFrame, width: int, start: int) -> bool:
    """Whether every record has the header's number of cells, told without looking at each.

    Without quotation marks a short record ends in a blank cell; if there is none and the
    separators add up, no record is long either.
    """
    if (cells[f"c{width - 1}"] == "").any():
        return False
    return text.count(separator.encode(), start) == cells.height * (width - 1)


def _checked_table(
    cells: pl.DataFrame, records: Records, names: tuple[str, ...], asked: Iterable[int]
) -> Table:
    width = len(names)
    if (records.separator_counts == width - 1).all():
        return Table.of(names, cells.drop(f"c{width}"), pl.Series(records.first_lines))
    extra = pl.col(f"c{width}")
    checked = cells.with_columns(
        line=pl.Series(records.first_lines),
        count=pl.Series(records.separator_counts + 1),
    )
    is_blank = pl.all_horizontal(pl.col(pl.String).str.strip_chars() == "")
    is_blank &= pl.col("count") <= width + 1  # beyond, cells were not even looked at
    is_whole = (pl.col("count") == width) | ((pl.col("count") == width + 1) & (extra == ""))
    ragged = checked.filter(~is_whole & ~is_blank)
    whole = checked.filter(is_whole)
    rejected = [
        Rejected(line, "", f"The line has {count} cells where the header has {width}.")
        for line, count in ragged.select("line", "count").iter_rows()
    ]
    columns = whole.drop("line", "count", extra.meta.output_name())
    wanted = ragged.filter(pl.col("line").is_in(list(asked)))
    first_cells = dict(zip(wanted["line"], wanted.select(columns.columns).iter_rows(), strict=True))
    return Table.of(names, columns, whole["line"], rejected, first_cells)
