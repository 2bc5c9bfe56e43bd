"""Statements of a table, proven by its running balance."""

from __future__ import annotations

from datetime import date

import pytest

from tests.ingestion.formats.documents import read_csv

LINES = [
    "2026-04-01,10.00,110.00",
    "2026-04-02,-20.00,90.00",
    "2026-04-03,5.00,95.00",
]


def statement(*lines: str, **spec: object):
    header = "Date,Amount,Balance"
    columns = {"booked_on": "Date", "amount": "Amount", "balance": "Balance"}
    reading = read_csv(
        "\n".join([header, *lines]), columns=columns, constants={"currency": "EUR"}, **spec
    )
    (found,) = reading.statements
    return found


def test_a_statement_from_old_to_new():
    found = statement(*LINES)

    assert (found.opening, found.closing, found.total) == (1_000_000, 950_000, -50_000)
    assert (found.opened_on, found.closed_on) == (date(2026, 4, 1), date(2026, 4, 3))
    assert found.ties is True


def test_a_statement_from_new_to_old():
    found = statement(*reversed(LINES))

    assert (found.opening, found.closing) == (1_000_000, 950_000)
    assert found.ties is True


def test_lines_of_one_day_from_new_to_old_are_told_by_their_balance():
    found = statement("2026-04-01,5.00,95.00", "2026-04-01,-20.00,90.00", "2026-04-01,10.00,110.00")

    assert (found.opening, found.closing) == (1_000_000, 950_000)


@pytest.mark.parametrize(
    "order",
    [
        ["2026-01-02,10.00,100.00", "2026-01-01,-10.00,90.00"],
        ["2026-01-01,-10.00,90.00", "2026-01-02,10.00,100.00"],
    ],
)
def test_a_charge_and_its_refund_run_either_way_and_the_dates_tell(order):
    found = statement(*order)

    assert (found.opening, found.closing, found.ties) == (1_000_000, 1_000_000, True)


@pytest.mark.parametrize("order", [LINES, list(reversed(LINES))])
def test_a_missing_line_shows_as_a_difference(order):
    found = statement(*(line for line in order if "-20.00" not in line))

    assert (found.opening, found.closing) == (1_000_000, 950_000)
    assert (found.ties, found.difference) == (False, -200_000)


@pytest.mark.parametrize(
    ("lines", "opening", "closing"),
    [
        (["2026-04-31,10.00,110.00", *LINES[1:]], None, 950_000),
        ([*LINES[:2], "2026-04-31,5.00,95.00"], 1_000_000, None),
        (["2026-04-31,5.00,95.00", *LINES[1::-1]], 1_000_000, None),
        ([*LINES[:0:-1], "2026-04-31,10.00,110.00"], None, 950_000),
        (["x,1.00,1.00", LINES[1], "x,1.00,1.00"], None, None),
    ],
)
def test_what_is_left_beside_a_rejected_row_is_not_said_to_tie(lines, opening, closing):
    found = statement(*lines)

    assert (found.opening, found.closing, found.ties) == (opening, closing, None)


def test_a_rejected_row_between_lines_shows_as_a_difference():
    found = statement(LINES[0], "2026-04-31,-20.00,90.00", LINES[2])

    assert (found.opening, found.closing) == (1_000_000, 950_000)
    assert (found.ties, found.difference) == (False, -200_000)


@pytest.mark.parametrize("cell", ["", "n/a"])
def test_a_balance_that_cannot_be_read_proves_nothing(cell):
    found = statement(LINES[0], f"2026-04-02,-20.00,{cell}")

    assert (found.opening, found.closing, found.ties) == (None, None, None)


def test_a_card_balance_is_turned_with_its_amounts():
    found = statement("2026-04-01,10.00,10.00", "2026-04-02,5.00,15.00", is_inverted=True)

    assert (found.opening, found.closing, found.ties) == (0, -150_000, True)


def test_each_account_and_currency_is_a_statement_of_its_own():
    reading = read_csv(
        "Date,Amount,Balance,Account IBAN,Currency\n"
        "2026-04-01,1.00,1.00,NL02,EUR\n"
        "2026-04-01,2.00,12.00,NL01,EUR\n"
        "2026-04-02,4.00,5.00,NL02,EUR\n"
        "2026-04-02,8.00,8.00,NL02,USD\n"
    )

    assert [
        (one.account, one.currency, one.opening, one.closing, one.line_count)
        for one in reading.statements
    ] == [
        ("NL02", "EUR", 0, 50_000, 2),
        ("NL01", "EUR", 100_000, 120_000, 1),
        ("NL02", "USD", 0, 80_000, 1),
    ]
    assert reading.lines["statement"].to_list() == [0, 1, 0, 2]


def test_totals_beyond_64_bits_are_exact():
    line = "2026-04-01,99999999999999.99,"

    assert statement(*[line] * 20).total == 20 * 999_999_999_999_999_900
