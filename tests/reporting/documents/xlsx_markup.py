"""What a workbook's markup says of a cell, for what calamine does not tell: looks and kinds."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from xml.etree import ElementTree

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


@dataclass(frozen=True)
class Cell:
    kind: str  # "n" number, "inlineStr" text, "" blank
    fill: str  # ARGB, "" for none
    number_format: str
    is_quoted: bool


class Markup:
    def __init__(self, content: bytes) -> None:
        self._parts = zipfile.ZipFile(BytesIO(content))
        self.styles = self._tree("xl/styles.xml")
        workbook = self._tree("xl/workbook.xml")
        self._names = [each.get("name") for each in workbook.iter(f"{_MAIN}sheet")]

    def sheet(self, name: str) -> ElementTree.Element:
        number = self._names.index(name) + 1
        return self._tree(f"xl/worksheets/sheet{number}.xml")

    def text(self) -> str:
        """The markup of all sheets."""
        names = [each for each in self._parts.namelist() if each.startswith("xl/worksheets/")]
        return "".join(self._parts.read(name).decode() for name in names)

    def cell(self, sheet: str, place: str) -> Cell:
        (cell,) = [each for each in self.sheet(sheet).iter(f"{_MAIN}c") if each.get("r") == place]
        return self._look(cell)

    def column(self, sheet: str, letter: str) -> list[Cell]:
        """The cells below the header."""
        cells = self.sheet(sheet).iter(f"{_MAIN}c")
        return [
            self._look(each)
            for each in cells
            if (each.get("r") or "").rstrip("0123456789") == letter
            and each.get("r") != f"{letter}1"
        ]

    def _look(self, cell: ElementTree.Element) -> Cell:
        formats = self.styles.find(f"{_MAIN}cellXfs")
        assert formats is not None
        look = formats[int(cell.get("s", "0"))]
        numbers = {
            each.get("numFmtId"): each.get("formatCode")
            for each in self.styles.iter(f"{_MAIN}numFmt")
        }
        number = look.get("numFmtId")
        fills = self.styles.find(f"{_MAIN}fills")
        assert fills is not None
        colour = fills[int(look.get("fillId", "0"))].find(f".//{_MAIN}fgColor")
        has_value = cell.find(f"{_MAIN}v") is not None or cell.find(f"{_MAIN}is") is not None
        return Cell(
            kind=cell.get("t", "n") if has_value else "",
            fill="" if colour is None else colour.get("rgb", ""),
            number_format=numbers.get(number)
            or {"3": "#,##0", "4": "#,##0.00"}.get(number or "", ""),
            is_quoted=look.get("quotePrefix") == "1",
        )

    def _tree(self, name: str) -> ElementTree.Element:
        return ElementTree.fromstring(self._parts.read(name))
