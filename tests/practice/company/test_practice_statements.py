"""The bank statements tie and follow on each other; the gateway pays out what it captured."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

import pytest

from tests.practice.company.plain_reader import (
    FIXTURES,
    MONTHS,
    camt_statement,
    load,
    mt940_statement,
    rows_of,
    truth,
)

every_month = pytest.mark.parametrize("month", MONTHS)


def _camt(month: str):
    return camt_statement(FIXTURES / month / "bank_statement.camt053.xml")


def _mt940(month: str):
    return mt940_statement(FIXTURES / month / "bank_statement.mt940")


@every_month
@pytest.mark.parametrize("read", [_camt, _mt940])
def test_opening_and_lines_give_closing(month, read):
    statement = read(month)
    assert statement.opening + sum(row.amount for row in statement.rows) == statement.closing
    assert truth(month)["bank_statement"] == {
        "line_count": len(statement.rows),
        "opening_balance": str(statement.opening),
        "closing_balance": str(statement.closing),
    }


@every_month
def test_both_forms_of_the_statement_have_the_same_lines(month):
    assert _camt(month) == _mt940(month)


def test_each_statement_opens_where_the_one_before_closed():
    statements = [_camt(month) for month in MONTHS]
    for one, two in pairwise(statements):
        assert one.closing == two.opening
    openings = {
        one["account_code"]: one["balance"] for one in load("opening_balances.json")["balances"]
    }
    assert str(statements[0].opening) == openings["1000"]


@every_month
def test_mt940_keeps_to_the_format_s_line_lengths_and_characters(month):
    raw = (FIXTURES / month / "bank_statement.mt940").read_bytes()
    lines = raw.decode("ascii").split("\r\n")
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert max(map(len, lines)) <= 65
    assert [line for line in lines if line.startswith("-")] == ["-"]


@every_month
def test_statement_lines_are_booked_on_working_days_of_the_month(month):
    for row in _camt(month).rows:
        assert f"{row.booked_on:%Y-%m}" == month
        assert row.booked_on.weekday() < 5


@every_month
def test_the_gateway_keeps_its_fee_of_every_transaction(month):
    for row in rows_of("gateway_payouts", month):
        gross, fee = Decimal(row.attributes["gross"]), Decimal(row.attributes["fee"])
        assert row.amount == gross - fee
        if row.attributes["type"] == "payout":
            assert fee == 0
            assert gross < 0
        else:
            due = gross * Decimal("0.014") + Decimal("0.25")
            assert fee == due.quantize(Decimal("0.01"), ROUND_HALF_UP)


def test_every_payout_is_the_sum_of_its_transactions_and_reaches_the_bank():
    captured: dict[str, Decimal] = defaultdict(Decimal)
    payouts: dict[str, Decimal] = {}
    for month in MONTHS:
        for row in rows_of("gateway_payouts", month):
            if row.attributes["type"] == "payout":
                payouts[row.reference] = -row.amount
            else:
                captured[row.attributes["payout_id"]] += row.amount
    at_bank = {row.reference: row.amount for month in MONTHS for row in _camt(month).rows}
    first = min(payouts)
    openings = {
        one["account_code"]: one["balance"] for one in load("opening_balances.json")["balances"]
    }
    assert str(payouts[first]) == openings["1050"]
    for reference, amount in payouts.items():
        assert at_bank[reference] == amount
        if reference != first:
            assert captured[reference] == amount
