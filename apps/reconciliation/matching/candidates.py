"""Which classes of the two sides may be paired, and what that would cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from apps.reconciliation.matching.classes import Classes, are_apart, runs
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.schemas import Flags, Ints
from apps.reconciliation.matching.tolerances import DateWindow

# A block with more pairs than this within its amount tolerance is not worked through: the rule
# says too little for a decision, and the pairs would not fit into memory.
BLOCK_PAIRS = 20_000_000
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
    """The candidate pairs of one pass, found by range look-up, never by comparing all with all."""

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
        ends = np.searchsorted(keys, left.blocks * stride + highs, side="left")
        self._counts = ends - self._starts
        self._crowded = np.unique(left.blocks[self._block_pairs() > BLOCK_PAIRS])

    def _block_pairs(self) -> Ints:
        """For each left class the number of pairs in its block, before dates are looked at."""
        _, positions = np.unique(self._left.blocks, return_inverse=True)
        totals = np.zeros(len(self._left), dtype=np.int64)
        np.add.at(totals, positions, self._counts)
        return totals[positions]

    def crowded(self) -> tuple[Flags, Flags]:
        """The classes of either side in blocks with too many pairs to be worked through."""
        return (
            np.isin(self._left.blocks, self._crowded),
            np.isin(self._right.blocks, self._crowded),
        )

    def batches(self) -> Iterator[Edges]:
        """The pairs of all other blocks, in batches that fit into memory and cut no block."""
        counts = np.where(np.isin(self._left.blocks, self._crowded), 0, self._counts)
        totals = np.cumsum(counts)
        begin = done = 0
        for end in np.append(np.flatnonzero(np.diff(self._left.blocks)) + 1, len(self._left)):
            if end == len(self._left) or totals[end - 1] - done > BATCH_PAIRS:
                edges = self._edges(np.arange(begin, end), counts[begin:end])
                if len(edges):
                    yield edges
                begin, done = end, totals[end - 1]

    def _edges(self, classes: Ints, counts: Ints) -> Edges:
        left, right = self._left, self._right
        lefts = np.repeat(classes, counts)
        rights = runs(self._starts[classes], counts)
        least, greatest = day_gaps(left.days_of(lefts), right.days_of(rights))
        kept = in_window((least, greatest), self._window)
        kept &= are_apart(left.marks, right.marks, lefts, rights)
        lefts, rights = lefts[kept], rights[kept]
        return Edges(
            lefts,
            rights,
            np.abs(left.amounts[lefts] - right.amounts[rights]),
            np.maximum(np.abs(least[kept]), np.abs(greatest[kept])),
        )
