"""Where discrepancies are planted: one month of the book, each event used at most once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum

from .dice import Dice
from .facts import Book, Entry, Item, Kind, Line, MatchType, Pair
from .workdays import Month, is_workday, workday_from


class Cause(StrEnum):
    """Why two sides do not agree; the definitions are in docs/reference/practice-company.md."""

    AMOUNT = "amount"
    TIMING = "timing"
    DUPLICATE = "duplicate"
    MISSING_LEFT = "missing_left"
    MISSING_RIGHT = "missing_right"
    SIGN = "sign"
    SPLIT = "split"
    FEE = "fee"
    RATE_CHANGE = "rate_change"


class Window(StrEnum):
    """The part of the month from which an event is taken.

    EARLY leaves room for a date more than a week later in the same month, BODY is over long
    before the month ends (nothing in it can still be awaited), TAIL is still awaited.
    """

    EARLY = "early"
    BODY = "body"
    TAIL = "tail"


@dataclass(frozen=True)
class Planted:
    """One break to be found: the rows elsewhere and the ledger lines that it consists of."""

    items: list[Item]
    lines: list[tuple[Entry, Line]]


@dataclass(frozen=True)
class Wanted:
    """What kind of pair an operation needs; amounts are absolute cents of the ledger line."""

    match_type: MatchType
    kinds: tuple[Kind, ...]
    window: Window
    first_cents: int = 0
    last_cents: int = 10_000_000


@dataclass
class Bench:
    """The tools of an operation: the book, the month, chance, and what is used already."""

    book: Book
    month: Month
    dice: Dice
    used: set[Entry] = field(default_factory=set)

    def take(self, wanted: Wanted) -> Pair:
        """A pair nobody has used, now used.

        Raises:
            LookupError: the month has none left.
        """
        fitting = [pair for pair in self.book.pairs if self._fits(pair, wanted)]
        if not fitting:
            raise LookupError(f"{self.month.label} has no pair left for {wanted}")
        pair = self.dice.pick(fitting)
        self.used.add(pair.entry)
        return pair

    def day_in_body(self) -> date:
        """A working day from which nothing is still awaited at month end."""
        return self.dice.pick([day for day in self.month.workdays if 4 <= day.day <= 16])

    def day_in_next_month(self) -> date:
        """When something awaited arrives."""
        return workday_from(self.month.next.first_on)

    def delta(self, first: int, last: int, is_refused: Callable[[int], bool]) -> int:
        """A difference in cents, of either sign, that has no other explanation.

        Swapped digits give multiples of nine; those are left out, and what is refused.
        """
        while True:
            size = self.dice.between(first, last)
            if size % 9 and not is_refused(size):
                return size if self.dice.is_hit(50) else -size

    def _fits(self, pair: Pair, wanted: Wanted) -> bool:
        item = pair.item
        return (
            item.match_type == wanted.match_type
            and item.kind in wanted.kinds
            and pair.entry not in self.used
            and item.booked_on == pair.entry.posted_on
            and wanted.first_cents <= abs(pair.line.cents) <= wanted.last_cents
            and self._is_in(item.booked_on, wanted.window)
        )

    def _is_in(self, day: date, window: Window) -> bool:
        if window == Window.TAIL:
            return self.day_in_next_month() - timedelta(days=4) <= day <= self.month.last_on
        first, last = (2, 12) if window == Window.EARLY else (4, 16)
        is_inside = self.month.first_on <= day <= self.month.last_on and first <= day.day <= last
        # The day after has to be a working day too: copies and late bookings land there.
        return is_inside and is_workday(day + timedelta(days=1))
