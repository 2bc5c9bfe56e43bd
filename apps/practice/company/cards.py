"""Online sales by card: cleared net of the gateway's fee, paid out on the next working day."""

from __future__ import annotations

from datetime import date

from .chart import BANK, CLEARING, FEES, ONLINE_REVENUE, VAT
from .dice import Dice
from .facts import Book, CardRow, Entry, Kind, Line, MatchType
from .mirrors import mirror_at_bank
from .money import card_fee, without_vat
from .parties import GATEWAY
from .people import FEED
from .workdays import Month, workday_after

_PRICES_CENTS = (3_900, 4_950, 5_900, 7_450, 8_900, 9_950, 12_900, 14_950, 18_900, 23_900)


def record_card_sales(book: Book, month: Month, dice: Dice) -> None:
    """Record a month of card transactions, weekends included."""
    days = sorted(dice.pick(month.days) for _ in range(dice.between(132, 142)))
    for day in days:
        # A surcharge for distance keeps equal prices from giving equal amounts every time.
        _record_card_sale(book, day, dice.pick(_PRICES_CENTS) + dice.between(0, 1_999), dice)


def _record_card_sale(book: Book, day: date, gross: int, dice: Dice) -> None:
    reference = book.reference("GTX", day)
    entry = book.post(card_sale(day, reference, gross))
    clearing = entry.line_on(CLEARING)
    clock = f"{dice.between(8, 21):02d}:{dice.below(60):02d}:{dice.below(60):02d}"
    row = CardRow(
        MatchType.GATEWAY_GL,
        Kind.CARD,
        day,
        clearing.cents,
        reference,
        GATEWAY,
        "Online booking",
        account=CLEARING,
        external_id=reference,
        row_type="charge",
        gross_cents=gross,
        fee_cents=card_fee(gross),
        captured_time=clock,
        payout_on=workday_after(day),
    )
    book.mirror(row, entry, clearing)


def card_sale(day: date, reference: str, gross: int) -> Entry:
    """The entry of one card sale: net of fee to clearing, fee to costs."""
    fee, revenue = card_fee(gross), without_vat(gross)
    lines = [
        Line(CLEARING, gross - fee),
        Line(FEES, fee),
        Line(ONLINE_REVENUE, -revenue),
        Line(VAT, revenue - gross),
    ]
    return Entry(day, reference, GATEWAY, "Online booking", "gateway", FEED, lines)


def record_payouts(book: Book) -> None:
    """Pay out what the recorded transactions brought in: one transfer a working day."""
    due: dict[date, list[CardRow]] = {}
    for item in book.items:
        if isinstance(item, CardRow):
            due.setdefault(item.payout_on, []).append(item)
    for day in sorted(due):
        _record_payout(book, day, due[day])


def _record_payout(book: Book, day: date, rows: list[CardRow]) -> None:
    reference = book.reference("PYO", day)
    for row in rows:
        row.payout_reference = reference
    cents = sum(row.cents for row in rows)
    lines = [Line(BANK, cents), Line(CLEARING, -cents)]
    entry = book.post(Entry(day, reference, GATEWAY, "Card payout", "gateway", FEED, lines))
    payout = CardRow(
        MatchType.GATEWAY_GL,
        Kind.PAYOUT,
        day,
        -cents,
        reference,
        GATEWAY,
        "Card payout",
        account=CLEARING,
        external_id=reference,
        row_type="payout",
        gross_cents=-cents,
        captured_time="06:00:00",
        payout_reference=reference,
        payout_on=day,
    )
    book.mirror(payout, entry, entry.line_on(CLEARING))
    mirror_at_bank(book, entry, Kind.PAYOUT)
