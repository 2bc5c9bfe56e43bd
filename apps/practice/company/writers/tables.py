"""The CSV files: ledger extract, ERP document register, gateway export."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO

from ..entity import CURRENCY
from ..facts import Book, CardRow, Entry, Item, Kind, MatchType
from ..money import european, plain
from ..sources import ERP_COLUMNS, GATEWAY_COLUMNS, GL_COLUMNS
from ..workdays import Month, zone_offset
from .amounts import hours, rate

_DOCUMENT_TYPES = {
    Kind.INVOICE: "CI",
    Kind.RECEIPT: "CR",
    Kind.BILL: "SI",
    Kind.PAYMENT: "SP",
    Kind.PAYSLIP: "PS",
    Kind.PAYROLL: "PP",
}


def ledger_extract(book: Book, month: Month) -> bytes:
    """gl_extract.csv: one row per journal line, the amount under debit or credit."""
    rows = [row for entry in book.entries_in(month) for row in _ledger_rows(entry)]
    return _table(GL_COLUMNS, rows, ",")


def _ledger_rows(entry: Entry) -> Iterable[tuple[str, ...]]:
    for number, line in enumerate(entry.lines, start=1):
        yield (
            entry.line_id(line),
            entry.entry_id,
            str(number),
            entry.posted_on.isoformat(),
            line.account,
            plain(line.cents) if line.cents > 0 else "",
            plain(-line.cents) if line.cents < 0 else "",
            CURRENCY,
            entry.reference,
            entry.counterparty,
            entry.description,
            entry.source,
            entry.prepared_by,
            hours(line.quantity_hundredths) if line.quantity_hundredths else "",
            rate(line.rate_cents) if line.rate_cents else "",
        )


def erp_extract(book: Book, month: Month) -> bytes:
    """erp_extract.csv: semicolons, decimal commas, day first; debit positive."""
    rows = [_erp_row(item) for item in book.items_in(month, MatchType.GL_ERP)]
    return _table(ERP_COLUMNS, rows, ";")


def _erp_row(item: Item) -> tuple[str, ...]:
    return (
        item.external_id,
        _DOCUMENT_TYPES[item.kind],
        item.booked_on.strftime("%d-%m-%Y"),
        item.account,
        european(item.cents),
        CURRENCY,
        item.reference,
        item.counterparty,
        item.text,
    )


def gateway_payouts(book: Book, month: Month) -> bytes:
    """gateway_payouts.csv: card transactions, and the payouts as negative rows without fee."""
    items = book.items_in(month, MatchType.GATEWAY_GL)
    rows = [_gateway_row(item) for item in items if isinstance(item, CardRow)]
    return _table(GATEWAY_COLUMNS, rows, ",")


def _gateway_row(row: CardRow) -> tuple[str, ...]:
    return (
        row.external_id,
        row.row_type,
        row.payout_reference,
        plain(row.gross_cents),
        plain(row.fee_cents),
        plain(row.cents),
        CURRENCY,
        f"{row.booked_on.isoformat()}T{row.captured_time}{zone_offset(row.booked_on)}",
        row.payout_on.isoformat(),
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str) -> bytes:
    out = StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
