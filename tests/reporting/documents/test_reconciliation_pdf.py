"""The report on a reconciliation as a PDF says what the workbook says."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

import pytest
from pdf_text import page_lines, whole_text
from reconciliation_samples import matched, matched_row, sample, unmatched, unmatched_row

from apps.reporting.documents import reconciliation_pdf as module
from apps.reporting.documents import render_reconciliation_pdf as render
from apps.reporting.documents.errors import InstantWithoutZone


def test_it_says_what_it_comes_to() -> None:
    lines = [line for page in page_lines(render(sample())) for line in page]
    for words in (
        "Reconciliation report",
        "Bank against ledger",
        "57.14%",
        "Proved",
        "less breaks on the left",
        "−0.01",
        "Missing right",
        "Suggested",
        "INV-7",
        "General ledger",
        "3 lines, 1 rejected",
        "passes[0].keys",
        "a" * 64,
    ):
        assert words in lines
    assert "Accepted by Rita: comes in May" in " ".join(lines)


def test_what_agrees_is_counted_and_what_does_not_is_listed() -> None:
    text = whole_text(render(sample()))
    assert "2 matched items agree in amount" in text
    agreeing = whole_text(render(sample(matched=matched(matched_row()))))
    assert "1 matched item agrees in amount" in agreeing


def test_without_lists_it_is_a_summary() -> None:
    text = whole_text(render(sample(matched=None, unmatched=None)))
    assert "Breaks by cause" in text
    assert "Unmatched items" not in text
    assert "worth a look" not in text


def test_where_nothing_is_open_it_says_so() -> None:
    text = whole_text(render(sample(unmatched=unmatched(), causes=(), proof=())))
    assert "There are none." in text
    assert "both sides agree" in text
    assert "There was nothing to compare." in text


def test_what_is_not_proved_is_said() -> None:
    line = replace(sample().proof[0], proof_amount=100)
    assert "NOT PROVED" in whole_text(render(sample(proof=(line,))))


def test_what_was_exchanged_is_part_of_the_proof() -> None:
    line = replace(sample().proof[0], exchanged=1_234_500)
    text = whole_text(render(sample(proof=(line,))))
    assert "less what was exchanged" in text
    assert "123.45" in text
    assert "exchanged" not in whole_text(render(sample()))


@pytest.mark.parametrize("name", ["MOST_BREAK_ROWS", "MOST_MATCH_ROWS"])
def test_of_long_lists_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(module, name, 1)
    rows = [unmatched_row(), unmatched_row(row=4)]
    report = sample(unmatched=unmatched(*rows))
    assert "1 more item is listed in the workbook." in whole_text(render(report))


def test_text_cannot_style_or_hide_anything() -> None:
    hostile = '<b>x</b>\u202e<img src="x">'
    text = whole_text(render(sample(subject=hostile)))
    assert "<b>x</b>⟨U+202E⟩" in text


def test_the_same_report_gives_the_same_bytes() -> None:
    assert render(sample()) == render(sample())


def test_a_time_without_zone_is_refused() -> None:
    with pytest.raises(InstantWithoutZone):
        render(sample(generated_at=datetime(2023, 5, 2)))
