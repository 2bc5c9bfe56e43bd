"""Field jobs: performed, invoiced by the hour on the same day, paid by bank transfer."""

from __future__ import annotations

from datetime import date, timedelta

from .chart import BANK, FIELD_REVENUE, RECEIVABLES, VAT
from .dice import Dice
from .facts import Book, Entry, Job, Kind, Line, MatchType
from .mirrors import mirror_at_bank, mirror_in_erp
from .money import VAT_BASIS_POINTS, share_of
from .parties import CUSTOMERS, SERVICES, Customer
from .people import FEED
from .workdays import Month, workday_from


def record_sales(book: Book, month: Month, dice: Dice) -> None:
    """Record a month of jobs with their invoices, and the receipts that follow, perhaps later."""
    days = sorted(dice.pick(month.workdays) for _ in range(dice.between(328, 344)))
    for day in days:
        customer = dice.pick(CUSTOMERS)
        entry = _record_invoice(book, day, customer, dice)
        if dice.is_hit(95):
            paid_on = workday_from(day + timedelta(days=dice.between(14, 40)))
            _record_receipt(book, paid_on, customer, entry)


def _record_invoice(book: Book, day: date, customer: Customer, dice: Dice) -> Entry:
    """Post the invoice and show it in the ERP and in the client's job system."""
    service = dice.pick(SERVICES)
    site = dice.pick(customer.sites)
    # Quarters of an hour at rates that are multiples of 0.40: hours x rate is whole cents.
    hours = 25 * (dice.between(2, 8) if dice.is_hit(15) else dice.between(10, 50))
    rate = service.rate_cents + customer.uplift_cents
    net = hours * rate // 100
    vat = 0 if customer.is_vat_reversed else share_of(net, VAT_BASIS_POINTS)
    revenue = Line(FIELD_REVENUE, -net, hours, rate)
    lines = [Line(RECEIVABLES, net + vat), revenue]
    if vat:
        lines.append(Line(VAT, -vat))
    reference = book.reference("INV", day)
    description = f"{service.name}, {site}"
    entry = book.post(Entry(day, reference, customer.name, description, "sales", FEED, lines))
    mirror_in_erp(book, entry, Kind.INVOICE, RECEIVABLES)
    job = Job(
        MatchType.JOBS_REVENUE,
        Kind.INVOICE,
        day,
        net,
        reference,
        customer.name,
        description,
        account=FIELD_REVENUE,
        site=site,
        service_type=service.name,
        quantity_hundredths=hours,
        rate_cents=rate,
    )
    book.mirror(job, entry, revenue)
    return entry


def _record_receipt(book: Book, day: date, customer: Customer, invoice: Entry) -> None:
    """Post the transfer that settles an invoice and show it in the ERP and at the bank."""
    cents = invoice.line_on(RECEIVABLES).cents
    entry = book.post(
        Entry(
            day,
            book.reference("RCP", day),
            customer.name,
            f"Receipt for {invoice.reference}",
            "receipts",
            FEED,
            [Line(BANK, cents), Line(RECEIVABLES, -cents)],
        )
    )
    mirror_in_erp(book, entry, Kind.RECEIPT, RECEIVABLES)
    mirror_at_bank(book, entry, Kind.RECEIPT)
