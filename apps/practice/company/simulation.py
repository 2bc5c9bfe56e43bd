"""The undisturbed company: five months lived through, the balances when the books open."""

from __future__ import annotations

from .cards import record_card_sales, record_payouts
from .chart import (
    ACCUMULATED_DEPRECIATION,
    BANK,
    CHART,
    EQUIPMENT,
    EQUITY,
    PREPAID,
    RESULT_ACCOUNTS,
)
from .dice import Dice
from .facts import Book
from .month_end import record_month_end
from .payroll import record_payroll
from .purchases import record_purchases
from .sales import record_sales
from .workdays import FISCAL_YEAR_FROM, MONTHS, OPENING_ON, WARM_UP

_FOUNDED_WITH = {
    BANK: 24_000_000,
    PREPAID: 2_370_000,
    EQUIPMENT: 21_460_000,
    ACCUMULATED_DEPRECIATION: -7_140_000,
}
"""Balances on the day before the warm-up, in cents; equity is the rest."""


def live_through(seed: int) -> Book:
    """Record every month from the warm-up on; in the other systems nothing differs yet."""
    book = Book()
    for month in (*WARM_UP, *MONTHS):
        record_sales(book, month, Dice(seed, "sales", month.label))
        record_purchases(book, month, Dice(seed, "purchases", month.label))
        record_payroll(book, month, Dice(seed, "payroll", month.label))
        record_card_sales(book, month, Dice(seed, "cards", month.label))
        record_month_end(book, month, Dice(seed, "month end", month.label))
    record_payouts(book)
    return book


def opening_balances(book: Book) -> dict[str, int]:
    """Balance of each account on the opening day in cents, debit positive; they sum to zero.

    Accounts of the result hold the current fiscal year alone; earlier results are in equity.
    """
    balances = {}
    for account in CHART:
        is_result = account.code in RESULT_ACCOUNTS
        since = FISCAL_YEAR_FROM if is_result else WARM_UP[0].first_on
        movement = book.balance(account.code, since=since, until=OPENING_ON)
        balances[account.code] = _FOUNDED_WITH.get(account.code, 0) + movement
    balances[EQUITY] -= sum(balances.values())
    return balances
