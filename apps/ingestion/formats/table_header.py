"""The header of a table: the first row that names the columns a line needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from apps.ingestion.formats.errors import ColumnMissing
from apps.ingestion.formats.headers import completed_mapping
from apps.ingestion.formats.mapping import FieldMapping

MAX_COLUMNS = 500
SEARCH_ROWS = 40


@dataclass(frozen=True)
class Header:
    """Where a table starts.

    Attributes:
        names: of the columns, stripped, in order; '' where the header has none.
        body_line: 1-based line of the first record after the header.
        mapping: given, or recognised from the names.
    """

    names: tuple[str, ...]
    body_line: int
    mapping: FieldMapping


def header_of(rows: Iterable[tuple[int, list[str]]], mapping: FieldMapping) -> Header | None:
    """The header among the first rows, None if no row is one.

    Args:
        rows: the line each row ends on, and its stripped cells.

    Raises:
        MalformedFile: a column is there twice, under names that differ in writing only.
    """
    if not mapping.has_header:
        return _headless((row for _, row in rows if any(row)), mapping)
    for number, (line, names) in enumerate(rows):
        if number == SEARCH_ROWS:
            break
        chosen = completed_mapping(mapping, names)
        if chosen is not None and chosen.named_columns <= set(names):
            return Header(tuple(names), line + 1, chosen)
    return None


def _headless(filled_rows: Iterable[list[str]], mapping: FieldMapping) -> Header | None:
    """Columns are called by their position, as many as the first record that is not blank has."""
    width = len(next(iter(filled_rows), []))
    names = tuple(str(position) for position in range(1, width + 1))
    return Header(names, 1, mapping) if mapping.named_columns <= set(names) else None


def column_missing(rows: Iterable[list[str]], mapping: FieldMapping) -> ColumnMissing:
    """Names what the nearest row lacks; names come from the mapping, never from the file."""
    if not mapping.columns:
        return ColumnMissing(
            "No row names a date and an amount column in English, German or French.",
            remedy="Set up a field mapping for the source.",
        )
    lacking = (mapping.named_columns - set(row) for row in rows)
    missing = min(lacking, key=len, default=mapping.named_columns)
    field = sorted(missing)[0]
    return ColumnMissing("The file has no column that the field mapping names.", field=field)
