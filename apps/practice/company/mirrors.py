"""The row in which the ERP or the bank shows a line of the ledger."""

from __future__ import annotations

from .chart import BANK
from .facts import Book, Entry, Item, Kind, MatchType


def mirror_in_erp(book: Book, entry: Entry, kind: Kind, account: str) -> None:
    """Show the entry's line on a sub-ledger account as a document of the ERP."""
    _mirror(book, entry, MatchType.GL_ERP, kind, account)


def mirror_at_bank(book: Book, entry: Entry, kind: Kind) -> None:
    """Show the entry's bank line on the bank statement."""
    _mirror(book, entry, MatchType.BANK_GL, kind, BANK)


def _mirror(book: Book, entry: Entry, match_type: MatchType, kind: Kind, account: str) -> None:
    line = entry.line_on(account)
    item = Item(
        match_type,
        kind,
        entry.posted_on,
        line.cents,
        entry.reference,
        entry.counterparty,
        entry.description,
        account=account,
    )
    book.mirror(item, entry, line)
