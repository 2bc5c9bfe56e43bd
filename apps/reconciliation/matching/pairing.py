"""One-to-one pairing inside blocks of equal keys, by the best assignment of each block."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from apps.reconciliation.matching.candidates import day_gaps, in_window
from apps.reconciliation.matching.classes import Classes, PassSide, collapse, may_pair
from apps.reconciliation.matching.decisions import decide
from apps.reconciliation.matching.found import Decision
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.schemas import Ints

_RIGHT_ROW = f"{ROW}_right"


def pair_off(left: PassSide, right: PassSide, step: Pass, by: Sequence[str]) -> Decision:
    """Pair what has equal keys, each with one.

    Args:
        by: the columns of ``keyed`` that make up a block.
    """
    lone_left, lone_right = _lone_pairs(left, right, step, by)
    decision = decide(*_collapsed_blocks(left, right, (lone_left, lone_right), by), step)
    return Decision(
        np.concatenate([lone_left, decision.left_rows]),
        np.concatenate([lone_right, decision.right_rows]),
        decision.doubts,
    )


def _lone_pairs(
    left: PassSide, right: PassSide, step: Pass, by: Sequence[str]
) -> tuple[Ints, Ints]:
    """The blocks with one item on each side, by one join: most of any real reconciliation."""
    # A left item that is alone with its keys meets each right item with them once: as many rows
    # as there are right items at most, and more than one for a left item if right is not alone.
    met = left.keyed.unique(by, keep="none").join(right.keyed, on=by, suffix="_right")
    left_rows = met[ROW].to_numpy().astype(np.int64)
    right_rows = met[_RIGHT_ROW].to_numpy().astype(np.int64)
    is_alone = np.bincount(left_rows, minlength=left.items.height)[left_rows] == 1
    left_rows, right_rows = left_rows[is_alone], right_rows[is_alone]
    amounts = left.amounts[left_rows]
    gaps = np.abs(amounts - right.amounts[right_rows])
    is_near = gaps <= step.tolerance.allowed(amounts)
    apart = day_gaps(left.days_of(left_rows), right.days_of(right_rows))
    is_near &= in_window(apart, step.date_window)
    is_near &= may_pair(left, right, left_rows, right_rows)
    return left_rows[is_near], right_rows[is_near]


def _without(side: PassSide, rows: Ints) -> pl.DataFrame:
    is_left = np.ones(side.items.height, dtype=np.bool_)
    is_left[rows] = False
    return side.keyed.filter(is_left[side.keyed[ROW].to_numpy()])


def _collapsed_blocks(
    left: PassSide, right: PassSide, taken: tuple[Ints, Ints], by: Sequence[str]
) -> tuple[Classes, Classes]:
    """The classes of what is not yet paired, where both sides have something in the block."""
    rest = [_without(side, rows) for side, rows in zip((left, right), taken, strict=True)]
    left_blocks, right_blocks = shared_blocks(rest[0], rest[1], by)
    return collapse(left_blocks, left), collapse(right_blocks, right)


def shared_blocks(
    left: pl.DataFrame, right: pl.DataFrame, by: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of blocks that both sides have something in: ``row`` and ``block``."""
    blocks = left.select(by).unique().join(right.select(by).unique(), on=by)
    blocks = blocks.with_row_index("block")
    left_blocks, right_blocks = (
        side.join(blocks, on=by).select(ROW, "block") for side in (left, right)
    )
    return left_blocks, right_blocks
