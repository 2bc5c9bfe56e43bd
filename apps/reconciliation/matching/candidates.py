"""Which classes of the two sides may be paired, and what that would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from apps.reconciliation.matching.classes import Classes, may_pair, runs
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.schemas import Flags, Ints
from apps.reconciliation.matching.tolerances import DateWindow

# A chain of amounts with more pairs than this is not worked through: the rule says too little for a
# decision, and the pairs would not fit into memory.
CHAIN_PAIRS = 20_000_000
BATCH_PAIRS = 4_000_000


@dataclass(frozen=True)
class Edges:
    """Candidate pairs of classes, sorted by left, then right class.

    Attributes:
        amount_gaps: how far the amounts are apart, ten-thousandths.
        day_gaps: how far the days are apart, in the unit of the pass.
    """

    left: Ints
    right: Ints
    amount_gaps: Ints
    day_gaps: Ints

    def __len__(self) -> int:
        return len(self.left)

    def only(self, chosen: Flags | Ints) -> Edges:
        """The chosen edges."""
        return Edges(
            self.left[chosen], self.right[chosen], self.amount_gaps[chosen], self.day_gaps[chosen]
        )


Days: TypeAlias = tuple[Ints, Ints]  # first and last


def day_gaps(left: Days, right: Days) -> Days:
    """The least and the greatest distance of any day on the right from any day on the left."""
    return right[0] - left[1], right[1] - left[0]


def in_window(gaps: Days, window: DateWindow | None) -> Flags:
    """Whether each least and greatest distance is within the window."""
    if window is None:
        return np.ones(len(gaps[0]), dtype=np.bool_)
    return np.asarray((gaps[0] >= -window.before_days) & (gaps[1] <= window.after_days))


class Candidates:
    """The candidate pairs of one pass, found by range look-up, never by comparing all with all.

    A chain is what hangs together by candidate pairs within a block: amounts whose tolerances
    overlap; without a tolerance, one amount. No pair leads from one chain into another.
    """

    def __init__(self, left: Classes, right: Classes, step: Pass) -> None:
        self._left, self._right, self._window = left, right, step.date_window
        # Block and amount become one sortable integer; amounts by rank, so that none overflows.
        levels = np.unique(right.amounts)
        stride = len(levels) + 1
        keys = right.blocks * stride + np.searchsorted(levels, right.amounts)
        allowed = step.tolerance.allowed(left.amounts)
        lows = np.searchsorted(levels, left.amounts - allowed, side="left")
        highs = np.searchsorted(levels, left.amounts + allowed, side="right")
        self._starts = np.searchsorted(keys, left.blocks * stride + lows, side="left")
        self._ends = np.searchsorted(keys, left.blocks * stride + highs, side="left")
        self._counts = self._ends - self._starts
        self._chains = self._chained()
        pairs = np.bincount(self._chains, self._counts)
        self._is_crowded = (pairs > CHAIN_PAIRS)[self._chains] & (self._counts > 0)

    def _chained(self) -> Ints:
        """For each left class the number of its chain; they ascend with the classes."""
        is_paired = self._counts > 0
        reached = np.maximum.accumulate(np.where(is_paired, self._ends, 0))
        ahead = np.where(is_paired, self._starts, len(self._right))
        ahead = np.minimum.accumulate(ahead[::-1])[::-1]
        begins = np.append(False, reached[:-1] <= ahead[1:])
        return np.cumsum(begins, dtype=np.int64)

    def crowded(self) -> tuple[Ints, Ints]:
        """For each class of either side the chain with too many pairs that it is in, or -1."""
        chosen = np.flatnonzero(self._is_crowded)
        starts, ends = self._starts[chosen], self._ends[chosen]
        size = len(self._right) + 1
        begun, over = (np.bincount(places, minlength=size) for places in (starts, ends))
        latest = np.full(size, -1, dtype=np.int64)
        latest[starts] = self._chains[chosen]
        rights = np.where(np.cumsum(begun - over) > 0, np.maximum.accumulate(latest), -1)[:-1]
        return np.where(self._is_crowded, self._chains, -1), rights

    def batches(self) -> Iterator[Edges]:
        """The pairs of all other chains, in batches that fit into memory and cut no chain."""
        counts = np.where(self._is_crowded, 0, self._counts)
        ends = np.append(np.flatnonzero(np.diff(self._chains)) + 1, len(self._left))
        totals = np.append(0, np.cumsum(counts))[ends]
        begin = done = 0
        while begin < len(self._left):
            beyond = int(np.searchsorted(totals, done + BATCH_PAIRS, side="right"))
            last = min(beyond, len(ends) - 1)
            end = int(ends[last])
            edges = self._edges(np.arange(begin, end), counts[begin:end])
            if len(edges):
                yield edges
            begin, done = end, int(totals[last])

    def _edges(self, classes: Ints, counts: Ints) -> Edges:
        left, right = self._left, self._right
        lefts = np.repeat(classes, counts)
        rights = runs(self._starts[classes], counts)
        least, greatest = day_gaps(left.days_of(lefts), right.days_of(rights))
        kept = in_window((least, greatest), self._window)
        kept &= may_pair(left, right, lefts, rights)
        lefts, rights = lefts[kept], rights[kept]
        return Edges(
            lefts,
            rights,
            np.abs(left.amounts[lefts] - right.amounts[rights]),
            np.maximum(np.abs(least[kept]), np.abs(greatest[kept])),
        )
