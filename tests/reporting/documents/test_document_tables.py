"""Tables over many pages: every row once and in order, under a header, wrapped in full."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from io import BytesIO

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pdf_text import page_lines, page_texts, whole_text

from apps.reporting.documents.errors import InstantWithoutZone, TableRagged
from apps.reporting.documents.tables import Bar, Cell, Column, Table
from apps.reporting.documents.tabular import TableReport, render_table_report
from apps.reporting.documents.typography import TEXT, width_of

COLUMNS = (Column("Reference", 100), Column("Text", 250), Column("Amount", 100, "right"))


def report(rows: list[list[Cell]], totals: list[list[Cell]] | None = None) -> TableReport:
    return TableReport(
        title="Open items",
        scope="Harbour Field Services B.V., April 2023",
        facts=(("Account", "1100 Bank"), ("Left out", "")),
        columns=COLUMNS,
        rows=rows,
        totals=totals or [],
        generator="FinFlow 0.1.0",
        generated_at=datetime(2023, 5, 2, tzinfo=UTC),
        identity="batch 7",
    )


def test_every_row_stands_once_and_in_order_under_a_header_on_every_page() -> None:
    rows: list[list[Cell]] = [[f"R{number:04d}", "text", "1.00"] for number in range(500)]
    pages = page_lines(render_table_report(report(rows)))
    found = [line for page in pages for line in page if line.startswith("R0")]
    assert found == [f"R{number:04d}" for number in range(500)]
    assert len(pages) > 5
    for page in pages:
        assert page.index("Reference") < page.index("Amount")
        assert page.count("Reference") == 1


def test_totals_never_stand_alone_on_a_page() -> None:
    for count in range(30, 60):
        rows: list[list[Cell]] = [[f"R{number:04d}", "text", "1.00"] for number in range(count)]
        pages = page_texts(render_table_report(report(rows, [["Total", "", f"{count}.00"]])))
        (page,) = [page for page in pages if "Total" in page]
        assert "R00" in page


def test_a_row_taller_than_a_page_goes_on_over_the_next() -> None:
    text = " ".join(f"word{number}" for number in range(3_000))
    pdf = render_table_report(report([["R1", text, "1.00"], ["R2", "after", "2.00"]]))
    assert len(page_texts(pdf)) > 3
    words = [piece for line in page_lines(pdf) for cell in line for piece in cell.split()]
    assert [word for word in words if word.startswith("word")] == text.split()
    assert words.index("after") > words.index("word2999")


def test_right_aligned_figures_end_at_the_same_place() -> None:
    table = Table(COLUMNS, [["a", "b", "1.00"], ["c", "d", "−1,234,567.89"]])
    ends = {
        round(line.x + width_of(line.text, TEXT, 7.5), 6)
        for row in table._layout.rows
        for line in row.cells[2]
    }
    assert ends == {round(450 - 3.0, 6)}


def test_a_bar_is_drawn_in_proportion_and_at_least_visibly() -> None:
    rows: list[list[Cell]] = [["half", Bar(0.5), "1"], ["none", Bar(0.0), "0"]]
    with pikepdf.open(BytesIO(render_table_report(report(rows)))) as document:
        widths = [
            float(operands[2])
            for operands, operator in pikepdf.parse_content_stream(document.pages[0])
            if str(operator) == "re"
        ]
    room = 250 - 2 * 3.0
    assert widths.count(room) == 2  # the outlines
    assert room / 2 in widths
    assert 0.5 in widths


def test_a_bar_in_a_row_that_breaks_is_drawn_once() -> None:
    long_text = "\n".join(str(number) for number in range(30))
    table = Table(COLUMNS, [[long_text, Bar(1.0), "1"]])
    assert [isinstance(row.cells[1], Bar) for row in table._layout.rows] == [True, False]


def test_an_empty_table_still_has_its_header() -> None:
    assert "Reference Text Amount" in whole_text(render_table_report(report([])))


def test_facts_without_a_value_are_left_out() -> None:
    text = whole_text(render_table_report(report([])))
    assert "Account 1100 Bank" in text
    assert "Left out" not in text


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_table_report(report([])) == render_table_report(report([]))


def test_a_table_report_has_no_place_for_a_signature() -> None:
    assert "signature" not in whole_text(render_table_report(report([])))


def test_a_ragged_table_is_refused() -> None:
    with pytest.raises(TableRagged):
        report([["too", "short"]])
    with pytest.raises(TableRagged):
        report([], [["too", "short"]])


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InstantWithoutZone):
        render_table_report(replace(report([]), generated_at=datetime(2023, 5, 2)))


@settings(max_examples=20)
@given(st.lists(st.integers(min_value=1, max_value=60), min_size=1, max_size=40))
def test_rows_of_any_height_keep_all_their_lines(heights: list[int]) -> None:
    rows: list[list[Cell]] = [
        [f"R{index:03d}", "\n".join(f"{index:03d}/{line:03d}" for line in range(height)), ""]
        for index, height in enumerate(heights)
    ]
    pages = page_lines(render_table_report(report(rows)))
    found = [piece for page in pages for piece in page if "/" in piece]
    expected = [f"{i:03d}/{line:03d}" for i, height in enumerate(heights) for line in range(height)]
    assert found == expected
