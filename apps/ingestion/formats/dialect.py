"""How a delimited file is laid out: its separator, its header and where the table starts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from apps.ingestion.formats.errors import ColumnMissing, FileTooLarge, MalformedFile
from apps.ingestion.formats.headers import completed_mapping
from apps.ingestion.formats.mapping import FieldMapping

SEPARATORS = (",", ";", "\t", "|")
MAX_COLUMNS = 500
_SAMPLE_BYTES = 64 * 1024
_HEADER_SEARCH_ROWS = 40


@dataclass(frozen=True)
class Layout:
    """A delimited table in a text.

    Attributes:
        separator: between cells.
        names: of the columns, stripped, in order; '' where the header has none.
        body_line: 1-based line of the first record after the header.
        mapping: given, or recognised from the header.
    """

    separator: str
    names: tuple[str, ...]
    body_line: int
    mapping: FieldMapping


def layout_of(text: bytes, mapping: FieldMapping) -> Layout:
    """The layout of a UTF-8 text; lines before the header are skipped.

    Raises:
        ColumnMissing: no row names the columns that are needed or mapped.
        MalformedFile: the header names a mapped column twice.
        FileTooLarge: a line that no sample holds, or too many columns.
    """
    sample = _sample_of(text)
    separators = (mapping.separator,) if mapping.separator else SEPARATORS
    lay_out = _with_header if mapping.has_header else _headless
    found = [lay_out(sample, separator, mapping) for separator in separators]
    layouts = [layout for layout in found if layout is not None]
    if not layouts:
        raise _column_missing(sample, separators, mapping)
    best = max(layouts, key=lambda layout: len(layout.names))
    if len(best.names) > MAX_COLUMNS:
        raise FileTooLarge(f"There are more than {MAX_COLUMNS} columns.", line=best.body_line)
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


def _with_header(sample: list[str], separator: str, mapping: FieldMapping) -> Layout | None:
    for number, (line, names) in enumerate(_rows(sample, separator)):
        if number == _HEADER_SEARCH_ROWS:
            break
        chosen = completed_mapping(mapping, names)
        if chosen is not None and chosen.named_columns <= set(names):
            _require_unique(names, chosen, line)
            return Layout(separator, tuple(names), line + 1, chosen)
    return None


def _headless(sample: list[str], separator: str, mapping: FieldMapping) -> Layout | None:
    """Columns are called by their position, as many as the first record that is not blank has."""
    rows = (row for _, row in _rows(sample, separator) if any(row))
    names = [str(position) for position in range(1, len(next(rows, [])) + 1)]
    if not mapping.named_columns <= set(names):
        return None
    return Layout(separator, tuple(names), 1, mapping)


def _require_unique(names: Sequence[str], mapping: FieldMapping, line: int) -> None:
    for name in sorted(mapping.named_columns):
        if names.count(name) > 1:
            raise MalformedFile("Two columns have the same name.", line=line, field=name)


def _column_missing(
    sample: list[str], separators: Sequence[str], mapping: FieldMapping
) -> ColumnMissing:
    """Names what the nearest row lacks; names come from the mapping, never from the file."""
    if not mapping.columns:
        return ColumnMissing(
            "No row names a date and an amount column in English, German or French.",
            remedy="Set up a field mapping for the source.",
        )
    rows = (set(row) for mark in separators for _, row in _rows(sample, mark))
    missing = min((mapping.named_columns - row for row in rows), key=len)
    field = sorted(missing)[0]
    return ColumnMissing("The file has no column that the field mapping names.", field=field)
