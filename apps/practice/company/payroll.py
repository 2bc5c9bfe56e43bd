"""Payslips and net wages around the 25th, wage tax in the month after."""

from __future__ import annotations

from datetime import date

from .chart import BANK, PAYROLL, WAGES
from .dice import Dice
from .facts import Book, Entry, Kind, Line
from .mirrors import mirror_at_bank, mirror_in_erp
from .money import share_of
from .parties import STAFF, TAX_OFFICE
from .people import PREPARERS
from .workdays import Month, workday_from, workday_until

_NET_BASIS_POINTS = 6_800


def record_payroll(book: Book, month: Month, dice: Dice) -> None:
    """Record a month's payslips, the net wages of the same day and the tax of the next month."""
    day = workday_until(date(month.year, month.number, 25))
    gross = [_record_payslip(book, day, name, dice) for name in STAFF]
    net = share_of(sum(gross), _NET_BASIS_POINTS)
    taxed_on = workday_from(date(month.next.year, month.next.number, 15))
    preparer = dice.pick(PREPARERS)
    _record_transfer(book, day, net, payee="Staff", preparer=preparer)
    _record_transfer(book, taxed_on, sum(gross) - net, payee=TAX_OFFICE, preparer=preparer)


def _record_payslip(book: Book, day: date, name: str, dice: Dice) -> int:
    """Post one payslip; gives the gross pay in cents."""
    cents = dice.between(268_000, 412_000)
    entry = book.post(
        Entry(
            day,
            book.reference("PRL", day),
            name,
            "Payslip",
            "payroll",
            dice.pick(PREPARERS),
            [Line(WAGES, cents), Line(PAYROLL, -cents)],
        )
    )
    mirror_in_erp(book, entry, Kind.PAYSLIP, PAYROLL)
    return cents


def _record_transfer(book: Book, day: date, cents: int, *, payee: str, preparer: str) -> None:
    entry = book.post(
        Entry(
            day,
            book.reference("WTR", day),
            payee,
            f"Wages, {payee.lower()}",
            "payments",
            preparer,
            [Line(PAYROLL, cents), Line(BANK, -cents)],
        )
    )
    mirror_in_erp(book, entry, Kind.PAYROLL, PAYROLL)
    mirror_at_bank(book, entry, Kind.PAYROLL)
