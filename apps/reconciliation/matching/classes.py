"""Items that cost the same to pair with anything, collapsed into one class with a count.

What a pass optimises depends on the block, the amount and the day of an item, nothing else. Five
hundred equal amounts on one day are therefore one node with a supply of 500, not 500 nodes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.schemas import CONTENT_ORDER, IDENTITY, Flags, Ints

LEVEL = "level"  # the amount that is compared, where it is part of a block
_COMPARED = ["block", LEVEL, "day", "last_day", "mark", "worth"]


@dataclass(frozen=True)
class PassSide:
    """One side as a pass sees it.

    Attributes:
        items: every item of the side, by row number.
        keyed: the open items that have all keys: ``row``, LEVEL and the block columns.
        amounts: the amount that is compared, by row number.
        net: what the item counts for, with its sign; ``booked`` in ``items`` less the fee.
        days: the day number that is compared, by row number; of a batch the first one.
        last_days: the same array, or of batches the last day of each.
        marks: by row number; what has the same mark is not paired. None: that is no obstacle.
        worth: by row number; what is worth the same is paired though it has the same mark.
        own: by row number, what ``worth`` compares, with its sign; to be added up.
        sizes: by row number, how many items it stands for; None: each for itself.
        identity: the columns in which interchangeable items agree.
    """

    items: pl.DataFrame
    keyed: pl.DataFrame
    amounts: Ints
    net: Ints
    days: Ints
    last_days: Ints
    marks: Ints | None = None
    worth: Ints | None = None
    own: Ints | None = None
    sizes: Ints | None = None
    identity: tuple[str, ...] = IDENTITY
    content_order: tuple[str, ...] = CONTENT_ORDER

    def days_of(self, rows: Ints) -> tuple[Ints, Ints]:
        """First and last day of these rows."""
        return self.days[rows], self.last_days[rows]


@dataclass(frozen=True)
class Classes:
    """Classes sorted by block, amount, days, mark and worth.

    Attributes:
        starts: where each class begins in ``rows``.
        counts: how many items it has.
        is_mixed: whether its items are *not* all interchangeable.
        rows: row numbers, class after class, each class in content order.
    """

    blocks: Ints
    amounts: Ints
    days: Ints
    last_days: Ints
    marks: Ints | None
    worth: Ints | None
    starts: Ints
    counts: Ints
    is_mixed: Flags
    rows: Ints

    def __len__(self) -> int:
        return len(self.blocks)

    def days_of(self, classes: Ints) -> tuple[Ints, Ints]:
        """First and last day of these classes."""
        return self.days[classes], self.last_days[classes]


def collapse(keyed: pl.DataFrame, side: PassSide) -> Classes:
    """The classes of the items in ``keyed`` (``row`` and ``block``)."""
    return _classes(keyed, side, _COMPARED)


def kinds_of(keyed: pl.DataFrame, side: PassSide) -> Classes:
    """The same, but only interchangeable items share a class."""
    return _classes(keyed, side, [*_COMPARED, *side.identity])


def _classes(keyed: pl.DataFrame, side: PassSide, alike: list[str]) -> Classes:
    rows = keyed[ROW].to_numpy()
    content = side.items[keyed[ROW]].select(side.content_order)
    frame = content.with_columns(
        keyed[ROW],
        keyed["block"].cast(pl.Int64),
        pl.Series(LEVEL, side.amounts[rows], dtype=pl.Int64),
        pl.Series("day", side.days[rows], dtype=pl.Int64),
        pl.Series("last_day", side.last_days[rows], dtype=pl.Int64),
        pl.Series("mark", _of_rows(side.marks, rows), dtype=pl.Int64),
        pl.Series("worth", _of_rows(side.worth, rows), dtype=pl.Int64),
    ).sort(*_COMPARED, *side.content_order)
    opens = _changes(frame, alike)
    starts = np.flatnonzero(opens).astype(np.int64)
    mixes = _changes(frame, list(side.identity)) & ~opens
    first = frame[starts]
    return Classes(
        blocks=first["block"].to_numpy(),
        amounts=first[LEVEL].to_numpy(),
        days=first["day"].to_numpy(),
        last_days=first["last_day"].to_numpy(),
        marks=None if side.marks is None else first["mark"].to_numpy(),
        worth=None if side.worth is None else first["worth"].to_numpy(),
        starts=starts,
        counts=np.diff(np.append(starts, frame.height)),
        is_mixed=np.logical_or.reduceat(mixes, starts) if len(starts) else mixes,
        rows=frame[ROW].to_numpy().astype(np.int64),
    )


def _of_rows(values: Ints | None, rows: Ints) -> Ints:
    return np.zeros(len(rows), dtype=np.int64) if values is None else values[rows]


def may_pair(
    left: PassSide | Classes, right: PassSide | Classes, lefts: Ints, rights: Ints
) -> Flags:
    """Whether nothing forbids each pair: there are no marks, they differ, or the worth agrees."""
    if left.marks is None or right.marks is None:
        return np.ones(len(lefts), dtype=np.bool_)
    allowed = left.marks[lefts] != right.marks[rights]
    if left.worth is not None and right.worth is not None:
        allowed |= left.worth[lefts] == right.worth[rights]
    return np.asarray(allowed)


def _changes(frame: pl.DataFrame, columns: list[str]) -> Flags:
    """Whether each row differs from the one before it; the first one always does."""
    return (
        frame.select(
            pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(1)) for name in columns)
        )
        .to_series()
        .to_numpy()
    )


def runs(begins: Ints, sizes: Ints) -> Ints:
    """Consecutive numbers from each begin on: [5, 9], [3, 2] -> [5, 6, 7, 9, 10]."""
    steps = np.arange(int(sizes.sum())) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return np.asarray(np.repeat(begins, sizes) + steps)
