"""The whole practice company: what happened, what was disturbed, and every id given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .anomalies import Anomaly, plant_anomalies
from .bench import Bench, Cause, Planted
from .dice import Dice
from .facts import Book, Entry, MatchType
from .near_misses import loosen
from .plan import PLAN
from .simulation import live_through, opening_balances
from .workdays import MONTHS, Month

SEED = 20_230_131

_ID_FORMATS = {
    MatchType.GL_ERP: "D-{tag}-{number:05d}",
    MatchType.BANK_GL: "HB{tag}{number:05d}",
    MatchType.JOBS_REVENUE: "JOB-{tag}-{number:04d}",
}
"""Ids of rows outside the ledger; the gateway's rows carry its own."""


@dataclass(frozen=True)
class Break:
    """A planted break and the month in which it is to be found."""

    month: Month
    match_type: MatchType
    cause: Cause
    note: str
    planted: Planted


@dataclass(frozen=True)
class Company:
    """Everything the files are written from.

    Args:
        openings: balance of each account on the opening day in cents, debit positive.
    """

    book: Book
    openings: dict[str, int]
    breaks: list[Break]
    anomalies: dict[Month, list[Anomaly]]


def build_company(seed: int = SEED) -> Company:
    """Live through the months, disturb them, and give every row its id."""
    book = live_through(seed)
    used: set[Entry] = set()
    breaks: list[Break] = []
    anomalies = {}
    for month in MONTHS:
        breaks.extend(_disturb(book, month, Dice(seed, "plan", month.label), used))
        anomalies[month] = plant_anomalies(book, month, Dice(seed, "anomalies", month.label))
    company = Company(book, opening_balances(book), breaks, anomalies)
    for month in MONTHS:
        _number(book, month)
    return company


def _disturb(book: Book, month: Month, dice: Dice, used: set[Entry]) -> Iterator[Break]:
    bench = Bench(book, month, dice, used)
    for step in PLAN:
        yield Break(month, step.match_type, step.cause, step.note, step.plant(bench))
    loosen(bench)


def _number(book: Book, month: Month) -> None:
    for number, entry in enumerate(book.entries_in(month), start=1):
        entry.entry_id = f"JE-{month.tag}-{number:05d}"
    for match_type, pattern in _ID_FORMATS.items():
        for number, item in enumerate(book.items_in(month, match_type), start=1):
            item.external_id = pattern.format(tag=month.tag, number=number)
