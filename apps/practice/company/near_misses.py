"""Pairs that agree only within the tolerance: a few cents apart, or booked on the next day."""

from __future__ import annotations

from datetime import timedelta

from .bench import Bench, Wanted, Window
from .chart import FEES
from .facts import CardRow, Kind, MatchType, Pair
from .workdays import month_of

_SHARE_PERCENT = 4
_KINDS = {
    MatchType.GL_ERP: (Kind.RECEIPT, Kind.BILL, Kind.PAYMENT),
    MatchType.BANK_GL: (Kind.RECEIPT, Kind.PAYMENT),
    MatchType.GATEWAY_GL: (Kind.CARD,),
    MatchType.JOBS_REVENUE: (Kind.INVOICE,),
}


def loosen(bench: Bench) -> None:
    """Loosen four of a hundred pairs in each reconciliation, cents and days in turn."""
    for match_type, kinds in _KINDS.items():
        wanted = Wanted(match_type, kinds, Window.BODY)
        for turn in range(_count(bench, match_type)):
            pair = bench.take(wanted)
            if turn % 2:
                _shift_cents(bench, pair)
            else:
                _shift_day(pair)


def _count(bench: Bench, match_type: MatchType) -> int:
    pairs = sum(
        pair.item.match_type == match_type and month_of(pair.item.booked_on) == bench.month
        for pair in bench.book.pairs
    )
    return pairs * _SHARE_PERCENT // 100


def _shift_cents(bench: Bench, pair: Pair) -> None:
    """Up to four cents; the gateway's own figures stay, the ledger has computed another fee."""
    cents = bench.dice.between(1, 4) * (1 if bench.dice.is_hit(50) else -1)
    if isinstance(pair.item, CardRow):
        pair.line.cents += cents
        pair.entry.line_on(FEES).cents -= cents
    else:
        pair.item.cents += cents


def _shift_day(pair: Pair) -> None:
    """One day later: a card sale in the ledger, everything else in the other system."""
    if isinstance(pair.item, CardRow):
        pair.entry.posted_on += timedelta(days=1)
    else:
        pair.item.booked_on += timedelta(days=1)
