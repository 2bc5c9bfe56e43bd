"""The bank statement of a month, before it takes the form of a file."""

from __future__ import annotations

from dataclasses import dataclass

from .chart import BANK
from .company import Company
from .facts import Item, MatchType
from .workdays import MONTHS, Month


@dataclass(frozen=True)
class Statement:
    """Lines of one month between two balances; all amounts in cents, credits positive."""

    month: Month
    number: int
    opening_cents: int
    lines: list[Item]

    @property
    def closing_cents(self) -> int:
        return self.opening_cents + sum(line.cents for line in self.lines)


def statements(company: Company) -> list[Statement]:
    """One statement a month; each opens with the balance at which the one before closed."""
    found: list[Statement] = []
    balance = company.openings[BANK]
    for month in MONTHS:
        lines = company.book.items_in(month, MatchType.BANK_GL)
        found.append(Statement(month, month.number, balance, lines))
        balance = found[-1].closing_cents
    return found
