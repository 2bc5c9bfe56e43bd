"""What happens in the company: journal entries, and the same events in other systems' words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from .workdays import Month, month_of


class MatchType(StrEnum):
    """The four reconciliations."""

    GL_ERP = "gl_erp"
    BANK_GL = "bank_gl"
    GATEWAY_GL = "gateway_gl"
    JOBS_REVENUE = "jobs_revenue"


class Kind(StrEnum):
    """The business event behind a pair of lines."""

    INVOICE = "invoice"
    RECEIPT = "receipt"
    BILL = "bill"
    PAYMENT = "payment"
    PAYSLIP = "payslip"
    PAYROLL = "payroll"
    FUEL = "fuel"
    TAX = "tax"
    CHARGE = "charge"
    CARD = "card"
    PAYOUT = "payout"


@dataclass(eq=False)
class Line:
    """A line of a journal entry.

    Args:
        account: account code.
        cents: amount, debit positive.
        quantity_hundredths: hours worked, in hundredths; zero where the line has none.
        rate_cents: price of an hour; zero where the line has none.
    """

    account: str
    cents: int
    quantity_hundredths: int = 0
    rate_cents: int = 0


@dataclass(eq=False)
class Entry:
    """A journal entry; its id is given once all entries of the month are known."""

    posted_on: date
    reference: str
    counterparty: str
    description: str
    source: str
    prepared_by: str
    lines: list[Line]
    entry_id: str = ""

    def line_on(self, account: str) -> Line:
        """The entry's only line on the account.

        Raises:
            ValueError: it has none, or several.
        """
        (line,) = (line for line in self.lines if line.account == account)
        return line

    def line_id(self, line: Line) -> str:
        """The line's id in the extract: entry id, slash, line number from 1."""
        number = next(n for n, own in enumerate(self.lines, start=1) if own is line)
        return f"{self.entry_id}/{number}"


@dataclass(eq=False)
class Item:
    """A row of a system other than the ledger; the amount has the sign that system gives it."""

    match_type: MatchType
    kind: Kind
    booked_on: date
    cents: int
    reference: str
    counterparty: str
    text: str
    account: str = ""
    external_id: str = ""


@dataclass(eq=False)
class Job(Item):
    """A job in the client's job system."""

    site: str = ""
    service_type: str = ""
    quantity_hundredths: int = 0
    rate_cents: int = 0


@dataclass(eq=False)
class CardRow(Item):
    """A row of the gateway's export: a card transaction, or a payout (negative, without fee)."""

    row_type: str = ""
    gross_cents: int = 0
    fee_cents: int = 0
    captured_time: str = ""
    payout_reference: str = ""
    payout_on: date = date.min


@dataclass(eq=False)
class Pair:
    """One event seen twice: a row elsewhere and a line of the ledger."""

    item: Item
    entry: Entry
    line: Line


@dataclass
class Book:
    """Everything that happened, in the order in which it was recorded."""

    entries: list[Entry] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    _numbers: Counter[str] = field(default_factory=Counter)

    def reference(self, prefix: str, day: date) -> str:
        """The next free reference of a series: ``INV-2302-0001``; unique over all months."""
        series = f"{prefix}-{month_of(day).tag}"
        self._numbers[series] += 1
        return f"{series}-{self._numbers[series]:04d}"

    def post(self, entry: Entry) -> Entry:
        """Record a journal entry.

        Raises:
            ValueError: debits differ from credits.
        """
        if sum(line.cents for line in entry.lines):
            raise ValueError(f"entry {entry.reference} does not balance")
        self.entries.append(entry)
        return entry

    def mirror(self, item: Item, entry: Entry, line: Line) -> None:
        """Record the row in which another system shows a line of the ledger."""
        self.items.append(item)
        self.pairs.append(Pair(item, entry, line))

    def pairs_of(self, entry: Entry) -> list[Pair]:
        """The pairs that the entry's lines belong to."""
        return [pair for pair in self.pairs if pair.entry is entry]

    def entries_in(self, month: Month) -> list[Entry]:
        """The month's journal entries by date, and within a day as recorded."""
        found = [entry for entry in self.entries if month_of(entry.posted_on) == month]
        return sorted(found, key=lambda entry: entry.posted_on)

    def items_in(self, month: Month, match_type: MatchType) -> list[Item]:
        """The month's rows of the other system of a reconciliation, by date."""
        found = [
            item
            for item in self.items
            if item.match_type == match_type and month_of(item.booked_on) == month
        ]
        return sorted(found, key=lambda item: item.booked_on)

    def balance(self, account: str, *, since: date, until: date) -> int:
        """Debits less credits on an account between two days, both included."""
        return sum(
            line.cents
            for entry in self.entries
            if since <= entry.posted_on <= until
            for line in entry.lines
            if line.account == account
        )
