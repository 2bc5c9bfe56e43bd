"""The operations that make two sides disagree. Each gives the break that it has planted.

An operation on the row of the other system leaves the ledger alone. An operation on the ledger
keeps every entry balanced and is used only where one reconciliation looks at the entry.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from .bench import Bench, Planted
from .cards import card_sale
from .chart import CLEARING, FEES, ONLINE_REVENUE, PAYABLES, RECEIVABLES
from .facts import Item, Job, Kind, Line, MatchType, Pair
from .money import BANK_FEE_CENTS, VAT_BASIS_POINTS, card_fee, share_of
from .parties import BANK_NAME, CUSTOMERS, SERVICES, SUPPLIERS
from .workdays import workday_after, workday_from


def _unpair(bench: Bench, pair: Pair) -> Planted:
    """The two sides stay, but no longer agree."""
    bench.book.pairs.remove(pair)
    return Planted([pair.item], [(pair.entry, pair.line)])


def change_item_amount(bench: Bench, pair: Pair) -> Planted:
    """The other system has another amount, for no reason that can be computed."""
    is_job = isinstance(pair.item, Job)
    first, last = (210, 890) if is_job else (1_050, 8_990)
    pair.item.cents += bench.delta(first, last, lambda size: size == BANK_FEE_CENTS)
    return _unpair(bench, pair)


def change_card_amount(bench: Bench, pair: Pair) -> Planted:
    """The ledger has another amount of a card sale than the gateway."""
    largest_fee = card_fee(abs(pair.line.cents) * 2)
    delta = bench.delta(510, 1_990, lambda size: size <= largest_fee)
    pair.line.cents += delta
    pair.entry.line_on(ONLINE_REVENUE).cents -= delta
    return _unpair(bench, pair)


def delay_item_far(bench: Bench, pair: Pair) -> Planted:
    """The other system books the same amount well outside the date window, in the same month."""
    pair.item.booked_on = workday_from(
        pair.item.booked_on + timedelta(days=bench.dice.between(9, 11))
    )
    return _unpair(bench, pair)


def delay_item(bench: Bench, pair: Pair) -> Planted:
    """The other system books it in the next month: awaited there, still a pair."""
    pair.item.booked_on = bench.day_in_next_month()
    return Planted([], [(pair.entry, pair.line)])


def delay_entry(bench: Bench, pair: Pair) -> Planted:
    """The ledger books it in the next month, and so does every other system that follows it."""
    day = bench.day_in_next_month()
    for other in bench.book.pairs_of(pair.entry):
        if other is not pair:
            other.item.booked_on = day
    pair.entry.posted_on = day
    return Planted([pair.item], [])


def repeat_item(bench: Bench, pair: Pair) -> Planted:
    """The other system has it again on the next day."""
    copy = replace(pair.item, booked_on=workday_after(pair.item.booked_on))
    bench.book.items.append(copy)
    return Planted([copy], [])


def repeat_entry(bench: Bench, pair: Pair) -> Planted:
    """The ledger has the entry again on the next day."""
    lines = [replace(line) for line in pair.entry.lines]
    day = workday_after(pair.entry.posted_on)
    copy = bench.book.post(replace(pair.entry, posted_on=day, lines=lines))
    return Planted([], [(copy, copy.line_on(pair.line.account))])


def lose_item(bench: Bench, pair: Pair) -> Planted:
    """The other system does not have it."""
    bench.book.pairs.remove(pair)
    bench.book.items.remove(pair.item)
    return Planted([], [(pair.entry, pair.line)])


def lose_entry(bench: Bench, pair: Pair) -> Planted:
    """The ledger does not have it."""
    bench.book.pairs.remove(pair)
    bench.book.entries.remove(pair.entry)
    return Planted([pair.item], [])


def reverse_item(bench: Bench, pair: Pair) -> Planted:
    """The other system has the opposite sign."""
    pair.item.cents = -pair.item.cents
    return _unpair(bench, pair)


def reverse_entry(bench: Bench, pair: Pair) -> Planted:
    """The ledger has the opposite sign."""
    for line in pair.entry.lines:
        line.cents = -line.cents
    return _unpair(bench, pair)


def split_item(bench: Bench, pair: Pair) -> Planted:
    """The other system has it in two parts, the second on the next day."""
    item = pair.item
    bench.book.pairs.remove(pair)
    bench.book.items.remove(item)
    first, second = replace(item), replace(item, booked_on=workday_after(item.booked_on))
    if isinstance(first, Job) and isinstance(second, Job):
        first.quantity_hundredths = 25 * (3 * item_quarters(first) // 5)
        second.quantity_hundredths -= first.quantity_hundredths
        first.cents = first.quantity_hundredths * first.rate_cents // 100
    else:
        first.cents = share_of(item.cents, 6_100)
    second.cents = item.cents - first.cents
    bench.book.items.extend((first, second))
    return Planted([first, second], [(pair.entry, pair.line)])


def item_quarters(job: Job) -> int:
    """Quarters of an hour worked."""
    return job.quantity_hundredths // 25


def split_entry(bench: Bench, pair: Pair) -> Planted:
    """The ledger has it in two entries, the second on the next day."""
    entry = pair.entry
    parts = [share_of(line.cents, 6_100) for line in entry.lines]
    parts[-1] -= sum(parts)
    first = replace(
        entry,
        lines=[Line(line.account, part) for line, part in zip(entry.lines, parts, strict=True)],
    )
    second = replace(
        entry,
        posted_on=workday_after(entry.posted_on),
        lines=[
            Line(line.account, line.cents - part)
            for line, part in zip(entry.lines, parts, strict=True)
        ],
    )
    bench.book.pairs.remove(pair)
    bench.book.entries.remove(entry)
    account = pair.line.account
    return Planted(
        [pair.item],
        [(bench.book.post(part), part.line_on(account)) for part in (first, second)],
    )


def keep_bank_fee(bench: Bench, pair: Pair) -> Planted:
    """A correspondent bank keeps its fee of an incoming transfer; the ledger has it whole."""
    pair.item.cents -= BANK_FEE_CENTS
    return _unpair(bench, pair)


def forget_card_fee(bench: Bench, pair: Pair) -> Planted:
    """The ledger clears a card sale gross, without the fee that the gateway keeps."""
    fee_line = pair.entry.line_on(FEES)
    pair.line.cents += fee_line.cents
    pair.entry.lines.remove(fee_line)
    return _unpair(bench, pair)


def change_rate(bench: Bench, pair: Pair) -> Planted:
    """The client's job system counts the same hours at a lower rate.

    Raises:
        TypeError: the pair is not a job.
    """
    job = pair.item
    if not isinstance(job, Job):
        raise TypeError("only jobs have a rate")
    job.rate_cents -= 40 * bench.dice.between(8, 20)
    job.cents = job.quantity_hundredths * job.rate_cents // 100
    return _unpair(bench, pair)


def add_job(bench: Bench) -> Planted:
    """A job that was never invoiced."""
    day, customer, service = (
        bench.day_in_body(),
        bench.dice.pick(CUSTOMERS),
        bench.dice.pick(SERVICES),
    )
    hours, rate = 25 * bench.dice.between(3, 5), service.rate_cents + customer.uplift_cents
    job = Job(
        MatchType.JOBS_REVENUE,
        Kind.INVOICE,
        day,
        hours * rate // 100,
        bench.book.reference("INV", day),
        customer.name,
        f"{service.name}, {customer.sites[0]}",
        site=customer.sites[0],
        service_type=service.name,
        quantity_hundredths=hours,
        rate_cents=rate,
    )
    return _add(bench, job)


def add_erp_bill(bench: Bench) -> Planted:
    """A bill entered in the ERP that never reached the ledger."""
    day, supplier = bench.day_in_body(), bench.dice.pick(SUPPLIERS[:10])
    net = bench.dice.between(supplier.first_cents, supplier.last_cents)
    cents = -net - share_of(net, VAT_BASIS_POINTS)
    reference = bench.book.reference("BIL", day)
    bill = Item(
        MatchType.GL_ERP, Kind.BILL, day, cents, reference, supplier.name, supplier.description
    )
    bill.account = PAYABLES
    return _add(bench, bill)


def add_erp_invoice(bench: Bench) -> Planted:
    """An invoice issued in the ERP that never reached the ledger."""
    day, customer = bench.day_in_body(), bench.dice.pick(CUSTOMERS)
    cents = bench.dice.between(12_000, 64_000)
    reference = bench.book.reference("INV", day)
    text = f"Materials, {customer.sites[0]}"
    invoice = Item(MatchType.GL_ERP, Kind.INVOICE, day, cents, reference, customer.name, text)
    invoice.account = RECEIVABLES
    return _add(bench, invoice)


def add_bank_charge(bench: Bench) -> Planted:
    """A charge on the bank statement that the ledger does not know."""
    return _add_bank_line(bench, -bench.dice.between(1_800, 9_500), "Charge for investigation")


def add_bank_interest(bench: Bench) -> Planted:
    """Interest on the bank statement that the ledger does not know."""
    return _add_bank_line(bench, bench.dice.between(3_000, 24_000), "Credit interest")


def add_card_entry(bench: Bench) -> Planted:
    """A card sale in the ledger whose payment the gateway never captured."""
    day = bench.day_in_body()
    gross = bench.dice.between(4_000, 24_000)
    entry = bench.book.post(card_sale(day, bench.book.reference("GTX", day), gross))
    return Planted([], [(entry, entry.line_on(CLEARING))])


def _add_bank_line(bench: Bench, cents: int, text: str) -> Planted:
    day = bench.day_in_body()
    reference = bench.book.reference("BNK", day)
    return _add(bench, Item(MatchType.BANK_GL, Kind.CHARGE, day, cents, reference, BANK_NAME, text))


def _add(bench: Bench, item: Item) -> Planted:
    bench.book.items.append(item)
    return Planted([item], [])
