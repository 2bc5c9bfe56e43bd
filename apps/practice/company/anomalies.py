"""Journal entries by hand that an analyst should be shown: outliers, weekends, round figures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from .chart import ACCRUALS, OTHER, SUBCONTRACTORS, VEHICLES, WAGES
from .dice import Dice
from .facts import Book, Entry, Line
from .people import PREPARERS
from .workdays import Month

_OUTLIER = "far above 2.5 standard deviations of the account's lines in the month"
_WEEKEND = "by hand on a weekend"
_ROUND = "by hand, a whole number of thousands"


@dataclass(frozen=True)
class Anomaly:
    """A planted entry, the line that stands out, and why."""

    kind: str
    entry: Entry
    line: Line
    why: str


@dataclass(frozen=True)
class _Case:
    """An entry to plant: the amount lies between two figures, in steps; all in cents."""

    kind: str
    why: str
    account: str
    against: str
    first_cents: int
    last_cents: int
    step_cents: int


_CASES = (
    _Case("amount_outlier", _OUTLIER, SUBCONTRACTORS, WAGES, 1_850_001, 2_340_000, 137),
    _Case("amount_outlier", _OUTLIER, VEHICLES, WAGES, 640_001, 890_000, 137),
    _Case("amount_outlier", _OUTLIER, OTHER, WAGES, 1_120_001, 1_480_000, 137),
    _Case("weekend_posting", _WEEKEND, VEHICLES, ACCRUALS, 20_001, 60_000, 137),
    _Case("weekend_posting", _WEEKEND, OTHER, ACCRUALS, 20_001, 60_000, 137),
    _Case("round_amount", _ROUND, SUBCONTRACTORS, ACCRUALS, 300_000, 500_000, 100_000),
    _Case("round_amount", _ROUND, OTHER, ACCRUALS, 500_000, 700_000, 100_000),
)


def plant_anomalies(book: Book, month: Month, dice: Dice) -> list[Anomaly]:
    """Add the month's seven odd entries; none touches an account that is reconciled."""
    weekend = [day for day in month.days if day.weekday() >= 5]
    return [
        _plant(book, case, dice.pick(weekend if case.why == _WEEKEND else month.workdays), dice)
        for case in _CASES
    ]


def _plant(book: Book, case: _Case, day: date, dice: Dice) -> Anomaly:
    steps = (case.last_cents - case.first_cents) // case.step_cents
    cents = case.first_cents + case.step_cents * dice.between(0, steps)
    line = Line(case.account, cents)
    entry = Entry(
        day,
        book.reference("MAN", day),
        "",
        "Correction",
        "manual",
        dice.pick(PREPARERS),
        [line, Line(case.against, -cents)],
    )
    return Anomaly(case.kind, book.post(entry), line, case.why)
