"""A table that says which rows the bank has booked: the others are left out, and counted."""

from __future__ import annotations

import pytest

from tests.ingestion.formats.documents import read_csv

DAYS = ("2026-01-05", "2026-01-06", "2026-01-07")
AMOUNTS = ("100.00", "-40.00", "7.00")


def table(name: str, *words: str) -> str:
    rows = zip(DAYS, AMOUNTS, words, strict=True)
    lines = [",".join((*row, "EUR", "CH1")) for row in rows]
    return "\n".join([f"Date,Amount,{name},Currency,Account", *lines])


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Status", ("Gebucht", "Vorgemerkt", "Gebucht")),
        ("Buchungsstatus", ("gebucht", " VORGEMERKT ", "")),
        ("State", ("COMPLETED", "PENDING", "COMPLETED")),
        ("Transaction status", ("Posted", "authorised", "Cleared")),
        ("État", ("comptabilisé", "non comptabilisé", "comptabilisé")),
        ("Status", ("", "Vorgemerkt", "")),
    ],
)
def test_rows_that_are_not_booked_are_left_out_and_counted(name, words):
    reading = read_csv(table(name, *words))

    (statement,) = reading.statements
    assert reading.lines["amount"].to_list() == [1_000_000, 70_000]
    assert reading.pending["amount"].to_list() == [-400_000]
    assert (statement.line_count, statement.total, statement.pending_count) == (2, 1_070_000, 1)
    assert statement.notes == ("Not booked and left out: 1 entries.",)
    assert reading.rejected == ()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("Status", ("pending", "pending", "pending")),  # invoices that wait to be paid
        ("Status", ("paid", "pending", "completed")),
        ("Status", ("completed", "completed", "completed")),
        ("Status", ("", "", "")),
        ("Note", ("booked", "pending", "booked")),
    ],
)
def test_words_that_may_say_something_else_leave_nothing_out(name, words):
    reading = read_csv(table(name, *words))

    assert reading.lines.height == 3
    assert reading.pending.height == 0
    assert [statement.pending_count for statement in reading.statements] == [0]


def test_who_maps_the_columns_has_looked():
    columns = {"booked_on": "Date", "amount": "Amount", "currency": "Currency"}

    reading = read_csv(table("Status", "Gebucht", "Vorgemerkt", "Gebucht"), columns=columns)

    assert reading.lines.height == 3


def test_where_nothing_is_booked_there_is_no_statement():
    reading = read_csv(table("Status", *["Vorgemerkt"] * 3))

    assert (reading.lines.height, reading.pending.height, reading.statements) == (0, 3, ())


def test_a_row_with_a_fault_is_rejected_whether_booked_or_not():
    text = table("Status", "Gebucht", "Vorgemerkt", "Gebucht").replace("-40.00", "forty")

    reading = read_csv(text)

    assert [(one.line, one.field) for one in reading.rejected] == [(3, "amount")]
    assert reading.pending.height == 0


def test_accounts_have_their_own_counts():
    text = table("Status", "Gebucht", "Vorgemerkt", "Gebucht").replace(
        "7.00,Gebucht,EUR,CH1", "7.00,Gebucht,EUR,CH2"
    )

    reading = read_csv(text)

    assert [(one.account, one.pending_count) for one in reading.statements] == [
        ("CH1", 1),
        ("CH2", 0),
    ]
