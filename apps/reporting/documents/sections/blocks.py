"""The few building blocks that every section is made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reportlab.platypus import CondPageBreak, Flowable, Spacer

from ..pages import TEXT_WIDTH, Heading
from ..tables import FACTS, LISTING, PROSE, Cell, Column, Table, TableStyle
from ..typography import BOLD, MONO

ROOM_BELOW_HEADING = 110.0
_ANSWER = TableStyle(
    size=10, leading=14, pad_x=0, pad_y=0, max_row_lines=4, is_headed=False, is_ruled=False
)
_LABEL_WIDTH = 112.0


def heading(number: str, title: str) -> list[Flowable]:
    """A section's heading, never at the very foot of a page."""
    return [Spacer(0, 14), CondPageBreak(ROOM_BELOW_HEADING + 40), Heading(number, title, 1)]


def subheading(number: str, title: str) -> list[Flowable]:
    """A heading below a section's; listed in the contents too."""
    return [CondPageBreak(ROOM_BELOW_HEADING), Heading(number, title, 2)]


def answer(text: str) -> list[Flowable]:
    """The first line of a section: what it comes to."""
    return [_column(text, _ANSWER, BOLD), Spacer(0, 8)]


def prose(text: str) -> list[Flowable]:
    """A paragraph; line feeds in it are kept."""
    return [_column(text, PROSE), Spacer(0, 7)]


def listing(text: str) -> list[Flowable]:
    """Text in a fixed-width face, as it is."""
    return [_column(text, LISTING, MONO), Spacer(0, 9)]


def _column(text: str, style: TableStyle, face: str = "") -> Table:
    column = Column("", TEXT_WIDTH, face=face) if face else Column("", TEXT_WIDTH)
    return Table([column], [(line,) for line in text.split("\n")], style=style)


def facts(pairs: Iterable[tuple[str, str]]) -> list[Flowable]:
    """Labels and values; pairs without a value are left out."""
    return _facts([pair for pair in pairs if pair[1]], Column("", TEXT_WIDTH - _LABEL_WIDTH))


def digests(pairs: Iterable[tuple[str, str]]) -> list[Flowable]:
    """Labels and hexadecimal digests, in a fixed-width face; empty ones are left out."""
    rows = [pair for pair in pairs if pair[1]]
    return _facts(rows, Column("", TEXT_WIDTH - _LABEL_WIDTH, face=MONO)) if rows else []


def _facts(rows: Sequence[tuple[str, str]], values: Column) -> list[Flowable]:
    labels = Column("", _LABEL_WIDTH, face=BOLD)
    return [Table([labels, values], rows, style=FACTS), Spacer(0, 9)]


def ledger(
    columns: Sequence[Column],
    rows: Iterable[Sequence[Cell]],
    *,
    totals: Iterable[Sequence[Cell]] = (),
) -> list[Flowable]:
    """A headed table."""
    return [Table(columns, rows, totals=totals), Spacer(0, 10)]


def counted(count: int, one: str, many: str) -> str:
    """ "1 control", "1,204 lines"."""
    return f"{count:,} {one if count == 1 else many}"
