"""Suppliers' bills, the payment runs of Tuesday and Friday, and fuel cards debited directly."""

from __future__ import annotations

from datetime import date, timedelta

from .chart import BANK, PAYABLES, VAT, VEHICLES
from .dice import Dice
from .facts import Book, Entry, Kind, Line
from .mirrors import mirror_at_bank, mirror_in_erp
from .money import VAT_BASIS_POINTS, share_of, without_vat
from .parties import FUEL_CARDS, SUPPLIERS, Supplier
from .people import FEED, PREPARERS
from .workdays import Month, is_workday

_RUN_WEEKDAYS = (1, 4)  # Tuesday and Friday
_FUEL_DEBITS = 54


def record_purchases(book: Book, month: Month, dice: Dice) -> None:
    """Record a month of bills with their later payments, and the month's fuel."""
    bills = [(dice.pick(month.workdays), s) for s in SUPPLIERS for _ in range(s.monthly_bills)]
    for day, supplier in sorted(bills, key=lambda bill: bill[0]):
        bill = _record_bill(book, day, supplier, dice)
        _record_payment(book, _run_from(day + timedelta(days=dice.between(12, 28))), bill, dice)
    for day in sorted(dice.pick(month.workdays) for _ in range(_FUEL_DEBITS)):
        _record_fuel(book, day, dice)


def _run_from(day: date) -> date:
    """The first payment run on or after the day."""
    while day.weekday() not in _RUN_WEEKDAYS or not is_workday(day):
        day += timedelta(days=1)
    return day


def _record_bill(book: Book, day: date, supplier: Supplier, dice: Dice) -> Entry:
    net = dice.between(supplier.first_cents, supplier.last_cents)
    vat = share_of(net, VAT_BASIS_POINTS)
    entry = book.post(
        Entry(
            day,
            book.reference("BIL", day),
            supplier.name,
            supplier.description,
            "purchasing",
            dice.pick(PREPARERS),
            [Line(supplier.account, net), Line(VAT, vat), Line(PAYABLES, -net - vat)],
        )
    )
    mirror_in_erp(book, entry, Kind.BILL, PAYABLES)
    return entry


def _record_payment(book: Book, day: date, bill: Entry, dice: Dice) -> None:
    cents = -bill.line_on(PAYABLES).cents
    entry = book.post(
        Entry(
            day,
            book.reference("PAY", day),
            bill.counterparty,
            f"Payment of {bill.reference}",
            "payments",
            dice.pick(PREPARERS),
            [Line(PAYABLES, cents), Line(BANK, -cents)],
        )
    )
    mirror_in_erp(book, entry, Kind.PAYMENT, PAYABLES)
    mirror_at_bank(book, entry, Kind.PAYMENT)


def _record_fuel(book: Book, day: date, dice: Dice) -> None:
    gross = dice.between(4_200, 13_800)
    net = without_vat(gross)
    entry = book.post(
        Entry(
            day,
            book.reference("DDB", day),
            dice.pick(FUEL_CARDS),
            "Fuel",
            "bank_feed",
            FEED,
            [Line(VEHICLES, net), Line(VAT, gross - net), Line(BANK, -gross)],
        )
    )
    mirror_at_bank(book, entry, Kind.FUEL)
