"""From pairs of rows to groups with their reasons."""

from __future__ import annotations

import numpy as np
import polars as pl

from apps.reconciliation.matching.classes import PassSide
from apps.reconciliation.matching.found import FOUND_GROUPS, Decision, Found
from apps.reconciliation.matching.items import ROW
from apps.reconciliation.matching.pass_rules import Pass
from apps.reconciliation.matching.reasons import fees_inside, pair_reasons
from apps.reconciliation.matching.schemas import LEFT, RIGHT, SIDES, Ints


def pair_groups(
    step: Pass, left: PassSide, right: PassSide, rows: tuple[Ints, Ints], reasons: pl.Series
) -> pl.DataFrame:
    """FOUND_GROUPS of one left and one right row each, be they items or batches.

    Args:
        rows: the rows of the pairs on either side.
        reasons: for each pair a JSON list.
    """
    told = ["id", "booked", "currency"]
    left_items, right_items = left.items[rows[0]].select(told), right.items[rows[1]].select(told)
    roundings = np.ones(len(rows[0]), dtype=np.int64)
    if left.sizes is not None and right.sizes is not None and (step.fee or step.fx):
        roundings = np.maximum(left.sizes[rows[0]], right.sizes[rows[1]])
    return pl.DataFrame(
        {
            "group": pl.int_range(len(rows[0]), dtype=pl.Int64, eager=True),
            "left_id": left_items["id"],
            "right_id": right_items["id"],
            "currency": left_items["currency"],
            "left_total": left_items["booked"],
            "right_total": right_items["booked"],
            "fees": fees_inside(left, right, rows),
            "gap": left.amounts[rows[0]] - right.amounts[rows[1]],
            "roundings": roundings,
            "status": pl.repeat(step.status, len(rows[0]), dtype=pl.String, eager=True),
            "reasons": reasons,
        },
        schema=FOUND_GROUPS,
    )


def pairs_found(
    step: Pass, left: PassSide, right: PassSide, decision: Decision, *more: pl.Series
) -> Found:
    """A result of groups of one left and one right item each.

    Args:
        more: further sentences for the reasons.
    """
    rows = decision.left_rows, decision.right_rows
    members = [
        side.items[side_rows].select(
            pl.int_range(pl.len(), dtype=pl.Int64).alias("group"),
            pl.lit(name, dtype=SIDES).alias("side"),
            ROW,
            pl.col("amount").alias("allocated"),
        )
        for name, side, side_rows in ((LEFT, left, rows[0]), (RIGHT, right, rows[1]))
    ]
    groups = pair_groups(step, left, right, rows, pair_reasons(step, left, right, rows, *more))
    return Found(groups, pl.concat(members), decision.doubts)
