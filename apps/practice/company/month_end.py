"""What repeats every month besides trade: bank charges, VAT, reclassifications, accruals, wear."""

from __future__ import annotations

from datetime import date, timedelta

from .chart import (
    ACCRUALS,
    ACCUMULATED_DEPRECIATION,
    BANK,
    FEES,
    OTHER,
    PREPAID,
    SUBCONTRACTORS,
    VAT,
    VEHICLES,
    WAGES,
)
from .dice import Dice
from .facts import Book, Entry, Kind, Line
from .mirrors import mirror_at_bank
from .parties import BANK_NAME, TAX_OFFICE
from .people import FEED, PREPARERS
from .workdays import WARM_UP, Month, workday_from, workday_until

_ACCRUED = (
    (WAGES, "Holiday allowance", 480_000, 520_000),
    (SUBCONTRACTORS, "Work received, not billed", 90_000, 170_000),
    (VEHICLES, "Van damage, not billed", 30_000, 60_000),
    (OTHER, "Energy", 60_000, 95_000),
    (OTHER, "Audit fee", 70_000, 70_000),
    (OTHER, "Insurance claim costs", 15_000, 45_000),
)
_DEPRECIATED = (("Vans", 212_500), ("Machines", 148_000), ("Office and IT", 36_250))
_PREPAID_MONTHLY_CENTS = 158_000
_BANK_CHARGES = (("Account package", 2_450), ("Direct debit batches", 1_180), ("Transfers", 1_640))
_RECLASSIFIED = (VEHICLES, SUBCONTRACTORS, OTHER)


def record_month_end(book: Book, month: Month, dice: Dice) -> None:
    """Record the month's recurring entries. All trade of the month before must be recorded."""
    last_on = workday_until(month.last_on)
    _record_reclassifications(book, month, dice)
    _record_bank_charges(book, last_on)
    _record_vat(book, month, dice)
    _record_accruals(book, month, last_on, dice)
    for asset, cents in _DEPRECIATED:
        lines = [Line(OTHER, cents), Line(ACCUMULATED_DEPRECIATION, -cents)]
        _post_closing(book, last_on, "DEP", f"Depreciation {asset.lower()}", lines, dice)
    lines = [Line(OTHER, _PREPAID_MONTHLY_CENTS), Line(PREPAID, -_PREPAID_MONTHLY_CENTS)]
    _post_closing(book, last_on, "PPD", "Insurance of the month", lines, dice)


def _post_closing(  # noqa: PLR0917  (all six differ from call to call)
    book: Book, day: date, prefix: str, description: str, lines: list[Line], dice: Dice
) -> None:
    reference = book.reference(prefix, day)
    book.post(Entry(day, reference, "", description, "close", dice.pick(PREPARERS), lines))


def _record_accruals(book: Book, month: Month, last_on: date, dice: Dice) -> None:
    """Accrue at month end and take it back on the first working day after."""
    reversed_on = workday_from(month.next.first_on)
    for account, text, first, last in _ACCRUED:
        cents = dice.between(first, last)
        lines = [Line(account, cents), Line(ACCRUALS, -cents)]
        _post_closing(book, last_on, "ACR", f"Accrual {text.lower()}", lines, dice)
        lines = [Line(ACCRUALS, cents), Line(account, -cents)]
        _post_closing(book, reversed_on, "ACV", f"Reversal {text.lower()}", lines, dice)


def _record_bank_charges(book: Book, last_on: date) -> None:
    for text, cents in _BANK_CHARGES:
        reference = book.reference("BNK", last_on)
        lines = [Line(FEES, cents), Line(BANK, -cents)]
        entry = Entry(last_on, reference, BANK_NAME, text, "bank_feed", FEED, lines)
        mirror_at_bank(book, book.post(entry), Kind.CHARGE)


def _record_vat(book: Book, month: Month, dice: Dice) -> None:
    """Pay the VAT owed at the end of the month before."""
    until = month.first_on - timedelta(days=1)
    owed = -book.balance(VAT, since=WARM_UP[0].first_on, until=until)
    if owed <= 0:
        return
    day = workday_from(date(month.year, month.number, 20))
    lines = [Line(VAT, owed), Line(BANK, -owed)]
    entry = Entry(
        day,
        book.reference("VAT", day),
        TAX_OFFICE,
        "VAT of the month before",
        "payments",
        dice.pick(PREPARERS),
        lines,
    )
    mirror_at_bank(book, book.post(entry), Kind.TAX)


def _record_reclassifications(book: Book, month: Month, dice: Dice) -> None:
    """A few small corrections by hand, moving a cost from one account to another."""
    for day in sorted(dice.pick(month.workdays) for _ in range(7)):
        source, target = dice.draw(_RECLASSIFIED, 2)
        cents = dice.between(4_100, 58_000)
        lines = [Line(target, cents), Line(source, -cents)]
        entry = Entry(
            day,
            book.reference("MAN", day),
            "",
            "Cost booked to another account",
            "manual",
            dice.pick(PREPARERS),
            lines,
        )
        book.post(entry)
