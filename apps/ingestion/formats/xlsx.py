"""Excel workbooks: the only sheet with a table, or the one that the mapping names.

A spreadsheet keeps numbers as binary fractions and shows 15 significant digits; a number is read
as those digits, so that no cent is lost or invented. Larger amounts with decimals, which a
spreadsheet cannot hold, are rejected by line.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, islice
from math import ulp

import polars as pl
from python_calamine import CalamineSheet

from apps.ingestion.formats.amounts import written_number
from apps.ingestion.formats.contract import Reading, frame_of
from apps.ingestion.formats.errors import (
    FileTooLarge,
    MalformedFile,
    SeveralTables,
    UnknownFormat,
)
from apps.ingestion.formats.mapping import FieldMapping
from apps.ingestion.formats.table_header import (
    MAX_COLUMNS,
    SEARCH_ROWS,
    Header,
    column_missing,
    header_of,
)
from apps.ingestion.formats.tabular import Table, reading_of, require_storable
from apps.ingestion.formats.workbook import UNCALCULATED, Cell, rows_of, sheets_of, workbook_of

DIGITS = 15  # that a spreadsheet keeps of a number
_MOST_WITH_CENTS = 10 ** (DIGITS - 2)
_RESIDUE_ULPS = 4  # what sums of a formula leave behind, such as 0.30000000000000004
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_NAMES = (".xlsx", ".xlsm")


class Xlsx:
    """Excel workbooks (.xlsx)."""

    name = "xlsx"
    title = "Excel workbook (XLSX)"
    max_bytes = 64_000_000

    def identify(self, head: bytes, filename: str) -> bool:
        """A zip archive with a part of a workbook, or a file that older Excel wrote."""
        if head.startswith(_OLE):
            return True
        is_workbook = b"xl/" in head or b"[Content_Types].xml" in head
        return head.startswith(_ZIP) and (is_workbook or filename.lower().endswith(_NAMES))

    def read(self, content: bytes, mapping: FieldMapping) -> Reading:
        """See `Format.read`. Lines are the rows of the sheet."""
        if content.startswith(_OLE):
            raise UnknownFormat(
                "The workbook is protected by a password or of the time before .xlsx.",
                remedy="Save it as .xlsx without a password and send it again.",
            )
        sheets = sheets_of(workbook_of(content), mapping.sheet)
        sheet, header = _table_in(sheets, mapping)
        rows = [
            (line, row) for line, row in rows_of(sheet) if line >= header.body_line and any(row)
        ]
        conventions = {"sheet": sheet.name, "numbers": f"{DIGITS} significant digits"}
        if not rows:
            return Reading(self.name, frame_of([]), (), (), conventions=conventions)
        _require_calculated(rows, header)
        cells, chosen = _cells(rows, header)
        require_storable(cells)
        lines = pl.Series([line for line, _ in rows], dtype=pl.Int64)
        table = Table.of(header.names, cells, lines)
        return reading_of(self.name, table, chosen, conventions)


def _table_in(
    sheets: Sequence[CalamineSheet], mapping: FieldMapping
) -> tuple[CalamineSheet, Header]:
    """The sheet that is read; of one without rows below its header only if there is no other.

    Raises:
        FileTooLarge: too many columns.
        SeveralTables: more than one sheet has a table with rows.
        ColumnMissing: none has one.
    """
    headers = [(sheet, header_of(_named_rows(sheet), mapping)) for sheet in sheets]
    tables = [(sheet, header) for sheet, header in headers if header is not None]
    filled = [(sheet, header) for sheet, header in tables if _has_rows(sheet, header)]
    if len(filled) > 1:
        names = ", ".join(repr(sheet.name) for sheet, _ in filled)
        raise SeveralTables(f"There are tables in {len(filled)} sheets: {names}.")
    for sheet, header in filled or tables:
        if len(header.names) > MAX_COLUMNS:
            line = header.body_line
            raise FileTooLarge(f"There are more than {MAX_COLUMNS} columns.", line=line)
        return sheet, header
    tops = (islice(_named_rows(sheet), SEARCH_ROWS) for sheet in sheets)
    raise column_missing((names for _, names in chain.from_iterable(tops)), mapping)


def _has_rows(sheet: CalamineSheet, header: Header) -> bool:
    return any(any(row) for line, row in rows_of(sheet) if line >= header.body_line)


def _named_rows(sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
    return ((line, [_text(cell).strip() for cell in row]) for line, row in rows_of(sheet))


def _require_calculated(rows: Sequence[tuple[int, Sequence[Cell]]], header: Header) -> None:
    """Refuses formulas without a value in columns that are asked for.

    Raises:
        MalformedFile: names the row and the column.
    """
    asked = [
        (number, name)
        for number, name in enumerate(header.names)
        if name in header.mapping.named_columns
    ]
    for line, row in rows:
        for number, name in asked:
            if row[number] == UNCALCULATED:
                raise MalformedFile(
                    "A formula has no value: the program that wrote the workbook calculates none.",
                    line=line,
                    field=name,
                    remedy="Open the workbook in a spreadsheet, save it and send it again.",
                )


def _cells(
    rows: Sequence[tuple[int, Sequence[Cell]]], header: Header
) -> tuple[pl.DataFrame, FieldMapping]:
    """All cells as text, and the mapping with the decimal separator that numbers have."""
    columns = dict(enumerate(zip(*(row for _, row in rows), strict=True)))
    mapping, names = header.mapping, header.names
    money = [number for number in columns if names[number] in mapping.money_columns]
    are_texts = bool(mapping.money_columns & mapping.made_columns) or any(
        _is_text(cell) for number in money for cell in columns[number]
    )
    decimal = mapping.decimal or "."
    texts = {
        f"c{number}": [
            written_number(_text(cell), decimal)
            if are_texts and number in money and isinstance(cell, float)
            else _text(cell)
            for cell in column
        ]
        for number, column in columns.items()
    }
    cells = pl.DataFrame(texts, schema=dict.fromkeys(texts, pl.String))
    return cells, mapping if are_texts else replace(mapping, decimal=".")


def _is_text(cell: Cell) -> bool:
    return isinstance(cell, str) and bool(cell.strip())


def _text(cell: Cell) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return _number_text(cell)
    return str(cell)


def _number_text(number: float) -> str:
    """The number in plain digits.

    One that needs more digits than a spreadsheet keeps is written with more decimals than an
    amount may have, so that it is rejected and never rounded.
    """
    if number.is_integer():
        return format(number + 0.0, ".0f")  # 0.0 makes a negative zero a zero
    text = f"{number:.{DIGITS}g}"
    if "e" in text or abs(number) >= _MOST_WITH_CENTS:
        return format(number, ".20f")
    is_residue = abs(float(text) - number) <= _RESIDUE_ULPS * ulp(number)
    return text if is_residue else format(number, ".20f")
