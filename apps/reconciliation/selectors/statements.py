"""The statement that ties both balances out, and the roll-forward of open items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from apps.ingestion.models import Batch
from apps.ingestion.selectors import balanced_statements, closing_balances
from apps.ledger.selectors import account_balances
from apps.ledger.states import EntryStatus
from apps.reconciliation.models import MatchGroup, Run, WriteOff
from apps.reconciliation.selectors.groups import right_sign
from apps.reconciliation.selectors.open_items import (
    OpenItem,
    differences_inside,
    open_items,
    runs_up_to,
)
from apps.reconciliation.states import Side

_NOTHING = Decimal(0)


@dataclass(frozen=True)
class Statement:
    """From the books' balance to the other side's, item by item, in one currency.

    Attributes:
        books: the balance of the ledger's accounts on the run's last day; None if unknown.
        not_in_books: open on the left: they are added.
        not_at_bank: open on the right: they are taken off.
        inside: groups whose sides differ: what they differ by is added.
        booked: posted entries that book such amounts away: the books have them already.
        computed: what the other side's balance has to be by that; None if `books` is unknown.
        stated: the closing balance that the left source states; None if it states none.
    """

    currency: str
    books: Decimal | None
    not_in_books: list[OpenItem]
    not_at_bank: list[OpenItem]
    inside: list[MatchGroup]
    booked: list[WriteOff]
    stated: Decimal | None

    @property
    def added(self) -> Decimal:
        return sum((item.amount for item in self.not_in_books), _NOTHING)

    @property
    def taken_off(self) -> Decimal:
        return sum((item.amount for item in self.not_at_bank), _NOTHING)

    @property
    def differences(self) -> Decimal:
        return sum((group.difference for group in self.inside), _NOTHING)

    @property
    def booked_away(self) -> Decimal:
        return sum((write_off.amount for write_off in self.booked), _NOTHING)

    @property
    def explained(self) -> Decimal:
        """Everything that stands between the two balances."""
        return self.added - self.taken_off + self.differences - self.booked_away

    @property
    def computed(self) -> Decimal | None:
        return None if self.books is None else self.books + self.explained

    @property
    def unidentified(self) -> Decimal | None:
        """What nothing explains; None where one of the balances is unknown."""
        if self.computed is None or self.stated is None:
            return None
        return self.stated - self.computed

    @property
    def ties(self) -> bool | None:
        """Whether both balances agree once the items are counted; None if one is unknown."""
        return None if self.unidentified is None else self.unidentified == 0


@dataclass(frozen=True)
class RollForward:
    """Open items over a run's days, in one currency: opening + new - cleared = closing.

    Amounts are what the items add to left less right.
    """

    currency: str
    opening: list[OpenItem]
    new: list[OpenItem]
    cleared: list[OpenItem]
    closing: list[OpenItem]

    @staticmethod
    def total(items: Sequence[OpenItem]) -> Decimal:
        """Their effect together."""
        return sum((item.effect for item in items), _NOTHING)

    @property
    def totals(self) -> tuple[Decimal, Decimal, Decimal, Decimal]:
        """Opening, new, cleared, closing."""
        return (
            self.total(self.opening),
            self.total(self.new),
            self.total(self.cleared),
            self.total(self.closing),
        )

    @property
    def ties(self) -> bool:
        opening, new, cleared, closing = self.totals
        return opening + new - cleared == closing


def statements_of(run: Run, at: datetime | None = None) -> list[Statement]:
    """One statement for each currency of the run.

    Args:
        at: matches, breaks and open items as they stood at that moment; None for now. Balances
            are those of the run's last day in any case.
    """
    runs = runs_up_to(run, at)
    items, groups = open_items(runs, at), differences_inside(runs, at)
    booked = _booked(runs, run, at)
    books, stated = _books_balances(run), _stated_balances(run)
    currencies = sorted(
        {line["currency"] for line in run.proof} | {item.currency for item in items}
    )
    return [
        Statement(
            currency=currency,
            books=books.get(currency) if books is not None else None,
            not_in_books=_of(items, currency, Side.LEFT),
            not_at_bank=_of(items, currency, Side.RIGHT),
            inside=[group for group in groups if group.currency == currency],
            booked=[write_off for write_off in booked if write_off.currency == currency],
            stated=stated.get(currency),
        )
        for currency in currencies
    ]


def roll_forward(run: Run, at: datetime | None = None) -> list[RollForward]:
    """How the open items came to be what they are at the end of the run, by currency."""
    runs = runs_up_to(run, at)
    before = {item.record_id: item for item in open_items(runs[:-1], at)}
    after = {item.record_id: item for item in open_items(runs, at)}
    currencies = sorted({item.currency for item in [*before.values(), *after.values()]})
    return [
        RollForward(
            currency=currency,
            opening=_in(before.values(), currency),
            new=_in((after[pk] for pk in after.keys() - before.keys()), currency),
            cleared=_in((before[pk] for pk in before.keys() - after.keys()), currency),
            closing=_in(after.values(), currency),
        )
        for currency in currencies
    ]


def _of(items: Sequence[OpenItem], currency: str, side: Side) -> list[OpenItem]:
    return [item for item in items if item.currency == currency and item.side == side]


def _in(items: Iterable[OpenItem], currency: str) -> list[OpenItem]:
    chosen = [item for item in items if item.currency == currency]
    return sorted(chosen, key=lambda item: (item.booked_on, item.record_id))


def _booked(runs: Sequence[Run], run: Run, at: datetime | None) -> list[WriteOff]:
    """Posted on or before the last day, and not reversed; each break or group once."""
    posted = WriteOff.objects.filter(
        run__in=runs, entry__status=EntryStatus.POSTED, entry__posted_on__lte=run.ends_on
    ).exclude(entry__reversals__status=EntryStatus.POSTED)
    if at is not None:
        posted = posted.filter(entry__posted_at__lte=at)
    return list(posted.select_related("entry", "broken", "group").order_by("pk"))


def _books_balances(run: Run) -> dict[str, Decimal] | None:
    """The ledger's balances of the right accounts by currency, in the left side's sense.

    None where the right side names no accounts, or one that the ledger does not have.
    """
    accounts = set(run.match_type.right_accounts)
    balances = account_balances(entity_id=run.entity_id, as_of=run.ends_on)
    if not accounts or not accounts <= {each.account.code for each in balances}:
        return None
    sign = right_sign(run)
    totals: dict[str, Decimal] = {}
    for each in balances:
        if each.account.code in accounts:
            totals[each.currency] = totals.get(each.currency, _NOTHING) + each.balance * sign
    return totals


def _stated_balances(run: Run) -> dict[str, Decimal]:
    """What the left accounts close with on or before the last day, by the bank's latest word."""
    batches = Batch.objects.filter(source_id=run.match_type.left_source_id).order_by("pk")
    stated = [
        facts
        for batch in batches.filter(starts_on__lte=run.ends_on)
        for facts in balanced_statements(batch)
        if facts["closed_on"] is not None and facts["closed_on"] <= run.ends_on
    ]
    return closing_balances(stated, run.match_type.left_accounts)
