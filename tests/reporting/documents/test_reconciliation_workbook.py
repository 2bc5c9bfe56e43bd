"""The workbook: text stays text, numbers stay numbers, every row is there."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from io import BytesIO
from typing import Any

import polars as pl
import pytest
from python_calamine import CalamineWorkbook
from reconciliation_samples import matched, matched_row, sample, unmatched, unmatched_row
from xlsx_markup import Markup

from apps.reporting.documents import ProofLine, SideFacts, render_workbook, settings_of
from apps.reporting.documents import workbook as module
from apps.reporting.documents.errors import CurrencyUnknown, InstantWithoutZone, TableRagged
from apps.reporting.documents.workbook_cells import LONGEST_TEXT


def sheets(content: bytes) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(BytesIO(content))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def column(rows: list[list[Any]], title: str) -> list[Any]:
    at = rows[0].index(title)
    return [row[at] for row in rows[1:]]


def beside(rows: list[list[Any]], label: str) -> list[Any]:
    return next(row[1:] for row in rows if row[0] == label)


def test_the_summary_says_what_it_comes_to() -> None:
    found = sheets(render_workbook(sample()))
    assert list(found) == ["Summary", "Unmatched", "Matched", "Rules", "Sources"]
    summary = found["Summary"]
    assert summary[0][0] == "Reconciliation report"
    assert beside(summary, "Reconciliation")[0] == "Bank against ledger"
    assert beside(summary, "Entity")[0] == "Harbour Field Services (HFS)"
    assert beside(summary, "Generated")[0] == "2\xa0May\xa02023, 14:03:07\xa0UTC by Connie"
    assert beside(summary, "Items on the left")[0] == 4
    assert beside(summary, "Breaks")[0] == 3
    assert beside(summary, "Match rate")[0] == 0.5714
    assert beside(summary, "EUR")[:7] == [399.99, 112.0, 300.0, 12.0, -0.01, 0.0, 0.0]
    assert beside(summary, "Nearly")[:4] == ["Suggested", 1, 1, 1]
    assert beside(summary, "Missing right")[:4] == [1, 250.0, 250.0, "EUR"]


def test_lists_rules_and_sources_are_there_row_by_row() -> None:
    found = sheets(render_workbook(sample()))
    assert column(found["Matched"], "Line") == [2, 5, 4, 1]
    assert column(found["Matched"], "Amount") == [100.0, 100.0, -0.01, 0.0]
    assert column(found["Matched"], "Booked") == [date(2023, 4, 28)] * 4
    assert column(found["Unmatched"], "Line") == [3, 6, 3]
    assert column(found["Unmatched"], "Age in days") == [2, 2, 2]
    assert column(found["Unmatched"], "What people said")[2] == "Accepted by Rita: comes in May"
    assert found["Rules"][1:] == [
        ["version", "1"],
        ["passes[0].name", "Reference"],
        ["passes[0].keys", "reference"],
    ]
    assert found["Sources"][2][:5] == ["right", "General ledger", "ledger.csv", 3, 1]


def test_a_report_that_lists_nothing_has_no_list() -> None:
    found = sheets(render_workbook(sample(matched=None, unmatched=None)))
    assert list(found) == ["Summary", "Rules", "Sources"]


@pytest.mark.parametrize(
    "text",
    [
        "=1+1",
        '=HYPERLINK("http://example.org","x")',
        "+49 30 1234",
        "-5",
        "@SUM(A1)",
        "\t=1+1",
        "\r=1+1",
        "{=1+1}",
        "http://example.org",
        "007",
        "1.5",
        "_x0041_",
        "<b>&\"'",
        "line\nfeed",
        "emoji \U0001f4b6 Ü",
    ],
)
def test_text_stays_text(text: str) -> None:
    content = render_workbook(
        sample(subject=text, unmatched=unmatched(unmatched_row(narrative=text)))
    )
    markup = Markup(content)
    cell = markup.cell("Unmatched", "H2")
    assert cell.kind == "inlineStr"
    assert cell.is_quoted is (text[0] in "=+-@\t\r")
    assert "<f>" not in markup.text()
    assert "hyperlink" not in markup.text()
    assert column(sheets(content)["Unmatched"], "Narrative") == [text]


@pytest.mark.parametrize("text", ["\0=1+1", "bell\x07", "\x1b[31m"])
def test_control_characters_do_not_break_the_file(text: str) -> None:
    content = render_workbook(sample(matched=matched(matched_row(reference=text))))
    assert sheets(content)["Matched"][1][0] == 1
    assert Markup(content).cell("Matched", "E2").kind == "inlineStr"


def test_a_text_too_long_for_a_cell_ends_in_an_ellipsis() -> None:
    content = render_workbook(sample(matched=matched(matched_row(narrative="x" * 40_000))))
    (text,) = column(sheets(content)["Matched"], "Narrative")
    assert len(text) == LONGEST_TEXT
    assert text.endswith("x…")


@pytest.mark.parametrize(
    ("units", "currency", "value", "look"),
    [
        (12_345_600, "EUR", 1234.56, "#,##0.00"),
        (-12_340_000, "JPY", -1234, "#,##0"),
        (1_234_560, "KWD", 123.456, "#,##0.000"),
        (5, "EUR", 0.0005, "#,##0.0000"),
        (10**15 - 100, "EUR", 99_999_999_999.99, "#,##0.00"),
    ],
)
def test_numbers_stay_numbers_with_their_currencys_decimals(
    units: int, currency: str, value: float, look: str
) -> None:
    row = matched_row(amount=units, currency=currency)
    content = render_workbook(sample(matched=matched(row)))
    assert column(sheets(content)["Matched"], "Amount") == [value]
    cell = Markup(content).cell("Matched", "H2")
    assert (cell.kind, cell.number_format) == ("n", look)


def test_a_difference_is_in_the_currency_of_its_match() -> None:
    row = matched_row(currency="JPY", amount=1_000_000, difference=1_200, difference_currency="EUR")
    content = render_workbook(sample(matched=matched(row)))
    markup = Markup(content)
    assert column(sheets(content)["Matched"], "Difference of the match") == [0.12]
    looks = [markup.cell("Matched", place).number_format for place in ("H2", "L2")]
    assert looks == ["#,##0", "#,##0.00"]


def test_an_amount_that_no_number_cell_holds_exactly_is_text() -> None:
    row = matched_row(amount=-(2**62) + 4, currency="EUR")
    content = render_workbook(sample(matched=matched(row)))
    assert column(sheets(content)["Matched"], "Amount") == ["-461168601842738.79"]


def test_a_day_before_spreadsheets_agree_on_it_is_text() -> None:
    rows = (matched_row(booked_on=date(1900, 2, 28)), matched_row(booked_on=date(1900, 3, 1)))
    content = render_workbook(sample(matched=matched(*rows)))
    assert column(sheets(content)["Matched"], "Booked") == ["1900-02-28", date(1900, 3, 1)]


def test_exceptions_are_highlighted_and_what_agrees_is_not() -> None:
    markup = Markup(render_workbook(sample()))

    def fills(sheet: str) -> list[str]:
        return [cell.fill for cell in markup.column(sheet, "G")]

    assert fills("Unmatched") == ["FFF8D7DA", "FFFFF2CC", "FFFFF2CC"]
    assert fills("Matched") == ["", "", "FFFFF2CC", "FFFFF2CC"]


def test_a_highlighted_row_has_no_gap() -> None:
    content = render_workbook(sample(unmatched=unmatched(unmatched_row(counterparty=""))))
    cell = Markup(content).cell("Unmatched", "G2")
    assert (cell.kind, cell.fill) == ("", "FFF8D7DA")


def test_headers_stay_in_sight_and_lists_can_be_filtered() -> None:
    text = Markup(render_workbook(sample())).text()
    assert text.count('<pane ySplit="1" topLeftCell="A2"') == 4
    assert '<autoFilter ref="A1:P4"/>' in text
    assert '<autoFilter ref="A1:N5"/>' in text
    assert text.count('fitToPage="1"') == 5


def test_a_list_longer_than_a_sheet_goes_on_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 2)
    found = sheets(render_workbook(sample()))
    assert column(found["Matched"], "Line") + column(found["Matched 2"], "Line") == [2, 5, 4, 1]
    assert column(found["Unmatched 2"], "Line") == [3]


def test_an_empty_list_is_its_header() -> None:
    found = sheets(render_workbook(sample(matched=matched(), unmatched=unmatched())))
    assert len(found["Matched"]) == 1
    assert found["Unmatched"][0][0] == "Break"


def test_what_is_not_proved_is_said() -> None:
    line = replace(sample().proof[0], proof_amount=100)
    content = render_workbook(sample(proof=(line,)))
    titles = [row[0] for row in sheets(content)["Summary"]]
    assert "Proof: NOT PROVED" in titles
    assert {cell.fill for cell in Markup(content).column("Summary", "H")} >= {"FFF8D7DA"}


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render_workbook(sample()) == render_workbook(sample())


def test_of_nothing_everything_is_matched() -> None:
    side = SideFacts(name="Bank", items=0, matched=0, files=())
    report = sample(left=side, right=side)
    assert report.match_rate == 1


def test_the_match_rate_is_1_only_if_every_item_is_matched() -> None:
    side = SideFacts(name="Bank", items=1_000_000, matched=999_999, files=())
    assert str(sample(left=side, right=side).match_rate) == "0.9999"


def test_a_frame_of_another_shape_is_refused() -> None:
    with pytest.raises(TableRagged):
        sample(matched=pl.DataFrame({"number": [1]}))


def test_an_unknown_currency_and_a_time_without_zone_are_refused() -> None:
    line = ProofLine(
        currency="XXY",
        left_total=1,
        right_total=1,
        open_left=0,
        open_right=0,
        differences=0,
        proof_amount=0,
    )
    with pytest.raises(CurrencyUnknown):
        render_workbook(sample(proof=(line,)))
    with pytest.raises(InstantWithoutZone):
        render_workbook(sample(generated_at=datetime(2023, 5, 2)))


def test_rules_are_listed_by_path() -> None:
    rules = {
        "version": "1",
        "sides": {"right_sign": -1},
        "passes": [{"name": "A", "keys": ["x", "y"]}, {"name": "B", "keys": []}],
    }
    assert settings_of(rules) == (
        ("version", "1"),
        ("sides.right_sign", "-1"),
        ("passes[0].name", "A"),
        ("passes[0].keys", "x, y"),
        ("passes[1].name", "B"),
        ("passes[1].keys", "none"),
    )
