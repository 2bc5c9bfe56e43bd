"""Workbooks to read, written by hand so that nothing in them is tidied on the way."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime

import xlsxwriter

HEADER = ("Date", "Amount", "Currency", "Text")


def workbook(
    rows: Sequence[Sequence[object]],
    *,
    before: Mapping[str, Sequence[Sequence[object]]] | None = None,
    hidden: Sequence[str] = (),
    top: int = 0,
    left: int = 0,
) -> bytes:
    """A workbook whose last sheet, Lines, has these rows; `before` are sheets in front of it."""
    target = io.BytesIO()
    book = xlsxwriter.Workbook(target, {"strings_to_formulas": False})
    day = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
    for name, content in {**(before or {}), "Lines": rows}.items():
        sheet = book.add_worksheet(name)
        if name in hidden:
            sheet.hide()
        for number, row in enumerate(content):
            for column, cell in enumerate(row):
                place = (number + top, column + left)
                if isinstance(cell, datetime):
                    sheet.write_datetime(*place, cell, day)
                else:
                    sheet.write(*place, cell)
    if hidden:
        book.get_worksheet_by_name("Lines").activate()
    book.close()
    return target.getvalue()


def parts_of(content: bytes) -> dict[str, bytes]:
    """The parts of a workbook by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: Mapping[str, bytes], packing: int = zipfile.ZIP_DEFLATED) -> bytes:
    """A workbook of parts."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", packing) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return target.getvalue()


def with_sheet(xml: str) -> bytes:
    """A workbook whose only sheet has these rows, as XML."""
    parts = parts_of(workbook([HEADER]))
    name = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{name}"><sheetData>{xml}</sheetData></worksheet>'
    return packed({**parts, "xl/worksheets/sheet1.xml": sheet.encode()})


def inline(*cells: str) -> str:
    """The cells of a row as XML: numbers as written, other texts inline; none has a place."""
    shown = []
    for cell in cells:
        if cell.replace(".", "").replace("-", "").replace("E", "").isdecimal():
            shown.append(f"<c><v>{cell}</v></c>")
        else:
            shown.append(f'<c t="inlineStr"><is><t>{cell}</t></is></c>')
    return f"<row>{''.join(shown)}</row>"
