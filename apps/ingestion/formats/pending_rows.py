"""Tables in which a column says of each row whether the bank has booked it.

What is not booked comes again once it is, often with another date or amount: taken for booked it
would stand twice in the books.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

import polars as pl

from apps.ingestion.formats.contract import Statement
from apps.ingestion.formats.headers import normalised
from apps.ingestion.formats.mapping import FieldMapping

_COLUMNS: Final = (
    *("status", "state", "booking status", "transaction status", "transaction state"),
    *("buchungsstatus", "umsatzstatus", "statut", "etat"),
)
_BOOKED: Final = (
    *("booked", "completed", "posted", "cleared", "settled", "gebucht", "comptabilise"),
    "comptabilisé",
)
_OF_BANKS: Final = (
    *("vorgemerkt", "vormerkung", "unbooked", "not booked", "nicht gebucht"),
    *("non comptabilise", "non comptabilisé"),
)
_PENDING: Final = (*_OF_BANKS, "pending", "authorised", "authorized", "en attente")


def pending_column(cells: pl.DataFrame, mapping: FieldMapping) -> str | None:
    """The column that tells booked rows from those that are not; None if there is none.

    Only where the columns were recognised by their names: who maps them has looked. Every cell but
    blank ones has to say either, and some both, unless it is a word that banks alone use: all the
    invoices of a list may be pending.
    """
    if not mapping.is_recognised:
        return None
    taken = mapping.named_columns
    names = [one for one in cells.columns if normalised(one) in _COLUMNS and one not in taken]
    return next((name for name in names if _tells(cells[name])), None)


def are_pending(cells: pl.Series) -> pl.Series:
    """By row, whether the cell says that it is not booked."""
    return _words(cells).is_in(_PENDING)


def with_pending(statements: tuple[Statement, ...], pending: pl.DataFrame) -> tuple[Statement, ...]:
    """The statements with how many rows of their accounts are not booked."""
    counts = Counter(pending.select("account", "currency").iter_rows())
    return tuple(_with_count(one, counts[one.account, one.currency]) for one in statements)


def _with_count(statement: Statement, count: int) -> Statement:
    if not count:
        return statement
    note = f"Not booked and left out: {count} entries."
    return replace(statement, pending_count=count, notes=(*statement.notes, note))


def _tells(cells: pl.Series) -> bool:
    words = _words(cells).unique()
    words = words.filter(words != "")
    is_known = words.is_in([*_BOOKED, *_PENDING]).all()
    if not is_known or not words.is_in(_PENDING).any():
        return False
    return bool(words.is_in(_BOOKED).any() or words.is_in(_OF_BANKS).any())


def _words(cells: pl.Series) -> pl.Series:
    return cells.str.strip_chars().str.to_lowercase()
