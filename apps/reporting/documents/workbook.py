"""The report on a reconciliation as an XLSX workbook: summary, lists, rules, sources.

Rows are written one after the other and never kept (`constant_memory`), so that a long list takes
time and no memory. The same report gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC
from io import BytesIO
from typing import Any

import polars as pl
from xlsxwriter import Workbook

from .figures import write_instant
from .reconciliation import AWAITED, SUGGESTED, ReconciliationReport, words_of
from .workbook_cells import Looks, Sheet, SheetColumn, Tone

_A4 = 9
MOST_ROWS = 1_048_575  # below the header of a sheet
_CURRENCY = SheetColumn("currency", "Currency", 9)

MATCHED_COLUMNS = (
    SheetColumn("number", "Match", 9, "count"),
    SheetColumn("side", "Side", 7),
    SheetColumn("row", "Line", 9, "count"),
    SheetColumn("booked_on", "Booked", 11, "date"),
    SheetColumn("reference", "Reference", 20),
    SheetColumn("counterparty", "Counterparty", 22),
    SheetColumn("narrative", "Narrative", 32),
    SheetColumn("amount", "Amount", 15, "amount"),
    _CURRENCY,
    SheetColumn("pass", "Pass", 20),
    SheetColumn("status", "Status", 11),
    SheetColumn("difference", "Difference of the match", 14, "amount", "difference_currency"),
    SheetColumn("difference_currency", "in", 5),
    SheetColumn("reasons", "Why", 60),
)
UNMATCHED_COLUMNS = (
    SheetColumn("number", "Break", 9, "count"),
    SheetColumn("side", "Side", 7),
    SheetColumn("row", "Line", 9, "count"),
    SheetColumn("booked_on", "Booked", 11, "date"),
    SheetColumn("age_days", "Age in days", 8, "count"),
    SheetColumn("reference", "Reference", 20),
    SheetColumn("counterparty", "Counterparty", 22),
    SheetColumn("narrative", "Narrative", 32),
    SheetColumn("amount", "Amount", 15, "amount"),
    _CURRENCY,
    SheetColumn("cause", "Cause", 18),
    SheetColumn("state", "State", 12),
    SheetColumn("difference", "Left less right of the break", 14, "amount", "difference_currency"),
    SheetColumn("difference_currency", "in", 5),
    SheetColumn("reason", "Why", 60),
    SheetColumn("review", "What people said", 30),
)
_PROOF_COLUMNS = (
    _CURRENCY,
    SheetColumn("left_total", "Left total", 18, "amount"),
    SheetColumn("right_total", "Right total", 18, "amount"),
    SheetColumn("open_left", "Breaks on the left", 18, "amount"),
    SheetColumn("open_right", "Breaks on the right", 18, "amount"),
    SheetColumn("differences", "Differences inside matches", 18, "amount"),
    SheetColumn("exchanged", "Exchanged inside matches", 18, "amount"),
    SheetColumn("proof_amount", "What nothing explains", 18, "amount"),
)
_PASS_COLUMNS = (
    SheetColumn("name", "Pass", 30),
    SheetColumn("status", "Status", 18),
    SheetColumn("groups", "Matches", 18, "count"),
    SheetColumn("left_items", "Left items", 18, "count"),
    SheetColumn("right_items", "Right items", 18, "count"),
)
_CAUSE_COLUMNS = (
    SheetColumn("cause", "Cause", 30),
    SheetColumn("breaks", "Breaks", 18, "count"),
    SheetColumn("net", "Left less right", 18, "amount"),
    SheetColumn("gross", "Without signs", 18, "amount"),
    _CURRENCY,
)
_RULE_COLUMNS = (
    SheetColumn("path", "Setting", 44),
    SheetColumn("value", "Value", 80, "wrapped"),
)
_SOURCE_COLUMNS = (
    SheetColumn("side", "Side", 8),
    SheetColumn("source", "Source", 30),
    SheetColumn("name", "File", 36),
    SheetColumn("lines", "Lines", 12, "count"),
    SheetColumn("rejected", "Rejected", 12, "count"),
    SheetColumn("sha256", "SHA-256", 68),
    SheetColumn("note", "Brought in", 50),
)
_SUMMARY_WIDTHS = (30, 18, 18, 18, 18, 18, 18, 18)


def render_workbook(report: ReconciliationReport) -> bytes:
    """The report as XLSX.

    Raises:
        InstantWithoutZone: ``generated_at`` is naive.
        CurrencyUnknown: an amount's currency is not in ISO 4217.
    """
    generated = write_instant(report.generated_at)
    content = BytesIO()
    workbook = Workbook(content, {"constant_memory": True})
    workbook.set_properties(
        {
            "title": f"{report.title}: {report.subject}",
            "author": report.generator,
            "comments": f"Outcome {report.identity}",
            "created": report.generated_at.astimezone(UTC).replace(tzinfo=None),
        }
    )
    book = _Book(workbook)
    _write_summary(book.sheet("Summary", _SUMMARY_WIDTHS), report, generated)
    if report.unmatched is not None:
        _write_list(book, "Unmatched", UNMATCHED_COLUMNS, report.unmatched, _break_tones)
    if report.matched is not None:
        _write_list(book, "Matched", MATCHED_COLUMNS, report.matched, _match_tones)
    _write_rules(book, report)
    _write_sources(book, report)
    workbook.close()
    return content.getvalue()


class _Book:
    """Adds sheets that print well and share their cell formats."""

    def __init__(self, workbook: Workbook) -> None:
        self._workbook = workbook
        self._looks = Looks(workbook)

    def sheet(self, name: str, widths: Iterable[float]) -> Sheet:
        """A new sheet after the others, its columns of these widths in characters."""
        worksheet = self._workbook.add_worksheet(name)
        for index, width in enumerate(widths):
            worksheet.set_column(index, index, width)
        worksheet.set_landscape()
        worksheet.set_paper(_A4)
        worksheet.fit_to_pages(1, 0)
        worksheet.set_footer("&L&A&RPage &P of &N")
        return Sheet(worksheet, self._looks)

    def list_sheet(self, name: str, columns: Sequence[SheetColumn]) -> Sheet:
        """A sheet that is one list: its header stays in sight and is printed on each page."""
        sheet = self.sheet(name, (column.width for column in columns))
        sheet.worksheet.freeze_panes(1, 0)
        sheet.worksheet.repeat_rows(0)
        return sheet


def _write_summary(sheet: Sheet, report: ReconciliationReport, generated: str) -> None:
    sheet.text(0, 0, report.title, "title")
    given = (("Reconciliation", report.subject), *report.facts)
    at = 1
    for label, value in (*given, ("Generated", f"{generated} by {report.generated_by}")):
        sheet.text(at, 0, label)
        sheet.text(at, 1, value)
        at += 1
    at = _write_figures(sheet, at + 1, report)
    at = _write_proof(sheet, at + 1, report)
    passes = [
        (each.name, words_of(each.status), each.groups, each.left_items, each.right_items)
        for each in report.passes
    ]
    at = _write_titled(sheet, at + 1, "Matches by pass", _PASS_COLUMNS, passes)
    causes = [
        (words_of(each.cause), each.breaks, each.net, each.gross, each.currency)
        for each in report.causes
    ]
    _write_titled(sheet, at + 1, "Breaks by cause", _CAUSE_COLUMNS, causes)


def _write_figures(sheet: Sheet, at: int, report: ReconciliationReport) -> int:
    sheet.text(at, 0, "Figures", "title")
    left, right = report.left, report.right
    counts = (
        ("Items on the left", left.items),
        ("of them matched", left.matched),
        ("Items on the right", right.items),
        ("of them matched", right.matched),
        ("Breaks", report.break_count),
    )
    for label, value in counts:
        at += 1
        sheet.text(at, 0, label)
        sheet.count(at, 1, value)
    sheet.text(at + 1, 0, "Match rate")
    sheet.percent(at + 1, 1, float(report.match_rate))
    return at + 2


def _write_proof(sheet: Sheet, at: int, report: ReconciliationReport) -> int:
    title = "Proof" if report.is_proved else "Proof: NOT PROVED"
    rows = [tuple(getattr(line, column.name) for column in _PROOF_COLUMNS) for line in report.proof]
    tones: list[Tone] = ["bad" if line.proof_amount else "good" for line in report.proof]
    sheet.text(at, 0, title, "title")
    return sheet.table(at + 1, _PROOF_COLUMNS, rows, tones)


def _write_titled(
    sheet: Sheet,
    at: int,
    title: str,
    columns: Sequence[SheetColumn],
    rows: Sequence[Sequence[Any]],
) -> int:
    sheet.text(at, 0, title, "title")
    return sheet.table(at + 1, columns, rows, [""] * len(rows))


def _write_list(
    book: _Book,
    name: str,
    columns: Sequence[SheetColumn],
    frame: pl.DataFrame,
    tones_of: Callable[[pl.DataFrame], pl.Series],
) -> None:
    """The frame on as many sheets as it needs, each with its header and filter."""
    for number, part in enumerate(_parts(frame), start=1):
        sheet = book.list_sheet(name if number == 1 else f"{name} {number}", columns)
        sheet.worksheet.autofilter(0, 0, part.height, len(columns) - 1)
        rows = part.select(column.name for column in columns).iter_rows()
        sheet.table(0, columns, rows, tones_of(part))


def _parts(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    yield frame.head(MOST_ROWS)
    for start in range(MOST_ROWS, frame.height, MOST_ROWS):
        yield frame.slice(start, MOST_ROWS)


def _break_tones(part: pl.DataFrame) -> pl.Series:
    """Awaited is not a fault yet; everything else is."""
    is_awaited = pl.col("state") == AWAITED
    tone = pl.when(is_awaited).then(pl.lit("warn")).otherwise(pl.lit("bad"))
    return part.select(tone).to_series()


def _match_tones(part: pl.DataFrame) -> pl.Series:
    """A match that waits for a person, or whose sides differ, is worth a look."""
    wants_a_look = (pl.col("status") == SUGGESTED) | (pl.col("difference") != 0)
    tone = pl.when(wants_a_look).then(pl.lit("warn")).otherwise(pl.lit(""))
    return part.select(tone).to_series()


def _write_rules(book: _Book, report: ReconciliationReport) -> None:
    sheet = book.list_sheet("Rules", _RULE_COLUMNS)
    sheet.table(0, _RULE_COLUMNS, report.rules, [""] * len(report.rules))


def _write_sources(book: _Book, report: ReconciliationReport) -> None:
    sheet = book.list_sheet("Sources", _SOURCE_COLUMNS)
    rows = [
        (side, facts.name, each.name, each.lines, each.rejected, each.sha256, each.note)
        for side, facts in (("left", report.left), ("right", report.right))
        for each in facts.files
    ]
    sheet.table(0, _SOURCE_COLUMNS, rows, [""] * len(rows))
