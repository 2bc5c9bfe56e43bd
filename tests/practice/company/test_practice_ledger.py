"""The ledger extract is a coherent double-entry ledger of nineteen accounts."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise

import pytest

from tests.practice.company.plain_reader import MONTHS, load, rows_of, truth

every_month = pytest.mark.parametrize("month", MONTHS)


def _chart() -> dict[str, dict]:
    return {account["code"]: account for account in load("chart_of_accounts.json")["accounts"]}


def _openings() -> dict[str, Decimal]:
    balances = load("opening_balances.json")["balances"]
    return {one["account_code"]: Decimal(one["balance"]) for one in balances}


def _entries(month: str) -> dict[str, list]:
    entries = defaultdict(list)
    for row in rows_of("gl_extract", month):
        entries[row.attributes["entry_id"]].append(row)
    return entries


def test_the_chart_has_nineteen_accounts_of_all_five_types():
    chart = _chart()
    assert len(chart) == len(load("chart_of_accounts.json")["accounts"]) == 19
    assert {account["type"] for account in chart.values()} == {
        "asset", "liability", "equity", "revenue", "expense",
    }  # fmt: skip
    debit = {code for code, account in chart.items() if account["normal_balance"] == "debit"}
    assert debit == {
        code
        for code, account in chart.items()
        if account["type"] in {"asset", "expense"} and "depreciation" not in account["name"].lower()
    } | {"5500"}


def test_opening_balances_cover_the_chart_and_sum_to_zero():
    openings = _openings()
    assert openings.keys() == _chart().keys()
    assert sum(openings.values()) == 0


@every_month
def test_every_balance_has_the_side_its_account_should_have(month):
    for code, balance in truth(month)["ledger"]["closing_balances"].items():
        is_debit = _chart()[code]["normal_balance"] == "debit"
        assert (Decimal(balance) > 0) == is_debit, code


@every_month
def test_a_month_has_a_thousand_entries_that_all_balance(month):
    entries = _entries(month)
    assert 1_000 <= len(entries) <= 1_400
    for entry_id, rows in entries.items():
        assert sum(row.amount for row in rows) == 0, entry_id
        assert len(rows) >= 2
        assert all(row.amount for row in rows)


@every_month
def test_the_lines_of_an_entry_share_its_header_and_count_from_one(month):
    for entry_id, rows in _entries(month).items():
        numbers = [row.attributes["line_no"] for row in rows]
        assert numbers == [str(n) for n in range(1, len(rows) + 1)]
        assert [row.external_id for row in rows] == [f"{entry_id}/{n}" for n in numbers]
        headers = {
            (row.booked_on, row.reference, row.counterparty, row.currency,
             row.attributes["source"], row.attributes["prepared_by"])
            for row in rows
        }  # fmt: skip
        assert len(headers) == 1


@every_month
def test_entries_are_numbered_without_gaps_in_order_of_date(month):
    entries = _entries(month)
    tag = month[2:4] + month[5:7]
    assert list(entries) == [f"JE-{tag}-{n:05d}" for n in range(1, len(entries) + 1)]
    dates = [rows[0].booked_on for rows in entries.values()]
    assert all(one <= two for one, two in pairwise(dates))
    assert {f"{day:%Y-%m}" for day in dates} == {month}


def test_opening_and_activity_give_closing_month_after_month():
    balances = _openings()
    for month in MONTHS:
        for row in rows_of("gl_extract", month):
            balances[row.account] += row.amount
        expected = truth(month)["ledger"]["closing_balances"]
        assert {code: str(balance) for code, balance in balances.items()} == expected
        assert sum(balances.values()) == 0


@every_month
def test_the_truth_counts_entries_lines_and_totals(month):
    rows = rows_of("gl_extract", month)
    ledger = truth(month)["ledger"]
    assert ledger["entry_count"] == len(_entries(month))
    assert ledger["line_count"] == len(rows)
    assert ledger["debit_total"] == str(sum(row.amount for row in rows if row.amount > 0))
    assert ledger["credit_total"] == str(-sum(row.amount for row in rows if row.amount < 0))


@every_month
def test_every_preparer_is_a_demo_user_who_may_prepare(month):
    allowed = {
        user["username"]
        for user in load("users.json")["users"]
        if user["role"] in {"preparer", "integration"}
    }
    preparers = {row.attributes["prepared_by"] for row in rows_of("gl_extract", month)}
    assert preparers == allowed


@every_month
def test_revenue_lines_carry_hours_and_rate_that_give_the_amount(month):
    revenue = [row for row in rows_of("gl_extract", month) if row.account == "4000"]
    assert len(revenue) > 300
    for row in revenue:
        hours, rate = (Decimal(row.attributes[name]) for name in ("quantity", "rate"))
        assert hours * rate == -row.amount


@every_month
def test_accounts_and_currency_are_known(month):
    rows = rows_of("gl_extract", month) + rows_of("erp_extract", month)
    assert {row.account for row in rows} <= _chart().keys()
    assert {row.currency for row in rows} == {"EUR"}
