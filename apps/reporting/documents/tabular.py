"""A report that is one table: title, facts, the table, page numbers. For lists of any length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reportlab.platypus import Flowable

from .errors import TableRagged
from .figures import write_instant
from .pages import Heading, Metadata, Running, build_pdf
from .sections.blocks import facts, ledger
from .tables import Cell, Column


@dataclass(frozen=True, slots=True, kw_only=True)
class TableReport:
    """The content of a tabular report.

    Args:
        scope: entity and period, in the title and in the header of every page.
        facts: labels and values above the table.
        columns: their widths add up to 499 points at most.
        rows, totals: one cell per column, already written (see :mod:`.figures`).
        identity: digest or key of the underlying data; decides the PDF's identifier.

    Raises:
        TableRagged: a row has another number of cells.
    """

    title: str
    scope: str
    facts: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    rows: Sequence[Sequence[Cell]]
    totals: Sequence[Sequence[Cell]] = ()
    generator: str
    generated_at: datetime
    identity: str

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in (*self.rows, *self.totals)):
            raise TableRagged(f"{self.title}: rows and columns do not fit")


def render_table_report(report: TableReport) -> bytes:
    """The report as a PDF; the same report gives the same bytes.

    Raises:
        InstantWithoutZone: ``generated_at`` is naive.
    """
    given = (("Scope", report.scope), *report.facts)
    story: list[Flowable] = [
        Heading("", report.title, 1),
        *facts((*given, ("Generated", write_instant(report.generated_at)))),
        *ledger(report.columns, report.rows, totals=report.totals),
    ]
    return build_pdf(
        story,
        running=Running(left=report.title, right=report.scope, foot=report.generator),
        metadata=Metadata(
            title=f"{report.title}, {report.scope}",
            author=report.generator,
            subject=report.title,
            keywords="",
            creator=report.generator,
            identity=report.identity,
            created_at=report.generated_at,
        ),
    )
