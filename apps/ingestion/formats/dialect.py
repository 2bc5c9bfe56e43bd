"""How a delimited file is laid out: its separator, its header and where the table starts."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass

from apps.ingestion.formats.errors import FileTooLarge
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.table_header import MAX_COLUMNS, Header, column_missing, header_of

SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Layout:
    """A delimited table in a text: the separator between its cells, and its header."""

    separator: str
    header: Header


def layout_of(text: bytes, mapping: FieldMapping) -> Layout:
    """The layout of a UTF-8 text; lines before the header are skipped.

    Raises:
        ColumnMissing: no row names the columns that are needed or mapped.
        MalformedFile: a column is there twice, under names that differ in writing only.
        FileTooLarge: a line that no sample holds, or too many columns.
    """
    sample = _sample_of(text)
    separators = (mapping.separator,) if mapping.separator else SEPARATORS
    found = [(mark, header_of(_rows(sample, mark), mapping)) for mark in separators]
    layouts = [Layout(mark, header) for mark, header in found if header is not None]
    if not layouts:
        rows = (row for mark in separators for _, row in _rows(sample, mark))
        raise column_missing(rows, mapping)
    best = max(layouts, key=lambda layout: len(layout.header.names))
    if len(best.header.names) > MAX_COLUMNS:
        line = best.header.body_line
        raise FileTooLarge(f"There are more than {MAX_COLUMNS} columns.", line=line)
    return best


def _sample_of(text: bytes) -> list[str]:
    """The first lines, whole; decoding cannot fail since the text was checked."""
    head = text[:_SAMPLE_BYTES]
    if len(text) > _SAMPLE_BYTES:
        cut = head.rfind(b"\n")
        if cut < 0:
            raise FileTooLarge(f"The first line is longer than {_SAMPLE_BYTES} bytes.", line=1)
        head = head[:cut]
    return [line.replace("\r", "") + "\n" for line in head.decode("utf-8").split("\n")]


def _rows(sample: list[str], separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each record of the sample with the number of lines up to its end."""
    reader = csv.reader(sample, delimiter=separator)
    for row in reader:
        yield reader.line_num, [cell.strip() for cell in row]
