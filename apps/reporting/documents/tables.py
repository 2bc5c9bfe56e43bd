"""Tables that run over many pages: fixed widths, repeated headers, every cell wrapped in full.

ReportLab's own LongTable repeats its header at most once per chunk and measures each cell with a
paragraph; 10,000 rows take it seconds. Here rows are broken into lines once, heights are summed
once, and a page break is a look-up.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from reportlab.lib.colors import Color
from reportlab.platypus import Flowable

from .typography import BOLD, TEXT, lines_of, printable, width_of

INK = Color(0, 0, 0)
RULE = Color(0.72, 0.72, 0.72)
BAND = Color(0.91, 0.91, 0.91)
BAR = Color(0.45, 0.45, 0.45)


@dataclass(frozen=True, slots=True)
class Bar:
    """A cell that is a horizontal bar; its figure stands in another column.

    Args:
        fraction: 0 to 1 of the column's width.
    """

    fraction: float


Cell = str | Bar
PlacedText = tuple[str, float, float, str]
"""Face, x, y and printable text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column: its title, width in points, alignment and face."""

    title: str
    width: float
    align: Literal["left", "right"] = "left"
    face: str = TEXT


@dataclass(frozen=True, slots=True)
class TableStyle:
    """Sizes in points; ``max_row_lines`` is where a tall row may break over pages."""

    size: float = 7.5
    leading: float = 9.6
    pad_x: float = 3.0
    pad_y: float = 2.4
    max_row_lines: int = 24
    is_headed: bool = True
    is_ruled: bool = True


LEDGER = TableStyle()
FACTS = TableStyle(size=8.5, leading=11.2, pad_y=2.0, is_headed=False)
PROSE = TableStyle(
    size=9, leading=12.8, pad_x=0, pad_y=0, max_row_lines=4, is_headed=False, is_ruled=False
)
LISTING = TableStyle(
    size=7, leading=9, pad_x=6, pad_y=0, max_row_lines=4, is_headed=False, is_ruled=False
)


@dataclass(frozen=True, slots=True)
class _Line:
    text: str
    x: float


@dataclass(frozen=True, slots=True)
class _Row:
    cells: tuple[Sequence[_Line] | Bar, ...]
    height: float
    pad_top: float
    is_strong: bool = False
    is_continued: bool = False  # goes on in the next row, so that no rule is drawn below


class _Setter:
    """Breaks the cells of a table into placed lines, each distinct text of a column once."""

    def __init__(self, columns: Sequence[Column], style: TableStyle) -> None:
        self._columns = columns
        self._style = style
        self._offsets = [0.0, *accumulate(column.width for column in columns)]
        self._known: dict[tuple[int, bool, str], list[_Line]] = {}

    def rows(self, cells: Sequence[Cell], *, face: str | None = None) -> Iterable[_Row]:
        """The row, or the parts of one that is too tall; ``face`` overrides the columns'."""
        placed = [self._cell(index, cell, face) for index, cell in enumerate(cells)]
        count = max(len(cell) if isinstance(cell, list) else 1 for cell in placed)
        step = self._style.max_row_lines
        for start in range(0, count, step):
            part = tuple(_part(cell, start, start + step) for cell in placed)
            is_continued = start + step < count
            pad_top = 0.0 if start else self._style.pad_y
            pad_bottom = 0.0 if is_continued else self._style.pad_y
            height = pad_top + min(step, count - start) * self._style.leading + pad_bottom
            yield _Row(part, height, pad_top, face is not None, is_continued)

    def _cell(self, index: int, cell: Cell, face: str | None) -> list[_Line] | Bar:
        if isinstance(cell, Bar):
            return cell
        key = (index, face is None, cell)
        lines = self._known.get(key)
        if lines is None:
            lines = self._lines(index, cell, face or self._columns[index].face)
            self._known[key] = lines
        return lines

    def _lines(self, index: int, cell: str, face: str) -> list[_Line]:
        style, column = self._style, self._columns[index]
        left = self._offsets[index] + style.pad_x
        room = column.width - 2 * style.pad_x
        broken = lines_of(printable(cell), face, style.size, room)
        if column.align == "left":
            return [_Line(line, left) for line in broken]
        return [_Line(line, left + room - width_of(line, face, style.size)) for line in broken]


def _part(cell: list[_Line] | Bar, start: int, stop: int) -> Sequence[_Line] | Bar:
    if isinstance(cell, Bar):
        return cell if start == 0 else ()
    return cell[start:stop]


@dataclass(frozen=True, slots=True)
class _Layout:
    """A table broken into lines; pages show ranges of its rows."""

    columns: Sequence[Column]
    style: TableStyle
    header: Sequence[_Row]
    rows: Sequence[_Row]
    lefts: Sequence[float]
    ends: Sequence[float]  # heights of the rows, summed up to and with each

    @property
    def width(self) -> float:
        return self.lefts[-1]

    @property
    def header_height(self) -> float:
        return sum(row.height for row in self.header)

    def height_before(self, index: int) -> float:
        """Summed heights of the rows before this one."""
        return self.ends[index - 1] if index else 0.0


def _laid_out(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    totals: Iterable[Sequence[Cell]],
    style: TableStyle,
) -> _Layout:
    setter = _Setter(columns, style)
    titles = [column.title for column in columns]
    body = [part for row in rows for part in setter.rows(row)]
    body += [part for row in totals for part in setter.rows(row, face=BOLD)]
    return _Layout(
        columns=columns,
        style=style,
        header=list(setter.rows(titles, face=BOLD)) if style.is_headed else [],
        rows=body,
        lefts=[0.0, *accumulate(column.width for column in columns)],
        ends=list(accumulate(row.height for row in body)),
    )


class _TablePart(Flowable):
    """The rows of a layout from ``start`` up to and without ``stop``, under its header."""

    def __init__(self, layout: _Layout, start: int, stop: int) -> None:
        super().__init__()
        self._layout = layout
        self._start, self._stop = start, stop
        body = layout.height_before(stop) - layout.height_before(start)
        self.width = layout.width
        self.height = layout.header_height + body

    def wrap(self, _available_width: float, _available_height: float) -> tuple[float, float]:
        """The fixed width, and the height of the rows that this part holds."""
        return self.width, self.height

    def split(self, _available_width: float, available_height: float) -> list[Flowable]:
        """Two parts: the rows that fit, and the rest; nothing if not even one fits."""
        layout, start, stop = self._layout, self._start, self._stop
        room = available_height - layout.header_height + layout.height_before(start)
        cut = self._before_totals(bisect_right(layout.ends, room, start, stop))
        if cut <= start:
            return []
        return [_TablePart(layout, start, cut), _TablePart(layout, cut, stop)]

    def _before_totals(self, cut: int) -> int:
        """Take one row along, so that totals never stand alone on a page."""
        rows = self._layout.rows
        is_at_totals = 0 < cut < self._stop and rows[cut].is_strong
        return cut - 1 if is_at_totals and not rows[cut - 1].is_strong else cut

    def draw(self) -> None:
        """Bands and rules first, then the text row by row, so that copying keeps the order."""
        rows = [*self._layout.header, *self._layout.rows[self._start : self._stop]]
        heights = (row.height for row in rows)
        tops = [self.height - above for above in accumulate(heights, initial=0)]
        self._draw_ground(rows, tops)
        self._draw_text(rows, tops)

    def _draw_ground(self, rows: Sequence[_Row], tops: Sequence[float]) -> None:
        layout, headed = self._layout, len(self._layout.header)
        if headed:
            self.canv.setFillColor(BAND)
            self.canv.rect(0, tops[headed], self.width, layout.header_height, stroke=0, fill=1)
        if layout.style.is_ruled:
            below = zip(rows, tops[1:], strict=True)
            self._rule([y for row, y in below if not row.is_continued], RULE, 0.35)
        above = zip(rows[headed:], tops[headed:], strict=False)
        self._rule([y for row, y in above if row.is_strong][:1], INK, 0.7)

    def _rule(self, heights: Sequence[float], color: Color, thickness: float) -> None:
        self.canv.setStrokeColor(color)
        self.canv.setLineWidth(thickness)
        self.canv.lines([(0, y, self.width, y) for y in heights])

    def _draw_text(self, rows: Sequence[_Row], tops: Sequence[float]) -> None:
        style, columns = self._layout.style, self._layout.columns
        placed: list[PlacedText] = []
        for row, top in zip(rows, tops, strict=False):
            first_baseline = top - row.pad_top - style.size
            for index, cell in enumerate(row.cells):
                if isinstance(cell, Bar):
                    self._draw_bar(index, cell, first_baseline)
                    continue
                face = BOLD if row.is_strong else columns[index].face
                for number, line in enumerate(cell):
                    y = first_baseline - number * style.leading
                    placed.append((face, line.x, y, line.text))
        self.canv.setFillColor(INK)
        self.canv.write_texts(placed, style.size)

    def _draw_bar(self, index: int, bar: Bar, baseline: float) -> None:
        """The bar in an outline of the whole, so that it reads without colour or scale."""
        style = self._layout.style
        room = self._layout.columns[index].width - 2 * style.pad_x
        x, y, thickness = self._layout.lefts[index] + style.pad_x, baseline - 1, style.size
        self.canv.setFillColor(BAR)
        self.canv.setStrokeColor(RULE)
        self.canv.setLineWidth(0.35)
        self.canv.rect(x, y, room, thickness, stroke=1, fill=0)
        self.canv.rect(x, y, max(room * bar.fraction, 0.5), thickness, stroke=0, fill=1)


class Table(_TablePart):
    """A table of text cells.

    Args:
        columns: fixed widths; their sum is the table's width.
        rows: one cell per column.
        totals: rows set in bold under a rule, at the end.
        style: sizes, header, rules.
    """

    def __init__(
        self,
        columns: Sequence[Column],
        rows: Iterable[Sequence[Cell]],
        *,
        totals: Iterable[Sequence[Cell]] = (),
        style: TableStyle = LEDGER,
    ) -> None:
        layout = _laid_out(columns, rows, totals, style)
        super().__init__(layout, 0, len(layout.rows))
