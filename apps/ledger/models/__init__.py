"""What the ledger keeps: the books, and what people say of them."""

from apps.ledger.models.books import (
    MONTHS,
    Account,
    Currency,
    FiscalCalendar,
    JournalEntry,
    JournalLine,
    Period,
)

__all__ = [
    "MONTHS",
    "Account",
    "Currency",
    "FiscalCalendar",
    "JournalEntry",
    "JournalLine",
    "Period",
]
