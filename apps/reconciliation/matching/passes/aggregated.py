"""Aggregated passes: items of equal keys are added up, and the sums are compared.

All items of a side with equal keys (and equal ``left_by`` or ``right_by``) are one batch. Batches
are then paired one to one like single items: by sum within the tolerance, every item of the one in
the date window of every item of the other, the best assignment overall.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.batches import (
    Batches,
    added_up,
    batch_members,
    batched,
    sum_words,
)
from apps.reconciliation.matching.classes import PassSide
from apps.reconciliation.matching.found import DOUBTS, NO_CLUSTER, Found
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pairing import pair_off
from apps.reconciliation.matching.pairs import pair_groups
from apps.reconciliation.matching.pass_rules import AGGREGATED, Pass
from apps.reconciliation.matching.passes.kinds import pass_kind
from apps.reconciliation.matching.reasons import pair_reasons
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES, Ints


@pass_kind(AGGREGATED)
def match(left: PassSide, right: PassSide, step: Pass) -> Found:
    """Pair batches of equal keys and currency, least total difference first."""
    lefts, rights = _batches(left, right, step)
    decision = pair_off(lefts.side, rights.side, step, by=step.block_fields)
    rows = decision.left_rows, decision.right_rows
    sums = sum_words(lefts.side, rights.side, rows)
    reasons = pair_reasons(step, lefts.side, rights.side, rows, sums)
    members = [
        batch_members(LEFT, left, lefts, rows[0]),
        batch_members(RIGHT, right, rights, rows[1]),
    ]
    doubts = [
        _doubts(LEFT, lefts, rows[0], decision.doubts),
        _doubts(RIGHT, rights, rows[1], decision.doubts),
    ]
    groups = pair_groups(step, lefts.side, rights.side, rows, reasons)
    return Found(groups, pl.concat(members), pl.concat(doubts))


def _batches(left: PassSide, right: PassSide, step: Pass) -> tuple[Batches, Batches]:
    """The batches of both sides, where both have some in the block: no others can be matched."""
    lefts, rights = (
        added_up(side, side.keyed, step.batch_fields(name))
        for name, side in ((LEFT, left), (RIGHT, right))
    )
    met = (
        lefts.join(rights, on=step.block_fields, how="semi", maintain_order="left"),
        rights.join(lefts, on=step.block_fields, how="semi", maintain_order="left"),
    )
    return batched(left, met[0], step, LEFT), batched(right, met[1], step, RIGHT)


def _doubts(name: str, batches: Batches, paired: Ints, torn: pl.DataFrame) -> pl.DataFrame:
    """Every item of every batch that is not paired: once an item is gone, the sums are others."""
    is_left = np.ones(batches.side.items.height, dtype=np.bool_)
    is_left[paired] = False
    rest = batches.members.filter(is_left[batches.members["batch"].to_numpy()])
    own = torn.filter(pl.col("side") == name).select(
        pl.col(ROW).alias("batch"), "cluster", "is_crowded"
    )
    return (
        rest.join(own, on="batch", how="left")
        .select(
            pl.col("cluster").fill_null(NO_CLUSTER),
            pl.lit(name, dtype=SIDES).alias("side"),
            ROW,
            pl.col("is_crowded").fill_null(value=False),
        )
        .cast(DOUBTS)
    )
